/**
 * Random graphs. The inspecting program computes node by node; the training program batches positions, adds
 * in place and skips what a short prefix does not need. Both must agree with the plain reference and with
 * each other, for runs of any lengths in any order.
 */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import type { Value } from '../../lib/value/value.js';
import { addN, choose, concat, meanOfFirst, stack } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { SGD } from '../../lib/optim/optimizers.js';
import type { Node } from '../../lib/graph/node.js';
import { compile } from '../../lib/value/compile.js';
import { Random } from '../../lib/runtime/random.js';
import { assertClose, Leaves, trainingStep } from '../support/check.js';
import {
  build,
  buildTerms,
  isTame,
  recipes,
  termsRecipes,
  type RandomGraph,
  type Recipe,
  type TermsRecipe,
} from '../support/random-graphs.js';
import { evaluate, type Tensor } from '../support/reference.js';
import { feedsOf, write, type Listing } from '../support/random-listings.js';
import { parsePasses } from '../../lib/compiler/passes.js';
import { spoil } from '../support/spoil.js';
import { FLOAT64, type Target } from '../support/targets.js';

/** VECGRAD_TEST_RUNS=10 runs ten times as many. */
const RUNS = (process.env['VECGRAD_LONG'] ? 100 : 30) * Number(process.env['VECGRAD_TEST_RUNS'] ?? 1);

/**
 * In long mode, also graphs of shared terms, each on one instruction set: 250,000 of arrays and 250,000 of
 * single numbers, each compiled to two programs.
 */
const PART = 1000;
const PARTS = process.env['VECGRAD_LONG'] ? 250 : 0;

/** The slope along one direction in all parameters, by central differences. */
function slopeAlong(
  { loss, numbers, feeds }: RandomGraph,
  direction: ReadonlyMap<Value, number[]>,
  n: number,
): number {
  const h = 1e-5;
  const base = evaluate(loss, feeds(n), numbers);
  const fixed = [...base].filter(([node]) => node.op === 'detach');
  const at = (x: number): number => {
    const moved = [...numbers].map(([value, { shape, data }]): [Value, Tensor] => [
      value,
      { shape, data: data.map((v, i) => v + x * direction.get(value)![i]!) },
    ]);
    return evaluate(loss, feeds(n), new Map([...fixed, ...moved])).get(loss)!.data[0]!;
  };
  return (8 * (at(h) - at(-h)) - at(2 * h) + at(-2 * h)) / (12 * h);
}

/** What a value is computed from. */
function ancestors(root: Node): Set<Node> {
  const found = new Set<Node>([root]);
  for (const node of found) for (const input of node.inputs) found.add(input);
  return found;
}

