// Chooses how an instruction runs for all examples of a batch, from where its operands lie.
#pragma once

#include <array>
#include <cstdint>

#include "vm/row_operands.h"
#include "vm/row_plan.h"

namespace vecgrad {

// What is known of an operand of one instruction.
struct Located {
  RowOperand at;
  bool is_example = false;     // each example has its own
  bool is_inside = false;      // a loop that depends on the length steps inside one row
  bool spans = false;          // it has more than one row for each position
  int64_t unit = 0;            // how many numbers a row of its region has
  int32_t first = 0, end = 0;  // the positions of that region
};

// An instruction that reads or writes what belongs to an example.
struct LocatedInstruction {
  const Instruction& in;
  const Uses& uses;
  const InstructionLoops& loops;
  int variable_loops;  // how many of them depend on the length
  // In the order of Uses::all.
  std::array<Located, 6> operands;
  bool sums;  // its result is a sum over the examples
};

// Sets the way, and what goes with it; the operands, the positions and `along`, which is the loop
// that depends on the length if there is just one, are set already. False where there is no way.
bool choose_way(const LocatedInstruction& of, RowInstruction& planned);

// Whether an instruction can add to its result where it writes it.
bool adds_in_place(const Instruction& in, const Uses& uses);

}  // namespace vecgrad
