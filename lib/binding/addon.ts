/** Loads the native addon and describes its calls: the only module that touches the binary. */
import find from 'node-gyp-build';
import { shown } from '../core/check.js';
import type { TypedArray } from '../core/array.js';
import type { NativeKernels } from './kernels.js';
import { missingAddon } from './load-error.js';
import { packageRoot } from '../core/package.js';
import type { Handle } from './handle.js';
import type { RowsSpec, SeriesSpec } from './series-spec.js';

export type { Handle } from './handle.js';

/** Where a run stopped: at an index outside its table or, with a limit of -1, at a non-finite number. */
export type Fault = [instruction: number, index: number, limit: number];

/** What the addon exports (native/node/addon.cpp). */
export interface NativeAddon {
  info(): {
    compiled: string[];
    available: string[];
    best: string;
    opcodes: string[];
    /** The operand rules of native/vm/instructions.def, by opcode. */
    operands: string[];
    /** The names of an instruction's words, in order (native/vm/words.def). */
    instructionWords: string[];
    scalarOpcodes: string[];
    /** The operands of native/vm/scalar_bytecode.def, by opcode. */
    scalarOperands: string[];
  };
  /**
   * How many processors this process may use; where `root` is given, the quota of the control groups that the
   * files below this folder describe, 0 without one.
   */
  processors(root: string): number;
  /** OpenBLAS; `better` is the core type that suits this processor better than the one it chose, or ''. */
  blas(): { version: string; threads: number; core: string; better: string };
  createProgram(spec: {
    float32: boolean;
    isa: string;
    arenaSize: number;
    intsSize: number;
    maxLength: number;
    extents: Int32Array;
    code: Int32Array;
    repeats: Int32Array;
    steps: Int32Array;
    scalarBytecode: Uint32Array;
  }): Handle;
  /**
   * How the program's instructions before `end` run on many examples at once (native/vm/row_plan.h);
   * undefined where they can only run on one.
   */
  planRows(
    handle: Handle,
    spec: {
      /** The regions of nodes, five words each: offset, size, first, rows, whether they are fed. */
      numberRegions: Int32Array;
      intRegions: Int32Array;
      /** Where a batch's gradients are added up. */
      gradients: number;
      gradientsSize: number;
      end: number;
    },
  ): Handle | undefined;
  /**
   * How many numbers and integers a thread needs for the rows of a piece of some examples, and the most
   * examples that a piece should have (native/run/pieces.h).
   */
  pieceSizes(handle: Handle, plan: Handle, examples: number): [numbers: number, ints: number, most: number];
  /**
   * A function that runs instructions `range[2]` to `range[3]` on these arrays, for a prefix that grows from
   * `range[0]` to `range[1]` positions, on at most `range[4]` threads.
   */
  bind(
    handle: Handle,
    arena: Float64Array | Float32Array,
    ints: Int32Array,
    range: Int32Array,
  ): () => Fault | undefined;
  generate(
    spec: {
      program: Handle;
      arena: Float64Array | Float32Array;
      ints: Int32Array;
      random: Handle;
      results: Int32Array;
      slot: number;
      start: number;
      stop: number;
      prefix: Int32Array;
      temperature: number;
      /** The top k: each choice is drawn from this many indices with the largest results. */
      top: number;
      instructions: number;
      isPrefix: boolean;
      /** Whether each sequence has a stretch of the random numbers of its own: one for each position. */
      isTogether: boolean;
      /** How sequences run together, if they do. */
      rows?: RowsSpec | undefined;
      /** The most threads that a position runs on. */
      threads: number;
    },
    drawn: Int32Array,
    lengths: Int32Array,
  ): Fault | undefined;
  /**
   * Runs the examples from `from` on, one for each element of `losses`, which it fills. Returns how many it
   * completed, or where it met a fault.
   */
  runSeries(
    program: Handle,
    arena: TypedArray,
    ints: Int32Array,
    series: SeriesSpec,
    from: number,
    losses: Float64Array,
  ): number | SeriesFault;
  /**
   * As `runSeries`, on another thread. It ends before the next example when `stop` (shared memory) is not 0.
   * Until it has ended, nobody may touch or transfer arena, ints and losses.
   */
  runSeriesAsync(
    program: Handle,
    arena: TypedArray,
    ints: Int32Array,
    series: SeriesSpec,
    from: number,
    losses: Float64Array,
    stop: Int32Array,
  ): Promise<number | SeriesFault>;
  alignment(array: TypedArray): number;
  useHugePages(array: TypedArray): void;
  random: {
    create(): Handle;
    seed(random: Handle, key: Uint32Array): void;
    real(random: Handle): number;
    bits(random: Handle, count: number): number;
    below(random: Handle, n: number): number;
    permutation(random: Handle, order: Int32Array): void;
    gauss(random: Handle, out: Float64Array, mean: number, deviation: number): void;
    weightedIndex(random: Handle, weights: Float64Array): number;
    save(random: Handle, words: Uint32Array): void;
    restore(random: Handle, words: Uint32Array): boolean;
  };
  text: {
    /**
     * Finds the lines of a text of printable ASCII without spaces. Returns their number, or -1 when the text
     * has other characters or an empty line. Fills `starts` with the offset of each line and of the end, and
     * sets the elements of `occurs` (by character code) for the characters that occur.
     */
    lines(text: Uint8Array, starts: Int32Array, occurs: Uint8Array): number;
    /**
     * Encodes the lines with these numbers: `bos` before each line and after the last. `idsAfter` holds, by
     * character code, the character's token + 1, or 0. Fills `firsts`, one longer than `numbers`, with the
     * offset of each line's `bos`, and of the last `bos`. Undefined where a character has no token.
     */
    encode(
      text: Uint8Array,
      starts: Int32Array,
      idsAfter: Int32Array,
      bos: number,
      numbers: Int32Array,
      firsts: Int32Array,
    ): Int32Array | undefined;
  };
  /** Of each kind of operation whose gradient rule is needed, one node (for a graph of single numbers). */
  numberKinds(graph: NumberGraph): Int32Array;
  /** The graph together with the gradients of its root (see native/compile/differentiate.h). */
  differentiateNumbers(graph: NumberGraph, rules: Int32Array, seed: number): NumberDerivatives;
  /** How many uses each node has among the nodes that `keep` needs, `keep` itself included; 0: not needed. */
  countUses(graph: AssemblerGraph, keep: Int32Array): Int32Array;
  /** The scalar bytecode of a graph; undefined where its positions allow no order of execution. */
  assembleScalarBytecode(graph: AssemblerGraph, plan: AssemblerPlan): AssembledBytecode | undefined;
  /** The same program with its loops; undefined where none saves `least` instructions (vm/repeats.h). */
  reroll(
    code: Int32Array,
    least: number,
  ): { code: Int32Array; repeats: Int32Array; steps: Int32Array } | undefined;
  kernels: NativeKernels;
  bench: NativeBench;
}

