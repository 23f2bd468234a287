// The interpreter of the scalar tape. Compiled without vectorisation: this is the study's slow
// version, each coefficient a number of its own, and it must stay an honest one.
#include "vm/scalar_bytecode.h"

#include <cmath>

#include "vm/functions.h"

namespace vecgrad {
namespace {

enum class TapeOp : uint32_t {
#define TAPE(name, operands) name,
#include "vm/scalar_bytecode.def"
#undef TAPE
};

constexpr const char* operand_kinds[] = {
#define TAPE(name, operands) operands,
#include "vm/scalar_bytecode.def"
#undef TAPE
};
constexpr uint32_t tape_op_count = sizeof(operand_kinds) / sizeof(operand_kinds[0]);

int words_of(const char* kinds) {
  int words = 0;
  for (; *kinds; kinds++) words += *kinds == 'P' ? 3 : 1;
  return words;
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
        // Below 2^64, whatever the three are.
        const uint64_t base = w[0], stride = w[1], limit = w[2];
        w += 3;
        if (limit < 1 || base + stride * (limit - 1) >= uint64_t(arena_size))
          return "a run out of range";
        break;
      }
      default:
        w++;
    }
  }
  return nullptr;
}

}  // namespace

const std::vector<const char*>& tape_names() {
  static const std::vector<const char*> names = {
#define TAPE(name, operands) #name,
#include "vm/scalar_bytecode.def"
#undef TAPE
  };
  return names;
}

std::string check_tape(std::span<const uint32_t> tape, int64_t begin, int64_t end,
                       int64_t arena_size, int64_t ints_size) {
  if (begin < 0 || begin > end || end > int64_t(tape.size())) return "a tape range out of range";
  int64_t at = begin;
  while (at < end) {
    const uint32_t op = tape[at] & 0xff, count = tape[at] >> 8;
    at++;
    if (op >= tape_op_count) return "an unknown tape opcode " + std::to_string(op);
    const char* kinds = operand_kinds[op];
    const int words = words_of(kinds);
    if (int64_t(count) * words > end - at) return "a tape run that ends outside its range";
    // The update rules read a block of numbers behind their last slot.
    const int64_t rule = op == uint32_t(TapeOp::adam) ? 5 : op == uint32_t(TapeOp::sgd) ? 1 : 0;
    for (uint32_t i = 0; i < count; i++, at += words) {
      if (const char* fault = check_record(kinds, &tape[at], arena_size, ints_size)) return fault;
      if (rule && int64_t(tape[at + words - 1]) + rule >= arena_size)
        return "an update rule out of range";
    }
  }
  return "";
}

template <class T>
TapeFault run_tape(T* x, const int32_t* ints, const uint32_t* tape, int64_t begin, int64_t end) {
  const uint32_t* w = tape + begin;
  const uint32_t* const stop = tape + end;
  while (w < stop) {
    const uint32_t head = *w++;
    uint32_t n = head >> 8;
// One loop per opcode: the dispatch is paid once per run of equal opcodes.
#define RUN(name, words, body)   \
  case TapeOp::name:             \
    for (; n; n--, w += words) { \
      body;                      \
    }                            \
    break;
#define FUNCTION1(name) RUN(name, 2, x[w[0]] = functions::name(x[w[1]]))
#define FUNCTION2(name) RUN(name, 3, x[w[0]] = functions::name(x[w[1]], x[w[2]]))
    switch (TapeOp(head & 0xff)) {
      RUN(copy, 2, x[w[0]] = x[w[1]])
      RUN(neg, 2, x[w[0]] = -x[w[1]])
      RUN(relu, 2, x[w[0]] = x[w[1]] > 0 || x[w[1]] != x[w[1]] ? x[w[1]] : T(0))
      RUN(exp, 2, x[w[0]] = std::exp(x[w[1]]))
      RUN(log, 2, x[w[0]] = std::log(x[w[1]]))
      RUN(sqrt, 2, x[w[0]] = std::sqrt(x[w[1]]))
      RUN(rsqrt, 2, x[w[0]] = T(1) / std::sqrt(x[w[1]]))
      RUN(reciprocal, 2, x[w[0]] = T(1) / x[w[1]])
      RUN(add, 3, x[w[0]] = x[w[1]] + x[w[2]])
      RUN(sub, 3, x[w[0]] = x[w[1]] - x[w[2]])
      RUN(mul, 3, x[w[0]] = x[w[1]] * x[w[2]])
      RUN(div, 3, x[w[0]] = x[w[1]] / x[w[2]])
      RUN(pow, 3, x[w[0]] = std::pow(x[w[1]], x[w[2]]))
      FUNCTION1(tanh)
      FUNCTION1(sigmoid)
      FUNCTION1(sign)
      FUNCTION1(abs)
      FUNCTION1(softplus)
      FUNCTION1(log1p)
      FUNCTION1(erf)
      FUNCTION1(arcsin)
      FUNCTION1(arcsinh)
      FUNCTION1(arctanh)
      FUNCTION2(maximum)
      FUNCTION2(minimum)
      FUNCTION2(gt)
      FUNCTION2(ge)
      FUNCTION2(eq)
      FUNCTION2(log_grad)
      FUNCTION2(if_nonzero)
      FUNCTION2(if_zero)
      FUNCTION2(mask_positive)
      RUN(accumulate, 2, x[w[0]] += x[w[1]])
      RUN(decumulate, 2, x[w[0]] -= x[w[1]])
      RUN(fma, 3, x[w[0]] += x[w[1]] * x[w[2]])
      RUN(mul_add, 4, x[w[0]] = x[w[1]] * x[w[2]] + x[w[3]])
      RUN(mask_add, 3, x[w[0]] += functions::mask_positive(x[w[1]], x[w[2]]))
      case TapeOp::pick:
        for (; n; n--, w += 5) {
          const int32_t i = ints[w[4]];
          if (i < 0 || i >= int64_t(w[3])) return {true, i, int64_t(w[3])};
          x[w[0]] = x[w[1] + uint64_t(w[2]) * i];
        }
        break;
      case TapeOp::pick_add:
        for (; n; n--, w += 5) {
          const int32_t i = ints[w[4]];
          if (i < 0 || i >= int64_t(w[3])) return {true, i, int64_t(w[3])};
          x[w[1] + uint64_t(w[2]) * i] += x[w[0]];
        }
        break;
        RUN(choose_grad, 4, x[w[0]] = ints[w[2]] == int32_t(w[3]) ? x[w[1]] : T(0))
        RUN(sgd, 4, {
          const T* rule = x + w[3];
          const T v = rule[1] * x[w[1]] + x[w[2]];
          x[w[1]] = v;
          x[w[0]] -= rule[0] * v;
        })
        RUN(adam, 5, {
          const T* rule = x + w[4];
          const T g = x[w[3]];
          const T m = rule[1] * x[w[1]] + (T(1) - rule[1]) * g;
          const T v = rule[2] * x[w[2]] + (T(1) - rule[2]) * g * g;
          x[w[1]] = m;
          x[w[2]] = v;
          x[w[0]] -= rule[0] * (m * rule[4]) / (std::sqrt(v * rule[5]) + rule[3]);
        })
    }
#undef FUNCTION2
#undef FUNCTION1
#undef RUN
  }
  return {};
}

template TapeFault run_tape<float>(float*, const int32_t*, const uint32_t*, int64_t, int64_t);
template TapeFault run_tape<double>(double*, const int32_t*, const uint32_t*, int64_t, int64_t);

}  // namespace vecgrad
