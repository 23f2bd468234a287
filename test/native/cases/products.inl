// Matrix products, also with chosen rows, and the update by a product. Part of `Tests` in
// kernel_test.cpp.

// As many columns as vectors lie in every kind of tile, a few more and fewer: the other sizes
// are of at most one or two of the longest vectors.
std::vector<idx> wide_sizes() const {
  const idx lanes = k.vector_bits() / 8 / idx(sizeof(T));
  std::vector<idx> sizes;
  for (idx vectors = 1; vectors <= 9; vectors++)
    for (idx more : {-1, 0, 1}) sizes.push_back(vectors * lanes + more);
  return sizes;
}

void gemm() {
  start("gemm", 8);
  std::vector<idx> sizes = {0,  1,  2,  3,  4,  5,  7,  8,  9,  12, 15,
                            16, 17, 24, 27, 31, 32, 33, 48, 64, 65};
  std::vector<idx> heights = sizes;
  for (idx m : {6, 10, 11, 13, 14, 18, 25}) heights.push_back(m);
  for (idx m : heights)
    for (idx n : sizes)
      for (idx inner : sizes)
        for (int acc : {0, 1}) one_gemm(m, n, inner, acc, generator()() % 4, generator()() % 3);
  for (idx m : {1, 2, 5, 13})
    for (idx n : wide_sizes())
      for (idx inner : {1, 9})
        for (int acc : {0, 1}) one_gemm(m, n, inner, acc, generator()() % 4, generator()() % 3);
  // Products of several chains of sums, and so many that the result is made block by block.
  for (idx m : {1, 2, 13, 65})
    for (idx n : {1, 5, 17, 67})
      for (idx inner : {256, 257, 300, 4097})
        for (int acc : {0, 1})
          if (m * inner < 1 << 16) one_gemm(m, n, inner, acc, generator()() % 4, generator()() % 3);
}

// layout of a: by rows, by columns, every second column, every second row of columns
void one_gemm(idx m, idx n, idx inner, int acc, unsigned layout, idx pad) {
  if (!report.takes()) return;
  const bool columns = layout & 1;
  const idx every = layout & 2 ? 2 : 1;
  Matrix<T> a(block_a, columns ? inner : m, every * (columns ? m : inner),
              every * (columns ? m : inner) + pad);
  const idx ras = columns ? every : a.ld, cas = columns ? a.ld : every;
  // The last of every second column is missing: nothing may read it.
  T* const first = a.p + (every - 1);
  Matrix<T> b(block_b, inner, n, n + pad), c(block_c, m, n, n + pad, pad == 1);
  a.set_uniform(-1, 1);
  b.set_uniform(-1, 1);
  c.set_uniform(-1, 1);
  std::vector<T> before = c.copy();
  k.gemm(c.p, c.ld, first, ras, cas, b.p, b.ld, m, n, inner, acc, nullptr);
  const real worst =
      product_error(c.p, before.data(), c.ld, first, ras, cas, b.p, b.ld, m, n, inner, acc);
  report.check(worst, a.untouched() && b.untouched() && c.untouched(),
               "%td x %td x %td, acc %d, layout %u, pad %td", m, n, inner, acc, layout, pad);

  // Some with an epilogue, starting from other numbers where they add: to the last bit.
  if (generator()() % 4) return;
  const std::vector<T> sums = c.copy();
  Matrix<T> other(block_d, m, n, n + pad);
  other.set_uniform(-1, 1);
  if (acc)
    for (idx i = 0; i < m; i++)
      for (idx j = 0; j < n; j++) other.p[i * c.ld + j] = before[i * c.ld + j];
  for (const auto kind : {Epilogue<T>::none, Epilogue<T>::relu, Epilogue<T>::mask_positive}) {
    c.set_uniform(-1, 1);
    const Epilogue<T> epilogue{acc ? other.p : nullptr, kind, other.p};
    k.gemm(c.p, c.ld, first, ras, cas, b.p, b.ld, m, n, inner, 0, &epilogue);
    bool same = true;
    for (idx i = 0; i < m; i++)
      for (idx j = 0; j < n; j++) {
        const T sum = sums[i * c.ld + j];
        const bool kept = kind == Epilogue<T>::none ||
                          (kind == Epilogue<T>::relu ? sum : other.p[i * c.ld + j]) > 0;
        same = same && c.p[i * c.ld + j] == (kept ? sum : 0);
      }
    report.check(0, same && other.untouched() && c.untouched(),
                 "%td x %td x %td, acc %d, layout %u, pad %td, epilogue %d", m, n, inner, acc,
                 layout, pad, int(kind));
  }
}

