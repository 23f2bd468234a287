// The matrix product of one row: a row of numbers times the rows of a matrix.
// Included by kernels.inl, once per instruction set and type.

// A source of products: factor(p) times row(p), where p counts from where `advance` has come to.

// A row of a times the rows of b.
struct Rows {
  const T* a;
  idx cas;
  const T* b;
  idx ldb;

  T factor(idx p) const { return a[p * cas]; }
  const T* row(idx p) const { return b + p * ldb; }
  void advance(idx n) { a += n * cas, b += n * ldb; }
};

// The rows of b that `index` names, times the numbers of a: in order, or where `indexed_factors` at
// the same indices.
struct IndexedRows {
  const T* a;
  idx cas;
  const T* b;
  idx ldb;
  const int32_t* index;
  bool indexed_factors;

  T factor(idx p) const { return a[(indexed_factors ? index[p] : p) * cas]; }
  const T* row(idx p) const { return b + index[p] * ldb; }
  void advance(idx n) { a += indexed_factors ? 0 : n * cas, index += n; }
};

// One row of c. The time is that of a chain of dependent sums, so k is divided among several
// independent chains, which are added up at the end.
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
    if (by.epilogue) apply_epilogue<W, narrow>(by.epilogue, c + by.operand, last, some, SUMS(0));
  Result::template put<W, narrow>(c, by.velocity, -by.lr, by.momentum, last, some, SUMS(0));
}

// One row of c, of F + W vectors: each vector is a chain, and each number of a is broadcast once.
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
    if (by.epilogue) {
      apply_epilogue<F, false>(by.epilogue, c + by.operand, last_of_first, some, SUMS(0));
      apply_epilogue<W, false>(by.epilogue, c + by.operand + second, last, some, SUMS(1));
    }
  Result::template put<F, false>(c, by.velocity, -by.lr, by.momentum, last_of_first, some, SUMS(0));
  Result::template put<W, false>(c + second, by.velocity, -by.lr, by.momentum, last, some, SUMS(1));
}

// One row of c, in parts of at most 8 vectors.
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
    const idx width = next_part(vectors, 2 * max_vectors);
    vectors -= width;
    // Where the last vector of a part begins, counted from that part; `of` is the part's width.
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
