// Batches: one update from the mean gradient of several examples, on several threads.
//
// Examples are dealt to lanes: example e belongs to lane e modulo the number of lanes. A lane runs
// its examples in order, forward and backward, and adds up their gradients; then the lanes are
// added in order. Which thread runs a lane, and how many threads there are, changes no bit of the
// result.
#pragma once

#include <cstdint>
#include <span>

#include "vm/vm.h"

namespace vecgrad {

// `count` numbers of the arena, from `offset` on.
struct ArenaRange {
  int32_t offset, count;
};

// Where in a program's arena the parameters, their gradients, the loss and the fed numbers lie, and
// where the instructions of the backward pass and of the update end.
struct BatchLayout {
  ArenaRange parameters, gradients;
  int32_t loss;
  std::span<const ArenaRange> fed;
  int32_t backward, update;
};

// What is fed for each example: the program's integers, the numbers of all fed ranges in turn, and
// its prefix length. `losses` has a place for each.
struct Examples {
  std::span<int32_t> ints;
  const void* numbers;
  std::span<const int32_t> lengths;
  std::span<double> losses;
};

struct BatchFault {
  RunFault fault;
  int32_t example = -1;  // -1: the update
};

// `memory` holds `count` copies of the program's arena, `stride` numbers apart: each thread runs in
// one, and copies the parameters into it. `sums` has room for the gradients of each lane, one lane
// after the other. The number of lanes decides in which order gradients are added.
struct Lanes {
  void* memory;
  int64_t stride;
  int32_t count;
  void* sums;
};

// Takes one step on `arena`, the program's own memory. The caller has checked the sizes, that
// ranges lie in the arena, and that lengths lie between 1 and the program's longest. After a fault
// nothing is updated; the fault is that of the first example that had one.
BatchFault step_batch(const Program& program, void* arena, const Lanes& lanes,
                      const BatchLayout& layout, const Examples& examples, int32_t threads);

}  // namespace vecgrad
