/** Running means that decay slowly: 1 minus their decay is a number that float32 cannot subtract to. */
import assert from 'node:assert/strict';
import { Adam, AdamW, parameter, RMSprop, type Optimizer } from '../../lib/index.js';

describe('slow running means in float32', () => {
  // PyTorch 1.13 in float32, first step from 1 with a gradient of 1: 0.9 each, RMSprop by its formula.
  const ROWS: [title: string, make: (learningRate: number) => Optimizer][] = [
    ...[0.999, 0.9999, 0.999999, 0.99999999].flatMap((beta2): typeof ROWS => [
      [`Adam with beta2 ${beta2}`, (learningRate) => new Adam({ learningRate, beta2, eps: 0 })],
      [
        `AdamW with beta1 ${beta2}`,
        (learningRate) => new AdamW({ learningRate, beta1: beta2, weightDecay: 0 }),
      ],
      [
        `RMSprop with rho ${beta2}`,
        (learningRate) =>
          new RMSprop({ learningRate: learningRate * Math.sqrt(1 - beta2), rho: beta2, eps: 0 }),
      ],
    ]),
  ];
  for (const [title, make] of ROWS) {
    const SHAPES: [of: string, numbers: number | number[] | number[][]][] = [
      ['a number', 1],
      ['an array', Array.from({ length: 19 }, () => 1)],
      ['a matrix, by a product', [[1, 1, 1]]],
    ];
    for (const [of, numbers] of SHAPES)
      it(`${title}, of ${of}`, () => {
        const w = parameter(numbers);
        const ones =
          w.shape.length === 2
            ? parameter([[1]])
                .detach()
                .matmul(w)
            : w.mul(1);
        make(0.1).minimize(ones.sum(), { dtype: 'float32' }).step({});
        for (const x of w.data) assert.ok(Math.abs(x - 0.9) < 2e-7, String(x));
      });
  }
});
