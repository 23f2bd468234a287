// From a graph of single numbers to scalar bytecode: one number per instruction, sorted by
// position, so that a run of a shorter prefix is a shorter stretch of the same words.
//
// Such a graph has hundreds of thousands of nodes and is assembled once: in JavaScript, whose code
// would still be cold, that took half of the time from start to first step.
//
// - Instructions are sorted by position (backward: the last one first), and within a position by
//   depth (schedule.h).
// - A product that feeds one addition is fused with it (mul_add, fma), on one number still; a sum
//   with one use is added to in place; a term with one use adds itself to its `add_n` (fusion.h).
// - An `add_n` whose terms count from several positions is set to zero before all of them, and each
//   term is added at its own position: a run too short for a term must not add what an earlier run
//   has left.
// - A number gets its slot when it is first written: neighbours in time are neighbours in memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compile/assembler_graph.h"

namespace vecgrad {

// An update: one record for each number of the parameters' block.
struct ScalarUpdate {
  int32_t opcode;                                              // -1: none
  int32_t parameters, moment, second_moment, gradients, rule;  // second_moment -1: none
  int32_t size;
};

// The words [begin, end).
struct WordSpan {
  int32_t begin = 0, end = 0;
};

struct AssembledBytecode {
  // False if positions allow no order of execution; then there are no words.
  bool is_ordered = false;
  std::vector<uint32_t> words;
  // Forward: zeroes, then positions (a run of length n ends at forward[n]), then what needs all.
  WordSpan clear_forward, after_forward;
  std::vector<int32_t> forward;
  // Backward: zeroes, then what needs no position, then positions from the last (a run of length n
  // begins at backward[n]).
  WordSpan clear_backward, before_backward;
  std::vector<int32_t> backward;
  WordSpan update;
  int32_t arena_size = 0;
};

// `slots` holds the slot of each node. It is given for leaves, index nodes (a slot of the integers)
// and `gradients`; all other nodes have -1 and get a slot from `arena_size` on. `zero` is the slot
// of a 0.
AssembledBytecode assemble(const AssemblerGraph& graph, std::span<const int32_t> uses,
                           std::span<const int32_t> gradients, std::span<int32_t> slots,
                           int32_t zero, int32_t arena_size, const ScalarUpdate& update);

}  // namespace vecgrad
