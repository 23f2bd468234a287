/**
 * Buffer reuse. Programs whose values share memory must compute, bit for bit, what they compute where each
 * value has memory of its own; and since the shared memory holds NaN before each run here, a run that read
 * something there that it had not written would show.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Compiled } from '../../lib/compiler/compile.js';
import { FreeSpace } from '../../lib/compiler/lower/free-space.js';
import type { Reuse } from '../../lib/compiler/lower/layout.js';
import { ALL_PASSES, PASS_NAMES, type PassName, type PassSet } from '../../lib/compiler/passes.js';
import { Adam, SGD, type Optimizer } from '../../lib/optim/optimizers.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { Program } from '../../lib/runtime/program.js';
import { compile } from '../../lib/value/compile.js';
import { index, input } from '../../lib/value/leaves.js';
import { addN, choose, meanOfFirst } from '../../lib/value/joins.js';
import type { Value } from '../../lib/value/value.js';
import { Leaves } from '../support/check.js';
import { build, buildTerms, recipes, termsRecipes, type RandomGraph } from '../support/random-graphs.js';
import { feedsOf, listings, write, type Listing } from '../support/random-listings.js';
import { spoil } from '../support/spoil.js';
import { TARGETS } from '../support/targets.js';

/** All passes but `rows`, with which small programs keep a place for each value. */
const SHARING: PassSet = new Set(PASS_NAMES.filter((name) => name !== 'rows'));

/** VECGRAD_TEST_RUNS=10 runs ten times as many. */
const RUNS = (process.env['VECGRAD_LONG'] ? 1000 : 60) * Number(process.env['VECGRAD_TEST_RUNS'] ?? 1);

const OPTIMIZERS: readonly (() => Optimizer)[] = [
  () => new SGD({ learningRate: 0.02, momentum: 0.9 }),
  () => new Adam({ learningRate: 0.01, eps: 1e-2 }),
  () => new SGD({ learningRate: 0.02, clipGlobalNorm: 1 }),
];

function reuseOf(program: Program): Reuse | undefined {
  return (Reflect.get(program, 'compiled') as Compiled).lowered.reuse;
}

interface Graph {
  loss: Value;
  parameters: readonly Value[];
  feeds: readonly Feeds[];
}

/** The losses of some steps, each behind an evaluation of the next example, and the parameters after each. */
function train({ loss, parameters, feeds }: Graph, seed: number, passes: PassSet): number[][] {
  const target = TARGETS[seed % TARGETS.length]!;
  const optimizer = OPTIMIZERS[seed % OPTIMIZERS.length]!();
  const training = optimizer.minimize(loss, { ...target, passes });
  return feeds.flatMap((example, i) => {
    spoil(training.program);
    const value = training.step(example);
    spoil(training.program);
    const next = training.evaluate(feeds[(i + 1) % feeds.length]!);
    return [[value, next], ...parameters.map((parameter) => Array.from(parameter.data))];
  });
}

/** Trains alike with all passes and with some, with reuse and without. */
function check(make: () => Graph, seed: number): void {
  const some = new Set(PASS_NAMES.filter((_, i) => (seed * 7919) & (1 << i)));
  for (const others of [ALL_PASSES, some]) {
    const [on, off] = [new Set<PassName>(others).add('reuse'), new Set<PassName>(others)];
    on.delete('rows');
    off.delete('reuse');
    assert.deepEqual(train(make(), seed, on), train(make(), seed, off), `with ${[...off].join()}`);
  }
}

function networkOf(listing: Listing): Graph {
  return { ...write(listing), feeds: feedsOf(listing) };
}

function graphOf({ loss, numbers, feeds }: RandomGraph, lengths: readonly number[]): Graph {
  const parameters = [...numbers.keys()];
  // Some of these losses read no parameter but through a detach: training refuses them.
  return { loss: loss.add(parameters[0]!.mean()), parameters, feeds: lengths.map((n) => feeds(n)) };
}

/** Choices among values that are read elsewhere too. */
function choices(): Graph {
  const g = new Leaves(3);
  const which = index('which');
  const values = [g.p(2, 4).maximum(g.p(4)), g.p(2, 4).maximum(g.p(4).abs().add(1))];
  const loss = addN(values.map((v) => choose([v, v.tanh(), g.p(2, 4), v], which).sum()));
  return { loss, parameters: g.values, feeds: [0, 1, 2, 3].map((i) => ({ which: i })) };
}

describe('values that share memory', () => {
  it('of choices among values that are read elsewhere too', () => check(choices, 0));

  it('of random networks', () => {
    const property = fc.property(listings, (listing) => check(() => networkOf(listing), listing.seed));
    fc.assert(property, { numRuns: RUNS, seed: 1 });
  });

  it('of random graphs', () => {
    const property = fc.property(recipes(false), (recipe) => {
      const lengths = recipe.lengths.map((n) => 1 + (n % recipe.positions));
      check(() => graphOf(build(recipe), lengths), recipe.seed);
    });
    fc.assert(property, { numRuns: RUNS, seed: 1 });
  });

  it('of random means of shared terms, leaves and other means', () => {
    const property = fc.property(termsRecipes(false), (recipe) => {
      const { most } = buildTerms(recipe);
      const lengths = Array.from({ length: most }, (_, i) => ((i + recipe.seed) % most) + 1);
      check(() => graphOf(buildTerms(recipe), lengths), recipe.seed);
    });
    fc.assert(property, { numRuns: RUNS, seed: 1 });
  });
});

