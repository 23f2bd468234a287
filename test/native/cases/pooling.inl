// Maxima of windows. Part of `Tests` in kernel_test.cpp.

void largest_of() {
  start("largest_of", 0);
  for (idx n : lengths())
    for (idx count : {1, 2, 5})
      for (bool adds : {true, false})
        for (bool has_taps : {true, false}) {
          if (!report.takes()) continue;
          Matrix<T> best(block_a, 1, n, n), taps(block_c, 1, n, n), x(block_b, count, n, n + 2);
          const auto draw = [&](idx, idx) {
            return generator()() % 7 ? T(generator()() % 4) : nan;
          };
          best.set(draw);
          taps.set([&](idx, idx) { return T(1); });
          x.set(draw);
          std::vector<T> want = best.copy(), places = taps.copy();
          std::vector<const T*> rows;
          std::vector<T> numbers;
          for (idx t = 0; t < count; t++) {
            rows.push_back(x.p + t * x.ld);
            numbers.push_back(T(5 + t));
            for (idx j = 0; j < n; j++) {
              const T u = x(t, j);
              if ((t > 0 || adds) && !(u > want[j]) && u == u) continue;
              want[j] = u;
              if (has_taps) places[j] = numbers.back();
            }
          }
          k.largest_of(best.p, has_taps ? taps.p : nullptr, rows.data(), numbers.data(), count, n,
                       adds);
          bool same = true;
          for (idx j = 0; j < n; j++)
            same &= taps(0, j) == places[j] &&
                    (best(0, j) == want[j] || (best(0, j) != best(0, j) && want[j] != want[j]));
          report.check(0, same && best.untouched() && taps.untouched() && x.untouched(),
                       "%td of %td, adds %d, taps %d", n, count, adds, has_taps);
        }
}
