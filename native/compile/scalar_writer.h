// Writes scalar bytecode: records in groups of equal opcodes, sorted within a level.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "compile/nests.h"
#include "vm/scalar_opcodes.h"

namespace vecgrad {

// The records of a level may run in any order, but for sums: what starts a sum comes before what
// adds to it, and these in their order. Each change of opcode costs a branch that the processor
// predicts wrongly, so a level's records are sorted; and products that are added to sums become
// nests, where their slots are equally spaced.
class ScalarWriter {
 public:
  ScalarWriter();

  // Begins a level: what is written until the next one does not read what it computes, except that
  // an item's later records may read its earlier ones, and those have lower opcodes or do not add.
  void begin_level() {
    end_level();
    is_level_ = true;
  }
  void end_level();

  // Ends the current level and group, so that a range of words can begin here. Returns where.
  int32_t cut();

  template <class... Words>
  void record(int32_t code, Words... operands) {
    const std::array<uint32_t, sizeof...(operands)> given{uint32_t(operands)...};
    write(code, given);
  }
  template <class... Words>
  void record(ScalarOp code, Words... operands) {
    record(int32_t(code), operands...);
  }

  std::vector<uint32_t> words;

 private:
  void write(int32_t code, std::span<const uint32_t> operands);
  void append(int32_t code, std::span<const uint32_t> operands);
  void append_words(int32_t code, std::span<const uint32_t> operands);
  void append_additions();
  void append_products();

  int64_t head_ = -1;
  int32_t code_ = -1;
  bool is_level_ = false;
  // A level's records by opcode, each behind its number of operands; of those that add, each behind
  // its opcode too.
  std::vector<std::vector<uint32_t>> waiting_;
  std::vector<int32_t> used_;  // the opcodes of `waiting_` that have records
  std::vector<uint32_t> adding_;
  std::vector<FmaRecord> products_;  // that wait to be appended
};

}  // namespace vecgrad
