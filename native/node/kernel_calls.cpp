// Kernels called on their own. Whatever lib/runtime/kernels.ts has checked is checked here again: arguments
// are numbers, booleans, strings and typed arrays only, so that reading them runs no JavaScript and
// an array is still, when the kernel runs, what it was when it was checked.
#include "node/kernel_calls.h"

#include <cmath>
#include <functional>
#include <initializer_list>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "blas/blas.h"
#include "vm/denormals.h"
#include "isa/isa.h"
#include "kernels/kernels.h"

namespace vecgrad {
namespace {

constexpr int64_t max_safe_integer = (int64_t(1) << 53) - 1;

void type_error(Napi::Env env, const char* message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
}

void range_error(Napi::Env env, const std::string& message) {
  Napi::RangeError::New(env, message).ThrowAsJavaScriptException();
}

// A typed array at the time of the call; detached ones and those that a shrunken buffer has left
// out of bounds have length 0.
struct Array {
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  napi_value buffer = nullptr;

  bool read(napi_env env, napi_value value) {
    return napi_get_typedarray_info(env, value, &type, &length, &data, &buffer, nullptr) == napi_ok;
  }
  bool is_float() const { return type == napi_float64_array || type == napi_float32_array; }
  // For indices: another thread may change a shared buffer between their check and their use.
  bool is_own_int32(napi_env env) const {
    bool own = false;
    return type == napi_int32_array && napi_is_arraybuffer(env, buffer, &own) == napi_ok && own;
  }
  bool holds(int64_t rows, int64_t cols) const {
    if (rows == 0 || cols == 0) return length == 0;
    return rows <= int64_t(length) / cols && rows * cols == int64_t(length);
  }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

bool same_place(const Array& a, const Array& b) { return a.data == b.data && a.length == b.length; }

bool overlap(const Array& a, const Array& b) {
  const auto bytes = [](const Array& x) {
    return x.length * (x.type == napi_float64_array ? sizeof(double) : sizeof(float));
  };
  const auto begin = [](const Array& x) { return static_cast<const char*>(x.data); };
  const std::less<const char*> before;
  return a.length > 0 && b.length > 0 && before(begin(a), begin(b) + bytes(b)) &&
         before(begin(b), begin(a) + bytes(a));
}

bool read_size(napi_env env, napi_value value, int64_t& size) {
  double number = 0;
  if (napi_get_value_double(env, value, &number) != napi_ok) return false;
  if (!(number >= 0 && number <= double(max_safe_integer)) || number != std::floor(number))
    return false;
  size = int64_t(number);
  return true;
}

bool read_flag(napi_env env, napi_value value, bool& flag) {
  return napi_get_value_bool(env, value, &flag) == napi_ok;
}

// The name of an instruction set, or undefined for the best available one.
class IsaName {
 public:
  bool read(napi_env env, napi_value value) {
    napi_valuetype type;
    if (napi_typeof(env, value, &type) != napi_ok) return false;
    given_ = type == napi_string;
    if (type == napi_undefined) return true;
    // A longer name is cut short: no instruction set has it either way.
    return napi_get_value_string_utf8(env, value, name_, sizeof(name_), nullptr) == napi_ok;
  }
  const char* get() const { return given_ ? name_ : nullptr; }

