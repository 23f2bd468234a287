// The weights of choices: how likely each choice of a sequence's next position is.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "isa/isa.h"
#include "kernels/kernels.h"
#include "run/generate.h"
#include "vm/vm.h"

namespace vecgrad {

// Turns the results of a position into the cumulative weights of choices: the weights are their
// softmax at a temperature, and 0 for all but the largest. Takes the results of up to `rows`
// sequences at once.
template <class T>
class Weights {
 public:
  Weights(const Program& program, const Generation& generation, int64_t rows)
      : kernels_(*kernels_for<T>(program.isa())),
        count_(generation.choices),
        top_(generation.top),
        factor_(T(1 / generation.temperature)),
        scaled_(size_t(rows * count_)),
        sums_(size_t(rows * count_)) {
    if (is_all()) return;
    numbers_.resize(size_t(rows * count_));
    largest_.resize(size_t(top_));
  }

  // Reads the results of a row: `number(i)` is result number i.
  template <class Numbers>
  void read(int64_t row, const Numbers& number) {
    T* const scaled = scaled_.data() + row * count_;
    for (int64_t i = 0; i < count_; i++) scaled[i] = number(i) * factor_;
    correct_overflow(scaled, number);
    if (!is_all())
      for (int64_t i = 0; i < count_; i++) numbers_[size_t(row * count_ + i)] = number(i);
  }
  // Reads those of the first rows, which follow each other, `step` apart from row to row.
  void read_rows(const T* first, int64_t step, int64_t rows) {
    kernels_.mul(scaled_.data(), count_, first, step, 1, &factor_, 0, 0, rows, count_, 0);
    for (int64_t row = 0; row < rows; row++)
      correct_overflow(scaled_.data() + row * count_,
                       [=](int64_t i) { return first[row * step + i]; });
    if (!is_all()) kernels_.copy(numbers_.data(), count_, first, step, 1, rows, count_, 0);
  }

  // Computes the cumulative weights of the first rows, one row after another.
  const double* sums(int64_t rows) {
    T* const scaled = scaled_.data();
    kernels_.softmax(scaled, count_, scaled, count_, rows, count_, count_, 0, nullptr);
    if (!is_all())
      for (int64_t row = 0; row < rows; row++) keep_largest(row * count_);
    int64_t row = 0;
    for (; row + 8 <= rows; row += 8) add_up<8>(row);
    for (; row < rows; row++) add_up<1>(row);
    return sums_.data();
  }

 private:
  // Where the largest result overflows when it is scaled, as at a low temperature, softmax would
  // find NaN: then it is subtracted before. Elsewhere softmax subtracts it, and no bit changes.
  template <class Numbers>
  void correct_overflow(T* scaled, const Numbers& number) const {
    if (factor_ <= 1) return;
    bool is_finite = true;
    for (int64_t i = 0; i < count_; i++) is_finite &= std::isfinite(scaled[i]);
    if (is_finite) return;
    T largest = -std::numeric_limits<T>::infinity();
    for (int64_t i = 0; i < count_; i++) largest = std::max(largest, number(i));
    if (std::isfinite(largest * factor_)) return;
    for (int64_t i = 0; i < count_; i++) scaled[i] = (number(i) - largest) * factor_;
  }

  bool is_all() const { return top_ == count_; }

  // The largest keep the weights that they have among all results, since the weights of a choice
  // need not sum to 1. A NaN, which is never among the largest, has made every weight NaN. Compares
  // the results themselves: scaled ones can be equal where these are not.
  void keep_largest(int64_t at) {
    kernels_.topk(largest_.data(), numbers_.data() + at, 1, count_, top_, 1);
    T* const weights = scaled_.data() + at;
    T* const kept = numbers_.data() + at;  // which nobody reads again
    std::fill_n(kept, count_, T(0));
    for (const int32_t i : largest_) kept[i] = weights[i];
    std::copy_n(kept, count_, weights);
  }

  // Of several rows at a time, since each sum waits for the one before it.
  template <int rows>
  void add_up(int64_t row) {
    const T* const from = scaled_.data() + row * count_;
    double* const to = sums_.data() + row * count_;
    double sum[rows] = {};
    for (int64_t i = 0; i < count_; i++)
      for (int r = 0; r < rows; r++) to[r * count_ + i] = sum[r] += double(from[r * count_ + i]);
  }

  const Kernels<T>& kernels_;
  const int64_t count_, top_;
  const T factor_;
  std::vector<T> scaled_;
  std::vector<double> sums_;
  std::vector<T> numbers_;        // the results, if only the largest count
  std::vector<int32_t> largest_;  // the indices of the largest
};

}  // namespace vecgrad
