// The addon's function for series.
#pragma once

#include <napi.h>

namespace vecgrad {

// Adds `runSeries` to the addon's exports; lib/binding/addon.ts types it.
void add_series_calls(Napi::Env env, Napi::Object exports);

}  // namespace vecgrad
