// Differentiation of graphs of single numbers: see differentiate.h.
#include "compile/differentiate.h"

#include <algorithm>
#include <unordered_map>

namespace vecgrad {
namespace {

// Which nodes depend on a leaf that needs a gradient, or are one.
std::vector<uint8_t> active_nodes(const DifferentiableGraph& g) {
  std::vector<uint8_t> active(size_t(g.forward_end));
  for (int32_t node = 0; node <= g.root; node++) {
    const Operands inputs = g.operands(node);
    active[size_t(node)] =
        (g.leaves[g.ops[size_t(node)]] & needs_gradient) ||
        std::any_of(inputs.begin(), inputs.end(), [&](int32_t x) { return active[size_t(x)]; });
  }
  return active;
}

// Numbers the kinds of nodes in the order in which they are met.
class Kinds {
 public:
  explicit Kinds(const DifferentiableGraph& graph) : g_(graph), last_(graph.leaves.size()) {}

  // A node's kind; -1 where it needs no rules.
  int32_t of(int32_t node) {
    const uint8_t op = g_.ops[size_t(node)];
    if (g_.leaves[op] & is_leaf || op == g_.add_n) return -1;
    const int32_t attribute = g_.attribute_of[size_t(node)];
    const int32_t operands = g_.operands(node).count;
    Kind& last = last_[op];
    if (last.number >= 0 && last.attribute == attribute && last.operands == operands)
      return last.number;
    const uint64_t key = uint64_t(uint32_t(attribute)) << 32 | uint32_t(operands);
    const auto [found, is_new] = numbers_[op].try_emplace(key, int32_t(first.size()));
    if (is_new) first.push_back(node);
    last = {attribute, operands, found->second};
    return last.number;
  }

  std::vector<int32_t> first;  // the first node of each kind

 private:
  struct Kind {
    int32_t attribute = -1, operands = -1, number = -1;
  };
  const DifferentiableGraph& g_;
  std::vector<Kind> last_;  // by operator
  std::unordered_map<int32_t, std::unordered_map<uint64_t, int32_t>> numbers_;
};

class Differentiation {
 public:
  Differentiation(const DifferentiableGraph& graph, std::span<const int32_t> rules)
      : g_(graph),
        rules_(rules),
        active_(active_nodes(graph)),
        kinds_(graph),
        kind_of_(size_t(graph.root) + 1),
        head_(size_t(graph.forward_end), -1) {
    const size_t n = size_t(g_.count);
    made_.ops.reserve(4 * n);
    made_.positions.reserve(4 * n);
    made_.attribute_of.reserve(4 * n);
    made_.start.reserve(4 * n + 1);
    made_.list.reserve(4 * g_.list.size());
    terms_.reserve(size_t(g_.start[size_t(g_.root) + 1]) + 1);
    made_.ops.assign(g_.ops.begin(), g_.ops.begin() + g_.count);
    made_.positions.assign(g_.positions.begin(), g_.positions.begin() + g_.count);
    made_.attribute_of.assign(g_.attribute_of.begin(), g_.attribute_of.begin() + g_.count);
    made_.start.assign(g_.start.begin(), g_.start.begin() + g_.count + 1);
    made_.list.assign(g_.list.begin(), g_.list.begin() + made_.start.back());
    made_.attributes.push_back(0);
    for (int32_t node = 0; node <= g_.root; node++)
      if (active_[size_t(node)]) kind_of_[size_t(node)] = kinds_.of(node);
  }

  const std::vector<int32_t>& kinds() const { return kinds_.first; }

  Derivatives run(int32_t seed) {
    made_.gradients.assign(size_t(g_.forward_end), -1);
    add_term(g_.root, seed, 0);
    for (int32_t node = g_.root; node >= 0; node--) made_.gradients[size_t(node)] = visit(node);
    return std::move(made_);
  }

 private:
  // A term of a node's gradient. The terms of a node are a linked list, newest first.
  struct Term {
    int32_t node, position, next;
  };

