// Steps on batches: see batch.h.
#include "run/batch.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <span>
#include <vector>

#include "isa/isa.h"
#include "kernels/kernels.h"
#include "run/feed.h"
#include "run/pieces.h"
#include "threads/denormals.h"
#include "threads/pool.h"
#include "vm/exact_sum.h"
#include "wide/wide.h"

namespace vecgrad {
namespace {

// A batch that costs less, in picoseconds, runs on one thread.
constexpr double least_batch_to_share = 10e6;

template <class T>
class Step {
 public:
  Step(const Program& program, void* arena, const Examples& examples, const Batches& batches,
       const BatchStep& step, std::span<double> losses)
      : program_(program),
        kernels_(*wide_kernels(kernels_for<T>(program.isa()))),
        tables_(batches.lanes.plan ? row_tables_of<T>(program, *batches.lanes.plan)
                                   : RowTables<T>{}),
        arena_(static_cast<T*>(arena)),
        examples_(examples),
        batches_(batches),
        lanes_(batches.lanes),
        step_(step),
        losses_(losses) {}

  RunsResult run(int32_t* ints) {
    // A fault in the middle of a piece is that of no example: one by one they find it.
    const bool has_pieces = lanes_.plan && lanes_.piece > 1;
    if (has_pieces && sort_by_length(program_, examples_, step_.first, count(), order_)) {
      cut_by_positions();
      if (run_lanes()) return update(ints);
    }
    cut_singly();
    if (run_lanes()) return update(ints);
    const RunsResult* first = nullptr;
    for (const RunsResult& result : results_)
      if (result.end != End::done && (!first || result.example < first->example)) first = &result;
    return *first;
  }

 private:
  // The memory that a thread runs in.
  struct Own {
    T* arena;
    int32_t* ints;
    RowRun<T> rows;
  };
  int32_t count() const { return int32_t(losses_.size()); }
  int32_t length_of(int32_t e) const { return examples_.length_of(program_, step_.first + e); }

  // Cuts the sorted examples into pieces with about as many positions each, because the time of a
  // piece depends on them.
  void cut_by_positions() {
    const int32_t usual = std::min(lanes_.piece, usual_examples(*lanes_.plan));
    const int64_t pieces = (count() + usual - 1) / usual;
    int64_t all = 0, before = 0;
    for (int32_t e = 0; e < count(); e++) all += length_of(e);
    ends_.clear();
    for (int32_t e = 0, begin = 0; e < count(); e++) {
      before += length_of(order_[size_t(e)]);
      const bool is_full = before * pieces >= all * (int64_t(ends_.size()) + 1);
      if (!is_full && e + 1 - begin < lanes_.piece) continue;
      ends_.push_back(begin = e + 1);
    }
  }
  // A piece for each example.
  void cut_singly() {
    ends_.resize(losses_.size());
    std::iota(ends_.begin(), ends_.end(), 1);
    order_.resize(losses_.size());
    std::iota(order_.begin(), order_.end(), 0);
  }

  // Runs all pieces. False if an example could not be fed or met a fault.
  bool run_lanes() {
    used_ = std::min(lanes_.count, int32_t(ends_.size()));
    results_.assign(size_t(used_), {});
    std::atomic<int32_t> next{0};
    const auto work = [&](int32_t thread) {
      const FlushDenormals flush;
      T* const numbers = static_cast<T*>(lanes_.numbers) + thread * lanes_.stride;
      int32_t* const ints = lanes_.ints.data() + thread * lanes_.int_stride;
      T* const rows = numbers + aligned(program_.arena_size());
      Own own{numbers, ints, {tables_, numbers, ints, rows, ints + program_.ints_size()}};
      const auto [parameters, size] = batches_.parameters;
      kernels_.copy(numbers + parameters, size, arena_ + parameters, size, 1, 1, size, 0);
      for (int32_t lane; (lane = next++) < used_;) results_[size_t(lane)] = run_lane(lane, own);
    };
    const bool is_shared = program_.cost_of(batches_.backward) * count() >= least_batch_to_share;
    with_helpers(is_shared ? std::min(lanes_.copies, used_) : 1, work);
    return std::all_of(results_.begin(), results_.end(),
                       [](const RunsResult& result) { return result.end == End::done; });
  }

