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

// W vectors of a row. The last one lies at `last`, so that it ends where the row does: where the
// row is no whole number of vectors it overlaps the one before, and what both hold is computed
// twice, to the same bits. Only a row shorter than a vector (`narrow`, W = 1) needs the mask.
template <int W, bool narrow>
static inline void load_row(const T* p, idx last, M some, V& a, V& b, V& c, V& d) {
  const idx l = lanes();
  const V end = narrow ? load(some, p) : load(p + last);
  if constexpr (W > 1) a = load(p);
  if constexpr (W > 2) b = load(p + l);
  if constexpr (W > 3) c = load(p + 2 * l);
  (W == 1 ? a : W == 2 ? b : W == 3 ? c : d) = end;
  (void)l, (void)last, (void)some, (void)b, (void)c, (void)d;
}

template <int W, bool narrow>
static inline void store_row(T* p, idx last, M some, V a, V b, V c, V d) {
  const idx l = lanes();
  const V end = W == 1 ? a : W == 2 ? b : W == 3 ? c : d;
  narrow ? store(some, p, end) : store(p + last, end);
  if constexpr (W > 1) store(p, a);
  if constexpr (W > 2) store(p + l, b);
  if constexpr (W > 3) store(p + 2 * l, c);
  (void)l, (void)last, (void)some, (void)a, (void)b, (void)c;
}

