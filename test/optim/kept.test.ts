/** What a training keeps on request: gradients, and averages of the parameters; and states with new rates. */
import assert from 'node:assert/strict';
import * as vg from '../../lib/index.js';
import { input, parameter } from '../../lib/value/leaves.js';
import { assertClose } from '../support/check.js';
import { CASES, product, PROBLEMS, quadratic } from '../support/optimizer-cases.js';
import { TARGETS } from '../support/targets.js';
import { START } from '../support/update-rules.js';

describe('a training that keeps its gradients', () => {
  for (const [title, make] of CASES)
    it(`by ${title}: has those of the mean of its examples, and takes the same steps`, () => {
      for (const problem of Object.values(PROBLEMS))
        for (const { isa, dtype } of TARGETS)
          for (const batches of [false, true]) {
            const [kept, other] = [problem(), problem()];
            const options = { isa, dtype, batches };
            const training = make().minimize(kept.loss, { ...options, keepGradients: true });
            const plain = make().minimize(other.loss, options);
            const before = [...START];
            for (let step = 0; step < 3; step++) {
              const w = kept.weights.flatMap((weight) => [...weight.data]);
              const examples = [kept.feeds(step), kept.feeds(step + 5)];
              for (const each of [training, plain])
                if (batches) each.stepBatch(examples);
                else each.step(examples[0]!);
              const own = kept.gradient(w, step);
              const mean = own.map((g, i) => (batches ? (g + kept.gradient(w, step + 5)[i]!) / 2 : g));
              const found = kept.weights.flatMap((weight) => [...training.gradient(weight)]);
              assertClose(found, mean, dtype === 'float64' ? 1e-12 : 1e-5, `the gradients of step ${step}`);
            }
            assert.notDeepEqual(
              kept.weights.flatMap((weight) => [...weight.data]),
              before,
            );
            const tolerance = dtype === 'float64' ? 1e-13 : 1e-6; // a product may add in another order
            assertClose(
              kept.weights.flatMap((weight) => [...weight.data]),
              other.weights.flatMap((weight) => [...weight.data]),
              tolerance,
              'the weights',
            );
          }
    });

  it('gives them by name, as copies, zeros before a step', () => {
    const w = parameter([1, 2], { name: 'w' });
    const loss = w.mul(input('x')).sum();
    const training = new vg.SGD({ learningRate: 1 }).minimize(loss, { keepGradients: true });
    assert.deepEqual([...training.gradient('w')], [0, 0]);
    training.step({ x: 3 });
    const first = training.gradient('w');
    training.step({ x: 4 });
    assert.deepEqual(
      [[...first], [...training.gradient(w)]],
      [
        [3, 3],
        [4, 4],
      ],
    );
  });
});