// The worst of c (m x n), which was `before`, against the product in extended precision.
static real product_error(const T* c, const T* before, idx ldc, const T* a, idx ras, idx cas,
                          const T* b, idx ldb, idx m, idx n, idx inner, int acc) {
  real worst = 0;
  for (idx i = 0; i < m; i++)
    for (idx j = 0; j < n; j++) {
      real want = acc ? before[i * ldc + j] : T(0);
      double scale = std::fabs(double(want));
      for (idx p = 0; p < inner; p++) {
        const T x = a[i * ras + p * cas], y = b[p * ldb + j];
        want += real(x) * y;
        scale += std::fabs(double(x) * y);
      }
      worst = std::max(worst, error_in_ulp<T>(c[i * ldc + j], want, scale));
    }
  return worst;
}

void gemm_batch() {
  start("gemm_batch", 8);
  for (idx m : {0, 1, 2, 7, 12, 13, 16, 32, 33})
    for (idx n : {0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33})
      for (idx inner : {0, 1, 4, 7, 16, 17, 65})
        for (idx n1 : {0, 1, 2})
          for (int acc : {0, 1}) {
            if (!report.takes()) continue;
            const idx n2 = 3, count = n1 * n2, pad = idx(generator()() % 3);
            const bool columns = generator()() & 1, side_by_side = generator()() & 1;
            const idx lda = (columns ? m : inner) + pad, height = columns ? inner : m;
            Matrix<T> a(block_a, count * height, columns ? m : inner, lda);
            // Products side by side, or one below the other.
            Matrix<T> b(block_b, side_by_side ? inner : count * inner, side_by_side ? count * n : n,
                        (side_by_side ? count * n : n) + pad);
            Matrix<T> c(block_c, side_by_side ? m : count * m, side_by_side ? count * n : n,
                        (side_by_side ? count * n : n) + pad);
            for (Matrix<T>* x : {&a, &b, &c}) x->set_uniform(-1, 1);
            const idx ras = columns ? 1 : lda, cas = columns ? lda : 1;
            const idx a2 = height * lda, b2 = side_by_side ? n : inner * b.ld,
                      c2 = side_by_side ? n : m * c.ld;
            const std::vector<T> before = c.copy();
            const Batch by{n1, n2, n2 * c2, c2, n2 * a2, a2, n2 * b2, b2};
            k.gemm_batch(c.p, c.ld, a.p, ras, cas, b.p, b.ld, m, n, inner, acc, &by);
            real worst = 0;
            for (idx i = 0; i < count; i++)
              worst = std::max(
                  worst, product_error(c.p + i * c2, before.data() + i * c2, c.ld, a.p + i * a2,
                                       ras, cas, b.p + i * b2, b.ld, m, n, inner, acc));
            report.check(worst, a.untouched() && b.untouched() && c.untouched(),
                         "%td x (%td x %td x %td), acc %d, columns %d, side by side %d", count, m,
                         n, inner, acc, columns, side_by_side);
          }
}

// To the last bit what gemm and then sgd give, and near what the reference gives.
void gemm_sgd() {
  start("gemm_sgd", 8);
  std::vector<idx> sizes = {0,  1,  3,  4,  7,  8,  9,  15, 16, 17, 23,
                            27, 31, 33, 39, 40, 41, 65, 72, 73, 130};
  for (idx n : wide_sizes()) sizes.push_back(n);
  for (idx m : {0, 1, 2, 3, 4, 6, 7, 13, 16, 25})
    for (idx n : sizes)
      for (idx inner : {0, 1, 2, 5, 8, 16, 33, 257, 4100})
        for (idx pad : {0, 3}) {
          if (inner > 33 && (n > 80 || m > 7)) continue;
          if (!report.takes()) continue;
          const bool columns = generator()() & 1;
          Matrix<T> a(block_a, columns ? inner : m, columns ? m : inner, 40 + pad);
          const idx ras = columns ? 1 : a.ld, cas = columns ? a.ld : 1;
          Matrix<T> b(block_b, inner, n, n + pad), w(block_c, m, n, n + pad, pad),
              v(block_d, m, n, n + pad);
          for (Matrix<T>* x : {&a, &b, &w, &v}) x->set_uniform(-1, 1);
          const std::vector<T> w0 = w.copy(), v0 = v.copy();
          std::vector<T> g(m * n), w1 = w0, v1 = v0;
          const T lr = T(0.01), momentum = T(0.9);
          k.gemm(g.data(), n, a.p, ras, cas, b.p, b.ld, m, n, inner, 0, nullptr);
          for (idx i = 0; i < m; i++)
            k.sgd(w1.data() + i * w.ld, v1.data() + i * w.ld, g.data() + i * n, n, 0, lr, momentum);
          k.gemm_sgd(w.p, v.p, w.ld, a.p, ras, cas, b.p, b.ld, m, n, inner, lr, momentum);
          real worst = 0;
          bool same = true;
          for (idx i = 0; i < m; i++)
            for (idx j = 0; j < n; j++) {
              const idx at = i * w.ld + j;
              real speed = real(momentum) * v0[at], scale = std::fabs(speed);
              for (idx p = 0; p < inner; p++) {
                const real term = real(a.p[i * ras + p * cas]) * b(p, j);
                speed += term;
                scale += std::fabs(term);
              }
              same &= w(i, j) == w1[at] && v(i, j) == v1[at];
              worst = std::max(worst, error_in_ulp<T>(v(i, j), speed, scale));
              worst = std::max(worst, error_in_ulp<T>(w(i, j), w0[at] - lr * speed,
                                                      std::fabs(w0[at]) + lr * scale));
            }
          report.check(worst,
                       same && a.untouched() && b.untouched() && w.untouched() && v.untouched(),
                       "%td x %td x %td, columns %d, pad %td", m, n, inner, columns, pad);
        }
}

