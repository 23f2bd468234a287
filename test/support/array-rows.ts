/** Rows for operators that sum, multiply, move or join arrays: one table. */
import { makeValue, type Value } from '../../lib/value/value.js';
import { addN, concat, stack } from '../../lib/value/joins.js';
import { zeros } from '../../lib/value/leaves.js';
import type { OpName } from '../../lib/graph/ops.js';
import { shown, type Row } from './elementwise-rows.js';

const subsets = (rank: number): number[][] =>
  Array.from({ length: 1 << rank }, (_, bits) =>
    Array.from({ length: rank }, (__, axis) => axis).filter((axis) => (bits >> axis) & 1),
  );

const MATMULS: [number[], number[]][] = [
  [[4], [4]],
  [[1], [1]],
  [[4], [4, 5]],
  [[3, 4], [4]],
  [
    [1, 4],
    [4, 1],
  ],
  [
    [3, 4],
    [4, 5],
  ],
  [
    [3, 1],
    [1, 5],
  ],
  [
    [7, 16],
    [16, 27],
  ],
  [[5], [2, 5, 3]],
  [[2, 3, 5], [5]],
  [
    [2, 3, 4],
    [4, 5],
  ],
  [
    [3, 4],
    [2, 4, 5],
  ],
  [
    [2, 3, 4],
    [2, 4, 5],
  ],
  [
    [1, 3, 4],
    [2, 4, 5],
  ],
  [
    [2, 1, 3, 4],
    [3, 4, 2],
  ],
  [
    [2, 3, 1, 4],
    [1, 3, 4, 1],
  ],
  [
    [0, 4],
    [4, 3],
  ],
  [
    [3, 0],
    [0, 4],
  ],
  [[0], [0]],
  [
    [3, 4],
    [4, 0],
  ],
];

