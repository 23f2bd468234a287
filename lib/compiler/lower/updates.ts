/** The instructions of a training step after its gradients: checks and clipping of these, and the update. */
import { sizeOf } from '../../core/shape.js';
import { both } from '../ir/axes.js';
import type { Context } from './context.js';
import type { Encoder, Instruction, Operand } from './encode.js';
import type { ParameterBlock, ScaleStep, UpdateOperand, UpdateRule } from './layout.js';
import { transposedCopy } from './matmul.js';
import type { View } from './view.js';

/** A rule whose parameters have places. */
interface Placed {
  block: ParameterBlock;
  update: UpdateRule;
}

/** Writes the instructions on all gradients; first of all the checks of the numbers `watched`. */
export function emitGradientSteps(out: Encoder, { block, update }: Placed, watched: readonly View[]): void {
  const { gradients, withGradient, kept, rule, skips } = block;
  const y: Operand = [gradients, 0, 0, 0, 1];
  for (const { offset } of watched) emit(out, 1, { op: 'check', y: [offset, 0, 0, 0, 1], imm1: skips });
  if (!withGradient) return;
  for (const step of update.before ?? []) {
    if (step.op === 'keep') emit(out, withGradient, { op: 'copy', y: [kept, 0, 0, 0, 1], a: y });
    else if (step.op === 'clip') emit(out, withGradient, { op: 'clip', y, imm0: rule + step.most });
    else emit(out, withGradient, { op: 'check', y, imm0: step.skips ? 1 : 0, imm1: skips });
  }
}

function emit(out: Encoder, n: number, instruction: Instruction): void {
  const one = out.literal(1);
  out.emit(-1, 0, [one, one, one, out.literal(n), one], instruction);
}

/**
 * Writes the update of the parameters that are updated whole: the steps of each group, then its own
 * instruction, except where bytecode takes its place.
 */
export function emitWholeUpdates(out: Encoder, placed: Placed, inBytecode = false): void {
  const { block, update } = placed;
  const { offset, gradients, moments, stretches } = block;
  for (const { group, from, to } of stretches) {
    if (to === from) continue;
    emitScaleSteps(out, placed, group.before, group.first, from, to);
    if (inBytecode) continue;
    emit(out, to - from, {
      op: update.op,
      y: [offset + from, 0, 0, 0, 1],
      a: [moments[0]! + from, 0, 0, 0, 1],
      b: [gradients + from, 0, 0, 0, 1],
      c: [(moments[1] ?? 0) + from, 0, 0, 0, 1],
      imm0: block.rule + group.first,
      imm1: (moments[2] ?? 0) + from,
    });
  }
}

/** Writes the instructions on all parameters after their update. */
export function emitAfterUpdates(out: Encoder, placed: Placed): void {
  emitScaleSteps(out, placed, placed.update.after, 0, 0, placed.block.size);
}

/** Writes steps on a stretch of the block of parameters, whose numbers begin at `first`. */
function emitScaleSteps(
  out: Encoder,
  { block }: Placed,
  steps: readonly ScaleStep[] = [],
  first: number,
  from: number,
  to: number,
): void {
  const places = {
    parameters: block.offset,
    gradients: block.gradients,
    average: block.moments.at(-1) ?? 0,
  };
  const operand = (x: UpdateOperand): Operand =>
    typeof x === 'number' ? [block.rule + first + x, 0, 0, 0, 0] : [places[x] + from, 0, 0, 0, 1];
  for (const { op, to: y, a, b, accumulate = false } of steps)
    emit(out, to - from, { op, accumulate, y: operand(y), a: operand(a), b: operand(b) });
}

/**
 * Updates the parameters: first those that a product updates, since some of these products read the others.
 */
export function emitUpdate(c: Context, update: UpdateRule): void {
  const { block } = c.layout;
  emitFusedUpdates(c, update.op, Infinity);
  c.node = -1;
  emitWholeUpdates(c.out, { block, update });
  for (const [table, { indices }] of c.byRows) emitRowUpdate(c, update.op, table, indices);
  emitAfterUpdates(c.out, { block, update });
}

/** Updates the rows of a table that have a gradient: those that the indices name, or all. */
function emitRowUpdate(c: Context, op: UpdateRule['op'], table: number, indices: readonly number[]): void {
  const { layout, ir, options } = c;
  const { block } = layout;
  const at = layout.parameterOffsets.get(table)! - block.offset;
  const [rows, ...rest] = ir.shape(table) as [number, ...number[]];
  const cols = sizeOf(rest);
  if (!rows || !cols) return;
  const operand = (offset: number): Operand => [offset + at, 0, 0, cols, 1];
  const write = (named: number, slot: number): void => {
    c.emit({
      op: `${op}_rows`,
      accumulate: named < 0, // all rows
      extents: [1, 1, Math.max(named, 0), cols, 1],
      y: operand(block.offset),
      a: operand(block.moments[0]!),
      b: operand(block.gradients),
      c: operand(block.moments[1] ?? block.moments[0]!),
      x: [slot, 0, 0, 1, 0],
      imm0: rows,
      imm1: block.rule + options.groupOf(table).first,
    });
  };
  if (indices.length === 0) write(-1, 0);
  for (const index of indices) write(sizeOf(ir.shape(index)), layout.slot(index));
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
    imm0: block.rule + c.options.groupOf(parameter).first,
    imm1: (block.moments[1] ?? -at) + at,
  });
}
