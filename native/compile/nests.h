// Nests: what adds a product to a sum, record after record, written as two loops over equally
// spaced slots. A product of a matrix and a vector of single numbers is one nest.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "vm/scalar_nest.h"

namespace vecgrad {

// The slots of one `fma`: sum += a * b.
struct FmaRecord {
  uint32_t sum, a, b;
};

// A stretch of records, in order: `count` records from `first` on, as the words of a nest where
// they are one.
struct FmaStretch {
  bool is_nest;
  size_t first, count;
  std::array<uint32_t, nest_words> nest;
};

// Cuts records into stretches. They run as the records would, one after the other.
std::vector<FmaStretch> find_nests(std::span<const FmaRecord> records);

}  // namespace vecgrad
