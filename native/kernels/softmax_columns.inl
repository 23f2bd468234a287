// Softmax down columns, as softmax.inl has it along rows: some columns at a time, all their rows
// after each other, so that what a column has come to stays in the first cache.
// Included by kernels.inl, once per instruction set and type.

constexpr idx softmax_columns_at_once = 64;

static inline void softmax_of_columns(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols) {
  const idx l = lanes(), whole = cols / l * l;
  const M tail = first(cols - whole);
  T top[softmax_columns_at_once], share[softmax_columns_at_once];
  for (idx j = 0; j < whole; j += l)
    store(top + j, over_rows<larger>(rows, [=](idx r) { return load(x + r * ldx + j); }));
  if (whole < cols)
    store(top + whole, over_rows<larger>(rows, [=](idx r) {
            return load(first(cols - whole), x + r * ldx + whole);
          }));
  for (idx r = 0; r < rows; r++) {
    const T* const from = x + r * ldx;
    T* const to = y + r * ldy;
    for (idx j = 0; j < whole; j += l) store(to + j, exp(sub(load(from + j), load(top + j))));
    if (whole < cols)
      store(tail, to + whole, exp(sub(load(tail, from + whole), load(top + whole))));
  }
  for (idx j = 0; j < cols; j += l) store(share + j, splat(1));
  col_sum(share, y, ldy, rows, cols, 0);
  for (idx j = 0; j < cols; j += l) store(share + j, div(splat(1), load(share + j)));
  for (idx r = 0; r < rows; r++) {
    T* const to = y + r * ldy;
    for (idx j = 0; j < whole; j += l) store(to + j, mul(load(to + j), load(share + j)));
    if (whole < cols) store(tail, to + whole, mul(load(tail, to + whole), load(share + whole)));
  }
}

static void softmax_columns(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols) {
  constexpr idx most = softmax_columns_at_once;
  for (idx c = 0; c < cols; c += most)
    softmax_of_columns(y + c, ldy, x + c, ldx, rows, cols - c < most ? cols - c : most);
}

// dx (+)= y (g - the sum of y g down the column), of at most `softmax_columns_at_once` columns.
static inline void softmax_grad_of_columns(T* dx, idx lddx, const T* y, idx ldy, const T* g,
                                           idx ldg, idx rows, idx cols, int acc) {
  const idx l = lanes(), whole = cols / l * l;
  const M tail = first(cols - whole);
  ColumnSums of;
  for (idx j = 0; j < cols; j += l) store(of.sums + j, splat(0)), store(of.losses + j, splat(0));
  for (idx from = 0; from < rows; from += rows_at_once) {
    const idx n = rows - from < rows_at_once ? rows - from : rows_at_once;
    const T *const a = y + from * ldy, *const b = g + from * ldg;
    for (idx j = 0; j < whole; j += l)
      of.add(j, sum_of_rows(
                    n, [=](idx r) { return mul(load(a + r * ldy + j), load(b + r * ldg + j)); }));
    if (whole < cols)
      of.add(whole, sum_of_rows(n, [=](idx r) {
               const M m = first(cols - whole);
               return mul(load(m, a + r * ldy + whole), load(m, b + r * ldg + whole));
             }));
  }
  for (idx j = 0; j < cols; j += l)
    store(of.sums + j, total(load(of.sums + j), load(of.losses + j)));
  for (idx r = 0; r < rows; r++) {
    const T *const a = y + r * ldy, *const b = g + r * ldg;
    T* const to = dx + r * lddx;
    for (idx j = 0; j < whole; j += l)
      put(to + j, mul(load(a + j), sub(load(b + j), load(of.sums + j))), acc);
    if (whole < cols)
      put(tail, to + whole,
          mul(load(tail, a + whole), sub(load(tail, b + whole), load(of.sums + whole))), acc);
  }
}

static void softmax_columns_grad(T* dx, idx lddx, const T* y, idx ldy, const T* g, idx ldg,
                                 idx rows, idx cols, int acc) {
  constexpr idx most = softmax_columns_at_once;
  for (idx c = 0; c < cols; c += most)
    softmax_grad_of_columns(dx + c, lddx, y + c, ldy, g + c, ldg, rows,
                            cols - c < most ? cols - c : most, acc);
}
