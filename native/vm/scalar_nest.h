// The loops of an `fma_nest`: sum += a * b, on single numbers, over slots that are equally spaced
// in two directions. No product reads a sum, so that the sums of a row can stay in registers; what
// is added to one sum keeps its order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace vecgrad {

// A record's words: two counts, and of each of three operands its first slot, its outer stride and
// its inner one.
constexpr int nest_words = 11;
// A word holds a stride plus this.
constexpr int64_t scalar_stride_bias = 1 << 15;

// The slots of one operand of a nest.
struct NestSlots {
  int64_t first, outer, inner;

  struct Range {
    int64_t least, most;
  };
  Range range(int64_t rows, int64_t cols) const {
    const int64_t down = outer * (rows - 1), along = inner * (cols - 1), zero = 0;
    return {first + std::min(down, zero) + std::min(along, zero),
            first + std::max(down, zero) + std::max(along, zero)};
  }
};

struct Nest {
  int64_t rows, cols;
  NestSlots sum, a, b;
};

template <class Word>
Nest read_nest(const Word* w) {
  const auto slots = [](const Word* s) {
    return NestSlots{int64_t(s[0]), int64_t(s[1]) - scalar_stride_bias,
                     int64_t(s[2]) - scalar_stride_bias};
  };
  return {int64_t(w[0]), int64_t(w[1]), slots(w + 2), slots(w + 5), slots(w + 8)};
}

// Whether no factor is also a sum, by the ranges in which they lie.
inline bool are_sums_apart(const uint32_t* w) {
  const Nest nest = read_nest(w);
  const auto range = [&](const NestSlots& slots) { return slots.range(nest.rows, nest.cols); };
  const NestSlots::Range sums = range(nest.sum);
  const auto is_apart = [&](NestSlots::Range factors) {
    return factors.most < sums.least || sums.most < factors.least;
  };
  return is_apart(range(nest.a)) && is_apart(range(nest.b));
}

// Adds to `count` sums, one column each, all rows of their products. Fixed: which factor is the
// same for all columns, 0 (a), 1 (b) or neither.
template <int count, int fixed, class T>
void add_columns(T* sum, int64_t sum_step, const T* a, NestSlots as, const T* b, NestSlots bs,
                 int64_t rows) {
  T kept[count];
  for (int i = 0; i < count; i++) kept[i] = sum[i * sum_step];
  for (; rows; rows--, a += as.outer, b += bs.outer) {
#pragma GCC unroll 8
    for (int i = 0; i < count; i++)
      kept[i] += a[fixed == 0 ? 0 : i * as.inner] * b[fixed == 1 ? 0 : i * bs.inner];
  }
  for (int i = 0; i < count; i++) sum[i * sum_step] = kept[i];
}

// A nest whose rows add to the same sums: eight at a time, so that none waits for its last
// addition.
template <int fixed, class T>
void add_to_row(T* x, const Nest& nest) {
  const auto& [rows, cols, sums, as, bs] = nest;
  T* sum = x + sums.first;
  const T *a = x + as.first, *b = x + bs.first;
  int64_t left = cols;
  const auto take = [&](auto columns) {
    constexpr int count = decltype(columns)::value;
    for (; left >= count; left -= count) {
      add_columns<count, fixed>(sum, sums.inner, a, as, b, bs, rows);
      sum += count * sums.inner;
      a += count * as.inner;
      b += count * bs.inner;
    }
  };
  take(std::integral_constant<int, 8>());
  take(std::integral_constant<int, 4>());
  take(std::integral_constant<int, 1>());
}

// A nest in the order of its records. Fixed: which factor is the same for a whole row, as above.
template <int fixed, class T>
void add_each(T* x, const Nest& nest) {
  const auto& [rows, cols, sums, as, bs] = nest;
  T* sum = x + sums.first;
  const T *a = x + as.first, *b = x + bs.first;
  for (int64_t r = rows; r; r--, sum += sums.outer, a += as.outer, b += bs.outer) {
    const T first_a = *a, first_b = *b;
    T* s = sum;
    const T *p = a, *q = b;
#pragma GCC unroll 4
    for (int64_t c = cols; c; c--, s += sums.inner, p += as.inner, q += bs.inner)
      *s += (fixed == 0 ? first_a : *p) * (fixed == 1 ? first_b : *q);
  }
}

template <class T>
void run_nest(T* x, Nest nest) {
  // Loops over different sums can run in either order.
  if (nest.sum.inner == 0 && (nest.sum.outer != 0 || nest.rows == 1)) {
    std::swap(nest.rows, nest.cols);
    for (NestSlots* slots : {&nest.sum, &nest.a, &nest.b}) std::swap(slots->outer, slots->inner);
  }
  const bool is_one_row = nest.sum.outer == 0 && (nest.sum.inner != 0 || nest.cols == 1);
  const auto run = [&](auto fixed) {
    constexpr int factor = decltype(fixed)::value;
    if (is_one_row) return add_to_row<factor>(x, nest);
    return add_each<factor>(x, nest);
  };
  if (nest.a.inner == 0) return run(std::integral_constant<int, 0>());
  if (nest.b.inner == 0) return run(std::integral_constant<int, 1>());
  run(std::integral_constant<int, 2>());
}

}  // namespace vecgrad
