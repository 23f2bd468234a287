// Pieces: see pieces.h.
#include "run/pieces.h"

#include <numeric>

namespace vecgrad {
namespace {

template <class T>
PieceSizes sizes_of(const Program& program, const PlannedRows& plan, int32_t examples) {
  const RowSizes sizes = row_sizes(row_tables_of<T>(program, plan), examples);
  return {aligned(program.arena_size()) - program.arena_size() + sizes.numbers, sizes.ints,
          2 * usual_examples(plan)};
}

}  // namespace

PieceSizes piece_sizes(const Program& program, const PlannedRows& plan, int32_t examples) {
  return program.is_float32() ? sizes_of<float>(program, plan, examples)
                              : sizes_of<double>(program, plan, examples);
}

bool sort_by_length(const Program& program, const Examples& examples, int32_t first, int32_t count,
                    std::vector<int32_t>& order) {
  order.resize(size_t(count));
  const int32_t most = program.max_length();
  const auto length_of = [&](int32_t place) { return examples.length_of(program, first + place); };
  // By counting: where the examples of each length begin.
  std::vector<int32_t> begin(size_t(most) + 1, 0);
  for (int32_t place = 0; place < count; place++) {
    const int32_t length = length_of(place);
    if (length < 1 || length > most) return false;
    begin[size_t(most - length) + 1]++;
  }
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  for (int32_t place = 0; place < count; place++)
    order[size_t(begin[size_t(most - length_of(place))]++)] = place;
  return true;
}

}  // namespace vecgrad
