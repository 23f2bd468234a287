/** CPython's `random` module, draw for draw, so that a seed means here what it means in Python. */

/** The three functions `gauss` needs; a C library's give CPython's values to the last bit. */
export interface GaussMath {
  cos(x: number): number;
  sin(x: number): number;
  log(x: number): number;
}

const N = 624;
const M = 397;
const UPPER = 0x80000000;
const LOWER = 0x7fffffff;
const MATRIX = 0x9908b0df;
const TWO_PI = 2 * Math.PI;

/**
 * A Mersenne Twister (MT19937) seeded and read as `random.Random(seed)` does.
 *
 * `new Random(42).random()` is `0.6394267984578837`. JavaScript's own `cos`, `sin` and `log` differ
 * from the C library's in the last bit for about 5% of the `gauss` draws; pass `math` for all bits.
 */
export class Random {
  // Signed words: a program's first milliseconds run in the interpreter, where a number above 2^31
  // is an object of its own; and small functions, which are the first to be optimised.
  private readonly state = new Int32Array(N);
  private readonly words = new Int32Array(N);
  private index = N;
  /** The second value of the last Gaussian pair, NaN when there is none. */
  private gaussNext = NaN;

  /**
   * @param seed any integer; only its absolute value counts, as in CPython
   * @throws RangeError when `seed` is a number but no integer
   */
  constructor(
    seed: number | bigint,
    private readonly math: GaussMath = Math,
  ) {
    this.seed(seed);
  }

  /** Starts over as `random.seed(seed)` does: the same seed, the same draws. */
  seed(seed: number | bigint): void {
    this.initByArray(seedWords(seed));
    this.gaussNext = NaN;
  }

  /** A number in [0, 1) with 53 random bits. */
  random(): number {
    const a = this.next() >>> 5;
    const b = this.next() >>> 6;
    return (a * 0x4000000 + b) / 0x20000000000000;
  }

  /** An unsigned integer of `k` random bits, `k` from 0 to 32. */
  getrandbits(k: number): number {
    if (!Number.isInteger(k) || k < 0 || k > 32) {
      throw new RangeError(`getrandbits takes an integer from 0 to 32, not ${String(k)}`);
    }
    return k === 0 ? 0 : this.next() >>> (32 - k);
  }

  /** An integer in [0, n), as CPython's `_randbelow`; `n` from 1 to 2^32 - 1. */
  randbelow(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 0xffffffff) {
      throw new RangeError(`randbelow takes an integer from 1 to 2^32 - 1, not ${String(n)}`);
    }
    return this.below(n);
  }

  /** Shuffles `items` in place and returns it. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T {
    const x = items as { length: number; [index: number]: unknown };
    for (let i = x.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const swap = x[i];
      x[i] = x[j];
      x[j] = swap;
    }
    return items;
  }

  /** A Gaussian draw; they come in pairs, the second of which is kept for the next call. */
  gauss(mu = 0, sigma = 1): number {
    let z = this.gaussNext;
    if (z === z) {
      this.gaussNext = NaN;
    } else {
      const angle = this.random() * TWO_PI;
      const radius = Math.sqrt(-2 * this.math.log(1 - this.random()));
      z = this.math.cos(angle) * radius;
      this.gaussNext = this.math.sin(angle) * radius;
    }
    return mu + z * sigma;
  }

  /**
   * An index drawn with probability proportional to its weight:
   * `choices(range(len(weights)), weights)[0]`.
   *
   * @throws RangeError when the weights' sum is not finite and above zero
   */
  weightedIndex(weights: ArrayLike<number>): number {
    const length = weights.length;
    const cumulative = new Float64Array(length);
    let total = 0;
    for (let i = 0; i < length; i++) {
      total += weights[i]!;
      cumulative[i] = total;
    }
    if (!(total > 0 && total < Infinity)) {
      throw new RangeError(`the sum of the weights must be finite and above zero, not ${total}`);
    }
    // bisect_right, its upper bound one short of the length so that rounding cannot overrun.
    const x = this.random() * total;
    let low = 0;
    let high = length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (x < cumulative[middle]!) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private below(n: number): number {
    const shift = Math.clz32(n);
    let r: number;
    do r = this.next() >>> shift;
    while (r >= n);
    return r;
  }

  /** One word, to be shifted right without sign. */
  private next(): number {
    if (this.index === N) this.refill();
    return this.words[this.index++]!;
  }

  private refill(): void {
    const { state, words } = this;
    let high = state[0]!;
    for (let k = 0, m = M; k < N; k++) {
      const low = state[k === N - 1 ? 0 : k + 1]!;
      let y = (high & UPPER) | (low & LOWER);
      y = state[m]! ^ (y >>> 1) ^ (-(y & 1) & MATRIX);
      state[k] = y;
      y ^= y >>> 11;
      y ^= (y << 7) & 0x9d2c5680;
      y ^= (y << 15) & 0xefc60000;
      words[k] = y ^ (y >>> 18);
      high = low;
      if (++m === N) m = 0;
    }
    this.index = 0;
  }

  private initByArray(key: Int32Array): void {
    const s = this.state;
    s[0] = 19650218;
    for (let i = 1; i < N; i++) s[i] = Math.imul(1812433253, scramble(s[i - 1]!)) + i;
    let i = 1;
    let j = 0;
    for (let k = Math.max(N, key.length); k > 0; k--) {
      s[i] = (s[i]! ^ Math.imul(scramble(s[i - 1]!), 1664525)) + key[j]! + j;
      if (++i === N) {
        s[0] = s[N - 1]!;
        i = 1;
      }
      if (++j === key.length) j = 0;
    }
    for (let k = N - 1; k > 0; k--) {
      s[i] = (s[i]! ^ Math.imul(scramble(s[i - 1]!), 1566083941)) - i;
      if (++i === N) {
        s[0] = s[N - 1]!;
        i = 1;
      }
    }
    s[0] = 0x80000000;
    this.index = N;
  }
}

function scramble(word: number): number {
  return word ^ (word >>> 30);
}

/** The 32-bit little-endian words of |seed|, at least one. */
function seedWords(seed: number | bigint): Int32Array {
  if (typeof seed === 'number' && !Number.isInteger(seed)) {
    throw new RangeError(`a seed is an integer, not ${String(seed)}`);
  }
  let rest = BigInt(seed);
  if (rest < 0n) rest = -rest;
  const words: number[] = [];
  do {
    words.push(Number(rest & 0xffffffffn));
    rest >>= 32n;
  } while (rest > 0n);
  return Int32Array.from(words);
}
