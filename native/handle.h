// Native objects that JavaScript holds: an External, tagged so that a foreign one is refused rather
// than believed.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>

namespace vecgrad {

class Program;
class Random;

template <class T>
constexpr napi_type_tag handle_tag{};
template <>
inline constexpr napi_type_tag handle_tag<Program>{0x8a1c3f0e7d5b4c21ULL, 0x9be3f6d24c7a5081ULL};
template <>
inline constexpr napi_type_tag handle_tag<Random>{0x5d0e1c6a4b7f4f35ULL, 0xa2c49e8817d3b06fULL};

// `bytes` is what the object takes: V8 weighs a handle by it when it decides whether to collect.
template <class T>
Napi::Value make_handle(Napi::Env env, std::unique_ptr<T> object, int64_t bytes) {
  Napi::MemoryManagement::AdjustExternalMemory(env, bytes);
  auto handle = Napi::External<T>::New(env, object.release(), [bytes](Napi::Env env, T* t) {
    delete t;
    Napi::MemoryManagement::AdjustExternalMemory(env, -bytes);
  });
  if (napi_type_tag_object(env, handle, &handle_tag<T>) == napi_ok) return handle;
  Napi::Error::New(env, "the handle could not be tagged").ThrowAsJavaScriptException();
  return env.Undefined();
}

// Nothing for what is no handle of a T.
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
