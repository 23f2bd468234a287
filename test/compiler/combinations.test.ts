/**
 * Combinations of the compiler's passes on random networks: some training steps must give the same losses and
 * parameters as without any pass, at short and at full prefix lengths. The sample covers every way to switch
 * any four passes on and off; with VECGRAD_LONG=1 (`npm run test:long`) all combinations run.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { PASS_NAMES, type PassName } from '../../lib/compiler/passes.js';
import { Adam, SGD } from '../../lib/optim/optimizers.js';
import { listings, write, type Listing } from '../support/random-listings.js';
import { assertClose } from '../support/check.js';
import { spoil } from '../support/spoil.js';
import { TARGETS, type Target } from '../support/targets.js';

/** VECGRAD_TEST_RUNS=10 runs ten times as many. */
const RUNS = Number(process.env['VECGRAD_TEST_RUNS'] ?? 1);
const isLong = process.env['VECGRAD_LONG'] === '1';
/**
 * Every combination of this many passes is covered: only the long run finds a fault that needs more passes.
 */
const STRENGTH = 4;
/** How many combinations one random network is trained with. */
const PART = 8;

/**
 * The tolerance, relative to the largest number involved. Three steps turn 2^-53 and 2^-24 into a few hundred
 * roundings times weights of up to 1.7.
 */
const TOLERANCE = { float64: 1e-9, float32: 2e-3 };

/** The sets of `size` passes, as bits. */
function subsets(size: number): number[] {
  const all = Array.from({ length: 2 ** PASS_NAMES.length }, (_, bits) => bits);
  return all.filter((bits) => PASS_NAMES.filter((_, bit) => bits & (1 << bit)).length === size);
}

/**
 * A covering array, built greedily: combinations of passes, as bits, such that for each set of `strength`
 * passes every way to switch them on and off occurs. It begins with none, all, and all but one.
 */
function coveringArray(strength: number): number[] {
  const count = 2 ** PASS_NAMES.length;
  const open = subsets(strength).map((mask) => {
    const ways = new Set<number>();
    for (let way = mask; ; way = (way - 1) & mask) {
      ways.add(way);
      if (way === 0) return { mask, ways };
    }
  });
  const rows = [0, count - 1, ...PASS_NAMES.map((_, bit) => (count - 1) ^ (1 << bit))];
  const cover = (row: number): void => open.forEach(({ mask, ways }) => ways.delete(row & mask));
  rows.forEach(cover);
  while (open.some(({ ways }) => ways.size > 0)) {
    let [best, most] = [0, 0];
    for (let i = 0; i < 128 || most === 0; i++) {
      const row = (rows.length * 1103 + i * 619) % count; // an odd stride meets every combination
      const covered = open.reduce((sum, { mask, ways }) => sum + Number(ways.has(row & mask)), 0);
      if (covered > most) [best, most] = [row, covered];
    }
    rows.push(best);
    cover(best);
  }
  return rows;
}

const COMBINATIONS = isLong ? [...Array(2 ** PASS_NAMES.length).keys()] : coveringArray(STRENGTH);
/** How many random networks each part of the combinations is tested on. */
const NETWORKS = (isLong ? 2 : 4) * RUNS;

function chosen(combination: number): Set<PassName> {
  return new Set(PASS_NAMES.filter((_, bit) => combination & (1 << bit)));
}

/** The losses of some steps, and the parameters after each. */
function train(listing: Listing, target: Target, passes: Set<PassName>): number[][] {
  const { loss, parameters } = write(listing);
  const optimizer =
    listing.seed % 3
      ? new SGD({ learningRate: 0.02, momentum: 0.9 })
      : new Adam({ learningRate: 0.01, eps: 1e-2 });
  const training = optimizer.minimize(loss, { ...target, passes });
  const { vocabulary, positions, seed } = listing;
  return listing.lengths.flatMap((n, step) => {
    const length = 1 + (n % positions);
    const drawn = (salt: number): number[] =>
      Array.from({ length }, (_, i) => (seed * 7 + salt + step + i * i) % vocabulary);
    spoil(training.program);
    const value = training.step({ tokens: drawn(0), targets: drawn(3), length });
    return [[value], ...parameters.map((parameter) => Array.from(parameter.data))];
  });
}

function compare(listing: Listing, combinations: readonly number[]): void {
  const plain = TARGETS.map((target) => train(listing, target, new Set()));
  fc.pre(plain.flat(2).every((x) => Math.abs(x) < 20));
  for (const combination of combinations) {
    const at = (combination + listing.seed) % TARGETS.length;
    const target = TARGETS[at]!;
    const passes = chosen(combination);
    const found = train(listing, target, passes);
    const what = `with ${[...passes].join()} on ${target.isa} in ${target.dtype}`;
    found.forEach((numbers, i) => {
      assertClose(numbers, plain[at]![i]!, TOLERANCE[target.dtype], `block ${i} of the results ${what}`);
    });
  }
}

describe('combinations of passes', () => {
  it(`switch any ${STRENGTH} passes on and off in each way`, () => {
    for (const mask of subsets(STRENGTH)) {
      assert.equal(new Set(COMBINATIONS.map((combination) => combination & mask)).size, 2 ** STRENGTH);
    }
  });

  it(`train random networks alike: ${COMBINATIONS.length} combinations`, () => {
    for (let part = 0; part < COMBINATIONS.length; part += PART) {
      const combinations = COMBINATIONS.slice(part, part + PART);
      const property = fc.property(listings, (listing) => compare(listing, combinations));
      fc.assert(property, { numRuns: NETWORKS, seed: part });
    }
  });
});
