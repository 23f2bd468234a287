// The tape assembler for JavaScript.
#pragma once

#include <napi.h>

namespace vecgrad {

// Adds `countUses` and `assembleTape` to the addon's exports; lib/binding/addon.ts types them.
void add_assemble_calls(Napi::Env env, Napi::Object exports);

}  // namespace vecgrad
