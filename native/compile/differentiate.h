// Reverse-mode differentiation of a graph of single numbers: appends the nodes of its root's
// gradients.
//
// lib/compiler/passes/differentiate.ts does the same for arrays, node by node. Here it is a sweep
// over the graph's arrays: such a graph has hundreds of thousands of nodes and is differentiated
// once, by code that in JavaScript would still be cold.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compile/scalar_graph.h"

namespace vecgrad {

struct DifferentiableGraph : ScalarGraph {
  std::span<const uint8_t> prefix;  // by attribute: 1 if the last operand of an `add_n` is no term
  std::span<const uint8_t> leaves;  // by operator: LeafFlag
  int32_t root;
  int32_t add_n;  // the operator that sums the terms of a gradient
};

// What `leaves` says of an operator; 0: it is computed from its operands.
enum LeafFlag : uint8_t { is_leaf = 1, needs_gradient = 2 };

struct Derivatives {
  std::vector<uint8_t> ops;
  std::vector<int32_t> start, list, positions, attribute_of;
  std::vector<int32_t> gradients;  // by forward node: the node that holds its gradient, or -1
  // Attributes that were made, numbered on from the graph's: the positions from which an `add_n`'s
  // terms count. Those of the i-th are term_positions[attributes[i]] to attributes[i + 1].
  std::vector<int32_t> attributes, term_positions;
};

// Returns what is wrong with a graph; empty if it is sound.
std::string check_differentiable_graph(const DifferentiableGraph& graph);

// One node of each kind among those that need a gradient. A kind is an operator, its attribute and
// its number of operands. Rules are given in this order. Leaves have none, and neither have sums,
// which pass their gradient on.
std::vector<int32_t> kinds_of(const DifferentiableGraph& graph);

// Appends the gradients, by `rules`. rules[i] is where the words of kind i begin: one word for each
// operand, which is where its rule begins, or -1 if no gradient flows to it. A rule is: the symbol
// that is the gradient, how many nodes the rule makes, and for each of them operator, attribute,
// number of operands, operands. Symbols number the n operands of the node, then the node, its
// gradient, and the nodes that the rule has made; the symbol ~node is a node of the graph.
//
// `seed` is the node that holds a 1. The graph is sound. Returns what is wrong with the
// rules; empty if they are sound.
std::string differentiate(const DifferentiableGraph& graph, std::span<const int32_t> rules,
                          int32_t seed, Derivatives& made);

}  // namespace vecgrad
