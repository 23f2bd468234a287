/**
 * Epilogue fusion: a product whose result is read once, by a relu, by the mask of a relu's gradient or by
 * a sum, does that too, while its sums are still in registers.
 */
import { sizeOf } from '../../core/shape.js';
import { opcodes } from '../../binding/addon.js';
import type { Context, Extent } from './context.js';
import type { Encoder } from './encode.js';
import { EPILOGUES, EXTENT_PLACES, WORD } from './words.js';
import type { View } from './view.js';

/** Rows of adjacent numbers, `row` apart (0: one row). */
interface Matrix {
  offset: number;
  row: number;
}

/** The product and epilogue that replace the last instruction. */
interface Epilogue {
  then: 'add' | 'relu' | 'maskPositive';
  position: number;
  /** Extent ids: two outer loops, rows, columns. */
  extents: readonly number[];
  /** What the product writes now, and what it shall write. */
  from: Matrix;
  to: Matrix;
  /** The other term of a sum; what a mask looks at. */
  other: Matrix | undefined;
  /** Whether the result is added to what is there. */
  accumulates: boolean;
}

/**
 * Has the product just written do this node's work too, where nothing else reads it; says whether it could.
 */
export function fuseIntoProduct(c: Context, node: number): boolean {
  const { ir } = c;
  const op = ir.row(node).epilogue;
  if (!c.options.epilogues || op === 'none' || op === 'takes') return false;
  if (isReadAlone(c, node, ir.input(node, 0)) && fuse(c, node, op, 0)) return true;
  return op === 'add' && isReadAlone(c, node, ir.input(node, 1)) && fuse(c, node, op, 1);
}

/** Whether a node is a product, or an `addN` that ends in one, which only this reader needs. */
function isReadAlone(c: Context, reader: number, node: number): boolean {
  const { ir, placement } = c;
  if (placement.uses[node] !== 1 || placement.parent[node] !== -1 || c.results.has(node)) return false;
  if (ir.row(node).epilogue !== 'takes' && !placement.addNs.has(node)) return false;
  return ir.shape(reader).join() === ir.shape(node).join();
}

/** Makes `node` the epilogue of its operand i. */
function fuse(c: Context, node: number, op: Epilogue['then'], i: number): boolean {
  const { ir } = c;
  const shape = ir.shape(node);
  const positions = c.positionsOf(node);
  const axis = (at: number): Extent => (at < 0 ? 1 : { n: shape[at]!, positions: positions?.[at] });
  const from = matrixOf(c.input(node, i));
  const to = matrixOf(c.locate(node));
  const otherNode = op === 'relu' ? undefined : ir.input(node, 1 - i);
  if (otherNode !== undefined && shape.join() !== ir.shape(otherNode).join()) return false;
  const other = otherNode === undefined ? undefined : matrixOf(c.locate(otherNode));
  if (!from || !to || other === null) return false;
  const rank = shape.length;
  return fuseIntoLast(c, {
    then: op,
    position: c.position,
    extents: c.extents([1, 1, axis(rank - 2), axis(rank - 1), 1]).slice(0, 4),
    from,
    to,
    other,
    accumulates: c.accumulates(node),
  });
}

/** A view as rows of adjacent numbers; null if it does not have that form. */
function matrixOf({ offset, shape, strides }: View): Matrix | null {
  const rank = shape.length;
  const cols = shape[rank - 1] ?? 0;
  if (!cols || (strides[rank - 1] !== 1 && cols !== 1)) return null;
  const rows = shape[rank - 2] ?? 1;
  if (sizeOf(shape) !== rows * cols) return null;
  return { offset, row: rows > 1 ? strides[rank - 2]! : 0 };
}

/**
 * Fuses into the last instruction, or into the one before products that are gradients of parameters, and
 * moves it behind them: nothing reads those before the update.
 */
function fuseIntoLast(c: Context, epilogue: Epilogue): boolean {
  const { out } = c;
  let back = 0;
  while (isGradient(c, out.fromLast(back))) back++;
  const words = out.fromLast(back);
  if (!words || words[WORD.position] !== epilogue.position) return false;
  if (!fuseInto(out, words, epilogue)) return false;
  out.moveToEnd(back);
  return true;
}

