/** Feeds that a program refuses to run, and what it says: one table. */
import assert from 'node:assert/strict';
import type { Value } from '../../lib/value/value.js';
import { choose, meanOfFirst } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { SGD } from '../../lib/optim/optimizers.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { FeedError } from '../../lib/runtime/errors.js';
import { compile } from '../../lib/value/compile.js';
import { pattern } from '../support/pattern.js';

const table = parameter(
  [
    [1, 2],
    [3, 4],
    [5, 6],
  ],
  { name: 'table' },
);

/** A graph with its feeds, and what its error must say. */
const REFUSED: [title: string, root: () => Value, feeds: unknown, says: RegExp][] = [
  [
    'a missing input',
    () => input('x', [2]).exp(),
    {},
    /^input 'x' is missing: 'x' \(input, shape \[2\]\) needs 2 numbers$/,
  ],
  ['an undefined input', () => input('x').exp(), { x: undefined }, /^input 'x' is missing/],
  [
    'an unknown input',
    () => input('x').exp(),
    { x: 1, y: 2 },
    /^no input is named 'y'; this program's inputs: 'x'$/,
  ],
  ['an input of a graph without inputs', () => table.exp(), { x: 1 }, /^no input is named 'x'; .*none$/],
  [
    'too few numbers',
    () => input('x', [2, 2]).exp(),
    { x: [1, 2, 3] },
    /^input 'x': 3 numbers for 'x' \(input, shape \[2, 2\]\), which needs 4 numbers$/,
  ],
  ['too many numbers', () => input('x', [2]).exp(), { x: [1, 2, 3] }, /^input 'x': 3 numbers .* needs 2/],
  [
    'text for a number',
    () => input('x', [2]).exp(),
    { x: [1, '2'] as number[] },
    /^input 'x'\[1\] is "2": feed 'x'/,
  ],
  [
    'one number for many',
    () => input('x', [2]).exp(),
    { x: 1 },
    /^input 'x': one number, 1, for 'x' .*which needs 2 numbers$/,
  ],
  ['text for numbers', () => input('x', [2]).exp(), { x: 'ab' }, /^input 'x': "ab" for 'x'/],
  ['null for numbers', () => input('x', [2]).exp(), { x: null }, /^input 'x' is missing: 'x' .*needs 2/],
  [
    'a missing index',
    () => table.at(index('i')),
    {},
    /^input 'i' is missing: 'i' \(index, shape \[\]\) needs an integer$/,
  ],
  [
    'missing indices',
    () => table.gather(index('i', 2)),
    {},
    /^input 'i' is missing: 'i' .* needs 2 integers$/,
  ],
  [
    'an index beyond the rows, in an Int32Array',
    () => table.gather(index('i', 2)),
    { i: Int32Array.of(0, 3) },
    /^input 'i'\[1\] = 3: expected an integer from 0 to 2, for #\d+ \(gather, shape \[2, 2\]\)$/,
  ],
  [
    'a negative index in an Int32Array',
    () => table.gather(index('i', 2)),
    { i: Int32Array.of(0, -1) },
    /^input 'i'\[1\] = -1: expected an integer from 0 to 2/,
  ],
  [
    'too few indices in an Int32Array',
    () => table.gather(index('i', 2)),
    { i: Int32Array.of(0) },
    /needs at least 2/,
  ],
  [
    'an index beyond the rows',
    () => table.gather(index('i', 2)),
    { i: [0, 3] },
    /^input 'i'\[1\] = 3: expected an integer from 0 to 2, for #\d+ \(gather, shape \[2, 2\]\)$/,
  ],
  [
    'an index beyond the choices',
    () => choose([table, table], index('i')),
    { i: 2 },
    /^input 'i' = 2: expected an integer from 0 to 1, for #\d+ \(choose/,
  ],
  [
    'a negative index',
    () => table.at(index('i')),
    { i: -1 },
    /^input 'i' = -1: expected an integer from 0 to 2/,
  ],
  [
    'half an index',
    () => table.at(index('i')),
    { i: 0.5 },
    /^input 'i' = 0\.5: expected an integer from 0 to 2/,
  ],
  ['NaN for an index', () => table.at(index('i')), { i: NaN }, /^input 'i' = NaN: expected an integer/],
  ['an object for an index', () => table.at(index('i')), { i: {} as number }, /^input 'i': an object for /],
  [
    'true for an index',
    () => table.at(index('i')),
    { i: true as unknown as number },
    /^input 'i': true for /,
  ],
  [
    'a function for an index',
    () => table.at(index('i')),
    { i: ((): number => 1) as unknown as number },
    /^input 'i': a function for /,
  ],
  [
    'an object of no length for indices',
    () => table.gather(index('i', 2)),
    { i: { length: NaN } },
    /^input 'i': NaN numbers for /,
  ],
  [
    'a bigint for an index',
    () => table.gather(index('i', 2)),
    { i: [0n, 1n] as unknown as number[] },
    /^input 'i'\[0\] = a bigint: expected an integer from 0 to 2/,
  ],
  [
    'a symbol for an index',
    () => table.gather(index('i', 2)),
    { i: [Symbol('x')] as unknown as number[] },
    /^input 'i'/,
  ],
  [
    'text for indices',
    () => table.gather(index('i', 2)),
    { i: '01' as unknown as number[] },
    /^input 'i': "01" for /,
  ],
  [
    'an index beyond all integers',
    () => table.at(index('i')),
    { i: 2 ** 32 },
    /^input 'i' = 4294967296: expected an integer from 0 to 2/,
  ],
  ['null for an index', () => table.at(index('i')), { i: null }, /^input 'i' is missing/],
  ['text for an index', () => table.at(index('i')), { i: '1' }, /^input 'i'/],
  [
    'too few indices',
    () => table.gather(index('i', 3)),
    { i: [0] },
    pattern(
      /^input 'i': 1 integer for 'i' \(index, shape \[3\]\), of which this run needs at least 3; /,
      /its length is fixed in the graph: index\('i', 1\)$/,
    ),
  ],
  [
    'too few indices for the element that is read',
    () => table.at(index('i', 3).at(1)),
    { i: [0] },
    /^input 'i': 1 integer for 'i' \(index, shape \[3\]\), of which this run needs at least 2$/,
  ],
  [
    'too many indices',
    () => table.gather(index('i', 2)),
    { i: [0, 1, 2] },
    /^input 'i': 3 integers for 'i' .*which takes 2; its length is fixed in the graph: index\('i', 3\)$/,
  ],
  [
    'a missing length',
    () => meanOfFirst([table, table], index('n')),
    {},
    /^input 'n' is missing: feed a length from 1 to 2$/,
  ],
  [
    'a length of zero',
    () => meanOfFirst([table, table], index('n')),
    { n: 0 },
    /^input 'n' = 0: expected an integer from 1 to 2$/,
  ],
  [
    'a length beyond the terms',
    () => meanOfFirst([table, table], index('n')),
    { n: 3 },
    /^input 'n' = 3: expected an integer from 1 to 2$/,
  ],
  [
    'two inputs of one name',
    () => input('x').add(input('x')),
    { x: 1 },
    pattern(
      /^two inputs of one program are named 'x', 'x' \(input, shape \[\]\) and 'x' \(input, shape \[\]\): /,
      /give them different names, or use one of them in both places$/,
    ),
  ],
  [
    'an input and an index of one name',
    () => table.at(index('x')).add(input('x')),
    { x: 1 },
    pattern(
      /^two inputs of one program are named 'x', 'x' \((input|index), /,
      /shape \[\]\) and 'x' \((index|input), shape \[\]\): give them/,
    ),
  ],
];

describe('a program', () => {
  for (const [title, root, feeds, says] of REFUSED) {
    it(`refuses ${title}`, () => {
      for (const run of [
        () => compile(root()).forward(feeds as Feeds),
        () => new SGD({ learningRate: 1 }).minimize(root().sum().mul(parameter(1))).step(feeds as Feeds),
      ]) {
        assert.throws(run, (error: Error) => {
          assert(error instanceof FeedError, String(error));
          assert.match(error.message, says);
          return true;
        });
      }
    });
  }
});
