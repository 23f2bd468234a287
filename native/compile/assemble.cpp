#include "compile/assemble.h"

#include <algorithm>

namespace vecgrad {
namespace {

enum Code : int32_t {
#define TAPE(name, operands) name,
#include "vm/scalar_bytecode.def"
#undef TAPE
};

// The operands of a node.
struct Operands {
  const int32_t* first;
  int32_t count;

  int32_t operator[](int32_t i) const { return first[i]; }
};

// Tape words in runs of equal opcodes.
class Writer {
 public:
  // Ends the current run: what follows can be the start of a range.
  int32_t cut() {
    head_ = -1;
    return int32_t(words.size());
  }

  template <class... Words>
  void record(int32_t code, Words... operands) {
    constexpr uint32_t most = (1 << 24) - 1;
    if (head_ < 0 || code_ != code || words[size_t(head_)] >> 8 == most) {
      head_ = int64_t(words.size());
      code_ = code;
      words.push_back(uint32_t(code));
    }
    words[size_t(head_)] += 256;
    (words.push_back(uint32_t(operands)), ...);
  }

  std::vector<uint32_t> words;

 private:
  int64_t head_ = -1;
  int32_t code_ = -1;
};

// What a level runs, as in Schedule, and when.
struct Item {
  int32_t item, level, depth;
};

// Sorts items by one of their numbers, below `limit`; those alike stay in order. Says where the
// items of each number begin.
std::vector<int32_t> sort_by(int32_t Item::*number, int32_t limit, std::vector<Item>& items) {
  std::vector<int32_t> starts(size_t(limit) + 1);
  for (const Item& item : items) starts[size_t(item.*number) + 1]++;
  for (size_t i = 0; i < size_t(limit); i++) starts[i + 1] += starts[i];
  std::vector<int32_t> next = starts;
  std::vector<Item> sorted(items.size());
  for (const Item& item : items) sorted[size_t(next[size_t(item.*number)]++)] = item;
  items = std::move(sorted);
  return starts;
}

// What levels run: node numbers, and ~i for the i-th addition of a term to a zeroed total.
struct Schedule {
  std::vector<int32_t> items;
  std::vector<int32_t> starts;  // where the items of each level begin, in the order of running
  std::vector<int32_t> outside;
};

// How an addition is done: which operand is a product to fuse, which a sum to add to in place.
constexpr uint8_t product_of[2] = {1, 2}, in_place[2] = {4, 8};

class Assembler {
 public:
  Assembler(const TapeGraph& graph, std::span<const int32_t> uses,
            std::span<const int32_t> gradients, std::span<int32_t> slots, int32_t zero,
            int32_t arena_size)
      : g_(graph),
        uses_(uses),
        slots_(slots),
        zero_(zero),
        size_(arena_size),
        outside_(size_t(graph.count)),
        total_(size_t(graph.count), -1),
        absorbed_(size_t(graph.count)),
        fusion_(size_t(graph.count)),
        is_zeroed_(size_t(graph.count)),
        started_(size_t(graph.count)),
        is_gradient_(size_t(graph.count)) {
    for (const int32_t node : gradients) is_gradient_[size_t(node)] = 1;
  }

  AssembledTape run(const TapeUpdate& update) {
    AssembledTape made;
    if (!find_outside()) return made;
    made.is_ordered = true;
    plan();
    made.clear_forward = clear(0, g_.forward_end);
    const Schedule forward = schedule(0, g_.forward_end, false);
    made.forward.push_back(tape_.cut());
    for (int32_t i = 0; i < g_.max_level; i++) {
      emit_level(forward, i);
      made.forward.push_back(tape_.cut());
    }
    made.after_forward = emit_all(forward.outside);

    made.clear_backward = clear(g_.forward_end, g_.count);
    const Schedule backward = schedule(g_.forward_end, g_.count, true);
    made.before_backward = emit_all(backward.outside);
    made.backward.resize(size_t(g_.max_level) + 1);
    for (int32_t i = 0; i < g_.max_level; i++) {
      made.backward[size_t(g_.max_level - i)] = tape_.cut();
      emit_level(backward, i);
    }
    made.backward[0] = tape_.cut();

    made.update = emit_update(update);
    made.tape = std::move(tape_.words);
    made.arena_size = size_;
    return made;
  }

