/** Reductions and scans along axes: sum, maximum, running sum. */
import { resolveAxis, sizeOf } from '../../core/shape.js';
import type { AxisPositions } from '../ir/axes.js';
import type { Context } from './context.js';
import { copy, dense, rows, zero } from './elementwise.js';
import { forEachNest, mergeAxes, operandAt, type Axis } from './loops.js';
import { reshapeView, transposeView, type View } from './view.js';

export function emitSum(c: Context, node: number): void {
  const { axes } = c.ir.attr(node);
  sum(c, c.locate(node), c.input(node, 0), axes, c.accumulates(node), c.positionsOf(c.ir.input(node, 0)));
}

/**
 * Sums of more numbers than this are made in several stages, so that no number of the result is one long
 * chain of additions: the machine's sums along rows and columns have a bounded error at any length, and what
 * one instruction after the other adds has not.
 */
const LONGEST_CHAIN = 24;

/** y (+)= x summed over axes. */
function sum(
  c: Context,
  y: View,
  x: View,
  axesAttr: readonly number[] | undefined,
  accumulate: boolean,
  positions?: AxisPositions,
): void {
  const reduced = new Set((axesAttr ?? x.shape.map((_, i) => i)).map((a) => resolveAxis(a, x.shape)));
  let kept = 0;
  const yStrides = x.shape.map((_, i) => (reduced.has(i) ? 0 : y.strides[kept++]!));
  // The mark keeps a reduced axis from merging with a kept one of stride 0.
  const marks = x.shape.map((_, i) => (reduced.has(i) ? 1 : 0));
  const axes = mergeAxes(x.shape, [yStrides, x.strides], positions, marks);
  if (axes) sumAxes(c, y, x.offset, axes, accumulate);
  else if (sizeOf(y.shape) && !accumulate) zero(c, y);
}

/** Whether the result has one number for all entries of an axis. */
const isReduced = (axis: Axis): boolean => axis.strides[0] === 0;

function countOf(axes: readonly Axis[]): number {
  return sizeOf(axes.map((axis) => axis.n));
}

/**
 * y (+)= numbers summed over the axes in which y, the first operand, does not move: along rows, down columns,
 * or element by element.
 */
function sumAxes(c: Context, y: View, from: number, axes: readonly Axis[], accumulate: boolean): void {
  const inner = axes.findIndex((axis) => axis.strides[1] === 1);
  const others = axes.filter((_, i) => i !== inner);
  const column = axes[inner];
  if (column && isReduced(column)) {
    inStages(c, { y, from, outer: others, kept: [], accumulate }, (to, outer, adds) => {
      forEachNest(c, outer, 3, [to, from], (three, at) => {
        c.emit({
          op: 'row_sum',
          accumulate: adds,
          extents: [three[0]!, three[1]!, three[2]!, column, 1],
          y: operandAt(three, at, 0, 0),
          a: operandAt(three, at, 1, 1),
        });
      });
    });
    return;
  }
  const down = others.find(isReduced);
  if (column && down && column.strides[0] === 1) {
    const outer = others.filter((axis) => axis !== down);
    inStages(c, { y, from, outer, kept: [column], accumulate }, (to, axes, adds) => {
      forEachNest(c, axes, 2, [to, from], (two, at) => {
        c.emit({
          op: 'col_sum',
          accumulate: adds,
          extents: [two[0]!, two[1]!, down, column, 1],
          y: operandAt(two, at, 0, 1, 0),
          a: operandAt(two, at, 1, 1, down.strides[1]),
        });
      });
    });
    return;
  }
  if (countOf(axes.filter(isReduced)) > LONGEST_CHAIN) sumCopies(c, y, from, axes, accumulate);
  else addByElement(c, y, from, axes, accumulate);
}

/** A sum of which an instruction makes a part: that part for each entry of the outer axes. */
interface Stage {
  y: View;
  from: number;
  /** The axes around the instruction, and those of its own that the result keeps. */
  outer: readonly Axis[];
  kept: readonly Axis[];
  accumulate: boolean;
}

/**
 * Writes the instruction of a sum: straight into the result, where it adds what its outer axes repeat; or
 * into memory of its own, if that would be a long chain, whose numbers are then summed up.
 */
function inStages(
  c: Context,
  { y, outer, kept, accumulate }: Stage,
  emit: (to: number, outer: readonly Axis[], adds: boolean) => void,
): void {
  const repeated = outer.filter(isReduced);
  if (countOf(repeated) <= LONGEST_CHAIN) {
    if (repeated.length && !accumulate) zero(c, y);
    emit(y.offset, outer, accumulate || repeated.length > 0);
    return;
  }
  const all = [...outer, ...kept];
  const parts = c.allocate(all.map((axis) => axis.n));
  const at = (axis: Axis, i: number): Axis => ({ ...axis, strides: [parts.strides[i]!, axis.strides[1]!] });
  emit(parts.offset, outer.map(at), false);
  const next = all.map((axis, i) => ({ ...axis, strides: [axis.strides[0]!, parts.strides[i]!] }));
  sumAxes(c, y, parts.offset, next, accumulate);
}

