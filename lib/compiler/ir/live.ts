/** Which nodes the roots depend on. */
import type { Ir } from './ir.js';

export function liveNodes(ir: Ir, roots: readonly number[]): Uint8Array {
  const live = new Uint8Array(ir.count);
  const { start, list } = ir.edges;
  for (const root of roots) live[root] = 1;
  for (let node = ir.count - 1; node >= 0; node--) {
    if (!live[node]) continue;
    const end = start[node + 1]!;
    for (let e = start[node]!; e < end; e++) live[list[e]!] = 1;
  }
  return live;
}
