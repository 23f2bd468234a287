// Runs a program on some examples of a batch at once, instruction by instruction: see row_plan.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "vm/row_call.h"
#include "vm/row_layout.h"
#include "vm/row_plan.h"

namespace vecgrad {

// How many numbers and integers the rows of `examples` examples of any length take.
struct RowSizes {
  int64_t numbers, ints;
};
template <class T>
RowSizes row_sizes(const RowTables<T>& tables, int64_t examples) {
  int64_t largest = 0;  // a sum, or what is spread, lies behind the rows
  for (const Region& region : tables.numbers) largest = std::max<int64_t>(largest, region.size);
  return {row_space(tables.numbers, examples) + aligned(largest), row_space(tables.ints, examples)};
}

template <class T>
class RowRun {
 public:
  // `arena` and `ints` are a program's memory, which holds what all examples share; `rows` and
  // `row_ints` have the sizes that `row_sizes` says.
  RowRun(const RowTables<T>& tables, T* arena, int32_t* ints, T* rows, int32_t* row_ints)
      : tables_(tables),
        layout_(tables.numbers, tables.ints, tables.is_uniform),
        arena_(arena),
        ints_(ints),
        rows_(rows),
        row_ints_(row_ints) {}

  // Lays out the rows of as many examples as there are lengths, the longest first.
  void lay_out(std::span<const int32_t> lengths) { layout_.lay_out(lengths); }

  // The numbers of example `e`, in the order of lengths, from an offset on; and its integers.
  ExampleElements<T> numbers(int32_t offset, int32_t e) {
    return elements(offset, e, false, rows_, arena_);
  }
  ExampleElements<int32_t> integers(int32_t slot, int32_t e) {
    return elements(slot, e, true, row_ints_, ints_);
  }

  // Goes on with the first `count` examples, all of this length: see RowLayout.
  void narrow(int32_t count, int32_t length) { layout_.narrow(count, length); }

  // The same for `count` numbers, or for one integer, of all examples of one length.
  RowsOf<T> number_rows(int32_t offset, int64_t count) {
    return layout_.find(offset, count, false).of(rows_);
  }
  RowsOf<int32_t> integer_rows(int32_t slot) { return layout_.find(slot, 1, true).of(row_ints_); }

  // Copies what instructions behind `position` read of some examples to the places of others.
  void move(std::span<const RowMove> moves, int32_t position) {
    layout_.move(tables_.numbers, false, rows_, moves, position);
    layout_.move(tables_.ints, true, row_ints_, moves, position);
  }

  RunFault run() { return run(0, int32_t(tables_.plan.size()), 0); }
  // Runs those of the instructions [begin, end) whose position is `from` or a later one.
  RunFault run(int32_t begin, int32_t end, int32_t from) {
    for (int32_t i = begin; i < end; i++) {
      if (tables_.plan[size_t(i)].position < from) continue;
      const RunFault fault = run_instruction(i);
      if (fault.instruction >= 0) return fault;
    }
    return {};
  }

 private:
  using At = CallPlaces<T>;
  // How far each operand is from one example to the next.
  struct Step {
    int64_t y, a, b, c, x, mask;
  };

  template <class E>
  ExampleElements<E> elements(int32_t offset, int32_t e, bool of_integers, E* rows, E* shared) {
    const RowLayout::Rows found = layout_.rows_of(offset, e, of_integers);
    return {found, found.starts ? rows : shared};
  }

  const int32_t* extents_at(int32_t length) const {
    return tables_.extents.data() + int64_t(length) * tables_.extent_count;
  }
  CallSizes sizes_of(const Instruction& in, int32_t length) const {
    const int32_t* const ext = extents_at(length);
    CallSizes sizes{1, 1, {ext[in.rows], ext[in.cols], ext[in.inner]}};
    if (in.loops >= 0) {
      const Loops& loops = tables_.loops[size_t(in.loops)];
      sizes.n1 = ext[loops.outer1];
      sizes.n2 = ext[loops.outer2];
    }
    return sizes;
  }
  // The instruction with its own extents: those of `CallSizes`.
  static Instruction localized(Instruction in) {
    in.rows = 0;
    in.cols = 1;
    in.inner = 2;
    return in;
  }

