/** Compiles a value to a program for repeated runs. */
import { checkOptions } from '../core/check.js';
import { Program } from '../runtime/program.js';
import { PROGRAM_OPTIONS, type ProgramOptions } from '../runtime/options.js';
import { checkValue, type Value } from './value.js';

/**
 * Compiles a value for repeated runs, with a chosen data type and instruction set: call `forward(feeds)`,
 * then `backward()`, then read `data` and `grad` of every value in it.
 */
export function compile(root: Value, options: ProgramOptions = {}): Program {
  checkValue('compile', 'the root', root);
  checkOptions('compile', options, PROGRAM_OPTIONS);
  return new Program({ groups: [[root]], gradients: 'all' }, options);
}
