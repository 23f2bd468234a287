// AVX-512 by emulation: SIMDe, and the few intrinsics of ours that SIMDe 0.7.4 lacks. Tests only.
#pragma once

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>

// Element by element, so that memory behind the mask stays untouched, as with the instructions.
#define VECGRAD_EMULATE(suffix, T, V, M)                                         \
  static inline V emulated_mask_loadu_##suffix(V other, M mask, const void* p) { \
    T x[sizeof(V) / sizeof(T)];                                                  \
    __builtin_memcpy(x, &other, sizeof x);                                       \
    for (unsigned i = 0; i < sizeof(V) / sizeof(T); i++)                         \
      if (mask >> i & 1) x[i] = static_cast<const T*>(p)[i];                     \
    __builtin_memcpy(&other, x, sizeof x);                                       \
    return other;                                                                \
  }                                                                              \
  static inline void emulated_mask_storeu_##suffix(void* p, M mask, V v) {       \
    T x[sizeof(V) / sizeof(T)];                                                  \
    __builtin_memcpy(x, &v, sizeof x);                                           \
    for (unsigned i = 0; i < sizeof(V) / sizeof(T); i++)                         \
      if (mask >> i & 1) static_cast<T*>(p)[i] = x[i];                           \
  }                                                                              \
  static inline V emulated_getexp_##suffix(V v) {                                \
    T x[sizeof(V) / sizeof(T)];                                                  \
    __builtin_memcpy(x, &v, sizeof x);                                           \
    for (T & e : x) e = T(__builtin_logb(double(e)));                            \
    __builtin_memcpy(&v, x, sizeof x);                                           \
    return v;                                                                    \
  }                                                                              \
  static inline V emulated_getmant_##suffix(V v) {                               \
    T x[sizeof(V) / sizeof(T)];                                                  \
    __builtin_memcpy(x, &v, sizeof x);                                           \
    for (T & m : x) {                                                            \
      const double e = __builtin_logb(double(m));                                \
      if (__builtin_isfinite(e)) m = T(__builtin_scalbn(double(m), -int(e)));    \
    }                                                                            \
    __builtin_memcpy(&v, x, sizeof x);                                           \
    return v;                                                                    \
  }                                                                              \
  static inline V emulated_scalef_##suffix(V v, V n) {                           \
    T x[sizeof(V) / sizeof(T)], by[sizeof(V) / sizeof(T)];                       \
    __builtin_memcpy(x, &v, sizeof x);                                           \
    __builtin_memcpy(by, &n, sizeof by);                                         \
    for (unsigned i = 0; i < sizeof(V) / sizeof(T); i++)                         \
      if (__builtin_isfinite(by[i]))                                             \
        x[i] = sizeof(T) == 4 ? T(__builtin_scalbnf(float(x[i]), int(by[i])))    \
                              : T(__builtin_scalbn(double(x[i]), int(by[i])));   \
      else                                                                       \
        x[i] = T(__builtin_nan(""));                                             \
    __builtin_memcpy(&v, x, sizeof x);                                           \
    return v;                                                                    \
  }
VECGRAD_EMULATE(ps, float, __m512, __mmask16)
VECGRAD_EMULATE(pd, double, __m512d, __mmask8)
#undef VECGRAD_EMULATE

// Here only the alias is missing.
#undef _mm512_shuffle_f32x4
#undef _mm512_shuffle_f64x2
#define _mm512_shuffle_f32x4(a, b, imm) simde_mm512_shuffle_f32x4(a, b, imm)
#define _mm512_shuffle_f64x2(a, b, imm) simde_mm512_shuffle_f64x2(a, b, imm)

// SIMDe multiplies by 2^n, which overflows where the product does not.
#undef _mm512_scalef_ps
#undef _mm512_scalef_pd
#define _mm512_scalef_ps(v, n) emulated_scalef_ps(v, n)
#define _mm512_scalef_pd(v, n) emulated_scalef_pd(v, n)

#define _mm512_mask_loadu_ps(other, m, p) emulated_mask_loadu_ps(other, m, p)
#define _mm512_mask_loadu_pd(other, m, p) emulated_mask_loadu_pd(other, m, p)
#define _mm512_maskz_loadu_ps(m, p) emulated_mask_loadu_ps(_mm512_setzero_ps(), m, p)
#define _mm512_maskz_loadu_pd(m, p) emulated_mask_loadu_pd(_mm512_setzero_pd(), m, p)
#define _mm512_mask_storeu_ps(p, m, v) emulated_mask_storeu_ps(p, m, v)
#define _mm512_mask_storeu_pd(p, m, v) emulated_mask_storeu_pd(p, m, v)
#define _mm512_getexp_ps(v) emulated_getexp_ps(v)
#define _mm512_getexp_pd(v) emulated_getexp_pd(v)
#define _mm512_getmant_ps(v, interval, sign) emulated_getmant_ps(v)
#define _mm512_getmant_pd(v, interval, sign) emulated_getmant_pd(v)
