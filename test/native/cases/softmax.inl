// Softmax, cross-entropy and their gradients. Part of `Tests` in kernel_test.cpp.

void softmax() {
  // x - max is rounded, which exp turns into |x - max| / 2 ULP, and the sum is rounded, too.
  start("softmax", 24);
  struct Triangle {
    idx first, step;
  };
  for (idx cols : long_lengths())
    for (idx rows : {1, 4, 17, 130})
      for (idx pad : {0, 3})
        for (Triangle t : {Triangle{cols, 0}, Triangle{1, 1}, Triangle{3, 2}, Triangle{0, 1}})
          for (bool in_place : {false, true}) {
            if (rows * cols > 1 << 17 || !report.takes()) continue;
            Matrix<T> x(block_a, rows, cols, cols + pad, pad),
                z(block_b, rows, cols, cols + pad + 1);
            x.set_uniform(-4, 4);
            std::vector<T> input = x.copy();
            std::vector<real> shares(cols);
            Matrix<T>& y = in_place ? x : z;
            k.softmax(y.p, y.ld, x.p, x.ld, rows, cols, t.first, t.step, nullptr);
            real worst = 0;
            for (idx r = 0; r < rows; r++) {
              const idx len = std::min(cols, t.first + r * t.step);
              real top = -infinity, sum = 0;
              for (idx c = 0; c < len; c++) top = std::max(top, real(input[r * x.ld + c]));
              for (idx c = 0; c < len; c++) sum += shares[c] = std::exp(input[r * x.ld + c] - top);
              for (idx c = 0; c < cols; c++)
                worst = std::max(worst, error_in_ulp<T>(y(r, c), c < len ? shares[c] / sum : 0));
            }
            report.check(worst, x.untouched() && z.untouched(),
                         "%td x %td, pad %td, first %td, step %td, in place %d", rows, cols, pad,
                         t.first, t.step, in_place);
          }
  for (idx cols : {1, 4, 9, 16, 27, 40})  // large numbers do not overflow, NaN spreads
    for (idx rows : {1, 3}) {
      Matrix<T> x(block_a, rows, cols, cols), y(block_b, rows, cols, cols);
      x.set([&](idx, idx c) { return c == cols - 1 ? T(1e30) : T(-1e30); });
      k.softmax(y.p, cols, x.p, cols, rows, cols, cols, 0, nullptr);
      real worst = 0;
      for (idx r = 0; r < rows; r++)
        for (idx c = 0; c < cols; c++)
          worst = std::max(worst, error_in_ulp<T>(y(r, c), c == cols - 1));
      report.check(worst, y.untouched(), "of huge numbers, %td x %td", rows, cols);
      x(rows - 1, cols / 2) = nan;
      k.softmax(y.p, cols, x.p, cols, rows, cols, cols, 0, nullptr);
      bool all = true, others = true;
      for (idx c = 0; c < cols; c++) all &= std::isnan(y(rows - 1, c));
      for (idx c = 0; c < cols && rows > 1; c++) others &= !std::isnan(y(0, c));
      report.check(all && others ? 0 : 1, all && others, "NaN spreads over %td of %td x %td", cols,
                   rows, cols);
    }
}

void softmax_columns() {
  start("softmax_columns", 24);
  for (idx cols : lengths())
    for (idx rows : {1, 2, 5, 40, 300})
      for (idx pad : {0, 3})
        for (bool in_place : {false, true}) {
          if (!report.takes()) continue;
          Matrix<T> x(block_a, rows, cols, cols + pad, pad), z(block_b, rows, cols, cols + pad + 1);
          x.set_uniform(-4, 4);
          std::vector<T> input = x.copy();
          std::vector<real> shares(rows);
          Matrix<T>& y = in_place ? x : z;
          k.softmax_columns(y.p, y.ld, x.p, x.ld, rows, cols);
          real worst = 0;
          for (idx c = 0; c < cols; c++) {
            real top = -infinity, sum = 0;
            for (idx r = 0; r < rows; r++) top = std::max(top, real(input[r * x.ld + c]));
            for (idx r = 0; r < rows; r++) sum += shares[r] = std::exp(input[r * x.ld + c] - top);
            for (idx r = 0; r < rows; r++)
              worst = std::max(worst, error_in_ulp<T>(y(r, c), shares[r] / sum));
          }
          report.check(worst, x.untouched() && z.untouched(), "%td x %td, pad %td, in place %d",
                       rows, cols, pad, in_place);
        }
  for (idx cols : {1, 5, 40}) {  // large numbers do not overflow, NaN spreads over its column
    Matrix<T> x(block_a, 9, cols, cols), y(block_b, 9, cols, cols);
    x.set([&](idx r, idx) { return r == 8 ? T(1e30) : T(-1e30); });
    x(4, cols - 1) = nan;
    k.softmax_columns(y.p, cols, x.p, cols, 9, cols);
    bool all = true, others = true;
    for (idx r = 0; r < 9; r++) {
      all &= std::isnan(y(r, cols - 1));
      for (idx c = 0; c + 1 < cols; c++) others &= y(r, c) == T(r == 8);
    }
    report.check(all && others ? 0 : 1, y.untouched(), "huge numbers and NaN, %td columns", cols);
  }
}

