// Series of runs: see series.h.
#include "run/series.h"

#include <algorithm>
#include <cmath>

#include "run/feed.h"
#include "vm/denormals.h"

namespace vecgrad {
namespace {

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
  result.runs = 1;
  return result;
}

template <class T>
RunsResult run(const Program& program, T* arena, int32_t* ints, const Series& series, int32_t from,
               std::span<double> losses) {
  const FlushDenormals flush;
  RunsResult whole;
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
  if (program.is_float32())
    return run(program, static_cast<float*>(arena), ints, series, from, losses);
  return run(program, static_cast<double*>(arena), ints, series, from, losses);
}

}  // namespace vecgrad