 private:
  bool given_ = false;
  char name_[32] = "";
};

// Runs `run(kernels, isa)` with the kernels for the element type of `x`.
template <class Run>
void with_kernels(Napi::Env env, const Array& x, const IsaName& isa, const Run& run) {
  const auto use = [&]<class T>(const Kernels<T>* kernels) {
    if (kernels) return run(*kernels);
    range_error(env, "isa is not the name of an instruction set that this machine has");
  };
  if (x.type == napi_float64_array) return use(kernels_for<double>(isa.get()));
  use(kernels_for<float>(isa.get()));
}

struct Product {
  int64_t m, k, n;
  bool transpose_a, transpose_b;  // stored k x m, stored n x k
};

// out = a b, row-major and dense; false when there is no memory for a transposed copy.
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
  // A matrix of one row or one column lies in memory as its transpose does.
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
void matmul(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Array out, a, b;
  Product p;
  IsaName isa;
  if (!out.read(env, call[0]) || !a.read(env, call[1]) || !b.read(env, call[2]) ||
      !out.is_float() || a.type != out.type || b.type != out.type ||
      !read_size(env, call[3], p.m) || !read_size(env, call[4], p.k) ||
      !read_size(env, call[5], p.n) || !read_flag(env, call[6], p.transpose_a) ||
      !read_flag(env, call[7], p.transpose_b) || !isa.read(env, call[8]))
    return type_error(env,
                      "matmul: expected out, a and b (all Float64Array or all Float32Array), "
                      "m, k, n, transposeA, transposeB, isa");
  if (!out.holds(p.m, p.n) || !a.holds(p.m, p.k) || !b.holds(p.k, p.n))
    return range_error(env, "matmul: out, a and b must hold m x n, m x k and k x n elements");
  if (overlap(out, a) || overlap(out, b))
    return range_error(env, "matmul: out overlaps an operand; give it memory of its own");
  if (out.length == 0) return;
  with_kernels(env, out, isa, [&]<class T>(const Kernels<T>& kernels) {
    if (!multiply(kernels, out.as<T>(), a.as<T>(), b.as<T>(), p))
      range_error(env, "matmul: no memory for a transposed copy of an operand");
  });
}

// relu(out, x, isa)
void relu(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Array out, x;
  IsaName isa;
  if (!out.read(env, call[0]) || !x.read(env, call[1]) || !out.is_float() || x.type != out.type ||
      !isa.read(env, call[2]))
    return type_error(env,
                      "relu: expected out and x (both Float64Array or both Float32Array), isa");
  if (out.length != x.length) return range_error(env, "relu: out must be as long as x");
  if (overlap(out, x) && !same_place(out, x))
    return range_error(env, "relu: out overlaps x in part; give x itself or memory of its own");
  with_kernels(env, out, isa, [&]<class T>(const Kernels<T>& kernels) {
    const idx n = idx(x.length);
    kernels.relu(out.as<T>(), n, x.as<T>(), n, 1, 1, n, 0);
  });
}

// softmax(out, x, rows, cols, isa)
void softmax(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Array out, x;
  int64_t rows = 0, cols = 0;
  IsaName isa;
  if (!out.read(env, call[0]) || !x.read(env, call[1]) || !out.is_float() || x.type != out.type ||
      !read_size(env, call[2], rows) || !read_size(env, call[3], cols) || !isa.read(env, call[4]))
    return type_error(env,
                      "softmax: expected out and x (both Float64Array or both Float32Array), "
                      "rows, cols, isa");
  if (!out.holds(rows, cols) || !x.holds(rows, cols))
    return range_error(env, "softmax: out and x must hold rows x cols elements");
  if (overlap(out, x) && !same_place(out, x))
    return range_error(env, "softmax: out overlaps x in part; give x itself or memory of its own");
  if (out.length == 0) return;
  with_kernels(env, out, isa, [&]<class T>(const Kernels<T>& kernels) {
    kernels.softmax(out.as<T>(), cols, x.as<T>(), cols, rows, cols, cols, 0);
  });
}

// topk(out, x, isa): as many indices as `out` has room for.
void topk(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Array out, x;
  IsaName isa;
  if (!out.read(env, call[0]) || !x.read(env, call[1]) || !out.is_own_int32(env) || !x.is_float() ||
      !isa.read(env, call[2]))
    return type_error(env,
                      "topk: expected out (Int32Array, not shared), x (Float64Array or "
                      "Float32Array), isa");
  if (out.length > x.length || x.length > INT32_MAX)
    return range_error(env, "topk: x must hold from k to 2^31 - 1 elements");
  if (overlap(out, x)) return range_error(env, "topk: out overlaps x; give it memory of its own");
  if (out.length == 0) return;
  with_kernels(env, x, isa, [&]<class T>(const Kernels<T>& kernels) {
    kernels.topk(out.as<int32_t>(), x.as<T>(), 1, idx(x.length), idx(out.length), 0);
  });
}

// gather(out, x, indices, cols, isa)
void gather(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Array out, x, indices;
  int64_t cols = 0;
  IsaName isa;
  if (!out.read(env, call[0]) || !x.read(env, call[1]) || !indices.read(env, call[2]) ||
      !out.is_float() || x.type != out.type || !indices.is_own_int32(env) ||
      !read_size(env, call[3], cols) || !isa.read(env, call[4]))
    return type_error(env,
                      "gather: expected out and x (both Float64Array or both Float32Array), "
                      "indices (Int32Array, not in a SharedArrayBuffer), cols, isa");
  if (cols == 0 || int64_t(x.length) % cols != 0 || !out.holds(int64_t(indices.length), cols))
    return range_error(env,
                       "gather: x must hold whole rows of cols elements, one or more, and out one "
                       "for each index");
  if (overlap(out, x) || overlap(out, indices))
    return range_error(env, "gather: out overlaps x or indices; give it memory of its own");
  const int64_t rows = int64_t(x.length) / cols;
  const int32_t* index = indices.as<int32_t>();
  for (size_t i = 0; i < indices.length; i++) {
    if (index[i] < 0 || index[i] >= rows)
      return range_error(env, "gather: indices[" + std::to_string(i) + "] is " +
                                  std::to_string(index[i]) + ", but x has " + std::to_string(rows) +
                                  " rows, counted from 0");
  }
  with_kernels(env, out, isa, [&]<class T>(const Kernels<T>& kernels) {
    kernels.gather(out.as<T>(), cols, x.as<T>(), cols, index, idx(indices.length), cols);
  });
}

// ---- Matrices within arrays: the calls of models written by hand (bench/), no public API. An
// operand is a typed array and its strides, the arguments are those of native/kernels/kernels.def.

// A dimension of an operand: so many elements, so far apart.
struct Axis {
  int64_t count, stride;
};

// Reads the arguments of a call one after the other, and remembers what was wrong with them.
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& call) : call_(call), env_(call.Env()) {}

