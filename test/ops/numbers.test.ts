/**
 * The promises about numbers, on every instruction set and in both data types: NaN and infinities behave as
 * in IEEE 754; results do not depend on memory alignment, on earlier calls or on the number of threads; no
 * call leaves the thread's floating-point state changed.
 */
import assert from 'node:assert/strict';
import { parseDocuments } from '../../lib/study/documents.js';
import { Tokenizer } from '../../lib/study/tokenizer.js';
import { buildModel } from '../../lib/study/build-model.js';
import { MODEL_NAMES, type ModelName } from '../../lib/study/models/sizes.js';
import { embedding, layerNorm, logSoftmax, variance, where } from '../../lib/value/functions.js';
import { grad } from '../../lib/value/grad.js';
import type { Index, Value } from '../../lib/value/value.js';
import { stack, total } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import type { Node } from '../../lib/graph/node.js';
import type { TypedArray, DType } from '../../lib/core/array.js';
import { kernels } from '../../lib/runtime/kernels.js';
import { matrices } from '../../bench/matrices.js';
import { addon, nativeInfo } from '../../lib/binding/addon.js';
import { Adam, SGD } from '../../lib/optim/optimizers.js';
import type { Training } from '../../lib/optim/training.js';
import { Program } from '../../lib/runtime/program.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { compile } from '../../lib/value/compile.js';
import { Random } from '../../lib/runtime/random.js';
import { Sampler } from '../../lib/study/sampling.js';
import { checkControlState } from '../support/control-state.js';
import { evaluate } from '../support/reference.js';
import { TARGETS, type Target } from '../support/targets.js';

const isLong = process.env['VECGRAD_LONG'] === '1';
const TYPES = { float64: Float64Array, float32: Float32Array };

function forEachTarget(check: (target: Target) => void | Promise<void>): void {
  for (const target of TARGETS) it(`${target.isa}, ${target.dtype}`, () => check(target));
}

// ---- NaN, infinities, zeros, denormals

/** The limits of a type: its smallest normal number, and its largest. */
const LIMITS = {
  float64: { least: 2 ** -1022, most: Number.MAX_VALUE, tiny: 5e-324 },
  float32: { least: 2 ** -126, most: 2 ** 127 * (2 - 2 ** -23), tiny: 2 ** -149 },
};
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
  'pow -1': (x) => x.pow(-1),
  'pow 1.5': (x) => x.pow(1.5),
  sign: (x) => x.sign(),
  abs: (x) => x.abs(),
  sin: (x) => x.sin(),
  cos: (x) => x.cos(),
  tanh: (x) => x.tanh(),
  sigmoid: (x) => x.sigmoid(),
  softplus: (x) => x.softplus(),
  expm1: (x) => x.expm1(),
  log1p: (x) => x.log1p(),
  erf: (x) => x.erf(),
  arcsin: (x) => x.arcsin(),
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

// ---- Rows, picked rows and large products: which results are NaN, which infinite

/** Says no more about finite numbers: these tests are not about rounding. */
function kind(x: number): string {
  return Number.isFinite(x) ? 'finite' : String(x);
}

function compareKinds(found: ArrayLike<number>, wanted: readonly number[], what: string): void {
  assert.deepEqual(Array.from(found, kind), wanted.map(kind), what);
}

interface OfRows {
  f: (x: Value, targets: Index) => Value;
  /** Plain TypeScript, where the operator's reference would differ from IEEE 754. */
  plain?: (row: readonly number[], target: number) => number;
  /** Numbers of x at which the gradient follows from the operator's rule, part by part. */
  gradientAt: readonly number[];
}

const softmaxOf = (row: readonly number[]): number[] => {
  const exps = row.map((x) => Math.exp(x - Math.max(...row)));
  const sum = exps.reduce((a, b) => a + b);
  return exps.map((x) => x / sum);
};

const ALL = [NaN, Infinity, -Infinity];
const OF_ROWS: Readonly<Record<string, OfRows>> = {
  softmax: { f: (x) => x.softmax(), gradientAt: ALL },
  logSoftmax: { f: (x) => logSoftmax(x), gradientAt: [NaN] },
  rmsNorm: { f: (x) => x.rmsNorm(), gradientAt: ALL },
  'rmsNorm of parts': { f: (x) => x.mul(x.mul(x).mean(-1, true).add(1e-5).pow(-0.5)), gradientAt: [NaN] },
  layerNorm: { f: (x) => layerNorm(x), gradientAt: ALL },
  crossEntropy: {
    f: (x, targets) => x.crossEntropy(targets),
    plain: (row, target) => -Math.log(softmaxOf(row)[target]!),
    gradientAt: [NaN],
  },
  sum: { f: (x) => x.sum(-1), gradientAt: ALL },
  mean: { f: (x) => x.mean(-1), gradientAt: ALL },
  max: { f: (x) => x.max(-1), gradientAt: [Infinity, -Infinity] },
  min: { f: (x) => x.min(-1), gradientAt: [Infinity, -Infinity] },
  cumsum: { f: (x) => x.cumsum(-1), gradientAt: ALL },
  'max of columns': { f: (x) => x.max(0), gradientAt: [Infinity, -Infinity] },
  'cumsum of columns': { f: (x) => x.cumsum(0), gradientAt: ALL },
};

