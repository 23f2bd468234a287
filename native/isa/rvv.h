// RVV 1.0 of riscv64: vectors of 128 bits or more, a length that only the processor knows; 32
// registers. Each instruction takes the number of lanes that it works on, which serves as the mask
// of the first n lanes. The only real masks are the results of comparisons.
#pragma once

#include <riscv_vector.h>

#include "kernels/kernels.h"

#define VECGRAD_HAS_FMA_NUMBER

namespace vecgrad::rvv {

constexpr int registers = 32;

struct First {
  size_t n;
};

namespace f32 {
using T = float;
using V = vfloat32m1_t;
using M = First;
using B = vbool32_t;
using Bits = vuint32m1_t;

static inline size_t all() { return __riscv_vsetvlmax_e32m1(); }
static inline idx lanes() { return idx(all()); }
static inline M first(idx n) { return {size_t(n)}; }
static inline V select(B b, V yes, V no) { return __riscv_vmerge_vvm_f32m1(no, yes, b, all()); }
static inline V splat(T x) { return __riscv_vfmv_v_f_f32m1(x, all()); }

static inline V load(const T* p) { return __riscv_vle32_v_f32m1(p, all()); }
static inline V load(M m, const T* p, V other) {
  return __riscv_vle32_v_f32m1_tu(other, p, m.n);  // tu: the lanes from n on keep `other`
}
static inline V load(M m, const T* p) { return load(m, p, splat(0)); }
static inline V keep(M m, V v) { return __riscv_vmv_v_v_f32m1_tu(splat(0), v, m.n); }
static inline void store(T* p, V v) { __riscv_vse32_v_f32m1(p, v, all()); }
static inline void store(M m, T* p, V v) { __riscv_vse32_v_f32m1(p, v, m.n); }

static inline V add(V a, V b) { return __riscv_vfadd_vv_f32m1(a, b, all()); }
static inline V sub(V a, V b) { return __riscv_vfsub_vv_f32m1(a, b, all()); }
static inline V mul(V a, V b) { return __riscv_vfmul_vv_f32m1(a, b, all()); }
static inline V div(V a, V b) { return __riscv_vfdiv_vv_f32m1(a, b, all()); }
static inline V fma(V a, V b, V c) { return __riscv_vfmacc_vv_f32m1(c, a, b, all()); }
static inline V fma_number(T x, V b, V c) { return __riscv_vfmacc_vf_f32m1(c, x, b, all()); }
static inline V neg(V a) { return __riscv_vfneg_v_f32m1(a, all()); }
static inline V abs(V a) { return __riscv_vfabs_v_f32m1(a, all()); }
static inline V sqrt(V a) { return __riscv_vfsqrt_v_f32m1(a, all()); }
static inline B gt(V a, V b) { return __riscv_vmfgt_vv_f32m1_b32(a, b, all()); }
static inline B ge(V a, V b) { return __riscv_vmfge_vv_f32m1_b32(a, b, all()); }
static inline B eq(V a, V b) { return __riscv_vmfeq_vv_f32m1_b32(a, b, all()); }
static inline B is_nan(V a) { return __riscv_vmfne_vv_f32m1_b32(a, a, all()); }
static inline bool any(B b) { return __riscv_vfirst_m_b32(b, all()) >= 0; }

using Count = vint32m1_t;
using CountOf = int32_t;
static inline Count no_count() { return __riscv_vmv_v_x_i32m1(0, all()); }
static inline Count count_if(Count n, B b) { return __riscv_vadd_vx_i32m1_mu(b, n, n, 1, all()); }
static inline void store(CountOf* p, Count n) { __riscv_vse32_v_i32m1(p, n, all()); }

// The instructions give the other operand if one is NaN.
static inline V larger(V a, V b) { return __riscv_vfmax_vv_f32m1(a, b, all()); }
static inline V max(V a, V b) { return select(is_nan(a), a, select(is_nan(b), b, larger(a, b))); }
static inline V clamp(V x, V lo, V hi) {
  return select(is_nan(x), x, __riscv_vfmin_vv_f32m1(larger(x, lo), hi, all()));
}

static inline T hsum(V a) {
  return __riscv_vfmv_f_s_f32m1_f32(__riscv_vfredusum_vs_f32m1_f32m1(a, splat(-T(0)), all()));
}
static inline T hlarger(V a) {
  return __riscv_vfmv_f_s_f32m1_f32(__riscv_vfredmax_vs_f32m1_f32m1(a, a, all()));
}
static inline T hmax(V a) { return any(is_nan(a)) ? T(__builtin_nanf("")) : hlarger(a); }

static inline V nearest(V x) {
  return __riscv_vfcvt_f_x_v_f32m1(__riscv_vfcvt_x_f_v_i32m1(x, all()), all());
}
static inline V power_of_two(Count n) {
  const Count biased = __riscv_vadd_vx_i32m1(n, 127, all());
  return __riscv_vreinterpret_v_i32m1_f32m1(__riscv_vsll_vx_i32m1(biased, 23, all()));
}
// Two factors, so that results below the smallest normal number are rounded once.
static inline V scale(V x, V n) {
  const Count whole = __riscv_vfcvt_x_f_v_i32m1(n, all());
  const Count half = __riscv_vsra_vx_i32m1(whole, 1, all());
  const Count rest = __riscv_vsub_vv_i32m1(whole, half, all());
  return mul(mul(x, power_of_two(half)), power_of_two(rest));
}
static inline V mantissa(V x, V& exponent) {
  const B tiny = gt(splat(0x1p-126f), x);
  const Bits bits = __riscv_vreinterpret_v_f32m1_u32m1(select(tiny, mul(x, splat(0x1p23f)), x));
  const V biased = __riscv_vfcvt_f_xu_v_f32m1(__riscv_vsrl_vx_u32m1(bits, 23, all()), all());
  exponent = sub(biased, select(tiny, splat(150), splat(127)));
  const Bits fraction = __riscv_vand_vx_u32m1(bits, 0x007fffff, all());
  return __riscv_vreinterpret_v_u32m1_f32m1(__riscv_vor_vx_u32m1(fraction, 0x3f800000, all()));
}

// Each register holds one column: the shortest vectors have room for four rows.
constexpr idx tile_rows = 4, tile_cols = 4;
static inline void transpose_tile(T* y, idx ldy, const T* x, idx ldx) {
  const vfloat32m1x4_t cols = __riscv_vlsseg4e32_v_f32m1x4(x, ldx * idx(sizeof(T)), tile_rows);
  __riscv_vse32_v_f32m1(y, __riscv_vget_v_f32m1x4_f32m1(cols, 0), tile_rows);
  __riscv_vse32_v_f32m1(y + ldy, __riscv_vget_v_f32m1x4_f32m1(cols, 1), tile_rows);
  __riscv_vse32_v_f32m1(y + 2 * ldy, __riscv_vget_v_f32m1x4_f32m1(cols, 2), tile_rows);
  __riscv_vse32_v_f32m1(y + 3 * ldy, __riscv_vget_v_f32m1x4_f32m1(cols, 3), tile_rows);
}
constexpr idx square = 2;
static inline void transpose_square(T* y, idx ldy, const T* x, idx ldx) {
  const vfloat32m1x2_t cols = __riscv_vlsseg2e32_v_f32m1x2(x, ldx * idx(sizeof(T)), square);
  __riscv_vse32_v_f32m1(y, __riscv_vget_v_f32m1x2_f32m1(cols, 0), square);
  __riscv_vse32_v_f32m1(y + ldy, __riscv_vget_v_f32m1x2_f32m1(cols, 1), square);
}
}  // namespace f32

namespace f64 {
using T = double;
using V = vfloat64m1_t;
using M = First;
using B = vbool64_t;
using Bits = vuint64m1_t;

static inline size_t all() { return __riscv_vsetvlmax_e64m1(); }
static inline idx lanes() { return idx(all()); }
static inline M first(idx n) { return {size_t(n)}; }
static inline V select(B b, V yes, V no) { return __riscv_vmerge_vvm_f64m1(no, yes, b, all()); }
static inline V splat(T x) { return __riscv_vfmv_v_f_f64m1(x, all()); }

static inline V load(const T* p) { return __riscv_vle64_v_f64m1(p, all()); }
static inline V load(M m, const T* p, V other) {
  return __riscv_vle64_v_f64m1_tu(other, p, m.n);  // tu: the lanes from n on keep `other`
}
static inline V load(M m, const T* p) { return load(m, p, splat(0)); }
static inline V keep(M m, V v) { return __riscv_vmv_v_v_f64m1_tu(splat(0), v, m.n); }
static inline void store(T* p, V v) { __riscv_vse64_v_f64m1(p, v, all()); }
static inline void store(M m, T* p, V v) { __riscv_vse64_v_f64m1(p, v, m.n); }

static inline V add(V a, V b) { return __riscv_vfadd_vv_f64m1(a, b, all()); }
static inline V sub(V a, V b) { return __riscv_vfsub_vv_f64m1(a, b, all()); }
static inline V mul(V a, V b) { return __riscv_vfmul_vv_f64m1(a, b, all()); }
static inline V div(V a, V b) { return __riscv_vfdiv_vv_f64m1(a, b, all()); }
static inline V fma(V a, V b, V c) { return __riscv_vfmacc_vv_f64m1(c, a, b, all()); }
static inline V fma_number(T x, V b, V c) { return __riscv_vfmacc_vf_f64m1(c, x, b, all()); }
static inline V neg(V a) { return __riscv_vfneg_v_f64m1(a, all()); }
static inline V abs(V a) { return __riscv_vfabs_v_f64m1(a, all()); }
static inline V sqrt(V a) { return __riscv_vfsqrt_v_f64m1(a, all()); }
static inline B gt(V a, V b) { return __riscv_vmfgt_vv_f64m1_b64(a, b, all()); }
static inline B ge(V a, V b) { return __riscv_vmfge_vv_f64m1_b64(a, b, all()); }
static inline B eq(V a, V b) { return __riscv_vmfeq_vv_f64m1_b64(a, b, all()); }
static inline B is_nan(V a) { return __riscv_vmfne_vv_f64m1_b64(a, a, all()); }
static inline bool any(B b) { return __riscv_vfirst_m_b64(b, all()) >= 0; }

using Count = vint64m1_t;
using CountOf = int64_t;
static inline Count no_count() { return __riscv_vmv_v_x_i64m1(0, all()); }
static inline Count count_if(Count n, B b) { return __riscv_vadd_vx_i64m1_mu(b, n, n, 1, all()); }
static inline void store(CountOf* p, Count n) { __riscv_vse64_v_i64m1(p, n, all()); }

static inline V larger(V a, V b) { return __riscv_vfmax_vv_f64m1(a, b, all()); }
static inline V max(V a, V b) { return select(is_nan(a), a, select(is_nan(b), b, larger(a, b))); }
static inline V clamp(V x, V lo, V hi) {
  return select(is_nan(x), x, __riscv_vfmin_vv_f64m1(larger(x, lo), hi, all()));
}

static inline T hsum(V a) {
  return __riscv_vfmv_f_s_f64m1_f64(__riscv_vfredusum_vs_f64m1_f64m1(a, splat(-T(0)), all()));
}
static inline T hlarger(V a) {
  return __riscv_vfmv_f_s_f64m1_f64(__riscv_vfredmax_vs_f64m1_f64m1(a, a, all()));
}
static inline T hmax(V a) { return any(is_nan(a)) ? T(__builtin_nanf("")) : hlarger(a); }

static inline V nearest(V x) {
  return __riscv_vfcvt_f_x_v_f64m1(__riscv_vfcvt_x_f_v_i64m1(x, all()), all());
}
static inline V power_of_two(Count n) {
  const Count biased = __riscv_vadd_vx_i64m1(n, 1023, all());
  return __riscv_vreinterpret_v_i64m1_f64m1(__riscv_vsll_vx_i64m1(biased, 52, all()));
}
static inline V scale(V x, V n) {
  const Count whole = __riscv_vfcvt_x_f_v_i64m1(n, all());
  const Count half = __riscv_vsra_vx_i64m1(whole, 1, all());
  const Count rest = __riscv_vsub_vv_i64m1(whole, half, all());
  return mul(mul(x, power_of_two(half)), power_of_two(rest));
}
static inline V mantissa(V x, V& exponent) {
  const B tiny = gt(splat(0x1p-1022), x);
  const Bits bits = __riscv_vreinterpret_v_f64m1_u64m1(select(tiny, mul(x, splat(0x1p54)), x));
  const V biased = __riscv_vfcvt_f_xu_v_f64m1(__riscv_vsrl_vx_u64m1(bits, 52, all()), all());
  exponent = sub(biased, select(tiny, splat(1077), splat(1023)));
  const Bits fraction = __riscv_vand_vx_u64m1(bits, 0x000fffffffffffff, all());
  return __riscv_vreinterpret_v_u64m1_f64m1(
      __riscv_vor_vx_u64m1(fraction, 0x3ff0000000000000, all()));
}

constexpr idx tile_rows = 2, tile_cols = 4;
static inline void transpose_tile(T* y, idx ldy, const T* x, idx ldx) {
  const vfloat64m1x4_t cols = __riscv_vlsseg4e64_v_f64m1x4(x, ldx * idx(sizeof(T)), tile_rows);
  __riscv_vse64_v_f64m1(y, __riscv_vget_v_f64m1x4_f64m1(cols, 0), tile_rows);
  __riscv_vse64_v_f64m1(y + ldy, __riscv_vget_v_f64m1x4_f64m1(cols, 1), tile_rows);
  __riscv_vse64_v_f64m1(y + 2 * ldy, __riscv_vget_v_f64m1x4_f64m1(cols, 2), tile_rows);
  __riscv_vse64_v_f64m1(y + 3 * ldy, __riscv_vget_v_f64m1x4_f64m1(cols, 3), tile_rows);
}
constexpr idx square = 2;
static inline void transpose_square(T* y, idx ldy, const T* x, idx ldx) {
  const vfloat64m1x2_t cols = __riscv_vlsseg2e64_v_f64m1x2(x, ldx * idx(sizeof(T)), square);
  __riscv_vse64_v_f64m1(y, __riscv_vget_v_f64m1x2_f64m1(cols, 0), square);
  __riscv_vse64_v_f64m1(y + ldy, __riscv_vget_v_f64m1x2_f64m1(cols, 1), square);
}
}  // namespace f64

}  // namespace vecgrad::rvv
