// The addon's function for batches.
#pragma once

#include <napi.h>

namespace vecgrad {

// Adds `stepBatch` to the addon's exports; lib/binding/addon.ts types them.
void add_batch_calls(Napi::Env env, Napi::Object exports);

}  // namespace vecgrad
