// The matrix product of small matrices: tiles of R rows by W vectors whose sums stay in registers.
// Included by kernels.inl, once per instruction set and type.
//
// One step over k loads W vectors of b's row and broadcasts R numbers of a; there is no horizontal
// sum and no packing. The sums are variables of their own, not an array, because scalable vectors
// (SVE, RVV) can be variables, references and arguments, but neither array elements nor members.

// Row r's sums are c<r>a .. c<r>d; unused ones vanish.
#define EACH_ROW(DO) \
  DO(0)              \
  DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)
constexpr int most_rows = registers < 32 ? 12 : 16, most_vectors = 4;
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
  const V end = narrow ? load(some, p) : W == 1 ? load(p) : load(p + last);
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
  narrow ? store(some, p, end) : W == 1 ? store(p, end) : store(p + last, end);
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

template <int W, bool narrow>
static inline void finish_row(typename Finish<T>::Then then, const T* mask, idx last, M some, V& a,
                              V& b, V& c, V& d) {
  if (then == Finish<T>::relu) {
    a = relu(a);
    if constexpr (W > 1) b = relu(b);
    if constexpr (W > 2) c = relu(c);
    if constexpr (W > 3) d = relu(d);
  } else {
    const V z = splat(0);
    V a2 = z, b2 = z, c2 = z, d2 = z;
    load_row<W, narrow>(mask, last, some, a2, b2, c2, d2);
    a = mask_positive(a, a2);
    if constexpr (W > 1) b = mask_positive(b, b2);
    if constexpr (W > 2) c = mask_positive(c, c2);
    if constexpr (W > 3) d = mask_positive(d, d2);
    (void)b2, (void)c2, (void)d2;
  }
  (void)b, (void)c, (void)d;
}

// A product as its tiles see it: all but where the first of them begins. They take it by reference,
// so that their call moves four pointers: in small products, a call of many numbers costs more than
// the sums do.
struct Product {
  idx ldc, ras, cas, ldb, k;
  idx last;  // where a row's last vector begins; where a row is narrow, how many numbers it has
  // Whether the sums start from numbers, how far those lie from c, and what becomes of the sums.
  bool starts;
  typename Finish<T>::Then then;
  idx start, mask;
  // Of one row: whether its sums start from further numbers too, and how far those lie from c.
  bool starts_twice;
  idx second;
  // Of an update: from a weight to its velocity, and the rule.
  idx velocity;
  T lr, momentum;
  // How many tiles of one shape, and from each to the next.
  idx times, next_c, next_a, next_b;
};

// As `Assign` reads it: c = or += the product.
static inline void plain(Product& by, int acc) {
  by.starts = acc, by.start = 0;
  by.starts_twice = false, by.second = 0;
  by.then = Finish<T>::nothing, by.mask = 0;
}

// What becomes of the sums: `starts`, whether they do so from numbers, and `put`, which
// takes one row of them. `back` (-lr) and `momentum` are the rule of an update.

// c (+)= the product.
struct Assign {
  static constexpr bool updates = false;
  static bool starts(const Product& by) { return by.starts; }
  template <int W, bool narrow>
  static void put(T* p, idx, T, T, idx last, M some, V a, V b, V c, V d) {
    store_row<W, narrow>(p, last, some, a, b, c, d);
  }
};

// The product is the gradient of c: v = momentum v + product; c -= lr v. Both are read before
// either is written, because a row's vectors may overlap.
struct Update {
  static constexpr bool updates = true;
  static bool starts(const Product&) { return false; }
  template <int W, bool narrow>
  static void put(T* p, idx velocity, T back, T momentum, idx last, M some, V a, V b, V c, V d) {
    T* const q = p + velocity;
    const V z = splat(0);
    V a2 = z, b2 = z, c2 = z, d2 = z;
    load_row<W, narrow>(q, last, some, a2, b2, c2, d2);
    multiply_row<W>(momentum, a2, b2, c2, d2, a, b, c, d);
    load_row<W, narrow>(p, last, some, a2, b2, c2, d2);
    multiply_row<W>(back, a, b, c, d, a2, b2, c2, d2);
    store_row<W, narrow>(q, last, some, a, b, c, d);
    store_row<W, narrow>(p, last, some, a2, b2, c2, d2);
  }
};

