// Feeding an example: its part of each column is checked and copied to a program's memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <variant>

#include "run/examples.h"

namespace vecgrad {

// Elements that follow each other.
template <class E>
struct OwnElements {
  E* first;
  E* operator()(int32_t i) const { return first + i; }
  template <class From>
  void put(const From* from, int32_t count) const {
    for (int32_t i = 0; i < count; i++) first[i] = E(from[i]);
  }
};

// A program's memory, to write the feeds of an example to. `numbers` and `integers` return the
// elements from an offset on: a function of i says where element i lies (in other memories nullptr,
// where the example has no such element), and `put` copies the first ones there.
template <class T>
struct OwnMemory {
  T* arena;
  int32_t* ints;
  OwnElements<T> numbers(int32_t offset) const { return {arena + offset}; }
  OwnElements<int32_t> integers(int32_t slot) const { return {ints + slot}; }
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
  const int64_t left = start < 0 ? 0 : int64_t(column.values.size()) - start;
  const int32_t there = int32_t(std::clamp<int64_t>(left, 0, needed));
  const int32_t* const values = column.values.data() + (there ? start : 0);
  const int32_t *const limits = column.limits.data(), *const positions = column.positions.data();
  const auto is_wrong = [&](int32_t i) {
    return (values[i] < 0) | ((values[i] >= limits[i]) & (positions[i] < length));
  };
  // Integers are nearly never wrong: that is found without a branch for each.
  bool any = false;
  for (int32_t i = 0; i < there; i++) any |= is_wrong(i);
  if (any || there < needed) {
    for (element = 0; element < there && !is_wrong(element);) element++;
    return false;
  }
  memory.integers(column.slot).put(values, needed);
  return true;
}

// Copies the numbers of an example. False if they do not lie in the column.
template <class Memory>
bool feed_numbers(const NumberColumn& column, const Memory& memory, int32_t example) {
  const int64_t start = start_of(column, example);
  return std::visit(
      [&](const auto& values) {
        if (start < 0 || start + column.size > int64_t(values.size())) return false;
        memory.numbers(column.offset).put(values.data() + start, column.size);
        return true;
      },
      column.values);
}

// Writes 1 / length where an example reads it.
template <class Memory>
void feed_inverse_count(const Examples& examples, const Memory& memory, int32_t length) {
  if (examples.inverse_count < 0) return;
  if (auto* const to = memory.numbers(examples.inverse_count)(0))
    *to = std::remove_pointer_t<decltype(to)>(1.0 / length);
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
  feed_inverse_count(examples, memory, length);
  return true;
}

// The same for `count` examples whose lengths are valid: example(i) in memory(i), column after
// column, which finds the place of a column once. False if any feeds are wrong.
template <class ExampleAt, class MemoryAt>
bool feed_examples(const Program& program, const Examples& examples, int32_t count,
                   const ExampleAt& example, const MemoryAt& memory) {
  const auto length = [&](int32_t i) { return examples.length_of(program, example(i)); };
  int32_t element = 0;
  for (const IndexColumn& column : examples.indices)
    for (int32_t i = 0; i < count; i++)
      if (!feed_index(column, memory(i), example(i), length(i), element)) return false;
  for (const NumberColumn& column : examples.numbers)
    for (int32_t i = 0; i < count; i++)
      if (!feed_numbers(column, memory(i), example(i))) return false;
  for (int32_t i = 0; i < count; i++) feed_inverse_count(examples, memory(i), length(i));
  return true;
}

}  // namespace vecgrad
