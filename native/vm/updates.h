// Updates of parameters other than by SGD and Adam of all of them: out of line, so that the loop
// over instructions is short.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"
#include "vm/decoded.h"

namespace vecgrad {

// What an update works on: parameters, first moments, gradients, second moments, and indices.
template <class T>
struct UpdateOperands {
  T *w, *m, *g, *v;
  const int32_t* x;
  idx rows, cols;
};

// Updates those rows of a table whose gradient is not all 0, which leaves zeros there: so that it
// does not matter how often the indices name a row.
template <class T>
void update_rows(const Kernels<T>& k, const Instruction& in, const T* rule,
                 const UpdateOperands<T>& of) {
  const idx table = in.imm0, cols = of.cols;
  const idx count = in.accumulate ? table : of.rows;
  static thread_local std::vector<T> none;
  for (idx i = 0; i < count; i++) {
    const idx r = in.accumulate ? i : of.x[i];
    if (r < 0 || r >= table) continue;  // a position that did not run
    T* const gradient = of.g + r * in.b.row;
    bool is_zero = true;
    for (idx j = 0; j < cols; j++) is_zero &= gradient[j] == T(0);
    if (is_zero) continue;
    T* const row = of.w + r * in.y.row;
    T* const moment = of.m + r * in.a.row;
    if (in.op == Op::sgd_rows && rule[1] == 0) {
      // No step reads the velocity: to write it would take a third of the time.
      none.assign(size_t(cols), T(0));
      k.sgd(row, none.data(), gradient, cols, 1, rule[0], rule[1]);
    } else if (in.op == Op::sgd_rows)
      k.sgd(row, moment, gradient, cols, 1, rule[0], rule[1]);
    else if (in.op == Op::adagrad_rows)
      k.adagrad(row, moment, gradient, cols, 1, rule[0], rule[1]);
    else
      k.adam(row, moment, of.v + r * in.c_row, gradient, cols, 1, rule[0], rule[1], rule[2],
             rule[3], rule[4], rule[5], rule[6], rule[7]);
  }
}

template <class T>
__attribute__((noinline)) void update(const Kernels<T>& k, const Instruction& in, T* arena,
                                      const UpdateOperands<T>& of) {
  const auto [w, m, g, v, x, rows, cols] = of;
  const T* const rule = arena + in.imm0;
  T* const third = arena + in.imm1;
  switch (in.op) {
    case Op::amsgrad:
      return k.amsgrad(w, m, v, third, g, cols, 1, rule[0], rule[1], rule[2], rule[3], rule[4],
                       rule[5], rule[6], rule[7]);
    case Op::adagrad:
      return k.adagrad(w, m, g, cols, 1, rule[0], rule[1]);
    case Op::rmsprop:
      return k.rmsprop(w, m, v, third, g, cols, 1, rule[0], rule[1], rule[2], rule[3], rule[4],
                       rule[5]);
    case Op::lion:
      return k.lion(w, m, g, cols, 1, rule[0], rule[1], rule[2], rule[3], rule[4]);
    default:
      return update_rows(k, in, third, of);  // of a table, whose length is immediate 0
  }
}

}  // namespace vecgrad
