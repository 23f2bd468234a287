// Batches: one update from the mean gradient of several examples, on several threads.
//
// The examples of a batch run in pieces, the longest first, and piece p belongs to lane p modulo
// the number of lanes. A lane runs its pieces in order, forward and backward, and adds up their
// gradients; then the lanes are added in order. Which thread runs a lane, and how many threads
// there are, changes no bit of the result.
//
// The examples of a piece run together, instruction by instruction (vm/row_run.h), where the
// program has a plan for that; else a piece is one example.
#pragma once

#include <cstdint>
#include <span>

#include "run/examples.h"
#include "vm/vm.h"

namespace vecgrad {

// `count` numbers of the arena, from `offset` on.
struct ArenaRange {
  int32_t offset, count;
};

// `numbers` and `ints` are the memory of `copies` threads, which begin `stride` numbers and
// `int_stride` integers apart: a copy of the program's memory, into which each step copies the
// parameters, and behind it the rows of a piece. `sums` has room for the gradients of each lane,
// one lane after the other. The numbers of lanes and of examples in a piece decide in which order
// gradients are added.
struct Lanes {
  const PlannedRows* plan = nullptr;  // null: pieces of one example
  void* numbers;
  int64_t stride, int_stride;
  std::span<int32_t> ints;
  int32_t copies;
  int32_t count;
  int32_t piece;  // the most examples in a piece
  void* sums;
};

// How the examples of a series are trained on in batches.
struct Batches {
  int32_t size;  // examples in a batch
  ArenaRange parameters, gradients;
  int32_t backward;  // the instructions [0, backward) run for each example
  Lanes lanes;
};

// One batch of a series, and how its step ends.
struct BatchStep {
  int32_t first;       // of its examples
  StepNumber numbers;  // of its examples
  int32_t end;         // the instructions [batches.backward, end) update the parameters
  int32_t loss;        // the slot of the loss, which becomes the mean of the examples'
};

// Takes one step on `arena` and `ints`, the program's own memory, from one example for each place
// in `losses`, which it fills. The caller has checked the sizes and that ranges lie in the memory.
// After a fault nothing is updated; the fault is that of the first example that had one. A fault
// of the update is that of example 0.
RunsResult step_batch(const Program& program, void* arena, int32_t* ints, const Examples& examples,
                      const Batches& batches, const BatchStep& step, std::span<double> losses);

}  // namespace vecgrad
