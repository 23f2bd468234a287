// Moves: transposes, gathers and the largest numbers. Part of `Tests` in kernel_test.cpp.

void transpose() {
  start("transpose", 0);
  for (idx rows = 0; rows <= 35; rows++)
    for (idx cols = 0; cols <= 35; cols++)
      for (idx pad : {0, 1}) {
        if (!report.takes()) continue;
        Matrix<T> y(block_a, cols, rows, rows + pad, pad), x(block_b, rows, cols, cols + 2 * pad);
        x.set_uniform(-1, 1);
        k.transpose(y.p, y.ld, x.p, x.ld, rows, cols);
        bool same = true;
        for (idx r = 0; r < rows; r++)
          for (idx c = 0; c < cols; c++) same &= y(c, r) == x(r, c);
        report.check(0, same && y.untouched() && x.untouched(), "%td x %td, pad %td", rows, cols,
                     pad);
      }
}

void gather_and_scatter() {
  for (bool scatter : {false, true}) {
    start(scatter ? "scatter_add" : "gather", 0);
    for (idx cols : lengths())
      for (idx rows : {0, 1, 7})
        for (idx pad : {0, 2}) {
          if (!report.takes()) continue;
          const idx many = 5;
          std::vector<int32_t> index;
          for (idx r = 0; r < rows; r++) index.push_back(int32_t(generator()() % many));
          Matrix<T> y(block_a, scatter ? many : rows, cols, cols + pad, pad),
              x(block_b, scatter ? rows : many, cols, cols + pad);
          y.set_uniform(-1, 1);
          x.set_uniform(-1, 1);
          std::vector<T> want = y.copy();
          for (idx r = 0; r < rows; r++)
            for (idx c = 0; c < cols; c++)
              if (scatter)
                want[index[r] * y.ld + c] += x(r, c);
              else
                want[r * y.ld + c] = x(index[r], c);
          (scatter ? k.scatter_add : k.gather)(y.p, y.ld, x.p, x.ld, index.data(), rows, cols);
          bool same = true;
          for (idx r = 0; r < y.rows; r++)
            for (idx c = 0; c < cols; c++) same &= y(r, c) == want[r * y.ld + c];
          report.check(0, same && y.untouched() && x.untouched(), "%td x %td, pad %td", rows, cols,
                       pad);
        }
  }
}

void topk() {
  start("topk", 0);
  std::vector<idx> sizes = lengths();
  for (idx n : {300, 1000}) sizes.push_back(n);
  for (idx n : sizes)
    for (idx take : {idx(0), idx(1), n / 2, n})
      for (idx incx : {1, 3})
        for (int kind = 0; kind < 4; kind++) {  // distinct, many ties, NaN, infinities
          if (take > n || !report.takes()) continue;
          Matrix<T> x(block_a, n, 1, incx);
          x.set([&](idx, idx) { return kind == 1 ? T(generator()() % 4) : T(uniform(-1, 1)); });
          for (idx i = 0; i < n; i++) {
            if (kind == 2 && generator()() % 3 == 0) x(i, 0) = nan;
            if (kind >= 2 && generator()() % 5 == 0) x(i, 0) = -infinity;
            if (kind == 3 && generator()() % 5 == 0) x(i, 0) = infinity;
            if (kind == 1 && generator()() % 5 == 0) x(i, 0) = -T(0);
          }
          std::vector<int32_t> want(n);
          for (idx i = 0; i < n; i++) want[i] = int32_t(i);
          std::sort(want.begin(), want.end(), [&](int32_t i, int32_t j) {
            const T u = x(i, 0), v = x(j, 0);
            const bool tie = u == v || (u != u && v != v);
            return tie ? i < j : u == u && (v != v || u > v);
          });
          Matrix<int32_t> index(block_b, 1, take, take);
          k.topk(index.p, x.p, incx, n, take, 0);
          report.check(0, std::equal(index.p, index.p + take, want.begin()) && index.untouched(),
                       "%td of %td, incx %td, kind %d", take, n, incx, kind);
          // In any order: the same places.
          k.topk(index.p, x.p, incx, n, take, 1);
          std::sort(index.p, index.p + take);
          std::sort(want.begin(), want.begin() + take);
          report.check(0, std::equal(index.p, index.p + take, want.begin()) && index.untouched(),
                       "any %td of %td, incx %td, kind %d", take, n, incx, kind);
        }
}
