// Reductions: sums, maxima and dot products of rows, and sums of columns.
// Included by kernels.inl, once per instruction set and type.

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
  // At most one vector needs no loop.
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
