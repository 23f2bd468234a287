// The matrix product of small matrices: tiles of R rows by W vectors whose sums stay in registers.
// Included by kernels.inl, once per instruction set and type.
//
// One step over k loads W vectors of b's row and broadcasts R numbers of a; there is no horizontal
// sum and no packing. The sums are variables of their own, not an array, because scalable vectors
// (SVE, RVV) can be variables, references and arguments, but neither array elements nor members.

// Row r's sums are c<r>a .. c<r>d; unused ones vanish.
#define EACH_ROW(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
constexpr int most_rows = 12, most_vectors = 4;
// With 16 registers, tiles of 3 or 2 vectors leave room for more sums than tiles of 4.
constexpr int most_vectors_of_tile = registers < 32 ? 3 : 4;
#define SUMS(r) c##r##a, c##r##b, c##r##c, c##r##d
#define DECLARE_SUMS(r) [[maybe_unused]] V c##r##a = z, c##r##b = z, c##r##c = z, c##r##d = z;

// How many rows of W vectors fit: W registers hold b's row, one a number of a.
constexpr int rows_for(int vectors) {
  const int rows = (registers - 1 - vectors) / vectors;
  return rows < most_rows ? rows : most_rows;
}

// W vectors of a row; with `tail` the last one is partial.
template <int W, bool tail>
static inline void load_row(const T* p, M last, V& a, V& b, V& c, V& d) {
  const idx l = lanes();
  (void)l, (void)last, (void)b, (void)c, (void)d;
  if constexpr (W == 1) a = tail ? load(last, p) : load(p);
  if constexpr (W >= 2) a = load(p);
  if constexpr (W == 2) b = tail ? load(last, p + l) : load(p + l);
  if constexpr (W >= 3) b = load(p + l);
  if constexpr (W == 3) c = tail ? load(last, p + 2 * l) : load(p + 2 * l);
  if constexpr (W >= 4) c = load(p + 2 * l);
  if constexpr (W == 4) d = tail ? load(last, p + 3 * l) : load(p + 3 * l);
}

template <int W, bool tail>
static inline void store_row(T* p, M last, V a, V b, V c, V d) {
  const idx l = lanes();
  const auto put_last = [&](T* q, V v) { tail ? store(last, q, v) : store(q, v); };
  (void)l, (void)b, (void)c, (void)d;
  if constexpr (W == 1) put_last(p, a);
  if constexpr (W >= 2) store(p, a);
  if constexpr (W == 2) put_last(p + l, b);
  if constexpr (W >= 3) store(p + l, b);
  if constexpr (W == 3) put_last(p + 2 * l, c);
  if constexpr (W >= 4) store(p + 2 * l, c);
  if constexpr (W == 4) put_last(p + 3 * l, d);
}

template <int W>
static inline void multiply_row(T x, V b0, V b1, V b2, V b3, V& a, V& b, V& c, V& d) {
  const V s = splat(x);
  a = fma(s, b0, a);
  if constexpr (W > 1) b = fma(s, b1, b);
  if constexpr (W > 2) c = fma(s, b2, c);
  if constexpr (W > 3) d = fma(s, b3, d);
  (void)b1, (void)b2, (void)b3, (void)b, (void)c, (void)d;
}

template <int W>
static inline void add_row(V& a, V& b, V& c, V& d, V a2, V b2, V c2, V d2) {
  a = add(a, a2);
  if constexpr (W > 1) b = add(b, b2);
  if constexpr (W > 2) c = add(c, c2);
  if constexpr (W > 3) d = add(d, d2);
  (void)b, (void)c, (void)d, (void)b2, (void)c2, (void)d2;
}