 private:
  // --- the graph

  Role role(int32_t node) const { return Role(g_.roles[g_.ops[size_t(node)]]); }
  int32_t own(int32_t node) const { return g_.own[g_.ops[size_t(node)]]; }
  int32_t adding(int32_t node) const { return g_.adding[g_.ops[size_t(node)]]; }
  int32_t level(int32_t node) const { return g_.levels[size_t(node)]; }
  bool is_live(int32_t node) const { return uses_[size_t(node)] > 0; }
  bool is_forward(int32_t node) const { return node < g_.forward_end; }
  Operands operands(int32_t node) const {
    const int32_t begin = g_.start[size_t(node)];
    return {g_.list.data() + begin, g_.start[size_t(node) + 1] - begin};
  }
  const Attribute& attribute(int32_t node) const {
    return g_.attributes[size_t(g_.attribute_of[size_t(node)])];
  }
  int32_t slot(int32_t node) const { return slots_[size_t(node)]; }

  int32_t term_count(int32_t total) const {
    return operands(total).count - (attribute(total).prefix ? 1 : 0);
  }
  // The level from which term i of a total counts.
  int32_t term_level(int32_t total, int32_t i) const {
    const Attribute& a = attribute(total);
    if (a.levels >= 0) return g_.levels_list[size_t(a.levels + i)];
    return a.prefix ? std::max(level(total), i) : level(total);
  }

  // --- what runs outside the order of levels: forward, what depends on a prefix total, which is
  // complete only after the last level; backward, what depends on nothing of any level, which comes
  // before the deepest

  bool find_outside() {
    for (int32_t node = 0; node < g_.forward_end; node++) {
      if (!is_live(node)) continue;
      const bool is_prefix_total = role(node) == Role::total && attribute(node).prefix;
      bool reads_outside = false;
      const Operands inputs = operands(node);
      for (int32_t i = 0; i < inputs.count && !reads_outside; i++)
        reads_outside = outside_[size_t(inputs[i])];
      outside_[size_t(node)] = is_prefix_total || reads_outside;
      // What the order of levels adds cannot wait for what comes after all levels.
      if (reads_outside && (is_prefix_total || level(node) > 0)) return false;
    }
    for (int32_t node = g_.forward_end; node < g_.count; node++) {
      if (!is_live(node)) continue;
      bool is_free = level(node) == 0 && is_uniform(node);
      const Operands inputs = operands(node);
      for (int32_t i = 0; i < inputs.count && is_free; i++) is_free = is_early(inputs[i]);
      outside_[size_t(node)] = is_free;
      if (!are_operands_in_order(node)) return false;
    }
    return true;
  }

  // Whether a node is computed before the first backward level.
  bool is_early(int32_t node) const {
    return is_forward(node) || outside_[size_t(node)] || role(node) == Role::leaf;
  }

  // Whether all terms of a total count from the total's own level; any other node reads its
  // operands at its own level.
  bool is_uniform(int32_t node) const {
    if (role(node) != Role::total) return true;
    const int32_t n = term_count(node);
    for (int32_t i = 0; i < n; i++)
      if (term_level(node, i) != level(node)) return false;
    return true;
  }

  // Whether each operand of a backward node is computed by the time it is read: at the node's
  // level, or, of a total, at the level from which the term counts. Deeper levels come first.
  bool are_operands_in_order(int32_t node) const {
    const bool is_total = role(node) == Role::total;
    const Operands inputs = operands(node);
    const int32_t n = is_total ? term_count(node) : inputs.count;
    for (int32_t i = 0; i < n; i++) {
      const int32_t at = is_total ? term_level(node, i) : level(node);
      if (!is_early(inputs[i]) && level(inputs[i]) != at) return false;
    }
    return true;
  }

  // --- what one instruction does for several nodes

