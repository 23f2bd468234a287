// Matrix products of the machine: by OpenBLAS where that is faster, else by our kernel.
#pragma once

#include <algorithm>
#include <vector>

#include "blas/blas.h"
#include "kernels/kernels.h"
#include "wide/spread.h"

namespace vecgrad {

// How a product reads its operands. Sizes and strides are in elements.
struct ProductShape {
  idx m, n, k;            // rows and columns of the result, and the contracted dimension
  idx a_row, a_col;       // strides of a
  idx b_row;              // the rows of b are contiguous
  bool may_use_openblas;  // the product is large at some prefix length
};

template <class T>
bool openblas_wins(const Kernels<T>& kernels, const ProductShape& p) {
  // OpenBLAS wants one unit stride in each operand and at least one row of every matrix.
  return p.may_use_openblas && blas_gemm_wins<T>(kernels.isa, p.m, p.n, p.k) && p.b_row >= p.n &&
         ((p.a_col == 1 && p.a_row >= p.k) || (p.a_row == 1 && p.a_col >= p.m));
}

// y (+)= a b by OpenBLAS, in parts that depend on the shape alone, of rows or of columns: the same
// on any number of threads, since OpenBLAS promises no bits. It copies the operands of each part in
// the order in which it reads them; parts of so many rows or columns make that small.
template <class T>
void openblas_by_parts(const ProductShape& p, T* y, idx ldy, const T* a, const T* b, int acc) {
  constexpr idx least = 192, unit = 48, most = 16;
  const bool is_plain = p.a_col == 1 && p.a_row >= p.k, by_rows = p.m >= p.n;
  const idx size = by_rows ? p.m : p.n;
  const idx count = std::clamp<idx>(size / least, 1, most);
  share_out(int32_t(count), [&](int32_t part) {
    const FlushDenormals flush;
    const auto begin = [&](idx i) { return i == count ? size : size / unit * i / count * unit; };
    const idx first = begin(part), length = begin(part + 1) - first;
    const idx r = by_rows ? first : 0, c = by_rows ? 0 : first;
    blas_gemm<T>(y + r * ldy + c, ldy, a + r * p.a_row, is_plain ? p.a_row : p.a_col, !is_plain,
                 b + c, p.b_row, false, by_rows ? length : p.m, by_rows ? p.n : length, p.k, acc);
  });
}

// y (+)= a b, followed by the epilogue if there is one.
template <class T>
void multiply(const Kernels<T>& kernels, const ProductShape& p, T* y, idx ldy, const T* a,
              const T* b, int acc, const Epilogue<T>* epilogue) {
  if (!openblas_wins(kernels, p) || ldy < p.n) {
    kernels.gemm(y, ldy, a, p.a_row, p.a_col, b, p.b_row, p.m, p.n, p.k, acc, epilogue);
    return;
  }
  if (epilogue && epilogue->start && epilogue->start != y)
    kernels.copy(y, ldy, epilogue->start, ldy, 1, p.m, p.n, 0);
  acc = acc || (epilogue && epilogue->start);
  openblas_by_parts(p, y, ldy, a, b, acc);
  if (epilogue && epilogue->kind == Epilogue<T>::relu) kernels.relu(y, ldy, y, ldy, 1, p.m, p.n, 0);
  if (epilogue && epilogue->kind == Epilogue<T>::mask_positive)
    kernels.mask_positive(y, ldy, y, ldy, 1, epilogue->operand, ldy, 1, p.m, p.n, 0);
}

// Hands the gradient of parameters, which is the product of a and b, to `update(row, gradient)` a
// row at a time. A block of rows is multiplied and then updated while it is in the second cache.
template <class T, class Update>
void update_by_rows(const Kernels<T>& kernels, const ProductShape& p, const T* a, const T* b,
                    const Update& update) {
  constexpr idx block_numbers = idx(1) << 14;
  const idx m = p.m, block = std::max<idx>(16, p.n ? block_numbers / p.n : m);
  share_out(int32_t((m + block - 1) / block), [&](int32_t part) {
    const FlushDenormals flush;
    static thread_local std::vector<T> gradient;
    gradient.resize(size_t(std::min(block, m) * p.n));
    const idx first = part * block;
    ProductShape own = p;
    own.m = std::min(block, m - first);
    multiply<T>(kernels, own, gradient.data(), p.n, a + first * p.a_row, b, 0, nullptr);
    for (idx i = 0; i < own.m; i++) update(first + i, gradient.data() + i * p.n);
  });
}

// Whether an SGD update is fastest by the kernel that keeps the gradient in registers, and fetches
// large parameters while it computes; else a product and an update that reads ahead are.
// Microseconds of gemm_sgd in float32, by tiles / by a product and an update:
//     Zen 3, AVX2, without fetching
//       256 x 256 x 16  37 / 50      512 x 512 x 16  120 / 154     1024 x 1024 x 16  2240 / 834
//     Zen 4, AVX-512, in a step of a GPT
//       64 x 64 x 64   4.9 / 5.5     256 x 256 x 64  88 / 102      256 x 1024 x 64   349 / 413
//                                    768 x 768 x 64  762 / 917     768 x 3072 x 64   3020 / 3671
inline bool is_update_by_tiles(idx m, idx n, idx k) {
  return m * n * k < 1 << 15 || n < 32 || (k <= 16 && m * n <= 1 << 18) ||
         (k >= least_steps_to_fetch && k <= products_in_a_chain);
}

}  // namespace vecgrad
