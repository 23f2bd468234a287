/** Which learning rates are refused, whose a generator is, and that options are copied. */
import assert from 'node:assert/strict';
import {
  Adam,
  AdamW,
  buildModel,
  parameter,
  Random,
  RMSprop,
  schedules,
  decay,
  SGD,
  train,
  type Optimizer,
  type Schedule,
  type Training,
} from '../../lib/index.js';

/** The training of one weight, whose gradient is 1. */
const training = (learningRate: Schedule): Training =>
  new SGD({ learningRate }).minimize(parameter(1).mul(1));
const any = (x: unknown): never => x as never;

describe('a negative learning rate is refused', () => {
  for (const Optimizer of [SGD, Adam, AdamW, RMSprop])
    it(`by ${Optimizer.name}`, () =>
      assert.throws(
        () => new Optimizer({ learningRate: -0.1 }),
        /^RangeError: learningRate -0\.1: expected a finite number from 0$/,
      ));

  const { constant, linear, cosine, stepDecay, exponential } = schedules;
  const MADE: [call: () => unknown, name: string][] = [
    [() => constant(-1), 'rate'],
    [() => linear(-1, 0, 9), 'from'],
    [() => linear(1, -1, 9), 'to'],
    [() => cosine({ peak: -1, steps: 9 }), 'peak'],
    [() => cosine({ peak: 1, end: -1, steps: 9 }), 'end'],
    [() => stepDecay(-1, 1, 9), 'rate'],
    [() => stepDecay(1, -1, 9), 'factor'],
    [() => exponential(-1, 1), 'rate'],
    [() => exponential(1, -1), 'factor'],
    [() => decay(-1, 1).next(), 'rate'],
  ];
  for (const [call, name] of MADE)
    it(`as ${name} by ${String(call).slice(6)}`, () =>
      assert.throws(call, new RegExp(`^RangeError: ${name} -1: expected a finite number from 0$`)));

  it('where a schedule gives one, with the step', () => {
    const falling = training((step) => 1 - step);
    falling.step({});
    falling.step({});
    assert.throws(
      () => falling.step({}),
      /^RangeError: learning rate -1 at step 2 \(counted from 0\): expected a finite number from 0$/,
    );
    assert.equal(falling.steps, 2);
  });

  it('by train and by a model', async () => {
    const model = buildModel('rnn', 3, { nEmbd: 4, blockSize: 4 }, new Random(1));
    await assert.rejects(train(model, ['ab', 'ba'], { lr: -1 }), /^RangeError: lr -1: expected a finite/);
  });

  it('but the schedule of scalar stays at 0 after its last step', () => {
    const model = buildModel('scalar', 3, { nEmbd: 4, nHead: 2, blockSize: 2 }, new Random(1));
    const made = model.optimizer(1).minimize(model.loss);
    const feeds = { tokens: [2, 0], targets: [0, 1], length: 2 };
    made.step(feeds);
    const after = model.parameters.map(({ data }) => data[0]);
    made.step(feeds);
    made.step(feeds);
    assert.deepEqual(
      model.parameters.map(({ data }) => data[0]),
      after,
    );
  });
});

