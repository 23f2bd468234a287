// The functions of elementwise.def on single numbers: for scalar bytecode.
#pragma once

#include <cmath>
#include <limits>

namespace vecgrad::functions {

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

// x, or a zero of its sign where it is a denormal, which compares as zero while a program runs. The
// C library's log and pow take a denormal apart by arithmetic, which sees a zero, and return a
// wrong number.
template <class T>
T normal(T x) {
  return x == 0 ? std::copysign(T(0), x) : x;
}
template <class T>
T sign_of(T x) {
  if (x > 0 || x < 0) return std::copysign(T(1), x);
  // NaN, or a zero of x's sign, also for a denormal, which compares as zero.
  return x != x ? x : std::copysign(T(0), x);
}
// a modulo b, with the sign of b, also where it is 0; NaN where b is 0 or a infinite.
template <class T>
T remainder_of(T a, T b) {
  const T rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(T(0), b);
  return (rest < 0) == (b < 0) ? rest : rest + b;
}
// By e^-|x|, which overflows nowhere.
template <class T>
T logistic(T x) {
  const T e = std::exp(-std::fabs(x));
  return (x > 0 ? T(1) : e) / (T(1) + e);
}
#include "kernels/normal_distribution.inl"
// NaN where b < 0, since log is NaN there, but a gradient of 0 stays 0, as behind a mask.
template <class T>
T log_slope(T a, T b) {
  if (b < 0) return a == 0 ? T(0) : std::numeric_limits<T>::quiet_NaN();
  return a / b;
}

#define FUNCTION1(name, ...) \
  template <class T>         \
  T name(T x) {              \
    return __VA_ARGS__;      \
  }
#define FUNCTION2(name, ...) \
  template <class T>         \
  T name(T a, T b) {         \
    return __VA_ARGS__;      \
  }
#include "kernels/elementwise.def"

}  // namespace vecgrad::functions
