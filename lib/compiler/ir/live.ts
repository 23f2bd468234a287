/** Which nodes are needed, and how often: one sweep from what is wanted down to the leaves. */
import type { Ir } from './ir.js';

/**
 * How often each node is used: by nodes that `wanted` depend on, and by being wanted itself. 0: not needed.
 */
export function countUses(ir: Ir, wanted: Iterable<number>): Int32Array {
  const uses = new Int32Array(ir.count);
  for (const node of wanted) uses[node]!++;
  const { start, list } = ir.edges;
  for (let node = ir.count - 1; node >= 0; node--) {
    if (!uses[node]) continue;
    const end = start[node + 1]!;
    for (let e = start[node]!; e < end; e++) uses[list[e]!]!++;
  }
  return uses;
}
