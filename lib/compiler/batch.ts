/** The passes that turn a graph written position by position into one of whole arrays. */
import type { Ir } from './ir.js';
import { pad } from './pad.js';
import { roll } from './roll.js';

/**
 * A new graph for the roots and leaves among `keep`; `numbers` are theirs in it, -1 where unneeded.
 * A `sequence` is computed a level at a time: there, only nodes of one level are batched.
 */
export function batch(
  ir: Ir,
  keep: readonly number[],
  sequence = false,
): { ir: Ir; numbers: Int32Array } {
  const rolled = (columns: boolean) => (old: Ir, roots: readonly number[]) =>
    roll(old, roots, { columns, sameLevel: sequence });
  const passes = sequence ? [pad, rolled(true)] : [pad, rolled(false), rolled(true)];
  const numbers = Int32Array.from({ length: ir.count }, (_, node) => node);
  let roots = keep;
  for (const pass of passes) {
    const next = pass(ir, roots);
    if (!next) continue;
    const { ir: made, numbers: renumbered } = next;
    numbers.forEach((node, i) => (numbers[i] = node < 0 ? -1 : renumbered[node]!));
    roots = roots.map((root) => renumbered[root]!);
    ir = made;
  }
  return { ir, numbers };
}
