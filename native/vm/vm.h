// The machine: runs validated programs over one arena. It knows no derivatives, no models, no Node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vecgrad {

// What the compiler hands over; everything in it is checked by `make_program`.
struct ProgramSpec {
  bool is_float32 = false;
  std::string isa;         // empty: the best available
  int64_t arena_size = 0;  // elements
  int64_t ints_size = 0;   // 32-bit index slots
  int32_t levels = 1;      // prefix lengths run from 0 to `levels`
  std::vector<int32_t>
      extents;                // (levels + 1) x extent count, row-major: the extents at each length
  std::vector<int32_t> code;  // instruction_words each
  std::vector<uint32_t> tape;
};

// Where a run stopped: an index fed or found at run time was outside its table, or a number that an
// update must not use was not finite.
struct RunFault {
  int32_t instruction = -1;  // -1: no fault
  int64_t index = 0;         // or the number's place among those that were checked
  int64_t limit = 0;         // or `not_finite`
  static constexpr int64_t not_finite = -1;
};

// The instructions [begin, end).
struct Span {
  int32_t begin = 0, end = 0;
};

class Program {
 public:
  virtual ~Program() = default;
  virtual bool is_float32() const = 0;
  virtual int64_t arena_size() const = 0;
  virtual int64_t ints_size() const = 0;
  virtual int32_t levels() const = 0;
  virtual int32_t instruction_count() const = 0;
  virtual const char* isa() const = 0;
  // What a copy by `copy_to` takes, its tables included.
  virtual size_t bytes() const = 0;
  // A copy that lies in `memory`, `bytes()` long and aligned for any type, with all its tables: it
  // needs no destructor.
  virtual Program* copy_to(void* memory) const = 0;
  // Runs instructions [begin, end) whose level lies in [from, to); the caller has checked that the
  // memory has the program's sizes and that 0 <= from <= to <= levels, and flushes denormals.
  virtual RunFault run(void* arena, int32_t* ints, int32_t from, int32_t to, int32_t begin,
                       int32_t end) const = 0;
  // The shortest span that holds all instructions before `end` that `level` runs.
  virtual Span span(int32_t level, int32_t end) const = 0;
};

// Checks every opcode and every slice; on failure returns nothing and says why in `error`.
std::unique_ptr<Program> make_program(ProgramSpec&& spec, std::string& error);

constexpr int instruction_words = 36;
const std::vector<const char*>& opcode_names();
const std::vector<const char*>& tape_opcode_names();
// The operand rules of instructions.def (y a b c x, parted by spaces) and of tape.def, by opcode.
const std::vector<const char*>& opcode_operands();
const std::vector<const char*>& tape_opcode_operands();

}  // namespace vecgrad
