// What `vecgrad bench` asks of native/bench.h.
#pragma once

#include <napi.h>

namespace vecgrad {

// Adds the object `bench` to the addon's exports; lib/native.ts types it.
void add_bench_calls(Napi::Env env, Napi::Object exports);

}  // namespace vecgrad
