// How a program runs on a batch: the program is that of one example, and each instruction runs for
// all examples before the next one does. The plan says, for each instruction, how.
//
// The numbers of an example lie in regions: what the compiler allocated for one node. A region has
// a row for each of some positions, or one row that a whole example shares. In a batch, a region
// holds the rows of all examples, and no row for a position that an example does not have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vm/decoded.h"
#include "vm/validate.h"

namespace vecgrad {

// A stretch of the arena or of the integers that was allocated for one node.
struct Region {
  int32_t offset, size;
  int32_t first;       // the position of the first row
  int32_t rows;        // one for each position from `first` on
  int32_t is_fed;      // each example is fed its own
  int32_t is_example;  // each example has its own (of all that the compiler hands over: 0)
  int32_t last = 0;    // the position of the last instruction that touches it

  int32_t unit() const { return rows ? size / rows : 0; }
  int32_t end() const { return first + rows; }
};

// How an instruction runs for all examples of a batch. "Rows" are its rows, or the numbers that a
// product contracts, or the columns of an element-wise instruction that is flat.
enum class Way : int32_t {
  never,      // at a position that no run has
  shared,     // once: it computes nothing that belongs to an example
  clear,      // fills whole regions
  merged,     // once, on the rows of all positions of all examples
  positions,  // once for each position, on the rows of all examples that have it
  cells,      // once for each position of each example
  examples,   // once for each example
  repeated,   // once for each example, which all add the same to a sum over the examples
  summed,     // once, on the sum of its one operand that belongs to examples: it is linear in it
  spread,     // once, and the result is copied to all examples
};

// The dimension of an instruction along which positions follow each other.
enum class Along : int32_t { none, outer1, outer2, rows, cols, inner };

// An operand of an instruction in a batch.
struct RowOperand {
  int32_t region = -1;  // -1: it is the same for all examples
  int32_t row = 0;      // the position of the row where it begins
  int32_t within = 0;   // where in that row
  bool moves = false;   // whether each position has the next row
  int32_t step = 0;     // how far a shared operand moves with each position
  bool is_row = false;  // whether each row of the instruction has a row of it
};

struct RowInstruction {
  Way way = Way::never;
  Along along = Along::none;
  int32_t position = 0;   // examples that have this position run it
  int32_t first = 0;      // the position of its first row
  int32_t end = 1;        // the position behind that of its last row, for the longest examples
  int32_t each = 1;       // how many iterations of `along` a position has
  bool adds = false;      // its result is a sum over the examples, which starts from zeros
  bool varies = false;    // whether the positions are those of an example; else it has just one
  bool reduces = false;   // adds up the positions of an example
  bool copies = false;    // a sum of rows, each of which is copied or added
  bool is_whole = false;  // the operands of examples have just the rows that it runs on
  RowOperand y, a, b, c, x;
  RowOperand mask;  // the mask of a product, or the second row of c
};

struct RowPlan {
  std::vector<Region> numbers, ints;  // by offset
  std::vector<RowInstruction> instructions;
  bool is_uniform = false;  // whether some instruction runs example by example
};

struct RowPlanSource {
  std::span<const Instruction> code;
  std::span<const int32_t> positions;  // of each instruction
  std::span<const Loops> loops;
  const Extents& extents;
  int32_t gradients, gradients_size;  // where sums over the examples are kept
  int32_t count;                      // plan the instructions [0, count)
};

// Plans a program whose regions do not overlap and are sorted by offset. False where some
// instruction can only run on one example in memory of its own.
bool plan_rows(const RowPlanSource& source, RowPlan& plan);

// A plan as a handle holds it: its tables lie behind it, so that it needs no destructor.
struct PlannedRows {
  int64_t program;  // the id of the program that it is a plan of
  std::span<const Region> numbers, ints;
  std::span<const RowInstruction> instructions;
  bool is_uniform;
};
// How many bytes it takes, and the plan made in memory of that size, aligned for any type.
size_t planned_bytes(const RowPlan& plan);
PlannedRows* place_plan(const RowPlan& plan, int64_t program, void* memory);

}  // namespace vecgrad
