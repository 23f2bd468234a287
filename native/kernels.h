// The table of kernels that every instruction set fills, generated from kernels.def.
//
// Pointers need only the alignment of their element. Nothing outside the stated elements is read
// or written, sizes may be 0, and an output overlaps no input except exactly: y == x with the same
// strides is allowed for elementwise kernels, softmax and softmax_grad.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace vecgrad {

using idx = ptrdiff_t;

template <class T>
struct Kernels {
  const char* isa;
  int vector_bits;
#define KERNEL(name, arguments) void(*name) arguments;
#include "kernels.def"
#undef KERNEL
};

}  // namespace vecgrad
