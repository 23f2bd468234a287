// Matrix products by OpenBLAS, and the sizes from which it beats our own kernel.
#pragma once

#include <string>

#include "kernels/kernels.h"

namespace vecgrad {

// The first call below that needs OpenBLAS loads it. If it is missing, it is never faster.

// Whether OpenBLAS is there and faster than the gemm kernel of `isa` for an m x k by k x n product;
// the figures are in blas.cpp.
template <class T>
bool blas_gemm_wins(const char* isa, idx m, idx n, idx k);

// The fewest multiplications of a product for which it can be faster.
template <class T>
idx least_work_for_blas();

// c (+)= op(a) op(b), row-major. `ta`, `tb`: the operand is stored transposed. Leading dimensions
// must be at least the stored row length.
template <class T>
void blas_gemm(T* c, idx ldc, const T* a, idx lda, bool ta, const T* b, idx ldb, bool tb, idx m,
               idx n, idx k, int acc);

// These load OpenBLAS. Without it they give "none" and 0.
std::string blas_version();  // "OpenBLAS 0.3.21"
const char* blas_core();     // the core type OpenBLAS chose, "Zen" or "SkylakeX"
int blas_threads();
// A core type whose kernels this processor can run, where those of the one that OpenBLAS chose by
// itself use older instructions; else "".
const char* blas_better_core();

}  // namespace vecgrad
