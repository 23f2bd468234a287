// An addon for benchmarks: kernels on parts of larger arrays, as the models written by hand in
// bench/ call them. It is no part of the addon that the package ships. An operand is a typed array
// and its strides; the other arguments are those of native/kernels/kernels.def.
#include <napi.h>

#include <array>
#include <functional>
#include <initializer_list>
#include <vector>

#include "blas/blas.h"
#include "kernels/kernels.h"
#include "node/kernel_arguments.h"
#include "node/reader.h"
#include "threads/denormals.h"

namespace vecgrad {
namespace {

// A dimension of an operand: how many elements it has, and the distance from each to the next.
struct Axis {
  int64_t count, stride;
};

using Indices = std::span<const int32_t>;

// Reads the arguments of a call one after the other, then checks that operands lie in their arrays.
class MatrixCall {
 public:
  MatrixCall(const Napi::CallbackInfo& call, const char* name, const char* usage)
      : in_(call, name, usage) {}

  // An array of numbers. All arrays of a call have the type of the first.
  const Floats& numbers() {
    Floats& array = numbers_[count_++];
    in_.elements("numbers", array);
    return array;
  }
  const Indices& indices() {
    in_.elements("indices", indices_);
    return indices_;
  }
  // A size or a stride: a product of two is a 64-bit number.
  idx size() { return idx(in_.size("size", (1 << 30) - 1)); }
  double number() { return in_.number("number"); }

  // Checks that an operand with these dimensions lies in each of the arrays. No stride may be 0 if
  // there is more than one element: no call takes longer than its arrays are long. Everything has
  // been read.
  void check(std::initializer_list<std::reference_wrapper<const Floats>> arrays,
             std::initializer_list<Axis> axes) {
    if (!are_right()) return;
    for (const Floats& array : arrays) check_length(size_of(array), axes);
  }
  // Checks that `count` indices are below a limit. No array of numbers may share their memory, so
  // that they do not change during the call (see Arrays::look).
  void check_below(const Indices& indices, int64_t count, int64_t limit) {
    if (!are_right()) return;
    check_length(indices.size(), {{count, 1}});
    for (int64_t i = 0; fits_ && i < count; i++)
      fits_ = indices[size_t(i)] >= 0 && indices[size_t(i)] < limit;
  }

  template <class Run>
  Napi::Value run(const Run& run) {
    if (!are_right()) return in_.fail_usage();
    if (!fits_) return in_.fail_with("an operand leaves its array");
    const FlushDenormals flush;  // as in a program
    return with_kernels(in_, numbers_[0], "", [&](const auto& kernels) {
      run(kernels);
      return in_.env().Undefined();
    });
  }

 private:
  bool are_right() {
    if (!is_read_) {
      is_read_ = true;
      are_right_ = in_.are_right();
      for (size_t i = 0; i < count_; i++)
        are_right_ = are_right_ && numbers_[i].index() == numbers_[0].index();
    }
    return are_right_;
  }
  void check_length(size_t length, std::initializer_list<Axis> axes) {
    double last = 0;  // cannot overflow, and is exact up to the length of any array
    for (const Axis& axis : axes) {
      if (axis.count == 0) return;
      fits_ = fits_ && (axis.stride > 0 || axis.count == 1);
      last += double(axis.count - 1) * double(axis.stride);
    }
    fits_ = fits_ && last < double(length);
  }

