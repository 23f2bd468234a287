/** Nodes that are views: the same numbers as their operand's, in another shape or order. */
import type { Ir } from './ir.js';

/**
 * The longest chain of views that an optimisation follows. Ordinary programs have shorter ones; following a
 * long chain from each of its views would take time that grows with the square of its length.
 */
export const MAX_VIEWS = 64;

/** For each node, the node at the end of its chain of views: itself if it is no view. */
export function viewedNodes(ir: Ir): Int32Array {
  const viewed = new Int32Array(ir.count);
  for (let node = 0; node < ir.count; node++) {
    const isView = ir.row(node).lower.kind === 'view';
    viewed[node] = isView ? viewed[ir.input(node, 0)]! : node;
  }
  return viewed;
}
