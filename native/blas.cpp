// The only file that knows OpenBLAS.
#include "blas.h"

#include <cblas.h>

#include <cstring>
#include <string>

namespace vecgrad {

void blas_init() { openblas_set_num_threads(1); }

// From how many multiplications on OpenBLAS is faster, by instruction set.
template <class T>
bool blas_gemm_wins(const char* isa, idx m, idx n, idx k) {
  const idx work = m * n * k;
  if (work < 64 * 64 * 64) return false;
  const bool scalar = !std::strcmp(isa, "scalar");
  if (scalar) return false;  // the reference stays one number at a time
  return true;
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