  const RegionPlace& place_of(const RowOperand& o, int32_t g, bool is_integer) const {
    return layout_.place(size_t(o.region), g, is_integer);
  }
  // Where an operand lies for the first example of a group, `moved` positions after the first.
  template <class E>
  E* at(const RowOperand& o, E* shared, E* rows, bool is_integer, int32_t g, int32_t moved) const {
    if (o.region < 0) return shared + int64_t(moved) * o.step;
    const RegionPlace& place = place_of(o, g, is_integer);
    const int32_t position = o.row + (o.moves ? moved : 0);
    return rows + place.origin + layout_.start(position) * place.unit + o.within;
  }
  At places(const Instruction& in, const RowInstruction& plan, int32_t g, int32_t moved) const {
    const auto numbers = [&](const RowOperand& o, int32_t offset) {
      return at(o, arena_ + offset, rows_, false, g, moved);
    };
    At found;
    found.y_ = numbers(plan.y, in.y_offset);
    found.a_ = numbers(plan.a, in.a_offset);
    found.b_ = numbers(plan.b, in.b_offset);
    // A product that adds to its result has no other start.
    found.c_ = in.op == Op::gemm && in.c == in.y_offset ? found.y_ : numbers(plan.c, in.c);
    found.x_ = at(plan.x, ints_ + in.x, row_ints_, true, g, moved);
    const int32_t mask = in.op == Op::gather_matmul ? in.c + in.c_row : in.imm1;
    const bool has_mask = in.op == Op::gather_matmul || (in.op == Op::gemm && in.imm0 == 2);
    found.mask_ = has_mask ? numbers(plan.mask, mask) : nullptr;
    return found;
  }
  int64_t step_of(const RowOperand& o, int32_t g, bool is_integer = false) const {
    return o.region < 0 ? 0 : place_of(o, g, is_integer).step;
  }
  Step steps(const Instruction& in, const RowInstruction& plan, int32_t g) const {
    Step step{step_of(plan.y, g), step_of(plan.a, g),       step_of(plan.b, g),
              step_of(plan.c, g), step_of(plan.x, g, true), step_of(plan.mask, g)};
    if (in.op == Op::gemm && in.c == in.y_offset) step.c = step.y;
    return step;
  }
  static void advance(At& at, const Step& by, int64_t n) {
    at.y_ += by.y * n;
    at.a_ += by.a * n;
    at.b_ += by.b * n;
    at.c_ += by.c * n;
    at.x_ += by.x * n;
    if (at.mask_) at.mask_ += by.mask * n;
  }

  RunFault run_instruction(int32_t i) {
    const RowInstruction& plan = tables_.plan[size_t(i)];
    if (plan.position >= layout_.longest()) return {};
    switch (plan.way) {
      case Way::never:
        return {};
      case Way::shared:
        return run_shared(i, plan);
      case Way::clear:
        clear(tables_.code[size_t(i)]);
        return {};
      case Way::merged:
        return run_merged(i, plan);
      case Way::positions:
        return run_positions(i, plan);
      case Way::cells:
        for (int32_t g = 0; g < int32_t(layout_.groups().size()); g++)
          if (const RunFault fault = run_cells(i, plan, g); fault.instruction >= 0) return fault;
        return {};
      case Way::examples:
        return run_examples(i, plan);
      case Way::repeated:
        return run_repeated(i, plan);
      case Way::summed:
        return run_summed(i, plan);
      case Way::spread:
        return run_spread(i, plan);
    }
    return {};
  }

  RunFault run_shared(int32_t i, const RowInstruction& plan) {
    const Instruction& code = tables_.code[size_t(i)];
    return RowCall<T>(tables_, arena_)
        .run(i, localized(code), sizes_of(code, layout_.longest()), places(code, plan, 0, 0),
             code.c_row, code.y.row);
  }

  void clear(const Instruction& in) {
    const CallSizes sizes = sizes_of(in, layout_.longest());
    const int64_t begin = in.y_offset, end = begin + int64_t(sizes.ext[0]) * sizes.ext[1];
    const T value = arena_[in.a_offset];
    size_t r = size_t(std::lower_bound(tables_.numbers.begin(), tables_.numbers.end(), begin,
                                       [](const Region& region, int64_t offset) {
                                         return region.offset < offset;
                                       }) -
                      tables_.numbers.begin());
    for (; r < tables_.numbers.size() && tables_.numbers[r].offset < end; r++) {
      const Region& region = tables_.numbers[r];
      if (!region.is_example) {
        std::fill_n(arena_ + region.offset, region.size, value);
        continue;
      }
      for (int32_t g = 0; g < int32_t(layout_.groups().size()); g++) {
        const RegionPlace& place = layout_.place(r, g, false);
        const RowGroup& group = layout_.groups()[size_t(g)];
        const int32_t first = std::min(region.first, group.length);
        std::fill_n(rows_ + place.origin + layout_.start(first) * place.unit,
                    layout_.rows(group, region.first, region.end()) * place.unit, value);
      }
    }
  }

