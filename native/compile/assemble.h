// From a graph of single numbers to the scalar tape, one number per instruction, in the order of
// the prefix: a shorter run is a shorter stretch of the same tape. Such a graph has hundreds of
// thousands of nodes and is assembled once; in JavaScript, whose code would still be cold, it took
// half of the time from start to first step.
//
// - Instructions are sorted by level (backward: the deepest first), and within a level by depth, so
//   that neighbours do not wait for each other's results.
// - A product that feeds one addition is done by it (mul_add, fma), on one number still; a sum of
//   one use is added to in place; a term of one use adds itself to its total.
// - A total whose terms come from several levels is zeroed before all of them, and each term adds
//   at its own level: a run too short for a term must not add what an earlier run left.
// - A number gets its place when it is first written: neighbours in time are neighbours in memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace vecgrad {

// What the assembler has to know of an operator; lib/compiler/scalar-bytecode.ts counts the same.
enum class Role : int32_t { none, leaf, plain, total, add, pow, choose, choose_grad };

// What belongs to an operator besides operands: node's is attributes[attribute_of[node]].
struct Attribute {
  int32_t prefix;              // total: the last operand is the prefix length, no term
  int32_t levels, levels_end;  // total: its terms' levels in `levels_list`; -1: none given
  int32_t power, exponent;     // pow: the opcode, and the exponent's place; -1: the base's
  int32_t choice, choices;     // choose_grad: which of how many
};

// The graph as lib/compiler/ir.ts keeps it.
struct TapeGraph {
  std::span<const uint8_t> ops;
  std::span<const int32_t> start, list;  // node's operands: list[start[node]] to start[node + 1]
  std::span<const int32_t> levels;
  std::span<const int32_t> attribute_of;
  std::span<const Attribute> attributes;
  std::span<const int32_t> levels_list;
  int32_t count, forward_end, max_level;
  // By operator: its role, its opcode, and the opcode that adds its result to a total (-1: none).
  std::span<const int32_t> roles, own, adding;
};

// One record of an update for each number of the parameters' block.
struct TapeUpdate {
  int32_t opcode;                                              // -1: none
  int32_t parameters, moment, second_moment, gradients, rule;  // second_moment -1: none
  int32_t size;
};

struct TapeSpan {
  int32_t begin = 0, end = 0;
};

struct AssembledTape {
  // False: levels leave no order to run in, and there is no tape.
  bool is_ordered = false;
  std::vector<uint32_t> tape;
  // Forward: zeroes, then levels (a run of length n stops at forward[n]), then what needs all.
  TapeSpan clear_forward, after_forward;
  std::vector<int32_t> forward;
  // Backward: zeroes, then what needs no level, then levels from the deepest (a run of length n
  // starts at backward[n]).
  TapeSpan clear_backward, before_backward;
  std::vector<int32_t> backward;
  TapeSpan update;
  int32_t arena_size = 0;
};

// Says what is unsound about a graph; empty: nothing.
std::string check_tape_graph(const TapeGraph& graph);

// How often each node is used by what `keep` needs, and kept; 0: not needed. Of a sound graph.
void count_uses(const TapeGraph& graph, std::span<const int32_t> keep, std::span<int32_t> uses);

// `slots`: by node, where it lies; given for leaves, index nodes (in the integers) and `gradients`,
// -1 for all others, which are placed from `arena_size` on. `zero` is the place of a 0.
AssembledTape assemble_tape(const TapeGraph& graph, std::span<const int32_t> uses,
                            std::span<const int32_t> gradients, std::span<int32_t> slots,
                            int32_t zero, int32_t arena_size, const TapeUpdate& update);

}  // namespace vecgrad
