// Random numbers for JavaScript: a generator is a handle, the first argument of every call. What
// lib/runtime/random.ts has checked is checked here again.
#include "node/random_calls.h"

#include <new>
#include <type_traits>

#include "node/elements.h"
#include "node/handle.h"
#include "run/random.h"
#include "node/results.h"

namespace vecgrad {
namespace {

// create(): a generator, to be seeded before it is read.
Napi::Value create(const Napi::CallbackInfo& call) {
  static_assert(std::is_trivially_destructible_v<Random>);
  return make_handle<Random>(call.Env(), sizeof(Random),
                             [](void* memory) { return new (memory) Random(); });
}

// seed(random, key)
Napi::Value seed(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Random* random = from_handle<Random>(env, call[0]);
  std::span<uint32_t> key;
  if (!random || !read_elements(env, call[1], key) || key.empty())
    return fail<Napi::TypeError>(env,
                                 "seed: expected a generator and a Uint32Array that is not empty");
  random->seed(key.data(), key.size());
  return env.Undefined();
}

// real(random): a number in [0, 1).
Napi::Value real(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Random* random = from_handle<Random>(env, call[0]);
  if (!random) return fail<Napi::TypeError>(env, "real: expected a generator");
  return Napi::Number::New(env, random->real());
}

// bits(random, count): an integer of 1 to 32 random bits.
Napi::Value bits(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Random* random = from_handle<Random>(env, call[0]);
  uint32_t count = 0;
  if (!random || napi_get_value_uint32(env, call[1], &count) != napi_ok || count < 1 || count > 32)
    return fail<Napi::TypeError>(env, "bits: expected a generator and a count from 1 to 32");
  return Napi::Number::New(env, random->bits(int(count)));
}

// below(random, n): an integer in [0, n).
Napi::Value below(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Random* random = from_handle<Random>(env, call[0]);
  uint32_t n = 0;
  if (!random || napi_get_value_uint32(env, call[1], &n) != napi_ok || n < 1)
    return fail<Napi::TypeError>(env, "below: expected a generator and an integer from 1");
  return Napi::Number::New(env, random->below(n));
}

// permutation(random, order): fills `order`.
Napi::Value permutation(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Random* random = from_handle<Random>(env, call[0]);
  std::span<int32_t> order;
  if (!random || !read_elements(env, call[1], order) || order.size() > INT32_MAX)
    return fail<Napi::TypeError>(env, "permutation: expected a generator and an Int32Array");
  random->permutation(order.data(), order.size());
  return env.Undefined();
}

// gauss(random, out, mean, deviation): fills `out`.
Napi::Value gauss(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Random* random = from_handle<Random>(env, call[0]);
  std::span<double> out;
  double mean = 0, deviation = 0;
  if (!random || !read_elements(env, call[1], out) ||
      napi_get_value_double(env, call[2], &mean) != napi_ok ||
      napi_get_value_double(env, call[3], &deviation) != napi_ok)
    return fail<Napi::TypeError>(env,
                                 "gauss: expected a generator, a Float64Array and two numbers");
  random->gauss(out.data(), out.size(), mean, deviation);
  return env.Undefined();
}

// choose(random, weights): an index, or -1; the weights become their cumulative sums.
Napi::Value choose(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Random* random = from_handle<Random>(env, call[0]);
  std::span<double> weights;
  if (!random || !read_elements(env, call[1], weights))
    return fail<Napi::TypeError>(env, "choose: expected a generator and a Float64Array");
  return Napi::Number::New(env, double(random->choose(weights.data(), weights.size())));
}

// The generator and the words of a state that a call is given; null where it is given others.
Random* read_state(const Napi::CallbackInfo& call, std::span<uint32_t>& words) {
  const bool is_state =
      read_elements(call.Env(), call[1], words) && words.size() == Random::state_words;
  return is_state ? from_handle<Random>(call.Env(), call[0]) : nullptr;
}

// save(random, words): fills `words` with the generator's state.
Napi::Value save(const Napi::CallbackInfo& call) {
  std::span<uint32_t> words;
  const Random* random = read_state(call, words);
  if (!random)
    return fail<Napi::TypeError>(call.Env(), "save: expected a generator and a Uint32Array of 628");
  random->save(words.data());
  return call.Env().Undefined();
}

// restore(random, words): whether they are the state of a generator, which goes on from there then.
Napi::Value restore(const Napi::CallbackInfo& call) {
  std::span<uint32_t> words;
  Random* random = read_state(call, words);
  if (!random)
    return fail<Napi::TypeError>(call.Env(),
                                 "restore: expected a generator and a Uint32Array of 628");
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
  random.Set("choose", Napi::Function::New<choose>(env, "choose"));
  random.Set("save", Napi::Function::New<save>(env, "save"));
  random.Set("restore", Napi::Function::New<restore>(env, "restore"));
  exports.Set("random", random);
}

}  // namespace vecgrad
