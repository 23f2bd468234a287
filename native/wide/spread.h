// Spreads a call over threads: cuts its rows or columns into parts.
#pragma once

#include <algorithm>

#include "kernels/kernels.h"
#include "threads/denormals.h"
#include "threads/pool.h"

namespace vecgrad {

// Work that costs less, in picoseconds, stays on the calling thread. Sharing it out costs two
// microseconds where the pool's threads are awake, and about as much again for each 16 KB that one
// core has written and another reads.
constexpr double least_to_spread = 30e6, least_part = 5e6;
constexpr idx max_parts = 256;

// What `numbers` numbers cost that take `each` picoseconds in float32.
template <class T>
constexpr double cost_of(double each, idx numbers) {
  return each * double(numbers) * double(sizeof(T) / 4);
}

// Whether work is large enough to be spread, and the calling thread may.
inline bool is_spread(double cost) { return cost >= least_to_spread && ThreadLimit::threads() > 1; }

// [0, size) in parts of about equal size, `least` or more, that begin at multiples of `unit`. The
// parts depend on the sizes and the cost alone, never on the number of threads.
struct Parts {
  idx size, unit, count;
  Parts(idx size, idx unit, idx least, double cost)
      : size(size),
        unit(unit),
        count(std::clamp<idx>(idx(cost / least_part), 1,
                              std::clamp<idx>(size / least, 1, max_parts))) {}
  Parts(idx size, idx unit, double cost) : Parts(size, unit, unit, cost) {}
  idx begin(idx part) const { return part == count ? size : size / unit * part / count * unit; }
};

// Calls f(first, count) for each part, on several threads.
template <class F>
void spread(const Parts& parts, const F& f) {
  share_out(int32_t(parts.count), [&](int32_t part) {
    const FlushDenormals flush;
    const idx first = parts.begin(part);
    f(first, parts.begin(part + 1) - first);
  });
}

// Parts of rows begin at a multiple of so many numbers.
constexpr idx row_numbers = 64;

// Each of these calls `f` for the whole where that is small, else for parts of it; a number costs
// `each` picoseconds in float32. f(first row, first column, rows, columns):
template <class T, class F>
void by_rows_or_columns(double each, idx rows, idx cols, const F& f) {
  const double cost = cost_of<T>(each, rows * cols);
  if (!is_spread(cost)) return f(0, 0, rows, cols);
  if (rows >= cols / row_numbers)
    return spread(Parts(rows, 1, cost), [&](idx r, idx m) { f(r, 0, m, cols); });
  spread(Parts(cols, row_numbers, cost), [&](idx c, idx n) { f(0, c, rows, n); });
}
// f(first row, rows):
template <class T, class F>
void by_rows(double each, idx rows, idx cols, const F& f) {
  const double cost = cost_of<T>(each, rows * cols);
  if (rows < 2 || !is_spread(cost)) return f(0, rows);
  spread(Parts(rows, 1, cost), f);
}
// f(first column, columns):
template <class T, class F>
void by_columns(double each, idx rows, idx cols, const F& f) {
  const double cost = cost_of<T>(each, rows * cols);
  if (cols < 2 * row_numbers || !is_spread(cost)) return f(0, cols);
  spread(Parts(cols, row_numbers, cost), f);
}

}  // namespace vecgrad
