// A graph of single numbers as the assembler reads it: the roles of its operators, and how often
// each node is used.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "compile/scalar_graph.h"

namespace vecgrad {

// How the assembler treats an operator; lib/compiler/lower/scalar-bytecode.ts has the same order.
enum class Role : int32_t { none, leaf, plain, add_n, add, pow, choose, choose_grad };

// The attribute of a node: attributes[attribute_of[node]].
struct Attribute {
  int32_t prefix;                    // add_n: the last operand is the prefix length, no term
  int32_t positions, positions_end;  // add_n: its terms' positions in `position_list`; -1: none
  int32_t power, exponent;           // pow: the opcode, and the exponent's slot; -1: the base's
  int32_t choice, choices;           // choose_grad: which of how many
};

struct AssemblerGraph : ScalarGraph {
  std::span<const Attribute> attributes;
  std::span<const int32_t> position_list;
  int32_t max_length;
  // By operator: its role, its opcode, and the opcode that adds its result to an `add_n` (-1:
  // none).
  std::span<const int32_t> roles, opcodes, adding_opcodes;

  Role role(int32_t node) const { return Role(roles[ops[size_t(node)]]); }
  int32_t opcode(int32_t node) const { return opcodes[ops[size_t(node)]]; }
  int32_t adding_opcode(int32_t node) const { return adding_opcodes[ops[size_t(node)]]; }
  int32_t position(int32_t node) const { return positions[size_t(node)]; }
  bool is_forward(int32_t node) const { return node < forward_end; }
  const Attribute& attribute(int32_t node) const {
    return attributes[size_t(attribute_of[size_t(node)])];
  }

  int32_t term_count(int32_t add_n) const {
    return operands(add_n).count - (attribute(add_n).prefix ? 1 : 0);
  }
  // The position from which term i of an `add_n` counts.
  int32_t term_position(int32_t add_n, int32_t i) const {
    const Attribute& a = attribute(add_n);
    if (a.positions >= 0) return position_list[size_t(a.positions + i)];
    return a.prefix ? std::max(position(add_n), i) : position(add_n);
  }
  // Whether all terms of an `add_n` count from the `add_n`'s own position. Any other node reads its
  // operands at its own position.
  bool is_uniform(int32_t node) const {
    if (role(node) != Role::add_n) return true;
    const int32_t n = term_count(node);
    for (int32_t i = 0; i < n; i++)
      if (term_position(node, i) != position(node)) return false;
    return true;
  }
};

// Returns what is wrong with a graph; empty if it is sound.
std::string check_assembler_graph(const AssemblerGraph& graph);

// Counts how often the nodes that `keep` needs use each node; being kept counts as a use, and 0
// means that a node is not needed. The graph is sound.
void count_uses(const AssemblerGraph& graph, std::span<const int32_t> keep,
                std::span<int32_t> uses);

}  // namespace vecgrad
