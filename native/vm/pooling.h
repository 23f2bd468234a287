// Pooling: maxima and sums of windows, plane by plane, along a row of windows at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "kernels/kernels.h"
#include "vm/window.h"
#include "wide/costs.h"
#include "wide/spread.h"

namespace vecgrad {

// Calls f(first plane, planes) for parts of all planes, on several threads if they cost much.
template <class T, class F>
void by_planes(double each, const Window& window, idx planes, const F& f) {
  by_rows<T>(each, planes, window.out() * window.size(), f);
}

// Calls f(from, columns, tap) for each number of the windows of a row that lies in the plane: where
// it lies for the first of the windows `columns`, and its number in a window.
template <class F>
void each_tap_of_row(const Window& w, idx row, const F& f) {
  for (idx down = 0; down < w.down.size; down++) {
    const idx i = w.down.place(row, down);
    if (i < 0 || i >= w.down.in) continue;
    for (idx along = 0; along < w.along.size; along++) {
      const WindowAxis::Range columns = w.along.inside(along, 0, w.along.out);
      if (columns.count() > 0)
        f(i * w.along.in + w.along.place(columns.begin, along), columns,
          down * w.along.size + along);
    }
  }
}

// Calls f with the stride of windows along a row, as a constant where it is a common one.
template <class F>
void with_stride(idx stride, const F& f) {
  if (stride == 1) return f(std::integral_constant<idx, 1>());
  if (stride == 2) return f(std::integral_constant<idx, 2>());
  f(stride);
}

// Finds the largest number of each window of a row.
template <class T>
class LargestOfRow {
 public:
  explicit LargestOfRow(const Window& w)
      : w_(w), line_((w.along.in + w.along.stride - 1) / w.along.stride) {
    if (w.along.stride > 1) parted_.resize(size_t(w.along.stride * w.down.in * line_));
    for (idx down = 0; down < w.down.size; down++)
      for (idx along = 0; along < w.along.size; along++) {
        places_.push_back(is_padded() ? 0 : place(down, along));
        numbers_.push_back(T(down * w.along.size + along));
      }
    from_.resize(places_.size());
  }

  // Goes on with the plane x.
  void start(const Kernels<T>& k, const T* x) {
    plane_ = x;
    if (w_.along.stride == 1) return;
    plane_ = parted_.data();
    const idx stride = w_.along.stride, ld = w_.down.in * line_;
    // Numbers that are a stride apart follow each other.
    if (w_.along.in % stride == 0) return k.transpose(parted_.data(), ld, x, stride, ld, stride);
    for (idx i = 0; i < w_.down.in; i++)
      for (idx j = 0; j < w_.along.in; j++) parted_[size_t(place(i, j))] = x[i * w_.along.in + j];
  }

  // Each window has some number of the plane. `taps` (null: not wanted) gets which number of its
  // window the largest is: the first of equal ones; the last NaN, if there is one.
  void find(const Kernels<T>& k, idx row, T* largest, T* taps) {
    if (!is_padded()) {
      const T* const first = plane_ + row * w_.down.stride * line_;
      for (size_t t = 0; t < from_.size(); t++) from_[t] = first + places_[t];
      k.largest_of(largest, taps, from_.data(), numbers_.data(), idx(from_.size()), w_.along.out,
                   0);
      return;
    }
    begin_with_padding(row, largest, taps);
    // Other windows have one number than have the next.
    each_tap_of_row(w_, row, [&](idx from, WindowAxis::Range columns, idx tap) {
      const T* const x = plane_ + place(from / w_.along.in, from % w_.along.in);
      k.largest_of(largest + columns.begin, taps ? taps + columns.begin : nullptr, &x,
                   &numbers_[size_t(tap)], 1, columns.count(), 1);
    });
  }

 private:
  bool is_padded() const { return w_.down.pad > 0 || w_.along.pad > 0; }
  // Where number j of line i of the plane lies.
  idx place(idx i, idx j) const {
    const idx stride = w_.along.stride;
    return (j % stride * w_.down.in + i) * line_ + j / stride;
  }

  void begin_with_padding(idx row, T* largest, T* taps) const {
    std::fill_n(largest, w_.along.out, -std::numeric_limits<T>::infinity());
    if (!taps) return;
    const idx above = std::max<idx>(0, -w_.down.place(row, 0)) * w_.along.size;
    for (idx j = 0; j < w_.along.out; j++)
      taps[j] = T(above + std::max<idx>(0, -w_.along.place(j, 0)));
  }

