// The addon's functions that differentiate graphs of single numbers.
#pragma once

#include <napi.h>

namespace vecgrad {

// Adds `numberKinds` and `differentiateNumbers` to the addon's exports; lib/binding/addon.ts types them.
void add_differentiate_calls(Napi::Env env, Napi::Object exports);

}  // namespace vecgrad
