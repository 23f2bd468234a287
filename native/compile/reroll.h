// Finds the loops in a program that was written out: what repeats itself, its operands moving by
// the same distance each time, is kept once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vecgrad {

// A program as the machine takes it (vm/repeats.h).
struct Rerolled {
  std::vector<int32_t> code, repeats, steps;
};

// Whether these are whole instructions with known opcodes.
bool are_instructions(std::span<const int32_t> code);

// False where there is no loop that would save `least` instructions or more.
bool reroll(std::span<const int32_t> code, int32_t least, Rerolled& made);

}  // namespace vecgrad
