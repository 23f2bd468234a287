#include "node/batch_calls.h"

#include <algorithm>

#include "run/batch.h"
#include "node/handle.h"
#include "node/memory.h"
#include "node/reader.h"
#include "node/results.h"

namespace vecgrad {
namespace {

// stepBatch(program, arena, spec, threads): a step on all documents, whose losses it writes.
// Returns nothing, or [document, instruction, index, limit] where a run met a fault; document -1:
// the update did.
Napi::Value step_batch(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  const Program* program = from_handle<Program>(env, call[0]);
  if (!program) return fail(env, "stepBatch expects a program");
  Arrays arrays(env);
  Numbers arena, memory, sums, numbers;
  arena.note(arrays, "arena", call[1], *program);
  Reader spec(env, call[2], arrays);
  BatchLayout layout;
  layout.parameters = {spec.integer("parameters"), spec.integer("size")};
  layout.gradients = {spec.integer("gradients"), layout.parameters.count};
  layout.loss = spec.integer("loss");
  layout.backward = spec.integer("backward");
  layout.update = spec.integer("update");
  std::span<const int32_t> fed;
  spec.elements("fed", fed);
  Documents documents;
  spec.elements("ints", documents.ints);
  spec.elements("lengths", documents.lengths);
  spec.elements("losses", documents.losses);
  numbers.note(arrays, "numbers", spec.value("numbers"), *program);
  memory.note(arrays, "memory", spec.value("memory"), *program);
  sums.note(arrays, "sums", spec.value("sums"), *program);
  Lanes lanes;
  lanes.stride = spec.integer("stride");
  lanes.count = spec.integer("lanes");
  const std::string fault = spec.wrong.empty() ? arrays.look() : spec.wrong;
  if (!fault.empty()) return fail(env, "stepBatch: unexpected " + fault);
  layout.fed = {reinterpret_cast<const ArenaRange*>(fed.data()), fed.size() / 2};
  documents.numbers = numbers.data();
  lanes.memory = memory.data();
  lanes.sums = sums.data();
  int32_t threads = 0;
  const auto lies = [&](const ArenaRange& range) {
    return range.offset >= 0 && range.count >= 0 &&
           int64_t(range.offset) + range.count <= program->arena_size();
  };
  const int64_t n = int64_t(documents.lengths.size());
  int64_t each = 0;  // document's numbers
  for (const ArenaRange& range : layout.fed) each += lies(range) ? range.count : 0;
  const bool is_sound =
      arena.count() >= program->arena_size() && n > 0 && lanes.count >= 1 &&
      lanes.stride >= program->arena_size() && memory.count() >= lanes.stride * lanes.count &&
      sums.count() >= int64_t(layout.gradients.count) * lanes.count && lies(layout.parameters) &&
      lies(layout.gradients) && lies({layout.loss, 1}) && fed.size() % 2 == 0 &&
      std::all_of(layout.fed.begin(), layout.fed.end(), lies) && layout.backward >= 0 &&
      layout.update >= layout.backward && layout.update <= program->instruction_count() &&
      int64_t(documents.ints.size()) == n * program->ints_size() && numbers.count() == n * each &&
      int64_t(documents.losses.size()) == n &&
      std::all_of(documents.lengths.begin(), documents.lengths.end(),
                  [&](int32_t length) { return length >= 1 && length <= program->levels(); }) &&
      napi_get_value_int32(env, call[3], &threads) == napi_ok && threads >= 1;
  if (!is_sound) return fail(env, "stepBatch was given documents that do not fit the program");
  const BatchFault found = step_batch(*program, arena.data(), lanes, layout, documents, threads);
  if (found.fault.instruction < 0) return env.Undefined();
  return document_fault(env, found.document, found.fault);
}

}  // namespace

void add_batch_calls(Napi::Env env, Napi::Object exports) {
  exports.Set("stepBatch", Napi::Function::New<step_batch>(env, "stepBatch"));
}

}  // namespace vecgrad
