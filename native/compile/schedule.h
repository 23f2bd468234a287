// The order in which scalar instructions run: by position, and within a position by depth, so that
// neighbours do not wait for each other's results.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compile/fusion.h"

namespace vecgrad {

// A term that is added to a zeroed `add_n` by an instruction of its own.
struct Addition {
  int32_t add_n, term;
};

// What a part of the bytecode runs: node numbers, and ~i for the i-th addition.
struct Schedule {
  std::vector<int32_t> items;
  std::vector<int32_t> depths;  // of the items
  std::vector<int32_t> starts;  // where the items of each position begin, in the order of running
  // The nodes outside the order of positions, and their depths among each other.
  std::vector<int32_t> outside, outside_depths;

  std::span<const int32_t> at(int32_t i) const { return part(items, i); }
  std::span<const int32_t> depths_at(int32_t i) const { return part(depths, i); }

 private:
  std::span<const int32_t> part(const std::vector<int32_t>& of, int32_t i) const {
    return std::span(of).subspan(size_t(starts[size_t(i)]),
                                 size_t(starts[size_t(i) + 1] - starts[size_t(i)]));
  }
};

// Schedules the nodes [from, to), in ascending or descending order of positions. Appends to
// `additions`.
Schedule schedule(const AssemblerGraph& graph, const Fusion& fusion, int32_t from, int32_t to,
                  bool is_descending, std::vector<Addition>& additions);

}  // namespace vecgrad
