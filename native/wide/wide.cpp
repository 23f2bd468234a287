// Kernels that spread large calls over threads: see wide.h.
//
// A part of a call has some rows of the result, or some columns, and computes each number as the
// whole call would: the kernels see to it that a number's bits depend on neither the rows nor the
// columns beside it. Some exceptions decide where parts begin: a product of one row cuts its
// columns into vectors of eight (one_row in kernels/gemm_row.inl), no part of a product of several
// rows has only one, a long product is computed in blocks (long_product in kernels/gemm_long.inl),
// and sums of columns take four vectors of them at a time (kernels/reductions.inl).
#include "wide/wide.h"

#include <algorithm>

#include "isa/tables.h"
#include "wide/costs.h"
#include "wide/spread.h"

namespace vecgrad {
namespace {

// Parts of a product have at least so many rows and columns, and begin at a multiple of so many:
// mostly whole tiles of every instruction set.
constexpr idx least_rows = 24, unit_rows = 6, unit_columns = 64;

template <class T, const Kernels<T>& narrow>
struct Wide {
  // A product: as many parts as there can be of the longer side of the result, else of both. Calls
  // f(first row, first column, rows, columns). Products of more than `chained` terms are
  // computed in blocks, which parts leave whole.
  template <class F>
  static void by_tiles(double each, idx m, idx n, idx k, idx chained, const F& f) {
    const double cost = cost_of<T>(each, m * n * k);
    if (!is_spread(cost)) return f(0, 0, m, n);
    if (m == 1) {
      const idx eight = narrow.vector_bits() / idx(sizeof(T));  // the numbers in 8 vectors
      const idx unit = k > chained ? results_at_once : eight;
      return spread(Parts(n, unit, cost), [&](idx c, idx count) { f(0, c, 1, count); });
    }
    const bool by_rows = m >= n;
    const idx unit = k > chained ? result_rows_at_once : unit_rows,
              least = std::max(unit, least_rows);
    const Parts whole = by_rows ? Parts(m, unit, least, cost) : Parts(n, unit_columns, cost);
    const double rest = cost / double(whole.count);
    const Parts rows = by_rows ? whole : Parts(m, unit, least, rest);
    const Parts columns = by_rows ? Parts(n, unit_columns, rest) : whole;
    share_out(int32_t(rows.count * columns.count), [&](int32_t part) {
      const FlushDenormals flush;
      const idx row = part % rows.count, column = part / rows.count;
      const idx r = rows.begin(row), c = columns.begin(column);
      f(r, c, rows.begin(row + 1) - r, columns.begin(column + 1) - c);
    });
  }

  // Some steps of a batch, and where their results and operands begin.
  struct Steps {
    Batch batch;
    idx c0 = 0, a0 = 0, b0 = 0;
  };
  // A batch: cuts the longer of its loops, not what each step computes, which costs `each`
  // picoseconds in float32.
  template <class F>
  static void by_steps(double each, const Batch& batch, const F& f) {
    const double cost = cost_of<T>(each, batch.n1 * batch.n2);
    if (!is_spread(cost)) return f(Steps{batch});
    const bool is_first = batch.n1 >= batch.n2;
    spread(Parts(is_first ? batch.n1 : batch.n2, 1, cost), [&](idx i, idx count) {
      Steps some{batch, i * (is_first ? batch.c1 : batch.c2), i * (is_first ? batch.a1 : batch.a2),
                 i * (is_first ? batch.b1 : batch.b2)};
      (is_first ? some.batch.n1 : some.batch.n2) = count;
      f(some);
    });
  }

#define UNARY(name)                                                                           \
  static void name(T* y, idx ldy, const T* x, idx ldx, idx cx, idx rows, idx cols, int acc) { \
    by_rows_or_columns<T>(costs::name, rows, cols, [=](idx r, idx c, idx m, idx n) {          \
      narrow.name(y + r * ldy + c, ldy, x + r * ldx + c * cx, ldx, cx, m, n, acc);            \
    });                                                                                       \
  }
#define BINARY(name)                                                                              \
  static void name(T* y, idx ldy, const T* a, idx lda, idx ca, const T* b, idx ldb, idx cb,       \
                   idx rows, idx cols, int acc) {                                                 \
    by_rows_or_columns<T>(costs::name, rows, cols, [=](idx r, idx c, idx m, idx n) {              \
      narrow.name(y + r * ldy + c, ldy, a + r * lda + c * ca, lda, ca, b + r * ldb + c * cb, ldb, \
                  cb, m, n, acc);                                                                 \
    });                                                                                           \
  }
#define KERNEL(name, arguments)
#include "kernels/kernels.def"
#undef UNARY
#undef BINARY
#undef KERNEL

