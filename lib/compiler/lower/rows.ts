/**
 * Operators along the last axis, or the one before it, each one instruction for all rows: softmax, norms, a
 * classifier's loss.
 */
import type { AxisPositions } from '../ir/axes.js';
import type { Context } from './context.js';
import { copy, rows } from './elementwise.js';
import type { Operand } from './encode.js';
import { forEachNest, mergeAxes, operandAt } from './loops.js';
import { isDense, type View } from './view.js';

/** The operands of an instruction along rows. */
type Parts = Readonly<Partial<Record<'y' | 'a' | 'b' | 'c' | 'x', View>>> & { y: View };

export function emitSoftmax(c: Context, node: number): void {
  const parts = { y: c.locate(node), a: rows(c, c.input(node, 0)) };
  rowwise(c, 'softmax', parts, false, c.positionsOf(node), c.ir.attr(node).lengths);
}

export function emitSoftmaxGrad(c: Context, node: number): void {
  const parts = { y: c.locate(node), a: rows(c, c.input(node, 0)), b: rows(c, c.input(node, 1)) };
  rowwise(c, 'softmax_grad', parts, c.accumulates(node), c.positionsOf(node));
}

export function emitSoftmaxColumns(c: Context, node: number): void {
  columnwise(c, 'softmax_columns', c.locate(node), [rows(c, c.input(node, 0))], false, c.positionsOf(node));
}

export function emitSoftmaxColumnsGrad(c: Context, node: number): void {
  const operands = [rows(c, c.input(node, 0)), rows(c, c.input(node, 1))];
  columnwise(c, 'softmax_columns_grad', c.locate(node), operands, c.accumulates(node), c.positionsOf(node));
}

export function emitRmsNorm(c: Context, node: number): void {
  const y = c.locate(node);
  const { scale, eps } = c.ir.attr(node) as { scale: number; eps: number };
  const parts = { y, a: rows(c, c.input(node, 0)), c: c.saved(node, y.shape.slice(0, -1)) };
  const numbers = { imm0: c.layout.constant(scale), imm1: c.layout.constant(eps) };
  byRow(c, 'rms_norm', parts, c.positionsOf(node), numbers);
}

export function emitRmsNormGrad(c: Context, node: number): void {
  const y = c.locate(node);
  const saved = c.saved(c.ir.input(node, 2), y.shape.slice(0, -1));
  const parts = { y, a: rows(c, c.input(node, 0)), b: rows(c, c.input(node, 1)), c: saved };
  const numbers = { imm0: c.layout.constant(c.ir.attr(node).scale!) };
  byRow(c, 'rms_norm_grad', parts, c.positionsOf(node), numbers, c.accumulates(node));
}

/** The losses, and the softmax saved for the gradient. */
export function emitCrossEntropy(c: Context, node: number): void {
  const { ir } = c;
  const x = rows(c, c.input(node, 0));
  const softmax = c.saved(node, x.shape);
  const loss = c.locate(node);
  // The machine writes the losses side by side.
  const side = isDense(loss) ? loss : c.allocate(loss.shape);
  const parts = { y: softmax, a: x, c: side, x: c.indexView(ir.input(node, 1)) };
  const numbers = { imm0: x.shape[x.shape.length - 1]! };
  byRow(c, 'cross_entropy', parts, c.positionsOf(ir.input(node, 0)), numbers);
  if (side !== loss) copy(c, loss, side, false, c.positionsOf(node));
}

export function emitCrossEntropyGrad(c: Context, node: number): void {
  const { ir } = c;
  const y = c.locate(node);
  const softmax = c.saved(ir.input(node, 2), y.shape);
  const numbers = { imm0: y.shape[y.shape.length - 1]! };
  const parts = { y, a: softmax, b: c.input(node, 0), x: c.indexView(ir.input(node, 3)) };
  byRow(c, 'cross_entropy_grad', parts, c.positionsOf(node), numbers, c.accumulates(node));
}

