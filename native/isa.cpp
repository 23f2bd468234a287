// Finds out what the processor and the operating system allow, and hands out the kernels.
#include "isa.h"

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace vecgrad {

// Each unit native/isa/<name>.cpp that is part of this build defines its two tables.
#define TABLES(isa)                     \
  namespace isa::f32 {                  \
  extern const Kernels<float> kernels;  \
  }                                     \
  namespace isa::f64 {                  \
  extern const Kernels<double> kernels; \
  }
#ifdef VECGRAD_HAS_AVX512
TABLES(avx512)
#endif
#ifdef VECGRAD_HAS_AVX2
TABLES(avx2)
#endif
TABLES(scalar)
#undef TABLES

namespace {

struct Entry {
  IsaInfo info;
  const Kernels<float>* f32;
  const Kernels<double>* f64;
};

#if defined(__x86_64__)

struct Processor {
  bool avx2 = false, avx512 = false;

  // An extension counts when the processor has it and the operating system saves its registers
  // (XCR0) when it switches threads.
  Processor() {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return;
    constexpr unsigned fma = 1u << 12, os_saves = 1u << 27, avx = 1u << 28;
    if ((c & (fma | os_saves | avx)) != (fma | os_saves | avx)) return;
    unsigned low, high;
    asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    constexpr unsigned ymm = 0x06, zmm = 0xe6;  // SSE and AVX state; opmask and both ZMM parts
    if ((low & ymm) != ymm || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
    avx2 = b >> 5 & 1;
    constexpr unsigned f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31;
    avx512 = avx2 && (low & zmm) == zmm && (b & (f | dq | bw | vl)) == (f | dq | bw | vl);
#ifdef VECGRAD_SIMDE
    avx512 = avx2;  // emulated, in the tests
#endif
  }
};

#endif

std::vector<Entry> find() {
  std::vector<Entry> entries;
#if defined(__x86_64__)
  const Processor processor;
#ifdef VECGRAD_HAS_AVX512
  entries.push_back(
      {{"avx512", true, processor.avx512}, &avx512::f32::kernels, &avx512::f64::kernels});
#else
  entries.push_back({{"avx512", false, false}, nullptr, nullptr});
#endif
#ifdef VECGRAD_HAS_AVX2
  entries.push_back({{"avx2", true, processor.avx2}, &avx2::f32::kernels, &avx2::f64::kernels});
#else
  entries.push_back({{"avx2", false, false}, nullptr, nullptr});
#endif
#endif
  entries.push_back({{"scalar", true, true}, &scalar::f32::kernels, &scalar::f64::kernels});
  return entries;
}

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = find();
  return all;
}

const Kernels<float>* table(const Entry& e, float) { return e.f32; }
const Kernels<double>* table(const Entry& e, double) { return e.f64; }

}  // namespace

const std::vector<IsaInfo>& isa_list() {
  static const std::vector<IsaInfo> list = [] {
    std::vector<IsaInfo> infos;
    for (const Entry& e : entries()) infos.push_back(e.info);
    return infos;
  }();
  return list;
}

const char* best_isa() { return kernels_for<float>(nullptr)->isa; }

template <class T>
const Kernels<T>* kernels_for(const char* isa_name) {
  for (const Entry& e : entries())
    if (e.info.available && (!isa_name || !std::strcmp(isa_name, e.info.name)))
      return table(e, T());
  return nullptr;
}

template const Kernels<float>* kernels_for<float>(const char*);
template const Kernels<double>* kernels_for<double>(const char*);

}  // namespace vecgrad
