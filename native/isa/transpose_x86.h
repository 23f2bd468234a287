// Transposes tiles in 256-bit registers, for every x86-64 instruction set from AVX2 on, and in
// 512-bit registers if the unit has them.
#pragma once

#include <immintrin.h>

#include "kernels/kernels.h"

namespace vecgrad {

// y (4 x 8) = x (8 x 4) transposed. Rows r and r + 4 share a register, so that all shuffles stay
// within 128-bit halves.
static inline void transpose_8x4(float* y, idx ldy, const float* x, idx ldx) {
  const auto pair = [&](idx r) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x + r * ldx)),
                                _mm_loadu_ps(x + (r + 4) * ldx), 1);
  };
  const __m256 r0 = pair(0), r1 = pair(1), r2 = pair(2), r3 = pair(3);
  const __m256 lo01 = _mm256_unpacklo_ps(r0, r1), hi01 = _mm256_unpackhi_ps(r0, r1);
  const __m256 lo23 = _mm256_unpacklo_ps(r2, r3), hi23 = _mm256_unpackhi_ps(r2, r3);
  _mm256_storeu_ps(y, _mm256_shuffle_ps(lo01, lo23, 0x44));
  _mm256_storeu_ps(y + ldy, _mm256_shuffle_ps(lo01, lo23, 0xee));
  _mm256_storeu_ps(y + 2 * ldy, _mm256_shuffle_ps(hi01, hi23, 0x44));
  _mm256_storeu_ps(y + 3 * ldy, _mm256_shuffle_ps(hi01, hi23, 0xee));
}

// y (4 x 4) = x (4 x 4) transposed.
static inline void transpose_4x4(float* y, idx ldy, const float* x, idx ldx) {
  __m128 r0 = _mm_loadu_ps(x), r1 = _mm_loadu_ps(x + ldx), r2 = _mm_loadu_ps(x + 2 * ldx),
         r3 = _mm_loadu_ps(x + 3 * ldx);
  _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
  _mm_storeu_ps(y, r0);
  _mm_storeu_ps(y + ldy, r1);
  _mm_storeu_ps(y + 2 * ldy, r2);
  _mm_storeu_ps(y + 3 * ldy, r3);
}

// y (4 x 4) = x (4 x 4) transposed. Rows r and r + 2 share a register.
static inline void transpose_4x4(double* y, idx ldy, const double* x, idx ldx) {
  const auto pair = [&](idx r, idx c) {
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(x + r * ldx + c)),
                                _mm_loadu_pd(x + (r + 2) * ldx + c), 1);
  };
  for (idx c = 0; c < 4; c += 2) {
    const __m256d r0 = pair(0, c), r1 = pair(1, c);
    _mm256_storeu_pd(y + c * ldy, _mm256_unpacklo_pd(r0, r1));
    _mm256_storeu_pd(y + (c + 1) * ldy, _mm256_unpackhi_pd(r0, r1));
  }
}

#if defined(__AVX512F__) || defined(VECGRAD_SIMDE)

// y (16 x 16) = x (16 x 16) transposed: in quarters of 4 x 4, then the quarters.
static inline void transpose_16x16(float* y, idx ldy, const float* x, idx ldx) {
  __m512 r[16], s[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) r[i] = _mm512_loadu_ps(x + i * ldx);
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    s[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    s[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  // After this, quarter q of r[4 g + c] holds column 4 q + c of the rows 4 g to 4 g + 3.
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_shuffle_ps(s[i], s[i + 2], 0x44);
    r[i + 1] = _mm512_shuffle_ps(s[i], s[i + 2], 0xee);
    r[i + 2] = _mm512_shuffle_ps(s[i + 1], s[i + 3], 0x44);
    r[i + 3] = _mm512_shuffle_ps(s[i + 1], s[i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int c = 0; c < 4; c++) {
    const __m512 even = _mm512_shuffle_f32x4(r[c], r[4 + c], 0x88);
    const __m512 odd = _mm512_shuffle_f32x4(r[c], r[4 + c], 0xdd);
    const __m512 even2 = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0x88);
    const __m512 odd2 = _mm512_shuffle_f32x4(r[8 + c], r[12 + c], 0xdd);
    _mm512_storeu_ps(y + c * ldy, _mm512_shuffle_f32x4(even, even2, 0x88));
    _mm512_storeu_ps(y + (c + 4) * ldy, _mm512_shuffle_f32x4(odd, odd2, 0x88));
    _mm512_storeu_ps(y + (c + 8) * ldy, _mm512_shuffle_f32x4(even, even2, 0xdd));
    _mm512_storeu_ps(y + (c + 12) * ldy, _mm512_shuffle_f32x4(odd, odd2, 0xdd));
  }
}

// y (8 x 8) = x (8 x 8) transposed: in quarters of 2 x 2, then the quarters.
static inline void transpose_8x8(double* y, idx ldy, const double* x, idx ldx) {
  __m512d r[8], s[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) r[i] = _mm512_loadu_pd(x + i * ldx);
    // After this, quarter q of s[2 g + c] holds column 2 q + c of the rows 2 g and 2 g + 1.
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    s[i] = _mm512_unpacklo_pd(r[i], r[i + 1]);
    s[i + 1] = _mm512_unpackhi_pd(r[i], r[i + 1]);
  }
#pragma GCC unroll 2
  for (int c = 0; c < 2; c++) {
    const __m512d even = _mm512_shuffle_f64x2(s[c], s[2 + c], 0x88);
    const __m512d odd = _mm512_shuffle_f64x2(s[c], s[2 + c], 0xdd);
    const __m512d even2 = _mm512_shuffle_f64x2(s[4 + c], s[6 + c], 0x88);
    const __m512d odd2 = _mm512_shuffle_f64x2(s[4 + c], s[6 + c], 0xdd);
    _mm512_storeu_pd(y + c * ldy, _mm512_shuffle_f64x2(even, even2, 0x88));
    _mm512_storeu_pd(y + (c + 2) * ldy, _mm512_shuffle_f64x2(odd, odd2, 0x88));
    _mm512_storeu_pd(y + (c + 4) * ldy, _mm512_shuffle_f64x2(even, even2, 0xdd));
    _mm512_storeu_pd(y + (c + 6) * ldy, _mm512_shuffle_f64x2(odd, odd2, 0xdd));
  }
}

#endif

}  // namespace vecgrad
