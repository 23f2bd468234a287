// Reductions: errors in ULP at the sum of the absolute values. Part of `Tests` in kernel_test.cpp.

void row_reductions() {
  for (int kind = 0; kind < 3; kind++) {
    const char* names[] = {"row_sum", "row_max", "row_dot"};
    start(names[kind], kind == 1 ? 0 : 8);
    for (idx cols : long_lengths())
      for (idx rows : {1, 3})
        for (idx incy : {1, 3})
          for (int acc : {0, 1}) {
            if (!report.takes()) continue;
            Matrix<T> y(block_a, rows, 1, incy), a(block_b, rows, cols, cols + incy - 1),
                b(block_c, rows, cols, cols);
            y.set_uniform(-1, 1);
            a.set_uniform(-2, 2);
            b.set_uniform(-2, 2);
            std::vector<T> before;
            for (idx r = 0; r < rows; r++) before.push_back(y(r, 0));
            if (kind == 0) k.row_sum(y.p, incy, a.p, a.ld, rows, cols, acc);
            if (kind == 1) k.row_max(y.p, incy, a.p, a.ld, rows, cols, acc);
            if (kind == 2) k.row_dot(y.p, incy, a.p, a.ld, b.p, b.ld, rows, cols, acc);
            real worst = 0;
            for (idx r = 0; r < rows; r++) {
              const real none = kind == 1 ? -infinity : 0;
              real want = acc ? real(before[r]) : none, scale = std::fabs(acc ? before[r] : T(0));
              for (idx c = 0; c < cols; c++) {
                const real term = kind == 2 ? real(a(r, c)) * b(r, c) : real(a(r, c));
                want = kind == 1 ? std::max(want, term) : want + term;
                scale += std::fabs(term);
              }
              worst = std::max(worst, error_in_ulp<T>(y(r, 0), want, kind == 1 ? 0 : scale));
            }
            report.check(worst, y.untouched() && a.untouched() && b.untouched(),
                         "%td x %td, incy %td, acc %d", rows, cols, incy, acc);
          }
  }
  start("row_max", 0);
  for (idx cols : {1, 3, 8, 9, 17, 32, 40, 67})
    for (idx at = 0; at < cols; at++)
      for (T value : {nan, infinity, -infinity})
        for (int acc : {0, 1}) {
          Matrix<T> x(block_b, 1, cols, cols);
          x.set_uniform(-1, 1);
          x(0, at) = value;
          T y = acc ? T(0.25) : T(-7);
          k.row_max(&y, 1, x.p, cols, 1, cols, acc);
          real want = acc ? real(0.25) : real(-infinity);
          for (idx c = 0; c < cols; c++) want = std::max(want, real(x(0, c)));
          if (value != value) want = nan;
          report.check(error_in_ulp<T>(y, want), true, "%g at %td of %td", double(value), at, cols);
        }
  T y = nan, x = 1;
  k.row_max(&y, 1, &x, 1, 1, 1, 1);
  report.check(std::isnan(y) ? 0 : 1, true, "accumulating into NaN");
}

void col_max() {
  start("col_max", 0);
  for (idx cols : long_lengths())
    for (idx rows : {0, 1, 2, 5, 17, 33})
      for (idx pad : {0, 1}) {
        if (rows * cols > 1 << 17 || !report.takes()) continue;
        Matrix<T> y(block_a, 1, cols, cols, pad), x(block_b, rows, cols, cols + pad);
        x.set_uniform(-2, 2);
        k.col_max(y.p, x.p, x.ld, rows, cols);
        real worst = 0;
        for (idx c = 0; c < cols; c++) {
          real want = -infinity;
          for (idx r = 0; r < rows; r++) want = std::max(want, real(x(r, c)));
          worst = std::max(worst, error_in_ulp<T>(y(0, c), want));
        }
        report.check(worst, y.untouched() && x.untouched(), "%td x %td, pad %td", rows, cols, pad);
      }
  for (idx cols : {1, 5, 40})
    for (idx at = 0; at < 7; at++) {  // NaN wins, in its column alone
      Matrix<T> y(block_a, 1, cols, cols), x(block_b, 7, cols, cols);
      x.set([](idx r, idx c) { return T(r + c); });
      x(at, cols - 1) = nan;
      k.col_max(y.p, x.p, x.ld, 7, cols);
      bool others = true;
      for (idx c = 0; c + 1 < cols; c++) others &= y(0, c) == T(6 + c);
      const bool spreads = std::isnan(y(0, cols - 1));
      report.check(spreads && others ? 0 : 1, true, "NaN at %td of 7 x %td", at, cols);
    }
}

void col_sum() {
  start("col_sum", 4);
  for (idx cols : long_lengths())
    for (idx rows : {0, 1, 2, 5, 17, 32, 33, 35, 128, 129, 300})
      for (idx pad : {0, 1})
        for (int acc : {0, 1}) {
          if (rows * cols > 1 << 17 || !report.takes()) continue;
          Matrix<T> y(block_a, 1, cols, cols, pad), x(block_b, rows, cols, cols + pad);
          y.set_uniform(-1, 1);
          x.set_uniform(-2, 2);
          std::vector<T> before = y.copy();
          k.col_sum(y.p, x.p, x.ld, rows, cols, acc);
          real worst = 0;
          for (idx c = 0; c < cols; c++) {
            real want = acc ? before[c] : T(0), scale = std::fabs(want);
            for (idx r = 0; r < rows; r++) want += x(r, c), scale += std::fabs(x(r, c));
            worst = std::max(worst, error_in_ulp<T>(y(0, c), want, scale));
          }
          report.check(worst, y.untouched() && x.untouched(), "%td x %td, pad %td, acc %d", rows,
                       cols, pad, acc);
        }
}