void softmax_columns_grad() {
  start("softmax_columns_grad", 8);
  for (idx cols : lengths())
    for (idx rows : {1, 4, 33, 130, 300})
      for (int place = 0; place < 3; place++)  // apart, over y, over g
        for (int acc : {0, 1}) {
          if ((place && acc) || !report.takes()) continue;
          Matrix<T> y(block_a, rows, cols, cols + 1), g(block_b, rows, cols, cols + 3),
              other(block_c, rows, cols, cols + 2, 1);
          y.set_uniform(0, 1);
          g.set_uniform(-1, 1);
          other.set_uniform(-1, 1);
          Matrix<T>& dx = place == 0 ? other : place == 1 ? y : g;
          std::vector<real> want(rows * cols), scale(rows * cols);
          for (idx c = 0; c < cols; c++) {
            real sum = 0, size = 0;
            for (idx r = 0; r < rows; r++)
              sum += real(y(r, c)) * g(r, c), size += std::fabs(real(y(r, c)) * g(r, c));
            for (idx r = 0; r < rows; r++) {
              const real old = acc ? other(r, c) : T(0);
              want[r * cols + c] = old + y(r, c) * (g(r, c) - sum);
              scale[r * cols + c] =
                  std::fabs(old) + std::fabs(y(r, c)) * (std::fabs(g(r, c)) + size);
            }
          }
          k.softmax_columns_grad(dx.p, dx.ld, y.p, y.ld, g.p, g.ld, rows, cols, acc);
          real worst = 0;
          for (idx r = 0; r < rows; r++)
            for (idx c = 0; c < cols; c++)
              worst = std::max(worst,
                               error_in_ulp<T>(dx(r, c), want[r * cols + c], scale[r * cols + c]));
          report.check(worst, y.untouched() && g.untouched() && other.untouched(),
                       "%td x %td, place %d, acc %d", rows, cols, place, acc);
        }
}

void softmax_grad() {
  start("softmax_grad", 8);
  for (idx cols : lengths())
    for (idx rows : {1, 4})
      for (idx pad : {0, 3})
        for (int place = 0; place < 3; place++)  // apart, over y, over g
          for (int acc : {0, 1}) {
            if ((place && acc) || !report.takes()) continue;
            Matrix<T> y(block_a, rows, cols, cols + pad), g(block_b, rows, cols, cols + pad),
                other(block_c, rows, cols, cols + 2 * pad, pad);
            y.set_uniform(0, 1);
            g.set_uniform(-1, 1);
            other.set_uniform(-1, 1);
            Matrix<T>& dx = place == 0 ? other : place == 1 ? y : g;
            std::vector<real> want, scale;
            for (idx r = 0; r < rows; r++) {
              real sum = 0, size = 0;
              for (idx c = 0; c < cols; c++)
                sum += real(y(r, c)) * g(r, c), size += std::fabs(real(y(r, c)) * g(r, c));
              for (idx c = 0; c < cols; c++) {
                const real old = acc ? other(r, c) : T(0);
                want.push_back(old + y(r, c) * (g(r, c) - sum));
                scale.push_back(std::fabs(old) + std::fabs(y(r, c)) * (std::fabs(g(r, c)) + size));
              }
            }
            k.softmax_grad(dx.p, dx.ld, y.p, y.ld, g.p, g.ld, rows, cols, acc, nullptr);
            real worst = 0;
            for (idx r = 0; r < rows; r++)
              for (idx c = 0; c < cols; c++)
                worst = std::max(
                    worst, error_in_ulp<T>(dx(r, c), want[r * cols + c], scale[r * cols + c]));
            report.check(worst, y.untouched() && g.untouched() && other.untouched(),
                         "%td x %td, pad %td, place %d, acc %d", rows, cols, pad, place, acc);
          }
}

