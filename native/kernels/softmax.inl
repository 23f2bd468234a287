// Softmax of rows: exp(x - max) / sum over the first `len` numbers of a row, and 0 behind them.
// Included by kernels.inl, once per instruction set and type.
//
// The maximum is subtracted so that nothing overflows. If a number is NaN, so is the sum, whatever
// was taken for the maximum.

constexpr idx max_rows_at_once = 64;

// A row: the softmax of the first `len` numbers of x.
struct SoftmaxRow {
  T* y;
  const T* x;
  idx len;
};

// For each row of a block: its maximum (some number of the row if one is NaN) and its sum; both are
// 0 for a row of length 0.
struct Divisors {
  T top[max_rows_at_once], sum[max_rows_at_once];
};

// The numbers of a row from number j on, and `other` behind its last one. A whole row ends in the
// last of its vectors, in which it has the numbers of `tail`: the others need not be asked.
template <bool is_whole>
static inline V load_part(const T* x, idx j, idx len, idx width, M tail, V other) {
  const idx l = lanes(), n = len - j;
  if constexpr (is_whole)
    return j + l < width || len == width ? load(x + j) : load(tail, x + j, other);
  return n >= l ? load(x + j) : n > 0 ? load(first(n), x + j, other) : other;
}

// Softmax of several rows, as many as fit into `block` in whole vectors. The steps of one row
// depend on each other and would fill the processor's queue while they wait: each step is taken for
// all rows before the next. A row that is short for its vectors takes only its length in the block:
// the row behind it overwrites the rest. W is the number of vectors in a row, 0 where it is not
// known at compile time. `are_whole`: every row has `cols` numbers.
constexpr idx block_numbers = 512;
template <int W, bool are_whole>
static inline void softmax_in_block(const SoftmaxRow* rows, idx count, idx cols, Divisors& by) {
  const idx l = lanes(), width = W ? W * l : (cols + l - 1) / l * l;
  const M tail = first(cols - (width - l));
  const auto size = [=](idx len) { return 2 * len <= width ? len : width; };
  alignas(64) T block[2 * block_numbers];
  T* row = block;
  for (idx r = 0; r < count; r++) {
    const T* const x = rows[r].x;
    const idx len = are_whole ? cols : rows[r].len;
    const V none = splat(minus_infinity);
    V best = load_part<are_whole>(x, 0, len, width, tail, none);
    for (idx j = l; j < width; j += l)
      best = larger(best, load_part<are_whole>(x, j, len, width, tail, none));
    const T top = by.top[r] = len ? hlarger(best) : 0;
    for (idx j = 0; j < width; j += l)
      store(row + j, sub(load_part<are_whole>(x, j, len, width, tail, none), splat(top)));
    row += size(len);
  }
  const T* const end = row;
  store(row, splat(0));
  for (row = block; row < end; row += l) store(row, exp(load(row)));
  row = block;
  for (idx r = 0; r < count; r++) {
    T* const y = rows[r].y;
    const idx len = are_whole ? cols : rows[r].len;
    // Behind a row that is not short, the block holds zeros.
    const bool is_padded = size(len) == width;
    const auto part = [=](idx j, M last) {
      return is_padded ? load(row + j) : load_part<are_whole>(row, j, len, width, last, splat(0));
    };
    V sum = part(0, tail);
    for (idx j = l; j < width; j += l) sum = add(sum, part(j, tail));
    const T whole = by.sum[r] =
        W || width <= chain * l ? hsum(sum) : sum_of_terms(Numbers{row}, is_padded ? width : len);
    const T share = whole == 0 ? whole : T(1) / whole;
    for (idx j = 0; j + l < width; j += l) store(y + j, mul(part(j, tail), splat(share)));
    const idx last = width - l;
    const V shares = mul(part(last, tail), splat(share));
    cols == width ? store(y + last, shares) : store(tail, y + last, shares);
    row += size(len);
  }
}

