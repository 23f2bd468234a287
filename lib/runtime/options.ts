/** The options of programs, and their checks. */
import type { DType } from '../core/array.js';
import { chosenIsa } from '../binding/addon.js';
import { threadLimit } from '../binding/threads.js';
import { checkBoolean, checkObject, checkOneOf, checkOptions, type Known } from '../core/check.js';
import { groupsOf, type CompileRequest, type Plan } from '../compiler/compile.js';
import { ALL_PASSES, checkPasses, type PassSet } from '../compiler/passes.js';
import type { Node } from '../graph/node.js';

/** Options of compilation. */
export interface ProgramOptions {
  /** The data type of all numbers; float64 by default. */
  dtype?: DType;
  /** The name of an instruction set; by default VECGRAD_ISA, else the machine's best. */
  isa?: string;
  /**
   * How many threads a run may use at once; by default VECGRAD_THREADS, else all processors. Only work that
   * is large enough is spread over them, and their number does not change a bit of the results.
   */
  threads?: number;
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
   * Whether a training step keeps its gradients, which `Training.gradient` reads: those of `backward`, before
   * the optimiser clips them or adds a weight decay. Costs a copy of all gradients per step, which are then
   * kept whole. False by default.
   */
  keepGradients?: boolean;
  /**
   * 'layers': a training step keeps only what passes between segments of the graph, such as layers, and
   * computes the rest once more where a gradient needs it. It takes less memory, and the time of another
   * forward pass; results can differ in the order of additions. By default all that gradients need is kept.
   */
  checkpoint?: 'layers';
  /**
   * Groups of values that `generate` will run as a sequence. They are compiled into the loss's own program
   * where its prefix lengths allow it, which saves compiling a second program.
   */
  sequence?: readonly (readonly Node[])[];
}

export const PROGRAM_OPTIONS: Known<ProgramOptions> = {
  dtype: true,
  isa: true,
  threads: true,
  passes: true,
  batches: true,
  sequence: true,
  detectAnomaly: true,
  checkpoint: true,
  keepGradients: true,
};

const PLAN: Known<Plan> = { groups: true, gradients: true, update: true };

function checkDType(dtype: unknown = 'float64'): DType {
  return checkOneOf<DType>('dtype', dtype, ['float64', 'float32']);
}

/** What the compiler is asked for, and with which numbers and instructions the program runs. */
export interface ProgramRequest extends CompileRequest {
  isa: string;
  /** At most so many threads; there may be fewer processors. */
  threadLimit: number;
  /** The arrays that were given as groups and sequence; `groups` and `sequence` are copies of them. */
  givenGroups: Plan['groups'];
  givenSequence: Plan['groups'] | undefined;
}

/** Reads a plan and the options, each once, and checks them. */
export function readRequest(plan: Plan, options: ProgramOptions): ProgramRequest {
  checkObject('a program', plan, 'an object { groups, gradients }, which compile and optimisers make');
  checkOptions('a plan', plan, PLAN);
  checkOptions('a program', options, PROGRAM_OPTIONS);
  const {
    dtype,
    isa,
    threads,
    passes = ALL_PASSES,
    batches = false,
    sequence: givenSequence,
    detectAnomaly = false,
    checkpoint,
    keepGradients = false,
  } = options;
  const { gradients, update, groups: givenGroups } = plan;
  checkOneOf('gradients', gradients, ['all', 'parameters', 'none']);
  checkBoolean('detectAnomaly', detectAnomaly);
  if (detectAnomaly && !update)
    throw new TypeError(
      'detectAnomaly looks at training steps, and this program takes none: give it to minimize, as ' +
        'in minimize(loss, { detectAnomaly: true })',
    );
  if (checkpoint !== undefined) checkOneOf('checkpoint', checkpoint, ['layers']);
  if (checkpoint !== undefined && !update)
    throw new TypeError(
      'checkpoint saves memory of training steps, and this program takes none: give it to minimize, as ' +
        "in minimize(loss, { checkpoint: 'layers' })",
    );
  checkBoolean('keepGradients', keepGradients);
  if (keepGradients && !update)
    throw new TypeError(
      'keepGradients is for training steps, and this program takes none: give it to minimize, as in ' +
        'minimize(loss, { keepGradients: true })',
    );
  const type = checkDType(dtype);
  const chosen = chosenIsa(isa);
  const most = threadLimit(threads);
  const passesOn = checkPasses(passes);
  checkBoolean('batches', batches);
  if (batches && !update)
    throw new TypeError(
      'batches is for training by stepBatch, and this program takes no steps: give it to minimize, as in ' +
        'minimize(loss, { batches: true })',
    );
  const groups = groupsOf('groups', givenGroups);
  const sequence = givenSequence === undefined ? undefined : groupsOf('sequence', givenSequence);
  return {
    ...{ gradients, update, groups, sequence, batches, detectAnomaly, givenGroups, givenSequence },
    ...{
      dtype: type,
      isa: chosen,
      threadLimit: most,
      passes: passesOn,
      checkpoint: checkpoint !== undefined,
    },
  };
}
