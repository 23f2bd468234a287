// A program: its tables, made once from a specification that has been checked, and the loop over
// its instructions.
#include "vm/vm.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <limits>
#include <new>
#include <span>
#include <utility>

#include "isa/isa.h"
#include "kernels/kernels.h"
#include "vm/cost.h"
#include "vm/execute.h"
#include "vm/instruction.h"
#include "vm/repeats.h"
#include "vm/row_run.h"
#include "vm/scalar_bytecode.h"
#include "vm/validate.h"
#include "wide/spread.h"
#include "wide/wide.h"

namespace vecgrad {
namespace {

// The position of an instruction that every run executes.
constexpr int32_t every_position = -1;
// What a call of an instruction costs besides its numbers, in picoseconds.
constexpr double call_cost = 25e3;
// No piece has more examples or sequences (run/pieces.h, lib/runtime/rows.ts).
constexpr double max_examples_of_piece = 128;

template <class T>
class TypedProgram final : public ProgramOf<T> {
 public:
  TypedProgram(ProgramSpec&& spec, const Kernels<T>* kernels)
      : kernels_(kernels),
        row_kernels_(kernels),
        arena_size_(spec.arena_size),
        ints_size_(spec.ints_size),
        max_length_(spec.max_length),
        extent_count_(int64_t(spec.extents.size()) / (spec.max_length + 1)),
        id_(next_id()),
        owned_(std::make_unique<OwnedTables>()) {
    owned_->extents = std::move(spec.extents);
    owned_->spans.resize(size_t(max_length_));
    owned_->scalar_bytecode = std::move(spec.scalar_bytecode);
    extents_ = owned_->extents;
    scalar_bytecode_ = owned_->scalar_bytecode;
  }

  bool is_float32() const override { return sizeof(T) == 4; }
  int64_t arena_size() const override { return arena_size_; }
  int64_t ints_size() const override { return ints_size_; }
  int32_t max_length() const override { return max_length_; }
  int32_t instruction_count() const override {
    return stretches_.empty() ? 0 : stretches_.back().end();
  }
  const char* isa() const override { return kernels_->isa; }
  bool is_wide() const override { return is_wide_; }
  double cost_of(int32_t end) const override {
    double cost = 0;
    for (const Stretch& s : stretches_) {
      const int32_t count = std::clamp(end - s.number, 0, s.length * s.times);
      cost += count / s.length * cost_between(s.code, s.code + s.length) +
              cost_between(s.code, s.code + count % s.length);
    }
    return cost;
  }
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

  // Checks every instruction and keeps it. Returns what is wrong; empty if all are sound.
  std::string load(const ProgramSpec& spec) {
    const std::span<const int32_t> code = spec.code;
    const Extents extents(extents_, max_length_);
    const Limits limits{extents, arena_size_, ints_size_, scalar_bytecode_};
    const size_t count = code.size() / instruction_words;
    owned_->code.reserve(count);
    owned_->positions.reserve(count);
    for (size_t i = 0; i + instruction_words <= code.size(); i += instruction_words) {
      EncodedInstruction in;
      std::memcpy(&in, &code[i], sizeof in);
      const std::string fault = check_instruction(in, limits);
      if (!fault.empty()) {
        const bool is_known = in.opcode >= 0 && in.opcode < opcode_count;
        const char* name = is_known ? opcode_names()[size_t(in.opcode)] : "unknown opcode";
        return "instruction " + std::to_string(owned_->code.size()) + " (" + name + "): " + fault;
      }
      keep(in, extents);
    }
    const std::string fault =
        read_repeats(code, spec.repeats, spec.steps, limits, owned_->stretches);
    if (!fault.empty()) return fault;
    code_ = owned_->code;
    narrow();
    positions_ = owned_->positions;
    stretches_ = owned_->stretches.all;
    steps_ = owned_->stretches.steps;
    for_each_position(stretches_, owned_->positions,
                      [&](int32_t number, int32_t position) { extend(number, position); });
    spans_ = owned_->spans;
    loops_ = owned_->loops;
    return "";
  }

