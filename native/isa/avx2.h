// AVX2 and FMA: 256-bit vectors, 8 floats or 4 doubles, 16 registers.
#pragma once

#include <immintrin.h>

#include "isa/transpose_x86.h"
#include "kernels/kernels.h"

#define VECGRAD_HAS_HSUM4
#define VECGRAD_HAS_ROUND

namespace vecgrad::avx2 {

constexpr int registers = 16;

// The first n lanes: a mask for loads, and n itself for stores. Masked stores are slow on AMD
// processors (about 12 cycles), so that a partial store is made of smaller ones.
struct First {
  __m256i mask;
  idx n;
};

namespace f32 {
using T = float;
using V = __m256;
using M = First;
using B = __m256;

static inline idx lanes() { return 8; }
static inline M first(idx n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return {_mm256_cmpgt_epi32(_mm256_set1_epi32(int(n)), lane), n};
}
static inline V select(B b, V yes, V no) { return _mm256_blendv_ps(no, yes, b); }
static inline V splat(T x) { return _mm256_set1_ps(x); }

static inline V load(const T* p) { return _mm256_loadu_ps(p); }
static inline V load(M m, const T* p) { return _mm256_maskload_ps(p, m.mask); }
static inline V load(M m, const T* p, V other) {
  return select(_mm256_castsi256_ps(m.mask), load(m, p), other);
}
static inline V keep(M m, V v) { return _mm256_and_ps(_mm256_castsi256_ps(m.mask), v); }
static inline void store(T* p, V v) { _mm256_storeu_ps(p, v); }
static inline void store(M m, T* p, V v) {
  const __m128 head = _mm256_castps256_ps128(v);
  if (m.n >= 4) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i from = _mm256_add_epi32(lane, _mm256_set1_epi32(int(m.n) - 4));
    const __m128 tail = _mm256_castps256_ps128(_mm256_permutevar8x32_ps(v, from));
    _mm_storeu_ps(p, head);
    _mm_storeu_ps(p + m.n - 4, tail);
  } else if (m.n >= 2) {
    const __m128i from = _mm_add_epi32(_mm_setr_epi32(0, 1, 2, 3), _mm_set1_epi32(int(m.n) - 2));
    _mm_storel_pi(reinterpret_cast<__m64*>(p), head);
    _mm_storel_pi(reinterpret_cast<__m64*>(p + m.n - 2), _mm_permutevar_ps(head, from));
  } else if (m.n) {
    _mm_store_ss(p, head);
  }
}

static inline V add(V a, V b) { return _mm256_add_ps(a, b); }
static inline V sub(V a, V b) { return _mm256_sub_ps(a, b); }
static inline V mul(V a, V b) { return _mm256_mul_ps(a, b); }
static inline V div(V a, V b) { return _mm256_div_ps(a, b); }
static inline V fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
static inline V neg(V a) { return _mm256_xor_ps(a, splat(-0.0f)); }
static inline V abs(V a) { return _mm256_andnot_ps(splat(-0.0f), a); }
static inline V sqrt(V a) { return _mm256_sqrt_ps(a); }
static inline B gt(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
static inline B ge(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_GE_OQ); }
static inline B eq(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
static inline B is_nan(V a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
static inline bool any(B b) { return _mm256_movemask_ps(b); }

using Count = __m256i;
using CountOf = int32_t;
static inline Count no_count() { return _mm256_setzero_si256(); }
// A true comparison is -1 in its lane.
static inline Count count_if(Count n, B b) { return _mm256_sub_epi32(n, _mm256_castps_si256(b)); }
static inline void store(CountOf* p, Count n) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), n);
}

// The instructions give their second operand if either is NaN: here that is x, so that NaN stays
// NaN.
static inline V clamp(V x, V lo, V hi) { return _mm256_min_ps(hi, _mm256_max_ps(lo, x)); }
static inline V max(V a, V b) { return select(is_nan(a), a, _mm256_max_ps(a, b)); }
static inline V larger(V a, V b) { return _mm256_max_ps(a, b); }

