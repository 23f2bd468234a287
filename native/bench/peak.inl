// The peaks of the processor, in arithmetic and in memory traffic, by loops that do nothing else:
// what `vecgrad bench` compares kernels with. Included by kernels.inl, once per instruction set and
// type.

static inline void load4(const T* s, V& a, V& b, V& c, V& d) {
  const idx l = lanes();
  a = load(s), b = load(s + l), c = load(s + 2 * l), d = load(s + 3 * l);
}
static inline void store4(T* s, V a, V b, V c, V d) {
  const idx l = lanes();
  store(s, a), store(s + l, b), store(s + 2 * l, c), store(s + 3 * l, d);
}
static inline void turn4(V& a, V& b, V& c, V& d, V m) {
  const V one = splat(1);
  a = fma(a, m, one), b = fma(b, m, one), c = fma(c, m, one), d = fma(d, m, one);
}

// Runs as many chains s = m s + 1 as keep every unit busy: 24 if there are enough registers (a
// latency of 4 cycles, 4 units, and some to spare), else 12. They start from different numbers, so
// that the compiler cannot merge them, and converge to 2. Returns the FLOP.
static double fma_chains(T* s, idx rounds) {
  constexpr bool many = registers >= 32;
  const idx next = 4 * lanes();
  const V m = splat(T(0.5));
  V a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3, e0, e1, e2, e3, f0, f1, f2, f3;
  load4(s, a0, a1, a2, a3);
  load4(s + next, b0, b1, b2, b3);
  load4(s + 2 * next, c0, c1, c2, c3);
  load4(s + 3 * next, d0, d1, d2, d3);
  load4(s + 4 * next, e0, e1, e2, e3);
  load4(s + 5 * next, f0, f1, f2, f3);
  for (idx round = 0; round < rounds; round++) {
    turn4(a0, a1, a2, a3, m);
    turn4(b0, b1, b2, b3, m);
    turn4(c0, c1, c2, c3, m);
    if constexpr (many) {
      turn4(d0, d1, d2, d3, m);
      turn4(e0, e1, e2, e3, m);
      turn4(f0, f1, f2, f3, m);
    }
  }
  store4(s, a0, a1, a2, a3);
  store4(s + next, b0, b1, b2, b3);
  store4(s + 2 * next, c0, c1, c2, c3);
  if constexpr (many) {
    store4(s + 3 * next, d0, d1, d2, d3);
    store4(s + 4 * next, e0, e1, e2, e3);
    store4(s + 5 * next, f0, f1, f2, f3);
  }
  return double(rounds) * (many ? 24 : 12) * 2 * double(lanes());
}

// Reads n numbers, a multiple of stream_block; returns their sum.
static T stream_read(const T* x, idx n) {
  const idx l = lanes();
  V s0 = splat(0), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (idx i = 0; i < n; i += 8 * l) {
    s0 = add(s0, load(x + i));
    s1 = add(s1, load(x + i + l));
    s2 = add(s2, load(x + i + 2 * l));
    s3 = add(s3, load(x + i + 3 * l));
    s4 = add(s4, load(x + i + 4 * l));
    s5 = add(s5, load(x + i + 5 * l));
    s6 = add(s6, load(x + i + 6 * l));
    s7 = add(s7, load(x + i + 7 * l));
  }
  return hsum(add(add(add(s0, s1), add(s2, s3)), add(add(s4, s5), add(s6, s7))));
}

// y = x, and y = a + b: two streams and three.
static void stream_copy(T* y, const T* x, idx n) {
  const idx l = lanes();
  for (idx i = 0; i < n; i += 4 * l) {
    const V v0 = load(x + i), v1 = load(x + i + l), v2 = load(x + i + 2 * l),
            v3 = load(x + i + 3 * l);
    store(y + i, v0);
    store(y + i + l, v1);
    store(y + i + 2 * l, v2);
    store(y + i + 3 * l, v3);
  }
}
static void stream_add(T* y, const T* a, const T* b, idx n) {
  const idx l = lanes();
  for (idx i = 0; i < n; i += 4 * l) {
    const V v0 = add(load(a + i), load(b + i)), v1 = add(load(a + i + l), load(b + i + l)),
            v2 = add(load(a + i + 2 * l), load(b + i + 2 * l)),
            v3 = add(load(a + i + 3 * l), load(b + i + 3 * l));
    store(y + i, v0);
    store(y + i + l, v1);
    store(y + i + 2 * l, v2);
    store(y + i + 3 * l, v3);
  }
}