/** Compares both compilations of what `make` builds, anew on every target, run at `lengths`. */
function check(
  make: () => RandomGraph,
  lengths: readonly number[],
  seed = 1,
  targets: readonly Target[] = FLOAT64,
): void {
  const probe = make();
  const expected = new Map(lengths.map((n) => [n, evaluate(probe.loss, probe.feeds(n), probe.numbers)]));
  fc.pre([...expected.values()].every(isTame));
  const random = new Random(seed);
  for (const [i, target] of targets.entries()) {
    const graph = make();
    const { loss, numbers, feeds } = graph;
    const parameters = [...numbers.keys()];
    const program = compile(loss, target);
    // Some are frozen, which changes no gradient of the others.
    if (seed % 4 === 3) parameters.forEach((value, k) => (value.trainable = k % 3 !== seed % 3));
    const { step } = trainingStep(loss, target);
    const parts = ancestors(loss);
    const seen = new Set<number>();
    for (const n of lengths) {
      const what = `length ${n} of ${lengths.join()} on ${target.isa}`;
      const y = expected.get(n)!.get(probe.loss)!.data;
      const trained = step(feeds(n), numbers);
      assertClose([trained.loss], y, 1e-9, `training: the loss at ${what}`);
      for (const [value, { data }] of numbers) value.data.set(data);
      spoil(program);
      assertClose(program.forward(feeds(n)), y, 1e-10, `inspecting: the loss at ${what}`);
      program.backward();
      const inspected = new Map(
        parameters.map((value) => [
          value,
          parts.has(value) ? Array.from(program.readGradient(value)) : Array.from(value.data, () => 0),
        ]),
      );
      for (const value of parameters) {
        assertClose(
          trained.gradients.get(value)!,
          value.trainable ? inspected.get(value)! : Array.from(value.data, () => 0),
          1e-9,
          `training against inspecting: the gradient by ${value.label} at ${what}`,
        );
      }
      if (i === 0 && !seen.has(n)) {
        const direction = new Map(
          parameters.map((value) => [value, Array.from(value.data, () => random.gauss(0, 0.5))]),
        );
        let slope = 0;
        for (const [value, gradient] of inspected)
          gradient.forEach((x, j) => (slope += x * direction.get(value)![j]!));
        const scale = Math.max(...[...inspected.values()].flat().map(Math.abs));
        const measured = slopeAlong(graph, direction, n);
        assert(
          Math.abs(slope - measured) <= 1e-6 * Math.max(1, scale),
          `the slope at ${what} is ${slope} by gradients, ${measured} by differences`,
        );
      }
      seen.add(n);
    }
  }
}

describe('random graphs', () => {
  for (const [what, scalar] of [
    ['arrays', false],
    ['single numbers', true],
  ] as const) {
    it(`of ${what}`, () => {
      const property = fc.property(recipes(scalar), (recipe: Recipe) => {
        check(
          () => build(recipe),
          recipe.lengths.map((n) => 1 + (n % recipe.positions)),
          recipe.seed,
        );
      });
      fc.assert(property, { numRuns: RUNS * (scalar ? 3 : 1), seed: 1 });
    });

    it(`of ${what}, means of shared terms, leaves and other means, at every prefix length`, async () => {
      const property = (targets: (seed: number) => readonly Target[]): fc.IProperty<[TermsRecipe]> =>
        fc.property(termsRecipes(scalar), (recipe) => {
          const { seed } = recipe;
          const { most } = buildTerms(recipe);
          const lengths = Array.from({ length: most }, (_, i) => ((i + seed) % most) + 1);
          check(() => buildTerms(recipe), lengths, seed, targets(seed));
        });
      fc.assert(
        property(() => FLOAT64),
        { numRuns: RUNS * (scalar ? 3 : 1), seed: 1 },
      );
      const one = property((seed) => [FLOAT64[seed % FLOAT64.length]!]);
      for (let part = 1; part <= PARTS; part++) {
        fc.assert(one, { numRuns: PART, seed: part });
        await setImmediate(); // so that programs that nobody holds are freed
      }
    });
  }
});

/**
 * Graphs that random testing found faults in, reduced to a few lines: losses of four positions, and the
 * lengths to run.
 */
/** Sums whose terms are written in another shape, or lie in a part of an array. */
const REACHED: [title: string, value: (g: Leaves) => Value][] = [
  [
    'a sum of three, one the reshaped columns of a product',
    (g) => {
      const q = g.p(4);
      const columns = g.p(2, 2).matmul(g.p(2, 3)).slice(1, 3, 1);
      return q.add(columns.reshape([4])).add(q.tanh());
    },
  ],
  [
    'a sum of columns of a product and a reshaped product',
    (g) =>
      addN([
        g.p(2, 3).matmul(g.p(3, 3)).slice(1, 3, 1),
        g.p(1, 2).matmul(g.p(2, 4)).reshape([2, 2]),
        g.p(2, 2),
      ]),
  ],
  ['a sum with a reshaped product as columns of a join', (g) => concat([reshapedSum(g), g.p(2, 3)], 1)],
  [
    'a sum with a reshaped product in a stack that is columns of a join',
    (g) => concat([stack([reshapedSum(g), reshapedSum(g)]), g.p(2, 2, 3)], 2),
  ],
  [
    'a transpose of an array with one axis more, read in its shape and in another',
    (g) => {
      const y = g.p(2, 3).expandDims(0).transpose();
      return y.reshape([6]).add(y.exp().sum(0).sum());
    },
  ],
  [
    'two heads of one text, read in two shapes',
    (g) => {
      const y = g.p(4, 6).tanh().reshape([1, 4, 2, 3]).transpose([0, 2, 1, 3]);
      return y.reshape([2, 12]).add(y.softmax().pow(2).mean());
    },
  ],
];

