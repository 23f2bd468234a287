/** Dropout: what a training step drops, and that nothing else drops anything. */
import assert from 'node:assert/strict';
import { concat, parameter, type Value } from '../lib/graph.js';
import { SGD } from '../lib/optim.js';
import { compile } from '../lib/program.js';
import { assertClose, Leaves, trainingStep } from './support/check.js';
import { TARGETS } from './support/targets.js';

/** SplitMix64's finish, in integers without end. */
function mixed(z: bigint): bigint {
  const word = (x: bigint): bigint => BigInt.asUintN(64, x);
  z = word(z + 0x9e3779b97f4a7c15n);
  z = word((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = word((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

/** What each of n numbers is multiplied by. */
function factors(n: number, rate: number, seed: number, step: number): number[] {
  const key = mixed((BigInt(seed) << 32n) | BigInt(step));
  return Array.from({ length: n }, (_, i) => (Number(mixed(key + BigInt(i)) >> 32n) / 2 ** 32 >= rate ? 1 / (1 - rate) : 0)); // prettier-ignore
}

/** What is dropped of a value x, and what x's numbers are in its order. */
const PLACES: [title: string, shape: number[], drop: (x: Value) => Value, order: number[]][] = [
  ['a number', [], (x) => x.dropout(0.4, 3), [0]],
  ['a vector', [9], (x) => x.dropout(0.4, 3), [0, 1, 2, 3, 4, 5, 6, 7, 8]],
  ['a result', [2, 3], (x) => x.mul(1).dropout(0.4, 3), [0, 1, 2, 3, 4, 5]],
  ['a transposed array', [2, 3], (x) => x.transpose().dropout(0.4, 3).transpose(), [0, 2, 4, 1, 3, 5]], // prettier-ignore
  ['a part of a join', [2, 3], (x) => concat([x.dropout(0.4, 3), x.detach()], 1).slice(0, 3, 1), [0, 1, 2, 3, 4, 5]], // prettier-ignore
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
          assertClose([loss], [numbers.reduce((sum, v, i) => sum + v * expected[i]!, 0)], 1e-6, `the loss of ${what}`); // prettier-ignore
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
