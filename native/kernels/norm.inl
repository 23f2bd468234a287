// RMS normalisation of rows.
// Included by kernels.inl, once per instruction set and type.

static inline T square_root(T x) {
  if constexpr (is_float)
    return __builtin_sqrtf(x);
  else
    return __builtin_sqrt(x);
}

static void row_norm(T* y, idx ldy, T* inv, const T* x, idx ldx, idx rows, idx cols, T scale,
                     T eps) {
  for (idx r = 0; r < rows; r++, y += ldy, x += ldx) {
    const T i = inv[r] = 1 / square_root(scale * dot_of_row(x, x, cols) + eps);
    map_row(y, x, x, cols, 0, [=](V v, V) { return mul(v, splat(i)); });
  }
}

static void row_norm_grad(T* dx, idx lddx, const T* g, idx ldg, const T* x, idx ldx, const T* inv,
                          idx rows, idx cols, T scale, int acc) {
  for (idx r = 0; r < rows; r++, dx += lddx, g += ldg, x += ldx) {
    const T i = inv[r];
    const T back = -(i * i * i * scale * dot_of_row(g, x, cols));
    map_row(dx, g, x, cols, acc,
            [=](V grad, V v) { return fma(v, splat(back), mul(grad, splat(i))); });
  }
}
