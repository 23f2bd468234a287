/** gradCheck: what it accepts, what it finds, and what it reports. */
import assert from 'node:assert/strict';
import { gradCheck, GradCheckError } from '../../lib/value/grad-check.js';
import type { Value } from '../../lib/value/value.js';
import { stack } from '../../lib/value/joins.js';
import { input, parameter } from '../../lib/value/leaves.js';
import { Leaves } from '../support/check.js';

const RIGHT: [title: string, build: (g: Leaves) => Value, values: number, elements: number][] = [
  ['a number', (g) => g.p().pow(3), 1, 1],
  ['an array by arrays that broadcast', (g) => g.p(2, 3).mul(g.p(3)).exp(), 2, 9],
  [
    'inputs and indices',
    (g) =>
      g
        .p(4, 3)
        .gather(g.fed([1, 1, 3]))
        .mul(g.x(3))
        .softmax(),
    2,
    15,
  ],
  [
    'a number fed',
    (g) => {
      g.feeds['t'] = 0.5;
      return input('t').exp().mul(g.p());
    },
    2,
    2,
  ],
  ['a value used twice', (g) => [g.p(3)].map((x) => x.mul(x.exp()))[0]!, 1, 3],
  ['large numbers', (g) => g.of([1e4, -3e4]).pow(3), 1, 2],
  ['no numbers', (g) => g.p(0).sum(), 1, 0],
  ['what no gradient reaches', (g) => g.p(2).relu().mul(0), 1, 2],
];

describe('gradCheck', () => {
  for (const [title, build, values, elements] of RIGHT) {
    it(`accepts ${title}, leaving the parameters as they were`, () => {
      const g = new Leaves();
      const root = build(g);
      const report = gradCheck(root, g.feeds);
      assert.equal(report.values, values);
      assert.equal(report.elements, elements);
      assert.equal(report.worst === undefined, elements === 0);
      for (const [value, { data }] of g.numbers) assert.deepEqual(Array.from(value.data), data);
    });
  }

  it('reports the largest difference', () => {
    const x = parameter([1, 2], { name: 'x' });
    const { worst } = gradCheck(x.pow(3), {}, { step: 1e-2, tolerance: 1 });
    // (f(x + h) - f(x - h)) / 2h of a cube is 3 x² + h², h being 1e-2 |x|.
    assert.equal(worst!.label, "'x' (parameter, shape [2])");
    assert.deepEqual(worst!.at, [1]);
    assert(Math.abs(worst!.difference - 4e-4) < 1e-9);
  });

  it('finds what differs: which value, which element, found, expected, difference', () => {
    const x = parameter(
      [
        [1, 2],
        [3, 4],
      ],
      { name: 'x' },
    );
    const hidden = stack([x.at(0), x.at(1).detach()])
      .mul(x)
      .sum()
      .named('loss');
    assert.throws(
      () => gradCheck(hidden),
      (error: unknown) => {
        assert(error instanceof GradCheckError);
        assert.deepEqual(
          error.failures.map(({ at }) => at),
          [
            [1, 0],
            [1, 1],
          ],
        );
        assert.match(
          error.message,
          /^2 of the gradients of 'loss' \(sum, shape \[\]\) differ from central differences\n/,
        );
        assert.match(error.message, /\n {2}gradient by +found +expected +difference\n/);
        assert.match(
          error.message,
          /\n {2}'x' \(parameter, shape \[2, 2\]\) at \[1, 0\] +3 +(6|6\.0+\d*|5\.9+\d*) +3\.0e\+0\n/,
        );
        return true;
      },
    );
  });

  it('lists the first ten of many', () => {
    const x = parameter(new Array(25).fill(1));
    assert.throws(() => gradCheck(x.detach().sum()), /25 of the gradients[^]*\n {2}and 15 more$/);
  });

  it('finds what is no finite number, NaN by differences too', () => {
    const x = parameter([-1, 4]);
    assert.throws(
      () => gradCheck(x.log().mul(1)),
      (error: unknown) => error instanceof GradCheckError && error.failures[0]!.at[0] === 0,
    );
  });

  it('names an input that is missing', () => {
    assert.throws(() => gradCheck(input('x').exp()), /input 'x' is missing/);
  });
});
