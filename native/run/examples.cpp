// Examples: see examples.h.
#include "run/examples.h"

#include <algorithm>
#include <utility>

#include "run/feed.h"

namespace vecgrad {

template <class T>
std::span<const T> ExamplesCopy::keep(std::span<const T> elements) {
  kept_.emplace_back(std::vector<T>(elements.begin(), elements.end()));
  return std::get<std::vector<T>>(kept_.back());
}

template std::span<const double> ExamplesCopy::keep(std::span<const double>);
template std::span<const int32_t> ExamplesCopy::keep(std::span<const int32_t>);

ExamplesCopy::ExamplesCopy(const Program& program, const Examples& examples, int32_t from,
                           int32_t count)
    : examples_(examples) {
  if (!examples.lengths.empty())
    examples_.lengths = keep(examples.lengths.subspan(size_t(from), size_t(count)));
  for (const IndexColumn& column : examples.indices) copy_column(program, column, from, count);
  for (const NumberColumn& column : examples.numbers) copy_column(column, from, count);
  examples_.indices = indices_;
  examples_.numbers = numbers_;
}

void ExamplesCopy::copy_column(const Program& program, IndexColumn column, int32_t from,
                               int32_t count) {
  // An integer that is missing, or whose length is invalid, stays -1, which the run refuses.
  std::vector<int32_t> values(size_t(count) * size_t(column.size), -1);
  for (int32_t e = 0; e < count; e++) {
    const int32_t length = examples_.length_of(program, e);
    if (length < 1 || length > program.max_length()) continue;
    const int64_t start = start_of(column, from + e);
    if (start < 0) continue;
    const int64_t end =
        std::min(start + column.needs[size_t(length)], int64_t(column.values.size()));
    for (int64_t i = start; i < end; i++)
      values[size_t(int64_t(e) * column.size + i - start)] = column.values[size_t(i)];
  }
  column.starts = {};
  column.values = keep(std::span<const int32_t>(values));
  column.needs = keep(column.needs);
  column.limits = keep(column.limits);
  column.positions = keep(column.positions);
  indices_.push_back(column);
}

void ExamplesCopy::copy_column(NumberColumn column, int32_t from, int32_t count) {
  std::visit(
      [&](auto values) {
        using Numbers = std::vector<typename decltype(values)::value_type>;
        // Ends at an example whose numbers do not lie in the column: the run refuses it.
        Numbers own;
        for (int32_t e = 0; e < count; e++) {
          const int64_t start = start_of(column, from + e);
          if (start < 0 || start + column.size > int64_t(values.size())) break;
          const auto first = values.begin() + start;
          own.insert(own.end(), first, first + column.size);
        }
        kept_.emplace_back(std::move(own));
        column.values = std::span(std::as_const(std::get<Numbers>(kept_.back())));
      },
      column.values);
  column.starts = {};
  numbers_.push_back(column);
}

}  // namespace vecgrad
