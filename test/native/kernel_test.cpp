// Every kernel of every available instruction set, in both types, against a reference of more bits.
//
//   kernel_test [--isa NAME] [--sample K] [--verbose]
//
// A case calls one kernel on matrices that end at an unreadable page and are surrounded by guard
// cells; it fails when a number is further from the reference than the kernel's limit, when a guard
// cell changed, or by a fault. --sample takes every K-th case of the large tables alone: with a K
// that shares no factor with the lengths of their loops, 11 or 13, every value of each parameter is
// still met. To add a kernel: write its cases, and its line in Tests::run.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "guarded.h"
#include "isa/isa.h"
#include "report.h"

namespace vecgrad::test {
namespace {

Report report;
Guarded block_a, block_b, block_c, block_d, block_e;

// Every tail of every vector length, and the neighbourhoods of a few longer lengths.
std::vector<idx> lengths() {
  std::vector<idx> all;
  for (idx n = 0; n <= 67; n++) all.push_back(n);
  for (idx n : {127, 128, 129, 255, 256, 257}) all.push_back(n);
  return all;
}

template <class T>
struct Tests {
  using Limits = std::numeric_limits<T>;
  using real = Real<T>;
  using Unary = decltype(Kernels<T>::copy);
  using Binary = decltype(Kernels<T>::add);

  const Kernels<T>& k;

  static constexpr T infinity = Limits::infinity(), nan = Limits::quiet_NaN();

  static std::vector<T> special_values() {
    const T tiny = Limits::denorm_min(), least = Limits::min(), most = Limits::max();
    return {0,
            -T(0),
            1,
            -1,
            T(0.5),
            2,
            tiny,
            -tiny,
            3 * tiny,
            least,
            -least,
            least / 2,
            most,
            -most,
            infinity,
            -infinity,
            nan,
            T(1e-3),
            T(-1e-3),
            100,
            -100,
            1 + Limits::epsilon(),
            1 - Limits::epsilon() / 2,
            1000,
            -1000,
            T(0.693147),
            T(1.41421356)};
  }

  void start(const std::string& kernel, real limit) {
    report.start(k.isa, sizeof(T) == 4 ? "float32" : "float64", kernel, limit);
  }

  // ---- Elementwise

  // Correctly rounded, but for the last bits of the reference itself.
  static constexpr real exact = real(0.5) + real(0x1p-9);

  using Reference1 = real (*)(real);
  using Reference2 = real (*)(real, real);

