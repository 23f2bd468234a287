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

// arctan x is pi/4 + arctan (x - 1) / (x + 1), or pi/2 - arctan 1/x. The series for what is left,
// near 0, are those of Cephes (atanf.c, atan.c).
static inline V arctan(V x) {
  const V one = splat(1), zero = splat(0), size = abs(x);
  const B is_far = gt(size, splat(T(2.41421356237309504880L)));
  const B is_near = ge(splat(is_float ? T(0.4142135623730950L) : T(0.66)), size);
  // Far and near exclude each other; NaN is neither, and stays NaN.
  const V above = select(is_far, splat(-1), select(is_near, size, sub(size, one)));
  const V below = select(is_far, size, select(is_near, one, add(size, one)));
  const V start = select(is_far, splat(half_pi), select(is_near, zero, splat(half_pi / 2)));
  const V more =
      select(is_far, splat(half_pi_rest), select(is_near, zero, splat(half_pi_rest / 2)));
  const V t = div(above, below), z = mul(t, t);
  V series;
  if constexpr (is_float) {
    series = fma(z, splat(T(8.05374449538e-2)), splat(T(-1.38776856032e-1)));
    series = fma(z, series, splat(T(1.99777106478e-1)));
    series = fma(z, series, splat(T(-3.33329491539e-1)));
  } else {
    V p = fma(z, splat(T(-8.750608600031904122785e-1)), splat(T(-1.615753718733365076637e1)));
    p = fma(z, p, splat(T(-7.500855792314704667340e1)));
    p = fma(z, p, splat(T(-1.228866684490136173410e2)));
    p = fma(z, p, splat(T(-6.485021904942025371773e1)));
    V q = add(z, splat(T(2.485846490142306297962e1)));
    q = fma(z, q, splat(T(1.650270098316988542046e2)));
    q = fma(z, q, splat(T(4.328810604912902668951e2)));
    q = fma(z, q, splat(T(4.853903996359136964868e2)));
    q = fma(z, q, splat(T(1.945506571482613964425e2)));
    series = div(p, q);
  }
  return with_sign(add(start, add(fma(mul(t, z), series, t), more)), x);
}

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
