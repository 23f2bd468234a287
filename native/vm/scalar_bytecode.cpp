// The validator and the interpreter of scalar bytecode. Compiled without vectorisation: this is the
// study's slow version, in which every coefficient is a number of its own.
#include "vm/scalar_bytecode.h"

#include <cmath>
#include <iterator>

#include "vm/functions.h"
#include "vm/scalar_nest.h"
#include "vm/scalar_opcodes.h"

namespace vecgrad {
namespace {

constexpr const char* operand_kinds[] = {
#define SCALAR(name, operands) operands,
#include "vm/scalar_bytecode.def"
#undef SCALAR
};
constexpr uint32_t scalar_opcode_count = sizeof(operand_kinds) / sizeof(operand_kinds[0]);

// How many words a record has.
int words_of(const char* kinds) {
  int words = 0;
  for (; *kinds; kinds++) words += *kinds == 'P' ? 3 : *kinds == 'N' ? nest_words : 1;
  return words;
}

// Names what is unsound in a nest, or returns nullptr.
const char* check_nest(const uint32_t* w, int64_t arena_size) {
  // Counts and strides take 16 bits, so that no slot overflows.
  for (int i = 0; i < nest_words; i++)
    if (i != 2 && i != 5 && i != 8 && w[i] > UINT16_MAX) return "a nest out of range";
  const Nest nest = read_nest(w);
  if (nest.rows < 1 || nest.cols < 1) return "a nest without records";
  for (const NestSlots& slots : {nest.sum, nest.a, nest.b}) {
    const auto [least, most] = slots.range(nest.rows, nest.cols);
    if (least < 0 || most >= arena_size) return "an arena slot out of range";
  }
  return are_sums_apart(w) ? nullptr : "a nest that reads its own sums";
}

// Names the first unsound operand of one record, or returns nullptr.
const char* check_record(const char* kinds, const uint32_t* w, int64_t arena_size,
                         int64_t ints_size) {
  for (; *kinds; kinds++) {
    switch (*kinds) {
      case 'f':
      case 'F':
        if (int64_t(*w++) >= arena_size) return "an arena slot out of range";
        break;
      case 'i':
        if (int64_t(*w++) >= ints_size) return "an index slot out of range";
        break;
      case 'P': {
        // The last slot is below 2^64, whatever the three words are.
        const uint64_t base = w[0], stride = w[1], count = w[2];
        w += 3;
        if (count < 1 || base + stride * (count - 1) >= uint64_t(arena_size))
          return "slots out of range";
        break;
      }
      case 'N':
        if (const char* fault = check_nest(w, arena_size)) return fault;
        w += nest_words;
        break;
      default:
        w++;
    }
  }
  return nullptr;
}

}  // namespace

const std::vector<const char*>& scalar_opcode_names() {
  static const std::vector<const char*> names = {
#define SCALAR(name, operands) #name,
#include "vm/scalar_bytecode.def"
#undef SCALAR
  };
  return names;
}

const std::vector<const char*>& scalar_opcode_operands() {
  static const std::vector<const char*> operands(std::begin(operand_kinds),
                                                 std::end(operand_kinds));
  return operands;
}

std::string check_scalar_bytecode(std::span<const uint32_t> words, int64_t begin, int64_t end,
                                  int64_t arena_size, int64_t ints_size) {
  if (begin < 0 || begin > end || end > int64_t(words.size())) return "words out of range";
  int64_t at = begin;
  while (at < end) {
    if (end - at < 2) return "a group that ends outside its range";
    const uint32_t op = words[at], count = words[at + 1];
    at += 2;
    if (op >= scalar_opcode_count) return "an unknown scalar opcode " + std::to_string(op);
    const char* kinds = operand_kinds[op];
    const int each = words_of(kinds);
    if (int64_t(count) * each > end - at) return "a group that ends outside its range";
    // The last operand of an update is the first of several numbers.
    const int64_t rule = op == uint32_t(ScalarOp::adam) ? 7 : op == uint32_t(ScalarOp::sgd) ? 1 : 0;
    for (uint32_t i = 0; i < count; i++, at += each) {
      if (const char* fault = check_record(kinds, &words[at], arena_size, ints_size)) return fault;
      if (rule && int64_t(words[at + each - 1]) + rule >= arena_size)
        return "an update rule out of range";
    }
  }
  return "";
}

template <class T, class Word>
ScalarFault run_scalar_bytecode(T* x, const int32_t* ints, const Word* words, int64_t begin,
                                int64_t end) {
  const Word* w = words + begin;
  const Word* const stop = words + end;
  while (w < stop) {
    const auto op = ScalarOp(w[0]);
    uint32_t n = w[1];
    w += 2;
// One loop per opcode: the dispatch is paid once per group.
#define EACH(name, words, body)  \
  case ScalarOp::name:           \
    for (; n; n--, w += words) { \
      body;                      \
    }                            \
    break;
    switch (op) {
#define FUNCTION1(name, ...) EACH(name, 2, x[w[0]] = functions::name(x[w[1]]))
#define FUNCTION2(name, ...) EACH(name, 3, x[w[0]] = functions::name(x[w[1]], x[w[2]]))
#include "kernels/elementwise.def"
      EACH(accumulate, 2, x[w[0]] += x[w[1]])
      EACH(decumulate, 2, x[w[0]] -= x[w[1]])
      EACH(fma, 3, x[w[0]] += x[w[1]] * x[w[2]])
      EACH(fma_nest, nest_words, run_nest(x, read_nest(w)))
      EACH(mul_add, 4, x[w[0]] = x[w[1]] * x[w[2]] + x[w[3]])
      EACH(mask_add, 3, x[w[0]] += functions::mask_positive(x[w[1]], x[w[2]]))
      case ScalarOp::pick:
        for (; n; n--, w += 5) {
          const int32_t i = ints[w[4]];
          if (i < 0 || i >= int64_t(w[3])) return {true, i, int64_t(w[3])};
          x[w[0]] = x[w[1] + uint64_t(w[2]) * i];
        }
        break;
      case ScalarOp::pick_add:
        for (; n; n--, w += 5) {
          const int32_t i = ints[w[4]];
          if (i < 0 || i >= int64_t(w[3])) return {true, i, int64_t(w[3])};
          x[w[1] + uint64_t(w[2]) * i] += x[w[0]];
        }
        break;
        EACH(choose_grad, 4, x[w[0]] = ints[w[2]] == int32_t(w[3]) ? x[w[1]] : T(0))
        EACH(sgd, 4, {
          const T* rule = x + w[3];
          const T v = rule[1] * x[w[1]] + x[w[2]];
          x[w[1]] = v;
          x[w[0]] -= rule[0] * v;
        })
        EACH(adam, 5, {
          const T* rule = x + w[4];
          const T g = x[w[3]];
          const T m = rule[1] * x[w[1]] + rule[6] * g;
          const T v = rule[2] * x[w[2]] + rule[7] * g * g;
          x[w[1]] = m;
          x[w[2]] = v;
          x[w[0]] -= rule[0] * (m * rule[4]) / (std::sqrt(v * rule[5]) + rule[3]);
        })
    }
#undef EACH
  }
  return {};
}

#define INSTANTIATE(T, Word)                                                                  \
  template ScalarFault run_scalar_bytecode<T, Word>(T*, const int32_t*, const Word*, int64_t, \
                                                    int64_t);
INSTANTIATE(float, uint16_t)
INSTANTIATE(float, uint32_t)
INSTANTIATE(double, uint16_t)
INSTANTIATE(double, uint32_t)
#undef INSTANTIATE

}  // namespace vecgrad