/** Links of chains. Each is needed by the next alone, which can be written over it or must not. */
const LINKS: readonly [what: string, link: (x: Value, w: Value) => Value][] = [
  ['functions of each number', (x) => x.tanh()],
  ['functions of each number and another', (x, w) => x.mul(w).add(w)],
  ['products', (x, w) => x.matmul(w)],
  ['sums of themselves and of a product with them', (x, w) => x.matmul(w).add(x).mul(0.1)],
  ['sums of themselves and their transpose', (x) => x.add(x.transpose()).mul(0.5)],
  ['sums of themselves and one of their rows', (x) => x.add(x.at(1)).tanh()],
  ['squares', (x) => x.mul(x).mul(0.1)],
  ['softmax', (x) => x.softmax().mul(3)],
];

describe('a chain', () => {
  for (const [what, link] of LINKS)
    it(`of ${what} takes as much memory with 20 links as with 5`, () => {
      const run = (links: number, size: number, passes: PassSet, at: number): [number[], number] => {
        const g = new Leaves(4);
        let x: Value = input('x', [size, size]);
        const w = g.p(size, size);
        const scaled = w.mul(1 / size);
        for (let i = 0; i < links; i++) x = link(x, scaled);
        const program = new Program({ groups: [[x]], gradients: 'none' }, { ...TARGETS[at]!, passes });
        spoil(program);
        const numbers = Array.from({ length: size * size }, () => g.draw());
        return [Array.from(program.forward({ x: numbers })), program.arena.length];
      };
      const off = new Set([...SHARING].filter((name) => name !== 'reuse'));
      TARGETS.forEach((_, at) => {
        for (const size of [5, 48]) {
          const [long, most] = run(20, size, SHARING, at);
          assert.deepEqual(long, run(20, size, off, at)[0]);
          assert.equal(most, run(5, size, SHARING, at)[1]);
        }
      });
    });
});

describe('what is read after a run keeps its memory', () => {
  it('where later instructions compute more from it', () => {
    const make = (passes: PassSet): number[][] => {
      const g = new Leaves(2);
      const roots = [g.p(6, 6).mul(2).tanh()];
      for (let i = 0; i < 8; i++) roots.push(roots[i]!.mul(1.5).tanh());
      const program = new Program({ groups: [roots], gradients: 'none' }, { passes });
      program.forward({});
      return roots.map((root) => Array.from(program.read(root)));
    };
    assert.deepEqual(make(SHARING), make(new Set()));
  });
});

describe('memory is not shared', () => {
  const loss = (): Value => {
    const g = new Leaves(1);
    const x = g.p(4, 4).mul(2).tanh().mul(3).tanh();
    return meanOfFirst([x.sum(), x.tanh().sum()], index('n'));
  };
  const PROGRAMS: readonly [what: string, make: () => Program][] = [
    ['where every value can be read', () => compile(loss(), { passes: SHARING })],
    [
      'by the groups of a sequence, which keeps what earlier groups computed',
      () => {
        const x = loss();
        return new Program({ groups: [[x], [x.mul(2)]], gradients: 'none' }, { passes: SHARING });
      },
    ],
    [
      'by batches, whose rows lie elsewhere',
      () => new SGD({ learningRate: 1 }).minimize(loss(), { batches: true }).program,
    ],
  ];
  for (const [what, make] of PROGRAMS) it(what, () => assert.equal(reuseOf(make()), undefined));

  it('but is otherwise', () => {
    const { program } = new SGD({ learningRate: 1 }).minimize(loss(), { passes: SHARING });
    assert(program.counts.sharing.values > 0);
  });
  for (const [size, shares] of [
    [100, false],
    [600, true],
  ] as const)
    it(`by a program that can run examples together, unless it is large: ${size} columns`, () => {
      const w = new Leaves(1).p(size, size);
      const { program } = new SGD({ learningRate: 1 }).minimize(w.tanh().mul(2).tanh().sum());
      assert.equal(program.counts.sharing.values > 0, shares);
    });
});

describe('free space', () => {
  it('gives no place twice, and takes all of them back', () => {
    const events = fc.array(fc.record({ size: fc.integer({ min: 1, max: 300 }), frees: fc.nat(5) }));
    const property = fc.property(events, (all) => {
      const space = new FreeSpace();
      const used: { offset: number; size: number }[] = [];
      let [now, most] = [0, 0];
      all.forEach(({ size, frees }, i) => {
        const offset = space.take(size);
        for (const other of used)
          assert(offset + size <= other.offset || other.offset + other.size <= offset, `event ${i}`);
        assert(offset >= 0 && offset + size <= space.end);
        used.push({ offset, size });
        now += size;
        most = Math.max(most, now);
        for (let k = 0; k < frees && used.length > 2; k++) {
          const [freed] = used.splice((i * 7 + k) % used.length, 1);
          space.give(freed!.offset, freed!.size);
          now -= freed!.size;
        }
      });
      const { end } = space;
      assert(end >= most);
      for (const { offset, size } of used) space.give(offset, size);
      if (end > 0) assert.equal(space.take(end), 0, 'one hole is left');
      assert.equal(space.end, end);
    });
    fc.assert(property, { numRuns: 10 * RUNS, seed: 1 });
  });

  it('takes the hole that fits best', () => {
    const space = new FreeSpace();
    const places = [100, 1, 50, 1, 70, 1].map((size) => space.take(size));
    [100, 50, 70].forEach((size, i) => space.give(places[2 * i]!, size));
    assert.deepEqual(
      [60, 50, 100, 8].map((size) => space.take(size)),
      [places[4], places[2], places[0], places[4]! + 60],
    );
  });
});