void cross_entropy() {
  start("cross_entropy", 8);
  for (idx cols : lengths())
    for (idx rows : {0, 1, 7, 65})
      for (idx pad : {0, 3})
        for (bool in_place : {false, true}) {
          if (!cols || !report.takes()) continue;
          Matrix<T> x(block_a, rows, cols, cols + pad, pad), z(block_b, rows, cols, cols + pad),
              loss(block_c, 1, rows, rows);
          Matrix<int32_t> index(block_d, 1, rows, rows);
          x.set_uniform(-5, 5);
          const std::vector<T> x0 = x.copy();
          index.set([&](idx, idx) { return int32_t(generator()() % uint64_t(cols)); });
          Matrix<T>& p = in_place ? x : z;
          k.cross_entropy(loss.p, p.p, p.ld, x.p, x.ld, index.p, rows, cols);
          real worst = 0;
          for (idx r = 0; r < rows; r++) {
            real top = -infinity, sum = 0;
            for (idx c = 0; c < cols; c++) top = std::max<real>(top, x0[r * x.ld + c]);
            for (idx c = 0; c < cols; c++) sum += std::exp(real(x0[r * x.ld + c]) - top);
            const real target = x0[r * x.ld + index(0, r)], want = std::log(sum) - (target - top);
            worst = std::max(
                worst, error_in_ulp<T>(loss(0, r), want,
                                       1 + std::fabs(target) + std::fabs(top) + std::log(sum)));
            for (idx c = 0; c < cols; c++)
              worst = std::max(
                  worst, error_in_ulp<T>(p(r, c), std::exp(real(x0[r * x.ld + c]) - top) / sum, 1));
          }
          report.check(worst,
                       x.untouched() && z.untouched() && loss.untouched() && index.untouched(),
                       "%td x %td, pad %td, in place %d", rows, cols, pad, in_place);
        }
}

void cross_entropy_grad() {
  start("cross_entropy_grad", 4);
  for (idx cols : lengths())
    for (idx rows : {0, 1, 7})
      for (idx pad : {0, 3})
        for (bool in_place : {false, true})
          for (int acc : {0, 1}) {
            if (!cols || (in_place && acc) || !report.takes()) continue;
            Matrix<T> y(block_a, rows, cols, cols + pad), g(block_b, 1, rows, rows),
                other(block_c, rows, cols, cols + pad, pad);
            Matrix<int32_t> index(block_d, 1, rows, rows);
            for (Matrix<T>* m : {&y, &g, &other}) m->set_uniform(-1, 1);
            index.set([&](idx, idx) { return int32_t(generator()() % uint64_t(cols)); });
            std::vector<real> want, scale;
            for (idx r = 0; r < rows; r++) {
              const real s = g(0, r);
              for (idx c = 0; c < cols; c++) {
                const real old = acc ? other(r, c) : T(0), chosen = c == index(0, r) ? s : 0;
                want.push_back(old - chosen + y(r, c) * s);
                scale.push_back(std::fabs(old) + std::fabs(chosen) + std::fabs(y(r, c) * s));
              }
            }
            Matrix<T>& dx = in_place ? y : other;
            k.cross_entropy_grad(dx.p, dx.ld, y.p, y.ld, g.p, 1, index.p, rows, cols, acc);
            real worst = 0;
            for (idx r = 0; r < rows; r++)
              for (idx c = 0; c < cols; c++)
                worst = std::max(
                    worst, error_in_ulp<T>(dx(r, c), want[r * cols + c], scale[r * cols + c]));
            report.check(worst,
                         y.untouched() && g.untouched() && other.untouched() && index.untouched(),
                         "%td x %td, pad %td, in place %d, acc %d", rows, cols, pad, in_place, acc);
          }
}
