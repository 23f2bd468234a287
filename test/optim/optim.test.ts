/** The optimisers against the same rules in plain TypeScript, and the schedules they take. */
import assert from 'node:assert/strict';
import type { Value } from '../../lib/value/value.js';
import { input, parameter } from '../../lib/value/leaves.js';
import { Adam, AdamW, RMSprop, SGD, type Optimizer } from '../../lib/optim/optimizers.js';
import type { Training } from '../../lib/optim/training.js';
import { decay, type Schedule } from '../../lib/optim/rates.js';
import { FeedError } from '../../lib/runtime/errors.js';
import { assertClose } from '../support/check.js';
import { CASES, dropped, product, PROBLEMS, quadratic, type Problem } from '../support/optimizer-cases.js';
import { pattern } from '../support/pattern.js';
import { TARGETS } from '../support/targets.js';
import { sgd, clipped, penalized, fixed, STEPS, START } from '../support/update-rules.js';

/** (w - x)² of one weight. */
function quadraticOf(): [w: Value, loss: Value] {
  const w = parameter([3]);
  return [w, w.sub(input('x')).pow(2).sum()];
}
describe('optimisers', () => {
  for (const [title, make, rule] of CASES) {
    it(`${title}: ${STEPS} steps`, () => {
      for (const [name, problem] of Object.entries(PROBLEMS)) {
        const { gradient } = problem();
        const expected = [...START];
        const change = rule();
        for (let step = 0; step < STEPS; step++) change(expected, gradient(expected, step), step);
        for (const { isa, dtype } of TARGETS) {
          const { weights, loss, feeds } = problem();
          const training = make().minimize(loss, { isa, dtype });
          for (let step = 0; step < STEPS; step++) training.step(feeds(step));
          assert.equal(training.steps, STEPS);
          // float32 rounds each of 50 steps to 6e-8; quotients of small numbers make it more.
          const tolerance = dtype === 'float64' ? 1e-12 : 1e-4;
          const found = weights.flatMap((w) => Array.from(w.data));
          assertClose(found, expected, tolerance, `the weights of ${name} on ${isa} in ${dtype}`);
        }
      }
    });
  }

  for (const [title, make] of CASES) {
    it(`${title}: from a state on, bit for bit`, () => {
      for (const problem of [...Object.values(PROBLEMS), dropped]) {
        for (const { isa, dtype } of TARGETS) {
          const options = { isa, dtype, batches: title.length % 2 === 0 };
          const start = (): Problem & { training: Training; take: (step: number) => number } => {
            const made = problem();
            const training = make().minimize(made.loss, options);
            const batch = (step: number): number =>
              training.stepBatch([made.feeds(step), made.feeds(step + 9)]);
            const take = (step: number): number =>
              options.batches ? batch(step) : training.step(made.feeds(step));
            return { ...made, training, take };
          };
          const whole = start();
          for (let step = 0; step < 7; step++) whole.take(step);
          const state = whole.training.state();
          const numbers = whole.weights.map((w) => w.data.slice());
          const expected = [7, 8, 9].map((step) => whole.take(step));

          const other = start();
          const moments = other.weights.map((w, i) => [w, state.moments.get(whole.weights[i]!)!] as const);
          other.training.restore({ ...state, moments: new Map(moments) });
          other.weights.forEach((w, i) => w.data.set(numbers[i]!));
          const again = other.training.state();
          assert.deepEqual([again.steps, again.runs, again.rule], [state.steps, state.runs, state.rule]);
          assert.deepEqual(
            [7, 8, 9].map((step) => other.take(step)),
            expected,
          );
          assert.deepEqual(
            other.weights.map((w) => [...w.data]),
            whole.weights.map((w) => [...w.data]),
          );
        }
      }
    });
  }

  const others: [what: string, saved: Optimizer, restored: Optimizer, counts: [number, number]][] = [
    ['AdamW in Adam', new AdamW({ learningRate: 0.1 }), new Adam({ learningRate: 0.1 }), [9, 8]],
    ['Adam in AdamW', new Adam({ learningRate: 0.1 }), new AdamW({ learningRate: 0.1 }), [8, 9]],
    [
      'Adam without its clipping',
      new Adam({ learningRate: 0.1, clipGlobalNorm: 1 }),
      new Adam({ learningRate: 0.1 }),
      [9, 8],
    ],
    [
      'SGD without its weight decay',
      new SGD({ learningRate: 0.1, weightDecay: 0.1 }),
      new SGD({ learningRate: 0.1 }),
      [3, 2],
    ],
  ];
  for (const [what, saved, restored, [there, here]] of others) {
    it(`go on from no state of ${what}, and say that the optimiser is another`, () => {
      const loss = parameter([1, 2]).pow(2).sum();
      const training = saved.minimize(loss);
      training.step({});
      assert.throws(
        () => restored.minimize(loss).restore(training.state()),
        new RegExp(
          `^Error: restore: the state's update rule has ${there} numbers, but here it has ${here}: ` +
            'give the same optimiser, with the same options, such as clipGlobalNorm and weightDecay, or ' +
            'newRates: true to go on with these$',
        ),
      );
    });
  }

  it('take numbers that another program has had while the rate was asked for', () => {
    const w = parameter([1, 2]);
    const other = new SGD({ learningRate: 1 }).minimize(w.sum());
    let isAsked = false;
    const learningRate = (): number => {
      if (!isAsked) {
        isAsked = true;
        other.step({});
      }
      return 0.5;
    };
    const training = new SGD({ learningRate }).minimize(w.sum());
    assert.deepEqual([...training.stepEach({ count: 1, inputs: {} })], [1]); // (1 - 1) + (2 - 1)
    assert.deepEqual([...w.data], [-0.5, 0.5]);
  });

  it('go on from no state but one of their own', () => {
    const w = parameter([1, 2]);
    const loss = w.pow(2).sum();
    const sgdOf = (learningRate: Schedule): Training =>
      new SGD({ learningRate, momentum: 0.5 }).minimize(loss);
    const trained = sgdOf(decay(0.1, 0.5));
    for (let step = 0; step < 3; step++) trained.step({});
    const state = trained.state();
    const rows: [Training, RegExp][] = [
      [trained, /restore: this training has taken steps; give the state to a new one$/],
      [
        new Adam({ learningRate: 0.1 }).minimize(loss),
        /restore: the state is of the update rule "sgd", and here it is 'adam': give the same optimiser$/,
      ],
      [
        new SGD({ learningRate: decay(0.1, 0.5), momentum: 0.5, averageDecay: 0.9 }).minimize(loss),
        /parameter.* has 2 moments here, but different ones in the state: give the same optimiser$/,
      ],
      [
        new SGD({ learningRate: decay(0.1, 0.5), momentum: 0.3 }).minimize(loss, { dtype: 'float32' }),
        pattern(
          /rates 0.025, 0.5, but here, in float32, they are 0.025\d+, 0.3\d+: give the same optimiser, /,
          /learning rate, number of steps of its schedule, and dtype, or newRates: true/,
        ),
      ],
      [
        new SGD({ learningRate: 0.1 }).minimize(parameter([1, 2]).sum()),
        /restore: the state is of other parameters than the 1 that this training changes/,
      ],
      [
        sgdOf(0.1),
        pattern(
          /restore: step 3 was taken with rates 0.025, 0.5, but here, in float64, they are 0.1, 0.5: give /,
          /the same optimiser, learning rate, number of steps of its schedule, and dtype, or newRates: true/,
        ),
      ],
      [sgdOf([0.1, 0.05]), /the learning rates ended before step 2/],
    ];
    for (const [training, message] of rows) assert.throws(() => training.restore(state), message);
    assert.deepEqual(trained.state(), state);
  });

  it('keep the rate of a step that failed for the next, and its state has none', () => {
    const [w, loss] = quadraticOf();
    const training = new SGD({ learningRate: [0.5, 0.25, 0.125] }).minimize(loss);
    training.step({ x: 1 });
    assert.deepEqual(training.state().rule, [0.5, 0]);
    assert.throws(() => training.step({}), FeedError);
    assert.equal(training.state().rule, undefined);
    const restored = new SGD({ learningRate: [0.5, 0.25, 0.125] }).minimize(loss);
    restored.restore(training.state());
    assert.deepEqual(restored.state().rule, [0.5, 0]);
    const before = w.data[0]!;
    training.step({ x: 1 });
    assert.equal(w.data[0], before - 0.25 * 2 * (before - 1));
    assert.deepEqual(training.state().rule, [0.25, 0]);
  });

  it('take batches: all their options work on the mean of the gradients', () => {
    const learningRate = 0.3;
    const optimizer = new SGD({
      learningRate,
      momentum: 0.9,
      nesterov: true,
      weightDecay: 0.1,
      clipGlobalNorm: 0.3,
    });
    for (const problem of Object.values(PROBLEMS)) {
      const { weights, loss, feeds, gradient } = problem();
      // A parameter without gradient lies next to them.
      const frozen = parameter(weights[0]!.shape.length > 0 ? [2] : 2);
      const training = optimizer.minimize(loss.add(frozen.detach().sum()), { batches: true });
      const expected = [...START];
      const rule = clipped(0.3, penalized(0.1, sgd(fixed(learningRate), 0.9, true)));
      rule(
        expected,
        gradient(expected, 0).map((g, i) => (g + gradient(expected, 1)[i]!) / 2),
        0,
      );
      training.stepBatch([feeds(0), feeds(1)]);
      const found = weights.flatMap((w) => Array.from(w.data));
      assertClose(found, expected, 1e-12, 'the weights');
      assert.equal(frozen.data[0], 2);
    }
  });

  it('leave alone what no gradient reaches, weight decay or not', () => {
    for (const [frozen, w] of [
      [parameter([1, 2]), parameter([3, 4])],
      [parameter(1), parameter(3)],
    ] as const) {
      const before = Array.from(frozen.data);
      const loss = frozen.detach().mul(w).sum();
      const training = new AdamW({ learningRate: 0.1, weightDecay: 0.5 }).minimize(loss);
      for (let step = 0; step < 3; step++) training.step({});
      assert.deepEqual(Array.from(frozen.data), before);
      assert(w.data[0]! < 3);
    }
  });

  it('update by the instructions they are known for, and no others', () => {
    const instructions = (optimizer: Optimizer, { loss }: Problem): string[] =>
      optimizer
        .minimize(loss)
        .program.work()
        .map(({ op }) => op);
    const rows: [Optimizer, Problem, expected: string[], absent: string[]][] = [
      [new SGD({ learningRate: 1, momentum: 0.5 }), quadratic(), ['sgd'], ['clip', 'check']],
      [new SGD({ learningRate: 1, momentum: 0.5 }), product(), ['gemm_sgd'], ['sgd', 'check']],
      [new Adam({ learningRate: 1 }), product(), ['gemm_adam'], ['adam']],
      [new RMSprop({ learningRate: 1 }), product(), ['gemm_adam'], ['adam']],
      [new AdamW({ learningRate: 1 }), product(), ['adam'], ['gemm_adam']],
      [new SGD({ learningRate: 1, clipGlobalNorm: 1 }), product(), ['check', 'clip', 'sgd'], ['gemm_sgd']],
      [
        new SGD({ learningRate: 1, clipGlobalNorm: 1, onNonFinite: 'apply' }),
        product(),
        ['clip', 'sgd'],
        ['check'],
      ],
      [new SGD({ learningRate: 1, onNonFinite: 'skip' }), product(), ['check', 'sgd'], ['gemm_sgd', 'clip']],
    ];
    for (const [optimizer, problem, expected, absent] of rows) {
      const found = instructions(optimizer, problem);
      for (const op of expected) assert(found.includes(op), `${op} in ${found.join()}`);
      for (const op of absent) assert(!found.includes(op), `no ${op} in ${found.join()}`);
    }
  });

  it('return the loss before the update, and evaluate without one', () => {
    const { weights, loss, feeds: fed } = quadratic();
    const w = weights[0]!;
    const training = new SGD({ learningRate: 0.3 }).minimize(loss);
    const feeds = fed(0);
    const before = Array.from(w.data);
    const evaluated = training.evaluate(feeds);
    assert.deepEqual(Array.from(w.data), before);
    assert.equal(training.steps, 0);
    assert.equal(training.step(feeds), evaluated);
    assert(training.step(feeds) < evaluated);
  });

  it('start anew for each training: no momentum is shared', () => {
    const optimizer = new SGD({ learningRate: 0.3, momentum: 0.9 });
    const ends = [0, 1].map(() => {
      const { weights, loss, feeds } = quadratic();
      const training = optimizer.minimize(loss);
      for (let step = 0; step < 3; step++) training.step(feeds(step));
      return Array.from(weights[0]!.data);
    });
    assert.deepEqual(ends[0], ends[1]);
  });

  it('say when the learning rates have ended, changing nothing', () => {
    for (const learningRate of [[0.3, 0.2], [0.3, 0.2][Symbol.iterator]()] as Schedule[]) {
      const { weights, loss, feeds } = quadratic();
      const w = weights[0]!;
      const training = new SGD({ learningRate }).minimize(loss);
      training.step(feeds(0));
      training.step(feeds(1));
      const before = Array.from(w.data);
      assert.throws(
        () => training.step(feeds(2)),
        /the learning rates ended before step 2 \(counted from 0\): give a generator that goes on/,
      );
      assert.deepEqual(Array.from(w.data), before);
      assert.equal(training.steps, 2);
    }
  });

  it('refuse what is no learning rate', () => {
    const loss = parameter([1]).sum();
    const rows: [unknown, RegExp][] = [
      [undefined, /learningRate undefined: expected a number, a function of the step, or a generator/],
      [null, /learningRate null: expected a number/],
      ['0.1', /learningRate "0.1": expected a number/],
      [NaN, /learningRate NaN: expected a finite number/],
      [Infinity, /learningRate Infinity: expected a finite number/],
      [-Infinity, /learningRate -Infinity: expected a finite number/],
    ];
    for (const [learningRate, message] of rows) {
      assert.throws(() => new SGD({ learningRate: learningRate as number }).minimize(loss), message);
    }
    for (const rate of [NaN, Infinity, -Infinity]) {
      for (const learningRate of [() => rate, [rate]]) {
        const training = new SGD({ learningRate }).minimize(loss);
        assert.throws(() => training.step({}), {
          name: 'RangeError',
          message: `learning rate ${rate} at step 0 (counted from 0): expected a finite number from 0`,
        });
      }
    }
  });

  const REFUSED: [make: () => Optimizer, message: RegExp][] = [
    [() => new SGD({ learningRate: 1, momentum: 1 }), /momentum 1: expected a number from 0 to below 1/],
    [() => new SGD({ learningRate: 1, momentum: NaN }), /momentum NaN/],
    [() => new SGD({ learningRate: 1, nesterov: true }), /nesterov needs a momentum above zero/],
    [() => new SGD({ learningRate: 1, weightDecay: -1 }), /weightDecay -1: expected a finite number from 0$/],
    ...[0, -1, NaN, Infinity].map((clipGlobalNorm): (typeof REFUSED)[number] => [
      () => new SGD({ learningRate: 1, clipGlobalNorm }),
      new RegExp(`clipGlobalNorm ${clipGlobalNorm}: expected a finite number above zero$`),
    ]),
    [() => new Adam({ learningRate: 1, beta1: -0.1 }), /beta1 -0\.1: expected a number from 0 to below 1/],
    [() => new Adam({ learningRate: 1, beta2: 1.5 }), /beta2 1\.5/],
    [() => new Adam({ learningRate: 1, eps: -1 }), /eps -1: expected a finite number from 0$/],
    [() => new RMSprop({ learningRate: 1, eps: Infinity }), /eps Infinity: expected a finite number from 0$/],
    [
      () => new AdamW({ learningRate: 1, weightDecay: Infinity }),
      /weightDecay Infinity: expected a finite number from 0$/,
    ],
    [() => new RMSprop({ learningRate: 1, rho: 1 }), /rho 1: expected a number from 0 to below 1/],
  ];
  it('refuse numbers out of range', () => {
    for (const [make, message] of REFUSED) assert.throws(make, message);
  });
});
