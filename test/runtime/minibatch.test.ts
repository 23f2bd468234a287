/** Batches: the update by the mean gradient of the examples, whatever the number of threads. */
import assert from 'node:assert/strict';
import { runExperiment } from '../../lib/study/experiment.js';
import { buildModel } from '../../lib/study/build-model.js';
import { MODEL_NAMES, type ModelName } from '../../lib/study/models/sizes.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { Adam, SGD } from '../../lib/optim/optimizers.js';
import { addon } from '../../lib/binding/addon.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { FeedError } from '../../lib/runtime/errors.js';
import { compile } from '../../lib/value/compile.js';
import { Random } from '../../lib/runtime/random.js';
import type { DType } from '../../lib/core/array.js';
import type { Training } from '../../lib/optim/training.js';
import type { Dataset } from '../../lib/runtime/dataset.js';
import { assertClose } from '../support/check.js';
import { TARGETS, type Target } from '../support/targets.js';

const SIZES = { nEmbd: 4, nHead: 2, nLayer: 1, blockSize: 5, nState: 6, nAtt: 3 };
const VOCAB = 7;
const RATE = 0.1;
const STEPS = 2;

function model(name: ModelName): ReturnType<typeof buildModel> {
  return buildModel(name, VOCAB, SIZES, new Random(3));
}

/** Examples of different lengths. */
function documents(count: number): Feeds[] {
  const random = new Random(9);
  return Array.from({ length: count }, () => {
    const length = 1 + Math.floor(random.random() * SIZES.blockSize);
    const draw = (): number[] => Array.from({ length }, () => Math.floor(random.random() * VOCAB));
    return { tokens: draw(), targets: draw(), length };
  });
}

/** All parameters and the losses after some steps of plain gradient descent, example by example. */
function byHand(name: ModelName, docs: readonly Feeds[], target: Target): number[] {
  const { loss, parameters } = model(name);
  const losses: number[] = [];
  const weights = parameters.map((value) => Array.from(value.data));
  for (let step = 0; step < STEPS; step++) {
    const sums = weights.map((own) => own.map(() => 0));
    let sum = 0;
    const program = compile(loss, target);
    for (const doc of docs) {
      sum += program.forward(doc)[0]!;
      program.backward();
      parameters.forEach((value, p) => value.grad.forEach((g, i) => (sums[p]![i]! += g)));
    }
    losses.push(sum / docs.length);
    parameters.forEach((value, p) => {
      weights[p]!.forEach((w, i) => (weights[p]![i] = w - (RATE * sums[p]![i]!) / docs.length));
      value.data.set(weights[p]!);
    });
  }
  return [...losses, ...weights.flat()];
}

function batched(name: ModelName, docs: readonly Feeds[], target: Target, threads: number): number[] {
  const { loss, parameters } = model(name);
  const training = new SGD({ learningRate: RATE }).minimize(loss, { ...target, batches: true });
  const losses = Array.from({ length: STEPS }, () => training.stepBatch(docs, { threads }));
  return [...losses, ...parameters.flatMap((value) => Array.from(value.data))];
}

