// Reads the specification that a call is given as an object.
#pragma once

#include <napi.h>

#include <span>
#include <string>

#include "elements.h"

namespace vecgrad {

// Reads properties of an object, keeping the name of the first that is not what it should be.
class Reader {
 public:
  Reader(Napi::Env env, const Napi::Value& value) : env_(env) {
    if (value.IsObject())
      object_ = value.As<Napi::Object>();
    else
      wrong = "the specification";
  }

  template <class T>
  std::span<T> elements(const char* name) {
    std::span<T> found;
    if (wrong.empty() && !read_elements(env_, object_.Get(name), found)) wrong = name;
    return found;
  }

  int32_t integer(const char* name) {
    int32_t found = 0;
    if (wrong.empty() && napi_get_value_int32(env_, object_.Get(name), &found) != napi_ok)
      wrong = name;
    return found;
  }

  std::string wrong;

 private:
  Napi::Env env_;
  Napi::Object object_;
};

}  // namespace vecgrad
