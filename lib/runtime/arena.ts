/** Allocates the memory of programs: typed arrays, aligned to a cache line. */
import type { DType, TypedArray } from '../core/array.js';
import { addon } from '../binding/addon.js';

export function allocate(dtype: DType, size: number): TypedArray {
  return dtype === 'float32' ? new Float32Array(size) : new Float64Array(size);
}

/** Arrays of as many bytes gain by huge pages; smaller ones have few pages of any size. */
const LEAST_FOR_HUGE_PAGES = 2 ** 22;

/** An array that starts on a cache line. */
export function allocateAligned(dtype: DType, size: number): TypedArray {
  const line = dtype === 'float32' ? 16 : 8;
  const array = allocate(dtype, size + line);
  if (array.byteLength >= LEAST_FOR_HUGE_PAGES) addon.useHugePages(array);
  const start = (line - addon.alignment(array) / array.BYTES_PER_ELEMENT) % line;
  return array.subarray(start, start + size);
}

/** Transfers an array's buffer to a new array; the old array and all views of it become empty. */
export function moved(array: TypedArray): TypedArray {
  const { buffer, byteOffset, length } = array;
  const own = structuredClone(buffer as ArrayBuffer, { transfer: [buffer as ArrayBuffer] });
  return array instanceof Float32Array
    ? new Float32Array(own, byteOffset, length)
    : new Float64Array(own, byteOffset, length);
}
