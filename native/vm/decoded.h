// An instruction as it is run.
#pragma once

#include <cstdint>

#include "vm/instruction.h"

namespace vecgrad {

// An instruction as it is run. A step reads all of them once, beside numbers that fill the first
// cache by themselves: what few instructions need (outer loops) lies elsewhere.
struct Instruction {
  struct Matrix {
    int32_t offset, row, col;
  };
  Op op;
  int32_t rows, cols, inner;  // ids of extents
  int32_t loops;              // index of its outer loops; -1: it runs once
  Matrix y, a, b;
  int32_t c, c_row, x;  // offsets, and the row stride of c
  int32_t imm0, imm1;
  bool accumulate;
  bool is_large;  // a product that may be faster by OpenBLAS at some prefix length
};

// The outer loops of an instruction: ids of extents, and the strides of y, a, b, c, x.
struct Loops {
  int32_t outer1, outer2;
  int32_t step1[5], step2[5];
};

}  // namespace vecgrad
