// The places of the k largest numbers. Included by kernels.inl, once per instruction set and type.

// Whether x[i] comes before x[j]: larger first, NaN last, ties by place.
static inline bool comes_before(const T* x, idx incx, idx i, idx j) {
  const T u = x[i * incx], v = x[j * incx];
  if (u != u || v != v) return u == u || (v != v && i < j);
  return u > v || (u == v && i < j);
}

// A heap of k places in `index`, the last in order at its root.
static void topk_by_heap(int32_t* index, const T* x, idx incx, idx n, idx k) {
  const auto before = [&](idx i, idx j) { return comes_before(x, incx, i, j); };
  const auto sink = [&](idx at, idx size) {
    const int32_t place = index[at];
    for (idx child; (child = 2 * at + 1) < size; at = child) {
      if (child + 1 < size && before(index[child], index[child + 1])) child++;
      if (!before(place, index[child])) break;
      index[at] = index[child];
    }
    index[at] = place;
  };
  for (idx i = 0; i < k; i++) index[i] = int32_t(i);
  for (idx i = k / 2; i-- > 0;) sink(i, k);
  for (idx i = k; i < n; i++)
    if (before(i, index[0])) {
      index[0] = int32_t(i);
      sink(0, k);
    }
  for (idx size = k; --size > 0;) {
    const int32_t last = index[0];
    index[0] = index[size];
    index[size] = last;
    sink(0, size);
  }
}

// 0, 1, 2, ...: as many as the widest vector has lanes (SVE: 2048 bits).
constexpr T ramp[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                      16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
                      32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
                      48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
constexpr idx widest = sizeof(ramp) / sizeof(T);

// Few numbers, none NaN: each number's rank is the count of those before it, found without a
// branch to mispredict; a lane counts for one number, so that nothing is summed across lanes.
static inline void topk_by_rank(int32_t* index, const T* x, idx n, idx k) {
  const idx l = lanes();
  const V one = splat(1), zero = splat(0);
  for (idx i = 0; i < n; i += l) {
    const idx count = n - i < l ? n - i : l;
    const V mine = count < l ? load(first(count), x + i) : load(x + i);
    const V place = add(splat(T(i)), load(ramp));
    V rank = zero;
    idx j = 0;
    for (; j < i; j++) rank = add(rank, select(ge(splat(x[j]), mine), one, zero));
    for (; j < i + count; j++) {
      const V other = splat(x[j]), tie = select(gt(place, splat(T(j))), one, zero);
      rank = add(rank, select(gt(other, mine), one, select(eq(other, mine), tie, zero)));
    }
    for (; j < n; j++) rank = add(rank, select(gt(splat(x[j]), mine), one, zero));
    T ranks[widest];
    store(ranks, rank);
    for (idx lane = 0; lane < count; lane++)
      if (ranks[lane] < T(k)) index[idx(ranks[lane])] = int32_t(i + lane);
  }
}

static void topk(int32_t* index, const T* x, idx incx, idx n, idx k) {
  if (k <= 0) return;
  constexpr idx few = 128;
  T row[few];
  if (n <= few) {
    if (incx != 1) {
      for (idx i = 0; i < n; i++) row[i] = x[i * incx];
      x = row;
      incx = 1;
    }
    const T best = max_of_row(x, n);
    if (best == best) return topk_by_rank(index, x, n, k);
  }
  topk_by_heap(index, x, incx, n, k);
}
