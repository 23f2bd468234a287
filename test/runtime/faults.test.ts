/** Known faults of the engine from which vecgrad takes its vocabulary: none occurs here. */
import assert from 'node:assert/strict';
import { buildModel } from '../../lib/study/build-model.js';
import { MODEL_NAMES, type ModelName } from '../../lib/study/models/sizes.js';
import type { Value } from '../../lib/value/value.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { FeedError } from '../../lib/runtime/errors.js';
import { compile } from '../../lib/value/compile.js';
import { Random } from '../../lib/runtime/random.js';

/** The gradient of the sum of what `f` makes of x. */
function gradient(x: Value, f: (x: Value) => Value, feeds = {}): number[] {
  const y = f(x);
  y.forward(feeds);
  y.backward();
  return Array.from(x.grad);
}
const matrix = (): Value => parameter([1, 3, 2, 3, 3, 0], { shape: [2, 3] });

const FAULTS: [fault: string, check: () => void][] = [
  [
    'gathering the same index twice loses gradient',
    () => {
      const picked = index('i', 3);
      assert.deepEqual(
        gradient(parameter([1, 2, 3]), (x) => x.gather(picked), { i: [1, 1, 0] }),
        [1, 2, 0],
      );
      assert.deepEqual(
        gradient(matrix(), (x) => x.gather(picked, 1), { i: [2, 2, 0] }),
        [1, 0, 2, 1, 0, 2],
      );
    },
  ],
  [
    'an axis of length 1 broadcast against n has a gradient of the wrong shape',
    () => {
      const column = parameter([1, 2], { shape: [2, 1] });
      const row = parameter([1, 2, 3], { shape: [1, 3] });
      const y = column.mul(row);
      y.forward();
      y.backward();
      assert.deepEqual(y.shape, [2, 3]);
      assert.deepEqual([...column.grad], [6, 6]);
      assert.deepEqual([...row.grad], [3, 3, 3]);
    },
  ],
  [
    'every tie of max receives the whole gradient',
    () => {
      assert.deepEqual(
        gradient(matrix(), (x) => x.max()),
        [0, 1 / 3, 0, 1 / 3, 1 / 3, 0],
      );
      assert.deepEqual(
        gradient(matrix(), (x) => x.max(1)),
        [0, 1, 0, 0.5, 0.5, 0],
      );
      assert.deepEqual(
        gradient(matrix(), (x) => x.maximum(3)),
        [0, 0.5, 0, 0.5, 0.5, 0],
      );
    },
  ],
  [
    'max takes no axis',
    () => {
      assert.deepEqual([...matrix().max(0).forward()], [3, 3, 2]);
      assert.deepEqual([...matrix().max(-1).forward()], [3, 3]);
      assert.deepEqual([...matrix().min([0, 1]).forward()], [0]);
    },
  ],
  [
    'softmax takes no axis',
    () => {
      const y = parameter([0, 5, 0, 5], { shape: [2, 2] }).softmax(0);
      assert.deepEqual([...y.forward()], [0.5, 0.5, 0.5, 0.5]);
    },
  ],
  [
    'an unfed index keeps its last value',
    () => {
      const y = parameter([1, 2, 3]).at(index('which'));
      assert.deepEqual([...y.forward({ which: 2 })], [3]);
      assert.throws(
        () => y.forward({}),
        (error) => error instanceof FeedError && error.message.includes("'which' is missing"),
      );
    },
  ],
  [
    'an unfed value becomes NaN with a warning',
    () => {
      const y = input('x', [2]).mul(2);
      assert.deepEqual([...y.forward({ x: [1, 2] })], [2, 4]);
      assert.throws(
        () => y.forward({}),
        (error) => error instanceof FeedError && error.message.includes("'x' is missing"),
      );
    },
  ],
  [
    'sorting the graph is quadratic',
    () => {
      // 100,000 nodes: scanning a list for each would take 5e9 steps.
      let y = parameter(0);
      for (let i = 0; i < 100_000; i++) y = y.add(1);
      assert.equal(compile(y).forward({})[0], 100_000);
    },
  ],
  [
    'running adds nodes to the graph',
    () => {
      const x = parameter([1, 2, 3]);
      const y = x.softmax().max();
      const before = parameter(0).id;
      for (let i = 0; i < 3; i++) y.forward();
      y.backward();
      assert.equal(parameter(0).id, before + 1);
    },
  ],
  [
    'parameters are counted as arrays',
    () => {
      const count = (name: ModelName): number =>
        new SGD({ learningRate: 1 }).minimize(buildModel(name, 27, {}, new Random(1)).loss).program
          .parameterCount;
      const counts = MODEL_NAMES.map((name) => [name, count(name)]);
      assert.deepEqual(counts, [
        ['scalar', 4192],
        ['vector', 4192],
        ['rnn', 3600],
        ['rnn_att', 3600],
      ]);
    },
  ],
  [
    'calling backward twice adds up',
    () => {
      const x = parameter([1, 2]);
      const y = x.mul(x);
      y.forward();
      y.backward();
      y.backward();
      assert.deepEqual([...x.grad], [2, 4]);
    },
  ],
];

describe('faults that are not repeated', () => {
  for (const [fault, check] of FAULTS) it(fault, check);
});
