// Feeding an example: its part of each column is checked and copied to a program's memory.
#pragma once

#include <cstdint>
#include <type_traits>
#include <variant>

#include "run/examples.h"

namespace vecgrad {

// A program's memory, to write the feeds of an example to. `numbers` and `integers` return a
// function of i: where the element that many behind an offset lies; in other memories nullptr,
// where the example has no such element.
template <class T>
struct OwnMemory {
  T* arena;
  int32_t* ints;
  auto numbers(int32_t offset) const {
    return [first = arena + offset](int32_t i) { return first + i; };
  }
  auto integers(int32_t slot) const {
    return [first = ints + slot](int32_t i) { return first + i; };
  }
};

// Where an example's part of a column begins.
template <class Column>
int64_t start_of(const Column& column, int32_t example) {
  return column.starts.empty() ? int64_t(example) * column.size
                               : int64_t(column.starts[size_t(example)]);
}

// Copies the integers of an example. False if one is out of its limits or missing; `element` says
// which.
template <class Memory>
bool feed_index(const IndexColumn& column, const Memory& memory, int32_t example, int32_t length,
                int32_t& element) {
  const int64_t start = start_of(column, example);
  const int32_t needed = column.needs[size_t(length)];
  const auto place_of = memory.integers(column.slot);
  for (int32_t i = 0; i < needed; i++) {
    element = i;
    if (start < 0 || start + i >= int64_t(column.values.size())) return false;
    const int32_t x = column.values[size_t(start + i)];
    if (x < 0 || (x >= column.limits[size_t(i)] && column.positions[size_t(i)] < length))
      return false;
    if (int32_t* const to = place_of(i)) *to = x;
  }
  return true;
}

// Copies the numbers of an example. False if they do not lie in the column.
template <class Memory>
bool feed_numbers(const NumberColumn& column, const Memory& memory, int32_t example) {
  const int64_t start = start_of(column, example);
  const auto place_of = memory.numbers(column.offset);
  return std::visit(
      [&](const auto& values) {
        if (start < 0 || start + column.size > int64_t(values.size())) return false;
        for (int32_t i = 0; i < column.size; i++)
          if (auto* const to = place_of(i))
            *to = std::remove_pointer_t<decltype(to)>(values[size_t(start + i)]);
        return true;
      },
      column.values);
}

// Copies the feeds of an example to a program's memory. False if they are wrong; `fault` says why.
// The caller has checked that the places to write to lie in that memory.
template <class Memory>
bool feed_example(const Program& program, const Examples& examples, int32_t example,
                  const Memory& memory, FeedFault& fault) {
  const int32_t length = examples.length_of(program, example);
  if (length < 1 || length > program.max_length()) {
    fault = {-1, 0};
    return false;
  }
  fault = {};
  for (const IndexColumn& column : examples.indices) {
    if (!feed_index(column, memory, example, length, fault.element)) return false;
    fault.column++;
  }
  fault.element = 0;
  for (const NumberColumn& column : examples.numbers) {
    if (!feed_numbers(column, memory, example)) return false;
    fault.column++;
  }
  if (examples.inverse_count >= 0) {
    if (auto* const to = memory.numbers(examples.inverse_count)(0))
      *to = std::remove_pointer_t<decltype(to)>(1.0 / length);
  }
  return true;
}

}  // namespace vecgrad
