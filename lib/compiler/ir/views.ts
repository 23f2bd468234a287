/** Nodes that are views: the same numbers as their operand's, in another shape or order. */
import { OPS } from '../../graph/ops.js';
import type { Ir } from './ir.js';

/**
 * How many views, one on the other, are looked through where that may save work. No ordinary program has
 * more, and looking through all of many, again for each, would take time that grows with their square.
 */
export const MAX_VIEWS = 64;

/** What each node is a view of in the end: itself where it is none. */
export function viewedNodes(ir: Ir): Int32Array {
  const viewed = new Int32Array(ir.count);
  for (let node = 0; node < ir.count; node++) {
    const isView = OPS[ir.opOf(node)].lower.kind === 'view';
    viewed[node] = isView ? viewed[ir.input(node, 0)]! : node;
  }
  return viewed;
}
