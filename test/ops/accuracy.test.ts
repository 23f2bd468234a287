/**
 * Rounding errors do not grow with the number of terms, on any instruction set, in either type: sums and what
 * is made of them are off by at most 8 units in the last place (ULP) of the sum of their terms' magnitudes.
 */
import assert from 'node:assert/strict';
import type { DType } from '../../lib/core/array.js';
import { meanOf } from '../../lib/core/mean.js';
import { compile } from '../../lib/value/compile.js';
import { gelu, layerNorm, logSumExp, norm, std, variance } from '../../lib/value/functions.js';
import { index, input } from '../../lib/value/leaves.js';
import type { Value } from '../../lib/value/value.js';
import { ExactSum } from '../support/exact-sum.js';
import { forEachTarget } from '../support/special-numbers.js';
import { ISAS, type Target } from '../support/targets.js';

const isLong = process.env['VECGRAD_LONG'] === '1';
const LENGTHS = [1, 33, 100, 300, 639, 1000, 10_000, 100_000, ...(isLong ? [1_000_000, 10_000_000] : [])];
const MAX_ULP = 8;
/** In products of matrices chains have up to 96 terms: of equal terms all errors can have one direction. */
const MAX_ULP_OF_EQUAL_PRODUCTS = 14;

/** The distance from a number of a type to the next. */
function ulp(x: number, dtype: DType): number {
  return 2 ** (Math.floor(Math.log2(Math.abs(x))) - (dtype === 'float32' ? 23 : 52));
}

/** Sequences in which errors add up in different ways; each numbers from 0 to 1 in size. */
const SEQUENCES: Record<string, (i: number) => number> = {
  'of one sign': (i) => (Math.imul(i + 1, 2654435761) >>> 0) / 2 ** 32,
  'of both signs': (i) => (Math.imul(i + 1, 1597334677) | 0) / 2 ** 31,
  'all 0.1': () => 0.1,
  'all 0.57': () => 0.57,
  'all 0.9': () => 0.9,
};

const isEqual = (kind: string): boolean => kind.startsWith('all ');

type Numbers = Float64Array;

function draw(sequence: (i: number) => number, n: number, dtype: DType, from = 0): Numbers {
  return Float64Array.from({ length: n }, (_, i) => {
    const x = sequence(i + from);
    return dtype === 'float32' ? Math.fround(x) : x;
  });
}

/** What a result must be: its value, and the size of the numbers that went into it. */
interface Wanted {
  value: number;
  magnitude: number;
}

const sumOf = (numbers: Iterable<number>): ExactSum => {
  const sum = new ExactSum();
  for (const x of numbers) sum.add(x);
  return sum;
};

function* every(numbers: Numbers, step: number, first = 0): Generator<number> {
  for (let i = first; i < numbers.length; i += step) yield numbers[i]!;
}

const scaled = (sum: ExactSum, by: number): Wanted => ({
  value: sum.value * by,
  magnitude: sum.magnitude * by,
});

function dot(a: Iterable<number>, b: Iterable<number>): ExactSum {
  const sum = new ExactSum();
  const others = b[Symbol.iterator]();
  for (const x of a) sum.addProduct(x, others.next().value as number);
  return sum;
}

/** The sum of the squared distances from the mean. */
function squares(x: Numbers): ExactSum {
  const mean = sumOf(x).value / x.length;
  const sum = new ExactSum();
  for (const value of x) sum.addProduct(value - mean, value - mean);
  return sum;
}

const positive = (value: number): Wanted => ({ value, magnitude: value });

/** A computation on n numbers x, and y: its graph, and some of its results. */
interface Row {
  of: (x: Value, y: Value, n: number) => Value;
  wanted: (x: Numbers, y: Numbers) => Wanted[];
  /** The longest sequence, where a result is as long. */
  longest?: number;
  /** Whether equal numbers are no test of it. */
  notOfEqual?: boolean;
}

const columns =
  (count: number): Row['wanted'] =>
  (x) =>
    Array.from({ length: count }, (_, j) =>
      sumOf(every(x.subarray(0, x.length - (x.length % count)), count, j)),
    );

/** The first whole rows of `count` numbers. */
const table = (x: Value, n: number, ...shape: number[]): Value => {
  const row = shape.reduce((product, size) => product * size, 1);
  const rows = Math.floor(n / row);
  return x.slice(0, rows * row).reshape([rows, ...shape]);
};