void products_with_chosen_rows() {
  const char* names[] = {"gemv_rows", "row_dot_rows", "outer_rows"};
  constexpr idx many = 19;
  std::vector<idx> sizes = lengths();
  for (idx n : wide_sizes()) sizes.push_back(n);
  for (idx n : {1500, 5001}) sizes.push_back(n);
  for (int kind = 0; kind < 3; kind++) {
    start(names[kind], 8);
    for (idx n : sizes)
      for (idx count : {0, 1, 2, 3, 7, 8, 16, 256, 257, 4500})
        for (bool chosen : {false, true})
          for (int acc : {0, 1}) {
            // Only a product of rows takes many of them in one call: see vm/scatter.h.
            if (count > 16 && (kind > 0 || n % 16 > 1)) continue;
            if ((kind == 2 && !acc) || !report.takes()) continue;
            const idx inc = 1 + idx(generator()() % 3), pad = idx(generator()() % 3);
            Matrix<T> w(block_a, many, n, n + pad, pad == 1), row(block_b, 1, n, n),
                side(block_c, chosen ? many : count, 1, inc);
            Matrix<int32_t> index(block_d, 1, count, count);
            for (Matrix<T>* m : {&w, &row, &side}) m->set_uniform(-1, 1);
            index.set([&](idx, idx) { return int32_t(generator()() % many); });

            // A product of chosen rows may start from two rows: y itself and one elsewhere.
            Matrix<T> more(block_e, 1, n, n);
            more.set_uniform(-1, 1);
            const bool twice = kind == 0 && acc && generator()() % 2;
            const int relu = kind == 0 && generator()() % 2;

            Matrix<T>& out = kind == 0 ? row : kind == 1 ? side : w;
            std::vector<real> want(out.rows * out.cols), scale(want.size());
            for (idx r = 0; r < out.rows; r++)
              for (idx c = 0; c < out.cols; c++) {
                want[r * out.cols + c] = acc || kind == 1 ? real(out(r, c)) : real(0);
                scale[r * out.cols + c] = std::fabs(want[r * out.cols + c]);
                if (!twice) continue;
                want[c] += more(0, c);
                scale[c] += std::fabs(more(0, c));
              }
            for (idx i = 0; i < count; i++) {
              const idx from = index(0, i), at = chosen ? from : i;
              if (kind == 1 && !acc) want[at] = scale[at] = 0;
              for (idx c = 0; c < n; c++) {
                const real term = kind == 0   ? real(side(at, 0)) * w(from, c)
                                  : kind == 1 ? real(w(from, c)) * row(0, c)
                                              : real(side(at, 0)) * row(0, c);
                const idx to = kind == 0 ? c : kind == 1 ? at : from * n + c;
                want[to] += term;
                scale[to] += std::fabs(term);
              }
            }
            if (kind == 0)
              k.gemv_rows(row.p, side.p, inc, w.p, w.ld, index.p, count, n, chosen,
                          acc ? row.p : nullptr, twice ? more.p : nullptr, relu);
            if (kind == 1)
              k.row_dot_rows(side.p, inc, w.p, w.ld, row.p, index.p, count, n, chosen, acc);
            if (kind == 2) k.outer_rows(w.p, w.ld, side.p, inc, row.p, index.p, count, n, chosen);
            real worst = 0;
            for (idx r = 0; r < out.rows; r++)
              for (idx c = 0; c < out.cols; c++) {
                const real sum = want[r * out.cols + c];
                worst = std::max(worst, error_in_ulp<T>(out(r, c), relu && sum < 0 ? 0 : sum,
                                                        scale[r * out.cols + c]));
              }
            report.check(worst,
                         w.untouched() && row.untouched() && side.untouched() && index.untouched(),
                         "%td of %td rows of %td, chosen %d, acc %d, inc %td, pad %td", count, many,
                         n, chosen, acc, inc, pad);
          }
  }
}
