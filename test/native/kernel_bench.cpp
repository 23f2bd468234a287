// The time of one call of a kernel at the small sizes that a step of a small model is made of.
//
//   kernel_bench [--isa NAME] [--rounds N] [NAME ...]     CSV: case, then nanoseconds in both types
//
// Only the cases whose names contain one of the given ones. Every figure is the least of many short
// rounds, which a busy machine disturbs least; one round is enough to count under callgrind.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "isa/isa.h"
#include "threads/denormals.h"

namespace vecgrad {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  const char* isa = nullptr;
  int rounds = 300;
  std::vector<const char*> only;

  bool wants(const std::string& name) const {
    if (only.empty()) return true;
    for (const char* part : only)
      if (name.find(part) != std::string::npos) return true;
    return false;
  }
};

template <class F>
double nanoseconds(int rounds, F call) {
  constexpr int calls = 100;
  const FlushDenormals flush;  // as in a run of a program
  double best = 1e30;
  for (int round = 0; round < rounds; round++) {
    const auto start = Clock::now();
    for (int i = 0; i < calls; i++) call();
    const std::chrono::duration<double, std::nano> time = Clock::now() - start;
    best = time.count() / calls < best ? time.count() / calls : best;
  }
  return best;
}

constexpr idx capacity = 1 << 18;

// Numbers in memory that starts a cache line: vectors across two lines cost twice. The four blocks
// begin a quarter of a page apart: a load waits for a store at the same place of another page.
template <class T>
struct Numbers {
  explicit Numbers(idx quarter)
      : block(static_cast<T*>(std::aligned_alloc(4096, capacity * sizeof(T) + 4096))),
        p(block + quarter * 1024 / idx(sizeof(T))) {
    unsigned state = 1;
    for (idx i = 0; i < capacity; i++) {
      state = state * 1664525 + 1013904223;
      p[i] = T(state >> 8) / T(1 << 23) - 1;
    }
  }
  ~Numbers() { std::free(block); }
  Numbers(const Numbers&) = delete;
  T *const block, *const p;
};

