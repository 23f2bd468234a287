// Fusion of scalar instructions: see fusion.h.
#include "compile/fusion.h"

#include "vm/scalar_opcodes.h"

namespace vecgrad {

Fusion::Fusion(const AssemblerGraph& graph, std::span<const int32_t> uses,
               std::span<const int32_t> gradients)
    : g_(graph),
      uses_(uses),
      is_gradient_(size_t(graph.count)),
      outside_(size_t(graph.count)),
      add_n_(size_t(graph.count), -1),
      absorbed_(size_t(graph.count)),
      addition_(size_t(graph.count)),
      is_zeroed_(size_t(graph.count)) {
  for (const int32_t node : gradients) is_gradient_[size_t(node)] = 1;
  is_ordered_ = find_outside();
  if (!is_ordered_) return;
  for (int32_t node = 0; node < g_.count; node++) {
    if (!is_live(node)) continue;
    if (g_.role(node) == Role::add_n) plan_add_n(node);
    if (g_.role(node) == Role::add) plan_addition(node);
  }
}

// Fills `outside_`; false where there is no order.
bool Fusion::find_outside() {
  for (int32_t node = 0; node < g_.forward_end; node++) {
    if (!is_live(node)) continue;
    const bool is_prefix_add_n = g_.role(node) == Role::add_n && g_.attribute(node).prefix;
    const Operands inputs = g_.operands(node);
    const bool reads_outside =
        std::any_of(inputs.begin(), inputs.end(), [&](int32_t x) { return is_outside(x); });
    outside_[size_t(node)] = is_prefix_add_n || reads_outside;
    // A node that runs in the order of positions cannot read one that runs after all of them.
    if (reads_outside && (is_prefix_add_n || g_.position(node) > 0)) return false;
  }
  for (int32_t node = g_.forward_end; node < g_.count; node++) {
    if (!is_live(node)) continue;
    const Operands inputs = g_.operands(node);
    outside_[size_t(node)] =
        g_.position(node) == 0 && g_.is_uniform(node) &&
        std::all_of(inputs.begin(), inputs.end(), [&](int32_t x) { return is_early(x); });
    if (!are_operands_in_order(node)) return false;
  }
  return true;
}

// Whether a node is computed before the first backward position.
bool Fusion::is_early(int32_t node) const {
  return g_.is_forward(node) || is_outside(node) || g_.role(node) == Role::leaf;
}

// Whether each operand of a backward node is computed by the time it is read: at the node's
// position or, for a term of an `add_n`, at the position from which the term counts. Later
// positions come first.
bool Fusion::are_operands_in_order(int32_t node) const {
  const bool is_add_n = g_.role(node) == Role::add_n;
  const Operands inputs = g_.operands(node);
  const int32_t n = is_add_n ? g_.term_count(node) : inputs.count;
  for (int32_t i = 0; i < n; i++) {
    const int32_t at = is_add_n ? g_.term_position(node, i) : g_.position(node);
    if (!is_early(inputs[i]) && g_.position(inputs[i]) != at) return false;
  }
  return true;
}

void Fusion::plan_add_n(int32_t node) {
  const Operands terms = g_.operands(node);
  const int32_t n = g_.term_count(node);
  for (int32_t i = 0; i < n; i++) {
    const int32_t term = terms[i];
    const bool adds_itself = g_.adding_opcode(term) >= 0 && uses_[size_t(term)] == 1;
    // A term's own instruction runs from the term's position on, which may be below the one from
    // which the term counts.
    if (adds_itself && g_.position(term) == g_.term_position(node, i) &&
        g_.is_forward(term) == g_.is_forward(node))
      add_n_[size_t(term)] = node;
  }
  // An update reads the gradient of every parameter: a run too short to compute one must leave
  // zero.
  if (g_.is_uniform(node) && (g_.position(node) == 0 || !is_gradient_[size_t(node)])) return;
  is_zeroed_[size_t(node)] = 1;
  zeroed_.push_back(node);
}

void Fusion::plan_addition(int32_t node) {
  const Operands inputs = g_.operands(node);
  uint8_t& fusion = addition_[size_t(node)];
  for (const int32_t i : {1, 0}) {
    const int32_t product = inputs[i];
    if (g_.opcode(product) != int32_t(ScalarOp::mul) || g_.role(product) != Role::plain) continue;
    if (!is_alone(product, node)) continue;
    absorbed_[size_t(product)] = 1;
    fusion = fuses_product[i];
    break;
  }
  for (const int32_t i : {0, 1}) {
    const int32_t sum = inputs[i];
    if (!is_alone(sum, node) || is_absorbed(sum) || g_.role(sum) == Role::leaf) continue;
    if (is_zeroed(sum)) continue;
    fusion |= adds_in_place[i];
    break;
  }
}

// Whether nothing but `user` needs an operand, which is computed in the same part of the bytecode.
bool Fusion::is_alone(int32_t operand, int32_t user) const {
  return uses_[size_t(operand)] == 1 && g_.position(operand) == g_.position(user) &&
         is_outside(operand) == is_outside(user) && g_.is_forward(operand) == g_.is_forward(user);
}

}  // namespace vecgrad
