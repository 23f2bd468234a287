// Kernels that move numbers: transpose, and gather and scatter of rows.
// Included by kernels.inl, once per instruction set and type.

// Transposes in tiles of R x C. Where the size is no multiple of a tile, the last tile overlaps the
// one before and moves the same numbers to the same places again.
template <idx R, idx C, void (*tile)(T*, idx, const T*, idx)>
static inline void transpose_by_tiles(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols) {
  const auto strip = [=](idx r) {
    idx c = 0;
    for (; c + C <= cols; c += C) tile(y + c * ldy + r, ldy, x + r * ldx + c, ldx);
    if (c < cols) tile(y + (cols - C) * ldy + r, ldy, x + r * ldx + cols - C, ldx);
  };
  idx r = 0;
  for (; r + R <= rows; r += R) strip(r);
  if (r < rows) strip(rows - R);
}

// Of two columns side by side, which the compiler turns into shuffles.
static inline void transpose_pairs(T* __restrict y, T* __restrict z, const T* __restrict x,
                                   idx rows) {
  for (idx r = 0; r < rows; r++) {
    y[r] = x[2 * r];
    z[r] = x[2 * r + 1];
  }
}

static void transpose(T* y, idx ldy, const T* x, idx ldx, idx rows, idx cols) {
  if (cols == 2 && ldx == 2) return transpose_pairs(y, y + ldy, x, rows);
  if (rows >= tile_rows && cols >= tile_cols)
    return transpose_by_tiles<tile_rows, tile_cols, transpose_tile>(y, ldy, x, ldx, rows, cols);
  if (rows >= square && cols >= square)
    return transpose_by_tiles<square, square, transpose_square>(y, ldy, x, ldx, rows, cols);
  for (idx r = 0; r < rows; r++)
    for (idx c = 0; c < cols; c++) y[c * ldy + r] = x[r * ldx + c];
}

static void gather(T* y, idx ldy, const T* x, idx ldx, const int32_t* index, idx rows, idx cols) {
  if (cols == 1) {
    for (idx r = 0; r < rows; r++) y[r * ldy] = x[index[r] * ldx];
    return;
  }
  for (idx r = 0; r < rows; r++) unary_row<copy, false>(y + r * ldy, x + index[r] * ldx, cols, 0);
}

static void scatter_add(T* y, idx ldy, const T* x, idx ldx, const int32_t* index, idx rows,
                        idx cols) {
  if (cols == 1) {
    for (idx r = 0; r < rows; r++) y[index[r] * ldy] += x[r * ldx];
    return;
  }
  for (idx r = 0; r < rows; r++) unary_row<copy, false>(y + index[r] * ldy, x + r * ldx, cols, 1);
}
