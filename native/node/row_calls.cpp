// Rows for JavaScript: plans of programs that run on many examples at once, and how other calls are
// told to use them.
#include <napi.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "node/calls.h"
#include "node/handle.h"
#include "node/reader.h"
#include "node/results.h"
#include "node/rows.h"
#include "run/pieces.h"

namespace vecgrad {
namespace {

// Regions: five words each, the first five members of `Region`.
std::vector<Region> regions_of(std::span<const int32_t> words) {
  std::vector<Region> regions;
  for (size_t i = 0; i + 5 <= words.size(); i += 5)
    regions.push_back({words[i], words[i + 1], words[i + 2], words[i + 3], words[i + 4], 0, 0});
  return regions;
}

// planRows(program, {numberRegions, intRegions, gradients, gradientsSize, end}): a handle of how
// the program's instructions [0, end) run on many examples at once, or undefined where they can
// only run on one.
Napi::Value plan_rows_of(const Napi::CallbackInfo& call) {
  Arguments in(call, "planRows", "a program's handle and a specification");
  const Program* program = in.handle<Program>("handle");
  Properties given(in, "specification");
  RowSpec spec;
  std::span<const int32_t> numbers, ints;
  given.elements("numberRegions", numbers);
  given.elements("intRegions", ints);
  spec.gradients = int32_t(given.size("gradients", INT32_MAX));
  spec.gradients_size = int32_t(given.size("gradientsSize", INT32_MAX));
  spec.end = int32_t(given.size("end", INT32_MAX));
  if (!in.are_right()) return in.fail_usage();
  spec.numbers = regions_of(numbers);
  spec.ints = regions_of(ints);
  RowPlan plan;
  std::string error;
  const bool is_planned = program->plan_rows(std::move(spec), plan, error);
  if (!error.empty()) return in.fail_with<Napi::Error>(error);
  if (!is_planned) return call.Env().Undefined();
  return make_handle<PlannedRows>(call.Env(), planned_bytes(plan), [&](void* memory) {
    return place_plan(plan, program->id(), memory);
  });
}

// pieceSizes(program, plan, examples): how many numbers and integers a thread needs for the rows of
// a piece of some examples, and the most examples that a piece should have.
Napi::Value piece_sizes_of(const Napi::CallbackInfo& call) {
  Arguments in(call, "pieceSizes", "a program's handle, that of its plan and a number of examples");
  const Program* program = in.handle<Program>("handle");
  const PlannedRows* plan = in.handle<PlannedRows>("plan");
  const int64_t examples = in.size("examples", 1 << 20);
  if (!in.are_right()) return in.fail_usage();
  if (plan->program != program->id()) return in.fail_with<Napi::Error>("a plan of another program");
  const PieceSizes sizes = piece_sizes(*program, *plan, int32_t(examples));
  return list(call.Env(), {double(sizes.numbers), double(sizes.ints), double(sizes.most)});
}

}  // namespace

bool RowsRequest::fits(const Program& program, int32_t end) {
  rows.numbers = data_of(numbers);
  rows.ints = ints.data();
  if (rows.piece < 1 || rows.plan->program != program.id() ||
      int64_t(rows.plan->instructions.size()) > end || !are_of_type(numbers, program))
    return false;
  const PieceSizes sizes = piece_sizes(program, *rows.plan, rows.piece);
  return int64_t(size_of(numbers)) >= sizes.numbers && int64_t(ints.size()) >= sizes.ints;
}

void add_row_calls(Napi::Env env, Napi::Object exports) {
  exports.Set("planRows", Napi::Function::New<plan_rows_of>(env, "planRows"));
  exports.Set("pieceSizes", Napi::Function::New<piece_sizes_of>(env, "pieceSizes"));
}

}  // namespace vecgrad