/** Whether an instruction is a product that writes the gradient of a parameter where the update reads it. */
function isGradient({ layout: { block } }: Context, words: Int32Array | undefined): boolean {
  if (words?.[WORD.opcode] !== opcodes.get('gemm')) return false;
  const at = words![WORD.y_offset]! - block.gradients;
  return at >= 0 && at < block.withGradient;
}

function fuseInto(out: Encoder, words: Int32Array, epilogue: Epilogue): boolean {
  if (words[WORD.opcode] === opcodes.get('gather_matmul')) return fuseIntoRowProduct(out, words, epilogue);
  if (words[WORD.opcode] === opcodes.get('gemm')) return fuseIntoMatmul(words, epilogue);
  return false;
}

/** A `gemm` starts from matrix c, and can end in a relu or a mask. */
function fuseIntoMatmul(w: Int32Array, { then, extents, from, to, other, accumulates }: Epilogue): boolean {
  if (accumulates) return false;
  const adds = w[WORD.accumulate] === 1;
  const writesFrom =
    extents.every((id, i) => w[EXTENT_PLACES[i]!] === id) &&
    w[WORD.imm0] === EPILOGUES.indexOf(undefined) &&
    w[WORD.y_offset] === from.offset &&
    w[WORD.c_offset] === from.offset &&
    (w[WORD.y_row] === from.row || from.row === 0);
  // The machine knows one row stride for what it writes, starts from and is masked by.
  const isAlike = (x: Matrix | undefined): boolean => !x || x.row === to.row;
  if (!writesFrom || !isAlike(other) || (adds && (then === 'add' || !isAlike(from)))) return false;
  w[WORD.y_offset] = to.offset;
  if (to.row) w[WORD.y_row] = to.row;
  if (then === 'add') {
    w[WORD.accumulate] = 1;
    w[WORD.c_offset] = other!.offset;
  } else {
    w[WORD.imm0] = EPILOGUES.indexOf(then);
    w[WORD.imm1] = other?.offset ?? 0;
    if (!adds) w[WORD.c_offset] = to.offset;
  }
  return true;
}

/**
 * A product with chosen rows can start from up to two rows, `c` and one a stride further, and end in a relu.
 */
function fuseIntoRowProduct(out: Encoder, w: Int32Array, epilogue: Epilogue): boolean {
  const { then, from, to, other, accumulates } = epilogue;
  const [outer1, outer2, rows, columns] = epilogue.extents;
  const one = out.literal(1);
  const startsId = WORD.rows;
  const columnsId = w[WORD.cols]!;
  const n = out.fixedExtent(columnsId);
  const isRow = outer1 === one && outer2 === one && rows === one && columnsId === columns;
  if (!isRow || w[WORD.y_offset] !== from.offset || w[WORD.imm1] !== EPILOGUES.indexOf(undefined))
    return false;
  // Parts of the result are written before others are computed: no operand may lie where it is written.
  const overlaps = (at: number, numbers: number): boolean => at < to.offset + n && to.offset < at + numbers;
  const last = w[WORD.imm0]! - 1;
  if (overlaps(w[WORD.a_offset]!, last * w[WORD.a_row]! + 1)) return false;
  if (overlaps(w[WORD.b_offset]!, last * w[WORD.b_row]! + n)) return false;
  const count = out.fixedExtent(w[startsId]!);
  const starts = Array.from({ length: count }, (_, i) => w[WORD.c_offset]! + i * w[WORD.c_row]!);
  if (then === 'add') starts.push(other!.offset);
  if (accumulates) starts.push(to.offset);
  if (then === 'maskPositive' || (then === 'relu' && accumulates) || starts.length > 2) return false;
  // Rows that overlap the result, but are not it, are written before they are read.
  if (starts.some((at) => at !== to.offset && overlaps(at, n))) return false;
  w[WORD.y_offset] = to.offset;
  w[startsId] = out.literal(starts.length);
  starts.sort((a, b) => a - b);
  w[WORD.c_offset] = starts[0] ?? to.offset;
  w[WORD.c_row] = starts.length > 1 ? starts[1]! - starts[0]! : 0;
  if (then === 'relu') w[WORD.imm1] = EPILOGUES.indexOf('relu');
  return true;
}
