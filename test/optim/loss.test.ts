/** The loss that a step returns is that before its update, also where it is a parameter or a view of one. */
import assert from 'node:assert/strict';
import { parsePasses } from '../../lib/compiler/passes.js';
import { SGD } from '../../lib/optim/optimizers.js';
import type { Training } from '../../lib/optim/training.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { split } from '../../lib/value/functions.js';
import { meanOfFirst } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import type { Value } from '../../lib/value/value.js';
import { TARGETS } from '../support/targets.js';

const LEARNING_RATE = 0.25;
/** Numbers that a float32 holds, and so do all losses. */
const START = 0.5;

const LOSSES: [what: string, loss: () => Value, feeds?: Feeds][] = [
  ['a number', () => parameter(START)],
  ['an array of one number', () => parameter([START])],
  ['a reshape', () => parameter([START]).reshape([])],
  ['an element', () => parameter([2, START]).at(1)],
  ['a part', () => split(parameter([2, START]), 2)[1]!.reshape([])],
  [
    'a transpose',
    () =>
      parameter([[START]])
        .transpose()
        .reshape([]),
  ],
  ['a sum with 0', () => parameter(START).add(0)],
  ['a part less 0', () => parameter([2, START]).at(1).sub(0)],
  ['a sum with a loss that is switched off', () => parameter(START).add(input('aux').mul(0)), { aux: 3 }],
  ['a detour', () => parameter(START).mul(1)],
  ['a mean of one term', () => meanOfFirst([parameter(START)], index('n')), { n: 1 }],
];

const columns = (feeds: Feeds): Parameters<Training['stepEach']>[0] => ({
  count: 2,
  inputs: Object.fromEntries(
    Object.entries(feeds).map(([name, x]) => {
      const both = [Number(x), Number(x)];
      return [name, { values: name === 'n' ? Int32Array.from(both) : Float64Array.from(both) }];
    }),
  ),
});

const WAYS: [how: string, losses: (training: Training, feeds: Feeds) => Promise<number[]> | number[]][] = [
  ['step', (training, feeds) => [training.step(feeds), training.step(feeds)]],
  ['stepBatch', (training, feeds) => [1, 2].map((size) => training.stepBatch(new Array(size).fill(feeds)))],
  ['stepEach', (training, feeds) => Array.from(training.stepEach(columns(feeds)))],
  ['stepEachAsync', async (training, feeds) => Array.from(await training.stepEachAsync(columns(feeds)))],
];

describe('the loss before the update', () => {
  for (const [what, make, feeds = {}] of LOSSES)
    for (const [how, losses] of WAYS)
      it(`is what ${how} returns where it is ${what} of a parameter`, async () => {
        for (const target of TARGETS)
          for (const passes of ['all', 'none']) {
            const options = { ...target, passes: parsePasses(passes), batches: how === 'stepBatch' };
            const training = new SGD({ learningRate: LEARNING_RATE }).minimize(make(), options);
            assert.deepEqual(await losses(training, feeds), [START, START - LEARNING_RATE], passes);
          }
      });

  it('is what a series stops at: it is finite where the update overflows', () => {
    const training = new SGD({ learningRate: 1e308 }).minimize(parameter(-1e308));
    assert.deepEqual([...training.stepEach({ count: 3, inputs: {} })], [-1e308, -Infinity]);
  });
});