// Calls `measure(name, call)` for every case.
template <class T, class Measure>
void each_case(const Kernels<T>& k, const Measure& measure) {
  const Numbers<T> na(0), nb(1), nc(2), nd(3);
  T *const a = na.p, *const b = nb.p, *const y = nc.p, *const d = nd.p;
  const auto size = [](std::vector<idx> sizes) {
    std::string s;
    for (idx n : sizes) {
      s += s.empty() ? " " : "x";
      s += std::to_string(n);
    }
    return s;
  };

  static int32_t places[16];
  for (idx i = 0; i < 16; i++) places[i] = int32_t(i * 7 % 27);

  for (idx n : {16, 27, 112, 448}) {
    measure("add" + size({n}), [=] { k.add(y, n, a, n, 1, b, n, 1, 1, n, 0); });
    measure("relu" + size({n}), [=] { k.relu(y, n, a, n, 1, 1, n, 0); });
    measure("copy" + size({n}), [=] { k.copy(y, n, a, n, 1, 1, n, 0); });
  }
  measure("mul column 7x16", [=] { k.mul(y, 16, a, 16, 1, b, 1, 0, 7, 16, 0); });
  measure("add row 7x16", [=] { k.add(y, 16, a, 16, 1, b, 0, 1, 7, 16, 0); });
  measure("fill 7x16", [=] { k.fill(y, 16, 0, 7, 16); });
  for (idx cols : {4, 7, 16, 27, 64, 256}) {
    measure("row_sum" + size({7, cols}), [=] { k.row_sum(y, 1, a, cols, 7, cols, 0); });
    measure("row_dot" + size({7, cols}), [=] { k.row_dot(y, 1, a, cols, b, cols, 7, cols, 0); });
    measure("col_sum" + size({7, cols}), [=] { k.col_sum(y, a, cols, 7, cols, 0); });
    measure("softmax" + size({7, cols}),
            [=] { k.softmax(y, cols, a, cols, 7, cols, cols, 0, nullptr); });
    measure("softmax_grad" + size({7, cols}),
            [=] { k.softmax_grad(y, cols, a, cols, b, cols, 7, cols, 0, nullptr); });
  }
  for (idx rows : {1, 7, 16}) {
    measure("cross_entropy" + size({rows, 27}),
            [=] { k.cross_entropy(d, y, 27, a, 27, places, rows, 27); });
    measure("cross_entropy_grad" + size({rows, 27}),
            [=] { k.cross_entropy_grad(y, 27, a, 27, b, 1, places, rows, 27, 0); });
    measure("row_norm" + size({rows, 16}),
            [=] { k.row_norm(y, 16, d, a, 16, rows, 16, T(1) / 16, T(1e-5)); });
    measure("row_norm_grad" + size({rows, 16}),
            [=] { k.row_norm_grad(y, 16, a, 16, b, 16, d, rows, 16, T(1) / 16, 0); });
  }
  measure("softmax prefixes 28x7 of 8", [=] {
    for (idx head = 0; head < 4; head++)
      k.softmax(y + head * 56, 8, a + head * 56, 8, 7, 7, 1, 1, nullptr);
  });
  for (idx cols : {4, 7, 16, 64}) {
    measure("transpose" + size({7, cols}), [=] { k.transpose(y, 7, a, cols, 7, cols); });
    measure("transpose" + size({16, cols}), [=] { k.transpose(y, 16, a, cols, 16, cols); });
  }
  measure("transpose 4 times 7x4", [=] {
    for (idx head = 0; head < 4; head++) k.transpose(y + head * 28, 7, a + head * 4, 16, 7, 4);
  });
  measure("transpose 4 times 4x7", [=] {
    for (idx head = 0; head < 4; head++) k.transpose(y + head * 4, 16, a + head * 28, 7, 4, 7);
  });
  constexpr idx shapes[][3] = {{1, 16, 16}, {1, 27, 16}, {1, 32, 32},  {1, 64, 16},
                               {7, 16, 16}, {7, 64, 16}, {7, 16, 64},  {7, 27, 32},
                               {7, 4, 7},   {7, 7, 4},   {16, 16, 16}, {64, 64, 64}};
  for (const auto& s : shapes) {
    const idx m = s[0], n = s[1], inner = s[2];
    measure("gemm" + size({m, n, inner}),
            [=] { k.gemm(y, n, a, inner, 1, b, n, m, n, inner, 0, nullptr); });
  }
  measure("gemm 4 times 7x7x4", [=] {
    for (idx h = 0; h < 4; h++)
      k.gemm(y + h * 49, 7, a + h * 4, 16, 1, b + h * 28, 7, 7, 7, 4, 0, nullptr);
  });
  measure("gemm 4 times 7x4x7", [=] {
    for (idx h = 0; h < 4; h++)
      k.gemm(y + h * 4, 16, a + h * 49, 7, 1, b + h * 4, 16, 7, 4, 7, 0, nullptr);
  });
  measure("gemm_batch 4 of 7x7x4", [=] {
    const Batch by{1, 4, 0, 49, 0, 4, 0, 28};
    k.gemm_batch(y, 7, a, 16, 1, b, 7, 7, 7, 4, 0, &by);
  });
  measure("gemm_batch 4 of 7x4x7", [=] {
    const Batch by{1, 4, 0, 4, 0, 49, 0, 4};
    k.gemm_batch(y, 16, a, 7, 1, b, 16, 7, 4, 7, 0, &by);
  });
  constexpr idx grads[][3] = {{16, 16, 7}, {16, 64, 7}, {64, 16, 7}, {32, 27, 7},
                              {16, 16, 1}, {32, 32, 1}, {27, 16, 7}};
  for (const auto& s : grads) {
    const idx m = s[0], n = s[1], inner = s[2];
    measure("gemm transposed" + size({m, n, inner}),
            [=] { k.gemm(y, n, a, 1, m, b, n, m, n, inner, 0, nullptr); });
    measure("gemm_sgd" + size({m, n, inner}),
            [=] { k.gemm_sgd(y, d, n, a, 1, m, b, n, m, n, inner, T(0), T(0.5)); });
  }
  static T zeros[64];
  for (idx i = 0; i < 64; i++) zeros[i] = a[i] > 0 ? a[i] : 0;
  static int32_t index[4096];
  for (idx n : {8, 16, 32, 64, 128, 256, 1024, 4096})
    for (int any : {0, 1})
      measure((any ? "any topk 16 of" : "topk 16 of") + size({n}),
              [=] { k.topk(index, a, 1, n, n < 16 ? n : 16, any); });
  // Half of them are equal, as after a relu; of `few` ties, not all others are among the largest.
  static T few[32];
  for (idx i = 0; i < 32; i++) few[i] = a[i] > T(-0.4) ? a[i] : T(-0.4);
  for (int any : {0, 1})
    measure(any ? "any topk 16 of few ties 32" : "topk 16 of few ties 32",
            [=] { k.topk(index, few, 1, 32, 16, any); });
  for (idx n : {32, 64})
    for (int any : {0, 1})
      measure((any ? "any topk 16 of ties" : "topk 16 of ties") + size({n}),
              [=] { k.topk(index, zeros, 1, n, 16, any); });
  for (idx cols : {1, 16, 32, 256}) {
    measure("gather" + size({16, cols}), [=] { k.gather(y, cols, a, cols, places, 16, cols); });
    measure("scatter_add" + size({16, cols}),
            [=] { k.scatter_add(y, cols, a, cols, places, 16, cols); });
  }
  for (idx n : {32, 256, 2048}) {
    measure("gemv_rows" + size({16, n}),
            [=] { k.gemv_rows(y, d, 1, a, n, places, 16, n, 1, nullptr, nullptr, 0); });
    measure("row_dot_rows" + size({16, n}),
            [=] { k.row_dot_rows(y, 1, a, n, b, places, 16, n, 1, 1); });
    measure("outer_rows" + size({16, n}), [=] { k.outer_rows(y, n, d, 1, b, places, 16, n, 1); });
  }
  for (idx n : {16, 256, 1024}) {
    measure("sgd" + size({n}), [=] { k.sgd(y, d, b, n, 0, T(0), T(0.5)); });
    measure("adam" + size({n}), [=] {
      k.adam(y, d, d + 4096, b, n, 0, T(0), T(0.85), T(0.99), T(1e-8), T(1.7), T(3.1), T(0.15),
             T(0.01));
    });
  }
}

