/** The types of the kernels that the addon exports. */
import type { TypedArray } from '../core/array.js';

/**
 * The native kernels (native/node/kernel_calls.cpp). Outputs come first; native code checks every argument
 * again.
 */
export interface NativeKernels {
  matmul(
    out: TypedArray,
    a: TypedArray,
    b: TypedArray,
    m: number,
    k: number,
    n: number,
    transposeA: boolean,
    transposeB: boolean,
    isa?: string,
  ): void;
  relu(out: TypedArray, x: TypedArray, isa?: string): void;
  softmax(out: TypedArray, x: TypedArray, rows: number, cols: number, isa?: string): void;
  topk(out: Int32Array, x: TypedArray, isa?: string): void;
  gather(out: TypedArray, x: TypedArray, indices: Int32Array, cols: number, isa?: string): void;
}
