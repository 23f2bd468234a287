// The elements of a typed array, for the length of a call.
#pragma once

#include <napi.h>

#include <functional>
#include <span>
#include <type_traits>

namespace vecgrad {

template <class T>
constexpr napi_typedarray_type array_type() {
  static_assert(sizeof(T) == 1 || sizeof(T) == 4 || sizeof(T) == 8);
  if constexpr (std::is_same_v<T, uint8_t>) return napi_uint8_array;
  if constexpr (std::is_same_v<T, int32_t>) return napi_int32_array;
  if constexpr (std::is_same_v<T, uint32_t>) return napi_uint32_array;
  if constexpr (std::is_same_v<T, float>) return napi_float32_array;
  if constexpr (std::is_same_v<T, double>) return napi_float64_array;
}

// Reads `value` into `elements`; false where it is no typed array of T, or one of integers in a
// SharedArrayBuffer, where another thread may change them between their check and their use.
template <class T>
bool read_elements(napi_env env, napi_value value, std::span<T>& elements) {
  napi_typedarray_type type;
  void* start = nullptr;
  size_t length = 0;
  napi_value buffer = nullptr;
  bool is_own = true;
  if (napi_get_typedarray_info(env, value, &type, &length, &start, &buffer, nullptr) != napi_ok ||
      type != array_type<std::remove_const_t<T>>())
    return false;
  if constexpr (std::is_integral_v<T>)
    if (napi_is_arraybuffer(env, buffer, &is_own) != napi_ok) return false;
  elements = {static_cast<T*>(start), length};
  return is_own;
}

template <class T, class U>
bool overlap(std::span<T> a, std::span<U> b) {
  const std::less<const void*> before;
  return !a.empty() && !b.empty() && before(a.data(), b.data() + b.size()) &&
         before(b.data(), a.data() + a.size());
}

}  // namespace vecgrad
