// What is read after each example of a series, besides its loss.
#pragma once

#include <cstdint>
#include <span>

namespace vecgrad {

// Numbers of an example: of each range of the arena, an offset and a count. `results` has room for
// those of all examples, one example after another, each of which has `width` numbers.
struct Outputs {
  std::span<const int32_t> ranges;
  void* results = nullptr;
  int64_t width = 0;

  // Writes the numbers of the example at a place; `numbers(offset)(i)` is where number i from an
  // offset on lies, or null where a run did not compute it.
  template <class T, class Numbers>
  void read(int64_t place, const Numbers& numbers) const {
    T* to = static_cast<T*>(results) + place * width;
    for (size_t r = 0; r + 1 < ranges.size(); r += 2) {
      const auto from = numbers(ranges[r]);
      for (int32_t i = 0; i < ranges[r + 1]; i++) {
        const T* const found = from(i);
        *to++ = found ? *found : T(0);
      }
    }
  }
};

}  // namespace vecgrad
