/** Options of convolutions that are wrong are refused where the layer is made, not where it is applied. */
import assert from 'node:assert/strict';
import * as nn from '../../lib/nn/index.js';
import { Random } from '../../lib/runtime/random.js';

const random = new Random(1);

const any = (given: unknown): never => given as never;

const ROWS: [given: object, of1d: RegExp, of2d: RegExp][] = [
  [{ stride: 0 }, /stride 0: expected an integer from 1/, /stride 0: expected an integer from 1/],
  [{ stride: '2' }, /stride "2": expected an integer/, /stride "2": expected an integer/],
  [{ stride: [1, 2, 3] }, /stride .*: expected an integer/, /stride .*: expected an integer, or a pair/],
  [{ stride: [1, 0] }, /stride .*: expected an integer/, /stride 0: expected an integer from 1/],
  [{ dilation: 0 }, /dilation 0: expected an integer from 1/, /dilation 0: expected an integer from 1/],
  [{ dilation: 1.5 }, /dilation 1\.5: expected an integer/, /dilation 1\.5: expected an integer/],
  [{ padding: -1 }, /padding -1: expected an integer from 0/, /padding -1: expected an integer from 0/],
  [{ padding: 'full' }, /padding "full": .*'same' or 'valid'$/, /padding "full": .*'same' or 'valid'$/],
  [
    { padding: 'same', stride: 2 },
    /padding 'same': expected a stride of 1/,
    /padding 'same': expected a stride of 1/,
  ],
];

describe('layers that convolve refuse, where they are made:', () => {
  for (const [given, of1d, of2d] of ROWS) {
    it(JSON.stringify(given), () => {
      const options = any({ random, ...given });
      const says = (name: string, what: RegExp) => (error: Error) =>
        error.message.startsWith(`${name}: `) && what.test(error.message);
      assert.throws(() => new nn.Conv1d(2, 4, 3, options), says('Conv1d', of1d));
      assert.throws(() => new nn.Conv2d(2, 4, 3, options), says('Conv2d', of2d));
    });
  }
});
