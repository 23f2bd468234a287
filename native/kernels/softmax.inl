// Softmax of rows: exp(x - max) / sum over the first `len` numbers of a row, and 0 behind them.
// Included by kernels.inl, once per instruction set and type.
//
// The maximum is subtracted so that nothing overflows. If a number is NaN, so is the sum, whatever
// was taken for the maximum.

constexpr idx max_rows_at_once = 64;

// For each row of a block: its maximum (some number of the row if one is NaN) and its sum; both are
// 0 for a row of length 0.
struct Divisors {
  T top[max_rows_at_once], sum[max_rows_at_once];
};

// Softmax of several rows, as many as fit into `block` in whole vectors. The steps of one row
// depend on each other and would fill the processor's queue while they wait: each step is taken for
// all rows before the next. Lanes beyond a row's length hold -inf, and then 0. W is the number of
// vectors in a row, 0 where it is not known at compile time.
constexpr idx block_numbers = 512;
template <int W, class Length>
static inline void softmax_in_block(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols,
                                    Length length, Divisors& by) {
  alignas(64) T block[block_numbers];
  const idx l = lanes(), width = W ? W * l : (cols + l - 1) / l * l;
  T* row = block;
  for (idx r = 0; r < rows; r++, row += width, x += ldx) {
    const idx len = length(r);
    const auto get = [=](idx j) {
      const idx n = len - j;
      if (n >= l) return load(x + j);
      const V none = splat(minus_infinity);
      return n > 0 ? load(first(n), x + j, none) : none;
    };
    V best = get(0);
    for (idx j = l; j < width; j += l) best = larger(best, get(j));
    const T top = by.top[r] = len ? hlarger(best) : 0;
    for (idx j = 0; j < width; j += l) store(row + j, sub(get(j), splat(top)));
  }
  for (idx j = 0; j < rows * width; j += l) store(block + j, exp(load(block + j)));
  row = block;
  for (idx r = 0; r < rows; r++, row += width, y += ldy) {
    V sum = load(row);
    for (idx j = l; j < width; j += l) sum = add(sum, load(row + j));
    const T whole = by.sum[r] = hsum(sum);
    const V share = splat(whole == 0 ? whole : T(1) / whole);
    idx j = 0;
    for (; j + l <= cols; j += l) store(y + j, mul(load(row + j), share));
    if (j < cols) store(first(cols - j), y + j, mul(load(row + j), share));
  }
}

// Softmax of one row that is too long for a block: its steps go through memory.
static inline void softmax_long_row(T* y, const T* x, idx len, idx cols, T& top, T& sum) {
  const idx l = lanes();
  const V base = splat(*x);
  V best = base, sums = splat(0);
  idx j = 0;
  for (; j + l <= len; j += l) best = larger(best, load(x + j));
  if (j < len) best = larger(best, load(first(len - j), x + j, base));
  top = hlarger(best);
  const V largest = splat(top);
  for (j = 0; j + l <= len; j += l) {
    const V e = exp(sub(load(x + j), largest));
    store(y + j, e);
    sums = add(sums, e);
  }
  if (j < len) {
    const M m = first(len - j);
    const V e = keep(m, exp(sub(load(m, x + j, base), largest)));
    store(m, y + j, e);
    sums = add(sums, e);
  }
  sum = hsum(sums);
  const T share = T(1) / sum;
  map_row(y, y, y, len, 0, [=](V e, V) { return mul(e, splat(share)); });
  fill(y + len, 0, 0, 1, cols - len);
}

// How many rows to process together.
static inline idx softmax_rows_at_once(idx cols) {
  const idx l = lanes(), rows = block_numbers / ((cols + l - 1) / l * l);
  return rows < 1 ? 1 : rows < max_rows_at_once ? rows : max_rows_at_once;
}
// Softmax of at most that many rows.
template <class Length>
static inline void softmax_rows(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols,
                                Length length, Divisors& by) {
  const idx l = lanes();
  if (cols <= l)
    softmax_in_block<1>(y, ldy, x, ldx, rows, cols, length, by);
  else if (cols <= 2 * l)
    softmax_in_block<2>(y, ldy, x, ldx, rows, cols, length, by);
  else if (cols <= 3 * l)
    softmax_in_block<3>(y, ldy, x, ldx, rows, cols, length, by);
  else if (cols <= 4 * l)
    softmax_in_block<4>(y, ldy, x, ldx, rows, cols, length, by);
  else if (cols + l <= block_numbers)
    softmax_in_block<0>(y, ldy, x, ldx, rows, cols, length, by);
  else if (const idx len = length(0))
    softmax_long_row(y, x, len, cols, by.top[0], by.sum[0]);
  else
    fill(y, 0, 0, 1, cols);
}

static void softmax(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols, idx first_len,
                    idx step_len) {
  if (cols <= 0) return;
  Divisors by;
  const idx block = softmax_rows_at_once(cols);
  for (; rows > 0;
       rows -= block, first_len += block * step_len, y += block * ldy, x += block * ldx) {
    const auto length = [=](idx r) {
      const idx limit = first_len + r * step_len;
      return limit >= cols ? cols : limit > 0 ? limit : 0;
    };
    softmax_rows(y, ldy, x, ldx, rows < block ? rows : block, cols, length, by);
  }
}

static void softmax_grad(T* dx, idx lddx, const T* y, idx ldy, const T* g, idx ldg, idx rows,
                         idx cols, int acc) {
  for (idx r = 0; r < rows; r++, dx += lddx, y += ldy, g += ldg) {
    const T mean = dot_of_row(y, g, cols);
    map_row(dx, y, g, cols, acc,
            [=](V share, V grad) { return mul(share, sub(grad, splat(mean))); });
  }
}