int run(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i++) {
    if (!std::strcmp(argv[i], "--isa") && i + 1 < argc)
      options.isa = argv[++i];
    else if (!std::strcmp(argv[i], "--rounds") && i + 1 < argc)
      options.rounds = std::atoi(argv[++i]);
    else if (argv[i][0] == '-')
      return std::fprintf(stderr, "usage: kernel_bench [--isa NAME] [--rounds N] [NAME ...]\n"), 2;
    else
      options.only.push_back(argv[i]);
  }
  const auto* floats = kernels_for<float>(options.isa);
  const auto* doubles = kernels_for<double>(options.isa);
  if (!floats) return std::fprintf(stderr, "kernel_bench: no such instruction set here\n"), 2;
  struct Row {
    std::string name;
    double float32;
  };
  std::vector<Row> rows;
  each_case(*floats, [&](const std::string& name, const auto& call) {
    if (options.wants(name)) rows.push_back({name, nanoseconds(options.rounds, call)});
  });
  std::printf("# %s\nkernel,float32,float64\n", floats->isa);
  size_t at = 0;
  each_case(*doubles, [&](const std::string& name, const auto& call) {
    if (!options.wants(name)) return;
    std::printf("%s,%.1f,%.1f\n", name.c_str(), rows[at].float32,
                nanoseconds(options.rounds, call));
    at++;
  });
  return 0;
}

}  // namespace
}  // namespace vecgrad

int main(int argc, char** argv) { return vecgrad::run(argc, argv); }
