// Updates of some rows of a table of parameters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"
#include "vm/decoded.h"

namespace vecgrad {

// Updates those rows of a table whose gradient g is not all 0, which leaves zeros there: so that it
// does not matter how often the n indices x name a row.
template <class T>
__attribute__((noinline)) void update_rows(const Kernels<T>& k, const Instruction& in,
                                           const T* rule, T* y, T* m, T* g, T* v, const int32_t* x,
                                           idx n, idx cols) {
  const idx table = in.imm0;
  const idx count = in.accumulate ? table : n;
  static thread_local std::vector<T> none;
  for (idx i = 0; i < count; i++) {
    const idx r = in.accumulate ? i : x[i];
    if (r < 0 || r >= table) continue;  // a position that did not run
    T* const gradient = g + r * in.b.row;
    bool is_zero = true;
    for (idx j = 0; j < cols; j++) is_zero &= gradient[j] == T(0);
    if (is_zero) continue;
    T* const row = y + r * in.y.row;
    T* const moment = m + r * in.a.row;
    if (in.op == Op::sgd_rows && rule[1] == 0) {
      // No step reads the velocity: to write it would take a third of the time.
      none.assign(size_t(cols), T(0));
      k.sgd(row, none.data(), gradient, cols, 1, rule[0], rule[1]);
    } else if (in.op == Op::sgd_rows)
      k.sgd(row, moment, gradient, cols, 1, rule[0], rule[1]);
    else if (in.op == Op::adagrad_rows)
      k.adagrad(row, moment, gradient, cols, 1, rule[0], rule[1]);
    else
      k.adam(row, moment, v + r * in.c_row, gradient, cols, 1, rule[0], rule[1], rule[2], rule[3],
             rule[4], rule[5], rule[6], rule[7]);
  }
}

}  // namespace vecgrad
