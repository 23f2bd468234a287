// Series of runs: see series.h.
#include "run/series.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "vm/denormals.h"

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

template <class T>
SeriesResult run(const Program& program, T* arena, int32_t* ints, const Series& series,
                 int32_t from, std::span<double> losses) {
  const FlushDenormals flush;
  SeriesResult result;
  const double* rules = series.rules.data();
  for (size_t i = 0; i < losses.size(); i++) {
    if (series.stop && __atomic_load_n(series.stop, __ATOMIC_RELAXED) != 0) break;
    const int32_t example = from + int32_t(i);
    const int32_t length =
        series.lengths.empty() ? program.max_length() : series.lengths[size_t(example)];
    if (length < 1 || length > program.max_length()) {
      result.end = SeriesEnd::feed;
      result.column = -1;
      return result;
    }
    for (size_t c = 0; c < series.indices.size(); c++) {
      if (feed_index(series.indices[c], ints, example, length, result.element)) continue;
      result.end = SeriesEnd::feed;
      result.column = int32_t(c);
      return result;
    }
    for (size_t c = 0; c < series.numbers.size(); c++) {
      if (feed_numbers(series.numbers[c], arena, example)) continue;
      result.end = SeriesEnd::feed;
      result.column = int32_t(series.indices.size() + c);
      result.element = 0;
      return result;
    }
    if (series.inverse_count >= 0) arena[series.inverse_count] = T(1.0 / length);
    for (int32_t r = 0; r < series.rule_size; r++) arena[series.rule + r] = T(*rules++);
    for (const int32_t slot : series.step_slots) ints[slot] = series.first_step + int32_t(i);
    result.fault = program.run(arena, ints, 0, length, 0, series.end);
    if (result.fault.instruction >= 0) {
      result.end = SeriesEnd::fault;
      return result;
    }
    losses[i] = double(arena[series.loss]);
    result.runs++;
    if (series.stops && !std::isfinite(losses[i])) break;
  }
  return result;
}

}  // namespace

SeriesResult run_series(const Program& program, void* arena, int32_t* ints, const Series& series,
                        int32_t from, std::span<double> losses) {
  if (program.is_float32())
    return run(program, static_cast<float*>(arena), ints, series, from, losses);
  return run(program, static_cast<double*>(arena), ints, series, from, losses);
}

template <class T>
std::span<const T> SeriesCopy::keep(std::span<const T> elements) {
  kept_.emplace_back(std::vector<T>(elements.begin(), elements.end()));
  return std::get<std::vector<T>>(kept_.back());
}

SeriesCopy::SeriesCopy(const Program& program, const Series& series, int32_t from, int32_t count)
    : series_(series) {
  if (!series.lengths.empty())
    series_.lengths = keep(series.lengths.subspan(size_t(from), size_t(count)));
  series_.rules = keep(series.rules);
  series_.step_slots = keep(series.step_slots);
  for (IndexColumn column : series.indices) {
    // What is missing, or belongs to a length that is none, stays -1: the run refuses it.
    std::vector<int32_t> values(size_t(count) * size_t(column.size), -1);
    for (int32_t e = 0; e < count; e++) {
      const int32_t length =
          series_.lengths.empty() ? program.max_length() : series_.lengths[size_t(e)];
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
  for (NumberColumn column : series.numbers) {
    std::visit(
        [&](auto values) {
          // Ends at an example whose numbers do not lie in the column: the run refuses it.
          std::vector<typename decltype(values)::value_type> own;
          for (int32_t e = 0; e < count; e++) {
            const int64_t start = start_of(column, from + e);
            if (start < 0 || start + column.size > int64_t(values.size())) break;
            const auto first = values.begin() + start;
            own.insert(own.end(), first, first + column.size);
          }
          kept_.emplace_back(std::move(own));
          column.values = std::span(std::as_const(
              std::get<std::vector<typename decltype(values)::value_type>>(kept_.back())));
        },
        column.values);
    column.starts = {};
    numbers_.push_back(column);
  }
  series_.indices = indices_;
  series_.numbers = numbers_;
}

}  // namespace vecgrad
