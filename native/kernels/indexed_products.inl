// Products with the rows of a matrix that indices name, without a copy of them.
// Included by kernels.inl, once per instruction set and type.

// y (+)= the sum of k products, of at most one chain.
static __attribute__((noinline)) void gemv_part(T* y, IndexedRows source, idx k, idx n, bool adds) {
  Product by;
  plain(by, 0);
  if (adds) by.epilogue = Epilogue<T>::add;
  one_row(y, source, n, k, Assign{}, by);
}

static __attribute__((noinline)) void gemv_many_rows(T* y, const T* x, idx incx, const T* w,
                                                     idx ldw, const int32_t* index, idx k, idx n,
                                                     int is_indexed, const T* start, const T* more,
                                                     int relu) {
  T sums[results_at_once];
  for (idx j = 0; j < n; j += results_at_once) {
    const idx width = n - j < results_at_once ? n - j : results_at_once;
    sum_of_parts(sums, width, k, products_in_chains, [&](T* part, idx from, idx count) {
      for_parts(count, products_in_a_chain / 2, [&](idx p, idx each) {
        IndexedRows rows{x, incx, w + j, ldw, index, is_indexed != 0};
        rows.advance(from + p);
        gemv_part(part, rows, each, width, p > 0);
      });
    });
    if (start) binary_row<add, false, false>(sums, sums, start + j, width, 0);
    if (more) binary_row<add, false, false>(sums, sums, more + j, width, 0);
    unary_row<copy, false>(y + j, sums, width, 0);
    if (relu) apply_to_row(Epilogue<T>::relu, y + j, nullptr, width);
  }
}

static void gemv_rows(T* y, const T* x, idx incx, const T* w, idx ldw, const int32_t* index, idx k,
                      idx n, int is_indexed, const T* start, const T* more, int relu) {
  if (k > products_in_a_chain)
    return gemv_many_rows(y, x, incx, w, ldw, index, k, n, is_indexed, start, more, relu);
  Product by;
  plain(by, start != nullptr);
  if (start) by.start = start - y;
  if (more) by.starts_twice = true, by.second = more - y;
  if (relu) by.epilogue = Epilogue<T>::relu;
  one_row(y, IndexedRows{x, incx, w, ldw, index, is_indexed != 0}, n, k, Assign{}, by);
}

// The sums of lanes of four dot products: x is loaded once for all of them.
static inline void four_dots(V& a, V& b, V& c, V& d, const T* p, const T* q, const T* r, const T* s,
                             const T* x, idx n) {
  const idx l = lanes();
  a = b = c = d = splat(0);
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
}

// The same of any length: `at_once` numbers are in one chain.
static inline void four_long_dots(V& a, V& b, V& c, V& d, const T* p, const T* q, const T* r,
                                  const T* s, const T* x, idx n, idx at_once) {
  const V z = splat(0);
  V sa = z, sb = z, sc = z, sd = z, la = z, lb = z, lc = z, ld = z;
  for (idx j = 0; j < n; j += at_once) {
    four_dots(a, b, c, d, p + j, q + j, r + j, s + j, x + j, n - j < at_once ? n - j : at_once);
    add_exactly(sa, la, a);
    add_exactly(sb, lb, b);
    add_exactly(sc, lc, c);
    add_exactly(sd, ld, d);
  }
  a = total(sa, la), b = total(sb, lb), c = total(sc, lc), d = total(sd, ld);
}

constexpr idx vectors_in_dots = 2 * chain;

template <bool are_long>
__attribute__((always_inline)) static inline void row_dots(T* y, idx incy, const T* w, idx ldw,
                                                           const T* x, const int32_t* index, idx k,
                                                           idx n, int is_indexed, int acc) {
  const auto put = [=](idx i, T dot) {
    put_number(y + (is_indexed ? index[i] : i) * incy, dot, acc);
  };
  const auto row = [=](idx i) { return w + index[i] * ldw; };
  idx i = 0;
  for (; i + 4 <= k; i += 4) {
    V a, b, c, d;
    const T *p = row(i), *q = row(i + 1), *r = row(i + 2), *s = row(i + 3);
    if constexpr (are_long)
      four_long_dots(a, b, c, d, p, q, r, s, x, n, vectors_in_dots * lanes());
    else
      four_dots(a, b, c, d, p, q, r, s, x, n);
    T dots[4];
    hsum4(dots, a, b, c, d);
    for (idx j = 0; j < 4; j++) put(i + j, dots[j]);
  }
  for (; i < k; i++) put(i, dot_of_row(row(i), x, n));
}

static __attribute__((noinline)) void long_row_dots(T* y, idx incy, const T* w, idx ldw, const T* x,
                                                    const int32_t* index, idx k, idx n,
                                                    int is_indexed, int acc) {
  row_dots<true>(y, incy, w, ldw, x, index, k, n, is_indexed, acc);
}

static void row_dot_rows(T* y, idx incy, const T* w, idx ldw, const T* x, const int32_t* index,
                         idx k, idx n, int is_indexed, int acc) {
  if (n > vectors_in_dots * lanes())
    return long_row_dots(y, incy, w, ldw, x, index, k, n, is_indexed, acc);
  row_dots<false>(y, incy, w, ldw, x, index, k, n, is_indexed, acc);
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