  // The dimension of `CallSizes::ext` along which positions follow each other.
  static int dimension(Along along) { return int(along) - int(Along::rows); }

  RunFault run_merged(int32_t i, const RowInstruction& plan) {
    const Instruction& code = tables_.code[size_t(i)];
    int64_t rows = 0;
    for (const RowGroup& group : layout_.groups())
      rows += layout_.rows(group, plan.first, plan.end);
    if (rows == 0) return {};
    Instruction in = localized(code);
    CallSizes sizes = sizes_of(code, layout_.longest());
    sizes.ext[dimension(plan.along)] = int32_t(rows * plan.each);
    in.accumulate = in.accumulate || plan.adds;
    return RowCall<T>(tables_, arena_)
        .run(i, in, sizes, places(code, plan, 0, 0), in.c_row, in.y.row);
  }

  RunFault run_positions(int32_t i, const RowInstruction& plan) {
    const Instruction& code = tables_.code[size_t(i)];
    const CallSizes sizes = sizes_of(code, layout_.longest());
    for (int32_t g = 0; g < int32_t(layout_.groups().size()); g++) {
      const Step step = steps(code, plan, g);
      if (!fits_rows(code, plan, g, step)) {
        if (const RunFault fault = run_cells(i, plan, g); fault.instruction >= 0) return fault;
        continue;
      }
      Instruction in = localized(code);
      const bool keeps = plan.each > 1 && plan.along != Along::cols;  // rows lie without gaps
      int64_t c_row = in.c_row, mask_row = in.y.row;
      const auto row = [&](const RowOperand& o, int32_t& stride, int64_t by) {
        if (o.is_row || plan.along == Along::cols) stride = int32_t(by);
      };
      // A sum that gets one number at each position copies or adds it.
      const bool is_number = in.op == Op::row_sum && plan.reduces && plan.each == 1 && in.loops < 0;
      if (plan.along == Along::inner) {
        if (!keeps) {
          in.a.col = int32_t(step.a);
          in.b.row = int32_t(step.b);
        }
      } else if (!keeps) {
        row(plan.y, in.y.row, step.y);
        row(plan.a, in.a.row, step.a);
        row(plan.b, in.b.row, step.b);
        row(plan.c, in.c_row, step.c);
        c_row = in.op == Op::gemm ? step.c : in.c_row;
        mask_row = step.mask;
      }
      const RunFault found =
          each_position(plan, g, [&](int32_t moved, int32_t examples) -> RunFault {
            const At at = places(code, plan, g, moved);
            CallSizes own = sizes;
            in.accumulate = code.accumulate || plan.adds;
            if (plan.along == Along::cols) {
              own.ext[0] = examples;
              own.ext[1] = plan.each;
              in.accumulate = in.accumulate || (plan.reduces && moved > 0);
            } else {
              own.ext[dimension(plan.along)] = examples * plan.each;
            }
            if (plan.copies || is_number) {
              copy_rows(at, step, examples, own.ext[1], code.accumulate || plan.adds || moved > 0);
              return {};
            }
            return RowCall<T>(tables_, arena_).run(i, in, own, at, c_row, mask_row);
          });
      if (found.instruction >= 0) return found;
    }
    return {};
  }

  // y (+)= a for a row of each example.
  void copy_rows(const At& at, const Step& step, int32_t examples, int32_t columns, int acc) {
    const bool is_one_row = columns == 1 && step.y == 1 && step.a == 1;
    tables_.kernels->copy(at.y_, step.y, at.a_, step.a, 1, is_one_row ? 1 : examples,
                          is_one_row ? examples : columns, acc);
  }

