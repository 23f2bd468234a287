// The only file that knows Node: turns JavaScript values into checked native ones and back.
// Nothing here keeps a pointer into JavaScript memory between calls.
#include <napi.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "node/assemble_calls.h"
#include "node/batch_calls.h"
#include "node/bench_calls.h"
#include "blas/blas.h"
#include "vm/denormals.h"
#include "node/differentiate_calls.h"
#include "run/generate.h"
#include "node/handle.h"
#include "isa/isa.h"
#include "node/kernel_calls.h"
#include "node/memory.h"
#include "node/random_calls.h"
#include "node/results.h"
#include "node/series_calls.h"
#include "node/text_calls.h"
#include "vm/vm.h"

namespace vecgrad {
namespace {

Napi::Array strings(Napi::Env env, const std::vector<const char*>& names) {
  auto array = Napi::Array::New(env, names.size());
  for (uint32_t i = 0; i < names.size(); i++) array.Set(i, names[i]);
  return array;
}

// info(): what this build can do on this machine.
Napi::Value info(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  std::vector<const char*> compiled, available;
  for (const IsaInfo& isa : isa_list()) {
    if (isa.compiled) compiled.push_back(isa.name);
    if (isa.available) available.push_back(isa.name);
  }
  auto result = Napi::Object::New(env);
  result.Set("compiled", strings(env, compiled));
  result.Set("available", strings(env, available));
  result.Set("best", best_isa());
  result.Set("opcodes", strings(env, opcode_names()));
  result.Set("tapeOpcodes", strings(env, tape_opcode_names()));
  result.Set("operands", strings(env, opcode_operands()));
  result.Set("tapeOperands", strings(env, tape_opcode_operands()));
  result.Set("instructionWords", instruction_words);
  return result;
}

// blas(): the OpenBLAS that large products use, loaded to be asked.
Napi::Value blas(const Napi::CallbackInfo& call) {
  auto result = Napi::Object::New(call.Env());
  result.Set("version", blas_version());
  result.Set("threads", blas_threads());
  result.Set("core", blas_core());
  return result;
}

bool read_size(const Napi::Object& spec, const char* key, int64_t limit, int64_t& out) {
  const Napi::Value value = spec.Get(key);
  if (!value.IsNumber()) return false;
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0 && number <= double(limit)) || number != std::floor(number)) return false;
  out = int64_t(number);
  return true;
}

template <class T>
bool read_words(const Napi::Object& spec, const char* key, napi_typedarray_type type,
                std::vector<T>& out) {
  const Napi::Value value = spec.Get(key);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) return false;
  const auto array = value.As<Napi::TypedArrayOf<T>>();
  if (array.ElementLength()) out.assign(array.Data(), array.Data() + array.ElementLength());
  return true;
}

// createProgram({float32, isa, arenaSize, intsSize, levels, extents, code, tape}): a handle.
Napi::Value create_program(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  if (call.Length() < 1 || !call[0].IsObject()) return fail(env, "createProgram expects an object");
  const auto object = call[0].As<Napi::Object>();
  ProgramSpec spec;
  const Napi::Value float32 = object.Get("float32"), isa = object.Get("isa");
  int64_t levels = 0;
  if (!float32.IsBoolean() || !(isa.IsString() || isa.IsUndefined()) ||
      !read_size(object, "arenaSize", INT32_MAX, spec.arena_size) ||
      !read_size(object, "intsSize", INT32_MAX, spec.ints_size) ||
      !read_size(object, "levels", 1 << 20, levels) ||
      !read_words(object, "extents", napi_int32_array, spec.extents) ||
      !read_words(object, "code", napi_int32_array, spec.code) ||
      !read_words(object, "tape", napi_uint32_array, spec.tape)) {
    return fail(env, "createProgram: a field is missing or of the wrong type");
  }
  spec.levels = int32_t(levels);
  spec.is_float32 = float32.As<Napi::Boolean>().Value();
  if (isa.IsString()) spec.isa = isa.As<Napi::String>().Utf8Value();
  std::string error;
  std::unique_ptr<Program> program = make_program(std::move(spec), error);
  if (!program) return fail(env, "createProgram: " + error);
  return make_handle<Program>(env, program->bytes(),
                              [&](void* memory) { return program->copy_to(memory); });
}

