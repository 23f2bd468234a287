// Convolutions, as products with windows that are copied side by side (im2col) a panel at a time,
// so that a panel stays in a cache between its copy and its product.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"
#include "vm/window.h"
#include "wide/costs.h"
#include "wide/spread.h"

namespace vecgrad {

// A convolution of one group of channels, on `images` images that lie `x_step` and `y_step` apart.
struct ConvolutionShape {
  Window window;
  idx images, x_step, y_step;
  idx x_channels, y_channels;

  idx taps() const { return x_channels * window.size(); }
  idx pixels() const { return window.out(); }
  double products() const {
    return double(images) * double(pixels()) * double(y_channels) * double(taps());
  }
};

// Some of the windows over an image: whole rows of them, or a part of one row. They lie side by
// side in the result.
struct Block {
  idx row, rows, column, columns;
  idx pixels() const { return rows * columns; }
  idx first(const Window& window) const { return row * window.along.out + column; }
};

// All windows over an image, in blocks whose panels fit into the second cache.
class Blocks {
 public:
  explicit Blocks(const ConvolutionShape& shape) : window_(shape.window) {
    const idx row = shape.taps() * window_.along.out;
    if (window_.is_plain()) return;  // needs no panel
    const idx rows = std::clamp<idx>(panel_numbers / row, 1, window_.down.out);
    down_ = (window_.down.out + rows - 1) / rows;
    if (row <= panel_numbers) return;
    const idx columns = std::max<idx>(least_columns, panel_numbers / shape.taps());
    along_ = (window_.along.out + columns - 1) / columns;
  }
  idx count() const { return down_ * along_; }
  Block operator[](idx i) const {
    const auto part = [](idx size, idx parts, idx at) { return size * at / parts; };
    const idx d = i / along_, a = i % along_;
    const idx row = part(window_.down.out, down_, d), column = part(window_.along.out, along_, a);
    return {row, part(window_.down.out, down_, d + 1) - row, column,
            part(window_.along.out, along_, a + 1) - column};
  }

