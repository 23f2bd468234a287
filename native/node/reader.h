// Reads the specification that a call is given as an object.
#pragma once

#include <napi.h>

#include <string>

#include "node/arrays.h"

namespace vecgrad {

// Reads properties of an object, keeping the name of the first that is not what it should be. Its
// arrays are noted in `arrays`, and filled when those are looked into.
class Reader {
 public:
  Reader(Napi::Env env, const Napi::Value& value, Arrays& arrays) : env_(env), arrays_(arrays) {
    if (value.IsObject())
      object_ = value.As<Napi::Object>();
    else
      wrong = "the specification";
  }

  // Empty where reading it threw, or something was wrong before.
  Napi::Value value(const char* name) {
    if (!wrong.empty()) return {};
    const Napi::Value found = object_.Get(name);
    if (found.IsEmpty()) wrong = name;
    return found;
  }

  template <class Elements>
  void elements(const char* name, Elements& to) {
    const Napi::Value found = value(name);
    if (wrong.empty()) arrays_.note(name, found, to);
  }

  int32_t integer(const char* name) {
    int32_t found = 0;
    if (napi_get_value_int32(env_, value(name), &found) != napi_ok && wrong.empty()) wrong = name;
    return found;
  }

  std::string wrong;

 private:
  Napi::Env env_;
  Arrays& arrays_;
  Napi::Object object_;
};

}  // namespace vecgrad
