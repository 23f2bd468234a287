/** Random graphs of views, joins and sums: every set of passes gives the numbers of the plain reference. */
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { parsePasses, PASS_NAMES } from '../../lib/compiler/passes.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { compile } from '../../lib/value/compile.js';
import { assertClose } from '../support/check.js';
import { buildViews, viewsRecipes, type RandomViews, type ViewsRecipe } from '../support/random-views.js';
import { evaluate } from '../support/reference.js';
import { spoil } from '../support/spoil.js';
import { FLOAT64, type Target } from '../support/targets.js';

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
