// The machine: validation once, then one switch per instruction over loop nests of kernels.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <new>
#include <span>
#include <utility>

#include "blas/blas.h"
#include "isa/isa.h"
#include "kernels/kernels.h"
#include "vm/functions.h"
#include "vm/scalar_bytecode.h"
#include "vm/vm.h"

namespace vecgrad {
namespace {

enum class Op : int32_t {
#define INSTRUCTION(name, y, a, b, c, x) name,
#include "vm/instructions.def"
#undef INSTRUCTION
};

// y, a, b, c, x: the operand grammar of instructions.def.
struct OperandRules {
  const char* operand[5];
};
constexpr OperandRules rules[] = {
#define INSTRUCTION(name, y, a, b, c, x) {{y, a, b, c, x}},
#include "vm/instructions.def"
#undef INSTRUCTION
};
constexpr int32_t op_count = sizeof(rules) / sizeof(rules[0]);

struct Operand {
  int32_t offset, outer1, outer2, row, col;
};

// An instruction as it is checked, every word of it.
struct Encoded {
  Op op;
  int32_t accumulate, level;
  int32_t outer1, outer2, rows, cols, inner;  // extent ids
  Operand y, a, b, c, x;
  int32_t imm0, imm1;
};

// Word order of one encoded instruction; lib/compiler/encode.ts writes the same.
Encoded decode(const int32_t* w) {
  const auto operand = [](const int32_t* p) { return Operand{p[0], p[1], p[2], p[3], p[4]}; };
  Encoded in{};
  in.op = Op(w[0]);
  in.accumulate = w[1];
  in.level = w[2];
  in.outer1 = w[3];
  in.outer2 = w[4];
  in.rows = w[5];
  in.cols = w[6];
  in.inner = w[7];
  in.y = operand(w + 8);
  in.a = operand(w + 13);
  in.b = operand(w + 18);
  in.c = operand(w + 23);
  in.x = operand(w + 28);
  in.imm0 = w[33];
  in.imm1 = w[34];
  return in;
}

// An instruction as it is run. A step reads all of them once, beside numbers that fill the first
// cache by themselves: what few instructions need (outer loops) lies elsewhere.
struct Instruction {
  Op op;
  int32_t rows, cols, inner;  // extent ids
  int32_t loops;              // where in `loops_`, or -1: runs once
  struct {
    int32_t offset, row, col;
  } y, a, b;
  int32_t c, c_row, x;  // offsets, and how far the rows of c are apart
  int32_t imm0, imm1;
  bool accumulate;
  bool is_large;  // a product that OpenBLAS may be faster at, at some length
};

// Run whatever the length.
constexpr int32_t every_level = -1;

// The limit of a fault that ends a run without being one: an update that is left out.
constexpr int64_t skipped = -2;

// The outer loops of an instruction: extent ids, and the strides of y, a, b, c, x.
struct Loops {
  int32_t outer1, outer2;
  int32_t step1[5], step2[5];
};

// The largest extents an instruction can meet at any prefix length.
struct Bounds {
  int64_t outer1, outer2, rows, cols, inner, table;
};

// Says what is unsound about an operand, or returns nullptr. Of two dimensions the first steps by
// the row stride and the second by the column stride; a lone R or T is a row, a lone C or K a
// column.
const char* check_operand(const char* rule, const Operand& o, const Bounds& n, int64_t size) {
  if (*rule == '-') return nullptr;
  if (*rule == 'w') rule++;
  if (o.offset < 0 || o.outer1 < 0 || o.outer2 < 0 || o.row < 0 || o.col < 0)
    return "a negative offset or stride";
  const auto count_of = [&n](char dimension) -> int64_t {
    switch (dimension) {
      case 'R':
        return n.rows;
      case 'T':
        return n.table;
      case 'C':
        return n.cols;
      case 'K':
        return n.inner;
      default:
        return -1;
    }
  };
  int64_t last = o.offset;
  bool is_empty = false;
  // Beyond every arena: a sum of products of 31 bits each would overflow.
  constexpr int64_t beyond = int64_t(1) << 32;
  const auto reach = [&](int64_t count, int64_t stride) {
    is_empty = is_empty || count == 0;
    last = std::min(last + (count - 1) * stride, beyond);
  };
  reach(n.outer1, o.outer1);
  reach(n.outer2, o.outer2);
  const int64_t first = count_of(rule[0]);
  if (first >= 0) {
    const int64_t second = count_of(rule[1]);
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

// The finish of SplitMix64 (Steele, Lea and Flood, 2014): neighbours become independent.
uint64_t mixed(uint64_t z) {
  z += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

// The place of the first of n indices that is not below `limit`, which is positive, or n. Every
// instruction with indices asks before it runs, and nearly always hears n: that is found without a
// branch for each, by the sign that an index or its distance from the last one allowed would have.
idx first_outside(const int32_t* x, idx n, int32_t limit) {
  const uint32_t last = uint32_t(limit) - 1;
  uint32_t signs = 0;
  for (idx i = 0; i < n; i++) signs |= uint32_t(x[i]) | (last - uint32_t(x[i]));
  if (signs >> 31 == 0) return n;
  idx i = 0;
  while (x[i] >= 0 && x[i] < limit) i++;
  return i;
}

template <class T>
class TypedProgram final : public Program {
 public:
  TypedProgram(ProgramSpec&& spec, const Kernels<T>* kernels)
      : kernels_(kernels),
        arena_size_(spec.arena_size),
        ints_size_(spec.ints_size),
        levels_(spec.levels),
        extent_count_(int64_t(spec.extents.size()) / (spec.levels + 1)),
        made_(std::make_unique<Tables>()) {
    made_->extents = std::move(spec.extents);
    made_->spans.resize(size_t(spec.levels));
    made_->tape = std::move(spec.tape);
    extents_ = made_->extents;
    tape_ = made_->tape;
    made_->bounds.resize(size_t(extent_count_));
    for (size_t i = 0; i < extents_.size(); i++) {
      auto& [smallest, largest] = made_->bounds[i % size_t(extent_count_)];
      smallest = std::min(smallest, extents_[i]);
      largest = std::max(largest, extents_[i]);
    }
  }

  bool is_float32() const override { return sizeof(T) == 4; }
  int64_t arena_size() const override { return arena_size_; }
  int64_t ints_size() const override { return ints_size_; }
  int32_t levels() const override { return levels_; }
  int32_t instruction_count() const override { return int32_t(code_.size()); }
  const char* isa() const override { return kernels_->isa; }
  size_t bytes() const override {
    size_t bytes = padded(sizeof(*this));
    each_table(*this, [&](const auto& table) { bytes += padded(table.size_bytes()); });
    return bytes;
  }
  Program* copy_to(void* memory) const override {
    auto* const copy = new (memory) TypedProgram(*this);
    std::byte* free = static_cast<std::byte*>(memory) + padded(sizeof(*this));
    each_table(*copy, [&](auto& table) {
      using Element = typename std::remove_reference_t<decltype(table)>::element_type;
      std::byte* const at = free;
      free += padded(table.size_bytes());
      if (!table.empty()) std::memcpy(at, table.data(), table.size_bytes());
      table = {reinterpret_cast<Element*>(at), table.size()};
    });
    return copy;
  }

  // Checks every instruction and keeps it; says what is wrong, or nothing.
  std::string load(const std::vector<int32_t>& code) {
    made_->code.reserve(code.size() / instruction_words);
    for (size_t i = 0; i + instruction_words <= code.size(); i += instruction_words) {
      const Encoded in = decode(&code[i]);
      const std::string fault = check_instruction(in);
      if (!fault.empty()) {
        const int32_t op = int32_t(in.op);
        const char* name = op >= 0 && op < op_count ? opcode_names()[size_t(op)] : "unknown opcode";
        return "instruction " + std::to_string(made_->code.size()) + " (" + name + "): " + fault;
      }
      keep(in);
    }
    code_ = made_->code;
    levels_of_ = made_->levels_of;
    spans_ = made_->spans;
    loops_ = made_->loops;
    return "";
  }

  RunFault run(void* arena, int32_t* ints, int32_t from, int32_t to, int32_t begin,
               int32_t end) const override {
    T* const x = static_cast<T*>(arena);
    const int32_t* const ext = extents_.data() + int64_t(to) * extent_count_;
    for (int32_t i = begin; i < end; i++) {
      const int32_t level = levels_of_[size_t(i)];
      if ((level < from || level >= to) && level != every_level) continue;
      const Instruction& in = code_[size_t(i)];
      RunFault fault;
      if (in.op == Op::tape)
        fault = tape(i, in, ext, from, x, ints);
      else if (in.loops < 0)
        fault = execute(i, in, ext, x, Direct{in, x, ints});
      else
        fault = loop(i, in, ext, x, ints);
      if (fault.instruction >= 0) return fault.limit == skipped ? RunFault{} : fault;
    }
    return {};
  }

  Span span(int32_t level, int32_t end) const override {
    const Span all = spans_[size_t(level)];
    return {std::min(all.begin, end), std::min(all.end, end)};
  }

 private:
  std::string check_instruction(const Encoded& in) const {
    const int32_t op = int32_t(in.op);
    if (op < 0 || op >= op_count) return std::to_string(op);
    for (const int32_t id : {in.outer1, in.outer2, in.rows, in.cols, in.inner})
      if (id < 0 || id >= extent_count_) return "an unknown extent " + std::to_string(id);
    if (in.level < 0) return "a negative level";
    if (in.op == Op::tape) return check_tape_instruction(in);
    const Bounds n{largest(in.outer1), largest(in.outer2), largest(in.rows),
                   largest(in.cols),   largest(in.inner),  in.imm0};
    const OperandRules& rule = rules[op];
    const Operand* operands[] = {&in.y, &in.a, &in.b, &in.c};
    for (int i = 0; i < 4; i++)
      if (const char* fault = check_operand(rule.operand[i], *operands[i], n, arena_size_))
        return std::string(1, "yabc"[i]) + ": " + fault;
    if (const char* fault = check_operand(rule.operand[4], in.x, n, ints_size_))
      return std::string("x: ") + fault;
    switch (in.op) {
      case Op::fill:
        return in.a.offset < arena_size_ ? "" : "a: a slice outside the arena";
      case Op::topk:
        for (int32_t l = 0; n.inner > smallest(in.cols) && l <= levels_; l++)
          if (extent(l, in.inner) > extent(l, in.cols)) return "more indices than numbers";
        return n.inner == 0 || in.x.col == 1 ? "" : "indices that are not adjacent";
      case Op::dropout:  // reads the scale of no numbers too
        return in.b.offset < arena_size_ ? "" : "b: a slice outside the arena";
      case Op::gather:
      case Op::scatter_add:
        return in.imm0 > 0 && in.x.row == 1 ? ""
                                            : "an empty table, or indices that are not adjacent";
      case Op::rms_norm:
      case Op::rms_norm_grad:
        if (n.rows > 1 && in.c.row != 1) return "c: rows that are not adjacent";
        return in.imm0 >= 0 && in.imm0 < arena_size_ && in.imm1 >= 0 && in.imm1 < arena_size_
                   ? ""
                   : "a number outside the arena";
      case Op::cross_entropy:
      case Op::cross_entropy_grad:
        if (n.rows > 1 && (in.x.row != 1 || (in.op == Op::cross_entropy && in.c.row != 1)))
          return "rows that are not adjacent";
        // A run has at least one level.
        for (int32_t l = 1; in.imm0 > smallest(in.cols) && l <= levels_; l++)
          if (in.imm0 > extent(l, in.cols)) return "fewer columns than targets";
        return in.imm0 > 0 ? "" : "fewer columns than targets";
      case Op::gather_matmul:
        if (n.rows > 2) return "more than two rows to start from";
        if (in.imm1 != 0 && in.imm1 != 1) return "an unknown finish";
        [[fallthrough]];
      case Op::gather_dot:
      case Op::scatter_outer:
        return in.imm0 > 0 && (n.inner <= 1 || in.x.col == 1)
                   ? ""
                   : "an empty table, or indices that are not adjacent";
      case Op::gemm: {
        using Then = Epilogue<T>;
        const bool finishes = in.imm0 != Then::none || in.c.offset != in.y.offset;
        if (in.imm0 < Then::none || in.imm0 > Then::mask_positive) return "an unknown finish";
        if (finishes && (n.outer1 != 1 || n.outer2 != 1)) return "a finish of many products";
        Operand like_y = in.y;
        like_y.offset = in.c.offset;
        if (const char* fault = check_operand("RC1", like_y, n, arena_size_))
          return std::string("c: ") + fault;
        like_y.offset = in.imm1;
        if (in.imm0 == Then::mask_positive)
          if (const char* fault = check_operand("RC1", like_y, n, arena_size_))
            return std::string("mask: ") + fault;
        return "";
      }
      case Op::gemm_sgd:
      case Op::gemm_adam: {
        if (n.rows > 1 && in.c.row != in.y.row) return "c: other rows than those of y";
        Operand second = in.y;
        second.offset = in.imm1;
        if (in.op == Op::gemm_adam)
          if (const char* fault = check_operand("wRC1", second, n, arena_size_))
            return std::string("second moment: ") + fault;
        const int numbers = in.op == Op::gemm_sgd ? 2 : 6;
        return in.imm0 >= 0 && int64_t(in.imm0) + numbers <= arena_size_
                   ? ""
                   : "a rule outside the arena";
      }
      case Op::check:
        if (in.imm0 != 0 && in.imm0 != 1) return "an unknown way to go on";
        return in.imm1 >= 0 && in.imm1 < arena_size_ ? "" : "a counter outside the arena";
      case Op::clip:
        return in.imm0 >= 0 && in.imm0 < arena_size_ ? "" : "a limit outside the arena";
      case Op::sgd:
        return in.imm0 >= 0 && int64_t(in.imm0) + 2 <= arena_size_ ? ""
                                                                   : "a rule outside the arena";
      case Op::adam:
        return in.imm0 >= 0 && int64_t(in.imm0) + 6 <= arena_size_ ? ""
                                                                   : "a rule outside the arena";
      default:
        return "";
    }
  }

  // An extent's value at a prefix length.
  int64_t extent(int32_t length, int32_t id) const {
    return extents_[size_t(length * extent_count_ + id)];
  }
  // Its smallest and its largest value at any length, 0 included.
  int64_t smallest(int32_t id) const { return made_->bounds[size_t(id)].smallest; }
  int64_t largest(int32_t id) const { return made_->bounds[size_t(id)].largest; }

  std::string check_tape_instruction(const Encoded& in) const {
    // A run starts and ends at cuts: what is sound between neighbouring cuts is so between any.
    std::vector<int32_t> cuts;
    for (int32_t n = 0; n <= levels_; n++)
      for (const int32_t id : {in.rows, in.cols})
        cuts.push_back(extents_[size_t(n * extent_count_ + id)]);
    std::sort(cuts.begin(), cuts.end());
    for (size_t i = 0; i + 1 < cuts.size(); i++) {
      std::string fault = check_tape(tape_, cuts[i], cuts[i + 1], arena_size_, ints_size_);
      if (!fault.empty()) return fault;
    }
    return "";
  }

  void keep(const Encoded& e) {
    const auto matrix = [](const Operand& o) {
      return decltype(Instruction::y){o.offset, o.row, o.col};
    };
    Instruction in{e.op,        e.rows,      e.cols,      e.inner,           -1,
                   matrix(e.y), matrix(e.a), matrix(e.b), e.c.offset,        e.c.row,
                   e.x.offset,  e.imm0,      e.imm1,      e.accumulate != 0, false};
    in.is_large = double(largest(e.rows)) * double(largest(e.cols)) * double(largest(e.inner)) >=
                  double(least_work_for_blas<T>());
    const auto is_once = [&](int32_t id) { return smallest(id) == 1 && largest(id) == 1; };
    if (e.op != Op::tape && !(is_once(e.outer1) && is_once(e.outer2))) {
      in.loops = int32_t(made_->loops.size());
      made_->loops.push_back({e.outer1,
                              e.outer2,
                              {e.y.outer1, e.a.outer1, e.b.outer1, e.c.outer1, e.x.outer1},
                              {e.y.outer2, e.a.outer2, e.b.outer2, e.c.outer2, e.x.outer2}});
    }
    made_->code.push_back(in);
    // A tape ordered by level (immediate 0) finds its own part of every run.
    const bool is_every = e.op == Op::tape && e.imm0;
    made_->levels_of.push_back(is_every ? every_level : e.level);
    const int32_t end = int32_t(made_->code.size());
    const auto extend = [&](int32_t level) {
      Span& span = made_->spans[size_t(level)];
      if (span.end == 0) span.begin = end - 1;
      span.end = end;
    };
    if (is_every)
      for (int32_t level = 0; level < levels_; level++) extend(level);
    else if (e.level < levels_)
      extend(e.level);
  }

  __attribute__((noinline)) RunFault loop(int32_t i, const Instruction& in, const int32_t* ext,
                                          T* arena, int32_t* ints) const {
    const Loops& l = loops_[size_t(in.loops)];
    const idx n1 = ext[l.outer1], n2 = ext[l.outer2];
    if (in.op == Op::gemm) {
      const idx m = ext[in.rows], n = ext[in.cols], k = ext[in.inner];
      if (!blas_wins(in, m, n, k)) {
        const Batch by{n1,         n2,         l.step1[0], l.step2[0],
                       l.step1[1], l.step2[1], l.step1[2], l.step2[2]};
        kernels_->gemm_batch(arena + in.y.offset, in.y.row, arena + in.a.offset, in.a.row, in.a.col,
                             arena + in.b.offset, in.b.row, m, n, k, in.accumulate, &by);
        return {};
      }
    }
    if (in.op == Op::row_dot) {
      const idx m = ext[in.rows], n = ext[in.cols];
      for (idx i1 = 0; i1 < n1; i1++)
        for (idx i2 = 0; i2 < n2; i2++)
          kernels_->row_dot(arena + in.y.offset + i1 * l.step1[0] + i2 * l.step2[0], in.y.row,
                            arena + in.a.offset + i1 * l.step1[1] + i2 * l.step2[1], in.a.row,
                            arena + in.b.offset + i1 * l.step1[2] + i2 * l.step2[2], in.b.row, m, n,
                            in.accumulate);
      return {};
    }
    for (idx i1 = 0; i1 < n1; i1++)
      for (idx i2 = 0; i2 < n2; i2++) {
        Stepped at{{in, arena, ints}, {}};
        for (int o = 0; o < 5; o++) at.by[o] = i1 * l.step1[o] + i2 * l.step2[o];
        const RunFault fault = execute(i, in, ext, arena, at);
        if (fault.instruction >= 0) return fault;
      }
    return {};
  }

  // Forward tapes grow with the prefix (their start moves with `from`); backward tapes run from a
  // start that depends on `to` up to their end.
  RunFault tape(int32_t i, const Instruction& in, const int32_t* ext, int32_t from, T* arena,
                int32_t* ints) const {
    const int32_t* const ext_from = extents_.data() + int64_t(from) * extent_count_;
    const int64_t start = in.accumulate ? ext[in.rows] : ext_from[in.rows];
    const TapeFault f = run_tape<T>(arena, ints, tape_.data(), start, ext[in.cols]);
    if (f.failed) return {i, f.index, f.limit};
    return {};
  }

  // Where the operands of an instruction lie, computed where they are used: few need all five.
  struct Direct {
    const Instruction& in;
    T* arena;
    int32_t* ints;
    T* y() const { return arena + in.y.offset; }
    T* a() const { return arena + in.a.offset; }
    T* b() const { return arena + in.b.offset; }
    T* c() const { return arena + in.c; }
    int32_t* x() const { return ints + in.x; }
  };
  // The same in the middle of outer loops.
  struct Stepped {
    Direct first;
    idx by[5];
    T* y() const { return first.y() + by[0]; }
    T* a() const { return first.a() + by[1]; }
    T* b() const { return first.b() + by[2]; }
    T* c() const { return first.c() + by[3]; }
    int32_t* x() const { return first.x() + by[4]; }
  };

  template <class Place>
  __attribute__((always_inline)) RunFault execute(int32_t i, const Instruction& in,
                                                  const int32_t* ext, T* arena,
                                                  const Place& at) const {
    const Kernels<T>& k = *kernels_;
    const auto rows = [&]() -> idx { return ext[in.rows]; };
    const auto cols = [&]() -> idx { return ext[in.cols]; };
    const auto inner = [&]() -> idx { return ext[in.inner]; };
    const int acc = in.accumulate;
    switch (in.op) {
#define UNARY(name)                                                            \
  case Op::name:                                                               \
    k.name(at.y(), in.y.row, at.a(), in.a.row, in.a.col, rows(), cols(), acc); \
    break;
      UNARY(copy)
      UNARY(neg)
      UNARY(relu)
      UNARY(exp)
      UNARY(log)
      UNARY(sqrt)
      UNARY(rsqrt)
      UNARY(reciprocal)
      UNARY(tanh)
      UNARY(sigmoid)
#undef UNARY
#define BINARY(name)                                                                         \
  case Op::name:                                                                             \
    k.name(at.y(), in.y.row, at.a(), in.a.row, in.a.col, at.b(), in.b.row, in.b.col, rows(), \
           cols(), acc);                                                                     \
    break;
      BINARY(add)
      BINARY(sub)
      BINARY(mul)
      BINARY(div)
      BINARY(mask_positive)
#undef BINARY
      case Op::pow:
        plain(in, at.y(), at.a(), at.b(), rows(), cols(), [](T u, T v) { return std::pow(u, v); });
        break;
#define FUNCTION1(name)                                                                           \
  case Op::name:                                                                                  \
    plain(in, at.y(), at.a(), at.a(), rows(), cols(), [](T u, T) { return functions::name(u); }); \
    break;
        FUNCTION1(sign)
        FUNCTION1(abs)
        FUNCTION1(softplus)
        FUNCTION1(log1p)
        FUNCTION1(erf)
        FUNCTION1(arcsin)
        FUNCTION1(arcsinh)
        FUNCTION1(arctanh)
#undef FUNCTION1
#define FUNCTION2(name)                                                    \
  case Op::name:                                                           \
    plain(in, at.y(), at.a(), at.b(), rows(), cols(), functions::name<T>); \
    break;
        FUNCTION2(maximum)
        FUNCTION2(minimum)
        FUNCTION2(gt)
        FUNCTION2(ge)
        FUNCTION2(eq)
        FUNCTION2(log_grad)
        FUNCTION2(if_nonzero)
        FUNCTION2(if_zero)
#undef FUNCTION2
      case Op::fill:
        k.fill(at.y(), in.y.row, *at.a(), rows(), cols());
        break;
      case Op::row_sum:
        k.row_sum(at.y(), in.y.row, at.a(), in.a.row, rows(), cols(), acc);
        break;
      case Op::row_max:
        k.row_max(at.y(), in.y.row, at.a(), in.a.row, rows(), cols(), acc);
        break;
      case Op::row_dot:
        k.row_dot(at.y(), in.y.row, at.a(), in.a.row, at.b(), in.b.row, rows(), cols(), acc);
        break;
      case Op::col_sum:
        k.col_sum(at.y(), at.a(), in.a.row, rows(), cols(), acc);
        break;
      case Op::cumsum:
        cumsum(in, at.y(), at.a(), rows(), cols());
        break;
      case Op::softmax:
        k.softmax(at.y(), in.y.row, at.a(), in.a.row, rows(), cols(), in.imm0, in.imm1);
        break;
      case Op::softmax_grad:
        k.softmax_grad(at.y(), in.y.row, at.a(), in.a.row, at.b(), in.b.row, rows(), cols(), acc);
        break;
      case Op::transpose:
        k.transpose(at.y(), in.y.row, at.a(), in.a.row, rows(), cols());
        break;
      case Op::gemm: {
        if (!in.imm0 && in.c == in.y.offset) {
          gemm(in, at.y(), in.y.row, at.a(), at.b(), rows(), cols(), inner(), in.accumulate,
               nullptr);
          break;
        }
        const Epilogue<T> finish{in.accumulate ? at.c() : nullptr,
                                 typename Epilogue<T>::Kind(in.imm0), arena + in.imm1};
        gemm(in, at.y(), in.y.row, at.a(), at.b(), rows(), cols(), inner(), 0, &finish);
        break;
      }
      case Op::gemm_sgd:
      case Op::gemm_adam:
        gemm_update(in, arena, at.y(), at.a(), at.b(), at.c(), rows(), cols(), inner());
        break;
      case Op::topk:
        k.topk(at.x(), at.a(), in.a.col, cols(), inner(), in.imm0);
        break;
      case Op::gather:
      case Op::scatter_add:
        if (const idx r = first_outside(at.x(), rows(), in.imm0); r < rows())
          return {i, at.x()[r], in.imm0};
        if (in.op == Op::gather)
          k.gather(at.y(), in.y.row, at.a(), in.a.row, at.x(), rows(), cols());
        else
          k.scatter_add(at.y(), in.y.row, at.a(), in.a.row, at.x(), rows(), cols());
        break;
      case Op::gather_matmul:
      case Op::gather_dot:
      case Op::scatter_outer:
        if (const idx p = first_outside(at.x(), inner(), in.imm0); p < inner())
          return {i, at.x()[p], in.imm0};
        if (in.op == Op::gather_matmul)
          k.gemv_rows(at.y(), at.a(), in.a.row, at.b(), in.b.row, at.x(), inner(), cols(), 1,
                      rows() > 0 ? at.c() : nullptr, rows() > 1 ? at.c() + in.c_row : nullptr,
                      in.imm1);
        else if (in.op == Op::gather_dot)
          k.row_dot_rows(at.y(), in.y.row, at.a(), in.a.row, at.b(), at.x(), inner(), cols(), 1, 1);
        else
          k.outer_rows(at.y(), in.y.row, at.a(), in.a.row, at.b(), at.x(), inner(), cols(), 1);
        break;
      case Op::rms_norm:
        k.row_norm(at.y(), in.y.row, at.c(), at.a(), in.a.row, rows(), cols(), arena[in.imm0],
                   arena[in.imm1]);
        break;
      case Op::rms_norm_grad:
        k.row_norm_grad(at.y(), in.y.row, at.a(), in.a.row, at.b(), in.b.row, at.c(), rows(),
                        cols(), arena[in.imm0], acc);
        break;
      case Op::cross_entropy:
      case Op::cross_entropy_grad:
        if (const idx r = first_outside(at.x(), rows(), in.imm0); r < rows())
          return {i, at.x()[r], in.imm0};
        if (in.op == Op::cross_entropy)
          k.cross_entropy(at.c(), at.y(), in.y.row, at.a(), in.a.row, at.x(), rows(), cols());
        else
          k.cross_entropy_grad(at.y(), in.y.row, at.a(), in.a.row, at.b(), in.b.row, at.x(), rows(),
                               cols(), acc);
        break;
      case Op::choose_grad: {
        const bool chosen = *at.x() == in.imm1;
        for (idx r = 0; r < rows(); r++)
          for (idx j = 0; j < cols(); j++) {
            const T g = chosen ? at.a()[r * in.a.row + j * in.a.col] : T(0);
            T& to = at.y()[r * in.y.row + j];
            to = acc ? to + g : g;
          }
        break;
      }
      case Op::dropout:
        dropout(in, at.y(), at.a(), *at.b(), *at.x(), cols());
        break;
      case Op::check:
        if (const idx place = first_not_finite(at.y(), cols()); place < cols()) {
          if (in.imm0 == 0) return {i, place, RunFault::not_finite};
          k.fill(at.y(), 0, T(0), 1, cols());
          arena[in.imm1] += T(1);
          return {i, place, skipped};
        }
        break;
      case Op::clip:
        clip(at.y(), cols(), arena[in.imm0]);
        break;
      case Op::sgd:
        k.sgd(at.y(), at.a(), at.b(), cols(), 1, arena[in.imm0], arena[in.imm0 + 1]);
        break;
      case Op::adam: {
        const T* rule = arena + in.imm0;
        k.adam(at.y(), at.a(), at.c(), at.b(), cols(), 1, rule[0], rule[1], rule[2], rule[3],
               rule[4], rule[5]);
        break;
      }
      case Op::tape:
        break;  // run by `tape`
    }
    return {};
  }

  // Rare element-wise functions that earn no kernel of their own.
  template <class F>
  static void plain(const Instruction& in, T* y, const T* a, const T* b, idx rows, idx cols, F f) {
    for (idx r = 0; r < rows; r++)
      for (idx j = 0; j < cols; j++) {
        const T v = f(a[r * in.a.row + j * in.a.col], b[r * in.b.row + j * in.b.col]);
        T& to = y[r * in.y.row + j];
        to = in.accumulate ? to + v : v;
      }
  }

  static void cumsum(const Instruction& in, T* y, const T* x, idx rows, idx cols) {
    for (idx r = 0; r < rows; r++) {
      T sum = 0;
      for (idx j = 0; j < cols; j++) {
        const idx at = in.imm0 ? cols - 1 - j : j;
        sum += x[r * in.a.row + at * in.a.col];
        y[r * in.y.row + at * in.y.col] = sum;
      }
    }
  }

  // Which numbers are dropped depends on integers alone: all instruction sets and data types agree.
  static void dropout(const Instruction& in, T* y, const T* x, T scale, int32_t step, idx n) {
    if (step < 0) {
      std::copy(x, x + n, y);
      return;
    }
    const uint64_t key = mixed(uint64_t(uint32_t(in.imm0)) << 32 | uint32_t(step));
    for (idx i = 0; i < n; i++) {
      const bool is_kept = uint32_t(mixed(key + uint64_t(i)) >> 32) >= uint32_t(in.imm1);
      y[i] = is_kept ? x[i] * scale : T(0);
    }
  }

  T sum_of_squares(const T* x, idx n) const {
    T sum;
    kernels_->row_dot(&sum, 0, x, 0, x, 0, 1, n, 0);
    return sum;
  }

  // The place of the first number that is infinite or NaN, or n. Where the sum of all squares is
  // finite, so are they.
  idx first_not_finite(const T* x, idx n) const {
    if (std::isfinite(sum_of_squares(x, n))) return n;
    return std::find_if_not(x, x + n, [](T u) { return std::isfinite(u); }) - x;
  }

  // Scales g to a norm of at most `limit`, also where the squares of its numbers overflow or
  // underflow.
  void clip(T* g, idx n, T limit) const {
    const T square = sum_of_squares(g, n);
    // From here on, squares that underflowed would not have changed the sum.
    const T sure = sizeof(T) == 4 ? T(1e-20) : T(1e-200);
    if (square >= sure && square <= std::numeric_limits<T>::max()) {
      const T norm = std::sqrt(square);
      if (norm > limit) scale(g, n, limit / norm);
      return;
    }
    T most = 0;
    for (idx i = 0; i < n; i++) most = functions::maximum(most, std::fabs(g[i]));
    if (most == 0) return;
    if (!std::isfinite(most)) return scale(g, n, limit / most);
    // Of numbers below 2, by a power of two, which rounds nothing.
    const int e = std::ilogb(most);
    double sum = 0;
    for (idx i = 0; i < n; i++) {
      const double x = std::ldexp(g[i], -e);
      sum += x * x;
    }
    const T root = T(std::sqrt(sum));
    if (root <= std::ldexp(limit, -e)) return;
    for (idx i = 0; i < n; i++) g[i] = std::ldexp(g[i], -e) * (limit / root);
  }

  void scale(T* x, idx n, T by) const { kernels_->mul(x, n, x, n, 1, &by, 0, 0, 1, n, 0); }

  bool blas_wins(const Instruction& in, idx m, idx n, idx k) const {
    // OpenBLAS wants one unit stride in each operand and at least one row of every matrix.
    return in.is_large && blas_gemm_wins<T>(kernels_->isa, m, n, k) && in.b.row >= n &&
           ((in.a.col == 1 && in.a.row >= k) || (in.a.row == 1 && in.a.col >= m));
  }

  void gemm(const Instruction& in, T* y, idx ldy, const T* a, const T* b, idx m, idx n, idx k,
            int acc, const Epilogue<T>* finish) const {
    if (blas_wins(in, m, n, k) && ldy >= n) {
      if (finish && finish->start && finish->start != y)
        kernels_->copy(y, ldy, finish->start, ldy, 1, m, n, 0);
      acc = acc || (finish && finish->start);
      const bool plain = in.a.col == 1 && in.a.row >= k;
      blas_gemm<T>(y, ldy, a, plain ? in.a.row : in.a.col, !plain, b, in.b.row, false, m, n, k,
                   acc);
      if (finish && finish->kind == Epilogue<T>::relu) kernels_->relu(y, ldy, y, ldy, 1, m, n, 0);
      if (finish && finish->kind == Epilogue<T>::mask_positive)
        kernels_->mask_positive(y, ldy, y, ldy, 1, finish->mask, ldy, 1, m, n, 0);
      return;
    }
    kernels_->gemm(y, ldy, a, in.a.row, in.a.col, b, in.b.row, m, n, k, acc, finish);
  }

  // y is updated by the product of a and b, a few rows of the product at a time.
  void gemm_update(const Instruction& in, const T* arena, T* y, const T* a, const T* b, T* c, idx m,
                   idx n, idx k) const {
    const T* const rule = arena + in.imm0;
    // In small sizes the kernel that keeps the gradient in registers is best; in large ones a
    // product and an update that reads ahead. Microseconds of gemm_sgd, so / so, on Zen 3 in
    // float32:
    //     256 x 256 x 16  37 / 50     512 x 512 x 16  120 / 154    1024 x 1024 x 16  2240 / 834
    //     64 x 64 x 64   8.1 / 7.3    256 x 256 x 64  214 / 170    256 x 1024 x 64   1007 / 773
    //     64 x 27 x 64   4.3 / 4.7    256 x 27 x 64  23.3 / 27.8
    const bool is_small = m * n * k < 1 << 15 || n < 32 || (k <= 16 && m * n <= 1 << 18);
    if (in.op == Op::gemm_sgd && is_small) {
      kernels_->gemm_sgd(y, c, in.y.row, a, in.a.row, in.a.col, b, in.b.row, m, n, k, rule[0],
                         rule[1]);
      return;
    }
    // As many rows as stay in the second cache until their update has read them.
    constexpr idx block = idx(1) << 16;
    const idx some = std::max<idx>(16, n ? block / n : m);
    static thread_local std::vector<T> gradient;
    gradient.resize(size_t(std::min(some, m) * n));
    T* const g = gradient.data();
    for (idx r = 0; r < m; r += some) {
      const idx rows = std::min(some, m - r);
      gemm(in, g, n, a + r * in.a.row, b, rows, n, k, 0, nullptr);
      for (idx i = 0; i < rows; i++) {
        const idx at = (r + i) * in.y.row;
        if (in.op == Op::gemm_sgd)
          kernels_->sgd(y + at, c + at, g + i * n, n, 0, rule[0], rule[1]);
        else
          kernels_->adam(y + at, c + at, y + at + (in.imm1 - in.y.offset), g + i * n, n, 0, rule[0],
                         rule[1], rule[2], rule[3], rule[4], rule[5]);
      }
    }
  }

  // What it is made of, while it is.
  struct Tables {
    std::vector<int32_t> extents;
    std::vector<Instruction> code;
    std::vector<int32_t> levels_of;
    std::vector<Span> spans;
    std::vector<Loops> loops;
    std::vector<uint32_t> tape;
    struct Bound {
      int32_t smallest = std::numeric_limits<int32_t>::max(), largest = 0;
    };
    std::vector<Bound> bounds;  // of each extent, at any length
  };

  // All but what a copy does without; its tables are those of `from` until they are copied too.
  TypedProgram(const TypedProgram& from)
      : kernels_(from.kernels_),
        arena_size_(from.arena_size_),
        ints_size_(from.ints_size_),
        levels_(from.levels_),
        extent_count_(from.extent_count_),
        extents_(from.extents_),
        code_(from.code_),
        levels_of_(from.levels_of_),
        spans_(from.spans_),
        loops_(from.loops_),
        tape_(from.tape_) {}

  template <class Self, class F>
  static void each_table(Self& self, const F& f) {
    f(self.extents_);
    f(self.code_);
    f(self.levels_of_);
    f(self.spans_);
    f(self.loops_);
    f(self.tape_);
  }
  static constexpr size_t padded(size_t bytes) {
    constexpr size_t step = alignof(std::max_align_t);
    return (bytes + step - 1) / step * step;
  }

  const Kernels<T>* kernels_;
  int64_t arena_size_, ints_size_;
  int32_t levels_;
  int64_t extent_count_;
  std::span<const int32_t> extents_;
  std::span<const Instruction> code_;
  std::span<const int32_t> levels_of_;  // of each instruction
  std::span<const Span> spans_;         // of each level
  std::span<const Loops> loops_;
  std::span<const uint32_t> tape_;
  std::unique_ptr<Tables> made_;
};

template <class T>
std::unique_ptr<Program> make_typed(ProgramSpec&& spec, std::string& error) {
  const Kernels<T>* kernels = kernels_for<T>(spec.isa.empty() ? nullptr : spec.isa.c_str());
  if (!kernels) {
    error = "instruction set '" + spec.isa + "' is not available on this machine";
    return nullptr;
  }
  auto program = std::make_unique<TypedProgram<T>>(std::move(spec), kernels);
  error = program->load(spec.code);
  if (!error.empty()) return nullptr;
  return program;
}

}  // namespace

const std::vector<const char*>& opcode_names() {
  static const std::vector<const char*> names = {
#define INSTRUCTION(name, y, a, b, c, x) #name,
#include "vm/instructions.def"
#undef INSTRUCTION
  };
  return names;
}

const std::vector<const char*>& tape_opcode_names() { return tape_names(); }

const std::vector<const char*>& opcode_operands() {
  static const std::vector<const char*> operands = {
#define INSTRUCTION(name, y, a, b, c, x) y " " a " " b " " c " " x,
#include "vm/instructions.def"
#undef INSTRUCTION
  };
  return operands;
}

const std::vector<const char*>& tape_opcode_operands() {
  static const std::vector<const char*> operands = {
#define TAPE(name, kinds) kinds,
#include "vm/scalar_bytecode.def"
#undef TAPE
  };
  return operands;
}

std::unique_ptr<Program> make_program(ProgramSpec&& spec, std::string& error) {
  if (spec.levels < 1 || spec.arena_size < 0 || spec.ints_size < 0) {
    error = "negative sizes";
    return nullptr;
  }
  if (spec.extents.size() % size_t(spec.levels + 1) || spec.code.size() % instruction_words) {
    error = "a table of the wrong length";
    return nullptr;
  }
  for (const int32_t e : spec.extents)
    if (e < 0) {
      error = "a negative extent";
      return nullptr;
    }
  return spec.is_float32 ? make_typed<float>(std::move(spec), error)
                         : make_typed<double>(std::move(spec), error);
}

}  // namespace vecgrad