/** A matrix: the sum of a reshaped product, a product and a parameter. */
function reshapedSum(g: Leaves): Value {
  const matrix = g.p(2, 2);
  return addN([g.p(1, 3).matmul(g.p(3, 4)).reshape([2, 2]), matrix.matmul(g.p(2, 2)), matrix]);
}

const FOUND: [title: string, lengths: number[], losses: (g: Leaves, positions: number[]) => Value[]][] = [
  [
    'a stack of the last two states, and a product with each state',
    [4, 3],
    (g, positions) => {
      const [a, w] = [g.p(4, 1), g.p(1, 3)];
      let state = [g.p(1), g.p(1)];
      return positions.map((at) => {
        const pair = stack(state);
        state = [state[1]!, state[1]!.add(a.at(at)).relu()];
        return pair.mul(0.7).sum().add(state[1]!.matmul(w).sum());
      });
    },
  ],
  [
    'a choice in a stack that is joined with itself along its last axis',
    [2, 1],
    (g, positions) => {
      const [a, b] = [g.p(2, 1), g.p(2, 1)];
      const rows = stack([choose([a, b], g.fed(1)), a]);
      const pair = concat([rows, rows], 2).mul(g.p(2, 2, 2));
      return positions.map((at) => pair.sum().mul(at + 1));
    },
  ],
  [
    'joins along the last axis, counted from behind',
    [4, 2],
    (g, positions) => {
      const [a, b] = [g.p(3, 1), g.p(4, 3, 1)];
      return positions.map((at) => [b.at(at).add(a)].map((x) => concat([x, x.exp()], -1).mul(0.7).sum())[0]!);
    },
  ],
  [
    'the state two positions back, then a shorter run',
    [4, 3, 1, 2],
    (g, positions) => {
      const a = g.p(1);
      let state = [g.p(1), g.p(1)];
      return positions.map(() => {
        const y = a.add(a).sub(state[0]!);
        state = [state[1]!, y.mul(y.sum())];
        return y.add(state[1]!).sum();
      });
    },
  ],
  [
    'the same maxima of rows at each position',
    [4, 2],
    (g, positions) => {
      const a = g.p(2, 2);
      return positions.map(() => a.max(1, true).mul(0.5).sum());
    },
  ],
  [
    'rows of a table by indices whose last axis has length 1',
    [4, 3],
    (g, positions) => {
      const table = g.p(2);
      return positions.map(() =>
        table
          .gather(g.p(3, 1, 2).argmax(-1))
          .sum()
          .mul(g.p()),
      );
    },
  ],
  [
    'chosen elements of a vector times as many chosen rows of a longer matrix',
    [4, 2],
    (g, positions) => {
      const [x, w] = [g.p(3), g.p(4, 2)];
      const i = x.topk(2);
      const product = x.gather(i).matmul(w.gather(i)).sum();
      return positions.map((at) => (at ? x.at(0) : product));
    },
  ],
  [
    'a norm of 0 that no gradient reaches, beside norms that are trained',
    [4, 1, 2],
    (g, positions) => {
      const [a, b] = [g.p(4, 2), g.p()];
      return positions.map((at) => {
        const row = a.at(at);
        const length = (at ? row : row.sub(row.detach())).pow(2).sum().sqrt();
        return (at ? length : length.detach()).mul(b);
      });
    },
  ],
  [
    'a stack of arrays in another shape that is a part of the columns of a join',
    [4, 1],
    (g, positions) => {
      const [a, b] = [g.p(2, 6), g.p(2, 2, 2)];
      const rows = [a.at(0).tanh(), a.at(1).exp()];
      const whole = concat([stack(rows.map((row) => row.reshape([2, 3]))), b], 2);
      return positions.map((at) => whole.mul(at + 1).mean());
    },
  ],
  [
    'two stacks of the same arrays in other shapes, one a part of the columns of a join',
    [4, 1],
    (g, positions) => {
      const [a, b] = [g.p(2, 6), g.p(2, 2, 2)];
      const rows = [a.at(0).tanh(), a.at(1).exp()];
      const wide = concat([stack(rows.map((row) => row.reshape([2, 3]))), b], 2);
      const high = stack(rows.map((row) => row.reshape([3, 2])));
      return positions.map((at) =>
        wide
          .mul(at + 1)
          .mean()
          .mul(high.pow(2).mean()),
      );
    },
  ],
  [
    'two stacks that grow on different schedules, one with a scale',
    [2, 4, 1, 3],
    (g, positions) => {
      const [rows, scale] = [g.p(4, 2), g.p()];
      const x = positions.map((at) => rows.at(at).tanh());
      const y = x.map((row) => row.mul(scale));
      const [one, other] = [[x[0]!, x[2]!], y.slice(0, 2)];
      return positions.map((at) =>
        pooled(one.slice(0, at < 2 ? 1 : 2), x[at]!).add(pooled(other.slice(0, at < 1 ? 1 : 2), x[at]!)),
      );
    },
  ],
  [
    'attention over a growing stack, and a product of leaves of the same shapes',
    [1, 3, 2],
    (g) => {
      const [rows, u, matrix] = [g.p(2, 3), g.p(2), g.p(2, 3)];
      const tokens = g.fed([1, 0]);
      const keys = [0, 1].map((at) => rows.at(tokens.at(at)));
      const read = (n: number): Value => pooled(keys.slice(0, n), keys[n - 1]!);
      return [read(1).add(u.mul(2).matmul(matrix.mul(2)).sum()), read(1), read(2)];
    },
  ],
  [
    'two growing stacks that share a query',
    [4, 2, 1, 3],
    (g, positions) => {
      const [rows, query, square] = [g.p(4, 2), g.p(2), g.p(2, 2)];
      const keys = positions.map((at) => rows.at(at).tanh());
      const doubled = keys.map((row) => row.mul(2));
      return positions.map((at) =>
        [keys, doubled]
          .map((list) => list.slice(0, at + 1))
          .map((list) => pooled(list, query).add(stack(list).matmul(square).tanh().sum()))
          .reduce((a, b) => a.add(b)),
      );
    },
  ],
  [
    'more keys than values',
    [4, 3, 1, 2],
    (g, positions) => {
      const [a, b, query] = [g.p(4, 2), g.p(2, 2), g.p(2)];
      const keys = positions.map((at) => a.at(at).tanh());
      const values = [0, 1].map((at) => b.at(at).tanh());
      return positions.map((at) => {
        const weights = stack(keys.slice(0, at + 1))
          .matmul(query)
          .softmax();
        return at < 2 ? weights.matmul(stack(values.slice(0, at + 1))).sum() : weights.pow(2).sum();
      });
    },
  ],
  ...REACHED.map(([title, value]): (typeof FOUND)[number] => [
    title,
    [4, 2],
    (g, positions) => {
      const weighed = value(g);
      const weights = g.p(...weighed.shape);
      return positions.map((at) =>
        weighed
          .mul(weights)
          .mul(0.1 * (at + 1))
          .exp()
          .mean(),
      );
    },
  ]),
];

