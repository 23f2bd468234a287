// The typed arrays of a call.
#pragma once

#include <napi.h>

#include <array>
#include <span>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "node/elements.h"

namespace vecgrad {

// Reading a property may run JavaScript (a getter, a proxy) that takes away or shrinks the memory
// of an array that was read before. So arrays are noted while anything is read, and `look` reads
// their elements at the end: no JavaScript runs from then until the call is over.
class Arrays {
 public:
  explicit Arrays(Napi::Env env) : env_(env) {}

  // `look` fills `to`. An array of other elements is refused. Constant elements are only read.
  // `may_share`: the call itself checks whether integers share memory with what is written.
  template <class T>
  void note(const char* name, napi_value value, std::span<T>& to, bool may_share = false) {
    const bool is_trusted = std::is_integral_v<T> && !may_share;
    add({name, value, &to, look_at<std::span<T>>, !std::is_const_v<T>, is_trusted, {}});
  }
  template <class A, class B>
  void note(const char* name, napi_value value, std::variant<std::span<A>, std::span<B>>& to) {
    using Elements = std::variant<std::span<A>, std::span<B>>;
    add({name, value, &to, look_at<Elements>, !std::is_const_v<A>, false, {}});
  }

  // The name of the first array that is wrong, or nothing. Integers are checked
  // once and trusted from then on: no array that is written may share memory with them.
  std::string look() {
    for (size_t i = 0; i < count_; i++)
      if (!at(i).look(env_, at(i))) return at(i).name;
    for (size_t i = 0; i < count_; i++) {
      const Noted& written = at(i);
      if (!written.is_written) continue;
      for (size_t k = 0; k < count_; k++) {
        const Noted& other = at(k);
        if (k != i && other.is_trusted && overlap(written.bytes, other.bytes))
          return std::string(other.name) + ", which shares memory with " + written.name;
      }
    }
    return "";
  }

 private:
  struct Noted {
    const char* name;
    napi_value value;
    void* to;
    bool (*look)(napi_env, Noted&);
    bool is_written, is_trusted;
    std::span<const char> bytes;
  };

  template <class Elements>
  static bool look_at(napi_env env, Noted& array) {
    auto& to = *static_cast<Elements*>(array.to);
    const bool is_right = read_elements(env, array.value, to);
    array.bytes = bytes_of(to);
    return is_right;
  }

  void add(const Noted& array) {
    if (count_ < few_.size())
      few_[count_] = array;
    else
      more_.push_back(array);
    count_++;
  }
  Noted& at(size_t i) { return i < few_.size() ? few_[i] : more_[i - few_.size()]; }

  Napi::Env env_;
  size_t count_ = 0;
  std::array<Noted, 8> few_;  // most calls have no more arrays, and allocate nothing
  std::vector<Noted> more_;
};

}  // namespace vecgrad
