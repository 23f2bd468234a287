// The bodies of all kernels, written once over the vocabulary of an instruction set. Each
// native/isa/<name>.cpp includes this file in <name>::f32 and <name>::f64, where its header defines
//
//   T, V, M, B            element, vector, mask of the first lanes, result of a comparison
//   lanes(), first(n)     vector length; the mask of the first n lanes, 0 <= n < lanes()
//   load(p), load(m, p), load(m, p, other)   unmasked; 0, or `other`, where the mask is off
//   keep(m, v)            v, 0 where the mask is off
//   store(p, v), store(m, p, v), splat(x)
//   add sub mul div neg sqrt fma(a, b, c) = a * b + c
//   max(a, b)             NaN where either is NaN
//   larger(a, b)          the same, but of either kind where one is NaN
//   clamp(x, lo, hi)      NaN stays NaN
//   gt ge eq is_nan, select(b, yes, no), any(b)
//   Count, CountOf        a counter for each lane, and its element: an integer
//   no_count(), count_if(n, b)       all 0; one more where b. store(CountOf*, Count)
//   hsum, hmax, hlarger(v)   add, max and larger over all lanes
//   nearest(x)            the nearest whole number, |x| < 2^22
//   scale(x, n)           x 2^n for whole n with |n| <= 1100; the result is rounded once
//   mantissa(x, e)        m in [1, 2) and e with x = m 2^e, for positive finite x, denormals too
//   transpose_tile(y, ldy, x, ldx)   y (tile_cols x tile_rows) = x transposed
//   transpose_square(y, ldy, x, ldx)         the same for a small square x square
//   registers             how many vector registers there are: a constant
//   fma_number(x, b, c)   fma(splat(x), b, c) in one instruction; VECGRAD_HAS_FMA_NUMBER says so
//   hsum4(y, a, b, c, d)  y[0] = hsum(a) to y[3] = hsum(d), together; VECGRAD_HAS_HSUM4 says so
//
// Only free functions over type aliases: scalable vectors (SVE, RVV) have no size that the compiler
// knows. They can be variables, references and arguments, but neither members nor elements of
// arrays, so that lambdas capture numbers.

#ifndef VECGRAD_HAS_FMA_NUMBER
static inline V fma_number(T x, V b, V c) { return fma(splat(x), b, c); }
#endif
#ifndef VECGRAD_HAS_HSUM4
static inline void hsum4(T* y, V a, V b, V c, V d) {
  y[0] = hsum(a), y[1] = hsum(b), y[2] = hsum(c), y[3] = hsum(d);
}
#endif

#include "kernels/exp_log.inl"

// ---- Elementwise: the functions

static inline V copy(V x) { return x; }
static inline V relu(V x) { return select(ge(splat(0), x), splat(0), x); }
static inline V rsqrt(V x) { return div(splat(1), sqrt(x)); }
static inline V reciprocal(V x) { return div(splat(1), x); }
static inline V absolute(V x) { return max(x, neg(x)); }

// Of e^-|x|, which overflows nowhere.
static inline V sigmoid(V x) {
  const V e = exp(neg(absolute(x)));
  return div(select(gt(x, splat(0)), splat(1), e), add(splat(1), e));
}

