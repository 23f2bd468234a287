/** The optimisers against the same rules in plain TypeScript, and the schedules they take. */
import assert from 'node:assert/strict';
import { input, parameter, type Value } from '../lib/graph.js';
import { Adam, decay, SGD, type Optimizer, type Schedule } from '../lib/optim.js';
import { assertClose } from './support/check.js';
import { TARGETS } from './support/targets.js';

const STEPS = 25;
const START = Array.from({ length: 37 }, (_, i) => Math.sin(i) + 0.1);
const feed = (step: number): number[] => START.map((_, i) => Math.cos(i * 1.7 + step));

/** The mean over (w - x)^2: its gradient by w is 2 (w - x) / n. */
function quadratic(): { w: Value; loss: Value } {
  const w = parameter(START);
  const loss = w.sub(input('x', [START.length])).pow(2).mean(); // prettier-ignore
  return { w, loss };
}

/** The weights after each step by a rule that changes one weight by its gradient. */
function plain(rule: (i: number, gradient: number, step: number) => number): number[] {
  const w = [...START];
  for (let step = 0; step < STEPS; step++) {
    const x = feed(step);
    for (let i = 0; i < w.length; i++) w[i]! -= rule(i, (2 * (w[i]! - x[i]!)) / w.length, step);
  }
  return w;
}

function sgd(rate: (step: number) => number, momentum: number): number[] {
  const velocity = START.map(() => 0);
  return plain((i, gradient, step) => {
    velocity[i] = momentum * velocity[i]! + gradient;
    return rate(step) * velocity[i];
  });
}

function adam(rate: (step: number) => number, beta1: number, beta2: number, eps: number): number[] {
  const [m, v] = [START.map(() => 0), START.map(() => 0)];
  return plain((i, gradient, step) => {
    m[i] = beta1 * m[i]! + (1 - beta1) * gradient;
    v[i] = beta2 * v[i]! + (1 - beta2) * gradient ** 2;
    const [mean, square] = [m[i] / (1 - beta1 ** (step + 1)), v[i] / (1 - beta2 ** (step + 1))];
    return (rate(step) * mean) / (Math.sqrt(square) + eps);
  });
}

const falling = (step: number): number => 0.3 * (1 - step / STEPS);
function* listed(): Generator<number> {
  for (let step = 0; step < STEPS; step++) yield falling(step);
}

const CASES: [title: string, make: () => Optimizer, expected: () => number[]][] = [
  ['SGD', () => new SGD({ learningRate: 0.3 }), () => sgd(() => 0.3, 0)],
  ['SGD with momentum', () => new SGD({ learningRate: 0.3, momentum: 0.9 }), () => sgd(() => 0.3, 0.9)], // prettier-ignore
  ['SGD by a function of the step', () => new SGD({ learningRate: falling, momentum: 0.5 }), () => sgd(falling, 0.5)], // prettier-ignore
  ['SGD by a generator', () => new SGD({ learningRate: listed(), momentum: 0.5 }), () => sgd(falling, 0.5)], // prettier-ignore
  ['SGD by a decaying rate', () => new SGD({ learningRate: decay(0.3, 0.9) }), () => sgd((step) => 0.3 * 0.9 ** step, 0)], // prettier-ignore
  ['SGD by an array of rates', () => new SGD({ learningRate: [...listed()] }), () => sgd(falling, 0)], // prettier-ignore
  ['Adam', () => new Adam({ learningRate: 0.01 }), () => adam(() => 0.01, 0.9, 0.999, 1e-8)],
  ['Adam with all its numbers', () => new Adam({ learningRate: falling, beta1: 0.85, beta2: 0.99, eps: 1e-3 }), () => adam(falling, 0.85, 0.99, 1e-3)], // prettier-ignore
]; // prettier-ignore

describe('optimisers', () => {
  for (const [title, make, expected] of CASES) {
    it(`${title}: ${STEPS} steps`, () => {
      for (const { isa, dtype } of TARGETS) {
        const { w, loss } = quadratic();
        const training = make().minimize(loss, { isa, dtype });
        for (let step = 0; step < STEPS; step++) training.step({ x: feed(step) });
        assert.equal(training.steps, STEPS);
        // float32 rounds each of 25 steps to 6e-8; Adam's quotients of small numbers make it more.
        const tolerance = dtype === 'float64' ? 1e-12 : 1e-5;
        assertClose(w.data, expected(), tolerance, `the weights on ${isa} in ${dtype}`);
      }
    });
  }

  it('return the loss before the update, and evaluate without one', () => {
    const { w, loss } = quadratic();
    const training = new SGD({ learningRate: 0.3 }).minimize(loss);
    const feeds = { x: feed(0) };
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
      const { w, loss } = quadratic();
      const training = optimizer.minimize(loss);
      for (let step = 0; step < 3; step++) training.step({ x: feed(step) });
      return Array.from(w.data);
    });
    assert.deepEqual(ends[0], ends[1]);
  });

  it('say when the learning rates have ended, changing nothing', () => {
    for (const learningRate of [[0.3, 0.2], [0.3, 0.2][Symbol.iterator]()] as Schedule[]) {
      const { w, loss } = quadratic();
      const training = new SGD({ learningRate }).minimize(loss);
      training.step({ x: feed(0) });
      training.step({ x: feed(1) });
      const before = Array.from(w.data);
      assert.throws(() => training.step({ x: feed(2) }), /the learning rates ended before step 2: give a generator that goes on/); // prettier-ignore
      assert.deepEqual(Array.from(w.data), before);
      assert.equal(training.steps, 2);
    }
  });

  it('refuse what is no learning rate', () => {
    const loss = parameter([1]).sum();
    const rows: [unknown, RegExp][] = [
      [
        undefined,
        /learning rate undefined: expected a number, a function of the step, or a generator/,
      ],
      [null, /learning rate null: expected a number/],
      ['0.1', /learning rate "0.1": expected a number/],
    ];
    for (const [learningRate, message] of rows) {
      assert.throws(
        () => new SGD({ learningRate: learningRate as number }).minimize(loss),
        message,
      );
    }
    const training = new SGD({ learningRate: () => NaN }).minimize(loss);
    assert.throws(() => training.step({}), /learning rate NaN at step 0: expected a number/);
  });

  it('refuse what is no momentum and no beta', () => {
    assert.throws(() => new SGD({ learningRate: 1, momentum: 1 }), /momentum 1: expected a number from 0 to below 1/); // prettier-ignore
    assert.throws(() => new SGD({ learningRate: 1, momentum: NaN }), /momentum NaN/);
    assert.throws(() => new Adam({ learningRate: 1, beta1: -0.1 }), /beta1 -0\.1: expected a number from 0 to below 1/); // prettier-ignore
    assert.throws(() => new Adam({ learningRate: 1, beta2: 1.5 }), /beta2 1\.5/);
  });
});
