// exp, log, sin and others of a vector, with an error of at most 2 ULP over the whole range
// (test/native measures it). Included by kernels.inl, once per instruction set and type.

constexpr bool is_float = sizeof(T) == 4;

// ln 2 in two parts. The first has so few bits that its product with a small whole number is exact.
constexpr T ln2_hi = is_float ? T(0.693359375) : T(6.93147180369123816490e-01);
constexpr T ln2_lo = is_float ? T(-2.12194440054690582768e-4L) : T(1.90821492927058770002e-10);

// exp(r) - 1 for |r| <= ln 2 / 2: the Taylor series, long enough that the remainder is below a
// tenth of an ULP.
static inline V exp_series(V r) {
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
  return fma(r2, fma(r, odd, even), r);
}
// x = n ln 2 + r with |r| <= ln 2 / 2, so that exp(x) = 2^n exp(r): n, and exp(r) - 1.
static inline V exp_less_one(V x, V& n) {
  constexpr T log2_e = T(1.44269504088896340736L);
  // Beyond these limits every result is 0 or infinite; within, n is in the range of `scale`.
  x = clamp(x, splat(is_float ? T(-104) : T(-746)), splat(is_float ? T(89) : T(710)));
  n = nearest(mul(x, splat(log2_e)));
  V r = fma(n, splat(-ln2_hi), x);
  r = fma(n, splat(-ln2_lo), r);
  return exp_series(r);
}
// Underflow is gradual, unless the processor flushes denormals.
static inline V exp(V x) {
  V n;
  const V rest = exp_less_one(x, n);
  return scale(add(splat(1), rest), n);
}
// 2^n (1 + rest) - 1, twice its half, since 2^n may be too large for the type.
static inline V expm1(V x) {
  V n;
  const V rest = exp_less_one(x, n), below = sub(n, splat(1));
  const V half = add(scale(rest, below), sub(scale(splat(1), below), splat(T(0.5))));
  const V y = select(eq(n, splat(0)), rest, add(half, half));
  return select(eq(x, splat(0)), x, y);  // a zero's sign
}

// The logarithm of x + rest, for positive finite x and a rest within its last digit.
// x = m 2^e with m in [sqrt(1/2), sqrt(2)), f = m - 1, s = f / (2 + f); the series in s and its
// coefficients are those of FreeBSD's msun (e_log.c, e_logf.c).
template <bool has_rest>
static inline V logarithm(V x, V rest) {
  constexpr T ln2_hi = is_float ? T(6.9313812256e-01) : T(6.93147180369123816490e-01);
  constexpr T ln2_lo = is_float ? T(9.0580006145e-06) : T(1.90821492927058770002e-10);
  V e;
  V m = mantissa(x, e);
  const B large = gt(m, splat(T(1.41421356237309504880L)));
  m = select(large, mul(m, splat(T(0.5))), m);
  e = select(large, add(e, splat(1)), e);

  V f = sub(m, splat(1));
  if constexpr (has_rest) f = add(f, scale(rest, neg(e)));
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
  return fma(e, splat(ln2_hi), y);
}
// The logarithm y of x, also where x is not positive or not finite.
static inline V logarithm_anywhere(V x, V y) {
  constexpr T infinity = is_float ? T(__builtin_inff()) : T(__builtin_inf());
  constexpr T nan = is_float ? T(__builtin_nanf("")) : T(__builtin_nan(""));
  y = select(gt(x, splat(0)), y, splat(nan));
  y = select(eq(x, splat(0)), splat(-infinity), y);
  return select(eq(x, splat(infinity)), x, y);
}
static inline V log(V x) { return logarithm_anywhere(x, logarithm<false>(x, x)); }
// 1 + x is rounded to u; the rest is exact.
static inline V log1p(V x) {
  const V u = add(splat(1), x), rest = sub(x, sub(u, splat(1)));
  const V y = logarithm_anywhere(u, logarithm<true>(u, rest));
  return select(eq(x, splat(0)), x, y);  // a zero's sign
}

// y, but of_number(x) in the lanes where `is_asked` is not 0, one lane after the other.
template <T (*of_number)(T)>
static __attribute__((noinline)) V one_by_one(V x, V y, V is_asked) {
  constexpr idx longest = 2048 / 8 / sizeof(T);
  T xs[longest], ys[longest], asked[longest];
  store(xs, x), store(ys, y), store(asked, is_asked);
  for (idx i = 0; i < lanes(); i++)
    if (asked[i] != 0) ys[i] = of_number(xs[i]);
  return load(ys);
}

// The same of two operands.
template <T (*of_numbers)(T, T)>
static __attribute__((noinline)) V one_by_one(V a, V b, V y, V is_asked) {
  constexpr idx longest = 2048 / 8 / sizeof(T);
  T as[longest], bs[longest], ys[longest], asked[longest];
  store(as, a), store(bs, b), store(ys, y), store(asked, is_asked);
  for (idx i = 0; i < lanes(); i++)
    if (asked[i] != 0) ys[i] = of_numbers(as[i], bs[i]);
  return load(ys);
}

