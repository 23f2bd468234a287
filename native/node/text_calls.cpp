// Text for JavaScript: finds the lines of a file and their tokens. A JavaScript loop in a program
// that has just started is not compiled yet: it takes as long for a few hundred lines as this does
// for a whole file.
#include <napi.h>

#include <algorithm>
#include <array>

#include "node/calls.h"
#include "node/reader.h"

namespace vecgrad {
namespace {

// Returns the number of lines in text of printable ASCII and line feeds. Writes where each line
// begins and where one more would, whether or not the last has a line feed, and marks the
// characters that occur. Returns -1 if there is another byte or an empty line, or if `starts` has
// no room.
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
  Arguments in(call, "text.lines", "a Uint8Array, an Int32Array and 128 bytes");
  std::span<const uint8_t> text;
  std::span<int32_t> starts;
  std::span<uint8_t> occurs;
  in.elements("text", text);
  in.elements("starts", starts);
  in.elements("occurs", occurs);
  if (!in.are_right() || text.size() >= INT32_MAX || occurs.size() != 128) return in.fail_usage();
  return Napi::Number::New(call.Env(), double(find_lines(text, starts, occurs)));
}

// Writes the lines of these numbers as tokens: `bos`, those of a line, `bos`, those of the next,
// ..., `bos`. `ids_after` has by character its token + 1, or 0 for none. Writes where the `bos`
// before each line lies, and the last of all. False if a character has no token. There is room for
// all.
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
  Arguments in(call, "text.encode",
               "a Uint8Array, two Int32Arrays, an integer and two more Int32Arrays, the last with "
               "memory of its own");
  std::span<const uint8_t> text;
  std::span<const int32_t> starts, ids_after, numbers;
  std::span<int32_t> firsts;
  in.elements("text", text);
  in.elements("starts", starts);
  in.elements("ids", ids_after);
  const int32_t bos = in.integer("bos");
  in.elements("numbers", numbers);
  in.elements("firsts", firsts);
  if (!in.are_right() || firsts.size() != numbers.size() + 1) return in.fail_usage();
  size_t size = 1;
  for (const int32_t n : numbers) {
    if (n < 0 || size_t(n) + 1 >= starts.size() || starts[n] < 0 || starts[n] >= starts[n + 1] ||
        size_t(starts[n + 1]) > text.size() + 1 ||
        // A token for each character, and one for the line's end.
        (size += size_t(starts[n + 1] - starts[n])) > INT32_MAX)
      return in.fail_with("no such lines");
  }
  auto result = Napi::Int32Array::New(env, size);
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