describe('an average of the parameters', () => {
  for (const [title, make, decay] of [
    ['SGD', (averageDecay: number) => new vg.SGD({ learningRate: 0.3, momentum: 0.5, averageDecay }), 0.9],
    ['Adam', (averageDecay: number) => new vg.Adam({ learningRate: 0.1, averageDecay }), 0.5],
    ['Adam, the last', (averageDecay: number) => new vg.Adam({ learningRate: 0.1, averageDecay }), 0],
    [
      'AdamW in groups',
      (averageDecay: number) =>
        new vg.AdamW({ learningRate: 0.1, averageDecay, groups: [{ parameters: (p) => p.shape[0] === 20 }] }),
      0.9,
    ],
    [
      'RMSprop, centered',
      (averageDecay: number) => new vg.RMSprop({ learningRate: 0.1, centered: true, averageDecay }),
      0.9,
    ],
  ] as const)
    it(`by ${title}: follows them, from the first step on`, () => {
      const problems = title.includes('groups') ? { quadratic } : PROBLEMS;
      for (const [name, problem] of Object.entries(problems))
        for (const { isa, dtype } of TARGETS)
          for (const batches of [false, true]) {
            const { weights, loss, feeds } = problem();
            const training = make(decay).minimize(loss, { isa, dtype, batches });
            let average: number[] = [];
            for (let step = 0; step < 5; step++) {
              if (batches) training.stepBatch([feeds(step), feeds(step + 1)]);
              else training.step(feeds(step));
              const now = weights.flatMap((weight) => [...weight.data]);
              average = step === 0 ? now : average.map((x, i) => decay * x + (1 - decay) * now[i]!);
              const found = weights.flatMap((weight) => [...training.average(weight)]);
              assertClose(found, average, dtype === 'float64' ? 1e-13 : 1e-6, `${name}, step ${step}`);
            }
          }
    });

  it('begins with the parameters where the first steps are skipped', async () => {
    const ways: ((training: vg.Training) => unknown)[] = [
      (training) => [NaN, NaN, 1, 2].forEach((x) => training.step({ x })),
      (training) =>
        training.stepEach({ count: 4, inputs: { x: { values: Float64Array.of(NaN, NaN, 1, 2) } } }),
      (training) =>
        training.stepEachAsync({ count: 4, inputs: { x: { values: Float64Array.of(NaN, NaN, 1, 2) } } }),
      (training) => [NaN, NaN, 1, 2].forEach((x) => training.stepBatch([{ x }])),
    ];
    for (const { isa, dtype } of TARGETS)
      for (const way of ways) {
        const w = parameter([1, 2]);
        const sgd = new vg.SGD({ learningRate: 0.5, averageDecay: 0.75, onNonFinite: 'skip' });
        const training = sgd.minimize(w.mul(input('x')).sum(), { isa, dtype, batches: true });
        w.data.set([2, 3]);
        await way(training);
        assert.equal(training.skipped, 2);
        // From 2: 1.5 after the third step, 0.5 after the fourth.
        const first = 0.75 * 2 + 0.25 * 1.5;
        assert.deepEqual(
          [...training.average(w)],
          [0, 1].map((i) => 0.75 * (first + i) + 0.25 * (0.5 + i)),
        );
      }
  });

  it('goes on from a state', () => {
    const start = (): { training: vg.Training; w: vg.Value } => {
      const w = parameter([1, 2], { name: 'w' });
      const adam = new vg.Adam({ learningRate: 0.1, averageDecay: 0.9 });
      return { w, training: adam.minimize(w.sub(input('x')).pow(2).sum()) };
    };
    const whole = start();
    for (let x = 0; x < 3; x++) whole.training.step({ x });
    const state = whole.training.state();
    const other = start();
    other.training.restore({ ...state, moments: new Map([[other.w, state.moments.get(whole.w)!]]) });
    other.w.data.set(whole.w.data);
    for (const { training } of [whole, other]) training.step({ x: 4 });
    assert.deepEqual(other.training.average('w'), whole.training.average('w'));
  });
});

describe('a state with new rates', () => {
  const steps = 3;
  const trained = (): { loss: vg.Value; w: vg.Value; state: vg.TrainingState } => {
    const { weights, loss, feeds } = product();
    const training = new vg.Adam({ learningRate: 0.1, weightDecay: 0.1 }).minimize(loss);
    for (let step = 0; step < steps; step++) training.step(feeds(step));
    return { loss, w: weights[0]!, state: training.state() };
  };
  const rows: [what: string, make: () => vg.Optimizer][] = [
    ['another rate', () => new vg.Adam({ learningRate: 0.01, weightDecay: 0.1 })],
    ['a schedule', () => new vg.Adam({ learningRate: (step) => 0.1 / (step + 1), weightDecay: 0.1 })],
    ['no weight decay, and other means', () => new vg.Adam({ learningRate: 0.1, beta1: 0.5 })],
    ['a limit of the norm', () => new vg.Adam({ learningRate: 0.1, clipGlobalNorm: 1 })],
  ];
  for (const [what, make] of rows)
    it(`takes ${what}, only if asked to`, () => {
      const { loss, w, state } = trained();
      assert.throws(() => make().minimize(loss).restore(state), /newRates: true/);
      const training = make().minimize(loss);
      training.restore(state, { newRates: true });
      assert.equal(training.steps, steps);
      assert.deepEqual(training.state().moments.get(w), state.moments.get(w));
      // The next step is by the new numbers, and by the old means.
      const before = w.data.slice();
      const again = make().minimize(loss);
      again.restore({ ...state, rule: training.state().rule! });
      training.step(product().feeds(9));
      const after = w.data.slice();
      w.data.set(before);
      again.step(product().feeds(9));
      assert.deepEqual(w.data, after);
    });

  it('is refused where as many moments mean something else', () => {
    const { loss, feeds } = product();
    const adagrad = new vg.Adagrad({ learningRate: 0.1 }).minimize(loss);
    adagrad.step(feeds(0));
    const state = adagrad.state();
    assert.equal(state.optimizer, 'adagrad');
    for (const other of [
      new vg.SGD({ learningRate: 0.1, momentum: 0.1 }),
      new vg.Lion({ learningRate: 0.1 }),
      new vg.RMSprop({ learningRate: 0.1 }),
    ])
      assert.throws(() => other.minimize(loss).restore(state, { newRates: true }), {
        message: /^restore: the state is of the update rule "adagrad", and here it is '\w+': give the same/,
      });
    // These use one instruction, and keep other means.
    const rms = (): vg.RMSprop => new vg.RMSprop({ learningRate: 0.1 });
    const adam = (): vg.Adam => new vg.Adam({ learningRate: 0.1 });
    for (const [one, other] of [
      [rms, adam],
      [adam, rms],
    ] as const)
      assert.throws(
        () => other().minimize(loss).restore(one().minimize(loss).state(), { newRates: true }),
        /the state is of the update rule/,
      );
    // An older state does not say.
    const { steps: taken, runs, rule, moments } = state;
    new vg.Adagrad({ learningRate: 0.1 })
      .minimize(loss)
      .restore({ steps: taken, runs, rule: rule!, moments });
  });

  it('is refused where the moments are others', () => {
    const { loss, state } = trained();
    const training = new vg.SGD({ learningRate: 0.1 }).minimize(loss);
    assert.throws(
      () => training.restore(state, { newRates: true }),
      /the state is of the update rule "adam", and here it is 'sgd'/,
    );
  });
});

