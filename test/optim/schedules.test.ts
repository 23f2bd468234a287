/** The schedules of learning rates that optimisers take. */
import assert from 'node:assert/strict';
import { decay } from '../../lib/optim/rates.js';
import * as schedules from '../../lib/optim/schedules.js';
import { assertClose } from '../support/check.js';

describe('schedules', () => {
  const { constant, cosine, exponential, linear, stepDecay } = schedules;
  const ROWS: [title: string, rate: (step: number) => number, expected: [step: number, rate: number][]][] = [
    [
      'constant',
      constant(0.1),
      [
        [0, 0.1],
        [1000, 0.1],
      ],
    ],
    [
      'linear',
      linear(1, 0.2, 4),
      [
        [0, 1],
        [1, 0.8],
        [2, 0.6],
        [4, 0.2],
        [9, 0.2],
      ],
    ],
    [
      'linear to a rate that from + (to - from) misses',
      linear(1, 1e-17, 10),
      [
        [9, 0.1],
        [10, 1e-17],
      ],
    ],
    [
      'cosine',
      cosine({ peak: 2, steps: 4 }),
      [
        [0, 2],
        [1, 1 + Math.SQRT1_2],
        [2, 1],
        [4, 0],
        [9, 0],
      ],
    ],
    [
      'cosine with a warm-up and an end',
      cosine({ peak: 3, steps: 6, warmup: 2, end: 1 }),
      [
        [0, 1],
        [1, 2],
        [2, 3],
        [4, 2],
        [6, 1],
        [7, 1],
      ],
    ],
    [
      'step',
      stepDecay(1, 0.5, 3),
      [
        [0, 1],
        [2, 1],
        [3, 0.5],
        [6, 0.25],
      ],
    ],
    [
      'exponential',
      exponential(1, 0.5),
      [
        [0, 1],
        [1, 0.5],
        [3, 0.125],
      ],
    ],
  ];
  for (const [title, rate, expected] of ROWS) {
    it(title, () => {
      assertClose(
        expected.map(([step]) => rate(step)),
        expected.map(([, x]) => x),
        1e-15,
        title,
      );
    });
  }

  it('refuse numbers out of range', () => {
    assert.throws(() => linear(1, 0, 0), /steps 0: expected a number above zero/);
    assert.throws(() => stepDecay(1, 0.5, NaN), /every NaN: expected a finite number/);
    assert.throws(
      () => cosine({ peak: 1, steps: 5, warmup: 5 }),
      /^RangeError: steps 5: expected more than the steps of the warm-up, 5$/,
    );
    assert.throws(
      () => cosine({ peak: 1, steps: 5, warmup: -1 }),
      /warmup -1: expected a finite number from 0/,
    );
    for (const make of [
      () => constant(Infinity),
      () => linear(1, -Infinity, 5),
      () => linear(1, 0, Infinity),
      () => cosine({ peak: Infinity, steps: 5 }),
      () => cosine({ peak: 1, steps: 5, end: NaN }),
      () => stepDecay(Infinity, 0.5, 2),
      () => exponential(1, NaN),
      () => decay(1, Infinity),
    ])
      assert.throws(make, /: expected a finite number( from 0)?$/);
  });
});
