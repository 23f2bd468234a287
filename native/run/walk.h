// One sequence, walked position by position.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "run/generate.h"
#include "run/random.h"
#include "run/weights.h"
#include "vm/vm.h"

namespace vecgrad {

template <class T>
class Walk {
 public:
  Walk(const Program& program, void* arena, int32_t* ints, const Generation& generation)
      : program_(program),
        arena_(static_cast<T*>(arena)),
        ints_(ints),
        generation_(generation),
        weights_(program, generation, 1) {}

  // Writes the choices of a sequence, and how many there are. `real()` is the next random number.
  template <class Real>
  Generated run(int32_t* choices, int32_t& length, const Real& real) {
    const std::vector<int32_t>& prefix = generation_.prefix;
    const int32_t first = int32_t(prefix.size());
    int32_t* const fed = ints_ + generation_.slot;
    fed[0] = generation_.start;
    std::copy(prefix.begin(), prefix.end(), fed + 1);
    std::copy(prefix.begin(), prefix.end(), choices);
    int32_t position = first;
    for (bool is_over = false; !is_over && position < program_.max_length(); position++) {
      // The positions of the given prefix run together with the first that chooses.
      const int32_t from = generation_.is_prefix || position == first ? 0 : position;
      Span span{0, generation_.instructions};
      if (from == position && !generation_.is_prefix)
        span = program_.span(position, generation_.instructions);
      const RunFault fault = program_.run(arena_, ints_, from, position + 1, span.begin, span.end);
      if (fault.instruction >= 0) return {fault};
      const int32_t choice = choose(position, real);
      if (choice < 0) return {{}, true};
      choices[position] = choice;
      is_over = choice == generation_.stop;
      if (!is_over && position + 1 < program_.max_length()) fed[position + 1] = choice;
    }
    length = position;
    return {};
  }

 private:
  // -1 where nothing can be chosen.
  template <class Real>
  int32_t choose(int32_t position, const Real& real) {
    const int64_t n = generation_.choices;
    const int32_t* const at = generation_.results.data() + position * n;
    weights_.read(0, [&](int64_t i) { return arena_[at[i]]; });
    return int32_t(Random::index_at(weights_.sums(1), size_t(n), real));
  }

  const Program& program_;
  T* const arena_;
  int32_t* const ints_;
  const Generation& generation_;
  Weights<T> weights_;
};

}  // namespace vecgrad
