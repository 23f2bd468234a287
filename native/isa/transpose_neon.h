// Transposes squares in 128-bit registers, for NEON and for SVE, whose processors all have NEON.
#pragma once

#include <arm_neon.h>

#include "kernels/kernels.h"

namespace vecgrad {

static inline void transpose_4x4(float* y, idx ldy, const float* x, idx ldx) {
  const float32x4x2_t top = vtrnq_f32(vld1q_f32(x), vld1q_f32(x + ldx));
  const float32x4x2_t low = vtrnq_f32(vld1q_f32(x + 2 * ldx), vld1q_f32(x + 3 * ldx));
  for (int i = 0; i < 2; i++) {
    const float32x4_t t = top.val[i], l = low.val[i];
    vst1q_f32(y + i * ldy, vcombine_f32(vget_low_f32(t), vget_low_f32(l)));
    vst1q_f32(y + (i + 2) * ldy, vcombine_f32(vget_high_f32(t), vget_high_f32(l)));
  }
}

static inline void transpose_2x2(double* y, idx ldy, const double* x, idx ldx) {
  const float64x2_t top = vld1q_f64(x), low = vld1q_f64(x + ldx);
  vst1q_f64(y, vtrn1q_f64(top, low));
  vst1q_f64(y + ldy, vtrn2q_f64(top, low));
}

}  // namespace vecgrad
