// Examples: see examples.h.
#include "run/examples.h"

#include <algorithm>
#include <utility>

namespace vecgrad {
namespace {

// Where an example's part of a column begins.
template <class Column>
int64_t start_of(const Column& column, int32_t example) {
  return column.starts.empty() ? int64_t(example) * column.size
                               : int64_t(column.starts[size_t(example)]);
}

// Copies the integers of an example. False if one is out of its limits or missing; `element` says
// which.
bool feed_index(const IndexColumn& column, int32_t* ints, int32_t example, int32_t length,
                int32_t& element) {
  const int64_t start = start_of(column, example);
  const int32_t needed = column.needs[size_t(length)];
  for (int32_t i = 0; i < needed; i++) {
    element = i;
    if (start < 0 || start + i >= int64_t(column.values.size())) return false;
    const int32_t x = column.values[size_t(start + i)];
    if (x < 0 || (x >= column.limits[size_t(i)] && column.positions[size_t(i)] < length))
      return false;
    ints[column.slot + i] = x;
  }
  return true;
}

// Copies the numbers of an example. False if they do not lie in the column.
template <class T>
bool feed_numbers(const NumberColumn& column, T* arena, int32_t example) {
  const int64_t start = start_of(column, example);
  return std::visit(
      [&](const auto& values) {
        if (start < 0 || start + column.size > int64_t(values.size())) return false;
        const auto first = values.begin() + start;
        std::transform(first, first + column.size, arena + column.offset,
                       [](auto x) { return T(x); });
        return true;
      },
      column.values);
}

}  // namespace

template <class T>
bool feed_example(const Program& program, const Examples& examples, int32_t example, T* arena,
                  int32_t* ints, FeedFault& fault) {
  const int32_t length = examples.length_of(program, example);
  if (length < 1 || length > program.max_length()) {
    fault = {-1, 0};
    return false;
  }
  fault = {};
  for (const IndexColumn& column : examples.indices) {
    if (!feed_index(column, ints, example, length, fault.element)) return false;
    fault.column++;
  }
  fault.element = 0;
  for (const NumberColumn& column : examples.numbers) {
    if (!feed_numbers(column, arena, example)) return false;
    fault.column++;
  }
  if (examples.inverse_count >= 0) arena[examples.inverse_count] = T(1.0 / length);
  return true;
}

template bool feed_example<float>(const Program&, const Examples&, int32_t, float*, int32_t*,
                                  FeedFault&);
template bool feed_example<double>(const Program&, const Examples&, int32_t, double*, int32_t*,
                                   FeedFault&);

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
  // What is missing, or belongs to a length that is none, stays -1: the run refuses it.
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
