/**
 * Sequences that are generated together: what a loop over positions draws from the same random numbers, for
 * each sequence by itself.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ALL_PASSES, type PassName } from '../../lib/compiler/passes.js';
import { SGD } from '../../lib/optim/optimizers.js';
import type { GenerateOptions } from '../../lib/runtime/generate.js';
import { Program } from '../../lib/runtime/program.js';
import { Random } from '../../lib/runtime/random.js';
import { buildModel } from '../../lib/study/build-model.js';
import { MODEL_NAMES } from '../../lib/study/models/sizes.js';
import { sample, Sampler } from '../../lib/study/sampling.js';
import { Tokenizer } from '../../lib/study/tokenizer.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import type { Value } from '../../lib/value/value.js';
import { listings, write } from '../support/random-listings.js';
import { TARGETS } from '../support/targets.js';

/** VECGRAD_TEST_RUNS=10 runs ten times as many. */
const RUNS = (process.env['VECGRAD_LONG'] ? 1000 : 25) * Number(process.env['VECGRAD_TEST_RUNS'] ?? 1);
const ONE_BY_ONE: ReadonlySet<PassName> = new Set([...ALL_PASSES].filter((name) => name !== 'rows'));

const tokenizer = new Tokenizer(['abc', 'xyz']);
const SIZES = { nEmbd: 4, nHead: 2, blockSize: 5, nState: 6, nAtt: 3 };

type Drawing = Pick<GenerateOptions, 'temperature' | 'topK'> & { prefix?: number[] };

/** One sequence, written out: `reals` has a random number for each position behind the prefix. */
function drawn(
  program: Program,
  logits: Value[][],
  reals: readonly number[],
  { temperature, topK, prefix = [] }: Drawing,
): number[] {
  const tokens = [tokenizer.bos, ...prefix];
  for (const [at, group] of logits.entries()) {
    program.advance({ tokens: tokens.slice(0, at + 1) }, at);
    if (at < prefix.length) continue;
    const scores = group.flatMap((value) => Array.from(program.read(value)));
    const order = [...scores.keys()].sort((i, j) => scores[j]! - scores[i]! || i - j);
    const kept = new Set(order.slice(0, topK));
    const max = Math.max(...scores);
    const weights = scores.map((x, i) => (kept.has(i) ? Math.exp((x - max) / temperature) : 0));
    const total = weights.reduce((sum, x) => sum + x, 0);
    let sum = 0;
    const sums = weights.map((x) => (sum += x));
    const token = sums.findIndex((x, i) => x > reals[at - prefix.length]! * total || i + 1 === sums.length);
    tokens.push(token);
    if (token === tokenizer.bos) break;
  }
  return tokens.slice(1);
}

const drawings: readonly Drawing[] = [
  { temperature: 0.5 },
  { temperature: 20 },
  { temperature: 0.5, topK: 1 },
  { temperature: 20, topK: 3 },
  { temperature: 20, prefix: [5] },
  { temperature: 20, topK: 6, prefix: [0, 1, 2, 0] },
];

const lists = (sequences: readonly Int32Array[]): number[][] => sequences.map((each) => [...each]);