static inline T hsum(V a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
static inline void hsum4(T* y, V a, V b, V c, V d) {
  const V ab = add(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
  const V cd = add(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
  const V abcd = add(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  _mm_storeu_ps(y, _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1)));
}
static inline T hlarger(V a) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
static inline T hmax(V a) {
  a = max(a, _mm256_permute2f128_ps(a, a, 1));
  a = max(a, _mm256_permute_ps(a, 0x4e));
  a = max(a, _mm256_permute_ps(a, 0xb1));
  return _mm256_cvtss_f32(a);
}

static inline V nearest(V x) {
  return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline V round(V x) { return nearest(x); }
static inline V power_of_two(__m256i n) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
static inline V scale(V x, V n) {
  const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
  return mul(mul(x, power_of_two(half)), power_of_two(_mm256_sub_epi32(whole, half)));
}
static inline V mantissa(V x, V& exponent) {
  const B tiny = gt(splat(0x1p-126f), x);
  const __m256i bits = _mm256_castps_si256(select(tiny, mul(x, splat(0x1p23f)), x));
  const V bias = select(tiny, splat(150), splat(127));
  exponent = sub(_mm256_cvtepi32_ps(_mm256_srli_epi32(bits, 23)), bias);
  return _mm256_castsi256_ps(_mm256_or_si256(_mm256_and_si256(bits, _mm256_set1_epi32(0x007fffff)),
                                             _mm256_set1_epi32(0x3f800000)));
}

constexpr idx tile_rows = 8, tile_cols = 4;
static inline void transpose_tile(T* y, idx ldy, const T* x, idx ldx) {
  transpose_8x4(y, ldy, x, ldx);
}
constexpr idx square = 4;
static inline void transpose_square(T* y, idx ldy, const T* x, idx ldx) {
  transpose_4x4(y, ldy, x, ldx);
}
}  // namespace f32

namespace f64 {
using T = double;
using V = __m256d;
using M = First;
using B = __m256d;

static inline idx lanes() { return 4; }
static inline M first(idx n) {
  const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
  return {_mm256_cmpgt_epi64(_mm256_set1_epi64x(n), lane), n};
}
static inline V select(B b, V yes, V no) { return _mm256_blendv_pd(no, yes, b); }
static inline V splat(T x) { return _mm256_set1_pd(x); }

static inline V load(const T* p) { return _mm256_loadu_pd(p); }
static inline V load(M m, const T* p) { return _mm256_maskload_pd(p, m.mask); }
static inline V load(M m, const T* p, V other) {
  return select(_mm256_castsi256_pd(m.mask), load(m, p), other);
}
static inline V keep(M m, V v) { return _mm256_and_pd(_mm256_castsi256_pd(m.mask), v); }
static inline void store(T* p, V v) { _mm256_storeu_pd(p, v); }
static inline void store(M m, T* p, V v) {
  __m128d part = _mm256_castpd256_pd128(v);
  if (m.n & 2) {
    _mm_storeu_pd(p, part);
    part = _mm256_extractf128_pd(v, 1);
    p += 2;
  }
  if (m.n & 1) _mm_store_sd(p, part);
}

static inline V add(V a, V b) { return _mm256_add_pd(a, b); }
static inline V sub(V a, V b) { return _mm256_sub_pd(a, b); }
static inline V mul(V a, V b) { return _mm256_mul_pd(a, b); }
static inline V div(V a, V b) { return _mm256_div_pd(a, b); }
static inline V fma(V a, V b, V c) { return _mm256_fmadd_pd(a, b, c); }
static inline V neg(V a) { return _mm256_xor_pd(a, splat(-0.0)); }
static inline V abs(V a) { return _mm256_andnot_pd(splat(-0.0), a); }
static inline V sqrt(V a) { return _mm256_sqrt_pd(a); }
static inline B gt(V a, V b) { return _mm256_cmp_pd(a, b, _CMP_GT_OQ); }
static inline B ge(V a, V b) { return _mm256_cmp_pd(a, b, _CMP_GE_OQ); }
static inline B eq(V a, V b) { return _mm256_cmp_pd(a, b, _CMP_EQ_OQ); }
static inline B is_nan(V a) { return _mm256_cmp_pd(a, a, _CMP_UNORD_Q); }
static inline bool any(B b) { return _mm256_movemask_pd(b); }

using Count = __m256i;
using CountOf = int64_t;
static inline Count no_count() { return _mm256_setzero_si256(); }
// A true comparison is -1 in its lane.
static inline Count count_if(Count n, B b) { return _mm256_sub_epi64(n, _mm256_castpd_si256(b)); }
static inline void store(CountOf* p, Count n) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), n);
}

