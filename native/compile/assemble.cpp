// The assembler of scalar bytecode: see assemble.h.
#include "compile/assemble.h"

#include <algorithm>
#include <utility>

#include "compile/fusion.h"
#include "compile/scalar_writer.h"
#include "compile/schedule.h"
#include "vm/scalar_opcodes.h"

namespace vecgrad {
namespace {

class Assembler {
 public:
  Assembler(const AssemblerGraph& graph, const Fusion& fusion, std::span<int32_t> slots,
            int32_t zero, int32_t arena_size)
      : g_(graph),
        fusion_(fusion),
        slots_(slots),
        zero_(zero),
        arena_size_(arena_size),
        started_(size_t(graph.count)),
        is_done_(size_t(graph.count)) {}

  AssembledBytecode run(const ScalarUpdate& update) {
    AssembledBytecode made;
    made.is_ordered = true;
    made.clear_forward = clear(0, g_.forward_end);
    const Schedule forward = schedule(g_, fusion_, 0, g_.forward_end, false, additions_);
    made.forward.push_back(writer_.cut());
    for (int32_t i = 0; i < g_.max_length; i++) {
      emit_levels(forward.at(i), forward.depths_at(i));
      made.forward.push_back(writer_.cut());
    }
    made.after_forward = emit_outside(forward);

    made.clear_backward = clear(g_.forward_end, g_.count);
    const Schedule backward = schedule(g_, fusion_, g_.forward_end, g_.count, true, additions_);
    made.before_backward = emit_outside(backward);
    made.backward.resize(size_t(g_.max_length) + 1);
    for (int32_t i = 0; i < g_.max_length; i++) {
      made.backward[size_t(g_.max_length - i)] = writer_.cut();
      emit_levels(backward.at(i), backward.depths_at(i));
    }
    made.backward[0] = writer_.cut();

    made.update = emit_update(update);
    made.words = std::move(writer_.words);
    made.arena_size = arena_size_;
    return made;
  }

 private:
  int32_t slot(int32_t node) const { return slots_[size_t(node)]; }
  int32_t allocate(int32_t n) {
    const int32_t slot = arena_size_;
    arena_size_ += n;
    return slot;
  }
  // A node's slot, given to it now if it has none.
  int32_t place(int32_t node) {
    int32_t& slot = slots_[size_t(node)];
    if (slot < 0) slot = allocate(1);
    return slot;
  }

  WordSpan clear(int32_t from, int32_t to) {
    const int32_t begin = writer_.cut();
    for (const int32_t node : fusion_.zeroed())
      if (node >= from && node < to) writer_.record(ScalarOp::copy, place(node), zero_);
    return {begin, writer_.cut()};
  }

  WordSpan emit_outside(const Schedule& schedule) {
    const int32_t begin = writer_.cut();
    emit_levels(schedule.outside, schedule.outside_depths);
    return {begin, writer_.cut()};
  }

  // Emits the items of a position; those of one depth do not read each other's results.
  void emit_levels(std::span<const int32_t> items, std::span<const int32_t> depths) {
    for (size_t i = 0; i < items.size(); i++) {
      if (i == 0 || depths[i] != depths[i - 1]) writer_.begin_level();
      emit(items[i]);
    }
    writer_.end_level();
  }

  void emit(int32_t node) {
    if (node < 0) {
      const Addition& addition = additions_[size_t(~node)];
      writer_.record(ScalarOp::accumulate, slot(addition.add_n), slot(addition.term));
      return;
    }
    if (fusion_.is_absorbed(node) || is_done_[size_t(node)]) return;
    switch (g_.role(node)) {
      case Role::leaf:
        return;
      case Role::add:
        return emit_addition(node);
      case Role::pow:
        return emit_power(node);
      case Role::add_n:
        return emit_add_n(node);
      case Role::choose:
        return emit_choose(node);
      case Role::choose_grad:
        return emit_choose_grad(node);
      default:
        return emit_plain(node);
    }
  }

  void emit_plain(int32_t node) {
    const Operands inputs = g_.operands(node);
    const int32_t into = fusion_.add_n_of(node);
    const int32_t code = into >= 0 && has_started(into) ? g_.adding_opcode(node) : g_.opcode(node);
    const int32_t d = place(into >= 0 ? into : node);
    if (inputs.count == 1)
      writer_.record(code, d, slot(inputs[0]));
    else
      writer_.record(code, d, slot(inputs[0]), slot(inputs[1]));
  }

  // Whether an `add_n` has its first term already. From now on it has.
  bool has_started(int32_t add_n) {
    if (fusion_.is_zeroed(add_n) || started_[size_t(add_n)]) return true;
    started_[size_t(add_n)] = 1;
    return false;
  }

  void emit_addition(int32_t node) {
    const uint8_t fusion = fusion_.addition(node);
    const Operands inputs = g_.operands(node);
    const int32_t left = slot(inputs[0]), right = slot(inputs[1]);
    // The sum that is added to in place; it is also what a fused product is added to.
    const int32_t sum = fusion & adds_in_place[0] ? left : fusion & adds_in_place[1] ? right : -1;
    if (sum >= 0 && slot(node) < 0) slots_[size_t(node)] = sum;
    const int32_t d = place(node);
    if (fusion & (fuses_product[0] | fuses_product[1])) {
      const bool is_left = fusion & fuses_product[0];
      const Operands factors = g_.operands(inputs[is_left ? 0 : 1]);
      if (d == sum)
        writer_.record(ScalarOp::fma, d, slot(factors[0]), slot(factors[1]));
      else
        writer_.record(ScalarOp::mul_add, d, slot(factors[0]), slot(factors[1]),
                       is_left ? right : left);
    } else if (d == sum) {
      writer_.record(ScalarOp::accumulate, d, fusion & adds_in_place[0] ? right : left);
    } else {
      writer_.record(g_.opcode(node), d, left, right);
    }
  }

