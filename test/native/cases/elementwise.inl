// Functions of one and two numbers, element by element. Part of `Tests` in kernel_test.cpp.

// Correctly rounded, but for the last bits of the reference itself.
static constexpr real exact = real(0.5) + real(0x1p-9);

using Reference1 = real (*)(real);
using Reference2 = real (*)(real, real);

// `limit` holds for one evaluation; adding to what was there rounds once more.
void unary(const char* name, Unary kernel, Reference1 reference, real limit, double lo, double hi) {
  for (int acc : {1, 0}) {
    start(acc ? std::string(name) + " +=" : name, limit + real(0.5) * acc);
    for (idx cols : lengths())
      for (idx rows : {1, 3})
        for (idx pad : {0, 3})
          for (idx cx : {1, 0}) {
            if (!report.takes()) continue;
            Matrix<T> y(block_a, rows, cols, cols + pad, pad),
                x(block_b, rows, cx ? cols : 1, cols + pad);
            y.set_uniform(-2, 2);
            x.set_uniform(lo, hi);
            std::vector<T> before = y.copy();
            kernel(y.p, y.ld, x.p, x.ld, cx, rows, cols, acc);
            real worst = 0;
            for (idx r = 0; r < rows; r++)
              for (idx c = 0; c < cols; c++) {
                const real f = reference(x(r, cx * c)), old = acc ? before[r * y.ld + c] : T(0);
                worst = std::max(worst,
                                 error_in_ulp<T>(y(r, c), old + f, std::fabs(old) + std::fabs(f)));
              }
            report.check(worst, y.untouched() && x.untouched(),
                         "%td x %td, pad %td, cx %td, acc %d", rows, cols, pad, cx, acc);
          }
  }
  // One row for all, and in place.
  for (idx cols : {1, 7, 16, 33}) {
    Matrix<T> y(block_a, 3, cols, cols), x(block_b, 1, cols, cols);
    x.set_uniform(lo, hi);
    kernel(y.p, y.ld, x.p, 0, 1, 3, cols, 0);
    real worst = 0;
    for (idx r = 0; r < 3; r++)
      for (idx c = 0; c < cols; c++)
        worst = std::max(worst, error_in_ulp<T>(y(r, c), reference(x(0, c))));
    report.check(worst, y.untouched(), "the same row, %td columns", cols);

    Matrix<T> z(block_b, 3, cols, cols + 1);
    z.set_uniform(lo, hi);
    std::vector<T> input = z.copy();
    kernel(z.p, z.ld, z.p, z.ld, 1, 3, cols, 0);
    worst = 0;
    for (idx r = 0; r < 3; r++)
      for (idx c = 0; c < cols; c++)
        worst = std::max(worst, error_in_ulp<T>(z(r, c), reference(input[r * z.ld + c])));
    report.check(worst, z.untouched(), "in place, %td columns", cols);
  }
  for (T value : special_values()) sample(kernel, reference, &value, 1);
}

// One case: the worst of n numbers.
void sample(Unary kernel, Reference1 reference, const T* x, idx n) {
  std::vector<T> y(n);
  kernel(y.data(), n, x, n, 1, 1, n, 0);
  real worst = -1;
  idx at = 0;
  for (idx i = 0; i < n; i++) {
    const real error = error_in_ulp<T>(y[i], reference(x[i]));
    if (error > worst) worst = error, at = i;
  }
  report.check(worst, true, "of %.17g: got %.17g, expected %.17g", double(x[at]), double(y[at]),
               double(reference(x[at])));
}

// The whole range, evenly over the bit patterns and evenly over the interesting interval.
void densely(const char* name, Unary kernel, Reference1 reference, real limit, double lo,
             double hi) {
  start(name, limit);
  const idx count = 500'000 / report.stride;
  std::vector<T> x;
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  const Bits stride = Bits(~Bits(0)) / count | 1;
  for (idx i = 0; i < count; i++) {
    const Bits bits = Bits(i) * stride;
    T value;
    std::memcpy(&value, &bits, sizeof value);
    x.push_back(value);
  }
  for (idx i = 0; i < count; i++) x.push_back(T(uniform(lo, hi)));
  sample(kernel, reference, x.data(), idx(x.size()));
}

