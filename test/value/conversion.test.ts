/** What JavaScript makes of a node where it wants a number or a string. */
/* eslint-disable eqeqeq, @typescript-eslint/no-base-to-string, @typescript-eslint/no-unnecessary-condition,
   @typescript-eslint/restrict-plus-operands, @typescript-eslint/restrict-template-expressions
   -- the mistakes that these rules find are what is tested */
import assert from 'node:assert/strict';
import { inspect, format } from 'node:util';
import { concat, constant, index, input, nn, parameter } from '../../lib/index.js';

const w = parameter([1, 2], { name: 'w' });
const s = input('s');
const n = index('n');
/** As in a program in JavaScript, which has no types. */
const any = (x: unknown): never => x as never;

describe('a node where a number is wanted is refused, with what to write instead:', () => {
  const ROWS: [title: string, call: () => unknown][] = [
    ['s * 2', () => w.mul(any(s) * 2)],
    ['s - 1', () => constant(any(s) - 1)],
    ['-s', () => -any(s)],
    ['s ** 2', () => any(s) ** 2],
    ['s > w', () => any(s) > any(w)],
    ['s <= 1', () => any(s) <= 1],
    ['s + 1', () => any(s) + 1],
    ['s == 1', () => any(s) == 1],
    ['Math.max(s, 0)', () => Math.max(any(s), 0)],
    ['Number(n)', () => Number(n)],
    ['numbers of values', () => Float64Array.from([any(s)])],
  ];
  for (const [title, call] of ROWS)
    it(title, () =>
      assert.throws(call, {
        name: 'TypeError',
        message:
          /^'[sn]' \((input|index), shape \[\]\) is a node of a graph, .* write a\.add\(b\), .*a\.gt\(b\)/,
      }),
    );
});

describe('a node as text:', () => {
  it('is its label', () => {
    assert.equal(String(w), "'w' (parameter, shape [2])");
    assert.equal(`${any(n)}`, "'n' (index, shape [])");
    assert.equal([any(s), 1].join(), "'s' (input, shape []),1");
  });
  it('also of an object that only inherits from one', () => {
    assert.equal(String(Object.create(Object.getPrototypeOf(w) as object)), 'an object');
  });
  it('is shown by inspect, format and JSON as before', () => {
    assert.match(inspect(w), /^Value \{/);
    assert.equal(format('%s', w), String(w));
    assert.match(JSON.stringify(n), /^\{"id":\d+/);
  });
  it('fits into the message of a failed assertion', () => {
    assert.throws(() => assert.equal(w, 3), assert.AssertionError);
    assert.throws(() => assert.deepEqual([w], [s]), assert.AssertionError);
    assert.ok(w !== any(s) && any(w) != null);
  });
});

describe('a node given as a number is called by its label:', () => {
  const ROWS: [call: () => unknown, says: RegExp][] = [
    [
      () => constant(any(w)),
      /^constant: 'w' \(parameter, shape \[2\]\): expected a number, or arrays of numbers$/,
    ],
    [() => w.rmsNorm({ eps: any(w) }), /eps 'w' \(parameter, shape \[2\]\): expected a number$/],
    [() => index('i', 3).at(any(s)), /^at\('s' \(input, shape \[\]\)\) of 'i'/],
    [() => w.dropout(any(s), 1), /rate 's' \(input, shape \[\]\), expected a number/],
    [() => w.expandDims(any(s)), /axis 's' \(input, shape \[\]\): expected an integer/],
    [() => w.layerNorm({ eps: any(s) }), /eps 's' \(input, shape \[\]\)/],
    [() => nn.initializers.normal(any(s)), /^mean 's' \(input, shape \[\]\): expected a number$/],
    [() => concat(any(s)), /expected an array of Values, got 's' \(input, shape \[\]\)/],
  ];
  for (const [call, says] of ROWS)
    it(String(says), () => assert.throws(call, (error: Error) => (assert.match(error.message, says), true)));
});
