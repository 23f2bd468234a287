/** Random graphs of views, joins and sums: every set of passes gives the numbers of the plain reference. */
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { parsePasses, PASS_NAMES } from '../../lib/compiler/passes.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { sizeOf } from '../../lib/core/shape.js';
import { compile } from '../../lib/value/compile.js';
import { grad } from '../../lib/value/grad.js';
import { addN, concat, stack } from '../../lib/value/joins.js';
import { parameter } from '../../lib/value/leaves.js';
import type { Value } from '../../lib/value/value.js';
import { assertClose } from '../support/check.js';
import { buildViews, viewsRecipes, type RandomViews, type ViewsRecipe } from '../support/random-views.js';
import { evaluate } from '../support/reference.js';
import { spoil } from '../support/spoil.js';
import { FLOAT64, TARGETS, type Target } from '../support/targets.js';

/** VECGRAD_TEST_RUNS=10 runs ten times as many. In long mode, 250 parts as large. */
const RUNS = 150 * Number(process.env['VECGRAD_TEST_RUNS'] ?? 1);
const PARTS = process.env['VECGRAD_LONG'] ? 250 : 1;

/** Two steps: the losses, and the parameters after them. */
function train(recipe: ViewsRecipe, target: Target, passes: string, batches: boolean): number[] {
  const { loss, parameters, feeds } = buildViews(recipe);
  const options = { ...target, passes: parsePasses(passes), batches };
  const training = new SGD({ learningRate: 0.05 }).minimize(loss, options);
  const losses = [1, 2].map(() => {
    if (!batches) spoil(training.program);
    return batches ? training.stepBatch([feeds, feeds, feeds]) : training.step(feeds);
  });
  return [...losses, ...parameters.flatMap((value) => Array.from(value.data))];
}

/** The same from the plain reference's loss, and gradients that are computed node by node. */
function expected({ loss, parameters, feeds, numbers }: RandomViews, target: Target): number[] {
  const program = compile(loss, target);
  const losses = [1, 2].map(() => {
    const now = new Map(
      [...numbers].map(([value, { shape }]) => [value, { shape, data: Array.from(value.data) }]),
    );
    const y = evaluate(loss, feeds, now).get(loss)!.data[0]!;
    assertClose(program.forward(feeds), [y], 1e-10, 'the loss');
    program.backward();
    for (const value of parameters) {
      // None where the loss does not depend on it.
      const gradient = value.peek('grad') ?? [];
      gradient.forEach((x, i) => (value.data[i]! -= 0.05 * x));
    }
    return y;
  });
  return [...losses, ...parameters.flatMap((value) => Array.from(value.data))];
}

function checkViews(recipe: ViewsRecipe): void {
  const { seed } = recipe;
  const target = FLOAT64[seed % FLOAT64.length]!;
  const wanted = expected(buildViews(recipe), target);
  fc.pre(wanted.every((x) => Math.abs(x) < 1e4));
  const [one, other] = [seed, seed >> 3].map((i) => PASS_NAMES[i % PASS_NAMES.length]!);
  for (const passes of ['all', `-${one}`, `-${one},-${other}`, other!])
    assertClose(train(recipe, target, passes, false), wanted, 1e-9, `with passes ${passes}`);
  assertClose(train(recipe, target, 'all', true), wanted, 1e-9, 'in batches');
}

describe('random graphs of views, joins and sums', () => {
  it('give the same numbers with any passes, and in batches', async () => {
    const property = fc.property(viewsRecipes(), checkViews);
    for (let part = 1; part <= PARTS; part++) {
      fc.assert(property, { numRuns: RUNS, seed: part });
      await setImmediate(); // so that programs that nobody holds are freed
    }
  });
});

describe('rows that are columns of a join', () => {
  const x = parameter([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  const v = parameter([1, 2, 4]);
  const image = v.reshape([1, 3]);
  const ROWS: [what: string, row: Value][] = [
    ['softmax', v.softmax()],
    ['softmax of columns', x.softmax(0).reshape([-1])],
    ['layerNorm', v.layerNorm()],
    ['rmsNorm', v.rmsNorm()],
    ['gather', v.gather([2, 1, 0])],
    ['scatterAdd', v.scatterAdd([0], 3)],
    ['cumsum', v.cumsum()],
    ['a product', x.matmul(parameter([1, 2]))],
    ['a sum of rows', addN([v.softmax(), v.exp(), v.sin()])],
    ['a convolution', image.conv1d(parameter([[[2]]])).reshape([3])],
    ['a pool', image.maxPool1d(1).reshape([3])],
    ['a gradient', grad(v.softmax().pow(2).sum(), [v])[0]!],
    ['a gradient of a norm', grad(v.layerNorm().pow(3).sum(), [v])[0]!],
  ];
  const FORMS: [what: string, join: (column: Value, other: Value) => Value][] = [
    ['of one stack each', (y, z) => concat([stack([y]), stack([z])], 2)],
    ['of stacks of two', (y, z) => concat([stack([y, z]), stack([y, y])], 2)],
    ['of stacks along the rows', (y, z) => concat([stack([y, z], 1), stack([z, y], 1)], 2)],
    ['of no stack', (y, z) => concat([y, z], 1)],
    ['deeper', (y, z) => stack([concat([stack([y]), stack([z])], -1)]).expandDims(0)],
  ];
  for (const [what, row] of ROWS)
    for (const [form, join] of FORMS)
      it(`${what}, ${form}`, () => {
        const n = sizeOf(row.shape);
        const y = join(row.reshape([n, 1]), row.mul(2).add(1).reshape([n, 1]));
        const wanted = compile(y, { passes: parsePasses('none') }).forward({});
        for (const target of TARGETS) {
          const tolerance = target.dtype === 'float64' ? 1e-12 : 1e-5;
          assertClose(compile(y, target).forward({}), [...wanted], tolerance, what);
        }
      });
});
