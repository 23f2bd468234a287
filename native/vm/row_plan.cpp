// Plans of batches: see row_plan.h.
#include "vm/row_plan.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>

#include "vm/row_operands.h"
#include "vm/row_ways.h"

namespace vecgrad {
namespace {

class Planner {
 public:
  Planner(const RowPlanSource& source, RowPlan& plan) : source_(source), plan_(plan) {}

  bool run() {
    plan_.instructions.assign(size_t(source_.count), {});
    for (int32_t i = 0; i < source_.count; i++) {
      if (!computes_array(code(i).op)) return false;
      if (runs(i) && !begin_regions(i)) return false;
    }
    find_examples();
    divide_fed_integers();
    for (int32_t i = 0; i < source_.count; i++)
      if (runs(i) && !plan_instruction(i)) return false;
    if (plan_.is_uniform)
      for (RowInstruction& planned : plan_.instructions) make_uniform(planned);
    return true;
  }

 private:
  const Instruction& code(int32_t i) const { return source_.code[size_t(i)]; }
  int32_t position(int32_t i) const { return std::max(source_.positions[size_t(i)], 0); }
  bool runs(int32_t i) const { return position(i) < source_.extents.max_length(); }
  Uses uses(int32_t i) const { return uses_of(code(i), source_.loops, source_.extents); }
  InstructionLoops loops(int32_t i) const {
    return loops_of(code(i), source_.loops, source_.extents, position(i));
  }

  std::vector<Region>& regions(bool of_integers) {
    return of_integers ? plan_.ints : plan_.numbers;
  }
  // The index of the region in which an offset lies, or -1.
  int32_t region_at(int64_t offset, bool of_integers) {
    const std::vector<Region>& all = regions(of_integers);
    const auto after =
        std::upper_bound(all.begin(), all.end(), offset,
                         [](int64_t value, const Region& region) { return value < region.offset; });
    if (after == all.begin()) return -1;
    const Region& region = *(after - 1);
    return offset < int64_t(region.offset) + region.size ? int32_t(after - all.begin()) - 1 : -1;
  }
  int32_t region_of(const Use& use) { return region_at(use.offset, use.is_integer); }
  Region& region(const Use& use, int32_t index) { return regions(use.is_integer)[size_t(index)]; }
  bool belongs_to_example(const Use& use) {
    const int32_t index = use.is_present ? region_of(use) : -1;
    return index >= 0 && region(use, index).is_example;
  }
  // Whether an operand is what is summed over the examples.
  bool is_sum(const Use& use) const {
    return use.is_present && !use.is_integer && use.offset >= source_.gradients &&
           use.offset < int64_t(source_.gradients) + source_.gradients_size;
  }

  // Whether an instruction writes one number over whole regions: the start of sums.
  bool is_clear(int32_t i, const Uses& uses) {
    const Instruction& in = code(i);
    const bool fills =
        in.op == Op::fill || (in.op == Op::copy && !in.accumulate && !in.a.row && !in.a.col);
    if (!fills || in.loops >= 0 || region_of(uses.a) >= 0) return false;
    const InstructionLoops own = loops(i);
    if (!own[row_loop].is_fixed || !own[column_loop].is_fixed) return false;
    const int64_t rows = own[row_loop].count, columns = own[column_loop].count;
    if (rows > 1 && in.y.row != columns) return false;
    // All of each region that it touches.
    const int64_t begin = in.y_offset, end = begin + rows * columns;
    size_t r = size_t(std::max(region_at(begin, false), 0));
    bool is_any = false;
    for (; r < plan_.numbers.size() && plan_.numbers[r].offset < end; r++) {
      const Region& region = plan_.numbers[r];
      const int64_t region_end = region.offset + int64_t(region.size);
      if (region_end <= begin) continue;
      if (region.offset < begin || region_end > end) return false;
      is_any = true;
    }
    return is_any;
  }

