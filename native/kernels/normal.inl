// The error function and the normal distribution function. In float32 by vectors, with an error of
// at most 4 ULP over the whole range, in the tail too (test/native measures it); in float64 the
// C library computes them, a number at a time. Included by kernels.inl, once per instruction set
// and type.

#include "kernels/normal_distribution.inl"

static T erf_of_number(T x) { return is_float ? T(__builtin_erff(float(x))) : T(__builtin_erf(x)); }

// c[0] z^(n - 1) + ... + c[n - 1].
template <idx n>
static inline V polynomial(V z, const T (&c)[n]) {
  V y = splat(c[0]);
  for (idx i = 1; i < n; i++) y = fma(z, y, splat(c[i]));
  return y;
}

// a b + c, rounded once, where that is not what `fma` does: a vector is then one number.
#ifdef VECGRAD_FMA_MAY_ROUND_TWICE
static inline V fma_once(V a, V b, V c) { return V(double(a) * double(b) + double(c)); }
#else
static inline V fma_once(V a, V b, V c) { return fma(a, b, c); }
#endif

// The share of the normal distribution above z >= 0, for float32: exp(-z^2 / 2) p(z) / q(z). The
// coefficients interpolate so that the relative error of the quotient is nearly least, 8e-9. q(z)
// is computed from p(z), as c z p(z) and a small rest: for large z what rounding makes of p(z) then
// cancels in the quotient. Beyond 14.4 every share is 0.
static inline V share_above(V z) {
  z = clamp(z, splat(0), splat(T(14.4)));
  const V p = polynomial(z, {T(3.99657120177e-3L), T(3.98687320669e-2L), T(1.8103605356e-1L),
                             T(4.35437578914e-1L), T(0.5)});
  const V rest = polynomial(z, {T(8.3473384643e-6L), T(9.86269378036e-3L), T(1.02081052674e-1L),
                                T(4.15462341117e-1L), T(1)});
  const V ratio = div(p, fma(mul(z, splat(T(2.50659522925L))), p, rest));
  // As in exp_less_one, of -z^2 / 2, which is not rounded: the exponential function would make an
  // error in its last digit a hundred times as large.
  const V half = mul(z, splat(T(-0.5))), n = nearest(mul(mul(z, half), splat(T(1.44269504089L))));
  const V r = fma_once(z, half, mul(n, splat(-ln2_hi)));
  return scale(fma(exp_series(fma(n, splat(-ln2_lo), r)), ratio, ratio), n);
}
static inline V ndtr(V x) {
  if constexpr (is_float) {
    const V above = share_above(abs(x));
    return select(gt(x, splat(0)), sub(splat(1), above), above);
  } else {
    return one_by_one<normal_distribution<T>>(x, x, splat(1));
  }
}

// Up to 0.9 it is x + x r(x^2). Beyond, 1 less twice the share of the normal distribution above
// sqrt(2) |x|.
static inline V erf(V x) {
  if constexpr (is_float) {
    const V size = abs(x), z = mul(x, x);
    const V series =
        polynomial(z, {T(8.52940132284e-5L), T(-8.17963218089e-4L), T(5.20422669375e-3L),
                       T(-2.68606647911e-2L), T(1.12837180496e-1L), T(-3.7612635194e-1L),
                       T(1.28379166789e-1L)});
    const V above = share_above(mul(size, splat(T(1.41421356237309504880L))));
    const V far = sub(splat(1), add(above, above));
    const V near = fma(x, series, x);
    return select(gt(size, splat(T(0.9))), select(gt(x, splat(0)), far, neg(far)), near);
  } else {
    return one_by_one<erf_of_number>(x, x, splat(1));
  }
}