  // Estimates what instructions cost. Where calls are large, takes kernels that spread them over
  // threads.
  void measure() {
    const Extents extents(extents_, max_length_);
    double largest = 0, all = 0;
    owned_->costs.reserve(code_.size());
    for (const Instruction& in : code_) {
      const auto most = [&](int32_t id) { return double(extents.largest(id)); };
      double cost = cost_of_call(in, extents);
      cost *= double(sizeof(T) / 4);
      double times = 1;
      if (in.loops >= 0)
        times = most(loops_[size_t(in.loops)].outer1) * most(loops_[size_t(in.loops)].outer2);
      owned_->costs.push_back(all += (cost + call_cost) * times);
      // These are called for all steps of the loops at once.
      const bool is_batch = in.op == Op::gemm || in.op == Op::softmax || in.op == Op::softmax_grad;
      largest = std::max(largest, is_batch ? cost * times : cost);
    }
    costs_ = owned_->costs;
    is_wide_ = largest >= least_to_spread;
    const Kernels<T>* const wide = wide_kernels(kernels_);
    if (largest * max_examples_of_piece >= least_to_spread) row_kernels_ = wide;
    if (is_wide_) kernels_ = wide;
  }

  int64_t id() const override { return id_; }

  bool plan_rows(RowSpec&& spec, RowPlan& plan, std::string& error) const override {
    plan.numbers = std::move(spec.numbers);
    plan.ints = std::move(spec.ints);
    for (const auto& [regions, size] :
         {std::pair{&plan.numbers, arena_size_}, std::pair{&plan.ints, ints_size_}})
      if (!are_sound(*regions, size)) error = "a region that is unsound";
    const int64_t sums = int64_t(spec.gradients) + spec.gradients_size;
    if (spec.gradients < 0 || spec.gradients_size < 0 || sums > arena_size_ || spec.end < 0 ||
        spec.end > instruction_count())
      error = "rows that do not fit the program";
    if (!steps_.empty()) error = "rows of a program that has loops";
    if (!error.empty()) return false;
    const Extents extents(extents_, max_length_);
    const RowPlanSource source{code_,          positions_,          loops_,  extents,
                               spec.gradients, spec.gradients_size, spec.end};
    return vecgrad::plan_rows(source, plan);
  }

  RowTables<T> row_tables(const PlannedRows& plan) const override {
    return {row_kernels_, code_,        loops_,    extents_,          extent_count_,
            max_length_,  plan.numbers, plan.ints, plan.instructions, plan.is_uniform};
  }

  RunFault run(void* arena, int32_t* ints, int32_t from, int32_t to, int32_t begin,
               int32_t end) const override {
    const Run run{static_cast<T*>(arena), ints, extents_at(to), from, to};
    for (const Stretch& s : stretches_) {
      if (s.number >= end) break;
      const int32_t first = std::max(begin, s.number), last = std::min(end, s.end());
      if (first >= last) continue;
      const int32_t code = s.code + first - s.number;
      const RunFault fault =
          s.times == 1 ? run_list(run, &code_[size_t(code)], &positions_[size_t(code)], first, last)
                       : run_times(run, s, first, last);
      if (fault.instruction >= 0) return fault.limit == skipped ? RunFault{} : fault;
    }
    return {};
  }

  Span span(int32_t position, int32_t end) const override {
    const Span all = spans_[size_t(position)];
    return {std::min(all.begin, end), std::min(all.end, end)};
  }

 private:
  // A run of the positions [from, to).
  struct Run {
    T* arena;
    int32_t* ints;
    const int32_t* ext;
    int32_t from, to;
  };