// c (R x W vectors) (+)= a (R x k) b (k x W vectors).
template <int R, int W, bool tail>
__attribute__((always_inline)) static inline void tile(T* c, idx ldc, const T* a, idx ras, idx cas,
                                                       const T* b, idx ldb, idx k, int acc,
                                                       M last) {
  const V z = splat(0);
  EACH_ROW(DECLARE_SUMS)
#define LOAD(r) \
  if constexpr (r < R) load_row<W, tail>(c + r * ldc, last, SUMS(r));
  if (acc) {
    EACH_ROW(LOAD)
  }
#undef LOAD
  for (idx p = 0; p < k; p++) {
    V b0 = z, b1 = z, b2 = z, b3 = z;
    load_row<W, tail>(b, last, b0, b1, b2, b3);
#define MULTIPLY(r) \
  if constexpr (r < R) multiply_row<W>(a[r * ras], b0, b1, b2, b3, SUMS(r));
    EACH_ROW(MULTIPLY)
#undef MULTIPLY
    a += cas;
    b += ldb;
  }
#define STORE(r) \
  if constexpr (r < R) store_row<W, tail>(c + r * ldc, last, SUMS(r));
  EACH_ROW(STORE)
#undef STORE
}

// One row of c: the time is that of a chain of dependent sums, so k is dealt out to `chains`
// independent ones, added up at the end.
constexpr int chains_for(int vectors) { return vectors == 1 ? 8 : vectors == 4 ? 2 : 4; }

template <int W, bool tail>
static inline void row_tile(T* c, const T* a, idx cas, const T* b, idx ldb, idx k, int acc,
                            M last) {
  constexpr int chains = chains_for(W);
  const V z = splat(0);
  EACH_ROW(DECLARE_SUMS)
  if (acc) load_row<W, tail>(c, last, SUMS(0));
#define CHAIN(r)                                          \
  if constexpr (r < chains) {                             \
    V b0 = z, b1 = z, b2 = z, b3 = z;                     \
    load_row<W, tail>(b + r * ldb, last, b0, b1, b2, b3); \
    multiply_row<W>(a[r * cas], b0, b1, b2, b3, SUMS(r)); \
  }
  for (; k >= chains; k -= chains) {
    EACH_ROW(CHAIN)
    a += chains * cas;
    b += chains * ldb;
  }
#undef CHAIN
#define REST(r)                                             \
  if constexpr (r < chains - 1) {                           \
    if (r < k) {                                            \
      V b0 = z, b1 = z, b2 = z, b3 = z;                     \
      load_row<W, tail>(b + r * ldb, last, b0, b1, b2, b3); \
      multiply_row<W>(a[r * cas], b0, b1, b2, b3, SUMS(r)); \
    }                                                       \
  }
  if (k) {
    EACH_ROW(REST)
  }
#undef REST
  if constexpr (chains == 8) {
    add_row<W>(SUMS(0), SUMS(4));
    add_row<W>(SUMS(1), SUMS(5));
    add_row<W>(SUMS(2), SUMS(6));
    add_row<W>(SUMS(3), SUMS(7));
  }
  if constexpr (chains >= 4) {
    add_row<W>(SUMS(0), SUMS(2));
    add_row<W>(SUMS(1), SUMS(3));
  }
  add_row<W>(SUMS(0), SUMS(1));
  store_row<W, tail>(c, last, SUMS(0));
}

// One row of c, 4 + W vectors: as many chains, and each number of a is broadcast only once.
template <int W, bool tail>
static inline void wide_row_tile(T* c, const T* a, idx cas, const T* b, idx ldb, idx k, int acc,
                                 M last) {
  const V z = splat(0);
  const idx second = 4 * lanes();
  DECLARE_SUMS(0)
  DECLARE_SUMS(1)
  if (acc) {
    load_row<4, false>(c, last, SUMS(0));
    load_row<W, tail>(c + second, last, SUMS(1));
  }
  for (; k > 0; k--, a += cas, b += ldb) {
    V b0 = z, b1 = z, b2 = z, b3 = z;
    load_row<4, false>(b, last, b0, b1, b2, b3);
    multiply_row<4>(*a, b0, b1, b2, b3, SUMS(0));
    load_row<W, tail>(b + second, last, b0, b1, b2, b3);
    multiply_row<W>(*a, b0, b1, b2, b3, SUMS(1));
  }
  store_row<4, false>(c, last, SUMS(0));
  store_row<W, tail>(c + second, last, SUMS(1));
}

