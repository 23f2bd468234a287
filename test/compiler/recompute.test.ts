/**
 * Checkpoints: trainings that compute values of the forward pass again must learn what they learn without,
 * up to the order of additions, in less memory. The memory that values share holds NaN before each run here.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ALL_PASSES, PASS_NAMES, type PassSet } from '../../lib/compiler/passes.js';
import { Adam, SGD, type Optimizer } from '../../lib/optim/optimizers.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import type { ProgramOptions } from '../../lib/runtime/options.js';
import { dropout } from '../../lib/value/functions.js';
import { compile } from '../../lib/value/compile.js';
import type { Value } from '../../lib/value/value.js';
import { assertClose, Leaves } from '../support/check.js';
import { build, recipes } from '../support/random-graphs.js';
import { feedsOf, listings, write } from '../support/random-listings.js';
import { spoil } from '../support/spoil.js';
import { TARGETS } from '../support/targets.js';

/** VECGRAD_TEST_RUNS=10 runs ten times as many. */
const RUNS = (process.env['VECGRAD_LONG'] ? 1000 : 60) * Number(process.env['VECGRAD_TEST_RUNS'] ?? 1);
const TOLERANCE = { float64: 1e-9, float32: 2e-3 };

const OPTIMIZERS: readonly (() => Optimizer)[] = [
  () => new SGD({ learningRate: 0.02, momentum: 0.9 }),
  () => new Adam({ learningRate: 0.01, eps: 1e-2 }),
  () => new SGD({ learningRate: 0.02, clipGlobalNorm: 1 }),
];

interface Graph {
  loss: Value;
  parameters: readonly Value[];
  feeds: readonly Feeds[];
}

function train(
  { loss, parameters, feeds }: Graph,
  seed: number,
  passes: PassSet,
  checkpoint: ProgramOptions['checkpoint'],
): number[][] {
  const target = TARGETS[seed % TARGETS.length]!;
  const options = { ...target, passes, ...(checkpoint && { checkpoint }) };
  const training = OPTIMIZERS[seed % OPTIMIZERS.length]!().minimize(loss, options);
  return feeds.flatMap((example) => {
    spoil(training.program);
    return [[training.step(example)], ...parameters.map(({ data }) => Array.from(data))];
  });
}

function check(make: () => Graph, seed: number): void {
  const some = new Set(PASS_NAMES.filter((_, i) => (seed * 7919) & (1 << i)));
  const { dtype } = TARGETS[seed % TARGETS.length]!;
  for (const passes of [ALL_PASSES, some]) {
    const expected = train(make(), seed, passes, undefined);
    fc.pre(expected.flat().every((x) => Math.abs(x) < 20));
    train(make(), seed, passes, 'layers').forEach((numbers, i) => {
      assertClose(numbers, expected[i]!, TOLERANCE[dtype], `block ${i} with ${[...passes].join()}`);
    });
  }
}

/** A network of equal layers, whose first numbers are fed. */
function layers(count: number, size = 16): Graph {
  const g = new Leaves(3);
  let x = g.x(32, size);
  for (let i = 0; i < count; i++) {
    const [up, down] = [g.p(size, 2 * size), g.p(2 * size, size)];
    for (const { data } of [up, down]) data.forEach((w, at) => (data[at] = 0.05 * w));
    x = x.add(dropout(x.matmul(up).tanh(), 0.1, i).matmul(down).tanh());
  }
  const { feeds, numbers } = g;
  return { loss: x.mul(x).mean(), parameters: [...numbers.keys()], feeds: [feeds, feeds, feeds] };
}

describe('values that are computed again', () => {
  it('of random networks', () => {
    const property = fc.property(listings, (listing) => {
      check(() => ({ ...write(listing), feeds: feedsOf(listing) }), listing.seed);
    });
    fc.assert(property, { numRuns: RUNS, seed: 1 });
  });

  it('of random graphs', () => {
    const property = fc.property(recipes(false), (recipe) => {
      const lengths = recipe.lengths.map((n) => 1 + (n % recipe.positions));
      check(() => {
        const { loss, numbers, feeds } = build(recipe);
        const parameters = [...numbers.keys()];
        return { loss: loss.add(parameters[0]!.mean()), parameters, feeds: lengths.map((n) => feeds(n)) };
      }, recipe.seed);
    });
    fc.assert(property, { numRuns: RUNS, seed: 1 });
  });

  for (const seed of TARGETS.keys())
    it(`of layers, with dropout, ${TARGETS[seed]!.dtype}, ${TARGETS[seed]!.isa}`, () => {
      check(() => layers(9), seed);
    });

  it('take less than half of the shared memory of deep networks, which grows with its root', () => {
    const shared = (count: number, checkpoint?: 'layers'): number => {
      const { loss } = layers(count);
      const training = new SGD({ learningRate: 0.1 }).minimize(loss, { ...(checkpoint && { checkpoint }) });
      return training.program.counts.sharing.memory;
    };
    assert(shared(16, 'layers') < 0.5 * shared(16));
    assert(shared(64, 'layers') < 2.5 * shared(16, 'layers'));
  });

  it('are refused where nothing is trained, and by any other name', () => {
    const { loss } = layers(1);
    assert.throws(
      () => compile(loss, { checkpoint: 'layers' }),
      /^TypeError: checkpoint saves memory of training/,
    );
    assert.throws(
      () => new SGD({ learningRate: 1 }).minimize(loss, { checkpoint: 'all' as 'layers' }),
      /checkpoint "all": expected .*layers/,
    );
  });
});
