// A program's memory, where JavaScript keeps it.
#pragma once

#include <napi.h>

#include <span>

#include "node/arrays.h"
#include "vm/vm.h"

namespace vecgrad {

// An array of a program's numbers, of the one type or the other.
struct Numbers {
  std::span<float> singles;
  std::span<double> doubles;

  void note(Arrays& arrays, const char* name, napi_value value, const Program& program) {
    if (program.is_float32())
      arrays.note(name, value, singles);
    else
      arrays.note(name, value, doubles);
  }
  // One of the two is empty.
  int64_t count() const { return int64_t(singles.size() + doubles.size()); }
  void* data() const {
    return singles.empty() ? static_cast<void*>(doubles.data()) : singles.data();
  }
};

// Read for one call, behind all that can run JavaScript.
struct Memory {
  void* arena = nullptr;
  int32_t* ints = nullptr;

  // Says what is wrong with it, or returns nothing.
  const char* read(napi_env env, const Program& program, napi_value numbers, napi_value integers) {
    return program.is_float32() ? read<float>(env, program, numbers, integers)
                                : read<double>(env, program, numbers, integers);
  }

 private:
  template <class T>
  const char* read(napi_env env, const Program& program, napi_value numbers, napi_value integers) {
    std::span<T> given_arena;
    std::span<int32_t> given_ints;
    if (!read_elements(env, numbers, given_arena) || !read_elements(env, integers, given_ints) ||
        int64_t(given_arena.size()) < program.arena_size() ||
        int64_t(given_ints.size()) < program.ints_size())
      return "a program was given memory of the wrong type or size";
    // An instruction trusts the integers that it has checked while it writes numbers.
    if (overlap(given_arena, given_ints)) return "a program's numbers and integers share memory";
    arena = given_arena.data();
    ints = given_ints.data();
    return nullptr;
  }
};

}  // namespace vecgrad