describe('float32 refuses numbers that it cannot hold', () => {
  type Row = [make: () => Optimizer, message: RegExp];
  const COMPILED: Row[] = [
    [() => new Adam({ learningRate: 1, eps: 1e-50 }), /^RangeError: eps 1e-50: float32 makes it 0: give a/],
    [() => new RMSprop({ learningRate: 1, eps: 1e-39 }), /^RangeError: eps 1e-39: float32 makes it 0: /],
    [
      () => new SGD({ learningRate: 1, weightDecay: 1e39 }),
      /^RangeError: weightDecay 1e\+39: float32 makes it Inf/,
    ],
    [
      () => new SGD({ learningRate: 1, clipGlobalNorm: 1e39 }),
      /^RangeError: clipGlobalNorm 1e\+39: float32 makes/,
    ],
  ];
  for (const [make, message] of COMPILED)
    it(`when it compiles ${String(make).slice(6)}`, () => {
      const p = parameter(1);
      assert.throws(() => make().minimize(p.mul(1), { dtype: 'float32' }), message);
      make().minimize(p.mul(1)).step({});
    });

  const STEPS: Row[] = [
    [
      () => new SGD({ learningRate: 1e39 }),
      /^RangeError: learning rate 1e\+39 at step 0 \(counted from 0\): the update's learningRate is 1e/,
    ],
    [
      () => new SGD({ learningRate: 1e39, momentum: 0.5, nesterov: true }),
      /the update's learningRate is 5e\+38, but/,
    ],
    [
      () => new Adam({ learningRate: () => 1e39 }),
      /1e\+39, but float32 holds numbers up to 3\.4e\+38: give a smaller rate or dtype: 'float64'$/,
    ],
    [
      () => new AdamW({ learningRate: 1e30, weightDecay: 1e10 }),
      /the update's 1 - learningRate \* weightDecay is -1e\+40, but/,
    ],
  ];
  for (const [make, message] of STEPS)
    it(`at a step of ${String(make).slice(6)}`, () => {
      const p = parameter(1);
      const made = make().minimize(p.mul(1), { dtype: 'float32' });
      assert.throws(() => made.step({}), message);
      assert.equal(made.steps, 0);
      assert.equal(p.data[0], 1);
      make().minimize(p.mul(1)).step({});
    });

  it('as float64 does where a product of two overflows', () => {
    const made = new AdamW({ learningRate: 1e300, weightDecay: 1e300 }).minimize(parameter(1).mul(1));
    assert.throws(
      () => made.step({}),
      /is -Infinity, but float64 holds numbers up to 1\.8e\+308: give a smaller rate$/,
    );
  });
});

describe('a generator of learning rates', () => {
  it('is refused by a second training, which would take the rates of the first', () => {
    const optimizer = new SGD({ learningRate: decay(1, 0.5) });
    const first = optimizer.minimize(parameter(1).mul(1));
    assert.throws(
      () => optimizer.minimize(parameter(1).mul(1)),
      /^TypeError: learningRate: another training takes its rates from this generator/,
    );
    first.step({});
    assert.deepEqual(first.state().rule, [1, 0]);
    first.step({});
    assert.deepEqual(first.state().rule, [0.5, 0]);
  });
  it('is refused also where another optimiser has it, and as a bare iterator', () => {
    const rates = decay(1, 0.5);
    const iterator = { next: () => rates.next() };
    for (const shared of [rates, any(iterator)]) {
      training(shared);
      assert.throws(() => training(shared), /another training takes its rates/);
    }
  });
  it('stays free where minimize refuses the loss', () => {
    const optimizer = new SGD({ learningRate: decay(1, 0.5) });
    assert.throws(() => optimizer.minimize(parameter([1, 2]).mul(1)), /expected one/);
    optimizer.minimize(parameter(1).mul(1)).step({});
  });
  it('comes anew from a list, for each training', () => {
    const optimizer = new SGD({ learningRate: [1, 0.5] });
    for (let i = 0; i < 2; i++) {
      const p = parameter(1);
      optimizer.minimize(p.mul(1)).step({});
      assert.deepEqual([...p.data], [0]);
    }
  });
  it('is not the function that makes it', () => {
    function* falling(): Generator<number> {
      yield 1;
    }
    assert.throws(
      () => new SGD({ learningRate: any(falling) }),
      /^TypeError: learningRate is a generator function "falling": call it/,
    );
  });
});

describe('the options of an optimiser', () => {
  for (const [what, options] of [
    ['given', { learningRate: 1 }],
    ['inherited', Object.create({ learningRate: 1 }) as { learningRate: number }],
  ] as [string, { learningRate: number }][])
    it(`are copied where they are ${what}`, () => {
      const optimizer = new SGD(options);
      options.learningRate = 100;
      const p = parameter(1);
      optimizer.minimize(p.mul(1)).step({});
      assert.deepEqual([...p.data], [0]);
    });
});
