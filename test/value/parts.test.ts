/** Parts of arrays, and arrays made of parts: slices that step, flips, padding, picks by index. */
import assert from 'node:assert/strict';
import { compile } from '../../lib/value/compile.js';
import { constantIndex, type Index } from '../../lib/value/indices.js';
import { constant, index, input, parameter } from '../../lib/value/leaves.js';
import '../../lib/value/operators.js';
import { flip, pad, tile } from '../../lib/value/parts.js';
import { oneHot, scatterAdd, takeAlongAxis } from '../../lib/value/picks.js';
import type { Value } from '../../lib/value/value.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { checkGraph } from '../support/check.js';
import { at, checkRows, moved, by, type Row } from '../support/function-rows.js';
import { TARGETS } from '../support/targets.js';

const any = (x: unknown): never => x as never;

/** Python's x[start:stop:step], by its definition. */
const picked = (from: number[]): ((x: Value) => ReturnType<typeof by>) =>
  moved([from.length], ([i]) => [from[i!]!]);

const SLICES: [bounds: [number?, number?], step: number, picks: number[]][] = [
  [[], 1, [0, 1, 2, 3, 4, 5, 6]],
  [[], 2, [0, 2, 4, 6]],
  [[], 3, [0, 3, 6]],
  [[], 4, [0, 4]],
  [[], 7, [0]],
  [[], 9, [0]],
  [[], 2 ** 40, [0]],
  [[2], 2 ** 40, [2]],
  [[1], 2, [1, 3, 5]],
  [[-3], 1, [4, 5, 6]],
  [[1, -1], 1, [1, 2, 3, 4, 5]],
  [[-6, -2], 3, [1, 4]],
  [[3, 3], 2, []],
  [[], -1, [6, 5, 4, 3, 2, 1, 0]],
  [[], -2, [6, 4, 2, 0]],
  [[], -4, [6, 2]],
  [[5, 1], -1, [5, 4, 3, 2]],
  [[5, 1], -2, [5, 3]],
  [[-2], -3, [5, 2]],
  [[undefined, -3], -1, [6, 5]],
  [[2, 2], -1, []],
  [[0], -1, [0]],
];