  // A row must be there for all examples that run an instruction that touches it: lets regions
  // begin early enough. What an example reads at a later position can be computed at an earlier
  // one, and a region with one row is of the first position that touches it.
  bool begin_regions(int32_t i) {
    const Uses all = uses(i);
    if (is_clear(i, all)) return true;
    const InstructionLoops own = loops(i);
    for (const Use* use : all.all()) {
      const int32_t index = use->is_present ? region_of(*use) : -1;
      if (index < 0) continue;
      Region& touched = region(*use, index);
      touched.last = std::max(touched.last, position(i));
      if (touched.rows == 1) {
        touched.first = std::min(touched.first, position(i));
        continue;
      }
      const int64_t unit = touched.unit(), from = use->offset - touched.offset;
      int64_t span = from % unit, has_from = position(i);
      for (int d = 0; d < loop_count; d++) {
        const Loop& loop = own[size_t(d)];
        if (loop.is_fixed)
          span += (loop.count - 1) * use->stride[d];
        else if (loop.each * use->stride[d] == unit)
          has_from = loop.first;
      }
      const int64_t late = touched.first + from / unit + span / unit - has_from;
      if (late > touched.first) return false;
      touched.first -= int32_t(std::max<int64_t>(late, 0));
    }
    return true;
  }

  // Whether what an instruction writes depends on the length of an example, whatever it reads: it
  // adds up as many positions as there are, or it runs for long examples only, where short ones
  // have the same row without it.
  bool depends_on_length(int32_t i, const Uses& all) {
    const InstructionLoops own = loops(i);
    int32_t first = position(i);
    for (int d = 0; d < loop_count; d++) {
      if (own[size_t(d)].is_fixed) continue;
      const bool is_independent =
          is_elementwise(code(i).op) || d < row_loop || (d == row_loop && has_free_rows(code(i)));
      if (!is_independent || all.y.stride[d] == 0) return true;
      first = std::max(own[size_t(d)].first, position(i));
    }
    for (const Use* use : all.all()) {
      const int32_t index = use->is_present && use->is_written ? region_of(*use) : -1;
      if (index < 0) continue;
      const Region& written = region(*use, index);
      if (written.first + (use->offset - written.offset) / written.unit() < first) return true;
    }
    return false;
  }

  // What is computed from numbers of an example belongs to it, sums over all examples excepted.
  void find_examples() {
    for (const bool of_integers : {false, true})
      for (Region& each : regions(of_integers)) {
        each.is_example = each.is_fed;
        if (each.is_fed && each.rows == 1) each.first = 0;
      }
    for (bool has_changed = true; has_changed;) {
      has_changed = false;
      for (int32_t i = 0; i < source_.count; i++) {
        if (!runs(i)) continue;
        const Uses own = uses(i);
        const auto all = own.all();
        const bool reads_example = std::any_of(all.begin(), all.end(), [&](const Use* use) {
          return !use->is_written && belongs_to_example(*use);
        });
        if (!reads_example && (is_clear(i, own) || !depends_on_length(i, own))) continue;
        for (const Use* use : all) {
          const int32_t index = use->is_present && use->is_written ? region_of(*use) : -1;
          if (index < 0 || region(*use, index).is_example) continue;
          region(*use, index).is_example = true;
          has_changed = true;
        }
      }
    }
  }

