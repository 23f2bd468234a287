// A series: one run after another, each on an example of its own. A loop over `step` or `evaluate`
// does the same, but returns to JavaScript between two runs.
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

struct Series {
  std::span<const IndexColumn> indices;
  std::span<const NumberColumn> numbers;
  std::span<const int32_t> lengths;  // prefix lengths, by example; empty: always the longest
  int32_t inverse_count;             // the slot of 1 / length; -1: none
  int32_t end;                       // the instructions [0, end) run
  int32_t loss;                      // the slot of the loss
  // What is written before each run: `rule_size` numbers from slot `rule` on, and the number of the
  // step in `step_slots`.
  int32_t rule, rule_size;
  std::span<const double> rules;
  std::span<const int32_t> step_slots;
  int32_t first_step;
  bool stops;  // whether a loss that is not finite ends the series
  // A flag that is read before each example: the series ends when it is not 0. May be null.
  const int32_t* stop = nullptr;
};

// Why a series ended: all examples were run (or it was stopped), a run met a fault, or an example
// could not be fed.
enum class SeriesEnd { done, fault, feed };

struct SeriesResult {
  SeriesEnd end = SeriesEnd::done;
  int32_t runs = 0;  // completed
  RunFault fault;    // for SeriesEnd::fault
  // For SeriesEnd::feed: which value was out of its limits or missing. Columns of numbers are
  // counted behind those of indices; column -1 is the length.
  int32_t column = 0, element = 0;
};

// Runs the examples from `from` on, one for each place in `losses`, which it fills. The caller has
// checked the sizes, and that what is written lies in the program's memory.
SeriesResult run_series(const Program& program, void* arena, int32_t* ints, const Series& series,
                        int32_t from, std::span<double> losses);

// A copy of `count` examples of a series, from `from` on, and of everything else that a run reads:
// it can run after JavaScript has changed, shrunk or dropped the original. Its first example is
// number 0.
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
