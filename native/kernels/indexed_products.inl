// Products with the rows of a matrix that indices name, without a copy of them.
// Included by kernels.inl, once per instruction set and type.

static void gemv_rows(T* y, const T* x, idx incx, const T* w, idx ldw, const int32_t* index, idx k,
                      idx n, int is_indexed, const T* start, const T* more, int relu) {
  Product by;
  plain(by, start != nullptr);
  if (start) by.start = start - y;
  if (more) by.starts_twice = true, by.second = more - y;
  if (relu) by.epilogue = Epilogue<T>::relu;
  one_row(y, IndexedRows{x, incx, w, ldw, index, is_indexed != 0}, n, k, Assign{}, by);
}

static void row_dot_rows(T* y, idx incy, const T* w, idx ldw, const T* x, const int32_t* index,
                         idx k, idx n, int is_indexed, int acc) {
  const idx l = lanes();
  const auto put = [=](idx i, T dot) {
    put_number(y + (is_indexed ? index[i] : i) * incy, dot, acc);
  };
  const auto row = [=](idx i) { return w + index[i] * ldw; };
  idx i = 0;
  for (; i + 4 <= k; i += 4) {
    // Four rows at a time: x is loaded once for all of them, and their sums are reduced together.
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

// Rows of W vectors, so few that g stays in registers.
template <int W, bool narrow>
static inline void outer_short_rows(T* w, idx ldw, const T* x, idx incx, const T* g,
                                    const int32_t* index, idx k, idx n, int is_indexed) {
  const M some = first(narrow ? n : 0);
  const idx last = narrow ? 0 : n - lanes();
  const V z = splat(0);
  V g0 = z, g1 = z, g2 = z, g3 = z;
  load_row<W, narrow>(g, last, some, g0, g1, g2, g3);
  for (idx i = 0; i < k; i++) {
    T* const row = w + index[i] * ldw;
    V a = z, b = z, c = z, d = z;
    load_row<W, narrow>(row, last, some, a, b, c, d);
    multiply_row<W>(x[(is_indexed ? index[i] : i) * incx], g0, g1, g2, g3, a, b, c, d);
    store_row<W, narrow>(row, last, some, a, b, c, d);
  }
}

static void outer_rows(T* w, idx ldw, const T* x, idx incx, const T* g, const int32_t* index, idx k,
                       idx n, int is_indexed) {
  const idx l = lanes();
  // Longer rows are best computed one after the other.
  if (n <= 8 * l) {
    for (; n > 4 * l; n -= 4 * l, w += 4 * l, g += 4 * l)
      outer_short_rows<4, false>(w, ldw, x, incx, g, index, k, 4 * l, is_indexed);
    const auto by_rows = n < l        ? outer_short_rows<1, true>
                         : n == l     ? outer_short_rows<1, false>
                         : n <= 2 * l ? outer_short_rows<2, false>
                         : n <= 3 * l ? outer_short_rows<3, false>
                                      : outer_short_rows<4, false>;
    return by_rows(w, ldw, x, incx, g, index, k, n, is_indexed);
  }
  const idx whole = n - n % l;
  const M rest = first(n - whole);
  for (idx i = 0; i < k; i++) {
    T* const row = w + index[i] * ldw;
    const V by = splat(x[(is_indexed ? index[i] : i) * incx]);
    for (idx j = 0; j < whole; j += l) store(row + j, fma(by, load(g + j), load(row + j)));
    if (whole < n)
      store(rest, row + whole, fma(by, load(rest, g + whole), load(rest, row + whole)));
  }
}

#undef EACH_ROW
#undef SUMS
#undef DECLARE_SUMS