/** The sum of what a query reads from rows by attention. */
function pooled(rows: readonly Value[], query: Value): Value {
  const keys = stack(rows);
  return keys.matmul(query).softmax().matmul(keys).sum();
}

describe('graphs that were once wrong', () => {
  for (const [title, lengths, losses] of FOUND) {
    it(title, () => {
      const make = (): RandomGraph => {
        const g = new Leaves(3);
        const loss = meanOfFirst(losses(g, [0, 1, 2, 3]), index('n'));
        return { loss, numbers: g.numbers, feeds: (n) => ({ ...g.feeds, n }) };
      };
      check(make, lengths);
    });
  }
});

/** The first row of a matrix, each number of the other one, and the factor of their product. */
const SCALED: [title: string, row: [number, number], other: number, by: number][] = [
  ['a large factor', [1e10, 1e10], 1e-10, 1e30],
  ['a small factor', [1e-10, 1e-10], 1e10, 1e-30],
  ['a factor that is infinite, and a 0', [1, 0], 1, Infinity],
];

describe('a product that is multiplied by a constant', () => {
  for (const [title, row, other, by] of SCALED)
    it(`is in the range of float32 where it is in the order written: ${title}`, () => {
      const left = parameter([row, [1, 1], [1, 1]]);
      const product = left.matmul(input('b', [2, 4])).mul(by);
      const training = new SGD({ learningRate: 0 }).minimize(product.at(0).at(0), { dtype: 'float32' });
      const feeds = { b: new Array<number>(8).fill(other) };
      assert.equal(training.evaluate(feeds), Math.fround((row[0] + row[1]) * other * by));
    });
});

