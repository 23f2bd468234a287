/** Model files: models that are built again, and strings and arrays that are refused. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer } from '../../lib/study/tokenizer.js';
import { buildModel } from '../../lib/study/build-model.js';
import { MODEL_NAMES, type ModelName } from '../../lib/study/models/sizes.js';
import { loadModel, saveModel } from '../../lib/study/model-file.js';
import { loadCheckpoint, saveCheckpoint } from '../../lib/study/checkpoint-file.js';
import { Adam, AdamW, SGD, type Optimizer } from '../../lib/optim/optimizers.js';
import { matricesOf } from '../../lib/study/models/graph-size.js';
import { Random } from '../../lib/runtime/random.js';
import { readSafetensors, writeSafetensors, type WrittenTensor } from '../../lib/weights/safetensors.js';
import { parameter } from '../../lib/value/leaves.js';
import { sample } from '../../lib/study/sampling.js';
import { pattern } from '../support/pattern.js';

const SIZES = { nEmbd: 4, nHead: 2, nLayer: 2, nState: 6, nAtt: 3, blockSize: 4 };
const tokenizer = new Tokenizer(['abc', '\u00e9\u{1f600}"\\\u0001']);
const build = (name: ModelName) => buildModel(name, tokenizer.vocabSize, SIZES, new Random(1));
type Begun = ReturnType<typeof begin>;
const begin = (name: ModelName, dtype: 'float64' | 'float32') => {
  const model = build(name);
  const training = model.optimizer(10).minimize(model.loss, { dtype });
  return { model, run: { training, random: new Random(1) } };
};
const feeds = { tokens: [8, 1, 2], targets: [1, 2, 8], length: 3 };

describe('a model in a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-model-'));
  after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'model.safetensors');

  for (const name of MODEL_NAMES) {
    it(`is ${name}, trained: built again, it says and invents the same`, () => {
      for (const dtype of ['float64', 'float32'] as const) {
        const model = build(name);
        const training = model.optimizer(10).minimize(model.loss, { dtype });
        for (let step = 0; step < 3; step++) training.step(feeds);
        saveModel(
          path,
          model,
          tokenizer,
          dtype === 'float64' ? { made: 'here' } : new Map([['made', 'here']]),
        );
        const loaded = loadModel(path);
        assert.deepEqual([loaded.dtype, loaded.metadata], [dtype, { made: 'here' }]);
        assert.deepEqual(loaded.tokenizer.characters, tokenizer.characters);
        assert.deepEqual([loaded.model.name, loaded.model.sizes], [name, model.sizes]);
        loaded.model.parameters.forEach((value, i) => {
          const expected = model.parameters[i]!;
          assert.deepEqual([value.name, [...value.data]], [expected.name, [...expected.data]]);
        });
        const again = loaded.model.optimizer(10).minimize(loaded.model.loss, { dtype });
        assert.equal(again.evaluate(feeds), training.evaluate(feeds));
        const invent = (m: typeof model, t: Tokenizer): string[] =>
          sample(m, t, new Random(2), { count: 9, temperature: 1, target: { dtype } });
        assert.deepEqual(invent(loaded.model, loaded.tokenizer), invent(model, tokenizer));
        // A file of a few matrices, whatever the graph's parameters are.
        const { tensors } = readSafetensors(readFileSync(path));
        assert.deepEqual(tensors.get('wte')?.shape, [9, 4]);
        assert(tensors.size < 20);
      }
    });
  }

  const moments: [when: string, before: (begin: () => Begun) => Begun][] = [
    ['before the first step', (begin) => begin()],
    [
      'again before the next step',
      (begin) => {
        const first = begin();
        first.run.training.step(feeds);
        saveCheckpoint(path, first.model, tokenizer, first.run);
        const second = begin();
        loadCheckpoint(path, second.model, second.run);
        return second;
      },
    ],
    [
      'after another training in the other type',
      (begin) => {
        const first = begin();
        const { dtype } = first.run.training.program;
        first.run.training.step(feeds);
        first.model
          .optimizer(10)
          .minimize(first.model.loss, { dtype: dtype === 'float32' ? 'float64' : 'float32' })
          .step(feeds);
        return first;
      },
    ],
  ];
  for (const [when, before] of moments) {
    it(`is saved ${when} in its training's data type, and goes on bit for bit`, () => {
      for (const dtype of ['float64', 'float32'] as const) {
        const start = () => begin('rnn', dtype);
        const { model, run } = before(start);
        saveCheckpoint(path, model, tokenizer, run);
        assert.equal(loadModel(path).dtype, dtype);
        const other = start();
        loadCheckpoint(path, other.model, other.run);
        const losses = (training: typeof run.training) => [0, 1, 2].map(() => training.step(feeds));
        assert.deepEqual(losses(other.run.training), losses(run.training));
      }
    });
  }

  for (const name of MODEL_NAMES) {
    it(`is ${name} in the middle of its training, which goes on bit for bit`, () => {
      for (const dtype of ['float64', 'float32'] as const) {
        const start = (seed: number) => {
          const model = buildModel(name, 9, SIZES, new Random(seed));
          const run = {
            training: model.optimizer(10).minimize(model.loss, { dtype }),
            random: new Random(seed),
          };
          return { model, ...run, run };
        };
        const whole = start(1);
        const losses = [0, 1, 2].map(() => whole.training.step(feeds));
        whole.random.gauss();
        saveCheckpoint(path, whole.model, tokenizer, { ...whole.run, losses }, new Map([['seed', '1']]));
        assert.throws(
          () => saveCheckpoint(path, whole.model, tokenizer, { ...whole.run, losses: [...losses, 4] }),
          { name: 'RangeError', message: 'number of losses 4: expected an integer from 0 to 3' },
        );
        const expected = [3, 4, 5].map(() => whole.training.step(feeds));

        const other = start(2);
        const kept = loadCheckpoint(path, other.model, other.run);
        assert.deepEqual([...kept.losses], losses);
        assert.deepEqual(kept.metadata, { seed: '1' });
        assert.equal(other.training.steps, 3);
        assert.deepEqual(
          [3, 4, 5].map(() => other.training.step(feeds)),
          expected,
        );
        assert.equal(other.random.gauss(), whole.random.gauss());
        assert.equal(loadModel(path).model.name, name);
        assert.throws(() => loadCheckpoint(path, other.model, other.run), /has taken steps/);
        const larger = buildModel(name, 9, { ...SIZES, nEmbd: 8 }, new Random(1));
        const training = larger.optimizer(10).minimize(larger.loss, { dtype });
        assert.throws(
          () => loadCheckpoint(path, larger, { training, random: new Random(1) }),
          /has nEmbd "4", not 8: it is not a checkpoint of this model$/,
        );
        saveModel(path, whole.model, tokenizer);
        const fresh = start(2);
        assert.throws(() => loadCheckpoint(path, fresh.model, fresh.run), /has no metadata 'steps'/);
      }
    });
  }

  const rate = { learningRate: 0.1 };
  const optimisers: [what: string, saved: Optimizer, loaded: Optimizer, says: RegExp][] = [
    [
      'AdamW in Adam',
      new AdamW(rate),
      new Adam(rate),
      /update rule has 9 numbers, but here it has 8: give the/,
    ],
    [
      'Adam in AdamW',
      new Adam(rate),
      new AdamW(rate),
      /update rule has 8 numbers, but here it has 9: give the/,
    ],
    [
      'SGD in Adam',
      new SGD(rate),
      new Adam(rate),
      /has no 'optimizer\.1\/wte', which this training has: give the optimiser that was saved, with/,
    ],
    [
      'Adam in SGD',
      new Adam(rate),
      new SGD(rate),
      pattern(
        /has 'optimizer\.1\/wte', .* too, /,
        /which a checkpoint of this training does not have: give the optimiser/,
      ),
    ],
  ];
  for (const [what, saved, loaded, says] of optimisers) {
    it(`is refused with another optimiser, which is named: ${what}`, () => {
      const [one, other] = [begin('rnn', 'float64'), begin('rnn', 'float64')];
      const training = saved.minimize(one.model.loss);
      training.step(feeds);
      saveCheckpoint(path, one.model, tokenizer, { ...one.run, training });
      const run = { ...other.run, training: loaded.minimize(other.model.loss) };
      assert.throws(() => loadCheckpoint(path, other.model, run), says);
    });
  }

  it('is refused with the training of another model, and with one that trains more', () => {
    const [one, other] = [begin('rnn', 'float64'), begin('rnn', 'float64')];
    const more = parameter(1, { name: 'more' });
    const training = one.model.optimizer(10).minimize(one.model.loss.add(more.mul(more)));
    const refused = (who: string, value: RegExp): RegExp =>
      new RegExp(
        `^TypeError: ${who}: this training is of another model: ${value.source} is not a parameter of`,
      );
    const wte = /'wte' \(parameter, shape \[9, 4\]\)/;
    const missing = join(folder, 'missing');
    const rows: [call: () => unknown, says: RegExp][] = [
      [() => saveCheckpoint(path, one.model, tokenizer, other.run), refused('saveCheckpoint', wte)],
      [() => loadCheckpoint(missing, one.model, other.run), refused('loadCheckpoint', wte)],
      [
        () => saveCheckpoint(path, one.model, tokenizer, { ...one.run, training }),
        refused('saveCheckpoint', /'more' \(parameter, shape \[\]\)/),
      ],
    ];
    for (const [call, says] of rows) assert.throws(call, says);
  });

  it('has the matrices that are looked for before it is built', () => {
    for (const name of MODEL_NAMES) {
      const { matrices, sizes } = build(name);
      const made = matrices.map(({ name: matrix, shape }) => [matrix, shape]);
      assert.deepEqual([...matricesOf(name, sizes)], made);
    }
  });

  it('is refused where a text or an array does not fit', () => {
    saveModel(path, build('rnn_att'), tokenizer);
    const { tensors, metadata } = readSafetensors(readFileSync(path));
    const write = (
      texts: Record<string, string | undefined>,
      arrays: Record<string, number[] | undefined> = {},
    ): void => {
      const changed = new Map(metadata);
      for (const [key, value] of Object.entries(texts)) {
        if (value === undefined) changed.delete(key);
        else changed.set(key, value);
      }
      const shapes = new Map<string, readonly number[] | undefined>(
        [...tensors].map(([key, { shape }]) => [key, shape]),
      );
      for (const [key, shape] of Object.entries(arrays)) shapes.set(key, shape);
      const written = new Map<string, WrittenTensor>();
      for (const [key, shape] of shapes)
        if (shape) written.set(key, { shape, data: new Float64Array(shape.reduce((a, b) => a * b, 1)) });
      writeFileSync(path, writeSafetensors(written, changed));
    };
    write({});
    loadModel(path);
    const rows: [Parameters<typeof write>, RegExp][] = [
      [[{ model: undefined }], /has no metadata 'model': it was not written by saveModel$/],
      [[{ tokenizer: undefined }], /has no metadata 'tokenizer'/],
      [[{ model: 'gpt' }], /: model "gpt": expected scalar, vector, rnn, rnn_att$/],
      [[{ model: 'constructor' }], /: model "constructor": expected/],
      [[{ dtype: 'float16' }], /: dtype "float16": expected float64, float32$/],
      ...['1e9', '-4', '0', '4.0', ' 4', '', 'NaN', '99999999', '\u0664'].map(
        (nEmbd): [Parameters<typeof write>, RegExp] => [
          [{ nEmbd }],
          /: nEmbd ".*": expected a whole number from 1 to 9999999$/,
        ],
      ),
      [[{ nEmbd: '9'.repeat(1e5) }], /: nEmbd "9{40}"\.\.\.: expected/],
      [[{ nEmbd: '9999999' }], /'wte' has shape \[9, 4\]: expected \[9, 9999999\]$/],
      [[{ nState: '7' }], /'m' has shape \[6, 6\]: expected \[7, 7\]$/],
      [[{ blockSize: '5' }], /'wpe' has shape \[4, 4\]: expected \[5, 4\]$/],
      [[{ nAtt: '7' }], /safetensors": nAtt 7 is more than nState 6/],
      [[{ model: 'vector', nHead: '3' }], /safetensors": nHead 3 does not divide nEmbd 4/],
      [[{ model: 'vector' }], /'lm_head' has shape \[6, 9\]: expected \[4, 9\]$/],
      [[{ model: 'vector', nLayer: '9999999' }], /vector of these sizes would not fit in memory$/],
      [[{ model: 'scalar', blockSize: '4096' }], /scalar of these sizes would not fit in memory$/],
      [
        [
          {
            model: 'scalar',
            nLayer: '1',
            nEmbd: '8',
            blockSize: '1',
            tokenizer: String.fromCodePoint(...Array.from({ length: 125_000 }, (_, i) => 0x10000 + i)),
          },
        ],
        /scalar of these sizes would not fit in memory$/,
      ],
      [[{ blockSize: '125001' }], /rnn_att of these sizes would not fit in memory$/],
      [[{ blockSize: '9999999' }], /rnn_att of these sizes would not fit in memory$/],
      [[{ tokenizer: 'aabcdefg' }], /: tokenizer "aabcdefg": expected each character once, in the order/],
      [[{ tokenizer: 'bacdefgh' }], /: tokenizer "bacdefgh": expected each character once/],
      [[{ tokenizer: 'abc' }], /'wte' has shape \[9, 4\]: expected \[4, 4\]$/],
      [[{}, { m: undefined }], /has no 'm': it has/],
      [[{}, { m: [36] }], /'m' has shape \[36\]: expected \[6, 6\]$/],
      [[{}, { more: [1] }], /has 'more' too, which rnn_att of these sizes does not have$/],
    ];
    for (const [changes, message] of rows) {
      write(...changes);
      assert.throws(() => loadModel(path), message);
    }
  });

  it('is not written where it could not be read again', () => {
    const model = build('rnn');
    const rows: [() => void, RegExp][] = [
      [() => saveModel(path, model, new Tokenizer(['ab'])), /a tokenizer of 3 tokens for a model of 9$/],
      [
        () => saveModel(path, buildModel('rnn', 3, SIZES, new Random(1)), new Tokenizer(['a\ud800'])),
        /the tokenizer has the character "\\u\{d800\}", half a surrogate pair/,
      ],
      [
        () =>
          saveModel(path, buildModel('rnn', 3, SIZES, new Random(1)), new Tokenizer(['\udc00', '\ud800'])),
        /half a surrogate pair/,
      ], // which would be a pair, one behind the other
      [
        () => saveModel(path, model, tokenizer, { note: '\udc00' }),
        /the value of metadata "note" has half a surrogate pair/,
      ],
      [
        () => saveModel(path, model, tokenizer, { nEmbd: '5' }),
        /metadata 'nEmbd': these names are reserved for the model$/,
      ],
      [
        () => saveModel(path, { ...model, sizes: { ...model.sizes, blockSize: 1e7 } }, tokenizer),
        /would not fit in memory$/,
      ],
    ];
    for (const [save, message] of rows) assert.throws(save, message);
  });
});