template <int W>
static inline void multiply_row(T x, V b0, V b1, V b2, V b3, V& a, V& b, V& c, V& d) {
  a = fma_number(x, b0, a);
  if constexpr (W > 1) b = fma_number(x, b1, b);
  if constexpr (W > 2) c = fma_number(x, b2, c);
  if constexpr (W > 3) d = fma_number(x, b3, d);
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

// What becomes of the sums: each way has `continues`, whether they start from what c holds, and
// `put`, which takes one row of them.

// c (+)= the product.
struct Assign {
  int acc;

  bool continues() const { return acc; }
  template <int W, bool narrow>
  void put(T* p, idx last, M some, V a, V b, V c, V d) const {
    store_row<W, narrow>(p, last, some, a, b, c, d);
  }
};

// The product is the gradient of w: v = momentum v + product; w -= lr v. Both are read before
// either is written, because a row's vectors may overlap.
struct Update {
  const T* w;
  T* v;
  T lr, momentum;

  bool continues() const { return false; }
  template <int W, bool narrow>
  void put(T* p, idx last, M some, V a, V b, V c, V d) const {
    T* const q = v + (p - w);
    const V z = splat(0);
    V a2 = z, b2 = z, c2 = z, d2 = z;
    load_row<W, narrow>(q, last, some, a2, b2, c2, d2);
    multiply_row<W>(momentum, a2, b2, c2, d2, a, b, c, d);
    load_row<W, narrow>(p, last, some, a2, b2, c2, d2);
    multiply_row<W>(-lr, a, b, c, d, a2, b2, c2, d2);
    store_row<W, narrow>(q, last, some, a, b, c, d);
    store_row<W, narrow>(p, last, some, a2, b2, c2, d2);
  }
};

// c (R x W vectors) from a (R x k) b (k x W vectors).
template <int R, int W, bool narrow, class Result>
__attribute__((always_inline)) static inline void tile(T* c, idx ldc, const T* a, idx ras, idx cas,
                                                       const T* b, idx ldb, idx k, Result result,
                                                       idx last, M some) {
  const V z = splat(0);
  EACH_ROW(DECLARE_SUMS)
#define LOAD(r) \
  if constexpr (r < R) load_row<W, narrow>(c + r * ldc, last, some, SUMS(r));
  if (result.continues()) {
    EACH_ROW(LOAD)
  }
#undef LOAD
  for (idx p = 0; p < k; p++) {
    V b0 = z, b1 = z, b2 = z, b3 = z;
    load_row<W, narrow>(b, last, some, b0, b1, b2, b3);
#define MULTIPLY(r) \
  if constexpr (r < R) multiply_row<W>(a[r * ras], b0, b1, b2, b3, SUMS(r));
    EACH_ROW(MULTIPLY)
#undef MULTIPLY
    a += cas;
    b += ldb;
  }
#define STORE(r) \
  if constexpr (r < R) result.template put<W, narrow>(c + r * ldc, last, some, SUMS(r));
  EACH_ROW(STORE)
#undef STORE
}

// Where the products of one row come from: factor(p) times row(p), p counted from where `advance`
// has come to.

// A row of a by the rows of b.
struct Rows {
  const T* a;
  idx cas;
  const T* b;
  idx ldb;

  T factor(idx p) const { return a[p * cas]; }
  const T* row(idx p) const { return b + p * ldb; }
  void advance(idx n) { a += n * cas, b += n * ldb; }
};

// The rows of b that `index` names, by the numbers of a in order or at the same places.
struct ChosenRows {
  const T* a;
  idx cas;
  const T* b;
  idx ldb;
  const int32_t* index;
  bool chosen_factors;

  T factor(idx p) const { return a[(chosen_factors ? index[p] : p) * cas]; }
  const T* row(idx p) const { return b + index[p] * ldb; }
  void advance(idx n) { a += chosen_factors ? 0 : n * cas, index += n; }
};

// One row of c: the time is that of a chain of dependent sums, so k is dealt out to `chains`
// independent ones, added up at the end.
constexpr int chains_for(int vectors) { return vectors == 1 ? 8 : vectors == 4 ? 2 : 4; }

template <int W, bool narrow, class Source, class Result>
__attribute__((always_inline)) static inline void row_tile(T* c, Source source, idx k,
                                                           Result result, idx last, M some) {
  constexpr int chains = chains_for(W);
  const V z = splat(0);
  EACH_ROW(DECLARE_SUMS)
  if (result.continues()) load_row<W, narrow>(c, last, some, SUMS(0));
#define CHAIN(r)                                                      \
  if constexpr (r < chains) {                                         \
    if (r < count) {                                                  \
      V b0 = z, b1 = z, b2 = z, b3 = z;                               \
      load_row<W, narrow>(source.row(r), last, some, b0, b1, b2, b3); \
      multiply_row<W>(source.factor(r), b0, b1, b2, b3, SUMS(r));     \
    }                                                                 \
  }
  for (; k >= chains; k -= chains, source.advance(chains)) {
    constexpr idx count = chains;
    EACH_ROW(CHAIN)
  }
  if (const idx count = k; count) {
    EACH_ROW(CHAIN)
  }
#undef CHAIN
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
  result.template put<W, narrow>(c, last, some, SUMS(0));
}

// One row of c, F + W vectors: as many chains, and each number of a is broadcast only once.
template <int F, int W, class Source, class Result>
__attribute__((always_inline)) static inline void wide_row_tile(T* c, Source source, idx k,
                                                                Result result, idx last, M some) {
  const V z = splat(0);
  const idx last_of_first = (F - 1) * lanes(), second = F * lanes();
  DECLARE_SUMS(0)
  DECLARE_SUMS(1)
  if (result.continues()) {
    load_row<F, false>(c, last_of_first, some, SUMS(0));
    load_row<W, false>(c + second, last, some, SUMS(1));
  }
  for (; k > 0; k--, source.advance(1)) {
    const T* const b = source.row(0);
    const T a = source.factor(0);
    V b0 = z, b1 = z, b2 = z, b3 = z;
    load_row<F, false>(b, last_of_first, some, b0, b1, b2, b3);
    multiply_row<F>(a, b0, b1, b2, b3, SUMS(0));
    load_row<W, false>(b + second, last, some, b0, b1, b2, b3);
    multiply_row<W>(a, b0, b1, b2, b3, SUMS(1));
  }
  result.template put<F, false>(c, last_of_first, some, SUMS(0));
  result.template put<W, false>(c + second, last, some, SUMS(1));
}

// Deals `left` out in parts of at most `most`, the last two of them even (never 1 after others).
static inline idx next_part(idx left, idx most) {
  return left <= most ? left : left < 2 * most ? (left + 1) / 2 : most;
}

// W vectors of columns, all rows.
template <int W, bool narrow, class Result>
static void panel(T* c, idx ldc, const T* a, idx ras, idx cas, const T* b, idx ldb, idx m, idx k,
                  Result result, idx last, M some) {
  while (m > 0) {
    const idx rows = next_part(m, rows_for(W));
    switch (rows) {
#define ROWS(r)                                                                   \
  case r + 1:                                                                     \
    if constexpr (r < rows_for(W))                                                \
      tile<r + 1, W, narrow>(c, ldc, a, ras, cas, b, ldb, k, result, last, some); \
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
template <class Source, class Result>
__attribute__((always_inline)) static inline void one_row(T* c, Source source, idx n, idx k,
                                                          Result result) {
  const idx l = lanes();
  if (n < l) {
    if (n > 0) row_tile<1, true>(c, source, k, result, 0, first(n));
    return;
  }
  const M none = first(0);
  for (idx vectors = (n + l - 1) / l; vectors > 0;) {
    const idx width = next_part(vectors, 2 * most_vectors);
    vectors -= width;
    // Where the last of `vectors` vectors begins, from the first one's or from the second part's.
    const auto last = [&](idx of) { return (vectors ? width * l : n) - (width - of + 1) * l; };
    switch (width) {
#define ROW(w)                                               \
  case w:                                                    \
    row_tile<w, false>(c, source, k, result, last(w), none); \
    break;
#define WIDE_ROW(f, w)                                        \
  case f + w:                                                 \
    wide_row_tile<f, w>(c, source, k, result, last(w), none); \
    break;
      ROW(1)
      ROW(2)
      ROW(3)
      ROW(4)
      WIDE_ROW(3, 2)
      WIDE_ROW(4, 2)
      WIDE_ROW(4, 3)
      WIDE_ROW(4, 4)
#undef ROW
#undef WIDE_ROW
    }
    c += width * l;
    source.b += width * l;
    n -= width * l;
  }
}

// Two rows or more, in panels of W vectors.
template <class Result>
__attribute__((always_inline)) static inline void rows_by_panels(T* c, idx ldc, const T* a, idx ras,
                                                                 idx cas, const T* b, idx ldb,
                                                                 idx m, idx n, idx k,
                                                                 Result result) {
  const idx l = lanes();
  if (n < l) {
    if (n > 0) panel<1, true>(c, ldc, a, ras, cas, b, ldb, m, k, result, 0, first(n));
    return;
  }
  const M none = first(0);
  const idx most = m <= 2 ? most_vectors : most_vectors_of_tile;
  for (idx vectors = (n + l - 1) / l; vectors > 0;) {
    const idx width = next_part(vectors, most);
    vectors -= width;
    const idx last = (vectors ? width * l : n) - l;
    switch (width) {
#define PANEL(w)                                                            \
  case w:                                                                   \
    panel<w, false>(c, ldc, a, ras, cas, b, ldb, m, k, result, last, none); \
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

// One row and many are functions of their own, so that neither way pays for the other's stack
// frame. They take numbers: a Source or Result would pass through memory, by stores narrower than
// the loads.

__attribute__((noinline)) static void gemm_one_row(T* c, const T* a, idx cas, const T* b, idx ldb,
                                                   idx n, idx k, int acc) {
  one_row(c, Rows{a, cas, b, ldb}, n, k, Assign{acc});
}

__attribute__((noinline)) static void gemm_rows(T* c, idx ldc, const T* a, idx ras, idx cas,
                                                const T* b, idx ldb, idx m, idx n, idx k, int acc) {
  rows_by_panels(c, ldc, a, ras, cas, b, ldb, m, n, k, Assign{acc});
}

static void gemm(T* c, idx ldc, const T* a, idx ras, idx cas, const T* b, idx ldb, idx m, idx n,
                 idx k, int acc) {
  if (m == 1) return gemm_one_row(c, a, cas, b, ldb, n, k, acc);
  gemm_rows(c, ldc, a, ras, cas, b, ldb, m, n, k, acc);
}

// A tile of R x W vectors in every product of a batch. Small products take less time than a call
// for each, and the choice of its tiles, would.
template <int R, int W, bool narrow>
__attribute__((noinline)) static void tiles(T* c, idx ldc, const T* a, idx ras, idx cas, const T* b,
                                            idx ldb, idx k, int acc, idx last, M some,
                                            const Batch& by) {
  for (idx i1 = 0; i1 < by.n1; i1++)
    for (idx i2 = 0; i2 < by.n2; i2++)
      tile<R, W, narrow>(c + i1 * by.c1 + i2 * by.c2, ldc, a + i1 * by.a1 + i2 * by.a2, ras, cas,
                         b + i1 * by.b1 + i2 * by.b2, ldb, k, Assign{acc}, last, some);
}

// W vectors of columns, all rows.
template <int W, bool narrow>
static void panels(T* c, idx ldc, const T* a, idx ras, idx cas, const T* b, idx ldb, idx m, idx k,
                   int acc, idx last, M some, const Batch& by) {
  while (m > 0) {
    const idx rows = next_part(m, rows_for(W));
    switch (rows) {
#define ROWS(r)                                                                     \
  case r + 1:                                                                       \
    if constexpr (r < rows_for(W))                                                  \
      tiles<r + 1, W, narrow>(c, ldc, a, ras, cas, b, ldb, k, acc, last, some, by); \
    break;
      EACH_ROW(ROWS)
#undef ROWS
    }
    c += rows * ldc;
    a += rows * ras;
    m -= rows;
  }
}

static void gemm_batch(T* c, idx ldc, const T* a, idx ras, idx cas, const T* b, idx ldb, idx m,
                       idx n, idx k, int acc, const Batch* batch) {
  const Batch& by = *batch;
  const idx l = lanes();
  // Of larger products, one is best finished before the next is touched; of one row, one whose
  // sum would wait for itself longer than it takes to deal it out.
  if (m <= 32 && n > 0 && n <= 2 * l && k <= (m > 1 ? 64 : 16)) {
    const M none = first(0);
    if (n < l) return panels<1, true>(c, ldc, a, ras, cas, b, ldb, m, k, acc, 0, first(n), by);
    if (n == l) return panels<1, false>(c, ldc, a, ras, cas, b, ldb, m, k, acc, 0, none, by);
    return panels<2, false>(c, ldc, a, ras, cas, b, ldb, m, k, acc, n - l, none, by);
  }
  for (idx i1 = 0; i1 < by.n1; i1++)
    for (idx i2 = 0; i2 < by.n2; i2++)
      gemm(c + i1 * by.c1 + i2 * by.c2, ldc, a + i1 * by.a1 + i2 * by.a2, ras, cas,
           b + i1 * by.b1 + i2 * by.b2, ldb, m, n, k, acc);
}

__attribute__((noinline)) static void gemm_sgd_one_row(T* w, T* v, const T* a, idx cas, const T* b,
                                                       idx ldb, idx n, idx k, T lr, T momentum) {
  one_row(w, Rows{a, cas, b, ldb}, n, k, Update{w, v, lr, momentum});
}

__attribute__((noinline)) static void gemm_sgd_rows(T* w, T* v, idx ld, const T* a, idx ras,
                                                    idx cas, const T* b, idx ldb, idx m, idx n,
                                                    idx k, T lr, T momentum) {
  rows_by_panels(w, ld, a, ras, cas, b, ldb, m, n, k, Update{w, v, lr, momentum});
}

static void gemm_sgd(T* w, T* v, idx ld, const T* a, idx ras, idx cas, const T* b, idx ldb, idx m,
                     idx n, idx k, T lr, T momentum) {
  if (m == 1) return gemm_sgd_one_row(w, v, a, cas, b, ldb, n, k, lr, momentum);
  gemm_sgd_rows(w, v, ld, a, ras, cas, b, ldb, m, n, k, lr, momentum);
}

static void gemv_rows(T* y, const T* x, idx incx, const T* w, idx ldw, const int32_t* index, idx k,
                      idx n, int chosen, int acc) {
  one_row(y, ChosenRows{x, incx, w, ldw, index, chosen != 0}, n, k, Assign{acc});
}

#undef EACH_ROW
#undef SUMS
#undef DECLARE_SUMS