  // All numbers of a call are of the type of its first array.
  Array numbers() {
    Array array;
    typed_ = array.read(env_, next()) && array.is_float() && typed_ &&
             (all_.empty() || array.type == all_[0].type);
    all_.push_back(array);
    return array;
  }
  Array indices() {
    Array array;
    typed_ = array.read(env_, next()) && array.is_own_int32(env_) && typed_;
    return array;
  }
  // Sizes and strides: a product of two is a 64-bit number.
  idx size() {
    int64_t size = 0;
    const bool is_size = read_size(env_, next(), size) && size < int64_t(1) << 30;
    typed_ = is_size && typed_;
    return is_size ? idx(size) : 0;
  }
  double number() {
    double number = 0;
    typed_ = napi_get_value_double(env_, next(), &number) == napi_ok && typed_;
    return number;
  }

  // No stride is 0 where there is more than one element: no call is longer than its arrays.
  void check(const Array& array, std::initializer_list<Axis> axes) {
    double last = 0;  // cannot overflow, and is exact as far as any array goes
    for (const Axis& axis : axes) {
      if (axis.count == 0) return;
      fits_ = fits_ && (axis.stride > 0 || axis.count == 1);
      last += double(axis.count - 1) * double(axis.stride);
    }
    fits_ = fits_ && last < double(array.length);
  }
  // Indices are checked before the call, and must not change in it: no array of numbers, some of
  // which are written, may lie in their memory.
  void check_below(const Array& indices, int64_t count, int64_t limit) {
    check(indices, {{count, 1}});
    for (const Array& numbers : all_) fits_ = fits_ && !overlap(numbers, indices);
    for (int64_t i = 0; fits_ && i < count; i++)
      fits_ = indices.as<int32_t>()[i] >= 0 && indices.as<int32_t>()[i] < limit;
  }

