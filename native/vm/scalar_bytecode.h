// Scalar bytecode: programs on single numbers, one result per instruction, no vector anywhere.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vecgrad {

// Which index a `pick` or `pick_add` found outside its slots.
struct ScalarFault {
  bool failed = false;
  int64_t index = 0;
  int64_t limit = 0;
};

// Checks the words [begin, end): opcodes, counts, slots inside the arena. Returns what is
// wrong; empty if they are sound.
std::string check_scalar_bytecode(std::span<const uint32_t> words, int64_t begin, int64_t end,
                                  int64_t arena_size, int64_t ints_size);

// Runs the words [begin, end), which have been checked.
template <class T, class Word>
ScalarFault run_scalar_bytecode(T* arena, const int32_t* ints, const Word* words, int64_t begin,
                                int64_t end);

// By opcode: the names, and the operand words of a record (scalar_bytecode.def).
const std::vector<const char*>& scalar_opcode_names();
const std::vector<const char*>& scalar_opcode_operands();

}  // namespace vecgrad
