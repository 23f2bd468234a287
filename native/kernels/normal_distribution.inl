// The standard normal distribution function of one number. Included within a namespace, by the
// kernels too, which call no function that another unit could have compiled.

// It is erfc(t) / 2 with t = -x / sqrt(2). In its tail, erfc(t) changes t^2 times as fast as t, so
// that the rounding error of t is taken into account: the slope of erfc(t) is -2 / sqrt(pi)
// exp(-t^2).
template <class Number>
static Number normal_distribution(Number x) {
  constexpr double root = 0.70710678118654752440, rest_of_root = -4.8336466567264565e-17;
  const double t = -double(x) * root, half = __builtin_erfc(t) / 2;
  if (sizeof(Number) == 4 || !(t > 0.5) || half == 0) return Number(half);
  const double rest = __builtin_fma(-double(x), root, -t) - double(x) * rest_of_root;
  // The change as a share: itself it may be so small that it would be flushed to zero.
  return Number(half * (1 - __builtin_exp(-t * t) * 0.56418958354775628695 / half * rest));
}