/** Every width: less than a vector, whole vectors, and remainders. */
const LENGTHS = [1, 2, 3, 5, 8, 9, 17, 33, 67];

describe('NaN and infinities in one row reach what IEEE 754 says, and no other', () => {
  for (const [name, { f, plain, gradientAt }] of Object.entries(OF_ROWS)) {
    describe(name, () => {
      forEachTarget((target) => {
        for (const rows of [1, 3]) {
          for (const cols of LENGTHS) {
            const x = parameter(new Array(rows * cols).fill(0), { shape: [rows, cols] });
            const targets = index('targets', rows);
            const y = f(x, targets);
            const w = input('w', y.shape);
            const loss = y.mul(w).sum();
            const slope = grad(loss, [x])[0]!;
            const forward = compile(y, target);
            const backward = compile(loss, target);
            const size = y.shape.reduce((a, b) => a * b, 1);
            const places = Array.from({ length: rows }, (_, i) => (i + 1) % cols);
            const feeds: Feeds = plain ? { targets: places } : {};
            const weights = Array.from({ length: size }, (_, i) => 0.5 + (i % 3));
            const numbers = (at: number, special: number, other = at): number[] =>
              Array.from({ length: rows * cols }, (_, i) =>
                i === at || i === other ? special : ((i * 7) % 5) / 4 - 0.3,
              );
            const spots = [...new Set([0, cols >> 1, cols - 1, (rows >> 1) * cols, rows * cols - 1])];
            for (const at of spots) {
              for (const special of ALL) {
                // The second of two infinities changes most results.
                for (const other of [at, Math.floor(at / cols) * cols + ((at + 1) % cols)]) {
                  const what = `${rows} x ${cols}, ${special} in ${at} and ${other}`;
                  const data = numbers(at, special, other);
                  const known = new Map<Node, { shape: readonly number[]; data: number[] }>([
                    [x, { shape: [rows, cols], data }],
                  ]);
                  const wanted = plain
                    ? Array.from({ length: rows }, (_, r) =>
                        plain(data.slice(r * cols, (r + 1) * cols), places[r]!),
                      )
                    : evaluate(y, feeds, known).get(y)!.data;
                  x.data.set(data);
                  compareKinds(forward.forward(feeds), wanted, `${name} of ${what}`);
                  if (other !== at || !gradientAt.includes(special)) continue;
                  const fed = { ...feeds, w: weights };
                  backward.forward(fed);
                  backward.backward();
                  compareKinds(
                    backward.readGradient(x),
                    evaluate(slope, fed, known).get(slope)!.data,
                    `the gradient of ${name} of ${what}`,
                  );
                }
              }
            }
            // In the backward pass: a NaN gradient.
            const data = numbers(-1, 0);
            x.data.set(data);
            const known = new Map([[x, { shape: [rows, cols], data }]]);
            for (const at of new Set([0, size >> 1, size - 1])) {
              for (const special of ALL) {
                const fed = { ...feeds, w: weights.map((weight, i) => (i === at ? special : weight)) };
                backward.forward(fed);
                backward.backward();
                compareKinds(
                  backward.readGradient(x),
                  evaluate(slope, fed, known).get(slope)!.data,
                  `the gradient of ${name}, ${rows} x ${cols}, ${special} in ${at} of what reaches it`,
                );
              }
            }
          }
        }
      });
    });
  }
});

/** Larger first, NaN last, equal ones by place. */
function orderOf(xs: ArrayLike<number>): number[] {
  const rank = (x: number): number => (Number.isNaN(x) ? 1 : 0);
  return Array.from(xs, (_, i) => i).sort(
    (i, j) => rank(xs[i]!) - rank(xs[j]!) || (xs[i]! > xs[j]! ? -1 : xs[i]! < xs[j]! ? 1 : i - j),
  );
}

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