  template <class Run>
  void run(const char* name, const Run& run) const {
    if (!typed_) return type_error(env_, name);
    if (!fits_) return range_error(env_, name + std::string(": an operand leaves its array"));
    const FlushDenormals flush;  // as in a program
    with_kernels(env_, all_[0], IsaName(), run);
  }

 private:
  napi_value next() { return call_[at_++]; }

  const Napi::CallbackInfo& call_;
  Napi::Env env_;
  size_t at_ = 0;
  std::vector<Array> all_;  // of numbers
  bool typed_ = true, fits_ = true;
};

// gemm(y, row, step, a, row, col, step, b, row, col, step, m, n, k, count, accumulate): `count`
// products, each `step` behind the one before.
void strided_gemm(const Napi::CallbackInfo& call) {
  Arguments in(call);
  const Array y = in.numbers();
  const idx ldy = in.size(), step_y = in.size();
  const Array a = in.numbers();
  const idx row_a = in.size(), col_a = in.size(), step_a = in.size();
  const Array b = in.numbers();
  const idx row_b = in.size(), col_b = in.size(), step_b = in.size();
  const idx m = in.size(), n = in.size(), k = in.size(), count = in.size(), acc = in.size();
  in.check(y, {{count, step_y}, {m, ldy}, {n, 1}});
  in.check(a, {{count, step_a}, {m, row_a}, {k, col_a}});
  in.check(b, {{count, step_b}, {k, row_b}, {n, col_b}});
  in.run("gemm(y, row, step, a, row, col, step, b, row, col, step, m, n, k, count, accumulate)",
         [&]<class T>(const Kernels<T>& kernels) {
           const bool a_as_is = col_a == 1 && row_a >= k, b_as_is = col_b == 1 && row_b >= n;
           const bool use_blas = (a_as_is || (row_a == 1 && col_a >= m)) &&
                                 (b_as_is || (row_b == 1 && col_b >= k)) && ldy >= n &&
                                 blas_gemm_wins<T>(kernels.isa, m, n, k);
           static thread_local std::vector<T> copy;
           for (idx i = 0; i < count; i++) {
             T* const to = y.as<T>() + i * step_y;
             const T* const left = a.as<T>() + i * step_a;
             const T* right = b.as<T>() + i * step_b;
             idx ldb = row_b;
             if (use_blas) {
               blas_gemm<T>(to, ldy, left, a_as_is ? row_a : col_a, !a_as_is, right,
                            b_as_is ? row_b : col_b, !b_as_is, m, n, k, int(acc));
               continue;
             }
             if (col_b != 1 && acc == 0 && col_a == 1 && m * (k + n) < k * n) {
               // Our kernel reads rows of b. Of a large b and a small a it takes the transposed
               // product.
               copy.resize(size_t(m * (k + n)));
               kernels.transpose(copy.data(), m, left, row_a, m, k);
               T* const columns = copy.data() + m * k;
               kernels.gemm(columns, m, right, col_b, row_b, copy.data(), m, n, m, k, 0, nullptr);
               kernels.transpose(to, ldy, columns, m, n, m);
               continue;
             }
             if (col_b != 1) {
               copy.resize(size_t(k * n));
               kernels.transpose(copy.data(), n, right, col_b, n, k);
               right = copy.data();
               ldb = n;
             }
             kernels.gemm(to, ldy, left, row_a, col_a, right, ldb, m, n, k, int(acc), nullptr);
           }
         });
}

// sgd(w, v, g, n, rate, momentum)
void sgd(const Napi::CallbackInfo& call) {
  Arguments in(call);
  const Array w = in.numbers(), v = in.numbers(), g = in.numbers();
  const idx n = in.size();
  const double rate = in.number(), momentum = in.number();
  for (const Array& array : {w, v, g}) in.check(array, {{n, 1}});
  in.run("sgd(w, v, g, n, rate, momentum)", [&]<class T>(const Kernels<T>& kernels) {
    kernels.sgd(w.as<T>(), v.as<T>(), g.as<T>(), n, 0, T(rate), T(momentum));
  });
}

// causalSoftmax(y, x, count, n): `count` squares of n x n, row r over its first r + 1 numbers.
void causal_softmax(const Napi::CallbackInfo& call) {
  Arguments in(call);
  const Array y = in.numbers(), x = in.numbers();
  const idx count = in.size(), n = in.size();
  for (const Array& array : {y, x}) in.check(array, {{count, n * n}, {n, n}, {n, 1}});
  in.run("causalSoftmax(y, x, count, n)", [&]<class T>(const Kernels<T>& kernels) {
    for (idx at = 0; at < count * n * n; at += n * n)
      kernels.softmax(y.as<T>() + at, n, x.as<T>() + at, n, n, n, 1, 1);
  });
}

// softmaxGrad(dx, y, g, rows, cols)
void softmax_grad(const Napi::CallbackInfo& call) {
  Arguments in(call);
  const Array dx = in.numbers(), y = in.numbers(), g = in.numbers();
  const idx rows = in.size(), n = in.size();
  for (const Array& array : {dx, y, g}) in.check(array, {{rows, n}, {n, 1}});
  in.run("softmaxGrad(dx, y, g, rows, cols)", [&]<class T>(const Kernels<T>& kernels) {
    kernels.softmax_grad(dx.as<T>(), n, y.as<T>(), n, g.as<T>(), n, rows, n, 0);
  });
}

// rmsNorm(y, inv, x, rows, cols, eps)
void rms_norm(const Napi::CallbackInfo& call) {
  Arguments in(call);
  const Array y = in.numbers(), inv = in.numbers(), x = in.numbers();
  const idx rows = in.size(), n = in.size();
  const double eps = in.number();
  for (const Array& array : {y, x}) in.check(array, {{rows, n}, {n, 1}});
  in.check(inv, {{rows, 1}});
  in.run("rmsNorm(y, inv, x, rows, cols, eps)", [&]<class T>(const Kernels<T>& kernels) {
    kernels.row_norm(y.as<T>(), n, inv.as<T>(), x.as<T>(), n, rows, n, T(1) / T(n), T(eps));
  });
}

// rmsNormGrad(dx, g, x, inv, rows, cols, accumulate)
void rms_norm_grad(const Napi::CallbackInfo& call) {
  Arguments in(call);
  const Array dx = in.numbers(), g = in.numbers(), x = in.numbers(), inv = in.numbers();
  const idx rows = in.size(), n = in.size(), acc = in.size();
  for (const Array& array : {dx, g, x}) in.check(array, {{rows, n}, {n, 1}});
  in.check(inv, {{rows, 1}});
  in.run("rmsNormGrad(dx, g, x, inv, rows, cols, accumulate)",
         [&]<class T>(const Kernels<T>& kernels) {
           kernels.row_norm_grad(dx.as<T>(), n, g.as<T>(), n, x.as<T>(), n, inv.as<T>(), rows, n,
                                 T(1) / T(n), int(acc));
         });
}

// crossEntropy(loss, p, x, targets, rows, cols)
void cross_entropy(const Napi::CallbackInfo& call) {
  Arguments in(call);
  const Array loss = in.numbers(), p = in.numbers(), x = in.numbers(), targets = in.indices();
  const idx rows = in.size(), n = in.size();
  for (const Array& array : {p, x}) in.check(array, {{rows, n}, {n, 1}});
  in.check(loss, {{rows, 1}});
  in.check_below(targets, rows, n);
  in.run("crossEntropy(loss, p, x, targets, rows, cols)", [&]<class T>(const Kernels<T>& kernels) {
    kernels.cross_entropy(loss.as<T>(), p.as<T>(), n, x.as<T>(), n, targets.as<int32_t>(), rows, n);
  });
}

// crossEntropyGrad(dx, p, g, targets, rows, cols): g is the gradient of every row's loss.
void cross_entropy_grad(const Napi::CallbackInfo& call) {
  Arguments in(call);
  const Array dx = in.numbers(), p = in.numbers();
  const double g = in.number();
  const Array targets = in.indices();
  const idx rows = in.size(), n = in.size();
  for (const Array& array : {dx, p}) in.check(array, {{rows, n}, {n, 1}});
  in.check_below(targets, rows, n);
  in.run("crossEntropyGrad(dx, p, g, targets, rows, cols)",
         [&]<class T>(const Kernels<T>& kernels) {
           const T every = T(g);
           kernels.cross_entropy_grad(dx.as<T>(), n, p.as<T>(), n, &every, 0, targets.as<int32_t>(),
                                      rows, n, 0);
         });
}

// name(y, a, b, n): a function of two arrays, element by element; y may be a or b.
#define ELEMENTWISE(name)                                                    \
  void name(const Napi::CallbackInfo& call) {                                \
    Arguments in(call);                                                      \
    const Array y = in.numbers(), a = in.numbers(), b = in.numbers();        \
    const idx n = in.size();                                                 \
    for (const Array& array : {y, a, b}) in.check(array, {{n, 1}});          \
    in.run(#name "(y, a, b, n)", [&]<class T>(const Kernels<T>& kernels) {   \
      kernels.name(y.as<T>(), n, a.as<T>(), n, 1, b.as<T>(), n, 1, 1, n, 0); \
    });                                                                      \
  }