  Arguments in_;
  std::array<Floats, 4> numbers_;
  size_t count_ = 0;
  Indices indices_;
  bool is_read_ = false, are_right_ = false, fits_ = true;
};

// gemm(y, row, step, a, row, col, step, b, row, col, step, m, n, k, count, accumulate): `count`
// products; `step` is the distance from each to the next.
Napi::Value strided_gemm(const Napi::CallbackInfo& call) {
  MatrixCall in(call, "gemm",
                "y, row, step, a, row, col, step, b, row, col, step, m, n, k, count, accumulate");
  const Floats& y = in.numbers();
  const idx ldy = in.size(), step_y = in.size();
  const Floats& a = in.numbers();
  const idx row_a = in.size(), col_a = in.size(), step_a = in.size();
  const Floats& b = in.numbers();
  const idx row_b = in.size(), col_b = in.size(), step_b = in.size();
  const idx m = in.size(), n = in.size(), k = in.size(), count = in.size(), acc = in.size();
  in.check({y}, {{count, step_y}, {m, ldy}, {n, 1}});
  in.check({a}, {{count, step_a}, {m, row_a}, {k, col_a}});
  in.check({b}, {{count, step_b}, {k, row_b}, {n, col_b}});
  return in.run([&]<class T>(const Kernels<T>& kernels) {
    const bool a_as_is = col_a == 1 && row_a >= k, b_as_is = col_b == 1 && row_b >= n;
    const bool use_blas = (a_as_is || (row_a == 1 && col_a >= m)) &&
                          (b_as_is || (row_b == 1 && col_b >= k)) && ldy >= n &&
                          blas_gemm_wins<T>(kernels.isa, m, n, k);
    static thread_local std::vector<T> copy;
    for (idx i = 0; i < count; i++) {
      T* const to = data_as<T>(y) + i * step_y;
      const T* const left = data_as<T>(a) + i * step_a;
      const T* right = data_as<T>(b) + i * step_b;
      idx ldb = row_b;
      if (use_blas) {
        blas_gemm<T>(to, ldy, left, a_as_is ? row_a : col_a, !a_as_is, right,
                     b_as_is ? row_b : col_b, !b_as_is, m, n, k, int(acc));
        continue;
      }
      if (col_b != 1 && acc == 0 && col_a == 1 && m * (k + n) < k * n) {
        // The kernel reads rows of b. If b is large and a small, the transposed product is
        // cheaper than a transposed copy of b.
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
Napi::Value sgd(const Napi::CallbackInfo& call) {
  MatrixCall in(call, "sgd", "w, v, g, n, rate, momentum");
  const Floats &w = in.numbers(), &v = in.numbers(), &g = in.numbers();
  const idx n = in.size();
  const double rate = in.number(), momentum = in.number();
  in.check({w, v, g}, {{n, 1}});
  return in.run([&]<class T>(const Kernels<T>& kernels) {
    kernels.sgd(data_as<T>(w), data_as<T>(v), data_as<T>(g), n, 0, T(rate), T(momentum));
  });
}

// causalSoftmax(y, x, count, n): `count` matrices of n x n; softmax of the first r + 1 numbers of
// row r.
Napi::Value causal_softmax(const Napi::CallbackInfo& call) {
  MatrixCall in(call, "causalSoftmax", "y, x, count, n");
  const Floats &y = in.numbers(), &x = in.numbers();
  const idx count = in.size(), n = in.size();
  in.check({y, x}, {{count, n * n}, {n, n}, {n, 1}});
  return in.run([&]<class T>(const Kernels<T>& kernels) {
    for (idx at = 0; at < count * n * n; at += n * n)
      kernels.softmax(data_as<T>(y) + at, n, data_as<T>(x) + at, n, n, n, 1, 1, nullptr);
  });
}

// softmaxGrad(dx, y, g, rows, cols)
Napi::Value softmax_grad(const Napi::CallbackInfo& call) {
  MatrixCall in(call, "softmaxGrad", "dx, y, g, rows, cols");
  const Floats &dx = in.numbers(), &y = in.numbers(), &g = in.numbers();
  const idx rows = in.size(), n = in.size();
  in.check({dx, y, g}, {{rows, n}, {n, 1}});
  return in.run([&]<class T>(const Kernels<T>& kernels) {
    kernels.softmax_grad(data_as<T>(dx), n, data_as<T>(y), n, data_as<T>(g), n, rows, n, 0,
                         nullptr);
  });
}

// rmsNorm(y, inv, x, rows, cols, eps)
Napi::Value rms_norm(const Napi::CallbackInfo& call) {
  MatrixCall in(call, "rmsNorm", "y, inv, x, rows, cols, eps");
  const Floats &y = in.numbers(), &inv = in.numbers(), &x = in.numbers();
  const idx rows = in.size(), n = in.size();
  const double eps = in.number();
  in.check({y, x}, {{rows, n}, {n, 1}});
  in.check({inv}, {{rows, 1}});
  return in.run([&]<class T>(const Kernels<T>& kernels) {
    kernels.row_norm(data_as<T>(y), n, data_as<T>(inv), data_as<T>(x), n, rows, n, T(1) / T(n),
                     T(eps));
  });
}

// rmsNormGrad(dx, g, x, inv, rows, cols, accumulate)
Napi::Value rms_norm_grad(const Napi::CallbackInfo& call) {
  MatrixCall in(call, "rmsNormGrad", "dx, g, x, inv, rows, cols, accumulate");
  const Floats &dx = in.numbers(), &g = in.numbers(), &x = in.numbers(), &inv = in.numbers();
  const idx rows = in.size(), n = in.size(), acc = in.size();
  in.check({dx, g, x}, {{rows, n}, {n, 1}});
  in.check({inv}, {{rows, 1}});
  return in.run([&]<class T>(const Kernels<T>& kernels) {
    kernels.row_norm_grad(data_as<T>(dx), n, data_as<T>(g), n, data_as<T>(x), n, data_as<T>(inv),
                          rows, n, T(1) / T(n), int(acc));
  });
}

// crossEntropy(loss, p, x, targets, rows, cols)
Napi::Value cross_entropy(const Napi::CallbackInfo& call) {
  MatrixCall in(call, "crossEntropy", "loss, p, x, targets, rows, cols");
  const Floats &loss = in.numbers(), &p = in.numbers(), &x = in.numbers();
  const Indices& targets = in.indices();
  const idx rows = in.size(), n = in.size();
  in.check({p, x}, {{rows, n}, {n, 1}});
  in.check({loss}, {{rows, 1}});
  in.check_below(targets, rows, n);
  return in.run([&]<class T>(const Kernels<T>& kernels) {
    kernels.cross_entropy(data_as<T>(loss), data_as<T>(p), n, data_as<T>(x), n, targets.data(),
                          rows, n);
  });
}

// crossEntropyGrad(dx, p, g, targets, rows, cols): g is the gradient of every row's loss.
Napi::Value cross_entropy_grad(const Napi::CallbackInfo& call) {
  MatrixCall in(call, "crossEntropyGrad", "dx, p, g, targets, rows, cols");
  const Floats &dx = in.numbers(), &p = in.numbers();
  const double g = in.number();
  const Indices& targets = in.indices();
  const idx rows = in.size(), n = in.size();
  in.check({dx, p}, {{rows, n}, {n, 1}});
  in.check_below(targets, rows, n);
  return in.run([&]<class T>(const Kernels<T>& kernels) {
    const T every = T(g);
    kernels.cross_entropy_grad(data_as<T>(dx), n, data_as<T>(p), n, &every, 0, targets.data(), rows,
                               n, 0);
  });
}

// name(y, a, b, n): an element-wise function of two arrays; y may be a or b.
#define ELEMENTWISE(name)                                                                \
  Napi::Value name(const Napi::CallbackInfo& call) {                                     \
    MatrixCall in(call, #name, "y, a, b, n");                                            \
    const Floats &y = in.numbers(), &a = in.numbers(), &b = in.numbers();                \
    const idx n = in.size();                                                             \
    in.check({y, a, b}, {{n, 1}});                                                       \
    return in.run([&]<class T>(const Kernels<T>& kernels) {                              \
      kernels.name(data_as<T>(y), n, data_as<T>(a), n, 1, data_as<T>(b), n, 1, 1, n, 0); \
    });                                                                                  \
  }
ELEMENTWISE(add)
ELEMENTWISE(mask_positive)
#undef ELEMENTWISE

// scale(y, row, factor, rows, cols): y *= factor.
Napi::Value scale(const Napi::CallbackInfo& call) {
  MatrixCall in(call, "scale", "y, row, factor, rows, cols");
  const Floats& y = in.numbers();
  const idx row = in.size();
  const double factor = in.number();
  const idx rows = in.size(), cols = in.size();
  in.check({y}, {{rows, row}, {cols, 1}});
  return in.run([&]<class T>(const Kernels<T>& kernels) {
    const T by = T(factor);
    kernels.mul(data_as<T>(y), row, data_as<T>(y), row, 1, &by, 0, 0, rows, cols, 0);
  });
}

// scatterAdd(y, tableRows, x, indices, rows, cols)
Napi::Value scatter_add(const Napi::CallbackInfo& call) {
  MatrixCall in(call, "scatterAdd", "y, tableRows, x, indices, rows, cols");
  const Floats& y = in.numbers();
  const idx table = in.size();
  const Floats& x = in.numbers();
  const Indices& indices = in.indices();
  const idx rows = in.size(), n = in.size();
  in.check({y}, {{table, n}, {n, 1}});
  in.check({x}, {{rows, n}, {n, 1}});
  in.check_below(indices, rows, table);
  return in.run([&]<class T>(const Kernels<T>& kernels) {
    kernels.scatter_add(data_as<T>(y), n, data_as<T>(x), n, indices.data(), rows, n);
  });
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("gemm", Napi::Function::New<strided_gemm>(env, "gemm"));
  exports.Set("sgd", Napi::Function::New<sgd>(env, "sgd"));
  exports.Set("causalSoftmax", Napi::Function::New<causal_softmax>(env, "causalSoftmax"));
  exports.Set("softmaxGrad", Napi::Function::New<softmax_grad>(env, "softmaxGrad"));
  exports.Set("rmsNorm", Napi::Function::New<rms_norm>(env, "rmsNorm"));
  exports.Set("rmsNormGrad", Napi::Function::New<rms_norm_grad>(env, "rmsNormGrad"));
  exports.Set("crossEntropy", Napi::Function::New<cross_entropy>(env, "crossEntropy"));
  exports.Set("crossEntropyGrad", Napi::Function::New<cross_entropy_grad>(env, "crossEntropyGrad"));
  exports.Set("add", Napi::Function::New<add>(env, "add"));
  exports.Set("maskPositive", Napi::Function::New<mask_positive>(env, "maskPositive"));
  exports.Set("scale", Napi::Function::New<scale>(env, "scale"));
  exports.Set("scatterAdd", Napi::Function::New<scatter_add>(env, "scatterAdd"));
  return exports;
}

}  // namespace
}  // namespace vecgrad

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) {
  return vecgrad::init(env, exports);
}
NODE_API_MODULE(vecgrad_matrices, init_addon)