  static void fill(T* y, idx ldy, T value, idx rows, idx cols) {
    by_rows_or_columns<T>(costs::fill, rows, cols, [=](idx r, idx c, idx m, idx n) {
      narrow.fill(y + r * ldy + c, ldy, value, m, n);
    });
  }
  static void row_sum(T* y, idx incy, const T* x, idx ldx, idx rows, idx cols, int acc) {
    by_rows<T>(costs::row_sum, rows, cols, [=](idx r, idx m) {
      narrow.row_sum(y + r * incy, incy, x + r * ldx, ldx, m, cols, acc);
    });
  }
  static void row_max(T* y, idx incy, const T* x, idx ldx, idx rows, idx cols, int acc) {
    by_rows<T>(costs::row_max, rows, cols, [=](idx r, idx m) {
      narrow.row_max(y + r * incy, incy, x + r * ldx, ldx, m, cols, acc);
    });
  }
  static void row_dot(T* y, idx incy, const T* a, idx lda, const T* b, idx ldb, idx rows, idx cols,
                      int acc) {
    by_rows<T>(costs::row_dot, rows, cols, [=](idx r, idx m) {
      narrow.row_dot(y + r * incy, incy, a + r * lda, lda, b + r * ldb, ldb, m, cols, acc);
    });
  }
  static void col_sum(T* y, const T* x, idx ldx, idx rows, idx cols, int acc) {
    const double cost = cost_of<T>(costs::col_sum, rows * cols);
    const idx four = narrow.vector_bits() / idx(2 * sizeof(T));  // the numbers in 4 vectors
    const idx unit = std::max(four, row_numbers);
    if (cols < 2 * unit || !is_spread(cost)) return narrow.col_sum(y, x, ldx, rows, cols, acc);
    spread(Parts(cols, unit, cost),
           [=](idx c, idx n) { narrow.col_sum(y + c, x + c, ldx, rows, n, acc); });
  }
  static void col_max(T* y, const T* x, idx ldx, idx rows, idx cols) {
    by_columns<T>(costs::col_max, rows, cols,
                  [=](idx c, idx n) { narrow.col_max(y + c, x + c, ldx, rows, n); });
  }
  static void softmax_columns(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols) {
    by_columns<T>(costs::softmax_columns, rows, cols,
                  [=](idx c, idx n) { narrow.softmax_columns(y + c, ldy, x + c, ldx, rows, n); });
  }
  static void softmax_columns_grad(T* dx, idx lddx, const T* y, idx ldy, const T* g, idx ldg,
                                   idx rows, idx cols, int acc) {
    by_columns<T>(costs::softmax_columns_grad, rows, cols, [=](idx c, idx n) {
      narrow.softmax_columns_grad(dx + c, lddx, y + c, ldy, g + c, ldg, rows, n, acc);
    });
  }
  static void softmax(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols, idx first, idx step,
                      const Batch* batch) {
    if (batch)
      return by_steps(costs::softmax * double(rows * cols), *batch, [=](const Steps& some) {
        narrow.softmax(y + some.c0, ldy, x + some.a0, ldx, rows, cols, first, step, &some.batch);
      });
    by_rows<T>(costs::softmax, rows, cols, [=](idx r, idx m) {
      narrow.softmax(y + r * ldy, ldy, x + r * ldx, ldx, m, cols, first + r * step, step, nullptr);
    });
  }
  static void softmax_grad(T* dx, idx lddx, const T* y, idx ldy, const T* g, idx ldg, idx rows,
                           idx cols, int acc, const Batch* batch) {
    if (batch)
      return by_steps(costs::softmax_grad * double(rows * cols), *batch, [=](const Steps& some) {
        narrow.softmax_grad(dx + some.c0, lddx, y + some.a0, ldy, g + some.b0, ldg, rows, cols, acc,
                            &some.batch);
      });
    by_rows<T>(costs::softmax_grad, rows, cols, [=](idx r, idx m) {
      narrow.softmax_grad(dx + r * lddx, lddx, y + r * ldy, ldy, g + r * ldg, ldg, m, cols, acc,
                          nullptr);
    });
  }
  static void row_norm(T* y, idx ldy, T* inv, const T* x, idx ldx, idx rows, idx cols, T scale,
                       T eps) {
    by_rows<T>(costs::row_norm, rows, cols, [=](idx r, idx m) {
      narrow.row_norm(y + r * ldy, ldy, inv + r, x + r * ldx, ldx, m, cols, scale, eps);
    });
  }
  static void row_norm_grad(T* dx, idx lddx, const T* g, idx ldg, const T* x, idx ldx, const T* inv,
                            idx rows, idx cols, T scale, int acc) {
    by_rows<T>(costs::row_norm_grad, rows, cols, [=](idx r, idx m) {
      narrow.row_norm_grad(dx + r * lddx, lddx, g + r * ldg, ldg, x + r * ldx, ldx, inv + r, m,
                           cols, scale, acc);
    });
  }
  static void cross_entropy(T* loss, T* p, idx ldp, const T* x, idx ldx, const int32_t* index,
                            idx rows, idx cols) {
    by_rows<T>(costs::cross_entropy, rows, cols, [=](idx r, idx m) {
      narrow.cross_entropy(loss + r, p + r * ldp, ldp, x + r * ldx, ldx, index + r, m, cols);
    });
  }
  static void cross_entropy_grad(T* dx, idx lddx, const T* p, idx ldp, const T* g, idx incg,
                                 const int32_t* index, idx rows, idx cols, int acc) {
    by_rows<T>(costs::cross_entropy_grad, rows, cols, [=](idx r, idx m) {
      narrow.cross_entropy_grad(dx + r * lddx, lddx, p + r * ldp, ldp, g + r * incg, incg,
                                index + r, m, cols, acc);
    });
  }
  static void transpose(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols) {
    const double cost = cost_of<T>(costs::transpose, rows * cols);
    if (!is_spread(cost)) return narrow.transpose(y, ldy, x, ldx, rows, cols);
    if (rows >= cols)
      return spread(Parts(rows, row_numbers, cost),
                    [=](idx r, idx m) { narrow.transpose(y + r, ldy, x + r * ldx, ldx, m, cols); });
    spread(Parts(cols, row_numbers, cost),
           [=](idx c, idx n) { narrow.transpose(y + c * ldy, ldy, x + c, ldx, rows, n); });
  }
  static void gather(T* y, idx ldy, const T* x, idx ldx, const int32_t* index, idx rows, idx cols) {
    by_rows<T>(costs::gather, rows, cols,
               [=](idx r, idx m) { narrow.gather(y + r * ldy, ldy, x, ldx, index + r, m, cols); });
  }
  // Rows that are named twice add up in their order.
  static void scatter_add(T* y, idx ldy, const T* x, idx ldx, const int32_t* index, idx rows,
                          idx cols) {
    by_columns<T>(costs::scatter_add, rows, cols, [=](idx c, idx n) {
      narrow.scatter_add(y + c, ldy, x + c, ldx, index, rows, n);
    });
  }

