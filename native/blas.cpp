// The only file that knows OpenBLAS.
#include "blas.h"

#include <cblas.h>

#include <cstring>
#include <string>

#include "isa.h"

namespace vecgrad {

void blas_init() { openblas_set_num_threads(1); }

// The crossover, by test/native/gemm_bench.cpp on an AMD Zen 3 (AVX2) with OpenBLAS 0.3.21: the
// time of one call in microseconds, ours / OpenBLAS's, least of three runs on a busy machine.
//
//     m x n x k         float32          float64
//     16 x 16 x 16      0.10 / 0.33      0.19 / 0.41
//     32 x 32 x 32      0.72 / 1.38      1.45 / 2.27
//     64 x 64 x 64       5.3 / 7.9       10.7 / 14.0
//     96 x 96 x 96      17.7 / 23.3      35.2 / 43.2
//     128 x 128 x 128   44.6 / 52.6       116 / 109    <- float64 changes hands
//     256 x 256 x 256    361 / 374        934 / 754
//     384 x 384 x 384   1303 / 1251      2954 / 2525   <- float32 changes hands
//     16 x 512 x 512     120 / 129        306 / 273
//     1 x 1024 x 1024    128 / 282        357 / 503
//     512 x 512 x 4       39 / 124        109 / 351
//     16 x 16 x 1024     5.1 / 9.7       10.4 / 17.1
//
// OpenBLAS packs its operands to be read in order, which pays where each is read many times over.
// AVX-512 could not be timed there and has the same threshold until somebody does.
template <class T>
bool blas_gemm_wins(const char* isa, idx m, idx n, idx k) {
  const idx work = m * n * k;
  if (work < 1 << 11) return false;
  // A processor that this build has no vectors for: OpenBLAS has, and wins from 8 x 16 x 16 on.
  // Elsewhere "scalar" is somebody's wish for the reference, one number at a time.
  static const bool no_vectors = !std::strcmp(best_isa(), "scalar");
  if (no_vectors) return true;
  if (work < (sizeof(T) == 4 ? idx(1) << 25 : idx(1) << 21)) return false;
  return m >= 16 && n >= 16 && k >= 16 && std::strcmp(isa, "scalar") != 0;
}
template bool blas_gemm_wins<float>(const char*, idx, idx, idx);
template bool blas_gemm_wins<double>(const char*, idx, idx, idx);

template <class T>
void blas_gemm(T* c, idx ldc, const T* a, idx lda, bool ta, const T* b, idx ldb, bool tb, idx m,
               idx n, idx k, int acc) {
  const auto op_a = ta ? CblasTrans : CblasNoTrans, op_b = tb ? CblasTrans : CblasNoTrans;
  const blasint rows = blasint(m), cols = blasint(n), inner = blasint(k);
  const T keep = acc ? T(1) : T(0);
  if constexpr (sizeof(T) == 4)
    cblas_sgemm(CblasRowMajor, op_a, op_b, rows, cols, inner, 1, a, blasint(lda), b, blasint(ldb),
                keep, c, blasint(ldc));
  else
    cblas_dgemm(CblasRowMajor, op_a, op_b, rows, cols, inner, 1, a, blasint(lda), b, blasint(ldb),
                keep, c, blasint(ldc));
}
template void blas_gemm<float>(float*, idx, const float*, idx, bool, const float*, idx, bool, idx,
                               idx, idx, int);
template void blas_gemm<double>(double*, idx, const double*, idx, bool, const double*, idx, bool,
                                idx, idx, idx, int);

// openblas_get_config() says "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ...": the first two words.
const char* blas_version() {
  static const std::string version = [] {
    const std::string config = openblas_get_config();
    return config.substr(0, config.find(' ', config.find(' ') + 1));
  }();
  return version.c_str();
}

const char* blas_core() { return openblas_get_corename(); }
int blas_threads() { return openblas_get_num_threads(); }

}  // namespace vecgrad
