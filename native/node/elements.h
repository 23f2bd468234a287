// The elements of a typed array, for the length of a call.
#pragma once

#include <napi.h>

#include <functional>
#include <span>
#include <type_traits>
#include <variant>

namespace vecgrad {

// The elements of a Float64Array or a Float32Array.
using Floats = std::variant<std::span<double>, std::span<float>>;
// The same, only read.
using ConstFloats = std::variant<std::span<const double>, std::span<const float>>;

template <class T>
constexpr napi_typedarray_type array_type() {
  static_assert(sizeof(T) == 1 || sizeof(T) == 4 || sizeof(T) == 8);
  if constexpr (std::is_same_v<T, uint8_t>) return napi_uint8_array;
  if constexpr (std::is_same_v<T, int32_t>) return napi_int32_array;
  if constexpr (std::is_same_v<T, uint32_t>) return napi_uint32_array;
  if constexpr (std::is_same_v<T, float>) return napi_float32_array;
  if constexpr (std::is_same_v<T, double>) return napi_float64_array;
}

// Reads `value` into `elements`. False if it is no typed array of T, or if it is one of integers in
// a SharedArrayBuffer, where another thread may change them between their check and their use. A
// detached array, and one that a shrunken buffer has left out of bounds, has no elements.
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

template <class A, class B>
bool read_elements(napi_env env, napi_value value,
                   std::variant<std::span<A>, std::span<B>>& elements) {
  return read_elements(env, value, elements.template emplace<0>()) ||
         read_elements(env, value, elements.template emplace<1>());
}

template <class T>
std::span<const char> bytes_of(std::span<T> elements) {
  return {reinterpret_cast<const char*>(elements.data()), elements.size_bytes()};
}
template <class A, class B>
std::span<const char> bytes_of(const std::variant<std::span<A>, std::span<B>>& elements) {
  return std::visit([](const auto& each) { return bytes_of(each); }, elements);
}

template <class A, class B>
size_t size_of(const std::variant<std::span<A>, std::span<B>>& elements) {
  return std::visit([](const auto& each) { return each.size(); }, elements);
}

// Whether two arrays share memory.
template <class A, class B>
bool overlap(const A& a, const B& b) {
  const std::span<const char> left = bytes_of(a), right = bytes_of(b);
  const std::less<const char*> before;
  return !left.empty() && !right.empty() && before(left.data(), right.data() + right.size()) &&
         before(right.data(), left.data() + left.size());
}

}  // namespace vecgrad
