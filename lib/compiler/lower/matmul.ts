/**
 * Matrix products: which instruction a product becomes, and which operand is copied transposed so that
 * its rows lie in one piece.
 */
import { both, type AxisPositions } from '../ir/axes.js';
import type { Context, Extent } from './context.js';
import { copy } from './elementwise.js';
import { forEachNest, mergeAxes, operandAt, type Axis } from './loops.js';
import { broadcastView, transposeView, type View } from './view.js';

/**
 * From this size on (in numbers), a product may be computed transposed so that an operand need not be copied:
 * see `swapped`.
 */
const LARGE_MATRIX = 1 << 14;

/** The positions of a product's axes: of the batches, of the rows, the columns and the inner axis. */
interface ProductPositions {
  batch: AxisPositions;
  m: readonly number[] | undefined;
  n: readonly number[] | undefined;
  k: readonly number[] | undefined;
}

/** y (+)= a b: the last two axes are the matrices, those before them broadcast batches. */
interface Product {
  y: View;
  a: View;
  b: View;
  accumulate: boolean;
  /** The node of b: copies of a parameter are shared. -1: none. */
  nodeB: number;
  positions: ProductPositions;
}

export function emitMatmul(c: Context, node: number): void {
  const { ir } = c;
  const accumulate = c.accumulates(node);
  const [nodeA, nodeB] = ir.inputs(node) as [number, number];
  let a = c.locate(nodeA);
  let b = c.locate(nodeB);
  let y = c.locate(node);
  const isVectorA = a.shape.length === 1;
  const isVectorB = b.shape.length === 1;
  if (isVectorA) a = { offset: a.offset, shape: [1, ...a.shape], strides: [0, ...a.strides] };
  if (isVectorB) b = { offset: b.offset, shape: [...b.shape, 1], strides: [...b.strides, 0] };
  const batch = y.shape.slice(0, y.shape.length - (isVectorA ? 0 : 1) - (isVectorB ? 0 : 1));
  const full = [...batch, a.shape[a.shape.length - 2]!, b.shape[b.shape.length - 1]!];
  const yStrides = [...y.strides];
  const column = isVectorB ? 1 : yStrides.pop()!;
  const row = isVectorA ? 0 : yStrides.pop()!;
  y = { offset: y.offset, shape: full, strides: [...yStrides, row, column] };
  const own = [...(c.positionsOf(node) ?? full.map(() => undefined))];
  const n = isVectorB ? undefined : own.pop();
  const m = isVectorA ? undefined : own.pop();
  const positionsA = c.positionsOf(nodeA);
  const positionsB = c.positionsOf(nodeB);
  const rankB = ir.shape(nodeB).length;
  const k = both(positionsA?.[positionsA.length - 1], positionsB?.[Math.max(0, rankB - 2)]);
  emitProduct(c, { y, a, b, accumulate, nodeB, positions: { batch: own.slice(0, batch.length), m, n, k } });
}

/** A stride counted from the last axis: 1 is the column's, 2 the row's. */
function stride(view: View, fromLast: number): number {
  return view.strides[view.strides.length - fromLast]!;
}

/** Whether `size` numbers at this stride lie in one piece. */
function isUnit(step: number, size: number): boolean {
  return step === 1 || size === 1;
}

function emitProduct(c: Context, product: Product): void {
  const { y, a, accumulate, nodeB, positions } = product;
  let { b } = product;
  const rank = y.shape.length;
  const m = y.shape[rank - 2]!;
  const n = y.shape[rank - 1]!;
  const k = a.shape[a.shape.length - 1]!;
  if (!m || !n) return;
  if (emitWithoutCopies(c, product)) return;
  if (!isUnit(stride(b, 1), n)) {
    const isLarge = k * n >= LARGE_MATRIX && 2 * m * (k + n) < k * n;
    if (isLarge && m > 1 && rank === 2 && stride(a, 1) === 1 && stride(b, 2) === 1) {
      emitSwapped(c, product);
      return;
    }
    b = transposedCopy(c, b, nodeB);
  }
  if (!isUnit(stride(y, 1), n)) {
    const temporary = c.allocate(y.shape);
    emitProduct(c, { ...product, y: temporary, b, accumulate: false });
    copy(c, y, temporary, accumulate, [...positions.batch, positions.m, positions.n]);
    return;
  }
  write(c, product, {
    op: 'gemm',
    views: [y, a, b],
    extents: [
      { n: m, positions: positions.m },
      { n, positions: positions.n },
      { n: k, positions: positions.k },
    ],
    rows: [stride(y, 2), stride(a, 2), stride(b, 2)],
    columns: [1, stride(a, 1), 1],
  });
}

/**
 * Writes a product with a vector that an instruction can compute without a copy of an operand; returns false
 * if there is no such instruction.
 */
