// Random numbers for JavaScript: a generator is a handle, the first argument of every call. What
// lib/runtime/random.ts has checked is checked here again.
#include <napi.h>

#include <new>
#include <type_traits>

#include "node/calls.h"
#include "node/handle.h"
#include "node/reader.h"
#include "run/random.h"

namespace vecgrad {
namespace {

// create(): a generator. It must be seeded before it is read.
Napi::Value create(const Napi::CallbackInfo& call) {
  static_assert(std::is_trivially_destructible_v<Random>);
  return make_handle<Random>(call.Env(), sizeof(Random),
                             [](void* memory) { return new (memory) Random(); });
}

// seed(random, key)
Napi::Value seed(const Napi::CallbackInfo& call) {
  Arguments in(call, "random.seed", "a generator and a Uint32Array that is not empty");
  Random* const random = in.handle<Random>("generator");
  std::span<uint32_t> key;
  in.elements("key", key);
  if (!in.are_right() || key.empty()) return in.fail_usage();
  random->seed(key.data(), key.size());
  return call.Env().Undefined();
}

// real(random): a number in [0, 1).
Napi::Value real(const Napi::CallbackInfo& call) {
  Arguments in(call, "random.real", "a generator");
  Random* const random = in.handle<Random>("generator");
  if (!in.are_right()) return in.fail_usage();
  return Napi::Number::New(call.Env(), random->real());
}

// bits(random, count): an integer of 1 to 32 random bits.
Napi::Value bits(const Napi::CallbackInfo& call) {
  Arguments in(call, "random.bits", "a generator and a count from 1 to 32");
  Random* const random = in.handle<Random>("generator");
  const int64_t count = in.whole("count", 1, 32);
  if (!in.are_right()) return in.fail_usage();
  return Napi::Number::New(call.Env(), random->bits(int(count)));
}

// below(random, n): an integer in [0, n).
Napi::Value below(const Napi::CallbackInfo& call) {
  Arguments in(call, "random.below", "a generator and an integer from 1 to 2^32 - 1");
  Random* const random = in.handle<Random>("generator");
  const int64_t n = in.whole("n", 1, UINT32_MAX);
  if (!in.are_right()) return in.fail_usage();
  return Napi::Number::New(call.Env(), random->below(uint32_t(n)));
}

// permutation(random, order): fills `order`.
Napi::Value permutation(const Napi::CallbackInfo& call) {
  Arguments in(call, "random.permutation", "a generator and an Int32Array");
  Random* const random = in.handle<Random>("generator");
  std::span<int32_t> order;
  in.elements("order", order);
  if (!in.are_right() || order.size() > INT32_MAX) return in.fail_usage();
  random->permutation(order.data(), order.size());
  return call.Env().Undefined();
}

// gauss(random, out, mean, deviation): fills `out`.
Napi::Value gauss(const Napi::CallbackInfo& call) {
  Arguments in(call, "random.gauss", "a generator, a Float64Array, a mean and a deviation");
  Random* const random = in.handle<Random>("generator");
  std::span<double> out;
  in.elements("out", out);
  const double mean = in.number("mean"), deviation = in.number("deviation");
  if (!in.are_right()) return in.fail_usage();
  random->gauss(out.data(), out.size(), mean, deviation);
  return call.Env().Undefined();
}

// weightedIndex(random, weights): an index, or -1. The weights become their cumulative sums.
Napi::Value weighted_index(const Napi::CallbackInfo& call) {
  Arguments in(call, "random.weightedIndex", "a generator and a Float64Array");
  Random* const random = in.handle<Random>("generator");
  std::span<double> weights;
  in.elements("weights", weights);
  if (!in.are_right()) return in.fail_usage();
  return Napi::Number::New(call.Env(),
                           double(random->weighted_index(weights.data(), weights.size())));
}

constexpr const char* state_usage = "a generator and a Uint32Array of 628";

// save(random, words): fills `words` with the generator's state.
Napi::Value save(const Napi::CallbackInfo& call) {
  Arguments in(call, "random.save", state_usage);
  const Random* const random = in.handle<Random>("generator");
  std::span<uint32_t> words;
  in.elements("words", words);
  if (!in.are_right() || words.size() != Random::state_words) return in.fail_usage();
  random->save(words.data());
  return call.Env().Undefined();
}

// restore(random, words): whether they are the state of a generator. If so, this one continues from
// there.
Napi::Value restore(const Napi::CallbackInfo& call) {
  Arguments in(call, "random.restore", state_usage);
  Random* const random = in.handle<Random>("generator");
  std::span<const uint32_t> words;
  in.elements("words", words);
  if (!in.are_right() || words.size() != Random::state_words) return in.fail_usage();
  return Napi::Boolean::New(call.Env(), random->restore(words.data()));
}

}  // namespace

void add_random_calls(Napi::Env env, Napi::Object exports) {
  auto random = Napi::Object::New(env);
  random.Set("create", Napi::Function::New<create>(env, "create"));
  random.Set("seed", Napi::Function::New<seed>(env, "seed"));
  random.Set("real", Napi::Function::New<real>(env, "real"));
  random.Set("bits", Napi::Function::New<bits>(env, "bits"));
  random.Set("below", Napi::Function::New<below>(env, "below"));
  random.Set("permutation", Napi::Function::New<permutation>(env, "permutation"));
  random.Set("gauss", Napi::Function::New<gauss>(env, "gauss"));
  random.Set("weightedIndex", Napi::Function::New<weighted_index>(env, "weightedIndex"));
  random.Set("save", Napi::Function::New<save>(env, "save"));
  random.Set("restore", Napi::Function::New<restore>(env, "restore"));
  exports.Set("random", random);
}

}  // namespace vecgrad
