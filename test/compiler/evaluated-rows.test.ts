/**
 * Examples that are evaluated together, instruction by instruction: their losses, what can be read behind
 * them and their errors must be those of examples that run one after the other.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ALL_PASSES, type PassName } from '../../lib/compiler/passes.js';
import { SGD } from '../../lib/optim/optimizers.js';
import type { Training } from '../../lib/optim/training.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import type { ProgramMemory } from '../../lib/runtime/memory.js';
import { Random } from '../../lib/runtime/random.js';
import { buildModel } from '../../lib/study/build-model.js';
import { MODEL_NAMES } from '../../lib/study/models/sizes.js';
import { meanOfFirst } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import type { Value } from '../../lib/value/value.js';
import { assertClose } from '../support/check.js';
import { datasetOf } from '../support/feed-columns.js';
import { build, recipes } from '../support/random-graphs.js';
import { feedsOf, listings, write } from '../support/random-listings.js';
import { TARGETS, type Target } from '../support/targets.js';

/** VECGRAD_TEST_RUNS=10 runs ten times as many. */
const RUNS = (process.env['VECGRAD_LONG'] ? 1000 : 25) * Number(process.env['VECGRAD_TEST_RUNS'] ?? 1);
const TOLERANCE = { float64: 1e-12, float32: 1e-4 };
const ONE_BY_ONE: ReadonlySet<PassName> = new Set([...ALL_PASSES].filter((name) => name !== 'rows'));
/** From here on examples are evaluated together. */
const LEAST = 32;

type Make = () => Value;

const trained = (loss: Value, target: Target, passes: ReadonlySet<PassName>, batches = false): Training =>
  new SGD({ learningRate: 0 }).minimize(loss, { ...target, passes, batches });

function check(make: Make, examples: readonly Feeds[], target: Target, batches = false): void {
  const single = trained(make(), target, ONE_BY_ONE);
  const expected = [...single.evaluateEach(datasetOf(examples))];
  fc.pre(expected.every((x) => Math.abs(x) < 20));
  assert.deepEqual(
    expected,
    examples.map((feeds) => single.evaluate(feeds)),
  );
  const loss = make();
  const training = trained(loss, target, ALL_PASSES, batches);
  const found = training.evaluateEach(datasetOf(examples));
  assertClose(found, expected, TOLERANCE[target.dtype], `${target.isa}, ${target.dtype}`);
  // What is read now is of the last example, which ran by itself.
  assert.deepEqual([...training.program.read(loss)], [expected.at(-1)]);
  // Neither the number of examples nor what ran before changes a bit.
  assert.deepEqual(training.evaluateEach(datasetOf(examples)), found);
}

const counts = fc.integer({ min: LEAST, max: 3 * LEAST });

