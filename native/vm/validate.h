// Checks encoded instructions: what has passed runs without another check of its operands.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vm/instruction.h"

namespace vecgrad {

// The extents of a program's loops: a value for each extent at each prefix length.
class Extents {
 public:
  // `values` has a row for each length from 0 to `max_length`.
  Extents(std::span<const int32_t> values, int32_t max_length);

  int64_t count() const { return count_; }
  int32_t max_length() const { return max_length_; }
  int64_t at(int32_t length, int32_t id) const { return values_[size_t(length * count_ + id)]; }
  // The smallest and the largest value at any length.
  int64_t smallest(int32_t id) const { return ranges_[size_t(id)].smallest; }
  int64_t largest(int32_t id) const { return ranges_[size_t(id)].largest; }

 private:
  struct Range {
    int32_t smallest, largest;
  };
  std::span<const int32_t> values_;
  int32_t max_length_;
  int64_t count_;
  std::vector<Range> ranges_;
};

// What the operands of a program's instructions must stay inside.
struct Limits {
  const Extents& extents;
  int64_t arena_size, ints_size;
  std::span<const uint32_t> scalar_bytecode;
};

// Checks the opcode and every word that is used. Returns what is wrong; empty if it is sound.
std::string check_instruction(const EncodedInstruction& in, const Limits& limits);

}  // namespace vecgrad
