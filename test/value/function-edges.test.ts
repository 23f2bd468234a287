/** Functions made of operators at the edges: numbers out of their domain, overflow, signs of zeros, kinks. */
import assert from 'node:assert/strict';
import { gelu, layerNorm, logSumExp, norm, std, silu, variance, where } from '../../lib/value/functions.js';
import { logSoftmax } from '../../lib/value/softmax.js';
import { grad } from '../../lib/value/grad.js';
import { constant, type Value } from '../../lib/value/value.js';
import { parameter } from '../../lib/value/leaves.js';
import { compile } from '../../lib/value/compile.js';
import { assertClose, Leaves } from '../support/check.js';
import { TARGETS } from '../support/targets.js';

/** Value and gradient where there is no slope to compare with. */
const EDGES: [title: string, f: (x: Value) => Value, at: number[], value: number[], gradient: number[]][] = [
  ['logSumExp of large numbers', (x) => logSumExp(x), [1000, 1000], [1000 + Math.LN2], [0.5, 0.5]],
  ['logSumExp of small numbers', (x) => logSumExp(x), [-1000, -1000], [-1000 + Math.LN2], [0.5, 0.5]],
  ['logSumExp with -Infinity', (x) => logSumExp(x), [-Infinity, 2], [2], [0, 1]],
  ['logSumExp of nothing but -Infinity', (x) => logSumExp(x), [-Infinity, -Infinity], [-Infinity], [0, 0]],
  ['logSumExp of Infinity', (x) => logSumExp(x), [Infinity, 2], [Infinity], [NaN, 0]],
  ['logSumExp of NaN', (x) => logSumExp(x), [NaN, 2], [NaN], [NaN, NaN]],
  ['logSumExp of nothing', (x) => logSumExp(x), [], [-Infinity], []],
  ['logSoftmax of large numbers', (x) => logSoftmax(x).at(1), [1000, 0], [-1000], [-1, 1]],
  ['logSoftmax with -Infinity', (x) => logSoftmax(x).at(1), [-Infinity, 2], [0], [0, 0]],
  ['logSoftmax of nothing', (x) => logSoftmax(x), [], [], []],
  ['silu at the ends', silu, [-800, 800, 0], [0, 800, 0], [0, 1, 0.5]],
  ['gelu at the ends', (x) => gelu(x), [-800, 800, 0], [0, 800, 0], [0, 1, 0.5]],
  ['gelu by tanh at the ends', (x) => gelu(x, 'tanh'), [-100, 100, 0], [0, 100, 0], [0, 1, 0.5]],
  [
    'clip of what is outside, at the bounds, and NaN',
    (x) => x.clip(-1, 1),
    [-Infinity, Infinity, NaN, 0.5, 1, -1],
    [-1, 1, NaN, 0.5, 1, -1],
    [0, 0, 0, 1, 1, 1],
  ],
  [
    'clip to one bound',
    (x) => x.clip(0, Infinity),
    [-Infinity, Infinity, NaN, 0.5, 0],
    [0, Infinity, NaN, 0.5, 0],
    [0, 1, 0, 1, 1],
  ],
  ['clip where the lower bound is above', (x) => x.clip(3, 1), [0, 2, 5], [1, 1, 1], [0, 0, 0]],
  ['clip to NaN', (x) => x.clip(NaN, 1), [0, 2], [NaN, NaN], [0, 0]],
  ['clip of a number', (x) => x.at(0).clip(-1, 1), [NaN], [NaN], [0]],
  [
    'clip by a bound that is learnt',
    (x) => constant(5).clip(0, x),
    [2, 7, 5, NaN],
    [2, 5, 5, NaN],
    [1, 0, 0, 1],
  ],
  [
    'where: NaN that is not taken',
    (x) => where(x.eq(x), x, 7),
    [NaN, 1, Infinity],
    [7, 1, Infinity],
    [0, 1, 1],
  ],
  [
    'where: a function outside its domain, guarded',
    (x) => where(x.gt(0), where(x.gt(0), x, 1).log(), 0),
    [-1, 0, 1, NaN],
    [0, 0, 0, 0],
    [0, 0, 1, 0],
  ],
  ['where: NaN counts as true', (x) => where(x, 1, 2).add(x.mul(0)), [0, -0, 3], [2, 2, 1], [0, 0, 0]],
  ['sqrt of zero and below', (x) => x.sqrt(), [0, -1, 4], [0, NaN, 2], [Infinity, NaN, 0.25]],
  ['std of equal numbers', (x) => std(x), [2, 2, 2], [0], [0, 0, 0]],
  ['std of equal numbers whose mean is rounded', (x) => std(x), [0.1, 0.1, 0.1], [0], [0, 0, 0]],
  [
    'std of many equal numbers',
    (x) => std(x),
    new Array<number>(49).fill(1 / 3),
    [0],
    new Array<number>(49).fill(0),
  ],
  ['std of one number', (x) => std(x), [3], [0], [0]],
  [
    'std of rows, one of equal numbers',
    (x) => std(x.reshape([2, 2]), 1),
    [0.7, 0.7, 1, 3],
    [0, 1],
    [0, 0, -0.5, 0.5],
  ],
  ['std with NaN', (x) => std(x), [NaN, 1], [NaN], [NaN, NaN]],
  ['std with Infinity', (x) => std(x), [Infinity, 1], [NaN], [NaN, NaN]],
  ['norm', (x) => norm(x), [3, 4], [5], [0.6, 0.8]],
  ['norm of zeros', (x) => norm(x), [0, -0], [0], [0, 0]],
  ['norm of a zero', (x) => norm(x.at(0)), [0], [0], [0]],
  [
    'norm of rows, one of zeros',
    (x) => norm(x.reshape([2, 2]), 1, true),
    [0, 0, 3, 4],
    [0, 5],
    [0, 0, 0.6, 0.8],
  ],
  ['norm of nothing', (x) => norm(x), [], [0], []],
  ['norm with NaN', (x) => norm(x), [NaN, 1], [NaN], [NaN, NaN]],
  ['norm with Infinity', (x) => norm(x), [-Infinity, 1], [Infinity], [NaN, 0]],
  [
    'variance of two numbers, ddof 2',
    (x) => variance(x, undefined, { ddof: 2 }),
    [1, 2],
    [Infinity],
    [NaN, NaN],
  ],
  [
    'variance of two numbers, ddof 3',
    (x) => variance(x, undefined, { ddof: 3 }),
    [1, 2],
    [Infinity],
    [NaN, NaN],
  ],
  [
    'variance of equal numbers, ddof 3',
    (x) => variance(x, undefined, { ddof: 3 }),
    [0.1, 0.1, 0.1],
    [NaN],
    [NaN, NaN, NaN],
  ],
  [
    'variance of rows, ddof 2.5',
    (x) => variance(x.reshape([2, 2]), 1, { ddof: 2.5, keepDims: true }),
    [1, 2, 4, 4],
    [Infinity, NaN],
    [NaN, NaN, NaN, NaN],
  ],
  ['variance of nothing', (x) => variance(x), [], [NaN], []],
  ['std, ddof 2', (x) => std(x, undefined, { ddof: 2 }), [1, 2], [Infinity], [NaN, NaN]],
  ['logSoftmax with Infinity', (x) => logSoftmax(x), [Infinity, 0], [NaN, NaN], [NaN, NaN]],
  [
    'logSoftmax with two infinities',
    (x) => logSoftmax(x),
    [Infinity, -Infinity, 1, Infinity],
    [NaN, NaN, NaN, NaN],
    [NaN, NaN, NaN, NaN],
  ],
  [
    'logSoftmax of nothing but -Infinity',
    (x) => logSoftmax(x),
    [-Infinity, -Infinity],
    [NaN, NaN],
    [NaN, NaN],
  ],
  ['variance of one number', (x) => variance(x), [3], [0], [0]],
  ['layerNorm of equal numbers', (x) => layerNorm(x), [2, 2], [0, 0], [0, 0]],
];

