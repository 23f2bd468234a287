/** Loads the native addon and says what it can do: the only module that touches the binary. */
import { cpus } from 'node:os';
import find from 'node-gyp-build';
import { shown } from '../core/check.js';
import type { TypedArray } from '../core/array.js';
import type { NativeKernels } from './kernels.js';
import { missingAddon } from './load-error.js';
import { packageRoot } from '../core/package.js';

/** The native half of a program or a generator; opaque. */
export type Handle = object;

/**
 * Where a run stopped: an index that was outside its table or, with a limit of -1, a number that was not
 * finite.
 */
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
  blas(): { version: string; threads: number; core: string };
  createProgram(spec: {
    float32: boolean;
    isa: string;
    arenaSize: number;
    intsSize: number;
    maxLength: number;
    extents: Int32Array;
    code: Int32Array;
    scalarBytecode: Uint32Array;
  }): Handle;
  /**
   * A function that runs the program on these arrays: as a prefix of `range[0]` positions that
   * grows to `range[1]`, the instructions from `range[2]` to `range[3]`.
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
      /** A choice is drawn from so many: those with the largest results. */
      top: number;
      instructions: number;
      isPrefix: boolean;
    },
    drawn: Int32Array,
    lengths: Int32Array,
  ): Fault | undefined;
  /**
   * Runs documents `from` on, one for each place in `losses`, which it fills. Returns how many it
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
   * What `runSeries` does, on another thread; ends before the next document when `stop`, on shared
   * memory, is not 0. Until then arena, ints and losses must not be touched or transferred.
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
  alignment(array: Float64Array | Float32Array): number;
  random: {
    create(): Handle;
    seed(random: Handle, key: Uint32Array): void;
    real(random: Handle): number;
    bits(random: Handle, count: number): number;
    below(random: Handle, n: number): number;
    permutation(random: Handle, order: Int32Array): void;
    gauss(random: Handle, out: Float64Array, mean: number, deviation: number): void;
    choose(random: Handle, weights: Float64Array): number;
    save(random: Handle, words: Uint32Array): void;
    restore(random: Handle, words: Uint32Array): boolean;
  };
  text: {
    /**
     * The number of lines in text of printable ASCII, without spaces, and line feeds, or -1 where
     * it is none or a line is empty. Fills `starts` with where each line begins and one more would,
     * and sets the elements of `occurs`, by character, of those that there are.
     */
    lines(text: Uint8Array, starts: Int32Array, occurs: Uint8Array): number;
    /**
     * The tokens of the lines of these numbers, `bos` before each and after the last; undefined where
     * a character has none. `idsAfter` has by character its token + 1, or 0. Fills `firsts`, one longer
     * than `numbers`, with where each line's `bos` lies, and the last.
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
  /** One node of each kind of a graph of single numbers that needs rules of its gradient. */
  numberKinds(graph: NumberGraph): Int32Array;
  /** The graph with the nodes of its root's gradients (native/compile/differentiate.h says what is what). */
  differentiateNumbers(graph: NumberGraph, rules: Int32Array, seed: number): NumberDerivatives;
  /** How often each node is used by what `keep` needs, and kept; 0: not needed. */
  countUses(graph: AssemblerGraph, keep: Int32Array): Int32Array;
  /** The scalar bytecode of a graph; undefined where its positions leave no order to run in. */
  assembleScalarBytecode(graph: AssemblerGraph, plan: AssemblerPlan): AssembledBytecode | undefined;
  kernels: NativeKernels;
  bench: NativeBench;
}

/**
 * Times on operands of the addon's own (native/bench/bench.h). `isa` is an available instruction set;
 * `budget` is about how many nanoseconds are spent; what is out of range throws.
 */
export interface NativeBench {
  /** Every kernel, what n counts, the largest n, and whether `openblas` is an isa for it. */
  kernels(): {
    name: string;
    shape: 'n' | '16 x n' | 'n x n' | 'n x n x n';
    most: number;
    openblas: boolean;
  }[];
  /** Of one call. */
  time(
    kernel: string,
    n: number,
    float32: boolean,
    isa: string,
    budget: number,
  ): { nanoseconds: number; flop: number; bytes: number; footprint: number };
  /** The most FLOP per nanosecond. */
  gflops(float32: boolean, isa: string, budget: number): number;
  /** The most bytes per nanosecond over a working set of `bytes`. */
  bandwidth(bytes: number, float32: boolean, isa: string, budget: number): number;
  vectorBits(isa: string): number;
  /** What emulates this processor, by its own account; '' where it gives none. */
  emulator(): string;
}

