// A sum whose error does not grow with the number of its terms.
#pragma once

#include <cmath>

namespace vecgrad {

// A sum that keeps what each addition rounds away (2Sum of Knuth and Moller).
template <class T>
struct ExactSum {
  T sum = 0, lost = 0;

  void add(T x) {
    const T next = sum + x, added = next - sum;
    lost += (sum - (next - added)) + (x - added);
    sum = next;
  }
  // What was lost is NaN where the sum became infinite.
  T total() const {
    const T whole = sum + lost;
    return std::isnan(whole) ? sum : whole;
  }
};

// In float32, of millions of terms, what was lost would become so large that it loses itself.
template <>
struct ExactSum<float> {
  double sum = 0;

  void add(float x) { sum += double(x); }
  float total() const { return float(sum); }
};

}  // namespace vecgrad
