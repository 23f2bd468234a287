// Adds rows to the rows of a table that indices name, however often they name the same one: at most
// `longest_chain` additions follow each other, and what they come to is added up without loss.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"
#include "vm/exact_sum.h"

namespace vecgrad {

constexpr idx longest_chain = 24;

// What few indices need stays out of line, so that the loop over instructions is short.

// False if no index occurs more often than a chain is long. Indices are counted by their last bits,
// in so few places that counting them is cheap: two that share a place may seem frequent.
__attribute__((noinline)) inline bool may_have_frequent(const int32_t* index, idx n) {
  constexpr size_t max_places = 1 << 14;
  static thread_local uint32_t counts[max_places];
  const size_t places = std::min(std::bit_ceil(size_t(n) / 16), max_places);
  std::fill_n(counts, places, 0);
  for (idx from = 0; from < n; from += 4096) {
    for (idx i = from; i < std::min(n, from + 4096); i++) counts[size_t(index[i]) & (places - 1)]++;
    if (*std::max_element(counts, counts + places) > uint32_t(longest_chain)) return true;
  }
  return false;
}

// `add_in_chains` where an index may be frequent.
template <class T, class Add>
__attribute__((noinline)) void add_frequent(T* y, idx ldy, idx cols, const int32_t* index, idx n,
                                            idx table, const Add& add) {
  struct Target {
    int32_t additions = 0;
    int32_t place = -1;  // of its sums; none while it was not full
  };
  std::vector<Target> targets(static_cast<size_t>(table));
  std::vector<int32_t> rows;
  std::vector<ExactSum<T>> sums;
  // Takes a row of y into its sums.
  const auto take = [&](const T* row, const Target& target) {
    ExactSum<T>* const own = sums.data() + size_t(target.place) * size_t(cols);
    for (idx j = 0; j < cols; j++) own[j].add(row[j]);
    return own;
  };
  idx from = 0;
  for (idx i = 0; i < n; i++) {
    Target& target = targets[size_t(index[i])];
    if (++target.additions < longest_chain) continue;
    add(from, i + 1 - from);
    from = i + 1;
    target.additions = 0;
    if (target.place < 0) {
      target.place = int32_t(rows.size());
      rows.push_back(index[i]);
      sums.resize(sums.size() + size_t(cols));
    }
    T* const row = y + index[i] * ldy;
    take(row, target);
    std::fill_n(row, cols, T(0));
  }
  add(from, n - from);
  for (const int32_t r : rows) {
    T* const row = y + r * ldy;
    const ExactSum<T>* const own = take(row, targets[size_t(r)]);
    for (idx j = 0; j < cols; j++) row[j] = own[j].total();
  }
}

// Calls add(from, count) for stretches of `n` indices, which adds rows of `cols` numbers to those
// rows of y (`table` of them) that the indices name.
template <class T, class Add>
__attribute__((always_inline)) inline void add_in_chains(T* y, idx ldy, idx cols,
                                                         const int32_t* index, idx n, idx table,
                                                         const Add& add) {
  if (n <= longest_chain || !may_have_frequent(index, n))
    add(0, n);
  else
    add_frequent(y, ldy, cols, index, n, table, add);
}

}  // namespace vecgrad