  // Runs the pieces of a lane in the memory of a thread, which the next lane finds in the cache.
  RunsResult run_lane(int32_t lane, Own& own) {
    const idx n = batches_.gradients.count;
    T* const gradients = own.arena + batches_.gradients.offset;
    for (size_t p = size_t(lane); p < ends_.size(); p += size_t(lanes_.count)) {
      const int32_t first = p ? ends_[p - 1] : 0, size = ends_[p] - first;
      const bool is_alone = ends_.size() == losses_.size();
      const RunsResult result =
          is_alone ? run_example(order_[size_t(first)], own) : run_piece(first, size, own);
      if (result.end == End::done)
        kernels_.copy(sum(lane), n, gradients, n, 1, 1, n, p > size_t(lane));
      // The next piece adds to zeros: a program may read its own sums.
      kernels_.fill(gradients, n, T(0), 1, n);
      if (result.end != End::done) return result;
    }
    return {};
  }

  RunsResult run_example(int32_t e, Own& own) {
    RunsResult result;
    result.example = e;
    const OwnMemory<T> memory{own.arena, own.ints};
    if (!feed_example(program_, examples_, step_.first + e, memory, result.feed)) {
      result.end = End::feed;
      return result;
    }
    step_.numbers.write(memory, e);
    result.fault = program_.run(own.arena, own.ints, 0, length_of(e), 0, batches_.backward);
    losses_[size_t(e)] = double(own.arena[step_.loss]);
    if (result.fault.instruction >= 0) result.end = End::fault;
    return result;
  }

  // Runs `size` examples together, from `first` on in the order of their lengths.
  RunsResult run_piece(int32_t first, int32_t size, Own& own) {
    const PieceRun run{program_, examples_, step_.first, step_.numbers, step_.loss};
    return run.run(own.rows, std::span(order_).subspan(size_t(first), size_t(size)), losses_);
  }

  RunsResult update(int32_t* ints) const {
    const FlushDenormals flush;
    T* const gradients = arena_ + batches_.gradients.offset;
    const idx n = batches_.gradients.count;
    if (used_ > 1) kernels_.add(gradients, n, sum(0), n, 1, sum(1), n, 1, 1, n, 0);
    for (int32_t lane = 2; lane < used_; lane++)
      kernels_.copy(gradients, n, sum(lane), n, 1, 1, n, 1);
    ExactSum<double> loss;
    for (const double each : losses_) loss.add(each);
    arena_[step_.loss] = T(loss.total() / double(losses_.size()));
    const T share = T(1) / T(losses_.size());
    kernels_.mul(gradients, n, used_ > 1 ? gradients : sum(0), n, 1, &share, 0, 0, 1, n, 0);
    RunsResult result;
    result.fault =
        program_.run(arena_, ints, 0, program_.max_length(), batches_.backward, step_.end);
    if (result.fault.instruction >= 0)
      result.end = End::fault;
    else
      result.runs = count();
    return result;
  }

  T* sum(int32_t lane) const {
    return static_cast<T*>(lanes_.sums) + int64_t(lane) * batches_.gradients.count;
  }

  const Program& program_;
  const Kernels<T>& kernels_;
  const RowTables<T> tables_;
  T* const arena_;
  const Examples& examples_;
  const Batches& batches_;
  const Lanes& lanes_;
  const BatchStep& step_;
  const std::span<double> losses_;
  int32_t used_ = 0;                 // lanes
  std::vector<int32_t> order_;       // the examples, the longest first
  std::vector<int32_t> ends_;        // of each piece: where the next one begins in that order
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
