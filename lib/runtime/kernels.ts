/** Vector kernels on plain typed arrays, without a graph. Matrices are dense and row-major. */
import { types } from 'node:util';
import { quoted } from '../core/escape.js';
import type { TypedArray } from '../core/array.js';
import { checkArguments, checkOptions, type Known } from '../core/check.js';
import { addon, chosenIsa } from '../binding/addon.js';

/** Options of every kernel. */
export interface KernelOptions {
  /** An instruction set of this machine; by default the one that VECGRAD_ISA names, else the best. */
  isa?: string | undefined;
}

export interface OutOptions<A extends TypedArray> extends KernelOptions {
  /** The array to write the result to, of its type and length; by default a new one. */
  out?: A | undefined;
}

export interface MatmulOptions<A extends TypedArray> extends OutOptions<A> {
  /** Rows of the product. */
  m: number;
  /** The contracted size: columns of the left matrix, rows of the right one. */
  k: number;
  /** Columns of the product. */
  n: number;
  /** `a` is stored transposed, k x m. */
  transposeA?: boolean | undefined;
  /** `b` is stored transposed, n x k. */
  transposeB?: boolean | undefined;
}

export interface SoftmaxOptions<A extends TypedArray> extends OutOptions<A> {
  /** The number of rows; by default x.length / cols, or 1. */
  rows?: number | undefined;
  /** The length of a row; by default x.length / rows. */
  cols?: number | undefined;
}

export interface GatherOptions<A extends TypedArray> extends OutOptions<A> {
  /** The length of a row of the table. */
  cols: number;
}

const KERNEL_OPTIONS: Known<KernelOptions> = { isa: true };
const OUT_OPTIONS: Known<OutOptions<TypedArray>> = { ...KERNEL_OPTIONS, out: true };
const MATMUL_OPTIONS: Known<MatmulOptions<TypedArray>> = {
  ...OUT_OPTIONS,
  m: true,
  k: true,
  n: true,
  transposeA: true,
  transposeB: true,
};
const SOFTMAX_OPTIONS: Known<SoftmaxOptions<TypedArray>> = {
  ...OUT_OPTIONS,
  rows: true,
  cols: true,
};
const GATHER_OPTIONS: Known<GatherOptions<TypedArray>> = { ...OUT_OPTIONS, cols: true };

/**
 * The matrix product [m, k] @ [k, n] -> [m, n]: GEMM (Dongarra et al., 1990) with alpha 1 and beta 0, by
 * vecgrad's own kernel or, for large sizes, by OpenBLAS where that is faster.
 *
 * @param a m x k elements, row-major; k x m with `transposeA`
 * @param b k x n elements, row-major; n x k with `transposeB`
 * @returns `out`, or a new array
 * @throws TypeError when `a`, `b` and `out` are not all Float64Array or all Float32Array
 * @throws RangeError when a size is not an integer from 0, does not fit its array, or `out` overlaps an
 * operand
 * @example kernels.matmul(Float64Array.of(1, 2), Float64Array.of(3, 4), { m: 1, k: 2, n: 1 }) // 11
 */
function matmul<A extends TypedArray>(a: A, b: A, options: MatmulOptions<A>): A {
  checkArguments('matmul', arguments, 3);
  checkOptions('matmul', options, MATMUL_OPTIONS);
  const { m, k, n, transposeA, transposeB, out, isa } = options;
  checkFloats('matmul', 'a', a);
  checkSame('matmul', 'b', b, 'a', a);
  checkSize('matmul', 'm', m);
  checkSize('matmul', 'k', k);
  checkSize('matmul', 'n', n);
  checkFlag('matmul', 'transposeA', transposeA);
  checkFlag('matmul', 'transposeB', transposeB);
  checkLength('matmul', 'a', a, 'm x k', [m, k]);
  checkLength('matmul', 'b', b, 'k x n', [k, n]);
  const y = output('matmul', out, 'a', a, 'm x n', m, n);
  const [isaName, ta, tb] = [isaOf(isa), transposeA === true, transposeB === true];
  addon.kernels.matmul(y, a, b, m, k, n, ta, tb, isaName);
  return y;
}

/**
 * max(x, 0) of every element; NaN stays NaN (Nair and Hinton, 2010).
 *
 * @param x any number of elements; `out` may be `x` itself
 * @returns `out`, or a new array
 * @throws TypeError when `x` and `out` are not both Float64Array or both Float32Array
 * @throws RangeError when `out` has another length or partly overlaps `x`
 */
