// The addon's functions, by file. Each adds its own to the exports; lib/binding/addon.ts types
// them.
#pragma once

#include <napi.h>

namespace vecgrad {

void add_program_calls(Napi::Env env, Napi::Object exports);        // createProgram, bind, generate
void add_row_calls(Napi::Env env, Napi::Object exports);            // planRows, pieceSizes
void add_series_calls(Napi::Env env, Napi::Object exports);         // runSeries, runSeriesAsync
void add_assemble_calls(Napi::Env env, Napi::Object exports);       // countUses, ...
void add_reroll_calls(Napi::Env env, Napi::Object exports);         // reroll
void add_differentiate_calls(Napi::Env env, Napi::Object exports);  // numberKinds, ...
void add_kernel_calls(Napi::Env env, Napi::Object exports);         // kernels.matmul, ...
void add_random_calls(Napi::Env env, Napi::Object exports);         // random.seed, ...
void add_text_calls(Napi::Env env, Napi::Object exports);           // text.lines, text.encode
void add_bench_calls(Napi::Env env, Napi::Object exports);          // bench.time, ...

}  // namespace vecgrad
