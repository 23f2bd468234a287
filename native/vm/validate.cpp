// Checks of instructions: see validate.h.
#include "vm/validate.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include "kernels/kernels.h"
#include "vm/scalar_bytecode.h"
#include "vm/window.h"

namespace vecgrad {

Extents::Extents(std::span<const int32_t> values, int32_t max_length)
    : values_(values),
      max_length_(max_length),
      count_(int64_t(values.size()) / (max_length + 1)),
      ranges_(size_t(count_), {std::numeric_limits<int32_t>::max(), 0}) {
  for (size_t i = 0; i < values.size(); i++) {
    auto& [smallest, largest] = ranges_[i % size_t(count_)];
    smallest = std::min(smallest, values[i]);
    largest = std::max(largest, values[i]);
  }
}

namespace {

// The largest extents that an instruction has at any prefix length.
struct Bounds {
  int64_t outer1, outer2, rows, cols, inner, table;

  // -1: no dimension.
  int64_t of(char dimension) const {
    switch (dimension) {
      case 'R':
        return rows;
      case 'T':
        return table;
      case 'C':
        return cols;
      case 'K':
        return inner;
      default:
        return -1;
    }
  }
};

// Returns what is wrong with an operand, or nullptr. The first of two dimensions uses the row
// stride and the second the column stride; a single R or T uses the row stride, a single C or K the
// column stride.
const char* check_operand(const char* rule, const Operand& o, const Bounds& n, int64_t size) {
  if (*rule == '-') return nullptr;
  if (*rule == 'w') rule++;
  if (o.offset < 0 || o.outer1 < 0 || o.outer2 < 0 || o.row < 0 || o.col < 0)
    return "a negative offset or stride";
  int64_t last = o.offset;
  bool is_empty = false;
  // Larger than any arena: clamped to this, a sum of products of 31 bits each cannot overflow.
  constexpr int64_t beyond = int64_t(1) << 32;
  const auto reach = [&](int64_t count, int64_t stride) {
    is_empty = is_empty || count == 0;
    last = std::min(last + (count - 1) * stride, beyond);
  };
  reach(n.outer1, o.outer1);
  reach(n.outer2, o.outer2);
  const int64_t first = n.of(rule[0]);
  if (first >= 0) {
    const int64_t second = n.of(rule[1]);
    const bool is_row = second >= 0 || rule[0] == 'R' || rule[0] == 'T';
    reach(first, is_row ? o.row : o.col);
    if (second >= 0) reach(second, o.col);
    const char* stride = rule + (second >= 0 ? 2 : 1);
    if (*stride == '1' && o.col != 1) return "a column stride that is not 1";
    if (*stride == 'B' && o.col != 0 && o.col != 1)
      return "a column stride that is neither 0 nor 1";
  }
  return last < size || (is_empty && o.offset <= size) ? nullptr : "a slice outside the arena";
}

std::string unless(bool is_sound, const char* fault) { return is_sound ? "" : fault; }

// Checks one instruction, whose extents are known.
class Check {
 public:
  Check(const EncodedInstruction& in, const Limits& limits)
      : in_(in), limits_(limits), extents_(limits.extents), n_{extents_.largest(in.outer1),
                                                               extents_.largest(in.outer2),
                                                               extents_.largest(in.rows),
                                                               extents_.largest(in.cols),
                                                               extents_.largest(in.inner),
                                                               in.imm0} {}

  std::string operands() const {
    const OperandRules& rules = operand_rules[in_.opcode];
    const struct {
      const char *name, *rule;
      const Operand& operand;
      int64_t size;
    } all[] = {{"y: ", rules.y, in_.y, limits_.arena_size},
               {"a: ", rules.a, in_.a, limits_.arena_size},
               {"b: ", rules.b, in_.b, limits_.arena_size},
               {"c: ", rules.c, in_.c, limits_.arena_size},
               {"x: ", rules.x, in_.x, limits_.ints_size}};
    for (const auto& [name, rule, operand, size] : all)
      if (const char* fault = check_operand(rule, operand, n_, size))
        return std::string(name) + fault;
    return "";
  }

