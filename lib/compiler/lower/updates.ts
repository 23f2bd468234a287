/** The instructions of a training step after its gradients: checks and clipping of these, and the update. */
import { both } from '../ir/axes.js';
import type { Context } from './context.js';
import type { Encoder, Instruction, Operand } from './encode.js';
import type { ParameterBlock, UpdateOperand, UpdateRule } from './layout.js';
import { transposedCopy } from './matmul.js';
import type { View } from './view.js';

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
  const emit = (n: number, instruction: Instruction): void => {
    out.emit(-1, 0, [one, one, one, out.literal(n), one], instruction);
  };
  for (const { offset } of watched) emit(1, { op: 'check', y: [offset, 0, 0, 0, 1], imm1: block.skips });
  if (!block.withGradient) return;
  const places = { parameters: block.offset, gradients: block.gradients };
  const operand = (x: UpdateOperand): Operand =>
    typeof x === 'number' ? [block.rule + x, 0, 0, 0, 0] : [places[x], 0, 0, 0, 1];
  const gradients: Operand = [block.gradients, 0, 0, 0, 1];
  for (const step of before) {
    if (step.op === 'check')
      emit(block.withGradient, { op: 'check', y: gradients, imm0: step.skips ? 1 : 0, imm1: block.skips });
    else if (step.op === 'clip')
      emit(block.withGradient, { op: 'clip', y: gradients, imm0: block.rule + step.most });
    else {
      const { op, to, a, b, accumulate = false } = step;
      emit(block.withGradient, {
        op,
        accumulate,
        y: [operand(to)[0], 0, 0, 0, 1],
        a: operand(a),
        b: operand(b),
      });
    }
  }
}

/**
 * Updates the parameters: first those that a product updates, since some of these products read the others.
 */
export function emitUpdate(c: Context, op: UpdateRule['op']): void {
  const { block } = c.layout;
  emitFusedUpdates(c, op, Infinity);
  c.node = -1;
  if (!block.withGradient) return;
  c.emit({
    op,
    extents: [1, 1, 1, block.withGradient, 1],
    y: [block.offset, 0, 0, 0, 1],
    a: [block.moments[0]!, 0, 0, 0, 1],
    b: [block.gradients, 0, 0, 0, 1],
    c: [block.moments[1] ?? 0, 0, 0, 0, 1],
    imm0: block.rule,
  });
}

/** Writes the updates by products of those parameters that no node from `before` on reads. */
export function emitFusedUpdates(c: Context, op: UpdateRule['op'], before: number): void {
  for (const [parameter, product] of c.fused) {
    if (c.updated.has(parameter) || c.lastRead(parameter) >= before || product >= before) continue;
    c.updated.add(parameter);
    c.node = product;
    emitFusedUpdate(c, op, parameter, product);
  }
}

/** Updates a parameter by a product that is its whole gradient, a block of rows at a time. */
function emitFusedUpdate(c: Context, op: UpdateRule['op'], parameter: number, product: number): void {
  const { layout, ir } = c;
  const { block } = layout;
  const [nodeA, nodeB] = ir.inputs(product) as [number, number];
  const [a, b] = [c.locate(nodeA), c.locate(nodeB)];
  const [m, n] = ir.shape(parameter) as [number, number];
  if (!m || !n) return;
  const k = a.shape[1]!;
  // A run that ends before the product's position has no gradient, but moments that decay.
  const position = ir.positions[product]!;
  const own = both(c.positionsOf(nodeA)?.[1], c.positionsOf(nodeB)?.[0]);
  const positions = own ?? (position > 0 ? new Array<number>(k).fill(position) : undefined);
  const right = b.strides[1] === 1 || n === 1 ? b : transposedCopy(c, b, nodeB);
  const at = layout.parameterOffsets.get(parameter)! - block.offset;
  c.emit({
    op: `gemm_${op}`,
    extents: [1, 1, m, n, { n: k, positions: positions?.map((entry) => Math.max(entry, position)) }],
    y: [block.offset + at, 0, 0, n, 1],
    a: [a.offset, 0, 0, a.strides[0]!, a.strides[1]!],
    b: [right.offset, 0, 0, right.strides[0]!, 1],
    c: [block.moments[0]! + at, 0, 0, n, 1],
    imm0: block.rule,
    imm1: (block.moments[1] ?? -at) + at,
  });
}
