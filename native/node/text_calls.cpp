// Text for JavaScript: finds the lines of a file, and their tokens, in the time that a loop in a
// program that has just started, and is not compiled yet, takes for a few hundred of them.
#include "node/text_calls.h"

#include <algorithm>
#include <array>

#include "node/elements.h"

namespace vecgrad {
namespace {

// The number of lines in text of printable ASCII and line feeds; writes where each begins, and one
// past where the last ends with its line feed, given or not, and marks the characters that occur.
// -1 where a byte or an empty line is no such thing, or `starts` has no room.
int64_t find_lines(std::span<const uint8_t> text, std::span<int32_t> starts,
                   std::span<uint8_t> occurs) {
  if (starts.empty()) return -1;
  std::array<uint8_t, 256> seen{};
  size_t count = 0, start = 0;
  const auto end_line = [&](size_t end) {
    if (end == start || count + 1 >= starts.size()) return false;
    starts[count++] = int32_t(start);
    start = end + 1;
    return true;
  };
  for (size_t i = 0; i < text.size(); i++) {
    seen[text[i]] = 1;
    if (text[i] == '\n' && !end_line(i)) return -1;
  }
  if (start < text.size() && !end_line(text.size())) return -1;  // no line feed at the end
  starts[count] = int32_t(start);
  seen['\n'] = 0;
  for (size_t c = 0; c < seen.size(); c++)
    if (seen[c] && (c <= ' ' || c >= 127)) return -1;
  std::copy_n(seen.begin(), occurs.size(), occurs.begin());
  return int64_t(count);
}

// lines(text, starts, occurs)
Napi::Value lines(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  std::span<uint8_t> text, occurs;
  std::span<int32_t> starts;
  if (!read_elements(env, call[0], text) || !read_elements(env, call[1], starts) ||
      !read_elements(env, call[2], occurs) || text.size() >= INT32_MAX || occurs.size() != 128) {
    Napi::TypeError::New(env, "lines: expected a Uint8Array, an Int32Array and 128 bytes")
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  return Napi::Number::New(env, double(find_lines(text, starts, occurs)));
}

// The documents of these numbers as tokens: `bos`, a document's, `bos`, the next one's, ..., `bos`.
// `ids_after` has by character its token + 1, or 0 for none. Writes where each document's first
// `bos` lies, and the last of all. False where a character has no token; there is room for all.
bool encode_lines(std::span<const uint8_t> text, std::span<const int32_t> starts,
                  std::span<const int32_t> ids_after, int32_t bos, std::span<const int32_t> numbers,
                  std::span<int32_t> firsts, int32_t* tokens) {
  int32_t count = 0;
  for (size_t i = 0; i < numbers.size(); i++) {
    firsts[i] = count;
    tokens[count++] = bos;
    const int32_t end = starts[numbers[i] + 1] - 1;
    for (int32_t at = starts[numbers[i]]; at < end; at++) {
      const uint8_t c = text[at];
      if (c >= ids_after.size() || ids_after[c] == 0) return false;
      tokens[count++] = ids_after[c] - 1;
    }
  }
  firsts[numbers.size()] = count;
  tokens[count] = bos;
  return true;
}

// encode(text, starts, idsAfter, bos, numbers, firsts)
Napi::Value encode(const Napi::CallbackInfo& call) {
  Napi::Env env = call.Env();
  std::span<uint8_t> text;
  std::span<int32_t> starts, ids_after, numbers, firsts;
  if (!read_elements(env, call[0], text) || !read_elements(env, call[1], starts) ||
      !read_elements(env, call[2], ids_after) || !call[3].IsNumber() ||
      !read_elements(env, call[4], numbers) || !read_elements(env, call[5], firsts) ||
      firsts.size() != numbers.size() + 1 || overlap(firsts, starts) || overlap(firsts, numbers)) {
    Napi::TypeError::New(
        env,
        "encode: expected a Uint8Array, two Int32Arrays, an integer and two more, the "
        "last with memory of its own")
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  size_t size = 1;
  for (const int32_t n : numbers) {
    if (n < 0 || size_t(n) + 1 >= starts.size() || starts[n] < 0 || starts[n] >= starts[n + 1] ||
        size_t(starts[n + 1]) > text.size() + 1 ||
        // As many as a line has characters, and one for its end.
        (size += size_t(starts[n + 1] - starts[n])) > INT32_MAX) {
      Napi::RangeError::New(env, "encode: no such lines").ThrowAsJavaScriptException();
      return env.Undefined();
    }
  }
  auto result = Napi::Int32Array::New(env, size);
  const int32_t bos = call[3].As<Napi::Number>();
  if (!encode_lines(text, starts, ids_after, bos, numbers, firsts, result.Data()))
    return env.Undefined();
  return result;
}

}  // namespace

void add_text_calls(Napi::Env env, Napi::Object exports) {
  auto text = Napi::Object::New(env);
  text.Set("lines", Napi::Function::New<lines>(env, "lines"));
  text.Set("encode", Napi::Function::New<encode>(env, "encode"));
  exports.Set("text", text);
}

}  // namespace vecgrad
