// Element-wise kernels: the functions of vectors, and the loops over rows that apply them.
// Included by kernels.inl, once per instruction set and type.

static inline V copy(V x) { return x; }
static inline V relu(V x) { return select(ge(splat(0), x), splat(0), x); }
static inline V rsqrt(V x) { return div(splat(1), sqrt(x)); }
static inline V reciprocal(V x) { return div(splat(1), x); }

// By e^-|x|, which overflows nowhere.
static inline V sigmoid(V x) {
  const V e = exp(neg(abs(x)));
  return div(select(gt(x, splat(0)), splat(1), e), add(splat(1), e));
}

// From 0.625 on, 1 - 2 / (e^2|x| + 1). Below, where that would cancel, x (1 + x^2 R(x^2)) with the
// polynomial or rational function R of Cephes (tanhf.c, tanh.c).
static inline V tanh(V x) {
  const V size = abs(x), z = mul(x, x);
  V series;
  if constexpr (is_float) {
    series = fma(z, splat(T(-5.70498872745e-3)), splat(T(2.06390887954e-2)));
    series = fma(z, series, splat(T(-5.37397155531e-2)));
    series = fma(z, series, splat(T(1.33314422036e-1)));
    series = fma(z, series, splat(T(-3.33332819422e-1)));
  } else {
    V p = fma(z, splat(T(-9.64399179425052238628e-1)), splat(T(-9.92877231001918586564e1)));
    p = fma(z, p, splat(T(-1.61468768441708447952e3)));
    V q = add(z, splat(T(1.12811678491632931402e2)));
    q = fma(z, q, splat(T(2.23548839060100448583e3)));
    q = fma(z, q, splat(T(4.84406305325125486048e3)));
    series = div(p, q);
  }
  const V near = mul(x, fma(z, series, splat(1)));
  const V rest = div(splat(2), add(exp(add(size, size)), splat(1)));
  const V far = sub(splat(1), rest);
  return select(gt(splat(T(0.625)), size), near, select(gt(x, splat(0)), far, neg(far)));
}
// By log(1 + e^-|x|), which overflows nowhere.
static inline V softplus(V x) {
  const V e = exp(neg(abs(x))), u = add(splat(1), e);
  return add(max(x, splat(0)), logarithm<true>(u, sub(e, sub(u, splat(1)))));
}

// -1, 0 or 1. A zero keeps its sign, and NaN stays NaN.
static inline V sign(V x) {
  const V zero = splat(0);
  return select(gt(x, zero), splat(1), select(gt(zero, x), splat(-1), mul(x, zero)));
}

// A whole number near x; where it is 0 it has the sign of x.
static inline V with_zero_of(V y, V x) { return select(eq(y, splat(0)), mul(x, splat(0)), y); }
#ifndef VECGRAD_HAS_ROUND
// Adding 2^23, in float64 2^52, rounds the fraction away. All larger numbers are whole.
static inline V round(V x) {
  const V large = splat(is_float ? T(0x1p23) : T(0x1p52)), size = abs(x);
  const V rounded = sub(add(size, large), large);
  const V y = select(gt(splat(0), x), neg(rounded), rounded);
  return with_zero_of(select(gt(large, size), y, x), x);
}
#endif
static inline V floor(V x) {
  const V y = round(x);
  return select(gt(y, x), sub(y, splat(1)), y);
}
static inline V ceil(V x) {
  const V y = round(x);
  return with_zero_of(select(gt(x, y), add(y, splat(1)), y), x);
}

// Powers by products. 1.5 and -1.5 are the limits at minus infinity: infinity and 0.
static inline V cube(V x) { return mul(mul(x, x), x); }
static inline V fourth(V x) { return mul(mul(x, x), mul(x, x)); }
static inline V three_halves(V x) {
  const V infinity = splat(T(__builtin_inff()));
  return select(eq(x, neg(infinity)), infinity, mul(x, sqrt(x)));
}
static inline V reciprocal_three_halves(V x) {
  const V y = div(rsqrt(x), x);
  return select(eq(x, splat(-T(__builtin_inff()))), splat(0), y);
}
// A product of reciprocals is finite where the power of x would overflow, or be flushed to zero.
static inline V reciprocal_square(V x) {
  const V y = reciprocal(x);
  return mul(y, y);
}
static inline V reciprocal_cube(V x) { return cube(reciprocal(x)); }

// |a| = q |b| + rest with 0 <= rest < |b|. The quotient is rounded, so that q may be one too large;
// the rest is exact. Where the quotient is too large for that, or no number, the C library computes
// that lane.
static T rest_of_numbers(T a, T b) {
  if (b == 0) return T(__builtin_nanf(""));  // of a denormal too, which counts as one
  return is_float ? T(__builtin_fmodf(float(a), float(b))) : T(__builtin_fmod(a, b));
}
static inline V mod(V a, V b) {
  const V zero = splat(0), one = splat(1), dividend = abs(a), divisor = abs(b);
  const V quotient = div(dividend, divisor);
  V rest = fma(neg(floor(quotient)), divisor, dividend);
  rest = select(gt(zero, rest), add(rest, divisor), rest);
#ifdef VECGRAD_FMA_MAY_ROUND_TWICE
  const V is_asked = one;
#else
  const V is_infinite = select(eq(divisor, splat(T(__builtin_inff()))), one, zero);
  const B is_small = gt(splat(is_float ? T(0x1p23) : T(0x1p52)), quotient);
  const V is_asked = select(is_small, is_infinite, one);
#endif
  if (any(gt(is_asked, zero)))
    rest = one_by_one<rest_of_numbers>(dividend, divisor, rest, is_asked);
  // With the sign of a; then one more b, where that has the other sign.
  const B is_negative = gt(zero, b);
  rest = select(gt(zero, a), neg(rest), rest);
  const V more = add(rest, b), none = select(is_negative, neg(zero), zero);
  const V y =
      select(gt(zero, rest), select(is_negative, rest, more), select(is_negative, more, rest));
  return select(eq(rest, zero), none, y);
}

