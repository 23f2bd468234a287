#include "batch_calls.h"

#include <algorithm>

#include "batch.h"
#include "handle.h"
#include "reader.h"
#include "results.h"

namespace vecgrad {
namespace {

// The numbers of a program's arena, which may be longer; nothing where they are not of its type.
void* read_numbers(Napi::Env env, const Napi::Value& value, const Program& program,
                   int64_t& count) {
  std::span<float> singles;
  std::span<double> doubles;
  if (program.is_float32() && read_elements(env, value, singles)) {
    count = int64_t(singles.size());
    return singles.data();
  }
  if (!program.is_float32() && read_elements(env, value, doubles)) {
    count = int64_t(doubles.size());
    return doubles.data();
  }
  count = -1;
  return nullptr;
}

// stepBatch(program, arena, spec, threads): a step on all documents, whose losses it writes.
// Returns nothing, or [document, instruction, index, limit] where an index was out of its table.
Napi::Value step_batch(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  const Program* program = from_handle<Program>(env, call[0]);
  if (!program) return fail(env, "stepBatch expects a program");
  int64_t count = -1, lane_count = -1, sum_count = -1, number_count = -1;
  void* arena = read_numbers(env, call[1], *program, count);
  Reader spec(env, call[2]);
  BatchLayout layout;
  layout.parameters = {spec.integer("parameters"), spec.integer("size")};
  layout.gradients = {spec.integer("gradients"), layout.parameters.count};
  layout.loss = spec.integer("loss");
  layout.backward = spec.integer("backward");
  layout.update = spec.integer("update");
  const auto fed = spec.elements<const int32_t>("fed");
  layout.fed = {reinterpret_cast<const ArenaRange*>(fed.data()), fed.size() / 2};
  Documents documents;
  documents.ints = spec.elements<int32_t>("ints");
  documents.lengths = spec.elements<const int32_t>("lengths");
  documents.losses = spec.elements<double>("losses");
  if (!spec.wrong.empty()) return fail(env, "stepBatch: unexpected " + spec.wrong);
  const auto object = call[2].As<Napi::Object>();
  documents.numbers = read_numbers(env, object.Get("numbers"), *program, number_count);
  Lanes lanes;
  lanes.memory = read_numbers(env, object.Get("memory"), *program, lane_count);
  lanes.sums = read_numbers(env, object.Get("sums"), *program, sum_count);
  lanes.stride = spec.integer("stride");
  lanes.count = spec.integer("lanes");
  if (!spec.wrong.empty()) return fail(env, "stepBatch: unexpected " + spec.wrong);
  int32_t threads = 0;
  const auto lies = [&](const ArenaRange& range) {
    return range.offset >= 0 && range.count >= 0 &&
           int64_t(range.offset) + range.count <= program->arena_size();
  };
  const int64_t n = int64_t(documents.lengths.size());
  int64_t numbers = 0;
  for (const ArenaRange& range : layout.fed) numbers += lies(range) ? range.count : 0;
  const bool is_sound =
      count >= program->arena_size() && n > 0 && lanes.count >= 1 &&
      lanes.stride >= program->arena_size() && lane_count >= lanes.stride * lanes.count &&
      sum_count >= int64_t(layout.gradients.count) * lanes.count && lies(layout.parameters) &&
      lies(layout.gradients) && lies({layout.loss, 1}) && fed.size() % 2 == 0 &&
      std::all_of(layout.fed.begin(), layout.fed.end(), lies) && layout.backward >= 0 &&
      layout.update >= layout.backward && layout.update <= program->instruction_count() &&
      int64_t(documents.ints.size()) == n * program->ints_size() && number_count == n * numbers &&
      int64_t(documents.losses.size()) == n &&
      std::all_of(documents.lengths.begin(), documents.lengths.end(),
                  [&](int32_t length) { return length >= 1 && length <= program->levels(); }) &&
      napi_get_value_int32(env, call[3], &threads) == napi_ok && threads >= 1;
  if (!is_sound) return fail(env, "stepBatch was given documents that do not fit the program");
  const BatchFault found = step_batch(*program, arena, lanes, layout, documents, threads);
  if (found.document < 0) return env.Undefined();
  return document_fault(env, found.document, found.fault);
}

}  // namespace

void add_batch_calls(Napi::Env env, Napi::Object exports) {
  exports.Set("stepBatch", Napi::Function::New<step_batch>(env, "stepBatch"));
}

}  // namespace vecgrad
