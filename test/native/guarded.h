// Test matrices that end right before a page nobody may touch, with guard cells around every row.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/kernels.h"

namespace vecgrad::test {

// Memory followed by a page without access: reading past the end is a fault, not a lucky number.
class Guarded {
 public:
  Guarded() {
    const size_t page = size_t(sysconf(_SC_PAGESIZE));
    bytes_ = (capacity + page - 1) / page * page;
    void* p =
        mmap(nullptr, bytes_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(static_cast<char*>(p) + bytes_, page, PROT_NONE)) {
      std::perror("kernel_test: mmap");
      std::exit(2);
    }
    begin_ = static_cast<char*>(p);
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  char* begin() const { return begin_; }
  char* end() const { return begin_ + bytes_; }

  static constexpr size_t capacity = 1 << 22;

 private:
  char* begin_;
  size_t bytes_;
};

inline std::mt19937_64& generator() {
  static std::mt19937_64 g(42);
  return g;
}
inline double uniform(double lo, double hi) {
  return lo + (hi - lo) * (double(generator()() >> 11) * 0x1p-53);
}

// A rows x cols matrix in a guarded block: its last element is the block's last, or one before it
// when `spare`, and every byte that is no element holds a pattern which check() finds unchanged.
template <class T>
class Matrix {
 public:
  Matrix(const Guarded& block, idx rows, idx cols, idx ld, bool spare = false)
      : rows(rows), cols(cols), ld(ld), block_(&block) {
    const idx span = rows > 0 && cols > 0 ? (rows - 1) * ld + cols : 0;
    last_ = reinterpret_cast<T*>(block.end()) - (spare ? 1 : 0);
    p = last_ - span;
    first_ = p - before;
    if (reinterpret_cast<char*>(first_) < block.begin()) {
      std::fprintf(stderr, "kernel_test: a case of %td elements is larger than its block\n", span);
      std::exit(2);
    }
    std::memset(static_cast<void*>(first_), pattern,
                size_t(block.end() - reinterpret_cast<char*>(first_)));
  }

  T& operator()(idx r, idx c) { return p[r * ld + c]; }

  template <class F>
  void set(F value) {
    for (idx r = 0; r < rows; r++)
      for (idx c = 0; c < cols; c++) (*this)(r, c) = T(value(r, c));
  }
  void set_uniform(double lo, double hi) {
    set([&](idx, idx) { return uniform(lo, hi); });
  }

  // A copy of the memory from the first element to the last, for `(r, c)` at r * ld + c.
  std::vector<T> copy() const { return std::vector<T>(p, last_); }

  // Whether everything outside the elements still holds the pattern.
  bool untouched() const {
    const T* end = reinterpret_cast<const T*>(block_->end());
    if (!holds(first_, p)) return false;
    if (rows <= 0 || cols <= 0) return holds(p, end);
    for (idx r = 0; r + 1 < rows; r++)
      if (!holds(p + r * ld + cols, p + (r + 1) * ld)) return false;
    return holds(last_, end);
  }

  const idx rows, cols, ld;
  T* p;

 private:
  static constexpr int pattern = 0xa5;
  static constexpr idx before = 72;

  static bool holds(const T* from, const T* to) {
    const auto* b = reinterpret_cast<const unsigned char*>(from);
    const auto* e = reinterpret_cast<const unsigned char*>(to);
    for (; b < e; b++)
      if (*b != pattern) return false;
    return true;
  }

  const Guarded* block_;
  T *first_, *last_;
};

}  // namespace vecgrad::test
