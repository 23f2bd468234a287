// Native objects that JavaScript holds. A handle is an External with a type tag, so that a foreign
// External is refused. The object lies in an ArrayBuffer, which V8 frees by itself, even in a loop
// that never ends its turn of the event loop: Node runs finalizers between turns only. The buffer
// is the value of the handle in a WeakMap, where JavaScript can neither read nor transfer it.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace vecgrad {

class Program;
class Random;
struct PlannedRows;

template <class T>
constexpr napi_type_tag handle_tag{};
template <>
inline constexpr napi_type_tag handle_tag<Program>{0x8a1c3f0e7d5b4c21ULL, 0x9be3f6d24c7a5081ULL};
template <>
inline constexpr napi_type_tag handle_tag<Random>{0x5d0e1c6a4b7f4f35ULL, 0xa2c49e8817d3b06fULL};
template <>
inline constexpr napi_type_tag handle_tag<PlannedRows>{0x1f7be2944c60d3a8ULL,
                                                       0xc5380da96e1b72f4ULL};

// What the addon keeps for an environment (the main thread or a worker).
struct Environment {
  Napi::ObjectReference memories;    // WeakMap: from a handle to the buffer its object lies in
  Napi::FunctionReference remember;  // WeakMap.prototype.set
  Napi::FunctionReference run;       // what `bind` in program_calls.cpp binds
  Napi::FunctionReference run_wide;  // the same for programs that use several threads
  Napi::FunctionReference bind;      // Function.prototype.bind
};

// Makes a handle to the object that `place` constructs in `bytes` bytes of memory and returns. Its
// destructor is never called. An exception is pending if there is no memory.
template <class T, class Place>
Napi::Value make_handle(Napi::Env env, size_t bytes, const Place& place) {
  void* memory = nullptr;
  napi_value buffer = nullptr, handle = nullptr;
  if (napi_create_arraybuffer(env, bytes, &memory, &buffer) == napi_ok &&
      napi_create_external(env, static_cast<T*>(place(memory)), nullptr, nullptr, &handle) ==
          napi_ok &&
      napi_type_tag_object(env, handle, &handle_tag<T>) == napi_ok) {
    const auto* const own = env.GetInstanceData<Environment>();
    own->remember.Call(own->memories.Value(), {handle, buffer});
    return Napi::Value(env, handle);
  }
  if (!env.IsExceptionPending())
    Napi::Error::New(env, "the handle could not be made").ThrowAsJavaScriptException();
  return env.Undefined();
}

// The object behind a handle; nullptr if the value is no handle of a T.
template <class T>
T* from_handle(napi_env env, napi_value value) {
  bool is_tagged = false;
  void* object = nullptr;
  if (napi_check_object_type_tag(env, value, &handle_tag<T>, &is_tagged) != napi_ok || !is_tagged ||
      napi_get_value_external(env, value, &object) != napi_ok)
    return nullptr;
  return static_cast<T*>(object);
}

}  // namespace vecgrad
