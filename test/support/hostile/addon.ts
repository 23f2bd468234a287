/** Valid arguments for every function that the addon exports, from which fuzzed calls are made. */
import { matrices } from '../../../bench/matrices.js';
import { addon, type Handle } from '../../../lib/binding/addon.js';
import type { Recording } from './recorded.js';
import { copyOf, LARGE, type Chance } from './values.js';
import { flattened, type Rows } from './rows.js';

const floats = (chance: Chance, n: number): Float64Array | Float32Array =>
  (chance.is(0.5) ? Float64Array : Float32Array).from(Array.from({ length: n }, () => chance.next() * 4 - 2));
const ints = (chance: Chance, n: number, below: number): Int32Array =>
  Int32Array.from({ length: n }, () => chance.below(below));

/** Arrays of the same type with these lengths. */
function alike(chance: Chance, ...lengths: number[]): (Float64Array | Float32Array)[] {
  const first = floats(chance, 0);
  const Made = first.constructor as new (n: ArrayLike<number>) => Float64Array;
  return lengths.map((n) => new Made(floats(chance, n)));
}

/** A row for each function, by path; functions that models call get recorded arguments. */
export function addonRows(recording: Recording, chance: Chance): Rows {
  const isa = addon.info().best;
  const [spec, rowSpec] = recording['rows']![0]! as [
    Parameters<typeof addon.createProgram>[0],
    Parameters<typeof addon.planRows>[1],
  ];
  const program = addon.createProgram(spec);
  const plan = addon.planRows(program, rowSpec)!;
  const random = addon.random.create();
  addon.random.seed(random, Uint32Array.of(chance.below(1000)));
  const strangers: Handle[] = [program, plan, random];
  const recorded = (name: string) => (c: Chance) => copyOf(c.of(recording[name]!)) as unknown[];
  const rows: Record<string, (c: Chance) => unknown[]> = {
    info: () => [],
    blas: () => [],
    processors: (c) => [c.of(['', '/none'])],
    createProgram: recorded('createProgram'),
    bind: recorded('bind'),
    planRows: recorded('planRows'),
    generate: recorded('generate'),
    runSeries: recorded('runSeries'),
    countUses: recorded('countUses'),
    assembleScalarBytecode: recorded('assembleScalarBytecode'),
    numberKinds: recorded('numberKinds'),
    differentiateNumbers: recorded('differentiateNumbers'),
    reroll: recorded('reroll'),
    alignment: (c) => [floats(c, 8)],
    useHugePages: (c) => [floats(c, 8)],
    pieceSizes: (c) => [program, plan, c.below(50)],
    'kernels.matmul': (c) => {
      const [m, k, n] = [1 + c.below(6), 1 + c.below(6), 1 + c.below(6)];
      return [...alike(c, m * n, m * k, k * n), m, k, n, c.is(0.5), c.is(0.5), isa];
    },
    'kernels.relu': (c) => [...alike(c, 9, 9), isa],
    'kernels.softmax': (c) => [...alike(c, 12, 12), 3, 4, isa],
    'kernels.topk': (c) => [new Int32Array(c.below(9)), floats(c, 8 + c.below(100)), isa],
    'kernels.gather': (c) => [...alike(c, 12, 20), ints(c, 3, 5), 4, isa],
    'matrices.gemm': (c) => {
      const [y, a, b] = alike(c, 24, 24, 24);
      return [y, 3, 12, a, 3, 1, 12, b, c.of([3, 1]), c.of([1, 3]), 12, 3, 3, 3, 2, c.below(2)];
    },
    'matrices.sgd': (c) => [...alike(c, 9, 9, 9), 9, 0.1, 0.9],
    'matrices.causalSoftmax': (c) => [...alike(c, 18, 18), 2, 3],
    'matrices.softmaxGrad': (c) => [...alike(c, 12, 12, 12), 3, 4],
    'matrices.rmsNorm': (c) => [...alike(c, 12, 3, 12), 3, 4, 1e-5],
    'matrices.rmsNormGrad': (c) => [...alike(c, 12, 12, 12, 3), 3, 4, c.below(2)],
    'matrices.crossEntropy': (c) => [...alike(c, 3, 12, 12), ints(c, 3, 4), 3, 4],
    'matrices.crossEntropyGrad': (c) => [...alike(c, 12, 12), 0.3, ints(c, 3, 4), 3, 4],
    'matrices.add': (c) => [...alike(c, 9, 9, 9), 9],
    'matrices.maskPositive': (c) => [...alike(c, 9, 9, 9), 9],
    'matrices.scale': (c) => [floats(c, 12), 4, 0.5, 3, 4],
    'matrices.scatterAdd': (c) => {
      const [y, x] = alike(c, 20, 12);
      return [y, 5, x, ints(c, 3, 5), 3, 4];
    },
    'random.create': () => [],
    'random.seed': (c) => [random, Uint32Array.of(c.below(9), 2, 3)],
    'random.real': () => [random],
    'random.bits': (c) => [random, 1 + c.below(32)],
    'random.below': (c) => [random, 1 + c.below(99)],
    'random.permutation': (c) => [random, new Int32Array(c.below(20))],
    'random.gauss': (c) => [random, new Float64Array(c.below(20)), 0, 1],
    'random.save': (c) => [random, new Uint32Array(c.of([628, 628, 627]))],
    'random.restore': (c) => [
      random,
      Uint32Array.from({ length: c.of([628, 628, 9]) }, () => c.below(2 ** 31)),
    ],
    'random.weightedIndex': (c) => [random, Float64Array.from(floats(c, 9), Math.abs)],
    'text.lines': (c) => [
      new Uint8Array(Buffer.from(c.of(['ab\ncd\n', 'ab', 'a b', '\n', '']))),
      new Int32Array(9),
      new Uint8Array(128),
    ],
    'text.encode': (c) => {
      const text = new Uint8Array(Buffer.from('ab\ncd\n'));
      const after = new Int32Array(128).fill(1, 97, 101);
      return [text, Int32Array.of(0, 3, 6), after, 4, ints(c, 3, 2), new Int32Array(4)];
    },
    'bench.kernels': () => [],
    'bench.time': (c) => [c.of(addon.bench.kernels()).name, 1 + c.below(3), c.is(0.5), isa, c.below(2)],
    'bench.gflops': (c) => [c.is(0.5), isa, c.below(2)],
    'bench.bandwidth': (c) => [64 + c.below(999), c.is(0.5), isa, c.below(2)],
    'bench.vectorBits': () => [isa],
    'bench.emulator': () => [],
  };
  // runSeriesAsync reads its arguments with the same code as runSeries, but then leaves the arrays to another
  // thread until its promise settles, and a fuzzer would keep using them.
  const calls = flattened({ ...addon, matrices, runSeriesAsync: undefined });
  return { calls, rows, strangers, large: (path) => (path.startsWith('bench.') ? [] : LARGE) };
}