describe('the largest k are in order, NaN last, equal ones by place', () => {
  const mixes: readonly (readonly number[])[] = [
    [NaN],
    [0, -0],
    [Infinity],
    [-Infinity],
    [NaN, 1],
    [NaN, -Infinity],
    [NaN, Infinity, -Infinity, 0, -0],
    [-Infinity, 5e-324, -5e-324],
    [1, 2, 2, -1, Infinity, Infinity],
  ];
  forEachTarget(({ isa, dtype }) => {
    for (const n of [1, 2, 7, 16, 33, 64, 127, 128, 129, 500]) {
      for (const mix of mixes) {
        // All of them these, and few of many.
        for (const every of [1, 13]) {
          const random = new Random(n);
          const xs = TYPES[dtype].from(
            Array.from({ length: n }, (_, i) =>
              i % every === 0 ? mix[random.randbelow(mix.length)]! : random.gauss(0, 1),
            ),
          );
          const order = orderOf(xs);
          for (const k of new Set([1, 2, n >> 2, n >> 1, n - 1, n])) {
            if (k < 1 || k > n) continue;
            const what = `${k} of ${n}, ${String(mix)} in one of ${every}`;
            assert.deepEqual([...kernels.topk(xs, k, { isa })], order.slice(0, k), what);
            if (every > 1 || n > 128) continue;
            const x = input('x', [n]);
            const found = compile(x.gather(x.topk(k)), { isa, dtype }).forward({ x: xs });
            // A program treats denormals as zeros.
            const flushes = mix.includes(5e-324);
            if (!flushes)
              assert.deepEqual(
                [...found],
                order.slice(0, k).map((i) => xs[i]),
                what,
              );
          }
        }
      }
    }
  });
});

describe('rows that are not picked change nothing, whatever they hold', () => {
  const [rows, at] = [9, [3, 0, 3, 8]];
  const tables: readonly [name: string, build: (table: Value, picked: Index, x: Value) => Value][] = [
    ['gather', (table, picked) => table.gather(picked)],
    ['embedding', (table, picked) => embedding(table, picked)],
    [
      'rows by numbers at the same places',
      (table, picked, x) => x.gather(picked).matmul(table.gather(picked)),
    ],
    ['the largest, by their rows', (table, _, x) => x.gather(x.topk(4)).matmul(table.gather(x.topk(4)))],
  ];
  for (const [name, build] of tables) {
    describe(name, () => {
      forEachTarget((target) => {
        for (const cols of LENGTHS) {
          const table = parameter(new Array(rows * cols).fill(0), { shape: [rows, cols] });
          const x = parameter(
            Array.from({ length: rows }, (_, i) => (i === 3 ? 4 : at.includes(i) || i === 5 ? 3 : -i)),
          );
          // Four of x are the largest: 3, 0, 5, 8.
          const picked = new Set(name.includes('largest') ? [0, 3, 5, 8] : at);
          const y = build(table, index('picked', at.length), x);
          const loss = y.mul(input('w', y.shape)).sum();
          const leaves = name.includes(' by ') || name.includes('largest') ? [table, x] : [table];
          const fed: Feeds = name.includes('largest') ? {} : { picked: at };
          const slopes = grad(loss, leaves);
          const size = y.shape.reduce((a, b) => a * b, 1);
          const programs = [compile(y, target), compile(loss, target)] as const;
          for (const special of ALL) {
            for (const row of [0, 1, 3, 7, 8]) {
              const data = Array.from({ length: rows * cols }, (_, i) =>
                i === row * cols + (cols >> 1) ? special : (i % 5) - 1.5,
              );
              const feeds: Feeds = fed;
              const withW = { ...fed, w: Array.from({ length: size }, (_, i) => 1 + (i % 2)) };
              const known = new Map<Node, { shape: readonly number[]; data: readonly number[] }>([
                [table, { shape: table.shape, data }],
                [x, { shape: x.shape, data: [...x.data] }],
              ]);
              table.data.set(data);
              const what = `${name} of ${rows} x ${cols}, ${special} in row ${row}`;
              const found = programs[0].forward(feeds);
              compareKinds(found, evaluate(y, feeds, known).get(y)!.data, what);
              if (!picked.has(row)) assert.ok(found.every(Number.isFinite), what);
              programs[1].forward(withW);
              programs[1].backward();
              leaves.forEach((value, i) =>
                compareKinds(
                  programs[1].readGradient(value),
                  evaluate(slopes[i]!, withW, known).get(slopes[i]!)!.data,
                  `the gradient of ${what}`,
                ),
              );
            }
            // In the backward pass: it reaches the rows that were picked.
            const data = Array.from({ length: rows * cols }, (_, i) => (i % 5) - 1.5);
            table.data.set(data);
            const known = new Map<Node, { shape: readonly number[]; data: readonly number[] }>([
              [table, { shape: table.shape, data }],
              [x, { shape: x.shape, data: [...x.data] }],
            ]);
            const feeds = {
              ...fed,
              w: Array.from({ length: size }, (_, i) => (i === size >> 1 ? special : 1)),
            };
            programs[1].forward(feeds);
            programs[1].backward();
            leaves.forEach((value, i) =>
              compareKinds(
                programs[1].readGradient(value),
                evaluate(slopes[i]!, feeds, known).get(slopes[i]!)!.data,
                `the gradient of ${name}, ${cols} columns, ${special} behind it`,
              ),
            );
          }
        }
      });
    });
  }
});

