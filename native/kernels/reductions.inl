// Reductions: sums, maxima and dot products of rows, and sums of columns.
// Included by kernels.inl, once per instruction set and type.

static inline void put_number(T* y, T x, int acc) { *y = acc ? *y + x : x; }

static void row_sum(T* y, idx incy, const T* x, idx ldx, idx rows, idx cols, int acc) {
  for (idx r = 0; r < rows; r++)
    put_number(y + r * incy, sum_of_terms(Numbers{x + r * ldx}, cols), acc);
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

// f of a vector of columns, row after row, in four chains; `f` is max or larger.
template <V (*f)(V, V), class Load>
static inline V over_rows(idx rows, Load row) {
  V s0 = splat(minus_infinity), s1 = s0, s2 = s0, s3 = s0;
  idx r = 0;
  for (; r + 4 <= rows; r += 4) {
    s0 = f(s0, row(r));
    s1 = f(s1, row(r + 1));
    s2 = f(s2, row(r + 2));
    s3 = f(s3, row(r + 3));
  }
  for (; r < rows; r++) s0 = f(s0, row(r));
  return f(f(s0, s1), f(s2, s3));
}
static void col_max(T* y, const T* x, idx ldx, idx rows, idx cols) {
  const idx l = lanes();
  idx j = 0;
  // Four vectors side by side read a row in longer pieces.
  for (; j + 4 * l <= cols; j += 4 * l) {
    V s0 = splat(minus_infinity), s1 = s0, s2 = s0, s3 = s0;
    const T* from = x + j;
    for (idx r = 0; r < rows; r++, from += ldx) {
      s0 = max(s0, load(from));
      s1 = max(s1, load(from + l));
      s2 = max(s2, load(from + 2 * l));
      s3 = max(s3, load(from + 3 * l));
    }
    store(y + j, s0), store(y + j + l, s1), store(y + j + 2 * l, s2), store(y + j + 3 * l, s3);
  }
  for (; j + l <= cols; j += l)
    store(y + j, over_rows<max>(rows, [=](idx r) { return load(x + r * ldx + j); }));
  if (j < cols) {
    const idx rest = cols - j;
    const V top = over_rows<max>(rows, [=](idx r) { return load(first(rest), x + r * ldx + j); });
    store(first(rest), y + j, top);
  }
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
  return sum_of_terms(Products{a, b}, cols);
}

static void row_dot(T* y, idx incy, const T* a, idx lda, const T* b, idx ldb, idx rows, idx cols,
                    int acc) {
  for (idx r = 0; r < rows; r++)
    put_number(y + r * incy, dot_of_row(a + r * lda, b + r * ldb, cols), acc);
}

// As many rows are added up in one chain, and as many in four.
constexpr idx rows_in_a_chain = 24, rows_at_once = 4 * rows_in_a_chain;

// The sums of a vector of columns: four chains take its rows by turns.
template <class Load>
static inline V sum_of_rows(idx rows, Load row) {
  V s0 = splat(0), s1 = s0, s2 = s0, s3 = s0;
  idx r = 0;
  for (; r + 4 <= rows; r += 4) {
    s0 = add(s0, row(r));
    s1 = add(s1, row(r + 1));
    s2 = add(s2, row(r + 2));
    s3 = add(s3, row(r + 3));
  }
  for (; r < rows; r++) s0 = add(s0, row(r));
  return add(add(s0, s1), add(s2, s3));
}
// The sums of four vectors of columns side by side, which are four chains too.
static inline void sums_of_four(const T* x, idx ldx, idx rows, V& a, V& b, V& c, V& d) {
  const idx l = lanes();
  a = b = c = d = splat(0);
  for (; rows > 0; rows -= rows_in_a_chain) {
    V s0 = splat(0), s1 = s0, s2 = s0, s3 = s0;
    for (idx n = rows < rows_in_a_chain ? rows : rows_in_a_chain; n > 0; n--, x += ldx) {
      s0 = add(s0, load(x));
      s1 = add(s1, load(x + l));
      s2 = add(s2, load(x + 2 * l));
      s3 = add(s3, load(x + 3 * l));
    }
    a = add(a, s0), b = add(b, s1), c = add(c, s2), d = add(d, s3);
  }
}
// Calls put(j, s) with the sums of every vector of columns, of which the last can be a part.
template <class Put>
static inline void sums_of_columns(const T* x, idx ldx, idx rows, idx cols, Put put) {
  const idx l = lanes();
  idx j = 0;
  for (; j + 4 * l <= cols; j += 4 * l) {
    V a, b, c, d;
    sums_of_four(x + j, ldx, rows, a, b, c, d);
    put(j, a), put(j + l, b), put(j + 2 * l, c), put(j + 3 * l, d);
  }
  for (; j + l <= cols; j += l)
    put(j, sum_of_rows(rows, [=](idx r) { return load(x + r * ldx + j); }));
  if (j < cols) {
    const idx rest = cols - j;
    put(j, sum_of_rows(rows, [=](idx r) { return load(first(rest), x + r * ldx + j); }));
  }
}

// What some columns have come to: `add` takes in a vector of them.
constexpr idx columns_at_once = 512;
struct ColumnSums {
  T sums[columns_at_once], losses[columns_at_once];

  void add(idx j, V s) {
    V sum = load(sums + j), lost = load(losses + j);
    add_exactly(sum, lost, s);
    store(sums + j, sum), store(losses + j, lost);
  }
};

// The sums of at most `columns_at_once` columns: some rows of all of them before the next rows, so
// that a row is read in one piece and the sums stay in the first cache.
static inline void sum_columns(T* y, const T* x, idx ldx, idx rows, idx cols, int acc) {
  const idx l = lanes();
  ColumnSums of;
  for (idx j = 0; j < cols; j += l) store(of.sums + j, splat(0)), store(of.losses + j, splat(0));
  for (; rows > 0; rows -= rows_at_once, x += rows_at_once * ldx) {
    const idx n = rows < rows_at_once ? rows : rows_at_once;
    sums_of_columns(x, ldx, n, cols, [&](idx j, V s) { of.add(j, s); });
  }
  for (idx j = 0; j < cols; j += l)
    store(of.sums + j, total(load(of.sums + j), load(of.losses + j)));
  unary_row<copy, false>(y, of.sums, cols, acc);
}

static __attribute__((noinline)) void sum_many_rows(T* y, const T* x, idx ldx, idx rows, idx cols,
                                                    int acc) {
  if (rows <= rows_at_once) {
    const idx whole = cols - lanes();
    return sums_of_columns(x, ldx, rows, cols, [=](idx j, V s) {
      j <= whole ? put(y + j, s, acc) : put(first(cols - j), y + j, s, acc);
    });
  }
  for (; cols > 0; cols -= columns_at_once, x += columns_at_once, y += columns_at_once)
    sum_columns(y, x, ldx, rows, cols < columns_at_once ? cols : columns_at_once, acc);
}

static void col_sum(T* y, const T* x, idx ldx, idx rows, idx cols, int acc) {
  if (rows > rows_in_a_chain) return sum_many_rows(y, x, ldx, rows, cols, acc);
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
