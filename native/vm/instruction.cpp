// The names of opcodes and instruction words, for whoever encodes instructions.
#include "vm/instruction.h"

namespace vecgrad {

const std::vector<const char*>& opcode_names() {
  static const std::vector<const char*> names = {
#define INSTRUCTION(name, y, a, b, c, x) #name,
#include "vm/instructions.def"
#undef INSTRUCTION
  };
  return names;
}

const std::vector<const char*>& opcode_operands() {
  static const std::vector<const char*> operands = {
#define INSTRUCTION(name, y, a, b, c, x) y " " a " " b " " c " " x,
#include "vm/instructions.def"
#undef INSTRUCTION
  };
  return operands;
}

const std::vector<const char*>& instruction_word_names() {
  static const std::vector<const char*> names = {
#define WORD(name) #name,
#define OPERAND(name) #name "_offset", #name "_outer1", #name "_outer2", #name "_row", #name "_col",
#include "vm/words.def"
#undef WORD
#undef OPERAND
  };
  return names;
}

}  // namespace vecgrad
