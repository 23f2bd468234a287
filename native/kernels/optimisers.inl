// The updates of the optimisers: SGD with momentum, and Adam.
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
