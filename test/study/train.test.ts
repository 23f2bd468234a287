/** Training in the background: the same numbers as in the foreground, and what else can be done meanwhile. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Progress } from '../../lib/runtime/background.js';
import { embeddedNamesPath, readDocuments } from '../../lib/study/documents.js';
import { Tokenizer } from '../../lib/study/tokenizer.js';
import type { Dataset } from '../../lib/runtime/dataset.js';
import { runExperiment } from '../../lib/study/experiment.js';
import { buildModel, type BuiltModel } from '../../lib/study/build-model.js';
import { MODEL_NAMES, type ModelName } from '../../lib/study/models/sizes.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { addon } from '../../lib/binding/addon.js';
import { SGD } from '../../lib/optim/optimizers.js';
import type { Training } from '../../lib/optim/training.js';
import { decay } from '../../lib/optim/rates.js';
import { packageRoot } from '../../lib/core/package.js';
import { BusyError } from '../../lib/runtime/errors.js';
import { compile } from '../../lib/value/compile.js';
import type { DType } from '../../lib/core/array.js';
import { Random } from '../../lib/runtime/random.js';
import { sample } from '../../lib/study/sampling.js';
import { train } from '../../lib/study/train.js';
import { saveWeights } from '../../lib/weights/weights.js';

const docs = readDocuments(embeddedNamesPath()).slice(0, 2000);
const tokenizer = new Tokenizer(docs);
const STEPS = 300;

/** With the parameters that `runExperiment` draws from the seed. */
function built(name: ModelName, seed = 42): BuiltModel {
  const random = new Random(seed);
  random.permutation(docs.length);
  return buildModel(name, tokenizer.vocabSize, {}, random);
}

/** A training of one number on as many examples. */
function small(count: number): { training: Training; dataset: Dataset; w: ReturnType<typeof parameter> } {
  const w = parameter(1, { name: 'w' });
  const loss = w.mul(input('x')).sub(1).pow(2);
  const training = new SGD({ learningRate: decay(0.01, 0.999), momentum: 0.5 }).minimize(loss);
  const values = Float64Array.from({ length: count }, (_, i) => Math.sin(i));
  return { training, dataset: { count, inputs: { x: { values } } }, w };
}

const rejection = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail('it was resolved'),
    (error: unknown) => error,
  );

