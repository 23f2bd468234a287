/** Sampling: one native call draws the same as a loop over positions, from the same random numbers. */
import assert from 'node:assert/strict';
import { Tokenizer } from '../../lib/study/tokenizer.js';
import { buildModel } from '../../lib/study/build-model.js';
import { MODEL_NAMES } from '../../lib/study/models/sizes.js';
import type { Value } from '../../lib/value/value.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { choose } from '../../lib/value/joins.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { compile } from '../../lib/value/compile.js';
import { parsePasses } from '../../lib/compiler/passes.js';
import { addon } from '../../lib/binding/addon.js';
import { Program } from '../../lib/runtime/program.js';
import type { GenerateOptions } from '../../lib/runtime/generate.js';
import { Random } from '../../lib/runtime/random.js';
import { sample, Sampler, type SampleOptions } from '../../lib/study/sampling.js';
import { TARGETS } from '../support/targets.js';

const sum = (a: Value, b: Value): Value => a.add(b);

const tokenizer = new Tokenizer(['abc', 'xyz']);

type Drawing = Pick<SampleOptions, 'temperature' | 'topK'> & { prefix?: number[] };

/**
 * What SPEC says, written out: softmax(logits / temperature), of the `topK` largest alone, `choices`,
 * stop at BOS.
 */
function drawn(
  program: Program,
  logits: Value[][],
  random: Random,
  start: number,
  { temperature, topK, prefix = [] }: Drawing,
): number[] {
  const tokens = [start, ...prefix];
  for (const [at, group] of logits.entries()) {
    program.advance({ tokens: tokens.slice(0, at + 1) }, at);
    if (at < prefix.length) continue;
    const scores = group.flatMap((value) => Array.from(program.read(value)));
    const order = [...scores.keys()].sort((i, j) => scores[j]! - scores[i]! || i - j);
    const kept = new Set(order.slice(0, topK));
    const max = Math.max(...scores);
    const weights = scores.map((x, i) => (kept.has(i) ? Math.exp((x - max) / temperature) : 0));
    const token = random.weightedIndex(weights);
    tokens.push(token);
    if (token === tokenizer.bos) break;
  }
  return tokens.slice(1);
}

/** With what documents of `abcxyz` are drawn from models of five positions. */
const drawings: readonly Drawing[] = [
  { temperature: 0.5 },
  { temperature: 20 },
  { temperature: 0.5, topK: 1 },
  { temperature: 20, topK: 2 },
  { temperature: 20, topK: 6 },
  { temperature: 20, topK: 7 },
  { temperature: 0.5, topK: 1000 },
  { temperature: 20, prefix: [] },
  { temperature: 20, prefix: [5] },
  { temperature: 20, prefix: [0, 1, 2, 0] },
  { temperature: 20, topK: 3, prefix: [2, 2] },
  { temperature: 0.5, topK: 2, prefix: [4, 0, 3] },
];

