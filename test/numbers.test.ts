/**
 * What numbers are promised, on every instruction set and in both data types: NaN and infinities
 * travel as IEEE 754 says; nothing depends on where memory lies, on what was called before or on how
 * many threads there are; no call leaves the thread's floating-point state changed.
 */
import assert from 'node:assert/strict';
import { parseDocuments, Tokenizer } from '../lib/data.js';
import { buildModel, MODEL_NAMES, type ModelName } from '../lib/experiment.js';
import { index, input, parameter, stack, type Node, type TypedArray, type Value } from '../lib/graph.js'; // prettier-ignore
import { kernels } from '../lib/kernels.js';
import { addon, nativeInfo } from '../lib/native.js';
import { Adam, SGD, type Training } from '../lib/optim.js';
import { compile, Program, type DType, type Feeds } from '../lib/program.js';
import { Random } from '../lib/random.js';
import { Sampler } from '../lib/sampling.js';
import { checkControlState } from './support/control-state.js';
import { evaluate } from './support/reference.js';
import { TARGETS, type Target } from './support/targets.js';

const TYPES = { float64: Float64Array, float32: Float32Array };

function forEachTarget(check: (target: Target) => void | Promise<void>): void {
  for (const target of TARGETS) it(`${target.isa}, ${target.dtype}`, () => check(target));
}

// ---- NaN, infinities, zeros, denormals

/** The limits of a type: its least normal number, and its largest. */
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
const flushed = (x: number, dtype: DType): number => (Math.abs(x) < LIMITS[dtype].least ? x * 0 : x); // prettier-ignore

/**
 * Whether a result is among those that may be: infinities and NaN as they are, other numbers within
 * a few roundings. A denormal may count as zero, as operand or result: a program flushes them on
 * x86-64 and aarch64. What is near infinity may be infinite.
 */
function isAmong(found: number, wanted: readonly number[], dtype: DType): boolean {
  const { least } = LIMITS[dtype];
  return wanted.some((exact) => {
    const y = rounded(exact, dtype);
    if (!Number.isFinite(y) || (y === 0 && found === 0)) return Object.is(found, y);
    return Math.abs(found - y) <= RELATIVE[dtype] * Math.abs(y) + (Math.abs(y) < 2 * least ? least : 0); // prettier-ignore
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
  tanh: (x) => x.tanh(),
  sigmoid: (x) => x.sigmoid(),
  softplus: (x) => x.softplus(),
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
}; // prettier-ignore

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

/** Of rows: what one number among others does to the result. */
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
}; // prettier-ignore

/** Zeros among it: zero times infinity is NaN. */
function zerosAndOnes(rows: number, cols: number): Value {
  return parameter(Array.from({ length: rows * cols }, (_, i) => i % 2), { shape: [rows, cols] }); // prettier-ignore
}

/** The values of a graph by the plain reference, of feeds as they are and with denormals flushed. */
function references(root: Value, feeds: Feeds, numbers: readonly Value[], dtype: DType): (readonly number[])[] {
  const known = new Map(numbers.map((p) => [p as Node, { shape: p.shape, data: [...p.data] }]));
  const fed = (f: (x: number) => number): Feeds => Object.fromEntries(Object.entries(feeds).map(([name, x]) => [name, Array.from(x as number[], f)])); // prettier-ignore
  const both = [fed((x) => x), fed((x) => flushed(x, dtype))];
  return both.map((each) => evaluate(root, each, known).get(root)!.data);
} // prettier-ignore

function compare(found: ArrayLike<number>, wanted: readonly (readonly number[])[], dtype: DType, what: (i: number) => string): void {
  const wrong: string[] = [];
  assert.equal(found.length, wanted[0]!.length);
  for (let i = 0; i < found.length; i++) {
    const may = wanted.map((one) => one[i]!);
    if (!isAmong(found[i]!, may, dtype)) wrong.push(`${what(i)} is ${found[i]!}, not ${may[0]!}`);
  }
  assert.deepEqual(wrong, []);
} // prettier-ignore

describe('NaN, infinities, zeros and denormals', () => {
  type Wanted = (y: Value, xs: readonly number[], dtype: DType) => (readonly number[])[];
  const byReference: Wanted = (y, xs, dtype) => references(y, { x: [...xs] }, [], dtype);
  const byElement = (f: (x: number) => number): Wanted => (_, xs, dtype) => [xs.map(f), xs.map((x) => f(flushed(x, dtype)))]; // prettier-ignore
  const rows: [name: string, f: (x: Value) => Value, wanted: Wanted][] = [
    ...Object.entries(UNARY).map(([name, f]): (typeof rows)[number] => [name, f, byReference]),
    ...Object.entries(ROOTS).map(([name, [f, g]]): (typeof rows)[number] => [
      name,
      f,
      byElement(g),
    ]),
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
        for (const one of [y, singles]) compare(compile(one, target).forward({ x: xs }), wanted, target.dtype, what);
      });
    }); // prettier-ignore
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
        // Zeros of both signs are equal: the larger of them is either.
        const others = name.endsWith('imum') ? exact.map((list) => list.map((x) => (x === 0 ? -x : x))) : [];
        compare(compile(y, target).forward(feeds), [...exact, ...others], target.dtype, what);
      });
    }); // prettier-ignore
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
        for (const [special, other] of [[NaN, 1], [Infinity, 1], [-Infinity, 1], [Infinity, -Infinity], [-0, -0], [NaN, Infinity]] as const) {
          for (const at of [0, 1, 7, 8, 31, 36, 37, 5 * cols + 20, rows * cols - 1]) {
            const data = Array.from({ length: rows * cols }, (_, i) => (i % 7) - 3);
            data[at] = special;
            if (other !== 1) data[(at + 3) % data.length] = other;
            const feeds = { x: data };
            const wanted = references(y, feeds, numbers, target.dtype);
            compare(program.forward(feeds), wanted, target.dtype, (i) => `${name} with ${special} in place ${at}: [${i}]`); // prettier-ignore
          }
        }
      });
    }); // prettier-ignore
  }
});

