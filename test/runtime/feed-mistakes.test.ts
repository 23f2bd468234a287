/** What is fed wrongly: to one step, a batch, a series; and forms of feeds that are right. */
import assert from 'node:assert/strict';
import * as library from '../../lib/index.js';
import { sgd, any } from '../support/mistakes.js';
import { pattern } from '../support/pattern.js';

const { FeedError, index, input, parameter, SGD } = library;

describe('feeds', () => {
  const a = input('a', [2, 2]);
  const rows = index('rows', 2);
  const length = index('length');
  const w = parameter(
    [
      [1, 2],
      [3, 4],
    ],
    { name: 'w' },
  );
  const loss = a.mul(w).sum().add(w.gather(rows).sum());
  const counted = library.meanOfFirst([w.at(rows.at(0)).sum(), w.at(rows.at(1)).sum()], length);
  const right = { a: [1, 2, 3, 4], rows: [0, 1] };
  const numbers = Float64Array.of(1, 2, 3, 4, 1, 2, 3, 4);
  const columns = { a: { values: numbers }, rows: { values: Int32Array.of(0, 1, 1, 0) } };
  const make = (): library.Training => sgd.minimize(loss, { batches: true });

  it('take nested arrays of the shape of an input, as parameter does', () => {
    const flat = loss.forward(right)[0]!;
    for (const nested of [
      [
        [1, 2],
        [3, 4],
      ],
      [Float64Array.of(1, 2), Float64Array.of(3, 4)],
    ])
      assert.equal(loss.forward({ ...right, a: nested })[0], flat);
    const training = make();
    assert.equal(
      training.evaluate({
        ...right,
        a: [
          [1, 2],
          [3, 4],
        ],
      }),
      flat,
    );
    assert.equal(
      training.stepBatch([
        {
          ...right,
          a: [
            [1, 2],
            [3, 4],
          ],
        },
      ]),
      flat,
    );
    assert.equal(
      input('e', [2, 0])
        .sum()
        .forward({ e: [[], []] })[0],
      0,
    );
    assert.equal(
      input('o', [1, 1])
        .sum()
        .forward({ o: [[5]] })[0],
      5,
    );
    library.gradCheck(a.mul(a), {
      a: [
        [1, 2],
        [3, 4],
      ],
    });
  });

  it('speaks of no batch where an input has one axis', () => {
    assert.throws(
      () =>
        input('features', [4])
          .sum()
          .forward({ features: [1, 2, 3] }),
      /input 'features': 3 numbers for 'features' \(input, shape \[4\]\), which needs 4 numbers$/,
    );
  });

  /** What each way of feeding says. */
  const WAYS: Readonly<Record<string, (given: Record<string, unknown>) => unknown>> = {
    forward: (given) => loss.forward(given as library.Feeds),
    step: (given) => make().step(given as library.Feeds),
    evaluate: (given) => make().evaluate(given as library.Feeds),
    stepBatch: (given) => make().stepBatch([given as library.Feeds]),
  };
  const REFUSED: [title: string, feeds: Record<string, unknown>, says: RegExp][] = [
    [
      'nested arrays of another shape',
      { ...right, a: [[1, 2, 3, 4]] },
      pattern(
        /input 'a': nested arrays of shape \[1, 4\] for 'a' \(input, shape \[2, 2\]\): /,
        /feed nested arrays of its shape, or 4 numbers in one flat array$/,
      ),
    ],
    [
      'ragged arrays',
      { ...right, a: [[1, 2], [3]] },
      /input 'a': nested arrays of unequal lengths: the first at each depth have shape \[2, 2\]: feed 'a'/,
    ],
    [
      'a text in nested arrays',
      {
        ...right,
        a: [
          [1, 2],
          [3, '4'],
        ],
      },
      /input 'a': element \[1, 1\] is "4": expected a number/,
    ],
    [
      'nested arrays for an index',
      { ...right, rows: [[0, 1]] },
      pattern(
        /input 'rows'.*nested arrays for 'rows' \(index, shape \[2\]\): an index has one axis: /,
        /feed it one flat array$/,
      ),
    ],
    [
      'nested arrays for an index of as many',
      { ...right, rows: [[0], [1]] },
      /input 'rows'\[0\] = .*; an index has one axis: feed it one flat array$/,
    ],
    [
      'another batch',
      { ...right, a: [1, 2, 3, 4, 5, 6] },
      pattern(
        /input 'a': 6 numbers for 'a' \(input, shape \[2, 2\]\), which needs 4 numbers; that is 3 rows of /,
        /2, not 2: the batch size is fixed in the graph, so build it for 3 rows, .* stepBatch$/,
      ),
    ],
    [
      'another batch, nested',
      { ...right, a: [[1, 2]] },
      /input 'a': nested arrays of shape \[1, 2\] .*; that is 1 row of 2, not 2: the batch size/,
    ],
    [
      'another batch of indices',
      { ...right, rows: [0, 1, 1] },
      pattern(
        /input 'rows': 3 integers for 'rows' .*which takes 2; its length is fixed in the graph: /,
        /index\('rows', 3\)$/,
      ),
    ],
    [
      'nested arrays behind a number',
      { ...right, a: [1, [2, 3], 4] },
      /input 'a': nested arrays for 'a' .*, which needs 4 numbers$/,
    ],
    [
      'an array in the place of a number',
      { ...right, a: [1, [2], 3, 4] },
      /input 'a'\[1\] is an array: feed 'a'/,
    ],
    ['a hole', { ...right, a: [1, undefined, 3, 4] }, /input 'a'\[1\] is undefined: feed/],
    [
      'a Value',
      { ...right, a: w },
      /input 'a': 'w' \(parameter, shape \[2, 2\]\) for 'a' .*, which needs 4 numbers$/,
    ],
    [
      'an Index',
      { ...right, rows },
      /input 'rows': 'rows' \(index, shape \[2\]\) for 'rows' .*, which takes 2 integers$/,
    ],
    [
      'no index of a list',
      { ...right, rows: [] },
      /input 'rows': 0 integers for 'rows' .*, of which this run needs at least 2$/,
    ],
    [
      'a misspelt index',
      { a: right.a, row: [0, 1] },
      /no input is named 'row'; did you mean rows\? This program's inputs: 'a', 'rows'$/,
    ],
    [
      'a misspelt input beside the right one',
      { ...right, Rows: [0, 1] },
      /no input is named 'Rows'; did you mean rows\?/,
    ],
  ];
  for (const [title, given, says] of REFUSED) {
    for (const [way, run] of Object.entries(WAYS)) {
      it(`of ${way} refuse ${title}`, () =>
        assert.throws(
          () => run(given),
          (error: Error) => (assert.ok(error instanceof FeedError), assert.match(error.message, says), true),
        ));
    }
  }

  it('say which length was misspelt', () => {
    assert.throws(
      () => counted.forward({ rows: [0, 1], lenght: 2 }),
      /^FeedError: no input is named 'lenght'; did you mean length\? This/,
    );
    assert.throws(() => counted.forward({ rows: [0, 1] }), /^FeedError: input 'length' is missing/);
    assert.throws(
      () =>
        sgd.minimize(counted).stepEach({ count: 1, inputs: { rows: columns.rows, lenght: columns.rows } }),
      /no input is named 'lenght'; did you mean length\?/,
    );
  });

  it('that are an array say what they should be', () => {
    assert.throws(
      () => loss.forward(any([1, 2])),
      /^FeedError: the feeds are an array: expected an object with numbers for each input, \{ a, rows \}/,
    );
  });

  it('that are another object say what they should be', () => {
    const expected = /expected an object with numbers for each input, \{ a, rows \}$/;
    for (const [given, what] of [
      [new Map(Object.entries(right)), /^FeedError: the feeds are a Map: /],
      [new Set([1]), /the feeds are a Set: /],
      [w, /^FeedError: the feeds are 'w' \(parameter, shape \[2, 2\]\): /],
      [a, /the feeds are 'a' \(input/],
      [rows, /the feeds are 'rows' \(index/],
      [[], /the feeds are an array: /],
      [new Float64Array(4), /the feeds are a Float64Array: /],
    ] as const) {
      for (const run of [
        () => loss.forward(any(given)),
        () => make().step(any(given)),
        () => make().evaluate(any(given)),
        () => make().stepBatch([any(given)]),
      ]) {
        assert.throws(
          run,
          (error: Error) => (
            assert.match(String(error), /example 0/.test(error.message) ? /the feeds are/ : what),
            assert.match(error.message, expected),
            true
          ),
        );
      }
    }
  });

  it('of a batch name the example', () => {
    assert.throws(
      () => make().stepBatch([right, { rows: [0, 1] }]),
      /^FeedError: example 1: input 'a' is missing/,
    );
  });

  const gone = <A extends Float64Array | Int32Array>(array: A): A => {
    structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
    return array;
  };
  const COLUMNS: [title: string, dataset: unknown, says: RegExp][] = [
    [
      'a bare array',
      { count: 2, inputs: { ...columns, a: [1, 2, 3, 4, 1, 2, 3, 4] } },
      pattern(
        /^input 'a': its column is an array, expected an object \{ values \} .*\{ values: /,
        /Float64Array\.from\(\.\.\.\) \}/,
      ),
    ],
    [
      'a bare typed array',
      { count: 2, inputs: { ...columns, rows: Int32Array.of(0, 1, 1, 0) } },
      /^input 'rows': its column is an Int32Array, expected .*Int32Array\.from/,
    ],
    [
      'nested arrays',
      {
        count: 2,
        inputs: {
          ...columns,
          a: {
            values: [
              [1, 2],
              [3, 4],
            ],
          },
        },
      },
      pattern(
        /^input 'a': nested arrays: 'a' .* needs a column of Float64Array or Float32Array: /,
        /all rows in one flat array, Float64Array\.from\(rows\.flat\(\)\)/,
      ),
    ],
    [
      'a text',
      { count: 2, inputs: { ...columns, a: 'ab' } },
      /^input 'a': its column is "ab", expected an object \{ values \}/,
    ],
    [
      'a function',
      { count: 2, inputs: { ...columns, a: () => 1 } },
      /^input 'a': its column is a function, expected an object \{ values \}/,
    ],
    [
      'a Map',
      { count: 2, inputs: { ...columns, a: new Map() } },
      /^input 'a': its column is a Map, expected an object \{ values \}/,
    ],
    [
      'values that are a flat array',
      { count: 2, inputs: { ...columns, a: { values: [1, 2, 3, 4, 1, 2, 3, 4] } } },
      pattern(
        /^input 'a': values an array: 'a' .* needs a column of Float64Array or Float32Array: /,
        /all rows in one flat array, Float64Array\.from\(values\)$/,
      ),
    ],
    [
      'integers for numbers',
      { count: 2, inputs: { ...columns, a: { values: Int32Array.of(1, 2, 3, 4, 1, 2, 3, 4) } } },
      /^input 'a': values an Int32Array: .*Float64Array\.from\(values\)$/,
    ],
    [
      'numbers for integers',
      { count: 2, inputs: { ...columns, rows: { values: Float64Array.of(0, 1, 1, 0) } } },
      /^input 'rows': values a Float64Array: .*Int32Array\.from\(values\)$/,
    ],
    [
      'no values',
      { count: 2, inputs: { ...columns, a: {} } },
      /^input 'a': values undefined: .*Float64Array\.from\(\.\.\.\)$/,
    ],
    [
      'starts of numbers that are too far on',
      { count: 2, inputs: { ...columns, a: { values: numbers, starts: Int32Array.of(0, 5) } } },
      pattern(
        /^example 1: input 'a': starts\[1\] is 5, and from there this run needs 4 numbers for 'a' \(input, /,
        /shape \[2, 2\]\), but its column has 8 values: give more values, or another start$/,
      ),
    ],
    [
      'starts that are floats',
      { count: 2, inputs: { ...columns, a: { values: numbers, starts: Float64Array.of(0, 4) } } },
      /^input 'a': starts a Float64Array: expected an Int32Array/,
    ],
    ['nothing', undefined, /^a dataset: undefined: expected an object \{ count, inputs \}/],
    ['an array of feeds', [right, right], /^a dataset: an array: expected an object \{ count, inputs \}/],
    [
      'inputs that are an array',
      { count: 2, inputs: [columns] },
      /^inputs an array: expected an object with a column for each input$/,
    ],
    [
      'inputs that are a Map',
      { count: 2, inputs: new Map(Object.entries(columns)) },
      /^inputs a Map: expected an object with a column for each input$/,
    ],
    [
      'a misspelt key of a column',
      { count: 2, inputs: { ...columns, a: { valeus: numbers } } },
      /^the column of input 'a': there is no option "valeus"; did you mean values\?/,
    ],
    [
      'a column of a class',
      {
        count: 2,
        inputs: {
          ...columns,
          a: new (class Numbers {
            values = numbers;
            get start() {
              return 0;
            }
          })(),
        },
      },
      pattern(
        /^the column of input 'a': options an object of class "Numbers": /,
        /expected a plain object \{ values, starts \}/,
      ),
    ],
    [
      'a dataset of a class',
      new (class Names {
        count = 2;
        inputs = columns;
      })(),
      /^a dataset: options an object of class "Names": expected a plain object \{ count, inputs \}/,
    ],
    [
      'a misspelt key of a dataset',
      { cuont: 2, inputs: columns },
      /^a dataset: there is no option "cuont"; did you mean count\?/,
    ],
    [
      'a misspelt input',
      { count: 2, inputs: { a: columns.a, row: columns.rows } },
      /^no input is named 'row'; did you mean rows\?/,
    ],
    [
      'starts that are no Int32Array',
      { count: 2, inputs: { ...columns, rows: { ...columns.rows, starts: [0, 2] } } },
      /^input 'rows': starts an array: expected an Int32Array/,
    ],
    [
      'values too short behind starts',
      {
        count: 2,
        inputs: { ...columns, rows: { values: Int32Array.of(0, 1, 1), starts: Int32Array.of(0, 2) } },
      },
      pattern(
        /^example 1: input 'rows': starts\[1\] is 2, and from there this run needs 2 integers for 'rows' /,
        /\(index, shape \[2\]\), but its column has 3 values: give more values, or another start$/,
      ),
    ],
    [
      'a start below 0',
      { count: 2, inputs: { ...columns, rows: { ...columns.rows, starts: Int32Array.of(0, -1) } } },
      /^example 1: input 'rows': starts\[1\] is -1, and from there this run needs 2 integers/,
    ],
    [
      'a start behind the end',
      { count: 2, inputs: { ...columns, rows: { ...columns.rows, starts: Int32Array.of(0, 9) } } },
      /^example 1: input 'rows': starts\[1\] is 9, /,
    ],
    [
      'numbers that were transferred away',
      { count: 2, inputs: { ...columns, a: { values: gone(new Float64Array(2)) } } },
      /^input 'a': 0 numbers for 2 examples: .* needs \d+$/,
    ],
    [
      'starts that were transferred away',
      { count: 2, inputs: { ...columns, rows: { ...columns.rows, starts: gone(Int32Array.of(0, 2)) } } },
      /^input 'rows': 0 starts for 2 examples: .* needs 2$/,
    ],
    ['too few numbers', { count: 3, inputs: columns }, /^input '(a|rows)': \d+ numbers for 3 examples/],
  ];
  for (const [title, dataset, says] of COLUMNS) {
    it(`of stepEach, stepEachAsync and evaluateEach refuse ${title}`, async () => {
      const check = (error: Error): true => (assert.match(error.message, says), true);
      assert.throws(() => make().stepEach(any(dataset)), check);
      assert.throws(() => make().evaluateEach(any(dataset)), check);
      await assert.rejects(make().stepEachAsync(any(dataset)), check);
    });
  }

  it('of stepEach and stepEachAsync may be inherited', async () => {
    const dataset = { count: 2, inputs: Object.create(columns) as typeof columns };
    assert.equal(make().stepEach(dataset).length, 2);
    assert.equal((await make().stepEachAsync(dataset)).length, 2);
  });

  it('of lengths that start behind the end are refused', () => {
    const { rows: column } = columns;
    for (const start of [7, -1]) {
      const inputs = {
        rows: column,
        length: { values: Int32Array.of(1, 2), starts: Int32Array.of(0, start) },
      };
      assert.throws(
        () => sgd.minimize(counted).stepEach({ count: 2, inputs }),
        new RegExp(
          `^FeedError: example 1: input 'length': starts\\[1\\] is ${start}, and from there this run ` +
            'needs an integer, the length, but its column has 2 values',
        ),
      );
    }
  });

  it('of stepEach may lie in shared memory, as those of step may', () => {
    const shared = <A extends Float64Array | Int32Array>(array: A): A => {
      const copy = new (array.constructor as new (buffer: SharedArrayBuffer) => A)(
        new SharedArrayBuffer(array.byteLength),
      );
      copy.set(array);
      return copy;
    };
    const p = parameter([1, 2], { name: 'p' });
    const own = (): library.Training =>
      new SGD({ learningRate: 0.1 }).minimize(
        library.meanOfFirst([p.at(index('t', 1).at(0)), p.mul(input('z', [2])).sum()], index('n')),
      );
    const inputs = {
      t: { values: Int32Array.of(0, 1, 1), starts: Int32Array.of(0, 2) },
      z: { values: Float64Array.of(1, 2, 3, 4) },
      n: { values: Int32Array.of(1, 2) },
    };
    const whole = {
      t: { values: shared(inputs.t.values), starts: shared(inputs.t.starts) },
      z: { values: shared(inputs.z.values) },
      n: { values: shared(inputs.n.values) },
    };
    const expected = own().stepEach({ count: 2, inputs });
    p.data.set([1, 2]);
    assert.deepEqual(own().stepEach({ count: 2, inputs: whole }), expected);
    p.data.set([1, 2]);
    assert.deepEqual(own().evaluateEach({ count: 2, inputs: whole }).length, 2);
  });
});
