/**
 * Kernels on parts of larger arrays, as models written by hand call them (native/bench/matrices.cpp).
 * Benchmarks compare compiled programs with such models. The package does not contain these kernels.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../lib/core/package.js';
import type { TypedArray } from '../lib/core/array.js';

/**
 * All arrays of a call have one type. The arguments are those of native/kernels/kernels.def, each array
 * followed by its strides. Operands that exceed their arrays throw.
 */
export interface NativeMatrices {
  /** y (+)= a b, `count` times, each matrix `step` after the one before. */
  gemm(
    y: TypedArray,
    rowY: number,
    stepY: number,
    a: TypedArray,
    rowA: number,
    colA: number,
    stepA: number,
    b: TypedArray,
    rowB: number,
    colB: number,
    stepB: number,
    m: number,
    n: number,
    k: number,
    count: number,
    accumulate: number,
  ): void;
  /** v = momentum v + g; w -= rate v, for the first n numbers. */
  sgd(w: TypedArray, v: TypedArray, g: TypedArray, n: number, rate: number, momentum: number): void;
  /** `count` squares of n x n, row r over its first r + 1 numbers; y may be x. */
  causalSoftmax(y: TypedArray, x: TypedArray, count: number, n: number): void;
  softmaxGrad(dx: TypedArray, y: TypedArray, g: TypedArray, rows: number, cols: number): void;
  rmsNorm(y: TypedArray, inv: TypedArray, x: TypedArray, rows: number, cols: number, eps: number): void;
  rmsNormGrad(
    dx: TypedArray,
    g: TypedArray,
    x: TypedArray,
    inv: TypedArray,
    rows: number,
    cols: number,
    accumulate: number,
  ): void;
  crossEntropy(
    loss: TypedArray,
    p: TypedArray,
    x: TypedArray,
    targets: Int32Array,
    rows: number,
    cols: number,
  ): void;
  /** `g` is the gradient of every row's loss. */
  crossEntropyGrad(
    dx: TypedArray,
    p: TypedArray,
    g: number,
    targets: Int32Array,
    rows: number,
    cols: number,
  ): void;
  add(y: TypedArray, a: TypedArray, b: TypedArray, n: number): void;
  maskPositive(y: TypedArray, a: TypedArray, b: TypedArray, n: number): void;
  /** Multiplies y by the factor, in place. */
  scale(y: TypedArray, row: number, factor: number, rows: number, cols: number): void;
  scatterAdd(
    y: TypedArray,
    tableRows: number,
    x: TypedArray,
    indices: Int32Array,
    rows: number,
    cols: number,
  ): void;
}

/** Loads the library, which lies beside the addon of this process (see node-gyp-build). */
function load(): NativeMatrices {
  // Beside the addon under test; an installed package has no such library, so then the checkout's own is
  // used.
  const built = join(process.env['VECGRAD_PREBUILD'] ?? packageRoot(), 'build/Release/vecgrad_matrices.so');
  const library = { exports: {} };
  // Its name does not end with `.node`, or node-gyp-build would take it for the addon.
  process.dlopen(
    library,
    existsSync(built) ? built : join(packageRoot(), 'build/Release/vecgrad_matrices.so'),
  );
  return library.exports as NativeMatrices;
}

export const matrices: NativeMatrices = load();
