/** Gradients and losses that are NaN, infinite, or too large or small for their squares. */
import assert from 'node:assert/strict';
import type { Value } from '../../lib/value/value.js';
import { input, parameter } from '../../lib/value/leaves.js';
import { Adam, AdamW, RMSprop, SGD, type Optimizer } from '../../lib/optim/optimizers.js';
import type { OptimizerOptions } from '../../lib/optim/update.js';
import type { Training } from '../../lib/optim/training.js';
import { assertClose } from '../support/check.js';
import { TARGETS } from '../support/targets.js';
import { N, linear, BAD, CALLS, messageOf } from '../support/bad-trainings.js';

describe('clipGlobalNorm scales any finite gradients to the norm', () => {
  const rows: [title: string, most: number, gradients: number[]][] = [
    ['whose squares overflow float32', 1, new Array<number>(N).fill(1e20)],
    ['near the largest of float32', 2, new Array<number>(N).fill(-3e38)],
    ['whose squares underflow float32', 1e-32, new Array<number>(N).fill(1e-30)],
    ['of which some underflow', 1e-20, Array.from({ length: N }, (_, i) => (i % 2 ? 1e-18 : 1e-25))],
    ['below the norm that underflow', 1, new Array<number>(N).fill(1e-30)],
    ['of many sizes', 1e-3, Array.from({ length: N }, (_, i) => 10 ** (i % 30))],
    ['that are zeros', 1, new Array<number>(N).fill(0)],
    ['of plain size', 1, Array.from({ length: N }, (_, i) => Math.sin(i))],
  ];
  const wide: typeof rows = [
    ['whose squares overflow float64', 1, new Array<number>(N).fill(1e200)],
    ['near the largest of float64', 1e-300, new Array<number>(N).fill(1.7e308)],
    ['whose squares underflow float64', 1e-200, new Array<number>(N).fill(1e-190)],
  ];
  for (const [title, most, gradients] of [...rows, ...wide]) {
    for (const ofNumbers of [false, true]) {
      it(`${title}${ofNumbers ? ', of single numbers' : ''}`, () => {
        for (const target of TARGETS) {
          if (target.dtype === 'float32' && wide.some(([name]) => name === title)) continue;
          const { w, loss, feeds } = linear(N, ofNumbers);
          const training = new SGD({ learningRate: 1, clipGlobalNorm: most }).minimize(loss, target);
          training.step(feeds(gradients));
          const largest = Math.max(...gradients.map(Math.abs));
          // In units of the largest, and of the norm where that is less.
          const unit = largest || 1;
          const norm = Math.hypot(...gradients.map((g) => g / unit));
          const isClipped = norm > most / unit;
          const found = w.flatMap(({ data }) => [...data].map((x) => x / (isClipped ? most : unit)));
          assertClose(
            found,
            gradients.map((g) => -(g / unit) / (isClipped ? norm : 1)),
            1e-6,
            `${target.isa} ${target.dtype}`,
          );
        }
      });
    }
  }
});

const OPTIMIZERS: [name: string, make: (options: Partial<OptimizerOptions>) => Optimizer][] = [
  [
    'SGD',
    (options) => new SGD({ learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.1, ...options }),
  ],
  ['Adam', (options) => new Adam({ learningRate: 0.1, ...options })],
  ['AdamW', (options) => new AdamW({ learningRate: 0.1, ...options })],
  ['RMSprop', (options) => new RMSprop({ learningRate: 0.1, ...options })],
];

/** All that a training keeps, to be compared. */
function kept(training: Training, w: readonly Value[]): unknown {
  return {
    w: w.map(({ data }) => [...data]),
    moments: w.map((one) =>
      training
        .state()
        .moments.get(one)!
        .map((array) => [...array]),
    ),
  };
}

describe('the mean loss of a batch', () => {
  it('is finite where the sum overflows float32', () => {
    for (const target of TARGETS) {
      const loss = parameter(0).add(input('x'));
      const training = new SGD({ learningRate: 0.1 }).minimize(loss, { ...target, batches: true });
      const x = Math.fround(3e38);
      assert.equal(training.stepBatch([{ x }, { x }, { x }, { x }]), x);
    }
  });
});

