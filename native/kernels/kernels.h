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

// The outer loops of a batch: how many steps of each, and by how much the result c and the operands
// a and b move.
struct Batch {
  idx n1, n2;
  idx c1, c2, a1, a2, b1, b2;
};
constexpr Batch one_of_a_batch{1, 1, 0, 0, 0, 0, 0, 0};

// What a product does besides multiplying. Both operands have the strides of the result.
template <class T>
struct Epilogue {
  const T* start;  // what the sums start from; null: 0, or the result if the product accumulates
  // Applied to the sums; mask_positive: the result is 0 where `operand` is not above 0; add: plus
  // `operand`.
  enum Kind : int32_t { none, relu, mask_positive, add } kind;
  const T* operand;
};

// For the longest vector, 64 numbers: 24 chains of sums, and a block of a streaming loop.
constexpr idx chain_numbers = 24 * 64, stream_block = 8 * 64;

// How products of many terms are computed (gemm_long.inl). As many products are added up in one
// chain; so many chains are added to each other, and more without loss: then as many numbers of the
// result are computed together, of as many rows.
constexpr idx products_in_a_chain = 96, products_in_chains = 8 * products_in_a_chain;
// An update by a product fetches so many parameters and more, where its tiles have so many steps.
constexpr idx least_to_fetch = 1 << 15, least_steps_to_fetch = 24;
constexpr idx results_at_once = 4096, result_rows_at_once = 64;

template <class T>
struct Kernels {
  const char* isa;
  int (*vector_bits)();  // only the processor knows how long scalable vectors are
  // The machine's peaks (peak.inl): `s` holds chain_numbers, n is a multiple of stream_block.
  double (*fma_chains)(T* s, idx rounds);
  T (*stream_read)(const T* x, idx n);
  void (*stream_copy)(T* y, const T* x, idx n);
  void (*stream_add)(T* y, const T* a, const T* b, idx n);
#define KERNEL(name, arguments) void(*name) arguments;
#include "kernels/kernels.def"
#undef KERNEL
};

}  // namespace vecgrad