ELEMENTWISE(add)
ELEMENTWISE(mask_positive)
#undef ELEMENTWISE

// scale(y, row, factor, rows, cols): y times the number.
void scale(const Napi::CallbackInfo& call) {
  Arguments in(call);
  const Array y = in.numbers();
  const idx row = in.size();
  const double factor = in.number();
  const idx rows = in.size(), cols = in.size();
  in.check(y, {{rows, row}, {cols, 1}});
  in.run("scale(y, row, factor, rows, cols)", [&]<class T>(const Kernels<T>& kernels) {
    const T by = T(factor);
    kernels.mul(y.as<T>(), row, y.as<T>(), row, 1, &by, 0, 0, rows, cols, 0);
  });
}

// scatterAdd(y, tableRows, x, indices, rows, cols)
void scatter_add(const Napi::CallbackInfo& call) {
  Arguments in(call);
  const Array y = in.numbers();
  const idx table = in.size();
  const Array x = in.numbers(), indices = in.indices();
  const idx rows = in.size(), n = in.size();
  in.check(y, {{table, n}, {n, 1}});
  in.check(x, {{rows, n}, {n, 1}});
  in.check_below(indices, rows, table);
  in.run("scatterAdd(y, tableRows, x, indices, rows, cols)",
         [&]<class T>(const Kernels<T>& kernels) {
           kernels.scatter_add(y.as<T>(), n, x.as<T>(), n, indices.as<int32_t>(), rows, n);
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
  auto matrices = Napi::Object::New(env);
  matrices.Set("gemm", Napi::Function::New<strided_gemm>(env, "gemm"));
  matrices.Set("sgd", Napi::Function::New<sgd>(env, "sgd"));
  matrices.Set("causalSoftmax", Napi::Function::New<causal_softmax>(env, "causalSoftmax"));
  matrices.Set("softmaxGrad", Napi::Function::New<softmax_grad>(env, "softmaxGrad"));
  matrices.Set("rmsNorm", Napi::Function::New<rms_norm>(env, "rmsNorm"));
  matrices.Set("rmsNormGrad", Napi::Function::New<rms_norm_grad>(env, "rmsNormGrad"));
  matrices.Set("crossEntropy", Napi::Function::New<cross_entropy>(env, "crossEntropy"));
  matrices.Set("crossEntropyGrad",
               Napi::Function::New<cross_entropy_grad>(env, "crossEntropyGrad"));
  matrices.Set("add", Napi::Function::New<add>(env, "add"));
  matrices.Set("maskPositive", Napi::Function::New<mask_positive>(env, "maskPositive"));
  matrices.Set("scale", Napi::Function::New<scale>(env, "scale"));
  matrices.Set("scatterAdd", Napi::Function::New<scatter_add>(env, "scatterAdd"));
  exports.Set("matrices", matrices);
}

}  // namespace vecgrad
