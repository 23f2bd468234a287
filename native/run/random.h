// CPython's `random` module, draw for draw: the same seed gives the same numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace vecgrad {

// A Mersenne Twister (MT19937) seeded and read as `random.Random` does.
class Random {
 public:
  // Seeds the generator anew. `key` holds the 32-bit words of the seed, at least one, least
  // significant first.
  void seed(const uint32_t* key, size_t length);

  // A number in [0, 1) with 53 random bits.
  double real() {
    const uint32_t a = word() >> 5, b = word() >> 6;
    return (a * 67108864.0 + b) / 9007199254740992.0;
  }

  // An integer of `count` random bits, from 1 to 32.
  uint32_t bits(int count) { return word() >> (32 - count); }

  // An integer in [0, n), where n is at least 1: draws bits until they are below n.
  uint32_t below(uint32_t n);

  // The order in which `random.shuffle` leaves `count` items: from the last to the first, each is
  // swapped with one drawn from those up to it.
  void permutation(int32_t* order, size_t count);

  // Gaussian draws. They come in pairs; the second of a pair is kept for the next draw.
  void gauss(double* out, size_t count, double mean, double deviation);

  // The number of words in a state, which is all that later draws depend on: the twister's words,
  // the place of the next one, and whether a Gaussian draw is kept, with its bits.
  static constexpr size_t state_words = 628;
  void save(uint32_t* words) const;

  // Continues from a saved state. False, with nothing changed, if the words are no generator's
  // state.
  bool restore(const uint32_t* words);

  // Draws an index with probability proportional to its weight. The weights become their cumulative
  // sums. -1 if the last of those is not finite and above zero.
  int64_t weighted_index(double* weights, size_t count);

  // The same from cumulative sums, at least one; `real()` gives the random number.
  template <class Real>
  static int64_t index_at(const double* sums, size_t count, const Real& real) {
    const double total = sums[count - 1];
    if (!(total > 0 && total <= std::numeric_limits<double>::max())) return -1;
    // Counts how many sums the number has reached, without a branch to mispredict. The last sum is
    // left out, so that rounding cannot give an index beyond the end.
    const double at = real() * total;
    size_t choice = 0;
    for (size_t i = 0; i + 1 < count; i++) choice += sums[i] <= at;
    return int64_t(choice);
  }

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
