// The time of one matrix product, our kernels against OpenBLAS: where blas.cpp's crossover is from.
//
//   gemm_bench [--square] [--isa NAME]     CSV: type,m,n,k, then nanoseconds a call
//
// Every figure is the least of many short rounds, which a busy machine disturbs least.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "blas/blas.h"
#include "isa/isa.h"

namespace vecgrad {
namespace {

using Clock = std::chrono::steady_clock;

struct Shape {
  idx m, n, k;
};

// The products of the models' graphs, then squares for the crossover.
constexpr Shape small[] = {
    {1, 16, 16},  {1, 32, 32},  {1, 27, 32},  {1, 64, 16},  {1, 16, 64}, {1, 27, 16},  {4, 16, 16},
    {7, 16, 16},  {7, 64, 16},  {7, 16, 64},  {7, 27, 16},  {7, 32, 16}, {16, 16, 16}, {16, 64, 16},
    {16, 16, 64}, {16, 27, 16}, {16, 27, 32}, {16, 48, 16}, {7, 7, 4},   {7, 4, 7},    {16, 16, 4},
    {16, 4, 16},  {16, 16, 7},  {16, 64, 7},  {64, 16, 7},  {32, 27, 7}, {32, 32, 7},  {16, 16, 1},
    {32, 32, 1},  {16, 64, 1},  {32, 32, 32}};
constexpr Shape large[] = {
    {32, 32, 32},    {40, 40, 40},    {48, 48, 48},       {56, 56, 56},    {64, 64, 64},
    {80, 80, 80},    {96, 96, 96},    {128, 128, 128},    {192, 192, 192}, {256, 256, 256},
    {384, 384, 384}, {768, 768, 768}, {1536, 1536, 1536}, {64, 768, 768},  {64, 3072, 768},
    {64, 768, 3072}, {768, 3072, 64}, {16, 256, 256},     {16, 512, 512},  {4, 512, 512},
    {1, 256, 256},   {1, 1024, 1024}, {1, 2048, 2048},    {256, 256, 16},  {512, 512, 4},
    {512, 512, 1},   {256, 16, 256},  {1024, 16, 16},     {16, 16, 1024}};

template <class F>
double nanoseconds(double flops, F call) {
  const int calls = flops < 4e4 ? 200 : flops < 4e6 ? 10 : 1;
  double best = 1e30;
  for (int round = 0; round < (flops < 4e6 ? 200 : 40); round++) {
    const auto start = Clock::now();
    for (int i = 0; i < calls; i++) call();
    const std::chrono::duration<double, std::nano> time = Clock::now() - start;
    best = time.count() / calls < best ? time.count() / calls : best;
  }
  return best;
}

// Memory at the start of a cache line: vectors that straddle two lines cost twice.
template <class T>
struct Aligned {
  explicit Aligned(idx n, T value)
      : p(static_cast<T*>(std::aligned_alloc(64, (n * sizeof(T) + 63) / 64 * 64))) {
    std::fill(p, p + n, value);
  }
  ~Aligned() { std::free(p); }
  Aligned(const Aligned&) = delete;
  T* data() const { return p; }
  T* const p;
};

template <class T>
void measure(const Shape& s, const char* only) {
  const Aligned<T> a(s.m * s.k, T(0.5)), b(s.k * s.n, T(0.25)), c(s.m * s.n, 0);
  const double flops = 2.0 * double(s.m * s.n * s.k);
  std::printf("%s,%td,%td,%td", sizeof(T) == 4 ? "float32" : "float64", s.m, s.n, s.k);
  for (const IsaInfo& isa : isa_list()) {
    if (!isa.available || (only && std::strcmp(only, isa.name))) continue;
    const auto gemm = kernels_for<T>(isa.name)->gemm;
    std::printf(",%.1f", nanoseconds(flops, [&] {
                  gemm(c.data(), s.n, a.data(), s.k, 1, b.data(), s.n, s.m, s.n, s.k, 0, nullptr);
                }));
  }
  std::printf(",%.1f\n", nanoseconds(flops, [&] {
                blas_gemm<T>(c.data(), s.n, a.data(), s.k, false, b.data(), s.n, false, s.m, s.n,
                             s.k, 0);
              }));
  std::fflush(stdout);
}

int run(int argc, char** argv) {
  bool squares = false;
  const char* only = nullptr;
  for (int i = 1; i < argc; i++) {
    if (!std::strcmp(argv[i], "--square"))
      squares = true;
    else if (!std::strcmp(argv[i], "--isa") && i + 1 < argc)
      only = argv[++i];
    else
      return std::fprintf(stderr, "usage: gemm_bench [--square] [--isa NAME]\n"), 2;
  }
  std::printf("# %s, core %s, %d thread\ntype,m,n,k", blas_version().c_str(), blas_core(),
              blas_threads());
  for (const IsaInfo& isa : isa_list())
    if (isa.available && (!only || !std::strcmp(only, isa.name))) std::printf(",%s", isa.name);
  std::printf(",openblas\n");
  const auto each = [&](const auto& shapes) {
    for (const Shape& s : shapes) measure<float>(s, only);
    for (const Shape& s : shapes) measure<double>(s, only);
  };
  squares ? each(large) : each(small);
  return 0;
}

}  // namespace
}  // namespace vecgrad

int main(int argc, char** argv) { return vecgrad::run(argc, argv); }
