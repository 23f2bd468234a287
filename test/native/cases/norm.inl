// Norms of rows and their gradient. Part of `Tests` in kernel_test.cpp.

void row_norm() {
  start("row_norm", 8);
  for (idx cols : lengths())
    for (idx rows : {0, 1, 7})
      for (idx pad : {0, 3})
        for (bool in_place : {false, true}) {
          if (!report.takes()) continue;
          Matrix<T> x(block_a, rows, cols, cols + pad, pad), z(block_b, rows, cols, cols + pad),
              inv(block_c, 1, rows, rows);
          x.set_uniform(-2, 2);
          const std::vector<T> x0 = x.copy();
          const T scale = cols ? T(1) / T(cols) : T(1), eps = T(1e-5);
          Matrix<T>& y = in_place ? x : z;
          k.row_norm(y.p, y.ld, inv.p, x.p, x.ld, rows, cols, scale, eps);
          real worst = 0;
          for (idx r = 0; r < rows; r++) {
            real sum = 0;
            for (idx c = 0; c < cols; c++) sum += real(x0[r * x.ld + c]) * x0[r * x.ld + c];
            const real want = 1 / std::sqrt(scale * sum + eps);
            worst = std::max(worst, error_in_ulp<T>(inv(0, r), want));
            for (idx c = 0; c < cols; c++)
              worst = std::max(worst, error_in_ulp<T>(y(r, c), x0[r * x.ld + c] * want));
          }
          report.check(worst, x.untouched() && z.untouched() && inv.untouched(),
                       "%td x %td, pad %td, in place %d", rows, cols, pad, in_place);
        }
}

void row_norm_grad() {
  start("row_norm_grad", 16);
  for (idx cols : lengths())
    for (idx rows : {0, 1, 7})
      for (idx pad : {0, 3})
        for (int place = 0; place < 3; place++)  // apart, over g, over x
          for (int acc : {0, 1}) {
            if ((place && acc) || !report.takes()) continue;
            Matrix<T> g(block_a, rows, cols, cols + pad), x(block_b, rows, cols, cols + 2 * pad),
                other(block_c, rows, cols, cols + pad, pad), inv(block_d, 1, rows, rows);
            for (Matrix<T>* m : {&g, &x, &other}) m->set_uniform(-1, 1);
            inv.set_uniform(0.5, 2);
            const T factor = T(0.25);
            std::vector<real> want, scale;
            for (idx r = 0; r < rows; r++) {
              real sum = 0, size = 0;
              for (idx c = 0; c < cols; c++)
                sum += real(g(r, c)) * x(r, c), size += std::fabs(real(g(r, c)) * x(r, c));
              const real i = inv(0, r), i3 = i * i * i * factor;
              for (idx c = 0; c < cols; c++) {
                const real old = acc ? other(r, c) : T(0);
                want.push_back(old + g(r, c) * i - x(r, c) * i3 * sum);
                scale.push_back(std::fabs(old) + std::fabs(g(r, c) * i) +
                                std::fabs(x(r, c)) * i3 * size);
              }
            }
            Matrix<T>& dx = place == 0 ? other : place == 1 ? g : x;
            k.row_norm_grad(dx.p, dx.ld, g.p, g.ld, x.p, x.ld, inv.p, rows, cols, factor, acc);
            real worst = 0;
            for (idx r = 0; r < rows; r++)
              for (idx c = 0; c < cols; c++)
                worst = std::max(
                    worst, error_in_ulp<T>(dx(r, c), want[r * cols + c], scale[r * cols + c]));
            report.check(worst,
                         g.untouched() && x.untouched() && other.untouched() && inv.untouched(),
                         "%td x %td, pad %td, place %d, acc %d", rows, cols, pad, place, acc);
          }
}