const swapped = (x: Value): Value => {
  const axes = x.shape.map((_, i) => i);
  return axes.length < 2 ? x : x.transpose([...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
};
const turned = (shape: readonly number[]): number[] =>
  shape.length < 2 ? [...shape] : [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];

export const OF_ARRAYS = {
  sum: [
    ...[[5], [2, 3], [2, 3, 4], [2, 1, 3, 2], [1, 67], [67, 2]].flatMap((shape) =>
      subsets(shape.length).flatMap((axes): Row[] => [
        [`of ${shown(shape)} over ${shown(axes)}`, (g) => makeValue('sum', [g.p(...shape)], { axes })],
        [
          `of ${shown(shape)} transposed over ${shown(axes)}`,
          (g) => makeValue('sum', [g.p(...[...shape].reverse()).transpose()], { axes }),
        ],
      ]),
    ),
    ['of a number', (g) => g.p().sum()],
    ['over the last axis, counted from behind', (g) => g.p(2, 3).sum(-1)],
    ['of nothing', (g) => g.p(0).sum()],
    ['over an empty axis', (g) => g.p(2, 0, 3).sum(1)],
    ['with an empty axis kept', (g) => g.p(2, 0, 3).sum(0)],
    [
      'of a broadcast operand',
      (g) =>
        g
          .p(3, 1)
          .add(zeros([3, 4]))
          .sum(0),
    ],
    ['of a slice of columns', (g) => g.p(4, 5).slice(1, 4, 1).sum(1)],
    ['the mean over an axis', (g) => g.p(2, 3, 4).mean(1)],
    ['the mean over all', (g) => g.p(2, 3).mean()],
    ['over the middle of permuted axes', (g) => g.p(2, 3, 4, 2).transpose([3, 1, 0, 2]).sum(2)],
  ],
  addN: [
    ['of one', (g) => addN([g.p(3)])],
    ['of three', (g) => addN([g.p(3), g.p(3), g.p(3)])],
    ['of the same value thrice', (g) => [g.p(3)].map((x) => addN([x, x, x]))[0]!],
    [
      'of results and views',
      (g) => addN([g.p(3, 2).transpose(), g.p(2, 3).exp(), g.p(2, 3), g.p(3, 3).slice(1, 3)]),
    ],
    ['of single numbers', (g) => addN([g.p(), g.p().exp(), g.p()])],
  ],
  matmul: [
    ...MATMULS.flatMap(([a, b]): Row[] => [
      [`of ${shown(a)} and ${shown(b)}`, (g) => g.p(...a).matmul(g.p(...b))],
      [`of ${shown(a)} transposed and ${shown(b)}`, (g) => swapped(g.p(...turned(a))).matmul(g.p(...b))],
      [`of ${shown(a)} and ${shown(b)} transposed`, (g) => g.p(...a).matmul(swapped(g.p(...turned(b))))],
      [
        `of ${shown(a)} and ${shown(b)}, both transposed`,
        (g) => swapped(g.p(...turned(a))).matmul(swapped(g.p(...turned(b)))),
      ],
      [
        `of results ${shown(a)} and ${shown(b)}, transposed`,
        (g) => swapped(g.p(...turned(a)).mul(0.5)).matmul(swapped(g.p(...turned(b)).mul(0.5))),
      ],
    ]),
    ['of columns and rows of larger arrays', (g) => g.p(4, 6).slice(1, 4, 1).matmul(g.p(6, 5).slice(2, 5))],
    [
      'of columns of larger arrays',
      (g) =>
        g
          .p(4, 6)
          .slice(1, 4, 1)
          .matmul(g.p(3, 9).slice(2, 7, 1)),
    ],
    ['of a column as a vector', (g) => g.p(5, 3).slice(1, 2, 1).reshape([5]).matmul(g.p(5, 4))],
    ['of a matrix and a column as a vector', (g) => g.p(4, 5).matmul(g.p(5, 3).slice(1, 2, 1).reshape([5]))],
    ['of a matrix and itself', (g) => [g.p(4, 4)].map((x) => x.matmul(x))[0]!],
    ['of a matrix and itself transposed', (g) => [g.p(3, 5)].map((x) => x.matmul(x.transpose()))[0]!],
    ['of a vector and itself', (g) => [g.p(5)].map((x) => x.matmul(x))[0]!],
    ['transposed, and added to', (g) => g.p(3, 4).matmul(g.p(4, 5)).transpose().add(g.p(5, 3))],
    [
      'of permuted axes',
      (g) =>
        g
          .p(3, 2, 4)
          .transpose([1, 0, 2])
          .matmul(g.p(4, 2, 5).transpose([1, 0, 2])),
    ],
    [
      'heads, as attention has them',
      (g) =>
        g
          .p(5, 2, 4)
          .transpose([1, 0, 2])
          .matmul(g.p(5, 2, 4).transpose([1, 2, 0]))
          .softmax(),
    ],
    [
      'chained, with one matrix thrice',
      (g) => [g.p(4, 4)].map((m) => g.p(4).matmul(m).matmul(m).matmul(m))[0]!,
    ],
  ],
  softmax: [
    ...[[1], [5], [67], [3, 4], [2, 3, 4], [4, 1], [0], [0, 3], [2, 0]].map((shape): Row => [
      `of ${shown(shape)}`,
      (g) => g.p(...shape).softmax(),
    ]),
    ['of transposed rows', (g) => g.p(5, 3).transpose().softmax()],
    ['of a slice of columns', (g) => g.p(3, 6).slice(1, 5, 1).softmax()],
    ['of large numbers', (g) => g.p(4).add(1000).softmax()],
    ['of small numbers', (g) => g.p(4).sub(1000).softmax()],
    ['minus the logarithm of one', (g) => g.p(7).softmax().at(g.fed(3)).log().neg()],
    ['twice', (g) => g.p(2, 4).softmax().softmax()],
  ],
  softmaxGrad: [
    ...[[5], [3, 4], [2, 3, 4]].map((shape): Row => [
      `of ${shown(shape)}`,
      (g) => makeValue('softmaxGrad', [g.p(...shape), g.p(...shape)]),
    ]),
    ['of transposed rows', (g) => makeValue('softmaxGrad', [g.p(4, 3).transpose(), g.p(3, 4)])],
  ],
  softmaxColumns: [
    ...[
      [1, 1],
      [5, 1],
      [1, 5],
      [40, 67],
      [2, 3, 4],
      [3, 2, 5, 2],
      [0, 3],
      [2, 0],
      [2, 0, 3],
    ].map((shape): Row => [`of ${shown(shape)}`, (g) => g.p(...shape).softmax(-2)]),
    ['along the first of three axes', (g) => g.p(3, 2, 4).softmax(0)],
    ['along the second of four axes', (g) => g.p(2, 3, 2, 2).softmax(1)],
    ['of a transposed array', (g) => g.p(5, 3).transpose().softmax(0)],
    ['of permuted axes', (g) => g.p(2, 3, 4).transpose([2, 0, 1]).softmax(1)],
    ['of a slice of columns', (g) => g.p(3, 6).slice(1, 5, 1).softmax(0)],
    ['of large numbers', (g) => g.p(4, 2).add(1000).softmax(0)],
    ['of small numbers', (g) => g.p(4, 2).sub(1000).softmax(0)],
    ['twice', (g) => g.p(4, 2).softmax(0).softmax(0)],
    ['of stacked results', (g) => stack([g.p(3).exp(), g.p(3).tanh()]).softmax(0)],
    ['of a value used elsewhere', (g) => [g.p(4, 3)].map((x) => x.softmax(0).add(x))[0]!],
  ],
  softmaxColumnsGrad: [
    ...[
      [5, 1],
      [33, 20],
      [2, 3, 4],
    ].map((shape): Row => [
      `of ${shown(shape)}`,
      (g) => makeValue('softmaxColumnsGrad', [g.p(...shape), g.p(...shape)]),
    ]),
    ['of transposed rows', (g) => makeValue('softmaxColumnsGrad', [g.p(4, 3).transpose(), g.p(3, 4)])],
  ],
  reshape: [
    ['to fewer axes', (g) => g.p(2, 3, 4).reshape([6, 4])],
    ['to more axes', (g) => g.p(6).reshape([2, 1, 3])],
    ['to a number', (g) => g.p(1, 1).reshape([])],
    ['from a number', (g) => g.p().reshape([1, 1])],
    ['of a transposed array', (g) => g.p(3, 4).transpose().reshape([2, 6])],
    ['of a transposed result', (g) => g.p(3, 4).exp().transpose().reshape([12])],
    ['of a slice', (g) => g.p(4, 6).slice(1, 3, 1).reshape([8])],
    ['of nothing', (g) => g.p(0, 3).reshape([2, 0])],
    ['nested', (g) => g.p(2, 6).reshape([3, 4]).transpose().reshape([2, 3, 2]).transpose([1, 0, 2])],
  ],
  transpose: [
    ['of a matrix', (g) => g.p(3, 4).transpose()],
    ['of a vector', (g) => g.p(3).transpose()],
    ['of a number', (g) => g.p().transpose()],
    ['of axes counted from behind', (g) => g.p(3, 4).transpose([-1, 0])],
    ...[
      [0, 2, 1],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ].map((axes): Row => [`by ${shown(axes)}`, (g) => g.p(2, 3, 4).transpose(axes).mul(g.p(4).slice(0, 1))]),
    ['of a result, twice', (g) => g.p(2, 3, 4).exp().transpose([1, 2, 0]).transpose([1, 2, 0])],
    ['with an empty axis', (g) => g.p(2, 0).transpose()],
  ],
  broadcastTo: [
    ['a number', (g) => makeValue('broadcastTo', [g.p()], { shape: [2, 3] })],
    ['a column', (g) => makeValue('broadcastTo', [g.p(3, 1)], { shape: [2, 3, 4] })],
    ['to nothing', (g) => makeValue('broadcastTo', [g.p(1)], { shape: [0] })],
    ['then multiplied', (g) => makeValue('broadcastTo', [g.p(3)], { shape: [2, 3] }).matmul(g.p(3, 2))],
    ['zeros', (g) => zeros([2, 3]).add(g.p(3))],
  ],
  slice: [
    ['of rows', (g) => g.p(5, 3).slice(1, 4)],
    ['of columns', (g) => g.p(5, 3).slice(1, 2, 1)],
    ['of an axis counted from behind', (g) => g.p(5, 3).slice(0, 2, -1)],
    ['of nothing', (g) => g.p(5, 3).slice(2, 2)],
    ['of all', (g) => g.p(5).slice(0, 5)],
    ['of a slice', (g) => g.p(6, 6).slice(1, 5).slice(1, 3).slice(2, 6, 1)],
    ['of a result', (g) => g.p(4, 5).exp().slice(1, 3, 1).mul(2)],
    ['overlapping', (g) => [g.p(5)].map((x) => x.slice(0, 3).mul(x.slice(2, 5)))[0]!],
    ['overlapping, of a result', (g) => [g.p(5).exp()].map((x) => x.slice(0, 3).mul(x.slice(2, 5)))[0]!],
    ['a fixed row', (g) => g.p(4, 3).at(2)],
    ['a fixed number of a vector', (g) => g.p(4).at(3).mul(g.p(4).at(0))],
  ],
  pad: [
    ['rows', (g) => makeValue('pad', [g.p(2, 3)], { axis: 0, start: 1, shape: [5, 3] })],
    ['columns', (g) => makeValue('pad', [g.p(2, 3).exp()], { axis: 1, start: 2, shape: [2, 6] })],
    [
      'into one sum',
      (g) =>
        addN([
          makeValue('pad', [g.p(2).exp()], { axis: 0, start: 0, shape: [4] }),
          makeValue('pad', [g.p(3).exp()], { axis: 0, start: 1, shape: [4] }),
          g.p(4),
        ]),
    ],
  ],
  concat: [
    ['of rows', (g) => concat([g.p(2, 3), g.p(1, 3).exp(), g.p(4, 3)])],
    ['of columns', (g) => concat([g.p(2, 3), g.p(2, 1).exp(), g.p(2, 4)], 1)],
    ['along the last axis, from behind', (g) => concat([g.p(2, 3).exp(), g.p(2, 2)], -1)],
    ['with an empty one', (g) => concat([g.p(2), g.p(0), g.p(3)])],
    ['of one', (g) => concat([g.p(3).exp()])],
    ['of the same twice', (g) => [g.p(3).exp()].map((x) => concat([x, x]).mul(g.p(6)))[0]!],
    [
      'of parts, joined again',
      (g) => [g.p(6).exp()].map((x) => concat([concat([x.slice(3, 6), x.slice(0, 3)]), x]))[0]!,
    ],
    ['of transposed ones', (g) => concat([g.p(3, 2).exp().transpose(), g.p(3, 2).transpose()], 1)],
  ],
  stack: [
    ['of numbers', (g) => stack([g.p(), g.p().exp(), g.p()])],
    ['of vectors', (g) => stack([g.p(3), g.p(3).exp()])],
    ['of matrices', (g) => stack([g.p(2, 3).exp(), g.p(3, 2).transpose()])],
    ['of one', (g) => stack([g.p(3).exp()])],
    ['of the same twice', (g) => [g.p(3).exp()].map((x) => stack([x, x]).mul(g.p(2, 3)))[0]!],
    [
      'of rows taken from a stack',
      (g) => [stack([g.p(3).exp(), g.p(3).exp(), g.p(3).exp()])].map((x) => stack([x.at(2), x.at(1)]))[0]!,
    ],
    [
      'of growing stacks',
      (g) =>
        [[g.p(3).exp(), g.p(3).exp(), g.p(3).exp()]].map((x) =>
          [1, 2, 3].map((n) => stack(x.slice(0, n)).sum(0)).reduce((a, b) => a.mul(b)),
        )[0]!,
    ],
    ['then multiplied', (g) => stack([g.p(4).exp(), g.p(4)]).matmul(g.p(4, 3))],
    [
      'transposed, then multiplied',
      (g) =>
        g
          .p(3, 2)
          .matmul(stack([g.p(4).exp(), g.p(4)]))
          .matmul(stack([g.p(4).exp(), g.p(4)]).transpose()),
    ],
  ],
  max: [
    ...[[5], [2, 3], [2, 3, 4], [2, 1, 3, 2], [1, 67], [67, 2]].flatMap((shape) =>
      subsets(shape.length).flatMap((axes): Row[] => [
        [`of ${shown(shape)} over ${shown(axes)}`, (g) => g.p(...shape).max(axes)],
        [
          `of ${shown(shape)} transposed over ${shown(axes)}`,
          (g) =>
            g
              .p(...[...shape].reverse())
              .transpose()
              .max(axes, true),
        ],
      ]),
    ),
    ['of a number', (g) => g.p().max()],
    ['over all', (g) => g.p(2, 3).max()],
    ['over the last axis, counted from behind', (g) => g.p(2, 3).max(-1)],
    ['with an empty axis kept', (g) => g.p(2, 0, 3).max(0)],
    ['of a slice of columns', (g) => g.p(4, 5).slice(1, 4, 1).max(1)],
    ['over the middle of permuted axes', (g) => g.p(2, 3, 4, 2).transpose([3, 1, 0, 2]).max(2)],
    ['in a join', (g) => concat([g.p(3, 4).exp().max(1, true), g.p(3, 2)], 1)],
    ['in a stack', (g) => stack([g.p(3, 4).exp().max(0), g.p(4)])],
    ['of a value used elsewhere', (g) => [g.p(3, 4).exp()].map((x) => x.sub(x.max(1, true)).mul(x))[0]!],
  ],
  cumsum: [
    ...[[1], [5], [67], [3, 4], [2, 3, 4], [2, 1, 3, 2], [0], [2, 0]].flatMap((shape) =>
      shape.flatMap((_, axis): Row[] => [
        [`of ${shown(shape)} along ${axis}`, (g) => g.p(...shape).cumsum(axis)],
        [
          `of ${shown(shape)} transposed along ${axis}, from the end`,
          (g) => makeValue('cumsum', [g.p(...[...shape].reverse()).transpose()], { axis, reverse: true }),
        ],
      ]),
    ),
    ['along the last axis, counted from behind', (g) => g.p(2, 3).cumsum(-1)],
    ['in a join', (g) => concat([g.p(3, 2).exp().cumsum(1), g.p(3, 2)], 1)],
    ['of five permuted axes', (g) => g.p(2, 2, 2, 2, 3).transpose([4, 1, 3, 0, 2]).cumsum(1)],
  ],
} satisfies Partial<Record<OpName, Row[]>>;
