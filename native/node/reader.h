// Reads what JavaScript gives to a call: its arguments, and the properties of objects among them.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

#include "node/arrays.h"
#include "node/errors.h"
#include "node/handle.h"

namespace vecgrad {

constexpr int64_t max_safe_integer = (int64_t(1) << 53) - 1;

// Reads values one after the other and keeps the name of the first that is wrong. All values read
// after that are 0 or empty. Arrays are only noted: they are filled at the end, when
// the call asks whether everything was right (Arguments::are_right).
class Reader {
 public:
  // The value as it is. Empty if reading it threw, or if something was wrong before.
  Napi::Value value(const char* name);

  // A typed array: a span of its elements, or a variant of spans.
  template <class Elements, class... Options>
  void elements(const char* name, Elements& to, Options... options) {
    const Napi::Value found = value(name);
    if (!is_wrong()) call_.arrays.note(name, found, to, options...);
  }
  // The same, or undefined, which leaves `to` empty.
  template <class Elements>
  void optional_elements(const char* name, Elements& to) {
    const Napi::Value found = value(name);
    if (!is_wrong() && !found.IsUndefined()) call_.arrays.note(name, found, to);
  }

  // Converted as JavaScript's `| 0` does.
  int32_t integer(const char* name);
  double number(const char* name);
  // From `min` to `max`.
  double number(const char* name, double min, double max);
  // A whole number from `min` to `max`.
  int64_t whole(const char* name, int64_t min, int64_t max);
  int64_t size(const char* name, int64_t max = max_safe_integer) { return whole(name, 0, max); }
  bool flag(const char* name);
  std::string text(const char* name);
  // The name of an instruction set; empty for undefined, which stands for the best one.
  std::string isa(const char* name);
  // The native object behind a handle; nullptr if the value is no such handle.
  template <class T>
  T* handle(const char* name) {
    const Napi::Value found = value(name);
    T* const object = is_wrong() ? nullptr : from_handle<T>(call_.env, found);
    if (!object) refuse(name);
    return object;
  }

  // Records that a value, or an element of a list, is wrong.
  void refuse(const std::string& name) {
    if (!is_wrong()) call_.wrong = name;
  }
  bool is_wrong() const { return !call_.wrong.empty(); }
  Napi::Env env() const { return call_.env; }

 protected:
  // What the readers of one call share.
  struct Call {
    Napi::Env env;
    Arrays arrays;
    std::string wrong;
  };
  explicit Reader(Call& call) : call_(call) {}
  ~Reader() = default;

  Call& call_;

 private:
  virtual Napi::Value next(const char* name) = 0;

  friend class Properties;
};

// The properties of an object, which is a value of another reader.
class Properties final : public Reader {
 public:
  Properties(Reader& from, const char* name) : Properties(from, name, from.value(name)) {}
  Properties(Reader& from, const char* name, const Napi::Value& object);

 private:
  Napi::Value next(const char* name) override { return object_.Get(name); }

  Napi::Object object_;
};

// The arguments of a call, in order.
class Arguments final : public Reader {
 public:
  // Errors begin with `name`; that of a wrong argument says that `usage` was expected.
  Arguments(const Napi::CallbackInfo& info, const char* name, const char* usage)
      : Reader(shared_),
        shared_{info.Env(), Arrays(info.Env()), {}},
        info_(info),
        name_(name),
        usage_(usage) {}

  // Whether all values that were read are right. Fills the arrays: no JavaScript may run from
  // now on until the call is over.
  bool are_right() {
    if (!is_wrong()) shared_.wrong = shared_.arrays.look();
    return !is_wrong();
  }

  // Throws a TypeError: what the call expects, and the name of what is wrong.
  Napi::Value fail_usage() const;
  // Throws another error of this call.
  template <class Error = Napi::RangeError>
  Napi::Value fail_with(const std::string& what) const {
    return fail<Error>(shared_.env, std::string(name_) + ": " + what);
  }

 private:
  Napi::Value next(const char*) override { return info_[at_++]; }

  Call shared_;
  const Napi::CallbackInfo& info_;
  const char* const name_;
  const char* const usage_;
  size_t at_ = 0;
};

}  // namespace vecgrad
