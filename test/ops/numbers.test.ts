/**
 * NaN, infinities, zeros and denormals travel as IEEE 754 says through every operator by element, on every
 * instruction set and in both data types.
 */
import assert from 'node:assert/strict';
import { variance, where } from '../../lib/value/functions.js';
import type { Value } from '../../lib/value/value.js';
import { stack } from '../../lib/value/joins.js';
import { input, parameter } from '../../lib/value/leaves.js';
import type { Node } from '../../lib/graph/node.js';
import type { DType } from '../../lib/core/array.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { compile } from '../../lib/value/compile.js';
import { evaluate } from '../support/reference.js';
import { TARGETS } from '../support/targets.js';
import { forEachTarget, LIMITS } from '../support/special-numbers.js';

const RELATIVE = { float64: 1e-13, float32: 2e-6 };

function specials(dtype: DType): number[] {
  const { least, most, tiny } = LIMITS[dtype];
  const positive = [0, 1, 0.5, 2, 3.25, 100, 1000, tiny, least / 2, least, most, Infinity];
  return [NaN, ...positive, ...positive.map((x) => -x)];
}

const rounded = (x: number, dtype: DType): number => (dtype === 'float32' ? Math.fround(x) : x);
/** A denormal becomes a zero of its sign. */
const flushed = (x: number, dtype: DType): number => (Math.abs(x) < LIMITS[dtype].least ? x * 0 : x);

/**
 * Whether a result is allowed: infinities and NaN exactly, other numbers within a few roundings. A denormal
 * may count as zero, as operand or result: a program flushes them on x86-64 and aarch64. Numbers near
 * infinity may become infinite.
 */
function isAmong(found: number, wanted: readonly number[], dtype: DType): boolean {
  const { least } = LIMITS[dtype];
  return wanted.some((exact) => {
    const y = rounded(exact, dtype);
    if (!Number.isFinite(y) || (y === 0 && found === 0)) return Object.is(found, y);
    return Math.abs(found - y) <= RELATIVE[dtype] * Math.abs(y) + (Math.abs(y) < 2 * least ? least : 0);
  });
}

const UNARY: Readonly<Record<string, (x: Value) => Value>> = {
  neg: (x) => x.neg(),
  exp: (x) => x.exp(),
  log: (x) => x.log(),
  relu: (x) => x.relu(),
  'pow 2': (x) => x.pow(2),
  'pow 3': (x) => x.pow(3),
  'pow 4': (x) => x.pow(4),
  'pow -1': (x) => x.pow(-1),
  'pow -2': (x) => x.pow(-2),
  'pow -3': (x) => x.pow(-3),
  'pow 1.5': (x) => x.pow(1.5),
  'pow -1.5': (x) => x.pow(-1.5),
  'pow 2.5': (x) => x.pow(2.5),
  sign: (x) => x.sign(),
  abs: (x) => x.abs(),
  sin: (x) => x.sin(),
  cos: (x) => x.cos(),
  tan: (x) => x.tan(),
  floor: (x) => x.floor(),
  ceil: (x) => x.ceil(),
  round: (x) => x.round(),
  tanh: (x) => x.tanh(),
  sigmoid: (x) => x.sigmoid(),
  softplus: (x) => x.softplus(),
  expm1: (x) => x.expm1(),
  log1p: (x) => x.log1p(),
  erf: (x) => x.erf(),
  ndtr: (x) => x.ndtr(),
  arcsin: (x) => x.arcsin(),
  arctan: (x) => x.arctan(),
  arcsinh: (x) => x.arcsinh(),
  arctanh: (x) => x.arctanh(),
};

/** Roots are IEEE 754's squareRoot and rSqrt, not its pow: NaN of -Infinity, -Infinity of -0. */
const ROOTS: Readonly<Record<string, [f: (x: Value) => Value, reference: (x: number) => number]>> = {
  'pow 0.5': [(x) => x.pow(0.5), Math.sqrt],
  'pow -0.5': [(x) => x.pow(-0.5), (x) => 1 / Math.sqrt(x)],
};

