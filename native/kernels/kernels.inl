// All kernels of one instruction set and type, one file for each family, and their table. The
// bodies are written once, over the vocabulary of an instruction set: each native/isa/<name>.cpp
// includes this file in <name>::f32 and <name>::f64, where its header defines
//
//   T, V, M, B            element, vector, mask of the first lanes, result of a comparison
//   lanes(), first(n)     vector length; the mask of the first n lanes, 0 <= n < lanes()
//   load(p), load(m, p), load(m, p, other)   unmasked; 0, or `other`, where the mask is off
//   keep(m, v)            v, 0 where the mask is off
//   store(p, v), store(m, p, v), splat(x)
//   add sub mul div neg abs sqrt fma(a, b, c) = a * b + c, rounded once unless
//                         VECGRAD_FMA_MAY_ROUND_TWICE is defined
//   max(a, b)             NaN where either is NaN
//   larger(a, b)          the same, but either of the two where one is NaN
//   clamp(x, lo, hi)      NaN stays NaN
//   gt ge eq is_nan, select(b, yes, no), any(b)
//   Count, CountOf        a counter for each lane, and its element: an integer
//   no_count(), count_if(n, b)       all 0; one more where b; store(CountOf*, Count)
//   hsum, hmax, hlarger(v)   add, max and larger over all lanes
//   nearest(x)            the nearest whole number, |x| < 2^22
//   scale(x, n)           x 2^n for whole n with |n| <= 1100; the result is rounded once
//   mantissa(x, e)        m in [1, 2) and e with x = m 2^e, for positive finite x, denormals too
//   transpose_tile(y, ldy, x, ldx)   y (tile_cols x tile_rows) = x transposed
//   transpose_square(y, ldy, x, ldx)         the same for a small square x square
//   registers             how many vector registers there are: a constant
//   fma_number(x, b, c)   fma(splat(x), b, c) in one instruction; VECGRAD_HAS_FMA_NUMBER says so
//   round(x)              the nearest whole number of any x, of two the even one; keeps a zero's
//                         sign; VECGRAD_HAS_ROUND says so
//   hsum4(y, a, b, c, d)  y[0] = hsum(a) to y[3] = hsum(d), together; VECGRAD_HAS_HSUM4 says so
//
// The vocabulary is free functions over type aliases, because scalable vectors (SVE, RVV) have no
// size that the compiler knows: they can be variables, references and arguments, but neither
// members nor elements of arrays. Lambdas therefore capture numbers, not vectors.

#ifndef VECGRAD_HAS_FMA_NUMBER
static inline V fma_number(T x, V b, V c) { return fma(splat(x), b, c); }
#endif
#ifndef VECGRAD_HAS_HSUM4
static inline void hsum4(T* y, V a, V b, V c, V d) {
  y[0] = hsum(a), y[1] = hsum(b), y[2] = hsum(c), y[3] = hsum(d);
}
#endif

// The families, each after those it is built from.
// exp, log and other functions that a vector has no instruction for:
#include "kernels/transcendental.inl"
// erf, ndtr:
#include "kernels/normal.inl"
#include "kernels/power.inl"
// arcsin, arctan, arcsinh, arctanh:
#include "kernels/inverse.inl"
// relu, tanh, add, ...; and the loops over rows that others use too:
#include "kernels/elementwise.inl"
// sums of many terms:
#include "kernels/sums.inl"
// row_sum, row_max, row_dot, col_sum, col_max:
#include "kernels/reductions.inl"
// softmax, softmax_grad:
#include "kernels/softmax.inl"
// softmax_columns, softmax_columns_grad:
#include "kernels/softmax_columns.inl"
// cross_entropy, cross_entropy_grad:
#include "kernels/cross_entropy.inl"
// row_norm, row_norm_grad:
#include "kernels/norm.inl"
// transpose, gather, scatter_add:
#include "kernels/moves.inl"
// largest_of:
#include "kernels/pooling.inl"
// sgd, adam, amsgrad, adagrad, rmsprop, lion:
#include "kernels/optimisers.inl"
// gemm, gemm_batch, gemm_sgd:
#include "kernels/gemm.inl"
// gemv_rows, row_dot_rows, outer_rows:
#include "kernels/indexed_products.inl"
// topk:
#include "kernels/topk.inl"
// The machine's peaks, for the benchmark:
#include "bench/peak.inl"

static int vector_bits() { return int(lanes()) * 8 * int(sizeof(T)); }

extern const Kernels<T> kernels;
const Kernels<T> kernels = {
    VECGRAD_ISA_NAME, vector_bits, fma_chains, stream_read, stream_copy, stream_add,
#define UNARY(name) unary<name>,
#define BINARY(name) binary<name>,
#define KERNEL(name, arguments) name,
#include "kernels/kernels.def"
#undef UNARY
#undef BINARY
#undef KERNEL
};
