// Finds loops: see reroll.h.
#include "compile/reroll.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <unordered_map>
#include <utility>

#include "vm/instruction.h"
#include "vm/repeats.h"

namespace vecgrad {
namespace {

constexpr size_t position_word = offsetof(EncodedInstruction, position) / sizeof(int32_t);
constexpr size_t opcode_word = offsetof(EncodedInstruction, opcode) / sizeof(int32_t);

// A loop has at most so many instructions, and so many of the next instructions that are like its
// first one are tried as the first of its second time.
constexpr int32_t max_loop = 4096;
constexpr int32_t max_tries = 64;
// It runs at least so often: any two instructions lie evenly.
constexpr int32_t least_times = 3;
// A shorter one is written out several times: going on to the next time costs some nanoseconds.
constexpr int32_t least_of_loop = 48;
// How many comparisons there may be for each instruction, so that finding takes linear time.
constexpr int64_t comparisons_each = 100;

// Instructions from `first` on that repeat what stands before them.
struct Found {
  int32_t first, length, times;

  int32_t saves() const { return (times - 1) * length; }
};

// The same instructions as a loop of `least_of_loop` instructions or more, if it still runs often
// enough.
Found unrolled(const Found& loop) {
  const int32_t by = (least_of_loop + loop.length - 1) / loop.length;
  if (loop.times / by < least_times) return loop;
  return {loop.first, loop.length * by, loop.times / by};
}

// The words that may move, by opcode.
std::vector<std::vector<size_t>> moving_places() {
  std::vector<std::vector<size_t>> all(static_cast<size_t>(opcode_count));
  for (size_t op = 0; op < all.size(); op++)
    for (size_t w = 0; w < instruction_words; w++)
      if (moving_words(Op(op))[w]) all[op].push_back(w);
  return all;
}

class Finder {
 public:
  Finder(std::span<const int32_t> code, int32_t least)
      : code_(code),
        count_(int32_t(code.size() / instruction_words)),
        least_(least),
        left_(comparisons_each * count_),
        forms_(size_t(count_)),
        next_(size_t(count_), -1) {
    std::unordered_map<uint64_t, int32_t> known;
    for (int32_t i = 0; i < count_; i++) forms_[size_t(i)] = form_of(i, known);
    std::vector<int32_t> following(size_t(count_), -1);  // by form
    for (int32_t i = count_ - 1; i >= 0; i--)
      next_[size_t(i)] = std::exchange(following[size_t(forms_[size_t(i)])], i);
  }

  std::vector<Found> find() {
    std::vector<Found> all;
    for (int32_t i = 0; i < count_ && left_ > 0;) {
      const Found best = best_at(i);
      // What saves too little is passed over: it is no part of a loop that begins later and saves
      // more.
      if (best.times && best.saves() >= least_) all.push_back(unrolled(best));
      i += best.times ? best.length * best.times : 1;
    }
    return all;
  }

  int32_t word(int32_t i, size_t w) const { return code_[size_t(i) * instruction_words + w]; }

 private:
  // The first instruction that differs from this one only in words that may move. `known` holds the
  // instructions that were the first of their form, by hash.
  int32_t form_of(int32_t i, std::unordered_map<uint64_t, int32_t>& known) const {
    const auto moves = moving_words(Op(word(i, opcode_word)));
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t w = 0; w < instruction_words; w++)
      if (!moves[w]) hash = (hash ^ uint32_t(word(i, w))) * 0x100000001b3;
    const auto is_alike = [&](int32_t j) {
      for (size_t w = 0; w < instruction_words; w++)
        if (!moves[w] && word(i, w) != word(j, w)) return false;
      return true;
    };
    for (;; hash++) {
      const auto [first, is_new] = known.try_emplace(hash, i);
      if (is_new || is_alike(first->second)) return first->second;
    }
  }

  bool is_alike(int32_t i, int32_t j) const { return forms_[size_t(i)] == forms_[size_t(j)]; }

  // Whether instruction i and the two that stand `length` and twice `length` behind it are an
  // instruction of a loop.
  bool continues(int32_t i, int32_t length) {
    if (i + 2 * length >= count_ || !is_alike(i, i + length) || !is_alike(i, i + 2 * length))
      return false;
    left_--;
    for (const size_t w : places_[size_t(word(i, opcode_word))]) {
      const int64_t a = word(i, w), b = word(i + length, w), c = word(i + 2 * length, w);
      if (b - a != c - b) return false;
    }
    return true;
  }

  // Whether all positions of a loop move alike, and none of one time comes behind those of the
  // next: a short run then leaves out whole times.
  bool goes_by_position(const Found& loop) {
    const auto position = [&](int32_t i) { return int64_t(word(i, position_word)); };
    const int64_t step = position(loop.first + loop.length) - position(loop.first);
    int64_t lowest = position(loop.first), highest = lowest;
    for (int32_t i = loop.first; i < loop.first + loop.length; i++) {
      if (position(i + loop.length) - position(i) != step) return false;
      lowest = std::min(lowest, position(i));
      highest = std::max(highest, position(i));
    }
    left_ -= loop.length;
    return highest - lowest <= std::abs(step);
  }

  // The loop that begins with an instruction and saves most; `length` and `times` are 0 where there
  // is none.
  Found best_at(int32_t i) {
    Found best{i, 0, 0};
    int32_t tries = max_tries;
    for (int32_t j = next_[size_t(i)]; j >= 0 && tries > 0; j = next_[size_t(j)], tries--) {
      const int32_t length = j - i;
      if (length > max_loop || left_ <= 0) break;
      // Going on every second time saves less than every time.
      if (best.times && length % best.length == 0) continue;
      if (!continues(i, length) || !continues(i + length - 1, length)) continue;
      int32_t end = i + 1;
      while (continues(end, length)) end++;
      const Found found{i, length, (end - i) / length + 2};
      if (found.times >= least_times && found.saves() > best.saves() && goes_by_position(found))
        best = found;
    }
    return best;
  }

  const std::span<const int32_t> code_;
  const int32_t count_, least_;
  int64_t left_;
  const std::vector<std::vector<size_t>> places_ = moving_places();
  std::vector<int32_t> forms_;
  std::vector<int32_t> next_;  // the next instruction of the same form
};

}  // namespace

bool are_instructions(std::span<const int32_t> code) {
  if (code.size() % instruction_words) return false;
  for (size_t i = opcode_word; i < code.size(); i += instruction_words)
    if (code[i] < 0 || code[i] >= opcode_count) return false;
  return true;
}

bool reroll(std::span<const int32_t> code, int32_t least, Rerolled& made) {
  Finder finder(code, least);
  const std::vector<Found> all = finder.find();
  if (all.empty()) return false;
  const auto copy = [&](int32_t begin, int32_t end) {
    made.code.insert(made.code.end(), code.begin() + int64_t(begin) * instruction_words,
                     code.begin() + int64_t(end) * instruction_words);
  };
  int32_t written = 0;
  for (const Found& found : all) {
    const int32_t end = found.first + found.length;
    copy(written, found.first);
    const auto stored = int32_t(made.code.size() / instruction_words);
    made.repeats.insert(made.repeats.end(), {stored, found.length, found.times});
    copy(found.first, end);
    for (int32_t i = found.first; i < end; i++)
      for (size_t w = 0; w < instruction_words; w++)
        made.steps.push_back(
            int32_t(int64_t(finder.word(i + found.length, w)) - finder.word(i, w)));
    written = found.first + found.length * found.times;
  }
  copy(written, int32_t(code.size() / instruction_words));
  return true;
}

}  // namespace vecgrad
