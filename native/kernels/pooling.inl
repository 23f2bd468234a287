// Maxima of windows. Included by kernels.inl, once per instruction set and type.

// `now` where u is larger than `best` or NaN, else `before`.
static inline V taken(V u, V best, V now, V before) {
  return select(is_nan(u), now, select(gt(u, best), now, before));
}

template <bool has_taps>
static inline void largest_by(T* best, T* taps, const T* const* x, const T* numbers, idx count,
                              idx n, int adds) {
  const idx l = lanes();
  idx j = 0;
  for (; j + l <= n; j += l) {
    V most = load(adds ? best + j : x[0] + j), tap = splat(*numbers);
    if (has_taps && adds) tap = load(taps + j);
    for (idx t = !adds; t < count; t++) {
      const V u = load(x[t] + j);
      if (has_taps) tap = taken(u, most, splat(numbers[t]), tap);
      most = taken(u, most, u, most);
    }
    store(best + j, most);
    if (has_taps) store(taps + j, tap);
  }
  if (j == n) return;
  const M m = first(n - j);
  V most = load(m, adds ? best + j : x[0] + j), tap = splat(*numbers);
  if (has_taps && adds) tap = load(m, taps + j);
  for (idx t = !adds; t < count; t++) {
    const V u = load(m, x[t] + j);
    if (has_taps) tap = taken(u, most, splat(numbers[t]), tap);
    most = taken(u, most, u, most);
  }
  store(m, best + j, most);
  if (has_taps) store(m, taps + j, tap);
}

static void largest_of(T* best, T* taps, const T* const* x, const T* numbers, idx count, idx n,
                       int adds) {
  if (taps)
    largest_by<true>(best, taps, x, numbers, count, n, adds);
  else
    largest_by<false>(best, taps, x, numbers, count, n, adds);
}
