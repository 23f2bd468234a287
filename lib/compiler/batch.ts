/** The passes that turn a graph written position by position into one of whole arrays. */
import type { Ir } from './ir.js';
import { fuse } from './fuse.js';
import { pad } from './pad.js';
import { roll } from './roll.js';

/**
 * A new graph for the roots and leaves among `keep`; `numbers` are theirs in it, -1 where unneeded.
 * The positions of a sequence run one after the other: nothing is gained by batching them.
 */
export function batch(
  ir: Ir,
  keep: readonly number[],
  isSequence: boolean,
): { ir: Ir; numbers: Int32Array } {
  const positions = [
    pad,
    (old: Ir, roots: readonly number[]) => roll(old, roots),
    (old: Ir, roots: readonly number[]) => roll(old, roots, true),
  ];
  const passes = [...(isSequence ? [] : positions), fuse];
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
