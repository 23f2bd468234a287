/**
 * Batches that run instruction by instruction, on random graphs and networks: the loss and the parameters
 * after a step must be those of examples that run one after the other.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { addon } from '../../lib/binding/addon.js';
import { ALL_PASSES, type PassName } from '../../lib/compiler/passes.js';
import { SGD } from '../../lib/optim/optimizers.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import type { ProgramMemory } from '../../lib/runtime/memory.js';
import { Random } from '../../lib/runtime/random.js';
import { buildModel } from '../../lib/study/build-model.js';
import type { Value } from '../../lib/value/value.js';
import { addN, choose, meanOfFirst, stack } from '../../lib/value/joins.js';
import { index, input } from '../../lib/value/leaves.js';
import { assertClose, Leaves } from '../support/check.js';
import { build, buildTerms, recipes, termsRecipes, type RandomGraph } from '../support/random-graphs.js';
import { feedsOf, listings, write, type Listing } from '../support/random-listings.js';
import { spoilBatch } from '../support/spoil.js';
import { TARGETS, type Target } from '../support/targets.js';

/** VECGRAD_TEST_RUNS=10 runs ten times as many. */
const RUNS = (process.env['VECGRAD_LONG'] ? 1000 : 25) * Number(process.env['VECGRAD_TEST_RUNS'] ?? 1);
const TOLERANCE = { float64: 1e-9, float32: 2e-3 };
const ROWS: ReadonlySet<PassName> = ALL_PASSES;
const ONE_BY_ONE: ReadonlySet<PassName> = new Set([...ALL_PASSES].filter((name) => name !== 'rows'));

interface Graph {
  loss: Value;
  parameters: readonly Value[];
  examples: readonly Feeds[];
}

/** The losses of two steps on batches, and the parameters after each. */
function train(
  { loss, parameters, examples }: Graph,
  target: Target,
  passes: ReadonlySet<PassName>,
  threads: number,
): number[][] {
  const training = new SGD({ learningRate: 0.05 }).minimize(loss, { ...target, passes, batches: true });
  // The second batch is shorter than the first.
  return [examples, examples.slice(1)].flatMap((batch) => {
    spoilBatch(training.program);
    return [[training.stepBatch(batch, { threads })], ...parameters.map((value) => Array.from(value.data))];
  });
}

function check(make: () => Graph, seed: number): void {
  const target = TARGETS[seed % TARGETS.length]!;
  const expected = train(make(), target, ONE_BY_ONE, 1);
  fc.pre(expected.flat().every((x) => Math.abs(x) < 20));
  const found = train(make(), target, ROWS, 1);
  found.forEach((numbers, i) => {
    const what = `block ${i} of the results on ${target.isa} in ${target.dtype}`;
    assertClose(numbers, expected[i]!, TOLERANCE[target.dtype], what);
  });
  assert.deepEqual(train(make(), target, ROWS, 2), found, 'on two threads');
}

/** How many examples a batch has: also more than run together. */
const counts = fc.integer({ min: 2, max: 40 });

function networkOf(listing: Listing, count: number): Graph {
  return { ...write(listing), examples: feedsOf(listing, count) };
}

function graphOf({ loss, numbers, feeds }: RandomGraph, positions: number, count: number): Graph {
  const random = new Random(count);
  const below = (n: number): number => Math.floor(random.random() * n);
  const examples = Array.from({ length: count }, () =>
    feeds(
      1 + below(positions),
      Array.from({ length: 5 }, () => below(2)),
    ),
  );
  return { loss, parameters: [...numbers.keys()], examples };
}

/** Sparse firing on a matrix that each example has of its own: the states of its last positions. */
function ownMatrix(positions: number, count: number): Graph {
  const g = new Leaves(7);
  const [size, depth, vocabulary] = [4, 3, 5];
  const [table, place, score] = [g.p(vocabulary, size), g.p(positions, size), g.p(size)];
  const [tokens, length] = [index('tokens', positions), index('length')];
  const states = Array.from({ length: depth }, () => g.p(size));
  const losses: Value[] = [];
  for (let at = 0; at < positions; at++) {
    const recent = stack(states.slice(-depth));
    const weights = recent.matmul(score).softmax();
    const fire = weights.topk(2);
    const chosen = weights.gather(fire).matmul(recent.gather(fire));
    states.push(
      chosen
        .mul(0.3)
        .add(table.at(tokens.at(at)))
        .add(place.at(at))
        .relu(),
    );
    losses.push(states.at(-1)!.mul(states.at(-1)!).mean());
  }
  const random = new Random(5);
  const examples = Array.from({ length: count }, () => {
    const n = 1 + Math.floor(random.random() * positions);
    return {
      tokens: Array.from({ length: n }, () => Math.floor(random.random() * vocabulary)),
      length: n,
    };
  });
  return { loss: meanOfFirst(losses, length), parameters: g.values, examples };
}

/** Two choices among values that are read elsewhere too. */
function choices(count: number): Graph {
  const g = new Leaves(3);
  const [a, x, which] = [g.p(2), input('x', [2]), index('which')];
  const options = [a.sin(), x.exp()];
  const loss = addN(
    options.map((v) =>
      choose([v, v.tanh(), v.mul(v)], which)
        .mul(a)
        .sum(),
    ),
  );
  const random = new Random(5);
  const examples = Array.from({ length: count }, (_, i) => ({
    x: [random.random(), random.random()],
    which: i % 3,
  }));
  return { loss, parameters: g.values, examples };
}

describe('batches run instruction by instruction', () => {
  // Without a plan, what follows would compare examples one by one with themselves.
  for (const [name, most] of [
    ['vector', 32],
    ['rnn', 64],
    ['rnn_att', 64],
  ] as const)
    it(`of ${name}: pieces of at most ${most}`, () => {
      const { loss } = buildModel(name, 5, { blockSize: 4 }, new Random(1));
      const { program } = new SGD({ learningRate: 1 }).minimize(loss, { batches: true });
      const { handle, plans } = Reflect.get(program, 'memory') as ProgramMemory;
      const plan = plans.ofBatches();
      assert.ok(plan);
      assert.equal(addon.pieceSizes(handle, plan, 1)[2], most);
    });

  for (const target of TARGETS)
    it(`of sparse firing on a matrix of each example, ${target.dtype}, ${target.isa}`, () => {
      check(() => ownMatrix(6, 20), TARGETS.indexOf(target));
    });

  for (const target of TARGETS)
    it(`of choices among values that are read elsewhere too, ${target.dtype}, ${target.isa}`, () => {
      check(() => choices(7), TARGETS.indexOf(target));
    });

  it('of random networks', () => {
    const property = fc.property(listings, counts, (listing, count) => {
      check(() => networkOf(listing, count), listing.seed);
    });
    fc.assert(property, { numRuns: RUNS, seed: 1 });
  });

  it('of random graphs', () => {
    const property = fc.property(recipes(false), counts, (recipe, count) => {
      check(() => graphOf(build(recipe), recipe.positions, count), recipe.seed);
    });
    fc.assert(property, { numRuns: RUNS, seed: 1 });
  });

  it('of random means of shared terms, leaves and other means', () => {
    const property = fc.property(termsRecipes(false), counts, (recipe, count) => {
      const { most } = buildTerms(recipe);
      const make = (): Graph => {
        const graph = graphOf(buildTerms(recipe), most, count);
        // Some of these losses read no parameter but through a detach: training refuses them.
        return { ...graph, loss: graph.loss.add(graph.parameters[0]!.mean()) };
      };
      check(make, recipe.seed);
    });
    fc.assert(property, { numRuns: RUNS, seed: 1 });
  });
});