  // Runs the instructions of these numbers, which lie in one piece.
  __attribute__((noinline)) RunFault run_list(const Run& run, const Instruction* code,
                                              const int32_t* positions, int32_t begin,
                                              int32_t end) const {
    const auto [x, ints, ext, from, to] = run;  // in registers, whatever kernels write
    for (int32_t i = begin; i < end; i++, code++) {
      const int32_t position = *positions++;
      if ((position < from || position >= to) && position != every_position) continue;
      const Instruction& in = *code;
      RunFault fault;
      if (in.op == Op::scalar_bytecode)
        fault = run_scalar(i, in, ext, from, x, ints);
      else if (in.loops < 0)
        fault = execute<T>(*kernels_, i, in, ext, x, Direct<T>{in, x, ints});
      else
        fault = loop(i, in, ext, x, ints);
      if (fault.instruction >= 0) return fault;
    }
    return {};
  }

  // Runs the instructions of these numbers, all of one loop.
  __attribute__((noinline)) RunFault run_times(const Run& run, const Stretch& s, int32_t begin,
                                               int32_t end) const {
    const Times times = times_of(s, run.from, run.to);
    begin = std::max(begin, s.number + times.begin * s.length);
    end = std::min(end, s.number + times.end * s.length);
    if (begin >= end) return {};
    const auto stored = code_.subspan(size_t(s.code), size_t(s.length));
    const auto steps = steps_.subspan(size_t(s.step), size_t(s.length));
    std::vector<Instruction> code(stored.begin(), stored.end());
    int32_t time = (begin - s.number) / s.length;
    move(code, steps, time);
    for (int32_t number = begin; number < end; time++) {
      // The positions stay as they are stored: the run's move instead.
      const int32_t back = time * s.position_step;
      const Run at{run.arena, run.ints, run.ext, run.from - back, run.to - back};
      const int32_t first = s.number + time * s.length, last = std::min(first + s.length, end);
      const size_t k = size_t(number - first);
      const RunFault fault = run_list(at, &code[k], &positions_[size_t(s.code) + k], number, last);
      if (fault.instruction >= 0) return fault;
      number = last;
      if (number < end) move(code, steps, 1);
    }
    return {};
  }

  // What the stored instructions [begin, end) cost.
  double cost_between(int32_t begin, int32_t end) const {
    const auto before = [&](int32_t i) { return i ? costs_[size_t(i) - 1] : 0; };
    return before(end) - before(begin);
  }

  // The extents at a prefix length.
  const int32_t* extents_at(int32_t length) const {
    return extents_.data() + int64_t(length) * extent_count_;
  }

  void keep(const EncodedInstruction& e, const Extents& extents) {
    const auto matrix = [](const Operand& o) { return Instruction::Matrix{o.row, o.col}; };
    Instruction in{};
    in.y_offset = e.y.offset;
    in.a_offset = e.a.offset;
    in.b_offset = e.b.offset;
    in.op = Op(e.opcode);
    in.rows = e.rows;
    in.cols = e.cols;
    in.inner = e.inner;
    in.loops = -1;
    in.y = matrix(e.y);
    in.a = matrix(e.a);
    in.b = matrix(e.b);
    in.c = e.c.offset;
    in.c_row = e.c.row;
    in.x = e.x.offset;
    in.imm0 = e.imm0;
    in.imm1 = e.imm1;
    in.accumulate = e.accumulate != 0;
    const auto largest = [&](int32_t id) { return double(extents.largest(id)); };
    in.is_large =
        largest(e.rows) * largest(e.cols) * largest(e.inner) >= double(least_work_for_blas<T>());
    const auto is_once = [&](int32_t id) {
      return extents.smallest(id) == 1 && extents.largest(id) == 1;
    };
    if (in.op != Op::scalar_bytecode && !(is_once(e.outer1) && is_once(e.outer2))) {
      in.loops = int32_t(owned_->loops.size());
      owned_->loops.push_back({e.outer1,
                               e.outer2,
                               {e.y.outer1, e.a.outer1, e.b.outer1, e.c.outer1, e.x.outer1},
                               {e.y.outer2, e.a.outer2, e.b.outer2, e.c.outer2, e.x.outer2}});
    }
    owned_->code.push_back(in);
    // Bytecode that is sorted by position (immediate 0) finds its own part of every run.
    const bool is_every = in.op == Op::scalar_bytecode && e.imm0;
    owned_->positions.push_back(is_every ? every_position : e.position);
  }