describe('functions at the edges', () => {
  for (const [title, f, numbers, value, gradient] of EDGES) {
    it(title, () => {
      for (const { isa, dtype } of TARGETS) {
        const g = new Leaves();
        const x = g.of(numbers);
        const y = f(x);
        const program = compile(y, { isa, dtype });
        program.forward({});
        assertClose(program.read(y), value, 1e-6, `the value on ${isa} in ${dtype}`);
        program.backward();
        assertClose(program.readGradient(x), gradient, 1e-6, `the gradient on ${isa} in ${dtype}`);
      }
    });
  }
});

describe('variance and std of numbers whose distances or squares overflow', () => {
  type Row = [numbers: number[], variance: number[], slope: number[]];
  // In units of the largest number of each type, as PyTorch has them.
  const rows: Row[] = [
    [[-0.5, 0.5], [Infinity], [-0.5, 0.5]],
    [[0.75, -0.75], [Infinity], [0.75, -0.75]],
    [[-0.9, 0.5, 0.25, 0.15], [Infinity], [-0.45, 0.25, 0.125, 0.075]],
    [[0.9, 0.9], [0], [0, 0]],
    [[0.5, 0.25], [Infinity], [0.125, -0.125]],
  ];
  for (const [numbers, expected, slope] of rows) {
    it(`of ${numbers.join(', ')} times the largest number`, () => {
      for (const target of TARGETS) {
        const largest = target.dtype === 'float32' ? (2 - 2 ** -23) * 2 ** 127 : Number.MAX_VALUE;
        const x = parameter(numbers.map((one) => one * largest));
        for (const [f, slopes] of [
          [variance, slope],
          [std, slope.map(() => 0)],
        ] as const) {
          const program = compile(f(x), target);
          const where = `${f.name} on ${target.isa} in ${target.dtype}`;
          assert.deepEqual([...program.forward({})], expected, where);
          program.backward();
          assertClose(
            Array.from(program.readGradient(x), (one) => one / largest),
            slopes,
            1e-6,
            where,
          );
        }
        // A row beside it keeps its own.
        const both = parameter([numbers.map((one) => one * largest), numbers.map((_, i) => i)]);
        const expectedOfBoth = [expected[0], (numbers.length ** 2 - 1) / 12];
        assert.deepEqual([...compile(variance(both, 1), target).forward({})], expectedOfBoth);
      }
    });
  }
});

