// The addon's exports. Only the files of this folder know Node: they turn JavaScript values into
// checked native ones and back, and keep no pointer into JavaScript memory between calls.
#include <napi.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "blas/blas.h"
#include "isa/isa.h"
#include "node/calls.h"
#include "node/elements.h"
#include "node/errors.h"
#include "node/handle.h"
#include "node/reader.h"
#include "threads/processors.h"
#include "vm/instruction.h"
#include "vm/scalar_bytecode.h"

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
  result.Set("operands", strings(env, opcode_operands()));
  result.Set("instructionWords", strings(env, instruction_word_names()));
  result.Set("scalarOpcodes", strings(env, scalar_opcode_names()));
  result.Set("scalarOperands", strings(env, scalar_opcode_operands()));
  return result;
}

// processors(root): how many this process may use at once; below a folder that is not "", the quota
// of the control groups that its files describe, 0 without one.
Napi::Value processors(const Napi::CallbackInfo& call) {
  Arguments in(call, "processors", "the root of the files to read, or an empty text");
  const std::string root = in.text("root");
  if (!in.are_right()) return in.fail_usage();
  return Napi::Number::New(call.Env(),
                           root.empty() ? available_processors() : control_group_processors(root));
}

// blas(): the OpenBLAS that large products use. Loads it.
Napi::Value blas(const Napi::CallbackInfo& call) {
  auto result = Napi::Object::New(call.Env());
  result.Set("version", blas_version());
  result.Set("threads", blas_threads());
  result.Set("core", blas_core());
  result.Set("better", blas_better_core());
  return result;
}

// alignment(array): how many bytes its first number lies behind a cache line. Kernels need no
// alignment, but rows that cross no line are a quarter faster.
Napi::Value alignment(const Napi::CallbackInfo& call) {
  void* data = nullptr;
  if (napi_get_typedarray_info(call.Env(), call[0], nullptr, nullptr, &data, nullptr, nullptr) !=
      napi_ok)
    return fail<Napi::TypeError>(call.Env(), "alignment: expected a typed array");
  return Napi::Number::New(call.Env(), double(reinterpret_cast<uintptr_t>(data) % 64));
}

// useHugePages(array): asks the system to put the array's memory, untouched so far, into pages of 2
// MB. Reading large matrices by columns misses the table of small pages again and again.
Napi::Value use_huge_pages(const Napi::CallbackInfo& call) {
  Arguments in(call, "useHugePages", "a Float32Array or Float64Array");
  Floats numbers;
  in.elements("array", numbers);
  if (!in.are_right()) return in.fail_usage();
#ifdef MADV_HUGEPAGE
  std::visit(
      [](const auto& each) {
        const auto page = uintptr_t(sysconf(_SC_PAGESIZE));
        const auto begin = reinterpret_cast<uintptr_t>(each.data()),
                   end = begin + each.size_bytes();
        const uintptr_t first = (begin + page - 1) / page * page, last = end / page * page;
        // A system that has no such pages refuses, and the array stays as it is.
        if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
      },
      numbers);
#endif
  return call.Env().Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  // Take what handles need of JavaScript's built-ins now, before a program can replace them.
  const Napi::Object global = env.Global();
  const auto weak_map = global.Get("WeakMap").As<Napi::Function>();
  const Napi::Object memories = weak_map.New({});
  auto own = std::make_unique<Environment>();
  own->memories = Napi::Persistent(memories);
  own->remember = Napi::Persistent(memories.Get("set").As<Napi::Function>());
  own->bind = Napi::Persistent(weak_map.Get("bind").As<Napi::Function>());
  env.SetInstanceData(own.release());

  exports.Set("info", Napi::Function::New<info>(env, "info"));
  exports.Set("processors", Napi::Function::New<processors>(env, "processors"));
  exports.Set("blas", Napi::Function::New<blas>(env, "blas"));
  exports.Set("alignment", Napi::Function::New<alignment>(env, "alignment"));
  exports.Set("useHugePages", Napi::Function::New<use_huge_pages>(env, "useHugePages"));
  add_program_calls(env, exports);
  add_row_calls(env, exports);
  add_series_calls(env, exports);
  add_assemble_calls(env, exports);
  add_differentiate_calls(env, exports);
  add_reroll_calls(env, exports);
  add_kernel_calls(env, exports);
  add_random_calls(env, exports);
  add_text_calls(env, exports);
  add_bench_calls(env, exports);
  return exports;
}

}  // namespace
}  // namespace vecgrad

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) {
  return vecgrad::init(env, exports);
}
NODE_API_MODULE(vecgrad, init_addon)
