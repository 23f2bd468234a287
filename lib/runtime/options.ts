/** How a program is compiled: its options, and how they are checked. */
import type { DType } from '../core/array.js';
import { chosenIsa } from '../binding/addon.js';
import { checkBoolean, checkObject, checkOneOf, checkOptions, type Known } from '../core/check.js';
import { groupsOf, type CompileRequest, type Plan } from '../compiler/compile.js';
import { ALL_PASSES, checkPasses, type PassSet } from '../compiler/passes.js';
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

function checkDType(dtype: unknown = 'float64'): DType {
  return checkOneOf<DType>('dtype', dtype, ['float64', 'float32']);
}

/** What the compiler is asked for, and with which numbers and instructions the program runs. */
export interface ProgramRequest extends CompileRequest {
  isa: string;
  /** The arrays that were given as groups and sequence; `groups` and `sequence` are copies of them. */
  givenGroups: Plan['groups'];
  givenSequence: Plan['groups'] | undefined;
}

/** Reads a plan and the options, each once, and checks them. */
export function readRequest(plan: Plan, options: ProgramOptions): ProgramRequest {
  checkObject('a program', plan, 'an object { groups, gradients }, which compile and optimisers make');
  checkOptions('a program', options, PROGRAM_OPTIONS);
  const {
    dtype,
    isa,
    passes = ALL_PASSES,
    batches = false,
    sequence: givenSequence,
    detectAnomaly = false,
  } = options;
  const { gradients, update, groups: givenGroups } = plan;
  checkBoolean('detectAnomaly', detectAnomaly);
  if (detectAnomaly && !update)
    throw new TypeError(
      'detectAnomaly looks at training steps, and this program takes none: give it to minimize, as ' +
        'in minimize(loss, { detectAnomaly: true })',
    );
  const machine = { dtype: checkDType(dtype), isa: chosenIsa(isa) };
  const checked = checkPasses(passes);
  checkBoolean('batches', batches);
  if (batches && !update)
    throw new TypeError(
      'batches is for training by stepBatch, and this program takes no steps: give it to minimize, as in ' +
        'minimize(loss, { batches: true })',
    );
  const groups = groupsOf('groups', givenGroups);
  const sequence = givenSequence === undefined ? undefined : groupsOf('sequence', givenSequence);
  const given = { givenGroups, givenSequence };
  return {
    gradients,
    update,
    detectAnomaly,
    ...machine,
    passes: checked,
    groups,
    sequence,
    batches,
    ...given,
  };
}