Napi::Value fault_array(Napi::Env env, const RunFault& fault) {
  if (fault.instruction < 0) return env.Undefined();
  return list(env, {double(fault.instruction), double(fault.index), double(fault.limit)});
}

// Runs the program on the arrays that `bind` has bound to it, all of which are arguments. An array
// that was transferred has no length, and one whose buffer was shrunk is too short.
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
      lengths[2] < 4)
    return fail(env, "a program's memory was transferred or shrunk");
  const int32_t* const range = static_cast<const int32_t*>(starts[2]);
  const int32_t from = range[0], to = range[1], begin = range[2], end = range[3];
  if (from < 0 || to < from || to > program.levels() || begin < 0 || end < begin ||
      end > program.instruction_count())
    return fail(env, "a run was given a range outside the program");
  RunFault fault;
  {
    const FlushDenormals flush;
    fault = program.run(starts[0], static_cast<int32_t*>(starts[1]), from, to, begin, end);
  }
  return fault.instruction < 0 ? nullptr : napi_value(fault_array(env, fault));
}

// bind(handle, arena, ints, range): a function that runs the program on these arrays as `range`
// (from, to, begin, end: see vm.h) says then; it returns undefined, or [instruction, index, limit]
// where an index was out of its table. What a call has no arguments to check for is checked here,
// but that the memory is still there. It is one function of the addon with the handle and the
// arrays bound to it by JavaScript's own `bind`: a native function for each program would have a
// finalizer.
Napi::Value bind(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  const Program* program = call.Length() == 4 ? from_handle<Program>(env, call[0]) : nullptr;
  if (!program) return fail(env, "bind expects a program's handle and three arrays");
  Memory memory;
  if (const char* fault = memory.read(env, *program, call[1], call[2])) return fail(env, fault);
  std::span<const int32_t> range;
  if (!read_elements(env, call[3], range) || range.size() != 4)
    return fail(env, "a program's range is an Int32Array of four");
  const auto* const own = env.GetInstanceData<Environment>();
  return own->bind.Call(own->run.Value(), {env.Undefined(), call[0], call[1], call[2], call[3]});
}