  static void gemm(T* c, idx ldc, const T* a, idx ras, idx cas, const T* b, idx ldb, idx m, idx n,
                   idx k, int acc, const Epilogue<T>* epilogue) {
    by_tiles(costs::gemm, m, n, k, products_in_chains, [=](idx r, idx j, idx rows, idx columns) {
      const idx at = r * ldc + j;
      Epilogue<T> own{};
      if (epilogue) {
        own = *epilogue;
        if (own.start) own.start += at;
        if (own.operand) own.operand += at;
      }
      narrow.gemm(c + at, ldc, a + r * ras, ras, cas, b + j, ldb, rows, columns, k, acc,
                  epilogue ? &own : nullptr);
    });
  }
  static void gemm_sgd(T* w, T* v, idx ld, const T* a, idx ras, idx cas, const T* b, idx ldb, idx m,
                       idx n, idx k, T lr, T momentum) {
    by_tiles(costs::gemm_sgd, m, n, k, products_in_a_chain,
             [=](idx r, idx j, idx rows, idx columns) {
               const idx at = r * ld + j;
               narrow.gemm_sgd(w + at, v + at, ld, a + r * ras, ras, cas, b + j, ldb, rows, columns,
                               k, lr, momentum);
             });
  }
  static void gemm_batch(T* c, idx ldc, const T* a, idx ras, idx cas, const T* b, idx ldb, idx m,
                         idx n, idx k, int acc, const Batch* batch) {
    by_steps(costs::gemm * double(m * n * k), *batch, [=](const Steps& some) {
      narrow.gemm_batch(c + some.c0, ldc, a + some.a0, ras, cas, b + some.b0, ldb, m, n, k, acc,
                        &some.batch);
    });
  }