/** A matrix, or its transpose, by its places. */
type Matrix = (row: number, col: number) => number;

/**
 * Checks a product: rows and columns that contain a special number against plain TypeScript, and all others
 * bit for bit against the product without that number.
 */
function checkProduct(
  found: ArrayLike<number>,
  clean: ArrayLike<number>,
  a: Matrix,
  b: Matrix,
  [m, n, k]: readonly [number, number, number],
  reached: { rows: readonly number[]; cols: readonly number[] },
  what: string,
): void {
  const [rows, cols] = [new Set(reached.rows), new Set(reached.cols)];
  const wrong: string[] = [];
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      const y = found[i * n + j]!;
      if (!rows.has(i) && !cols.has(j)) {
        if (!Object.is(y, clean[i * n + j]))
          wrong.push(`[${i}, ${j}] is ${y}, without it ${clean[i * n + j]!}`);
        continue;
      }
      let dot = 0;
      for (let p = 0; p < k; p++) dot += a(i, p) * b(p, j);
      if (kind(y) !== kind(dot)) wrong.push(`[${i}, ${j}] is ${y}, not ${dot}`);
    }
  }
  assert.deepEqual(wrong.slice(0, 5), [], what);
}

describe('NaN and infinities in a product reach their row or column, and no other', () => {
  // The last go to OpenBLAS: of float64, and of both types.
  const sizes: readonly (readonly [m: number, n: number, k: number])[] = [
    [1, 1, 1],
    [1, 17, 9],
    [17, 1, 9],
    [1, 67, 1],
    [2, 33, 5],
    [5, 3, 1],
    [8, 8, 8],
    [13, 37, 19],
    [33, 65, 17],
    [130, 129, 131],
    [321, 330, 322],
  ];
  const forms = [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ] as const;
  for (const [ta, tb] of forms) {
    describe(`of ${ta ? 'a transposed' : 'a'} and ${tb ? 'b transposed' : 'b'}`, () => {
      forEachTarget(function (target) {
        for (const size of sizes) {
          const [m, n, k] = size;
          // One layout of the largest is enough where OpenBLAS is not called.
          if (m > 300 && (ta !== tb || target.isa === 'scalar')) continue;
          const matrix = (rows: number, cols: number, turned: boolean): Value =>
            parameter(
              Array.from({ length: rows * cols }, (_, i) => (i % 5) - 2),
              { shape: turned ? [cols, rows] : [rows, cols] },
            );
          const [a, b] = [matrix(m, k, ta), matrix(k, n, tb)];
          const y = (ta ? a.transpose() : a).matmul(tb ? b.transpose() : b);
          const loss = y.mul(input('w', [m, n])).sum();
          const product = compile(y, target);
          const slopes = compile(loss, target);
          const at = (values: ArrayLike<number>, rows: number, cols: number, turned: boolean): Matrix =>
            turned ? (i, j) => values[j * rows + i]! : (i, j) => values[i * cols + j]!;
          const w = Array.from({ length: m * n }, (_, i) => (i % 7) - 3);
          const run = () => {
            const found = product.forward({}).slice();
            slopes.forward({ w });
            slopes.backward();
            // As if none were transposed.
            const [da, db] = [at(slopes.readGradient(a), m, k, ta), at(slopes.readGradient(b), k, n, tb)];
            const all = (rows: number, cols: number, of: Matrix): number[] =>
              Array.from({ length: rows * cols }, (_, i) => of(Math.floor(i / cols), i % cols));
            return { found, da: all(m, k, da), db: all(k, n, db) };
          };
          const clean = run();
          const place = (
            values: TypedArray,
            turned: boolean,
            rows: number,
            cols: number,
            i: number,
            j: number,
            x: number,
          ): void => {
            values[turned ? j * rows + i : i * cols + j] = x;
          };
          const [start, other] = [a.data.slice(), b.data.slice()];
          const places = m > 100 ? [1] : [0, 1, 2];
          for (const special of ALL) {
            for (const third of places) {
              const [i, p, j] = [m, k, n].map((length) => Math.floor(((length - 1) * third) / 2)) as [
                number,
                number,
                number,
              ];
              for (const inA of [true, false]) {
                a.data.set(start);
                b.data.set(other);
                if (inA) place(a.data, ta, m, k, i, p, special);
                else place(b.data, tb, k, n, p, j, special);
                const [plainA, plainB] = [at(a.data, m, k, ta), at(b.data, k, n, tb)];
                const what = `${m} x ${n} x ${k}, ${special} in ${inA ? `a[${i}, ${p}]` : `b[${p}, ${j}]`}`;
                const { found, da, db } = run();
                checkProduct(
                  found,
                  clean.found,
                  plainA,
                  plainB,
                  size,
                  inA ? { rows: [i], cols: [] } : { rows: [], cols: [j] },
                  what,
                );
                // da = w b', db = a' w.
                const plainW = at(w, m, n, false);
                checkProduct(
                  da,
                  clean.da,
                  plainW,
                  (c, r) => plainB(r, c),
                  [m, k, n],
                  inA ? { rows: [], cols: [] } : { rows: [], cols: [p] },
                  `the gradient by a of ${what}`,
                );
                checkProduct(
                  db,
                  clean.db,
                  (r, c) => plainA(c, r),
                  plainW,
                  [k, n, m],
                  inA ? { rows: [p], cols: [] } : { rows: [], cols: [] },
                  `the gradient by b of ${what}`,
                );
              }
            }
          }
        }
      });
    });
  }

  describe('whatever lies where it is written', () => {
    forEachTarget(({ isa, dtype }) => {
      for (const [m, n, k] of sizes) {
        const numbers = (count: number): TypedArray =>
          TYPES[dtype].from(Array.from({ length: count }, (_, i) => (i % 5) - 2));
        const run = (out?: TypedArray) =>
          kernels.matmul(numbers(m * k), numbers(k * n), { m, k, n, isa, ...(out && { out }) });
        assert.deepEqual(run(new TYPES[dtype](m * n).fill(NaN)), run());
      }
    });
  });
});

