/** Which nodes the roots depend on. */
import type { Ir } from './ir.js';

export function liveNodes(ir: Ir, roots: readonly number[]): Uint8Array {
  const live = new Uint8Array(ir.count);
  for (const root of roots) live[root] = 1;
  for (let node = ir.count - 1; node >= 0; node--) {
    if (!live[node]) continue;
    const n = ir.inputCount(node);
    for (let i = 0; i < n; i++) live[ir.input(node, i)] = 1;
  }
  return live;
}