  // Whether the rows of a group's examples at one position lie as one call needs them.
  bool fits_rows(const Instruction& code, const RowInstruction& plan, int32_t g,
                 const Step& step) const {
    const bool is_adjacent =
        code.op == Op::rms_norm || code.op == Op::rms_norm_grad || code.op == Op::cross_entropy;
    if (plan.along == Along::rows) {
      if (plan.x.is_row && step.x != plan.each) return false;
      if (is_adjacent && step.c != plan.each) return false;
    }
    if (plan.each == 1 || plan.along == Along::cols) return true;
    const auto fits = [&](const RowOperand& o, int64_t by) {
      return o.region < 0 || by == place_of(o, g, false).unit;
    };
    return fits(plan.y, step.y) && fits(plan.a, step.a) && fits(plan.b, step.b) &&
           fits(plan.c, step.c) && fits(plan.mask, step.mask);
  }

  RunFault run_cells(int32_t i, const RowInstruction& plan, int32_t g) {
    const Instruction& code = tables_.code[size_t(i)];
    CallSizes sizes = sizes_of(code, layout_.longest());
    switch (plan.along) {
      case Along::none:
        break;
      case Along::outer1:
        sizes.n1 = plan.each;
        break;
      case Along::outer2:
        sizes.n2 = plan.each;
        break;
      default:
        sizes.ext[dimension(plan.along)] = plan.each;
    }
    Instruction in = localized(code);
    const Step step = steps(code, plan, g);
    return each_position(plan, g, [&](int32_t moved, int32_t examples) {
      in.accumulate = code.accumulate || plan.adds || (plan.reduces && moved > 0);
      return run_each(i, in, sizes, places(code, plan, g, moved), step, examples);
    });
  }

  // Calls f(moved, examples) for each position of a group, `moved` after the first: how many
  // examples have it.
  template <class F>
  RunFault each_position(const RowInstruction& plan, int32_t g, const F& f) {
    const int32_t end = std::min(layout_.groups()[size_t(g)].length, plan.end);
    for (int32_t p = plan.first; p < end; p++) {
      const int32_t examples = layout_.count(g, std::max(p, plan.position));
      if (examples == 0) break;
      const RunFault fault = f(p - plan.first, examples);
      if (fault.instruction >= 0) return fault;
    }
    return {};
  }

  // One call for each of some examples.
  RunFault run_each(int32_t i, const Instruction& in, const CallSizes& sizes, At at,
                    const Step& step, int32_t examples) {
    if (in.loops < 0 && has_chosen_rows(in.op))
      return run_chosen_rows(i, in, sizes, at, step, examples);
    for (int32_t e = 0; e < examples; e++, advance(at, step, 1)) {
      const RunFault fault = RowCall<T>(tables_, arena_).run(i, in, sizes, at, in.c_row, in.y.row);
      if (fault.instruction >= 0) return fault;
    }
    return {};
  }

  // Instructions of sparse firing, each of which takes an example a call: a short loop of their
  // own.
  static bool has_chosen_rows(Op op) {
    return op == Op::topk || op == Op::gather_matmul || op == Op::gather_dot ||
           op == Op::scatter_outer;
  }
  RunFault run_chosen_rows(int32_t i, const Instruction& in, const CallSizes& sizes, At at,
                           const Step& step, int32_t examples) {
    const Kernels<T>& k = *tables_.kernels;
    const idx starts = sizes.ext[0], cols = sizes.ext[1], inner = sizes.ext[2];
    for (int32_t e = 0; e < examples; e++, advance(at, step, 1)) {
      if (in.op == Op::topk) {
        k.topk(at.x_, at.a_, in.a.col, cols, inner, in.imm0);
        continue;
      }
      if (const idx p = first_outside(at.x_, inner, in.imm0); p < inner)
        return {i, at.x_[p], in.imm0};
      if (in.op == Op::gather_matmul)
        k.gemv_rows(at.y_, at.a_, in.a.row, at.b_, in.b.row, at.x_, inner, cols, 1,
                    starts > 0 ? at.c_ : nullptr, starts > 1 ? at.mask_ : nullptr, in.imm1);
      else
        add_row_products(k, in, at.y_, at.a_, at.b_, at.x_, inner, cols);
    }
    return {};
  }

