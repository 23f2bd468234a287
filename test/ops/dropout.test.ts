/** Dropout: what a training step drops, and that no other run drops anything. */
import assert from 'node:assert/strict';
import type { Dataset } from '../../lib/runtime/dataset.js';
import type { Value } from '../../lib/value/value.js';
import { concat } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { Adam, SGD } from '../../lib/optim/optimizers.js';
import type { Training } from '../../lib/optim/training.js';
import { decay } from '../../lib/optim/rates.js';
import { Program } from '../../lib/runtime/program.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { compile } from '../../lib/value/compile.js';
import { Random } from '../../lib/runtime/random.js';
import { assertClose, Leaves, trainingStep } from '../support/check.js';
import { TARGETS, type Target } from '../support/targets.js';

/** SplitMix64's finaliser, in big integers. */
function mixed(z: bigint): bigint {
  const word = (x: bigint): bigint => BigInt.asUintN(64, x);
  z = word(z + 0x9e3779b97f4a7c15n);
  z = word((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = word((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

/** The factor of each of n numbers. */
function factors(n: number, rate: number, seed: number, step: number): number[] {
  const key = mixed((BigInt(seed) << 32n) | BigInt(step));
  return Array.from({ length: n }, (_, i) =>
    Number(mixed(key + BigInt(i)) >> 32n) / 2 ** 32 >= rate ? 1 / (1 - rate) : 0,
  );
}

/** The graph to drop in for a value x, and x's numbers in its order. */
const PLACES: [title: string, shape: number[], drop: (x: Value) => Value, order: number[]][] = [
  ['a number', [], (x) => x.dropout(0.4, 3), [0]],
  ['a vector', [9], (x) => x.dropout(0.4, 3), [0, 1, 2, 3, 4, 5, 6, 7, 8]],
  ['a result', [2, 3], (x) => x.mul(1).dropout(0.4, 3), [0, 1, 2, 3, 4, 5]],
  ['a transposed array', [2, 3], (x) => x.transpose().dropout(0.4, 3).transpose(), [0, 2, 4, 1, 3, 5]],
  [
    'a part of a join',
    [2, 3],
    (x) => concat([x.dropout(0.4, 3), x.detach()], 1).slice(0, 3, 1),
    [0, 1, 2, 3, 4, 5],
  ],
  ['nothing', [0, 3], (x) => x.dropout(0.4, 3), []],
];

describe('dropout', () => {
  for (const [title, shape, drop, order] of PLACES) {
    it(`of ${title}: value and gradient drop the same, by seed, step and place, on every target`, () => {
      for (const target of TARGETS) {
        const g = new Leaves();
        const x = g.p(...shape);
        const numbers = Array.from(x.data);
        const { step } = trainingStep(drop(x).mul(2).sum(), target);
        for (let n = 0; n < 4; n++) {
          const kept = factors(order.length, 0.4, 3, n);
          const expected = numbers.map((_, i) => 2 * kept[order[i]!]!);
          const { loss, gradients } = step({}, g.numbers);
          const what = `step ${n} on ${target.isa} in ${target.dtype}`;
          assertClose(gradients.get(x)!, expected, 1e-6, `the gradient of ${what}`);
          assertClose(
            [loss],
            [numbers.reduce((sum, v, i) => sum + v * expected[i]!, 0)],
            1e-6,
            `the loss of ${what}`,
          );
        }
      }
    });
  }

  it('drops about its share, and other numbers by another seed or in another step', () => {
    const n = 40_000;
    const share = (seed: number, step: number, of?: number[]): number => {
      const kept = factors(n, 0.3, seed, step);
      return kept.filter((f, i) => f === 0 && of?.[i] !== 1).length / n;
    };
    // Four standard deviations: 4 sqrt(0.3 0.7 / n).
    const near = (x: number, y: number): void => assert(Math.abs(x - y) < 0.0092, `${x}, not ${y}`);
    near(share(1, 0), 0.3);
    near(share(1, 1), 0.3);
    const kept = factors(n, 0.3, 1, 0).map((f) => Number(f > 0));
    near(share(2, 0, kept), 0.09);
    near(share(1, 1, kept), 0.09);
  });

  it('is the identity wherever no training step runs', () => {
    const x = parameter([1, 2, 3, 4, 5, 6, 7, 8]);
    const y = x.dropout(0.5, 1);
    const loss = y.sum();
    const training = new SGD({ learningRate: 0 }).minimize(loss);
    assert.equal(training.evaluate({}), 36);
    assert.notEqual(training.step({}), 36);
    assert.equal(training.evaluate({}), 36);
    assert.deepEqual([...y.forward()], [1, 2, 3, 4, 5, 6, 7, 8]);
    y.backward();
    assert.deepEqual([...x.grad], [1, 1, 1, 1, 1, 1, 1, 1]);
    assert.equal(compile(loss).forward({})[0], 36);
  });

  it('trains alike in every run', () => {
    const run = (): number[] => {
      const x = parameter(Array.from({ length: 50 }, (_, i) => i));
      const training = new SGD({ learningRate: 0.01 }).minimize(x.dropout(0.2, 9).pow(2).mean());
      return Array.from({ length: 5 }, () => training.step({}));
    };
    assert.deepEqual(run(), run());
  });

  for (const [rate, seed, error] of [
    [1, 1, /rate 1, expected a number from 0 to below 1/],
    [-0.1, 1, /rate -0.1/],
    [NaN, 1, /rate NaN/],
    [0.5, 1.5, /seed 1.5, expected an integer/],
    [0.5, -1, /seed -1/],
    [0.5, 2 ** 31, /seed 2147483648/],
  ] as const) {
    it(`refuses rate ${rate} with seed ${seed}`, () => {
      assert.throws(() => parameter([1]).dropout(rate, seed), error);
    });
  }
});

describe('a call that is refused leaves training as it was', () => {
  const good: Feeds = { x: [1, 2, 3, 4], i: 1 };
  const columns = (x: number[], ...i: number[]): Dataset => ({
    count: i.length,
    inputs: { x: { values: Float64Array.from(x) }, i: { values: Int32Array.from(i) } },
  });
  const start = (batches: boolean, target: Target): { training: Training; sampler: Program } => {
    const w = parameter([0.5, -1, 2, 1], { name: 'w' });
    const table = parameter(
      [
        [1, 2, 3],
        [0, 1, 0],
        [2, 0, 1],
      ],
      { name: 'table' },
    );
    const x = input('x', [4]);
    const loss = w
      .dropout(0.4, 5)
      .mul(x)
      .sum()
      .add(table.dropout(0.3, 8).at(index('i')).sum());
    const optimiser = new Adam({
      learningRate: decay(0.1, 0.9),
      clipGlobalNorm: 1,
      weightDecay: 0.1,
    });
    const training = optimiser.minimize(loss, { ...target, batches });
    const t = index('t', 2);
    const groups = [[table.at(t.at(0))], [table.at(t.at(1))]];
    return { training, sampler: new Program({ groups, gradients: 'none' }, target) };
  };
  const sampling = { input: 't', start: 0, stop: 2, temperature: 1, count: 3 };
  /** The call to test, how many steps precede the refused one, and whether in batches. */
  const tries: [
    title: string,
    call: (training: Training, sampler: Program) => unknown,
    taken?: number,
    batches?: boolean,
  ][] = [
    ['step without a feed', (training) => training.step({ x: [1, 2, 3, 4] })],
    ['step with an unknown feed', (training) => training.step({ ...good, y: 1 })],
    ['step with an integer out of range', (training) => training.step({ ...good, i: 3 })],
    ['step with too few numbers', (training) => training.step({ ...good, x: [1] })],
    [
      'step with a getter that throws',
      (training) =>
        training.step({
          ...good,
          get i(): number {
            throw new RangeError('mine');
          },
        }),
    ],
    ['step that meets NaN', (training) => training.step({ ...good, x: [1, NaN, 3, NaN] })],
    [
      'step that meets infinity',
      (training) => training.step({ ...good, x: [Infinity, 1, Infinity, Infinity] }),
    ],
    ['stepEach without a column', (training) => training.stepEach({ count: 1, inputs: {} })],
    ['stepEach with an integer out of range', (training) => training.stepEach(columns([1, 2, 3, 4], 9))],
    [
      'stepEach with a second one out of range',
      (training) => training.stepEach(columns([1, 2, 3, 4, 5, 6, 7, 8], 1, 9)),
      1,
    ],
    ['stepEach that meets NaN', (training) => training.stepEach(columns([NaN, NaN, NaN, NaN], 1))],
    [
      'stepEach that meets NaN second',
      (training) => training.stepEach(columns([1, 2, 3, 4, NaN, NaN, NaN, NaN], 1, 1)),
      1,
    ],
    ['stepEachAsync without a column', (training) => training.stepEachAsync({ count: 1, inputs: {} })],
    [
      'stepEachAsync with a second integer out of range',
      (training) => training.stepEachAsync(columns([1, 2, 3, 4, 5, 6, 7, 8], 1, 9)),
      1,
    ],
    [
      'stepEachAsync that meets NaN second',
      (training) => training.stepEachAsync(columns([1, 2, 3, 4, NaN, NaN, NaN, NaN], 1, 1)),
      1,
    ],
    [
      'stepEachAsync that was aborted',
      (training) => training.stepEachAsync(columns([1, 2, 3, 4], 1), 0, 1, { signal: AbortSignal.abort() }),
    ],
    ['evaluate without a feed', (training) => training.evaluate({})],
    [
      'evaluateEach with an integer out of range',
      (training) => training.evaluateEach(columns([1, 2, 3, 4], 9)),
    ],
    [
      'generating at no temperature',
      (_, sampler) => sampler.generate(new Random(1), { ...sampling, temperature: 0 }),
    ],
    ['generating from no token', (_, sampler) => sampler.generate(new Random(1), { ...sampling, start: 3 })],
    ['stepBatch of nothing', (training) => training.stepBatch([]), 0, true],
    [
      'stepBatch without a second feed',
      (training) => training.stepBatch([good, { x: [1, 2, 3, 4] }]),
      0,
      true,
    ],
    [
      'stepBatch with a last integer out of range',
      (training) => training.stepBatch([good, good, { ...good, i: -1 }]),
      0,
      true,
    ],
    ['stepBatch on no thread', (training) => training.stepBatch([good], { threads: 0 }), 0, true],
    [
      'stepBatch that meets NaN second',
      (training) => training.stepBatch([good, { ...good, x: [NaN, NaN, NaN, NaN] }]),
      0,
      true,
    ],
  ];
  for (const [title, call, taken = 0, batches = false] of tries) {
    it(title, async () => {
      for (const target of TARGETS) {
        const [tried, other] = [start(batches, target), start(batches, target)];
        const take = ({ training }: { training: Training }): unknown => {
          const loss = batches ? training.stepBatch([good, { ...good, i: 2 }]) : training.step(good);
          const { steps, runs, rule, moments } = training.state();
          return [
            loss,
            steps,
            runs,
            rule,
            [...moments].map(([value, arrays]) => [
              value.name,
              [...value.data],
              ...arrays.map((array) => [...array]),
            ]),
          ];
        };
        assert.deepEqual(take(tried), take(other));
        await assert.rejects(async () => {
          await call(tried.training, tried.sampler);
        });
        for (let step = 0; step < taken; step++) other.training.step({ x: [1, 2, 3, 4], i: 1 });
        const kept = ({ training }: { training: Training }): unknown => {
          const { steps, runs, moments } = training.state();
          return [steps, runs, [...moments.values()].map((arrays) => arrays.map((a) => [...a]))];
        };
        assert.deepEqual(kept(tried), kept(other));
        for (let step = 0; step < 3; step++)
          assert.deepEqual(take(tried), take(other), `step ${step} on ${target.isa} in ${target.dtype}`);
        assert.deepEqual(
          tried.sampler.generate(new Random(1), sampling),
          other.sampler.generate(new Random(1), sampling),
        );
      }
    });
  }
});
