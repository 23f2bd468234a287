// Windows that slide over images: what convolutions and pooling have in common.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/kernels.h"
#include "vm/instruction.h"

namespace vecgrad {

// One axis of the images (`in` numbers) and of the windows over them: `out` windows, each of `size`
// numbers, `dilation` apart. Window i begins at number i * stride - pad; numbers outside the image
// are padding.
struct WindowAxis {
  idx in, out, size, stride, pad, dilation;

  // Where number `tap` of window i lies.
  idx place(idx i, idx tap) const { return i * stride + tap * dilation - pad; }

  struct Range {
    idx begin, end;
    idx count() const { return end - begin; }
  };
  // Those of the windows [begin, end) whose number `tap` lies in the image.
  Range inside(idx tap, idx begin, idx end) const {
    const idx first = place(0, tap);
    const idx from = first >= 0 ? 0 : (-first + stride - 1) / stride;
    const idx to = first >= in ? 0 : (in - 1 - first) / stride + 1;
    const idx low = std::clamp(from, begin, end);
    return {low, std::clamp(to, low, end)};
  }
};

// The windows of an instruction, whose numbers are extents that follow each other: immediate 1 is
// the id of the first. In this order:
struct Window {
  WindowAxis down, along;

  idx in() const { return down.in * along.in; }
  idx out() const { return down.out * along.out; }
  idx size() const { return down.size * along.size; }
  // Whether the windows are the numbers of the image.
  bool is_plain() const {
    const auto is_unit = [](const WindowAxis& axis) {
      return axis.size == 1 && axis.stride == 1 && axis.pad == 0 && axis.in == axis.out;
    };
    return is_unit(down) && is_unit(along);
  }
};
constexpr int32_t window_extents = 12;
// Windows whose largest number is looked for have at most so many numbers.
constexpr idx max_taps = idx(1) << 24;
inline Window window_at(const int32_t* ext) {
  return {{ext[0], ext[1], ext[2], ext[3], ext[4], ext[5]},
          {ext[6], ext[7], ext[8], ext[9], ext[10], ext[11]}};
}

inline bool has_window(Op op) {
  switch (op) {
    case Op::conv:
    case Op::conv_input:
    case Op::conv_weights:
    case Op::max_pool:
    case Op::max_pool_pick:
    case Op::max_pool_grad:
    case Op::sum_pool:
    case Op::sum_pool_grad:
      return true;
    default:
      return false;
  }
}

}  // namespace vecgrad
