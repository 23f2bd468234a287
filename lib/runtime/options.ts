/** How a program is compiled: its options, and how they are checked. */
import type { DType } from '../core/array.js';
import { checkOneOf, type Known } from '../core/check.js';
import type { PassSet } from '../compiler/passes.js';
import type { Node } from '../graph/node.js';

/** How a program is compiled. */
export interface ProgramOptions {
  /** The data type of all numbers: float64 by default. */
  dtype?: DType;
  /** An instruction set by name; by default the process's choice. */
  isa?: string;
  /** The compiler's passes that are on: all by default (see compiler/passes.ts). */
  passes?: PassSet;
  /** Whether training takes batches (`stepBatch`): gradients are then kept whole, to be added up. */
  batches?: boolean;
  /**
   * Whether a training step whose loss or gradient is NaN or infinite stops before it changes anything,
   * with a `NonFiniteError` that names the value of the graph from which that comes. Costs a step one
   * pass over the gradients, which are then kept whole; only a step that stops is run again to find the
   * value. False by default.
   */
  detectAnomaly?: boolean;
  /**
   * Groups of values that `generate` is to run as a sequence, in the loss's own program where its
   * prefix lengths allow it, so that no second program has to be compiled.
   */
  sequence?: readonly (readonly Node[])[];
}

export const PROGRAM_OPTIONS: Known<ProgramOptions> = {
  dtype: true,
  isa: true,
  passes: true,
  batches: true,
  sequence: true,
  detectAnomaly: true,
};

export function checkDType(dtype: unknown = 'float64'): DType {
  return checkOneOf<DType>('dtype', dtype, ['float64', 'float32']);
}