/**
 * Benchmarks on the addon's own operands (native/bench/bench.h). `isa` must be available; `budget` is roughly
 * how many nanoseconds to spend. Arguments out of range throw.
 */
export interface NativeBench {
  /** Each kernel: what n counts, the largest n, and whether `openblas` is accepted as its isa. */
  kernels(): {
    name: string;
    shape: 'n' | '16 x n' | 'n x n' | 'n x n x n';
    most: number;
    openblas: boolean;
  }[];
  /** Measures one call. */
  time(
    kernel: string,
    n: number,
    float32: boolean,
    isa: string,
    budget: number,
  ): { nanoseconds: number; flop: number; bytes: number; footprint: number };
  /** The peak, in FLOP per nanosecond. */
  gflops(float32: boolean, isa: string, budget: number): number;
  /** The peak over a working set of `bytes`, in bytes per nanosecond. */
  bandwidth(bytes: number, float32: boolean, isa: string, budget: number): number;
  vectorBits(isa: string): number;
  /** The emulator's name, where this processor is emulated and says so; else ''. */
  emulator(): string;
}

/**
 * Where a series stopped: at an instruction, as in a `Fault`, or at a feed that was wrong or missing: its
 * column and element. Column -1 is the lengths; columns of numbers are counted after those of indices.
 */
export type SeriesFault = [example: number, ...Fault] | [example: number, column: number, element: number];

/** A graph of single numbers to differentiate (see native/compile/differentiate.h). */
export interface NumberGraph {
  ops: Uint8Array;
  start: Int32Array;
  list: Int32Array;
  positions: Int32Array;
  attributeOf: Int32Array;
  prefix: Uint8Array;
  leaves: Uint8Array;
  count: number;
  forwardEnd: number;
  root: number;
  addN: number;
}

