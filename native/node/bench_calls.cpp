// The benchmark's calls: whatever they are given, names are looked up and sizes have limits, and
// the memory worked on is native.
#include "node/bench_calls.h"

#include <cmath>
#include <cstring>
#include <string>

#include "bench/bench.h"
#include "blas/blas.h"
#include "isa/isa.h"

namespace vecgrad {
namespace {

constexpr double most_budget = 1e9;  // nanoseconds
constexpr int64_t most_bytes = int64_t(1) << 29;

// Reads the arguments of a call one after the other; the first that is wrong becomes an exception.
class Arguments {
 public:
  Arguments(const Napi::CallbackInfo& call, const char* usage) : call_(call), usage_(usage) {}

  std::string text() {
    const Napi::Value value = next();
    if (!value.IsString()) {
      fail();
      return {};
    }
    return value.As<Napi::String>().Utf8Value();
  }
  bool flag() {
    const Napi::Value value = next();
    if (!value.IsBoolean()) fail();
    return value.IsBoolean() && value.As<Napi::Boolean>().Value();
  }
  // From `least` to `most`.
  double number(double least, double most) {
    const Napi::Value value = next();
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
    if (number >= least && number <= most) return number;
    fail();
    return least;
  }
  int64_t whole(int64_t least, int64_t most) {
    const double given = number(double(least), double(most));
    if (given != std::floor(given)) fail();
    return int64_t(given);
  }
  // An available instruction set, or OpenBLAS where it is there and `or_openblas`.
  std::string isa(bool or_openblas) {
    const std::string name = text();
    const bool known = kernels_for<float>(name.c_str()) != nullptr;
    if (!known && !(or_openblas && name == "openblas" && blas_version() != "none")) fail();
    return name;
  }
  void fail() { failed_ = true; }

  // Throws where something was wrong.
  bool are_good() const {
    if (failed_) Napi::RangeError::New(call_.Env(), usage_).ThrowAsJavaScriptException();
    return !failed_;
  }

 private:
  Napi::Value next() { return call_[at_++]; }

  const Napi::CallbackInfo& call_;
  const char* const usage_;
  size_t at_ = 0;
  bool failed_ = false;
};

Napi::Value no_memory(Napi::Env env) {
  Napi::RangeError::New(env, "bench: no memory for the operands").ThrowAsJavaScriptException();
  return env.Undefined();
}

// kernels(): every kernel with its shape, the largest n of that, and whether OpenBLAS has it too.
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
  Napi::Env env = call.Env();
  Arguments in(call, "bench.time expects a kernel, n from 1 to its most, float32, isa, budget");
  const std::string name = in.text();
  const std::vector<BenchKernel>& all = bench_kernels();
  size_t kernel = 0;
  while (kernel < all.size() && name != all[kernel].name) kernel++;
  if (kernel == all.size()) in.fail();
  const int64_t most = kernel < all.size() ? max_of_shape(all[kernel].shape) : 1;
  const int64_t n = in.whole(1, most);
  const bool float32 = in.flag();
  const std::string isa = in.isa(kernel < all.size() && all[kernel].has_openblas);
  const double budget = in.number(0, most_budget);
  if (!in.are_good()) return env.Undefined();
  const Timed timed = float32 ? time_kernel<float>(kernel, isa, n, budget)
                              : time_kernel<double>(kernel, isa, n, budget);
  if (timed.nanoseconds < 0) return no_memory(env);
  auto result = Napi::Object::New(env);
  result.Set("nanoseconds", timed.nanoseconds);
  result.Set("flop", timed.flop);
  result.Set("bytes", timed.bytes);
  result.Set("footprint", timed.footprint);
  return result;
}

// gflops(float32, isa, budget): FLOP per nanosecond.
Napi::Value gflops(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Arguments in(call, "bench.gflops expects float32, isa, budget");
  const bool float32 = in.flag();
  const std::string isa = in.isa(false);
  const double budget = in.number(0, most_budget);
  if (!in.are_good()) return env.Undefined();
  return Napi::Number::New(
      env, float32 ? peak_gflops<float>(isa, budget) : peak_gflops<double>(isa, budget));
}

// bandwidth(bytes, float32, isa, budget): bytes per nanosecond over such a working set.
Napi::Value bandwidth(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Arguments in(call, "bench.bandwidth expects bytes from 1 to 2^29, float32, isa, budget");
  const int64_t bytes = in.whole(1, most_bytes);
  const bool float32 = in.flag();
  const std::string isa = in.isa(false);
  const double budget = in.number(0, most_budget);
  if (!in.are_good()) return env.Undefined();
  const double found = float32 ? peak_bandwidth<float>(isa, bytes, budget)
                               : peak_bandwidth<double>(isa, bytes, budget);
  return found < 0 ? no_memory(env) : Napi::Number::New(env, found);
}

// vectorBits(isa): how long its vectors are on this processor.
Napi::Value vector_bits(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Arguments in(call, "bench.vectorBits expects an instruction set that this machine has");
  const std::string isa = in.isa(false);
  if (!in.are_good()) return env.Undefined();
  return Napi::Number::New(env, kernels_for<float>(isa.c_str())->vector_bits());
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