  // What an opcode asks for besides the rules of its operands.
  std::string opcode() const {
    if (has_window(Op(in_.opcode))) return window();
    switch (Op(in_.opcode)) {
      case Op::fill:  // reads its number even if there is nothing to fill
        return unless(is_in_arena(in_.a.offset), "a: a slice outside the arena");
      case Op::dropout:  // reads its scale even if there are no numbers
        return unless(is_in_arena(in_.b.offset), "b: a slice outside the arena");
      case Op::topk:
        return topk();
      case Op::gather:
      case Op::scatter_add:
        return unless(in_.imm0 > 0 && in_.x.row == 1,
                      "an empty table, or indices that are not adjacent");
      case Op::rms_norm:
      case Op::rms_norm_grad:
        if (n_.rows > 1 && in_.c.row != 1) return "c: rows that are not adjacent";
        return unless(is_in_arena(in_.imm0) && is_in_arena(in_.imm1), "a number outside the arena");
      case Op::cross_entropy:
      case Op::cross_entropy_grad:
        return cross_entropy();
      case Op::gather_matmul:
        if (n_.rows > 2) return "more than two rows to start from";
        if (in_.imm1 != 0 && in_.imm1 != 1) return "an unknown epilogue";
        [[fallthrough]];
      case Op::gather_dot:
      case Op::scatter_outer:
        return unless(in_.imm0 > 0 && (n_.inner <= 1 || in_.x.col == 1),
                      "an empty table, or indices that are not adjacent");
      case Op::gemm:
        return gemm();
      case Op::gemm_sgd:
      case Op::gemm_adam:
        return gemm_update();
      case Op::check:
        if (in_.imm0 != 0 && in_.imm0 != 1) return "an unknown way to go on";
        return unless(is_in_arena(in_.imm1), "a counter outside the arena");
      case Op::clip:
        return unless(is_in_arena(in_.imm0), "a limit outside the arena");
      case Op::sgd:
      case Op::adagrad:
        return unless(is_in_arena(in_.imm0, 2), "a rule outside the arena");
      case Op::adam:
        return unless(is_in_arena(in_.imm0, 8), "a rule outside the arena");
      case Op::amsgrad:
        return third_moment(8);
      case Op::rmsprop:
        return third_moment(6);
      case Op::lion:
        return unless(is_in_arena(in_.imm0, 5), "a rule outside the arena");
      case Op::sgd_rows:
      case Op::adagrad_rows:
        return row_update(2);
      case Op::adam_rows:
        return row_update(8);
      default:
        return "";
    }
  }

  // A run begins and ends at cuts: bytecode that is sound between neighbouring cuts is sound
  // between any two.
  std::string scalar_bytecode() const {
    std::vector<int64_t> cuts;
    for (int32_t length = 0; length <= extents_.max_length(); length++)
      for (const int32_t id : {in_.rows, in_.cols}) cuts.push_back(extents_.at(length, id));
    std::sort(cuts.begin(), cuts.end());
    for (size_t i = 0; i + 1 < cuts.size(); i++) {
      std::string fault = check_scalar_bytecode(limits_.scalar_bytecode, cuts[i], cuts[i + 1],
                                                limits_.arena_size, limits_.ints_size);
      if (!fault.empty()) return fault;
    }
    return "";
  }

 private:
  bool is_in_arena(int32_t offset, int64_t count = 1) const {
    return offset >= 0 && offset + count <= limits_.arena_size;
  }

  std::string topk() const {
    if (n_.inner > extents_.smallest(in_.cols))
      for (int32_t length = 0; length <= extents_.max_length(); length++)
        if (extents_.at(length, in_.inner) > extents_.at(length, in_.cols))
          return "more indices than numbers";
    return unless(n_.inner == 0 || in_.x.col == 1, "indices that are not adjacent");
  }

  std::string cross_entropy() const {
    const bool has_losses = Op(in_.opcode) == Op::cross_entropy;
    if (n_.rows > 1 && (in_.x.row != 1 || (has_losses && in_.c.row != 1)))
      return "rows that are not adjacent";
    // A run has a length of at least 1.
    if (in_.imm0 > extents_.smallest(in_.cols))
      for (int32_t length = 1; length <= extents_.max_length(); length++)
        if (in_.imm0 > extents_.at(length, in_.cols)) return "fewer columns than targets";
    return unless(in_.imm0 > 0, "fewer columns than targets");
  }

  // An operand with the strides of y.
  std::string like_y(const char* name, int32_t offset) const {
    Operand operand = in_.y;
    operand.offset = offset;
    const char* fault = check_operand("RC1", operand, n_, limits_.arena_size);
    return fault ? std::string(name) + ": " + fault : "";
  }