describe('what was not asked for', () => {
  const w = parameter([1], { name: 'weight' });
  const twins = [parameter([1], { name: 'twin' }), parameter([1], { name: 'twin' })];
  const loss = w.add(twins[0]!).add(twins[1]!).sum();
  const training = new vg.SGD({ learningRate: 1 }).minimize(loss);
  const keeping = new vg.SGD({ learningRate: 1, averageDecay: 0.9 }).minimize(loss, { keepGradients: true });
  const any = (given: unknown): never => given as never;
  const REFUSED: [what: string, call: () => unknown, message: RegExp][] = [
    [
      'a gradient',
      () => training.gradient('weight'),
      /^gradient: .* minimize\(loss, { keepGradients: true }\)$/,
    ],
    [
      'an average',
      () => training.average(w),
      /^average: .* give the optimiser averageDecay, such as 0\.999$/,
    ],
    [
      'a name that no parameter has',
      () => keeping.gradient('wieght'),
      /^gradient: "wieght" is no parameter that this training changes; did you mean weight\?$/,
    ],
    [
      'no name',
      () => keeping.gradient(any(undefined)),
      /^gradient: undefined, expected a parameter, or its name$/,
    ],
    ['null', () => keeping.average(any(null)), /^average: null, expected a parameter, or its name$/],
    [
      "a name nearly a parameter's, with codes of a terminal",
      () => {
        const odd = parameter([1], { name: '\x1b[31mname' });
        return new vg.SGD({ learningRate: 1 })
          .minimize(odd.sum(), { keepGradients: true })
          .gradient('\x1b[31mnam');
      },
      /did you mean \\u\{?1b\}?\[31mname\?$/,
    ],
    ['another value', () => keeping.average(input('x')), /^average: 'x' \(input, .* is no parameter/],
    [
      'a name of two',
      () => keeping.gradient('twin'),
      /^gradient: 2 parameters are called "twin": give the one/,
    ],
    ['a decay of 1', () => new vg.SGD({ learningRate: 1, averageDecay: 1 }), /^averageDecay 1: expected/],
    [
      'gradients of no training',
      () => vg.compile(loss, { keepGradients: true }),
      /^keepGradients is for training steps, .* minimize\(loss, { keepGradients: true }\)$/,
    ],
    [
      'no boolean',
      () => new vg.SGD({ learningRate: 1 }).minimize(loss, { keepGradients: any(1) }),
      /^keepGradients 1: expected true or false$/,
    ],
    [
      'no boolean for new rates',
      () => training.restore(training.state(), { newRates: any('yes') }),
      /^newRates "yes": expected true or false$/,
    ],
  ];
  for (const [what, call, message] of REFUSED)
    it(`is refused: ${what}`, () => {
      assert.throws(call, { message });
    });
});
