// Batches for JavaScript: one update from the mean gradient of several examples.
#include <napi.h>

#include <algorithm>

#include "node/calls.h"
#include "node/memory.h"
#include "node/reader.h"
#include "node/results.h"
#include "run/batch.h"

namespace vecgrad {
namespace {

// The arguments of stepBatch.
struct BatchRequest {
  const Program* program = nullptr;
  Floats arena, memory, sums, numbers;
  BatchLayout layout;
  std::span<const int32_t> fed;  // pairs: offset and count
  Examples examples;
  Lanes lanes;
  int32_t threads = 0;

  void read(Arguments& in) {
    program = in.handle<Program>("program");
    in.elements("arena", arena);
    Properties spec(in, "batch");
    layout.parameters = {spec.integer("parameters"), spec.integer("size")};
    layout.gradients = {spec.integer("gradients"), layout.parameters.count};
    layout.loss = spec.integer("loss");
    layout.backward = spec.integer("backward");
    layout.update = spec.integer("update");
    spec.elements("fed", fed);
    spec.elements("ints", examples.ints);
    spec.elements("lengths", examples.lengths);
    spec.elements("losses", examples.losses);
    spec.elements("numbers", numbers);
    spec.elements("memory", memory);
    spec.elements("sums", sums);
    lanes.stride = spec.integer("stride");
    lanes.count = spec.integer("lanes");
    threads = in.integer("threads");
  }

  // Whether it fits the program; its arrays have been filled.
  bool fits_program() {
    layout.fed = {reinterpret_cast<const ArenaRange*>(fed.data()), fed.size() / 2};
    examples.numbers = data_of(numbers);
    lanes.memory = data_of(memory);
    lanes.sums = data_of(sums);
    const auto lies = [&](const ArenaRange& range) {
      return range.offset >= 0 && range.count >= 0 &&
             int64_t(range.offset) + range.count <= program->arena_size();
    };
    const auto count = [](const Floats& array) { return int64_t(size_of(array)); };
    const int64_t n = int64_t(examples.lengths.size());
    int64_t each = 0;  // how many numbers an example feeds
    for (const ArenaRange& range : layout.fed) each += lies(range) ? range.count : 0;
    return are_of_type(arena, *program) && are_of_type(memory, *program) &&
           are_of_type(sums, *program) && are_of_type(numbers, *program) &&
           count(arena) >= program->arena_size() && n > 0 && lanes.count >= 1 &&
           lanes.stride >= program->arena_size() && count(memory) >= lanes.stride * lanes.count &&
           count(sums) >= int64_t(layout.gradients.count) * lanes.count &&
           lies(layout.parameters) && lies(layout.gradients) && lies({layout.loss, 1}) &&
           fed.size() % 2 == 0 && std::all_of(layout.fed.begin(), layout.fed.end(), lies) &&
           layout.backward >= 0 && layout.update >= layout.backward &&
           layout.update <= program->instruction_count() &&
           int64_t(examples.ints.size()) == n * program->ints_size() &&
           count(numbers) == n * each && int64_t(examples.losses.size()) == n &&
           std::all_of(
               examples.lengths.begin(), examples.lengths.end(),
               [&](int32_t length) { return length >= 1 && length <= program->max_length(); }) &&
           threads >= 1;
  }
};

// stepBatch(program, arena, spec, threads): a step on all examples, whose losses it writes. Returns
// nothing, or [example, instruction, index, limit] where a run met a fault; example -1 is the
// update.
Napi::Value step_batch(const Napi::CallbackInfo& call) {
  Arguments in(call, "stepBatch", "a program, its arena, a batch and a number of threads");
  BatchRequest request;
  request.read(in);
  if (!in.are_right()) return in.fail_usage();
  if (!request.fits_program())
    return in.fail_with<Napi::Error>("a batch that does not fit the program");
  const BatchFault found = step_batch(*request.program, data_of(request.arena), request.lanes,
                                      request.layout, request.examples, request.threads);
  if (found.fault.instruction < 0) return call.Env().Undefined();
  return fault_of_example(call.Env(), found.example, found.fault);
}

}  // namespace

void add_batch_calls(Napi::Env env, Napi::Object exports) {
  exports.Set("stepBatch", Napi::Function::New<step_batch>(env, "stepBatch"));
}

}  // namespace vecgrad