static inline V clamp(V x, V lo, V hi) { return _mm256_min_pd(hi, _mm256_max_pd(lo, x)); }
static inline V max(V a, V b) { return select(is_nan(a), a, _mm256_max_pd(a, b)); }
static inline V larger(V a, V b) { return _mm256_max_pd(a, b); }

static inline T hsum(V a) {
  const __m128d s = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
  return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}
static inline void hsum4(T* y, V a, V b, V c, V d) {
  const V ab = add(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
  const V cd = add(_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
  store(y, add(_mm256_permute2f128_pd(ab, cd, 0x20), _mm256_permute2f128_pd(ab, cd, 0x31)));
}
static inline T hlarger(V a) {
  const __m128d s = _mm_max_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
  return _mm_cvtsd_f64(_mm_max_sd(s, _mm_unpackhi_pd(s, s)));
}
static inline T hmax(V a) {
  a = max(a, _mm256_permute2f128_pd(a, a, 1));
  a = max(a, _mm256_permute_pd(a, 0x5));
  return _mm256_cvtsd_f64(a);
}

static inline V nearest(V x) {
  return _mm256_round_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline V round(V x) { return nearest(x); }
static inline V power_of_two(__m128i n) {
  const __m256i biased = _mm256_cvtepi32_epi64(_mm_add_epi32(n, _mm_set1_epi32(1023)));
  return _mm256_castsi256_pd(_mm256_slli_epi64(biased, 52));
}
static inline V scale(V x, V n) {
  const __m128i whole = _mm256_cvtpd_epi32(n), half = _mm_srai_epi32(whole, 1);
  return mul(mul(x, power_of_two(half)), power_of_two(_mm_sub_epi32(whole, half)));
}
static inline V mantissa(V x, V& exponent) {
  const B tiny = gt(splat(0x1p-1022), x);
  const __m256i bits = _mm256_castpd_si256(select(tiny, mul(x, splat(0x1p54)), x));
  // There is no conversion from 64-bit integers: set the bits of 2^52 above them, then subtract
  // 2^52.
  const __m256i raised =
      _mm256_or_si256(_mm256_srli_epi64(bits, 52), _mm256_castpd_si256(splat(0x1p52)));
  const V bias = select(tiny, splat(0x1p52 + 1077), splat(0x1p52 + 1023));
  exponent = sub(_mm256_castsi256_pd(raised), bias);
  return _mm256_castsi256_pd(
      _mm256_or_si256(_mm256_and_si256(bits, _mm256_set1_epi64x(0x000fffffffffffff)),
                      _mm256_set1_epi64x(0x3ff0000000000000)));
}

constexpr idx tile_rows = 4, tile_cols = 4;
static inline void transpose_tile(T* y, idx ldy, const T* x, idx ldx) {
  transpose_4x4(y, ldy, x, ldx);
}
constexpr idx square = 4;
static inline void transpose_square(T* y, idx ldy, const T* x, idx ldx) {
  transpose_4x4(y, ldy, x, ldx);
}
}  // namespace f64

}  // namespace vecgrad::avx2
