// Ways: see row_ways.h.
#include "vm/row_ways.h"

#include <algorithm>

namespace vecgrad {
namespace {

class Chooser {
 public:
  Chooser(const LocatedInstruction& of, RowInstruction& planned)
      : in_(of.in),
        uses_(of.uses.all()),
        loops_(of.loops),
        variable_loops_(of.variable_loops),
        operands_(of.operands),
        y_(operands_[0]),
        a_(operands_[1]),
        b_(operands_[2]),
        x_(operands_[4]),
        sums_(of.sums),
        planned_(planned) {}

  Way choose() {
    planned_.adds = sums_;
    planned_.is_whole = std::all_of(operands_.begin(), operands_.end(), [&](const Located& each) {
      return !each.is_example || (each.first == planned_.first && each.end == planned_.end);
    });
    const bool needs_example =
        variable_loops_ > 1 || (variable_loops_ == 1 && planned_.each == 0) ||
        std::any_of(operands_.begin(), operands_.end(),
                    [](const Located& each) { return each.is_inside || each.spans; });
    if (!needs_example && is_sum_of_operand()) return Way::summed;
    if (needs_example) return Way::examples;
    if (sums_ && in_.op == Op::gemm) return of_contracted();
    if (variable_loops_ == 0) return of_one_position();
    switch (planned_.along) {
      case Along::rows:
        return of_rows();
      case Along::cols:
        return of_columns();
      case Along::outer1:
      case Along::outer2:
        return has_rows() || sums_ || in_.op == Op::topk ? Way::cells : Way::examples;
      default:
        return Way::examples;
    }
  }

 private:
  // Whether the sum over the examples is the instruction's result for the sum of an operand.
  bool is_sum_of_operand() const {
    const bool is_linear = in_.op == Op::gemm || in_.op == Op::copy;
    return sums_ && is_linear && !(a_.is_example && b_.is_example) &&
           (variable_loops_ == 0 || a_.at.moves || b_.at.moves);
  }

  // Products that add up what they contract, over the examples too: the gradients of matrices.
  Way of_contracted() {
    if (planned_.along == Along::inner) {
      const bool follow = begins_at_first(a_) && begins_at_first(b_) && is_from_first();
      if (follow) return Way::merged;
      return planned_.each == 1 ? Way::positions : Way::cells;
    }
    if (variable_loops_ > 0) return Way::examples;
    const int64_t count = loops_[inner_loop].count;
    const auto is_dense = [&](int operand) {
      const Located& located = operands_[size_t(operand)];
      return located.is_example &&
             located.unit == count * uses_[size_t(operand)]->stride[inner_loop];
    };
    if (in_.loops >= 0 || (count != 1 && !(is_dense(1) && is_dense(2)))) return Way::cells;
    planned_.along = Along::inner;
    planned_.each = int32_t(count);
    return Way::positions;
  }

  Way of_one_position() {
    if (!has_rows() || !rows_follow()) return Way::cells;
    planned_.along = Along::rows;
    planned_.each = int32_t(loops_[row_loop].count);
    return planned_.each == 1 && is_same_for_all() ? Way::spread : Way::positions;
  }

  Way of_rows() {
    if (in_.op == Op::col_sum && !sums_) {
      planned_.copies = true;
      return planned_.each == 1 && in_.loops < 0 ? Way::positions : Way::examples;
    }
    if (!has_rows()) {
      const bool is_separable =
          sums_ || in_.op == Op::gather || in_.op == Op::choose_grad || in_.op == Op::fill;
      return is_separable ? Way::cells : Way::examples;
    }
    const bool follow = adds_rows() ? begins_at_first(a_) && is_from_first() &&
                                          (!uses_[4]->is_present || begins_at_first(x_))
                                    : all_follow(row_loop);
    if (follow) return Way::merged;
    if (planned_.each != 1) return Way::cells;
    return is_same_for_all() && y_.at.moves ? Way::spread : Way::positions;
  }

  Way of_columns() {
    if (loops_[row_loop].count != 1 || in_.loops >= 0) return Way::examples;
    if (is_elementwise(in_.op)) {
      if (sums_) return Way::cells;
      return all_follow(column_loop) ? Way::merged : Way::positions;
    }
    if (!reduces_columns(in_.op) || y_.at.moves) return Way::examples;
    planned_.reduces = !sums_;
    return sums_ ? Way::cells : Way::positions;
  }

  bool adds_rows() const { return sums_ && (in_.op == Op::scatter_add || in_.op == Op::col_sum); }
  // Whether the rows of several examples can be rows of one call. A matrix or table of its own
  // takes each example a call of its own.
  bool has_rows() const {
    if (!(sums_ ? adds_rows() : has_free_rows(in_))) return false;
    for (size_t o = 0; o < operands_.size(); o++)
      if (operands_[o].is_example && !uses_[o]->is_row) return false;
    return true;
  }
  // Whether it has one row, or several which those of the next example follow at the same distance.
  bool rows_follow() const {
    const int64_t count = loops_[row_loop].count;
    if (count == 1) return true;
    for (size_t o = 0; o < operands_.size(); o++) {
      if (!uses_[o]->is_present) continue;
      const int64_t stride = uses_[o]->stride[row_loop];
      const Located& located = operands_[o];
      if (located.is_example ? stride == 0 || located.unit != count * stride : stride != 0)
        return false;
    }
    return true;
  }
  bool is_from_first() const { return planned_.position <= planned_.first; }
  bool begins_at_first(const Located& located) const {
    return located.at.moves && located.at.row == planned_.first;
  }
  // Whether all operands of examples have the next row at each position, from the first one on, and
  // shared ones are the same along a loop.
  bool all_follow(int loop) const {
    for (size_t o = 0; o < operands_.size(); o++) {
      if (!uses_[o]->is_present) continue;
      if (operands_[o].is_example ? !begins_at_first(operands_[o]) : uses_[o]->stride[loop] != 0)
        return false;
    }
    return is_from_first();
  }
  // Whether it is a product that gives all examples the same.
  bool is_same_for_all() const {
    return in_.op == Op::gemm && !sums_ && in_.imm0 == 0 && in_.loops < 0 && !a_.is_example &&
           !b_.is_example && (!in_.accumulate || in_.c == in_.y_offset);
  }

  const Instruction& in_;
  const std::array<const Use*, 6> uses_;
  const InstructionLoops& loops_;
  const int variable_loops_;
  const std::array<Located, 6>& operands_;
  const Located &y_, &a_, &b_, &x_;
  const bool sums_;
  RowInstruction& planned_;
};

}  // namespace

bool adds_in_place(const Instruction& in, const Uses& uses) {
  return can_add(in.op) && (in.op != Op::gemm || (in.imm0 == 0 && !uses.c.is_present));
}

bool choose_way(const LocatedInstruction& of, RowInstruction& planned) {
  if (of.sums && !adds_in_place(of.in, of.uses)) return false;
  planned.way = Chooser(of, planned).choose();
  return true;
}

}  // namespace vecgrad
