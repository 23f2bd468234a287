// Reverse mode over a graph of single numbers: appends the nodes of its root's gradients. What
// lib/compiler/differentiate.ts does for arrays, node by node, is here a sweep over the graph's
// arrays: such a graph has hundreds of thousands of nodes and is differentiated once, by code that
// in JavaScript would still be cold.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vecgrad {

// The graph as lib/compiler/ir.ts keeps it.
struct NumberGraph {
  std::span<const uint8_t> ops;
  std::span<const int32_t> start, list;  // node's operands: list[start[node]] to start[node + 1]
  std::span<const int32_t> levels;
  std::span<const int32_t> attribute_of;
  std::span<const uint8_t> prefix;  // by attribute: of a total whose last operand is no term
  std::span<const uint8_t> leaves;  // by operator: 1 from outside, plus 2 asked about; or 0
  int32_t count, forward_end, root;
  int32_t total;  // the operator that sums the terms of a gradient
};

struct Derivatives {
  std::vector<uint8_t> ops;
  std::vector<int32_t> start, list, levels, attribute_of;
  std::vector<int32_t> gradients;  // by forward node: the node that holds its gradient, or -1
  // Attributes that were made, numbered on from the graph's: the levels of a total's terms. Those
  // of the i-th are term_levels[attributes[i]] to attributes[i + 1].
  std::vector<int32_t> attributes, term_levels;
};

// Says what is unsound about a graph; empty: nothing.
std::string check_number_graph(const NumberGraph& graph);

// One node of each kind, a kind being an operator, its attribute and its number of operands, of the
// nodes that depend on what is asked about: rules are given in this order. Totals, which pass their
// gradient on, and leaves have none.
std::vector<int32_t> kinds_of(const NumberGraph& graph);

// rules[i]: where the rules of kind i are, one word for each operand: where its rule is, or -1
// where no gradient flows. A rule: which number is the gradient, how many nodes it makes, and for
// each of them operator, attribute, number of operands, operands. Numbers count the n operands of
// the node, then the node, its gradient, and what the rule has made; ~node is a node of the graph.
//
// `seed` is the node that holds a 1; the graph is sound. Says what is unsound about the rules;
// empty: nothing.
std::string differentiate(const NumberGraph& graph, std::span<const int32_t> rules, int32_t seed,
                          Derivatives& made);

}  // namespace vecgrad
