// One call of an instruction on the rows of many examples.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "vm/execute.h"
#include "vm/row_operands.h"
#include "vm/row_plan.h"

namespace vecgrad {

// What a program knows of how it runs on a batch.
template <class T>
struct RowTables {
  const Kernels<T>* kernels;
  std::span<const Instruction> code;
  std::span<const Loops> loops;
  std::span<const int32_t> extents;  // a row for each prefix length
  int64_t extent_count;
  int32_t max_length;
  std::span<const Region> numbers, ints;
  std::span<const RowInstruction> plan;
  bool is_uniform;
};

// The extents of a call: outer loops; rows, columns and the contracted dimension.
struct CallSizes {
  idx n1, n2;
  int32_t ext[3];
};

// Where the operands of a call lie, as `execute` asks for them. The mask is that of a product, or
// the second row of c.
template <class T>
struct CallPlaces {
  T *y_, *a_, *b_, *c_;
  int32_t* x_;
  T* mask_;
  T* y() const { return y_; }
  T* a() const { return a_; }
  T* b() const { return b_; }
  T* c() const { return c_; }
  int32_t* x() const { return x_; }
};

// Runs calls; `arena` holds what all examples share.
template <class T>
class RowCall {
 public:
  using At = CallPlaces<T>;
  RowCall(const RowTables<T>& tables, T* arena) : tables_(tables), arena_(arena) {}

  // Runs an instruction, whose extents are those of `sizes`, inside its outer loops. `c_row` and
  // `mask_row` are the distances of rows of c and of a product's mask.
  RunFault run(int32_t i, const Instruction& in, const CallSizes& sizes, const At& at,
               int64_t c_row, int64_t mask_row) {
    if (in.loops < 0) return once(i, in, sizes, at, c_row, mask_row);
    const Loops& loops = tables_.loops[size_t(in.loops)];
    if (runs_batch(in, sizes, at)) {
      run_batch(in, sizes, at,
                Batch{sizes.n1, sizes.n2, loops.step1[0], loops.step2[0], loops.step1[1],
                      loops.step2[1], loops.step1[2], loops.step2[2]});
      return {};
    }
    for (idx i1 = 0; i1 < sizes.n1; i1++)
      for (idx i2 = 0; i2 < sizes.n2; i2++) {
        At moved = at;
        const auto by = [&](int o) { return i1 * loops.step1[o] + i2 * loops.step2[o]; };
        moved.y_ += by(0);
        moved.a_ += by(1);
        moved.b_ += by(2);
        moved.c_ += at.c_ == at.y_ ? by(0) : by(3);
        moved.x_ += by(4);
        if (moved.mask_) moved.mask_ += by(in.op == Op::gemm ? 0 : 3);
        const RunFault fault = once(i, in, sizes, moved, c_row, mask_row);
        if (fault.instruction >= 0) return fault;
      }
    return {};
  }

  // Whether one call of a kernel runs it for every step of outer loops; and that call.
  bool runs_batch(const Instruction& in, const CallSizes& sizes, const At& at) const {
    if (in.op == Op::gemm && at.c_ != at.y_) return false;
    return vecgrad::runs_batch(*tables_.kernels, in, shape_of_call(in, sizes));
  }
  void run_batch(const Instruction& in, const CallSizes& sizes, const At& at,
                 const Batch& batch) const {
    vecgrad::run_batch<T>(*tables_.kernels, in, shape_of_call(in, sizes), at.y_, at.a_, at.b_,
                          batch);
  }

