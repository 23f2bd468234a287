// The calls of `vecgrad bench`: names are looked up, sizes have limits, and the operands are
// native.
#include <napi.h>

#include <string>

#include "bench/bench.h"
#include "blas/blas.h"
#include "isa/isa.h"
#include "node/calls.h"
#include "node/reader.h"

namespace vecgrad {
namespace {

constexpr double max_budget = 1e9;  // nanoseconds
constexpr int64_t max_bytes = int64_t(1) << 29;
constexpr const char* no_memory = "no memory for the operands";

// Reads the name of an available instruction set, or "openblas" where it is there and
// `or_openblas`.
std::string read_isa(Arguments& in, bool or_openblas) {
  const std::string name = in.text("isa");
  const bool is_known = kernels_for<float>(name.c_str()) != nullptr;
  if (!is_known && !(or_openblas && name == "openblas" && blas_version() != "none"))
    in.refuse("isa");
  return name;
}

// kernels(): every kernel with its shape, the largest n of that shape, and whether OpenBLAS has it
// too.
Napi::Value kernels(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  const bool has_openblas = blas_version() != "none";
  auto list = Napi::Array::New(env);
  uint32_t at = 0;
  for (const BenchKernel& kernel : bench_kernels()) {
    auto row = Napi::Object::New(env);
    row.Set("name", kernel.name);
    row.Set("shape", kernel.shape);
    row.Set("most", double(max_of_shape(kernel.shape)));
    row.Set("openblas", kernel.has_openblas && has_openblas);
    list.Set(at++, row);
  }
  return list;
}

// time(kernel, n, float32, isa, budget): {nanoseconds, flop, bytes, footprint} of a call.
Napi::Value time(const Napi::CallbackInfo& call) {
  Arguments in(call, "bench.time", "a kernel, n from 1 to its most, float32, isa, budget");
  const std::vector<BenchKernel>& all = bench_kernels();
  const std::string name = in.text("kernel");
  size_t kernel = 0;
  while (kernel < all.size() && name != all[kernel].name) kernel++;
  if (kernel == all.size()) in.refuse("kernel");
  const bool is_known = kernel < all.size();
  const int64_t n = in.whole("n", 1, is_known ? max_of_shape(all[kernel].shape) : 1);
  const bool float32 = in.flag("float32");
  const std::string isa = read_isa(in, is_known && all[kernel].has_openblas);
  const double budget = in.number("budget", 0, max_budget);
  if (!in.are_right()) return in.fail_usage();
  const Timed timed = float32 ? time_kernel<float>(kernel, isa, n, budget)
                              : time_kernel<double>(kernel, isa, n, budget);
  if (timed.nanoseconds < 0) return in.fail_with(no_memory);
  auto result = Napi::Object::New(call.Env());
  result.Set("nanoseconds", timed.nanoseconds);
  result.Set("flop", timed.flop);
  result.Set("bytes", timed.bytes);
  result.Set("footprint", timed.footprint);
  return result;
}

// gflops(float32, isa, budget): FLOP per nanosecond.
Napi::Value gflops(const Napi::CallbackInfo& call) {
  Arguments in(call, "bench.gflops", "float32, isa, budget");
  const bool float32 = in.flag("float32");
  const std::string isa = read_isa(in, false);
  const double budget = in.number("budget", 0, max_budget);
  if (!in.are_right()) return in.fail_usage();
  return Napi::Number::New(
      call.Env(), float32 ? peak_gflops<float>(isa, budget) : peak_gflops<double>(isa, budget));
}

// bandwidth(bytes, float32, isa, budget): bytes per nanosecond over a working set of `bytes`.
Napi::Value bandwidth(const Napi::CallbackInfo& call) {
  Arguments in(call, "bench.bandwidth", "bytes from 1 to 2^29, float32, isa, budget");
  const int64_t bytes = in.whole("bytes", 1, max_bytes);
  const bool float32 = in.flag("float32");
  const std::string isa = read_isa(in, false);
  const double budget = in.number("budget", 0, max_budget);
  if (!in.are_right()) return in.fail_usage();
  const double found = float32 ? peak_bandwidth<float>(isa, bytes, budget)
                               : peak_bandwidth<double>(isa, bytes, budget);
  if (found < 0) return in.fail_with(no_memory);
  return Napi::Number::New(call.Env(), found);
}

// vectorBits(isa): how long its vectors are on this processor.
Napi::Value vector_bits(const Napi::CallbackInfo& call) {
  Arguments in(call, "bench.vectorBits", "an instruction set that this machine has");
  const std::string isa = read_isa(in, false);
  if (!in.are_right()) return in.fail_usage();
  return Napi::Number::New(call.Env(), kernels_for<float>(isa.c_str())->vector_bits());
}

Napi::Value emulator_name(const Napi::CallbackInfo& call) {
  return Napi::String::New(call.Env(), emulator());
}

}  // namespace

void add_bench_calls(Napi::Env env, Napi::Object exports) {
  auto bench = Napi::Object::New(env);
  bench.Set("kernels", Napi::Function::New<kernels>(env, "kernels"));
  bench.Set("time", Napi::Function::New<time>(env, "time"));
  bench.Set("gflops", Napi::Function::New<gflops>(env, "gflops"));
  bench.Set("bandwidth", Napi::Function::New<bandwidth>(env, "bandwidth"));
  bench.Set("vectorBits", Napi::Function::New<vector_bits>(env, "vectorBits"));
  bench.Set("emulator", Napi::Function::New<emulator_name>(env, "emulator"));
  exports.Set("bench", bench);
}

}  // namespace vecgrad
