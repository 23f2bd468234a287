// How an instruction steps through its operands, loop by loop, read off its words.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "vm/decoded.h"
#include "vm/validate.h"

namespace vecgrad {

// The loops of an instruction: two outer ones, rows, columns and the contracted dimension.
constexpr int loop_count = 5;
constexpr int row_loop = 2, column_loop = 3, inner_loop = 4;

// The iterations of a loop: always as many, or `each` for each position from `first` up to `end`,
// or
// (`each` is 0) another number at each prefix length.
struct Loop {
  bool is_fixed = true;
  int64_t count = 1;  // the most there are
  int32_t each = 1, first = 0, end = 0;
};
using InstructionLoops = std::array<Loop, loop_count>;

// An operand.
struct Use {
  bool is_present = false, is_written = false, is_integer = false;
  bool is_row = false;  // whether each row of the instruction has a row of it
  int64_t offset = 0;
  int64_t stride[loop_count] = {};
  int64_t table_stride = 0;  // of a table whose rows indices select
};

// The operands of an instruction. The mask is that of a product, or the second row of c.
struct Uses {
  Use y, a, b, c, x, mask;

  std::array<const Use*, 6> all() const { return {&y, &a, &b, &c, &x, &mask}; }
};

// Those of an instruction in runs of more than `position` positions.
InstructionLoops loops_of(const Instruction& in, std::span<const Loops> loops,
                          const Extents& extents, int32_t position);

Uses uses_of(const Instruction& in, std::span<const Loops> loops, const Extents& extents);

// What may be done with an instruction.

bool is_elementwise(Op op);
// Whether it adds up its columns, so that it can run on some after the others, adding to its
// result.
bool reduces_columns(Op op);
// Whether its rows are independent of each other, and may lie at any distance.
bool has_free_rows(const Instruction& in);
// Whether it can add to its result instead of writing it.
bool can_add(Op op);
// Whether it computes a value or a gradient, and not an update; and is no scalar bytecode.
bool computes_array(Op op);

}  // namespace vecgrad
