// The random numbers that JavaScript may draw.
#pragma once

#include <napi.h>

namespace vecgrad {

// Adds the object `random` to the addon's exports; lib/runtime/random.ts types and documents it.
void add_random_calls(Napi::Env env, Napi::Object exports);

}  // namespace vecgrad
