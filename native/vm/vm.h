// The machine: runs validated programs over one arena. It knows no derivatives, no models, no Node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vm/row_plan.h"

namespace vecgrad {

// What the compiler hands over; `make_program` checks everything in it.
struct ProgramSpec {
  bool is_float32 = false;
  std::string isa;         // empty: the best available
  int64_t arena_size = 0;  // elements
  int64_t ints_size = 0;   // 32-bit index slots
  int32_t max_length = 1;  // prefix lengths run from 0 to this
  // (max_length + 1) x extent count, row-major: the extents at each prefix length.
  std::vector<int32_t> extents;
  // These are read while the program is made, and not kept.
  std::span<const int32_t> code;  // words.def for each instruction
  // Its loops, and how far each word of their instructions moves each time (repeats.h).
  std::span<const int32_t> repeats, steps;
  std::vector<uint32_t> scalar_bytecode;
};

// What a plan of rows is asked for.
struct RowSpec {
  std::vector<Region> numbers, ints;
  int32_t gradients = 0, gradients_size = 0;  // where sums over the examples are kept
  int32_t end = 0;                            // the instructions [0, end) run for each example
};

// Why a run stopped: an index was outside its table, or a number that an update must not use was
// not finite.
struct RunFault {
  int32_t instruction = -1;  // -1: no fault
  int64_t index = 0;         // the index, or the place of the number among those that were checked
  int64_t limit = 0;         // the size of the table, or `not_finite`
  static constexpr int64_t not_finite = -1;
};

// The instructions [begin, end). Instructions are numbered as they run: those of a loop have
// numbers of their own each time.
struct Span {
  int32_t begin = 0, end = 0;
};

class Program {
 public:
  virtual ~Program() = default;
  virtual bool is_float32() const = 0;
  virtual int64_t arena_size() const = 0;
  virtual int64_t ints_size() const = 0;
  virtual int32_t max_length() const = 0;
  virtual int32_t instruction_count() const = 0;
  virtual const char* isa() const = 0;
  // No other program of the process has it, before or after.
  virtual int64_t id() const = 0;
  // Whether some instruction is large enough to be spread over the threads that the calling thread
  // may use (ThreadLimit).
  virtual bool is_wide() const = 0;
  // What the instructions [0, end) cost at the longest prefix, in picoseconds: an estimate
  // (cost.h).
  virtual double cost_of(int32_t end) const = 0;
  // How many bytes a copy by `copy_to` takes, tables included.
  virtual size_t bytes() const = 0;
  // A copy that lies in `memory`, which is `bytes()` long and aligned for any type. Its tables lie
  // there too: it needs no destructor.
  virtual Program* copy_to(void* memory) const = 0;
  // Runs the instructions [begin, end) whose position lies in [from, to). The caller has checked
  // that the memory has the program's sizes and that 0 <= from <= to <= max_length, and has
  // switched denormals off.
  virtual RunFault run(void* arena, int32_t* ints, int32_t from, int32_t to, int32_t begin,
                       int32_t end) const = 0;
  // The shortest span that holds all instructions before `end` that a run of `position` executes.
  virtual Span span(int32_t position, int32_t end) const = 0;
  // Plans how it runs on many examples at once. False where it can only run one after the other;
  // if what is asked for is unsound, `error` says why.
  virtual bool plan_rows(RowSpec&& spec, RowPlan& plan, std::string& error) const = 0;
};

// A program of numbers of type T.
template <class T>
struct RowTables;
template <class T>
class ProgramOf : public Program {
 public:
  // What a run by a plan of this program reads.
  virtual RowTables<T> row_tables(const PlannedRows& plan) const = 0;
};

// Checks every opcode and every slice; on failure returns nullptr and says why in `error`.
std::unique_ptr<Program> make_program(ProgramSpec&& spec, std::string& error);

}  // namespace vecgrad
