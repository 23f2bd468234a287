// SVE of aarch64: vectors of 128 to 2048 bits, a length that only the processor knows; 32
// registers; real masks.
#pragma once

#include <arm_sve.h>

#include "isa/transpose_neon.h"
#include "kernels/kernels.h"

#define VECGRAD_HAS_ROUND

namespace vecgrad::sve {

constexpr int registers = 32;

namespace f32 {
using T = float;
using V = svfloat32_t;
using M = svbool_t;
using B = svbool_t;

static inline idx lanes() { return idx(svcntw()); }
static inline M all() { return svptrue_b32(); }
static inline M first(idx n) { return svwhilelt_b32_s64(0, n); }
static inline V select(B b, V yes, V no) { return svsel_f32(b, yes, no); }
static inline V splat(T x) { return svdup_n_f32(x); }

static inline V load(const T* p) { return svld1_f32(all(), p); }
static inline V load(M m, const T* p) { return svld1_f32(m, p); }
static inline V load(M m, const T* p, V other) { return select(m, load(m, p), other); }
static inline V keep(M m, V v) { return select(m, v, splat(0)); }
static inline void store(T* p, V v) { svst1_f32(all(), p, v); }
static inline void store(M m, T* p, V v) { svst1_f32(m, p, v); }

static inline V add(V a, V b) { return svadd_f32_x(all(), a, b); }
static inline V sub(V a, V b) { return svsub_f32_x(all(), a, b); }
static inline V mul(V a, V b) { return svmul_f32_x(all(), a, b); }
static inline V div(V a, V b) { return svdiv_f32_x(all(), a, b); }
static inline V fma(V a, V b, V c) { return svmla_f32_x(all(), c, a, b); }
static inline V neg(V a) { return svneg_f32_x(all(), a); }
static inline V abs(V a) { return svabs_f32_x(all(), a); }
static inline V sqrt(V a) { return svsqrt_f32_x(all(), a); }
static inline B gt(V a, V b) { return svcmpgt_f32(all(), a, b); }
static inline B ge(V a, V b) { return svcmpge_f32(all(), a, b); }
static inline B eq(V a, V b) { return svcmpeq_f32(all(), a, b); }
static inline B is_nan(V a) { return svcmpuo_f32(all(), a, a); }
static inline bool any(B b) { return svptest_any(all(), b); }

using Count = svint32_t;
using CountOf = int32_t;
static inline Count no_count() { return svdup_n_s32(0); }
static inline Count count_if(Count n, B b) { return svadd_n_s32_m(b, n, 1); }
static inline void store(CountOf* p, Count n) { svst1_s32(all(), p, n); }

// The instructions give NaN if either operand is NaN.
static inline V max(V a, V b) { return svmax_f32_x(all(), a, b); }
static inline V larger(V a, V b) { return svmax_f32_x(all(), a, b); }
static inline V clamp(V x, V lo, V hi) { return svmin_f32_x(all(), svmax_f32_x(all(), x, lo), hi); }

static inline T hsum(V a) { return svaddv_f32(all(), a); }
static inline T hmax(V a) { return svmaxv_f32(all(), a); }
static inline T hlarger(V a) { return svmaxv_f32(all(), a); }

static inline V nearest(V x) { return svrintn_f32_x(all(), x); }
static inline V round(V x) { return nearest(x); }
static inline V scale(V x, V n) { return svscale_f32_x(all(), x, svcvt_s32_f32_x(all(), n)); }
static inline V mantissa(V x, V& exponent) {
  const B tiny = gt(splat(0x1p-126f), x);
  const svuint32_t bits = svreinterpret_u32_f32(select(tiny, mul(x, splat(0x1p23f)), x));
  const V bias = select(tiny, splat(150), splat(127));
  exponent = sub(svcvt_f32_u32_x(all(), svlsr_n_u32_x(all(), bits, 23)), bias);
  return svreinterpret_f32_u32(
      svorr_n_u32_x(all(), svand_n_u32_x(all(), bits, 0x007fffff), 0x3f800000));
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
using V = svfloat64_t;
using M = svbool_t;
using B = svbool_t;

static inline idx lanes() { return idx(svcntd()); }
static inline M all() { return svptrue_b64(); }
static inline M first(idx n) { return svwhilelt_b64_s64(0, n); }
static inline V select(B b, V yes, V no) { return svsel_f64(b, yes, no); }
static inline V splat(T x) { return svdup_n_f64(x); }

static inline V load(const T* p) { return svld1_f64(all(), p); }
static inline V load(M m, const T* p) { return svld1_f64(m, p); }
static inline V load(M m, const T* p, V other) { return select(m, load(m, p), other); }
static inline V keep(M m, V v) { return select(m, v, splat(0)); }
static inline void store(T* p, V v) { svst1_f64(all(), p, v); }
static inline void store(M m, T* p, V v) { svst1_f64(m, p, v); }

static inline V add(V a, V b) { return svadd_f64_x(all(), a, b); }
static inline V sub(V a, V b) { return svsub_f64_x(all(), a, b); }
static inline V mul(V a, V b) { return svmul_f64_x(all(), a, b); }
static inline V div(V a, V b) { return svdiv_f64_x(all(), a, b); }
static inline V fma(V a, V b, V c) { return svmla_f64_x(all(), c, a, b); }
static inline V neg(V a) { return svneg_f64_x(all(), a); }
static inline V abs(V a) { return svabs_f64_x(all(), a); }
static inline V sqrt(V a) { return svsqrt_f64_x(all(), a); }
static inline B gt(V a, V b) { return svcmpgt_f64(all(), a, b); }
static inline B ge(V a, V b) { return svcmpge_f64(all(), a, b); }
static inline B eq(V a, V b) { return svcmpeq_f64(all(), a, b); }
static inline B is_nan(V a) { return svcmpuo_f64(all(), a, a); }
static inline bool any(B b) { return svptest_any(all(), b); }

using Count = svint64_t;
using CountOf = int64_t;
static inline Count no_count() { return svdup_n_s64(0); }
static inline Count count_if(Count n, B b) { return svadd_n_s64_m(b, n, 1); }
static inline void store(CountOf* p, Count n) { svst1_s64(all(), p, n); }

static inline V max(V a, V b) { return svmax_f64_x(all(), a, b); }
static inline V larger(V a, V b) { return svmax_f64_x(all(), a, b); }
static inline V clamp(V x, V lo, V hi) { return svmin_f64_x(all(), svmax_f64_x(all(), x, lo), hi); }

static inline T hsum(V a) { return svaddv_f64(all(), a); }
static inline T hmax(V a) { return svmaxv_f64(all(), a); }
static inline T hlarger(V a) { return svmaxv_f64(all(), a); }

static inline V nearest(V x) { return svrintn_f64_x(all(), x); }
static inline V round(V x) { return nearest(x); }
static inline V scale(V x, V n) { return svscale_f64_x(all(), x, svcvt_s64_f64_x(all(), n)); }
static inline V mantissa(V x, V& exponent) {
  const B tiny = gt(splat(0x1p-1022), x);
  const svuint64_t bits = svreinterpret_u64_f64(select(tiny, mul(x, splat(0x1p54)), x));
  const V bias = select(tiny, splat(1077), splat(1023));
  exponent = sub(svcvt_f64_u64_x(all(), svlsr_n_u64_x(all(), bits, 52)), bias);
  return svreinterpret_f64_u64(
      svorr_n_u64_x(all(), svand_n_u64_x(all(), bits, 0x000fffffffffffff), 0x3ff0000000000000));
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

}  // namespace vecgrad::sve
