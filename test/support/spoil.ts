/** Finds runs that read what they did not write: it would be NaN. */
import type { BatchesSpec } from '../../lib/binding/series-spec.js';
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
  for (const { numbers, offset: at } of lowered.tables) arena.set(numbers, at);
}

/** Fills with NaN what the examples of a program's last batch had of their own where they ran together. */
export function spoilBatch(program: Program): void {
  const keeper = Reflect.get(program, 'batches') as object;
  const batches = Reflect.get(keeper, 'batches') as BatchesSpec | undefined;
  if (!batches) return;
  const { numbers, stride, copies } = batches;
  for (let at = 0; at < copies; at++)
    numbers.fill(NaN, at * stride + program.arena.length, (at + 1) * stride);
}
