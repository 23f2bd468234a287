#include "bench/bench.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "blas/blas.h"
#include "isa/isa.h"
#include "threads/denormals.h"

namespace vecgrad {
namespace {

using Clock = std::chrono::steady_clock;

// Nanoseconds of a call: the least of at most eight short batches of calls, which other work on the
// machine disturbs least. The length of a batch follows from the least time so far, so that a call
// that was interrupted does not pass for a long one.
template <class Call>
double nanoseconds(double budget, const Call& call) {
  constexpr int batches = 8;
  const FlushDenormals flush;  // as in a run of a program
  call();
  const auto time = [&](idx calls) {
    const auto start = Clock::now();
    for (idx i = 0; i < calls; i++) call();
    const std::chrono::duration<double, std::nano> taken = Clock::now() - start;
    return taken.count();
  };
  idx calls = 1;
  double least = time(calls), spent = least;
  for (int batch = 0; batch < batches && spent < 2 * budget;) {
    const bool is_long = least * double(calls) >= budget / batches;
    if (!is_long) calls *= 2;
    const double taken = time(calls);
    least = std::min(least, taken / double(calls));
    spent += taken;
    if (is_long) batch++;
  }
  return least;
}

// Numbers from -1 to 1 in memory that begins `quarter` quarters of a page behind the start of a
// page. Arrays begin at different quarters, because a load waits for a store at the same offset of
// another page.
template <class T>
class Numbers {
 public:
  Numbers(idx count, idx quarter, double least)
      : block_(new (std::nothrow) T[size_t(count) + 2 * page]) {
    if (!block_) return;
    const auto place = reinterpret_cast<uintptr_t>(block_.get());
    const uintptr_t start = (place + 4095) / 4096 * 4096 + uintptr_t(quarter) * 1024;
    p_ = reinterpret_cast<T*>(start);
    unsigned state = 1 + unsigned(quarter);
    for (idx i = 0; i < count; i++) {
      state = state * 1664525 + 1013904223;
      p_[i] = T(least + (1 - least) * double(state >> 8) / double(1 << 24));
    }
  }
  T* get() const { return p_; }

 private:
  static constexpr size_t page = 4096 / sizeof(T);
  std::unique_ptr<T[]> block_;
  T* p_ = nullptr;
};

enum class Shape { line, rows, square, product };

constexpr idx rows =
    16;  // for Shape::rows: the positions of an example, or the indices of a product
constexpr idx batch = 4;  // the products of a gemm_batch, as of attention heads
constexpr idx max_numbers = 1 << 24;

const char* text_of(Shape shape) {
  switch (shape) {
    case Shape::line:
      return "n";
    case Shape::rows:
      return "16 x n";
    case Shape::square:
      return "n x n";
    case Shape::product:
      break;
  }
  return "n x n x n";
}

// How many numbers an operand has.
idx count_of(Shape shape, idx n) {
  return shape == Shape::line ? n : shape == Shape::rows ? rows * n : batch * n * n;
}

// Has one method for each kernel, of its name: a kernel without one does not compile.
template <class T>
class Workloads {
 public:
  Workloads(const Kernels<T>& kernels, idx n, double budget)
      : k_(kernels), n_(n), budget_(budget) {}

