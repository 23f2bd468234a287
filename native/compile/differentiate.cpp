#include "compile/differentiate.h"

#include <algorithm>
#include <unordered_map>

namespace vecgrad {
namespace {

constexpr uint8_t outside = 1, asked = 2;

// Which nodes depend on a number that is asked about, or are one.
std::vector<uint8_t> active_nodes(const NumberGraph& g) {
  std::vector<uint8_t> active(size_t(g.forward_end));
  for (int32_t node = 0; node <= g.root; node++) {
    uint8_t reached = (g.leaves[g.ops[size_t(node)]] & asked) != 0;
    const int32_t end = g.start[size_t(node) + 1];
    for (int32_t e = g.start[size_t(node)]; e < end && !reached; e++)
      reached = active[size_t(g.list[size_t(e)])];
    active[size_t(node)] = reached;
  }
  return active;
}

// Numbers the kinds of nodes as they come.
class Kinds {
 public:
  explicit Kinds(const NumberGraph& graph) : g_(graph), last_(graph.leaves.size()) {}

  // A node's kind; -1 where it needs no rules.
  int32_t of(int32_t node) {
    const uint8_t op = g_.ops[size_t(node)];
    if (g_.leaves[op] & outside || op == g_.total) return -1;
    const int32_t attribute = g_.attribute_of[size_t(node)];
    const int32_t operands = g_.start[size_t(node) + 1] - g_.start[size_t(node)];
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
  const NumberGraph& g_;
  std::vector<Kind> last_;  // by operator
  std::unordered_map<int32_t, std::unordered_map<uint64_t, int32_t>> numbers_;
};

class Differentiation {
 public:
  Differentiation(const NumberGraph& graph, std::span<const int32_t> rules)
      : g_(graph),
        rules_(rules),
        active_(active_nodes(graph)),
        kinds_(graph),
        kind_of_(size_t(graph.root) + 1),
        head_(size_t(graph.forward_end), -1) {
    const size_t n = size_t(g_.count);
    made_.ops.reserve(4 * n);
    made_.levels.reserve(4 * n);
    made_.attribute_of.reserve(4 * n);
    made_.start.reserve(4 * n + 1);
    made_.list.reserve(4 * g_.list.size());
    terms_.reserve(size_t(g_.start[size_t(g_.root) + 1]) + 1);
    made_.ops.assign(g_.ops.begin(), g_.ops.begin() + g_.count);
    made_.levels.assign(g_.levels.begin(), g_.levels.begin() + g_.count);
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
  // A node's terms are a list, newest first.
  struct Term {
    int32_t node, level, next;
  };

  void add_term(int32_t node, int32_t term, int32_t level) {
    int32_t& head = head_[size_t(node)];
    terms_.push_back({term, level, head});
    head = int32_t(terms_.size()) - 1;
  }

  int32_t push(int32_t op, int32_t level, int32_t attribute) {
    made_.ops.push_back(uint8_t(op));
    made_.levels.push_back(level);
    made_.attribute_of.push_back(attribute);
    made_.start.push_back(int32_t(made_.list.size()));
    return int32_t(made_.ops.size()) - 1;
  }

  // The gradient of a node, all of whose users have been visited; gives its operands their terms.
  int32_t visit(int32_t node) {
    if (head_[size_t(node)] < 0 || !active_[size_t(node)]) return -1;
    const int32_t op = g_.ops[size_t(node)], level = g_.levels[size_t(node)];
    const bool is_leaf = g_.leaves[size_t(op)] & outside;
    const int32_t gradient = gradient_of(node, level, is_leaf);
    if (is_leaf) return gradient;
    const int32_t* const operands = &g_.list[size_t(g_.start[size_t(node)])];
    const int32_t n = g_.start[size_t(node) + 1] - g_.start[size_t(node)];
    if (op == g_.total) {
      const bool prefix = g_.prefix[size_t(g_.attribute_of[size_t(node)])];
      for (int32_t i = 0; i < n - prefix; i++)
        if (active_[size_t(operands[i])])
          add_term(operands[i], gradient, prefix ? std::max(level, i) : level);
      return gradient;
    }
    const int32_t rules = rules_[size_t(kind_of_[size_t(node)])];
    for (int32_t i = 0; i < n; i++) {
      if (!active_[size_t(operands[i])]) continue;
      const int32_t rule = rules_[size_t(rules + i)];
      if (rule >= 0)
        add_term(operands[i], write(&rules_[size_t(rule)], operands, n, node, gradient), level);
    }
    return gradient;
  }

  // Writes out a rule; returns the node that is the gradient.
  int32_t write(const int32_t* rule, const int32_t* operands, int32_t n, int32_t node,
                int32_t gradient) {
    const int32_t first = int32_t(made_.ops.size());
    const auto number = [=](int32_t symbol) {
      if (symbol < 0) return ~symbol;
      if (symbol < n) return operands[symbol];
      return symbol == n ? node : symbol == n + 1 ? gradient : first + symbol - n - 2;
    };
    const int32_t result = *rule++;
    for (int32_t steps = *rule++; steps > 0; steps--) {
      const int32_t op = *rule++, attribute = *rule++;
      for (int32_t k = *rule++; k > 0; k--) made_.list.push_back(number(*rule++));
      push(op, g_.levels[size_t(node)], attribute);
    }
    return number(result);
  }

  // The sum of a node's terms, each from its level on; a leaf's gradient has a place of its own.
  int32_t gradient_of(int32_t node, int32_t level, bool is_leaf) {
    const int32_t newest = head_[size_t(node)];
    const Term& last = terms_[size_t(newest)];
    if (!is_leaf && last.next < 0 && last.level == level) return last.node;
    bool is_level = true;
    size_t n = 0;
    for (int32_t t = newest; t >= 0; t = terms_[size_t(t)].next, n++)
      is_level = is_level && terms_[size_t(t)].level == level;
    made_.list.resize(made_.list.size() + n);
    auto to = made_.list.end();
    for (int32_t t = newest; t >= 0; t = terms_[size_t(t)].next) *--to = terms_[size_t(t)].node;
    return push(g_.total, level, is_level ? 0 : levels_attribute(newest, n));
  }

  // The attribute that holds the levels of a node's terms: neighbours often have the same.
  int32_t levels_attribute(int32_t newest, size_t n) {
    std::vector<int32_t>& all = made_.term_levels;
    const size_t end = all.size();
    all.resize(end + n);
    auto to = all.end();
    for (int32_t t = newest; t >= 0; t = terms_[size_t(t)].next) *--to = terms_[size_t(t)].level;
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

  const NumberGraph& g_;
  const std::span<const int32_t> rules_;
  const std::vector<uint8_t> active_;
  Kinds kinds_;
  std::vector<int32_t> kind_of_;  // of active nodes that have rules
  std::vector<int32_t> head_;     // of a node's list of terms
  std::vector<Term> terms_;
  Derivatives made_;
};

// Says what is unsound about rules; empty: nothing.
std::string check_rules(const NumberGraph& g, std::span<const int32_t> kinds,
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
    const int32_t n = g.start[size_t(node) + 1] - g.start[size_t(node)];
    const int32_t at = rules[i];
    const char* wrong = has(at, n) ? nullptr : "words outside the rules";
    for (int32_t k = 0; k < n && !wrong; k++)
      if (rules[size_t(at + k)] != -1) wrong = check(rules[size_t(at + k)], n);
    if (wrong) return "the rules of nodes like " + std::to_string(node) + ": " + wrong;
  }
  return "";
}

}  // namespace

std::vector<int32_t> kinds_of(const NumberGraph& g) {
  const std::vector<uint8_t> active = active_nodes(g);
  Kinds kinds(g);
  for (int32_t node = 0; node <= g.root; node++)
    if (active[size_t(node)]) kinds.of(node);
  return std::move(kinds.first);
}

std::string check_number_graph(const NumberGraph& g) {
  const size_t n = size_t(std::max(0, g.count));
  if (g.forward_end < 0 || g.forward_end > g.count || g.root < 0 || g.root >= g.forward_end)
    return "sizes that do not fit";
  if (g.ops.size() < n || g.start.size() < n + 1 || g.levels.size() < n ||
      g.attribute_of.size() < n)
    return "arrays shorter than the graph";
  if (g.total < 0 || size_t(g.total) >= g.leaves.size()) return "no such operator as a total";
  if (g.start[0] != 0) return "operands that do not start at 0";
  for (size_t node = 0; node < n; node++) {
    const int32_t begin = g.start[node], end = g.start[node + 1];
    const char* wrong = nullptr;
    if (end < begin || size_t(end) > g.list.size()) {
      wrong = "operands outside their list";
    } else {
      for (int32_t e = begin; e < end; e++)
        if (uint32_t(g.list[size_t(e)]) >= node) wrong = "an operand that does not come before it";
    }
    if (g.ops[node] >= g.leaves.size()) wrong = "no such operator";
    if (uint32_t(g.attribute_of[node]) >= g.prefix.size()) wrong = "no such attribute";
    if (wrong) return "node " + std::to_string(node) + ": " + wrong;
  }
  return "";
}

std::string differentiate(const NumberGraph& graph, std::span<const int32_t> rules, int32_t seed,
                          Derivatives& made) {
  Differentiation differentiation(graph, rules);
  std::string fault = check_rules(graph, differentiation.kinds(), rules);
  if (fault.empty()) made = differentiation.run(seed);
  return fault;
}

}  // namespace vecgrad
