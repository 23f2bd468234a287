// Programs for JavaScript: makes them, binds them to their memory, and generates sequences.
#include <napi.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "node/calls.h"
#include "node/handle.h"
#include "node/memory.h"
#include "node/reader.h"
#include "node/results.h"
#include "node/rows.h"
#include "run/generate.h"
#include "threads/denormals.h"
#include "threads/pool.h"
#include "vm/vm.h"

namespace vecgrad {
namespace {

template <class T>
std::vector<std::remove_const_t<T>> copy_of(std::span<T> elements) {
  return {elements.begin(), elements.end()};
}

// createProgram({float32, isa, arenaSize, intsSize, maxLength, extents, code, repeats, steps,
// scalarBytecode}): a handle. `maxLength` is that of the longest prefix.
Napi::Value create_program(const Napi::CallbackInfo& call) {
  Arguments in(call, "createProgram", "a specification");
  Properties given(in, "specification");
  ProgramSpec spec;
  std::span<const int32_t> extents;
  std::span<const uint32_t> scalar_bytecode;
  spec.is_float32 = given.flag("float32");
  spec.isa = given.isa("isa");
  spec.arena_size = given.size("arenaSize", INT32_MAX);
  spec.ints_size = given.size("intsSize", INT32_MAX);
  spec.max_length = int32_t(given.size("maxLength", 1 << 20));
  given.elements("extents", extents);
  given.elements("code", spec.code);
  given.elements("repeats", spec.repeats);
  given.elements("steps", spec.steps);
  given.elements("scalarBytecode", scalar_bytecode);
  if (!in.are_right()) return in.fail_usage();
  spec.extents = copy_of(extents);
  spec.scalar_bytecode = copy_of(scalar_bytecode);
  std::string error;
  std::unique_ptr<Program> program = make_program(std::move(spec), error);
  if (!program) return in.fail_with<Napi::Error>(error);
  return make_handle<Program>(call.Env(), program->bytes(),
                              [&](void* memory) { return program->copy_to(memory); });
}

// Runs the program on the arrays that `bind` has bound to it, which are its arguments: handle,
// arena, ints, range. An array that was transferred has no length, and one whose buffer was shrunk
// is too short. This is the call of every step, so that it uses no Reader, and looks at the number
// of threads only where the program may use several.
template <bool is_wide>
napi_value run_bound(napi_env env, napi_callback_info call) {
  napi_value given[4];
  size_t count = 4, lengths[3];
  void *handle = nullptr, *starts[3];
  bool is_read = napi_get_cb_info(env, call, &count, given, nullptr, nullptr) == napi_ok &&
                 napi_get_value_external(env, given[0], &handle) == napi_ok;
  for (size_t i = 0; i < 3; i++)
    is_read = is_read && napi_get_typedarray_info(env, given[i + 1], nullptr, &lengths[i],
                                                  &starts[i], nullptr, nullptr) == napi_ok;
  if (!is_read) return nullptr;
  const Program& program = *static_cast<const Program*>(handle);
  if (int64_t(lengths[0]) < program.arena_size() || int64_t(lengths[1]) < program.ints_size() ||
      lengths[2] < 5)
    return fail(env, "a program's memory was transferred or shrunk");
  const int32_t* const range = static_cast<const int32_t*>(starts[2]);
  const int32_t from = range[0], to = range[1], begin = range[2], end = range[3];
  if (from < 0 || to < from || to > program.max_length() || begin < 0 || end < begin ||
      end > program.instruction_count())
    return fail(env, "a run was given a range outside the program");
  RunFault fault;
  {
    const FlushDenormals flush;
    [[maybe_unused]] const std::conditional_t<is_wide, ThreadLimit, int32_t> limit(range[4]);
    fault = program.run(starts[0], static_cast<int32_t*>(starts[1]), from, to, begin, end);
  }
  return fault.instruction < 0 ? nullptr : napi_value(fault_of_run(env, fault));
}

// bind(handle, arena, ints, range): a function that runs the program on these arrays. When it is
// called, `range` says what to run: from, to, begin, end (see vm.h), and on how many threads. It
// returns undefined, or [instruction, index, limit] where an index was outside its table.
// Everything about the arrays is checked here, except that their memory is still there. The
// function is one function of the addon with its arguments bound by JavaScript's own `bind`: a
// native function for each program would need a finalizer.
Napi::Value bind(const Napi::CallbackInfo& call) {
  Arguments in(call, "bind", "a program's handle, its memory and a range, an Int32Array of five");
  const Program* program = in.handle<Program>("handle");
  Memory memory;
  std::span<const int32_t> range;
  memory.read(in);
  in.elements("range", range);
  if (!in.are_right() || range.size() != 5) return in.fail_usage();
  if (!memory.fits(*program)) return in.fail_with<Napi::Error>(memory_does_not_fit);
  const auto* const own = call.Env().GetInstanceData<Environment>();
  const Napi::FunctionReference& run = program->is_wide() ? own->run_wide : own->run;
  return own->bind.Call(run.Value(), {call.Env().Undefined(), call[0], call[1], call[2], call[3]});
}

// generate({program, arena, ints, random, results, slot, start, stop, prefix, temperature, top,
// instructions, isPrefix, threads, isTogether, rows}, choices, lengths): returns what a run does.
// Fills `lengths` with the number of integers in each sequence, prefix included, and `choices` with
// the integers, a row of the program's longest length for each sequence.
Napi::Value generate_sequences(const Napi::CallbackInfo& call) {
  Arguments in(call, "generate", "a specification and two Int32Arrays for the results");
  Properties given(in, "specification");
  const Program* program = given.handle<Program>("program");
  Random* random = given.handle<Random>("random");
  if (in.is_wrong()) return in.fail_usage();
  const int64_t max_length = program->max_length();
  Generation g;
  Memory memory;
  std::span<const int32_t> results, prefix;
  std::span<int32_t> choices, lengths;
  memory.read(given);
  given.elements("results", results);
  given.elements("prefix", prefix);
  g.slot = given.size("slot", program->ints_size() - max_length);
  g.start = int32_t(given.size("start", INT32_MAX));
  g.stop = int32_t(given.size("stop", INT32_MAX));
  g.top = given.whole("top", 1, INT32_MAX);
  g.instructions = int32_t(given.size("instructions", program->instruction_count()));
  g.temperature = given.number("temperature");
  g.is_prefix = given.flag("isPrefix");
  g.threads = int32_t(given.whole("threads", 1, INT32_MAX));
  g.is_together = given.flag("isTogether");
  RowsRequest rows;
  read_optional_rows(given, "rows", rows);
  in.elements("choices", choices);
  in.elements("lengths", lengths);
  if (!in.are_right()) return in.fail_usage();
  const auto is_in_arena = [&](int32_t at) { return at >= 0 && at < program->arena_size(); };
  g.choices = int64_t(results.size()) / max_length;
  if (results.empty() || int64_t(results.size()) % max_length || g.top > g.choices ||
      !std::all_of(results.begin(), results.end(), is_in_arena))
    return in.fail_with<Napi::Error>("results that do not fit the program");
  if (int64_t(prefix.size()) >= max_length)
    return in.fail_with<Napi::Error>("a prefix that leaves nothing to choose");
  if (!memory.fits(*program)) return in.fail_with<Napi::Error>(memory_does_not_fit);
  if (choices.size() / size_t(max_length) < lengths.size())
    return in.fail_with<Napi::Error>("no room for that many sequences");
  if (rows.is_given && !rows.fits(*program, program->instruction_count()))
    return in.fail_with<Napi::Error>("rows that do not fit the program");
  if (rows.is_given && g.instructions > int64_t(rows.rows.plan->instructions.size()))
    return in.fail_with<Napi::Error>("a plan of fewer instructions");
  if (rows.is_given) g.rows = &rows.rows;
  g.results = copy_of(results);
  g.prefix = copy_of(prefix);
  const Generated result =
      generate(*program, memory.arena(), memory.ints.data(), *random, g, choices.data(), lengths);
  if (result.is_undecided)
    return fail<Napi::RangeError>(
        call.Env(),
        "the numbers that an integer is drawn from are NaN or infinite: the parameters are not "
        "finite, or too large to compute with");
  return fault_of_run(call.Env(), result.fault);
}

}  // namespace

void add_program_calls(Napi::Env env, Napi::Object exports) {
  const auto function = [&](napi_callback callback) {
    napi_value made = nullptr;
    napi_create_function(env, "run", NAPI_AUTO_LENGTH, callback, nullptr, &made);
    return Napi::Persistent(Napi::Function(env, made));
  };
  auto* const own = env.GetInstanceData<Environment>();
  own->run = function(run_bound<false>);
  own->run_wide = function(run_bound<true>);
  exports.Set("createProgram", Napi::Function::New<create_program>(env, "createProgram"));
  exports.Set("bind", Napi::Function::New<bind>(env, "bind"));
  exports.Set("generate", Napi::Function::New<generate_sequences>(env, "generate"));
}

}  // namespace vecgrad