  // Divides integers that each example is fed into rows, one for each position, where those that
  // read them step from row to row.
  void divide_fed_integers() {
    struct Division {
      int64_t unit = 0, first = -1;
      bool is_right = true;
    };
    std::vector<Division> divisions(plan_.ints.size());
    const auto each_reader = [&](const auto& f) {
      for (int32_t i = 0; i < source_.count; i++) {
        if (!runs(i)) continue;
        const Use x = uses(i).x;
        const int32_t index = x.is_present ? region_of(x) : -1;
        if (index < 0) continue;
        const Region& fed = plan_.ints[size_t(index)];
        if (fed.is_fed && fed.rows == 1 && fed.size > 1) f(i, x, fed, divisions[size_t(index)]);
      }
    };
    each_reader([&](int32_t i, const Use& x, const Region& fed, Division& division) {
      const InstructionLoops own = loops(i);
      for (int d = 0; d < loop_count; d++) {
        const Loop& loop = own[size_t(d)];
        if (loop.is_fixed || x.stride[d] == 0) continue;
        const int64_t unit = loop.each * x.stride[d];
        const int64_t first = unit ? loop.first - (x.offset - fed.offset) / unit : -1;
        division.is_right =
            division.is_right && first >= 0 && fed.size % unit == 0 &&
            (division.unit == 0 || (division.unit == unit && division.first == first));
        division.unit = unit;
        division.first = first;
      }
    });
    // What is read at a position of its own must be there from that position on.
    each_reader([&](int32_t i, const Use& x, const Region& fed, Division& division) {
      if (division.unit == 0 || !division.is_right) return;
      Region divided = fed;
      divided.rows = int32_t(fed.size / division.unit);
      divided.first = int32_t(division.first);
      Located found;
      division.is_right = locate_in(divided, x, loops(i), 1, position(i), found) && !found.spans;
    });
    for (size_t r = 0; r < divisions.size(); r++) {
      const Division& division = divisions[r];
      if (division.unit == 0 || !division.is_right) continue;
      plan_.ints[r].rows = int32_t(plan_.ints[r].size / division.unit);
      plan_.ints[r].first = int32_t(division.first);
    }
  }

  // False where an operand does not lie in its region as a batch needs it.
  static bool locate_in(const Region& own, const Use& use, const InstructionLoops& loops,
                        int64_t table_rows, int32_t position, Located& found) {
    const int64_t unit = own.unit(), from = use.offset - own.offset;
    found.is_example = true;
    found.unit = unit;
    found.first = own.first;
    found.end = own.end();
    found.at.row = own.first + int32_t(from / unit);
    found.at.within = int32_t(from % unit);
    const int64_t table = (table_rows - 1) * use.table_stride;
    int64_t span = found.at.within + table, reach = from + table;
    int32_t first = 0;
    for (int d = 0; d < loop_count; d++) {
      const Loop& loop = loops[size_t(d)];
      const int64_t stride = use.stride[d];
      if (stride == 0) continue;
      if (loop.count == 0) return false;
      reach += (loop.count - 1) * stride;
      if (loop.is_fixed) {
        span += (loop.count - 1) * stride;
      } else if (own.rows > 1 && loop.each * stride == unit && !found.at.moves) {
        found.at.moves = true;
        first = loop.first;
        span += (loop.each - 1) * stride;
      } else if (own.rows > 1 && loop.each == 0) {
        return false;
      } else {
        found.is_inside = true;
        span += (loop.count - 1) * stride;
      }
    }
    if (reach >= own.size) return false;
    found.spans = own.rows > 1 && span >= unit;
    if (found.spans && (found.is_inside || found.at.moves)) return false;
    if (found.at.moves) return found.at.row <= first;
    return found.at.row + (found.spans ? span / unit : 0) <= position;
  }

  // Where an operand lies. False where a batch cannot have it there.
  bool locate(const Use& use, const InstructionLoops& loops, const RowInstruction& planned,
              int64_t table_rows, Located& found) {
    found.at.is_row = use.is_row;
    if (!use.is_present) return true;
    const int32_t index = region_of(use);
    if (index >= 0 && region(use, index).is_example) {
      found.at.region = index;
      return locate_in(region(use, index), use, loops, table_rows, planned.position, found);
    }
    if (planned.along != Along::none) {
      const size_t loop = size_t(planned.along) - 1;
      found.at.step = int32_t(loops[loop].each * use.stride[loop]);
    }
    return true;
  }

  bool plan_instruction(int32_t i) {
    const Instruction& in = code(i);
    RowInstruction& planned = plan_.instructions[size_t(i)];
    planned.position = position(i);
    const Uses own = uses(i);
    if (is_clear(i, own)) {
      planned.way = Way::clear;
      return true;
    }
    bool has_example = false;
    for (const Use* use : own.all()) {
      if (!use->is_written && is_sum(*use)) return false;  // which is not complete
      has_example = has_example || belongs_to_example(*use);
    }
    if (!has_example) {
      planned.adds = is_sum(own.y);
      planned.way = planned.adds ? Way::repeated : Way::shared;
      return !planned.adds || adds_in_place(in, own);
    }
    return has_shared_constants(in) && plan_located(in, own, loops(i), planned);
  }

