/** Reductions and scans along axes: sum, maximum, running sum. */
import { resolveAxis, sizeOf } from '../../core/shape.js';
import type { AxisPositions } from '../ir/axes.js';
import type { Context } from './context.js';
import { dense, elementwise, rows, zero } from './elementwise.js';
import { forEachNest, mergeAxes, operandAt, type Axis } from './loops.js';
import { reshapeView, transposeView, type View } from './view.js';

export function emitSum(c: Context, node: number): void {
  const { axes } = c.ir.attr(node);
  sum(c, c.locate(node), c.input(node, 0), axes, c.accumulates(node), c.positionsOf(c.ir.input(node, 0)));
}

/** y (+)= x summed over axes: along its rows, down its columns, or element by element. */
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
  if (!axes) {
    if (sizeOf(y.shape) && !accumulate) zero(c, y);
    return;
  }
  const isReduced = (axis: Axis): boolean => axis.strides[0] === 0;
  const inner = axes.findIndex((axis) => axis.strides[1] === 1);
  const others = axes.filter((_, i) => i !== inner);
  const column = axes[inner];
  // An instruction sums over one axis; the results of several are added up, starting from zeros.
  const startFromZero = (outer: readonly Axis[]): boolean => {
    const isPartial = outer.some(isReduced);
    if (isPartial && !accumulate) zero(c, y);
    return accumulate || isPartial;
  };
  if (column && isReduced(column)) {
    const adds = startFromZero(others);
    forEachNest(c, others, 3, [y.offset, x.offset], (three, at) => {
      c.emit({
        op: 'row_sum',
        accumulate: adds,
        extents: [three[0]!, three[1]!, three[2]!, column, 1],
        y: operandAt(three, at, 0, 0),
        a: operandAt(three, at, 1, 1),
      });
    });
    return;
  }
  const down = others.find(isReduced);
  if (column && down && column.strides[0] === 1) {
    const outer = others.filter((axis) => axis !== down);
    const adds = startFromZero(outer);
    forEachNest(c, outer, 2, [y.offset, x.offset], (two, at) => {
      c.emit({
        op: 'col_sum',
        accumulate: adds,
        extents: [two[0]!, two[1]!, down, column, 1],
        y: operandAt(two, at, 0, 1, 0),
        a: operandAt(two, at, 1, 1, down.strides[1]),
      });
    });
    return;
  }
  // Any strides: add element by element onto a broadcast result.
  if (!accumulate) zero(c, y);
  const spread: View = { offset: y.offset, shape: x.shape, strides: yStrides };
  elementwise(c, 'copy', spread, [x], true, positions);
}

export function emitMax(c: Context, node: number): void {
  const y = c.locate(node);
  const x = c.input(node, 0);
  const axes = c.ir.attr(node).axes ?? x.shape.map((_, i) => i);
  const gone = [...new Set(axes.map((axis) => resolveAxis(axis, x.shape)))];
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
