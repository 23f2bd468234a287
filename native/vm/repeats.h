// Loops of a program: instructions that are stored once and run several times, with operands that
// move by the same distance each time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vm/decoded.h"
#include "vm/instruction.h"
#include "vm/validate.h"

namespace vecgrad {

// The loops that the compiler hands over: for each the index of its first instruction, how many
// instructions it has, and how often they run.
constexpr size_t repeat_words = 3;

// Which words of an instruction may change from one time to the next: its position, and those that
// are places in the arena or among the integers.
std::span<const bool, instruction_words> moving_words(Op op);

// Instructions that follow each other: those of a loop, or those between two loops, which run once.
// Instructions are numbered as they run, so that each time has numbers of its own.
struct Stretch {
  int32_t number;  // of the first instruction, when it runs first
  int32_t code;    // where it is stored
  int32_t length, times;
  int32_t step = 0;           // index of the first instruction's step
  int32_t position_step = 0;  // how far all positions move
  // The lowest and the highest position of the first time.
  int32_t lowest = 0, highest = 0;

  int32_t end() const { return number + length * times; }
};

// The loops of a program, and what lies between them.
struct Stretches {
  std::vector<Stretch> all;
  std::vector<Places> steps;  // of each instruction of a loop: how far it moves
};

// Reads the loops of `code`, whose instructions are sound as they are stored, and checks that they
// are sound each time. `steps` has the difference of each word for each instruction of a loop.
// Returns what is wrong; empty if all is sound.
std::string read_repeats(std::span<const int32_t> code, std::span<const int32_t> repeats,
                         std::span<const int32_t> steps, const Limits& limits, Stretches& made);

// Calls f with each instruction's number and its position, as they run. `positions` are those of
// the stored instructions.
template <class F>
void for_each_position(std::span<const Stretch> stretches, std::span<const int32_t> positions,
                       const F& f) {
  for (const Stretch& s : stretches)
    for (int32_t number = s.number, time = 0; time < s.times; time++)
      for (int32_t k = 0; k < s.length; k++, number++)
        f(number, positions[size_t(s.code + k)] + time * s.position_step);
}

// The times at which some instruction of a loop may have a position in [from, to): all times before
// and behind these leave everything out.
struct Times {
  int32_t begin, end;
};
Times times_of(const Stretch& stretch, int32_t from, int32_t to);

// Lets the instructions of a loop run so many times later.
inline void move(std::span<Instruction> loop, std::span<const Places> steps, int32_t times) {
  for (size_t i = 0; i < loop.size(); i++) {
    Places& at = loop[i];
    const Places& by = steps[i];
    at = {at.y_offset + by.y_offset * times,
          at.a_offset + by.a_offset * times,
          at.b_offset + by.b_offset * times,
          at.c + by.c * times,
          at.x + by.x * times,
          at.imm0 + by.imm0 * times,
          at.imm1 + by.imm1 * times,
          at.c_row + by.c_row * times};
  }
}

}  // namespace vecgrad
