/** Element-wise instructions, and copies, which are the plainest of them. */
import { sameShape, sizeOf, type Shape } from '../../core/shape.js';
import type { AxisPositions } from '../ir/axes.js';
import type { Context } from './context.js';
import { fuseIntoProduct } from './epilogue.js';
import { forEachNest, mergeAxes, operandAt } from './loops.js';
import { broadcastView, isDense, type View } from './view.js';

/**
 * One instruction over the broadcast of the operands: axes of length 1 vanish, adjacent axes that
 * step together merge, and what is left becomes two outer loops, rows and columns.
 */
export function elementwise(
  c: Context,
  op: string,
  y: View,
  operands: readonly View[],
  accumulate: boolean,
  positions?: AxisPositions,
  choice?: { slot: number; choice: number },
): void {
  if (!choice && emitInOneLoop(c, op, y, operands, accumulate, positions)) return;
  const strides = [y.strides, ...operands.map((view) => broadcastView(view, y.shape).strides)];
  const axes = mergeAxes(y.shape, strides, positions);
  if (!axes) return;
  const inner = axes[axes.length - 1];
  const fits = inner && inner.strides[0] === 1 && inner.strides.every((s) => s === 0 || s === 1);
  if (!fits) axes.push({ n: 1, strides: [1, ...operands.map(() => 0)] });
  forEachNest(c, axes, 4, [y.offset, ...operands.map((view) => view.offset)], (four, offsets) => {
    c.emit({
      op,
      accumulate,
      extents: [four[0]!, four[1]!, four[2]!, four[3]!, 1],
      y: operandAt(four, offsets, 0),
      ...(operands.length > 0 && { a: operandAt(four, offsets, 1) }),
      ...(operands.length > 1 && { b: operandAt(four, offsets, 2) }),
      ...(choice && { x: [choice.slot, 0, 0, 0, 0] as const, imm1: choice.choice }),
    });
  });
}

/** Most instructions: one loop, through arrays without gaps and single numbers. False where it takes more. */
function emitInOneLoop(
  c: Context,
  op: string,
  y: View,
  operands: readonly View[],
  accumulate: boolean,
  positions: AxisPositions | undefined,
): boolean {
  const n = sizeOf(y.shape);
  if (n === 0 || operands.length > 2 || (n > 1 && (positions !== undefined || !isDense(y)))) return false;
  const [a, b] = operands;
  const stepA = a ? stepThrough(a, n, y.shape) : 0;
  const stepB = b ? stepThrough(b, n, y.shape) : 0;
  if (stepA < 0 || stepB < 0) return false;
  c.out.beginLoop(c.node, c.position, op, accumulate, n);
  c.out.loopOperand(0, y.offset, 1);
  if (a) c.out.loopOperand(1, a.offset, stepA);
  if (b) c.out.loopOperand(2, b.offset, stepB);
  return true;
}

/** Whether a view shows one number, however often. */
function isOneNumber({ shape, strides }: View): boolean {
  for (let i = 0; i < shape.length; i++) if (shape[i] !== 1 && strides[i] !== 0) return false;
  return true;
}

/** The step through an operand in a loop over the n numbers of a shape: 0 or 1; -1 where it is not even. */
function stepThrough(view: View, n: number, shape: Shape): number {
  if (n === 1 || isOneNumber(view)) return 0;
  return sameShape(view.shape, shape) && isDense(view) ? 1 : -1;
}

/** Copies numbers, or adds them to what is there. */
export function copy(c: Context, to: View, from: View, accumulate: boolean, positions?: AxisPositions): void {
  elementwise(c, 'copy', to, [from], accumulate, positions);
}

/** Clears an array. */
export function zero(c: Context, y: View, positions?: AxisPositions): void {
  elementwise(c, 'copy', y, [c.scalar(0)], false, positions);
}

