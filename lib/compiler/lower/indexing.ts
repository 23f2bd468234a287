/**
 * Instructions that read or write by index (gather, scatter, products with chosen rows), and those that find
 * the indices of the largest numbers.
 */
import { resolveAxis, sizeOf, type Shape } from '../../core/shape.js';
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

/**
 * The number of indices that an instruction reads, or of rows of them; `other` is the node that has one row
 * for each.
 */
function indexExtent(c: Context, index: number, other: number, n: number): Extent {
  const shape = c.ir.shape(index);
  const positions = both(c.positionsOf(index)?.[0], c.positionsOf(other)?.[0]);
  return positions && shape.length ? { n, positions } : n;
}

/** Without `batch`, all indices name rows of one table; with it, row i of them names rows of table i. */
export function emitGather(c: Context, node: number): void {
  const { ir } = c;
  const index = ir.input(node, 1);
  const rank = ir.shape(index).length;
  if (sizeOf(ir.shape(node)) === 0) {
    c.locate(node);
    return;
  }
  const batch = ir.attr(node).batch === true;
  const axis = batch ? 1 : 0;
  const [tables, each] = indicesByTable(ir.shape(index), batch);
  const extent = indexExtent(c, index, node, batch ? tables : each);
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
    extents: batch ? [extent, 1, each, cols, 1] : [1, 1, extent, cols, 1],
    y: batch ? [y.offset, rank === 1 ? step : each * cols, 0, cols, 1] : [y.offset, 0, 0, step, 1],
    a: [x.offset, batch ? x.strides[0]! : 0, 0, x.strides[axis]!, 1],
    x: [c.layout.slot(index), batch ? each : 0, 0, 1, 0],
    imm0: x.shape[axis]!,
  });
  if (y !== place) copy(c, place, y, false, c.positionsOf(node));
}

/** How many tables there are, and how many indices each has. */
function indicesByTable(shape: Shape, batch: boolean): [tables: number, each: number] {
  return batch ? [shape[0]!, sizeOf(shape.slice(1))] : [1, sizeOf(shape)];
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
  const [tables, each] = indicesByTable(ir.shape(index), batch);
  const extent = indexExtent(c, index, rowsNode, batch ? tables : each);
  const cols = sizeOf(shape.slice(axis + 1));
  if (sizeOf(ir.shape(rowsNode)) === 0) return;
  c.emit({
    op: 'scatter_add',
    extents: [batch ? extent : 1, 1, batch ? each : extent, cols, 1],
    y: [y.offset, batch ? y.strides[0]! : 0, 0, y.strides[axis]!, 1],
    a: [from.offset, batch ? each * cols : 0, 0, cols, 1],
    x: [c.layout.slot(index), batch ? each : 0, 0, 1, 0],
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
  const index = c.indexView(node);
  const x = c.input(node, 0);
  const last = x.shape.length - 1;
  const { k } = c.ir.attr(node) as { k: number };
  const isOrdered = isReadInOrder(c, node);
  const outer = mergeAxes(x.shape.slice(0, last), [index.strides.slice(0, last), x.strides.slice(0, last)]);
  if (!outer) return;
  forEachNest(c, outer, 2, [index.offset, x.offset], (two, at) => {
    const [one, other] = two as [Axis, Axis];
    c.emit({
      op: 'topk',
      extents: [one, other, 1, x.shape[last]!, k],
      a: [at[1]!, one.strides[1]!, other.strides[1]!, 0, x.strides[last]!],
      x: [at[0]!, one.strides[0]!, other.strides[0]!, 0, 1],
      imm0: isOrdered ? 0 : 1,
    });
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
