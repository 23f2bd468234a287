/** Updates: which parameters' gradients are never stored, and what is done to the others' first. */
import { OPS } from '../../graph/ops.js';
import type { Encoder, Instruction, Operand } from './encode.js';
import type { Ir } from '../ir/ir.js';
import type { ParameterBlock, UpdateOperand, UpdateRule } from './layout.js';
import type { Placement } from './places.js';
import type { View } from './view.js';

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

/**
 * Writes the steps before an update's own instruction, over all trained parameters; first of all those
 * that check the numbers `watched`.
 */
export function emitSteps(
  out: Encoder,
  block: ParameterBlock,
  { before = [] }: UpdateRule,
  watched: readonly View[],
): void {
  const one = out.literal(1);
  const emit = (n: number, instruction: Omit<Instruction, 'level' | 'extents'>): void => {
    out.emit(-1, { level: 0, extents: [one, one, one, out.literal(n), one], ...instruction });
  };
  for (const { offset } of watched) emit(1, { op: 'check', y: [offset, 0, 0, 0, 1], imm1: block.skips });
  if (!block.trained) return;
  const places = { parameters: block.offset, gradients: block.gradients };
  const operand = (x: UpdateOperand): Operand =>
    typeof x === 'number' ? [block.rule + x, 0, 0, 0, 0] : [places[x], 0, 0, 0, 1];
  const gradients: Operand = [block.gradients, 0, 0, 0, 1];
  for (const step of before) {
    if (step.op === 'check')
      emit(block.trained, { op: 'check', y: gradients, imm0: step.skips ? 1 : 0, imm1: block.skips });
    else if (step.op === 'clip')
      emit(block.trained, { op: 'clip', y: gradients, imm0: block.rule + step.most });
    else {
      const { op, to, a, b, accumulate = false } = step;
      emit(block.trained, { op, accumulate, y: [operand(to)[0], 0, 0, 0, 1], a: operand(a), b: operand(b) });
    }
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
