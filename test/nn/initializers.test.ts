/** Initialisers where a bound would be infinite or negative: no numbers to draw, or a refusal. */
import assert from 'node:assert/strict';
import * as nn from '../../lib/nn/index.js';
import { Random } from '../../lib/runtime/random.js';

const { heNormal, heUniform, uniform, xavierNormal, xavierUniform } = nn.initializers;
const random = new Random(1);

describe('initialisers of a layer without numbers', () => {
  for (const make of [heNormal, heUniform, uniform, xavierNormal, xavierUniform])
    for (const shape of [[0, 0], [0, 3], [3, 0], [0]])
      it(`${make.name} of shape [${shape.join(', ')}] draws none`, () => {
        assert.deepEqual(make()(shape, random), new Float64Array(0));
      });

  it('make layers, which give zeros', () => {
    assert.deepEqual(new nn.Linear(0, 0, { random }).parameters()[0]!.shape, [0, 0]);
    assert.deepEqual(new nn.MLP(0, [0], { random }).parameters()[0]!.shape, [0, 0]);
    assert.deepEqual(
      new nn.Linear(0, 3, { random, initializer: heUniform() }).parameters()[0]!.shape,
      [0, 3],
    );
  });
});

describe('initialisers refuse when they are made', () => {
  const rows: [what: string, make: () => unknown, message: RegExp][] = [
    ['a negative gain', () => xavierNormal(-1), /^RangeError: gain -1: expected a finite number from 0$/],
    ['a negative gain of a range', () => xavierUniform(-1), /^RangeError: gain -1: expected a finite number/],
    [
      'a gain that overflows',
      () => xavierUniform(1e308),
      /^RangeError: gain 1e\+308: expected a number up to/,
    ],
    [
      'a range that overflows',
      () => uniform(-1e308, 1e308),
      /^RangeError: low -1e\+308 and high 1e\+308: expected a range that is a finite number$/,
    ],
  ];
  for (const [what, make, message] of rows)
    it(what, () => {
      assert.throws(make, message);
    });
});
