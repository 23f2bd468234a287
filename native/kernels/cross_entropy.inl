// Cross entropy of rows of logits and their targets, from the softmax that it also returns.
// Included by kernels.inl, once per instruction set and type.

static void cross_entropy(T* loss, T* p, idx ldp, const T* x, idx ldx, const int32_t* index,
                          idx rows, idx cols) {
  if (cols <= 0) return;
  T target[max_rows_at_once];
  SoftmaxRow of[max_rows_at_once];
  Divisors by;
  const idx block = softmax_rows_at_once(cols);
  for (; rows > 0;
       rows -= block, loss += block, index += block, p += block * ldp, x += block * ldx) {
    const idx n = rows < block ? rows : block;
    for (idx r = 0; r < n; r++) {
      target[r] = x[r * ldx + index[r]];  // p may be x
      of[r] = {p + r * ldp, x + r * ldx, cols};
    }
    softmax_rows<true>(of, n, cols, by);
    unary_row<log, false>(by.sum, by.sum, n, 0);
    for (idx r = 0; r < n; r++) loss[r] = by.sum[r] - (target[r] - by.top[r]);
  }
}

static void cross_entropy_grad(T* dx, idx lddx, const T* p, idx ldp, const T* g, idx incg,
                               const int32_t* index, idx rows, idx cols, int acc) {
  for (idx r = 0; r < rows; r++, dx += lddx, p += ldp) {
    const T by = g[r * incg];
    // (p - 1) g, not p g - g, which would be NaN where g is infinite. Read first: dx may be p.
    const idx target = index[r];
    const T old = acc ? dx[target] : T(0), less = p[target] - 1;
    map_row(dx, p, p, cols, acc, [=](V share, V) { return mul(share, splat(by)); });
    dx[target] = old + less * by;
  }
}
