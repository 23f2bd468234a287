// The indices of the k largest numbers. Included by kernels.inl, once per instruction set and type.

// Whether x[i] comes before x[j]: larger numbers first, NaN last, equal numbers by index.
static inline bool comes_before(const T* x, idx incx, idx i, idx j) {
  const T u = x[i * incx], v = x[j * incx];
  if (u != u || v != v) return u == u || (v != v && i < j);
  return u > v || (u == v && i < j);
}

// Keeps the first k indices in a heap in `index`, whose root is the last of them in order.
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

constexpr idx few = 128;    // the most numbers that are compared each with each
constexpr idx widest = 64;  // the lanes of the widest vector: 2048 bits of SVE

// The smallest of n numbers; NaN if one is NaN.
static inline T smallest_of(const T* x, idx n) {
  const idx l = lanes();
  V low = splat(minus_infinity);
  for (idx i = 0; i < n; i += l) {
    const V v = n - i < l ? load(first(n - i), x + i, splat(-minus_infinity)) : load(x + i);
    if (any(is_nan(v))) return hmax(v);
    low = larger(low, neg(v));
  }
  return -hlarger(low);
}

// Finds the k largest of n <= few numbers, none of them NaN, in ascending order of indices: those
// with fewer than k larger ones. Returns false, having written nothing, if ties leave more than k
// of them. Each lane counts for one number, so that nothing is summed across lanes, and no branch,
// which would be hard to predict, depends on the numbers.
static inline bool topk_unordered(int32_t* index, const T* x, idx n, idx k) {
  const idx l = lanes();
  CountOf larger_ones[few + widest];
  for (idx i = 0; i < n; i += l) {
    const V mine = n - i < l ? load(first(n - i), x + i) : load(x + i);
    Count counts = no_count();
#pragma GCC unroll 4
    for (idx j = 0; j < n; j++) counts = count_if(counts, gt(splat(x[j]), mine));
    store(larger_ones + i, counts);
  }
  int32_t places[few + 1];
  idx top = 0;
  for (idx i = 0; i < n; i++) {
    places[top] = int32_t(i);
    top += larger_ones[i] < CountOf(k);
  }
  if (top != k) return false;
  for (idx i = 0; i < k; i++) index[i] = places[i];
  return true;
}

// Sorts the indices of n <= few numbers, none of them NaN. The rank of a number is the count of
// those that come before it, found as above.
static inline void order_by_rank(int32_t* order, const T* x, idx n) {
  const idx l = lanes();
  for (idx i = 0; i < n; i++) order[i] = -1;
  for (idx i = 0; i < n; i += l) {
    const idx count = n - i < l ? n - i : l;
    const V mine = count < l ? load(first(count), x + i) : load(x + i);
    Count counts = no_count();
    idx j = 0;
#pragma GCC unroll 4
    for (; j < i; j++) counts = count_if(counts, ge(splat(x[j]), mine));
#pragma GCC unroll 4
    for (; j < n; j++) counts = count_if(counts, gt(splat(x[j]), mine));
    CountOf ranks[widest];
    store(ranks, counts);
    for (idx lane = 0; lane < count; lane++) {
      // Equal numbers of this vector have the same rank: they take the places from there on.
      idx at = idx(ranks[lane]);
      while (order[at] >= 0) at++;
      order[at] = int32_t(i + lane);
    }
  }
}

// For n <= few numbers, none of them NaN, many of which equal the smallest, as zeros do after a
// relu: those come last, by index, and only the others are ranked, or not even those if all of them
// are among the k and any order will do. Returns false, having written nothing, if fewer than a
// quarter equal the smallest.
static inline bool topk_above_smallest(int32_t* index, const T* x, idx n, idx k, T smallest,
                                       int any_order) {
  const idx l = lanes();
  const V bottom = splat(smallest), one = splat(1), none = splat(0);
  V ties = none;
  idx i = 0;
  for (; i + l <= n; i += l) ties = add(ties, select(eq(load(x + i), bottom), one, none));
  if (i < n) {
    const M rest = first(n - i);
    ties = add(ties, keep(rest, select(eq(load(rest, x + i), bottom), one, none)));
  }
  const idx equal = idx(hsum(ties)), count = n - equal;
  if (4 * equal < n) return false;

  // No branches below: which numbers are above the smallest is hard to predict.
  int32_t places[few];
  if (any_order && count <= k) {
    idx top = 0;
    for (i = 0; i < n; i++) {
      const bool is_above = x[i] > smallest;
      places[is_above ? top : count + i - top] = int32_t(i);
      top += is_above;
    }
    for (i = 0; i < k; i++) index[i] = places[i];
    return true;
  }
  if (any_order && n <= 4 * l && topk_unordered(index, x, n, k)) return true;
  T above[few];
  int32_t order[few], rest[few];
  idx top = 0;
  for (i = 0; i < n; i++) {
    above[top] = x[i];
    places[top] = rest[i - top] = int32_t(i);
    top += x[i] > smallest;
  }
  order_by_rank(order, above, count);
  for (i = 0; i < k; i++) index[i] = i < count ? places[order[i]] : rest[i - count];
  return true;
}

// For many numbers, dealt to `columns` disjoint parts: the k-th largest of the parts' maxima is at
// most the k-th largest number, so that only numbers at least as large can be among the first k.
// Returns false, having written nothing, if a number is NaN or more than `few` are as large.
static inline bool topk_by_threshold(int32_t* index, const T* x, idx n, idx k, idx columns) {
  const idx l = lanes();
  T large[few];
  int32_t order[few], places[few];
  const idx whole = n - n % columns;
  for (idx c = 0; c < columns; c += l) {
    V best = load(x + c);
    for (idx i = columns; i < whole; i += columns) best = max(best, load(x + i + c));
    store(large + c, best);
  }
  const T top = max_of_row(large, columns);
  if (top != top) return false;
  order_by_rank(order, large, columns);
  const T threshold = large[order[k - 1]];

  idx count = 0;
  const auto keep = [&](idx i) {  // no branch: whether a number is kept is hard to predict
    large[count] = x[i];
    places[count] = int32_t(i);
    count += x[i] >= threshold;
  };
  idx i = 0;
  for (; i < whole; i += l) {
    if (!any(ge(load(x + i), splat(threshold)))) continue;
    if (count + l > few) return false;
    for (idx lane = 0; lane < l; lane++) keep(i + lane);
  }
  for (; i < n; i++) {
    if (count == few || x[i] != x[i]) return false;
    keep(i);
  }
  order_by_rank(order, large, count);
  for (idx at = 0; at < k; at++) index[at] = places[order[at]];
  return true;
}

static void topk(int32_t* index, const T* x, idx incx, idx n, idx k, int any_order) {
  if (k <= 0) return;
  const idx l = lanes(), columns = (4 * k + l - 1) / l * l;
  if (incx == 1 && columns <= few && n >= 2 * columns && topk_by_threshold(index, x, n, k, columns))
    return;
  T row[few];
  if (n <= few) {
    if (incx != 1) {
      for (idx i = 0; i < n; i++) row[i] = x[i * incx];
      x = row;
      incx = 1;
    }
    const T smallest = smallest_of(x, n);
    if (smallest == smallest) {
      if (topk_above_smallest(index, x, n, k, smallest, any_order)) return;
      if (any_order && topk_unordered(index, x, n, k)) return;
      int32_t order[few];
      order_by_rank(order, x, n);
      for (idx i = 0; i < k; i++) index[i] = order[i];
      return;
    }
  }
  topk_by_heap(index, x, incx, n, k);
}
