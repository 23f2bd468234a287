// The order of scalar instructions: see schedule.h.
#include "compile/schedule.h"

#include <algorithm>
#include <utility>

namespace vecgrad {
namespace {

// An item of a schedule, the place of its position in the order of running, and its depth.
struct Item {
  int32_t item, place, depth;
};

// Sorts items by one of their numbers, below `limit`; items with equal numbers stay in order.
// Returns where the items of each number begin.
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

}  // namespace

Schedule schedule(const AssemblerGraph& g, const Fusion& fusion, int32_t from, int32_t to,
                  bool is_descending, std::vector<Addition>& additions) {
  std::vector<Item> found;
  found.reserve(size_t(to - from));
  std::vector<Item> outside;
  std::vector<int32_t> depths(size_t(to - from));
  std::vector<int32_t> outside_depths(size_t(to - from), -1);
  Schedule made;
  int32_t deepest = 0;
  const auto add = [&](int32_t item, int32_t position, int32_t depth) {
    found.push_back({item, is_descending ? g.max_length - 1 - position : position, depth});
    deepest = std::max(deepest, depth);
  };
  // The depth of what reads `operand` at a position.
  const auto after = [&](int32_t operand, int32_t position) {
    const bool waits = operand >= from && g.position(operand) == position;
    return waits ? depths[size_t(operand - from)] + 1 : 0;
  };
  for (int32_t node = from; node < to; node++) {
    if (!fusion.is_live(node)) continue;
    const bool is_leaf = g.role(node) == Role::leaf;
    int32_t& depth = depths[size_t(node - from)];
    const Operands inputs = g.operands(node);
    if (is_leaf || (fusion.is_outside(node) && !fusion.is_zeroed(node))) {
      depth = -1;
      if (is_leaf) continue;
      int32_t& own = outside_depths[size_t(node - from)];
      own = 0;
      for (const int32_t operand : inputs)
        if (operand >= from) own = std::max(own, outside_depths[size_t(operand - from)] + 1);
      if (fusion.is_absorbed(node))
        own--;
      else
        outside.push_back({node, 0, own});
      continue;
    }
    for (const int32_t operand : inputs) depth = std::max(depth, after(operand, g.position(node)));
    if (fusion.is_zeroed(node)) {
      const int32_t n = g.term_count(node);
      for (int32_t i = 0; i < n; i++) {
        if (fusion.add_n_of(inputs[i]) == node) continue;
        additions.push_back({node, inputs[i]});
        const int32_t position = g.term_position(node, i);
        add(~int32_t(additions.size() - 1), position, after(inputs[i], position));
      }
    } else if (fusion.is_absorbed(node)) {
      depth--;
    } else {
      add(node, g.position(node), depth);
    }
  }

  int32_t deepest_outside = 0;
  for (const Item& item : outside) deepest_outside = std::max(deepest_outside, item.depth);
  sort_by(&Item::depth, deepest_outside + 1, outside);
  for (const Item& item : outside) {
    made.outside.push_back(item.item);
    made.outside_depths.push_back(item.depth);
  }

  sort_by(&Item::depth, deepest + 1, found);
  made.starts = sort_by(&Item::place, g.max_length, found);
  made.items.reserve(found.size());
  made.depths.reserve(found.size());
  for (const Item& item : found) {
    made.items.push_back(item.item);
    made.depths.push_back(item.depth);
  }
  return made;
}

}  // namespace vecgrad