const ROWS: Row[] = [
  ...SLICES.map(([[start, stop], step, picks]): Row => [
    `slice ${start ?? ''}:${stop ?? ''}:${step}`,
    [7],
    (x) => x.slice(start, stop, 0, { step }),
    picked(picks),
  ]),
  [
    'slice of every second column',
    [2, 5],
    (x) => x.slice(0, 5, 1, { step: 2 }),
    moved([2, 3], ([i, j]) => [i!, 2 * j!]),
  ],
  [
    'slice of every second row',
    [4, 3],
    (x) => x.slice(1, 4, 0, { step: 2 }),
    moved([2, 3], ([i, j]) => [2 * i! + 1, j!]),
  ],
  [
    'slice of columns backwards',
    [2, 4],
    (x) => x.slice(3, 0, -1, { step: -2 }),
    moved([2, 2], ([i, j]) => [i!, 3 - 2 * j!]),
  ],
  ['at from the end', [3, 2], (x) => x.at(-1), moved([2], ([j]) => [2, j!])],
  ['at several, from the end', [3, 2], (x) => x.at([-3, 1, -1]), moved([3, 2], ([i, j]) => [i!, j!])],
  ['flip of all', [2, 3], (x) => flip(x), moved([2, 3], ([i, j]) => [1 - i!, 2 - j!])],
  ['flip of a vector', [5], (x) => flip(x, 0), moved([5], ([i]) => [4 - i!])],
  ['flip of rows', [2, 3], (x) => flip(x, -1), moved([2, 3], ([i, j]) => [i!, 2 - j!])],
  [
    'flip of two axes of three',
    [2, 3, 2],
    (x) => flip(x, [0, 2]),
    moved([2, 3, 2], ([i, j, k]) => [1 - i!, j!, 1 - k!]),
  ],
  ['flip of a number', [], (x) => flip(x), moved([], () => [])],
  [
    'pad by a number',
    [2, 2],
    (x) => pad(x, 1),
    (x) => by([4, 4], ([i, j]) => (i! % 3 && j! % 3 ? at(x, [i! - 1, j! - 1]) : 0)),
  ],
  [
    'pad by a pair, with a value',
    [2],
    (x) => pad(x, [1, 2], 7),
    (x) => by([5], ([i]) => (i! < 1 || i! > 2 ? 7 : at(x, [i! - 1]))),
  ],
  [
    'pad by a pair for each axis',
    [1, 2],
    (x) =>
      pad(x, [
        [0, 1],
        [2, 0],
      ]),
    (x) => by([2, 4], ([i, j]) => (i === 0 && j! > 1 ? at(x, [0, j! - 2]) : 0)),
  ],
  ['pad of nothing', [0], (x) => pad(x, [1, 0], 3).add(x.sum()), () => by([1], () => 3)],
  ['pad by nothing', [3], (x) => pad(x, 0), moved([3], ([i]) => [i!])],
  ['tile of a vector', [3], (x) => tile(x, 2), moved([6], ([i]) => [i! % 3])],
  ['tile of a matrix', [2, 3], (x) => tile(x, [2, 2]), moved([4, 6], ([i, j]) => [i! % 2, j! % 3])],
  ['tile along the last axis', [2, 3], (x) => tile(x, 2), moved([2, 6], ([i, j]) => [i!, j! % 3])],
  ['tile to more axes', [3], (x) => tile(x, [2, 1]), moved([2, 3], ([, j]) => [j!])],
  ['tile of a number', [], (x) => tile(x, [2, 2]), moved([2, 2], () => [])],
  ['tile no times', [3], (x) => tile(x, 0).add(x.sum()), () => by([0], () => 0)],
  [
    'takeAlongAxis',
    [2, 3],
    (x) =>
      takeAlongAxis(x, [
        [0, 2],
        [-1, 1],
      ]),
    moved([2, 2], ([i, j]) => [
      i!,
      [
        [0, 2],
        [2, 1],
      ][i!]![j!]!,
    ]),
  ],
  [
    'takeAlongAxis, fed',
    [2, 3],
    (x, g) => takeAlongAxis(x, g.fed([0, 2, 2, 1]).reshape([2, 2])),
    moved([2, 2], ([i, j]) => [
      i!,
      [
        [0, 2],
        [2, 1],
      ][i!]![j!]!,
    ]),
  ],
  [
    'takeAlongAxis of columns',
    [3, 2],
    (x) => takeAlongAxis(x, [[2, 0]], 0),
    moved([1, 2], ([, j]) => [[2, 0][j!]!, j!]),
  ],
  [
    'takeAlongAxis of columns, fed',
    [3, 2],
    (x, g) => takeAlongAxis(x, g.fed([2, 0, 1, 1]).reshape([2, 2]), 0),
    moved([2, 2], ([i, j]) => [
      [
        [2, 0],
        [1, 1],
      ][i!]![j!]!,
      j!,
    ]),
  ],
  [
    'takeAlongAxis along the middle',
    [2, 3, 2],
    (x, g) => takeAlongAxis(x, g.fed([2, 0, 1, 1]).reshape([2, 1, 2]), 1),
    moved([2, 1, 2], ([i, , k]) => [
      i!,
      [
        [2, 0],
        [1, 1],
      ][i!]![k!]!,
      k!,
    ]),
  ],
  [
    'takeAlongAxis of a vector',
    [4],
    (x, g) => takeAlongAxis(x, g.fed([3, 3, 0])),
    moved([3], ([i]) => [[3, 3, 0][i!]!]),
  ],
  [
    'the largest of each row',
    [3, 4],
    (x) => takeAlongAxis(x, x.topk(2)),
    (x) => by([3, 2], ([i, j]) => [...x.data].slice(4 * i!, 4 * i! + 4).sort((a, b) => b - a)[j!]!),
  ],
  [
    'the smallest of each column',
    [4, 3],
    (x) => takeAlongAxis(x, x.topk(2, { axis: 0, largest: false }), 0),
    (x) => by([2, 3], ([i, j]) => [0, 1, 2, 3].map((r) => at(x, [r, j!])).sort((a, b) => a - b)[i!]!),
  ],
  [
    'the largest along the middle',
    [2, 4, 3],
    (x) => takeAlongAxis(x, x.topk(2, { axis: 1 }), 1),
    (x) =>
      by([2, 2, 3], ([i, j, k]) => [0, 1, 2, 3].map((r) => at(x, [i!, r, k!])).sort((a, b) => b - a)[j!]!),
  ],
  [
    'scatterAdd to zeros',
    [2, 3],
    (x, g) => scatterAdd(constant(new Array(12).fill(0), { shape: [4, 3] }), g.fed([3, 3]), x),
    (x) => by([4, 3], ([i, j]) => (i === 3 ? at(x, [0, j!]) + at(x, [1, j!]) : 0)),
  ],
  [
    'scatterAdd to it',
    [3],
    (x) => scatterAdd(x, [0, -1, 0], 2),
    (x) => by([3], ([i]) => at(x, [i!]) + [4, 0, 2][i!]!),
  ],
  [
    'scatterAdd to columns',
    [2, 3],
    (x) => scatterAdd(x, [1, 1], x.slice(0, 2, 1), 1),
    (x) => by([2, 3], ([i, j]) => at(x, [i!, j!]) + (j === 1 ? at(x, [i!, 0]) + at(x, [i!, 1]) : 0)),
  ],
  [
    'scatterAdd of a matrix of indices',
    [2, 2],
    (x) =>
      scatterAdd(
        constant([0, 0, 0]),
        [
          [0, 2],
          [2, 2],
        ],
        x,
      ),
    (x) => by([3], ([i]) => [x.data[0]!, 0, x.data[1]! + x.data[2]! + x.data[3]!][i!]!),
  ],
  [
    'scatterAdd of one',
    [2, 3],
    (x) => scatterAdd(x, 1, x.at(0)),
    (x) => by([2, 3], ([i, j]) => at(x, [i!, j!]) + (i === 1 ? at(x, [0, j!]) : 0)),
  ],
  [
    'scatterAdd along the middle',
    [2, 3, 2],
    (x) => scatterAdd(x, [[2, 0]], 1, 1),
    (x) => by([2, 3, 2], ([i, j, k]) => at(x, [i!, j!, k!]) + (j === 1 ? 0 : 1)),
  ],
  [
    'oneHot, multiplied',
    [3, 4],
    (x) => x.mul(oneHot([1, 3, -4], 4)),
    (x) => by([3, 4], ([i, j]) => (j === [1, 3, 0][i!]! ? at(x, [i!, j]) : 0)),
  ],
  [
    'oneHot of one, fed',
    [4],
    (x, g) => x.mul(oneHot(g.fed(2), 4)),
    (x) => by([4], ([j]) => (j === 2 ? at(x, [j]) : 0)),
  ],
  [
    'oneHot of a matrix',
    [2, 2, 3],
    (x, g) => x.mul(oneHot(g.fed([0, 1, 2, 2]).reshape([2, 2]), 3)),
    (x) => by([2, 2, 3], ([i, j, k]) => (k === [0, 1, 2, 2][2 * i! + j!] ? at(x, [i!, j!, k!]) : 0)),
  ],
  [
    'expandDims of several axes',
    [2, 3],
    (x) => x.expandDims([0, -1]),
    moved([1, 2, 3, 1], ([, i, j]) => [i!, j!]),
  ],
  ['squeeze of several axes', [1, 3, 1, 1], (x) => x.squeeze([0, -1]), moved([3, 1], ([i]) => [0, i!, 0, 0])],
];

