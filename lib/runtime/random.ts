/** CPython's `random` module, draw for draw: a seed gives the same numbers as in Python. */
import {
  checkArguments,
  checkInteger,
  checkNumber,
  checkObject,
  limitArguments,
  shown,
  type Counts,
} from '../core/check.js';
import { addon, type Handle } from '../binding/addon.js';

const { random: native } = addon;

/**
 * The words of a generator's state: 624 words, the index of the next, and a Gaussian draw that may be
 * pending.
 */
const STATE_WORDS = 628;

/**
 * A Mersenne Twister (MT19937) that is seeded and read like `random.Random(seed)`: `new Random(42).random()`
 * is `0.6394267984578837`.
 */
export class Random {
  /** @internal */
  readonly handle: Handle = native.create();

  /**
   * @param seed any integer; only its absolute value counts, as in CPython
   * @throws RangeError when `seed` is a number but not an integer
   */
  constructor(seed: number | bigint) {
    checkArguments('Random', arguments, 1);
    this.seed(seed);
  }

  /** Restarts as `random.seed(seed)` does: the same seed gives the same draws. */
  seed(seed: number | bigint): void {
    native.seed(this.handle, seedWords(seed));
  }

  /** The generator's state in 628 words, as `random.getstate()` gives it in CPython. */
  getstate(): Uint32Array {
    const words = new Uint32Array(STATE_WORDS);
    native.save(this.handle, words);
    return words;
  }

  /**
   * Restores a state that `getstate` returned.
   *
   * @throws RangeError when the words are not the state of a generator
   */
  setstate(words: Uint32Array): void {
    const isState = words instanceof Uint32Array && words.length === STATE_WORDS;
    // A copy, because the addon does not read memory that another thread could change.
    if (!isState || !native.restore(this.handle, new Uint32Array(words))) {
      throw new RangeError(
        `setstate takes the ${STATE_WORDS} words that getstate returned, not ` +
          (words instanceof Uint32Array ? `these ${words.length}` : shown(words)),
      );
    }
  }

  /** A number in [0, 1) with 53 random bits. */
  random(): number {
    return native.real(this.handle);
  }

  /** An unsigned integer of `k` random bits, `k` from 0 to 32. */
  getrandbits(k: number): number {
    if (!Number.isInteger(k) || k < 0 || k > 32) {
      throw new RangeError(`getrandbits takes an integer from 0 to 32, not ${shown(k)}`);
    }
    return k === 0 ? 0 : native.bits(this.handle, k);
  }

  /** An integer in [0, n), as CPython's `_randbelow`; `n` from 1 to 2^32 - 1. */
  randbelow(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 0xffffffff) {
      throw new RangeError(`randbelow takes an integer from 1 to 2^32 - 1, not ${shown(n)}`);
    }
    return native.below(this.handle, n);
  }

  /** The permutation that {@link shuffle} would apply to `count` items: the old index of each new item. */
  permutation(count: number): Int32Array {
    const order = new Int32Array(checkInteger('permutation of', count, 0));
    native.permutation(this.handle, order);
    return order;
  }

  /** Shuffles `items` in place and returns it. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T {
    checkObject('shuffle', items, 'a list');
    const x = items as { length: number; [index: number]: unknown };
    const order = this.permutation(checkInteger('shuffle: length of the list', x.length, 0));
    const before = Array.from(order, (_, i) => x[i]);
    order.forEach((from, to) => (x[to] = before[from]));
    return items;
  }

  /** A Gaussian draw. They are made in pairs; the second is kept for the next call. */
  gauss(mu = 0, sigma = 1): number {
    return this.gaussians(1, mu, sigma)[0]!;
  }

  /** Several Gaussian draws, in order. */
  gaussians(count: number, mu = 0, sigma = 1): Float64Array {
    checkNumber('mu', mu);
    checkNumber('sigma', sigma);
    const draws = new Float64Array(checkInteger('gaussians:', count, 0));
    native.gauss(this.handle, draws, mu, sigma);
    return draws;
  }

  /**
   * An index drawn with probability proportional to its weight, like `choices(range(len(weights)),
   * weights)[0]`.
   *
   * @throws RangeError when the weights' sum is not finite and above zero
   */
  weightedIndex(weights: ArrayLike<number>): number {
    checkObject('weightedIndex', weights, 'a list of numbers');
    const count = checkInteger('weights:', weights.length, 0);
    const sums = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const weight: unknown = weights[i];
      if (typeof weight !== 'number')
        throw new TypeError(`weight ${i} is ${shown(weight)}: expected a number`);
      if (weight < 0) throw new RangeError(`weight ${i} is ${weight}: expected a number from 0`);
      sums[i] = weight;
    }
    const index = native.weightedIndex(this.handle, sums);
    if (index >= 0) return index;
    const total = sums.at(-1) ?? 0;
    throw new RangeError(`the sum of the weights must be finite and above zero, not ${total}`);
  }
}

limitArguments('Random', Random.prototype, {
  ...{ seed: 1, getstate: 0, setstate: 1, random: 0, getrandbits: 1, randbelow: 1 },
  ...{ permutation: 1, shuffle: 1, gauss: 2, gaussians: 3, weightedIndex: 1 },
} satisfies Counts<Random>);

/** The 32-bit little-endian words of |seed|, at least one. */
function seedWords(seed: number | bigint): Uint32Array {
  if (typeof seed !== 'bigint' && !Number.isInteger(seed)) {
    throw new RangeError(`a seed must be an integer, got ${shown(seed)}`);
  }
  let rest = BigInt(seed);
  if (rest < 0n) rest = -rest;
  const words: number[] = [];
  do {
    words.push(Number(rest & 0xffffffffn));
    rest >>= 32n;
  } while (rest > 0n);
  return Uint32Array.from(words);
}