  void plan() {
    for (int32_t node = 0; node < g_.count; node++) {
      if (!is_live(node)) continue;
      if (role(node) == Role::total) plan_total(node);
      if (role(node) == Role::add) plan_addition(node);
    }
  }

  void plan_total(int32_t node) {
    const Operands terms = operands(node);
    const int32_t n = term_count(node);
    for (int32_t i = 0; i < n; i++) {
      const int32_t term = terms[i];
      const bool adds_itself = adding(term) >= 0 && uses_[size_t(term)] == 1;
      // A term's own instruction runs from the term's level on, which may be below the one from
      // which the term counts.
      if (adds_itself && level(term) == term_level(node, i) && is_forward(term) == is_forward(node))
        total_[size_t(term)] = node;
    }
    // An update reads every parameter's gradient: a run too short to reach one must leave zero.
    if (is_uniform(node) && (level(node) == 0 || !is_gradient_[size_t(node)])) return;
    is_zeroed_[size_t(node)] = 1;
    zeroed_.push_back(node);
  }

  void plan_addition(int32_t node) {
    const Operands inputs = operands(node);
    uint8_t& fusion = fusion_[size_t(node)];
    for (const int32_t i : {1, 0}) {
      if (own(inputs[i]) != Code::mul || role(inputs[i]) != Role::plain) continue;
      if (!is_alone(inputs[i], node)) continue;
      absorbed_[size_t(inputs[i])] = 1;
      fusion = product_of[i];
      break;
    }
    for (const int32_t i : {0, 1}) {
      const int32_t sum = inputs[i];
      if (!is_alone(sum, node) || absorbed_[size_t(sum)] || role(sum) == Role::leaf) continue;
      if (is_zeroed_[size_t(sum)]) continue;
      fusion |= in_place[i];
      break;
    }
  }

  // Whether nothing but `user` needs an operand, which is computed in the same part of the tape.
  bool is_alone(int32_t operand, int32_t user) const {
    return uses_[size_t(operand)] == 1 && level(operand) == level(user) &&
           outside_[size_t(operand)] == outside_[size_t(user)] &&
           is_forward(operand) == is_forward(user);
  }

  // --- the order

  Schedule schedule(int32_t from, int32_t to, bool is_descending) {
    std::vector<Item> found;
    found.reserve(size_t(to - from));
    std::vector<int32_t> depths(size_t(to - from));
    Schedule made;
    int32_t deepest = 0;
    const auto add = [&](int32_t item, int32_t at, int32_t depth) {
      found.push_back({item, is_descending ? g_.max_level - 1 - at : at, depth});
      deepest = std::max(deepest, depth);
    };
    const auto after = [&](int32_t operand, int32_t at) {
      return operand >= from && level(operand) == at ? depths[size_t(operand - from)] + 1 : 0;
    };
    for (int32_t node = from; node < to; node++) {
      if (!is_live(node)) continue;
      const bool is_leaf = role(node) == Role::leaf;
      int32_t& depth = depths[size_t(node - from)];
      if (is_leaf || (outside_[size_t(node)] && !is_zeroed_[size_t(node)])) {
        if (!is_leaf) made.outside.push_back(node);
        depth = -1;
        continue;
      }
      const Operands inputs = operands(node);
      for (int32_t i = 0; i < inputs.count; i++)
        depth = std::max(depth, after(inputs[i], level(node)));
      if (is_zeroed_[size_t(node)]) {
        const int32_t n = term_count(node);
        for (int32_t i = 0; i < n; i++) {
          if (total_[size_t(inputs[i])] == node) continue;
          additions_.push_back({node, inputs[i]});
          const int32_t at = term_level(node, i);
          add(~int32_t(additions_.size() - 1), at, after(inputs[i], at));
        }
      } else if (absorbed_[size_t(node)]) {
        depth--;
      } else {
        add(node, level(node), depth);
      }
    }

    // By level, and within a level by depth.
    sort_by(&Item::depth, deepest + 1, found);
    made.starts = sort_by(&Item::level, g_.max_level, found);
    made.items.reserve(found.size());
    for (const Item& item : found) made.items.push_back(item.item);
    return made;
  }

