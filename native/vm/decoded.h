// An instruction as it is run.
#pragma once

#include <cstdint>

#include "vm/instruction.h"

namespace vecgrad {

// Words of an instruction that may be places in the arena or among the integers, and that move
// where it is part of a loop (repeats.h).
struct Places {
  int32_t y_offset, a_offset, b_offset, c, x;
  int32_t imm0, imm1;
  int32_t c_row;  // does not move, and makes these eight words, which are moved at once
};

// An instruction as it is run. A step reads all of them once, beside numbers that fill the first
// cache by themselves: what few instructions need (outer loops) lies elsewhere.
struct Instruction : Places {
  struct Matrix {
    int32_t row, col;
  };
  Op op;
  int32_t rows, cols, inner;  // ids of extents
  int32_t loops;              // index of its outer loops; -1: it runs once
  Matrix y, a, b;
  bool accumulate;
  bool is_large;  // a product that may be faster by OpenBLAS at some prefix length
};

// The outer loops of an instruction: ids of extents, and the strides of y, a, b, c, x.
struct Loops {
  int32_t outer1, outer2;
  int32_t step1[5], step2[5];
};

}  // namespace vecgrad
