// A program's memory, where JavaScript keeps it.
#pragma once

#include <cstdint>
#include <span>

#include "node/elements.h"
#include "node/reader.h"
#include "vm/vm.h"

namespace vecgrad {

// Whether numbers have the type that a program computes in.
inline bool are_of_type(const Floats& numbers, const Program& program) {
  return std::holds_alternative<std::span<float>>(numbers) == program.is_float32();
}

inline void* data_of(const Floats& numbers) {
  return std::visit([](const auto& each) -> void* { return each.data(); }, numbers);
}

// The memory of a program for one call.
struct Memory {
  Floats numbers;
  std::span<int32_t> ints;

  // The next two arguments, or properties.
  void read(Reader& in) {
    in.elements("arena", numbers);
    in.elements("ints", ints);
  }
  // Whether it has the program's type and sizes; its arrays have been filled.
  bool fits(const Program& program) const {
    return are_of_type(numbers, program) && int64_t(size_of(numbers)) >= program.arena_size() &&
           int64_t(ints.size()) >= program.ints_size();
  }
  void* arena() const { return data_of(numbers); }
};

constexpr const char* memory_does_not_fit = "memory of another type or size than the program's";

}  // namespace vecgrad