describe('norms of rows whose squares overflow, as docs/operators.md says, are 0 without a gradient', () => {
  for (const [what, f] of [
    ['layerNorm', (x: Value) => layerNorm(x)],
    ['rmsNorm', (x: Value) => x.rmsNorm()],
    ['rmsNorm without eps', (x: Value) => x.rmsNorm({ eps: 0 })],
  ] as const) {
    it(what, () => {
      for (const target of TARGETS) {
        const x = parameter([
          [target.dtype === 'float32' ? 1e20 : 1e200, 1, 2],
          [0, 1, 2],
        ]);
        const y = f(x);
        const program = compile(y.mul(parameter([1, 2, 5]).detach()), target);
        program.forward({});
        program.backward();
        const [numbers, slopes] = [[...program.read(y)], [...program.readGradient(x)]];
        for (const list of [numbers, slopes]) {
          assert.deepEqual(list.slice(0, 3).map(Math.abs), [0, 0, 0]);
          assert.ok(list.slice(3).some((one) => Math.abs(one) > 0.1));
        }
      }
    });
  }
});

describe('signs of zeros travel through', () => {
  const rows: [title: string, f: (x: Value) => Value, at: number[], value: number[]][] = [
    ['where that takes the first', (x) => where(x.eq(x), x, 5), [-0, 0, 1], [-0, 0, 1]],
    ['where that takes the second', (x) => where(x.ne(x), 5, x), [-0, 0, 1], [-0, 0, 1]],
    ['where that takes each', (x) => where(x.gt(0), x.neg().mul(0), x), [-0, 0, 1], [-0, 0, -0]],
    ['where of numbers', (x) => where(x, -0, 0), [0, 1], [0, -0]],
    ['where of single numbers', (x) => where(x.at(1), x.at(0), 3), [-0, 1], [-0]],
    [
      'where of rows, broadcast',
      (x) => where(x.eq(0), x.mul(0), x.expandDims(1)).reshape([4]),
      [-0, 2],
      [-0, -0, -0, 2],
    ],
    ['where and NaN', (x) => where(x, x, -0), [NaN, -0, 2], [NaN, -0, 2]],
    ['clip', (x) => x.clip(-1, 1), [-0, 0], [-0, 0]],
  ];
  for (const [title, f, numbers, value] of rows) {
    it(title, () => {
      for (const target of TARGETS) {
        const y = f(parameter(numbers));
        assert.deepEqual([...compile(y, target).forward({})], value, `${target.isa} ${target.dtype}`);
      }
    });
  }
});

describe('second derivatives are finite where those of PyTorch are:', () => {
  const rows: [title: string, f: (x: Value) => Value, at: number[]][] = [
    ['norm of zeros', (x) => norm(x), [0, 0]],
    ['norm', (x) => norm(x), [3, 4]],
    ['std of equal numbers', (x) => std(x), [0.1, 0.1, 0.1]],
    ['std of rows, one of equal numbers', (x) => std(x.reshape([2, 2]), 1), [0.1, 0.1, 1, 3]],
    ['a logarithm that is not taken', (x) => where(x.gt(0), x.log(), 0), [-1, 2]],
    ['clip at its bounds and beyond', (x) => x.clip(-1, 1).pow(2), [-2, -1, 0, 1, 2]],
  ];
  for (const [title, f, numbers] of rows) {
    it(title, () => {
      const x = parameter(numbers);
      const [slope] = grad(f(x).sum(), [x]) as [Value];
      const [curvature] = grad(slope.pow(2).sum(), [x]) as [Value];
      assert.ok(curvature.forward().every(Number.isFinite), String(curvature.data));
    });
  }
});