const SUMS: Record<string, Row> = {
  sum: { of: (x) => x.sum(), wanted: (x) => [sumOf(x)] },
  mean: { of: (x) => x.mean(), wanted: (x) => [scaled(sumOf(x), 1 / x.length)] },
  'sum of columns': { of: (x, _, n) => table(x, n, 3).sum(0), wanted: columns(3) },
  'sum of many columns': { of: (x, _, n) => table(x, n, 70).sum(0), wanted: columns(70) },
  'sum of short rows of columns': {
    of: (x, _, n) => table(x, n, 5, 2).sum([0, 2]),
    wanted: (x) => {
      const parts = columns(10)(x, x);
      return Array.from({ length: 5 }, (_, j) => ({
        value: parts[2 * j]!.value + parts[2 * j + 1]!.value,
        magnitude: parts[2 * j]!.magnitude + parts[2 * j + 1]!.magnitude,
      }));
    },
  },
  'sum of one column': {
    of: (x, _, n) => table(x, n, 3).slice(1, 2, 1).sum(),
    wanted: (x) => [columns(3)(x, x)[1]!],
  },
  'sum of a transpose': {
    of: (x, _, n) => table(x, n, 3).transpose().sum(1),
    wanted: columns(3),
  },
  'sum of the middle axis': {
    of: (x, _, n) => table(x, n, 2, 3).transpose([1, 0, 2]).sum(1).reshape([6]),
    wanted: columns(6),
  },
  cumsum: { of: (x, _, n) => x.cumsum().slice(n - 1, n), wanted: (x) => [sumOf(x)] },
  variance: {
    of: (x) => variance(x),
    wanted: (x) => [positive(squares(x).value / x.length)],
    notOfEqual: true,
  },
  std: {
    of: (x) => std(x),
    wanted: (x) => [positive(Math.sqrt(squares(x).value / x.length))],
    notOfEqual: true,
  },
  norm: { of: (x) => norm(x), wanted: (x) => [positive(Math.sqrt(dot(x, x).value))] },
  'log of a sum of exp': {
    of: (x) => logSumExp(x),
    wanted: (x) => [positive(Math.log(sumOf(x.map(Math.exp)).value))],
  },
  softmax: {
    of: (x) => x.softmax().slice(0, 1),
    wanted: (x) => [positive(Math.exp(x[0]!) / sumOf(x.map(Math.exp)).value)],
  },
  'softmax of a column': {
    of: (x) => x.expandDims(1).softmax(0).slice(0, 1).reshape([1]),
    wanted: (x) => [positive(Math.exp(x[0]!) / sumOf(x.map(Math.exp)).value)],
  },
  'root mean square': {
    of: (x) => x.rmsNorm({ eps: 0 }).slice(0, 1),
    wanted: (x) => [positive(x[0]! / Math.sqrt(dot(x, x).value / x.length))],
  },
  'normalised row': {
    of: (x) => layerNorm(x).slice(0, 1),
    wanted: (x) => {
      const root = Math.sqrt(squares(x).value / x.length + 1e-5);
      const mean = sumOf(x).value / x.length;
      return [{ value: (x[0]! - mean) / root, magnitude: (Math.abs(x[0]!) + Math.abs(mean)) / root }];
    },
    notOfEqual: true,
  },
};

const PRODUCTS: Record<string, Row> = {
  'product, summed': { of: (x, y) => x.mul(y).sum(), wanted: (x, y) => [dot(x, y)] },
  'product of vectors': { of: (x, y) => x.matmul(y), wanted: (x, y) => [dot(x, y)] },
  'product of a row and columns': {
    of: (x, y, n) =>
      table(x, n, 1)
        .reshape([-1])
        .matmul(table(y, n, 1)),
    wanted: (x, y) => [dot(x, y)],
  },
  'product of a row and a matrix': {
    of: (x, y, n) =>
      table(x, n, 5)
        .slice(0, 1, 1)
        .transpose()
        .matmul(table(y, n, 5))
        .reshape([5]),
    wanted: (x, y) =>
      rowsOf(5, (j, whole) => dot(every(x.subarray(0, whole), 5), every(y.subarray(0, whole), 5, j)))(x),
  },
  'product of matrices': {
    of: (x, y, n) =>
      table(x, n, 20)
        .transpose()
        .matmul(table(y, n, 20))
        .reshape([400]),
    wanted: (x, y) =>
      rowsOf(400, (j, whole) =>
        dot(every(x.subarray(0, whole), 20, Math.floor(j / 20)), every(y.subarray(0, whole), 20, j % 20)),
      )(x, 20),
    longest: 100_000,
  },
};

