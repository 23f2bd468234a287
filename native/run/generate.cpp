// Generation of sequences: see generate.h.
#include "run/generate.h"

#include <algorithm>

#include "isa/isa.h"
#include "vm/denormals.h"

namespace vecgrad {
namespace {

// Turns the results of a position into the weights of a choice: their softmax at a temperature, and
// 0 for all but the largest.
template <class T>
class Weights {
 public:
  Weights(const Program& program, const Generation& generation)
      : kernels_(*kernels_for<T>(program.isa())),
        count_(generation.choices),
        factor_(T(1 / generation.temperature)),
        scaled_(size_t(count_)),
        weights_(size_t(count_)) {
    if (generation.top == count_) return;
    numbers_.resize(size_t(count_));
    largest_.resize(size_t(generation.top));
  }

  // `at` says where in the arena the results lie.
  double* of(const void* arena, const int32_t* at) {
    const T* const x = static_cast<const T*>(arena);
    T* const scaled = scaled_.data();
    for (int64_t i = 0; i < count_; i++) scaled[i] = x[at[i]] * factor_;
    kernels_.softmax(scaled, count_, scaled, count_, 1, count_, count_, 0, nullptr);
    if (largest_.empty())
      for (int64_t i = 0; i < count_; i++) weights_[size_t(i)] = scaled[i];
    else
      weigh_largest(x, at);
    return weights_.data();
  }

 private:
  // The largest keep the weights that they have among all results, since the weights of a choice
  // need not sum to 1. A NaN, which is never among the largest, has made every weight NaN.
  void weigh_largest(const T* x, const int32_t* at) {
    // Compares the results themselves: scaled ones can be equal where these are not.
    for (int64_t i = 0; i < count_; i++) numbers_[size_t(i)] = x[at[i]];
    kernels_.topk(largest_.data(), numbers_.data(), 1, count_, int64_t(largest_.size()), 1);
    std::fill(weights_.begin(), weights_.end(), 0);
    for (const int32_t i : largest_) weights_[size_t(i)] = scaled_[size_t(i)];
  }

  const Kernels<T>& kernels_;
  const int64_t count_;
  const T factor_;
  std::vector<T> scaled_;
  std::vector<double> weights_;
  std::vector<T> numbers_;        // the results, if only the largest count
  std::vector<int32_t> largest_;  // the indices of the largest; empty: all count
};

template <class T>
Generated generate_as(const Program& program, void* arena, int32_t* ints, Random& random,
                      const Generation& generation, int32_t* choices, int32_t* lengths,
                      size_t count) {
  Weights<T> weights(program, generation);
  const int64_t n = generation.choices;
  const std::vector<int32_t>& prefix = generation.prefix;
  const int32_t first = int32_t(prefix.size());
  for (size_t sequence = 0; sequence < count; sequence++) {
    ints[generation.slot] = generation.start;
    std::copy(prefix.begin(), prefix.end(), ints + generation.slot + 1);
    std::copy(prefix.begin(), prefix.end(), choices);
    int32_t position = first;
    for (bool is_over = false; !is_over && position < program.max_length(); position++) {
      // The positions of the given prefix run together with the first that chooses.
      const int32_t from = generation.is_prefix || position == first ? 0 : position;
      Span span{0, generation.instructions};
      if (from == position && !generation.is_prefix)
        span = program.span(position, generation.instructions);
      const RunFault fault = program.run(arena, ints, from, position + 1, span.begin, span.end);
      if (fault.instruction >= 0) return {fault};
      double* const w = weights.of(arena, generation.results.data() + position * n);
      const int64_t choice = random.weighted_index(w, size_t(n));
      if (choice < 0) return {{}, true};
      choices[position] = int32_t(choice);
      is_over = choice == generation.stop;
      if (!is_over && position + 1 < program.max_length())
        ints[generation.slot + position + 1] = int32_t(choice);
    }
    lengths[sequence] = position;
    choices += program.max_length();
  }
  return {};
}

}  // namespace

Generated generate(const Program& program, void* arena, int32_t* ints, Random& random,
                   const Generation& generation, int32_t* choices, int32_t* lengths, size_t count) {
  // Once for all runs: switching takes as long as several instructions.
  const FlushDenormals flush;
  const auto as = program.is_float32() ? generate_as<float> : generate_as<double>;
  return as(program, arena, ints, random, generation, choices, lengths, count);
}

}  // namespace vecgrad
