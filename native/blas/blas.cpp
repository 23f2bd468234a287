// Loads OpenBLAS, and decides when it is faster than our kernels.
#include "blas/blas.h"

#include <dlfcn.h>
#include <strings.h>

#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <string>

#include "blas/openblas.h"
#include "isa/isa.h"

namespace vecgrad {
namespace {

// Loads the library that lies beside this one; nullptr if it, or OpenBLAS, is missing.
const OpenBlas* load() {
  static const char here = 0;
  Dl_info self;
  if (!dladdr(&here, &self)) return nullptr;
  const std::string path = self.dli_fname;
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  void* library = dlopen((folder + "vecgrad_openblas.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return nullptr;
  const auto open =
      reinterpret_cast<decltype(&vecgrad_openblas)>(dlsym(library, "vecgrad_openblas"));
  return open ? open() : nullptr;
}

const OpenBlas* openblas() {
  static const OpenBlas* const loaded = load();
  return loaded;
}

// Whether this build has no vector kernels for the processor. OpenBLAS has, and wins from 8 x 16 x
// 16 on. On other processors, "scalar" is chosen by a user who wants the reference.
bool has_no_vectors() {
  static const bool none = !std::strcmp(best_isa(), "scalar");
  return none;
}

}  // namespace

// Where OpenBLAS becomes faster, by test/native/gemm_bench.cpp on an AMD Zen 3 (AVX2) with OpenBLAS
// 0.3.21: the time of one call in microseconds, ours / OpenBLAS's, least of three runs on a busy
// machine.
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
// OpenBLAS packs its operands so that they are read in order, which pays if each is read many
// times.
//
// Its kernels for AVX2 are never faster than ours for AVX-512 (Zen 5, which OpenBLAS 0.3.21 takes
// for a Haswell; microseconds as above):
//
//     128 x 128 x 128      16 / 34          32 / 74
//     384 x 384 x 384     412 / 842        831 / 1728
//     1536 x 1536 x 1536  32454 / 53878  86987 / 111304
//     64 x 768 x 3072    1603 / 2422      4276 / 5911
//
// Its kernels for AVX-512 (Emerald Rapids, OPENBLAS_CORETYPE=SkylakeX) are faster if an operand is
// larger than the second cache:
//
//     384 x 384 x 384     580 / 650       1230 / 1490
//     768 x 768 x 768    5090 / 5100     16000 / 11000  <- both change hands
//     64 x 768 x 768      440 / 573
//     64 x 3072 x 768    3900 / 2310
//     64 x 768 x 3072    5070 / 2330
//     768 x 3072 x 64    1850 / 2110
//
// On AMD (Zen 4, OpenBLAS's kernels for a Cooperlake), whose vectors of 512 bits are two halves,
// the same kernels are slower than ours up to the largest products:
//
//     384 x 384 x 384     975 / 1061      1971 / 2115
//     768 x 768 x 768    8144 / 8592    16971 / 17333
//     64 x 3072 x 768    3140 / 3400      6679 / 6701
//     64 x 768 x 3072    3072 / 3376      6576 / 7098
//     768 x 3072 x 64    3116 / 3196      7641 / 6533
//     1536 x 1536 x 1536  70243 / 68281  168179 / 137219  <- both change hands
template <class T>
idx least_work_for_blas() {
  return has_no_vectors() ? 1 << 11 : sizeof(T) == 4 ? 1 << 25 : 1 << 21;
}
template idx least_work_for_blas<float>();
template idx least_work_for_blas<double>();

namespace {

// Whether OpenBLAS has chosen the kernels of one of these cores. For a processor younger than
// itself it may choose those of a very old one: OpenBLAS 0.3.21 takes Emerald Rapids for a
// Prescott.
bool has_kernels_of(std::initializer_list<const char*> cores) {
  for (const char* core : cores)
    if (!strcasecmp(openblas()->core, core)) return true;
  return false;
}

bool has_avx512_kernels() { return has_kernels_of({"SkylakeX", "Cooperlake", "Sapphirerapids"}); }
bool has_avx2_kernels() {
  return has_avx512_kernels() || has_kernels_of({"Haswell", "Zen", "Excavator"});
}

bool is_amd() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_is("amd");
#else
  return false;
#endif
}

// The least work for which OpenBLAS's kernels for AVX-512 are faster than ours.
idx least_work_against_avx512() {
  static const idx least = is_amd() ? idx(1) << 31 : idx(1) << 27;
  return least;
}

// The least work for which OpenBLAS is faster than the kernels of this instruction set: never, if
// it has narrower vectors.
template <class T>
idx least_work_against(const char* isa) {
  constexpr idx never = std::numeric_limits<idx>::max();
  static const bool has_avx512 = has_avx512_kernels(), has_avx2 = has_avx2_kernels();
  if (!std::strcmp(isa, "scalar")) return never;
  if (!std::strcmp(isa, "avx512")) return has_avx512 ? least_work_against_avx512() : never;
  if (!std::strcmp(isa, "avx2") && !has_avx2) return never;
  return least_work_for_blas<T>();
}

}  // namespace

template <class T>
bool blas_gemm_wins(const char* isa, idx m, idx n, idx k) {
  if (m * n * k < least_work_for_blas<T>()) return false;
  if (has_no_vectors()) return openblas();
  return m >= 16 && n >= 16 && k >= 16 && openblas() && m * n * k >= least_work_against<T>(isa);
}
template bool blas_gemm_wins<float>(const char*, idx, idx, idx);
template bool blas_gemm_wins<double>(const char*, idx, idx, idx);

template <class T>
void blas_gemm(T* c, idx ldc, const T* a, idx lda, bool ta, const T* b, idx ldb, bool tb, idx m,
               idx n, idx k, int acc) {
  const auto gemm = [] {
    if constexpr (sizeof(T) == 4)
      return openblas()->sgemm;
    else
      return openblas()->dgemm;
  }();
  gemm(c, int(ldc), a, int(lda), ta, b, int(ldb), tb, int(m), int(n), int(k), acc ? T(1) : T(0));
}
template void blas_gemm<float>(float*, idx, const float*, idx, bool, const float*, idx, bool, idx,
                               idx, idx, int);
template void blas_gemm<double>(double*, idx, const double*, idx, bool, const double*, idx, bool,
                                idx, idx, idx, int);

std::string blas_version() {
  if (!openblas()) return "none";
  const std::string config = openblas()->config;
  return config.substr(0, config.find(' ', config.find(' ') + 1));
}

const char* blas_core() { return openblas() ? openblas()->core : "none"; }
const char* blas_better_core() {
  const char* const chosen = std::getenv("OPENBLAS_CORETYPE");
  if (!openblas() || (chosen && *chosen)) return "";
  if (!std::strcmp(best_isa(), "avx512") && !has_avx512_kernels()) return "SkylakeX";
  return !std::strcmp(best_isa(), "avx2") && !has_avx2_kernels() ? "Haswell" : "";
}
int blas_threads() { return openblas() ? openblas()->threads : 0; }

}  // namespace vecgrad
