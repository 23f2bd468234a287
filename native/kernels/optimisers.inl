// The updates of the optimisers.
// Included by kernels.inl, once per instruction set and type.

static void sgd(T* w, T* v, T* g, idx n, int clear, T lr, T momentum) {
  const idx l = lanes();
  const V none = splat(0), by = splat(-lr), keep = splat(momentum);
  for (; n >= l; n -= l, w += l, v += l, g += l) {
    const V speed = fma(keep, load(v), load(g));
    if (clear) store(g, none);
    store(v, speed);
    store(w, fma(by, speed, load(w)));
  }
  if (n > 0) {
    const M m = first(n);
    const V speed = fma(keep, load(m, v), load(m, g));
    if (clear) store(m, g, none);
    store(m, v, speed);
    store(m, w, fma(by, speed, load(m, w)));
  }
}

static void adam(T* w, T* m, T* v, T* g, idx n, int clear, T lr, T beta1, T beta2, T eps, T c1,
                 T c2, T rest1, T rest2) {
  const idx l = lanes();
  const V none = splat(0), keep1 = splat(beta1), keep2 = splat(beta2), take1 = splat(rest1),
          take2 = splat(rest2);
  const auto moment1 = [&](V old, V grad) { return fma(keep1, old, mul(take1, grad)); };
  const auto moment2 = [&](V old, V grad) { return fma(keep2, old, mul(mul(take2, grad), grad)); };
  const auto moved = [&](V old, V m1, V m2) {
    const V root = add(sqrt(mul(m2, splat(c2))), splat(eps));
    return sub(old, div(mul(splat(lr), mul(m1, splat(c1))), root));
  };
  for (; n >= l; n -= l, w += l, m += l, v += l, g += l) {
    const V grad = load(g), m1 = moment1(load(m), grad), m2 = moment2(load(v), grad);
    if (clear) store(g, none);
    store(m, m1);
    store(v, m2);
    store(w, moved(load(w), m1, m2));
  }
  if (n > 0) {
    const M some = first(n);
    const V grad = load(some, g), m1 = moment1(load(some, m), grad),
            m2 = moment2(load(some, v), grad);
    if (clear) store(some, g, none);
    store(some, m, m1);
    store(some, v, m2);
    store(some, w, moved(load(some, w), m1, m2));
  }
}

// What `first(n)` is for a whole vector.
struct Whole {};
static inline V load(Whole, const T* p) { return load(p); }
static inline void store(Whole, T* p, V v) { store(p, v); }

// Calls f(i, part) for the vectors of n numbers: i is where one begins, part which of its numbers
// there are.
template <class F>
static void by_vectors(idx n, F f) {
  const idx l = lanes();
  idx i = 0;
  for (; n - i >= l; i += l) f(i, Whole{});
  if (i < n) f(i, first(n - i));
}

static void amsgrad(T* w, T* m, T* v, T* top, T* g, idx n, int clear, T lr, T beta1, T beta2, T eps,
                    T c1, T c2, T rest1, T rest2) {
  by_vectors(n, [=](idx i, auto part) {
    const V grad = load(part, g + i);
    const V m1 = fma(splat(beta1), load(part, m + i), mul(splat(rest1), grad));
    const V m2 = fma(splat(beta2), load(part, v + i), mul(mul(splat(rest2), grad), grad));
    const V most = max(load(part, top + i), m2);
    const V root = add(sqrt(mul(most, splat(c2))), splat(eps));
    if (clear) store(part, g + i, splat(0));
    store(part, m + i, m1);
    store(part, v + i, m2);
    store(part, top + i, most);
    store(part, w + i, sub(load(part, w + i), div(mul(splat(lr), mul(m1, splat(c1))), root)));
  });
}

static void adagrad(T* w, T* v, T* g, idx n, int clear, T lr, T eps) {
  by_vectors(n, [=](idx i, auto part) {
    const V grad = load(part, g + i), sum = fma(grad, grad, load(part, v + i));
    if (clear) store(part, g + i, splat(0));
    store(part, v + i, sum);
    const V step = div(mul(splat(lr), grad), add(sqrt(sum), splat(eps)));
    store(part, w + i, sub(load(part, w + i), step));
  });
}

static void rmsprop(T* w, T* v, T* m, T* s, T* g, idx n, int clear, T lr, T rho, T eps, T momentum,
                    T centered, T rest) {
  by_vectors(n, [=](idx i, auto part) {
    const V grad = load(part, g + i);
    const V square = fma(splat(rho), load(part, v + i), mul(mul(splat(rest), grad), grad));
    const V mean = fma(splat(rho), load(part, m + i), mul(splat(rest), grad));
    // Rounding can make it negative where all gradients are the same.
    const V variance = max(sub(square, mul(splat(centered), mul(mean, mean))), splat(0));
    const V speed =
        fma(splat(momentum), load(part, s + i), div(grad, add(sqrt(variance), splat(eps))));
    if (clear) store(part, g + i, splat(0));
    store(part, v + i, square);
    store(part, m + i, mean);
    store(part, s + i, speed);
    store(part, w + i, fma(splat(-lr), speed, load(part, w + i)));
  });
}

static void lion(T* w, T* m, T* g, idx n, int clear, T lr, T beta1, T beta2, T rest1, T rest2) {
  by_vectors(n, [=](idx i, auto part) {
    const V grad = load(part, g + i), old = load(part, m + i);
    const V way = sign(fma(splat(beta1), old, mul(splat(rest1), grad)));
    if (clear) store(part, g + i, splat(0));
    store(part, m + i, fma(splat(beta2), old, mul(splat(rest2), grad)));
    store(part, w + i, fma(splat(-lr), way, load(part, w + i)));
  });
}
