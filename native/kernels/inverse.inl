// The inverse functions of sine, tangent and their hyperbolic kin, with an error of at most 3 ULP
// over the whole range (test/native measures it). Each is computed of |x| and gets the sign of x.
// Included by kernels.inl, once per instruction set and type.

// y with the sign of x; x itself where that is a zero.
static inline V with_sign(V y, V x) {
  return select(eq(x, splat(0)), x, select(gt(splat(0), x), neg(y), y));
}

// pi/2 in two parts.
constexpr T half_pi = is_float ? T(0x1.921fb6p+0) : T(0x1.921fb54442d18p+0);
constexpr T half_pi_rest = is_float ? T(-0x1.777a5cp-25) : T(0x1.1a62633145c07p-54);

// Above 1/2, arcsin x is pi/2 - 2 arcsin s with s^2 = (1 - x) / 2. The series near 0 are those of
// Cephes (asinf.c) and FreeBSD's msun (e_asin.c).
static inline V arcsin(V x) {
  const V half = splat(T(0.5)), size = abs(x);
  const B is_large = gt(size, half);
  const V z = select(is_large, mul(half, sub(splat(1), size)), mul(x, x));
  const V s = select(is_large, sqrt(z), size);
  V series;
  if constexpr (is_float) {
    series = fma(z, splat(T(4.2163199048e-2)), splat(T(2.4181311049e-2)));
    series = fma(z, series, splat(T(4.5470025998e-2)));
    series = fma(z, series, splat(T(7.4953002686e-2)));
    series = fma(z, series, splat(T(1.6666752422e-1)));
  } else {
    V p = fma(z, splat(T(3.47933107596021167570e-05)), splat(T(7.91534994289814532176e-04)));
    p = fma(z, p, splat(T(-4.00555345006794114027e-02)));
    p = fma(z, p, splat(T(2.01212532134862925881e-01)));
    p = fma(z, p, splat(T(-3.25565818622400915405e-01)));
    p = fma(z, p, splat(T(1.66666666666666657415e-01)));
    V q = fma(z, splat(T(7.70381505559019352791e-02)), splat(T(-6.88283971605453293030e-01)));
    q = fma(z, q, splat(T(2.02094576023350569471e+00)));
    q = fma(z, q, splat(T(-2.40339491173441421878e+00)));
    q = fma(z, q, splat(1));
    series = div(p, q);
  }
  const V y = fma(mul(s, z), series, s);
  const V far = sub(splat(half_pi), sub(add(y, y), splat(half_pi_rest)));
  return with_sign(select(is_large, far, y), x);
}

// log(x + sqrt(1 + x^2)), near 0 as the logarithm of 1 plus x + x^2 / (1 + sqrt(1 + x^2)). Of
// large numbers, whose squares may overflow, log(2 x).
static inline V arcsinh(V x) {
  const V one = splat(1), zero = splat(0), size = abs(x), square = mul(size, size);
  const B is_large = gt(size, splat(is_float ? T(0x1p12) : T(0x1p28)));
  const V z = add(size, div(square, add(one, sqrt(add(one, square)))));
  const V u = select(is_large, size, add(one, z));
  const V rest = select(is_large, zero, sub(z, sub(u, one)));
  const V more = select(is_large, splat(T(0.693147180559945309417L)), zero);
  const V y = add(logarithm<true>(u, rest), more);
  return with_sign(select(eq(size, splat(T(__builtin_inff()))), size, y), x);
}

static inline V arctanh(V x) {
  const V size = abs(x), y = log1p(div(add(size, size), sub(splat(1), size)));
  return with_sign(mul(splat(T(0.5)), y), x);
}
