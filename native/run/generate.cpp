// Generation of sequences: see generate.h.
#include "run/generate.h"

#include <algorithm>
#include <optional>
#include <span>

#include "run/together.h"
#include "run/walk.h"
#include "threads/denormals.h"
#include "threads/pool.h"

namespace vecgrad {
namespace {

// Sequences that draw one after another.
template <class T>
Generated generate_in_turn(Walk<T>& walk, const Program& program, Random& random, int32_t* choices,
                           std::span<int32_t> lengths) {
  for (int32_t& length : lengths) {
    const Generated result = walk.run(choices, length, [&] { return random.real(); });
    if (result.has_failed()) return result;
    choices += program.max_length();
  }
  return {};
}

// How many sequences have their random numbers drawn at once where none run together.
constexpr size_t few = 16;

// Sequences that have a stretch of the random numbers each.
template <class T>
Generated generate_apart(Walk<T>& walk, std::optional<Together<T>>& together,
                         const Program& program, Random& random, const Generation& generation,
                         int32_t* choices, std::span<int32_t> lengths) {
  const size_t positions = size_t(program.max_length());
  const size_t each = positions - generation.prefix.size();
  // Pieces of the same size, since fewer rows take longer each.
  const size_t most = together ? size_t(generation.rows->piece) : few;
  const size_t pieces = (lengths.size() + most - 1) / most;
  const size_t piece = pieces ? (lengths.size() + pieces - 1) / pieces : 1;
  std::vector<double> reals(piece * each);
  for (size_t first = 0; first < lengths.size(); first += piece) {
    const std::span<int32_t> own = lengths.subspan(first, std::min(piece, lengths.size() - first));
    int32_t* const own_choices = choices + first * positions;
    for (size_t i = 0; i < own.size() * each; i++) reals[i] = random.real();
    // Where a sequence fails, they run one after another, to find the first that does.
    if (together && together->run(own_choices, own, reals.data())) continue;
    for (size_t s = 0; s < own.size(); s++) {
      const double* next = reals.data() + s * each;
      const Generated result =
          walk.run(own_choices + s * positions, own[s], [&] { return *next++; });
      if (result.has_failed()) return result;
    }
  }
  return {};
}

template <class T>
Generated generate_as(const Program& program, void* arena, int32_t* ints, Random& random,
                      const Generation& generation, int32_t* choices, std::span<int32_t> lengths) {
  Walk<T> walk(program, arena, ints, generation);
  if (!generation.is_together) return generate_in_turn(walk, program, random, choices, lengths);
  std::optional<Together<T>> together;
  if (generation.rows) together.emplace(program, arena, ints, generation);
  return generate_apart(walk, together, program, random, generation, choices, lengths);
}

}  // namespace

Generated generate(const Program& program, void* arena, int32_t* ints, Random& random,
                   const Generation& generation, int32_t* choices, std::span<int32_t> lengths) {
  // Once for all runs: switching takes as long as several instructions.
  const FlushDenormals flush;
  const ThreadLimit limit(generation.threads);
  const auto as = program.is_float32() ? generate_as<float> : generate_as<double>;
  return as(program, arena, ints, random, generation, choices, lengths);
}

}  // namespace vecgrad
