// A series: one run after another, each on a document of its own, as a loop over `step` or
// `evaluate` does, without returning to JavaScript between two of them.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "vm/vm.h"

namespace vecgrad {

// What all documents feed an index: document d's integers begin at starts[d], or at d x size where
// `starts` is empty.
struct IndexColumn {
  int32_t slot, size;
  std::span<const int32_t> values, starts;
  std::span<const int32_t> needs;   // by length: how many integers a run reads
  std::span<const int32_t> limits;  // of each element: it must be below
  std::span<const int32_t> levels;  // from which length on each element is read
};

// What all documents feed an input of numbers: `size` each, from where an index's would begin.
struct NumberColumn {
  int32_t offset, size;
  std::variant<std::span<const double>, std::span<const float>> values;
  std::span<const int32_t> starts;
};

struct Series {
  std::span<const IndexColumn> indices;
  std::span<const NumberColumn> numbers;
  std::span<const int32_t> lengths;  // by document; empty: always `levels`
  int32_t inverse_count;             // where 1 / length is read; -1: nowhere
  int32_t end;                       // of the instructions that run
  int32_t loss;
  // What is set before each run: `rule_size` numbers from `rule` on, and the step's number in
  // slots.
  int32_t rule, rule_size;
  std::span<const double> rules;
  std::span<const int32_t> step_slots;
  int32_t first_step;
  bool stops;  // after a loss that is not finite
  // Read before each document, where there is one: the series ends when it is not 0.
  const int32_t* stop = nullptr;
};

enum class SeriesEnd { done, fault, feed };

struct SeriesResult {
  SeriesEnd end = SeriesEnd::done;
  int32_t runs = 0;  // completed
  RunFault fault;    // where an index was out of its table
  // Where a fed integer was out of its limits, or missing; column -1: where a length was. Columns
  // of numbers, which can be missing, are counted behind those of integers.
  int32_t column = 0, element = 0;
};

// Runs documents `from` on, one for each place in `losses`, which it fills. The caller has checked
// sizes, and that what is written lies in the program's memory.
SeriesResult run_series(const Program& program, void* arena, int32_t* ints, const Series& series,
                        int32_t from, std::span<double> losses);

// A series' documents `from` on, as many as `count`, and all else that a run reads, in memory of
// its own: they can be run when JavaScript has changed, shrunk or dropped what they were read from.
// The first of them is document 0.
class SeriesCopy {
 public:
  SeriesCopy(const Program& program, const Series& series, int32_t from, int32_t count);
  SeriesCopy(const SeriesCopy&) = delete;
  SeriesCopy& operator=(const SeriesCopy&) = delete;

  const Series& series() const { return series_; }

 private:
  template <class T>
  std::span<const T> keep(std::span<const T> elements);

  Series series_;
  std::vector<IndexColumn> indices_;
  std::vector<NumberColumn> numbers_;
  std::vector<std::variant<std::vector<int32_t>, std::vector<double>, std::vector<float>>> kept_;
};

}  // namespace vecgrad
