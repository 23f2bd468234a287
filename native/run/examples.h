// Examples: the feeds of many examples, one column for each input.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "vm/vm.h"

namespace vecgrad {

// What all examples feed an index. The integers of example e begin at starts[e], or at e x size if
// `starts` is empty.
struct IndexColumn {
  int32_t slot, size;
  std::span<const int32_t> values, starts;
  std::span<const int32_t> needs;      // by prefix length: how many integers a run reads
  std::span<const int32_t> limits;     // by element: it must be below
  std::span<const int32_t> positions;  // by element: runs of a longer prefix read it
};

// What all examples feed an input of numbers: `size` each, which begin as those of an index do.
struct NumberColumn {
  int32_t offset, size;
  std::variant<std::span<const double>, std::span<const float>> values;
  std::span<const int32_t> starts;
};

struct Examples {
  std::span<const IndexColumn> indices;
  std::span<const NumberColumn> numbers;
  std::span<const int32_t> lengths;  // prefix lengths, by example; empty: always the longest
  int32_t inverse_count;             // the slot of 1 / length; -1: none

  int32_t length_of(const Program& program, int32_t example) const {
    return lengths.empty() ? program.max_length() : lengths[size_t(example)];
  }
};

// Where a run reads the number of its training step, by which dropout draws.
struct StepNumber {
  std::span<const int32_t> slots;
  int32_t first;  // that of the first example; below 0: that of each, since none takes a step

  template <class Memory>
  void write(const Memory& memory, int32_t example) const {
    for (const int32_t slot : slots)
      if (int32_t* const to = memory.integers(slot)(0)) *to = first < 0 ? first : first + example;
  }
};

// Which value of an example was out of its limits or missing. Columns of numbers are counted
// behind those of indices; column -1 is the length.
struct FeedFault {
  int32_t column = 0, element = 0;
};

// Why a series of examples ended: all have run (or were stopped), a run met a fault, or the feeds
// of an example were wrong.
enum class End { done, fault, feed };

struct RunsResult {
  End end = End::done;
  int32_t runs = 0;     // completed
  int32_t example = 0;  // which met the fault, counted from the first one that was to run
  RunFault fault;       // for End::fault
  FeedFault feed;       // for End::feed
};

// A copy of `count` examples, from `from` on: they can be run after JavaScript has changed, shrunk
// or dropped the originals. The first one is number 0.
class ExamplesCopy {
 public:
  ExamplesCopy(const Program& program, const Examples& examples, int32_t from, int32_t count);
  ExamplesCopy(const ExamplesCopy&) = delete;
  ExamplesCopy& operator=(const ExamplesCopy&) = delete;

  const Examples& examples() const { return examples_; }
  // Copies numbers that live as long as this does.
  template <class T>
  std::span<const T> keep(std::span<const T> elements);

 private:
  void copy_column(const Program& program, IndexColumn column, int32_t from, int32_t count);
  void copy_column(NumberColumn column, int32_t from, int32_t count);

  Examples examples_;
  std::vector<IndexColumn> indices_;
  std::vector<NumberColumn> numbers_;
  std::vector<std::variant<std::vector<int32_t>, std::vector<double>, std::vector<float>>> kept_;
};

}  // namespace vecgrad