/** Numbers of every size, some of them NaN. */
function draw(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.gauss(0, 1));
}

// ---- Memory

describe('where arrays begin changes no bit of', () => {
  const OFFSETS = Array.from({ length: 16 }, (_, i) => i);
  const LENGTHS = [1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 67];
  type Call = (place: (x: TypedArray) => TypedArray, n: number, target: Target) => TypedArray | Int32Array; // prettier-ignore
  const numbers = (count: number, dtype: DType): TypedArray => TYPES[dtype].from(draw(new Random(count + 1), count)); // prettier-ignore
  const CALLS: Record<keyof typeof kernels, Call> = {
    matmul: (place, n, { isa, dtype }) => {
      const [m, k] = [5, 9];
      return kernels.matmul(place(numbers(m * k, dtype)), place(numbers(k * n, dtype)), { m, k, n, isa, out: place(new TYPES[dtype](m * n)) }); // prettier-ignore
    },
    relu: (place, n, { isa, dtype }) => kernels.relu(place(numbers(n, dtype)), { isa, out: place(new TYPES[dtype](n)) }), // prettier-ignore
    softmax: (place, n, { isa, dtype }) => kernels.softmax(place(numbers(3 * n, dtype)), { cols: n, isa, out: place(new TYPES[dtype](3 * n)) }), // prettier-ignore
    topk: (place, n, { isa, dtype }) => kernels.topk(place(numbers(n, dtype)), n >> 1, { isa }),
    gather: (place, n, { isa, dtype }) => kernels.gather(place(numbers(4 * n, dtype)), Int32Array.of(3, 0, 3), { cols: n, isa, out: place(new TYPES[dtype](3 * n)) }), // prettier-ignore
  };

  for (const [name, call] of Object.entries(CALLS)) {
    describe(`kernels.${name}`, () => {
      forEachTarget((target) => {
        for (const n of LENGTHS) {
          let calls = 0;
          const expected = call((x) => x, n, target).slice();
          for (const offset of OFFSETS) {
            // The arrays of a call begin at different places, too.
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
const ended = ({ losses, parameters }: Run): number[] => [...losses, ...parameters.flatMap((value) => [...value.data])]; // prettier-ignore

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
          // A call that fails, and ones that leave NaN, infinities and other sizes behind.
          assert.throws(() => run.training.step({ ...doc, tokens: [VOCAB] }));
          kernels.softmax(TYPES[target.dtype].of(NaN, Infinity, -Infinity), { isa: target.isa });
          kernels.matmul(new Float64Array(67).fill(Infinity), new Float64Array(67), { m: 1, k: 67, n: 1 }); // prettier-ignore
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
      for (const threads of [2, 3, 4, 5, 6, 7, 8]) assert.deepEqual(trained(threads), expected, `${name}, ${threads} threads`); // prettier-ignore
    }
  });
});

// ---- The state of the thread

type Functions = Record<string, unknown>;
type Native = (...args: unknown[]) => unknown;

/** Every function of the addon, by its full name, with the object that holds it. */
function functionsOf(holder: Functions, prefix = ''): [name: string, holder: Functions, key: string][] {
  return Object.entries(holder).flatMap(([key, value]) =>
    typeof value === 'function'
      ? [[prefix + key, holder, key]]
      : functionsOf(value as Functions, `${prefix}${key}.`),
  );
} // prettier-ignore

/**
 * Runs `body` with the thread's state checked after each call of the addon, and of the functions that
 * those return. The names of those that returned, and of those that threw.
 */
async function watched(
  body: () => void | Promise<void>,
): Promise<{ returned: Set<string>; threw: Set<string> }> {
  const [returned, threw] = [new Set<string>(), new Set<string>()];
  const watch = (name: string, native: Native): Native =>
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
    }; // prettier-ignore
  const all = functionsOf(addon as unknown as Functions);
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

  const { matrices } = addon;
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
    assert.throws(() => run.training.stepBatch([DOCS[0]!, { tokens: [VOCAB], targets: [0], length: 1 }], { threads: 2 })); // prettier-ignore
    const tokens = Int32Array.of(0, 1, 2);
    const dataset = { count: 2, inputs: { tokens: { values: tokens, starts: Int32Array.of(0, 1) }, targets: { values: tokens, starts: Int32Array.of(1, 0) }, length: { values: Int32Array.of(1, 2) } } }; // prettier-ignore
    run.training.stepEach(dataset);
    run.training.evaluateEach(dataset);
    await run.training.stepEachAsync(dataset);
    checkControlState('a series on another thread');
    const model = buildModel(name, tokenizer.vocabSize, SIZES, new Random(3));
    new Sampler(model, tokenizer, target).tokens(random, { count: 2, temperature: 0.5 });
    for (const value of model.parameters) value.data.fill(NaN);
    assert.throws(() => new Sampler(model, tokenizer, target).tokens(random, { count: 1, temperature: 1 })); // prettier-ignore
  }
  new SGD({ learningRate: 1 }).minimize(root, target).step({});
  new Program({ groups: [[root]], gradients: 'none' }, target).forward({});
}

describe('the state of floating-point arithmetic is as it was', () => {
  const all = functionsOf(addon as unknown as Functions).map(([name]) => name);

  describe('after every call of the addon that returns, or throws', () => {
    forEachTarget(async (target) => {
      const { returned } = await watched(() => callEverything(target));
      // A function that is new wants a call in `callEverything`.
      assert.deepEqual(all.filter((name) => !returned.has(name)), []); // prettier-ignore
      assert.ok(returned.has('what bind returns'));
    });
  });

  it('after every call of the addon without arguments', async () => {
    const { returned, threw } = await watched(() => {
      for (const [, holder, key] of functionsOf(addon as unknown as Functions)) {
        try {
          (holder[key] as Native)();
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
        }
      }
    });
    assert.deepEqual(all.filter((name) => !returned.has(name) && !threw.has(name)), []); // prettier-ignore
    assert.ok(threw.size > all.length / 2, 'most want arguments');
  });
});
