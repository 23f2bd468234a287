// exp and log of a vector, with an error of at most 2 ULP over the whole range (test/native
// measures it). Included by kernels.inl, once per instruction set and type.

constexpr bool is_float = sizeof(T) == 4;

// x = n ln 2 + r with |r| <= ln 2 / 2, so that exp(x) = 2^n exp(r). exp(r) is its Taylor series,
// long enough that the remainder is below a tenth of an ULP. Underflow is gradual, unless the
// processor flushes denormals.
static inline V exp(V x) {
  // ln 2 in two parts. The first has so few bits that its product with n is exact.
  constexpr T log2_e = T(1.44269504088896340736L);
  constexpr T ln2_hi = is_float ? T(0.693359375) : T(6.93147180369123816490e-01);
  constexpr T ln2_lo = is_float ? T(-2.12194440054690582768e-4L) : T(1.90821492927058770002e-10);
  // Beyond these limits every result is 0 or infinite; within, n is in the range of `scale`.
  x = clamp(x, splat(is_float ? T(-104) : T(-746)), splat(is_float ? T(89) : T(710)));
  const V n = nearest(mul(x, splat(log2_e)));
  V r = fma(n, splat(-ln2_hi), x);
  r = fma(n, splat(-ln2_lo), r);

  // exp(r) = 1 + r + r^2 (even(r^2) + r odd(r^2)): two short chains instead of a long one.
  const V r2 = mul(r, r);
  V even, odd;
  if constexpr (is_float) {
    even = fma(r2, splat(T(1.0L / 720)), splat(T(1.0L / 24)));
    odd = fma(r2, splat(T(1.0L / 5040)), splat(T(1.0L / 120)));
  } else {
    even = fma(r2, splat(T(1.0L / 479001600)), splat(T(1.0L / 3628800)));
    odd = fma(r2, splat(T(1.0L / 6227020800)), splat(T(1.0L / 39916800)));
    even = fma(r2, even, splat(T(1.0L / 40320)));
    odd = fma(r2, odd, splat(T(1.0L / 362880)));
    even = fma(r2, even, splat(T(1.0L / 720)));
    odd = fma(r2, odd, splat(T(1.0L / 5040)));
    even = fma(r2, even, splat(T(1.0L / 24)));
    odd = fma(r2, odd, splat(T(1.0L / 120)));
  }
  even = fma(r2, even, splat(T(0.5)));
  odd = fma(r2, odd, splat(T(1.0L / 6)));
  const V tail = fma(r2, fma(r, odd, even), r);
  return scale(add(splat(1), tail), n);
}

// x = m 2^e with m in [sqrt(1/2), sqrt(2)), f = m - 1, s = f / (2 + f); the series in s and its
// coefficients are those of FreeBSD's msun (e_log.c, e_logf.c).
static inline V log(V x) {
  constexpr T ln2_hi = is_float ? T(6.9313812256e-01) : T(6.93147180369123816490e-01);
  constexpr T ln2_lo = is_float ? T(9.0580006145e-06) : T(1.90821492927058770002e-10);
  V e;
  V m = mantissa(x, e);
  const B large = gt(m, splat(T(1.41421356237309504880L)));
  m = select(large, mul(m, splat(T(0.5))), m);
  e = select(large, add(e, splat(1)), e);

  const V f = sub(m, splat(1));
  const V s = div(f, add(splat(2), f));
  const V z = mul(s, s), w = mul(z, z);
  V even, odd;
  if constexpr (is_float) {
    even = fma(w, splat(T(0xf89e26.0p-26)), splat(T(0xccce13.0p-25)));
    odd = fma(w, splat(T(0x91e9ee.0p-25)), splat(T(0xaaaaaa.0p-24)));
  } else {
    even = fma(w, splat(T(1.531383769920937332e-01)), splat(T(2.222219843214978396e-01)));
    even = fma(w, even, splat(T(3.999999999940941908e-01)));
    odd = fma(w, splat(T(1.479819860511658591e-01)), splat(T(1.818357216161805012e-01)));
    odd = fma(w, odd, splat(T(2.857142874366239149e-01)));
    odd = fma(w, odd, splat(T(6.666666666666735130e-01)));
  }
  const V series = fma(w, even, mul(z, odd));
  const V half_square = mul(splat(T(0.5)), mul(f, f));
  V y = mul(s, add(half_square, series));
  y = fma(e, splat(ln2_lo), y);
  y = add(sub(y, half_square), f);
  y = fma(e, splat(ln2_hi), y);

  constexpr T infinity = is_float ? T(__builtin_inff()) : T(__builtin_inf());
  constexpr T nan = is_float ? T(__builtin_nanf("")) : T(__builtin_nan(""));
  y = select(gt(x, splat(0)), y, splat(nan));
  y = select(eq(x, splat(0)), splat(-infinity), y);
  return select(eq(x, splat(infinity)), x, y);
}