  // --- the tape

  int32_t allocate(int32_t n) {
    const int32_t slot = size_;
    size_ += n;
    return slot;
  }
  // A node's place, given now if it has none.
  int32_t place(int32_t node) {
    int32_t& slot = slots_[size_t(node)];
    if (slot < 0) slot = allocate(1);
    return slot;
  }

  TapeSpan clear(int32_t from, int32_t to) {
    const int32_t begin = tape_.cut();
    for (const int32_t node : zeroed_)
      if (node >= from && node < to) tape_.record(Code::copy, place(node), zero_);
    return {begin, tape_.cut()};
  }

  TapeSpan emit_all(const std::vector<int32_t>& nodes) {
    const int32_t begin = tape_.cut();
    for (const int32_t node : nodes) emit(node);
    return {begin, tape_.cut()};
  }

  void emit_level(const Schedule& schedule, int32_t i) {
    for (int32_t k = schedule.starts[size_t(i)]; k < schedule.starts[size_t(i) + 1]; k++)
      emit(schedule.items[size_t(k)]);
  }

  void emit(int32_t node) {
    if (node < 0) {
      const Addition& addition = additions_[size_t(~node)];
      tape_.record(Code::accumulate, slot(addition.total), slot(addition.term));
      return;
    }
    if (absorbed_[size_t(node)]) return;
    switch (role(node)) {
      case Role::leaf:
        return;
      case Role::add:
        return emit_addition(node);
      case Role::pow:
        return emit_power(node);
      case Role::total:
        return emit_total(node);
      case Role::choose:
        return emit_choose(node);
      case Role::choose_grad:
        return emit_choose_grad(node);
      default:
        return emit_plain(node);
    }
  }

  void emit_plain(int32_t node) {
    const Operands inputs = operands(node);
    const int32_t into = total_[size_t(node)];
    const int32_t code = into >= 0 && has_started(into) ? adding(node) : own(node);
    const int32_t d = place(into >= 0 ? into : node);
    if (inputs.count == 1)
      tape_.record(code, d, slot(inputs[0]));
    else
      tape_.record(code, d, slot(inputs[0]), slot(inputs[1]));
  }

  // Whether a total has its first term; from now on it does.
  bool has_started(int32_t total) {
    if (is_zeroed_[size_t(total)] || started_[size_t(total)]) return true;
    started_[size_t(total)] = 1;
    return false;
  }

  void emit_addition(int32_t node) {
    const uint8_t fusion = fusion_[size_t(node)];
    const Operands inputs = operands(node);
    const int32_t left = slot(inputs[0]), right = slot(inputs[1]);
    // What is added in place, and what a product is added to.
    const int32_t sum = fusion & in_place[0] ? left : fusion & in_place[1] ? right : -1;
    if (sum >= 0 && slot(node) < 0) slots_[size_t(node)] = sum;
    const int32_t d = place(node);
    if (fusion & (product_of[0] | product_of[1])) {
      const bool is_left = fusion & product_of[0];
      const Operands factors = operands(inputs[is_left ? 0 : 1]);
      if (d == sum)
        tape_.record(Code::fma, d, slot(factors[0]), slot(factors[1]));
      else
        tape_.record(Code::mul_add, d, slot(factors[0]), slot(factors[1]), is_left ? right : left);
    } else if (d == sum) {
      tape_.record(Code::accumulate, d, fusion & in_place[0] ? right : left);
    } else {
      tape_.record(own(node), d, left, right);
    }
  }

  void emit_power(int32_t node) {
    const Attribute& a = attribute(node);
    const int32_t x = slot(operands(node)[0]), d = place(node);
    if (a.power == Code::pow || a.power == Code::mul)
      tape_.record(a.power, d, x, a.exponent < 0 ? x : a.exponent);
    else
      tape_.record(a.power, d, x);
  }

