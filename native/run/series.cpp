// Series of runs: see series.h.
#include "run/series.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "run/feed.h"
#include "threads/denormals.h"
#include "threads/pool.h"

namespace vecgrad {
namespace {

// Reads what is asked for of the example at a place.
template <class T>
__attribute__((noinline)) void read_outputs(const Outputs& outputs, int32_t place, T* arena) {
  outputs.read<T>(place, [&](int32_t offset) {
    return [first = arena + offset](int32_t at) { return first + at; };
  });
}

// One run on the example `from` + i.
template <class T>
RunsResult run_example(const Program& program, T* arena, int32_t* ints, const Series& series,
                       int32_t from, int32_t i, double& loss) {
  RunsResult result;
  const OwnMemory<T> memory{arena, ints};
  if (!feed_example(program, series.examples, from + i, memory, result.feed)) {
    result.end = End::feed;
    return result;
  }
  series.step_numbers.write(memory, i);
  const int32_t length = series.examples.length_of(program, from + i);
  result.fault = program.run(arena, ints, 0, length, 0, series.end);
  if (result.fault.instruction >= 0) {
    result.end = End::fault;
    return result;
  }
  loss = double(arena[series.loss]);
  if (series.outputs) read_outputs(*series.outputs, i, arena);
  result.runs = 1;
  return result;
}

// Evaluates the examples in pieces. False where one could not be fed or met a fault: then some
// losses are written.
template <class T>
bool evaluate_in_pieces(const Program& program, T* arena, int32_t* ints, const Series& series,
                        int32_t from, std::span<double> losses) {
  const auto& [plan, piece, numbers, row_ints] = *series.rows;
  std::vector<int32_t> order;
  const int32_t count = int32_t(losses.size());
  if (!sort_by_length(program, series.examples, from, count, order)) return false;
  const RowTables<T> tables = row_tables_of<T>(program, *plan);
  RowRun<T> rows(tables, arena, ints, static_cast<T*>(numbers), row_ints);
  const PieceRun run{program,     series.examples, from, series.step_numbers,
                     series.loss, series.outputs};
  for (int32_t first = 0; first < count; first += piece) {
    const size_t size = size_t(std::min(piece, count - first));
    if (run.run(rows, std::span(order).subspan(size_t(first), size), losses).end != End::done)
      return false;
  }
  return true;
}

template <class T>
RunsResult run(const Program& program, T* arena, int32_t* ints, const Series& series, int32_t from,
               std::span<double> losses) {
  const FlushDenormals flush;
  RunsResult whole;
  if (series.rows && losses.size() > 1) {
    // The last one runs by itself, so that the program's memory holds its numbers afterwards. Where
    // a piece fails, the examples run one by one, to find the first one with a fault.
    const size_t last = losses.size() - 1;
    if (evaluate_in_pieces(program, arena, ints, series, from, losses.first(last))) {
      whole = run_example(program, arena, ints, series, from, int32_t(last), losses[last]);
      whole.runs += int32_t(last);
      whole.example += int32_t(last);
      return whole;
    }
  }
  const double* rules = series.rules.data();
  const int32_t count = int32_t(losses.size());
  const int32_t size = series.batches ? series.batches->size : 1;
  for (int32_t i = 0; i < count; i += size) {
    if (series.stop && __atomic_load_n(series.stop, __ATOMIC_RELAXED) != 0) break;
    for (int32_t r = 0; r < series.rule_size; r++) arena[series.rule + r] = T(*rules++);
    RunsResult step;
    if (series.batches) {
      StepNumber numbers = series.step_numbers;
      numbers.first += i;
      step = step_batch(program, arena, ints, series.examples, *series.batches,
                        {from + i, numbers, series.end, series.loss},
                        losses.subspan(size_t(i), size_t(std::min(size, count - i))));
    } else {
      step = run_example(program, arena, ints, series, from, i, losses[size_t(i)]);
    }
    whole.runs += step.runs;
    if (step.end != End::done) {
      step.runs = whole.runs;
      step.example += i;
      return step;
    }
    if (series.stops && !std::isfinite(arena[series.loss])) break;
  }
  return whole;
}

}  // namespace

RunsResult run_series(const Program& program, void* arena, int32_t* ints, const Series& series,
                      int32_t from, std::span<double> losses) {
  const ThreadLimit limit(series.threads);
  if (program.is_float32())
    return run(program, static_cast<float*>(arena), ints, series, from, losses);
  return run(program, static_cast<double*>(arena), ints, series, from, losses);
}

}  // namespace vecgrad
