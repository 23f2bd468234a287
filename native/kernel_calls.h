// The kernels that JavaScript may call on its own typed arrays, without a program.
#pragma once

#include <napi.h>

namespace vecgrad {

// Adds the object `kernels` to the addon's exports; lib/kernels.ts types and documents it.
void add_kernel_calls(Napi::Env env, Napi::Object exports);

}  // namespace vecgrad