function positionsOf(axes: readonly Axis[]): AxisPositions {
  return axes.map((axis) => axis.positions);
}

/** The view of an operand of a loop nest. */
function viewOf(offset: number, axes: readonly Axis[], operand: number): View {
  return { offset, shape: axes.map((axis) => axis.n), strides: axes.map((axis) => axis.strides[operand]!) };
}

/** A long sum that no instruction makes as the numbers lie: with both operands in one piece it does. */
function sumCopies(c: Context, y: View, from: number, axes: readonly Axis[], accumulate: boolean): void {
  const kept = axes.filter((axis) => !isReduced(axis));
  const x = c.allocate(axes.map((axis) => axis.n));
  copy(c, x, viewOf(from, axes, 1), false, positionsOf(axes));
  const sums = c.allocate(kept.map((axis) => axis.n));
  const dense = axes.map((axis, i) => {
    const step = isReduced(axis) ? 0 : sums.strides[kept.indexOf(axis)]!;
    return { ...axis, strides: [step, x.strides[i]!] };
  });
  sumAxes(c, sums, x.offset, dense, false);
  copy(c, viewOf(y.offset, kept, 0), sums, accumulate, positionsOf(kept));
}

/** Adds numbers one by one to a broadcast result, whatever the strides. */
function addByElement(c: Context, y: View, from: number, axes: readonly Axis[], accumulate: boolean): void {
  if (!accumulate) zero(c, y);
  copy(c, viewOf(y.offset, axes, 0), viewOf(from, axes, 1), true, positionsOf(axes));
}

export function emitMax(c: Context, node: number): void {
  const y = c.locate(node);
  const x = c.input(node, 0);
  const axes = c.ir.attr(node).axes ?? x.shape.map((_, i) => i);
  const gone = [...new Set(axes.map((axis) => resolveAxis(axis, x.shape)))];
  if (maxOfColumns(c, y, x, new Set(gone), c.positionsOf(node))) return;
  const kept = x.shape.map((_, i) => i).filter((i) => !gone.includes(i));
  // The axes that vanish come last, as one.
  const turned = transposeView(x, [...kept, ...gone]);
  const n = sizeOf(gone.map((axis) => x.shape[axis]!));
  const shape = [...y.shape, n];
  const from = rows(c, reshapeView(turned, shape) ?? reshapeView(dense(c, turned), shape)!);
  const outer = mergeAxes(y.shape, [y.strides, from.strides.slice(0, -1)], c.positionsOf(node));
  if (!outer) return;
  forEachNest(c, outer, 3, [y.offset, from.offset], (three, at) => {
    c.emit({
      op: 'row_max',
      extents: [three[0]!, three[1]!, three[2]!, n, 1],
      y: operandAt(three, at, 0, 0),
      a: operandAt(three, at, 1, 1),
    });
  });
}

/** The maxima down columns, where the numbers lie so; false where they do not. */
function maxOfColumns(
  c: Context,
  y: View,
  x: View,
  gone: ReadonlySet<number>,
  positions?: AxisPositions,
): boolean {
  let kept = 0;
  const at = x.shape.map((_, i) => (gone.has(i) ? -1 : kept++));
  const strides = [at.map((i) => (i < 0 ? 0 : y.strides[i]!)), x.strides];
  const marks = at.map((i) => (i < 0 ? 1 : 0));
  const ofX = positions && at.map((i) => (i < 0 ? undefined : positions[i]));
  const axes = mergeAxes(x.shape, strides, ofX, marks);
  const column = axes?.find((axis) => axis.strides[0] === 1 && axis.strides[1] === 1);
  const [down, more] = axes?.filter(isReduced) ?? [];
  if (!axes || !column || !down || more) return false;
  const outer = axes.filter((axis) => axis !== column && axis !== down);
  forEachNest(c, outer, 2, [y.offset, x.offset], (two, from) => {
    c.emit({
      op: 'col_max',
      extents: [two[0]!, two[1]!, down, column, 1],
      y: operandAt(two, from, 0, 1, 0),
      a: operandAt(two, from, 1, 1, down.strides[1]),
    });
  });
  return true;
}

export function emitCumsum(c: Context, node: number): void {
  const { axis, reverse } = c.ir.attr(node) as { axis: number; reverse?: boolean };
  const [y, x] = [c.locate(node), c.input(node, 0)];
  const along = resolveAxis(axis, y.shape);
  const others = <A>(list: readonly A[]): A[] => list.filter((_, i) => i !== along);
  const positions = c.positionsOf(node);
  const strides = [others(y.strides), others(x.strides)];
  const outer = mergeAxes(others(y.shape), strides, positions && others(positions));
  if (!outer) return;
  const length = { n: y.shape[along]!, positions: positions?.[along] };
  forEachNest(c, outer, 3, [y.offset, x.offset], (three, at) => {
    c.emit({
      op: 'cumsum',
      extents: [three[0]!, three[1]!, three[2]!, length, 1],
      y: operandAt(three, at, 0, y.strides[along]),
      a: operandAt(three, at, 1, x.strides[along]),
      imm0: reverse ? 1 : 0,
    });
  });
}
