// The cost of instructions: see cost.h.
#include "vm/cost.h"

#include "vm/window.h"
#include "wide/costs.h"

namespace vecgrad {
namespace {

// How many windows an instruction has in each row, and how many numbers each window.
struct Windows {
  double count, size;
};
Windows windows_of(const Instruction& in, const Extents& extents) {
  int32_t numbers[window_extents];
  for (int32_t i = 0; i < window_extents; i++) numbers[i] = int32_t(extents.largest(in.imm1 + i));
  const Window window = window_at(numbers);
  return {double(window.out()), double(window.size())};
}

}  // namespace

double cost_of_call(const Instruction& in, const Extents& extents) {
  const auto most = [&](int32_t id) { return double(extents.largest(id)); };
  const double rows = most(in.rows), cols = most(in.cols), inner = most(in.inner);
  const double numbers = rows * cols;
  switch (in.op) {
#define FUNCTION1(name, ...) \
  case Op::name:             \
    return numbers * costs::name;
#define FUNCTION2(name, ...) FUNCTION1(name)
#include "kernels/elementwise.def"
#define SAME(name) \
  case Op::name:   \
    return numbers * costs::name;
    SAME(fill)
    SAME(row_sum)
    SAME(row_max)
    SAME(row_dot)
    SAME(col_sum)
    SAME(col_max)
    SAME(softmax)
    SAME(softmax_grad)
    SAME(softmax_columns)
    SAME(softmax_columns_grad)
    SAME(cross_entropy)
    SAME(cross_entropy_grad)
    SAME(transpose)
    SAME(gather)
    SAME(scatter_add)
#undef SAME
    case Op::rms_norm:
      return numbers * costs::row_norm;
    case Op::rms_norm_grad:
      return numbers * costs::row_norm_grad;
    case Op::gemm:
      return numbers * inner * costs::gemm;
    case Op::gemm_sgd:
      return numbers * (inner * costs::gemm_sgd + costs::sgd);
    case Op::gemm_adam:
      return numbers * (inner * costs::gemm + costs::adam);
    case Op::topk:
      return cols * costs::topk;
    case Op::gather_matmul:
      return cols * inner * costs::gemv_rows;
    case Op::gather_dot:
      return cols * inner * costs::row_dot_rows;
    case Op::scatter_outer:
      return cols * inner * costs::outer_rows;
    case Op::cumsum:
    case Op::choose_grad:
      return numbers * costs::plain_loop;
    case Op::conv:
    case Op::conv_input:
    case Op::conv_weights:
      return rows * windows_of(in, extents).count * in.imm0 * costs::gemm;
    case Op::max_pool:
    case Op::max_pool_pick:
    case Op::max_pool_grad: {
      const Windows windows = windows_of(in, extents);
      return rows * windows.count * windows.size * costs::largest_of;
    }
    case Op::sum_pool:
    case Op::sum_pool_grad: {
      const Windows windows = windows_of(in, extents);
      return rows * windows.count * windows.size * costs::plain_loop;
    }
    case Op::dropout:
      return cols * costs::dropout;
    case Op::check:
      return cols * costs::row_dot;
    case Op::clip:
      return cols * (costs::row_dot + costs::mul);
    case Op::sgd:
      return cols * costs::sgd;
    case Op::adam:
      return cols * costs::adam;
    case Op::amsgrad:
      return cols * costs::amsgrad;
    case Op::adagrad:
      return cols * costs::adagrad;
    case Op::rmsprop:
      return cols * costs::rmsprop;
    case Op::lion:
      return cols * costs::lion;
    case Op::sgd_rows:
      return (in.accumulate ? in.imm0 : rows) * cols * costs::sgd;
    case Op::adam_rows:
      return (in.accumulate ? in.imm0 : rows) * cols * costs::adam;
    case Op::adagrad_rows:
      return (in.accumulate ? in.imm0 : rows) * cols * costs::adagrad;
    case Op::scalar_bytecode:  // the words [rows, cols)
      return (cols > rows ? cols - rows : 0) * costs::scalar_word;
  }
  return 0;
}

}  // namespace vecgrad
