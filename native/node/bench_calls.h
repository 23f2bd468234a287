// What `vecgrad bench` asks of native/bench/bench.h.
#pragma once

#include <napi.h>

namespace vecgrad {

// Adds the object `bench` to the addon's exports; lib/binding/addon.ts types it.
void add_bench_calls(Napi::Env env, Napi::Object exports);

}  // namespace vecgrad