/** Numbers of every size, some of them NaN. */
function draw(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.gauss(0, 1));
}

// ---- Memory

const OFFSETS = Array.from({ length: 16 }, (_, i) => i);

describe('where arrays begin changes no bit of', () => {
  const LENGTHS = [1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 67];
  type Call = (place: (x: TypedArray) => TypedArray, n: number, target: Target) => TypedArray | Int32Array;
  const numbers = (count: number, dtype: DType): TypedArray =>
    TYPES[dtype].from(draw(new Random(count + 1), count));
  const CALLS: Record<keyof typeof kernels, Call> = {
    matmul: (place, n, { isa, dtype }) => {
      const [m, k] = [5, 9];
      return kernels.matmul(place(numbers(m * k, dtype)), place(numbers(k * n, dtype)), {
        m,
        k,
        n,
        isa,
        out: place(new TYPES[dtype](m * n)),
      });
    },
    relu: (place, n, { isa, dtype }) =>
      kernels.relu(place(numbers(n, dtype)), { isa, out: place(new TYPES[dtype](n)) }),
    softmax: (place, n, { isa, dtype }) =>
      kernels.softmax(place(numbers(3 * n, dtype)), { cols: n, isa, out: place(new TYPES[dtype](3 * n)) }),
    topk: (place, n, { isa, dtype }) => kernels.topk(place(numbers(n, dtype)), n >> 1, { isa }),
    gather: (place, n, { isa, dtype }) =>
      kernels.gather(place(numbers(4 * n, dtype)), Int32Array.of(3, 0, 3), {
        cols: n,
        isa,
        out: place(new TYPES[dtype](3 * n)),
      }),
  };

  for (const [name, call] of Object.entries(CALLS)) {
    describe(`kernels.${name}`, () => {
      forEachTarget((target) => {
        for (const n of LENGTHS) {
          let calls = 0;
          const expected = call((x) => x, n, target).slice();
          for (const offset of OFFSETS) {
            // The arrays of one call also have different alignments.
            const place = (x: TypedArray): TypedArray => {
              const from = (offset + 3 * calls++) % OFFSETS.length;
              const whole = new TYPES[target.dtype](from + x.length);
              whole.set(x, from);
              return whole.subarray(from);
            };
            assert.deepEqual([...call(place, n, target)], [...expected], `${n} from ${offset} on`);
          }
        }
      });
    });
  }
});

