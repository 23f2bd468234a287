// Products of many terms: the contracted dimension is divided into parts, so that no number of the
// result is one long chain of sums. Included by kernels.inl, once per instruction set and type.

// Calls part(p, n) for parts of k of about equal length: those of n from p on.
template <class Part>
static inline void for_parts(idx k, idx longest, Part part) {
  const idx parts = (k + longest - 1) / longest, each = (k + parts - 1) / parts;
  for (idx p = 0; p < k; p += each) part(p, k - p < each ? k - p : each);
}

static inline Epilogue<T> adding_to(const T* c) { return {nullptr, Epilogue<T>::add, c}; }

// A product of at most `products_in_chains` terms.
static inline void gemm_in_chains(T* c, idx ldc, const T* a, idx ras, idx cas, const T* b, idx ldb,
                                  idx m, idx n, idx k, int acc, const T* start) {
  // A panel of the result stays in the second cache.
  const idx width = m == 1 ? n : max_tile_vectors * lanes();
  for (idx j = 0; j < n; j += width)
    for_parts(k, products_in_a_chain, [=](idx p, idx each) {
      const Epilogue<T> first{start ? start + j : nullptr, Epilogue<T>::none, nullptr};
      const Epilogue<T> other = adding_to(c + j);
      gemm(c + j, ldc, a + p * cas, ras, cas, b + p * ldb + j, ldb, m,
           n - j < width ? n - j : width, each, p == 0 && acc, p == 0 ? &first : &other);
    });
}

// Adds up, without loss, what add_part(y, p, n) writes to y for every part of k. Returns `count`
// numbers in `sums`.
template <class Add>
static inline void sum_of_parts(T* sums, idx count, idx k, idx longest, Add add_part) {
  T part[results_at_once], losses[results_at_once];
  fill(sums, 0, 0, 1, count);
  fill(losses, 0, 0, 1, count);
  const idx l = lanes();
  for_parts(k, longest, [&](idx p, idx n) {
    add_part(part, p, n);
    for (idx j = 0; j < count; j += l) {
      V sum = load(sums + j), lost = load(losses + j);
      add_exactly(sum, lost, load(part + j));
      store(sums + j, sum), store(losses + j, lost);
    }
  });
  for (idx j = 0; j < count; j += l) store(sums + j, total(load(sums + j), load(losses + j)));
}

// Calls put(i, j, n, sums) for every row of every block of the result: for its n numbers in row i
// from column j on.
template <class Put>
static inline void long_product(const T* a, idx ras, idx cas, const T* b, idx ldb, idx m, idx n,
                                idx k, Put put) {
  if (m <= 0) return;
  T sums[results_at_once];
  const idx rows = m < result_rows_at_once ? m : result_rows_at_once;
  const idx cols = results_at_once / rows;
  for (idx j = 0; j < n; j += cols)
    for (idx i = 0; i < m; i += rows) {
      const idx height = m - i < rows ? m - i : rows, width = n - j < cols ? n - j : cols;
      sum_of_parts(sums, height * width, k, products_in_chains, [=](T* part, idx p, idx each) {
        gemm_in_chains(part, width, a + i * ras + p * cas, ras, cas, b + p * ldb + j, ldb, height,
                       width, each, 0, nullptr);
      });
      for (idx r = 0; r < height; r++) put(i + r, j, width, sums + r * width);
    }
}

static inline void apply_to_row(typename Epilogue<T>::Kind kind, T* c, const T* operand, idx n) {
  if (kind == Epilogue<T>::relu) unary_row<relu, false>(c, c, n, 0);
  if (kind == Epilogue<T>::mask_positive)
    binary_row<mask_positive, false, false>(c, c, operand, n, 0);
  if (kind == Epilogue<T>::add) binary_row<add, false, false>(c, c, operand, n, 0);
}

static __attribute__((noinline)) void gemm_long(T* c, idx ldc, const T* a, idx ras, idx cas,
                                                const T* b, idx ldb, idx m, idx n, idx k, int acc,
                                                const Epilogue<T>* epilogue) {
  const T* const start = epilogue && epilogue->start ? epilogue->start : acc ? c : nullptr;
  if (k <= products_in_chains)
    gemm_in_chains(c, ldc, a, ras, cas, b, ldb, m, n, k, acc, start);
  else
    long_product(a, ras, cas, b, ldb, m, n, k, [=](idx i, idx j, idx width, T* sums) {
      const idx at = i * ldc + j;
      if (start) binary_row<add, false, false>(sums, sums, start + at, width, 0);
      unary_row<copy, false>(c + at, sums, width, 0);
    });
  if (!epilogue) return;
  for (idx i = 0; i < m; i++)
    apply_to_row(epilogue->kind, c + i * ldc, epilogue->operand + i * ldc, n);
}

static __attribute__((noinline)) void gemm_sgd_long(T* w, T* v, idx ld, const T* a, idx ras,
                                                    idx cas, const T* b, idx ldb, idx m, idx n,
                                                    idx k, T lr, T momentum) {
  long_product(a, ras, cas, b, ldb, m, n, k, [=](idx i, idx j, idx width, T* sums) {
    sgd(w + i * ld + j, v + i * ld + j, sums, width, 0, lr, momentum);
  });
}
