// Writes scalar bytecode: see scalar_writer.h.
#include "compile/scalar_writer.h"

#include <algorithm>
#include <bit>

#include "vm/scalar_bytecode.h"

namespace vecgrad {
namespace {

// Whether a record adds to numbers instead of writing them.
constexpr bool adds(ScalarOp code) {
  switch (code) {
    case ScalarOp::accumulate:
    case ScalarOp::decumulate:
    case ScalarOp::fma:
    case ScalarOp::mask_add:
    case ScalarOp::pick_add:
      return true;
    default:
      return false;
  }
}

// Calls `f(opcode, operands)` for each record of a level that adds.
template <class F>
void each_addition(std::span<const uint32_t> adding, F&& f) {
  for (size_t at = 0; at < adding.size(); at += 2 + adding[at + 1])
    f(ScalarOp(adding[at]), adding.subspan(at + 2, adding[at + 1]));
}

// How often a level adds to each slot: a table with open addressing, since slots may be any number.
class SumCounts {
 public:
  explicit SumCounts(size_t most) : entries_(std::bit_ceil(2 * most + 1)) {}

  void add(uint32_t slot) { find(slot).count++; }
  bool is_once(uint32_t slot) { return find(slot).count == 1; }

 private:
  struct Entry {
    uint32_t slot, count;
  };
  Entry& find(uint32_t slot) {
    const size_t mask = entries_.size() - 1;
    size_t at = (slot * 0x9E3779B1u) & mask;
    while (entries_[at].count > 0 && entries_[at].slot != slot) at = (at + 1) & mask;
    entries_[at].slot = slot;
    return entries_[at];
  }

  std::vector<Entry> entries_;
};

// The operands of a `pick_add`.
struct Choices {
  uint32_t first, stride, count;
};
Choices choices_of(std::span<const uint32_t> operands) {
  return {operands[1], operands[2], operands[3]};
}

SumCounts count_sums(std::span<const uint32_t> adding) {
  size_t most = 0;
  each_addition(adding, [&](ScalarOp code, std::span<const uint32_t> operands) {
    most += code == ScalarOp::pick_add ? choices_of(operands).count : 1;
  });
  SumCounts counts(most);
  each_addition(adding, [&](ScalarOp code, std::span<const uint32_t> operands) {
    if (code != ScalarOp::pick_add) return counts.add(operands[0]);
    const auto [first, stride, count] = choices_of(operands);
    for (uint32_t i = 0; i < count; i++) counts.add(first + i * stride);
  });
  return counts;
}

}  // namespace

ScalarWriter::ScalarWriter() : waiting_(scalar_opcode_names().size()) {}

void ScalarWriter::end_level() {
  is_level_ = false;
  std::sort(used_.begin(), used_.end());
  for (const int32_t code : used_) {
    std::vector<uint32_t>& all = waiting_[size_t(code)];
    for (size_t at = 0; at < all.size(); at += 1 + all[at])
      append(code, std::span(all).subspan(at + 1, all[at]));
    all.clear();
  }
  used_.clear();
  append_additions();
}

int32_t ScalarWriter::cut() {
  end_level();
  append_products();
  head_ = -1;
  return int32_t(words.size());
}

void ScalarWriter::write(int32_t code, std::span<const uint32_t> operands) {
  // A graph can name opcodes that there are not: the machine refuses them.
  if (!is_level_ || size_t(code) >= waiting_.size()) return append(code, operands);
  const bool is_adding = adds(ScalarOp(code));
  std::vector<uint32_t>& to = is_adding ? adding_ : waiting_[size_t(code)];
  if (is_adding) to.push_back(uint32_t(code));
  if (!is_adding && to.empty()) used_.push_back(code);
  to.push_back(uint32_t(operands.size()));
  to.insert(to.end(), operands.begin(), operands.end());
}

void ScalarWriter::append(int32_t code, std::span<const uint32_t> operands) {
  if (code == int32_t(ScalarOp::fma)) {
    products_.push_back({operands[0], operands[1], operands[2]});
    return;
  }
  append_products();
  append_words(code, operands);
}

void ScalarWriter::append_words(int32_t code, std::span<const uint32_t> operands) {
  constexpr uint32_t max_count = (1 << 16) - 1;  // a word that takes 16 bits (vm.cpp)
  if (head_ < 0 || code_ != code || words[size_t(head_) + 1] == max_count) {
    head_ = int64_t(words.size());
    code_ = code;
    words.push_back(uint32_t(code));
    words.push_back(0);
  }
  words[size_t(head_) + 1]++;
  words.insert(words.end(), operands.begin(), operands.end());
}

// Products that are all that a level adds to their sums come first: they may run at any time, and
// the gradients of a weight and of what it is multiplied with, which come in turns, part.
void ScalarWriter::append_additions() {
  if (adding_.empty()) return;
  SumCounts counts = count_sums(adding_);
  const auto is_apart = [&](ScalarOp code, std::span<const uint32_t> operands) {
    return code == ScalarOp::fma && counts.is_once(operands[0]);
  };
  for (const bool apart : {true, false})
    each_addition(adding_, [&](ScalarOp code, std::span<const uint32_t> operands) {
      if (is_apart(code, operands) == apart) append(int32_t(code), operands);
    });
  adding_.clear();
}

// Appends the products that wait. They may be of several levels: the terms of a sum are one after
// the other.
void ScalarWriter::append_products() {
  for (const FmaStretch& stretch : find_nests(products_)) {
    if (stretch.is_nest) {
      append_words(int32_t(ScalarOp::fma_nest), stretch.nest);
      continue;
    }
    for (const auto& [sum, a, b] : std::span(products_).subspan(stretch.first, stretch.count))
      append_words(int32_t(ScalarOp::fma), std::array{sum, a, b});
  }
  products_.clear();
}

}  // namespace vecgrad