  // A norm reads two numbers by their offsets.
  bool has_shared_constants(const Instruction& in) {
    if (in.op != Op::rms_norm && in.op != Op::rms_norm_grad) return true;
    return region_at(in.imm0, false) < 0 &&
           (in.op != Op::rms_norm || region_at(in.imm1, false) < 0);
  }

  bool plan_located(const Instruction& in, const Uses& own, const InstructionLoops& loops,
                    RowInstruction& planned) {
    LocatedInstruction of{in, own, loops, 0, {}, false};
    for (int d = 0; d < loop_count; d++) {
      const Loop& loop = loops[size_t(d)];
      if (loop.is_fixed) continue;
      of.variable_loops++;
      planned.along = Along(d + 1);
      planned.first = loop.first;
      planned.each = loop.each;
      planned.end = loop.end;
    }
    planned.varies = of.variable_loops == 1;
    if (of.variable_loops > 1) planned.along = Along::none;
    if (of.variable_loops == 0) planned.first = planned.position;
    if (of.variable_loops != 1) planned.end = planned.first + 1;
    RowOperand* const places[] = {&planned.y, &planned.a, &planned.b,
                                  &planned.c, &planned.x, &planned.mask};
    const auto all = own.all();
    for (size_t o = 0; o < all.size(); o++) {
      if (!locate(*all[o], loops, planned, in.imm0, of.operands[o])) return false;
      *places[o] = of.operands[o].at;
    }
    of.sums = own.y.is_present && !of.operands[0].is_example;
    // What is neither an example's nor a sum over the examples cannot be written for each example.
    if (of.sums && !is_sum(own.y)) return false;
    if (own.c.is_written && !of.operands[3].is_example) return false;
    if (!choose_way(of, planned)) return false;
    plan_.is_uniform = plan_.is_uniform || planned.way == Way::examples;
    return true;
  }

  // Where the rows of an example lie together, they need no call for each position.
  static void make_uniform(RowInstruction& planned) {
    const bool is_split = planned.way == Way::positions || planned.way == Way::cells ||
                          (planned.way == Way::merged && !planned.is_whole);
    if (planned.varies && is_split) planned.way = Way::examples;
  }

  const RowPlanSource& source_;
  RowPlan& plan_;
};

}  // namespace

bool plan_rows(const RowPlanSource& source, RowPlan& plan) { return Planner(source, plan).run(); }

namespace {

template <class E>
size_t padded_bytes(const std::vector<E>& elements) {
  constexpr size_t step = alignof(std::max_align_t);
  static_assert(std::is_trivially_copyable_v<E> && alignof(E) <= step);
  return (elements.size() * sizeof(E) + step - 1) / step * step;
}

constexpr size_t header_bytes = (sizeof(PlannedRows) + alignof(std::max_align_t) - 1) /
                                alignof(std::max_align_t) * alignof(std::max_align_t);

}  // namespace

size_t planned_bytes(const RowPlan& plan) {
  return header_bytes + padded_bytes(plan.numbers) + padded_bytes(plan.ints) +
         padded_bytes(plan.instructions);
}

PlannedRows* place_plan(const RowPlan& plan, int64_t program, void* memory) {
  std::byte* free = static_cast<std::byte*>(memory) + header_bytes;
  const auto place = [&]<class E>(const std::vector<E>& from) {
    E* const to = reinterpret_cast<E*>(free);
    std::uninitialized_copy(from.begin(), from.end(), to);
    free += padded_bytes(from);
    return std::span<const E>(to, from.size());
  };
  return new (memory) PlannedRows{program, place(plan.numbers), place(plan.ints),
                                  place(plan.instructions), plan.is_uniform};
}

}  // namespace vecgrad
