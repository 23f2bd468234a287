// A program's memory, where JavaScript keeps it.
#pragma once

#include <napi.h>

#include "vm.h"

namespace vecgrad {

// Read for one call.
struct Memory {
  void* arena = nullptr;
  int32_t* ints = nullptr;

  // Says what is wrong with it, or returns nothing.
  const char* read(napi_env env, const Program& program, napi_value numbers, napi_value integers) {
    napi_typedarray_type arena_type, ints_type;
    size_t arena_length = 0, ints_length = 0;
    void* slots = nullptr;
    if (napi_get_typedarray_info(env, numbers, &arena_type, &arena_length, &arena, nullptr,
                                 nullptr) != napi_ok ||
        napi_get_typedarray_info(env, integers, &ints_type, &ints_length, &slots, nullptr,
                                 nullptr) != napi_ok)
      return "a program's memory is two typed arrays";
    if (arena_type != (program.is_float32() ? napi_float32_array : napi_float64_array) ||
        ints_type != napi_int32_array || int64_t(arena_length) < program.arena_size() ||
        int64_t(ints_length) < program.ints_size())
      return "a program was given memory of the wrong type or size";
    ints = static_cast<int32_t*>(slots);
    return nullptr;
  }
};

}  // namespace vecgrad
