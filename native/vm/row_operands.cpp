// Operands: see row_operands.h.
#include "vm/row_operands.h"

#include <algorithm>

namespace vecgrad {
namespace {

// The epilogue of a product that has a mask (see instructions.def).
constexpr int32_t mask_positive = 2;

// Strides by an operand rule of instructions.def: of two dimensions the first steps by the row
// stride and the second by the column stride; a lone R or T is a row, a lone C or K a column.
void read_rule(Use& use, const char* rule, int64_t row, int64_t col) {
  if (*rule == '-') return;
  use.is_present = true;
  if (*rule == 'w') {
    use.is_written = true;
    rule++;
  }
  const auto step = [&](char dimension, int64_t stride) {
    if (dimension == 'R') {
      use.stride[row_loop] = stride;
      use.is_row = true;
    }
    if (dimension == 'C') use.stride[column_loop] = stride;
    if (dimension == 'K') use.stride[inner_loop] = stride;
    if (dimension == 'T') use.table_stride = stride;
  };
  const auto is_dimension = [](char c) { return c == 'R' || c == 'C' || c == 'K' || c == 'T'; };
  if (!is_dimension(rule[0])) return;
  if (is_dimension(rule[1])) {
    step(rule[0], row);
    step(rule[1], col);
  } else {
    step(rule[0], rule[0] == 'R' || rule[0] == 'T' ? row : col);
  }
}

// The loop whose iterations are extent `id`, in runs of more than `position` positions.
Loop loop_of(const Extents& extents, int32_t id, int32_t position) {
  const int32_t least = position + 1, most = extents.max_length();
  const int64_t last = extents.at(most, id);
  Loop loop{true, last, 1, 0, most};
  if (extents.smallest(id) == last && extents.largest(id) == last) return loop;
  for (int32_t n = least; n < most; n++) loop.is_fixed = loop.is_fixed && extents.at(n, id) == last;
  if (loop.is_fixed) return loop;
  while (extents.at(loop.end - 1, id) == last) loop.end--;
  const int64_t each = last - extents.at(loop.end - 1, id);
  bool is_regular = each > 0 && last % each == 0 && last / each <= loop.end;
  loop.first = is_regular ? int32_t(loop.end - last / each) : 0;
  for (int32_t n = least; n <= most; n++)
    is_regular =
        is_regular && extents.at(n, id) == each * std::max(std::min(n, loop.end) - loop.first, 0);
  loop.each = is_regular ? int32_t(each) : 0;
  return loop;
}

}  // namespace

InstructionLoops loops_of(const Instruction& in, std::span<const Loops> loops,
                          const Extents& extents, int32_t position) {
  InstructionLoops found;
  const Loops* const outer = in.loops < 0 ? nullptr : &loops[size_t(in.loops)];
  const int32_t ids[] = {outer ? outer->outer1 : -1, outer ? outer->outer2 : -1, in.rows, in.cols,
                         in.inner};
  for (int d = 0; d < loop_count; d++)
    if (ids[d] >= 0) found[size_t(d)] = loop_of(extents, ids[d], position);
  return found;
}

Uses uses_of(const Instruction& in, std::span<const Loops> loops, const Extents& extents) {
  Uses uses;
  const OperandRules& rules = operand_rules[size_t(in.op)];
  read_rule(uses.y, rules.y, in.y.row, in.y.col);
  read_rule(uses.a, rules.a, in.a.row, in.a.col);
  read_rule(uses.b, rules.b, in.b.row, in.b.col);
  const bool is_adjacent =
      in.op == Op::rms_norm || in.op == Op::rms_norm_grad || in.op == Op::cross_entropy;
  read_rule(uses.c, rules.c, is_adjacent ? 1 : in.c_row, 1);
  read_rule(uses.x, rules.x, 1, 1);
  uses.y.offset = in.y_offset;
  uses.a.offset = in.a_offset;
  uses.b.offset = in.b_offset;
  uses.c.offset = in.c;
  uses.x.offset = in.x;
  uses.x.is_integer = true;
  if (in.op == Op::gemm) {
    // What the sums start from, and the mask, have the strides of the result.
    uses.c = uses.mask = uses.y;
    uses.c.is_written = uses.mask.is_written = false;
    uses.c.is_present = in.accumulate && in.c != in.y_offset;
    uses.c.offset = in.c;
    uses.mask.is_present = in.imm0 == mask_positive;
    uses.mask.offset = in.imm1;
  } else if (in.op == Op::gather_matmul) {
    // The two rows of c are often of two nodes.
    const int64_t starts = extents.largest(in.rows);
    uses.c.stride[row_loop] = 0;
    uses.c.is_present = starts > 0;
    uses.mask = uses.c;
    uses.mask.is_present = starts > 1;
    uses.mask.offset += in.c_row;
  }
  if (in.loops >= 0) {
    const Loops& l = loops[size_t(in.loops)];
    Use* const all[] = {&uses.y, &uses.a, &uses.b, &uses.c, &uses.x};
    for (int o = 0; o < 5; o++) {
      all[o]->stride[0] = l.step1[o];
      all[o]->stride[1] = l.step2[o];
    }
    uses.mask.stride[0] = l.step1[in.op == Op::gemm ? 0 : 3];
    uses.mask.stride[1] = l.step2[in.op == Op::gemm ? 0 : 3];
  }
  return uses;
}
bool is_elementwise(Op op) {
  switch (op) {
#define FUNCTION1(name, ...) case Op::name:
#define FUNCTION2(name, ...) case Op::name:
#include "kernels/elementwise.def"
    return true;
    default:
      return false;
  }
}

bool reduces_columns(Op op) { return op == Op::row_sum || op == Op::row_dot || op == Op::row_max; }

bool has_free_rows(const Instruction& in) {
  switch (in.op) {
    case Op::row_sum:
    case Op::row_max:
    case Op::row_dot:
    case Op::softmax_grad:
    case Op::rms_norm:
    case Op::rms_norm_grad:
    case Op::cross_entropy:
    case Op::cross_entropy_grad:
    case Op::gemm:
    case Op::gather:
    case Op::conv:
    case Op::conv_input:
    case Op::max_pool:
    case Op::max_pool_pick:
    case Op::max_pool_grad:
    case Op::sum_pool:
    case Op::sum_pool_grad:
      return true;
    case Op::softmax:
      return in.imm1 == 0;  // else a row is as long as its number says
    default:
      return is_elementwise(in.op);
  }
}

bool can_add(Op op) {
  switch (op) {
    case Op::row_sum:
    case Op::row_dot:
    case Op::col_sum:
    case Op::softmax_grad:
    case Op::softmax_columns_grad:
    case Op::rms_norm_grad:
    case Op::cross_entropy_grad:
    case Op::gemm:
    case Op::choose_grad:
    case Op::scatter_add:
    case Op::gather_dot:
    case Op::scatter_outer:
    case Op::conv:
    case Op::conv_input:
    case Op::conv_weights:
      return true;
    default:
      return is_elementwise(op);
  }
}

bool computes_array(Op op) {
  switch (op) {
    case Op::gemm_sgd:
    case Op::gemm_adam:
    case Op::check:
    case Op::clip:
    case Op::sgd:
    case Op::adam:
    case Op::amsgrad:
    case Op::adagrad:
    case Op::rmsprop:
    case Op::lion:
    case Op::sgd_rows:
    case Op::adam_rows:
    case Op::adagrad_rows:
    case Op::scalar_bytecode:
      return false;
    default:
      return true;
  }
}

}  // namespace vecgrad