// Softmax of one row that is too long for a block: its steps go through memory.
static inline void softmax_long_row(T* y, const T* x, idx len, idx cols, T& top, T& sum) {
  const idx l = lanes(), at_once = 2 * chain * l;
  const V base = splat(*x);
  V best = base, sum_of_all = splat(0), lost = sum_of_all;
  idx j = 0;
  for (; j + l <= len; j += l) best = larger(best, load(x + j));
  if (j < len) best = larger(best, load(first(len - j), x + j, base));
  top = hlarger(best);
  const V largest = splat(top);
  for (j = 0; j + l <= len;) {
    V sums = splat(0);
    for (const idx end = j + at_once < len ? j + at_once : len; j + l <= end; j += l) {
      const V e = exp(sub(load(x + j), largest));
      store(y + j, e);
      sums = add(sums, e);
    }
    add_exactly(sum_of_all, lost, sums);
  }
  if (j < len) {
    const M m = first(len - j);
    const V e = keep(m, exp(sub(load(m, x + j, base), largest)));
    store(m, y + j, e);
    add_exactly(sum_of_all, lost, e);
  }
  sum = hsum(total(sum_of_all, lost));
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
template <bool are_whole>
static inline void softmax_rows(const SoftmaxRow* rows, idx count, idx cols, Divisors& by) {
  const idx l = lanes();
  if (cols <= l)
    softmax_in_block<1, are_whole>(rows, count, cols, by);
  else if (cols <= 2 * l)
    softmax_in_block<2, are_whole>(rows, count, cols, by);
  else if (cols <= 3 * l)
    softmax_in_block<3, are_whole>(rows, count, cols, by);
  else if (cols <= 4 * l)
    softmax_in_block<4, are_whole>(rows, count, cols, by);
  else if (cols + l <= block_numbers)
    softmax_in_block<0, are_whole>(rows, count, cols, by);
  else if (rows->len)
    softmax_long_row(rows->y, rows->x, rows->len, cols, by.top[0], by.sum[0]);
  else
    fill(rows->y, 0, 0, 1, cols);
}

static void softmax(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols, idx first_len,
                    idx step_len, const Batch* batch) {
  if (cols <= 0) return;
  const Batch& each = batch ? *batch : one_of_a_batch;
  const idx most = softmax_rows_at_once(cols);
  SoftmaxRow block[max_rows_at_once];
  Divisors by;
  idx count = 0;
  for (idx i1 = 0; i1 < each.n1; i1++)
    for (idx i2 = 0; i2 < each.n2; i2++) {
      T* y_row = y + i1 * each.c1 + i2 * each.c2;
      const T* x_row = x + i1 * each.a1 + i2 * each.a2;
      idx limit = first_len;
      for (idx r = 0; r < rows; r++, y_row += ldy, x_row += ldx, limit += step_len) {
        block[count++] = {y_row, x_row, limit >= cols ? cols : limit > 0 ? limit : 0};
        if (count < most) continue;
        softmax_rows<false>(block, count, cols, by);
        count = 0;
      }
    }
  if (count) softmax_rows<false>(block, count, cols, by);
}

static void softmax_grad(T* dx, idx lddx, const T* y, idx ldy, const T* g, idx ldg, idx rows,
                         idx cols, int acc, const Batch* batch) {
  const Batch& each = batch ? *batch : one_of_a_batch;
  const M some = first(cols < lanes() ? cols : 0);
  for (idx i1 = 0; i1 < each.n1; i1++)
    for (idx i2 = 0; i2 < each.n2; i2++) {
      T* to = dx + i1 * each.c1 + i2 * each.c2;
      const T* share = y + i1 * each.a1 + i2 * each.a2;
      const T* grad = g + i1 * each.b1 + i2 * each.b2;
      for (idx r = 0; r < rows; r++, to += lddx, share += ldy, grad += ldg) {
        if (cols < lanes()) {
          const V p = load(some, share), by = load(some, grad);
          put(some, to, mul(p, sub(by, splat(hsum(mul(p, by))))), acc);
          continue;
        }
        const T mean = dot_of_row(share, grad, cols);
        map_row(to, share, grad, cols, acc,
                [=](V p, V by) { return mul(p, sub(by, splat(mean))); });
      }
    }
}