/**
 * An instruction along the last axis, of which a short run, or each row by `lengths`, has a prefix only;
 * the other axes are rows and outer loops.
 */
function rowwise(
  c: Context,
  op: string,
  { y, a, b }: { y: View; a: View; b?: View },
  accumulate: boolean,
  positions?: AxisPositions,
  lengths?: { first: number; step: number },
): void {
  const last = y.shape.length - 1;
  const cols = y.shape[last]!;
  const views = b ? [y, a, b] : [y, a];
  // Lengths that change by the row need that axis for themselves.
  const marks = lengths?.step ? y.shape.map((_, i) => (i === last - 1 ? 1 : 0)) : undefined;
  const strides = views.map((view) => view.strides.slice(0, -1));
  const axes = mergeAxes(y.shape.slice(0, -1), strides, positions, marks);
  if (!axes || !cols) return;
  const starts = views.map((view) => view.offset);
  forEachNest(c, axes, 3, starts, (three, offsets) => {
    c.emit({
      op,
      accumulate,
      extents: [three[0]!, three[1]!, three[2]!, { n: cols, positions: positions?.[last] }, 1],
      y: operandAt(three, offsets, 0, 1),
      a: operandAt(three, offsets, 1, 1),
      ...(b && { b: operandAt(three, offsets, 2, 1) }),
      imm0: lengths?.first ?? cols,
      imm1: lengths?.step ?? 0,
    });
  });
}

/** An instruction down the columns of matrices, the last two axes; the others are outer loops. */
function columnwise(
  c: Context,
  op: string,
  y: View,
  operands: readonly View[],
  accumulate: boolean,
  positions?: AxisPositions,
): void {
  const down = y.shape.length - 2;
  const [n, cols] = y.shape.slice(down) as [number, number];
  const views = [y, ...operands];
  const strides = views.map((view) => view.strides.slice(0, down));
  const axes = mergeAxes(y.shape.slice(0, down), strides, positions);
  if (!axes || !n || !cols) return;
  const starts = views.map((view) => view.offset);
  forEachNest(c, axes, 2, starts, (two, offsets) => {
    const operand = (i: number): Operand => operandAt(two, offsets, i, 1, views[i]!.strides[down]);
    c.emit({
      op,
      accumulate,
      extents: [
        two[0]!,
        two[1]!,
        { n, positions: positions?.[down] },
        { n: cols, positions: positions?.[down + 1] },
        1,
      ],
      y: operand(0),
      a: operand(1),
      ...(operands.length > 1 && { b: operand(2) }),
    });
  });
}

/**
 * One instruction for all rows of the last axis. Operands of the rows' shape (the others have one
 * axis more) hold one number per row; those of c and x lie side by side.
 */
function byRow(
  c: Context,
  op: string,
  parts: Parts,
  positions: AxisPositions | undefined,
  numbers: { imm0?: number; imm1?: number },
  accumulate = false,
): void {
  const rank = parts.y.shape.length;
  const cols = parts.y.shape[rank - 1]!;
  const names = Object.keys(parts) as (keyof Parts)[];
  const views = names.map((name) => parts[name]!);
  const strides = views.map((view) => view.strides.slice(0, rank - 1));
  const axes = mergeAxes(parts.y.shape.slice(0, -1), strides, positions);
  if (!axes || !cols) return;
  const starts = views.map((view) => view.offset);
  forEachNest(c, axes, 3, starts, (three, offsets) => {
    const operands: Partial<Record<keyof Parts, Operand>> = {};
    names.forEach((name, i) => {
      operands[name] = operandAt(three, offsets, i, views[i]!.shape.length === rank ? 1 : 0);
    });
    const extents = [three[0]!, three[1]!, three[2]!, cols, 1] as const;
    c.emit({ op, accumulate, extents, ...operands, ...numbers });
  });
}
