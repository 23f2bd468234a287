// Element-wise functions of single numbers: for scalar bytecode, and for arrays where a function is
// too rare to have a kernel.
#pragma once

#include <cmath>
#include <limits>

namespace vecgrad::functions {

template <class T>
T sign(T x) {
  if (x > 0 || x < 0) return std::copysign(T(1), x);
  // NaN, or a zero of x's sign, also for a denormal, which compares as zero.
  return x != x ? x : std::copysign(T(0), x);
}
template <class T>
T abs(T x) {
  return std::fabs(x);
}
template <class T>
T tanh(T x) {
  return std::tanh(x);
}
// By e^-|x|, which overflows nowhere.
template <class T>
T sigmoid(T x) {
  const T e = std::exp(-std::fabs(x));
  return (x > 0 ? T(1) : e) / (T(1) + e);
}
template <class T>
T softplus(T x) {
  return (x > 0 ? x : T(0)) + std::log1p(std::exp(-std::fabs(x)));
}
template <class T>
T log1p(T x) {
  return std::log1p(x);
}
template <class T>
T erf(T x) {
  return std::erf(x);
}
template <class T>
T arcsin(T x) {
  return std::asin(x);
}
template <class T>
T arcsinh(T x) {
  return std::asinh(x);
}
template <class T>
T arctanh(T x) {
  return std::atanh(x);
}

// NaN if either is NaN.
template <class T>
T maximum(T a, T b) {
  return a > b || a != a ? a : b;
}
template <class T>
T minimum(T a, T b) {
  return a < b || a != a ? a : b;
}
template <class T>
T gt(T a, T b) {
  return T(a > b);
}
template <class T>
T ge(T a, T b) {
  return T(a >= b);
}
template <class T>
T eq(T a, T b) {
  return T(a == b);
}
// NaN where b < 0, since log is NaN there, but a gradient of 0 stays 0, as behind a mask.
template <class T>
T log_grad(T a, T b) {
  if (b < 0) return a == 0 ? T(0) : std::numeric_limits<T>::quiet_NaN();
  return a / b;
}
// a where b > 0, NaN where b is NaN, else 0.
template <class T>
T mask_positive(T a, T b) {
  return b > 0 ? a : b != b ? b : T(0);
}
// a where b is not zero (NaN is not), or where it is zero; elsewhere -0, which changes nothing that
// it is added to, not even the sign of a zero.
template <class T>
T if_nonzero(T a, T b) {
  return b != 0 ? a : -T(0);
}
template <class T>
T if_zero(T a, T b) {
  return b == 0 ? a : -T(0);
}

}  // namespace vecgrad::functions