  // `limit` holds for one evaluation; adding to what was there rounds once more.
  void unary(const char* name, Unary kernel, Reference1 reference, real limit, double lo,
             double hi) {
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
                  worst = std::max(
                      worst, error_in_ulp<T>(y(r, c), old + f, std::fabs(old) + std::fabs(f)));
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
                  worst = std::max(
                      worst, error_in_ulp<T>(y(r, c), old + f, std::fabs(old) + std::fabs(f)));
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

  // ---- Reductions: errors in ULP at the sum of the absolute values

  void row_reductions() {
    for (int kind = 0; kind < 3; kind++) {
      const char* names[] = {"row_sum", "row_max", "row_dot"};
      start(names[kind], kind == 1 ? 0 : 8);
      for (idx cols : lengths())
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
            report.check(error_in_ulp<T>(y, want), true, "%g at %td of %td", double(value), at,
                         cols);
          }
    T y = nan, x = 1;
    k.row_max(&y, 1, &x, 1, 1, 1, 1);
    report.check(std::isnan(y) ? 0 : 1, true, "accumulating into NaN");
  }

  void col_sum() {
    start("col_sum", 4);
    for (idx cols : lengths())
      for (idx rows : {0, 1, 2, 5, 17})
        for (idx pad : {0, 1})
          for (int acc : {0, 1}) {
            if (!report.takes()) continue;
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

  // ---- Softmax

  void softmax() {
    // x - max is rounded, which exp turns into |x - max| / 2 ULP, and the sum is rounded, too.
    start("softmax", 24);
    struct Triangle {
      idx first, step;
    };
    for (idx cols : lengths())
      for (idx rows : {1, 4, 17, 130})
        for (idx pad : {0, 3})
          for (Triangle t : {Triangle{cols, 0}, Triangle{1, 1}, Triangle{3, 2}, Triangle{0, 1}})
            for (bool in_place : {false, true}) {
              if (!report.takes()) continue;
              Matrix<T> x(block_a, rows, cols, cols + pad, pad),
                  z(block_b, rows, cols, cols + pad + 1);
              x.set_uniform(-4, 4);
              std::vector<T> input = x.copy();
              std::vector<real> shares(cols);
              Matrix<T>& y = in_place ? x : z;
              k.softmax(y.p, y.ld, x.p, x.ld, rows, cols, t.first, t.step);
              real worst = 0;
              for (idx r = 0; r < rows; r++) {
                const idx len = std::min(cols, t.first + r * t.step);
                real top = -infinity, sum = 0;
                for (idx c = 0; c < len; c++) top = std::max(top, real(input[r * x.ld + c]));
                for (idx c = 0; c < len; c++)
                  sum += shares[c] = std::exp(input[r * x.ld + c] - top);
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
        k.softmax(y.p, cols, x.p, cols, rows, cols, cols, 0);
        real worst = 0;
        for (idx r = 0; r < rows; r++)
          for (idx c = 0; c < cols; c++)
            worst = std::max(worst, error_in_ulp<T>(y(r, c), c == cols - 1));
        report.check(worst, y.untouched(), "of huge numbers, %td x %td", rows, cols);
        x(rows - 1, cols / 2) = nan;
        k.softmax(y.p, cols, x.p, cols, rows, cols, cols, 0);
        bool all = true, others = true;
        for (idx c = 0; c < cols; c++) all &= std::isnan(y(rows - 1, c));
        for (idx c = 0; c < cols && rows > 1; c++) others &= !std::isnan(y(0, c));
        report.check(all && others ? 0 : 1, all && others, "NaN spreads over %td of %td x %td",
                     cols, rows, cols);
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
                  scale.push_back(std::fabs(old) +
                                  std::fabs(y(r, c)) * (std::fabs(g(r, c)) + size));
                }
              }
              k.softmax_grad(dx.p, dx.ld, y.p, y.ld, g.p, g.ld, rows, cols, acc);
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
                    worst,
                    error_in_ulp<T>(p(r, c), std::exp(real(x0[r * x.ld + c]) - top) / sum, 1));
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
              report.check(
                  worst, y.untouched() && g.untouched() && other.untouched() && index.untouched(),
                  "%td x %td, pad %td, in place %d, acc %d", rows, cols, pad, in_place, acc);
            }
  }

  // ---- Norm

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

  // ---- Moves

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
            report.check(0, same && y.untouched() && x.untouched(), "%td x %td, pad %td", rows,
                         cols, pad);
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

  // ---- Products

  // As many columns as vectors lie in every kind of tile, a few more and fewer: the other sizes
  // are of at most one or two of the longest vectors.
  std::vector<idx> wide_sizes() const {
    const idx lanes = k.vector_bits() / 8 / idx(sizeof(T));
    std::vector<idx> sizes;
    for (idx vectors = 1; vectors <= 9; vectors++)
      for (idx more : {-1, 0, 1}) sizes.push_back(vectors * lanes + more);
    return sizes;
  }

  void gemm() {
    start("gemm", 8);
    std::vector<idx> sizes = {0,  1,  2,  3,  4,  5,  7,  8,  9,  12, 15,
                              16, 17, 24, 27, 31, 32, 33, 48, 64, 65};
    std::vector<idx> heights = sizes;
    for (idx m : {6, 10, 11, 13, 14, 18, 25}) heights.push_back(m);
    for (idx m : heights)
      for (idx n : sizes)
        for (idx inner : sizes)
          for (int acc : {0, 1}) one_gemm(m, n, inner, acc, generator()() % 4, generator()() % 3);
    for (idx m : {1, 2, 5, 13})
      for (idx n : wide_sizes())
        for (idx inner : {1, 9})
          for (int acc : {0, 1}) one_gemm(m, n, inner, acc, generator()() % 4, generator()() % 3);
  }

  // layout of a: by rows, by columns, every second column, every second row of columns
  void one_gemm(idx m, idx n, idx inner, int acc, unsigned layout, idx pad) {
    if (!report.takes()) return;
    const bool columns = layout & 1;
    const idx every = layout & 2 ? 2 : 1;
    Matrix<T> a(block_a, columns ? inner : m, every * (columns ? m : inner),
                every * (columns ? m : inner) + pad);
    const idx ras = columns ? every : a.ld, cas = columns ? a.ld : every;
    // The last of every second column is missing: nothing may read it.
    T* const first = a.p + (every - 1);
    Matrix<T> b(block_b, inner, n, n + pad), c(block_c, m, n, n + pad, pad == 1);
    a.set_uniform(-1, 1);
    b.set_uniform(-1, 1);
    c.set_uniform(-1, 1);
    std::vector<T> before = c.copy();
    k.gemm(c.p, c.ld, first, ras, cas, b.p, b.ld, m, n, inner, acc, nullptr);
    const real worst =
        product_error(c.p, before.data(), c.ld, first, ras, cas, b.p, b.ld, m, n, inner, acc);
    report.check(worst, a.untouched() && b.untouched() && c.untouched(),
                 "%td x %td x %td, acc %d, layout %u, pad %td", m, n, inner, acc, layout, pad);

    // Some with an epilogue, starting from other numbers where they add: to the last bit.
    if (generator()() % 4) return;
    const std::vector<T> sums = c.copy();
    Matrix<T> other(block_d, m, n, n + pad);
    other.set_uniform(-1, 1);
    if (acc)
      for (idx i = 0; i < m; i++)
        for (idx j = 0; j < n; j++) other.p[i * c.ld + j] = before[i * c.ld + j];
    for (const auto kind : {Epilogue<T>::none, Epilogue<T>::relu, Epilogue<T>::mask_positive}) {
      c.set_uniform(-1, 1);
      const Epilogue<T> epilogue{acc ? other.p : nullptr, kind, other.p};
      k.gemm(c.p, c.ld, first, ras, cas, b.p, b.ld, m, n, inner, 0, &epilogue);
      bool same = true;
      for (idx i = 0; i < m; i++)
        for (idx j = 0; j < n; j++) {
          const T sum = sums[i * c.ld + j];
          const bool kept = kind == Epilogue<T>::none ||
                            (kind == Epilogue<T>::relu ? sum : other.p[i * c.ld + j]) > 0;
          same = same && c.p[i * c.ld + j] == (kept ? sum : 0);
        }
      report.check(0, same && other.untouched() && c.untouched(),
                   "%td x %td x %td, acc %d, layout %u, pad %td, epilogue %d", m, n, inner, acc,
                   layout, pad, int(kind));
    }
  }

  // The worst of c (m x n), which was `before`, against the product in extended precision.
  static real product_error(const T* c, const T* before, idx ldc, const T* a, idx ras, idx cas,
                            const T* b, idx ldb, idx m, idx n, idx inner, int acc) {
    real worst = 0;
    for (idx i = 0; i < m; i++)
      for (idx j = 0; j < n; j++) {
        real want = acc ? before[i * ldc + j] : T(0);
        double scale = std::fabs(double(want));
        for (idx p = 0; p < inner; p++) {
          const T x = a[i * ras + p * cas], y = b[p * ldb + j];
          want += real(x) * y;
          scale += std::fabs(double(x) * y);
        }
        worst = std::max(worst, error_in_ulp<T>(c[i * ldc + j], want, scale));
      }
    return worst;
  }

  void gemm_batch() {
    start("gemm_batch", 8);
    for (idx m : {0, 1, 2, 7, 12, 13, 16, 32, 33})
      for (idx n : {0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33})
        for (idx inner : {0, 1, 4, 7, 16, 17, 65})
          for (idx n1 : {0, 1, 2})
            for (int acc : {0, 1}) {
              if (!report.takes()) continue;
              const idx n2 = 3, count = n1 * n2, pad = idx(generator()() % 3);
              const bool columns = generator()() & 1, side_by_side = generator()() & 1;
              const idx lda = (columns ? m : inner) + pad, height = columns ? inner : m;
              Matrix<T> a(block_a, count * height, columns ? m : inner, lda);
              // Products side by side, or one below the other.
              Matrix<T> b(block_b, side_by_side ? inner : count * inner,
                          side_by_side ? count * n : n, (side_by_side ? count * n : n) + pad);
              Matrix<T> c(block_c, side_by_side ? m : count * m, side_by_side ? count * n : n,
                          (side_by_side ? count * n : n) + pad);
              for (Matrix<T>* x : {&a, &b, &c}) x->set_uniform(-1, 1);
              const idx ras = columns ? 1 : lda, cas = columns ? lda : 1;
              const idx a2 = height * lda, b2 = side_by_side ? n : inner * b.ld,
                        c2 = side_by_side ? n : m * c.ld;
              const std::vector<T> before = c.copy();
              const Batch by{n1, n2, n2 * c2, c2, n2 * a2, a2, n2 * b2, b2};
              k.gemm_batch(c.p, c.ld, a.p, ras, cas, b.p, b.ld, m, n, inner, acc, &by);
              real worst = 0;
              for (idx i = 0; i < count; i++)
                worst = std::max(
                    worst, product_error(c.p + i * c2, before.data() + i * c2, c.ld, a.p + i * a2,
                                         ras, cas, b.p + i * b2, b.ld, m, n, inner, acc));
              report.check(worst, a.untouched() && b.untouched() && c.untouched(),
                           "%td x (%td x %td x %td), acc %d, columns %d, side by side %d", count, m,
                           n, inner, acc, columns, side_by_side);
            }
  }

  // To the last bit what gemm and then sgd give, and near what the reference gives.
  void gemm_sgd() {
    start("gemm_sgd", 8);
    std::vector<idx> sizes = {0,  1,  3,  4,  7,  8,  9,  15, 16, 17, 23,
                              27, 31, 33, 39, 40, 41, 65, 72, 73, 130};
    for (idx n : wide_sizes()) sizes.push_back(n);
    for (idx m : {0, 1, 2, 3, 4, 6, 7, 13, 16, 25})
      for (idx n : sizes)
        for (idx inner : {0, 1, 2, 5, 8, 16, 33})
          for (idx pad : {0, 3}) {
            if (!report.takes()) continue;
            const bool columns = generator()() & 1;
            Matrix<T> a(block_a, columns ? inner : m, columns ? m : inner, 40 + pad);
            const idx ras = columns ? 1 : a.ld, cas = columns ? a.ld : 1;
            Matrix<T> b(block_b, inner, n, n + pad), w(block_c, m, n, n + pad, pad),
                v(block_d, m, n, n + pad);
            for (Matrix<T>* x : {&a, &b, &w, &v}) x->set_uniform(-1, 1);
            const std::vector<T> w0 = w.copy(), v0 = v.copy();
            std::vector<T> g(m * n), w1 = w0, v1 = v0;
            const T lr = T(0.01), momentum = T(0.9);
            k.gemm(g.data(), n, a.p, ras, cas, b.p, b.ld, m, n, inner, 0, nullptr);
            for (idx i = 0; i < m; i++)
              k.sgd(w1.data() + i * w.ld, v1.data() + i * w.ld, g.data() + i * n, n, 0, lr,
                    momentum);
            k.gemm_sgd(w.p, v.p, w.ld, a.p, ras, cas, b.p, b.ld, m, n, inner, lr, momentum);
            real worst = 0;
            bool same = true;
            for (idx i = 0; i < m; i++)
              for (idx j = 0; j < n; j++) {
                const idx at = i * w.ld + j;
                real speed = real(momentum) * v0[at], scale = std::fabs(speed);
                for (idx p = 0; p < inner; p++) {
                  const real term = real(a.p[i * ras + p * cas]) * b(p, j);
                  speed += term;
                  scale += std::fabs(term);
                }
                same &= w(i, j) == w1[at] && v(i, j) == v1[at];
                worst = std::max(worst, error_in_ulp<T>(v(i, j), speed, scale));
                worst = std::max(worst, error_in_ulp<T>(w(i, j), w0[at] - lr * speed,
                                                        std::fabs(w0[at]) + lr * scale));
              }
            report.check(worst,
                         same && a.untouched() && b.untouched() && w.untouched() && v.untouched(),
                         "%td x %td x %td, columns %d, pad %td", m, n, inner, columns, pad);
          }
  }

  void products_with_chosen_rows() {
    const char* names[] = {"gemv_rows", "row_dot_rows", "outer_rows"};
    constexpr idx many = 19;
    std::vector<idx> sizes = lengths();
    for (idx n : wide_sizes()) sizes.push_back(n);
    for (int kind = 0; kind < 3; kind++) {
      start(names[kind], 8);
      for (idx n : sizes)
        for (idx count : {0, 1, 2, 3, 7, 8, 16})
          for (bool chosen : {false, true})
            for (int acc : {0, 1}) {
              if ((kind == 2 && !acc) || !report.takes()) continue;
              const idx inc = 1 + idx(generator()() % 3), pad = idx(generator()() % 3);
              Matrix<T> w(block_a, many, n, n + pad, pad == 1), row(block_b, 1, n, n),
                  side(block_c, chosen ? many : count, 1, inc);
              Matrix<int32_t> index(block_d, 1, count, count);
              for (Matrix<T>* m : {&w, &row, &side}) m->set_uniform(-1, 1);
              index.set([&](idx, idx) { return int32_t(generator()() % many); });

              // A product of chosen rows may start from two rows: y itself and one elsewhere.
              Matrix<T> more(block_e, 1, n, n);
              more.set_uniform(-1, 1);
              const bool twice = kind == 0 && acc && generator()() % 2;
              const int relu = kind == 0 && generator()() % 2;

              Matrix<T>& out = kind == 0 ? row : kind == 1 ? side : w;
              std::vector<real> want(out.rows * out.cols), scale(want.size());
              for (idx r = 0; r < out.rows; r++)
                for (idx c = 0; c < out.cols; c++) {
                  want[r * out.cols + c] = acc || kind == 1 ? real(out(r, c)) : real(0);
                  scale[r * out.cols + c] = std::fabs(want[r * out.cols + c]);
                  if (!twice) continue;
                  want[c] += more(0, c);
                  scale[c] += std::fabs(more(0, c));
                }
              for (idx i = 0; i < count; i++) {
                const idx from = index(0, i), at = chosen ? from : i;
                if (kind == 1 && !acc) want[at] = scale[at] = 0;
                for (idx c = 0; c < n; c++) {
                  const real term = kind == 0   ? real(side(at, 0)) * w(from, c)
                                    : kind == 1 ? real(w(from, c)) * row(0, c)
                                                : real(side(at, 0)) * row(0, c);
                  const idx to = kind == 0 ? c : kind == 1 ? at : from * n + c;
                  want[to] += term;
                  scale[to] += std::fabs(term);
                }
              }
              if (kind == 0)
                k.gemv_rows(row.p, side.p, inc, w.p, w.ld, index.p, count, n, chosen,
                            acc ? row.p : nullptr, twice ? more.p : nullptr, relu);
              if (kind == 1)
                k.row_dot_rows(side.p, inc, w.p, w.ld, row.p, index.p, count, n, chosen, acc);
              if (kind == 2) k.outer_rows(w.p, w.ld, side.p, inc, row.p, index.p, count, n, chosen);
              real worst = 0;
              for (idx r = 0; r < out.rows; r++)
                for (idx c = 0; c < out.cols; c++) {
                  const real sum = want[r * out.cols + c];
                  worst = std::max(worst, error_in_ulp<T>(out(r, c), relu && sum < 0 ? 0 : sum,
                                                          scale[r * out.cols + c]));
                }
              report.check(
                  worst, w.untouched() && row.untouched() && side.untouched() && index.untouched(),
                  "%td of %td rows of %td, chosen %d, acc %d, inc %td, pad %td", count, many, n,
                  chosen, acc, inc, pad);
            }
    }
  }

  // ---- Updates

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
      const T lr = T(0.01), beta1 = T(0.85), beta2 = T(0.99), eps = T(1e-8), c1 = T(1.7),
              c2 = T(3.1), take1 = T(0.16), take2 = T(0.02);
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
      report.check(worst, w.untouched() && m.untouched() && v.untouched() && g.untouched(), "%td",
                   n);
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

  void run() {
    unary(
        "copy", k.copy, [](real x) { return x; }, 0, -2, 2);
    unary(
        "neg", k.neg, [](real x) { return -x; }, 0, -2, 2);
    unary(
        "relu", k.relu, [](real x) { return x > 0 || x != x ? x : 0; }, 0, -2, 2);
    unary(
        "exp", k.exp, [](real x) { return std::exp(x); }, 2, -10, 10);
    unary(
        "log", k.log, [](real x) { return std::log(x); }, 2, 0, 100);
    unary(
        "sqrt", k.sqrt, [](real x) { return std::sqrt(x); }, exact, 0, 100);
    unary(
        "rsqrt", k.rsqrt, [](real x) { return 1 / std::sqrt(x); }, 1.5, 0.01, 100);
    unary(
        "reciprocal", k.reciprocal, [](real x) { return 1 / x; }, exact, 0.01, 100);
    unary(
        "tanh", k.tanh, [](real x) { return std::tanh(x); }, 2.5, -10, 10);
    unary(
        "sigmoid", k.sigmoid, [](real x) { return 1 / (1 + std::exp(-x)); }, 4, -10, 10);
    unary(
        "sin", k.sin, [](real x) { return std::sin(x); }, 1, -10, 10);
    unary(
        "cos", k.cos, [](real x) { return std::cos(x); }, 1, -10, 10);
    unary(
        "step", k.step, [](real x) { return real(x > 0); }, 0, -2, 2);
    const double out = sizeof(T) == 4 ? 110 : 760;
    densely(
        "exp", k.exp, [](real x) { return std::exp(x); }, 2, -out, out);
    densely(
        "log", k.log, [](real x) { return std::log(x); }, 2, 0.5, 2);
    densely(
        "tanh", k.tanh, [](real x) { return std::tanh(x); }, 2.5, -1, 1);
    densely(
        "sigmoid", k.sigmoid, [](real x) { return 1 / (1 + std::exp(-x)); }, 4, -out, 20);
    for (const double range : {4.0, 1e4, 1e7}) {
      densely(
          "sin", k.sin, [](real x) { return std::sin(x); }, 1, -range, range);
      densely(
          "cos", k.cos, [](real x) { return std::cos(x); }, 1, -range, range);
    }
    binary(
        "add", k.add, [](real a, real b) { return a + b; }, exact);
    binary(
        "sub", k.sub, [](real a, real b) { return a - b; }, exact);
    binary(
        "mul", k.mul, [](real a, real b) { return a * b; }, exact);
    binary(
        "div", k.div, [](real a, real b) { return a / b; }, exact);
    binary(
        "mask_positive", k.mask_positive, [](real a, real b) { return b > 0    ? a
                                                                      : b != b ? b
                                                                               : 0; },
        0);
    fill();
    row_reductions();
    col_sum();
    softmax();
    softmax_grad();
    cross_entropy();
    cross_entropy_grad();
    row_norm();
    row_norm_grad();
    transpose();
    gather_and_scatter();
    topk();
    gemm();
    gemm_batch();
    gemm_sgd();
    products_with_chosen_rows();
    updates();
    peaks();
  }
};

// A kernel that reads or writes past its operands ends here; only functions safe in a handler.
void on_fault(int) {
  constexpr char text[] = "FAIL a kernel touched memory behind its operands: ";
  (void)!write(1, text, sizeof text - 1);
  (void)!write(1, report.where(), std::strlen(report.where()));
  constexpr char counts[] = "\n0 passed, 1 failed\n";
  (void)!write(1, counts, sizeof counts - 1);
  _exit(1);
}

int run(int argc, char** argv) {
  const char* only = nullptr;
  bool verbose = false;
  for (int i = 1; i < argc; i++) {
    if (!std::strcmp(argv[i], "--verbose")) {
      verbose = true;
    } else if (!std::strcmp(argv[i], "--isa") && i + 1 < argc) {
      only = argv[++i];
    } else if (!std::strcmp(argv[i], "--sample") && i + 1 < argc && std::atoi(argv[i + 1]) > 0) {
      report.stride = std::atoi(argv[++i]);
    } else {
      std::fprintf(stderr, "usage: kernel_test [--isa NAME] [--sample K] [--verbose]\n");
      return 2;
    }
  }
  if (only && !kernels_for<float>(only)) {
    std::fprintf(stderr, "kernel_test: instruction set '%s' is not available on this machine\n",
                 only);
    return 2;
  }
  signal(SIGSEGV, on_fault);
  signal(SIGBUS, on_fault);
  for (const IsaInfo& isa : isa_list()) {
    if (!isa.available || (only && std::strcmp(only, isa.name))) continue;
    std::printf("kernel_test: %s, vectors of %d bits\n", isa.name,
                kernels_for<float>(isa.name)->vector_bits());
    std::fflush(stdout);
    Tests<float>{*kernels_for<float>(isa.name)}.run();
    Tests<double>{*kernels_for<double>(isa.name)}.run();
  }
  if (verbose) report.print_table();
  std::printf("%ld passed, %ld failed\n", report.passed, report.failed);
  return report.failed ? 1 : 0;
}

}  // namespace
}  // namespace vecgrad::test

int main(int argc, char** argv) { return vecgrad::test::run(argc, argv); }
