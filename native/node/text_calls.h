// What JavaScript may ask about text.
#pragma once

#include <napi.h>

namespace vecgrad {

// Adds the object `text` to the addon's exports; lib/binding/addon.ts types and documents it.
void add_text_calls(Napi::Env env, Napi::Object exports);

}  // namespace vecgrad
