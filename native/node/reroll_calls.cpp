// Finding loops for JavaScript.
#include <napi.h>

#include <algorithm>
#include <cstdint>

#include "compile/reroll.h"
#include "node/calls.h"
#include "node/reader.h"
#include "node/results.h"
#include "vm/instruction.h"

namespace vecgrad {
namespace {

// reroll(code, least): {code, repeats, steps}; undefined where no loop saves `least` instructions.
Napi::Value reroll_call(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  Arguments in(call, "reroll", "an Int32Array of instructions and how many a loop saves at least");
  std::span<const int32_t> code;
  in.elements("code", code);
  const int32_t least = in.integer("least");
  if (!in.are_right() || !are_instructions(code)) return in.fail_usage();
  Rerolled made;
  if (!reroll(code, least, made)) return env.Undefined();
  auto result = Napi::Object::New(env);
  result.Set("code", array_of<Napi::Int32Array>(env, made.code));
  result.Set("repeats", array_of<Napi::Int32Array>(env, made.repeats));
  result.Set("steps", array_of<Napi::Int32Array>(env, made.steps));
  return result;
}

}  // namespace

void add_reroll_calls(Napi::Env env, Napi::Object exports) {
  exports.Set("reroll", Napi::Function::New<reroll_call>(env, "reroll"));
}

}  // namespace vecgrad
