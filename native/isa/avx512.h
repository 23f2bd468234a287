// AVX-512 (F, BW, DQ, VL): 512-bit vectors, 16 floats or 8 doubles, 32 registers, real masks.
#pragma once

#ifdef VECGRAD_SIMDE  // the tests emulate this unit on processors without AVX-512
#include "../../test/native/simde_avx512.h"
#else
#include <immintrin.h>
#endif

#include "isa/transpose_x86.h"
#include "kernels/kernels.h"

#define VECGRAD_HAS_HSUM4
#define VECGRAD_HAS_ROUND

namespace vecgrad::avx512 {

constexpr int registers = 32;

namespace f32 {
using T = float;
using V = __m512;
using M = __mmask16;
using B = __mmask16;

static inline idx lanes() { return 16; }
static inline M first(idx n) { return M((1u << n) - 1); }
static inline V select(B b, V yes, V no) { return _mm512_mask_blend_ps(b, no, yes); }
static inline V splat(T x) { return _mm512_set1_ps(x); }

static inline V load(const T* p) { return _mm512_loadu_ps(p); }
static inline V load(M m, const T* p) { return _mm512_maskz_loadu_ps(m, p); }
static inline V load(M m, const T* p, V other) { return _mm512_mask_loadu_ps(other, m, p); }
static inline V keep(M m, V v) { return _mm512_maskz_mov_ps(m, v); }
static inline void store(T* p, V v) { _mm512_storeu_ps(p, v); }
static inline void store(M m, T* p, V v) { _mm512_mask_storeu_ps(p, m, v); }

static inline V add(V a, V b) { return _mm512_add_ps(a, b); }
static inline V sub(V a, V b) { return _mm512_sub_ps(a, b); }
static inline V mul(V a, V b) { return _mm512_mul_ps(a, b); }
static inline V div(V a, V b) { return _mm512_div_ps(a, b); }
static inline V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
static inline V neg(V a) { return _mm512_xor_ps(a, splat(-0.0f)); }
static inline V abs(V a) { return _mm512_abs_ps(a); }
static inline V sqrt(V a) { return _mm512_sqrt_ps(a); }
static inline B gt(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
static inline B ge(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
static inline B eq(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
static inline B is_nan(V a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
static inline bool any(B b) { return b; }

using Count = __m512i;
using CountOf = int32_t;
static inline Count no_count() { return _mm512_setzero_si512(); }
static inline Count count_if(Count n, B b) {
  return _mm512_mask_add_epi32(n, b, n, _mm512_set1_epi32(1));
}
static inline void store(CountOf* p, Count n) { _mm512_storeu_si512(p, n); }

// The instructions give their second operand if either is NaN: here that is x, so that NaN stays
// NaN.
static inline V clamp(V x, V lo, V hi) { return _mm512_min_ps(hi, _mm512_max_ps(lo, x)); }
static inline V max(V a, V b) { return select(is_nan(a), a, _mm512_max_ps(a, b)); }
static inline V larger(V a, V b) { return _mm512_max_ps(a, b); }

static inline T hsum(V a) {
  a = add(a, _mm512_shuffle_f32x4(a, a, 0x4e));
  const __m256 half = _mm512_castps512_ps256(a);
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
static inline void hsum4(T* y, V a, V b, V c, V d) {
  const V ab = add(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  const V cd = add(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
  V abcd = add(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
  abcd = add(abcd, _mm512_shuffle_f32x4(abcd, abcd, 0x4e));
  const __m256 half = _mm512_castps512_ps256(abcd);
  _mm_storeu_ps(y, _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
}
static inline T hlarger(V a) {
  a = larger(a, _mm512_shuffle_f32x4(a, a, 0x4e));
  const __m256 half = _mm512_castps512_ps256(a);
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
static inline T hmax(V a) {
  a = max(a, _mm512_shuffle_f32x4(a, a, 0x4e));
  a = max(a, _mm512_shuffle_f32x4(a, a, 0xb1));
  a = max(a, _mm512_shuffle_ps(a, a, 0x4e));
  a = max(a, _mm512_shuffle_ps(a, a, 0xb1));
  return _mm_cvtss_f32(_mm512_castps512_ps128(a));
}

static inline V nearest(V x) {
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline V round(V x) { return nearest(x); }
static inline V scale(V x, V n) { return _mm512_scalef_ps(x, n); }
static inline V mantissa(V x, V& exponent) {
  exponent = _mm512_getexp_ps(x);
  return _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
}

constexpr idx tile_rows = 16, tile_cols = 16;
static inline void transpose_tile(T* y, idx ldy, const T* x, idx ldx) {
  transpose_16x16(y, ldy, x, ldx);
}
constexpr idx square = 4;
static inline void transpose_square(T* y, idx ldy, const T* x, idx ldx) {
  transpose_4x4(y, ldy, x, ldx);
}
}  // namespace f32

namespace f64 {
using T = double;
using V = __m512d;
using M = __mmask8;
using B = __mmask8;

static inline idx lanes() { return 8; }
static inline M first(idx n) { return M((1u << n) - 1); }
static inline V select(B b, V yes, V no) { return _mm512_mask_blend_pd(b, no, yes); }
static inline V splat(T x) { return _mm512_set1_pd(x); }

static inline V load(const T* p) { return _mm512_loadu_pd(p); }
static inline V load(M m, const T* p) { return _mm512_maskz_loadu_pd(m, p); }
static inline V load(M m, const T* p, V other) { return _mm512_mask_loadu_pd(other, m, p); }
static inline V keep(M m, V v) { return _mm512_maskz_mov_pd(m, v); }
static inline void store(T* p, V v) { _mm512_storeu_pd(p, v); }
static inline void store(M m, T* p, V v) { _mm512_mask_storeu_pd(p, m, v); }

static inline V add(V a, V b) { return _mm512_add_pd(a, b); }
static inline V sub(V a, V b) { return _mm512_sub_pd(a, b); }
static inline V mul(V a, V b) { return _mm512_mul_pd(a, b); }
static inline V div(V a, V b) { return _mm512_div_pd(a, b); }
static inline V fma(V a, V b, V c) { return _mm512_fmadd_pd(a, b, c); }
static inline V neg(V a) { return _mm512_xor_pd(a, splat(-0.0)); }
static inline V abs(V a) { return _mm512_abs_pd(a); }
static inline V sqrt(V a) { return _mm512_sqrt_pd(a); }
static inline B gt(V a, V b) { return _mm512_cmp_pd_mask(a, b, _CMP_GT_OQ); }
static inline B ge(V a, V b) { return _mm512_cmp_pd_mask(a, b, _CMP_GE_OQ); }
static inline B eq(V a, V b) { return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ); }
static inline B is_nan(V a) { return _mm512_cmp_pd_mask(a, a, _CMP_UNORD_Q); }
static inline bool any(B b) { return b; }

using Count = __m512i;
using CountOf = int64_t;
static inline Count no_count() { return _mm512_setzero_si512(); }
static inline Count count_if(Count n, B b) {
  return _mm512_mask_add_epi64(n, b, n, _mm512_set1_epi64(1));
}
static inline void store(CountOf* p, Count n) { _mm512_storeu_si512(p, n); }

static inline V clamp(V x, V lo, V hi) { return _mm512_min_pd(hi, _mm512_max_pd(lo, x)); }
static inline V max(V a, V b) { return select(is_nan(a), a, _mm512_max_pd(a, b)); }
static inline V larger(V a, V b) { return _mm512_max_pd(a, b); }

static inline T hsum(V a) {
  a = add(a, _mm512_shuffle_f64x2(a, a, 0x4e));
  const __m256d half = _mm512_castpd512_pd256(a);
  const __m128d s = _mm_add_pd(_mm256_castpd256_pd128(half), _mm256_extractf128_pd(half, 1));
  return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}
static inline void hsum4(T* y, V a, V b, V c, V d) {
  const V ab = add(_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b));
  const V cd = add(_mm512_unpacklo_pd(c, d), _mm512_unpackhi_pd(c, d));
  const V abcd = add(_mm512_shuffle_f64x2(ab, cd, 0x88), _mm512_shuffle_f64x2(ab, cd, 0xdd));
  _mm256_storeu_pd(y, _mm512_castpd512_pd256(add(_mm512_shuffle_f64x2(abcd, abcd, 0x88),
                                                 _mm512_shuffle_f64x2(abcd, abcd, 0xdd))));
}
static inline T hlarger(V a) {
  a = larger(a, _mm512_shuffle_f64x2(a, a, 0x4e));
  const __m256d half = _mm512_castpd512_pd256(a);
  const __m128d s = _mm_max_pd(_mm256_castpd256_pd128(half), _mm256_extractf128_pd(half, 1));
  return _mm_cvtsd_f64(_mm_max_sd(s, _mm_unpackhi_pd(s, s)));
}
static inline T hmax(V a) {
  a = max(a, _mm512_shuffle_f64x2(a, a, 0x4e));
  a = max(a, _mm512_shuffle_f64x2(a, a, 0xb1));
  a = max(a, _mm512_unpackhi_pd(a, a));
  return _mm_cvtsd_f64(_mm512_castpd512_pd128(a));
}

static inline V nearest(V x) {
  return _mm512_roundscale_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline V round(V x) { return nearest(x); }
static inline V scale(V x, V n) { return _mm512_scalef_pd(x, n); }
static inline V mantissa(V x, V& exponent) {
  exponent = _mm512_getexp_pd(x);
  return _mm512_getmant_pd(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
}

constexpr idx tile_rows = 8, tile_cols = 8;
static inline void transpose_tile(T* y, idx ldy, const T* x, idx ldx) {
  transpose_8x8(y, ldy, x, ldx);
}
constexpr idx square = 4;
static inline void transpose_square(T* y, idx ldy, const T* x, idx ldx) {
  transpose_4x4(y, ldy, x, ldx);
}
}  // namespace f64

}  // namespace vecgrad::avx512