  Shape shape() const { return shape_; }

#define UNARY(name) \
  Timed name() { return unary(k_.name, #name); }
#define BINARY(name) \
  Timed name() { return binary(k_.name); }
#define KERNEL(name, arguments)
#include "kernels/kernels.def"
#undef UNARY
#undef BINARY
#undef KERNEL

  Timed fill() {
    return measure(Shape::line, {n_, n_}, [this] { k_.fill(y_, n_, T(1), 1, n_); });
  }

  Timed row_sum() {
    return measure(Shape::rows, {all(), all()}, [this] { k_.row_sum(y_, 1, a_, n_, rows, n_, 0); });
  }
  Timed row_max() {
    return measure(Shape::rows, {all(), all()}, [this] { k_.row_max(y_, 1, a_, n_, rows, n_, 0); });
  }
  Timed row_dot() {
    return measure(Shape::rows, {2 * all(), 2 * all()},
                   [this] { k_.row_dot(y_, 1, a_, n_, b_, n_, rows, n_, 0); });
  }
  Timed col_sum() {
    return measure(Shape::rows, {all(), all() + n_},
                   [this] { k_.col_sum(y_, a_, n_, rows, n_, 0); });
  }

  Timed col_max() {
    return measure(Shape::rows, {all(), all() + n_}, [this] { k_.col_max(y_, a_, n_, rows, n_); });
  }

  Timed softmax_columns() {
    return measure(Shape::rows, {0, 2 * all()},
                   [this] { k_.softmax_columns(y_, n_, a_, n_, rows, n_); });
  }
  Timed softmax_columns_grad() {
    return measure(Shape::rows, {4 * all(), 3 * all()},
                   [this] { k_.softmax_columns_grad(y_, n_, a_, n_, b_, n_, rows, n_, 0); });
  }
  Timed softmax() {
    return measure(Shape::rows, {0, 2 * all()},
                   [this] { k_.softmax(y_, n_, a_, n_, rows, n_, n_, 0, nullptr); });
  }
  Timed softmax_grad() {
    return measure(Shape::rows, {4 * all(), 3 * all()},
                   [this] { k_.softmax_grad(y_, n_, a_, n_, b_, n_, rows, n_, 0, nullptr); });
  }
  Timed row_norm() {
    return measure(Shape::rows, {3 * all(), 2 * all()},
                   [this] { k_.row_norm(y_, n_, d_, a_, n_, rows, n_, T(1) / T(n_), T(1e-5)); });
  }
  Timed row_norm_grad() {
    return measure(Shape::rows, {5 * all(), 3 * all()}, [this] {
      k_.row_norm_grad(y_, n_, a_, n_, b_, n_, d_, rows, n_, T(1) / T(n_), 0);
    });
  }
  Timed cross_entropy() {
    index_below(n_);
    return measure(Shape::rows, {0, 2 * all()},
                   [this] { k_.cross_entropy(d_, y_, n_, a_, n_, index_, rows, n_); });
  }
  Timed cross_entropy_grad() {
    index_below(n_);
    return measure(Shape::rows, {all(), 2 * all()},
                   [this] { k_.cross_entropy_grad(y_, n_, a_, n_, b_, 1, index_, rows, n_, 0); });
  }

  Timed largest_of() {
    return measure(Shape::rows, {0, all() + 2 * n_}, [this] {
      const T *x[rows], numbers[rows] = {};
      for (idx t = 0; t < rows; t++) x[t] = a_ + t * n_;
      k_.largest_of(y_, d_, x, numbers, rows, n_, 0);
    });
  }
  Timed transpose() {
    return measure(Shape::square, {0, 2 * n_ * n_},
                   [this] { k_.transpose(y_, n_, a_, n_, n_, n_); });
  }
  Timed gemm() {
    return measure(Shape::product, {2 * volume(), 3 * n_ * n_},
                   [this] { k_.gemm(y_, n_, a_, n_, 1, b_, n_, n_, n_, n_, 0, nullptr); });
  }
  Timed gemm_batch() {
    return measure(Shape::product, {batch * 2 * volume(), batch * 3 * n_ * n_}, [this] {
      const idx each = n_ * n_;
      const Batch by{1, batch, 0, each, 0, each, 0, each};
      k_.gemm_batch(y_, n_, a_, n_, 1, b_, n_, n_, n_, n_, 0, &by);
    });
  }
  Timed gemm_sgd() {
    return measure(Shape::product, {2 * volume() + 4 * n_ * n_, 6 * n_ * n_, 4 * n_ * n_}, [this] {
      k_.gemm_sgd(y_, d_, n_, a_, n_, 1, b_, n_, n_, n_, n_, T(0), T(0.5));
    });
  }

  Timed topk() {
    return measure(Shape::line, {n_, n_},
                   [this] { k_.topk(index_, a_, 1, n_, std::min(n_, rows), 0); });
  }
  Timed gather() {
    index_below(rows);
    return measure(Shape::rows, {0, 2 * all()},
                   [this] { k_.gather(y_, n_, a_, n_, index_, rows, n_); });
  }
  Timed scatter_add() {
    index_below(rows);
    return measure(Shape::rows, {all(), 3 * all(), 2 * all()},
                   [this] { k_.scatter_add(y_, n_, a_, n_, index_, rows, n_); });
  }
  Timed gemv_rows() {
    index_below(rows);
    return measure(Shape::rows, {2 * all(), all() + n_}, [this] {
      k_.gemv_rows(y_, d_, 1, a_, n_, index_, rows, n_, 1, nullptr, nullptr, 0);
    });
  }
  Timed row_dot_rows() {
    index_below(rows);
    return measure(Shape::rows, {2 * all(), all() + n_},
                   [this] { k_.row_dot_rows(y_, 1, a_, n_, b_, index_, rows, n_, 1, 0); });
  }
  Timed outer_rows() {
    index_below(rows);
    return measure(Shape::rows, {2 * all(), 2 * all() + n_, all() + n_},
                   [this] { k_.outer_rows(y_, n_, d_, 1, b_, index_, rows, n_, 1); });
  }

  // With a learning rate of 0, so that the numbers stay the same over all calls.
  Timed sgd() {
    return measure(Shape::line, {4 * n_, 5 * n_, 3 * n_},
                   [this] { k_.sgd(y_, d_, b_, n_, 0, T(0), T(0.5)); });
  }
  Timed adam() {
    return measure(
        Shape::line, {0, 7 * n_, 4 * n_},
        [this] {
          k_.adam(y_, d_, a_, b_, n_, 0, T(0), T(0.85), T(0.99), T(1e-8), T(1.7), T(3.1), T(0.15),
                  T(0.01));
        },
        0);
  }
  Timed amsgrad() {
    return measure(
        Shape::line, {0, 9 * n_, 5 * n_},
        [this] {
          k_.amsgrad(y_, d_, a_, a_, b_, n_, 0, T(0), T(0.85), T(0.99), T(1e-8), T(1.7), T(3.1),
                     T(0.15), T(0.01));
        },
        0);
  }
  Timed adagrad() {
    return measure(
        Shape::line, {0, 5 * n_, 3 * n_}, [this] { k_.adagrad(y_, d_, b_, n_, 0, T(0), T(1e-8)); },
        0);
  }
  Timed rmsprop() {
    return measure(
        Shape::line, {0, 9 * n_, 5 * n_},
        [this] {
          k_.rmsprop(y_, d_, a_, a_, b_, n_, 0, T(0), T(0.9), T(1e-8), T(0.5), T(1), T(0.1));
        },
        0);
  }
  Timed lion() {
    return measure(Shape::line, {0, 5 * n_, 3 * n_},
                   [this] { k_.lion(y_, d_, b_, n_, 0, T(0), T(0.9), T(0.99), T(0.1), T(0.01)); });
  }

 private:
  Timed unary(decltype(Kernels<T>::copy) kernel, const char* name) {
    const bool is_function = !std::strcmp(name, "exp") || !std::strcmp(name, "log");
    const bool is_root = !std::strcmp(name, "sqrt") || !std::strcmp(name, "rsqrt");
    return measure(
        Shape::line, {is_function ? 0 : n_, 2 * n_},
        [this, kernel] { kernel(y_, n_, a_, n_, 1, 1, n_, 0); }, is_function || is_root ? 0 : -1);
  }
  Timed binary(decltype(Kernels<T>::add) kernel) {
    return measure(Shape::line, {n_, 3 * n_},
                   [this, kernel] { kernel(y_, n_, a_, n_, 1, b_, n_, 1, 1, n_, 0); });
  }

  idx all() const { return rows * n_; }
  idx volume() const { return n_ * n_ * n_; }

  // Indices in no order, distinct if there are enough rows.
  void index_below(idx limit) {
    for (idx i = 0; i < rows; i++) index_[i] = int32_t(i * 7 % rows % std::max(limit, idx(1)));
  }

  // The work of a call, in numbers. `place` is less than `moved` if results overwrite operands.
  struct Work {
    idx flop, moved, place = moved;
  };

  // Makes operands of numbers from `least` to 1, and times a call on them.
  template <class Call>
  Timed measure(Shape shape, Work work, const Call& call, double least = -1) {
    shape_ = shape;
    if (n_ == 0) return {};
    const idx count = std::max(count_of(shape, n_), rows);
    const Numbers<T> a(count, 0, least), b(count, 1, least), y(count, 2, least), d(count, 3, least);
    a_ = a.get(), b_ = b.get(), y_ = y.get(), d_ = d.get();
    if (!a_ || !b_ || !y_ || !d_) return {-1, 0, 0, 0};
    const double size = double(sizeof(T));
    return {nanoseconds(budget_, call), double(work.flop), double(work.moved) * size,
            double(work.place) * size};
  }

  const Kernels<T>& k_;
  const idx n_;
  const double budget_;
  Shape shape_ = Shape::line;
  T *a_ = nullptr, *b_ = nullptr, *y_ = nullptr, *d_ = nullptr;
  int32_t index_[rows] = {};
};

template <class T>
using Workload = Timed (Workloads<T>::*)();

template <class T>
const Workload<T> workloads[] = {
#define KERNEL(name, arguments) &Workloads<T>::name,
#include "kernels/kernels.def"
#undef KERNEL
};

// ---- OpenBLAS as a table of kernels, for the products above, whose operands are dense

template <class T>
const Kernels<T>& best() {
  return *kernels_for<T>(nullptr);
}

template <class T>
void openblas_gemm(T* c, idx ldc, const T* a, idx ras, idx, const T* b, idx ldb, idx m, idx n,
                   idx k, int acc, const Epilogue<T>*) {
  blas_gemm<T>(c, ldc, a, ras, false, b, ldb, false, m, n, k, acc);
}

template <class T>
void openblas_gemm_batch(T* c, idx ldc, const T* a, idx ras, idx, const T* b, idx ldb, idx m, idx n,
                         idx k, int acc, const Batch* by) {
  for (idx i = 0; i < by->n2; i++)
    blas_gemm<T>(c + i * by->c2, ldc, a + i * by->a2, ras, false, b + i * by->b2, ldb, false, m, n,
                 k, acc);
}

// v = momentum v; v += a b; w -= lr v.
template <class T>
void openblas_gemm_sgd(T* w, T* v, idx ld, const T* a, idx ras, idx, const T* b, idx ldb, idx m,
                       idx n, idx k, T lr, T momentum) {
  const T back = -lr;
  best<T>().mul(v, ld, v, ld, 1, &momentum, 0, 0, m, n, 0);
  blas_gemm<T>(v, ld, a, ras, false, b, ldb, false, m, n, k, 1);
  best<T>().mul(w, ld, v, ld, 1, &back, 0, 0, m, n, 1);
}

template <class T>
const Kernels<T>& openblas() {
  static const Kernels<T> table = [] {
    Kernels<T> products = best<T>();
    products.gemm = openblas_gemm<T>;
    products.gemm_batch = openblas_gemm_batch<T>;
    products.gemm_sgd = openblas_gemm_sgd<T>;
    return products;
  }();
  return table;
}

template <class T>
const Kernels<T>& table_of(const std::string& isa) {
  return isa == "openblas" ? openblas<T>() : *kernels_for<T>(isa.c_str());
}

}  // namespace

const std::vector<BenchKernel>& bench_kernels() {
  static const std::vector<BenchKernel> list = [] {
    std::vector<BenchKernel> kernels;
    const Kernels<float>&ours = best<float>(), &theirs = openblas<float>();
#define KERNEL(name, arguments)                                                     \
  {                                                                                 \
    Workloads<float> nothing(ours, 0, 0);                                           \
    nothing.name();                                                                 \
    kernels.push_back({#name, text_of(nothing.shape()), ours.name != theirs.name}); \
  }
#include "kernels/kernels.def"
#undef KERNEL
    return kernels;
  }();
  return list;
}

int64_t max_of_shape(const std::string& shape) {
  if (shape == text_of(Shape::line)) return max_numbers;
  if (shape == text_of(Shape::rows)) return max_numbers / rows;
  return shape == text_of(Shape::square) ? 2048 : 1024;
}

template <class T>
Timed time_kernel(size_t kernel, const std::string& isa, int64_t n, double budget) {
  Workloads<T> made(table_of<T>(isa), idx(n), budget);
  return (made.*workloads<T>[kernel])();
}
template Timed time_kernel<float>(size_t, const std::string&, int64_t, double);
template Timed time_kernel<double>(size_t, const std::string&, int64_t, double);

template <class T>
double peak_gflops(const std::string& isa, double budget) {
  const Kernels<T>& k = table_of<T>(isa);
  alignas(64) T s[chain_numbers];
  for (idx i = 0; i < chain_numbers; i++) s[i] = T(1) + T(i) / T(chain_numbers);
  constexpr idx rounds = 1000;
  double flop = 0;
  const double time = nanoseconds(budget, [&] { flop = k.fma_chains(s, rounds); });
  return flop / time;
}
template double peak_gflops<float>(const std::string&, double);
template double peak_gflops<double>(const std::string&, double);

template <class T>
double peak_bandwidth(const std::string& isa, int64_t bytes, double budget) {
  const Kernels<T>& k = table_of<T>(isa);
  // The working set is one array of `bytes`, or two or three that have as many together. A sum in
  // place reads two arrays and writes one of them.
  const auto numbers = [&](idx streams) {
    const idx n = idx(bytes) / streams / idx(sizeof(T)) / stream_block * stream_block;
    return std::max(n, stream_block);
  };
  const idx one = numbers(1), two = numbers(2), three = numbers(3);
  const Numbers<T> a(one, 0, 0), b(two, 1, 0), y(two, 2, 0);
  if (!a.get() || !b.get() || !y.get()) return -1;
  T sum = 0;
  const double size = double(sizeof(T));
  const double read =
      double(one) * size / nanoseconds(budget, [&] { sum += k.stream_read(a.get(), one); });
  const double copied =
      2 * double(two) * size / nanoseconds(budget, [&] { k.stream_copy(y.get(), b.get(), two); });
  const double added = 3 * double(three) * size /
                       nanoseconds(budget, [&] { k.stream_add(y.get(), a.get(), b.get(), three); });
  const double added_to = 3 * double(two) * size / nanoseconds(budget, [&] {
                            k.stream_add(y.get(), y.get(), b.get(), two);
                          });
  y.get()[0] = sum;  // else the compiler could remove the reading
  return std::max({read, copied, added, added_to});
}
template double peak_bandwidth<float>(const std::string&, int64_t, double);
template double peak_bandwidth<double>(const std::string&, int64_t, double);

const char* emulator() {
#if defined(__x86_64__)
  // QEMU gives its name where a hypervisor does, whether it emulates a machine or one program.
  unsigned a, signature[4] = {};
  __cpuid(0x40000000, a, signature[0], signature[1], signature[2]);
  if (!std::memcmp(signature, "TCGTCGTCGTCG", 12)) return "qemu";
#endif
  return "";
}

}  // namespace vecgrad
