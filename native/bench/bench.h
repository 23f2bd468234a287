// Times the kernels one by one, and measures the machine's peaks: what `vecgrad bench` runs. It
// makes the operands itself.
#pragma once

#include <string>
#include <vector>

namespace vecgrad {

// How long one call takes, and the work in it.
struct Timed {
  double nanoseconds;  // below 0: there was no memory for the operands
  double flop;         // additions, multiplications, comparisons; 0 where functions are computed
  double bytes;        // of operands and results, each counted once for a read or a write
  double footprint;    // bytes of memory that they lie in
};

struct BenchKernel {
  const char* name;   // as in kernels.def
  const char* shape;  // what n counts: "n", "16 x n", "n x n" or "n x n x n"
  bool has_openblas;  // whether `openblas` is an instruction set for it
};

// Every kernel, in the order of kernels.def.
const std::vector<BenchKernel>& bench_kernels();

// The largest n that a shape can be timed with.
int64_t max_of_shape(const std::string& shape);

// The time of a call at size n, over as many calls as take about `budget` nanoseconds, after one
// that is not counted. `kernel` is a place in bench_kernels(); `isa` is an available
// instruction set, or "openblas" where the kernel has it: then the products are OpenBLAS's.
template <class T>
Timed time_kernel(size_t kernel, const std::string& isa, int64_t n, double budget);

// FLOP per nanosecond of multiplications and additions that do not wait for each other.
template <class T>
double peak_gflops(const std::string& isa, double budget);

// Bytes per nanosecond of loops that only read, copy or add arrays: the best over a working
// set of about `bytes`. Below 0: there was no memory.
template <class T>
double peak_bandwidth(const std::string& isa, int64_t bytes, double budget);

// The emulator that this process runs on, as far as the processor itself tells; "" otherwise.
const char* emulator();

}  // namespace vecgrad
