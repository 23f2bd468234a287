/**
 * Which parameters are updated by the product that is their gradient, so that the gradient is never stored.
 */
import type { Ir } from '../ir/ir.js';
import { viewedNodes } from '../ir/views.js';
import type { Placement } from './places.js';

/**
 * For each parameter whose whole gradient is one product, that product. These products run after the backward
 * pass, when updates have begun, so that none may read a parameter that is updated in this way.
 */
export function fusedUpdates(
  ir: Ir,
  { addNs, uses }: Placement,
  gradients: ReadonlyMap<number, number>,
): Map<number, number> {
  const fused = new Map<number, number>();
  for (const [parameter, gradient] of gradients) {
    const terms = addNs.get(gradient)?.terms;
    if (!uses[parameter] || uses[gradient] !== 1 || terms?.length !== 1) continue;
    const { node, steps, placed } = terms[0]!;
    if (!placed || steps.length || !ir.is(node, 'matmul')) continue;
    // Two matrices: no batches, and no rows or columns that a short run does not have.
    const isMatrix = (operand: number): boolean => ir.shape(operand).length === 2;
    if (!ir.inputs(node).every(isMatrix) || ir.axisPositions[node]) continue;
    fused.set(parameter, node);
  }
  const viewed = fused.size ? viewedNodes(ir) : [];
  for (const product of [...fused.values()]) {
    for (const operand of ir.inputs(product)) fused.delete(viewed[operand]!);
  }
  return fused;
}
