// A series: one run after another, each on an example of its own, or one step after another, each
// on a batch of examples. A loop over `step`, `stepBatch` or `evaluate` does the same, but returns
// to JavaScript between two runs.
#pragma once

#include <cstdint>
#include <span>

#include "run/batch.h"
#include "run/examples.h"
#include "run/outputs.h"
#include "run/pieces.h"
#include "vm/vm.h"

namespace vecgrad {

struct Series {
  Examples examples;
  int32_t threads;  // at most so many run it
  int32_t end;      // the instructions [0, end) run
  int32_t loss;     // the slot of the loss
  // What is written before each step: `rule_size` numbers from slot `rule` on.
  int32_t rule, rule_size;
  std::span<const double> rules;
  StepNumber step_numbers;
  bool stops;  // whether a loss that is not finite ends the series
  // How a step takes several examples; a null pointer: each has a run of its own.
  const Batches* batches = nullptr;
  // How examples that are only evaluated run together; a null pointer: one after another.
  const PieceRows* rows = nullptr;
  // What is read after each example that is only evaluated; a null pointer: the loss alone.
  const Outputs* outputs = nullptr;
  // A flag that is read before each step: the series ends when it is not 0. May be null.
  const int32_t* stop = nullptr;
};

// Runs the examples from `from` on, one for each place in `losses`, which it fills. The caller has
// checked the sizes, and that the places to write to lie in the program's memory.
RunsResult run_series(const Program& program, void* arena, int32_t* ints, const Series& series,
                      int32_t from, std::span<double> losses);

// A copy of `count` examples of a series, from `from` on, and of everything else that a run reads
// and JavaScript can change. Its first example is number 0.
class SeriesCopy {
 public:
  SeriesCopy(const Program& program, const Series& series, int32_t from, int32_t count)
      : examples_(program, series.examples, from, count), series_(series) {
    series_.examples = examples_.examples();
    series_.rules = examples_.keep(series.rules);
    series_.step_numbers.slots = examples_.keep(series.step_numbers.slots);
  }

  const Series& series() const { return series_; }

 private:
  ExamplesCopy examples_;
  Series series_;
};

}  // namespace vecgrad