  std::string gemm() const {
    using Kind = Epilogue<float>::Kind;
    if (in_.imm0 < Kind::none || in_.imm0 > Kind::mask_positive) return "an unknown epilogue";
    const bool has_epilogue = in_.imm0 != Kind::none || in_.c.offset != in_.y.offset;
    if (has_epilogue && (n_.outer1 != 1 || n_.outer2 != 1)) return "an epilogue of many products";
    const std::string fault = like_y("c", in_.c.offset);
    if (!fault.empty() || in_.imm0 != Kind::mask_positive) return fault;
    return like_y("mask", in_.imm1);
  }

  std::string gemm_update() const {
    const bool is_adam = Op(in_.opcode) == Op::gemm_adam;
    if (n_.rows > 1 && in_.c.row != in_.y.row) return "c: other rows than those of y";
    const std::string fault = is_adam ? like_y("second moment", in_.imm1) : "";
    if (!fault.empty()) return fault;
    return unless(is_in_arena(in_.imm0, is_adam ? 8 : 2), "a rule outside the arena");
  }

  // An update whose third moment, which immediate 1 names, is as long as the first.
  std::string third_moment(int64_t numbers) const {
    Operand operand = in_.y;
    operand.offset = in_.imm1;
    if (const char* fault = check_operand("C1", operand, n_, limits_.arena_size))
      return std::string("third moment: ") + fault;
    return unless(is_in_arena(in_.imm0, numbers), "a rule outside the arena");
  }

  std::string row_update(int64_t numbers) const {
    if (in_.imm0 <= 0 || in_.x.row != 1) return "an empty table, or indices that are not adjacent";
    return unless(is_in_arena(in_.imm1, numbers), "a rule outside the arena");
  }

  bool is_fixed(int32_t id) const { return extents_.smallest(id) == extents_.largest(id); }

  std::string window() const {
    const int64_t first = in_.imm1;
    if (first < 0 || first + window_extents > extents_.count()) return "windows of unknown extents";
    int32_t numbers[window_extents];
    bool is_sound = is_fixed(in_.cols) && is_fixed(in_.inner);
    for (int32_t i = 0; i < window_extents; i++) {
      numbers[i] = int32_t(extents_.largest(in_.imm1 + i));
      is_sound = is_sound && is_fixed(in_.imm1 + i);
    }
    if (!is_sound) return "windows that depend on the length";
    const Window w = window_at(numbers);
    for (const WindowAxis& axis : {w.down, w.along}) {
      if (std::min({axis.in, axis.out, axis.size, axis.stride, axis.dilation}) < 1)
        return "an empty window, or windows that do not move";
      // Each of these has a largest number: some number of each window is one of the plane. Which
      // one it is must be exact as a number of float32.
      const bool is_beside = axis.pad >= axis.size || axis.dilation > 1 ||
                             axis.place(axis.out - 1, 0) >= axis.in || w.size() > max_taps;
      if (in_.opcode >= int32_t(Op::max_pool) && in_.opcode <= int32_t(Op::max_pool_grad) &&
          is_beside)
        return "a window beside the plane";
    }
    return is_window_of_operands(w) ? "" : "windows that do not fit the operands";
  }

  bool is_window_of_operands(const Window& w) const {
    const Op op = Op(in_.opcode);
    const bool reads_x =
        op == Op::conv || op == Op::max_pool || op == Op::max_pool_pick || op == Op::sum_pool;
    const int64_t x = reads_x ? n_.inner : n_.cols, y = reads_x ? n_.cols : n_.inner;
    if (op != Op::conv && op != Op::conv_input && op != Op::conv_weights)
      return x == w.in() && y == w.out();
    const Operand& weights = op == Op::conv_weights ? in_.y : in_.b;
    if (x < 1 || y < 1 || x % w.in() || y % w.out() || weights.row != 1) return false;
    // In double: products of sizes that fit no arena are too large for an integer.
    return double(in_.imm0) == double(x / w.in()) * double(y / w.out()) * double(w.size());
  }

  const EncodedInstruction& in_;
  const Limits& limits_;
  const Extents& extents_;
  const Bounds n_;
};

}  // namespace

std::string check_instruction(const EncodedInstruction& in, const Limits& limits) {
  if (in.opcode < 0 || in.opcode >= opcode_count) return std::to_string(in.opcode);
  for (const int32_t id : {in.outer1, in.outer2, in.rows, in.cols, in.inner})
    if (id < 0 || id >= limits.extents.count()) return "an unknown extent " + std::to_string(id);
  if (in.position < 0) return "a negative position";
  const Check check(in, limits);
  if (Op(in.opcode) == Op::scalar_bytecode) return check.scalar_bytecode();
  const std::string fault = check.operands();
  return fault.empty() ? check.opcode() : fault;
}

}  // namespace vecgrad
