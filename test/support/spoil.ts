/** Finds runs that read what they did not write: it would be NaN. */
import type { Compiled } from '../../lib/compiler/compile.js';
import type { Program } from '../../lib/runtime/program.js';

/**
 * Fills the memory of a program with NaN, but for what lasts from run to run: parameters, their moments and
 * gradients, the update's numbers, and constants. Feeds are to be written again.
 */
export function spoil(program: Program): void {
  const { lowered } = Reflect.get(program, 'compiled') as Compiled;
  const { offset, size, gradients, withGradient, moments, rule, skips } = lowered.parameters;
  const { arena, update } = program;
  const ends = [
    offset + size,
    gradients + withGradient,
    ...moments.map((start) => start + size),
    rule + update.ruleSize,
    skips + 1,
  ];
  arena.fill(NaN, Math.max(...ends));
  for (const { value, offset: at } of lowered.constants) arena[at] = value;
}
