// Text for JavaScript: finds the lines of a file in the time that a loop in a program that has just
// started, and is not compiled yet, takes for a few hundred of them.
#include "text_calls.h"

#include "elements.h"

namespace vecgrad {
namespace {

// The number of lines in text of printable ASCII and line feeds; writes where each begins, and one
// past where the last ends with its line feed, given or not, and marks the characters that occur.
// -1 where a byte or an empty line is no such thing, or `starts` has no room.
int64_t find_lines(std::span<const uint8_t> text, std::span<int32_t> starts,
                   std::span<uint8_t> occurs) {
  size_t count = 0, start = 0;
  for (size_t i = 0; i <= text.size(); i++) {
    const uint8_t c = i < text.size() ? text[i] : '\n';
    if (c > ' ' && c < 127) {
      occurs[c] = 1;
      continue;
    }
    if (i == text.size() && i == start) break;  // the last line feed was given
    if (c != '\n' || i == start || count + 1 >= starts.size()) return -1;
    starts[count++] = int32_t(start);
    start = i + 1;
    starts[count] = int32_t(start);
  }
  return int64_t(count);
}

// lines(text, starts, occurs)
Napi::Value lines(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  std::span<uint8_t> text, occurs;
  std::span<int32_t> starts;
  if (!read_elements(env, call[0], text) || !read_elements(env, call[1], starts) ||
      !read_elements(env, call[2], occurs) || text.size() >= INT32_MAX || occurs.size() < 128) {
    Napi::TypeError::New(env, "lines: expected a Uint8Array, an Int32Array and 128 bytes")
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  return Napi::Number::New(env, double(find_lines(text, starts, occurs)));
}

}  // namespace

void add_text_calls(Napi::Env env, Napi::Object exports) {
  auto text = Napi::Object::New(env);
  text.Set("lines", Napi::Function::New<lines>(env, "lines"));
  exports.Set("text", text);
}

}  // namespace vecgrad