describe('where rows begin in memory changes no bit of', () => {
  const PLACES = OFFSETS.length; // in 64 bytes: all of float32, and of float64
  const rows = 3;
  const more: Readonly<Record<string, (x: Value, targets: Index) => Value>> = {
    'the largest': (x) => x.at(1).gather(x.at(1).topk(Math.ceil(x.shape[1]! / 2))),
    'picked rows': (x, targets) => x.transpose().gather(targets),
    'a product': (x) => x.transpose().matmul(x),
    'a product with a vector': (x) => x.matmul(x.at(2)),
    relu: (x) => x.relu(),
    exp: (x) => x.exp(),
  };
  const all = { ...more, ...Object.fromEntries(Object.entries(OF_ROWS).map(([name, { f }]) => [name, f])) };
  for (const [name, f] of Object.entries(all)) {
    describe(name, () => {
      forEachTarget((target) => {
        for (const cols of [3, 17, 67]) {
          // The same numbers again and again, each time one number further from a 64-byte boundary.
          const size = rows * cols;
          const apart = Math.ceil(size / PLACES) * PLACES + 1;
          const numbers = draw(new Random(cols), size);
          const x = parameter(new Array(PLACES * apart).fill(0), { shape: [PLACES * apart] });
          const targets = index('targets', rows);
          const ys = OFFSETS.map((i) =>
            f(x.slice(i * apart, i * apart + size).reshape([rows, cols]), targets),
          );
          const w = input('w', ys[0]!.shape);
          const program = compile(total(ys.map((y) => y.mul(w).sum())), target);
          for (const i of OFFSETS) x.data.set(numbers, i * apart);
          const weights = draw(
            new Random(1),
            ys[0]!.shape.reduce((a, b) => a * b, 1),
          );
          const isPicking = name === 'picked rows' || name === 'crossEntropy';
          program.forward({ w: weights, ...(isPicking && { targets: [1, 0, 2] }) });
          program.backward();
          const gradient = program.readGradient(x);
          for (const i of OFFSETS) {
            assert.deepEqual(
              [...program.read(ys[i]!)],
              [...program.read(ys[0]!)],
              `${rows} x ${cols} from ${i} on`,
            );
            const slope = (at: number): number[] => [...gradient.slice(at * apart, at * apart + size)];
            assert.deepEqual(slope(i), slope(0), `the gradient of ${rows} x ${cols} from ${i} on`);
          }
        }
      });
    });
  }
});

// ---- Calls before, and threads

const SIZES = { nEmbd: 4, nHead: 2, nLayer: 1, blockSize: 5, nState: 6, nAtt: 3 };
const VOCAB = 7;
const STEPS = 4;

function documents(count: number): Feeds[] {
  const random = new Random(9);
  return Array.from({ length: count }, () => {
    const length = 1 + random.randbelow(SIZES.blockSize);
    const tokens = (): number[] => Array.from({ length }, () => random.randbelow(VOCAB));
    return { tokens: tokens(), targets: tokens(), length };
  });
}
const DOCS = documents(STEPS);

interface Run {
  training: Training;
  parameters: readonly Value[];
  losses: number[];
}

function start(name: ModelName, target: Target): Run {
  const { loss, parameters } = buildModel(name, VOCAB, SIZES, new Random(3));
  const training = new Adam({ learningRate: 0.01 }).minimize(loss, { ...target, batches: true });
  return { training, parameters, losses: [] };
}
function step(run: Run, i: number): void {
  run.losses.push(run.training.step(DOCS[i]!));
}
const ended = ({ losses, parameters }: Run): number[] => [
  ...losses,
  ...parameters.flatMap((value) => [...value.data]),
];

describe('what was called before changes no bit of a training', () => {
  forEachTarget((target) => {
    const alone = MODEL_NAMES.map((name) => {
      const run = start(name, target);
      DOCS.forEach((_, i) => step(run, i));
      return ended(run);
    });
    for (const order of [MODEL_NAMES, [...MODEL_NAMES].reverse()]) {
      const runs = new Map(order.map((name) => [name, start(name, target)]));
      DOCS.forEach((doc, i) => {
        for (const [name, run] of runs) {
          // A failing call, and calls that leave NaN, infinities and other sizes behind.
          assert.throws(() => run.training.step({ ...doc, tokens: [VOCAB] }));
          kernels.softmax(TYPES[target.dtype].of(NaN, Infinity, -Infinity), { isa: target.isa });
          kernels.matmul(new Float64Array(67).fill(Infinity), new Float64Array(67), { m: 1, k: 67, n: 1 });
          run.training.evaluate(DOCS[(i + 1) % STEPS]!);
          step(run, i);
          assert.equal(run.losses.length, i + 1, name);
        }
      });
      MODEL_NAMES.forEach((name, i) => {
        assert.deepEqual(ended(runs.get(name)!), alone[i], name);
      });
    }
  });
});