function emitWithoutCopies(c: Context, product: Product): boolean {
  const { y, a, b, nodeB, positions } = product;
  const m = y.shape[y.shape.length - 2]!;
  const n = y.shape[y.shape.length - 1]!;
  const k = a.shape[a.shape.length - 1]!;
  const down = { n: m, positions: positions.m };
  const across = { n, positions: positions.n };
  const inner = { n: k, positions: positions.k };
  // Matrix times vector along contiguous rows: dot products.
  if (n === 1 && k > 1 && stride(a, 1) === 1 && stride(b, 2) === 1) {
    write(c, product, {
      op: 'row_dot',
      views: [y, a, b],
      extents: [down, inner, 1],
      rows: [stride(y, 2), stride(a, 2), 0],
      columns: [0, 1, 1],
    });
    return true;
  }
  // Vector times a transposed matrix that is not worth transposing: dot products with its rows.
  const isTransposed = !isUnit(stride(b, 1), n) && stride(b, 2) === 1;
  if (m === 1 && k > 1 && isTransposed && stride(a, 1) === 1 && !c.isParameter(nodeB)) {
    write(c, product, {
      op: 'row_dot',
      views: [y, b, a],
      extents: [across, inner, 1],
      rows: [stride(y, 1), stride(b, 1), 0],
      columns: [0, 1, 1],
    });
    return true;
  }
  // A transposed left operand and a single column: yᵀ = bᵀ aᵀ streams the rows of aᵀ.
  if (n === 1 && m > 1 && stride(a, 2) === 1 && isUnit(stride(y, 2), m)) {
    write(c, product, {
      op: 'gemm',
      views: [y, b, a],
      extents: [1, down, inner],
      rows: [0, 0, stride(a, 1)],
      columns: [1, stride(b, 2), 1],
    });
    return true;
  }
  return false;
}

type Three<T> = readonly [T, T, T];

/**
 * An instruction for a product: its operands in order, its rows, columns and inner extent, and their
 * strides.
 */
interface ProductInstruction {
  op: 'gemm' | 'row_dot';
  views: Three<View>;
  extents: Three<Extent>;
  rows: Three<number>;
  columns: Three<number>;
}

/** Writes an instruction of a product, over its batches. */
function write(
  c: Context,
  product: Product,
  { op, views, extents, rows, columns }: ProductInstruction,
): void {
  const { y, accumulate, positions } = product;
  const batch = y.shape.slice(0, -2);
  const lead = (view: View): readonly number[] =>
    broadcastView({ offset: 0, shape: view.shape.slice(0, -2), strides: view.strides.slice(0, -2) }, batch)
      .strides;
  const strides = [y.strides.slice(0, -2), lead(views[1]), lead(views[2])];
  const axes = mergeAxes(batch, strides, positions.batch);
  if (!axes) return;
  const offsets = views.map((view) => view.offset);
  forEachNest(c, axes, 2, offsets, (two, at) => {
    const first = operandAt(two, at, 0, columns[0], rows[0]);
    c.emit({
      op,
      accumulate,
      extents: [two[0]!, two[1]!, ...extents],
      y: first,
      a: operandAt(two, at, 1, columns[1], rows[1]),
      b: operandAt(two, at, 2, columns[2], rows[2]),
      // The numbers that the product is added to.
      ...(op === 'gemm' && { c: first }),
    });
  });
}

/** y (+)= a b as yᵀ = bᵀ aᵀ: copies the smaller a and y transposed, and not a large transposed b. */
function emitSwapped(c: Context, { y, a, b, accumulate, positions: { m, n, k } }: Product): void {
  const swap = (view: View): View => transposeView(view, [1, 0]);
  const left = swap(b);
  const right = c.allocate(swap(a).shape);
  transposeInto(c, right, swap(a), [k, m]);
  const product = c.allocate(swap(y).shape);
  const positions = { batch: [], m: n, n: m, k };
  emitProduct(c, { y: product, a: left, b: right, accumulate: false, nodeB: -1, positions });
  const isPlain = !accumulate && y.strides[1] === 1;
  const result = isPlain ? y : c.allocate(y.shape);
  transposeInto(c, result, swap(product), [m, n]);
  if (!isPlain) copy(c, y, result, accumulate, [m, n]);
}

/** The same matrix with unit column stride. A parameter's is made once a step for all its uses. */
export function transposedCopy(c: Context, b: View, node: number): View {
  const isShared = c.isParameter(node);
  const key = `${b.offset}:${b.shape.join()}:${b.strides.join()}`;
  const known = isShared ? c.transposed.get(key) : undefined;
  if (known) return known;
  const made = c.allocate(b.shape);
  const { position } = c;
  if (isShared) c.position = 0;
  const rank = b.shape.length;
  const own = isShared ? undefined : c.positionsOf(node);
  const positions = own?.length === rank ? own : undefined;
  if (b.strides[rank - 2] === 1) transposeInto(c, made, b, positions);
  else copy(c, made, b, false, positions);
  c.position = position;
  if (isShared) c.transposed.set(key, made);
  return made;
}

/** Copies matrices whose columns lie in one piece to where their rows do. */
function transposeInto(c: Context, y: View, x: View, positions: AxisPositions | undefined): void {
  const rank = y.shape.length;
  const [rows, columns] = y.shape.slice(-2) as [number, number];
  if (!rows || !columns) return;
  // Matrices side by side, whose transposes lie one below the other, are one.
  const strides = [y.strides.slice(0, -1), x.strides.slice(0, -1)];
  const axes = mergeAxes(y.shape.slice(0, -1), strides, positions);
  if (!axes) return;
  const down: Axis = rows > 1 ? axes.pop()! : { n: 1, strides: [y.strides[rank - 2]!, 1] };
  forEachNest(c, axes, 2, [y.offset, x.offset], (two, at) => {
    c.emit({
      op: 'transpose',
      extents: [two[0]!, two[1]!, { n: columns, positions: positions?.[rank - 1] }, down, 1],
      y: operandAt(two, at, 0, 1, down.strides[0]),
      a: operandAt(two, at, 1, 1, x.strides[rank - 1]),
    });
  });
}