 private:
  static constexpr idx panel_numbers = idx(1) << 16, least_columns = 64;
  const Window& window_;
  idx down_ = 1, along_ = 1;
};

// Calls f(panel, image, rows, columns) for each number of a window, `tap` down and `tap` along, of
// each channel: where its row of the panel begins, where its channel does, and for which windows it
// lies in the image.
template <class T, class X, class F>
void each_tap(const ConvolutionShape& shape, const Block& block, T* panel, X* x, const F& f) {
  const Window& w = shape.window;
  for (idx channel = 0; channel < shape.x_channels; channel++, x += w.in())
    for (idx down = 0; down < w.down.size; down++)
      for (idx along = 0; along < w.along.size; along++, panel += block.pixels()) {
        const WindowAxis::Range rows = w.down.inside(down, block.row, block.row + block.rows);
        const WindowAxis::Range columns =
            w.along.inside(along, block.column, block.column + block.columns);
        const bool is_empty = rows.count() == 0 || columns.count() == 0;
        X* const from = is_empty ? x
                                 : x + w.down.place(rows.begin, down) * w.along.in +
                                       w.along.place(columns.begin, along);
        f(panel, from, rows, columns);
      }
}

// Copies the windows of a block: a row for each number of a window, with that number of all
// windows.
template <class T>
void pack(const Kernels<T>& k, const ConvolutionShape& shape, const Block& block, const T* image,
          T* panel) {
  const Window& w = shape.window;
  const idx step = w.along.stride, ldx = w.down.stride * w.along.in, ld = block.columns;
  const auto clear = [&](T* at, idx rows, idx columns) {
    if (rows > 0 && columns > 0) k.fill(at, ld, T(0), rows, columns);
  };
  each_tap(shape, block, panel, image,
           [&](T* row, const T* from, WindowAxis::Range rows, WindowAxis::Range columns) {
             if (rows.count() == 0 || columns.count() == 0) return clear(row, block.rows, ld);
             const idx above = rows.begin - block.row, left = columns.begin - block.column;
             T* const to = row + above * ld;
             clear(row, above, ld);
             clear(to + rows.count() * ld, block.rows - above - rows.count(), ld);
             clear(to, rows.count(), left);
             clear(to + left + columns.count(), rows.count(), ld - left - columns.count());
             if (step == 1)
               return k.copy(to + left, ld, from, ldx, 1, rows.count(), columns.count(), 0);
             for (idx i = 0; i < rows.count(); i++)
               for (idx j = 0; j < columns.count(); j++)
                 to[i * ld + left + j] = from[i * ldx + j * step];
           });
}

// Adds the windows of a block to the image, where they overlap.
template <class T>
void unpack(const Kernels<T>& k, const ConvolutionShape& shape, const Block& block, const T* panel,
            T* image) {
  const Window& w = shape.window;
  const idx step = w.along.stride, ldx = w.down.stride * w.along.in, ld = block.columns;
  each_tap(shape, block, panel, image,
           [&](const T* row, T* to, WindowAxis::Range rows, WindowAxis::Range columns) {
             if (rows.count() == 0 || columns.count() == 0) return;
             const T* const from =
                 row + (rows.begin - block.row) * ld + columns.begin - block.column;
             if (step == 1) return k.copy(to, ldx, from, ld, 1, rows.count(), columns.count(), 1);
             for (idx i = 0; i < rows.count(); i++)
               for (idx j = 0; j < columns.count(); j++) to[i * ldx + j * step] += from[i * ld + j];
           });
}

// A panel of so many numbers, which the thread keeps.
template <class T>
T* panel_of(idx numbers) {
  static thread_local std::vector<T> panel;
  if (panel.size() < size_t(numbers)) panel.resize(size_t(numbers));
  return panel.data();
}

// Calls f(task) for each task, on several threads if all together cost much.
template <class F>
void each_task(double cost, idx tasks, const F& f) {
  const auto some = [&](idx first, idx count) {
    for (idx task = first; task < first + count; task++) f(task);
  };
  if (tasks < 2 || !is_spread(cost)) return some(0, tasks);
  spread(Parts(tasks, 1, cost), some);
}

// y (+)= w x: for each window, the product of the weights with its numbers.
template <class T>
void convolve(const Kernels<T>& k, const ConvolutionShape& shape, T* y, const T* x,
              const T* weights, int acc) {
  const Blocks blocks(shape);
  const idx count = blocks.count(), taps = shape.taps();
  each_task(cost_of<T>(costs::gemm, idx(shape.products())), shape.images * count, [&](idx task) {
    const Block block = blocks[task % count];
    const T* const image = x + task / count * shape.x_step;
    const T* panel = image;
    if (!shape.window.is_plain()) {
      T* const made = panel_of<T>(taps * block.pixels());
      pack(k, shape, block, image, made);
      panel = made;
    }
    k.gemm(y + task / count * shape.y_step + block.first(shape.window), shape.pixels(), weights,
           taps, 1, panel, block.pixels(), shape.y_channels, block.pixels(), taps, acc, nullptr);
  });
}

// x (+)= wᵀ y: adds what each number of y is times the weights to the window that it is of.
template <class T>
void convolve_input(const Kernels<T>& k, const ConvolutionShape& shape, T* x, const T* y,
                    const T* weights, int acc) {
  const Blocks blocks(shape);
  const idx taps = shape.taps();
  each_task(cost_of<T>(costs::gemm, idx(shape.products())), shape.images, [&](idx i) {
    T* const image = x + i * shape.x_step;
    const auto multiply = [&](T* to, const Block& block, int add) {
      k.gemm(to, block.pixels(), weights, 1, taps, y + i * shape.y_step + block.first(shape.window),
             shape.pixels(), taps, block.pixels(), shape.y_channels, add, nullptr);
    };
    if (shape.window.is_plain()) return multiply(image, blocks[0], acc);
    const idx numbers = shape.x_channels * shape.window.in();
    if (!acc) k.fill(image, numbers, T(0), 1, numbers);
    for (idx b = 0; b < blocks.count(); b++) {
      const Block block = blocks[b];
      T* const panel = panel_of<T>(taps * block.pixels());
      multiply(panel, block, 0);
      unpack(k, shape, block, panel, image);
    }
  });
}

// Sums of many arrays whose error does not grow with their number: keeps what each addition rounds
// away (2Sum of Knuth and Moller).
template <class T>
class ExactSums {
 public:
  explicit ExactSums(idx n) : sum_(size_t(n)), lost_(size_t(n)) {}
  void add(const T* x) {
    for (size_t i = 0; i < sum_.size(); i++) {
      const T next = sum_[i] + x[i], added = next - sum_[i];
      lost_[i] += (sum_[i] - (next - added)) + (x[i] - added);
      sum_[i] = next;
    }
  }
  void add(const ExactSums& other) {
    add(other.sum_.data());
    for (size_t i = 0; i < lost_.size(); i++) lost_[i] += other.lost_[i];
  }
  // What was lost is NaN where a sum became infinite.
  const T* total() {
    for (size_t i = 0; i < sum_.size(); i++) {
      const T whole = sum_[i] + lost_[i];
      sum_[i] = std::isnan(whole) ? sum_[i] : whole;
    }
    return sum_.data();
  }