const BINARY: Readonly<Record<string, (a: Value, b: Value) => Value>> = {
  add: (a, b) => a.add(b),
  sub: (a, b) => a.sub(b),
  mul: (a, b) => a.mul(b),
  div: (a, b) => a.div(b),
  mod: (a, b) => a.mod(b),
  power: (a, b) => a.pow(b),
  maximum: (a, b) => a.maximum(b),
  minimum: (a, b) => a.minimum(b),
  gt: (a, b) => a.gt(b),
  ge: (a, b) => a.ge(b),
  eq: (a, b) => a.eq(b),
};

/** Functions of rows: the effect of one number among others. */
const ROWS: Readonly<Record<string, (x: Value, other: (rows: number, cols: number) => Value) => Value>> = {
  sum: (x) => x.sum(-1),
  'sum of columns': (x) => x.sum(0),
  mean: (x) => x.mean(-1),
  max: (x) => x.max(-1),
  min: (x) => x.min(-1),
  cumsum: (x) => x.cumsum(-1),
  softmax: (x) => x.softmax(),
  'softmax of columns': (x) => x.softmax(0),
  'max of columns': (x) => x.max(0),
  transpose: (x) => x.transpose(),
  'a product from the left': (x, other) => x.matmul(other(x.shape[1]!, 19)),
  'a product from the right': (x, other) => other(5, x.shape[0]!).matmul(x),
  'a row': (x) => x.at(0),
};

/** With zeros among the numbers: zero times infinity is NaN. */
function zerosAndOnes(rows: number, cols: number): Value {
  return parameter(
    Array.from({ length: rows * cols }, (_, i) => i % 2),
    { shape: [rows, cols] },
  );
}

/** The values of a graph by the plain reference, for the feeds and for the feeds with denormals flushed. */
function references(
  root: Value,
  feeds: Feeds,
  numbers: readonly Value[],
  dtype: DType,
): (readonly number[])[] {
  const known = new Map(numbers.map((p) => [p as Node, { shape: p.shape, data: [...p.data] }]));
  const fed = (f: (x: number) => number): Feeds =>
    Object.fromEntries(Object.entries(feeds).map(([name, x]) => [name, Array.from(x as number[], f)]));
  const both = [fed((x) => x), fed((x) => flushed(x, dtype))];
  return both.map((each) => evaluate(root, each, known).get(root)!.data);
}

function compare(
  found: ArrayLike<number>,
  wanted: readonly (readonly number[])[],
  dtype: DType,
  what: (i: number) => string,
): void {
  const wrong: string[] = [];
  assert.equal(found.length, wanted[0]!.length);
  for (let i = 0; i < found.length; i++) {
    const may = wanted.map((one) => one[i]!);
    if (!isAmong(found[i]!, may, dtype)) wrong.push(`${what(i)} is ${found[i]!}, not ${may[0]!}`);
  }
  assert.deepEqual(wrong, []);
}