describe('sampling', () => {
  for (const name of MODEL_NAMES) {
    it(`draws from ${name} what a loop over its positions draws`, () => {
      const sizes = { nEmbd: 4, nHead: 2, blockSize: 5, nState: 6, nAtt: 3 };
      const model = buildModel(name, tokenizer.vocabSize, sizes, new Random(3));
      const makeFarFromUniform = (x: number): number => 8 * x;
      for (const value of model.parameters) value.data.set(value.data.map(makeFarFromUniform));
      for (const target of TARGETS) {
        const loop = new Program({ groups: model.logits, gradients: 'none' }, target);
        const sequence = { sequence: model.logits, ...target };
        const { program } = model.optimizer(10, 1).minimize(model.loss, sequence);
        assert.equal(program.sequence, model.logits);
        const samplers = [new Sampler(model, tokenizer, target), new Sampler(model, tokenizer, {}, program)];
        const a = new Random(5);
        const streams = samplers.map(() => new Random(5));
        const lengths = new Set<number>();
        for (const drawing of drawings) {
          const wanted = Array.from({ length: 30 }, () =>
            drawn(loop, model.logits, a, tokenizer.bos, drawing),
          );
          for (const [i, sampler] of samplers.entries()) {
            const got = sampler.tokens(streams[i]!, { count: 30, ...drawing });
            assert.deepEqual(
              got.map((tokens) => [...tokens]),
              wanted,
              JSON.stringify([target, drawing, i]),
            );
          }
          for (const tokens of wanted) lengths.add(tokens.length);
        }
        assert.ok(lengths.size > 2, 'documents of several lengths');
        const next = a.random();
        for (const b of streams) assert.equal(b.random(), next, 'the stream goes on where it should');
      }
    });
  }

  /** Rows of logits; the stop is not among their choices. */
  const rows: [string, number[]][] = [
    ['all equal', new Array<number>(9).fill(2)],
    ['equal in the middle', [3, 1, 2, 1, 2, 2, 1, 0]],
    ['infinitely small ones', [1, -Infinity, 0, -Infinity]],
    [
      'neighbours, of which temperature makes some equal',
      Array.from({ length: 8 }, (_, i) => 1.9 + i * 2 ** -52),
    ],
    ['100, ten of each', Array.from({ length: 100 }, (_, i) => (i * 37) % 10)],
    ['500, five of each', Array.from({ length: 500 }, (_, i) => (i * 37) % 100)],
    ['500, most of them equal', Array.from({ length: 500 }, (_, i) => (i % 50 === 7 ? i : 0))],
  ];
  for (const [title, numbers] of rows) {
    it(`draws from the largest, the first of equal ones: ${title}`, () => {
      const scores = parameter(numbers, { shape: [1, numbers.length] });
      const logits = [[scores.at(index('tokens', 1).at(0))]];
      for (const target of TARGETS) {
        const program = new Program({ groups: logits, gradients: 'none' }, target);
        const n = numbers.length;
        for (const topK of [1, 2, 3, n >> 1, n - 1, n, n + 1]) {
          const temperature = 3;
          const [a, b] = [new Random(topK), new Random(topK)];
          const wanted = Array.from(
            { length: 40 },
            () => drawn(program, logits, a, 0, { temperature, topK })[0],
          );
          const got = program.generate(b, {
            input: 'tokens',
            start: 0,
            stop: n,
            temperature,
            topK,
            count: 40,
          });
          assert.deepEqual(
            got.map(([token]) => token),
            wanted,
            JSON.stringify([target, topK]),
          );
          assert.equal(b.random(), a.random());
        }
      }
    });
  }

  it('begins every document with the prefix, as text or tokens', () => {
    const model = buildModel('vector', tokenizer.vocabSize, {}, new Random(1));
    const options = { count: 20, temperature: 1, topK: 4 };
    const texts = sample(model, tokenizer, new Random(2), { ...options, prefix: 'cab' });
    assert.ok(texts.every((text) => text.startsWith('cab')));
    assert.ok(new Set(texts).size > 5);
    for (const prefix of [[2, 0, 1], Int32Array.of(2, 0, 1)]) {
      assert.deepEqual(sample(model, tokenizer, new Random(2), { ...options, prefix }), texts);
    }
    const plain = sample(model, tokenizer, new Random(2), options);
    assert.deepEqual(sample(model, tokenizer, new Random(2), { ...options, prefix: '' }), plain);
  });

  const odd = [NaN, -1, 1.5, '2', null, {}] as unknown as number[];
  const five = buildModel('rnn', tokenizer.vocabSize, { blockSize: 5 }, new Random(1));
  const refusedPrefixes: [string, unknown, string, RegExp][] = [
    [
      'an unknown character',
      'abé',
      'DataError',
      /^"abé" has a character.*: "é" \(U\+00E9\); it has "abcxyz"$/,
    ],
    ['half a character', 'a\ud83d', 'DataError', /U\+D83D/],
    [
      'as many characters as positions',
      'abcab',
      'DataError',
      /^the prefix has 5 tokens: the model has 5 positions, so a prefix has at most 4$/,
    ],
    ['as many tokens as positions', [0, 0, 0, 0, 0], 'DataError', /has 5 tokens/],
    ['far more tokens', new Int32Array(1e6), 'DataError', /has 1000000 tokens/],
    ['BOS', [0, 6], 'DataError', /a token 6: tokens of characters go from 0 to 5$/],
    ['a hole', new Array<number>(2), 'DataError', /a token undefined: tokens/],
    ...odd.map((x): [string, unknown, string, RegExp] => [
      `the token ${JSON.stringify(x)}`,
      [1, x],
      'DataError',
      /^the prefix has a token .*: tokens/,
    ]),
    ...[5, NaN, null, {}, new Float64Array(2)].map((x): [string, unknown, string, RegExp] => [
      `${typeof x} ${JSON.stringify(x)}`,
      x,
      'TypeError',
      /^prefix .*: expected a string or an array of tokens$/,
    ]),
  ];
  for (const [title, prefix, name, message] of refusedPrefixes) {
    it(`refuses a prefix: ${title}`, () => {
      const options = { count: 1, temperature: 1, prefix } as SampleOptions;
      assert.throws(() => sample(five, tokenizer, new Random(1), options), { name, message });
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
      assert.deepEqual(
        documents,
        tokens.map((document) => tokenizer.decode(document)),
      );
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

  describe('feeds an input that the compiler dropped as one that it did not:', () => {
    const b = parameter([1, 2], { name: 'b' });
    const rows = parameter([1, 2, 3, 4], { shape: [2, 2], name: 'rows' });
    const t = index('t', 3);
    const row = (at: number): Value => rows.at(t.at(at));
    const single = (at: number): Value => choose([parameter(1), parameter(2)], t.at(at));
    const dropped: [title: string, groups: Value[][]][] = [
      ['at all positions', [0, 1, 2].map((at) => [b.add(row(at).mul(0))])],
      ['at the last', [0, 1, 2].map((at) => [at === 2 ? b.add(row(at).mul(0)) : row(at)])],
      ['at the first', [0, 1, 2].map((at) => [at === 0 ? b.mul(at).add(row(at).mul(0)) : row(at)])],
      ['of single numbers', [0, 1, 2].map((at) => [parameter(1), parameter(2).add(single(at).mul(0))])],
    ];
    for (const [title, groups] of dropped) {
      it(title, () => {
        for (const target of TARGETS) {
          for (const together of [false, true]) {
            const [all, none] = ['all', '-simplify'].map((passes) => {
              const options = { ...target, passes: parsePasses(passes) };
              const sequence = new Program({ groups, gradients: 'none' }, options);
              const training = new SGD({ learningRate: 1 }).minimize(groups.flat().reduce(sum).sum(), {
                ...options,
                sequence: groups,
              });
              return [sequence, training.program].map((program) =>
                program.sequence === groups || program === sequence
                  ? program
                      .generate(new Random(4), {
                        ...{ input: 't', start: 1, stop: 9, temperature: 1, count: 20, together },
                        prefix: Int32Array.of(1),
                      })
                      .map((each) => [...each])
                  : [],
              );
            });
            assert.deepEqual(all, none);
            assert.equal(new Set(all![0]!.map(String)).size, 4, 'all sequences are drawn');
          }
        }
      });
    }

    it('but no other input of the program', () => {
      const loss = b.add(rows.at(index('other', 3).at(0))).sum();
      const groups = [0, 1, 2].map((at) => [row(at)]);
      const all = loss.add(groups.flat().reduce(sum).sum());
      const program = new Program({ groups: [[all], ...groups], gradients: 'none' });
      assert.throws(
        () =>
          program.generate(new Random(1), { input: 'other', start: 0, stop: 9, temperature: 1, count: 1 }),
        /^FeedError: generating needs 'other' to be the only input/,
      );
    });
  });

  describe('draws by logits that are far apart or large:', () => {
    const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
    const cases: [title: string, logits: number[], temperature: number, drawn: number[]][] = [
      ['at a temperature that they overflow by', [20, 30, 10], 1e-37, [1]],
      ['below zero', [-20, -30, -10], 1e-37, [2]],
      ['of which only some overflow', [-30, 0, -40], 1e-37, [1]],
      ['of which the largest two are equal', [30, 20, 30], 1e-37, [0, 2]],
      ['that are large themselves', [3e38, -3e38, 2e38], 0.5, [0]],
      ['beside minus infinity', [20, -inf, 30], 1e-37, [2]],
      ['beside minus infinity, at a usual temperature', [0, -inf, 0], 0.5, [0, 2]],
      ['with NaN', [20, nan, 30], 1e-37, []],
      ['with infinity', [20, inf, 30], 1e-37, []],
      ['all minus infinity', [-inf, -inf, -inf], 1e-37, []],
    ];
    for (const [title, logits, temperature, expected] of cases) {
      it(title, () => {
        const rows = parameter([logits, logits, logits]);
        const tokens = index('tokens', 2);
        const groups = [0, 1].map((at) => [rows.at(tokens.at(at))]);
        for (const target of TARGETS) {
          const program = new Program({ groups, gradients: 'none' }, target);
          for (const options of [{}, { topK: 2 }, { together: true }, { together: true, topK: 2 }]) {
            const usual = { input: 'tokens', start: 0, stop: 9, count: 40 };
            const draw = (): Int32Array[] =>
              program.generate(new Random(1), { ...usual, temperature, ...options });
            if (expected.length === 0) assert.throws(draw, /^RangeError: .*drawn from are NaN or infinite/);
            else assert.deepEqual([...new Set(draw().flatMap((each) => [...each]))].sort(), expected);
          }
        }
      });
    }
  });

  it('uses the parameters of the moment', () => {
    const scores = parameter(
      [
        [9, 0, 0],
        [0, 9, 0],
      ],
      { name: 'scores' },
    );
    const tokens = index('tokens', 2);
    const program = new Program({
      groups: [[scores.at(tokens.at(0))], [scores.at(tokens.at(1))]],
      gradients: 'none',
    });
    const draw = (): number[] => [
      ...program.generate(new Random(0), {
        input: 'tokens',
        start: 0,
        stop: 2,
        temperature: 0.01,
        count: 1,
      })[0]!,
    ];
    assert.deepEqual(draw(), [0, 0]);
    scores.data.set([0, 9, 0, 0, 0, 9]);
    assert.deepEqual(draw(), [1, 2]);
  });

  const table = parameter(
    [
      [1, 2, 3],
      [4, 5, NaN],
    ],
    { name: 'table' },
  );
  const tokens = index('tokens', 2);
  const positions = [0, 1].map((at) => [table.at(tokens.at(at))]);
  const usual = { input: 'tokens', start: 0, stop: 9, temperature: 1, count: 50 };
  type Refused = [string, Value[][], Partial<GenerateOptions>, string, RegExp];
  const refused: Refused[] = [
    [
      'a start beyond the rows',
      positions,
      { start: 2 },
      'FeedError',
      /'tokens'\[0\] = 2: expected an integer from 0 to 1/,
    ],
    [
      'a choice beyond the rows',
      positions,
      { temperature: 0.01 },
      'RangeError',
      /^index 2 in #\d+ \(at, .*: expected an integer from 0 to 1$/,
    ],
    ['logits that are not finite', positions, { start: 1 }, 'RangeError', /drawn from are NaN or infinite/],
    [
      'logits that are not finite, beyond the largest',
      positions,
      { start: 1, topK: 1 },
      'RangeError',
      /drawn from are NaN or infinite/,
    ],
    [
      'a temperature of zero',
      positions,
      { temperature: 0 },
      'RangeError',
      /^temperature 0: expected a finite number above zero/,
    ],
    ['a negative count', positions, { count: -1 }, 'RangeError', /^count -1: expected an integer from 0/],
    ...odd.map((topK): Refused => [
      `a topK of ${JSON.stringify(topK)}`,
      positions,
      { topK },
      'RangeError',
      /^topK .*: expected an integer from 1$/,
    ]),
    ...odd.map((temperature): Refused => [
      `a temperature of ${JSON.stringify(temperature)}`,
      positions,
      { temperature: temperature === 1.5 ? Infinity : temperature },
      'RangeError',
      /^temperature .*: expected a finite number above zero$/,
    ]),
    ...odd.map((count): Refused => [
      `a count of ${JSON.stringify(count)}`,
      positions,
      { count },
      'RangeError',
      /^count .*: expected an integer from 0$/,
    ]),
    ['a topK of zero', positions, { topK: 0 }, 'RangeError', /^topK 0: expected an integer from 1$/],
    [
      'a prefix that is no Int32Array',
      positions,
      { prefix: [1] as unknown as Int32Array },
      'TypeError',
      /^prefix: an array, expected an Int32Array$/,
    ],
    [
      'a prefix as long as the positions',
      positions,
      { prefix: Int32Array.of(1, 1) },
      'RangeError',
      /^prefix: 2 integers, expected at most 1: one of 2 positions/,
    ],
    [
      'a prefix beyond the rows',
      positions,
      { prefix: Int32Array.of(2) },
      'FeedError',
      /'tokens'\[1\] = 2: expected an integer from 0 to 1/,
    ],
    [
      'a prefix with the stop',
      positions,
      { prefix: Int32Array.of(1), stop: 1 },
      'RangeError',
      /^prefix\[0\] = 1: it ends a sequence/,
    ],
    ['half a stop', positions, { stop: 0.5 }, 'RangeError', /^stop 0.5: expected an integer from 0/],
    [
      'an unknown input',
      positions,
      { input: 'token' },
      'FeedError',
      /^generating needs 'token' to be the only input .*inputs: 'tokens'; did you mean tokens\?$/,
    ],
    [
      'one more input',
      [[positions[0]![0]!.mul(input('x'))], positions[1]!],
      {},
      'FeedError',
      /^generating needs 'tokens' to be the only input that the results read, .*inputs: 'x', 'tokens'$/,
    ],
    [
      'a position that reads what is drawn later',
      [0, 1].map((at) => [table.gather(tokens).cumsum(0).at(at)]),
      {},
      'FeedError',
      /^generating: position 0 of the sequence reads 2 integers of 'tokens' .*: it may read 1, /,
    ],
    [
      'positions that choose from different counts',
      [positions[0]!, [positions[1]![0]!.sum()]],
      {},
      'Error',
      /3, 1 numbers/,
    ],
  ];
  for (const [title, groups, options, name, message] of refused) {
    it(`refuses ${title}`, () => {
      const program = new Program({ groups, gradients: 'none' });
      const act = (): unknown => program.generate(new Random(1), { ...usual, ...options });
      assert.throws(act, { name, message });
      if (groups !== positions) return;
      program.forward({ tokens: [0, 1] });
      assert.equal(program.read(positions[1]![0]!)[1], 5, 'a run after it is whole');
    });
  }

  it('refuses a sequence that does not run in its program', () => {
    const sum = positions[1]![0]!.sum();
    const program = compile(sum, { sequence: positions });
    assert.throws(() => program.generate(new Random(1), usual), {
      name: 'FeedError',
      message: /^generating: the program's sequence has 2 positions, but does not run in it, since its loss/,
    });
  });
});