 private:
  std::vector<T> sum_, lost_;
};

// w (+)= y xᵀ, summed over all windows of all images: the gradient of the weights. The parts that
// threads add up, and the order of all sums, depend on the shape alone.
template <class T>
void convolve_weights(const Kernels<T>& k, const ConvolutionShape& shape, T* weights, const T* x,
                      const T* y, int acc) {
  constexpr idx chain = 8, most_parts = 16;
  const Blocks blocks(shape);
  const idx count = blocks.count(), taps = shape.taps(), channels = shape.y_channels;
  const idx tasks = shape.images * count, n = taps * channels;
  const idx each = std::max(chain, (tasks + most_parts - 1) / most_parts);
  std::vector<ExactSums<T>> sums(size_t((tasks + each - 1) / each), ExactSums<T>(n));
  // Transposed: a row for each number of a window.
  const auto multiply = [&](idx task, T* product, bool adds) {
    const Block block = blocks[task % count];
    const T* panel = x + task / count * shape.x_step;
    const idx pixels = block.pixels();
    T* const room = panel_of<T>((taps + channels) * pixels);
    if (!shape.window.is_plain()) {
      pack(k, shape, block, panel, room);
      panel = room;
    }
    T* const turned = room + taps * pixels;
    k.transpose(turned, channels, y + task / count * shape.y_step + block.first(shape.window),
                shape.pixels(), channels, pixels);
    k.gemm(product, channels, panel, pixels, 1, turned, channels, taps, channels, pixels, adds,
           nullptr);
  };
  each_task(cost_of<T>(costs::gemm, idx(shape.products())), idx(sums.size()), [&](idx part) {
    std::vector<T> product((size_t(n)));
    const idx end = std::min(tasks, (part + 1) * each);
    for (idx task = part * each; task < end; task++) {
      const idx place = task % each % chain;
      multiply(task, product.data(), place > 0);
      if (place == chain - 1 || task == end - 1) sums[size_t(part)].add(product.data());
    }
  });
  ExactSums<T> all(n);
  for (const ExactSums<T>& part : sums) all.add(part);
  if (!acc) return k.transpose(weights, taps, all.total(), channels, taps, channels);
  std::vector<T> turned((size_t(n)));
  k.transpose(turned.data(), taps, all.total(), channels, taps, channels);
  k.copy(weights, n, turned.data(), n, 1, 1, n, 1);
}

}  // namespace vecgrad