  // The terms that did not add themselves.
  void emit_total(int32_t node) {
    if (is_zeroed_[size_t(node)]) return;  // each term adds at its own level
    const int32_t d = place(node), n = term_count(node);
    const Operands terms = operands(node);
    for (int32_t i = 0; i < n; i++) {
      if (total_[size_t(terms[i])] == node) continue;
      tape_.record(has_started(node) ? Code::accumulate : Code::copy, d, slot(terms[i]));
    }
  }

  // The stride of equally spaced places, or -1.
  static int32_t stride_of(const std::vector<int32_t>& places) {
    const int32_t stride = places.size() > 1 ? places[1] - places[0] : 1;
    for (size_t i = 0; i < places.size(); i++)
      if (places[i] != places[0] + int32_t(i) * stride) return -1;
    return stride;
  }

  void emit_choose(int32_t node) {
    const Operands inputs = operands(node);
    const int32_t n = inputs.count - 1;
    std::vector<int32_t> from;
    for (int32_t i = 0; i < n; i++) from.push_back(slot(inputs[i]));
    int32_t first = from[0], stride = stride_of(from);
    if (stride < 0) {
      first = allocate(n);
      stride = 1;
      for (int32_t i = 0; i < n; i++) tape_.record(Code::copy, first + i, from[size_t(i)]);
    }
    tape_.record(Code::pick, place(node), first, stride, n, slot(inputs[n]));
  }

  // All the choices of one index at once where their totals are equally spaced.
  void emit_choose_grad(int32_t node) {
    const Operands inputs = operands(node);
    const int32_t g = slot(inputs[0]), which = slot(inputs[1]);
    std::vector<int32_t> totals;
    int32_t end = node;
    for (; end < g_.count && is_sibling(end, node, end - node); end++) {
      const int32_t total = total_[size_t(end)];
      totals.push_back(total >= 0 && is_zeroed_[size_t(total)] ? slot(total) : -1);
    }
    const bool is_whole = totals.size() > 1 && int32_t(totals.size()) == attribute(node).choices &&
                          std::find(totals.begin(), totals.end(), -1) == totals.end();
    const int32_t stride = is_whole ? stride_of(totals) : -1;
    if (stride > 0) {
      std::fill(absorbed_.begin() + node, absorbed_.begin() + end, uint8_t(1));
      tape_.record(Code::pick_add, g, totals[0], stride, int32_t(totals.size()), which);
      return;
    }
    const int32_t into = total_[size_t(node)];
    const bool adds = into >= 0 && has_started(into);
    const int32_t d = place(into >= 0 && !adds ? into : node);
    tape_.record(Code::choose_grad, d, g, which, attribute(node).choice);
    if (adds) tape_.record(Code::accumulate, slot(into), d);
  }

  bool is_sibling(int32_t node, int32_t first, int32_t choice) const {
    if (!is_live(node) || role(node) != Role::choose_grad) return false;
    const Operands a = operands(node), b = operands(first);
    return a[0] == b[0] && a[1] == b[1] && attribute(node).choice == choice;
  }

  TapeSpan emit_update(const TapeUpdate& u) {
    const int32_t begin = tape_.cut();
    for (int32_t i = 0; u.opcode >= 0 && i < u.size; i++) {
      if (u.second_moment >= 0)
        tape_.record(u.opcode, u.parameters + i, u.moment + i, u.second_moment + i, u.gradients + i,
                     u.rule);
      else
        tape_.record(u.opcode, u.parameters + i, u.moment + i, u.gradients + i, u.rule);
    }
    return {begin, tape_.cut()};
  }

  struct Addition {
    int32_t total, term;
  };