  static void sgd(T* w, T* v, T* g, idx n, int clear, T lr, T momentum) {
    by_columns<T>(costs::sgd, 1, n, [=](idx c, idx count) {
      narrow.sgd(w + c, v + c, g + c, count, clear, lr, momentum);
    });
  }
  static void adam(T* w, T* m, T* v, T* g, idx n, int clear, T lr, T beta1, T beta2, T eps, T c1,
                   T c2, T rest1, T rest2) {
    by_columns<T>(costs::adam, 1, n, [=](idx c, idx count) {
      narrow.adam(w + c, m + c, v + c, g + c, count, clear, lr, beta1, beta2, eps, c1, c2, rest1,
                  rest2);
    });
  }
  static void amsgrad(T* w, T* m, T* v, T* top, T* g, idx n, int clear, T lr, T beta1, T beta2,
                      T eps, T c1, T c2, T rest1, T rest2) {
    by_columns<T>(costs::amsgrad, 1, n, [=](idx c, idx count) {
      narrow.amsgrad(w + c, m + c, v + c, top + c, g + c, count, clear, lr, beta1, beta2, eps, c1,
                     c2, rest1, rest2);
    });
  }
  static void adagrad(T* w, T* v, T* g, idx n, int clear, T lr, T eps) {
    by_columns<T>(costs::adagrad, 1, n, [=](idx c, idx count) {
      narrow.adagrad(w + c, v + c, g + c, count, clear, lr, eps);
    });
  }
  static void rmsprop(T* w, T* v, T* m, T* s, T* g, idx n, int clear, T lr, T rho, T eps,
                      T momentum, T centered, T rest) {
    by_columns<T>(costs::rmsprop, 1, n, [=](idx c, idx count) {
      narrow.rmsprop(w + c, v + c, m + c, s + c, g + c, count, clear, lr, rho, eps, momentum,
                     centered, rest);
    });
  }
  static void lion(T* w, T* m, T* g, idx n, int clear, T lr, T beta1, T beta2, T rest1, T rest2) {
    by_columns<T>(costs::lion, 1, n, [=](idx c, idx count) {
      narrow.lion(w + c, m + c, g + c, count, clear, lr, beta1, beta2, rest1, rest2);
    });
  }

  // The other kernels take short rows or an example at a time: they stay as they are.
  static Kernels<T> table() {
    Kernels<T> all = narrow;
#define UNARY(name) all.name = name;
#define BINARY(name) all.name = name;
#define KERNEL(name, arguments)
#include "kernels/kernels.def"
#undef UNARY
#undef BINARY
#undef KERNEL
    all.fill = fill;
    all.row_sum = row_sum;
    all.row_max = row_max;
    all.row_dot = row_dot;
    all.col_sum = col_sum;
    all.col_max = col_max;
    all.softmax = softmax;
    all.softmax_grad = softmax_grad;
    all.softmax_columns = softmax_columns;
    all.softmax_columns_grad = softmax_columns_grad;
    all.row_norm = row_norm;
    all.row_norm_grad = row_norm_grad;
    all.cross_entropy = cross_entropy;
    all.cross_entropy_grad = cross_entropy_grad;
    all.transpose = transpose;
    all.gather = gather;
    all.scatter_add = scatter_add;
    all.gemm = gemm;
    all.gemm_batch = gemm_batch;
    all.gemm_sgd = gemm_sgd;
    all.sgd = sgd;
    all.adam = adam;
    all.amsgrad = amsgrad;
    all.adagrad = adagrad;
    all.rmsprop = rmsprop;
    all.lion = lion;
    return all;
  }
};

template <class T, const Kernels<T>& narrow>
const Kernels<T>* wide_table() {
  static const Kernels<T> table = Wide<T, narrow>::table();
  return &table;
}

}  // namespace

template <>
const Kernels<float>* wide_kernels(const Kernels<float>* narrow) {
#define ISA(isa) \
  if (narrow == &isa::f32::kernels) return wide_table<float, isa::f32::kernels>();
#include "isa/compiled.def"
#undef ISA
  return narrow;
}

template <>
const Kernels<double>* wide_kernels(const Kernels<double>* narrow) {
#define ISA(isa) \
  if (narrow == &isa::f64::kernels) return wide_table<double, isa::f64::kernels>();
#include "isa/compiled.def"
#undef ISA
  return narrow;
}

}  // namespace vecgrad
