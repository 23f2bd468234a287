// a^b by vectors, with an error of at most 1.5 ULP (test/native measures it). Included by
// kernels.inl, once per instruction set and type.

static T power_of_numbers(T a, T b) {
  // Denormals compare as zeros while a program runs, but the C library takes them apart.
  if (a == 0) a = T(__builtin_copysign(0.0, double(a)));
  if (b == 0) b = 0;
  return is_float ? T(__builtin_powf(float(a), float(b))) : T(__builtin_pow(a, b));
}

#ifdef VECGRAD_FMA_MAY_ROUND_TWICE
// The rest of a product needs an `fma` that rounds once.
static inline V pow(V a, V b) { return one_by_one<power_of_numbers>(a, b, a, splat(1)); }
#else

// The logarithm of positive finite x, in two parts: the second is what rounding takes off the first
// one. The error is some thousandth of an ULP of the first. With x = m 2^e, m in [sqrt(1/2),
// sqrt(2)), s = (m - 1) / (m + 1) and w = s^2 it is e ln 2 + 2 s + s w (2/3 + w (2/5 + 2/7 w +
// ...)).
static inline V logarithm_in_parts(V x, V& low) {
  V e;
  V m = mantissa(x, e);
  const B large = gt(m, splat(T(1.41421356237309504880L)));
  m = select(large, mul(m, splat(T(0.5))), m);
  e = select(large, add(e, splat(1)), e);

  const V one = splat(1), f = sub(m, one), d = add(m, one), d_low = sub(m, sub(d, one));
  const V inverse = div(one, d), s = mul(f, inverse);
  const V s_low = mul(fma(neg(s), d_low, fma(neg(s), d, f)), inverse);
  const V w = mul(s, s), w_low = fma(add(s, s), s_low, fma(s, s, neg(w)));

  V series;
  if constexpr (is_float)
    series = polynomial(w, {T(2.0L / 13), T(2.0L / 11), T(2.0L / 9), T(2.0L / 7), T(2.0L / 5)});
  else
    series = polynomial(
        w, {T(2.0L / 25), T(2.0L / 23), T(2.0L / 21), T(2.0L / 19), T(2.0L / 17), T(2.0L / 15),
            T(2.0L / 13), T(2.0L / 11), T(2.0L / 9), T(2.0L / 7), T(2.0L / 5)});
  constexpr T two_thirds = T(2.0L / 3), two_thirds_low = T(2.0L / 3 - two_thirds);
  const V rest = mul(w, series), c = add(splat(two_thirds), rest);
  const V c_low = add(add(sub(splat(two_thirds), c), rest), splat(two_thirds_low));
  const V p = mul(w, c), p_low = fma(w_low, c, fma(w, c_low, fma(w, c, neg(p))));
  const V q = mul(s, p), q_low = fma(s_low, p, fma(s, p_low, fma(s, p, neg(q))));

  const V twice = add(s, s), h = add(twice, q);
  const V h_low = add(add(sub(twice, h), q), add(add(s_low, s_low), q_low));
  const V k = mul(e, splat(ln2_hi)), high = add(k, h);
  low = add(add(sub(k, high), h), fma(e, splat(ln2_lo), h_low));
  return high;
}

// exp(b log(a)). Where a is not positive and finite, or the result is near the ends of the type's
// range, the C library computes that lane.
static inline V pow(V a, V b) {
  constexpr T infinity = is_float ? T(__builtin_inff()) : T(__builtin_inf());
  constexpr T most = is_float ? T(87) : T(708);
  const V zero = splat(0), one = splat(1);
  V is_fit = select(gt(a, zero), one, zero);
  is_fit = select(gt(splat(infinity), a), is_fit, zero);
  V low;
  const V high = logarithm_in_parts(select(gt(is_fit, zero), a, one), low);
  const V product = mul(b, high);
  is_fit = select(gt(splat(most), abs(product)), is_fit, zero);

  const V z = select(gt(is_fit, zero), product, zero);
  const V z_low = fma(b, low, fma(b, high, neg(product)));
  const V n = nearest(mul(z, splat(T(1.44269504088896340736L))));
  const V r = fma(n, splat(-ln2_hi), z), r_low = fma(n, splat(-ln2_lo), z_low), x = add(r, r_low);
  const V x_low = add(sub(r, x), r_low);
  const V y = scale(add(one, add(exp_series(x), x_low)), n);
  const V is_asked = sub(one, is_fit);
  return any(gt(is_asked, zero)) ? one_by_one<power_of_numbers>(a, b, y, is_asked) : y;
}
#endif
