// Batches: one update from the mean gradient of several documents, on several threads.
//
// A document runs forward and backward in a lane, memory of its own with the parameters copied into
// it, and adds its gradient to the lane's sum. Document d runs in lane d modulo their number, a
// lane's documents in order, and lanes are summed in order: which thread runs a lane, and how many
// there are, changes no bit of the result.
#pragma once

#include <cstdint>
#include <span>

#include "vm/vm.h"

namespace vecgrad {

// `count` numbers, from `offset` in the arena on.
struct ArenaRange {
  int32_t offset, count;
};

// Where in a program's arena the parameters, their gradients and the loss lie, and what a document
// feeds; ends of the instructions.
struct BatchLayout {
  ArenaRange parameters, gradients;
  int32_t loss;
  std::span<const ArenaRange> fed;
  int32_t backward, update;
};

// What is fed, document by document: the program's integers, the numbers of all fed ranges in turn,
// and how many levels it has. As many losses.
struct Documents {
  std::span<int32_t> ints;
  const void* numbers;
  std::span<const int32_t> lengths;
  std::span<double> losses;
};

struct BatchFault {
  RunFault fault;
  int32_t document = -1;  // -1: it was the update's
};

// The documents are dealt to `count` lanes, and each lane's gradients added up: how many there are
// decides in which order. As many copies of the program's arena but for its parameters, `stride`
// numbers apart, of which each thread runs in one; room for the lanes' sums, one behind the other.
struct Lanes {
  void* memory;
  int64_t stride;
  int32_t count;
  void* sums;
};

// One step on `arena`, the program's own memory. The caller has checked sizes, that ranges lie in
// the arena and lengths from 1 to the program's levels. After a fault, of the first document that
// had one, nothing is updated.
BatchFault step_batch(const Program& program, void* arena, const Lanes& lanes,
                      const BatchLayout& layout, const Documents& documents, int32_t threads);

}  // namespace vecgrad
