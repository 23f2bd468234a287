/** What describes a series to the addon. `npm run format` writes it from native/node/series.def. */
import type { TypedArray } from '../core/array.js';
import type { Handle } from './handle.js';

/** What all examples feed an index. */
export interface IndexColumnSpec {
  /** The integers of all examples. */
  values: Int32Array;
  /** Where each example begins in it; absent: every `size`. */
  starts?: Int32Array | undefined;
  /** The most integers of one example. */
  size: number;
  /** The first of the program's integers that they are copied to. */
  slot: number;
  /** By prefix length: how many integers a run reads. */
  needs: Int32Array;
  /** By element: it must be below this. */
  limits: Int32Array;
  /** By element: it is read by prefixes longer than this. */
  positions: Int32Array;
}

/** What all examples feed an input of numbers. */
export interface NumberColumnSpec {
  /** The numbers of all examples. */
  values: TypedArray;
  /** Where each example begins in it; absent: every `size`. */
  starts?: Int32Array | undefined;
  /** The count of numbers of one example. */
  size: number;
  /** The place in the arena that they are copied to. */
  offset: number;
}

/** How a step of a series takes several examples, and the memory for it (native/run/batch.h). */
export interface BatchesSpec {
  /** The number of examples per step. */
  size: number;
  /** Where the parameters begin in the arena. */
  parameters: number;
  /** How many numbers they have. */
  parameterCount: number;
  /** Where their gradients begin in the arena. */
  gradients: number;
  /** An example runs what is before this instruction. */
  backward: number;
  /** The number of lanes. */
  lanes: number;
  /** How examples run together; absent: they do not. */
  plan?: Handle | undefined;
  /** The number of examples that run together. */
  piece: number;
  /** The number of threads that there is memory for. */
  copies: number;
  /** Each thread's copy of the arena, and rows of a piece. */
  numbers: TypedArray;
  /** How many numbers apart the threads' begin. */
  stride: number;
  /** Each thread's copy of the integers, and rows of them. */
  ints: Int32Array;
  /** How many integers apart the threads' begin. */
  intStride: number;
  /** Room for the gradients of each lane. */
  sums: TypedArray;
}

/** How examples that are evaluated, or sequences that are generated, run together (native/run/pieces.h). */
export interface RowsSpec {
  /** How each instruction runs. */
  plan: Handle;
  /** The most examples that run together. */
  piece: number;
  /** The rows of a piece. */
  numbers: TypedArray;
  /** The rows of its integers. */
  ints: Int32Array;
}

/** What is read after each example of a series without steps, besides its loss (native/run/outputs.h). */
export interface OutputsSpec {
  /** Offset and count of numbers in the arena, one range after another. */
  ranges: Int32Array;
  /** Room for the numbers of each example, one example after another. */
  results: TypedArray;
}

/** A series: one run or step after another, on many examples (native/run/series.h). */
export interface SeriesSpec {
  /** What the indices are fed. */
  indices: IndexColumnSpec[];
  /** What the other inputs are fed. */
  numbers: NumberColumnSpec[];
  /** Prefix length of each example; empty: the longest. */
  lengths: Int32Array;
  /** Where 1 / length goes in the arena; -1: nowhere. */
  inverseCount: number;
  /** The most threads that run it. */
  threads: number;
  /** A run ends before this instruction. */
  end: number;
  /** Where the loss is in the arena. */
  loss: number;
  /** Where the numbers of the update rule go in it. */
  rule: number;
  /** How many numbers these are. */
  ruleSize: number;
  /** The numbers for each step, step by step. */
  rules: Float64Array;
  /** Where the step's number goes in the integers. */
  stepSlots: Int32Array;
  /** The number of the first step. */
  firstStep: number;
  /** Whether a non-finite loss ends the series. */
  stops: boolean;
  /** Absent: each example has a run of its own. */
  batches?: BatchesSpec | undefined;
  /** Of a series without steps; absent: as above. */
  rows?: RowsSpec | undefined;
  /** Absent: only losses are read. */
  outputs?: OutputsSpec | undefined;
}