describe('parts of arrays', () => {
  checkRows(ROWS, { again: true });

  it('an axis longer than a million is flipped by blocks', () => {
    const n = 2 ** 20 + 2 ** 10 + 3;
    const x = parameter(Float64Array.from({ length: n }, (_, i) => i));
    const y = flip(x).forward();
    assert.ok(y.every((one, i) => one === n - 1 - i));
  });
});

describe('indices', () => {
  it('have any rank: rows of a table for each', () => {
    for (const target of TARGETS) {
      const table = parameter([
        [1, 2],
        [3, 4],
        [5, 6],
      ]);
      const tokens = index('tokens', [2, 3]);
      const program = compile(table.embedding(tokens), target);
      const expected = [1, 2, 5, 6, 3, 4, 5, 6, 5, 6, 1, 2];
      assert.deepEqual([...program.forward({ tokens: [0, 2, 1, 2, 2, 0] })], expected);
      assert.deepEqual(
        [
          ...program.forward({
            tokens: any([
              [0, 2, 1],
              [2, 2, 0],
            ]),
          }),
        ],
        expected,
      );
      assert.throws(
        () =>
          program.forward({
            tokens: any([
              [0, 2],
              [2, 2],
              [0, 1],
            ]),
          }),
        /nested arrays of shape \[3, 2\]/,
      );
      assert.throws(
        () =>
          program.forward({
            tokens: any([
              [0, 2, 1],
              [2, 3, 0],
            ]),
          }),
        /'tokens'\[4\] = 3: expected an integer from 0 to 2/,
      );
      assert.throws(
        () => program.forward({ tokens: [0, 1] }),
        /2 integers for 'tokens' .*its shape is fixed in the graph/,
      );
    }
  });

  it('that are found can be run and read', () => {
    const x = input('x', [2, 3]);
    const feeds = { x: [1, 3, 2, 9, 7, 8] };
    const rows: [made: Index, integers: number[]][] = [
      [x.argmax(), [1, 0]],
      [x.argmax(0), [1, 1, 1]],
      [x.argmin(), [0, 1]],
      [x.topk(2), [1, 2, 0, 2]],
      [x.topk(1, { axis: 0, largest: false }), [0, 0, 0]],
      [x.reshape([3, 2]).topk(2, { axis: 0 }), [2, 1, 1, 2]],
      [x.topk(2).at(-1), [0, 2]],
      [x.topk(2).reshape([4]).slice(1, -1), [2, 0]],
      [x.at(0).topk(2).at(1), [2]],
      [constantIndex([[3, -1]]).at(0), [3, -1]],
    ];
    for (const [made, integers] of rows) {
      const found = made.forward(feeds);
      assert.ok(found instanceof Int32Array);
      assert.deepEqual([...found], integers);
    }
    assert.throws(
      () => index('i', 2).forward({ i: [1, 2] }),
      /^TypeError: forward of 'i' .*: its integers are fed/,
    );
  });

  it('that are fixed are the same for all examples of a batch', () => {
    const build = (): [Value, Value] => {
      const table = parameter(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        { name: 'table' },
      );
      const x = input('x', [4]);
      const fixed = table.gather([2, 0]).reshape([4]).mul(x).tanh();
      return [fixed.sum().add(x.gather([3, 1]).mul(table.at(-1)).sum()), table];
    };
    const examples = [1, 2, 3, 4, 5].map((n) => ({ x: [n / 9, -0.5, 0.25, 1 / n] }));
    const [loss, table] = build();
    const training = new SGD({ learningRate: 0.1 }).minimize(loss, { batches: true });
    training.stepBatch(examples, { threads: 2 });
    const [other, same] = build();
    const mean = Array.from({ length: 6 }, () => 0);
    for (const feeds of examples) {
      const program = compile(other);
      program.forward(feeds);
      program.backward();
      program.readGradient(same).forEach((g, i) => (mean[i]! += g / 5));
    }
    same.data.forEach((w, i) => assert.ok(Math.abs(w - 0.1 * mean[i]! - table.data[i]!) < 1e-12));
  });

  it('of any rank train as the same ones in a vector', () => {
    const trained = [[4], [2, 2]].map((shape) => {
      const table = parameter(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        { name: 'table' },
      );
      const loss = table.embedding(index('i', shape)).pow(2).sum();
      const training = new SGD({ learningRate: 0.01 }).minimize(loss, { batches: true });
      training.stepBatch([{ i: [0, 1, 1, 2] }, { i: [2, 2, 2, 0] }]);
      return [...table.data];
    });
    assert.deepEqual(trained[0], trained[1]);
  });

  const refused: [what: string, call: () => unknown, message: RegExp][] = [
    [
      'a fixed row that is not there',
      () => parameter([[1], [2]]).gather([0, 2]),
      /^gather of .*: index 2 at \[1\]: expected an integer from -2 to 1$/,
    ],
    [
      'a fixed row before the first',
      () => parameter([1, 2]).at([[0], [-3]]),
      /^at of .*: index -3 at \[1, 0\]: expected/,
    ],
    [
      'a class that is not there',
      () => parameter([1, 2]).crossEntropy(5),
      /^crossEntropy of .*: index 5: expected/,
    ],
    [
      'a fraction',
      () => constantIndex([1, 0.5]),
      /^constantIndex: 0\.5 at \[1\]: expected an integer of at most 31 bits$/,
    ],
    [
      'a fraction for a row',
      () => parameter([1, 2]).gather([0.5]),
      /^gather of .*: 0\.5 at \[0\]: expected an integer/,
    ],
    [
      'too few for a shape',
      () => constantIndex([1, 2], { shape: [3] }),
      /^constantIndex: integers of shape \[2\] do not fill shape \[3\]$/,
    ],
    [
      'an index in another shape',
      () => index('i', [2, 3]).reshape([4]),
      /^reshape of 'i' .*: to \[4\]: 6 integers against 4$/,
    ],
    [
      'a slice beyond an index',
      () => index('i', 3).slice(1, 4),
      /^slice of 'i' .*: from 1 to before 4: expected integers from -3 to 3/,
    ],
    ['a slice of one integer', () => index('i').slice(0), /^slice of 'i' .*: it is a single integer$/],
    [
      'an element of indices along the first axis',
      () =>
        parameter([[1], [2]])
          .topk(1, { axis: 0 })
          .at(0),
      /^at of .*: it was found along an axis that is not the last/,
    ],
    [
      'a step of 0',
      () => parameter([1, 2]).slice(0, 2, 0, { step: 0 }),
      /^slice of .*: step 0: expected an integer that is not 0$/,
    ],
    [
      'a slice that goes the other way',
      () => parameter([1, 2, 3]).slice(0, 2, 0, { step: -1 }),
      /^slice of .*: from 0 back to before 2 in axis 0/,
    ],
    [
      'widths for other axes',
      () => pad(parameter([[1]]), any([[1, 1]])),
      /^pad of .*: widths \[\[1, 1\]\]: expected .* a pair for each of 2 axes$/,
    ],
    ['a width below 0', () => pad(parameter([1]), -1), /^pad of .*: widths -1: expected an integer from 0/],
    [
      'a part of a repeat',
      () => tile(parameter([1]), 1.5),
      /^tile of .*: repeats \[1\.5\]: expected integers from 0/,
    ],
    [
      'a result that is too large, in its shape',
      () => tile(input('x', [2, 3]), [2 ** 20, 2 ** 20]),
      /^tile of 'x' .*: shape \[2097152, 3145728\]: an array has at most/,
    ],
    [
      'indices of another shape',
      () => takeAlongAxis(parameter([[1, 2]]), [0, 1]),
      /^takeAlongAxis of .*: indices of shape \[2\] along axis 1 of \[1, 2\]: the other axes must be equal$/,
    ],
    [
      'one-hot rows without a place',
      () => oneHot([2], 2),
      /^oneHot: index 2 at \[0\]: expected an integer from -2 to 1$/,
    ],
    [
      'expandDims at one place twice',
      () => parameter([1]).expandDims([0, -3]),
      /^expandDims of .*: axis -3 is given twice$/,
    ],
  ];
  for (const [what, call, message] of refused) {
    it(`refuse ${what}`, () => {
      assert.throws(call, (error) => message.test((error as Error).message));
    });
  }

  it('beyond what they are added to are refused when they are fed', () => {
    const y = scatterAdd(parameter([1, 2]), index('i', 1), 1);
    assert.throws(
      () => y.forward({ i: [2] }),
      /input 'i' = 2: expected an integer from 0 to 1, for .*scatterAdd/,
    );
  });
});

describe('parts at random', () => {
  it('of gathers along each axis by fixed and fed indices', () => {
    for (const axis of [0, 1, 2])
      checkGraph((g) => {
        const x = g.p(3, 3, 3);
        return x
          .gather(
            [
              [0, -1],
              [1, 1],
            ],
            axis,
          )
          .mul(x.gather(g.fed([2, 0, 1, 1]).reshape([2, 2]), axis).exp());
      });
  });
});
