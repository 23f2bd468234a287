// Counts cases and keeps the largest error of each kernel, in units in the last place (ULP).
#pragma once

#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <limits>
#include <map>
#include <string>
#include <type_traits>

namespace vecgrad::test {

// What the reference for T is computed in: many bits more than T has, and no more than that, since
// most architectures compute a long double in software.
template <class T>
using Real = std::conditional_t<sizeof(T) == 4, double, long double>;

// The distance between neighbouring numbers of type T at |x|.
template <class T>
Real<T> ulp_at(Real<T> x) {
  x = std::fabs(x);
  int e = 0;
  const int digits = std::numeric_limits<T>::digits, lowest = std::numeric_limits<T>::min_exponent;
  if (x != 0) std::frexp(x, &e);
  return std::ldexp(Real<T>(1), (e < lowest ? lowest : e) - digits);
}

// The error of `got` in ULP at max(|want|, scale): `scale` is the size of the numbers that went
// into a sum, which may be much larger than the sum. Infinite where the kinds differ.
template <class T>
Real<T> error_in_ulp(T got, Real<T> want, Real<T> scale = 0) {
  const Real<T> never = std::numeric_limits<Real<T>>::infinity();
  const Real<T> most = std::numeric_limits<T>::max();
  if (std::isnan(want)) return std::isnan(got) ? 0 : never;
  if (std::isnan(got)) return never;
  const Real<T> limit = most + ulp_at<T>(most) / 2;
  if (std::fabs(want) >= limit) return got == T(want) ? 0 : never;
  if (std::isinf(got))  // one ULP early is no more than one ULP wrong
    return std::signbit(got) == std::signbit(want)
               ? (limit - std::fabs(want)) / ulp_at<T>(most) + Real<T>(0.5)
               : never;
  const Real<T> size = std::fmax(std::fabs(want), std::fabs(scale));
  return std::fabs(static_cast<Real<T>>(got) - want) / ulp_at<T>(size);
}

class Report {
 public:
  // Every case that follows belongs to this kernel and may err by `limit` ULP.
  void start(const std::string& isa, const std::string& type, const std::string& kernel,
             long double limit) {
    at_ = &rows_[isa + "\t" + type + "\t" + kernel];
    at_->limit = limit;
    where_ = isa + " " + type + " " + kernel;
  }

  // Whether the next case of a large table is in the sample: every `stride`-th is.
  bool takes() { return seen_++ % stride == 0; }

  // One case: its worst error, and whether all else was as it must be.
  __attribute__((format(printf, 4, 5))) void check(long double error, bool sound,
                                                   const char* format, ...) {
    if (error > at_->worst) at_->worst = error;
    if (error <= at_->limit && sound) {
      passed++;
      return;
    }
    failed++;
    if (++at_->failures > 5) return;
    std::printf("FAIL %s: ", where_.c_str());
    va_list args;
    va_start(args, format);
    std::vprintf(format, args);
    va_end(args);
    if (error > at_->limit) std::printf(": error %.3Lg ULP, limit %.3Lg", error, at_->limit);
    if (!sound) std::printf(": wrong place, or a cell outside the output was written");
    std::printf("\n");
  }

  void print_table() const {
    std::printf("%-8s %-8s %-14s %12s %8s\n", "isa", "type", "kernel", "worst (ULP)", "limit");
    for (const auto& [key, row] : rows_) {
      const size_t a = key.find('\t'), b = key.find('\t', a + 1);
      std::printf("%-8s %-8s %-14s %12.3Lf %8.1Lf\n", key.substr(0, a).c_str(),
                  key.substr(a + 1, b - a - 1).c_str(), key.substr(b + 1).c_str(), row.worst,
                  row.limit);
    }
  }

  const char* where() const { return where_.c_str(); }

  long passed = 0, failed = 0;
  long stride = 1;

 private:
  struct Row {
    long double worst = 0, limit = 0;
    long failures = 0;
  };
  std::map<std::string, Row> rows_;
  Row* at_ = nullptr;
  long seen_ = 0;
  std::string where_ = "start";
};

}  // namespace vecgrad::test
