// Pieces: some examples of a series that run together, instruction by instruction, where the
// program has a plan for that (vm/row_plan.h).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "run/examples.h"
#include "run/feed.h"
#include "run/outputs.h"
#include "vm/row_run.h"
#include "vm/vm.h"

namespace vecgrad {

// A plan, and the memory of one thread for the rows of a piece of at most `piece` examples.
struct PieceRows {
  const PlannedRows* plan = nullptr;
  int32_t piece = 1;
  void* numbers = nullptr;
  int32_t* ints = nullptr;
};

// How many examples of average length a piece has. More examples make longer calls of kernels, and
// fewer pieces to share out: a recurrence gains up to 32 (an example of `rnn`, float32, in pieces
// of 8, 16, 32 and 64 takes 0.68, 0.61, 0.54 and 0.54 of a single step), `vector` little beyond 16.
inline int32_t usual_examples(const PlannedRows& plan) { return plan.is_uniform ? 16 : 32; }

// How many numbers and integers a thread needs for the rows of a piece of some examples, behind its
// copy of the program's memory, and the most examples that a piece should have, which is twice as
// many as a piece of average examples has.
struct PieceSizes {
  int64_t numbers = 0, ints = 0;
  int32_t most = 1;
};
PieceSizes piece_sizes(const Program& program, const PlannedRows& plan, int32_t examples);

template <class T>
RowTables<T> row_tables_of(const Program& program, const PlannedRows& plan) {
  return static_cast<const ProgramOf<T>&>(program).row_tables(plan);
}

// The places of `count` examples, from `first` on, in the order of their lengths, the longest
// first. False where a length is none.
bool sort_by_length(const Program& program, const Examples& examples, int32_t first, int32_t count,
                    std::vector<int32_t>& order);

// The memory of one example of a piece, as it is fed.
template <class T>
struct PieceMemory {
  RowRun<T>& rows;
  int32_t example;
  ExampleElements<T> numbers(int32_t offset) const { return rows.numbers(offset, example); }
  ExampleElements<int32_t> integers(int32_t slot) const { return rows.integers(slot, example); }
};

// What the pieces of a series have in common.
struct PieceRun {
  const Program& program;
  const Examples& examples;
  int32_t first;                     // the example at place 0
  StepNumber numbers;                // of the examples, by their places
  int32_t loss;                      // the slot of the loss
  const Outputs* outputs = nullptr;  // what else is read of each example, if anything

  // Runs the examples at `places`, the longest first, and writes their losses, by their places. A
  // fault is that of the piece: no example is named.
  template <class T>
  RunsResult run(RowRun<T>& rows, std::span<const int32_t> places, std::span<double> losses) const {
    RunsResult result;
    std::vector<int32_t> lengths;
    lengths.reserve(places.size());
    for (const int32_t place : places)
      lengths.push_back(examples.length_of(program, first + place));
    rows.lay_out(lengths);
    const int32_t count = int32_t(places.size());
    const auto memory = [&](int32_t i) { return PieceMemory<T>{rows, i}; };
    const auto example = [&](int32_t i) { return first + places[size_t(i)]; };
    if (!feed_examples(program, examples, count, example, memory)) {
      result.end = End::feed;
      return result;
    }
    if (!numbers.slots.empty())
      for (int32_t i = 0; i < count; i++) numbers.write(memory(i), places[size_t(i)]);
    result.fault = rows.run();
    if (result.fault.instruction >= 0) result.end = End::fault;
    for (int32_t i = 0; i < count; i++)
      if (const T* const found = rows.numbers(loss, i)(0))
        losses[size_t(places[size_t(i)])] = double(*found);
    if (outputs)
      for (int32_t i = 0; i < count; i++)
        outputs->read<T>(places[size_t(i)],
                         [&](int32_t offset) { return rows.numbers(offset, i); });
    return result;
  }
};

}  // namespace vecgrad