/** Clears a stretch of the arena. */
export function clear(c: Context, offset: number, size: number): void {
  if (!size) return;
  c.emit({
    op: 'fill',
    extents: [1, 1, 1, size, 1],
    y: [offset, 0, 0, size, 1],
    a: [c.layout.constant(0), 0, 0, 0, 0],
  });
}

/** The same numbers without gaps: the view itself, or a copy. */
export function dense(c: Context, view: View): View {
  if (isDense(view)) return view;
  const made = c.allocate(view.shape);
  copy(c, made, view, false);
  return made;
}

/** The same numbers with unit stride along the last axis: the view itself, or a copy. */
export function rows(c: Context, view: View): View {
  const last = view.shape.length - 1;
  if (view.strides[last] === 1 || view.shape[last] === 1) return view;
  return dense(c, view);
}

/** An operator of one or two operands that is a kernel of its own. */
export function emitKernel(c: Context, node: number): void {
  const { lower } = c.ir.row(node);
  if (lower.kind !== 'unary' && lower.kind !== 'binary') return;
  if (fuseIntoProduct(c, node)) return;
  const operands = lower.kind === 'unary' ? [c.input(node, 0)] : [c.input(node, 0), c.input(node, 1)];
  elementwise(c, lower.kernel, c.locate(node), operands, c.accumulates(node), c.positionsOf(node));
}

/** Powers that are an instruction of one number, also of scalar bytecode. */
export const POWERS: ReadonlyMap<number, string> = new Map([
  [-3, 'reciprocal_cube'],
  [-2, 'reciprocal_square'],
  [-1.5, 'reciprocal_three_halves'],
  [-1, 'reciprocal'],
  [-0.5, 'rsqrt'],
  [0.5, 'sqrt'],
  [1, 'copy'],
  [1.5, 'three_halves'],
  [3, 'cube'],
  [4, 'fourth'],
]);

export function emitPow(c: Context, node: number): void {
  const exponent = c.ir.attr(node).exponent!;
  const y = c.locate(node);
  const x = c.input(node, 0);
  const accumulate = c.accumulates(node);
  const kernel = POWERS.get(exponent);
  const positions = c.positionsOf(node);
  if (kernel) elementwise(c, kernel, y, [x], accumulate, positions);
  else if (exponent === 2) elementwise(c, 'mul', y, [x, x], accumulate, positions);
  else elementwise(c, 'pow', y, [x, c.scalar(exponent)], accumulate, positions);
}

/** Works on contiguous numbers: the index of a number decides whether it is dropped. */
export function emitDropout(c: Context, node: number): void {
  const { rate, seed } = c.ir.attr(node) as { rate: number; seed: number };
  const y = c.locate(node);
  const x = dense(c, c.input(node, 0));
  const n = sizeOf(y.shape);
  if (!n) return;
  const whole = isDense(y) ? y : c.allocate(y.shape);
  c.emit({
    op: 'dropout',
    extents: [1, 1, 1, n, 1],
    y: [whole.offset, 0, 0, 0, 1],
    a: [x.offset, 0, 0, 0, 1],
    b: [c.layout.constant(1 / (1 - rate)), 0, 0, 0, 0],
    x: [c.layout.slot(c.ir.input(node, 1)), 0, 0, 0, 0],
    imm0: seed,
    // The machine reads 32 bits without a sign.
    imm1: Math.floor(rate * 2 ** 32) | 0,
  });
  if (whole !== y) copy(c, y, whole, false);
}

/** The gradient of one option of a `choose`: the result's where it was chosen, else zero. */
export function emitChooseGrad(c: Context, node: number): void {
  const { ir } = c;
  elementwise(
    c,
    'choose_grad',
    c.locate(node),
    [c.input(node, 0)],
    c.accumulates(node),
    c.positionsOf(node),
    {
      slot: c.layout.slot(ir.input(node, 1)),
      choice: ir.attr(node).choice!,
    },
  );
}
