// An instruction as the compiler encodes it: its opcodes, words and operand rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace vecgrad {

enum class Op : int32_t {
#define INSTRUCTION(name, y, a, b, c, x) name,
#include "vm/instructions.def"
#undef INSTRUCTION
};

// The operand grammar of instructions.def.
struct OperandRules {
  const char *y, *a, *b, *c, *x;
};
constexpr OperandRules operand_rules[] = {
#define INSTRUCTION(name, y, a, b, c, x) {y, a, b, c, x},
#include "vm/instructions.def"
#undef INSTRUCTION
};
constexpr int32_t opcode_count = sizeof(operand_rules) / sizeof(operand_rules[0]);

// Where an operand begins, in elements, and the strides of its loops.
struct Operand {
  int32_t offset, outer1, outer2, row, col;
};

// The words of words.def by name. Nothing about them is known to be sound.
struct EncodedInstruction {
#define WORD(name) int32_t name;
#define OPERAND(name) Operand name;
#include "vm/words.def"
#undef WORD
#undef OPERAND
};
constexpr size_t instruction_words = sizeof(EncodedInstruction) / sizeof(int32_t);

// By opcode: the names, and the operand rules (y a b c x, separated by spaces).
const std::vector<const char*>& opcode_names();
const std::vector<const char*>& opcode_operands();
// The words' names in order; those of an operand are y_offset, y_outer1, ... y_col.
const std::vector<const char*>& instruction_word_names();

}  // namespace vecgrad