  // Lets the span of an instruction's position reach to it.
  void extend(int32_t number, int32_t position) {
    const bool is_every = position == every_position;
    for (int32_t p = is_every ? 0 : position; p < max_length_; p++) {
      Span& span = owned_->spans[size_t(p)];
      if (span.end == 0) span.begin = number;
      span.end = number + 1;
      if (!is_every) break;
    }
  }

  // Keeps scalar bytecode in words of 16 bits where these are enough: a run reads it once from end
  // to end, and waits for memory more than for arithmetic.
  void narrow() {
    const std::vector<uint32_t>& words = owned_->scalar_bytecode;
    const auto fits = [](uint32_t word) { return word <= 0xffff; };
    if (!std::all_of(words.begin(), words.end(), fits)) return;
    owned_->narrow_bytecode.assign(words.begin(), words.end());
    narrow_bytecode_ = owned_->narrow_bytecode;
    owned_->scalar_bytecode = {};
    scalar_bytecode_ = {};
  }

  // Runs an instruction inside its outer loops.
  __attribute__((noinline)) RunFault loop(int32_t i, const Instruction& in, const int32_t* ext,
                                          T* arena, int32_t* ints) const {
    const Loops& l = loops_[size_t(in.loops)];
    const idx n1 = ext[l.outer1], n2 = ext[l.outer2];
    const Direct<T> first{in, arena, ints};
    const ProductShape shape = shape_of(in, ext[in.rows], ext[in.cols], ext[in.inner]);
    if (runs_batch(*kernels_, in, shape)) {
      run_batch(
          *kernels_, in, shape, first.y(), first.a(), first.b(),
          Batch{n1, n2, l.step1[0], l.step2[0], l.step1[1], l.step2[1], l.step1[2], l.step2[2]});
      return {};
    }
    if (in.op == Op::row_dot) {
      const idx m = ext[in.rows], n = ext[in.cols];
      for (idx i1 = 0; i1 < n1; i1++)
        for (idx i2 = 0; i2 < n2; i2++)
          kernels_->row_dot(first.y() + i1 * l.step1[0] + i2 * l.step2[0], in.y.row,
                            first.a() + i1 * l.step1[1] + i2 * l.step2[1], in.a.row,
                            first.b() + i1 * l.step1[2] + i2 * l.step2[2], in.b.row, m, n,
                            in.accumulate);
      return {};
    }
    for (idx i1 = 0; i1 < n1; i1++)
      for (idx i2 = 0; i2 < n2; i2++) {
        Stepped<T> at{first, {}};
        for (int o = 0; o < 5; o++) at.by[o] = i1 * l.step1[o] + i2 * l.step2[o];
        const RunFault fault = execute<T>(*kernels_, i, in, ext, arena, at);
        if (fault.instruction >= 0) return fault;
      }
    return {};
  }

  // Forward bytecode grows with the prefix: where it begins depends on `from`. Backward bytecode
  // runs to its end: where it begins depends on the run's length.
  RunFault run_scalar(int32_t i, const Instruction& in, const int32_t* ext, int32_t from, T* arena,
                      int32_t* ints) const {
    const int64_t begin = in.accumulate ? ext[in.rows] : extents_at(from)[in.rows];
    const ScalarFault fault =
        narrow_bytecode_.empty()
            ? run_scalar_bytecode(arena, ints, scalar_bytecode_.data(), begin, ext[in.cols])
            : run_scalar_bytecode(arena, ints, narrow_bytecode_.data(), begin, ext[in.cols]);
    if (fault.failed) return {i, fault.index, fault.limit};
    return {};
  }

  // The tables of a program while it is made. A copy has its own, behind itself.
  struct OwnedTables {
    std::vector<int32_t> extents;
    std::vector<Instruction> code;
    std::vector<int32_t> positions;
    std::vector<Span> spans;
    std::vector<Loops> loops;
    Stretches stretches;
    std::vector<uint32_t> scalar_bytecode;
    std::vector<uint16_t> narrow_bytecode;
    std::vector<double> costs;
  };

