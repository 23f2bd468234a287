// Decides which nodes one scalar instruction computes together, and which nodes lie outside the
// order of positions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compile/assembler_graph.h"

namespace vecgrad {

// How an addition is computed: which operand is a product to fuse, and which is a sum to add to in
// place. One bit each for operand 0 and operand 1.
constexpr uint8_t fuses_product[2] = {1, 2}, adds_in_place[2] = {4, 8};

class Fusion {
 public:
  // `uses` counts the uses of each node, 0 if it is not needed; `gradients` are the nodes that an
  // update reads.
  Fusion(const AssemblerGraph& graph, std::span<const int32_t> uses,
         std::span<const int32_t> gradients);

  // False if no order of positions computes every operand before it is read.
  bool is_ordered() const { return is_ordered_; }

  bool is_live(int32_t node) const { return uses_[size_t(node)] > 0; }
  // Whether a node runs outside the order of positions. Forward: it depends on an `add_n` of a
  // prefix, which is complete only after the last position. Backward: it depends on nothing of any
  // position, and comes before the last one.
  bool is_outside(int32_t node) const { return outside_[size_t(node)]; }
  // The `add_n` that a node's own instruction adds to; -1: none.
  int32_t add_n_of(int32_t node) const { return add_n_[size_t(node)]; }
  // Whether the instruction of another node computes this one.
  bool is_absorbed(int32_t node) const { return absorbed_[size_t(node)]; }
  // For an addition: fuses_product and adds_in_place.
  uint8_t addition(int32_t node) const { return addition_[size_t(node)]; }
  // Totals that are set to zero before all positions, and to which each term is added at its own.
  bool is_zeroed(int32_t node) const { return is_zeroed_[size_t(node)]; }
  const std::vector<int32_t>& zeroed() const { return zeroed_; }

 private:
  bool find_outside();
  bool is_early(int32_t node) const;
  bool are_operands_in_order(int32_t node) const;
  void plan_add_n(int32_t node);
  void plan_addition(int32_t node);
  bool is_alone(int32_t operand, int32_t user) const;

  const AssemblerGraph& g_;
  const std::span<const int32_t> uses_;
  std::vector<uint8_t> is_gradient_;
  std::vector<uint8_t> outside_;
  std::vector<int32_t> add_n_;
  std::vector<uint8_t> absorbed_;
  std::vector<uint8_t> addition_;
  std::vector<uint8_t> is_zeroed_;
  std::vector<int32_t> zeroed_;
  bool is_ordered_;
};

}  // namespace vecgrad
