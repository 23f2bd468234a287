// The tile of a matrix product: R rows by W vectors whose sums stay in registers.
// Included by kernels.inl, once per instruction set and type.
//
// One step over k loads W vectors of b's row and broadcasts R numbers of a: there is no horizontal
// sum and no packing. The sums are variables, not an array, because scalable vectors (SVE, RVV) can
// be variables, references and arguments, but neither array elements nor members.

// The sums of row r are c<r>a to c<r>d; the compiler removes those that are not used.
#define EACH_ROW(DO) \
  DO(0)              \
  DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)
constexpr int max_rows = registers < 32 ? 12 : 16, max_vectors = 4;
// With 16 registers, tiles of 3 or 2 vectors leave room for more sums than tiles of 4.
constexpr int max_tile_vectors = registers < 32 ? 3 : 4;
#define SUMS(r) c##r##a, c##r##b, c##r##c, c##r##d
#define DECLARE_SUMS(r) [[maybe_unused]] V c##r##a = z, c##r##b = z, c##r##c = z, c##r##d = z;

// How many rows of `vectors` sums fit into the registers, beside a row of b and one number of a.
constexpr int rows_for(int vectors) {
  const int rows = (registers - 1 - vectors) / vectors;
  return rows < max_rows ? rows : max_rows;
}

// Loads W vectors of a row. The last one begins at `last`, so that it ends where the row does: if
// the row is no whole number of vectors it overlaps the one before, and what both hold is computed
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
static inline void apply_epilogue(typename Epilogue<T>::Kind kind, const T* operand, idx last,
                                  M some, V& a, V& b, V& c, V& d) {
  if (kind == Epilogue<T>::relu) {
    a = relu(a);
    if constexpr (W > 1) b = relu(b);
    if constexpr (W > 2) c = relu(c);
    if constexpr (W > 3) d = relu(d);
  } else {
    const V z = splat(0);
    V a2 = z, b2 = z, c2 = z, d2 = z;
    load_row<W, narrow>(operand, last, some, a2, b2, c2, d2);
    if (kind == Epilogue<T>::add) {
      add_row<W>(a, b, c, d, a2, b2, c2, d2);
      return;
    }
    a = mask_positive(a, a2);
    if constexpr (W > 1) b = mask_positive(b, b2);
    if constexpr (W > 2) c = mask_positive(c, c2);
    if constexpr (W > 3) d = mask_positive(d, d2);
    (void)b2, (void)c2, (void)d2;
  }
  (void)b, (void)c, (void)d;
}

// The arguments that all tiles of a product share. They take them by reference, so that a call
// passes four pointers: in small products, a call with many arguments takes longer than the sums.
struct Product {
  idx ldc, ras, cas, ldb, k;
  idx last;  // where a row's last vector begins; if the row is narrow, how many numbers it has
  // Whether the sums start from numbers in memory, how far those lie from c, and the epilogue.
  bool starts;
  typename Epilogue<T>::Kind epilogue;
  idx start, operand;
  // For a product of one row: whether its sums start from a second row too, and how far from c.
  bool starts_twice;
  idx second;
  // For an update: the distance from a weight to its velocity, and the rule.
  idx velocity;
  T lr, momentum;
  // Whether the weights and velocities lie in no near cache. The widest tiles then fetch theirs
  // while they compute the sums, a line of each at every step, so that they are there in the end.
  bool fetches;
  // How many tiles of one shape follow each other, and the distances from each to the next.
  idx times, next_c, next_a, next_b;
};

// Sets what `Assign` reads, for a product without an epilogue.
static inline void plain(Product& by, int acc) {
  by.starts = acc, by.start = 0;
  by.starts_twice = false, by.second = 0;
  by.epilogue = Epilogue<T>::none, by.operand = 0;
}

// What happens to the sums of a tile: `starts` says whether they start from numbers in memory, and
// `put` takes one row of them. `back` (-lr) and `momentum` are the rule of an update.

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

constexpr idx numbers_of_line = 64 / sizeof(T);

// Computes c (R x W vectors) = a (R x k) b (k x W vectors), and the tiles of that shape that
// follow.
template <int R, int W, bool narrow, class Result>
static void tiles(T* c, const T* a, const T* b, const Product& by) {
  const idx ldc = by.ldc, ras = by.ras, cas = by.cas, ldb = by.ldb, last = by.last;
  const M some = first(narrow ? last : 0);
  const V z = splat(0);
  idx velocity = 0;
  T back = 0, momentum = 0;
  [[maybe_unused]] bool fetches = false;
  if constexpr (Result::updates)
    velocity = by.velocity, back = -by.lr, momentum = by.momentum, fetches = by.fetches;
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
    // A pointer to every third row of a: the rows between are one or two strides away.
    const T *a0 = a, *a3 = a0 + 3 * ras, *a6 = a3 + 3 * ras, *a9 = a6 + 3 * ras,
            *a12 = a9 + 3 * ras, *a15 = a12 + 3 * ras, *row_of_b = b;
    [[maybe_unused]] const T* row_to_fetch = c;
    [[maybe_unused]] idx fetched = 0;
    for (idx p = by.k; p > 0; p--) {
      if constexpr (Result::updates && W == max_tile_vectors)
        if (fetches) {
          __builtin_prefetch(row_to_fetch + fetched, 1);
          __builtin_prefetch(row_to_fetch + fetched + velocity, 1);
          fetched += numbers_of_line;
          if (fetched >= W * lanes()) row_to_fetch += ldc, fetched = 0;
        }
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
      if (by.epilogue) {
#define EPILOGUE(r)                                                              \
  if constexpr (r < R) {                                                         \
    apply_epilogue<W, narrow>(by.epilogue, row_of_operand, last, some, SUMS(r)); \
    row_of_operand += ldc;                                                       \
  }
        const T* row_of_operand = c + by.operand;
        EACH_ROW(EPILOGUE)
#undef EPILOGUE
      }
    asm(""
        : "+r"(row_of_c));  // else the compiler computes all rows' addresses ahead and spills them
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

// The size of the next part when `left` is divided into parts of at most `max`. The last two parts
// are about equal, so that a part of 1 never follows larger ones.
static inline idx next_part(idx left, idx max) {
  return left <= max ? left : left < 2 * max ? (left + 1) / 2 : max;
}