// generate({program, arena, ints, random, results, slot, start, stop, prefix, temperature, top,
// instructions, isPrefix}, drawn, lengths): returns what a run does. Fills `lengths` with the
// numbers of integers drawn, a sequence each, the prefix's included, and `drawn` with the integers,
// a row of as many as the program has levels each.
Napi::Value generate_sequences(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  if (!call[0].IsObject()) return fail(env, "generate expects an object");
  const auto object = call[0].As<Napi::Object>();
  const Program* program = from_handle<Program>(env, object.Get("program"));
  Random* random = from_handle<Random>(env, object.Get("random"));
  if (!program || !random) return fail(env, "generate expects a program and a generator");
  const int64_t levels = program->levels();
  Generation g;
  int64_t start, stop, instructions;
  const Napi::Value temperature = object.Get("temperature"), is_prefix = object.Get("isPrefix");
  if (!read_words(object, "results", napi_int32_array, g.results) ||
      !read_words(object, "prefix", napi_int32_array, g.prefix) ||
      !read_size(object, "slot", program->ints_size() - levels, g.slot) ||
      !read_size(object, "start", INT32_MAX, start) ||
      !read_size(object, "stop", INT32_MAX, stop) ||
      !read_size(object, "instructions", program->instruction_count(), instructions) ||
      !temperature.IsNumber() || !is_prefix.IsBoolean() || g.results.empty() ||
      int64_t(g.results.size()) % levels)
    return fail(env, "generate: a field is missing or wrong");
  g.choices = int64_t(g.results.size()) / levels;
  if (!read_size(object, "top", g.choices, g.top) || g.top == 0)
    return fail(env, "generate: the number of choices to draw from is missing or wrong");
  if (int64_t(g.prefix.size()) >= levels)
    return fail(env, "generate: its prefix leaves nothing to draw");
  g.start = int32_t(start);
  g.stop = int32_t(stop);
  g.instructions = int32_t(instructions);
  g.is_prefix = is_prefix.As<Napi::Boolean>();
  g.temperature = temperature.As<Napi::Number>();
  for (const int32_t at : g.results)
    if (at < 0 || at >= program->arena_size())
      return fail(env, "generate was given a result outside the arena");
  std::vector<napi_value> arrays = {object.Get("arena"), object.Get("ints"), call[1], call[2]};
  Memory memory;
  if (const char* fault = memory.read(env, *program, arrays[0], arrays[1])) return fail(env, fault);
  int32_t* out[2];
  size_t length[2];
  for (size_t i = 0; i < 2; i++) {
    napi_typedarray_type type;
    void* data = nullptr;
    if (napi_get_typedarray_info(env, arrays[2 + i], &type, &length[i], &data, nullptr, nullptr) !=
            napi_ok ||
        type != napi_int32_array)
      return fail(env, "generate expects its results as two Int32Arrays");
    out[i] = static_cast<int32_t*>(data);
  }
  if (length[0] / size_t(levels) < length[1])
    return fail(env, "generate has no room for that many sequences");
  const Generated result =
      generate(*program, memory.arena, memory.ints, *random, g, out[0], out[1], length[1]);
  if (result.is_undecided) {
    Napi::RangeError::New(env, "the weights of a choice must have a finite sum above zero")
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  return fault_array(env, result.fault);
}

// alignment(array): how many bytes its first number lies behind a cache line. Kernels want no
// alignment, but rows that cross no line are a quarter faster.
Napi::Value alignment(const Napi::CallbackInfo& call) {
  void* data = nullptr;
  if (call.Length() < 1 || napi_get_typedarray_info(call.Env(), call[0], nullptr, nullptr, &data,
                                                    nullptr, nullptr) != napi_ok)
    return fail(call.Env(), "alignment expects a typed array");
  return Napi::Number::New(call.Env(), double(reinterpret_cast<uintptr_t>(data) % 64));
}

// What is taken from JavaScript is taken once: nobody can have changed it.
void set_environment(Napi::Env env) {
  const Napi::Object global = env.Global();
  const auto weak_map = global.Get("WeakMap").As<Napi::Function>();
  const Napi::Object memories = weak_map.New({});
  auto own = std::make_unique<Environment>();
  own->memories = Napi::Persistent(memories);
  own->remember = Napi::Persistent(memories.Get("set").As<Napi::Function>());
  own->bind = Napi::Persistent(weak_map.Get("bind").As<Napi::Function>());
  napi_value run = nullptr;
  napi_create_function(env, "run", NAPI_AUTO_LENGTH, run_bound, nullptr, &run);
  own->run = Napi::Persistent(Napi::Function(env, run));
  env.SetInstanceData(own.release());
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  set_environment(env);
  exports.Set("info", Napi::Function::New<info>(env, "info"));
  exports.Set("blas", Napi::Function::New<blas>(env, "blas"));
  exports.Set("createProgram", Napi::Function::New<create_program>(env, "createProgram"));
  exports.Set("bind", Napi::Function::New<bind>(env, "bind"));
  exports.Set("generate", Napi::Function::New<generate_sequences>(env, "generate"));
  exports.Set("alignment", Napi::Function::New<alignment>(env, "alignment"));
  add_kernel_calls(env, exports);
  add_random_calls(env, exports);
  add_text_calls(env, exports);
  add_assemble_calls(env, exports);
  add_differentiate_calls(env, exports);
  add_batch_calls(env, exports);
  add_series_calls(env, exports);
  add_bench_calls(env, exports);
  return exports;
}

}  // namespace
}  // namespace vecgrad

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) {
  return vecgrad::init(env, exports);
}
NODE_API_MODULE(vecgrad, init_addon)