  const TapeGraph& g_;
  const std::span<const int32_t> uses_;
  const std::span<int32_t> slots_;
  const int32_t zero_;
  int32_t size_;
  std::vector<uint8_t> outside_;
  std::vector<int32_t> total_;     // the total that a node's own instruction adds to; -1: none
  std::vector<uint8_t> absorbed_;  // computed by the instruction of another node
  std::vector<uint8_t> fusion_;    // of an addition: product_of and in_place
  std::vector<uint8_t> is_zeroed_;
  std::vector<uint8_t> started_;  // totals that a term has been written to
  std::vector<uint8_t> is_gradient_;
  std::vector<int32_t> zeroed_;
  std::vector<Addition> additions_;  // terms of zeroed totals that do not add themselves
  Writer tape_;
};

// A program's limit: see createProgram in addon.cpp.
constexpr int32_t most_levels = 1 << 20;

// How many operands a role needs at least.
int32_t least_operands(Role role) {
  switch (role) {
    case Role::add:
    case Role::choose:
    case Role::choose_grad:
      return 2;
    case Role::plain:
    case Role::pow:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

std::string check_tape_graph(const TapeGraph& g) {
  const size_t n = size_t(std::max(0, g.count));
  if (g.count < 0 || g.forward_end < 0 || g.forward_end > g.count || g.max_level < 1 ||
      g.max_level > most_levels)
    return "sizes that do not fit";
  if (g.ops.size() < n || g.start.size() < n + 1 || g.levels.size() < n ||
      g.attribute_of.size() < n)
    return "arrays shorter than the graph";
  if (g.own.size() != g.roles.size() || g.adding.size() != g.roles.size())
    return "tables of operators that differ";
  for (const Attribute& a : g.attributes)
    if (a.levels >= 0 && (a.levels > a.levels_end || size_t(a.levels_end) > g.levels_list.size()))
      return "levels outside their list";
  for (const int32_t level : g.levels_list)
    if (level < 0 || level >= g.max_level) return "a term's level out of range";
  if (n > 0 && g.start[0] != 0) return "operands that do not start at 0";
  for (size_t node = 0; node < n; node++) {
    const auto at = [&node](const char* what) {
      return "node " + std::to_string(node) + ": " + what;
    };
    const int32_t begin = g.start[node], end = g.start[node + 1];
    if (end < begin || size_t(end) > g.list.size()) return at("operands outside their list");
    for (int32_t e = begin; e < end; e++)
      if (g.list[size_t(e)] < 0 || size_t(g.list[size_t(e)]) >= node)
        return at("an operand that does not come before it");
    const int32_t attribute = g.attribute_of[node];
    if (attribute < 0 || size_t(attribute) >= g.attributes.size()) return at("no such attribute");
    if (g.ops[node] >= g.roles.size()) return at("no such operator");
    const Role role = Role(g.roles[g.ops[node]]);
    if (role <= Role::none || role > Role::choose_grad) return at("an operator that no tape has");
    if (end - begin < least_operands(role)) return at("operands that are missing");
    const bool is_product = role == Role::plain && g.own[g.ops[node]] == Code::mul;
    if (role == Role::plain && (end - begin > 2 || (is_product && end - begin < 2)))
      return at("operands that do not fit");
    const Attribute& a = g.attributes[size_t(attribute)];
    const int32_t terms = end - begin - (a.prefix ? 1 : 0);
    if (role == Role::total && (terms < 0 || (a.levels >= 0 && a.levels_end - a.levels != terms)))
      return at("terms that do not fit");
    // Term i of a prefix total counts from level i.
    if (role == Role::total && a.prefix && a.levels < 0 && terms > g.max_level)
      return at("more terms than levels");
  }
  return "";
}

void count_uses(const TapeGraph& g, std::span<const int32_t> keep, std::span<int32_t> uses) {
  std::fill(uses.begin(), uses.end(), 0);
  for (const int32_t node : keep) uses[size_t(node)]++;
  for (int32_t node = g.count - 1; node >= 0; node--) {
    if (!uses[size_t(node)]) continue;
    for (int32_t e = g.start[size_t(node)]; e < g.start[size_t(node) + 1]; e++)
      uses[size_t(g.list[size_t(e)])]++;
  }
}

AssembledTape assemble_tape(const TapeGraph& graph, std::span<const int32_t> uses,
                            std::span<const int32_t> gradients, std::span<int32_t> slots,
                            int32_t zero, int32_t arena_size, const TapeUpdate& update) {
  return Assembler(graph, uses, gradients, slots, zero, arena_size).run(update);
}

}  // namespace vecgrad