  const Window& w_;
  const idx line_;  // how many numbers of a line follow each other
  const T* plane_ = nullptr;
  std::vector<T> parted_;
  // For each number of a window: where that of the first window lies, and which number it is.
  std::vector<idx> places_;
  std::vector<T> numbers_;
  std::vector<const T*> from_;  // the same of a row
};

// y = the largest number of each window.
template <class T>
void max_pool(const Kernels<T>& k, const Window& w, idx planes, T* y, idx ldy, const T* x,
              idx ldx) {
  by_planes<T>(costs::largest_of, w, planes, [=, &k, &w](idx first, idx count) {
    LargestOfRow<T> of(w);
    for (idx plane = first; plane < first + count; plane++) {
      of.start(k, x + plane * ldx);
      for (idx row = 0; row < w.down.out; row++)
        of.find(k, row, y + plane * ldy + row * w.along.out, nullptr);
    }
  });
}

// Calls f(plane, window, place) for each window of each plane: where its largest number lies.
template <class T, class F>
void each_largest(const Kernels<T>& k, const Window& w, idx planes, const T* x, idx ldx,
                  const F& f) {
  by_planes<T>(costs::largest_of, w, planes, [=, &k, &w](idx first, idx count) {
    LargestOfRow<T> of(w);
    std::vector<T> largest(size_t(w.along.out)), taps(size_t(w.along.out));
    // Where each number of a window lies.
    std::vector<idx> places;
    for (idx down = 0; down < w.down.size; down++)
      for (idx along = 0; along < w.along.size; along++)
        places.push_back(down * w.along.in + along);
    for (idx plane = first; plane < first + count; plane++) {
      of.start(k, x + plane * ldx);
      for (idx row = 0; row < w.down.out; row++) {
        of.find(k, row, largest.data(), taps.data());
        const idx begin = w.down.place(row, 0) * w.along.in + w.along.place(0, 0);
        for (idx j = 0; j < w.along.out; j++)
          f(plane, row * w.along.out + j,
            begin + j * w.along.stride + places[size_t(int32_t(taps[size_t(j)]))]);
      }
    }
  });
}

// y = the number of u where the largest of each window of x lies.
template <class T>
void max_pool_pick(const Kernels<T>& k, const Window& w, idx planes, T* y, idx ldy, const T* u,
                   idx ldu, const T* x, idx ldx) {
  each_largest(k, w, planes, x, ldx, [=](idx plane, idx window, idx place) {
    y[plane * ldy + window] = u[plane * ldu + place];
  });
}
// dx = zeros, with each number of dy added where the largest of its window of x lies.
template <class T>
void max_pool_grad(const Kernels<T>& k, const Window& w, idx planes, T* dx, idx lddx, const T* dy,
                   idx lddy, const T* x, idx ldx) {
  k.fill(dx, lddx, T(0), planes, w.in());
  each_largest(k, w, planes, x, ldx, [=](idx plane, idx window, idx place) {
    dx[plane * lddx + place] += dy[plane * lddy + window];
  });
}

// The sums of the windows of a row. Row by row of a window, so that no sum is one long chain.
template <class T>
void sum_row(const Window& w, idx row, T* y, const T* x, std::vector<T>& sums) {
  std::fill_n(y, w.along.out, T(0));
  for (idx down = 0; down < w.down.size; down++) {
    const idx i = w.down.place(row, down);
    if (i < 0 || i >= w.down.in) continue;
    sums.assign(size_t(w.along.out), T(0));
    for (idx along = 0; along < w.along.size; along++) {
      const WindowAxis::Range columns = w.along.inside(along, 0, w.along.out);
      with_stride(w.along.stride, [&](auto stride) {
        const idx from = i * w.along.in + w.along.place(columns.begin, along);
        T* const to = sums.data() + columns.begin;
        for (idx j = 0; j < columns.count(); j++) to[j] += x[from + j * stride];
      });
    }
    for (idx j = 0; j < w.along.out; j++) y[j] += sums[size_t(j)];
  }
}

// y = the sum of each window; padding counts as zeros.
template <class T>
void sum_pool(const Window& w, idx planes, T* y, idx ldy, const T* x, idx ldx) {
  by_planes<T>(costs::plain_loop, w, planes, [=, &w](idx first, idx count) {
    static thread_local std::vector<T> sums;
    for (idx plane = first; plane < first + count; plane++)
      for (idx row = 0; row < w.down.out; row++)
        sum_row(w, row, y + plane * ldy + row * w.along.out, x + plane * ldx, sums);
  });
}
// dx = for each number, the sum of dy over the windows that it is in.
template <class T>
void sum_pool_grad(const Kernels<T>& k, const Window& w, idx planes, T* dx, idx lddx, const T* dy,
                   idx lddy) {
  k.fill(dx, lddx, T(0), planes, w.in());
  by_planes<T>(costs::plain_loop, w, planes, [=, &w](idx first, idx count) {
    for (idx plane = first; plane < first + count; plane++)
      for (idx row = 0; row < w.down.out; row++)
        each_tap_of_row(w, row, [&](idx at, WindowAxis::Range columns, idx) {
          with_stride(w.along.stride, [&](auto stride) {
            T* const to = dx + plane * lddx + at;
            const T* const from = dy + plane * lddy + row * w.along.out + columns.begin;
            for (idx j = 0; j < columns.count(); j++) to[j * stride] += from[j];
          });
        });
  });
}

}  // namespace vecgrad
