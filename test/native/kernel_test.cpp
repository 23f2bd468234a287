// Every kernel of every available instruction set, in both types, against a reference of more bits.
//
//   kernel_test [--isa NAME] [--sample K] [--verbose]
//
// A case calls one kernel on matrices that end at an unreadable page and are surrounded by guard
// cells; it fails when a number is further from the reference than the kernel's limit, when a guard
// cell changed, or by a fault. --sample takes every K-th case of the large tables alone: with a K
// that shares no factor with the lengths of their loops, 11 or 13, every value of each parameter is
// still met. The cases are in cases/, a file for each family. To add a kernel: write its cases
// there, and its line in Tests::run.
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

// The same, and lengths that are summed up in several chains.
std::vector<idx> long_lengths() {
  std::vector<idx> all = lengths();
  for (idx n : {511, 512, 600, 2500, 9001}) all.push_back(n);
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

#include "cases/elementwise.inl"
#include "cases/functions.inl"
#include "cases/moves.inl"
#include "cases/norm.inl"
#include "cases/pooling.inl"
#include "cases/products.inl"
#include "cases/reductions.inl"
#include "cases/softmax.inl"
#include "cases/updates.inl"

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
    rare_functions();
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
    choices();
    powers();
    binary(
        "mask_positive", k.mask_positive, [](real a, real b) { return b > 0    ? a
                                                                      : b != b ? b
                                                                               : 0; },
        0);
    fill();
    row_reductions();
    col_max();
    col_sum();
    softmax();
    softmax_grad();
    softmax_columns();
    softmax_columns_grad();
    cross_entropy();
    cross_entropy_grad();
    row_norm();
    row_norm_grad();
    largest_of();
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
