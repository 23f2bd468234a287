// Kernels that JavaScript calls on its own typed arrays, without a program. What
// lib/runtime/kernels.ts has checked is checked here again.
#include <napi.h>

#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "blas/blas.h"
#include "kernels/kernels.h"
#include "node/calls.h"
#include "node/kernel_arguments.h"
#include "node/reader.h"

namespace vecgrad {
namespace {

bool holds(size_t length, int64_t rows, int64_t cols) {
  if (rows == 0 || cols == 0) return length == 0;
  return rows <= int64_t(length) / cols && rows * cols == int64_t(length);
}

template <class A, class B>
bool are_same_place(const A& a, const B& b) {
  return bytes_of(a).data() == bytes_of(b).data() && size_of(a) == size_of(b);
}

struct Product {
  int64_t m, k, n;
  bool transpose_a, transpose_b;  // stored k x m, stored n x k
};

// out = a b, row-major and dense. False if there is no memory for a transposed copy.
template <class T>
bool multiply(const Kernels<T>& kernels, T* out, const T* a, const T* b, Product p) {
  const bool fits_blas = p.m <= INT32_MAX && p.n <= INT32_MAX && p.k <= INT32_MAX;
  if (fits_blas && p.k > 0 && blas_gemm_wins<T>(kernels.isa, p.m, p.n, p.k)) {
    blas_gemm<T>(out, p.n, a, p.transpose_a ? p.m : p.k, p.transpose_a, b,
                 p.transpose_b ? p.k : p.n, p.transpose_b, p.m, p.n, p.k, 0);
    return true;
  }
  // A product by a column is the transposed product by a row, for which gemm and row_dot are made.
  if (p.n == 1) {
    std::swap(a, b);
    p = {1, p.k, p.m, false, !p.transpose_a};
  }
  // A matrix of one row or one column has the memory layout of its transpose.
  if (p.m == 1 || p.k == 1) p.transpose_a = false;
  if (p.n == 1 || p.k == 1) p.transpose_b = false;
  std::unique_ptr<T[]> copy;
  if (p.transpose_b) {
    constexpr idx few_rows = 4;  // too few for a copy to pay
    if (p.m <= few_rows && !p.transpose_a) {
      for (idx i = 0; i < p.m; i++)
        kernels.row_dot(out + i * p.n, 1, b, p.k, a + i * p.k, 0, p.n, p.k, 0);
      return true;
    }
    copy.reset(new (std::nothrow) T[size_t(p.n * p.k)]);
    if (!copy) return false;
    kernels.transpose(copy.get(), p.n, b, p.k, p.n, p.k);
    b = copy.get();
  }
  kernels.gemm(out, p.n, a, p.transpose_a ? 1 : p.k, p.transpose_a ? p.m : 1, b, p.n, p.m, p.n, p.k,
               0, nullptr);
  return true;
}

// matmul(out, a, b, m, k, n, transposeA, transposeB, isa)
Napi::Value matmul(const Napi::CallbackInfo& call) {
  Arguments in(call, "matmul",
               "out, a and b (all Float64Array or all Float32Array), m, k, n, transposeA, "
               "transposeB, isa");
  Floats out;
  ConstFloats a, b;
  in.elements("out", out);
  in.elements("a", a);
  in.elements("b", b);
  Product p;
  p.m = in.size("m");
  p.k = in.size("k");
  p.n = in.size("n");
  p.transpose_a = in.flag("transposeA");
  p.transpose_b = in.flag("transposeB");
  const std::string isa = in.isa("isa");
  if (!in.are_right() || a.index() != out.index() || b.index() != out.index())
    return in.fail_usage();
  if (!holds(size_of(out), p.m, p.n) || !holds(size_of(a), p.m, p.k) ||
      !holds(size_of(b), p.k, p.n))
    return in.fail_with("out, a and b must hold m x n, m x k and k x n elements");
  if (overlap(out, a) || overlap(out, b))
    return in.fail_with("out overlaps an operand; give it memory of its own");
  if (size_of(out) == 0) return call.Env().Undefined();
  return with_kernels(in, out, isa, [&]<class T>(const Kernels<T>& kernels) -> Napi::Value {
    if (!multiply<T>(kernels, data_as<T>(out), data_as<T>(a), data_as<T>(b), p))
      return in.fail_with("no memory for a transposed copy of an operand");
    return call.Env().Undefined();
  });
}

// relu(out, x, isa)
Napi::Value relu(const Napi::CallbackInfo& call) {
  Arguments in(call, "relu", "out and x (both Float64Array or both Float32Array), isa");
  Floats out;
  ConstFloats x;
  in.elements("out", out);
  in.elements("x", x);
  const std::string isa = in.isa("isa");
  if (!in.are_right() || x.index() != out.index()) return in.fail_usage();
  if (size_of(out) != size_of(x)) return in.fail_with("out must be as long as x");
  if (overlap(out, x) && !are_same_place(out, x))
    return in.fail_with("out overlaps x in part; give x itself or memory of its own");
  return with_kernels(in, out, isa, [&]<class T>(const Kernels<T>& kernels) -> Napi::Value {
    const idx n = idx(size_of(x));
    kernels.relu(data_as<T>(out), n, data_as<T>(x), n, 1, 1, n, 0);
    return call.Env().Undefined();
  });
}

// softmax(out, x, rows, cols, isa)
Napi::Value softmax(const Napi::CallbackInfo& call) {
  Arguments in(call, "softmax",
               "out and x (both Float64Array or both Float32Array), rows, cols, isa");
  Floats out;
  ConstFloats x;
  in.elements("out", out);
  in.elements("x", x);
  const int64_t rows = in.size("rows"), cols = in.size("cols");
  const std::string isa = in.isa("isa");
  if (!in.are_right() || x.index() != out.index()) return in.fail_usage();
  if (!holds(size_of(out), rows, cols) || !holds(size_of(x), rows, cols))
    return in.fail_with("out and x must hold rows x cols elements");
  if (overlap(out, x) && !are_same_place(out, x))
    return in.fail_with("out overlaps x in part; give x itself or memory of its own");
  if (size_of(out) == 0) return call.Env().Undefined();
  return with_kernels(in, out, isa, [&]<class T>(const Kernels<T>& kernels) -> Napi::Value {
    kernels.softmax(data_as<T>(out), cols, data_as<T>(x), cols, rows, cols, cols, 0, nullptr);
    return call.Env().Undefined();
  });
}

// topk(out, x, isa): as many indices as `out` has room for.
Napi::Value topk(const Napi::CallbackInfo& call) {
  Arguments in(call, "topk", "out (Int32Array, not shared), x (Float64Array or Float32Array), isa");
  std::span<int32_t> out;
  ConstFloats x;
  in.elements("out", out);
  in.elements("x", x);
  const std::string isa = in.isa("isa");
  if (!in.are_right()) return in.fail_usage();
  if (out.size() > size_of(x) || size_of(x) > INT32_MAX)
    return in.fail_with("x must hold from k to 2^31 - 1 elements");
  if (overlap(out, x)) return in.fail_with("out overlaps x; give it memory of its own");
  if (out.empty()) return call.Env().Undefined();
  return with_kernels(in, x, isa, [&]<class T>(const Kernels<T>& kernels) -> Napi::Value {
    kernels.topk(out.data(), data_as<T>(x), 1, idx(size_of(x)), idx(out.size()), 0);
    return call.Env().Undefined();
  });
}

// gather(out, x, indices, cols, isa)
Napi::Value gather(const Napi::CallbackInfo& call) {
  Arguments in(call, "gather",
               "out and x (both Float64Array or both Float32Array), indices (Int32Array, not in a "
               "SharedArrayBuffer), cols, isa");
  Floats out;
  ConstFloats x;
  std::span<const int32_t> indices;
  in.elements("out", out);
  in.elements("x", x);
  in.elements("indices", indices, true);
  const int64_t cols = in.size("cols");
  const std::string isa = in.isa("isa");
  if (!in.are_right() || x.index() != out.index()) return in.fail_usage();
  const int64_t count = int64_t(indices.size()), numbers = int64_t(size_of(x));
  if (cols == 0 || numbers % cols != 0 || !holds(size_of(out), count, cols))
    return in.fail_with(
        "x must hold whole rows of cols elements, one or more, and out one for each index");
  if (overlap(out, x) || overlap(out, indices))
    return in.fail_with("out overlaps x or indices; give it memory of its own");
  const int64_t rows = numbers / cols;
  for (int64_t i = 0; i < count; i++)
    if (indices[size_t(i)] < 0 || indices[size_t(i)] >= rows)
      return in.fail_with("indices[" + std::to_string(i) + "] is " +
                          std::to_string(indices[size_t(i)]) + ", but x has " +
                          std::to_string(rows) + " rows, counted from 0");
  return with_kernels(in, out, isa, [&]<class T>(const Kernels<T>& kernels) -> Napi::Value {
    kernels.gather(data_as<T>(out), cols, data_as<T>(x), cols, indices.data(), count, cols);
    return call.Env().Undefined();
  });
}

}  // namespace

void add_kernel_calls(Napi::Env env, Napi::Object exports) {
  auto kernels = Napi::Object::New(env);
  kernels.Set("matmul", Napi::Function::New<matmul>(env, "matmul"));
  kernels.Set("relu", Napi::Function::New<relu>(env, "relu"));
  kernels.Set("softmax", Napi::Function::New<softmax>(env, "softmax"));
  kernels.Set("topk", Napi::Function::New<topk>(env, "topk"));
  kernels.Set("gather", Napi::Function::New<gather>(env, "gather"));
  exports.Set("kernels", kernels);
}

}  // namespace vecgrad