// The sine, or the cosine (a quarter turn ahead), with an error of at most 1 ULP; or the tangent,
// their quotient, of at most 2.5. x = n pi/2 + r + rest with |r| <= pi/4; pi/2 is the sum of three
// parts, of which the first two have so few bits that their products with n are exact. The series
// are those of FreeBSD's msun (k_sin.c, k_cos.c) and of Cephes (sinf.c). If x is too large for
// these parts, or so near a multiple of pi/2 that too few bits of r are right, the C library
// computes that lane: it knows pi to any length.
enum class Angle { sine, cosine, tangent };
template <Angle which, T (*of_number)(T)>
static inline V of_angle(V x) {
  constexpr T high = is_float ? T(0x1.921p+0) : T(0x1.921fb544p+0);
  constexpr T middle = is_float ? T(0x1.f6ap-13) : T(0x1.0b4611a4p-34);
  constexpr T low = is_float ? T(0x1.110b4611a6263p-26) : T(0x1.13198a2e03707p-65);
  constexpr T largest = is_float ? T(3000) : T(3e6);
  constexpr T least = is_float ? T(0x1p-11) : T(0x1p-32);
  const V zero = splat(0), one = splat(1), half = splat(T(0.5));
  const V n = nearest(mul(x, splat(T(0.636619772367581343076L))));
  const V a = sub(x, mul(n, splat(high))), b = mul(n, splat(middle));
  const V difference = sub(a, b);
  const V left = sub(sub(sub(a, difference), b), mul(n, splat(low)));
  const V r = add(difference, left), rest = add(sub(difference, r), left);

  const V z = mul(r, r), half_z = mul(half, z), w = sub(one, half_z);
  V p, q;
  if constexpr (is_float) {
    p = fma(z, splat(T(-1.9515295891e-4)), splat(T(8.3321608736e-3)));
    p = fma(z, p, splat(T(-1.6666654611e-1)));
    q = fma(z, splat(T(2.443315711809948e-5)), splat(T(-1.388731625493765e-3)));
    q = fma(z, q, splat(T(4.166664568298827e-2)));
  } else {
    p = fma(z, splat(T(1.58969099521155010221e-10)), splat(T(-2.50507602534068634195e-08)));
    p = fma(z, p, splat(T(2.75573137070700676789e-06)));
    p = fma(z, p, splat(T(-1.98412698298579493134e-04)));
    p = fma(z, p, splat(T(8.33333333332248946124e-03)));
    p = fma(z, p, splat(T(-1.66666666666666324348e-01)));
    q = fma(z, splat(T(-1.13596475577881948265e-11)), splat(T(2.08757232129817482790e-09)));
    q = fma(z, q, splat(T(-2.75573143513906633035e-07)));
    q = fma(z, q, splat(T(2.48015872894767294178e-05)));
    q = fma(z, q, splat(T(-1.38888888888741095749e-03)));
    q = fma(z, q, splat(T(4.16666666666666019037e-02)));
  }
  const V sine_of_r = add(r, fma(mul(r, z), p, mul(rest, w)));
  const V cosine_of_r = add(w, add(sub(sub(one, w), half_z), sub(mul(mul(z, z), q), mul(r, rest))));

  // n modulo 4, from -2 to 2, and one more for the cosine: in turn sin, cos, -sin, -cos of r.
  V quarter = sub(n, mul(splat(4), nearest(mul(splat(T(0.25)), n))));
  if constexpr (which == Angle::cosine) quarter = add(quarter, one);
  quarter = select(gt(zero, quarter), add(quarter, splat(4)), quarter);
  const V odd = sub(quarter, mul(splat(2), nearest(sub(mul(half, quarter), splat(T(0.25))))));
  const B is_even = eq(odd, zero);
  V y = select(is_even, sine_of_r, cosine_of_r);
  if constexpr (which == Angle::tangent)
    y = div(y, select(is_even, cosine_of_r, neg(sine_of_r)));
  else
    y = select(ge(quarter, splat(2)), neg(y), y);
  if constexpr (which != Angle::cosine) y = select(eq(x, zero), x, y);  // a zero's sign

  const V size = abs(x), distance = abs(r);
  const V is_near = select(gt(splat(least), distance), select(gt(size, half), one, zero), zero);
  const V is_asked = select(gt(size, splat(largest)), one, is_near);
  return any(gt(is_asked, zero)) ? one_by_one<of_number>(x, y, is_asked) : y;
}
static T sine_of_number(T x) {
  return is_float ? T(__builtin_sinf(float(x))) : T(__builtin_sin(x));
}
static T cosine_of_number(T x) {
  return is_float ? T(__builtin_cosf(float(x))) : T(__builtin_cos(x));
}
static T tangent_of_number(T x) {
  return is_float ? T(__builtin_tanf(float(x))) : T(__builtin_tan(x));
}
static inline V sin(V x) { return of_angle<Angle::sine, sine_of_number>(x); }
static inline V cos(V x) { return of_angle<Angle::cosine, cosine_of_number>(x); }
static inline V tan(V x) { return of_angle<Angle::tangent, tangent_of_number>(x); }