/** One run after another, each on a document of its own (native/run/series.h says what is what). */
export interface SeriesSpec {
  indices: {
    slot: number;
    size: number;
    values: Int32Array;
    starts?: Int32Array;
    needs: Int32Array;
    limits: Int32Array;
    positions: Int32Array;
  }[];
  numbers: { offset: number; size: number; values: Float64Array | Float32Array; starts?: Int32Array }[];
  /** The prefix length of each example; empty: always the longest. */
  lengths: Int32Array;
  inverseCount: number;
  end: number;
  loss: number;
  rule: number;
  ruleSize: number;
  rules: Float64Array;
  stepSlots: Int32Array;
  firstStep: number;
  /** 1: stop after a loss that is not finite. */
  stops: number;
  /** How a step takes several examples; undefined: each has a run of its own. */
  batches?: BatchesSpec | undefined;
}

/**
 * Of a document: the instruction, the index and its limit, as in a `Fault`; or the column and the
 * element that were fed wrongly or not at all, column -1 being the lengths; columns of numbers are
 * counted behind those of indices.
 */
export type SeriesFault = [document: number, ...Fault] | [document: number, column: number, element: number];

/** How a step of a series takes several examples (native/run/batch.h says what is what). */
export interface BatchesSpec {
  size: number;
  threads: number;
  parameters: number;
  parameterCount: number;
  gradients: number;
  backward: number;
  lanes: number;
  stride: number;
  numbers: TypedArray;
  ints: Int32Array;
  sums: TypedArray;
}

/** A graph of single numbers to differentiate (native/compile/differentiate.h says what is what). */
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
  total: number;
}

/** Such a graph with its gradients. */
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

/**
 * A graph of single numbers as the assembler takes it (native/compile/assembler_graph.h says what is what).
 */
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

/** Where leaves and gradients of scalar bytecode lie, and its update; -1: none. */
export interface AssemblerPlan {
  uses: Int32Array;
  gradients: Int32Array;
  /** By node; the assembler places those that have -1, from `arenaSize` on. */
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
const info = addon.info();

export const opcodes: ReadonlyMap<string, number> = new Map(info.opcodes.map((name, i) => [name, i]));
export const scalarOpcodes: ReadonlyMap<string, number> = new Map(
  info.scalarOpcodes.map((name, i) => [name, i]),
);
export const opcodeNames: readonly string[] = info.opcodes;
export const scalarOpcodeNames: readonly string[] = info.scalarOpcodes;
/** The rules of an instruction's five operands (native/vm/instructions.def). */
export const operandsOf = (op: string): string[] => info.operands[opcodes.get(op)!]!.split(' ');
/** The operands of a scalar opcode, a letter each (native/vm/scalar_bytecode.def). */
export const scalarOperandsOf = (op: string): string => info.scalarOperands[scalarOpcodes.get(op)!]!;
/** How many words an instruction has, and their names in order. */
export const instructionWords: number = info.instructionWords.length;
export const instructionWordNames: readonly string[] = info.instructionWords;

/** An instruction set that does not exist, or not here. */
export class IsaError extends Error {
  override name = 'IsaError';
}

/**
 * The instruction set to use: the named one, else the one VECGRAD_ISA names, else the machine's
 * best. Throws an `IsaError` when it is unknown or not available.
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

/** What the native addon says of itself and the machine. */
export interface NativeInfo {
  /** Node-API's version. */
  napiVersion: number;
  /** The instruction sets. */
  isas: {
    /** Those in the addon, the best first. */
    compiled: string[];
    /** Those of them that this machine can run. */
    available: string[];
    /** The one that runs where no other is asked for. */
    chosen: string;
  };
  /** The library of large products. */
  openblas: {
    /** Its version. */
    version: string;
    /** How many threads it uses. */
    threads: number;
    /** The processor it takes this one for. */
    core: string;
  };
  /** The processor's name, by the operating system. */
  cpu: string;
}

/** What this build can do on this machine. */
export function nativeInfo(): NativeInfo {
  return {
    napiVersion: Number(process.versions['napi'] ?? 0),
    isas: { compiled: info.compiled, available: info.available, chosen: chosenIsa() },
    openblas: addon.blas(),
    cpu: cpus()[0]?.model ?? 'unknown',
  };
}
