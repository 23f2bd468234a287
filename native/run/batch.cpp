// Steps on batches: see batch.h.
#include "run/batch.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "isa/isa.h"
#include "kernels/kernels.h"
#include "vm/denormals.h"

namespace vecgrad {
namespace {

template <class T>
class Step {
 public:
  Step(const Program& program, void* arena, const Lanes& lanes, const BatchLayout& layout,
       const Examples& examples)
      : program_(program),
        kernels_(*kernels_for<T>(program.isa())),
        arena_(static_cast<T*>(arena)),
        lanes_(lanes),
        layout_(layout),
        examples_(examples),
        used_(std::min(lanes.count, int32_t(examples.lengths.size()))),
        faults_(size_t(used_)) {
    for (const ArenaRange& range : layout.fed) fed_ += range.count;
  }

  BatchFault run(int32_t threads) {
    std::atomic<int32_t> next{0};
    const auto work = [&](int32_t thread) {
      const FlushDenormals flush;
      T* const own = static_cast<T*>(lanes_.memory) + thread * lanes_.stride;
      const auto [parameters, size] = layout_.parameters;
      std::copy(arena_ + parameters, arena_ + parameters + size, own + parameters);
      for (int32_t lane; (lane = next++) < used_;) faults_[size_t(lane)] = run_lane(lane, own);
    };
    {
      std::vector<std::thread> others;
      try {
        for (int32_t i = 1; i < std::min(threads, used_); i++) others.emplace_back(work, i);
      } catch (const std::system_error&) {
        // There are no more threads: those that have started do the work.
      }
      work(0);
      for (std::thread& thread : others) thread.join();
    }
    BatchFault first;
    for (const BatchFault& fault : faults_)
      if (fault.example >= 0 && (first.example < 0 || fault.example < first.example)) first = fault;
    if (first.example < 0) first.fault = update();
    return first;
  }

 private:
  // Runs a lane in `own`, the thread's copy of the arena, which the next lane finds in the cache.
  BatchFault run_lane(int32_t lane, T* own) const {
    const idx n = layout_.gradients.count;
    T* const gradients = own + layout_.gradients.offset;
    const int32_t count = int32_t(examples_.lengths.size());
    for (int32_t e = lane; e < count; e += lanes_.count) {
      const T* numbers = static_cast<const T*>(examples_.numbers) + e * fed_;
      for (const ArenaRange& range : layout_.fed) {
        std::copy(numbers, numbers + range.count, own + range.offset);
        numbers += range.count;
      }
      int32_t* const ints = examples_.ints.data() + e * program_.ints_size();
      const RunFault fault =
          program_.run(own, ints, 0, examples_.lengths[size_t(e)], 0, layout_.backward);
      examples_.losses[size_t(e)] = own[layout_.loss];
      const bool is_fault = fault.instruction >= 0;
      if (!is_fault) kernels_.copy(sum(lane), n, gradients, n, 1, 1, n, e > lane);
      // The next example adds to zeros.
      std::fill(gradients, gradients + n, T(0));
      if (is_fault) return {fault, e};
    }
    return {};
  }

  RunFault update() const {
    const FlushDenormals flush;
    T* const gradients = arena_ + layout_.gradients.offset;
    const idx n = layout_.gradients.count;
    for (int32_t lane = 0; lane < used_; lane++)
      kernels_.copy(gradients, n, sum(lane), n, 1, 1, n, lane > 0);
    double loss = 0;
    for (const double each : examples_.losses) loss += each;
    arena_[layout_.loss] = T(loss / double(examples_.losses.size()));
    const T share = T(1) / T(examples_.lengths.size());
    kernels_.mul(gradients, n, gradients, n, 1, &share, 0, 0, 1, n, 0);
    return program_.run(arena_, examples_.ints.data(), 0, program_.max_length(), layout_.backward,
                        layout_.update);
  }

  T* sum(int32_t lane) const {
    return static_cast<T*>(lanes_.sums) + int64_t(lane) * layout_.gradients.count;
  }

  const Program& program_;
  const Kernels<T>& kernels_;
  T* const arena_;
  const Lanes& lanes_;
  const BatchLayout& layout_;
  const Examples& examples_;
  const int32_t used_;
  std::vector<BatchFault> faults_;
  int64_t fed_ = 0;  // how many numbers an example feeds
};

}  // namespace

BatchFault step_batch(const Program& program, void* arena, const Lanes& lanes,
                      const BatchLayout& layout, const Examples& examples, int32_t threads) {
  if (program.is_float32())
    return Step<float>(program, arena, lanes, layout, examples).run(threads);
  return Step<double>(program, arena, lanes, layout, examples).run(threads);
}

}  // namespace vecgrad
