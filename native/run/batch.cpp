// Steps on batches: see batch.h.
#include "run/batch.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "isa/isa.h"
#include "kernels/kernels.h"
#include "run/pool.h"
#include "vm/denormals.h"

namespace vecgrad {
namespace {

template <class T>
class Step {
 public:
  Step(const Program& program, void* arena, const Examples& examples, const Batches& batches,
       const BatchStep& step, std::span<double> losses)
      : program_(program),
        kernels_(*kernels_for<T>(program.isa())),
        arena_(static_cast<T*>(arena)),
        examples_(examples),
        batches_(batches),
        lanes_(batches.lanes),
        step_(step),
        losses_(losses),
        used_(std::min(lanes_.count, int32_t(losses.size()))),
        results_(size_t(used_)) {}

  RunsResult run(int32_t* ints) {
    std::atomic<int32_t> next{0};
    const auto work = [&](int32_t thread) {
      const FlushDenormals flush;
      T* const own = static_cast<T*>(lanes_.numbers) + thread * lanes_.stride;
      int32_t* const own_ints = lanes_.ints.data() + int64_t(thread) * program_.ints_size();
      const auto [parameters, size] = batches_.parameters;
      std::copy(arena_ + parameters, arena_ + parameters + size, own + parameters);
      for (int32_t lane; (lane = next++) < used_;)
        results_[size_t(lane)] = run_lane(lane, own, own_ints);
    };
    with_helpers(std::min(batches_.threads, used_), work);
    const RunsResult* first = nullptr;
    for (const RunsResult& result : results_)
      if (result.end != End::done && (!first || result.example < first->example)) first = &result;
    return first ? *first : update(ints);
  }

 private:
  // Runs a lane in `own`, the thread's copy of the arena, which the next lane finds in the cache.
  RunsResult run_lane(int32_t lane, T* own, int32_t* ints) const {
    const idx n = batches_.gradients.count;
    T* const gradients = own + batches_.gradients.offset;
    RunsResult result;
    for (int32_t e = lane; e < int32_t(losses_.size()); e += lanes_.count) {
      result.example = e;
      if (!feed_example(program_, examples_, step_.first + e, own, ints, result.feed)) {
        result.end = End::feed;
        return result;
      }
      step_.numbers.write(ints, e);
      const int32_t length = examples_.length_of(program_, step_.first + e);
      result.fault = program_.run(own, ints, 0, length, 0, batches_.backward);
      losses_[size_t(e)] = double(own[step_.loss]);
      const bool is_fault = result.fault.instruction >= 0;
      if (!is_fault) kernels_.copy(sum(lane), n, gradients, n, 1, 1, n, e > lane);
      // The next example adds to zeros.
      std::fill(gradients, gradients + n, T(0));
      if (is_fault) {
        result.end = End::fault;
        return result;
      }
    }
    return result;
  }

  RunsResult update(int32_t* ints) const {
    const FlushDenormals flush;
    T* const gradients = arena_ + batches_.gradients.offset;
    const idx n = batches_.gradients.count;
    for (int32_t lane = 0; lane < used_; lane++)
      kernels_.copy(gradients, n, sum(lane), n, 1, 1, n, lane > 0);
    double loss = 0;
    for (const double each : losses_) loss += each;
    arena_[step_.loss] = T(loss / double(losses_.size()));
    const T share = T(1) / T(losses_.size());
    kernels_.mul(gradients, n, gradients, n, 1, &share, 0, 0, 1, n, 0);
    RunsResult result;
    result.fault =
        program_.run(arena_, ints, 0, program_.max_length(), batches_.backward, step_.end);
    if (result.fault.instruction >= 0)
      result.end = End::fault;
    else
      result.runs = int32_t(losses_.size());
    return result;
  }

  T* sum(int32_t lane) const {
    return static_cast<T*>(lanes_.sums) + int64_t(lane) * batches_.gradients.count;
  }

  const Program& program_;
  const Kernels<T>& kernels_;
  T* const arena_;
  const Examples& examples_;
  const Batches& batches_;
  const Lanes& lanes_;
  const BatchStep& step_;
  const std::span<double> losses_;
  const int32_t used_;               // lanes
  std::vector<RunsResult> results_;  // by lane
};

}  // namespace

RunsResult step_batch(const Program& program, void* arena, int32_t* ints, const Examples& examples,
                      const Batches& batches, const BatchStep& step, std::span<double> losses) {
  if (program.is_float32())
    return Step<float>(program, arena, examples, batches, step, losses).run(ints);
  return Step<double>(program, arena, examples, batches, step, losses).run(ints);
}

}  // namespace vecgrad