  void add_term(int32_t node, int32_t term, int32_t position) {
    int32_t& head = head_[size_t(node)];
    terms_.push_back({term, position, head});
    head = int32_t(terms_.size()) - 1;
  }

  int32_t push(int32_t op, int32_t position, int32_t attribute) {
    made_.ops.push_back(uint8_t(op));
    made_.positions.push_back(position);
    made_.attribute_of.push_back(attribute);
    made_.start.push_back(int32_t(made_.list.size()));
    return int32_t(made_.ops.size()) - 1;
  }

  // Returns the gradient of a node whose users have all been visited, and adds the terms of its
  // operands.
  int32_t visit(int32_t node) {
    if (head_[size_t(node)] < 0 || !active_[size_t(node)]) return -1;
    const int32_t op = g_.ops[size_t(node)], position = g_.positions[size_t(node)];
    const bool is_outside = g_.leaves[size_t(op)] & is_leaf;
    const int32_t gradient = gradient_of(node, position, is_outside);
    if (is_outside) return gradient;
    const auto [operands, n] = g_.operands(node);
    if (op == g_.add_n) {
      const bool prefix = g_.prefix[size_t(g_.attribute_of[size_t(node)])];
      for (int32_t i = 0; i < n - prefix; i++)
        if (active_[size_t(operands[i])])
          add_term(operands[i], gradient, prefix ? std::max(position, i) : position);
      return gradient;
    }
    const int32_t rules = rules_[size_t(kind_of_[size_t(node)])];
    for (int32_t i = 0; i < n; i++) {
      if (!active_[size_t(operands[i])]) continue;
      const int32_t rule = rules_[size_t(rules + i)];
      if (rule >= 0)
        add_term(operands[i], write(&rules_[size_t(rule)], operands, n, node, gradient), position);
    }
    return gradient;
  }

  // Appends the nodes of a rule; returns the one that is the gradient.
  int32_t write(const int32_t* rule, const int32_t* operands, int32_t n, int32_t node,
                int32_t gradient) {
    const int32_t first = int32_t(made_.ops.size());
    const auto node_of = [=](int32_t symbol) {
      if (symbol < 0) return ~symbol;
      if (symbol < n) return operands[symbol];
      return symbol == n ? node : symbol == n + 1 ? gradient : first + symbol - n - 2;
    };
    const int32_t result = *rule++;
    for (int32_t steps = *rule++; steps > 0; steps--) {
      const int32_t op = *rule++, attribute = *rule++;
      for (int32_t k = *rule++; k > 0; k--) made_.list.push_back(node_of(*rule++));
      push(op, g_.positions[size_t(node)], attribute);
    }
    return node_of(result);
  }

  // The sum of a node's terms, each from its position on. The gradient of a leaf is always a node
  // of its own.
  int32_t gradient_of(int32_t node, int32_t position, bool is_outside) {
    const int32_t newest = head_[size_t(node)];
    const Term& last = terms_[size_t(newest)];
    if (!is_outside && last.next < 0 && last.position == position) return last.node;
    bool is_uniform = true;
    size_t n = 0;
    for (int32_t t = newest; t >= 0; t = terms_[size_t(t)].next, n++)
      is_uniform = is_uniform && terms_[size_t(t)].position == position;
    made_.list.resize(made_.list.size() + n);
    auto to = made_.list.end();
    for (int32_t t = newest; t >= 0; t = terms_[size_t(t)].next) *--to = terms_[size_t(t)].node;
    return push(g_.add_n, position, is_uniform ? 0 : positions_attribute(newest, n));
  }

  // The attribute that holds the positions of a node's terms. Neighbours often share one.
  int32_t positions_attribute(int32_t newest, size_t n) {
    std::vector<int32_t>& all = made_.term_positions;
    const size_t end = all.size();
    all.resize(end + n);
    auto to = all.end();
    for (int32_t t = newest; t >= 0; t = terms_[size_t(t)].next) *--to = terms_[size_t(t)].position;
    const size_t known = made_.attributes.size() - 1;  // attributes before this one
    if (known > 0) {
      const size_t begin = size_t(made_.attributes[known - 1]);
      if (std::equal(all.begin() + std::ptrdiff_t(begin), all.begin() + std::ptrdiff_t(end),
                     all.begin() + std::ptrdiff_t(end), all.end())) {
        all.resize(end);
        return int32_t(g_.prefix.size() + known) - 1;
      }
    }
    made_.attributes.push_back(int32_t(all.size()));
    return int32_t(g_.prefix.size() + known);
  }