/** The same graph with its gradients. */
export interface NumberDerivatives {
  ops: Uint8Array;
  start: Int32Array;
  list: Int32Array;
  positions: Int32Array;
  attributeOf: Int32Array;
  gradients: Int32Array;
  attributes: Int32Array;
  termPositions: Int32Array;
}

/** A graph of single numbers as the assembler takes it (see native/compile/assembler_graph.h). */
export interface AssemblerGraph {
  ops: Uint8Array;
  start: Int32Array;
  list: Int32Array;
  positions: Int32Array;
  attributeOf: Int32Array;
  attributes: Int32Array;
  positionsList: Int32Array;
  roles: Int32Array;
  own: Int32Array;
  adding: Int32Array;
  count: number;
  forwardEnd: number;
  maxLength: number;
}

/** Where the leaves and gradients of scalar bytecode lie, and its update; -1: none. */
export interface AssemblerPlan {
  uses: Int32Array;
  gradients: Int32Array;
  /** The slot of each node; the assembler assigns those that are -1, from `arenaSize` on. */
  slots: Int32Array;
  zero: number;
  arenaSize: number;
  /** The update's opcode. */
  update: number;
  parameters: number;
  moment: number;
  secondMoment: number;
  gradientBlock: number;
  rule: number;
  blockSize: number;
}

/** Scalar bytecode and where its parts begin and end (native/compile/assemble.h). */
export interface AssembledBytecode {
  words: Uint32Array;
  clearForward: [number, number];
  forward: number[];
  afterForward: [number, number];
  clearBackward: [number, number];
  beforeBackward: [number, number];
  backward: number[];
  update: [number, number];
  arenaSize: number;
}

function load(): NativeAddon {
  const root = packageRoot();
  try {
    return find(root) as NativeAddon;
  } catch (error) {
    throw new Error(missingAddon(root, (error as Error).message), { cause: error });
  }
}

export const addon: NativeAddon = load();
/** What this build is made for. */
export const info = addon.info();

export const opcodes: ReadonlyMap<string, number> = new Map(info.opcodes.map((name, i) => [name, i]));
export const scalarOpcodes: ReadonlyMap<string, number> = new Map(
  info.scalarOpcodes.map((name, i) => [name, i]),
);
export const opcodeNames: readonly string[] = info.opcodes;
export const scalarOpcodeNames: readonly string[] = info.scalarOpcodes;
/** The rules of an instruction's five operands (native/vm/instructions.def). */
export const operandsOf = (op: string): string[] => info.operands[opcodes.get(op)!]!.split(' ');
/** The operands of a scalar opcode, one letter each (native/vm/scalar_bytecode.def). */
export const scalarOperandsOf = (op: string): string => info.scalarOperands[scalarOpcodes.get(op)!]!;
/** The number of words in a record with these operands. */
export function scalarWords(operands: string): number {
  let words = 0;
  for (const kind of operands) words += kind === 'P' ? 3 : kind === 'N' ? 11 : 1;
  return words;
}
/** The number of words in an instruction, and their names in order. */
export const instructionWords: number = info.instructionWords.length;
export const instructionWordNames: readonly string[] = info.instructionWords;

/** An instruction set that is unknown, or not available on this machine. */
export class IsaError extends Error {
  override name = 'IsaError';
}

/**
 * The instruction set to use: the one given, else the one that VECGRAD_ISA names, else the machine's best.
 *
 * @throws IsaError when it is unknown or not available
 */
export function chosenIsa(name?: string): string {
  if (name !== undefined && typeof name !== 'string')
    throw new IsaError(`instruction set ${shown(name)}: expected a name`);
  const wanted = name ?? process.env['VECGRAD_ISA'];
  if (wanted === undefined || wanted === '') return info.best;
  if (info.available.includes(wanted)) return wanted;
  const known = info.compiled.includes(wanted) ? 'this machine does not have it' : 'unknown in this build';
  const by = name === undefined ? 'VECGRAD_ISA names' : 'given';
  throw new IsaError(
    `instruction set ${shown(wanted)} (${by}): ${known}; available: ${info.available.join(', ')}`,
  );
}
