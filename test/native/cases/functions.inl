// The functions of one and two numbers that few models use. Part of `Tests` in kernel_test.cpp.

// An odd number of halves: at minus infinity the C library's pow has the limit.
template <int numerator>
static real halves(real x) {
  return std::pow(x, numerator / real(2));
}
// The sign of x, of zeros too.
static real sign_of(real x) { return x > 0 || x < 0 ? std::copysign(real(1), x) : x; }
static real log_of_one_plus_exp(real x) {
  return std::max(x, real(0)) + std::log1p(std::exp(-std::fabs(x))) + (x != x ? x : 0);
}

static real normal_distribution(real x) { return std::erfc(-x / std::sqrt(real(2))) / 2; }

void rare_functions() {
  // Up to where exp overflows.
  const double out = sizeof(T) == 4 ? 110 : 760;
  unary(
      "tan", k.tan, [](real x) { return std::tan(x); }, 2.5, -10, 10);
  for (const double range : {4.0, 1e4, 1e7})
    densely(
        "tan", k.tan, [](real x) { return std::tan(x); }, 2.5, -range, range);
  unary("sign", k.sign, sign_of, 0, -2, 2);
  unary(
      "abs", k.abs, [](real x) { return std::fabs(x); }, 0, -2, 2);
  unary(
      "floor", k.floor, [](real x) { return std::floor(x); }, 0, -5, 5);
  unary(
      "ceil", k.ceil, [](real x) { return std::ceil(x); }, 0, -5, 5);
  unary(
      "round", k.round, [](real x) { return std::nearbyint(x); }, 0, -5, 5);
  densely(
      "floor", k.floor, [](real x) { return std::floor(x); }, 0, -1e7, 1e7);
  densely(
      "ceil", k.ceil, [](real x) { return std::ceil(x); }, 0, -1e7, 1e7);
  densely(
      "round", k.round, [](real x) { return std::nearbyint(x); }, 0, -1e7, 1e7);
  unary(
      "cube", k.cube, [](real x) { return x * x * x; }, 1.5, -2, 2);
  unary(
      "fourth", k.fourth, [](real x) { return x * x * x * x; }, 2, -2, 2);
  unary("three_halves", k.three_halves, halves<3>, 1.5, 0, 100);
  unary(
      "reciprocal_square", k.reciprocal_square, [](real x) { return 1 / (x * x); }, 2, 0.1, 2);
  unary(
      "reciprocal_cube", k.reciprocal_cube, [](real x) { return 1 / (x * x * x); }, 3.5, 0.1, 2);
  unary("reciprocal_three_halves", k.reciprocal_three_halves, halves<-3>, 2.5, 0.1, 100);
  unary("softplus", k.softplus, log_of_one_plus_exp, 2, -10, 10);
  densely("softplus", k.softplus, log_of_one_plus_exp, 2, -out, 20);
  unary(
      "expm1", k.expm1, [](real x) { return std::expm1(x); }, 2, -2, 2);
  densely(
      "expm1", k.expm1, [](real x) { return std::expm1(x); }, 2, -out, out);
  densely(
      "expm1", k.expm1, [](real x) { return std::expm1(x); }, 2, -2, 2);
  unary(
      "log1p", k.log1p, [](real x) { return std::log1p(x); }, 2, -0.9, 10);
  densely(
      "log1p", k.log1p, [](real x) { return std::log1p(x); }, 2, -1, 1);
  unary(
      "erf", k.erf, [](real x) { return std::erf(x); }, 2, -3, 3);
  densely(
      "erf", k.erf, [](real x) { return std::erf(x); }, 2, -4, 4);
  // In float64 the C library computes it, as it computes the reference.
  const real limit = sizeof(T) == 4 ? 4 : 4.5;
  unary("ndtr", k.ndtr, normal_distribution, limit, -4, 4);
  densely("ndtr", k.ndtr, normal_distribution, limit, -4, 4);
  densely("ndtr", k.ndtr, normal_distribution, limit, sizeof(T) == 4 ? -14 : -38, 9);
  unary(
      "arcsin", k.arcsin, [](real x) { return std::asin(x); }, 3, -1, 1);
  densely(
      "arcsin", k.arcsin, [](real x) { return std::asin(x); }, 3, -1, 1);
  unary(
      "arctan", k.arctan, [](real x) { return std::atan(x); }, 2.5, -3, 3);
  densely(
      "arctan", k.arctan, [](real x) { return std::atan(x); }, 2.5, -4, 4);
  unary(
      "arcsinh", k.arcsinh, [](real x) { return std::asinh(x); }, 3, -3, 3);
  densely(
      "arcsinh", k.arcsinh, [](real x) { return std::asinh(x); }, 3, -4, 4);
  unary(
      "arctanh", k.arctanh, [](real x) { return std::atanh(x); }, 3, -1, 1);
  densely(
      "arctanh", k.arctanh, [](real x) { return std::atanh(x); }, 3, -1, 1);
}

// Powers of every size: bases over the whole range, to what takes the result anywhere in it.
void powers() {
  const auto reference = [](real a, real b) { return std::pow(a, b); };
  binary("pow", k.pow, reference, 1.5);
  start("pow", 1.5);
  const double out = sizeof(T) == 4 ? 88 : 709;
  const idx count = 200'000 / report.stride;
  for (const double range : {0.5, out}) {
    std::vector<T> a, b, y(static_cast<size_t>(count));
    for (idx i = 0; i < count; i++) {
      const double log = uniform(-range, range);
      a.push_back(T(std::exp(log)));
      b.push_back(T(uniform(-out, out) / (i % 3 ? log : out / 4)));
    }
    k.pow(y.data(), count, a.data(), count, 1, b.data(), count, 1, 1, count, 0);
    real worst = -1;
    idx at = 0;
    for (idx i = 0; i < count; i++) {
      const real error = error_in_ulp<T>(y[i], reference(a[i], b[i]));
      if (error > worst) worst = error, at = i;
    }
    report.check(worst, true, "%.17g to the power of %.17g: got %.17g", double(a[at]),
                 double(b[at]), double(y[at]));
  }
}

// Results that are one of the operands, or 0 or 1.
void choices() {
  binary(
      "mod", k.mod,
      [](real a, real b) {
        const real rest = std::fmod(a, b);
        return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
      },
      exact);
  binary(
      "maximum", k.maximum, [](real a, real b) { return a != a   ? a
                                                        : b != b ? b
                                                                 : std::max(a, b); },
      0);
  binary(
      "minimum", k.minimum, [](real a, real b) { return a != a   ? a
                                                        : b != b ? b
                                                                 : std::min(a, b); },
      0);
  binary(
      "greater", k.greater, [](real a, real b) { return real(a > b); }, 0);
  binary(
      "greater_equal", k.greater_equal, [](real a, real b) { return real(a >= b); }, 0);
  binary(
      "equal", k.equal, [](real a, real b) { return real(a == b); }, 0);
  binary(
      "if_nonzero", k.if_nonzero, [](real a, real b) { return b != 0 ? a : -real(0); }, 0);
  binary(
      "if_zero", k.if_zero, [](real a, real b) { return b == 0 ? a : -real(0); }, 0);
  binary(
      "log_grad", k.log_grad,
      [](real a, real b) { return !(b < 0) ? a / b
                                  : a == 0 ? real(0)
                                           : real(nan); }, exact);
}