// c (R x W vectors) from a (R x k) b (k x W vectors), and the tiles of that shape that follow.
template <int R, int W, bool narrow, class Result>
static void tiles(T* c, const T* a, const T* b, const Product& by) {
  const idx ldc = by.ldc, ras = by.ras, cas = by.cas, ldb = by.ldb, last = by.last;
  const M some = first(narrow ? last : 0);
  const V z = splat(0);
  idx velocity = 0;
  T back = 0, momentum = 0;
  if constexpr (Result::updates) velocity = by.velocity, back = -by.lr, momentum = by.momentum;
  for (idx times = by.times;;) {
    EACH_ROW(DECLARE_SUMS)
#define LOAD(r)                                             \
  if constexpr (r < R) {                                    \
    load_row<W, narrow>(row_of_start, last, some, SUMS(r)); \
    row_of_start += ldc;                                    \
  }
    const T* row_of_start = c + (Result::updates ? 0 : by.start);
    if (Result::starts(by)) {
      EACH_ROW(LOAD)
    }
#undef LOAD
    // A pointer for every third row of a: from there, the rows between are one register away.
    const T *a0 = a, *a3 = a0 + 3 * ras, *a6 = a3 + 3 * ras, *a9 = a6 + 3 * ras,
            *a12 = a9 + 3 * ras, *a15 = a12 + 3 * ras, *row_of_b = b;
    for (idx p = by.k; p > 0; p--) {
      V b0 = z, b1 = z, b2 = z, b3 = z;
      load_row<W, narrow>(row_of_b, last, some, b0, b1, b2, b3);
#define NUMBER(r) \
  (r < 3 ? a0 : r < 6 ? a3 : r < 9 ? a6 : r < 12 ? a9 : r < 15 ? a12 : a15)[r % 3 * ras]
#define MULTIPLY(r) \
  if constexpr (r < R) multiply_row<W>(NUMBER(r), b0, b1, b2, b3, SUMS(r));
      EACH_ROW(MULTIPLY)
#undef MULTIPLY
#undef NUMBER
      a0 += cas;
      if constexpr (R > 3) a3 += cas;
      if constexpr (R > 6) a6 += cas;
      if constexpr (R > 9) a9 += cas;
      if constexpr (R > 12) a12 += cas;
      if constexpr (R > 15) a15 += cas;
      row_of_b += ldb;
    }
    T* row_of_c = c;
    if constexpr (!Result::updates)
      if (by.then) {
#define FINISH(r)                                                     \
  if constexpr (r < R) {                                              \
    finish_row<W, narrow>(by.then, row_of_mask, last, some, SUMS(r)); \
    row_of_mask += ldc;                                               \
  }
        const T* row_of_mask = c + by.mask;
        EACH_ROW(FINISH)
#undef FINISH
      }
    asm("" : "+r"(row_of_c));  // else the rows' places are computed ahead, and kept: in memory
#define STORE(r)                                                                              \
  if constexpr (r < R) {                                                                      \
    Result::template put<W, narrow>(row_of_c, velocity, back, momentum, last, some, SUMS(r)); \
    row_of_c += ldc;                                                                          \
  }
    EACH_ROW(STORE)
#undef STORE
    if (--times <= 0) return;
    c += by.next_c;
    a += by.next_a;
    b += by.next_b;
  }
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
__attribute__((always_inline)) static inline void row_tile(T* c, Source source, idx k, Result,
                                                           const Product& by, idx last, M some) {
  constexpr int chains = chains_for(W);
  const V z = splat(0);
  EACH_ROW(DECLARE_SUMS)
  if (Result::starts(by)) load_row<W, narrow>(c + by.start, last, some, SUMS(0));
  if constexpr (!Result::updates)
    if (by.starts_twice) load_row<W, narrow>(c + by.second, last, some, SUMS(1));
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
  if constexpr (!Result::updates)
    if (by.then) finish_row<W, narrow>(by.then, c + by.mask, last, some, SUMS(0));
  Result::template put<W, narrow>(c, by.velocity, -by.lr, by.momentum, last, some, SUMS(0));
}

// One row of c, F + W vectors: as many chains, and each number of a is broadcast only once.
template <int F, int W, class Source, class Result>
__attribute__((always_inline)) static inline void wide_row_tile(T* c, Source source, idx k, Result,
                                                                const Product& by, idx last,
                                                                M some) {
  const V z = splat(0);
  const idx last_of_first = (F - 1) * lanes(), second = F * lanes();
  DECLARE_SUMS(0)
  DECLARE_SUMS(1)
  if (Result::starts(by)) {
    load_row<F, false>(c + by.start, last_of_first, some, SUMS(0));
    load_row<W, false>(c + by.start + second, last, some, SUMS(1));
  }
  if constexpr (!Result::updates)
    if (by.starts_twice) {
      V b0 = z, b1 = z, b2 = z, b3 = z;
      load_row<F, false>(c + by.second, last_of_first, some, b0, b1, b2, b3);
      add_row<F>(SUMS(0), b0, b1, b2, b3);
      load_row<W, false>(c + by.second + second, last, some, b0, b1, b2, b3);
      add_row<W>(SUMS(1), b0, b1, b2, b3);
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
  if constexpr (!Result::updates)
    if (by.then) {
      finish_row<F, false>(by.then, c + by.mask, last_of_first, some, SUMS(0));
      finish_row<W, false>(by.then, c + by.mask + second, last, some, SUMS(1));
    }
  Result::template put<F, false>(c, by.velocity, -by.lr, by.momentum, last_of_first, some, SUMS(0));
  Result::template put<W, false>(c + second, by.velocity, -by.lr, by.momentum, last, some, SUMS(1));
}

// Deals `left` out in parts of at most `most`, the last two of them even (never 1 after others).
static inline idx next_part(idx left, idx most) {
  return left <= most ? left : left < 2 * most ? (left + 1) / 2 : most;
}

// One row; its vectors are dealt out in parts of at most 8.
template <class Source, class Result>
__attribute__((always_inline)) static inline void one_row(T* c, Source source, idx n, idx k,
                                                          Result result, const Product& by) {
  const idx l = lanes();
  if (n < l) {
    if (n > 0) row_tile<1, true>(c, source, k, result, by, 0, first(n));
    return;
  }
  const M none = first(0);
  for (idx vectors = (n + l - 1) / l; vectors > 0;) {
    const idx width = next_part(vectors, 2 * most_vectors);
    vectors -= width;
    // Where the last of `vectors` vectors begins, from the first one's or from the second part's.
    const auto last = [&](idx of) { return (vectors ? width * l : n) - (width - of + 1) * l; };
    switch (width) {
#define ROW(w)                                                   \
  case w:                                                        \
    row_tile<w, false>(c, source, k, result, by, last(w), none); \
    break;
#define WIDE_ROW(f, w)                                            \
  case f + w:                                                     \
    wide_row_tile<f, w>(c, source, k, result, by, last(w), none); \
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

// The functions of all tiles of W vectors, by their rows less one.
using Tiles = void (*)(T*, const T*, const T*, const Product&);

// R where tiles of W vectors have so many rows, else 1: to instantiate nothing in vain.
template <int R, int W>
constexpr int rows_or_one = R <= rows_for(W) ? R : 1;

template <int W, bool narrow, class Result>
static constexpr Tiles tiles_of[] = {
#define ENTRY(r) tiles<rows_or_one<r + 1, W>, W, narrow, Result>,
    EACH_ROW(ENTRY)
#undef ENTRY
};

// W vectors of columns, all rows.
template <int W, bool narrow, class Result>
static void panel(T* c, const T* a, const T* b, idx m, Product& by) {
  constexpr idx most = rows_for(W);
  by.next_b = 0;
  while (m > 0) {
    const idx rows = next_part(m, most);
    by.times = m >= 2 * most ? m / most - 1 : 2 * rows == m ? 2 : 1;
    by.next_c = rows * by.ldc;
    by.next_a = rows * by.ras;
    tiles_of<W, narrow, Result>[rows - 1](c, a, b, by);
    c += by.times * by.next_c;
    a += by.times * by.next_a;
    m -= by.times * rows;
  }
}

// Two rows or more, in panels of W vectors.
template <class Result>
__attribute__((always_inline)) static inline void rows_by_panels(T* c, const T* a, const T* b,
                                                                 idx m, idx n, Product& by) {
  const idx l = lanes();
  if (n < l) {
    by.last = n;
    if (n > 0) panel<1, true, Result>(c, a, b, m, by);
    return;
  }
  const idx most = m <= 2 ? most_vectors : most_vectors_of_tile;
  for (idx vectors = (n + l - 1) / l; vectors > 0;) {
    const idx width = next_part(vectors, most);
    vectors -= width;
    by.last = (vectors ? width * l : n) - l;
    switch (width) {
#define PANEL(w)                             \
  case w:                                    \
    panel<w, false, Result>(c, a, b, m, by); \
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

static void gemm(T* c, idx ldc, const T* a, idx ras, idx cas, const T* b, idx ldb, idx m, idx n,
                 idx k, int acc, const Finish<T>* finish) {
  Product by;
  plain(by, acc);
  if (finish) {
    if (finish->start) by.starts = true, by.start = finish->start - c;
    by.then = finish->then;
    if (by.then == Finish<T>::mask_positive) by.mask = finish->mask - c;
  }
  if (m == 1) return one_row(c, Rows{a, cas, b, ldb}, n, k, Assign{}, by);
  by.ldc = ldc, by.ras = ras, by.cas = cas, by.ldb = ldb, by.k = k;
  rows_by_panels<Assign>(c, a, b, m, n, by);
}

// W vectors of columns, all rows of all products: each tile in one after the other of them. Small
// products take less time than a call for each, and the choice of its tiles, would.
template <int W, bool narrow>
static void batch_panel(T* c, const T* a, const T* b, idx m, Product& by, const Batch& batch) {
  while (m > 0) {
    const idx rows = next_part(m, rows_for(W));
    for (idx i = 0; i < batch.n1; i++)
      tiles_of<W, narrow, Assign>[rows - 1](c + i * batch.c1, a + i * batch.a1, b + i * batch.b1,
                                            by);
    c += rows * by.ldc;
    a += rows * by.ras;
    m -= rows;
  }
}

static void gemm_batch(T* c, idx ldc, const T* a, idx ras, idx cas, const T* b, idx ldb, idx m,
                       idx n, idx k, int acc, const Batch* batch) {
  const Batch& each = *batch;
  const idx l = lanes();
  // Of larger products, one is best finished before the next is touched; of one row, one whose
  // sum would wait for itself longer than it takes to deal it out.
  if (m <= 32 && n > 0 && each.n2 > 0 && n <= 2 * l && k <= (m > 1 ? 64 : 16)) {
    Product by;
    by.ldc = ldc, by.ras = ras, by.cas = cas, by.ldb = ldb, by.k = k;
    plain(by, acc);
    by.last = n < l ? n : n - l;
    by.times = each.n2, by.next_c = each.c2, by.next_a = each.a2, by.next_b = each.b2;
    if (n < l) return batch_panel<1, true>(c, a, b, m, by, each);
    if (n == l) return batch_panel<1, false>(c, a, b, m, by, each);
    return batch_panel<2, false>(c, a, b, m, by, each);
  }
  for (idx i1 = 0; i1 < each.n1; i1++)
    for (idx i2 = 0; i2 < each.n2; i2++)
      gemm(c + i1 * each.c1 + i2 * each.c2, ldc, a + i1 * each.a1 + i2 * each.a2, ras, cas,
           b + i1 * each.b1 + i2 * each.b2, ldb, m, n, k, acc, nullptr);
}

static void gemm_sgd(T* w, T* v, idx ld, const T* a, idx ras, idx cas, const T* b, idx ldb, idx m,
                     idx n, idx k, T lr, T momentum) {
  Product by;
  by.velocity = v - w, by.lr = lr, by.momentum = momentum;
  if (m == 1) return one_row(w, Rows{a, cas, b, ldb}, n, k, Update{}, by);
  by.ldc = ld, by.ras = ras, by.cas = cas, by.ldb = ldb, by.k = k;
  rows_by_panels<Update>(w, a, b, m, n, by);
}

static void gemv_rows(T* y, const T* x, idx incx, const T* w, idx ldw, const int32_t* index, idx k,
                      idx n, int chosen, const T* start, const T* more, int relu) {
  Product by;
  plain(by, start != nullptr);
  if (start) by.start = start - y;
  if (more) by.starts_twice = true, by.second = more - y;
  if (relu) by.then = Finish<T>::relu;
  one_row(y, ChosenRows{x, incx, w, ldw, index, chosen != 0}, n, k, Assign{}, by);
}

#undef EACH_ROW
#undef SUMS
#undef DECLARE_SUMS
