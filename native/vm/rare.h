// Instructions too rare or too simple to have a kernel: plain loops, compiled once for every
// instruction set.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/kernels.h"
#include "vm/exact_sum.h"
#include "vm/functions.h"
#include "wide/costs.h"
#include "wide/spread.h"

namespace vecgrad {

// The output step of SplitMix64 (Steele, Lea and Flood, 2014): makes neighbouring numbers
// independent.
inline uint64_t mixed(uint64_t z) {
  z += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

// y = x, where number i is 0 if its hash is below `threshold`, and else multiplied by `scale`.
// Below step 0 all are kept. Which numbers are dropped depends on integers alone, so that all
// instruction sets and data types agree.
template <class T>
void dropout(T* y, const T* x, T scale, int32_t seed, uint32_t threshold, int32_t step, idx n) {
  if (step < 0) {
    std::copy(x, x + n, y);
    return;
  }
  const uint64_t key = mixed(uint64_t(uint32_t(seed)) << 32 | uint32_t(step));
  by_columns<T>(costs::dropout, 1, n, [=](idx first, idx count) {
    for (idx i = first; i < first + count; i++) {
      const bool is_kept = uint32_t(mixed(key + uint64_t(i)) >> 32) >= threshold;
      y[i] = is_kept ? x[i] * scale : T(0);
    }
  });
}

template <class T>
T sum_of_squares(const Kernels<T>& kernels, const T* x, idx n) {
  // Of blocks, whose sums are then added: in the same order on any number of threads.
  constexpr idx block = idx(1) << 16;
  T sum;
  if (n <= block) {
    kernels.row_dot(&sum, 0, x, 0, x, 0, 1, n, 0);
    return sum;
  }
  const idx blocks = (n + block - 1) / block;
  std::vector<T> sums((size_t(blocks)));
  share_out(int32_t(blocks), [&](int32_t i) {
    const FlushDenormals flush;
    const T* const from = x + i * block;
    kernels.row_dot(&sums[size_t(i)], 0, from, 0, from, 0, 1, std::min(block, n - i * block), 0);
  });
  kernels.row_sum(&sum, 0, sums.data(), 0, 1, blocks, 0);
  return sum;
}

// The place of the first number that is infinite or NaN, or n. If the sum of all squares is finite,
// so is every number.
template <class T>
idx first_not_finite(const Kernels<T>& kernels, const T* x, idx n) {
  if (std::isfinite(sum_of_squares(kernels, x, n))) return n;
  return std::find_if_not(x, x + n, [](T u) { return std::isfinite(u); }) - x;
}

// Scales g so that its norm is at most `limit`, also where the squares of its numbers overflow or
// underflow.
template <class T>
void clip(const Kernels<T>& kernels, T* g, idx n, T limit) {
  const auto scale = [&](T by) { kernels.mul(g, n, g, n, 1, &by, 0, 0, 1, n, 0); };
  const T square = sum_of_squares(kernels, g, n);
  // A sum as large as this does not change by the squares that underflowed.
  const T sure = sizeof(T) == 4 ? T(1e-20) : T(1e-200);
  if (square >= sure && square <= std::numeric_limits<T>::max()) {
    const T norm = std::sqrt(square);
    if (norm > limit) scale(limit / norm);
    return;
  }
  T largest = 0;
  for (idx i = 0; i < n; i++) largest = functions::maximum(largest, std::fabs(g[i]));
  if (largest == 0) return;
  if (!std::isfinite(largest)) return scale(limit / largest);
  // Bring the numbers below 2 by a power of two, which rounds nothing.
  const int e = std::ilogb(largest);
  ExactSum<double> sum;
  for (idx i = 0; i < n; i++) {
    const double x = std::ldexp(g[i], -e);
    sum.add(x * x);
  }
  const T root = T(std::sqrt(sum.total()));
  if (root <= std::ldexp(limit, -e)) return;
  for (idx i = 0; i < n; i++) g[i] = std::ldexp(g[i], -e) * (limit / root);
}

}  // namespace vecgrad
