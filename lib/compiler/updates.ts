/** Updates: which parameters' gradients are never stored, and what is done to the others' first. */
import { OPS } from '../ops.js';
import type { Encoder, Operand } from './encode.js';
import type { Ir } from './ir.js';
import type { ParameterBlock, UpdateOperand, UpdateRule } from './layout.js';
import type { Placement } from './placement.js';

/**
 * The product of each parameter whose whole gradient it is (parameter to product). All products read
 * their operands after the backward pass, when updates have begun: none may read a parameter that is
 * updated so.
 */
export function fusedUpdates(
  ir: Ir,
  { totals, uses, live }: Placement,
  gradients: ReadonlyMap<number, number>,
): Map<number, number> {
  const fused = new Map<number, number>();
  for (const [parameter, gradient] of gradients) {
    const terms = totals.get(gradient)?.terms;
    if (!live[parameter] || uses[gradient] !== 1 || terms?.length !== 1) continue;
    const { node, steps, placed } = terms[0]!;
    if (!placed || steps.length || !ir.is(node, 'matmul')) continue;
    // Two matrices: no batches, and no rows or columns that a short run does not have.
    const isMatrix = (operand: number): boolean => ir.shape(operand).length === 2;
    if (!ir.inputs(node).every(isMatrix) || ir.axisLevels[node]) continue;
    fused.set(parameter, node);
  }
  const viewed = fused.size ? viewedNodes(ir) : [];
  for (const product of [...fused.values()]) {
    for (const operand of ir.inputs(product)) fused.delete(viewed[operand]!);
  }
  return fused;
}

/** Writes the steps before an update's own instruction: over all trained parameters, or one number. */
export function emitSteps(out: Encoder, block: ParameterBlock, { before = [] }: UpdateRule): void {
  if (!block.trained) return;
  const places = { parameters: block.offset, gradients: block.gradients };
  const operand = (x: UpdateOperand): Operand => typeof x === 'number' ? [block.rule + x, 0, 0, 0, 0] : [places[x], 0, 0, 0, 1]; // prettier-ignore
  const one = out.literal(1);
  for (const { op, to, a, b, accumulate = false } of before) {
    const isNumber = typeof to === 'number' && op !== 'row_dot';
    const [offset] = operand(to);
    out.emit(-1, {
      op,
      level: 0,
      accumulate,
      extents: [one, one, one, isNumber ? one : out.literal(block.trained), one],
      y: [offset, 0, 0, 0, 1],
      a: operand(a),
      ...(b === undefined ? {} : { b: operand(b) }),
    });
  }
}

/** What each node is a view of: itself where it is none. */
export function viewedNodes(ir: Ir): Int32Array {
  const viewed = new Int32Array(ir.count);
  for (let node = 0; node < ir.count; node++) {
    const isView = OPS[ir.opOf(node)].lower.kind === 'view';
    viewed[node] = isView ? viewed[ir.input(node, 0)]! : node;
  }
  return viewed;
}
