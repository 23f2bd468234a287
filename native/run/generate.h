// Generation: runs a sequence program level by level, each drawing what the next one reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "run/random.h"
#include "vm/vm.h"

namespace vecgrad {

struct Generation {
  // levels x choices: where in the arena each level leaves its results.
  std::vector<int32_t> results;
  int64_t choices = 0;
  int64_t top = 0;              // a choice is drawn from so many: those with the largest results
  std::vector<int32_t> prefix;  // the choices that every sequence begins with: fewer than levels
  int64_t slot = 0;             // of the integer that level 0 reads; level p reads slot + p
  int32_t start = 0;            // what level 0 reads
  int32_t stop = 0;             // the choice that ends a sequence
  double temperature = 1;       // a choice's weight is softmax(results / temperature)
  int32_t instructions = 0;     // of the program, from its first on
  bool is_prefix = false;       // level p is a run of length p + 1, not of the level alone
};

struct Generated {
  RunFault fault;
  bool is_undecided = false;  // weights whose sum is not finite and above zero
};

// Fills `lengths` with the numbers of choices drawn and `choices` with the choices, a row of
// `levels` for each sequence. `arena` and `ints` are the program's memory.
Generated generate(const Program& program, void* arena, int32_t* ints, Random& random,
                   const Generation& generation, int32_t* choices, int32_t* lengths, size_t count);

}  // namespace vecgrad