// NaN where either is.
static inline V maximum(V a, V b) { return select(gt(a, b), a, select(is_nan(a), a, b)); }
static inline V minimum(V a, V b) { return select(gt(b, a), a, select(is_nan(a), a, b)); }
static inline V greater(V a, V b) { return select(gt(a, b), splat(1), splat(0)); }
static inline V greater_equal(V a, V b) { return select(ge(a, b), splat(1), splat(0)); }
static inline V equal(V a, V b) { return select(eq(a, b), splat(1), splat(0)); }
static inline V if_nonzero(V a, V b) { return select(eq(b, splat(0)), splat(-T(0)), a); }
static inline V if_zero(V a, V b) { return select(eq(b, splat(0)), a, splat(-T(0))); }
static inline V log_grad(V a, V b) {
  const V outside = select(eq(a, splat(0)), splat(0), splat(T(__builtin_nanf(""))));
  return select(gt(splat(0), b), outside, div(a, b));
}
static inline V step(V x) { return select(gt(x, splat(0)), splat(1), splat(0)); }
static inline V mask_positive(V a, V b) {
  return select(gt(b, splat(0)), a, select(is_nan(b), b, splat(0)));
}

static inline void put(T* y, V v, int acc) { store(y, acc ? add(load(y), v) : v); }
static inline void put(M m, T* y, V v, int acc) { store(m, y, acc ? add(load(m, y), v) : v); }

// Whether rows of `cols` elements can be processed as one long row: they are contiguous, or all the
// same number.
static inline bool joins(idx ld, idx column_stride, idx cols) {
  return ld == (column_stride ? cols : 0);
}

template <V (*f)(V), bool broadcast>
static inline void unary_row(T* y, const T* x, idx cols, int acc) {
  const idx l = lanes();
  if constexpr (broadcast) {
    if (cols <= 0) return;
    const V v = f(splat(*x));
    for (; cols >= l; cols -= l, y += l) put(y, v, acc);
    if (cols) put(first(cols), y, v, acc);
  } else {
    for (; cols >= l; cols -= l, y += l, x += l) put(y, f(load(x)), acc);
    if (cols) {
      const M m = first(cols);
      put(m, y, f(load(m, x)), acc);
    }
  }
}

template <V (*f)(V)>
static void unary(T* y, idx ldy, const T* x, idx ldx, idx cx, idx rows, idx cols, int acc) {
  if (rows > 1 && joins(ldy, 1, cols) && joins(ldx, cx, cols)) {
    cols *= rows;
    rows = 1;
  }
  for (idx r = 0; r < rows; r++, y += ldy, x += ldx)
    cx ? unary_row<f, false>(y, x, cols, acc) : unary_row<f, true>(y, x, cols, acc);
}

template <V (*f)(V, V), bool broadcast_a, bool broadcast_b>
static inline void binary_row(T* y, const T* a, const T* b, idx cols, int acc) {
  if (cols <= 0) return;
  const idx l = lanes();
  const V every_a = splat(*a), every_b = splat(*b);
  idx j = 0;
  for (; j + l <= cols; j += l)
    put(y + j, f(broadcast_a ? every_a : load(a + j), broadcast_b ? every_b : load(b + j)), acc);
  if (j < cols) {
    const M m = first(cols - j);
    const V u = broadcast_a ? every_a : load(m, a + j), v = broadcast_b ? every_b : load(m, b + j);
    put(m, y + j, f(u, v), acc);
  }
}

template <V (*f)(V, V)>
static void binary(T* y, idx ldy, const T* a, idx lda, idx ca, const T* b, idx ldb, idx cb,
                   idx rows, idx cols, int acc) {
  if (rows > 1 && joins(ldy, 1, cols) && joins(lda, ca, cols) && joins(ldb, cb, cols)) {
    cols *= rows;
    rows = 1;
  }
  for (idx r = 0; r < rows; r++, y += ldy, a += lda, b += ldb) {
    if (ca && cb)
      binary_row<f, false, false>(y, a, b, cols, acc);
    else if (ca)
      binary_row<f, false, true>(y, a, b, cols, acc);
    else if (cb)
      binary_row<f, true, false>(y, a, b, cols, acc);
    else
      binary_row<f, true, true>(y, a, b, cols, acc);
  }
}

// y[j] (+)= f(a[j], b[j]) over one row.
template <class F>
static inline void map_row(T* y, const T* a, const T* b, idx cols, int acc, F f) {
  const idx l = lanes();
  idx j = 0;
  for (; j + l <= cols; j += l) put(y + j, f(load(a + j), load(b + j)), acc);
  if (j < cols) {
    const M m = first(cols - j);
    put(m, y + j, f(load(m, a + j), load(m, b + j)), acc);
  }
}

static void fill(T* y, idx ldy, T value, idx rows, idx cols) {
  unary<copy>(y, ldy, &value, 0, 0, rows, cols, 0);
}