describe('a short run after a long one has the gradients of norms that later positions read', () => {
  const listing: Listing = {
    ...{ seed: 9, layers: ['memories'], shared: false, oneQuery: true, heads: 2, headSize: 3, hidden: 2 },
    memories: [{ grows: 23, lateKeys: true, lateValues: false, plain: false, values: 5 }],
    ...{ vocabulary: 6, positions: 5, norm: 1, lossKind: 'logPick', tied: false, zeroState: false },
    lengths: [4, 3],
  };
  const train = (passes: string): number[] => {
    const { loss, parameters } = write(listing);
    const training = new SGD({ learningRate: 0.5 }).minimize(loss, { passes: parsePasses(passes) });
    feedsOf(listing).forEach((feeds) => training.step(feeds));
    return parameters.flatMap((value) => Array.from(value.data));
  };
  for (const passes of ['all', '-in-place', '-in-place,-fuse', '-in-place,-combine'])
    it(`with passes ${passes}`, () => {
      assertClose(train(passes), train('none'), 1e-9, 'the parameters');
    });
});

describe('two heads of attention over the newest rows first learn the same after a longer run', () => {
  const train = (passes: string): number[] => {
    const g = new Leaves(7);
    const [x, n] = [input('x', [3, 4]), index('n')];
    const [wk, wv, wq] = [g.p(4, 4), g.p(4, 4), g.p(4, 4)];
    const [keys, values]: Value[][] = [[], []];
    const losses = [0, 1, 2].map((at) => {
      const row = x.at(at);
      keys!.unshift(row.matmul(wk));
      values!.unshift(row.matmul(wv));
      const heads = [0, 2].map((first) => {
        const query = row.matmul(wq).slice(first, first + 2);
        const weights = stack(keys!)
          .slice(first, first + 2, 1)
          .matmul(query)
          .softmax();
        return weights
          .matmul(stack(values!).slice(first, first + 2, 1))
          .pow(2)
          .sum();
      });
      return heads[0]!.add(heads[1]!);
    });
    const loss = meanOfFirst(losses, n);
    const training = new SGD({ learningRate: 0.5 }).minimize(loss, { passes: parsePasses(passes) });
    const numbers = Array.from({ length: 12 }, (_, i) => Math.cos(1.7 * i));
    for (const length of [3, 1, 2]) training.step({ n: length, x: numbers });
    return g.values.flatMap((value) => Array.from(value.data));
  };
  for (const passes of ['all', 'pad', '-simplify'])
    it(`with passes ${passes}`, () => {
      assertClose(train(passes), train('none'), 1e-9, 'the parameters');
    });
});
