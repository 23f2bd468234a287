// The kernels that JavaScript may call on its own typed arrays, without a program.
#pragma once

#include <napi.h>

namespace vecgrad {

// Adds two objects to the addon's exports: `kernels`, which lib/runtime/kernels.ts types and documents, and
// `matrices`, the kernels as a model written by hand calls them (typed in lib/binding/addon.ts).
void add_kernel_calls(Napi::Env env, Napi::Object exports);

}  // namespace vecgrad
