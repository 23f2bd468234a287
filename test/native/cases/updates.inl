// Updates of optimisers, and the peaks of the machine. Part of `Tests` in kernel_test.cpp.

void updates() {
  start("sgd", 2);
  for (idx n : lengths()) {
    Matrix<T> w(block_a, 1, n, n), v(block_b, 1, n, n, true), g(block_c, 1, n, n);
    w.set_uniform(-1, 1);
    v.set_uniform(-1, 1);
    g.set_uniform(-1, 1);
    const std::vector<T> w0(w.p, w.p + n), v0(v.p, v.p + n);
    const std::vector<T> g0(g.p, g.p + n);
    const T lr = T(0.01), momentum = T(0.9);
    const int clear = n & 1;
    k.sgd(w.p, v.p, g.p, n, clear, lr, momentum);
    real worst = 0;
    for (idx i = 0; i < n; i++) {
      const real v1 = real(momentum) * v0[i] + g0[i], w1 = w0[i] - real(lr) * v1;
      const real size = std::fabs(real(momentum) * v0[i]) + std::fabs(g0[i]);
      if (g(0, i) != (clear ? 0 : g0[i])) worst = std::numeric_limits<real>::infinity();
      worst = std::max(worst, error_in_ulp<T>(v(0, i), v1, size));
      worst = std::max(worst, error_in_ulp<T>(w(0, i), w1, std::fabs(w0[i]) + lr * size));
    }
    report.check(worst, w.untouched() && v.untouched() && g.untouched(), "%td", n);
  }
  start("adam", 4);
  for (idx n : lengths()) {
    Matrix<T> w(block_a, 1, n, n), m(block_b, 1, n, n, true), v(block_c, 1, n, n),
        g(block_d, 1, n, n);
    w.set_uniform(-1, 1);
    m.set_uniform(-1, 1);
    v.set_uniform(0, 1);
    g.set_uniform(-1, 1);
    const std::vector<T> w0(w.p, w.p + n), m0(m.p, m.p + n), v0(v.p, v.p + n);
    const T lr = T(0.01), beta1 = T(0.85), beta2 = T(0.99), eps = T(1e-8), c1 = T(1.7), c2 = T(3.1),
            take1 = T(0.16), take2 = T(0.02);
    const std::vector<T> g0(g.p, g.p + n);
    const int clear = n & 1;
    k.adam(w.p, m.p, v.p, g.p, n, clear, lr, beta1, beta2, eps, c1, c2, take1, take2);
    real worst = 0;
    for (idx i = 0; i < n; i++) {
      if (g(0, i) != (clear ? 0 : g0[i])) worst = std::numeric_limits<real>::infinity();
      const real grad = g0[i], m1 = real(beta1) * m0[i] + real(take1) * grad,
                 v1 = real(beta2) * v0[i] + real(take2) * grad * grad;
      const real size = std::fabs(beta1 * m0[i]) + std::fabs(take1 * g0[i]);
      const real root = std::sqrt(v1 * c2) + eps;
      worst = std::max(worst, error_in_ulp<T>(m(0, i), m1, size));
      worst = std::max(worst, error_in_ulp<T>(v(0, i), v1));
      worst = std::max(worst, error_in_ulp<T>(w(0, i), w0[i] - lr * (m1 * c1) / root,
                                              std::fabs(w0[i]) + lr * size * c1 / root));
    }
    report.check(worst, w.untouched() && m.untouched() && v.untouched() && g.untouched(), "%td", n);
  }
}

// The machine's peaks (native/bench/peak.inl) must have done what they are timed for.
void peaks() {
  start("fma_chains", 0);
  const idx lanes = k.vector_bits() / 8 / idx(sizeof(T));
  for (idx rounds : {0, 1, 7}) {
    Matrix<T> s(block_a, 1, chain_numbers, chain_numbers);
    for (idx i = 0; i < chain_numbers; i++) s(0, i) = T(i % 8);
    const idx turned = rounds ? idx(k.fma_chains(s.p, rounds)) / (2 * rounds) : 0;
    real worst = turned == 0 || turned == 12 * lanes || turned == 24 * lanes ? 0 : 1;
    for (idx i = 0; i < chain_numbers; i++) {
      T want = T(i % 8);  // exact in a few rounds
      for (idx round = 0; i < turned && round < rounds; round++) want = want / 2 + 1;
      worst = std::max(worst, std::fabs(real(s(0, i)) - want));
    }
    report.check(worst, s.untouched(), "%td rounds", rounds);
  }
  start("streams", exact);
  const idx n = 2 * stream_block;
  Matrix<T> y(block_a, 1, n, n), a(block_b, 1, n, n), b(block_c, 1, n, n);
  a.set_uniform(0, 2);
  b.set_uniform(0, 2);
  real sum = 0, worst = 0;
  for (idx i = 0; i < n; i++) sum += a(0, i);
  // Rounded once for every number that a lane adds up.
  report.check(error_in_ulp<T>(k.stream_read(a.p, n), sum) / real(n), a.untouched(), "read");
  k.stream_copy(y.p, a.p, n);
  for (idx i = 0; i < n; i++) worst = std::max(worst, error_in_ulp<T>(y(0, i), a(0, i)));
  report.check(worst, y.untouched(), "copy");
  k.stream_add(y.p, a.p, b.p, n);
  worst = 0;
  for (idx i = 0; i < n; i++)
    worst = std::max(worst, error_in_ulp<T>(y(0, i), real(a(0, i)) + real(b(0, i))));
  report.check(worst, y.untouched(), "add");
}