function relu<A extends TypedArray>(x: A, options: OutOptions<A> = {}): A {
  checkArguments('relu', arguments, 2);
  checkOptions('relu', options, OUT_OPTIONS);
  const { out, isa } = options;
  checkFloats('relu', 'x', x);
  const y = output('relu', out, 'x', x, 'x.length', x.length);
  addon.kernels.relu(y, x, isaOf(isa));
  return y;
}

/**
 * exp(x) / sum(exp(x)) over each row, [rows, cols] -> [rows, cols]. The row's maximum is subtracted first, so
 * that no finite number overflows (Blanchard, Higham and Higham, 2021).
 *
 * @param x rows x cols elements, by default one row; `out` may be `x` itself
 * @returns `out`, or a new array
 * @throws TypeError when `x` and `out` are not both Float64Array or both Float32Array
 * @throws RangeError when rows x cols is not the length of `x` and `out`, or `out` partly overlaps `x`
 * @example kernels.softmax(logits, { cols: 27 }) // every 27 elements add up to 1
 */
function softmax<A extends TypedArray>(x: A, options: SoftmaxOptions<A> = {}): A {
  checkArguments('softmax', arguments, 2);
  checkOptions('softmax', options, SOFTMAX_OPTIONS);
  const { out, isa } = options;
  checkFloats('softmax', 'x', x);
  if (options.rows !== undefined) checkSize('softmax', 'rows', options.rows);
  if (options.cols !== undefined) checkSize('softmax', 'cols', options.cols);
  const rows = options.rows ?? (options.cols === undefined ? 1 : wholes(x.length, options.cols));
  const cols = options.cols ?? wholes(x.length, rows);
  checkLength('softmax', 'x', x, 'rows x cols', [rows, cols]);
  const y = output('softmax', out, 'x', x, 'rows x cols', rows, cols);
  addon.kernels.softmax(y, x, rows, cols, isaOf(isa));
  return y;
}

/**
 * The indices of the k largest elements, [n] -> [k]: the largest first, equal ones by index, NaN after all
 * numbers.
 *
 * @param x at least k elements, fewer than 2^31
 * @throws TypeError when `x` is neither a Float64Array nor a Float32Array
 * @throws RangeError when k is not an integer from 0 to x.length
 * @example kernels.topk(Float64Array.of(3, 9, 5), 2) // Int32Array [1, 2]
 */
function topk(x: TypedArray, k: number, options: KernelOptions = {}): Int32Array {
  checkArguments('topk', arguments, 3);
  checkOptions('topk', options, KERNEL_OPTIONS);
  const { isa } = options;
  checkFloats('topk', 'x', x);
  checkSize('topk', 'k', k);
  if (k > x.length) {
    throw new RangeError(`topk: k is ${k}, but x has only ${x.length} elements; ask for fewer`);
  }
  const y = new Int32Array(k);
  addon.kernels.topk(y, x, isaOf(isa));
  return y;
}

/**
 * Rows of a table, out[i] = x[indices[i]]: [rows, cols] and [n] -> [n, cols].
 *
 * @param x the table: whole rows of `cols` elements
 * @param indices the row number of each row of the result, in an unshared buffer; may repeat
 * @returns `out`, or a new array
 * @throws TypeError when `x` and `out` are not both Float64Array or both Float32Array, or `indices` is not an
 * Int32Array
 * @throws RangeError when an index is out of range, `cols` does not divide x.length, `out` does not hold n x
 * cols elements or overlaps an input
 * @example kernels.gather(embeddings, Int32Array.of(3, 0, 3), { cols: 16 }) // 48 elements
 */
