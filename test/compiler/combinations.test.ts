/**
 * Every combination of the compiler's passes, on random networks: some steps of training must go as
 * they go without any pass, in losses and in parameters, at short and at full prefix lengths.
 */
import fc from 'fast-check';
import { PASS_NAMES, type PassName } from '../../lib/compiler/passes.js';
import { Adam, SGD } from '../../lib/optim/optim.js';
import { listings, write, type Listing } from '../support/random-listings.js';
import { assertClose } from '../support/check.js';
import { TARGETS, type Target } from '../support/targets.js';

/** More of them: VECGRAD_TEST_RUNS=10. */
const RUNS = Number(process.env['VECGRAD_TEST_RUNS'] ?? 1);
/** All subsets of the passes, as bits. */
const COMBINATIONS = 2 ** PASS_NAMES.length;

/**
 * Of the largest number around. Three steps make of 2^-53 and 2^-24 what a few hundred roundings
 * and weights of up to 1.7 do.
 */
const TOLERANCE = { float64: 1e-9, float32: 2e-3 };

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

describe('all combinations of passes', () => {
  it('train random networks alike', () => {
    for (let part = 0; part < COMBINATIONS; part += 8) {
      const combinations = Array.from({ length: 8 }, (_, i) => part + i);
      const property = fc.property(listings, (listing) => compare(listing, combinations));
      fc.assert(property, { numRuns: 2 * RUNS, seed: part });
    }
  }).timeout(600_000 * RUNS);
});