  void emit_power(int32_t node) {
    const Attribute& a = g_.attribute(node);
    const int32_t x = slot(g_.operands(node)[0]), d = place(node);
    if (a.power == int32_t(ScalarOp::pow) || a.power == int32_t(ScalarOp::mul))
      writer_.record(a.power, d, x, a.exponent < 0 ? x : a.exponent);
    else
      writer_.record(a.power, d, x);
  }

  // Adds the terms that have not added themselves.
  void emit_add_n(int32_t node) {
    if (fusion_.is_zeroed(node)) return;  // each term is added at its own position
    const int32_t d = place(node), n = g_.term_count(node);
    const Operands terms = g_.operands(node);
    for (int32_t i = 0; i < n; i++) {
      if (fusion_.add_n_of(terms[i]) == node) continue;
      writer_.record(has_started(node) ? ScalarOp::accumulate : ScalarOp::copy, d, slot(terms[i]));
    }
  }

  // The stride of equally spaced slots, or -1.
  static int32_t stride_of(const std::vector<int32_t>& slots) {
    const int32_t stride = slots.size() > 1 ? slots[1] - slots[0] : 1;
    for (size_t i = 0; i < slots.size(); i++)
      if (slots[i] != slots[0] + int32_t(i) * stride) return -1;
    return stride;
  }

  void emit_choose(int32_t node) {
    const Operands inputs = g_.operands(node);
    const int32_t n = inputs.count - 1;
    std::vector<int32_t> from;
    for (int32_t i = 0; i < n; i++) from.push_back(slot(inputs[i]));
    int32_t first = from[0], stride = stride_of(from);
    if (stride < 0) {
      first = allocate(n);
      stride = 1;
      for (int32_t i = 0; i < n; i++) writer_.record(ScalarOp::copy, first + i, from[size_t(i)]);
    }
    writer_.record(ScalarOp::pick, place(node), first, stride, n, slot(inputs[n]));
  }

  // The gradients of a choice. One instruction adds to all choices of an index if their sums are
  // equally spaced.
  void emit_choose_grad(int32_t node) {
    const Operands inputs = g_.operands(node);
    const int32_t g = slot(inputs[0]), which = slot(inputs[1]);
    std::vector<int32_t> sums;
    int32_t end = node;
    for (; end < g_.count && is_sibling(end, node, end - node); end++) {
      const int32_t add_n = fusion_.add_n_of(end);
      sums.push_back(add_n >= 0 && fusion_.is_zeroed(add_n) ? slot(add_n) : -1);
    }
    const bool is_whole = sums.size() > 1 && int32_t(sums.size()) == g_.attribute(node).choices &&
                          std::find(sums.begin(), sums.end(), -1) == sums.end();
    const int32_t stride = is_whole ? stride_of(sums) : -1;
    if (stride > 0) {
      std::fill(is_done_.begin() + node, is_done_.begin() + end, uint8_t(1));
      writer_.record(ScalarOp::pick_add, g, sums[0], stride, int32_t(sums.size()), which);
      return;
    }
    const int32_t into = fusion_.add_n_of(node);
    const bool adds = into >= 0 && has_started(into);
    const int32_t d = place(into >= 0 && !adds ? into : node);
    writer_.record(ScalarOp::choose_grad, d, g, which, g_.attribute(node).choice);
    if (adds) writer_.record(ScalarOp::accumulate, slot(into), d);
  }

  bool is_sibling(int32_t node, int32_t first, int32_t choice) const {
    if (!fusion_.is_live(node) || g_.role(node) != Role::choose_grad) return false;
    const Operands a = g_.operands(node), b = g_.operands(first);
    return a[0] == b[0] && a[1] == b[1] && g_.attribute(node).choice == choice;
  }

  WordSpan emit_update(const ScalarUpdate& u) {
    const int32_t begin = writer_.cut();
    for (int32_t i = 0; u.opcode >= 0 && i < u.size; i++) {
      if (u.second_moment >= 0)
        writer_.record(u.opcode, u.parameters + i, u.moment + i, u.second_moment + i,
                       u.gradients + i, u.rule);
      else
        writer_.record(u.opcode, u.parameters + i, u.moment + i, u.gradients + i, u.rule);
    }
    return {begin, writer_.cut()};
  }

  const AssemblerGraph& g_;
  const Fusion& fusion_;
  const std::span<int32_t> slots_;
  const int32_t zero_;
  int32_t arena_size_;
  std::vector<uint8_t> started_;     // sums that have their first term
  std::vector<uint8_t> is_done_;     // gradients of choices that one instruction has added together
  std::vector<Addition> additions_;  // terms that are added to zeroed sums
  ScalarWriter writer_;
};

}  // namespace

AssembledBytecode assemble(const AssemblerGraph& graph, std::span<const int32_t> uses,
                           std::span<const int32_t> gradients, std::span<int32_t> slots,
                           int32_t zero, int32_t arena_size, const ScalarUpdate& update) {
  const Fusion fusion(graph, uses, gradients);
  if (!fusion.is_ordered()) return {};
  return Assembler(graph, fusion, slots, zero, arena_size).run(update);
}

}  // namespace vecgrad
