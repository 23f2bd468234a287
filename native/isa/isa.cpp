// Finds the instruction sets that the processor and the operating system allow, and their kernels.
#include "isa/isa.h"

#include <cstdint>
#include <cstring>

#include "isa/tables.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__linux__) && (defined(__aarch64__) || defined(__riscv))
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace vecgrad {

namespace {

struct Entry {
  IsaInfo info;
  const Kernels<float>* f32;
  const Kernels<double>* f64;
};

#if defined(__x86_64__)

struct Processor {
  bool avx2 = false, avx512 = false;

  // An extension is available if the processor has it and the operating system saves its registers
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

#elif defined(__aarch64__)

struct Processor {
  bool neon = true;  // part of the architecture
  bool sve = false;

#if defined(__linux__)
  // The kernel reports SVE only if it also saves its registers.
  Processor() {
    constexpr unsigned long sve_bit = 1ul << 22;
    sve = getauxval(AT_HWCAP) & sve_bit;
  }
#endif
};

#elif defined(__riscv)

struct Processor {
  bool rvv = false;

#if defined(__linux__)
  // riscv_hwprobe (Linux 6.4) reports V 1.0 and no draft of it. An older kernel has no such call:
  // the bit of AT_HWCAP is all that it reports.
  Processor() {
    constexpr long riscv_hwprobe = 258;
    struct Pair {
      int64_t key;
      uint64_t value;
    } pair = {4, 0};  // the user-mode extensions that all processors of the machine have
    if (syscall(riscv_hwprobe, &pair, 1, 0, nullptr, 0) == 0)
      rvv = pair.key == 4 && (pair.value >> 2 & 1);
    else
      rvv = getauxval(AT_HWCAP) >> ('V' - 'A') & 1;
    // The kernels have room for vectors of up to 2048 bits; the standard allows 65536.
    if (rvv) rvv = vector_bytes() <= 2048 / 8;
  }

 private:
  static unsigned long vector_bytes() {
    unsigned long bytes;
    asm("csrr %0, 0xc22" : "=r"(bytes));  // vlenb by its number: this unit is compiled without V
    return bytes;
  }
#endif
};

#endif

// The entry of an instruction set, whose unit may not be part of this build.
#define COMPILED(isa) \
  entries.push_back({{#isa, true, processor.isa}, &isa::f32::kernels, &isa::f64::kernels})
#define NOT_COMPILED(isa) entries.push_back({{#isa, false, false}, nullptr, nullptr})

std::vector<Entry> find() {
  std::vector<Entry> entries;
#if defined(__x86_64__)
  const Processor processor;
#ifdef VECGRAD_HAS_AVX512
  COMPILED(avx512);
#else
  NOT_COMPILED(avx512);
#endif
#ifdef VECGRAD_HAS_AVX2
  COMPILED(avx2);
#else
  NOT_COMPILED(avx2);
#endif
#elif defined(__aarch64__)
  [[maybe_unused]] const Processor processor;
#ifdef VECGRAD_HAS_SVE
  COMPILED(sve);
#else
  NOT_COMPILED(sve);
#endif
#ifdef VECGRAD_HAS_NEON
  COMPILED(neon);
#else
  NOT_COMPILED(neon);
#endif
#elif defined(__riscv)
  [[maybe_unused]] const Processor processor;
#ifdef VECGRAD_HAS_RVV
  COMPILED(rvv);
#else
  NOT_COMPILED(rvv);
#endif
#endif
  entries.push_back({{"scalar", true, true}, &scalar::f32::kernels, &scalar::f64::kernels});
  return entries;
}

#undef COMPILED
#undef NOT_COMPILED

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
