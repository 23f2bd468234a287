// The typed arrays of a call that also reads properties.
#pragma once

#include <napi.h>

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "node/elements.h"

namespace vecgrad {

// Reading a property may run JavaScript (a getter, a proxy) that takes away or shrinks the memory
// of an array read before. So arrays are noted while anything is read, and looked into at the end,
// by `look`, behind which no JavaScript runs until the call is over.
class Arrays {
 public:
  explicit Arrays(Napi::Env env) : env_(env) {}

  // `to` is filled by `look`: an array of other elements is refused. One of constant elements is
  // only read.
  template <class T>
  void note(const char* name, napi_value value, std::span<T>& to) {
    constexpr bool is_written = !std::is_const_v<T>;
    noted_.push_back({name, value, &to, look_into<T>, is_written, std::is_integral_v<T>, {}});
  }
  // Of either type.
  void note(const char* name, napi_value value,
            std::variant<std::span<const double>, std::span<const float>>& to) {
    noted_.push_back({name, value, &to, look_into_either, false, false, {}});
  }

  // The name of the first array that is not what it should be, or nothing. Integers are checked
  // once and trusted from then on: no array that is written may share memory with them.
  std::string look() {
    for (Noted& array : noted_)
      if (!array.look_into(env_, array)) return array.name;
    for (const Noted& written : noted_) {
      if (!written.is_written) continue;
      for (const Noted& other : noted_)
        if (&other != &written && other.is_integers && overlap(written.bytes, other.bytes))
          return std::string(other.name) + ", which shares memory with " + written.name;
    }
    return "";
  }

 private:
  struct Noted {
    const char* name;
    napi_value value;
    void* to;
    bool (*look_into)(napi_env, Noted&);
    bool is_written, is_integers;
    std::span<const char> bytes;
  };

  template <class T>
  static std::span<const char> bytes_of(std::span<T> elements) {
    return {reinterpret_cast<const char*>(elements.data()), elements.size_bytes()};
  }
  template <class T>
  static bool look_into(napi_env env, Noted& array) {
    auto& to = *static_cast<std::span<T>*>(array.to);
    const bool is_right = read_elements(env, array.value, to);
    array.bytes = bytes_of(to);
    return is_right;
  }
  static bool look_into_either(napi_env env, Noted& array) {
    auto& to =
        *static_cast<std::variant<std::span<const double>, std::span<const float>>*>(array.to);
    std::span<const float> singles;
    if (read_elements(env, array.value, singles)) {
      to = singles;
      return true;
    }
    to = std::span<const double>();
    return read_elements(env, array.value, std::get<0>(to));
  }

  Napi::Env env_;
  std::vector<Noted> noted_;
};

}  // namespace vecgrad
