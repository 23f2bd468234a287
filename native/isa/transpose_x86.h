// Transposed tiles in 256-bit registers, for every x86-64 instruction set from AVX2 on.
#pragma once

#include <immintrin.h>

#include "../kernels.h"

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

}  // namespace vecgrad