  const DifferentiableGraph& g_;
  const std::span<const int32_t> rules_;
  const std::vector<uint8_t> active_;
  Kinds kinds_;
  std::vector<int32_t> kind_of_;  // of active nodes
  std::vector<int32_t> head_;     // by node: its newest term
  std::vector<Term> terms_;
  Derivatives made_;
};

// Returns what is wrong with rules; empty if they are sound. `kinds` has one node of each kind.
std::string check_rules(const DifferentiableGraph& g, std::span<const int32_t> kinds,
                        std::span<const int32_t> rules) {
  const auto has = [&](int64_t at, int64_t words) {
    return at >= 0 && at + words <= int64_t(rules.size());
  };
  const auto check = [&](int64_t at, int32_t operands) -> const char* {
    if (!has(at, 2)) return "words outside the rules";
    const int32_t result = rules[size_t(at)], steps = rules[size_t(at) + 1];
    const auto is_number = [&](int32_t symbol, int32_t known) {
      return symbol < 0 ? ~symbol < g.count : symbol < known;
    };
    int32_t known = operands + 2;
    at += 2;
    for (int32_t k = 0; k < steps; k++, known++) {
      if (!has(at, 3)) return "words outside the rules";
      const int32_t op = rules[size_t(at)], attribute = rules[size_t(at) + 1];
      const int32_t n = rules[size_t(at) + 2];
      if (op < 0 || size_t(op) >= g.leaves.size()) return "no such operator";
      if (attribute < 0 || size_t(attribute) >= g.prefix.size()) return "no such attribute";
      at += 3;
      if (n < 0 || !has(at, n)) return "words outside the rules";
      for (int32_t i = 0; i < n; i++)
        if (!is_number(rules[size_t(at + i)], known)) return "an operand that is not known yet";
      at += n;
    }
    return is_number(result, known) ? nullptr : "a gradient that is not known";
  };
  if (!has(0, int64_t(kinds.size()))) return "fewer rules than kinds of nodes";
  for (size_t i = 0; i < kinds.size(); i++) {
    const int32_t node = kinds[i];
    const int32_t n = g.operands(node).count;
    const int32_t at = rules[i];
    const char* wrong = has(at, n) ? nullptr : "words outside the rules";
    for (int32_t k = 0; k < n && !wrong; k++)
      if (rules[size_t(at + k)] != -1) wrong = check(rules[size_t(at + k)], n);
    if (wrong) return "the rules of nodes like " + std::to_string(node) + ": " + wrong;
  }
  return "";
}

}  // namespace

std::vector<int32_t> kinds_of(const DifferentiableGraph& g) {
  const std::vector<uint8_t> active = active_nodes(g);
  Kinds kinds(g);
  for (int32_t node = 0; node <= g.root; node++)
    if (active[size_t(node)]) kinds.of(node);
  return std::move(kinds.first);
}

std::string check_differentiable_graph(const DifferentiableGraph& g) {
  if (g.root < 0 || g.root >= g.forward_end) return "sizes that do not fit";
  if (g.add_n < 0 || size_t(g.add_n) >= g.leaves.size()) return "no such operator as addN";
  return g.check(g.leaves.size(), g.prefix.size());
}

std::string differentiate(const DifferentiableGraph& graph, std::span<const int32_t> rules,
                          int32_t seed, Derivatives& made) {
  Differentiation differentiation(graph, rules);
  std::string fault = check_rules(graph, differentiation.kinds(), rules);
  if (fault.empty()) made = differentiation.run(seed);
  return fault;
}

}  // namespace vecgrad
