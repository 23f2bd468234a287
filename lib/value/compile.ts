/** Compiles a value to a program for repeated runs. */
import { checkArguments, checkOptions, limitArguments, type Counts } from '../core/check.js';
import { Program } from '../runtime/program.js';
import { PROGRAM_OPTIONS, type ProgramOptions } from '../runtime/options.js';
import { checkValue, type Value } from './value.js';

/** Only the library calls these, and TypeScript counts its arguments. */
type Hidden =
  'readEach' | 'takeStep' | 'stepBatch' | 'runEach' | 'runEachAsync' | 'step' | 'checkMemory' | 'whyUnread';
limitArguments('Program', Program.prototype, {
  ...{ forward: 1, advance: 2, generate: 2, backward: 0, runPart: 1, evaluate: 1 },
  ...{ work: 1, countNodes: 0, read: 1, readGradient: 1 },
} satisfies Counts<Program, Hidden>);

/**
 * Compiles a value for repeated runs, with a chosen data type and instruction set: call `forward(feeds)`,
 * then `backward()`, then read `data` and `grad` of every value in it.
 */
export function compile(root: Value, options: ProgramOptions = {}): Program {
  checkArguments('compile', arguments, 2);
  checkValue('compile', 'the root', root);
  checkOptions('compile', options, PROGRAM_OPTIONS);
  return new Program({ groups: [[root]], gradients: 'all' }, options);
}
