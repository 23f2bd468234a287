// NEON (Advanced SIMD), which every aarch64 processor has: 128-bit vectors, 4 floats or 2 doubles,
// 32 registers.
#pragma once

#include <arm_neon.h>

#include "isa/transpose_neon.h"
#include "kernels/kernels.h"

#define VECGRAD_HAS_ROUND

namespace vecgrad::neon {

constexpr int registers = 32;

// The first n lanes. There are no masked loads and stores: numbers are moved one by one.
struct First {
  idx n;
};

namespace f32 {
using T = float;
using V = float32x4_t;
using M = First;
using B = uint32x4_t;

static inline idx lanes() { return 4; }
static inline M first(idx n) { return {n}; }
static inline V select(B b, V yes, V no) { return vbslq_f32(b, yes, no); }
static inline V splat(T x) { return vdupq_n_f32(x); }

static inline V load(const T* p) { return vld1q_f32(p); }
static inline V load(M m, const T* p, V other) {
  if (m.n >= 2) other = vcombine_f32(vld1_f32(p), vget_high_f32(other));
  if (m.n == 3) other = vld1q_lane_f32(p + 2, other, 2);
  if (m.n == 1) other = vld1q_lane_f32(p, other, 0);
  return other;
}
static inline V load(M m, const T* p) { return load(m, p, splat(0)); }
static inline V keep(M m, V v) {
  const int32_t lane[] = {0, 1, 2, 3};
  return select(vcgtq_s32(vdupq_n_s32(int32_t(m.n)), vld1q_s32(lane)), v, splat(0));
}
static inline void store(T* p, V v) { vst1q_f32(p, v); }
static inline void store(M m, T* p, V v) {
  if (m.n >= 2) vst1_f32(p, vget_low_f32(v));
  if (m.n == 3) vst1q_lane_f32(p + 2, v, 2);
  if (m.n == 1) vst1q_lane_f32(p, v, 0);
}

static inline V add(V a, V b) { return vaddq_f32(a, b); }
static inline V sub(V a, V b) { return vsubq_f32(a, b); }
static inline V mul(V a, V b) { return vmulq_f32(a, b); }
static inline V div(V a, V b) { return vdivq_f32(a, b); }
static inline V fma(V a, V b, V c) { return vfmaq_f32(c, a, b); }
static inline V neg(V a) { return vnegq_f32(a); }
static inline V abs(V a) { return vabsq_f32(a); }
static inline V sqrt(V a) { return vsqrtq_f32(a); }
static inline B gt(V a, V b) { return vcgtq_f32(a, b); }
static inline B ge(V a, V b) { return vcgeq_f32(a, b); }
static inline B eq(V a, V b) { return vceqq_f32(a, b); }
static inline B is_nan(V a) { return vmvnq_u32(vceqq_f32(a, a)); }
static inline bool any(B b) { return vmaxvq_u32(b); }

using Count = int32x4_t;
using CountOf = int32_t;
static inline Count no_count() { return vdupq_n_s32(0); }
// A true comparison is -1 in its lane.
static inline Count count_if(Count n, B b) { return vsubq_s32(n, vreinterpretq_s32_u32(b)); }
static inline void store(CountOf* p, Count n) { vst1q_s32(p, n); }

// The instructions give NaN if either operand is NaN.
static inline V max(V a, V b) { return vmaxq_f32(a, b); }
static inline V larger(V a, V b) { return vmaxq_f32(a, b); }
static inline V clamp(V x, V lo, V hi) { return vminq_f32(vmaxq_f32(x, lo), hi); }

static inline T hsum(V a) { return vaddvq_f32(a); }
static inline T hmax(V a) { return vmaxvq_f32(a); }
static inline T hlarger(V a) { return vmaxvq_f32(a); }

static inline V nearest(V x) { return vrndnq_f32(x); }
static inline V round(V x) { return nearest(x); }
static inline V power_of_two(int32x4_t n) {
  return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}
// Two factors, so that results below the smallest normal number are rounded once.
static inline V scale(V x, V n) {
  const int32x4_t whole = vcvtq_s32_f32(n), half = vshrq_n_s32(whole, 1);
  return mul(mul(x, power_of_two(half)), power_of_two(vsubq_s32(whole, half)));
}
static inline V mantissa(V x, V& exponent) {
  const B tiny = gt(splat(0x1p-126f), x);
  const uint32x4_t bits = vreinterpretq_u32_f32(select(tiny, mul(x, splat(0x1p23f)), x));
  const V bias = select(tiny, splat(150), splat(127));
  exponent = sub(vcvtq_f32_u32(vshrq_n_u32(bits, 23)), bias);
  return vreinterpretq_f32_u32(
      vorrq_u32(vandq_u32(bits, vdupq_n_u32(0x007fffff)), vdupq_n_u32(0x3f800000)));
}

constexpr idx tile_rows = 4, tile_cols = 4;
static inline void transpose_tile(T* y, idx ldy, const T* x, idx ldx) {
  transpose_4x4(y, ldy, x, ldx);
}
constexpr idx square = 4;
static inline void transpose_square(T* y, idx ldy, const T* x, idx ldx) {
  transpose_4x4(y, ldy, x, ldx);
}
}  // namespace f32

namespace f64 {
using T = double;
using V = float64x2_t;
using M = First;
using B = uint64x2_t;

static inline idx lanes() { return 2; }
static inline M first(idx n) { return {n}; }
static inline V select(B b, V yes, V no) { return vbslq_f64(b, yes, no); }
static inline V splat(T x) { return vdupq_n_f64(x); }

static inline V load(const T* p) { return vld1q_f64(p); }
static inline V load(M m, const T* p, V other) { return m.n ? vld1q_lane_f64(p, other, 0) : other; }
static inline V load(M m, const T* p) { return load(m, p, splat(0)); }
static inline V keep(M m, V v) { return m.n ? vsetq_lane_f64(0, v, 1) : splat(0); }
static inline void store(T* p, V v) { vst1q_f64(p, v); }
static inline void store(M m, T* p, V v) {
  if (m.n) vst1q_lane_f64(p, v, 0);
}

static inline V add(V a, V b) { return vaddq_f64(a, b); }
static inline V sub(V a, V b) { return vsubq_f64(a, b); }
static inline V mul(V a, V b) { return vmulq_f64(a, b); }
static inline V div(V a, V b) { return vdivq_f64(a, b); }
static inline V fma(V a, V b, V c) { return vfmaq_f64(c, a, b); }
static inline V neg(V a) { return vnegq_f64(a); }
static inline V abs(V a) { return vabsq_f64(a); }
static inline V sqrt(V a) { return vsqrtq_f64(a); }
static inline B gt(V a, V b) { return vcgtq_f64(a, b); }
static inline B ge(V a, V b) { return vcgeq_f64(a, b); }
static inline B eq(V a, V b) { return vceqq_f64(a, b); }
static inline B is_nan(V a) { return veorq_u64(vceqq_f64(a, a), vdupq_n_u64(~uint64_t(0))); }
static inline bool any(B b) { return vmaxvq_u32(vreinterpretq_u32_u64(b)); }

using Count = int64x2_t;
using CountOf = int64_t;
static inline Count no_count() { return vdupq_n_s64(0); }
// A true comparison is -1 in its lane.
static inline Count count_if(Count n, B b) { return vsubq_s64(n, vreinterpretq_s64_u64(b)); }
static inline void store(CountOf* p, Count n) { vst1q_s64(p, n); }

static inline V max(V a, V b) { return vmaxq_f64(a, b); }
static inline V larger(V a, V b) { return vmaxq_f64(a, b); }
static inline V clamp(V x, V lo, V hi) { return vminq_f64(vmaxq_f64(x, lo), hi); }

static inline T hsum(V a) { return vaddvq_f64(a); }
static inline T hmax(V a) { return vmaxvq_f64(a); }
static inline T hlarger(V a) { return vmaxvq_f64(a); }

static inline V nearest(V x) { return vrndnq_f64(x); }
static inline V round(V x) { return nearest(x); }
static inline V power_of_two(int64x2_t n) {
  return vreinterpretq_f64_s64(vshlq_n_s64(vaddq_s64(n, vdupq_n_s64(1023)), 52));
}
static inline V scale(V x, V n) {
  const int64x2_t whole = vcvtq_s64_f64(n), half = vshrq_n_s64(whole, 1);
  return mul(mul(x, power_of_two(half)), power_of_two(vsubq_s64(whole, half)));
}
static inline V mantissa(V x, V& exponent) {
  const B tiny = gt(splat(0x1p-1022), x);
  const uint64x2_t bits = vreinterpretq_u64_f64(select(tiny, mul(x, splat(0x1p54)), x));
  const V bias = select(tiny, splat(1077), splat(1023));
  exponent = sub(vcvtq_f64_u64(vshrq_n_u64(bits, 52)), bias);
  return vreinterpretq_f64_u64(
      vorrq_u64(vandq_u64(bits, vdupq_n_u64(0x000fffffffffffff)), vdupq_n_u64(0x3ff0000000000000)));
}

constexpr idx tile_rows = 2, tile_cols = 2;
static inline void transpose_tile(T* y, idx ldy, const T* x, idx ldx) {
  transpose_2x2(y, ldy, x, ldx);
}
constexpr idx square = 2;
static inline void transpose_square(T* y, idx ldy, const T* x, idx ldx) {
  transpose_2x2(y, ldy, x, ldx);
}
}  // namespace f64

}  // namespace vecgrad::neon
