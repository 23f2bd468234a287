// How a call throws.
#pragma once

#include <napi.h>

#include <string>

namespace vecgrad {

// Throws an `Error` in JavaScript when the call returns. If a getter has thrown already, that
// exception stays: what it prevented matters less.
template <class Error = Napi::Error>
Napi::Value fail(Napi::Env env, const std::string& what) {
  if (!env.IsExceptionPending()) Error::New(env, what).ThrowAsJavaScriptException();
  return env.Undefined();
}

}  // namespace vecgrad
