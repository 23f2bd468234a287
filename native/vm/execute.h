// What each instruction does: one case for each opcode, around a call of a kernel.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/kernels.h"
#include "vm/convolution.h"
#include "vm/decoded.h"
#include "vm/pooling.h"
#include "vm/products.h"
#include "vm/rare.h"
#include "vm/running_sums.h"
#include "vm/scatter.h"
#include "vm/updates.h"
#include "vm/vm.h"
#include "vm/window.h"
#include "wide/costs.h"
#include "wide/spread.h"

namespace vecgrad {

// The limit of a fault that ends a run without being one: an update was skipped.
constexpr int64_t skipped = -2;

// Where the operands of an instruction lie. Each is computed where it is used: few instructions
// have all five.
template <class T>
struct Direct {
  const Instruction& in;
  T* arena;
  int32_t* ints;
  T* y() const { return arena + in.y_offset; }
  T* a() const { return arena + in.a_offset; }
  T* b() const { return arena + in.b_offset; }
  T* c() const { return arena + in.c; }
  int32_t* x() const { return ints + in.x; }
};
// The same inside outer loops, which have moved the operands on.
template <class T>
struct Stepped {
  Direct<T> first;
  idx by[5];
  T* y() const { return first.y() + by[0]; }
  T* a() const { return first.a() + by[1]; }
  T* b() const { return first.b() + by[2]; }
  T* c() const { return first.c() + by[3]; }
  int32_t* x() const { return first.x() + by[4]; }
};

// The place of the first of n indices that is not in [0, limit), or n; `limit` is positive. Every
// instruction with indices asks this before it runs, and the answer is nearly always n: that is
// found without a branch for each index, from the sign bits of x[i] and of limit - 1 - x[i].
inline idx first_outside(const int32_t* x, idx n, int32_t limit) {
  const uint32_t last = uint32_t(limit) - 1;
  uint32_t signs = 0;
  for (idx i = 0; i < n; i++) signs |= uint32_t(x[i]) | (last - uint32_t(x[i]));
  if (signs >> 31 == 0) return n;
  idx i = 0;
  while (x[i] >= 0 && x[i] < limit) i++;
  return i;
}

inline ProductShape shape_of(const Instruction& in, idx m, idx n, idx k) {
  return {m, n, k, in.a.row, in.a.col, in.b.row, in.is_large};
}

// Updates y, parameters, by the product of a and b, their gradient.
template <class T>
void gemm_update(const Kernels<T>& kernels, const Instruction& in, const T* arena, T* y, const T* a,
                 const T* b, T* c, idx m, idx n, idx k) {
  const T* const rule = arena + in.imm0;
  if (in.op == Op::gemm_sgd && is_update_by_tiles(m, n, k)) {
    kernels.gemm_sgd(y, c, in.y.row, a, in.a.row, in.a.col, b, in.b.row, m, n, k, rule[0], rule[1]);
    return;
  }
  T* const second_moment = y + (in.imm1 - in.y_offset);
  update_by_rows<T>(kernels, shape_of(in, m, n, k), a, b, [&](idx row, T* gradient) {
    const idx at = row * in.y.row;
    if (in.op == Op::gemm_sgd)
      kernels.sgd(y + at, c + at, gradient, n, 0, rule[0], rule[1]);
    else
      kernels.adam(y + at, c + at, second_moment + at, gradient, n, 0, rule[0], rule[1], rule[2],
                   rule[3], rule[4], rule[5], rule[6], rule[7]);
  });
}

// Whether one call of a kernel runs an instruction for every step of its outer loops.
template <class T>
bool runs_batch(const Kernels<T>& k, const Instruction& in, const ProductShape& shape) {
  if (in.op == Op::gemm) return in.imm0 == 0 && in.c == in.y_offset && !openblas_wins(k, shape);
  return in.op == Op::softmax || in.op == Op::softmax_grad;
}

// Runs such an instruction, on rows x cols numbers (of products, x inner) in each step.
template <class T>
void run_batch(const Kernels<T>& k, const Instruction& in, const ProductShape& shape, T* y,
               const T* a, const T* b, const Batch& batch) {
  if (in.op == Op::gemm)
    k.gemm_batch(y, in.y.row, a, in.a.row, in.a.col, b, in.b.row, shape.m, shape.n, shape.k,
                 in.accumulate, &batch);
  else if (in.op == Op::softmax)
    k.softmax(y, in.y.row, a, in.a.row, shape.m, shape.n, in.imm0, in.imm1, &batch);
  else
    k.softmax_grad(y, in.y.row, a, in.a.row, b, in.b.row, shape.m, shape.n, in.accumulate, &batch);
}

template <class T>
void scatter_add(const Kernels<T>& k, const Instruction& in, T* y, const T* a, const int32_t* x,
                 idx rows, idx cols) {
  add_in_chains(y, in.y.row, cols, x, rows, in.imm0, [&](idx from, idx n) {
    k.scatter_add(y, in.y.row, a + from * in.a.row, in.a.row, x + from, n, cols);
  });
}

// gather_dot and scatter_outer.
template <class T>
__attribute__((always_inline)) inline void add_row_products(const Kernels<T>& k,
                                                            const Instruction& in, T* y, const T* a,
                                                            const T* b, const int32_t* x, idx inner,
                                                            idx cols) {
  if (in.op == Op::gather_dot)
    add_in_chains(y, in.y.row, 1, x, inner, in.imm0, [&](idx from, idx n) {
      k.row_dot_rows(y, in.y.row, a, in.a.row, b, x + from, n, cols, 1, 1);
    });
  else
    add_in_chains(y, in.y.row, cols, x, inner, in.imm0, [&](idx from, idx n) {
      k.outer_rows(y, in.y.row, a, in.a.row, b, x + from, n, cols, 1);
    });
}

// The instructions that have windows, on so many images (rows) of so many numbers: cols, and inner.
template <class T, class Place>
__attribute__((noinline)) void slide(const Kernels<T>& k, const Instruction& in, const Window& w,
                                     const Place& at, idx rows, idx cols, idx inner) {
  const bool is_forward = in.op == Op::conv;
  const idx x_numbers = is_forward ? inner : cols, y_numbers = is_forward ? cols : inner;
  const auto shape = [&](idx x_step, idx y_step) {
    return ConvolutionShape{w, rows, x_step, y_step, x_numbers / w.in(), y_numbers / w.out()};
  };
  switch (in.op) {
    case Op::conv:
      return convolve(k, shape(in.a.row, in.y.row), at.y(), at.a(), at.b(), in.accumulate);
    case Op::conv_input:
      return convolve_input(k, shape(in.y.row, in.a.row), at.y(), at.a(), at.b(), in.accumulate);
    case Op::conv_weights:
      return convolve_weights(k, shape(in.a.row, in.b.row), at.y(), at.a(), at.b(), in.accumulate);
    case Op::max_pool:
      return max_pool(k, w, rows, at.y(), in.y.row, at.a(), in.a.row);
    case Op::max_pool_pick:
      return max_pool_pick(k, w, rows, at.y(), in.y.row, at.a(), in.a.row, at.b(), in.b.row);
    case Op::max_pool_grad:
      return max_pool_grad(k, w, rows, at.y(), in.y.row, at.a(), in.a.row, at.b(), in.b.row);
    case Op::sum_pool:
      return sum_pool(w, rows, at.y(), in.y.row, at.a(), in.a.row);
    default:
      return sum_pool_grad(k, w, rows, at.y(), in.y.row, at.a(), in.a.row);
  }
}

// Runs instruction number i once, on operands that lie where `at` says. `ext` holds the extents at
// the run's prefix length.
template <class T, class Place>
__attribute__((always_inline)) inline RunFault execute(const Kernels<T>& k, int32_t i,
                                                       const Instruction& in, const int32_t* ext,
                                                       T* arena, const Place& at) {
  const auto rows = [&]() -> idx { return ext[in.rows]; };
  const auto cols = [&]() -> idx { return ext[in.cols]; };
  const auto inner = [&]() -> idx { return ext[in.inner]; };
  const int acc = in.accumulate;
  switch (in.op) {
#define FUNCTION1(name, ...)                                                   \
  case Op::name:                                                               \
    k.name(at.y(), in.y.row, at.a(), in.a.row, in.a.col, rows(), cols(), acc); \
    break;
#define FUNCTION2(name, ...)                                                                 \
  case Op::name:                                                                             \
    k.name(at.y(), in.y.row, at.a(), in.a.row, in.a.col, at.b(), in.b.row, in.b.col, rows(), \
           cols(), acc);                                                                     \
    break;
#include "kernels/elementwise.def"
    case Op::fill:
      k.fill(at.y(), in.y.row, *at.a(), rows(), cols());
      break;
    case Op::row_sum:
      k.row_sum(at.y(), in.y.row, at.a(), in.a.row, rows(), cols(), acc);
      break;
    case Op::row_max:
      k.row_max(at.y(), in.y.row, at.a(), in.a.row, rows(), cols(), acc);
      break;
    case Op::row_dot:
      k.row_dot(at.y(), in.y.row, at.a(), in.a.row, at.b(), in.b.row, rows(), cols(), acc);
      break;
    case Op::col_sum:
      k.col_sum(at.y(), at.a(), in.a.row, rows(), cols(), acc);
      break;
    case Op::col_max:
      k.col_max(at.y(), at.a(), in.a.row, rows(), cols());
      break;
    case Op::cumsum:
      cumsum(k, at.y(), in.y.row, in.y.col, at.a(), in.a.row, in.a.col, rows(), cols(), in.imm0);
      break;
    case Op::softmax:
      k.softmax(at.y(), in.y.row, at.a(), in.a.row, rows(), cols(), in.imm0, in.imm1, nullptr);
      break;
    case Op::softmax_grad:
      k.softmax_grad(at.y(), in.y.row, at.a(), in.a.row, at.b(), in.b.row, rows(), cols(), acc,
                     nullptr);
      break;
    case Op::softmax_columns:
      k.softmax_columns(at.y(), in.y.row, at.a(), in.a.row, rows(), cols());
      break;
    case Op::softmax_columns_grad:
      k.softmax_columns_grad(at.y(), in.y.row, at.a(), in.a.row, at.b(), in.b.row, rows(), cols(),
                             acc);
      break;
    case Op::transpose:
      k.transpose(at.y(), in.y.row, at.a(), in.a.row, rows(), cols());
      break;
    case Op::gemm: {
      const ProductShape shape = shape_of(in, rows(), cols(), inner());
      if (!in.imm0 && in.c == in.y_offset) {
        multiply<T>(k, shape, at.y(), in.y.row, at.a(), at.b(), in.accumulate, nullptr);
        break;
      }
      const Epilogue<T> epilogue{in.accumulate ? at.c() : nullptr,
                                 typename Epilogue<T>::Kind(in.imm0), arena + in.imm1};
      multiply<T>(k, shape, at.y(), in.y.row, at.a(), at.b(), 0, &epilogue);
      break;
    }
    case Op::gemm_sgd:
    case Op::gemm_adam:
      gemm_update<T>(k, in, arena, at.y(), at.a(), at.b(), at.c(), rows(), cols(), inner());
      break;
    case Op::topk:
      k.topk(at.x(), at.a(), in.a.col, cols(), inner(), in.imm0);
      break;
    case Op::gather:
    case Op::scatter_add:
      if (const idx r = first_outside(at.x(), rows(), in.imm0); r < rows())
        return {i, at.x()[r], in.imm0};
      if (in.op == Op::gather)
        k.gather(at.y(), in.y.row, at.a(), in.a.row, at.x(), rows(), cols());
      else
        scatter_add(k, in, at.y(), at.a(), at.x(), rows(), cols());
      break;
    case Op::gather_matmul:
    case Op::gather_dot:
    case Op::scatter_outer:
      if (const idx p = first_outside(at.x(), inner(), in.imm0); p < inner())
        return {i, at.x()[p], in.imm0};
      if (in.op == Op::gather_matmul)
        k.gemv_rows(at.y(), at.a(), in.a.row, at.b(), in.b.row, at.x(), inner(), cols(), 1,
                    rows() > 0 ? at.c() : nullptr, rows() > 1 ? at.c() + in.c_row : nullptr,
                    in.imm1);
      else
        add_row_products(k, in, at.y(), at.a(), at.b(), at.x(), inner(), cols());
      break;
    case Op::rms_norm:
      k.row_norm(at.y(), in.y.row, at.c(), at.a(), in.a.row, rows(), cols(), arena[in.imm0],
                 arena[in.imm1]);
      break;
    case Op::rms_norm_grad:
      k.row_norm_grad(at.y(), in.y.row, at.a(), in.a.row, at.b(), in.b.row, at.c(), rows(), cols(),
                      arena[in.imm0], acc);
      break;
    case Op::cross_entropy:
    case Op::cross_entropy_grad:
      if (const idx r = first_outside(at.x(), rows(), in.imm0); r < rows())
        return {i, at.x()[r], in.imm0};
      if (in.op == Op::cross_entropy)
        k.cross_entropy(at.c(), at.y(), in.y.row, at.a(), in.a.row, at.x(), rows(), cols());
      else
        k.cross_entropy_grad(at.y(), in.y.row, at.a(), in.a.row, at.b(), in.b.row, at.x(), rows(),
                             cols(), acc);
      break;
    case Op::choose_grad: {
      const bool chosen = *at.x() == in.imm1;
      for (idx r = 0; r < rows(); r++)
        for (idx j = 0; j < cols(); j++) {
          const T g = chosen ? at.a()[r * in.a.row + j * in.a.col] : T(0);
          T& to = at.y()[r * in.y.row + j];
          to = acc ? to + g : g;
        }
      break;
    }
    case Op::dropout:
      dropout<T>(at.y(), at.a(), *at.b(), in.imm0, uint32_t(in.imm1), *at.x(), cols());
      break;
    case Op::conv:
    case Op::conv_input:
    case Op::conv_weights:
    case Op::max_pool:
    case Op::max_pool_pick:
    case Op::max_pool_grad:
    case Op::sum_pool:
    case Op::sum_pool_grad:
      slide(k, in, window_at(ext + in.imm1), at, rows(), cols(), inner());
      break;
    case Op::check:
      if (const idx place = first_not_finite<T>(k, at.y(), cols()); place < cols()) {
        if (in.imm0 == 0) return {i, place, RunFault::not_finite};
        k.fill(at.y(), 0, T(0), 1, cols());
        arena[in.imm1] += T(1);
        return {i, place, skipped};
      }
      break;
    case Op::clip:
      clip<T>(k, at.y(), cols(), arena[in.imm0]);
      break;
    case Op::sgd:
      k.sgd(at.y(), at.a(), at.b(), cols(), 1, arena[in.imm0], arena[in.imm0 + 1]);
      break;
    case Op::adam: {
      const T* rule = arena + in.imm0;
      k.adam(at.y(), at.a(), at.c(), at.b(), cols(), 1, rule[0], rule[1], rule[2], rule[3], rule[4],
             rule[5], rule[6], rule[7]);
      break;
    }
    case Op::amsgrad:
    case Op::adagrad:
    case Op::rmsprop:
    case Op::lion:
    case Op::sgd_rows:
    case Op::adam_rows:
    case Op::adagrad_rows:
      update(k, in, arena, {at.y(), at.a(), at.b(), at.c(), at.x(), rows(), cols()});
      break;
    case Op::scalar_bytecode:
      break;  // has no operands: the program runs it
  }
  return {};
}

}  // namespace vecgrad