describe('what no document of a batch reads changes no bit, whatever it holds', () => {
  const unused = { wte: 6, wpe: 4 };
  forEachTarget((target) => {
    // Examples of one to three tokens; the last token is never there.
    const docs = [[1], [2, 3, 4], [5, 0], [0, 0, 1]].map((tokens): Feeds => ({
      tokens,
      targets: tokens.map((token) => (token + 1) % 6),
      length: tokens.length,
    }));
    for (const name of MODEL_NAMES) {
      for (const [matrix, row] of Object.entries(unused)) {
        const trained = (held: number): number[] => {
          const { loss, matrices, parameters } = buildModel(name, VOCAB, SIZES, new Random(3));
          const { values, shape } = matrices.find((one) => one.name === matrix)!;
          const [from, to] = [row * shape[1], (row + 1) * shape[1]];
          const isOne = values.length === 1;
          for (let i = from; i < to; i++) values[isOne ? 0 : i]!.data[isOne ? i : 0] = held;
          const training = new SGD({ learningRate: 0.1 }).minimize(loss, { ...target, batches: true });
          const losses = [...docs.map((doc) => training.step(doc)), training.stepBatch(docs, { threads: 2 })];
          // The row itself is what it was.
          const rest = parameters.flatMap((value) => {
            const data = [...value.data];
            if (isOne && value === values[0]) data.fill(0, from, to);
            return !isOne && values.indexOf(value) >= from && values.indexOf(value) < to ? [] : data;
          });
          return [...losses, ...rest];
        };
        const expected = trained(0.5);
        assert.ok(expected.every(Number.isFinite));
        for (const held of ALL)
          assert.deepEqual(trained(held), expected, `${name}: ${held} in ${matrix}[${row}]`);
      }
    }
  });
});

describe('the number of threads changes no bit of a batch', () => {
  forEachTarget((target) => {
    const docs = documents(11);
    for (const name of MODEL_NAMES) {
      const trained = (threads: number): number[] => {
        const run = start(name, target);
        for (let i = 0; i < 2; i++) run.losses.push(run.training.stepBatch(docs, { threads }));
        return ended(run);
      };
      const expected = trained(1);
      for (const threads of isLong ? [2, 3, 4, 5, 6, 7, 8] : [2, 3, 8])
        assert.deepEqual(trained(threads), expected, `${name}, ${threads} threads`);
    }
  });
});

// ---- The state of the thread

type Functions = Record<string, unknown>;
type Native = (...args: unknown[]) => unknown;

/** Every function of an object, by its full name, with the object that holds it. */
function functionsOf(holder: Functions, prefix = ''): [name: string, holder: Functions, key: string][] {
  return Object.entries(holder).flatMap(([key, value]) =>
    typeof value === 'function'
      ? [[prefix + key, holder, key]]
      : functionsOf(value as Functions, `${prefix}${key}.`),
  );
}

/** Those of the addon, and of the kernels that models written by hand call. */
const allFunctions = (): ReturnType<typeof functionsOf> => [
  ...functionsOf(addon as unknown as Functions),
  ...functionsOf(matrices as unknown as Functions, 'matrices.'),
];

/**
 * Runs `body`, and checks the thread's state after each call of the addon, and of the functions that it
 * returns. Returns the names of those that returned, and of those that threw.
 */
async function watched(
  body: () => void | Promise<void>,
): Promise<{ returned: Set<string>; threw: Set<string> }> {
  const [returned, threw] = [new Set<string>(), new Set<string>()];
  const watch =
    (name: string, native: Native): Native =>
    (...args) => {
      let result: unknown;
      try {
        result = native(...args);
        returned.add(name);
      } catch (error) {
        threw.add(name);
        throw error;
      } finally {
        checkControlState(name);
      }
      return typeof result === 'function' ? watch(`what ${name} returns`, result as Native) : result;
    };
  const all = allFunctions();
  const natives = all.map(([, holder, key]) => holder[key] as Native);
  all.forEach(([name, holder, key], i) => (holder[key] = watch(name, natives[i]!)));
  try {
    await body();
  } finally {
    all.forEach(([, holder, key], i) => (holder[key] = natives[i]!));
  }
  return { returned, threw };
}