// Deals `left` out in parts of at most `most`, the last two of them even (never 1 after others).
static inline idx next_part(idx left, idx most) {
  return left <= most ? left : left < 2 * most ? (left + 1) / 2 : most;
}

// W vectors of columns, all rows.
template <int W, bool tail>
static void panel(T* c, idx ldc, const T* a, idx ras, idx cas, const T* b, idx ldb, idx m, idx k,
                  int acc, M last) {
  while (m > 0) {
    const idx rows = next_part(m, rows_for(W));
    switch (rows) {
#define ROWS(r)                                                        \
  case r + 1:                                                          \
    if constexpr (r < rows_for(W))                                     \
      tile<r + 1, W, tail>(c, ldc, a, ras, cas, b, ldb, k, acc, last); \
    break;
      EACH_ROW(ROWS)
#undef ROWS
    }
    c += rows * ldc;
    a += rows * ras;
    m -= rows;
  }
}

// One row; its vectors are dealt out in parts of at most 8.
__attribute__((noinline)) static void one_row(T* c, const T* a, idx cas, const T* b, idx ldb, idx n,
                                              idx k, int acc) {
  const idx l = lanes();
  idx vectors = (n + l - 1) / l;
  while (vectors > 0) {
    const idx width = next_part(vectors, 2 * most_vectors);
    vectors -= width;
    const idx in_last = vectors ? l : n - (width - 1) * l;
    const M last = first(in_last < l ? in_last : 0);
    switch (width + (in_last < l ? 2 * most_vectors : 0)) {
#define ROW(w)                                                \
  case w:                                                     \
    row_tile<w, false>(c, a, cas, b, ldb, k, acc, last);      \
    break;                                                    \
  case w + 4:                                                 \
    wide_row_tile<w, false>(c, a, cas, b, ldb, k, acc, last); \
    break;                                                    \
  case w + 2 * most_vectors:                                  \
    row_tile<w, true>(c, a, cas, b, ldb, k, acc, last);       \
    break;                                                    \
  case w + 4 + 2 * most_vectors:                              \
    wide_row_tile<w, true>(c, a, cas, b, ldb, k, acc, last);  \
    break;
      ROW(1)
      ROW(2)
      ROW(3)
      ROW(4)
#undef ROW
    }
    c += width * l;
    b += width * l;
    n -= width * l;
  }
}

// Two rows or more, in panels of W vectors.
__attribute__((noinline)) static void rows_by_panels(T* c, idx ldc, const T* a, idx ras, idx cas,
                                                     const T* b, idx ldb, idx m, idx n, idx k,
                                                     int acc) {
  const idx l = lanes();
  const idx most = m <= 2 ? most_vectors : most_vectors_of_tile;
  idx vectors = (n + l - 1) / l;
  while (vectors > 0) {
    const idx width = next_part(vectors, most);
    vectors -= width;
    const idx in_last = vectors ? l : n - (width - 1) * l;
    const M last = first(in_last < l ? in_last : 0);
    switch (width + (in_last < l ? most_vectors : 0)) {
#define PANEL(w)                                                   \
  case w:                                                          \
    panel<w, false>(c, ldc, a, ras, cas, b, ldb, m, k, acc, last); \
    break;                                                         \
  case w + most_vectors:                                           \
    panel<w, true>(c, ldc, a, ras, cas, b, ldb, m, k, acc, last);  \
    break;
      PANEL(1)
      PANEL(2)
      PANEL(3)
      PANEL(4)
#undef PANEL
    }
    c += width * l;
    b += width * l;
    n -= width * l;
  }
}

// Not inlined, so that neither way pays for the other's stack frame.
static void gemm(T* c, idx ldc, const T* a, idx ras, idx cas, const T* b, idx ldb, idx m, idx n,
                 idx k, int acc) {
  if (m == 1) return one_row(c, a, cas, b, ldb, n, k, acc);
  rows_by_panels(c, ldc, a, ras, cas, b, ldb, m, n, k, acc);
}

#undef EACH_ROW
#undef SUMS
#undef DECLARE_SUMS
