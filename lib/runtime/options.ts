/** The options of programs, and their checks. */
import type { DType } from '../core/array.js';
import { checkOneOf, type Known } from '../core/check.js';
import type { PassSet } from '../compiler/passes.js';
import type { Node } from '../graph/node.js';

/** Options of compilation. */
export interface ProgramOptions {
  /** The data type of all numbers; float64 by default. */
  dtype?: DType;
  /** The name of an instruction set; by default VECGRAD_ISA, else the machine's best. */
  isa?: string;
  /** The compiler passes to run (see compiler/passes.ts); all by default. */
  passes?: PassSet;
  /**
   * Whether training may use batches (`stepBatch`); gradients are then kept whole, so that they can be added
   * up.
   */
  batches?: boolean;
  /**
   * Whether a training step checks for NaN or infinity in its loss and gradients. If it finds any, it changes
   * nothing and throws a `NonFiniteError` that names the value of the graph where it first appears. Costs one
   * pass over all gradients per step, which are then kept whole; only a failing step is run again to find the
   * value. False by default.
   */
  detectAnomaly?: boolean;
  /**
   * Groups of values that `generate` will run as a sequence. They are compiled into the loss's own program
   * where its prefix lengths allow it, which saves compiling a second program.
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
