// What calls return but what they were asked for: errors, and lists of numbers.
#pragma once

#include <napi.h>

#include <initializer_list>
#include <string>

#include "vm/vm.h"

namespace vecgrad {

// What a getter has thrown goes before what is wrong for want of its value.
template <class Error = Napi::Error>
Napi::Value fail(Napi::Env env, const std::string& what) {
  if (!env.IsExceptionPending()) Error::New(env, what).ThrowAsJavaScriptException();
  return env.Undefined();
}

inline Napi::Array list(Napi::Env env, std::initializer_list<double> numbers) {
  auto result = Napi::Array::New(env, numbers.size());
  uint32_t i = 0;
  for (const double number : numbers) result.Set(i++, number);
  return result;
}

// [document, instruction, index, limit]
inline Napi::Array document_fault(Napi::Env env, int32_t document, const RunFault& fault) {
  return list(
      env, {double(document), double(fault.instruction), double(fault.index), double(fault.limit)});
}

}  // namespace vecgrad
