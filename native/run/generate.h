// Generation: runs a sequence program position by position. Each position makes a choice at random,
// which the next position reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "run/pieces.h"
#include "run/random.h"
#include "vm/vm.h"

namespace vecgrad {

struct Generation {
  // Positions x choices: where in the arena each position leaves its results.
  std::vector<int32_t> results;
  int64_t choices = 0;
  int64_t top = 0;              // choose among this many, those with the largest results
  std::vector<int32_t> prefix;  // the choices that every sequence begins with
  int64_t slot = 0;             // the slot of the integer that position 0 reads; p reads slot + p
  int32_t start = 0;            // what position 0 reads
  int32_t stop = 0;             // the choice that ends a sequence
  double temperature = 1;       // the weights of a choice are softmax(results / temperature)
  int32_t instructions = 0;     // the program's instructions [0, instructions) run
  int32_t threads = 1;          // at most so many run a position
  bool is_prefix = false;       // position p is a run of prefix length p + 1, not of p alone
  // Whether each sequence has a stretch of the random numbers of its own: one for each position
  // that chooses, whether or not it gets there. Then sequences can run together, if `rows` says
  // how, and each is the same whatever the others are.
  bool is_together = false;
  const PieceRows* rows = nullptr;
};

struct Generated {
  RunFault fault;
  bool is_undecided = false;  // the sum of the weights was not finite and above zero

  bool has_failed() const { return fault.instruction >= 0 || is_undecided; }
};

// Generates as many sequences as there are lengths. Fills `lengths` with the number of choices in
// each and `choices` with the choices, a row of the program's longest length for each sequence.
// `arena` and `ints` are the program's memory.
Generated generate(const Program& program, void* arena, int32_t* ints, Random& random,
                   const Generation& generation, int32_t* choices, std::span<int32_t> lengths);

}  // namespace vecgrad
