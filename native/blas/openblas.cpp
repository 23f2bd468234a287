// The only file that knows OpenBLAS. It is a library of its own, because loading OpenBLAS takes 5
// ms and starts threads, and most programs never need it.
#include "blas/openblas.h"

#include <cblas.h>

#include <cstdlib>

// Two nested conditions: without glibc, __GLIBC_PREREQ(2, 38) is a syntax error even after a false
// condition.
#if defined(VECGRAD_PORTABLE) && defined(__GLIBC_PREREQ)
#if !__GLIBC_PREREQ(2, 38)
// An archive of OpenBLAS that was compiled with glibc 2.38 or newer (Debian 13's, for riscv64)
// calls strtol by this name, which older C libraries do not have.
extern "C" long __isoc23_strtol(const char* text, char** end, int base) {
  return std::strtol(text, end, base);
}
#endif
#endif

namespace vecgrad {
namespace {

template <class T, auto Function>
void gemm(T* c, int ldc, const T* a, int lda, bool ta, const T* b, int ldb, bool tb, int m, int n,
          int k, T keep) {
  const auto op_a = ta ? CblasTrans : CblasNoTrans, op_b = tb ? CblasTrans : CblasNoTrans;
  Function(CblasRowMajor, op_a, op_b, m, n, k, 1, a, lda, b, ldb, keep, c, ldc);
}

}  // namespace
}  // namespace vecgrad

const vecgrad::OpenBlas* vecgrad_openblas() {
  using namespace vecgrad;
  // Filled by the first call; calls come one after the other (blas.cpp). A guarded initialisation
  // would need the C++ library.
  static OpenBlas table;
  openblas_set_num_threads(1);
  table = {gemm<float, cblas_sgemm>, gemm<double, cblas_dgemm>, openblas_get_config(),
           openblas_get_corename(), openblas_get_num_threads()};
  return &table;
}
