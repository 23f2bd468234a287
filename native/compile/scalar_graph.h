// A graph of single numbers, as lib/compiler/ir/ir.ts keeps it. The assembler and the
// differentiation of such graphs both read it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

namespace vecgrad {

// The operands of a node.
struct Operands {
  const int32_t* first;
  int32_t count;

  int32_t operator[](int32_t i) const { return first[i]; }
  const int32_t* begin() const { return first; }
  const int32_t* end() const { return first + count; }
};

struct ScalarGraph {
  std::span<const uint8_t> ops;
  std::span<const int32_t> start, list;  // node's operands: list[start[node]] to start[node + 1]
  std::span<const int32_t> positions;    // a run of prefix length n needs the nodes below n
  std::span<const int32_t> attribute_of;
  int32_t count, forward_end;  // forward nodes come first

  Operands operands(int32_t node) const {
    const int32_t begin = start[size_t(node)];
    return {list.data() + begin, start[size_t(node) + 1] - begin};
  }

  // Checks that every node has its words, an operator and an attribute that exist, and operands
  // that come before it. Returns what is wrong; empty if it is sound.
  std::string check(size_t operators, size_t attributes) const {
    const size_t n = size_t(std::max(0, count));
    if (count < 0 || forward_end < 0 || forward_end > count) return "sizes that do not fit";
    if (ops.size() < n || start.size() < n + 1 || positions.size() < n || attribute_of.size() < n)
      return "arrays shorter than the graph";
    if (start[0] != 0) return "operands that do not start at 0";
    for (size_t node = 0; node < n; node++)
      if (const char* wrong = check_node(node, operators, attributes))
        return "node " + std::to_string(node) + ": " + wrong;
    return "";
  }

 private:
  const char* check_node(size_t node, size_t operators, size_t attributes) const {
    const int32_t begin = start[node], end = start[node + 1];
    if (end < begin || size_t(end) > list.size()) return "operands outside their list";
    for (int32_t e = begin; e < end; e++)
      if (uint32_t(list[size_t(e)]) >= node) return "an operand that does not come before it";
    if (ops[node] >= operators) return "no such operator";
    if (uint32_t(attribute_of[node]) >= attributes) return "no such attribute";
    return nullptr;
  }
};

}  // namespace vecgrad