describe('batches', () => {
  // Also more examples than lanes: a lane then adds several.
  for (const [name, count] of [
    ...MODEL_NAMES.map((one) => [one, 6] as const),
    ['rnn', 70] as const,
    ['rnn', 1] as const,
  ]) {
    for (const target of TARGETS) {
      it(`${name}, ${count} documents, ${target.dtype}, ${target.isa}`, () => {
        const docs = documents(count);
        const found = batched(name, docs, target, 1);
        assertClose(
          found,
          byHand(name, docs, target),
          target.dtype === 'float32' ? 2e-5 : 1e-12,
          'losses and parameters',
        );
        for (const threads of [2, 3, 100]) assert.deepEqual(batched(name, docs, target, threads), found);
      });
    }
  }

  it('feeds each document its own numbers', () => {
    const w = parameter([1, 2], { name: 'w' });
    const loss = w
      .mul(input('x', [2]))
      .sum()
      .mul(input('by'));
    const training = new SGD({ learningRate: 1 }).minimize(loss, { batches: true });
    const docs = [
      { x: [1, 10], by: 2 },
      { x: [3, 0], by: 1 },
    ];
    assert.equal(training.stepBatch(docs, { threads: 2 }), (42 + 3) / 2);
    assert.deepEqual([...w.data], [1 - 2.5, 2 - 10]);
  });

  it('drops other numbers in each document, as single steps do', () => {
    const make = () => {
      const w = parameter(Array.from({ length: 32 }, (_, i) => i + 1));
      const loss = w.dropout(0.5, 7).sum();
      return new SGD({ learningRate: 0 }).minimize(loss, { batches: true });
    };
    const single = make();
    const losses = Array.from({ length: 4 }, () => single.step({}));
    assert.ok(new Set(losses).size > 1);
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / 4;
    assertClose([make().stepBatch([{}, {}, {}, {}])], [mean], 1e-12, 'the loss');
    assert.equal(make().evaluate({}), 528);
  });

  it('goes on from single steps, and to them', () => {
    const docs = documents(1);
    const after = (step: (training: ReturnType<Adam['minimize']>) => void): number[] => {
      const { loss, parameters } = model('vector');
      const training = new Adam({ learningRate: 0.01 }).minimize(loss, { batches: true });
      for (let i = 0; i < 3; i++) step(training);
      return parameters.flatMap((value) => Array.from(value.data));
    };
    const single = after((training) => training.step(docs[0]!));
    let turn = 0;
    const mixed = after((training) => (turn++ % 2 ? training.stepBatch(docs) : training.step(docs[0]!)));
    assertClose(mixed, single, 1e-12, 'parameters');
  });

  /** Examples as columns: the tokens of all in one array. */
  function dataset(docs: readonly Feeds[]): Dataset {
    const lengths = docs.map(({ length }) => length as number);
    const starts = Int32Array.from(docs, (_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0));
    const column = (name: string) => ({
      values: Int32Array.from(docs.flatMap((doc) => Array.from(doc[name] as number[]))),
      starts,
    });
    const length = { values: Int32Array.from(lengths) };
    return {
      count: docs.length,
      inputs: { tokens: column('tokens'), targets: column('targets'), length },
    };
  }

  /** Losses and parameters after training by `train`, with dropout, a schedule and moments. */
  async function trained(
    train: (training: Training) => Promise<ArrayLike<number>> | ArrayLike<number>,
    dtype: DType,
  ) {
    const { loss, parameters } = model('rnn');
    const learningRate = (step: number): number => 0.1 / (step + 1);
    const dropped = loss.add(parameters[0]!.dropout(0.5, 7).sum().mul(0.01));
    const training = new Adam({ learningRate }).minimize(dropped, { dtype, batches: true });
    const losses = await train(training);
    return [...Array.from(losses), training.steps, ...parameters.flatMap((p) => Array.from(p.data))];
  }

  describe('of a dataset in one call', () => {
    const docs = documents(10);
    const columns = dataset(docs);
    const parts = [docs.slice(0, 4), docs.slice(4, 8), docs.slice(8)];
    const ways: [what: string, train: Parameters<typeof trained>[0]][] = [
      ['stepEach', (training) => training.stepEach(columns, 0, 10, { batch: 4 })],
      ['stepEach on two threads', (training) => training.stepEach(columns, 0, 10, { batch: 4, threads: 2 })],
      [
        'stepEach in two calls',
        (training) => [
          ...training.stepEach(columns, 0, 4, { batch: 4 }),
          ...training.stepEach(columns, 4, 10, { batch: 4 }),
        ],
      ],
      ['stepEachAsync', (training) => training.stepEachAsync(columns, 0, 10, { batch: 4, threads: 2 })],
    ];
    for (const dtype of ['float64', 'float32'] as const) {
      for (const [what, train] of ways) {
        it(`${what}, ${dtype}: the steps of stepBatch bit for bit, the last batch shorter`, async () => {
          const expected = await trained((own) => parts.map((part) => own.stepBatch(part)), dtype);
          assert.deepEqual(await trained(train, dtype), expected);
        });
      }
    }

    it('goes on with the first documents where the corpus ends within a batch', () => {
      // Five batches of three are three times five examples; a rate of almost 0 keeps their losses.
      const options = {
        docs: ['ab', 'ba', 'aab', 'b', 'bb'],
        steps: 5,
        lr: 1e-300,
        sizes: SIZES,
        samples: 0,
      };
      const mean = (batch: number): number => {
        const { losses } = runExperiment('rnn', { ...options, batch });
        return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
      };
      assertClose([mean(3)], [mean(1)], 1e-12, 'the mean loss');
    });

    it('says which document could not be fed, after the batches before it', () => {
      const { loss } = model('rnn');
      const training = new SGD({ learningRate: RATE }).minimize(loss, { batches: true });
      const wrong = dataset(documents(10).map((doc, i) => (i === 6 ? { ...doc, length: 9 } : doc)));
      assert.throws(() => training.stepEach(wrong, 0, 10, { batch: 4 }), /^FeedError: example 6: .* = 9: /);
      assert.equal(training.steps, 1);
    });

    it('refuses batches of a training compiled for single examples', () => {
      const { loss } = model('rnn');
      const training = new SGD({ learningRate: RATE }).minimize(loss);
      assert.throws(
        () => training.stepEach(columns, 0, 10, { batch: 4 }),
        /minimize\(loss, \{ batches: true \}\)/,
      );
      assert.throws(() => training.stepEach(columns, 0, 10, { batch: 0 }), /batch 0: expected an integer/);
      assert.throws(() => training.stepEach(columns, 0, 10, { batchSize: 4 } as object), /batchSize/);
    });
  });

  describe('run on the threads that are asked for, and else on those of the program', () => {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- it does not use `this`
    const { runSeries } = addon;
    const threads: number[] = [];
    before(() => {
      addon.runSeries = (program, arena, ints, series, from, losses) => {
        if (series.ruleSize > 0) threads.push(series.threads);
        return runSeries(program, arena, ints, series, from, losses);
      };
    });
    beforeEach(() => (threads.length = 0));
    after(() => {
      addon.runSeries = runSeries;
    });

    const train = (options?: { threads?: number }): unknown => {
      const { loss } = model('rnn');
      return new SGD({ learningRate: RATE })
        .minimize(loss, { batches: true })
        .stepBatch(documents(3), options);
    };
    const experiment = (options: { threads?: number }): unknown =>
      runExperiment('rnn', {
        docs: ['ab', 'ba', 'aab', 'b'],
        steps: 1,
        batch: 2,
        sizes: SIZES,
        samples: 0,
        ...options,
      });
    const all = addon.processors('');
    const cases: [what: string, run: () => unknown, expected: number][] = [
      ['stepBatch', () => train(), all],
      ['stepBatch, options without threads', () => train({}), all],
      ['stepBatch on one', () => train({ threads: 1 }), 1],
      ['stepBatch on two', () => train({ threads: 2 }), Math.min(2, all)],
      ['stepBatch on more than there are', () => train({ threads: 9999 }), all],
      ['runExperiment', () => experiment({}), all],
      ['runExperiment on one', () => experiment({ threads: 1 }), 1],
    ];
    for (const [what, run, expected] of cases) {
      it(what, () => {
        run();
        assert.deepEqual(threads, [expected]);
      });
    }
  });

  describe('refuse', () => {
    const make = (batches: boolean) => {
      const w = parameter(
        [
          [1, 2],
          [3, 4],
        ],
        { name: 'w' },
      );
      const loss = w.gather(index('rows', 2)).sum();
      return { w, training: new SGD({ learningRate: 1 }).minimize(loss, { batches }) };
    };
    const good = { rows: [0, 1] };
    const bad: [what: string, docs: Feeds[], threads: number, message: RegExp][] = [
      ['no documents', [], 1, /a batch of no examples: feed at least one/],
      ['no threads', [good], 0, /threads 0: expected an integer from 1 to/],
      [
        'more threads than can be counted',
        [good],
        2 ** 31,
        /threads 2147483648: expected an integer from 1 to 1073741824$/,
      ],
      ['half a thread', [good], 0.5, /threads 0\.5: expected an integer from 1 to/],
      [
        'a document with a wrong index',
        [good, { rows: [0, 2] }],
        1,
        /'rows'\[1\] = 2: expected an integer from 0 to 1/,
      ],
      ['a document that lacks a feed', [good, {}], 1, /'rows' is missing/],
    ];
    for (const [what, docs, threads, message] of bad) {
      it(what, () => {
        const { w, training } = make(true);
        assert.throws(() => training.stepBatch(docs, { threads }), message);
        assert.deepEqual([...w.data], [1, 2, 3, 4]);
        training.stepBatch([good]);
        assert.deepEqual([...w.data], [0, 1, 2, 3]);
      });
    }

    it('a training compiled for single examples, where a gradient is not kept', () => {
      const w = parameter([
        [1, 2],
        [3, 4],
      ]);
      const loss = input('x', [3, 2]).matmul(w).relu().sum();
      const training = new SGD({ learningRate: 1 }).minimize(loss);
      assert.throws(
        () => training.stepBatch([{ x: [1, 2, 3, 4, 5, 6] }]),
        /minimize\(loss, \{ batches: true \}\)/,
      );
      assert.throws(() => training.stepBatch([]), FeedError);
    });
  });
});
