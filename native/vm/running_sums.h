// Running sums of rows.
#pragma once

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "kernels/kernels.h"
#include "vm/exact_sum.h"

namespace vecgrad {

// The running sums of up to `most` rows: the same numbers as an ExactSum of each, but side by side.
template <class T>
class RunningSums {
 public:
  static constexpr idx most = 16;
  // Adds `count` numbers to each of n sums: x[j * ldx + i] is number j for sum i, and the sum then
  // goes to y[j * ldy + i]. The distances may be negative.
  void add(const T* x, idx ldx, T* y, idx ldy, idx count, idx n) {
    idx i = 0;
    for (; i + together <= n; i += together) add_together(x + i, ldx, y + i, ldy, count, i);
    for (; i < n; i++)
      for (idx j = 0; j < count; j++) {
        others_[i % together].add(x[j * ldx + i]);
        y[j * ldy + i] = others_[i % together].total();
      }
  }

 private:
  static constexpr idx together = 8;
  // The compiler makes it a vector of the processor that the addon is built for.
  using Pair [[gnu::vector_size(2 * sizeof(double))]] = double;
  static void next(const double* x, double* y, Pair& sum, Pair& lost) {
    Pair more;
    std::memcpy(&more, x, sizeof more);
    const Pair next = sum + more, added = next - sum;
    lost += (sum - (next - added)) + (more - added);
    sum = next;
    const Pair whole = next + lost, total = whole == whole ? whole : next;
    std::memcpy(y, &total, sizeof total);
  }

  void add_together(const T* x, idx ldx, T* y, idx ldy, idx count, idx i) {
    if constexpr (std::is_same_v<T, float>) {
      double sum[together];
      std::copy_n(sum_ + i, together, sum);
      for (idx j = 0; j < count; j++, x += ldx, y += ldy) {
        T total[together];
        for (idx e = 0; e < together; e++) total[e] = T(sum[e] += double(x[e]));
        std::memcpy(y, total, sizeof total);
      }
      std::copy_n(sum, together, sum_ + i);
    } else {
      Pair sums[together / 2], lost[together / 2];
      std::memcpy(sums, sum_ + i, sizeof sums);
      std::memcpy(lost, lost_ + i, sizeof lost);
      for (idx j = 0; j < count; j++, x += ldx, y += ldy) {
        for (idx e = 0; e < together; e += 2) next(x + e, y + e, sums[e / 2], lost[e / 2]);
      }
      std::memcpy(sum_ + i, sums, sizeof sums);
      std::memcpy(lost_ + i, lost, sizeof lost);
    }
  }

  double sum_[most] = {}, lost_[most] = {};
  ExactSum<T> others_[together] = {};
};

// Sums up each row, from its end where `reverse`. The numbers of a row are cx and cy apart. Rows
// that do not lie side by side are copied, a tile at a time, so that they do.
template <class T>
void cumsum(const Kernels<T>& k, T* y, idx ldy, idx cy, const T* x, idx ldx, idx cx, idx rows,
            idx cols, bool reverse) {
  constexpr idx most = RunningSums<T>::most, wide = 64;
  const bool reads_tile = rows > 1 && ldx != 1, writes_tile = rows > 1 && ldy != 1;
  for (idx r = 0; r < rows; r += most) {
    RunningSums<T> sums;
    T tile[most * wide];
    const idx n = std::min(most, rows - r);
    for (idx done = 0; done < cols; done += wide) {
      const idx count = std::min(wide, cols - done), begin = reverse ? cols - done - count : done;
      const idx first = reverse ? count - 1 : 0, step = reverse ? -1 : 1;
      const T* const from = x + r * ldx + begin * cx;
      T* const to = y + r * ldy + begin * cy;
      if (reads_tile && cx == 1) {
        k.transpose(tile, most, from, ldx, n, count);
      } else if (reads_tile) {
        for (idx j = 0; j < count; j++)
          for (idx i = 0; i < n; i++) tile[j * most + i] = from[i * ldx + j * cx];
      }
      const idx read = reads_tile ? most : cx, written = writes_tile ? most : cy;
      sums.add((reads_tile ? tile : from) + first * read, step * read,
               (writes_tile ? tile : to) + first * written, step * written, count, n);
      if (writes_tile && cy == 1) {
        k.transpose(to, ldy, tile, most, count, n);
      } else if (writes_tile) {
        for (idx j = 0; j < count; j++)
          for (idx i = 0; i < n; i++) to[i * ldy + j * cy] = tile[j * most + i];
      }
    }
  }
}

}  // namespace vecgrad
