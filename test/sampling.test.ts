/** Sampling: one native call draws what a loop over positions draws, from the same random stream. */
import assert from 'node:assert/strict';
import { Tokenizer } from '../lib/data.js';
import { buildModel, MODEL_NAMES } from '../lib/experiment.js';
import { index, input, parameter, type Value } from '../lib/graph.js';
import { addon } from '../lib/native.js';
import { Program } from '../lib/program.js';
import { Random } from '../lib/random.js';
import { sample, Sampler } from '../lib/sampling.js';
import { TARGETS } from './support/targets.js';

const tokenizer = new Tokenizer(['abc', 'xyz']);

/** What SPEC says, written out: softmax(logits / temperature), `choices`, stop at BOS. */
function drawn(program: Program, logits: Value[][], random: Random, temperature: number): number[] {
  const tokens = [tokenizer.bos];
  for (const [at, group] of logits.entries()) {
    program.advance({ tokens }, at);
    const scores = group.flatMap((value) => Array.from(program.read(value)));
    const max = Math.max(...scores);
    const token = random.weightedIndex(scores.map((x) => Math.exp((x - max) / temperature)));
    tokens.push(token);
    if (token === tokenizer.bos) break;
  }
  return tokens.slice(1);
}

describe('sampling', () => {
  for (const name of MODEL_NAMES) {
    it(`draws from ${name} what a loop over its positions draws`, () => {
      const sizes = { nEmbd: 4, nHead: 2, blockSize: 5, nState: 6, nAtt: 3 };
      const model = buildModel(name, tokenizer.vocabSize, sizes, new Random(3));
      const makeFarFromUniform = (x: number): number => 8 * x;
      for (const value of model.parameters) value.data.set(value.data.map(makeFarFromUniform));
      for (const target of TARGETS) {
        const loop = new Program({ groups: model.logits, gradients: 'none' }, target);
        const sampler = new Sampler(model, tokenizer, target);
        const [a, b] = [new Random(5), new Random(5)];
        const lengths = new Set<number>();
        for (const temperature of [0.5, 20]) {
          const wanted = Array.from({ length: 30 }, () =>
            drawn(loop, model.logits, a, temperature),
          );
          const got = sampler.tokens(b, { count: 30, temperature });
          assert.deepEqual(got.map((tokens) => [...tokens]), wanted); // prettier-ignore
          for (const tokens of wanted) lengths.add(tokens.length);
        }
        assert.ok(lengths.size > 2, 'documents of several lengths');
        assert.equal(b.random(), a.random(), 'the stream goes on where it should');
      }
    });
  }

  it('makes one native call for all documents, which decode without their end', () => {
    const model = buildModel('rnn', tokenizer.vocabSize, {}, new Random(1));
    const tokens = new Sampler(model, tokenizer).tokens(new Random(2), {
      count: 9,
      temperature: 1,
    });
    const original = addon.generate.bind(addon);
    let calls = 0;
    addon.generate = (...given) => {
      calls++;
      return original(...given);
    };
    try {
      const documents = sample(model, tokenizer, new Random(2), { count: 9, temperature: 1 });
      assert.equal(calls, 1);
      assert.deepEqual(documents, tokens.map((document) => tokenizer.decode(document))); // prettier-ignore
    } finally {
      addon.generate = original;
    }
  });

  it("draws in the training's own program, where it can, what a program of its own draws", () => {
    const sizes = { nEmbd: 4, nHead: 2, blockSize: 5 };
    const model = buildModel('scalar', tokenizer.vocabSize, sizes, new Random(3));
    const training = model
      .optimizer(10, 1)
      .minimize(model.loss, { sequence: model.logits, dtype: 'float32' });
    assert.equal(training.program.sequence, model.logits);
    training.step({ tokens: [0, 1], targets: [1, 2], length: 2 });
    const options = { count: 30, temperature: 1 };
    const own = new Sampler(model, tokenizer, { dtype: 'float32' });
    const wanted = own.tokens(new Random(5), options);
    const shared = new Sampler(model, tokenizer, {}, training.program);
    assert.deepEqual(shared.tokens(new Random(5), options), wanted);
    training.step({ tokens: [0, 1], targets: [1, 2], length: 2 });
    const next = own.tokens(new Random(5), options);
    assert.notDeepEqual(next, wanted);
    assert.deepEqual(shared.tokens(new Random(5), options), next);
  });

  it('uses the parameters of the moment', () => {
    const scores = parameter([[9, 0, 0], [0, 9, 0]], { name: 'scores' }); // prettier-ignore
    const tokens = index('tokens', 2);
    const program = new Program({ groups: [[scores.at(tokens.at(0))], [scores.at(tokens.at(1))]], gradients: 'none' }); // prettier-ignore
    const draw = (): number[] =>
      [...program.generate(new Random(0), { input: 'tokens', start: 0, stop: 2, temperature: 0.01, count: 1 })[0]!]; // prettier-ignore
    assert.deepEqual(draw(), [0, 0]);
    scores.data.set([0, 9, 0, 0, 0, 9]);
    assert.deepEqual(draw(), [1, 2]);
  });

  const table = parameter([[1, 2, 3], [4, 5, NaN]], { name: 'table' }); // prettier-ignore
  const tokens = index('tokens', 2);
  const levels = [0, 1].map((at) => [table.at(tokens.at(at))]);
  const usual = { input: 'tokens', start: 0, stop: 9, temperature: 1, count: 50 };
  const refused: [string, Value[][], Partial<typeof usual>, string, RegExp][] = [
    ['a start beyond the rows', levels, { start: 2 }, 'FeedError', /'tokens'\[0\] = 2: expected an integer from 0 to 1/], // prettier-ignore
    ['a choice beyond the rows', levels, { temperature: 0.01 }, 'RangeError', /^index 2 in #\d+ \(gather, .*: expected an integer from 0 to 1$/], // prettier-ignore
    ['logits that are not finite', levels, { start: 1 }, 'RangeError', /finite sum above zero/],
    ['a temperature of zero', levels, { temperature: 0 }, 'RangeError', /^temperature 0: expected a number above zero/], // prettier-ignore
    ['a negative count', levels, { count: -1 }, 'RangeError', /^count -1: expected an integer from 0/], // prettier-ignore
    ['half a stop', levels, { stop: 0.5 }, 'RangeError', /^stop 0.5: expected an integer from 0/],
    ['an input that is none', levels, { input: 'letters' }, 'FeedError', /feeds 'letters' alone.*inputs: 'tokens'/], // prettier-ignore
    ['one more input', [[levels[0]![0]!.mul(input('x'))], levels[1]!], {}, 'FeedError', /alone.*'x', 'tokens'/], // prettier-ignore
    ['levels that choose from different counts', [levels[0]!, [levels[1]![0]!.sum()]], {}, 'Error', /3, 1 numbers/], // prettier-ignore
  ];
  for (const [title, groups, options, name, message] of refused) {
    it(`refuses ${title}`, () => {
      const program = new Program({ groups, gradients: 'none' });
      const act = (): unknown => program.generate(new Random(1), { ...usual, ...options });
      assert.throws(act, { name, message });
    });
  }
});