describe('examples evaluated together', () => {
  for (const name of MODEL_NAMES) {
    it(`of ${name}`, () => {
      const random = new Random(4);
      const draw = (below: number): number => Math.floor(random.random() * below);
      const examples = Array.from({ length: 100 }, () => {
        const length = 1 + draw(5);
        const drawn = (): number[] => Array.from({ length }, () => draw(7));
        return { tokens: drawn(), targets: drawn(), length };
      });
      const sizes = { nEmbd: 4, nHead: 2, nLayer: 1, blockSize: 5, nState: 6, nAtt: 3 };
      const make = (): Value => buildModel(name, 7, sizes, new Random(3)).loss;
      for (const target of TARGETS)
        for (const batches of [false, true]) check(make, examples, target, batches);
      // Without a plan, this would compare examples one by one with themselves.
      const { program } = trained(make(), TARGETS[0]!, ALL_PASSES);
      const { plans } = Reflect.get(program, 'memory') as ProgramMemory;
      assert.equal(plans.ofEvaluation(LEAST) === undefined, name === 'scalar');
      assert.equal(plans.ofEvaluation(LEAST - 1), undefined);
    });
  }

  it('of random networks', () => {
    const property = fc.property(listings, counts, (listing, count) => {
      const { seed } = listing;
      check(
        () => write(listing).loss,
        feedsOf(listing, count),
        TARGETS[seed % TARGETS.length]!,
        seed % 2 > 0,
      );
    });
    fc.assert(property, { numRuns: RUNS, seed: 1 });
  });

  it('of random graphs', () => {
    const property = fc.property(recipes(false), counts, (recipe, count) => {
      const random = new Random(count);
      const { feeds } = build(recipe);
      const examples = Array.from({ length: count }, () =>
        feeds(1 + Math.floor(random.random() * recipe.positions)),
      );
      check(() => build(recipe).loss, examples, TARGETS[recipe.seed % TARGETS.length]!);
    });
    fc.assert(property, { numRuns: RUNS, seed: 1 });
  });

  /** Losses of `x`, numbers, and of `rows`, integers below 3; dropout drops nothing here. */
  function ofNumbers(): Value {
    const table = parameter([1, 2, 3, 4, 5, 6, 7, 8, 9], { shape: [3, 3] });
    const [rows, x] = [index('rows', 2), input('x', [2, 3])];
    const losses = [0, 1].map((at) =>
      table.gather(rows.at(at)).mul(x.at(at)).dropout(0.5, 7).sum().add(table.mean()),
    );
    return meanOfFirst(losses, index('length'));
  }
  const examples = Array.from({ length: 50 }, (_, i) => ({
    rows: [i % 3, (i * 2) % 3],
    x: [i, 1, -i, 2, 0.5, i / 7],
    length: 1 + (i % 2),
  }));

  for (const target of TARGETS)
    it(`of numbers that are fed, with dropout, ${target.dtype}, ${target.isa}`, () => {
      const single = trained(ofNumbers(), target, ONE_BY_ONE);
      const training = trained(ofNumbers(), target, ALL_PASSES);
      const expected = [...single.evaluateEach(datasetOf(examples))];
      for (const take of [0, 1, 1]) {
        if (take) training.step(examples[take]!);
        const found = training.evaluateEach(datasetOf(examples));
        const tolerance = TOLERANCE[target.dtype];
        assertClose(found, expected, tolerance, `behind ${training.steps} steps`);
      }
      assert.deepEqual(
        [...training.evaluateEach(datasetOf(examples), 3, 45)],
        [...training.evaluateEach(datasetOf(examples.slice(3, 45)))],
        'of a part',
      );
    });

  const faults: [string, number, Partial<(typeof examples)[0]>, RegExp][] = [
    ['an integer beyond the rows', 37, { rows: [1, 3] }, /^example 37: input 'rows'\[1\] = 3: expected/],
    ['an integer below 0', 0, { rows: [-1, 0] }, /^example 0: input 'rows'\[0\] = -1: expected/],
    ['a length of 3', 49, { length: 3 }, /^example 49: input 'length' = 3: expected/],
    ['a length of 0', 12, { length: 0 }, /^example 12: input 'length' = 0: expected/],
  ];
  for (const [title, at, wrong, message] of faults) {
    it(`name the first example with ${title}`, () => {
      const given = examples.map((example, i) => (i === at || i === 49 ? { ...example, ...wrong } : example));
      const loss = ofNumbers();
      const wanted = trained(loss, TARGETS[0]!, ONE_BY_ONE);
      const training = trained(loss, TARGETS[0]!, ALL_PASSES);
      const errors = [wanted, training].map((each) => {
        try {
          each.evaluateEach(datasetOf(given));
        } catch (error) {
          return error as Error;
        }
        return undefined;
      });
      assert.match(errors[1]!.message, message);
      assert.equal(errors[1]!.message, errors[0]!.message);
      assert.equal(errors[1]!.name, errors[0]!.name);
      assert.equal(training.evaluate(examples[0]!), wanted.evaluate(examples[0]!), 'it goes on');
    });
  }

  it('of which one has an index that is computed out of its table', () => {
    const scores = parameter([1, NaN, 3]);
    const table = parameter([4, 5, 6]);
    const x = input('x', [3]);
    // An index of the largest of numbers that are all NaN is still one of three: the table has but two rows.
    const loss = table.slice(0, 2).gather(scores.mul(x).topk(1)).sum();
    const given = Array.from({ length: 40 }, (_, i) => ({ x: i === 33 ? [0, 0, 1] : [1, 0, 0] }));
    const act = (passes: ReadonlySet<PassName>) => (): unknown =>
      trained(loss, TARGETS[0]!, passes).evaluateEach(datasetOf(given));
    for (const passes of [ONE_BY_ONE, ALL_PASSES])
      assert.throws(act(passes), { name: 'RangeError', message: /^index 2 .*of example 33: expected/ });
  });
});