void binary(const char* name, Binary kernel, Reference2 reference, real limit) {
  for (int acc : {1, 0}) {
    start(acc ? std::string(name) + " +=" : name, limit + real(0.5) * acc);
    for (idx cols : lengths())
      for (idx rows : {1, 3})
        for (idx pad : {0, 2})
          for (idx layout = 0; layout < 5; layout++) {
            if (!report.takes()) continue;
            const idx ca = layout & 1, cb = layout >> 1 & 1;
            const bool bias = layout == 4;  // the same row of b for all rows of a
            const idx ca_ = bias ? 1 : ca, cb_ = bias ? 1 : cb;
            Matrix<T> y(block_a, rows, cols, cols + pad, pad);
            Matrix<T> a(block_b, rows, ca_ ? cols : 1, cols + pad);
            Matrix<T> b(block_c, bias ? 1 : rows, cb_ ? cols : 1, cols + 2 * pad, pad);
            y.set_uniform(-2, 2);
            a.set_uniform(-3, 3);
            b.set_uniform(-3, 3);
            const idx ldb = bias ? 0 : b.ld;
            std::vector<T> before = y.copy();
            kernel(y.p, y.ld, a.p, a.ld, ca_, b.p, ldb, cb_, rows, cols, acc);
            real worst = 0;
            for (idx r = 0; r < rows; r++)
              for (idx c = 0; c < cols; c++) {
                const real f = reference(a(r, ca_ * c), b.p[r * ldb + cb_ * c]);
                const real old = acc ? before[r * y.ld + c] : T(0);
                worst = std::max(worst,
                                 error_in_ulp<T>(y(r, c), old + f, std::fabs(old) + std::fabs(f)));
              }
            report.check(worst, y.untouched() && a.untouched() && b.untouched(),
                         "%td x %td, pad %td, ca %td, cb %td, ldb %td, acc %d", rows, cols, pad,
                         ca_, cb_, ldb, acc);
          }
  }
  for (T a : special_values())
    for (T b : special_values()) {
      T y;
      kernel(&y, 1, &a, 1, 1, &b, 1, 1, 1, 1, 0);
      report.check(error_in_ulp<T>(y, reference(a, b)), true, "of %g and %g: got %g", double(a),
                   double(b), double(y));
    }
  for (idx cols : {1, 7, 16, 33}) {  // in place, over either operand
    Matrix<T> a(block_a, 2, cols, cols + 1), b(block_b, 2, cols, cols + 2);
    for (bool over_a : {true, false}) {
      a.set_uniform(-3, 3);
      b.set_uniform(-3, 3);
      Matrix<T>& y = over_a ? a : b;
      std::vector<real> want;
      for (idx r = 0; r < 2; r++)
        for (idx c = 0; c < cols; c++) want.push_back(reference(a(r, c), b(r, c)));
      kernel(y.p, y.ld, a.p, a.ld, 1, b.p, b.ld, 1, 2, cols, 0);
      real worst = 0;
      for (idx r = 0; r < 2; r++)
        for (idx c = 0; c < cols; c++)
          worst = std::max(worst, error_in_ulp<T>(y(r, c), want[r * cols + c]));
      report.check(worst, a.untouched() && b.untouched(), "in place, %td columns", cols);
    }
  }
}

void fill() {
  start("fill", 0);
  for (idx cols : lengths())
    for (idx rows : {1, 3})
      for (idx pad : {0, 1}) {
        if (!report.takes()) continue;
        Matrix<T> y(block_a, rows, cols, cols + pad, pad);
        y.set_uniform(-1, 1);
        k.fill(y.p, y.ld, T(1.5), rows, cols);
        bool same = true;
        for (idx r = 0; r < rows; r++)
          for (idx c = 0; c < cols; c++) same &= y(r, c) == T(1.5);
        report.check(0, same && y.untouched(), "%td x %td, pad %td", rows, cols, pad);
      }
}