// From 0.625 on 1 - 2 / (e^2|x| + 1); below, where that would cancel, x (1 + x^2 R(x^2)) with the
// polynomial or rational R of Cephes (tanhf.c, tanh.c).
static inline V tanh(V x) {
  const V size = absolute(x), z = mul(x, x);
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
static inline V step(V x) { return select(gt(x, splat(0)), splat(1), splat(0)); }
static inline V mask_positive(V a, V b) {
  return select(gt(b, splat(0)), a, select(is_nan(b), b, splat(0)));
}

// ---- Elementwise: the loops

static inline void put(T* y, V v, int acc) { store(y, acc ? add(load(y), v) : v); }
static inline void put(M m, T* y, V v, int acc) { store(m, y, acc ? add(load(m, y), v) : v); }

// Whether rows of `cols` elements lie one behind the other, or all are one and the same number.
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

// ---- Sums and maxima

static inline void put_number(T* y, T x, int acc) { *y = acc ? *y + x : x; }

static inline T sum_of_row(const T* x, idx cols) {
  const idx l = lanes();
  V s0 = splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (; cols >= 4 * l; cols -= 4 * l, x += 4 * l) {
    s0 = add(s0, load(x));
    s1 = add(s1, load(x + l));
    s2 = add(s2, load(x + 2 * l));
    s3 = add(s3, load(x + 3 * l));
  }
  for (; cols >= l; cols -= l, x += l) s0 = add(s0, load(x));
  if (cols) s1 = add(s1, load(first(cols), x));
  return hsum(add(add(s0, s1), add(s2, s3)));
}

static void row_sum(T* y, idx incy, const T* x, idx ldx, idx rows, idx cols, int acc) {
  for (idx r = 0; r < rows; r++) put_number(y + r * incy, sum_of_row(x + r * ldx, cols), acc);
}

constexpr T minus_infinity = -T(__builtin_inff());

static inline T max_of_row(const T* x, idx cols) {
  const idx l = lanes();
  V s0 = splat(minus_infinity), s1 = s0;
  for (; cols >= 2 * l; cols -= 2 * l, x += 2 * l) {
    s0 = max(s0, load(x));
    s1 = max(s1, load(x + l));
  }
  if (cols >= l) {
    s0 = max(s0, load(x));
    cols -= l;
    x += l;
  }
  if (cols) s1 = max(s1, load(first(cols), x, splat(minus_infinity)));
  return hmax(max(s0, s1));
}

static void row_max(T* y, idx incy, const T* x, idx ldx, idx rows, idx cols, int acc) {
  for (idx r = 0; r < rows; r++) {
    const T best = max_of_row(x + r * ldx, cols), old = acc ? y[r * incy] : best;
    y[r * incy] = old > best || old != old ? old : best;
  }
}

static inline T dot_of_row(const T* a, const T* b, idx cols) {
  const idx l = lanes();
  // At most one vector: nothing but the product and its sum.
  if (cols == l) return hsum(mul(load(a), load(b)));
  if (cols < l) {
    const M m = first(cols);
    return hsum(mul(load(m, a), load(m, b)));
  }
  V s0 = splat(0), s1 = s0, s2 = s0, s3 = s0;
  for (; cols >= 4 * l; cols -= 4 * l, a += 4 * l, b += 4 * l) {
    s0 = fma(load(a), load(b), s0);
    s1 = fma(load(a + l), load(b + l), s1);
    s2 = fma(load(a + 2 * l), load(b + 2 * l), s2);
    s3 = fma(load(a + 3 * l), load(b + 3 * l), s3);
  }
  for (; cols >= l; cols -= l, a += l, b += l) s0 = fma(load(a), load(b), s0);
  if (cols) {
    const M m = first(cols);
    s1 = fma(load(m, a), load(m, b), s1);
  }
  return hsum(add(add(s0, s1), add(s2, s3)));
}

static void row_dot(T* y, idx incy, const T* a, idx lda, const T* b, idx ldb, idx rows, idx cols,
                    int acc) {
  for (idx r = 0; r < rows; r++)
    put_number(y + r * incy, dot_of_row(a + r * lda, b + r * ldb, cols), acc);
}

static void col_sum(T* y, const T* x, idx ldx, idx rows, idx cols, int acc) {
  const idx l = lanes();
  for (; cols >= 2 * l; cols -= 2 * l, x += 2 * l, y += 2 * l) {
    V s0 = splat(0), s1 = s0;
    for (idx r = 0; r < rows; r++) {
      s0 = add(s0, load(x + r * ldx));
      s1 = add(s1, load(x + r * ldx + l));
    }
    put(y, s0, acc);
    put(y + l, s1, acc);
  }
  if (cols >= l) {
    V s = splat(0);
    for (idx r = 0; r < rows; r++) s = add(s, load(x + r * ldx));
    put(y, s, acc);
    x += l, y += l, cols -= l;
  }
  if (cols > 0) {
    const M m = first(cols);
    V s = splat(0);
    for (idx r = 0; r < rows; r++) s = add(s, load(m, x + r * ldx));
    put(m, y, s, acc);
  }
}

// ---- Softmax
//
// exp(x - max) / sum over the first `len` numbers of a row of `cols`, 0 behind them. The maximum is
// taken away so that nothing overflows; where a number is NaN the sum is, whatever the maximum.

// Of each row: the maximum, or some number of one that has a NaN, and the sum; 0 where no number
// counts.
constexpr idx most_divisors = 64;
struct Divisors {
  T top[most_divisors], sum[most_divisors];
};

// Rows of at most some vectors, and so many rows at once that all are in `block`, in whole vectors.
// The steps of one row wait for each other, and fill the processor's queue while they do: each step
// is taken for all rows before the next. Lanes behind a row's `len` hold -inf, and then 0.
constexpr idx block_numbers = 512;
template <int W, class Length>
static inline void softmax_in_block(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols,
                                    Length length, Divisors& by) {
  alignas(64) T block[block_numbers];
  const idx l = lanes(), width = W ? W * l : (cols + l - 1) / l * l;
  T* row = block;
  for (idx r = 0; r < rows; r++, row += width, x += ldx) {
    const idx len = length(r);
    const auto get = [=](idx j) {
      const idx n = len - j;
      if (n >= l) return load(x + j);
      const V none = splat(minus_infinity);
      return n > 0 ? load(first(n), x + j, none) : none;
    };
    V best = get(0);
    for (idx j = l; j < width; j += l) best = larger(best, get(j));
    const T top = by.top[r] = len ? hlarger(best) : 0;
    for (idx j = 0; j < width; j += l) store(row + j, sub(get(j), splat(top)));
  }
  for (idx j = 0; j < rows * width; j += l) store(block + j, exp(load(block + j)));
  row = block;
  for (idx r = 0; r < rows; r++, row += width, y += ldy) {
    V sum = load(row);
    for (idx j = l; j < width; j += l) sum = add(sum, load(row + j));
    const T whole = by.sum[r] = hsum(sum);
    const V share = splat(whole == 0 ? whole : T(1) / whole);
    idx j = 0;
    for (; j + l <= cols; j += l) store(y + j, mul(load(row + j), share));
    if (j < cols) store(first(cols - j), y + j, mul(load(row + j), share));
  }
}

// A row of any length, in memory.
static inline void softmax_long_row(T* y, const T* x, idx len, idx cols, T& top, T& sum) {
  const idx l = lanes();
  const V base = splat(*x);
  V best = base, sums = splat(0);
  idx j = 0;
  for (; j + l <= len; j += l) best = larger(best, load(x + j));
  if (j < len) best = larger(best, load(first(len - j), x + j, base));
  top = hlarger(best);
  const V largest = splat(top);
  for (j = 0; j + l <= len; j += l) {
    const V e = exp(sub(load(x + j), largest));
    store(y + j, e);
    sums = add(sums, e);
  }
  if (j < len) {
    const M m = first(len - j);
    const V e = keep(m, exp(sub(load(m, x + j, base), largest)));
    store(m, y + j, e);
    sums = add(sums, e);
  }
  sum = hsum(sums);
  const T share = T(1) / sum;
  map_row(y, y, y, len, 0, [=](V e, V) { return mul(e, splat(share)); });
  fill(y + len, 0, 0, 1, cols - len);
}

// As many rows as are done at once, and those.
static inline idx softmax_rows_at_once(idx cols) {
  const idx l = lanes(), rows = block_numbers / ((cols + l - 1) / l * l);
  return rows < 1 ? 1 : rows < most_divisors ? rows : most_divisors;
}
template <class Length>
static inline void softmax_some_rows(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols,
                                     Length length, Divisors& by) {
  const idx l = lanes();
  if (cols <= l)
    softmax_in_block<1>(y, ldy, x, ldx, rows, cols, length, by);
  else if (cols <= 2 * l)
    softmax_in_block<2>(y, ldy, x, ldx, rows, cols, length, by);
  else if (cols <= 3 * l)
    softmax_in_block<3>(y, ldy, x, ldx, rows, cols, length, by);
  else if (cols <= 4 * l)
    softmax_in_block<4>(y, ldy, x, ldx, rows, cols, length, by);
  else if (cols + l <= block_numbers)
    softmax_in_block<0>(y, ldy, x, ldx, rows, cols, length, by);
  else if (const idx len = length(0))
    softmax_long_row(y, x, len, cols, by.top[0], by.sum[0]);
  else
    fill(y, 0, 0, 1, cols);
}

static void softmax(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols, idx first_len,
                    idx step_len) {
  if (cols <= 0) return;
  Divisors by;
  const idx some = softmax_rows_at_once(cols);
  for (; rows > 0; rows -= some, first_len += some * step_len, y += some * ldy, x += some * ldx) {
    const auto length = [=](idx r) {
      const idx limit = first_len + r * step_len;
      return limit >= cols ? cols : limit > 0 ? limit : 0;
    };
    softmax_some_rows(y, ldy, x, ldx, rows < some ? rows : some, cols, length, by);
  }
}

static void softmax_grad(T* dx, idx lddx, const T* y, idx ldy, const T* g, idx ldg, idx rows,
                         idx cols, int acc) {
  for (idx r = 0; r < rows; r++, dx += lddx, y += ldy, g += ldg) {
    const T mean = dot_of_row(y, g, cols);
    map_row(dx, y, g, cols, acc,
            [=](V share, V grad) { return mul(share, sub(grad, splat(mean))); });
  }
}

// ---- Norm

static inline T square_root(T x) {
  if constexpr (is_float)
    return __builtin_sqrtf(x);
  else
    return __builtin_sqrt(x);
}

static void row_norm(T* y, idx ldy, T* inv, const T* x, idx ldx, idx rows, idx cols, T scale,
                     T eps) {
  for (idx r = 0; r < rows; r++, y += ldy, x += ldx) {
    const T i = inv[r] = 1 / square_root(scale * dot_of_row(x, x, cols) + eps);
    map_row(y, x, x, cols, 0, [=](V v, V) { return mul(v, splat(i)); });
  }
}

static void row_norm_grad(T* dx, idx lddx, const T* g, idx ldg, const T* x, idx ldx, const T* inv,
                          idx rows, idx cols, T scale, int acc) {
  for (idx r = 0; r < rows; r++, dx += lddx, g += ldg, x += ldx) {
    const T i = inv[r];
    const T back = -(i * i * i * scale * dot_of_row(g, x, cols));
    map_row(dx, g, x, cols, acc,
            [=](V grad, V v) { return fma(v, splat(back), mul(grad, splat(i))); });
  }
}

// ---- Loss

static void cross_entropy(T* loss, T* p, idx ldp, const T* x, idx ldx, const int32_t* index,
                          idx rows, idx cols) {
  if (cols <= 0) return;
  T target[most_divisors];
  Divisors by;
  const idx some = softmax_rows_at_once(cols);
  for (; rows > 0; rows -= some, loss += some, index += some, p += some * ldp, x += some * ldx) {
    const idx n = rows < some ? rows : some;
    for (idx r = 0; r < n; r++) target[r] = x[r * ldx + index[r]];  // p may be x
    softmax_some_rows(
        p, ldp, x, ldx, n, cols, [=](idx) { return cols; }, by);
    unary_row<log, false>(by.sum, by.sum, n, 0);
    for (idx r = 0; r < n; r++) loss[r] = by.sum[r] - (target[r] - by.top[r]);
  }
}

static void cross_entropy_grad(T* dx, idx lddx, const T* p, idx ldp, const T* g, idx incg,
                               const int32_t* index, idx rows, idx cols, int acc) {
  for (idx r = 0; r < rows; r++, dx += lddx, p += ldp) {
    const T by = g[r * incg];
    // Not the product less `by`, of which an infinite gradient would make NaN. dx may be p.
    const idx target = index[r];
    const T old = acc ? dx[target] : T(0), less = p[target] - 1;
    map_row(dx, p, p, cols, acc, [=](V share, V) { return mul(share, splat(by)); });
    dx[target] = old + less * by;
  }
}

// ---- Moves

// Tiles of R x C; the last ones of a row and of a column overlap those before, and move the same
// numbers to the same places.
template <idx R, idx C, void (*tile)(T*, idx, const T*, idx)>
static inline void transpose_by_tiles(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols) {
  const auto strip = [=](idx r) {
    idx c = 0;
    for (; c + C <= cols; c += C) tile(y + c * ldy + r, ldy, x + r * ldx + c, ldx);
    if (c < cols) tile(y + (cols - C) * ldy + r, ldy, x + r * ldx + cols - C, ldx);
  };
  idx r = 0;
  for (; r + R <= rows; r += R) strip(r);
  if (r < rows) strip(rows - R);
}

static void transpose(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols) {
  if (rows >= tile_rows && cols >= tile_cols)
    return transpose_by_tiles<tile_rows, tile_cols, transpose_tile>(y, ldy, x, ldx, rows, cols);
  if (rows >= square && cols >= square)
    return transpose_by_tiles<square, square, transpose_square>(y, ldy, x, ldx, rows, cols);
  for (idx r = 0; r < rows; r++)
    for (idx c = 0; c < cols; c++) y[c * ldy + r] = x[r * ldx + c];
}

static void gather(T* y, idx ldy, const T* x, idx ldx, const int32_t* index, idx rows, idx cols) {
  if (cols == 1) {
    for (idx r = 0; r < rows; r++) y[r * ldy] = x[index[r] * ldx];
    return;
  }
  for (idx r = 0; r < rows; r++) unary_row<copy, false>(y + r * ldy, x + index[r] * ldx, cols, 0);
}

static void scatter_add(T* y, idx ldy, const T* x, idx ldx, const int32_t* index, idx rows,
                        idx cols) {
  if (cols == 1) {
    for (idx r = 0; r < rows; r++) y[index[r] * ldy] += x[r * ldx];
    return;
  }
  for (idx r = 0; r < rows; r++) unary_row<copy, false>(y + index[r] * ldy, x + r * ldx, cols, 1);
}

#include "kernels/gemm.inl"
#include "kernels/topk.inl"

// ---- Products with chosen rows; gemv_rows is in gemm.inl

static void row_dot_rows(T* y, idx incy, const T* w, idx ldw, const T* x, const int32_t* index,
                         idx k, idx n, int chosen, int acc) {
  const idx l = lanes();
  const auto put = [=](idx i, T dot) { put_number(y + (chosen ? index[i] : i) * incy, dot, acc); };
  const auto row = [=](idx i) { return w + index[i] * ldw; };
  idx i = 0;
  for (; i + 4 <= k; i += 4) {
    // Four rows at a time: x is loaded once for them, and their sums are formed together.
    const T *p = row(i), *q = row(i + 1), *r = row(i + 2), *s = row(i + 3);
    V a = splat(0), b = a, c = a, d = a;
    idx j = 0;
    for (; j + l <= n; j += l) {
      const V u = load(x + j);
      a = fma(load(p + j), u, a);
      b = fma(load(q + j), u, b);
      c = fma(load(r + j), u, c);
      d = fma(load(s + j), u, d);
    }
    if (j < n) {
      const M m = first(n - j);
      const V u = load(m, x + j);
      a = fma(load(m, p + j), u, a);
      b = fma(load(m, q + j), u, b);
      c = fma(load(m, r + j), u, c);
      d = fma(load(m, s + j), u, d);
    }
    T dots[4];
    hsum4(dots, a, b, c, d);
    for (j = 0; j < 4; j++) put(i + j, dots[j]);
  }
  for (; i < k; i++) put(i, dot_of_row(row(i), x, n));
}

// Of rows of W vectors, so few that those of g stay in registers.
template <int W, bool narrow>
static inline void outer_short_rows(T* w, idx ldw, const T* x, idx incx, const T* g,
                                    const int32_t* index, idx k, idx n, int chosen) {
  const M some = first(narrow ? n : 0);
  const idx last = narrow ? 0 : n - lanes();
  const V z = splat(0);
  V g0 = z, g1 = z, g2 = z, g3 = z;
  load_row<W, narrow>(g, last, some, g0, g1, g2, g3);
  for (idx i = 0; i < k; i++) {
    T* const row = w + index[i] * ldw;
    V a = z, b = z, c = z, d = z;
    load_row<W, narrow>(row, last, some, a, b, c, d);
    multiply_row<W>(x[(chosen ? index[i] : i) * incx], g0, g1, g2, g3, a, b, c, d);
    store_row<W, narrow>(row, last, some, a, b, c, d);
  }
}

static void outer_rows(T* w, idx ldw, const T* x, idx incx, const T* g, const int32_t* index, idx k,
                       idx n, int chosen) {
  const idx l = lanes();
  // Of longer rows, one is best finished before the next is touched.
  if (n <= 8 * l) {
    for (; n > 4 * l; n -= 4 * l, w += 4 * l, g += 4 * l)
      outer_short_rows<4, false>(w, ldw, x, incx, g, index, k, 4 * l, chosen);
    const auto by_rows = n < l        ? outer_short_rows<1, true>
                         : n == l     ? outer_short_rows<1, false>
                         : n <= 2 * l ? outer_short_rows<2, false>
                         : n <= 3 * l ? outer_short_rows<3, false>
                                      : outer_short_rows<4, false>;
    return by_rows(w, ldw, x, incx, g, index, k, n, chosen);
  }
  const idx whole = n - n % l;
  const M rest = first(n - whole);
  for (idx i = 0; i < k; i++) {
    T* const row = w + index[i] * ldw;
    const V by = splat(x[(chosen ? index[i] : i) * incx]);
    for (idx j = 0; j < whole; j += l) store(row + j, fma(by, load(g + j), load(row + j)));
    if (whole < n)
      store(rest, row + whole, fma(by, load(rest, g + whole), load(rest, row + whole)));
  }
}

// ---- Updates

static void sgd(T* w, T* v, T* g, idx n, int clear, T lr, T momentum) {
  const idx l = lanes();
  const V none = splat(0), by = splat(-lr), keep = splat(momentum);
  for (; n >= l; n -= l, w += l, v += l, g += l) {
    const V speed = fma(keep, load(v), load(g));
    if (clear) store(g, none);
    store(v, speed);
    store(w, fma(by, speed, load(w)));
  }
  if (n > 0) {
    const M m = first(n);
    const V speed = fma(keep, load(m, v), load(m, g));
    if (clear) store(m, g, none);
    store(m, v, speed);
    store(m, w, fma(by, speed, load(m, w)));
  }
}

static void adam(T* w, T* m, T* v, T* g, idx n, int clear, T lr, T beta1, T beta2, T eps, T c1,
                 T c2) {
  const idx l = lanes();
  const V none = splat(0), keep1 = splat(beta1), take1 = splat(T(1) - beta1), keep2 = splat(beta2),
          take2 = splat(T(1) - beta2);
  const auto moment1 = [&](V old, V grad) { return fma(keep1, old, mul(take1, grad)); };
  const auto moment2 = [&](V old, V grad) { return fma(keep2, old, mul(mul(take2, grad), grad)); };
  const auto moved = [&](V old, V m1, V m2) {
    const V root = add(sqrt(mul(m2, splat(c2))), splat(eps));
    return sub(old, div(mul(splat(lr), mul(m1, splat(c1))), root));
  };
  for (; n >= l; n -= l, w += l, m += l, v += l, g += l) {
    const V grad = load(g), m1 = moment1(load(m), grad), m2 = moment2(load(v), grad);
    if (clear) store(g, none);
    store(m, m1);
    store(v, m2);
    store(w, moved(load(w), m1, m2));
  }
  if (n > 0) {
    const M some = first(n);
    const V grad = load(some, g), m1 = moment1(load(some, m), grad),
            m2 = moment2(load(some, v), grad);
    if (clear) store(some, g, none);
    store(some, m, m1);
    store(some, v, m2);
    store(some, w, moved(load(some, w), m1, m2));
  }
}

#include "bench/peak.inl"

// ---- The table

static int vector_bits() { return int(lanes()) * 8 * int(sizeof(T)); }

extern const Kernels<T> kernels;
const Kernels<T> kernels = {
    VECGRAD_ISA_NAME, vector_bits, fma_chains, stream_read, stream_copy, stream_add,
#define UNARY(name) unary<name>,
#define BINARY(name) binary<name>,
#define KERNEL(name, arguments) name,
#include "kernels/kernels.def"
#undef UNARY
#undef BINARY
#undef KERNEL
};
