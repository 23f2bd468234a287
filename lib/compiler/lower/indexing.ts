/**
 * Instructions that read or write by index (gather, scatter, products with chosen rows), and those that find
 * the indices of the largest numbers.
 */
import { resolveAxis, sizeOf } from '../../core/shape.js';
import { OPS, type OpName } from '../../graph/ops.js';
import { both } from '../ir/axes.js';
import type { Context, Extent } from './context.js';
import { copy, dense, rows, zero } from './elementwise.js';
import type { Operand } from './encode.js';
import { forEachNest, mergeAxes, type Axis } from './loops.js';
import { isDense, type View } from './view.js';

/** The instruction of a product with chosen rows; undefined for any other operator. */
function rowProductOf(op: OpName): string | undefined {
  const { lower } = OPS[op];
  return lower.kind === 'rowProduct' ? lower.instruction : undefined;
}

/** The number of indices that an instruction reads; `other` is the node that has one row for each. */
function indexExtent(c: Context, index: number, other: number): Extent {
  const shape = c.ir.shape(index);
  const n = sizeOf(shape);
  const positions = both(c.positionsOf(index)?.[0], c.positionsOf(other)?.[0]);
  return positions && shape.length ? { n, positions } : n;
}

/** Without `batch`, all indices name rows of one table; with it, index i names a row of table i. */
export function emitGather(c: Context, node: number): void {
  const { ir } = c;
  const index = ir.input(node, 1);
  const rank = ir.shape(index).length;
  if (sizeOf(ir.shape(node)) === 0) {
    c.locate(node);
    return;
  }
  const extent = indexExtent(c, index, node);
  const batch = ir.attr(node).batch === true;
  const axis = batch ? 1 : 0;
  let x = c.input(node, 0);
  const cols = sizeOf(x.shape.slice(axis + 1));
  if (!isDense(behind(x, axis + 1))) x = dense(c, x);
  const place = c.locate(node);
  // The machine writes each row in one piece, at equal distances.
  const fits = isDense(behind(place, rank)) && (rank <= 1 || isDense(place));
  const y = fits ? place : c.allocate(place.shape);
  // Behind several axes of indices, rows lie without gaps; the stride of an axis of length 1 says nothing.
  const step = rank === 1 ? y.strides[0]! : cols;
  c.emit({
    op: 'gather',
    extents: batch ? [extent, 1, 1, cols, 1] : [1, 1, extent, cols, 1],
    y: [y.offset, batch ? step : 0, 0, batch ? 0 : step, 1],
    a: [x.offset, batch ? x.strides[0]! : 0, 0, x.strides[axis]!, 1],
    x: [c.layout.slot(index), batch ? 1 : 0, 0, 1, 0],
    imm0: x.shape[axis]!,
  });
  if (y !== place) copy(c, place, y, false, c.positionsOf(node));
}

export function emitScatterAdd(c: Context, node: number): void {
  const { ir } = c;
  const [rowsNode, index] = ir.inputs(node) as [number, number];
  const from = dense(c, c.locate(rowsNode));
  const batch = ir.attr(node).batch === true;
  const axis = batch ? 1 : 0;
  const place = c.locate(node);
  const y = isDense(behind(place, axis + 1)) ? place : c.allocate(place.shape);
  if (y !== place || !c.addsToZero(node)) zero(c, y, c.positionsOf(node));
  const shape = ir.shape(node);
  const extent = indexExtent(c, index, rowsNode);
  const cols = sizeOf(shape.slice(axis + 1));
  if (sizeOf(ir.shape(rowsNode)) === 0) return;
  c.emit({
    op: 'scatter_add',
    extents: [batch ? extent : 1, 1, batch ? 1 : extent, cols, 1],
    y: [y.offset, batch ? y.strides[0]! : 0, 0, y.strides[axis]!, 1],
    a: [from.offset, batch ? cols : 0, 0, batch ? 0 : cols, 1],
    x: [c.layout.slot(index), batch ? 1 : 0, 0, 1, 0],
    imm0: shape[axis]!,
  });
  if (y !== place) copy(c, place, y, c.addsToZero(node), c.positionsOf(node));
}

/** A product with the rows of a matrix that the last operand names. */
export function emitRowProduct(c: Context, node: number): void {
  const { ir } = c;
  const y = c.locate(node);
  const [first, second] = [c.input(node, 0), c.input(node, 1)];
  const index = ir.input(node, 2);
  const addsRows = ir.is(node, 'gatherMatmul');
  if (!addsRows && !c.addsToZero(node)) zero(c, y);
  // The instruction needs contiguous rows, and a contiguous vector to multiply them with.
  const a = first.shape.length === 2 ? rows(c, first) : first;
  const b = rows(c, second);
  const matrix = addsRows ? b : first.shape.length === 2 ? a : y;
  const [n, cols] = matrix.shape as [number, number];
  const count = ir.shape(index)[0]!;
  if (!cols || !count) {
    if (addsRows && !c.accumulates(node)) zero(c, y);
    return;
  }
  const operand = (view: View): Operand => [view.offset, 0, 0, view.strides[0]!, 1];
  // A sum of rows starts from c, if there is one; the other two instructions always accumulate.
  const starts = addsRows ? Number(c.accumulates(node)) : 1;
  c.emit({
    op: rowProductOf(ir.opOf(node))!,
    accumulate: !addsRows,
    extents: [1, 1, starts, cols, count],
    y: operand(y),
    a: operand(a),
    b: operand(b),
    ...(addsRows && { c: operand(y) }),
    x: [c.layout.slot(index), 0, 0, 0, 1],
    imm0: n,
  });
}

export function emitTopk(c: Context, node: number): void {
  const x = c.input(node, 0);
  c.emit({
    op: 'topk',
    extents: [1, 1, 1, x.shape[0]!, c.ir.attr(node).k!],
    a: [x.offset, 0, 0, 0, x.strides[0]!],
    x: [c.layout.slot(node), 0, 0, 0, 1],
    imm0: isReadInOrder(c, node) ? 0 : 1,
  });
}

/** Whether some reader depends on the order of the indices: sums over the rows that they name do not. */
function isReadInOrder(c: Context, index: number): boolean {
  const { ir, placement } = c;
  if (!c.rowProductReads) {
    const reads = new Map<number, number>();
    for (let node = 0; node < ir.count; node++) {
      if (!placement.uses[node] || rowProductOf(ir.opOf(node)) === undefined) continue;
      reads.set(ir.input(node, 2), (reads.get(ir.input(node, 2)) ?? 0) + 1);
    }
    c.rowProductReads = reads;
  }
  return c.rowProductReads.get(index) !== placement.uses[index];
}

export function emitArgmax(c: Context, node: number): void {
  const index = c.indexView(node);
  const x = c.input(node, 0);
  const along = resolveAxis(c.ir.attr(node).axis!, x.shape);
  const outer = mergeAxes(index.shape, [index.strides, x.strides.filter((_, i) => i !== along)]);
  if (!outer) return;
  forEachNest(c, outer, 2, [index.offset, x.offset], (two, at) => {
    const [one, other] = two as [Axis, Axis];
    c.emit({
      op: 'topk',
      extents: [one, other, 1, x.shape[along]!, 1],
      a: [at[1]!, one.strides[1]!, other.strides[1]!, 0, x.strides[along]!],
      x: [at[0]!, one.strides[0]!, other.strides[0]!, 0, 1],
    });
  });
}

/** The layout of one entry of a view's leading axes: the axes from `first` on. */
function behind({ shape, strides }: View, first: number): View {
  return { offset: 0, shape: shape.slice(first), strides: strides.slice(first) };
}