function gather<A extends TypedArray>(x: A, indices: Int32Array, options: GatherOptions<A>): A {
  checkArguments('gather', arguments, 3);
  checkOptions('gather', options, GATHER_OPTIONS);
  const { cols, out, isa } = options;
  checkFloats('gather', 'x', x);
  if (!types.isInt32Array(indices)) {
    throw new TypeError(
      `gather: indices must be an Int32Array, got ${show(indices)}; convert it by Int32Array.from`,
    );
  }
  if (!types.isArrayBuffer(indices.buffer)) {
    throw new TypeError(
      'gather: indices must not lie in a SharedArrayBuffer, where another thread could change ' +
        'them after they are checked; give a copy, indices.slice()',
    );
  }
  checkSize('gather', 'cols', cols, 1);
  if (x.length % cols !== 0) {
    throw new RangeError(
      `gather: x has ${x.length} elements, not a multiple of cols = ${cols}; ` + 'give the length of a row',
    );
  }
  const y = output('gather', out, 'x', x, 'indices.length x cols', indices.length, cols);
  addon.kernels.gather(y, x, indices, cols, isaOf(isa));
  return y;
}

/** The kernels that users can call directly. */
export const kernels = {
  /** The matrix product, with optional transposition. */
  matmul,
  /** max(x, 0), element-wise. */
  relu,
  /** The softmax of each row. */
  softmax,
  /** The indices of the k largest elements. */
  topk,
  /** Rows of a table, by index. */
  gather,
};

// Checks of arguments, which can be any JavaScript value, whatever the types say.

let defaultIsa: string | undefined;

function isaOf(name: string | undefined): string {
  // The environment variable is read only once: reading it takes longer than a small kernel.
  return name === undefined ? (defaultIsa ??= chosenIsa()) : chosenIsa(name);
}

function checkFloats(kernel: string, name: string, x: unknown): void {
  if (types.isFloat64Array(x) || types.isFloat32Array(x)) return;
  throw new TypeError(
    `${kernel}: ${name} must be a Float64Array or a Float32Array, got ${show(x)}` +
      (Array.isArray(x) ? '; convert it by Float64Array.from' : ''),
  );
}

function checkSame(kernel: string, name: string, x: unknown, other: string, y: TypedArray): void {
  checkFloats(kernel, name, x);
  if (types.isFloat64Array(x) === types.isFloat64Array(y)) return;
  throw new TypeError(
    `${kernel}: ${name} is a ${show(x)} but ${other} is a ${show(y)}; convert one of them, ` +
      'all arrays of a call must have one type',
  );
}

function checkSize(kernel: string, name: string, size: unknown, least = 0): void {
  if (Number.isSafeInteger(size) && (size as number) >= least) return;
  const Kind = typeof size === 'number' ? RangeError : TypeError;
  throw new Kind(`${kernel}: ${name} must be an integer from ${least} up, got ${show(size)}`);
}

function checkFlag(kernel: string, name: string, flag: unknown): void {
  if (flag === undefined || typeof flag === 'boolean') return;
  throw new TypeError(`${kernel}: ${name} must be true or false, got ${show(flag)}`);
}

/** Checks that `x` has as many elements as the product of `factors`, which `formula` names. */
function checkLength(
  kernel: string,
  name: string,
  x: TypedArray,
  formula: string,
  factors: readonly number[],
): void {
  const length = factors.reduce((product, factor) => product * factor, 1);
  if (x.length === length) return;
  const sum = factors.length > 1 ? `${factors.join(' x ')} = ${length}` : length;
  throw new RangeError(
    `${kernel}: ${name} has ${x.length} elements, but ${formula} = ${sum}; ` +
      'check the sizes, or pass a part of a longer array (subarray)',
  );
}

/** `out`, checked, or a new array of the type of `like`. */
function output<A extends TypedArray>(
  kernel: string,
  out: A | undefined,
  name: string,
  like: A,
  formula: string,
  ...factors: readonly number[]
): A {
  if (out !== undefined) {
    checkSame(kernel, 'out', out, name, like);
    checkLength(kernel, 'out', out, formula, factors);
    return out;
  }
  const length = factors.reduce((product, factor) => product * factor, 1);
  try {
    return (types.isFloat64Array(like) ? new Float64Array(length) : new Float32Array(length)) as A;
  } catch {
    throw new RangeError(`${kernel}: there is no memory for a result of ${formula} = ${length} elements`);
  }
}

/** How many whole rows of `length` fit in `total`; a later check reports a remainder. */
function wholes(total: number, length: number): number {
  return length === 0 ? 0 : Math.floor(total / length);
}

function show(value: unknown): string {
  if (types.isTypedArray(value)) return value[Symbol.toStringTag];
  if (Array.isArray(value)) return 'Array';
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'object' && value !== null) return 'object';
  return typeof value === 'function' || typeof value === 'symbol' ? typeof value : String(value);
}