  // Whether the examples of a group can be the rows of a call: one call for each row that an
  // example has. Runs an instruction so; y, a and b of the next example are `step` further.
  static bool can_be_rows(const Instruction& in, const RowInstruction& plan) {
    const auto is_row = [](const RowOperand& o) { return o.region < 0 || o.is_row; };
    if (in.op == Op::row_dot) return is_row(plan.a) && is_row(plan.b);
    const bool is_plain = is_elementwise(in.op) || in.op == Op::row_sum || in.op == Op::row_max;
    return is_plain && plan.y.region >= 0 && is_row(plan.a) && is_row(plan.b);
  }
  RunFault run_rows(int32_t i, const Instruction& code, CallSizes sizes, At at,
                    const int64_t (&step)[3], int32_t examples) {
    Instruction in = code;
    const int32_t rows = std::exchange(sizes.ext[0], examples);
    in.y.row = int32_t(step[0]);
    in.a.row = int32_t(step[1]);
    in.b.row = int32_t(step[2]);
    for (int32_t row = 0; row < rows; row++) {
      const RunFault fault = run(i, in, sizes, at, in.c_row, in.y.row);
      if (fault.instruction >= 0) return fault;
      at.y_ += code.y.row;
      at.a_ += code.a.row;
      at.b_ += code.b.row;
    }
    return {};
  }

 private:
  static ProductShape shape_of_call(const Instruction& in, const CallSizes& sizes) {
    const idx m = sizes.ext[0], n = sizes.ext[1], k = sizes.ext[2];
    return {m, n, k, in.a.row, in.a.col, in.b.row, m * n * k >= least_work_for_blas<T>()};
  }
  RunFault once(int32_t i, const Instruction& in, const CallSizes& sizes, const At& at,
                int64_t c_row, int64_t mask_row) {
    if (in.op == Op::gemm) {
      product(in, sizes, at, c_row, mask_row);
      return {};
    }
    if (has_window(in.op)) return with_window(i, in, sizes, at);
    return execute<T>(*tables_.kernels, i, in, sizes.ext, arena_, at);
  }

  // The extents of windows follow those of the call; they are the same at any length.
  RunFault with_window(int32_t i, Instruction in, const CallSizes& sizes, const At& at) {
    constexpr int32_t own = 3;
    int32_t ext[own + window_extents];
    std::copy_n(sizes.ext, own, ext);
    std::copy_n(tables_.extents.data() + in.imm1, window_extents, ext + own);
    in.imm1 = own;
    return execute<T>(*tables_.kernels, i, in, ext, arena_, at);
  }

  void product(const Instruction& in, const CallSizes& sizes, const At& at, int64_t c_row,
               int64_t mask_row) {
    const Kernels<T>& kernels = *tables_.kernels;
    const idx m = sizes.ext[0], n = sizes.ext[1], row = in.y.row;
    const ProductShape shape = shape_of_call(in, sizes);
    const bool starts_elsewhere = in.accumulate && at.c_ != at.y_;
    if (in.imm0 == 0 && !starts_elsewhere) {
      multiply<T>(kernels, shape, at.y_, row, at.a_, at.b_, in.accumulate, nullptr);
      return;
    }
    const bool is_masked = in.imm0 == Epilogue<T>::mask_positive;
    if ((!starts_elsewhere || c_row == row) && (!is_masked || mask_row == row)) {
      const Epilogue<T> epilogue{in.accumulate ? at.c_ : nullptr,
                                 typename Epilogue<T>::Kind(in.imm0), at.mask_};
      multiply<T>(kernels, shape, at.y_, row, at.a_, at.b_, 0, &epilogue);
      return;
    }
    // Rows at different distances: what the kernel does at once is done step by step.
    if (starts_elsewhere) kernels.copy(at.y_, row, at.c_, c_row, 1, m, n, 0);
    multiply<T>(kernels, shape, at.y_, row, at.a_, at.b_, in.accumulate, nullptr);
    if (in.imm0 == Epilogue<T>::relu) kernels.relu(at.y_, row, at.y_, row, 1, m, n, 0);
    if (is_masked) kernels.mask_positive(at.y_, row, at.y_, row, 1, at.mask_, mask_row, 1, m, n, 0);
  }

  const RowTables<T>& tables_;
  T* const arena_;
};

}  // namespace vecgrad
