// Loops of a program: see repeats.h.
#include "vm/repeats.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

namespace vecgrad {
namespace {

// As they run: each has a number, and is looked at when a program is made.
constexpr int64_t max_instructions = 1 << 27;
// Beyond those of any run, and differences of such numbers do not overflow.
constexpr int32_t max_position = 1 << 30;

using Moving = std::array<bool, instruction_words>;

constexpr size_t word_of(size_t byte) { return byte / sizeof(int32_t); }
#define WORD_OF(member) word_of(offsetof(EncodedInstruction, member))

Moving words_of(Op op) {
  Moving moving{};
  for (const size_t word : {WORD_OF(position), WORD_OF(y.offset), WORD_OF(a.offset),
                            WORD_OF(b.offset), WORD_OF(c.offset), WORD_OF(x.offset)})
    moving[word] = true;
  // Immediates that are places in the arena: see instructions.def.
  moving[WORD_OF(imm0)] = op == Op::rms_norm || op == Op::rms_norm_grad;
  moving[WORD_OF(imm1)] = op == Op::rms_norm || op == Op::gemm;
  return moving;
}

EncodedInstruction decoded(std::span<const int32_t> words, int32_t i) {
  EncodedInstruction in;
  std::memcpy(&in, &words[size_t(i) * instruction_words], sizeof in);
  return in;
}

// The instruction as it runs the last time, when every word lies furthest from the first time; says
// what is wrong if there is none.
std::string last_of(std::span<const int32_t> first, std::span<const int32_t> by, int32_t times,
                    EncodedInstruction& last) {
  const auto moving = moving_words(Op(first[WORD_OF(opcode)]));
  std::array<int32_t, instruction_words> words;
  for (size_t w = 0; w < instruction_words; w++) {
    if (by[w] && !moving[w])
      return "a step of the word " + std::string(instruction_word_names()[w]);
    const int64_t value = first[w] + int64_t(by[w]) * (times - 1);
    // Words that do not move may be anything: `check_instruction` has seen them.
    if (by[w] && (first[w] < 0 || value < 0 || value > std::numeric_limits<int32_t>::max()))
      return "a step out of range";
    words[w] = int32_t(value);
  }
  std::memcpy(&last, words.data(), sizeof last);
  return "";
}

Places step_of(const EncodedInstruction& by) {
  return {by.y.offset, by.a.offset, by.b.offset, by.c.offset, by.x.offset, by.imm0, by.imm1, 0};
}

// Reads one loop, whose instructions and steps exist.
std::string read_repeat(std::span<const int32_t> code, std::span<const int32_t> steps,
                        const Limits& limits, Stretch loop, Stretches& made) {
  loop.lowest = std::numeric_limits<int32_t>::max();
  loop.step = int32_t(made.steps.size());
  loop.position_step = decoded(steps, 0).position;
  for (int32_t k = 0; k < loop.length; k++) {
    const auto words = [&](std::span<const int32_t> of, int32_t i) {
      return of.subspan(size_t(i) * instruction_words, instruction_words);
    };
    EncodedInstruction last;
    std::string fault = last_of(words(code, loop.code + k), words(steps, k), loop.times, last);
    // Every check is of words that move evenly: what is sound first and last is so between.
    if (fault.empty()) fault = check_instruction(last, limits);
    if (fault.empty() && Op(last.opcode) == Op::scalar_bytecode)
      fault = "scalar bytecode in a loop";
    const EncodedInstruction by = decoded(steps, k);
    const int32_t position = decoded(code, loop.code + k).position;
    if (fault.empty() && std::max(position, last.position) > max_position)
      fault = "a position out of range";
    if (fault.empty() && by.position != loop.position_step)
      fault = "a position that moves unlike others of the loop";
    if (!fault.empty())
      return "instruction " + std::to_string(loop.code + k) + ", the last time: " + fault;
    made.steps.push_back(step_of(by));
    loop.lowest = std::min(loop.lowest, position);
    loop.highest = std::max(loop.highest, position);
  }
  made.all.push_back(loop);
  return "";
}

// How often something that lies at `first` and moves by `step` has moved when it is first above
// `limit`; `step` > 0.
int64_t times_until_above(int64_t first, int64_t step, int64_t limit) {
  return first > limit ? 0 : (limit - first) / step + 1;
}

}  // namespace

std::span<const bool, instruction_words> moving_words(Op op) {
  static const auto all = [] {
    std::array<Moving, size_t(opcode_count)> made;
    for (size_t i = 0; i < made.size(); i++) made[i] = words_of(Op(i));
    return made;
  }();
  return all[size_t(op)];
}

std::string read_repeats(std::span<const int32_t> code, std::span<const int32_t> repeats,
                         std::span<const int32_t> steps, const Limits& limits, Stretches& made) {
  const auto count = int64_t(code.size() / instruction_words);
  const auto step_count = int64_t(steps.size() / instruction_words);
  if (repeats.size() % repeat_words || steps.size() % instruction_words)
    return "a table of loops of the wrong length";
  int64_t stored = 0, number = 0, step = 0;
  const auto run_once = [&](int64_t end) {
    if (end > stored)
      made.all.push_back({.number = int32_t(number),
                          .code = int32_t(stored),
                          .length = int32_t(end - stored),
                          .times = 1});
    number += end - stored;
    stored = end;
  };
  for (size_t r = 0; r < repeats.size(); r += repeat_words) {
    const int64_t first = repeats[r], length = repeats[r + 1], times = repeats[r + 2];
    if (first < stored || length < 1 || times < 2 || first + length > count ||
        step + length > step_count)
      return "a loop outside the program";
    run_once(first);
    if (number + length * times > max_instructions) return "more than 2^27 instructions";
    const Stretch loop{.number = int32_t(number),
                       .code = int32_t(first),
                       .length = int32_t(length),
                       .times = int32_t(times)};
    const auto own = steps.subspan(size_t(step) * instruction_words);
    const std::string fault = read_repeat(code, own, limits, loop, made);
    if (!fault.empty()) return fault;
    stored += length;
    number += length * times;
    step += length;
  }
  if (step != step_count) return "steps of no loop";
  if (number + count - stored > max_instructions) return "more than 2^27 instructions";
  run_once(count);
  return "";
}

Times times_of(const Stretch& s, int32_t from, int32_t to) {
  int64_t begin = 0, end = s.times;
  if (s.position_step > 0) {
    begin = times_until_above(s.highest, s.position_step, int64_t(from) - 1);
    end = times_until_above(s.lowest, s.position_step, int64_t(to) - 1);
  } else if (s.position_step < 0) {
    // Mirrored, they ascend.
    begin = times_until_above(-int64_t(s.lowest), -int64_t(s.position_step), -int64_t(to));
    end = times_until_above(-int64_t(s.highest), -int64_t(s.position_step), -int64_t(from));
  } else if (s.highest < from || s.lowest >= to) {
    end = 0;
  }
  end = std::min<int64_t>(end, s.times);
  return {int32_t(std::min(begin, end)), int32_t(end)};
}

}  // namespace vecgrad
