// CPython's `random` module, draw for draw: the same seed gives the same numbers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vecgrad {

// A Mersenne Twister (MT19937) seeded and read as `random.Random` does.
class Random {
 public:
  // Starts over: `key` is a seed's 32-bit words, least significant first, at least one.
  void seed(const uint32_t* key, size_t length);

  // A number in [0, 1) with 53 random bits.
  double real() {
    const uint32_t a = word() >> 5, b = word() >> 6;
    return (a * 67108864.0 + b) / 9007199254740992.0;
  }

  // An integer of `count` random bits, from 1 to 32.
  uint32_t bits(int count) { return word() >> (32 - count); }

  // An integer in [0, n), n from 1: draws bits until they are below.
  uint32_t below(uint32_t n);

  // The order in which shuffling leaves `count` items, each of which is swapped, from the last on,
  // with one drawn from those up to it.
  void permutation(int32_t* order, size_t count);

  // Gaussian draws. They come in pairs, the second of which waits for the next call.
  void gauss(double* out, size_t count, double mean, double deviation);

  // All that the draws to come depend on, in as many words: the twister's, the place of the next,
  // and whether a Gaussian draw waits, with its bits.
  static constexpr size_t state_words = 628;
  void save(uint32_t* words) const;

  // Goes on from there; false, with nothing changed, where the words are the state of no generator.
  bool restore(const uint32_t* words);

  // An index drawn with probability proportional to its weight; `weights` become their cumulative
  // sums. -1 when their sum, the last of them, is not finite and above zero.
  int64_t choose(double* weights, size_t count);

 private:
  static constexpr int size = 624, middle = 397;

  uint32_t word() {
    if (next_ == size) refill();
    uint32_t y = state_[next_++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return y ^ (y >> 18);
  }
  void refill();

  uint32_t state_[size] = {};
  int next_ = size;
  bool has_gauss_ = false;
  double gauss_ = 0;
};

}  // namespace vecgrad