function rowsOf(
  count: number,
  f: (j: number, whole: number) => ExactSum,
): (x: Numbers, row?: number) => Wanted[] {
  return (x, row = count) => Array.from({ length: count }, (_, j) => f(j, x.length - (x.length % row)));
}

function check(
  found: ArrayLike<number>,
  wanted: readonly Wanted[],
  dtype: DType,
  what: string,
  limit = MAX_ULP,
): number {
  assert.equal(found.length, wanted.length, what);
  return wanted.reduce((worst, { value, magnitude }, i) => {
    const off = magnitude === 0 ? Math.abs(found[i]!) : Math.abs(found[i]! - value) / ulp(magnitude, dtype);
    assert(
      off <= limit,
      `${what}: [${i}] is ${found[i]!}, not ${value}: ${off.toPrecision(3)} ULP of ${magnitude}`,
    );
    return Math.max(worst, off);
  }, 0);
}

/** The lengths that some instruction set is tested at: the longest on the best and the plainest only. */
function lengthsOn({ isa }: Target): readonly number[] {
  return isLong || isa === ISAS[0] || isa === ISAS.at(-1) ? LENGTHS : LENGTHS.slice(0, -1);
}

/** With `VECGRAD_ACCURACY=1`, the largest errors are printed: `docs/operators.md` lists them. */
const worst = new Map<string, number>();
after(() => {
  if (process.env['VECGRAD_ACCURACY'] !== '1') return;
  for (const [name, off] of worst) console.log(`${off.toFixed(2).padStart(8)} ULP  ${name}`);
});

function note(name: string, target: Target, off: number): void {
  const key = `${name}, ${target.isa}, ${target.dtype}`;
  worst.set(key, Math.max(worst.get(key) ?? 0, off));
}

describe('errors of long sums', () => {
  for (const [name, { of, wanted, longest = Infinity, notOfEqual }] of Object.entries({
    ...SUMS,
    ...PRODUCTS,
  })) {
    describe(name, () => {
      forEachTarget((target) => {
        const { dtype } = target;
        for (const n of lengthsOn(target).filter((length) => length <= longest)) {
          const program = compile(of(input('x', [n]), input('y', [n]), n), target);
          for (const [kind, sequence] of Object.entries(SEQUENCES)) {
            if (notOfEqual && isEqual(kind)) continue;
            const x = draw(sequence, n, dtype);
            const y = draw(sequence, n, dtype, n);
            const found = program.forward(name in PRODUCTS ? { x, y } : { x });
            const what = `${name} of ${n} numbers ${kind}`;
            const isBiased = name in PRODUCTS && isEqual(kind);
            const limit = isBiased ? MAX_ULP_OF_EQUAL_PRODUCTS : MAX_ULP;
            note(
              isBiased ? `${name}, all equal` : name,
              target,
              check(found, wanted(x, y), dtype, what, limit),
            );
          }
        }
      });
    });
  }
});

/** What is summed up in a gradient. */
const GRADIENTS: Record<string, (x: Value, rows: number) => [loss: Value, leaf: Value]> = {
  'number that is broadcast': (x) => {
    const leaf = input('leaf', [1]);
    return [x.mul(leaf).sum(), leaf];
  },
  'row that is broadcast': (x, n) => {
    const leaf = input('leaf', [3]);
    return [table(x, n, 3).mul(leaf).sum(), leaf];
  },
  'column that is broadcast': (x, n) => {
    const leaf = input('leaf', [3, 1]);
    return [table(x, n, 3).transpose().mul(leaf).sum(), leaf];
  },
  'row that is picked each time': (x, n) => {
    const leaf = input('leaf', [1, 3]);
    const rows = Math.floor(n / 3);
    return [
      leaf
        .gather(index('i', rows))
        .mul(table(x, n, 3))
        .sum(),
      leaf,
    ];
  },
};