describe('a loss that is not finite ends steps in the background where it ends those of stepEach:', () => {
  const OPTIONS: [title: string, batch: number | undefined, progress: boolean][] = [
    ['one by one', undefined, false],
    ['with progress', undefined, true],
    ['in batches', 2, false],
    ['in batches, with progress', 2, true],
  ];
  for (const [title, batch, progress] of OPTIONS) {
    it(title, async () => {
      const size = batch ?? 1;
      // The parts are of 1, 2, 4, ... steps: each of the first six is the last of one of them, or is not.
      for (const target of TARGETS) {
        for (const bad of BAD) {
          for (let at = 0; at < 6; at++) {
            const count = 9 * size;
            const z = Float64Array.from({ length: count }, (_, i) => (i === at * size ? bad : 0));
            const data = {
              count,
              inputs: { x: { values: new Float64Array(count).fill(1) }, z: { values: z } },
            };
            const make = (): { p: Value; training: Training } => {
              const p = parameter(1);
              const loss = p.mul(input('x')).add(parameter(0).add(1).detach().mul(input('z')));
              const options = { ...target, batches: batch !== undefined };
              return { p, training: new SGD({ learningRate: 0.1 }).minimize(loss, options) };
            };
            const [each, behind] = [make(), make()];
            const options = batch === undefined ? {} : { batch };
            const reported: number[] = [];
            const wanted = each.training.stepEach(data, 0, count, options);
            const found = await behind.training.stepEachAsync(data, 0, count, {
              ...options,
              ...(progress && { onProgress: ({ losses }) => void reported.push(...losses) }),
            });
            const where = `${target.isa} ${target.dtype}, ${bad} at step ${at}`;
            assert.equal(wanted.length, at + 1, where);
            assert.deepEqual(found, wanted, where);
            if (progress) assert.deepEqual(reported, [...wanted], where);
            assert.equal(behind.training.steps, at + 1, where);
            assert.deepEqual(behind.p.data, each.p.data, where);
          }
        }
      }
    });
  }

  it('an abort after the last of them comes too late', async () => {
    const training = new SGD({ learningRate: 0.1 }).minimize(parameter(1).mul(input('x')));
    const controller = new AbortController();
    const losses = await training.stepEachAsync(
      { count: 3, inputs: { x: { values: Float64Array.of(NaN, 1, 1) } } },
      0,
      3,
      { signal: controller.signal, onProgress: () => controller.abort() },
    );
    assert.deepEqual([...losses], [NaN]);
  });
});

