// Checks of graphs of single numbers: see assembler_graph.h.
#include "compile/assembler_graph.h"

#include <algorithm>

#include "vm/scalar_opcodes.h"

namespace vecgrad {
namespace {

// The longest prefix that a program can have: see createProgram in program_calls.cpp.
constexpr int32_t max_program_length = 1 << 20;

// How many operands a role needs at least.
int32_t min_operands(Role role) {
  switch (role) {
    case Role::add:
    case Role::choose:
    case Role::choose_grad:
      return 2;
    case Role::plain:
    case Role::pow:
      return 1;
    default:
      return 0;
  }
}

// Says what the role of a node, whose words are sound, does not allow, or returns nullptr.
const char* check_role(const AssemblerGraph& g, int32_t node) {
  const Role role = g.role(node);
  const int32_t n = g.operands(node).count;
  if (role <= Role::none || role > Role::choose_grad)
    return "an operator that scalar bytecode does not have";
  if (n < min_operands(role)) return "operands that are missing";
  const bool is_product = role == Role::plain && g.opcode(node) == int32_t(ScalarOp::mul);
  if (role == Role::plain && (n > 2 || (is_product && n < 2))) return "operands that do not fit";
  if (role != Role::add_n) return nullptr;
  const Attribute& a = g.attribute(node);
  const int32_t terms = n - (a.prefix ? 1 : 0);
  if (terms < 0 || (a.positions >= 0 && a.positions_end - a.positions != terms))
    return "terms that do not fit";
  // Term i of an `add_n` of a prefix counts from position i.
  if (a.prefix && a.positions < 0 && terms > g.max_length) return "more terms than positions";
  return nullptr;
}

}  // namespace

std::string check_assembler_graph(const AssemblerGraph& g) {
  if (g.max_length < 1 || g.max_length > max_program_length) return "sizes that do not fit";
  if (g.opcodes.size() != g.roles.size() || g.adding_opcodes.size() != g.roles.size())
    return "tables of operators that differ";
  for (const Attribute& a : g.attributes)
    if (a.positions >= 0 &&
        (a.positions > a.positions_end || size_t(a.positions_end) > g.position_list.size()))
      return "positions outside their list";
  for (const int32_t position : g.position_list)
    if (position < 0 || position >= g.max_length) return "a term's position out of range";
  std::string fault = g.check(g.roles.size(), g.attributes.size());
  for (int32_t node = 0; fault.empty() && node < g.count; node++)
    if (const char* wrong = check_role(g, node))
      fault = "node " + std::to_string(node) + ": " + wrong;
  return fault;
}

void count_uses(const AssemblerGraph& g, std::span<const int32_t> keep, std::span<int32_t> uses) {
  std::fill(uses.begin(), uses.end(), 0);
  for (const int32_t node : keep) uses[size_t(node)]++;
  for (int32_t node = g.count - 1; node >= 0; node--) {
    if (!uses[size_t(node)]) continue;
    for (const int32_t operand : g.operands(node)) uses[size_t(operand)]++;
  }
}

}  // namespace vecgrad
