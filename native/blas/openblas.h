// The interface of the library `vecgrad_openblas`: OpenBLAS on the calling thread alone.
#pragma once

namespace vecgrad {

// Row-major c = a b + keep c, operands with their leading dimensions; `ta`, `tb`: stored
// transposed.
template <class T>
using Gemm = void(T* c, int ldc, const T* a, int lda, bool ta, const T* b, int ldb, bool tb, int m,
                  int n, int k, T keep);

struct OpenBlas {
  Gemm<float>* sgemm;
  Gemm<double>* dgemm;
  const char* config;  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..."
  const char* core;    // the core type it chose, "Zen" or "SkylakeX"
  int threads;
};

}  // namespace vecgrad

// The library's one export.
extern "C" __attribute__((visibility("default"))) const vecgrad::OpenBlas* vecgrad_openblas();