/** Work that calls all of the addon, on numbers that a program flushes. */
async function callEverything(target: Target): Promise<void> {
  const { isa, dtype } = target;
  const float32 = dtype === 'float32';
  const tiny = (n: number): TypedArray => new TYPES[dtype](n).fill(LIMITS[dtype].tiny);
  nativeInfo();
  addon.info();

  kernels.matmul(tiny(4), tiny(4), { m: 2, k: 2, n: 2, isa });
  kernels.relu(tiny(9), { isa });
  kernels.softmax(tiny(9), { isa });
  kernels.topk(tiny(9), 3, { isa });
  kernels.gather(tiny(4), Int32Array.of(1, 0), { cols: 2, isa });

  const [y, x, g, one] = [tiny(4), tiny(4), tiny(4), tiny(2)];
  const targets = Int32Array.of(1, 0);
  matrices.gemm(y, 2, 0, x, 2, 1, 0, g, 2, 1, 0, 2, 2, 2, 1, 0);
  matrices.sgd(y, x, g, 4, 0.1, 0.9);
  matrices.causalSoftmax(y, x, 1, 2);
  matrices.softmaxGrad(y, x, g, 2, 2);
  matrices.rmsNorm(y, one, x, 2, 2, 1e-5);
  matrices.rmsNormGrad(y, g, x, one, 2, 2, 0);
  matrices.crossEntropy(one, y, x, targets, 2, 2);
  matrices.crossEntropyGrad(y, x, 1, targets, 2, 2);
  matrices.add(y, x, g, 4);
  matrices.maskPositive(y, x, g, 4);
  matrices.scale(y, 2, 0.5, 2, 2);
  matrices.scatterAdd(y, 2, x, targets, 2, 2);

  const { bench } = addon;
  bench.kernels();
  bench.time('add', 8, float32, isa, 1e3);
  bench.gflops(float32, isa, 1e3);
  bench.bandwidth(4096, float32, isa, 1e3);
  bench.vectorBits(isa);
  bench.emulator();

  const random = new Random(1);
  random.random();
  random.getrandbits(3);
  random.randbelow(9);
  random.permutation(9);
  random.gauss(0, 1);
  addon.random.gauss(random.handle, new Float64Array(8), 0, 1);
  random.weightedIndex([5e-324, 1]);
  random.setstate(random.getstate());

  const text = Buffer.from('abc\nde\n');
  const [starts, occurs] = [new Int32Array(8), new Uint8Array(128)];
  addon.text.lines(text, starts, occurs);
  const idsAfter = Int32Array.from({ length: 128 }, (_, code) => Math.max(0, code - 96));
  addon.text.encode(text, starts, idsAfter, 26, Int32Array.of(0, 1), new Int32Array(3));
  new Tokenizer(parseDocuments('ab\n')).encode('ab');

  // Programs of numbers that are, or become, denormal.
  const w = parameter([LIMITS[dtype].tiny, LIMITS[dtype].least, 1]);
  const root = w.mul(0.5).exp().mul(w).sum();
  root.forward({});
  const program = compile(root, target);
  program.forward({});
  program.backward();
  const picked = compile(w.gather(index('rows', 2)), target);
  assert.throws(() => picked.forward({ rows: [0, 3] }));
  const tokenizer = new Tokenizer(['abcdef']);
  for (const name of MODEL_NAMES) {
    const run = start(name, target);
    step(run, 0);
    run.training.stepBatch(DOCS, { threads: 3 });
    assert.throws(() =>
      run.training.stepBatch([DOCS[0]!, { tokens: [VOCAB], targets: [0], length: 1 }], { threads: 2 }),
    );
    const tokens = Int32Array.of(0, 1, 2);
    const dataset = {
      count: 2,
      inputs: {
        tokens: { values: tokens, starts: Int32Array.of(0, 1) },
        targets: { values: tokens, starts: Int32Array.of(1, 0) },
        length: { values: Int32Array.of(1, 2) },
      },
    };
    run.training.stepEach(dataset);
    run.training.evaluateEach(dataset);
    await run.training.stepEachAsync(dataset);
    checkControlState('a series on another thread');
    const model = buildModel(name, tokenizer.vocabSize, SIZES, new Random(3));
    new Sampler(model, tokenizer, target).tokens(random, { count: 2, temperature: 0.5 });
    for (const value of model.parameters) value.data.fill(NaN);
    assert.throws(() => new Sampler(model, tokenizer, target).tokens(random, { count: 1, temperature: 1 }));
  }
  new SGD({ learningRate: 1 }).minimize(root, target).step({});
  new Program({ groups: [[root]], gradients: 'none' }, target).forward({});
}

describe('the state of floating-point arithmetic is as it was', () => {
  const all = allFunctions().map(([name]) => name);

  describe('after every call of the addon that returns, or throws', () => {
    forEachTarget(async (target) => {
      const { returned } = await watched(() => callEverything(target));
      // A new function needs a call in `callEverything`.
      assert.deepEqual(
        all.filter((name) => !returned.has(name)),
        [],
      );
      assert.ok(returned.has('what bind returns'));
    });
  });

  it('after every call of the addon without arguments', async () => {
    const { returned, threw } = await watched(() => {
      for (const [, holder, key] of allFunctions()) {
        try {
          (holder[key] as Native)();
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
        }
      }
    });
    assert.deepEqual(
      all.filter((name) => !returned.has(name) && !threw.has(name)),
      [],
    );
    assert.ok(threw.size > all.length / 2, 'most want arguments');
  });
});
