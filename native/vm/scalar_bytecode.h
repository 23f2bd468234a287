// The scalar tape: one number per instruction, no vector anywhere.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vecgrad {

struct TapeFault {
  bool failed = false;
  int64_t index = 0;
  int64_t limit = 0;
};

// Checks the words [begin, end): opcodes, counts, slots inside the arena. Empty string: sound.
std::string check_tape(std::span<const uint32_t> tape, int64_t begin, int64_t end,
                       int64_t arena_size, int64_t ints_size);

template <class T>
TapeFault run_tape(T* arena, const int32_t* ints, const uint32_t* tape, int64_t begin, int64_t end);

const std::vector<const char*>& tape_names();

}  // namespace vecgrad