  RunFault run_examples(int32_t i, const RowInstruction& plan) {
    const Instruction& code = tables_.code[size_t(i)];
    Instruction in = localized(code);
    in.accumulate = code.accumulate || plan.adds;
    for (int32_t g = 0; g < int32_t(layout_.groups().size()); g++) {
      const RowGroup& group = layout_.groups()[size_t(g)];
      if (plan.position >= group.length) continue;
      const CallSizes sizes = sizes_of(code, group.length);
      const Step step = steps(code, plan, g);
      const At at = places(code, plan, g, 0);
      RowCall<T> call(tables_, arena_);
      if (sizes.n1 == 1 && !plan.adds && call.runs_batch(in, sizes, at)) {
        call.run_batch(in, sizes, at, batch_of(code, group.count, sizes.n2, step));
        continue;
      }
      const bool by_row = sizes.ext[0] < group.count && RowCall<T>::can_be_rows(code, plan);
      const RunFault fault =
          by_row ? call.run_rows(i, in, sizes, at, {step.y, step.a, step.b}, group.count)
                 : run_each(i, in, sizes, at, step, group.count);
      if (fault.instruction >= 0) return fault;
    }
    return {};
  }

  RunFault run_repeated(int32_t i, const RowInstruction& plan) {
    const Instruction& code = tables_.code[size_t(i)];
    Instruction in = localized(code);
    in.accumulate = true;
    const At at = places(code, plan, 0, 0);
    for (const int32_t length : layout_.lengths()) {
      if (plan.position >= length) break;
      const RunFault fault =
          RowCall<T>(tables_, arena_).run(i, in, sizes_of(code, length), at, in.c_row, in.y.row);
      if (fault.instruction >= 0) return fault;
    }
    return {};
  }

  // The batch of all examples of a group, each with one outer loop.
  Batch batch_of(const Instruction& in, int32_t examples, idx n2, const Step& step) const {
    const Loops* const loops = in.loops < 0 ? nullptr : &tables_.loops[size_t(in.loops)];
    const auto by = [&](int o) { return loops ? idx(loops->step2[o]) : 0; };
    return {examples, n2, step.y, by(0), step.a, by(1), step.b, by(2)};
  }

  RunFault run_summed(int32_t i, const RowInstruction& plan) {
    const Instruction& code = tables_.code[size_t(i)];
    const bool is_a = plan.a.region >= 0;
    const RowOperand& operand = is_a ? plan.a : plan.b;
    const int64_t unit = place_of(operand, 0, false).unit;
    const int32_t rows = std::min(layout_.longest(), plan.end) - plan.first;
    if (rows <= 0) return {};
    T* const sum = rows_ + layout_.numbers_size();
    std::fill_n(sum, rows * unit, T(0));
    for (int32_t g = 0; g < int32_t(layout_.groups().size()); g++) {
      const int64_t step = step_of(operand, g);
      each_position(plan, g, [&](int32_t moved, int32_t examples) -> RunFault {
        const T* const from = at<T>(operand, nullptr, rows_, false, g, moved) - operand.within;
        tables_.kernels->col_sum(sum + moved * unit, from, step, examples, unit, 1);
        return {};
      });
    }
    At where;
    where.y_ = where.c_ = arena_ + code.y_offset;
    where.a_ = is_a ? sum + operand.within : arena_ + code.a_offset;
    where.b_ = is_a ? arena_ + code.b_offset : sum + operand.within;
    where.x_ = ints_ + code.x;
    where.mask_ = nullptr;
    return RowCall<T>(tables_, arena_)
        .run(i, localized(code), sizes_of(code, layout_.longest()), where, code.c_row, code.y.row);
  }

  RunFault run_spread(int32_t i, const RowInstruction& plan) {
    const Instruction& code = tables_.code[size_t(i)];
    CallSizes sizes = sizes_of(code, layout_.longest());
    const int32_t rows = sizes.ext[0];
    const idx columns = sizes.ext[1];
    if (rows <= 0) return {};
    At where = places(code, plan, 0, 0);
    where.y_ = where.c_ = rows_ + layout_.numbers_size();
    Instruction in = localized(code);
    in.accumulate = false;
    in.y.row = int32_t(columns);
    RowCall<T>(tables_, arena_).run(i, in, sizes, where, in.c_row, in.y.row);
    for (int32_t g = 0; g < int32_t(layout_.groups().size()); g++) {
      const int64_t step = step_of(plan.y, g);
      each_position(plan, g, [&](int32_t moved, int32_t examples) -> RunFault {
        tables_.kernels->copy(at(plan.y, arena_ + code.y_offset, rows_, false, g, moved), step,
                              where.y_ + moved * columns, 0, 1, examples, columns, code.accumulate);
        return {};
      });
    }
    return {};
  }

  const RowTables<T>& tables_;
  RowLayout layout_;
  T* const arena_;
  int32_t* const ints_;
  T* const rows_;
  int32_t* const row_ints_;
};

}  // namespace vecgrad
