// Kernels called on their own. Whatever lib/kernels.ts has checked is checked here again: arguments
// are numbers, booleans, strings and typed arrays only, so that reading them runs no JavaScript and
// an array is still, when the kernel runs, what it was when it was checked.
#include "kernel_calls.h"

#include <cmath>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "blas.h"
#include "isa.h"
#include "kernels.h"

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
               0);
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
    kernels.topk(out.as<int32_t>(), x.as<T>(), 1, idx(x.length), idx(out.length));
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
