// What calls return: lists of numbers, typed arrays, and where a run stopped.
#pragma once

#include <napi.h>

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "vm/vm.h"

namespace vecgrad {

inline Napi::Array list(Napi::Env env, std::initializer_list<double> numbers) {
  auto result = Napi::Array::New(env, numbers.size());
  uint32_t i = 0;
  for (const double number : numbers) result.Set(i++, number);
  return result;
}

template <class Array, class T>
Array array_of(Napi::Env env, const std::vector<T>& numbers) {
  auto result = Array::New(env, numbers.size());
  std::copy(numbers.begin(), numbers.end(), result.Data());
  return result;
}

// [instruction, index, limit], or undefined if there was no fault.
inline Napi::Value fault_of_run(Napi::Env env, const RunFault& fault) {
  if (fault.instruction < 0) return env.Undefined();
  return list(env, {double(fault.instruction), double(fault.index), double(fault.limit)});
}

// [example, instruction, index, limit]
inline Napi::Array fault_of_example(Napi::Env env, int32_t example, const RunFault& fault) {
  return list(
      env, {double(example), double(fault.instruction), double(fault.index), double(fault.limit)});
}

}  // namespace vecgrad