describe('NaN, infinities, zeros and denormals', () => {
  type Wanted = (y: Value, xs: readonly number[], dtype: DType) => (readonly number[])[];
  const byReference: Wanted = (y, xs, dtype) => references(y, { x: [...xs] }, [], dtype);
  const byElement =
    (f: (x: number) => number): Wanted =>
    (_, xs, dtype) => [xs.map(f), xs.map((x) => f(flushed(x, dtype)))];
  const rows: [name: string, f: (x: Value) => Value, wanted: Wanted][] = [
    ...Object.entries(UNARY).map(([name, f]): (typeof rows)[number] => [name, f, byReference]),
    ...Object.entries(ROOTS).map(([name, [f, g]]): (typeof rows)[number] => [name, f, byElement(g)]),
  ];
  for (const [name, f, wantedOf] of rows) {
    describe(`${name} of an array, and of single numbers`, () => {
      forEachTarget((target) => {
        const xs = specials(target.dtype);
        const what = (i: number): string => `${name} of ${Object.is(xs[i], -0) ? '-0' : xs[i]!}`;
        const x = input('x', [xs.length]);
        const y = f(x);
        const singles = stack(xs.map((_, i) => f(x.at(i))));
        const wanted = wantedOf(y, xs, target.dtype);
        for (const one of [y, singles])
          compare(compile(one, target).forward({ x: xs }), wanted, target.dtype, what);
      });
    });
  }

  for (const [name, f] of Object.entries(BINARY)) {
    describe(`${name} of all pairs`, () => {
      forEachTarget((target) => {
        const xs = specials(target.dtype);
        const pairs = xs.flatMap((x) => xs.map((y) => [x, y] as const));
        const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)];
        const what = (i: number): string => `${name} of ${a[i]!} and ${b[i]!}`;
        const y = f(input('a', [a.length]), input('b', [b.length]));
        const feeds = { a, b };
        const exact = references(y, feeds, [], target.dtype);
        // Zeros of both signs are equal: the maximum may be either.
        const others = name.endsWith('imum') ? exact.map((list) => list.map((x) => (x === 0 ? -x : x))) : [];
        compare(compile(y, target).forward(feeds), [...exact, ...others], target.dtype, what);
      });
    });
  }

  for (const [name, f] of Object.entries(ROWS)) {
    describe(`${name}, one number in each place`, () => {
      forEachTarget((target) => {
        // One row more than the largest tile of a product, and what is left over of every vector.
        const [rows, cols] = [9, 37];
        const x = input('x', [rows, cols]);
        const numbers: Value[] = [];
        const y = f(x, (...shape) => {
          numbers.push(zerosAndOnes(...shape));
          return numbers[0]!;
        });
        const program = compile(y, target);
        for (const [special, other] of [
          [NaN, 1],
          [Infinity, 1],
          [-Infinity, 1],
          [Infinity, -Infinity],
          [-0, -0],
          [NaN, Infinity],
        ] as const) {
          for (const at of [0, 1, 7, 8, 31, 36, 37, 5 * cols + 20, rows * cols - 1]) {
            const data = Array.from({ length: rows * cols }, (_, i) => (i % 7) - 3);
            data[at] = special;
            if (other !== 1) data[(at + 3) % data.length] = other;
            const feeds = { x: data };
            const wanted = references(y, feeds, numbers, target.dtype);
            compare(
              program.forward(feeds),
              wanted,
              target.dtype,
              (i) => `${name} with ${special} in place ${at}: [${i}]`,
            );
          }
        }
      });
    });
  }
});

describe('the sign of a denormal', () => {
  it('is a zero of its sign, since a denormal counts as one', () => {
    for (const target of TARGETS) {
      const tiny = target.dtype === 'float64' ? 1e-320 : 1e-40;
      for (const x of [tiny, -tiny]) {
        const expected = x > 0 ? 0 : -0;
        const signs = [parameter([x, x]), parameter(x)].flatMap((p) => [
          ...compile(p.sign(), target).forward({}),
        ]);
        assert.deepEqual(signs, [expected, expected, expected]);
      }
    }
  });
});

describe('log and pow of a denormal', () => {
  it('are those of a zero of its sign, of a number as of an array', () => {
    for (const target of TARGETS) {
      const tiny = target.dtype === 'float64' ? 1e-310 : 1e-40;
      const results = (x: number): number[] =>
        [parameter([x, x]), parameter(x)].flatMap((p) =>
          [p.log(), ...[0.3, -0.3, 1.5, -1.5, 3].map((exponent) => p.pow(exponent))].flatMap((y) => [
            ...compile(y, target).forward({}),
          ]),
        );
      assert.deepEqual(results(tiny), results(0));
      assert.deepEqual(results(-tiny), results(-0));
    }
  });
  it('but where adds two parts, so that a denormal becomes a zero', () => {
    const x = parameter([1e-40]);
    assert.deepEqual([...compile(where(x.ge(0), x, 1), { dtype: 'float32' }).forward({})], [0]);
  });
});

describe('the mean of equal numbers is that number', () => {
  forEachTarget((target) => {
    for (const count of [3, 7, 49, 98, 1000]) {
      const x = parameter(new Float64Array(count).fill(1));
      for (const mean of [x.mean(), x.reshape([1, count]).mean(1).sum(), x.reshape([count, 1]).mean(0, true)])
        assert.deepEqual([...compile(mean, target).forward({})], [1], String(count));
      assert.deepEqual([...compile(variance(x), target).forward({})], [0], String(count));
    }
  });
});