  // Sorts regions by their offsets. Whether they lie in memory of a size, and do not overlap.
  static bool are_sound(std::vector<Region>& regions, int64_t size) {
    std::sort(regions.begin(), regions.end(),
              [](const Region& a, const Region& b) { return a.offset < b.offset; });
    int64_t end = 0;
    for (Region& region : regions) {
      region.is_example = 0;
      if (region.offset < end || region.size < 1 || region.rows < 1 || region.first < 0 ||
          region.size % region.rows ||
          int64_t(region.first) + region.rows > std::numeric_limits<int32_t>::max())
        return false;
      end = int64_t(region.offset) + region.size;
    }
    return end <= size;
  }

  // Leaves out `owned_`: the tables are those of `from` until `copy_to` has copied them.
  TypedProgram(const TypedProgram& from)
      : kernels_(from.kernels_),
        row_kernels_(from.row_kernels_),
        is_wide_(from.is_wide_),
        arena_size_(from.arena_size_),
        ints_size_(from.ints_size_),
        max_length_(from.max_length_),
        extent_count_(from.extent_count_),
        extents_(from.extents_),
        code_(from.code_),
        positions_(from.positions_),
        spans_(from.spans_),
        loops_(from.loops_),
        stretches_(from.stretches_),
        steps_(from.steps_),
        scalar_bytecode_(from.scalar_bytecode_),
        narrow_bytecode_(from.narrow_bytecode_),
        costs_(from.costs_),
        id_(from.id_) {}

  template <class Self, class F>
  static void each_table(Self& self, const F& f) {
    f(self.extents_);
    f(self.code_);
    f(self.positions_);
    f(self.spans_);
    f(self.loops_);
    f(self.stretches_);
    f(self.steps_);
    f(self.scalar_bytecode_);
    f(self.narrow_bytecode_);
    f(self.costs_);
  }
  static int64_t next_id() {
    static std::atomic<int64_t> made{0};
    return ++made;
  }
  static constexpr size_t padded(size_t bytes) {
    constexpr size_t step = alignof(std::max_align_t);
    return (bytes + step - 1) / step * step;
  }

  const Kernels<T>* kernels_;
  const Kernels<T>* row_kernels_;  // of batches that run by rows, whose calls are larger
  bool is_wide_ = false;
  int64_t arena_size_, ints_size_;
  int32_t max_length_;
  int64_t extent_count_;
  std::span<const int32_t> extents_;  // a row for each prefix length
  std::span<const Instruction> code_;
  std::span<const int32_t> positions_;  // of each instruction
  std::span<const Span> spans_;         // of each position
  std::span<const Loops> loops_;
  std::span<const Stretch> stretches_;  // all instructions, as they run
  std::span<const Places> steps_;       // of each instruction of a loop
  std::span<const uint32_t> scalar_bytecode_;
  std::span<const uint16_t> narrow_bytecode_;  // the same words, if 16 bits are enough for all
  std::span<const double> costs_;              // of each instruction and those before it
  int64_t id_;
  std::unique_ptr<OwnedTables> owned_;
};

template <class T>
std::unique_ptr<Program> make_typed(ProgramSpec&& spec, std::string& error) {
  const Kernels<T>* kernels = kernels_for<T>(spec.isa.empty() ? nullptr : spec.isa.c_str());
  if (!kernels) {
    error = "instruction set '" + spec.isa + "' is not available on this machine";
    return nullptr;
  }
  auto program = std::make_unique<TypedProgram<T>>(std::move(spec), kernels);
  error = program->load(spec);
  if (error.empty()) program->measure();
  if (!error.empty()) return nullptr;
  return program;
}

}  // namespace

std::unique_ptr<Program> make_program(ProgramSpec&& spec, std::string& error) {
  if (spec.max_length < 1 || spec.arena_size < 0 || spec.ints_size < 0) {
    error = "negative sizes";
    return nullptr;
  }
  if (spec.extents.size() % size_t(spec.max_length + 1) || spec.code.size() % instruction_words) {
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