describe('a gradient that is not finite', () => {
  for (const [name, make] of OPTIMIZERS) {
    for (const [call, run, options] of CALLS) {
      it(
        `is refused by ${call} of ${name}, with the step and the parameter, and changes ` + 'nothing',
        async () => {
          for (const target of TARGETS) {
            for (const way of [{ clipGlobalNorm: 1 }, { onNonFinite: 'throw' }] as const) {
              for (const bad of BAD) {
                const { w, loss, feeds } = linear(2, false);
                const training = make(way).minimize(loss, { ...target, ...options });
                const other = linear(2, false);
                const clean = make(way).minimize(other.loss, { ...target, ...options });
                const message = await messageOf(() => run(training, feeds, bad));
                assert.match(
                  message,
                  /^step 2: the gradient of 'w' \(parameter, shape \[2\]\) is (NaN|-?Infinity) at index 1/,
                );
                assert.match(message, /No parameter was changed.*onNonFinite/);
                if (options) clean.stepBatch([feeds([1, 2]), feeds([1, 2])], { threads: 1 });
                else clean.step(feeds([1, 2]));
                assert.equal(training.steps, 1);
                assert.deepEqual(kept(training, w), kept(clean, other.w));
                // The next step must be as if this one had not happened.
                const [again, wanted] = [training, clean].map((one) =>
                  options ? one.stepBatch([feeds([3, 1])]) : one.step(feeds([3, 1])),
                );
                assert.equal(again, wanted);
                assert.deepEqual(kept(training, w), kept(clean, other.w));
              }
            }
          }
        },
      );

      it(`is skipped by ${call} of ${name}`, async () => {
        for (const target of TARGETS) {
          const { w, loss, feeds } = linear(2, false);
          const training = make({ onNonFinite: 'skip' }).minimize(loss, { ...target, ...options });
          const other = linear(2, false);
          const clean = make({}).minimize(other.loss, { ...target, ...options });
          assert.equal(training.skipped, 0);
          await run(training, feeds, Infinity);
          if (options) clean.stepBatch([feeds([1, 2]), feeds([1, 2])], { threads: 1 });
          else clean.step(feeds([1, 2]));
          assert.equal(training.skipped, 1);
          assert.equal(training.steps, 2);
          assert.deepEqual(kept(training, w), kept(clean, other.w));
          const finite = options ? training.stepBatch([feeds([3, 1])]) : training.step(feeds([3, 1]));
          assert.ok(Number.isFinite(finite));
          assert.ok(w[0]!.data.every(Number.isFinite));
        }
      });
    }
  }

  it('that is skipped does not end a series', async () => {
    for (const target of TARGETS) {
      for (const bad of BAD) {
        const examples = [
          [1, 2],
          [1, bad],
          [bad, 1],
          [3, 1],
        ];
        const dataset = { count: 4, inputs: { x: { values: Float64Array.from(examples.flat()) } } };
        const make = (): { w: Value[]; training: Training } => {
          const { w, loss } = linear(2, false);
          return { w, training: new Adam({ learningRate: 0.1, onNonFinite: 'skip' }).minimize(loss, target) };
        };
        const [one, each, behind] = [make(), make(), make()];
        const losses = examples.map((x) => one.training.step({ x }));
        assert.deepEqual([...each.training.stepEach(dataset)], losses);
        assert.deepEqual([...(await behind.training.stepEachAsync(dataset))], losses);
        assert.deepEqual(losses.map(Number.isFinite), [true, false, false, true]);
        for (const { w, training } of [one, each, behind]) {
          assert.equal(training.steps, 4);
          assert.equal(training.skipped, 2);
          assert.deepEqual(kept(training, w), kept(one.training, one.w));
        }
      }
    }
  });

  it('does not round float64 numbers where float32 steps are all skipped', async () => {
    const numbers = [0.1, 1e300];
    const bad = { count: 1, inputs: { x: { values: Float64Array.of(1, NaN) } } };
    const calls: [name: string, call: (training: Training) => unknown][] = [
      ['step', (training) => training.step({ x: [1, NaN] })],
      ['stepEach', (training) => training.stepEach(bad)],
      ['stepEachAsync', (training) => training.stepEachAsync(bad)],
      ['stepBatch', (training) => training.stepBatch([{ x: [1, NaN] }])],
    ];
    for (const { isa } of TARGETS) {
      for (const [name, call] of calls) {
        const w = parameter([...numbers]);
        const training = new SGD({ learningRate: 1, onNonFinite: 'skip' }).minimize(
          w.mul(input('x', [2])).sum(),
          { isa, dtype: 'float32', batches: name === 'stepBatch' },
        );
        await call(training);
        assert.ok(training.skipped > 0, name);
        assert.deepEqual([...w.forward()], numbers, name);
        // A step that is taken writes, in its type.
        if (name === 'step') {
          training.step({ x: [0, 0] });
          assert.deepEqual([...w.forward()], numbers.map(Math.fround));
        }
      }
    }
  });

  it('is applied where that is asked for, and by default without a norm', () => {
    for (const options of [
      {},
      { onNonFinite: 'apply' },
      { clipGlobalNorm: 1, onNonFinite: 'apply' },
    ] as const) {
      const { w, loss, feeds } = linear(2, false);
      new SGD({ learningRate: 1, ...options }).minimize(loss).step(feeds([1, NaN]));
      assert.ok(Number.isNaN(w[0]!.data[1]));
    }
  });

  it('of single numbers names the first', async () => {
    const { w, loss, feeds } = linear(3, true);
    const training = new SGD({ learningRate: 1, clipGlobalNorm: 1 }).minimize(loss);
    assert.match(
      await messageOf(() => training.step(feeds([1, NaN, Infinity]))),
      /^step 1: the gradient of 'w1' \(parameter, shape \[\]\) is NaN/,
    );
    assert.deepEqual(
      w.map(({ data }) => data[0]),
      [0, 0, 0],
    );
  });

  it('is dealt with in one of three ways', () => {
    assert.throws(
      () => new SGD({ learningRate: 1, onNonFinite: 'ignore' as 'skip' }),
      /onNonFinite "ignore": expected 'throw' or 'skip' or 'apply'/,
    );
    assert.throws(
      () => new SGD({ learningRate: 1, onNonFinite: null as unknown as 'skip' }),
      /onNonFinite null: expected/,
    );
  });

  it('is looked for or not: detectAnomaly is true or false', () => {
    for (const wrong of ['no', 1, null]) {
      assert.throws(
        () =>
          new SGD({ learningRate: 1 }).minimize(parameter(1), { detectAnomaly: wrong as unknown as boolean }),
        /detectAnomaly ("no"|1|null): expected true or false/,
      );
    }
  });
});
