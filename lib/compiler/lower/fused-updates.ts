/**
 * Which parameters are updated by the product that is their gradient, so that the gradient is never stored.
 */
import type { Ir } from '../ir/ir.js';
import { viewedNodes } from '../ir/views.js';
import type { LoweringOptions, UpdateOp } from './layout.js';
import type { Placement } from './places.js';

/** Updates that have an instruction for the product too. */
const FUSED_OPS: ReadonlySet<UpdateOp> = new Set(['sgd', 'adam']);

/**
 * For each parameter whose whole gradient is one product, that product. These products run after the backward
 * pass, when updates have begun, so that none may read a parameter that is updated in this way.
 */
export function fusedUpdates(
  ir: Ir,
  { addNs, uses }: Placement,
  { update, fuseUpdate, gradients, groupOf }: LoweringOptions,
  byRows: ReadonlyMap<number, unknown>,
): Map<number, number> {
  const fused = new Map<number, number>();
  // Steps before an update need the gradients in memory, and change what products would read.
  if (!fuseUpdate || !update || update.before || !FUSED_OPS.has(update.op)) return fused;
  for (const [parameter, gradient] of gradients) {
    if (byRows.has(parameter) || groupOf(parameter).before) continue;
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
