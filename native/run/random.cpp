// CPython's random numbers: see random.h.
#include "run/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

namespace vecgrad {

void Random::seed(const uint32_t* key, size_t length) {
  constexpr size_t n = size;
  uint32_t* const s = state_;
  const auto scrambled = [](uint32_t x) { return x ^ (x >> 30); };
  s[0] = 19650218;
  for (size_t i = 1; i < n; i++) s[i] = 1812433253 * scrambled(s[i - 1]) + uint32_t(i);
  size_t i = 1;
  const auto advance = [&] {
    if (++i < n) return;
    s[0] = s[n - 1];
    i = 1;
  };
  for (size_t k = 0, j = 0; k < std::max(n, length); k++) {
    s[i] = (s[i] ^ (scrambled(s[i - 1]) * 1664525)) + key[j] + uint32_t(j);
    advance();
    if (++j == length) j = 0;
  }
  for (size_t k = 1; k < n; k++) {
    s[i] = (s[i] ^ (scrambled(s[i - 1]) * 1566083941)) - uint32_t(i);
    advance();
  }
  s[0] = 0x80000000;
  next_ = size;
  has_gauss_ = false;
}

void Random::refill() {
  const auto twist = [this](int k, int next, int from) {
    const uint32_t y = (state_[k] & 0x80000000) | (state_[next] & 0x7fffffff);
    state_[k] = state_[from] ^ (y >> 1) ^ (y & 1 ? 0x9908b0df : 0);
  };
  int k = 0;
  for (; k < size - middle; k++) twist(k, k + 1, k + middle);
  for (; k < size - 1; k++) twist(k, k + 1, k + middle - size);
  twist(size - 1, 0, middle - 1);
  next_ = 0;
}

uint32_t Random::below(uint32_t n) {
  const int count = std::bit_width(n);
  uint32_t drawn;
  do drawn = bits(count);
  while (drawn >= n);
  return drawn;
}

void Random::permutation(int32_t* order, size_t count) {
  for (size_t i = 0; i < count; i++) order[i] = int32_t(i);
  for (size_t i = count; i > 1; i--) std::swap(order[i - 1], order[below(uint32_t(i))]);
}

void Random::gauss(double* out, size_t count, double mean, double deviation) {
  constexpr double two_pi = 6.283185307179586;
  for (size_t i = 0; i < count; i++) {
    double z = gauss_;
    if (!has_gauss_) {
      const double angle = real() * two_pi;
      const double radius = std::sqrt(-2 * std::log(1 - real()));
      z = std::cos(angle) * radius;
      gauss_ = std::sin(angle) * radius;
    }
    has_gauss_ = !has_gauss_;
    out[i] = mean + z * deviation;
  }
}

void Random::save(uint32_t* words) const {
  std::copy_n(state_, size, words);
  words[size] = uint32_t(next_);
  words[size + 1] = has_gauss_;
  std::memcpy(words + size + 2, &gauss_, sizeof gauss_);
}

bool Random::restore(const uint32_t* words) {
  // The recurrence reads one bit of the first word, and never leaves a state of zeros.
  bool moves = words[0] & 0x80000000;
  for (int i = 1; i < size; i++) moves |= words[i] != 0;
  double gauss;
  std::memcpy(&gauss, words + size + 2, sizeof gauss);
  if (!moves || words[size] > size || words[size + 1] > 1 || !std::isfinite(gauss)) return false;
  std::copy_n(words, size, state_);
  next_ = int(words[size]);
  has_gauss_ = words[size + 1] == 1;
  gauss_ = gauss;
  return true;
}

int64_t Random::weighted_index(double* weights, size_t count) {
  double total = 0;
  for (size_t i = 0; i < count; i++) weights[i] = total += weights[i];
  return count ? index_at(weights, count, [&] { return real(); }) : -1;
}

}  // namespace vecgrad