describe('sampling together', () => {
  for (const name of MODEL_NAMES) {
    it(`draws from ${name} what a loop over its positions draws`, () => {
      const model = buildModel(name, tokenizer.vocabSize, SIZES, new Random(3));
      for (const value of model.parameters) value.data.set(value.data.map((x) => 8 * x));
      for (const target of TARGETS) {
        const loop = new Program({ groups: model.logits, gradients: 'none' }, target);
        const sequence = { sequence: model.logits, ...target };
        const { program } = model.optimizer(10, 1).minimize(model.loss, sequence);
        const samplers = [new Sampler(model, tokenizer, target), new Sampler(model, tokenizer, {}, program)];
        const random = new Random(5);
        const streams = samplers.map(() => new Random(5));
        for (const drawing of drawings) {
          const left = SIZES.blockSize - (drawing.prefix?.length ?? 0);
          const wanted = Array.from({ length: 40 }, () => {
            const reals = Array.from({ length: left }, () => random.random());
            return drawn(loop, model.logits, reals, drawing);
          });
          for (const [i, sampler] of samplers.entries()) {
            const got = sampler.tokens(streams[i]!, { count: 40, together: true, ...drawing });
            assert.deepEqual(lists(got), wanted, JSON.stringify([target, drawing, i]));
          }
        }
        const next = random.random();
        for (const stream of streams)
          assert.equal(stream.random(), next, 'the stream goes on where it should');
      }
    });
  }

  it('draws each document whatever the others are, from random networks', () => {
    const property = fc.property(listings, (listing) => {
      const { logits, loss } = write(listing);
      const { seed, vocabulary } = listing;
      const target = TARGETS[seed % TARGETS.length]!;
      const options = { input: 'tokens', start: 0, stop: seed % vocabulary, temperature: 1, together: true };
      const groups = { groups: logits, gradients: 'none' } as const;
      const alone = new Program(groups, { ...target, passes: ONE_BY_ONE });
      const wanted = lists(alone.generate(new Random(seed), { ...options, count: 150 }));
      const sequence = { sequence: logits, ...target };
      const trained = new SGD({ learningRate: 1 }).minimize(loss, sequence).program;
      for (const program of [new Program(groups, target), trained])
        for (const count of [1, 2, 9, 150]) {
          const got = program.generate(new Random(seed), { ...options, count });
          assert.deepEqual(lists(got), wanted.slice(0, count), `${count} of ${JSON.stringify(target)}`);
        }
    });
    fc.assert(property, { numRuns: RUNS, seed: 1 });
  });

  it('has a plan for the models, which otherwise would be sampled one by one', () => {
    for (const name of MODEL_NAMES) {
      const model = buildModel(name, tokenizer.vocabSize, SIZES, new Random(3));
      const { program } = model.optimizer(10, 1).minimize(model.loss, { sequence: model.logits });
      for (const each of [program, new Program({ groups: model.logits, gradients: 'none' })]) {
        sample(model, tokenizer, new Random(1), { count: 2, temperature: 1, trained: each, together: true });
        const { plans } = Reflect.get(each, 'memory') as { plans: { sequence?: { rows: unknown } } };
        if (each.sequence === model.logits)
          assert.equal(plans.sequence!.rows !== undefined, name !== 'scalar');
      }
    }
  });

  it('leaves the draws of documents one by one as they are', () => {
    const model = buildModel('rnn', tokenizer.vocabSize, SIZES, new Random(3));
    const options = { count: 30, temperature: 1 };
    const plain = sample(model, tokenizer, new Random(2), options);
    assert.deepEqual(sample(model, tokenizer, new Random(2), { ...options, together: false }), plain);
    assert.notDeepEqual(sample(model, tokenizer, new Random(2), { ...options, together: true }), plain);
    assert.deepEqual(sample(model, tokenizer, new Random(2), { ...options, count: 0, together: true }), []);
  });

  const table = parameter([
    [1, 2, 3],
    [4, 5, NaN],
  ]);
  const tokens = index('tokens', 2);
  const levels = [0, 1].map((at) => [table.at(tokens.at(at))]);
  const usual = { input: 'tokens', start: 0, stop: 9, temperature: 1, count: 50 };
  it('lets nobody read the numbers of one of them', () => {
    const program = new Program({ groups: levels, gradients: 'none' });
    program.generate(new Random(1), { ...usual, stop: 2, topK: 1, together: true });
    const last = levels[1]![0]!;
    assert.throws(() => program.read(last), /has no data: run its program on one example first/);
    program.forward({ tokens: [0, 0] });
    assert.deepEqual([...program.read(last)], [1, 2, 3]);
  });

  const refused: [string, Value[][], Partial<GenerateOptions>, string, RegExp][] = [
    ['a start beyond the rows', levels, { start: 2 }, 'FeedError', /'tokens'\[0\] = 2: expected/],
    ['a choice beyond the rows', levels, { temperature: 0.01 }, 'RangeError', /^index 2 in #\d+ \(at/],
    ['logits that are not finite', levels, { start: 1 }, 'RangeError', /drawn from are NaN or infinite/],
    ['such logits later', levels, { temperature: 30 }, 'RangeError', /NaN or infinite|^index 2 in/],
    [
      'one more input',
      [[levels[0]![0]!.mul(input('x'))], levels[1]!],
      {},
      'FeedError',
      /^generating needs 'tokens' to be the only input/,
    ],
    ['together that is no flag', levels, { together: 1 as never }, 'TypeError', /^together 1: expected/],
  ];
  for (const [title, groups, options, name, message] of refused) {
    it(`refuses ${title}, as one by one`, () => {
      const errors = [ONE_BY_ONE, ALL_PASSES].map((passes) => {
        const program = new Program({ groups, gradients: 'none' }, { passes });
        const act = (): unknown => program.generate(new Random(1), { ...usual, together: true, ...options });
        assert.throws(act, { name, message });
        if (groups === levels) {
          program.forward({ tokens: [0, 1] });
          assert.equal(program.read(levels[1]![0]!)[1], 5, 'a run after it is whole');
        }
        try {
          return act();
        } catch (error) {
          return (error as Error).message;
        }
      });
      assert.equal(errors[1], errors[0]);
    });
  }
});
