// One number at a time: the reference for every other instruction set, and the fallback.
#pragma once

#include "kernels/kernels.h"

#define VECGRAD_FMA_MAY_ROUND_TWICE

namespace vecgrad::scalar {

// A vector of one number has no partial vectors: first(n) is only called with n = 0, and a mask is
// empty.
struct First {};

constexpr int registers = 16;

#define VECGRAD_SCALAR_VOCABULARY                                                  \
  using V = T;                                                                     \
  using M = First;                                                                 \
  using B = bool;                                                                  \
  static inline idx lanes() { return 1; }                                          \
  static inline M first(idx) { return {}; }                                        \
  static inline V load(const T* p) { return *p; }                                  \
  static inline V load(M, const T*) { return 0; }                                  \
  static inline V load(M, const T*, V other) { return other; }                     \
  static inline V keep(M, V) { return 0; }                                         \
  static inline void store(T* p, V v) { *p = v; }                                  \
  static inline void store(M, T*, V) {}                                            \
  static inline V splat(T x) { return x; }                                         \
  static inline V add(V a, V b) { return a + b; }                                  \
  static inline V sub(V a, V b) { return a - b; }                                  \
  static inline V mul(V a, V b) { return a * b; }                                  \
  static inline V div(V a, V b) { return a / b; }                                  \
  static inline V fma(V a, V b, V c) { return a * b + c; }                         \
  static inline V neg(V a) { return -a; }                                          \
  static inline B gt(V a, V b) { return a > b; }                                   \
  static inline B ge(V a, V b) { return a >= b; }                                  \
  static inline B eq(V a, V b) { return a == b; }                                  \
  static inline B is_nan(V a) { return a != a; }                                   \
  static inline bool any(B b) { return b; }                                        \
  using Count = idx;                                                               \
  using CountOf = idx;                                                             \
  static inline Count no_count() { return 0; }                                     \
  static inline Count count_if(Count n, B b) { return n + b; }                     \
  static inline void store(CountOf* p, Count n) { *p = n; }                        \
  static inline V select(B b, V yes, V no) { return b ? yes : no; }                \
  static inline V max(V a, V b) { return a > b || a != a ? a : b; }                \
  static inline V clamp(V x, V lo, V hi) { return x < lo ? lo : x > hi ? hi : x; } \
  static inline T hsum(V a) { return a; }                                          \
  static inline T hmax(V a) { return a; }                                          \
  static inline V larger(V a, V b) { return a > b ? a : b; }                       \
  static inline T hlarger(V a) { return a; }                                       \
  constexpr idx tile_rows = 1, tile_cols = 1;                                      \
  static inline void transpose_tile(T* y, idx, const T* x, idx) { *y = *x; }       \
  constexpr idx square = 1;                                                        \
  static inline void transpose_square(T* y, idx, const T* x, idx) { *y = *x; }

namespace f32 {
using T = float;
VECGRAD_SCALAR_VOCABULARY

static inline V abs(V a) { return __builtin_fabsf(a); }
static inline V sqrt(V a) { return __builtin_sqrtf(a); }

// Adding and subtracting 1.5 * 2^23 rounds the fraction away.
static inline V nearest(V x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

static inline V power_of_two(int32_t n) {
  const int32_t bits = (n + 127) << 23;
  V y;
  __builtin_memcpy(&y, &bits, sizeof y);
  return y;
}

// Two factors, so that results below the smallest normal number are rounded once.
static inline V scale(V x, V n) {
  const int32_t whole = n == n ? int32_t(n) : 0, half = whole >> 1;
  return x * power_of_two(half) * power_of_two(whole - half);
}

static inline V mantissa(V x, V& exponent) {
  const bool tiny = x < 0x1p-126f;
  if (tiny) x *= 0x1p23f;
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  exponent = V(int32_t(bits >> 23) - (tiny ? 150 : 127));
  bits = (bits & 0x007fffff) | 0x3f800000;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}
}  // namespace f32

namespace f64 {
using T = double;
VECGRAD_SCALAR_VOCABULARY

static inline V abs(V a) { return __builtin_fabs(a); }
static inline V sqrt(V a) { return __builtin_sqrt(a); }

static inline V nearest(V x) { return (x + 0x1.8p52) - 0x1.8p52; }

static inline V power_of_two(int64_t n) {
  const int64_t bits = (n + 1023) << 52;
  V y;
  __builtin_memcpy(&y, &bits, sizeof y);
  return y;
}

static inline V scale(V x, V n) {
  const int64_t whole = n == n ? int64_t(n) : 0, half = whole >> 1;
  return x * power_of_two(half) * power_of_two(whole - half);
}

static inline V mantissa(V x, V& exponent) {
  const bool tiny = x < 0x1p-1022;
  if (tiny) x *= 0x1p54;
  uint64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  exponent = V(int64_t(bits >> 52) - (tiny ? 1077 : 1023));
  bits = (bits & 0x000fffffffffffff) | 0x3ff0000000000000;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}
}  // namespace f64

#undef VECGRAD_SCALAR_VOCABULARY
}  // namespace vecgrad::scalar
