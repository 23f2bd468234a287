// The only file that knows Node: turns JavaScript values into checked native ones and back.
// Nothing here keeps a pointer into JavaScript memory between calls.
#include <napi.h>

#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "blas.h"
#include "isa.h"
#include "kernel_calls.h"
#include "vm.h"

namespace vecgrad {
namespace {

// Marks our handles, so that a foreign External is refused rather than believed.
constexpr napi_type_tag program_tag = {0x8a1c3f0e7d5b4c21ULL, 0x9be3f6d24c7a5081ULL};

Napi::Value fail(Napi::Env env, const std::string& message) {
  Napi::Error::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

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
  result.Set("blasVersion", blas_version());
  result.Set("blasCore", blas_core());
  result.Set("blasThreads", blas_threads());
  result.Set("opcodes", strings(env, opcode_names()));
  result.Set("tapeOpcodes", strings(env, tape_opcode_names()));
  result.Set("instructionWords", instruction_words);
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
    if (env.IsExceptionPending()) return env.Undefined();
    return fail(env, "createProgram: a field is missing or of the wrong type");
  }
  spec.levels = int32_t(levels);
  spec.is_float32 = float32.As<Napi::Boolean>().Value();
  if (isa.IsString()) spec.isa = isa.As<Napi::String>().Utf8Value();
  std::string error;
  std::unique_ptr<Program> program = make_program(std::move(spec), error);
  if (!program) return fail(env, "createProgram: " + error);
  auto handle =
      Napi::External<Program>::New(env, program.release(), [](Napi::Env, Program* p) { delete p; });
  if (napi_type_tag_object(env, handle, &program_tag) != napi_ok)
    return fail(env, "createProgram: the handle could not be tagged");
  return handle;
}

// run(handle, arena, ints, from, to, begin, end): undefined, or [instruction, index, limit] where
// an index was out of its table. The one call of a training step.
Napi::Value run(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  bool tagged = false;
  if (call.Length() < 7 || !call[0].IsExternal() ||
      napi_check_object_type_tag(env, call[0], &program_tag, &tagged) != napi_ok || !tagged)
    return fail(env, "run expects a program's handle and six arguments");
  const Program* program = call[0].As<Napi::External<Program>>().Data();
  napi_typedarray_type arena_type, ints_type;
  size_t arena_length = 0, ints_length = 0;
  void *arena = nullptr, *ints = nullptr;
  if (napi_get_typedarray_info(env, call[1], &arena_type, &arena_length, &arena, nullptr,
                               nullptr) != napi_ok ||
      napi_get_typedarray_info(env, call[2], &ints_type, &ints_length, &ints, nullptr, nullptr) !=
          napi_ok)
    return fail(env, "run expects its memory as typed arrays");
  if (arena_type != (program->is_float32() ? napi_float32_array : napi_float64_array) ||
      ints_type != napi_int32_array || int64_t(arena_length) < program->arena_size() ||
      int64_t(ints_length) < program->ints_size())
    return fail(env, "run was given memory of the wrong type or size");
  int32_t range[4];
  for (size_t i = 0; i < 4; i++)
    if (napi_get_value_int32(env, call[3 + i], &range[i]) != napi_ok)
      return fail(env, "run expects its range as integers");
  const auto [from, to, begin, end] = range;
  if (from < 0 || to < from || to > program->levels() || begin < 0 || end < begin ||
      end > program->instruction_count())
    return fail(env, "run was given a range outside the program");
  const RunFault fault = program->run(arena, static_cast<int32_t*>(ints), from, to, begin, end);
  if (fault.instruction < 0) return env.Undefined();
  auto result = Napi::Array::New(env, 3);
  result.Set(0u, fault.instruction);
  result.Set(1u, double(fault.index));
  result.Set(2u, double(fault.limit));
  return result;
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

// The C library's functions, whose last bit JavaScript's own may miss.
template <double (*F)(double)>
Napi::Value libm(const Napi::CallbackInfo& call) {
  double x = 0;
  if (call.Length() < 1 || napi_get_value_double(call.Env(), call[0], &x) != napi_ok)
    return fail(call.Env(), "expected a number");
  return Napi::Number::New(call.Env(), F(x));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  blas_init();
  exports.Set("info", Napi::Function::New<info>(env, "info"));
  exports.Set("createProgram", Napi::Function::New<create_program>(env, "createProgram"));
  exports.Set("run", Napi::Function::New<run>(env, "run"));
  exports.Set("alignment", Napi::Function::New<alignment>(env, "alignment"));
  exports.Set("cos", Napi::Function::New<libm<std::cos>>(env, "cos"));
  exports.Set("sin", Napi::Function::New<libm<std::sin>>(env, "sin"));
  exports.Set("log", Napi::Function::New<libm<std::log>>(env, "log"));
  add_kernel_calls(env, exports);
  return exports;
}

}  // namespace
}  // namespace vecgrad

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) {
  return vecgrad::init(env, exports);
}
NODE_API_MODULE(vecgrad, init_addon)
