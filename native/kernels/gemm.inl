// Matrix products: the result is divided into panels of W vectors of columns, and panels into
// tiles. Included by kernels.inl, once per instruction set and type.

// The sums of one tile in registers:
#include "kernels/gemm_tile.inl"
// Products of one row:
#include "kernels/gemm_row.inl"

// The functions of all tiles of W vectors, by their number of rows less one.
using Tiles = void (*)(T*, const T*, const T*, const Product&);

// R if tiles of W vectors can have so many rows, else 1, so that no larger tile is instantiated.
template <int R, int W>
constexpr int rows_or_one = R <= rows_for(W) ? R : 1;

template <int W, bool narrow, class Result>
static constexpr Tiles tiles_of[] = {
#define ENTRY(r) tiles<rows_or_one<r + 1, W>, W, narrow, Result>,
    EACH_ROW(ENTRY)
#undef ENTRY
};

// A panel: W vectors of columns, all rows.
template <int W, bool narrow, class Result>
static void panel(T* c, const T* a, const T* b, idx m, Product& by) {
  constexpr idx max = rows_for(W);
  by.next_b = 0;
  while (m > 0) {
    const idx rows = next_part(m, max);
    by.times = m >= 2 * max ? m / max - 1 : 2 * rows == m ? 2 : 1;
    by.next_c = rows * by.ldc;
    by.next_a = rows * by.ras;
    tiles_of<W, narrow, Result>[rows - 1](c, a, b, by);
    c += by.times * by.next_c;
    a += by.times * by.next_a;
    m -= by.times * rows;
  }
}

// A product of two rows or more, panel by panel.
template <class Result>
__attribute__((always_inline)) static inline void rows_by_panels(T* c, const T* a, const T* b,
                                                                 idx m, idx n, Product& by) {
  const idx l = lanes();
  if (n < l) {
    by.last = n;
    if (n > 0) panel<1, true, Result>(c, a, b, m, by);
    return;
  }
  const idx max = m <= 2 ? max_vectors : max_tile_vectors;
  for (idx vectors = (n + l - 1) / l; vectors > 0;) {
    const idx width = next_part(vectors, max);
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
                 idx k, int acc, const Epilogue<T>* epilogue);

// Products of many terms:
#include "kernels/gemm_long.inl"

static void gemm(T* c, idx ldc, const T* a, idx ras, idx cas, const T* b, idx ldb, idx m, idx n,
                 idx k, int acc, const Epilogue<T>* epilogue) {
  if (k > products_in_a_chain)
    return gemm_long(c, ldc, a, ras, cas, b, ldb, m, n, k, acc, epilogue);
  Product by;
  plain(by, acc);
  if (epilogue) {
    if (epilogue->start) by.starts = true, by.start = epilogue->start - c;
    by.epilogue = epilogue->kind;
    if (by.epilogue > Epilogue<T>::relu) by.operand = epilogue->operand - c;
  }
  if (m == 1) return one_row(c, Rows{a, cas, b, ldb}, n, k, Assign{}, by);
  by.ldc = ldc, by.ras = ras, by.cas = cas, by.ldb = ldb, by.k = k;
  rows_by_panels<Assign>(c, a, b, m, n, by);
}

// A panel of every product of a batch: each tile is computed for all products before the next tile.
// Small products take less time than a call and a choice of tiles for each of them.
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
  // Larger products are best computed one after the other, and so is a product of one row whose
  // chain of sums takes longer than dividing it into several chains does.
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
  if (k > products_in_a_chain)
    return gemm_sgd_long(w, v, ld, a, ras, cas, b, ldb, m, n, k, lr, momentum);
  Product by;
  by.velocity = v - w, by.lr = lr, by.momentum = momentum;
  by.fetches = m * n >= least_to_fetch && k >= least_steps_to_fetch;
  if (m == 1) return one_row(w, Rows{a, cas, b, ldb}, n, k, Update{}, by);
  by.ldc = ld, by.ras = ras, by.cas = cas, by.ldb = ldb, by.k = k;
  rows_by_panels<Update>(w, a, b, m, n, by);
}