describe('training off the event loop', () => {
  for (const name of MODEL_NAMES) {
    for (const dtype of ['float64', 'float32'] as DType[]) {
      it(`has the losses of runExperiment, bit for bit: ${name}, ${dtype}`, async () => {
        const seed = 42;
        const { losses } = runExperiment(name, { docs, seed, steps: STEPS, samples: 0, dtype });
        const model = built(name);
        const found = await train(model, docs, { seed, steps: STEPS, dtype });
        assert.deepEqual([...found.losses], losses);
        assert.equal(found.training.steps, STEPS);
        const [invented] = sample(model, found.tokenizer, new Random(1), { count: 1, temperature: 0.5 });
        assert.ok(invented!.length > 0);
      });
    }
  }

  it('refuses what is no model, and says what to give', async () => {
    const model = built('rnn');
    const rows: [model: unknown, docs: unknown, says: string][] = [
      [docs, model, 'an array, expected a model made by buildModel first, then the documents'],
      [
        { model },
        docs,
        'an object, expected a model made by buildModel (of what loadModel gives, take model)',
      ],
      [
        model.loss,
        docs,
        `${model.loss.label}, expected a model made by buildModel (of what loadModel gives, take model)`,
      ],
    ];
    for (const [given, list, says] of rows)
      await assert.rejects(train(given as never, list as never), {
        name: 'TypeError',
        message: `train: the model is ${says}`,
      });
  });

  it('is the steps of stepEach, and goes on from them', async () => {
    const [one, other] = [small(5000), small(5000)];
    const losses = one.training.stepEach(one.dataset);
    const found = [
      ...other.training.stepEach(other.dataset, 0, 100),
      ...(await other.training.stepEachAsync(other.dataset, 100)),
    ];
    assert.deepEqual(found, [...losses]);
    assert.deepEqual([...other.w.data], [...one.w.data]);
    assert.deepEqual([...(await other.training.stepEachAsync(other.dataset, 7, 7))], []);
    assert.equal(other.training.step({ x: 1 }), one.training.step({ x: 1 }));
  });

  it('lets timers fire, and two models train at once', async () => {
    let fired = 0;
    const timer = setInterval(() => fired++, 1);
    try {
      const models = [built('vector', 1), built('vector', 2)];
      const both = await Promise.all(models.map((model) => train(model, docs, { steps: STEPS })));
      for (const [i, { losses }] of both.entries()) {
        const alone = await train(built('vector', i + 1), docs, { steps: STEPS });
        assert.deepEqual(alone.losses, losses);
      }
    } finally {
      clearInterval(timer);
    }
    assert.ok(fired > 0);
  });

  it('tells how far it is, and lets the model be read then', async () => {
    const told: Progress[] = [];
    const model = built('rnn');
    const { losses } = await train(model, docs, {
      steps: STEPS,
      onProgress: async (progress) => {
        await setImmediate();
        assert.ok(model.parameters[0]!.data.length > 0);
        told.push(progress);
      },
    });
    assert.ok(told.length > 1);
    assert.deepEqual(
      told.flatMap((part) => [...part.losses]),
      [...losses],
    );
    assert.deepEqual(
      told.map(({ loss }) => loss),
      told.map((part) => part.losses.at(-1)),
    );
    assert.equal(told.at(-1)!.step, STEPS);
  });

  it('goes step by step in a loop, which can be left', async () => {
    const model = built('vector');
    const seen: number[] = [];
    let at = 0;
    for await (const { step, losses } of model.steps(docs, { steps: STEPS })) {
      seen.push(...losses);
      at = step;
      assert.equal(sample(model, tokenizer, new Random(1), { count: 1, temperature: 1 }).length, 1);
      if (step > 20) break;
    }
    assert.equal(seen.length, at);
    assert.ok(at > 20 && at < STEPS);
    const whole = await train(built('vector'), docs, { steps: STEPS });
    assert.deepEqual([...whole.losses.subarray(0, at)], seen);
    assert.equal((await train(model, docs, { steps: 3 })).losses.length, 3);
  });

  describe('an abort', () => {
    it('before the first step', async () => {
      const { training, dataset } = small(10);
      const reason = new Error('no');
      const error = await rejection(
        training.stepEachAsync(dataset, 0, 10, { signal: AbortSignal.abort(reason) }),
      );
      assert.equal(error, reason);
      assert.equal(training.steps, 0);
    });

    it('in the middle keeps the steps that were taken, and each rate', async () => {
      const [one, other] = [small(400_000), small(10)];
      const controller = new AbortController();
      const promise = rejection(
        one.training.stepEachAsync(one.dataset, 0, one.dataset.count, {
          signal: controller.signal,
          // While the next native call runs.
          onProgress: ({ step }) => step > 1000 && void setImmediate().then(() => controller.abort()),
        }),
      );
      assert.equal(((await promise) as Error).name, 'AbortError');
      const { steps } = one.training;
      assert.ok(steps > 0 && steps < one.dataset.count, `${steps}`);
      other.training.stepEach(one.dataset, 0, steps);
      assert.deepEqual([...one.w.data], [...other.w.data]);
      assert.deepEqual(
        [...one.training.stepEach(one.dataset, steps, steps + 9)],
        [...other.training.stepEach(one.dataset, steps, steps + 9)],
      );
    });

    it('of a model leaves it usable', async () => {
      const model = built('vector');
      const controller = new AbortController();
      const error = await rejection(
        train(model, docs, {
          steps: 100_000,
          signal: controller.signal,
          onProgress: ({ step }) => step > 10 && controller.abort('enough'),
        }),
      );
      assert.equal(error, 'enough');
      assert.equal((await train(model, docs, { steps: 2 })).losses.length, 2);
    });

    it('after the end is none', async () => {
      const { training, dataset } = small(10);
      const controller = new AbortController();
      const { signal } = controller;
      await training.stepEachAsync(dataset, 0, 10, { signal });
      controller.abort();
      assert.equal(training.steps, 10);
    });
  });

  it('reads copies of the documents, whose arrays may be transferred meanwhile', async () => {
    const { training, dataset } = small(5000);
    const alone = small(5000);
    const expected = alone.training.stepEach(alone.dataset);
    const losses = training.stepEachAsync(dataset);
    const { buffer } = dataset.inputs['x']!.values;
    structuredClone(buffer as ArrayBuffer, { transfer: [buffer as ArrayBuffer] });
    assert.deepEqual(await losses, expected);
  });

  describe('meanwhile refuses', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vecgrad-train-'));
    after(() => rmSync(folder, { recursive: true }));
    const calls: [what: string, call: (of: ReturnType<typeof small>) => unknown][] = [
      ['step', ({ training }) => training.step({ x: 1 })],
      ['stepEach', ({ training, dataset }) => training.stepEach(dataset)],
      ['stepEachAsync', ({ training, dataset }) => training.stepEachAsync(dataset)],
      ['stepBatch', ({ training }) => training.stepBatch([{ x: 1 }])],
      ['evaluate', ({ training }) => training.evaluate({ x: 1 })],
      ['evaluateEach', ({ training, dataset }) => training.evaluateEach(dataset)],
      ['forward', ({ training }) => training.program.forward({ x: 1 })],
      ['advance', ({ training }) => training.program.advance({ x: 1 }, 0)],
      ['backward', ({ training }) => training.program.backward()],
      ['runPart', ({ training }) => training.program.runPart('forward')],
      [
        'generate',
        ({ training }) =>
          training.program.generate(new Random(1), {
            input: 'x',
            start: 0,
            stop: 0,
            temperature: 1,
            count: 1,
          }),
      ],
      ['setRule', ({ training }) => training.program.update.setRule(0, 1)],
      ['arena', ({ training }) => training.program.arena],
      ['read', ({ training, w }) => training.program.read(w)],
      ['readGradient', ({ training, w }) => training.program.readGradient(w)],
      ['data', ({ w }) => w.data],
      ['a program with the parameter', ({ w }) => compile(w.mul(2)).forward({})],
      ['another training of it', ({ w }) => new SGD({ learningRate: 1 }).minimize(w.mul(2)).step({})],
      ['saveWeights', ({ w }) => saveWeights(join(folder, 'w'), [w])],
      ['toDot with data', ({ w }) => w.toDot({ data: true })],
    ];
    for (const [what, call] of calls) {
      it(what, async () => {
        const one = small(2000);
        const same = small(2000);
        const promise = one.training.stepEachAsync(one.dataset);
        const error = await rejection(new Promise((resolve) => resolve(call(one))));
        assert.ok(error instanceof BusyError, String(error));
        assert.match(error.message, /is being trained in the background: wait for the promise of/);
        assert.deepEqual([...(await promise)], [...same.training.stepEach(same.dataset)]);
        assert.equal(one.training.step({ x: 1 }), same.training.step({ x: 1 })); // no rate was lost
      });
    }

    it('nothing of what needs no numbers', async () => {
      const { training, dataset, w } = small(2000);
      const promise = training.stepEachAsync(dataset);
      assert.ok(training.program.work().length > 0);
      assert.ok(training.program.countNodes() > 0);
      assert.equal(w.toDot().includes('w'), true);
      await promise;
    });
  });

  it('leaves arrays that were read before empty: they can be transferred meanwhile', async () => {
    const { training, dataset, w } = small(5000);
    training.step({ x: 1 });
    const before = w.data;
    const promise = training.stepEachAsync(dataset);
    assert.equal(before.length, 0);
    structuredClone(before.buffer, { transfer: [before.buffer as ArrayBuffer] });
    await promise;
    assert.equal(w.data.length, 1);
  });

  describe('as an experiment refuses', () => {
    const some = ['ab', 'ba'];
    const rows: [what: string, name: string, options: object, error: string, message: RegExp][] = [
      [
        'a model that there is not',
        'gru',
        {},
        'ExperimentError',
        /^model "gru": expected scalar, vector, rnn, rnn_att$/,
      ],
      ['half a step', 'rnn', { steps: 0.5 }, 'RangeError', /^steps 0.5: expected an integer from 0/],
      ['no documents a step', 'rnn', { batch: 0 }, 'RangeError', /^batch 0: expected an integer from 1/],
      ['samples below zero', 'rnn', { samples: -1 }, 'RangeError', /^samples -1: expected an integer from 0/],
      ['a number for a callback', 'rnn', { onStep: 3 }, 'TypeError', /^onStep 3: expected a function/],
      ['invalid seconds', 'rnn', { loadSeconds: '1' }, 'TypeError', /^loadSeconds "1": expected a number/],
      [
        'half a size',
        'rnn',
        { sizes: { nEmbd: 0.5 } },
        'ExperimentError',
        /^nEmbd 0.5: expected an integer from 1/,
      ],
      [
        'never to keep',
        'rnn',
        { keeper: { every: 0, resume: () => [], save: () => undefined } },
        'RangeError',
        /^every 0: expected an integer from 1/,
      ],
    ];
    for (const [what, model, options, name, message] of rows) {
      it(what, () => {
        assert.throws(() => runExperiment(model as ModelName, { docs: some, steps: 1, ...options }), {
          name,
          message,
        });
      });
    }
  });

  describe('refuses', () => {
    const bad: [what: string, options: object, error: object, list?: unknown][] = [
      [
        'an invalid signal',
        { signal: {} },
        {
          name: 'TypeError',
          message: 'signal an object: expected an AbortSignal, as from an AbortController',
        },
      ],
      [
        'an invalid callback',
        { onProgress: 3 },
        { name: 'TypeError', message: 'onProgress 3: expected a function' },
      ],
      ['half a step', { steps: 0.5 }, { name: 'RangeError' }],
      [
        'more steps than a file can tell of',
        { steps: 1e9 },
        { name: 'RangeError', message: /^steps 1000000000: expected an integer from 0 to 999999999$/ },
      ],
      ['a rate that is no number', { lr: '1' }, { name: 'TypeError', message: 'lr "1": expected a number' }],
      ['no documents', {}, { name: 'DataError' }, []],
      ['no list', {}, { name: 'DataError', message: /expected an array of strings/ }, 7],
      ['a list of numbers', {}, { name: 'DataError', message: /document 0 is 1: expected a string/ }, [1, 2]],
      [
        'documents of another vocabulary',
        {},
        { name: 'DataError', message: /^the documents have 3 tokens, the model was built for 27: / },
        ['ab', 'ba'],
      ],
      [
        'a tokenizer of another vocabulary',
        { tokenizer: new Tokenizer(['ab', 'c']) },
        { name: 'DataError', message: /^the tokenizer has 4 tokens/ },
      ],
      [
        'characters that the tokenizer lacks',
        { tokenizer },
        { name: 'DataError', message: /not in the vocabulary/ },
        ['ab', 'É'],
      ],
      [
        'a rate that diverges',
        { lr: 1e200, steps: 50 },
        { name: 'ExperimentError', message: /^the model: the loss is NaN at step \d+: training diverged/ },
      ],
      [
        'what onProgress throws',
        {
          onProgress: () => {
            throw new RangeError('mine');
          },
        },
        { name: 'RangeError', message: 'mine' },
      ],
    ];
    for (const [what, options, error, list = docs] of bad) {
      it(what, async () => {
        const model = built('rnn');
        await assert.rejects(train(model, list as string[], options), error);
        const next = what === 'a rate that diverges' ? built('rnn') : model;
        assert.equal((await train(next, docs, { steps: 2 })).losses.length, 2);
      });
    }

    it('documents that there are not, and numbers that are wrong, after the steps before them', async () => {
      const w = parameter([1, 2]);
      const training = new SGD({ learningRate: 0.1 }).minimize(w.at(index('i')));
      const dataset = { count: 4, inputs: { i: { values: Int32Array.of(0, 1, 2, 0) } } };
      await assert.rejects(training.stepEachAsync(dataset, 2, 5), /^RangeError: examples 2 to before 5/);
      await assert.rejects(training.stepEachAsync(dataset), {
        name: 'FeedError',
        message: /^example 2: input 'i' = 2: expected an integer from 0 to 1/,
      });
      assert.equal(training.steps, 2);
      assert.equal((await training.stepEachAsync(dataset, 3)).length, 1);
    });

    it('no flag to stop it: the native call', () => {
      const { training, dataset } = small(2);
      const original = addon.runSeriesAsync.bind(addon);
      let wrong: unknown;
      addon.runSeriesAsync = (...given) => {
        try {
          void original(...(given.slice(0, 6) as Parameters<typeof original>));
        } catch (error) {
          wrong = error;
        }
        return original(...given);
      };
      const promise = training.stepEachAsync(dataset);
      addon.runSeriesAsync = original;
      assert.match(String(wrong), /runSeriesAsync: expected an Int32Array/);
      return promise;
    });
  });
});

describe('a worker that is terminated neither crashes nor leaks, in the middle of', () => {
  const times = process.env['VECGRAD_LONG'] === '1' ? 1000 : 2;
  const script = join(packageRoot(), 'test/support/terminated.mjs');
  const library = join(packageRoot(), 'dist/index.cjs');
  for (const work of [
    'stepEach',
    'stepEachAsync',
    'two stepEachAsync',
    'batches',
    'large steps',
    'compile',
  ]) {
    for (const loaded of [[], ['loaded']]) {
      it(
        `${work}, ${times} times, ` +
          (loaded.length ? 'with the addon in the main thread too' : 'in workers alone'),
        async function () {
          const { stdout } = await promisify(execFile)(process.execPath, [
            script,
            work,
            String(times),
            library,
            ...loaded,
          ]);
          const after = stdout
            .trim()
            .split('\n')
            .map((line) => (JSON.parse(line) as { resident: number }).resident);
          assert.equal(after.length, times);
          // A worker that were kept would take several MB.
          assert.ok(
            after.at(-1)! - after[times / 2 - 1]! < 40e6,
            `${after[times / 2 - 1]!} ${after.at(-1)!}`,
          );
        },
      );
    }
  }
});