describe('errors of gradients that are long sums', () => {
  for (const [name, of] of Object.entries(GRADIENTS)) {
    describe(`of a ${name}`, () => {
      forEachTarget((target) => {
        const { dtype } = target;
        for (const n of lengthsOn(target).filter((length) => length >= 3)) {
          const [loss, leaf] = of(input('x', [n]), n);
          const program = compile(loss, target);
          for (const [kind, sequence] of Object.entries(SEQUENCES)) {
            const x = draw(sequence, n, dtype);
            const i = new Int32Array(Math.floor(n / 3));
            const numbers = new Float64Array(leaf.shape.reduce((a, b) => a * b, 1));
            program.forward(name.includes('picked') ? { x, i, leaf: numbers } : { x, leaf: numbers });
            program.backward();
            const wanted = leaf.shape.includes(3) ? columns(3)(x, x) : [sumOf(x)];
            const what = `the gradient of a ${name}, ${n} numbers ${kind}`;
            note(`gradient of a ${name}`, target, check(leaf.grad, wanted, dtype, what));
          }
        }
      });
    });
  }
});

/** x, the standard normal distribution function at x and its density, from 60 digits. */
const NORMAL: readonly (readonly [x: number, below: number, density: number])[] = [
  [-37, 5.725571222524577e-300, 2.1200065515246056e-298],
  [-30, 4.906713927148187e-198, 1.4736461348785476e-196],
  [-20, 2.7536241186062337e-89, 5.520948362159764e-88],
  [-12, 1.776482112077679e-33, 2.1463837356630605e-32],
  [-8, 6.220960574271784e-16, 5.052271083536892e-15],
  [-5, 2.866515718791939e-7, 1.4867195147342977e-6],
  [-3, 0.0013498980316300946, 0.0044318484119380075],
  [-1, 0.15865525393145705, 0.24197072451914334],
  [-0.75, 0.2266273523768682, 0.30113743215480443],
  [-0.5, 0.3085375387259869, 0.35206532676429947],
  [0.5, 0.6914624612740131, 0.35206532676429947],
  [1, 0.8413447460685429, 0.24197072451914334],
  [3, 0.9986501019683699, 0.0044318484119380075],
  [5, 0.9999997133484281, 1.4867195147342977e-6],
];

describe('errors in the tail of', () => {
  const FUNCTIONS: Record<string, [f: (x: Value) => Value, wanted: (x: number, below: number) => number]> = {
    ndtr: [(x) => x.ndtr(), (_, below) => below],
    gelu: [(x) => gelu(x), (x, below) => x * below],
    'gelu by tanh': [
      (x) => gelu(x, 'tanh'),
      (x) => x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
    ],
  };
  for (const [name, [f, wanted]] of Object.entries(FUNCTIONS)) {
    describe(name, () => {
      forEachTarget((target) => {
        const { dtype } = target;
        const least = dtype === 'float32' ? 2 ** -126 : 2 ** -1022;
        const rows = NORMAL.filter(([x, below]) => Math.abs(wanted(x, below)) > least && below > least);
        // The function by tanh has an exponent of up to 200 at -12, whose rounding is as large a factor.
        const near = name === 'gelu by tanh' ? rows.filter(([x]) => x >= -5) : rows;
        const x = input('x', [near.length]);
        const found = compile(f(x), target).forward({ x: near.map(([at]) => at) });
        const limit = name === 'gelu by tanh' ? 64 : 4;
        near.forEach(([at, below], i) => {
          const value = wanted(at, below);
          const off = Math.abs(found[i]! - value) / ulp(value, dtype);
          assert(off <= limit, `${name} at ${at} is ${found[i]!}, not ${value}: ${off} ULP`);
          note(name, target, off);
        });
      });
    });
  }
});

describe('the mean of losses', () => {
  it('is right for any number of them', () => {
    for (const [kind, sequence] of Object.entries(SEQUENCES)) {
      const losses = draw(sequence, 1_000_000, 'float64');
      const sum = sumOf(losses);
      const off = Math.abs(meanOf(losses) * losses.length - sum.value) / ulp(sum.magnitude, 'float64');
      assert(off <= 2, `${kind}: ${off} ULP`);
    }
    assert(Number.isNaN(meanOf([])));
    assert.equal(meanOf([Infinity, 1]), Infinity);
    assert.equal(meanOf([1e308, 1e308]), Infinity);
  });
});
