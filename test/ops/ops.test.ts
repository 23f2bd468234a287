/**
 * Every operator: values against a plain evaluation, gradients against central differences, in the inspecting
 * and the training compilation, on every instruction set and in both data types.
 *
 * A new operator needs a row here and a rule in support/reference.ts; without them the tests do not compile.
 */
import { where } from '../../lib/value/functions.js';
import { constant, makeValue, type Value } from '../../lib/value/value.js';
import { type Index, makeIndex } from '../../lib/value/indices.js';
import { choose, concat, meanOfFirst, stack, total } from '../../lib/value/joins.js';
import { zeros } from '../../lib/value/leaves.js';
import { OP_NAMES, OPS, type Attr, type Builder, type OpName } from '../../lib/graph/ops.js';
import { compile } from '../../lib/value/compile.js';
import { assertClose, checkGraph, Leaves } from '../support/check.js';
import { TARGETS } from '../support/targets.js';

type Row = [title: string, build: (leaves: Leaves) => Value];

/** Pairs of shapes that broadcast, each way, of rank 0 to 4, with axes of length 1 and 0. */
const PAIRS: [number[], number[]][] = [
  [[], []],
  [[3], []],
  [[], [2, 3]],
  [[5], [5]],
  [[1], [7]],
  [[7], [1]],
  [[2, 3], [3]],
  [[3], [2, 3]],
  [
    [2, 3],
    [2, 1],
  ],
  [
    [2, 1],
    [2, 3],
  ],
  [
    [4, 1],
    [1, 5],
  ],
  [
    [1, 5],
    [4, 1],
  ],
  [[1, 1], [1]],
  [
    [2, 3, 4],
    [3, 1],
  ],
  [
    [3, 1],
    [2, 1, 4],
  ],
  [
    [2, 1, 3, 1],
    [4, 1, 5],
  ],
  [
    [2, 3, 2, 3],
    [2, 3, 2, 3],
  ],
  [
    [2, 1, 3, 2],
    [2, 3, 1, 2],
  ],
  [[67], [67]],
  [[9, 18], [18]],
  [[0], [1]],
  [[0, 3], [3]],
  [
    [2, 0],
    [2, 1],
  ],
];
const SHAPES = [[], [1], [5], [67], [2, 3], [1, 4], [3, 1], [2, 3, 4], [2, 1, 3, 2], [0], [2, 0]];

const shown = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** Rows for an operator of one operand: every shape, and operands that are not contiguous. */
function unary(f: (x: Value) => Value, leaf: 'p' | 'positive' = 'p'): Row[] {
  return [
    ...SHAPES.map((shape): Row => [`of ${shown(shape)}`, (g) => f(g[leaf](...shape))]),
    ['of a transposed operand', (g) => f(g[leaf](3, 5).transpose())],
    ['of a slice of columns', (g) => f(g[leaf](3, 5).slice(1, 3, 1))],
    ['of a broadcast operand', (g) => f(g[leaf](3, 1).add(zeros([3, 4])))],
    ['twice', (g) => f(f(g[leaf](3, 4)).exp())],
    ['of a value used elsewhere', (g) => [g[leaf](4)].map((x) => f(x).add(x))[0]!],
  ];
}

/** Rows for an element-wise operator of two operands. */
function binary(f: (a: Value, b: Value) => Value): Row[] {
  return [
    ...PAIRS.map(([a, b]): Row => [`of ${shown(a)} and ${shown(b)}`, (g) => f(g.p(...a), g.p(...b))]),
    ['of a parameter and an input', (g) => f(g.p(2, 3), g.x(3))],
    ['of transposed operands', (g) => f(g.p(3, 4).transpose(), g.p(3, 4).transpose())],
    ['of a transposed and a plain operand', (g) => f(g.p(3, 4).transpose(), g.p(4, 3))],
    ['of slices', (g) => f(g.p(4, 5).slice(1, 3), g.p(4, 5).slice(2, 4, 0).slice(0, 5, 1))],
    ['of slices of columns', (g) => f(g.p(4, 5).slice(1, 3, 1), g.p(4, 2))],
    ['of permuted axes, rank 4', (g) => f(g.p(2, 3, 4, 2).transpose([2, 0, 3, 1]), g.p(4, 2, 2, 3))],
    ['of a value and what comes from it', (g) => [g.p(4)].map((x) => f(x, x.mul(2).add(1)))[0]!],
    ['of a result and a number', (g) => f(g.p(5).exp(), constant(2.5))],
    ['of a number and a result', (g) => f(constant(-2.5), g.p(5).exp())],
    ['of two rows of one array', (g) => [g.p(3, 4)].map((x) => f(x.at(0), x.at(2)))[0]!],
  ];
}

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

/** A range of fed indices; only the compiler makes these. */
const elements = (x: Index, start: number, stop: number): Index => makeIndex('elements', x, { start, stop });

const ROWS: Readonly<Record<OpName, Row[]>> = {
  // --- leaves ---
  parameter: SHAPES.map((shape): Row => [shown(shape), (g) => g.p(...shape).mul(3)]),
  input: SHAPES.map((shape): Row => [shown(shape), (g) => g.x(...shape).add(g.p())]),
  constant: [
    ['a number as the right operand', (g) => g.p(3).sub(1.5)],
    ['a negative zero', (g) => constant(1).div(constant(-0)).exp().add(g.p(2)).add(0)],
    ['the same twice', (g) => g.p(3).add(2).mul(2)],
    ['in a graph of single numbers', (g) => constant(3).sub(g.p()).mul(constant(0.5))],
  ],
  inverseCount: [
    ['the mean of the first 2 of 3', (g) => meanOfFirst([g.p(2), g.p(2), g.p(2)], g.fed(2))],
    ['of single numbers', (g) => meanOfFirst([g.p(), g.p(), g.p()], g.fed(2))],
  ],
  // --- integers ---
  index: [
    ['one', (g) => g.p(4, 3).gather(g.fed(2))],
    ['a vector', (g) => g.p(4, 3).gather(g.fed([3, 0]))],
    ['used twice', (g) => [g.fed([1, 2])].map((i) => g.p(4, 3).gather(i).mul(g.p(3, 3).gather(i)))[0]!],
  ],
  element: [
    [
      'each of a vector',
      (g) => [g.fed([2, 0])].map((i) => stack([g.p(3).at(i.at(0)), g.p(3).at(i.at(1))]))[0]!,
    ],
  ],
  elements: [['the middle of a vector', (g) => g.p(4, 2).gather(elements(g.fed([0, 3, 1, 2]), 1, 3))]],
  topk: [
    ['all', (g) => [g.p(4)].map((x) => x.gather(x.topk(4)))[0]!],
    ['the largest', (g) => [g.p(7)].map((x) => x.gather(x.topk(1)))[0]!],
    [
      'of a slice of a column',
      (g) => [g.p(9, 3).slice(1, 2, 1).reshape([9])].map((x) => x.gather(x.topk(3)))[0]!,
    ],
    ['ties go to the lower index', (g) => g.p(5, 2).gather(stack([1, 3, 3, 1, 3].map(constant)).topk(4))],
    ['picks rows of another array', (g) => g.p(33, 3).gather(g.p(33).topk(16))],
    ['of a result', (g) => [g.p(6).mul(g.x(6))].map((x) => x.gather(x.topk(2)).exp())[0]!],
  ],
  // --- element-wise, one operand ---
  neg: unary((x) => x.neg()),
  exp: unary((x) => x.mul(0.5).exp()),
  log: unary((x) => x.log().mul(0.5), 'positive'),
  relu: unary((x) => x.relu()),
  pow: [-2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3]
    .flatMap((exponent) =>
      unary((x) => x.pow(exponent).mul(0.2).add(1), 'positive').map(([title, build]): Row => [
        `to ${exponent} ${title}`,
        build,
      ]),
    )
    .concat([
      ['of negative numbers to 2', (g) => g.of([-1.5, -0.5, 2]).pow(2)],
      ['of negative numbers to 3', (g) => g.of([-1.5, -0.5, 2]).pow(3)],
      ['of negative numbers to -1', (g) => g.of([-1.5, -0.5, 2]).pow(-1)],
    ]),
  detach: unary((x) => x.mul(x.detach())),
  // --- element-wise, two operands ---
  add: binary((a, b) => a.add(b)),
  sub: binary((a, b) => a.sub(b)),
  mul: binary((a, b) => a.mul(b)),
  div: binary((a, b) => a.div(b)),
  maximum: binary((a, b) => a.maximum(b)),
  logGrad: binary((a, b) => makeValue('logGrad', [a, b.mul(b).add(0.5)])),
  maskPositive: binary((a, b) => makeValue('maskPositive', [a, b])),
  ifNonzero: binary((a, b) => makeValue('ifNonzero', [a, b.gt(0)]).add(0)),
  ifZero: binary((a, b) => makeValue('ifZero', [a, b.gt(0)]).add(0)),
  // --- sums ---
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
  total: [
    ['of one', (g) => total([g.p(3)])],
    ['of three', (g) => total([g.p(3), g.p(3), g.p(3)])],
    ['of the same value thrice', (g) => [g.p(3)].map((x) => total([x, x, x]))[0]!],
    [
      'of results and views',
      (g) => total([g.p(3, 2).transpose(), g.p(2, 3).exp(), g.p(2, 3), g.p(3, 3).slice(1, 3)]),
    ],
    ['of single numbers', (g) => total([g.p(), g.p().exp(), g.p()])],
  ],
  // --- products ---
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
  // --- softmax ---
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
  // --- views and joins ---
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
  embed: [
    ['rows', (g) => makeValue('embed', [g.p(2, 3)], { axis: 0, start: 1, shape: [5, 3] })],
    ['columns', (g) => makeValue('embed', [g.p(2, 3).exp()], { axis: 1, start: 2, shape: [2, 6] })],
    [
      'into one sum',
      (g) =>
        total([
          makeValue('embed', [g.p(2).exp()], { axis: 0, start: 0, shape: [4] }),
          makeValue('embed', [g.p(3).exp()], { axis: 0, start: 1, shape: [4] }),
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
  // --- indexing ---
  gather: [
    ['a row', (g) => g.p(4, 3).gather(g.fed(1))],
    ['rows', (g) => g.p(4, 3).gather(g.fed([1, 3, 0]))],
    ['the same row twice: gradients add up', (g) => g.p(4, 3).gather(g.fed([1, 1, 1, 0]))],
    ['numbers', (g) => g.p(5).gather(g.fed([4, 0, 4]))],
    ['a number', (g) => g.p(5).at(g.fed(4))],
    ['rows of rank 3', (g) => g.p(3, 2, 4).gather(g.fed([2, 0, 2]))],
    [
      'of a transposed array',
      (g) =>
        g
          .p(3, 5)
          .transpose()
          .gather(g.fed([4, 0])),
    ],
    [
      'of a transposed result',
      (g) =>
        g
          .p(3, 5)
          .exp()
          .transpose()
          .gather(g.fed([4, 0])),
    ],
    [
      'of a slice of columns',
      (g) =>
        g
          .p(3, 5)
          .slice(1, 4, 1)
          .gather(g.fed([2, 0])),
    ],
    [
      'numbers of a column',
      (g) =>
        g
          .p(4, 3)
          .slice(1, 2, 1)
          .reshape([4])
          .gather(g.fed([3, 3, 0])),
    ],
    [
      'of a gather',
      (g) =>
        g
          .p(5, 2)
          .gather(g.fed([4, 2, 2]))
          .gather(g.fed([0, 2, 1, 1])),
    ],
    ['no rows', (g) => g.p(5, 2).gather(g.fed([]))],
    [
      'of a result, used elsewhere',
      (g) =>
        [g.p(4, 3).exp()].map((x) =>
          x
            .gather(g.fed([1, 2]))
            .sum(0)
            .mul(x),
        )[0]!,
    ],
    [
      'of planes of permuted axes',
      (g) =>
        g
          .p(2, 3, 4)
          .transpose([1, 0, 2])
          .gather(g.fed([2, 0, 2])),
    ],
    [
      'in a stack in a join',
      (g) =>
        concat(
          [
            stack([
              g
                .p(4, 3)
                .exp()
                .gather(g.fed([2, 0])),
              g.p(2, 3),
            ]),
            g.p(2, 2, 1),
          ],
          -1,
        ),
    ],
    ['one of each row', (g) => makeValue('gather', [g.p(3, 4), g.fed([1, 0, 2])], { batch: true })],
    [
      'one row of each matrix',
      (g) => makeValue('gather', [g.p(2, 3, 4).exp(), g.fed([1, 0])], { batch: true }),
    ],
  ],
  scatterAdd: [
    ['rows', (g) => makeValue('scatterAdd', [g.p(3, 2), g.fed([4, 0, 4])], { shape: [5, 2] })],
    ['a row', (g) => makeValue('scatterAdd', [g.p(2).exp(), g.fed(3)], { shape: [5, 2] })],
    ['numbers', (g) => makeValue('scatterAdd', [g.p(3).exp(), g.fed([1, 1, 0])], { shape: [4] })],
    [
      'transposed rows',
      (g) => makeValue('scatterAdd', [g.p(2, 3).transpose(), g.fed([1, 1, 0])], { shape: [4, 2] }),
    ],
    [
      'one of each row',
      (g) => makeValue('scatterAdd', [g.p(3), g.fed([1, 0, 3])], { shape: [3, 4], batch: true }),
    ],
    [
      'one row of each matrix',
      (g) => makeValue('scatterAdd', [g.p(2, 4).exp(), g.fed([1, 2])], { shape: [2, 3, 4], batch: true }),
    ],
  ],
  choose: [
    ['among numbers', (g) => choose([g.p(), g.p(), g.p()], g.fed(1))],
    ['among results', (g) => choose([g.p().exp(), g.p().exp(), g.p()], g.fed(0))],
    ['among vectors', (g) => choose([g.p(3), g.p(3).exp(), g.p(3)], g.fed(2))],
    ['among matrices and views', (g) => choose([g.p(3, 2).transpose(), g.p(2, 3).exp()], g.fed(0))],
    ['among one', (g) => choose([g.p(3).exp()], g.fed(0))],
    ['among the same twice', (g) => [g.p().exp()].map((x) => choose([x, x, g.p()], g.fed(1)))[0]!],
    [
      'of a column of numbers, twice',
      (g) => [[g.p(), g.p(), g.p()]].map((x) => choose(x, g.fed(1)).mul(choose(x, g.fed(2))))[0]!,
    ],
    [
      'by a found index',
      (g) => [g.p(3)].map((x) => choose([g.p(2), g.p(2).exp(), g.p(2)], x.topk(1).at(0)))[0]!,
    ],
  ],
  rmsNorm: [
    ...[[1], [5], [67], [3, 4], [2, 3, 16], [7, 16], [4, 1], [0], [0, 3], [2, 0]].map((shape): Row => [
      `of ${shown(shape)}`,
      (g) => g.p(...shape).rmsNorm(),
    ]),
    ['of transposed rows', (g) => g.p(5, 3).transpose().rmsNorm()],
    ['of permuted axes', (g) => g.p(3, 2, 4).exp().transpose([1, 0, 2]).rmsNorm()],
    ['of a slice of columns', (g) => g.p(3, 6).slice(1, 5, 1).rmsNorm({ eps: 0.1 })],
    ['with another epsilon', (g) => g.p(2, 5).rmsNorm({ eps: 2 })],
    ['twice', (g) => g.p(2, 4).rmsNorm().rmsNorm()],
    ['of a value used elsewhere', (g) => [g.p(2, 4).exp()].map((x) => x.rmsNorm().mul(x))[0]!],
  ],
  rmsNormGrad: [
    ...[[5], [3, 4], [2, 3, 16]].map((shape): Row => [
      `of ${shown(shape)}`,
      (g) =>
        [g.p(...shape)].map((x) =>
          makeValue('rmsNormGrad', [g.p(...shape), x, x.rmsNorm({ eps: 0.5 })], {
            scale: 1 / shape[shape.length - 1]!,
            eps: 0.5,
          }),
        )[0]!,
    ]),
  ],
  crossEntropy: [
    ['of a vector', (g) => g.p(5).crossEntropy(g.fed(3))],
    ['of one number', (g) => g.p(1).crossEntropy(g.fed(0))],
    ['of 67 numbers', (g) => g.p(67).crossEntropy(g.fed(66))],
    ['of rows', (g) => g.p(3, 4).crossEntropy(g.fed([1, 3, 1]))],
    ['of 7 rows of 27', (g) => g.p(7, 27).crossEntropy(g.fed([1, 26, 0, 5, 5, 9, 13]))],
    ['of one row', (g) => g.p(1, 4).crossEntropy(g.fed([2]))],
    ['of no rows', (g) => g.p(0, 4).crossEntropy(g.fed([]))],
    [
      'of transposed rows',
      (g) =>
        g
          .p(4, 3)
          .transpose()
          .crossEntropy(g.fed([1, 3, 1])),
    ],
    [
      'of a slice of columns',
      (g) =>
        g
          .p(3, 6)
          .slice(1, 5, 1)
          .crossEntropy(g.fed([1, 3, 1])),
    ],
    [
      'of large numbers',
      (g) =>
        g
          .p(2, 4)
          .add(1000)
          .crossEntropy(g.fed([1, 3])),
    ],
    [
      'stacked',
      (g) =>
        [g.p(2, 4)].map((x) =>
          stack([x.crossEntropy(g.fed([1, 3])), x.mul(2).crossEntropy(g.fed([0, 3]))]).transpose(),
        )[0]!,
    ],
    [
      'of a value used elsewhere',
      (g) =>
        [g.p(3, 4).exp()].map((x) =>
          x
            .crossEntropy(g.fed([1, 3, 1]))
            .reshape([3, 1])
            .mul(x),
        )[0]!,
    ],
  ],
  crossEntropyGrad: [
    [
      'of a vector',
      (g) =>
        [g.p(5)].map(
          (x) => [g.fed(3)].map((t) => makeValue('crossEntropyGrad', [g.p(), x, x.crossEntropy(t), t]))[0]!,
        )[0]!,
    ],
    [
      'of rows',
      (g) =>
        [g.p(3, 4)].map(
          (x) =>
            [g.fed([1, 3, 1])].map((t) =>
              makeValue('crossEntropyGrad', [g.p(3), x, x.crossEntropy(t), t]),
            )[0]!,
        )[0]!,
    ],
  ],
  gatherMatmul: [
    ['of three rows', (g) => makeValue('gatherMatmul', [g.p(5), g.p(5, 4), g.fed([4, 0, 2])])],
    ['of one row twice', (g) => makeValue('gatherMatmul', [g.p(5), g.p(5, 17), g.fed([3, 3])])],
    ['of no rows', (g) => makeValue('gatherMatmul', [g.p(5), g.p(5, 3), g.fed([])])],
    [
      'of a transposed matrix',
      (g) => makeValue('gatherMatmul', [g.p(5), g.p(4, 5).transpose(), g.fed([4, 1])]),
    ],
    [
      'of a column',
      (g) => makeValue('gatherMatmul', [g.p(5, 3).slice(1, 2, 1).reshape([5]), g.p(5, 4), g.fed([4, 1])]),
    ],
    [
      'of rows that fire',
      (g) => [g.p(8)].map((x) => makeValue('gatherMatmul', [x, g.p(8, 8), x.topk(3)]).add(x))[0]!,
    ],
    [
      'in a sum',
      (g) =>
        [g.fed([1, 2])].map((at) =>
          total([g.p(4).exp(), makeValue('gatherMatmul', [g.p(5), g.p(5, 4), at])]),
        )[0]!,
    ],
  ],
  gatherDot: [
    ['of three rows', (g) => makeValue('gatherDot', [g.p(5, 4), g.p(4), g.fed([4, 0, 2])])],
    ['of one row twice', (g) => makeValue('gatherDot', [g.p(5, 4), g.p(4), g.fed([4, 4])])],
    ['of transposed rows', (g) => makeValue('gatherDot', [g.p(4, 5).transpose(), g.p(4), g.fed([4, 2])])],
    [
      'of a column',
      (g) => makeValue('gatherDot', [g.p(5, 4), g.p(4, 3).slice(1, 2, 1).reshape([4]), g.fed([4])]),
    ],
  ],
  scatterOuter: [
    [
      'of three rows',
      (g) => makeValue('scatterOuter', [g.p(5), g.p(4), g.fed([4, 0, 2])], { shape: [5, 4] }),
    ],
    [
      'of one row twice',
      (g) => makeValue('scatterOuter', [g.p(5), g.p(4), g.fed([1, 1])], { shape: [5, 4] }),
    ],
    [
      'in a sum',
      (g) =>
        [g.fed([1, 2])].map((at) =>
          total([g.p(5, 4).exp(), makeValue('scatterOuter', [g.p(5), g.p(4), at], { shape: [5, 4] })]),
        )[0]!,
    ],
  ],
  // --- numbers of steps, places ---
  step: [['of a dropout that drops nothing', (g) => g.p(2, 3).dropout(0, 1)]],
  argmax: [
    ['of a vector', (g) => [g.p(5)].map((x) => x.gather(x.argmax()))[0]!],
    ['of one number', (g) => [g.p(1)].map((x) => x.gather(x.argmax()))[0]!],
    ['of rows', (g) => g.p(5, 2).gather(g.p(3, 5).argmax())],
    ['of columns', (g) => g.p(5, 2).gather(g.p(5, 3).argmax(0))],
    ['of transposed rows', (g) => g.p(5, 2).gather(g.p(5, 3).transpose().argmax())],
    ['of the middle of three axes', (g) => g.p(5, 3).gather(g.p(2, 5, 3).argmax(1))],
    ['of the middle of four axes', (g) => g.p(4).gather(g.p(2, 3, 4, 2).argmax(2))],
    ['of three axes, joined', (g) => concat([g.p(5, 2).gather(g.p(3, 2, 5).argmax()), g.p(3, 2, 1)], -1)],
    ['of a result, in a stack', (g) => stack([g.p(5, 2).gather(g.p(3, 2, 5).exp().argmax()), g.p(3, 2, 2)])],
    ['of no rows', (g) => g.p(5, 2).gather(g.p(0, 5).argmax())],
    ['ties go to the lower place', (g) => g.p(3).gather(stack([1, 4, 4].map(constant)).argmax())],
  ],
  // --- element-wise, one operand ---
  sign: unary((x) => x.sign().mul(x)),
  abs: unary((x) => x.abs()),
  sin: unary((x) => x.mul(3).sin()),
  cos: unary((x) => x.mul(3).cos()),
  tanh: unary((x) => x.tanh()),
  sigmoid: unary((x) => x.sigmoid()),
  softplus: unary((x) => x.softplus()),
  expm1: unary((x) => x.mul(0.3).tanh().expm1()),
  log1p: unary((x) => x.log1p(), 'positive'),
  erf: unary((x) => x.erf()),
  arcsin: unary((x) => x.mul(0.4).tanh().arcsin()),
  arcsinh: unary((x) => x.arcsinh()),
  arctanh: unary((x) => x.mul(0.4).tanh().arctanh()),
  dropout: unary((x) => x.dropout(0, 7)),
  // --- element-wise, two operands ---
  minimum: binary((a, b) => a.minimum(b)),
  gt: binary((a, b) => a.gt(b).mul(a)),
  ge: binary((a, b) => a.ge(b).mul(b)),
  eq: binary((a, b) => a.mul(b).add(a.eq(b))),
  // --- along axes ---
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
  chooseGrad: [
    ['chosen', (g) => makeValue('chooseGrad', [g.p(3).exp(), g.fed(1)], { choice: 1 })],
    ['not chosen', (g) => makeValue('chooseGrad', [g.p(3), g.fed(1)], { choice: 0 })],
    ['a number', (g) => makeValue('chooseGrad', [g.p(), g.fed(2)], { choice: 2 })],
  ],
};

describe('operators', () => {
  for (const op of OP_NAMES) {
    describe(op, () => {
      ROWS[op].forEach(([title, build], i) => {
        it(title, () => checkGraph(build, { seed: i + 1 }));
      });
    });
  }
});

/** Several operators together, where the compiler writes one's result into another. */
const COMPOSITIONS: Row[] = [
  ['x + x', (g) => [g.p(3)].map((x) => x.add(x))[0]!],
  ['x * x', (g) => [g.p(3)].map((x) => x.mul(x))[0]!],
  ['x * x of single numbers', (g) => [g.p()].map((x) => x.mul(x).add(x))[0]!],
  ['x - x', (g) => [g.p(3)].map((x) => x.sub(x).add(x))[0]!],
  ['x / x', (g) => [g.p(3)].map((x) => x.div(x))[0]!],
  ['a result five times', (g) => [g.p(3).exp()].map((x) => x.mul(x).mul(x).add(x).div(x))[0]!],
  [
    'a sum with one result twice',
    (g) => [g.p(3).gather(g.fed([1]))].map((x) => total([x, g.p(1), g.p(1), x]).mul(2))[0]!,
  ],
  ['a product with zeros', (g) => zeros([3]).matmul(g.p(3, 2)).add(g.p(2))],
  [
    'a parameter that only zeros meet',
    (g) =>
      g
        .p(3)
        .mul(zeros([3]))
        .add(g.p(3)),
  ],
  [
    'a root mean square norm',
    (g) => [g.p(3, 5)].map((x) => x.mul(x.mul(x).mean(-1).add(1e-5).pow(-0.5).reshape([3, 1])))[0]!,
  ],
  [
    'rows of one array, one by one',
    (g) => [g.p(4, 3)].map((x) => total([0, 1, 2, 3].map((i) => x.at(i).exp())))[0]!,
  ],
  [
    'some rows of one array, one of them twice',
    (g) => [g.p(4, 3).exp()].map((x) => total([0, 2, 2].map((i) => x.at(i).exp())))[0]!,
  ],
  [
    'gathered and fixed rows of one array',
    (g) => [g.p(4, 3)].map((x) => x.at(1).mul(x.gather(g.fed([1, 1])).sum(0)))[0]!,
  ],
  [
    'one matrix in many products',
    (g) => [g.p(4, 4)].map((m) => [1, 2, 3].reduce((h) => h.matmul(m).add(g.p(4)).relu(), g.p(4)))[0]!,
  ],
  [
    'parts joined in another order',
    (g) => [g.p(2, 6).exp()].map((x) => concat([x.slice(4, 6, 1), x.slice(0, 4, 1)], 1).mul(x))[0]!,
  ],
  [
    'a stack of slices of a join',
    (g) =>
      [concat([g.p(2, 3).exp(), g.p(2, 3)])].map((x) => stack([x.slice(1, 3), x.slice(0, 2)]).sum(0))[0]!,
  ],
  [
    'a transposed sum, broadcast back',
    (g) => [g.p(3, 4)].map((x) => x.transpose().sub(x.transpose().sum(0)).exp())[0]!,
  ],
  [
    'a sum of transposed products',
    (g) => total([g.p(3, 4).matmul(g.p(4, 2)).transpose(), g.p(2, 5).matmul(g.p(5, 3))]),
  ],
  [
    'attention over two positions',
    (g) => {
      const [q, k, v] = [g.p(4), [g.p(4), g.p(4).exp()], [g.p(4), g.p(4).exp()]] as const;
      return [1, 2]
        .map((n) =>
          stack(k.slice(0, n))
            .matmul(q)
            .softmax()
            .matmul(stack(v.slice(0, n))),
        )
        .reduce((a, b) => a.mul(b));
    },
  ],
  [
    'rows that fire',
    (g) =>
      [g.p(6)].map(
        (h) => [h.topk(3)].map((a) => h.add(h.gather(a).matmul(g.p(6, 6).gather(a))).relu())[0]!,
      )[0]!,
  ],
];

describe('compositions', () => {
  COMPOSITIONS.forEach(([title, build], i) => {
    it(title, () => checkGraph(build, { seed: i + 1 }));
  });
});

/** Gradient rules over the user's graph, where they can be differentiated themselves. */
const BUILDER: Builder<Value> = { op: makeValue, constant, shape: (x) => x.shape };
const AGAIN: [op: OpName, attr: Attr, operands: (g: Leaves) => Value[]][] = [
  ...(
    [
      'exp',
      'log',
      'relu',
      'abs',
      'sin',
      'cos',
      'tanh',
      'sigmoid',
      'softplus',
      'expm1',
      'log1p',
      'erf',
      'arcsin',
      'arcsinh',
      'arctanh',
    ] as const
  ).map((op): (typeof AGAIN)[number] => [op, {}, (g) => [g.positive(2, 3).mul(0.4)]]),
  ['pow', { exponent: 1.5 }, (g) => [g.positive(4)]],
  ...(['mul', 'div', 'maximum', 'minimum', 'logGrad'] as const).map((op): (typeof AGAIN)[number] => [
    op,
    {},
    (g) => [g.p(2, 3), g.positive(3)],
  ]),
  ['max', { axes: [1] }, (g) => [g.p(3, 4)]],
  ['max', {}, (g) => [g.p(5)]],
  ['cumsum', { axis: 0 }, (g) => [g.p(3, 2)]],
  ['softmax', {}, (g) => [g.p(2, 3)]],
  ['rmsNorm', { scale: 0.25, eps: 0.1 }, (g) => [g.p(2, 4)]],
];

describe('gradients, differentiated again', () => {
  for (const [op, attr, operands] of AGAIN) {
    it(`${op} ${JSON.stringify(attr)}`, () => {
      const n = operands(new Leaves()).length;
      for (let i = 0; i < n; i++) {
        checkGraph((g) => {
          const inputs = operands(g);
          const output = makeValue(op, inputs, attr);
          const dy = g.p(...output.shape);
          const gradient = OPS[op].gradient({ g: BUILDER, inputs, output, attr, dy }, i)!;
          // All operands must be part of the computation.
          return inputs.reduce((y, x) => y.add(x.sum()), gradient);
        });
      }
    });
  }
});

/** Points without a slope to compare with: kinks, ties, and numbers outside an operator's domain. */
const EDGES: [
  title: string,
  f: (...xs: Value[]) => Value,
  at: number[][],
  value: number[],
  gradients: number[][],
][] = [
  ['relu at zero: no gradient', (x) => x.relu(), [[0, -0, 1, -1]], [0, 0, 1, 0], [[0, 0, 1, 0]]],
  ['relu of NaN', (x) => x.relu(), [[NaN, 1]], [NaN, 1], [[NaN, 1]]],
  [
    'maximum: a tie shares the gradient',
    (a, b) => a.maximum(b),
    [
      [1, 2, 3],
      [1, 5, 0],
    ],
    [1, 5, 3],
    [
      [0.5, 0, 1],
      [0.5, 1, 0],
    ],
  ],
  ['maximum of a value and itself', (a) => a.maximum(a), [[1, 2]], [1, 2], [[1, 1]]],
  [
    'maximum of single numbers, a tie',
    (a, b) => a.reshape([]).maximum(b.reshape([])),
    [[2], [2]],
    [2],
    [[0.5], [0.5]],
  ],
  [
    'minimum: a tie shares the gradient',
    (a, b) => a.minimum(b),
    [
      [1, 2, 3],
      [1, 5, 0],
    ],
    [1, 2, 0],
    [
      [0.5, 1, 0],
      [0.5, 0, 1],
    ],
  ],
  [
    'minimum of single numbers, a tie',
    (a, b) => a.reshape([]).minimum(b.reshape([])),
    [[2], [2]],
    [2],
    [[0.5], [0.5]],
  ],
  [
    'maximum and NaN',
    (a, b) => a.maximum(b),
    [
      [NaN, 1],
      [1, NaN],
    ],
    [NaN, NaN],
    [
      [NaN, NaN],
      [NaN, NaN],
    ],
  ],
  [
    'minimum and NaN',
    (a, b) => a.minimum(b),
    [
      [NaN, 1],
      [1, NaN],
    ],
    [NaN, NaN],
    [
      [NaN, NaN],
      [NaN, NaN],
    ],
  ],
  [
    'maximum of single numbers and NaN',
    (a, b) => a.reshape([]).maximum(b.reshape([])),
    [[2], [NaN]],
    [NaN],
    [[NaN], [NaN]],
  ],
  [
    'maximum of infinities',
    (a, b) => a.maximum(b),
    [
      [Infinity, -Infinity, Infinity],
      [Infinity, -Infinity, 1],
    ],
    [Infinity, -Infinity, Infinity],
    [
      [0.5, 0.5, 1],
      [0.5, 0.5, 0],
    ],
  ],
  [
    'maximum, of which one place is NaN',
    (a, b) => a.maximum(b),
    [
      [NaN, 1, 3],
      [2, 2, 2],
    ],
    [NaN, 2, 3],
    [
      [NaN, 0, 1],
      [NaN, 1, 0],
    ],
  ],
  ['maximum with a number, of NaN', (a) => a.maximum(2), [[NaN, 1, 3]], [NaN, 2, 3], [[NaN, 0, 1]]],
  [
    'max: all ties share the gradient',
    (x) => x.max(),
    [[3, 1, 3, 3, 2, 3]],
    [3],
    [[0.25, 0, 0.25, 0.25, 0, 0.25]],
  ],
  ['max with NaN', (x) => x.max(), [[3, NaN, 1]], [NaN], [[NaN, NaN, NaN]]],
  [
    'max of rows, one with NaN',
    (x) => x.reshape([2, 2]).max(1),
    [[3, NaN, 1, 2]],
    [NaN, 2],
    [[NaN, NaN, 0, 1]],
  ],
  [
    'max of columns, one with NaN',
    (x) => x.reshape([2, 2]).max(0, true),
    [[3, NaN, 1, 2]],
    [3, NaN],
    [[1, NaN, 0, NaN]],
  ],
  ['min with NaN', (x) => x.min(), [[3, NaN, 1]], [NaN], [[NaN, NaN, NaN]]],
  ['max of infinities', (x) => x.max(), [[-Infinity, -Infinity]], [-Infinity], [[0.5, 0.5]]],
  ['max of nothing kept', (x) => x.reshape([2, 0]).max(0), [[]], [], [[]]],
  ['min: ties share the gradient', (x) => x.min(), [[3, 1, 1]], [1], [[0, 0.5, 0.5]]],
  [
    'greater',
    (a, b) => a.gt(b),
    [
      [1, 2, NaN, 0, Infinity, 1],
      [2, 1, 1, -0, Infinity, NaN],
    ],
    [0, 1, 0, 0, 0, 0],
    [
      [0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0],
    ],
  ],
  [
    'greater or equal',
    (a, b) => a.ge(b),
    [
      [1, 2, NaN, 0, Infinity],
      [2, 1, 1, -0, Infinity],
    ],
    [0, 1, 0, 1, 1],
    [
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
    ],
  ],
  [
    'less',
    (a, b) => a.lt(b),
    [
      [1, 2, NaN, 0],
      [2, 1, 1, -0],
    ],
    [1, 0, 0, 0],
    [
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ],
  ],
  [
    'less or equal',
    (a, b) => a.le(b),
    [
      [1, 2, NaN, 0],
      [2, 1, 1, -0],
    ],
    [1, 0, 0, 1],
    [
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ],
  ],
  [
    'equal',
    (a, b) => a.eq(b),
    [
      [1, 2, NaN, 0],
      [1, 1, NaN, -0],
    ],
    [1, 0, 0, 1],
    [
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ],
  ],
  [
    'not equal',
    (a, b) => a.ne(b),
    [
      [1, 2, NaN, 0],
      [1, 1, NaN, -0],
    ],
    [0, 1, 1, 0],
    [
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ],
  ],
  [
    'comparisons of single numbers',
    (a, b) =>
      [a.reshape([]), b.reshape([])].map((x, _, [p, q]) =>
        p!.gt(q!).add(p!.ge(q!).mul(2)).add(p!.eq(q!).mul(4)).add(x.mul(0)),
      )[0]!,
    [[2], [2]],
    [6],
    [[0], [0]],
  ],
  ['sign', (x) => x.sign(), [[-3, -0, 0, 1e-30, Infinity, NaN]], [-1, 0, 0, 1, 1, NaN], [[0, 0, 0, 0, 0, 0]]],
  [
    'abs: no gradient at zero',
    (x) => x.abs(),
    [[-2, 0, -0, 2, -Infinity, NaN]],
    [2, 0, 0, 2, Infinity, NaN],
    [[-1, 0, 0, 1, -1, NaN]],
  ],
  [
    'tanh at the ends',
    (x) => x.tanh(),
    [[-800, 800, -Infinity, Infinity, 0, NaN]],
    [-1, 1, -1, 1, 0, NaN],
    [[0, 0, 0, 0, 1, NaN]],
  ],
  ['tanh of little', (x) => x.tanh().mul(1e8), [[1e-8, -1e-8]], [1, -1], [[1e8, 1e8]]],
  [
    'sigmoid at the ends',
    (x) => x.sigmoid(),
    [[-800, 800, -Infinity, Infinity, 0, NaN]],
    [0, 1, 0, 1, 0.5, NaN],
    [[0, 0, 0, 0, 0.25, NaN]],
  ],
  ['sigmoid of -20', (x) => x.sigmoid().mul(1e8), [[-20]], [0.206115361819], [[0.20611535757]]],
  [
    'softplus at the ends',
    (x) => x.softplus(),
    [[-800, 800, -Infinity, Infinity, 0, NaN]],
    [0, 800, 0, Infinity, Math.LN2, NaN],
    [[0, 1, 0, 1, 0.5, NaN]],
  ],
  ['softplus of -20', (x) => x.softplus().mul(1e8), [[-20]], [0.2061153596948], [[0.206115361819]]],
  [
    'log1p at and below -1',
    (x) => x.log1p(),
    [[-1, -2, NaN, Infinity]],
    [-Infinity, NaN, NaN, Infinity],
    [[Infinity, NaN, NaN, 0]],
  ],
  [
    'expm1 at the ends',
    (x) => x.expm1(),
    [[-Infinity, -40, 800, Infinity, NaN]],
    [-1, -1, Infinity, Infinity, NaN],
    [[0, Math.exp(-40), Infinity, Infinity, NaN]],
  ],
  ['expm1 of little', (x) => x.expm1().mul(1e8), [[1e-8]], [1.000000005], [[1e8 * Math.exp(1e-8)]]],
  ['log1p of little', (x) => x.log1p().mul(1e8), [[1e-8]], [1], [[1e8]]],
  [
    'sin of large numbers',
    (x) => x.sin(),
    [[3e6, 2 ** 100, Infinity, -Infinity, NaN]],
    [Math.sin(3e6), Math.sin(2 ** 100), NaN, NaN, NaN],
    [[Math.cos(3e6), Math.cos(2 ** 100), NaN, NaN, NaN]],
  ],
  [
    'cos of large numbers',
    (x) => x.cos(),
    [[3e6, 2 ** 100, Infinity, -Infinity, NaN]],
    [Math.cos(3e6), Math.cos(2 ** 100), NaN, NaN, NaN],
    [[-Math.sin(3e6), -Math.sin(2 ** 100), NaN, NaN, NaN]],
  ],
  [
    'erf at the ends',
    (x) => x.erf(),
    [[-800, 800, -Infinity, Infinity, NaN]],
    [-1, 1, -1, 1, NaN],
    [[0, 0, 0, 0, NaN]],
  ],
  [
    'arcsin at and outside its ends',
    (x) => x.arcsin(),
    [[-1, 1, 2, -1.5, NaN]],
    [-Math.PI / 2, Math.PI / 2, NaN, NaN, NaN],
    [[Infinity, Infinity, NaN, NaN, NaN]],
  ],
  [
    'arcsinh of large numbers',
    (x) => x.arcsinh(),
    [[-Infinity, Infinity, 0, NaN]],
    [-Infinity, Infinity, 0, NaN],
    [[0, 0, 1, NaN]],
  ],
  [
    'arctanh at and outside its ends',
    (x) => x.arctanh(),
    [[-1, 1, 2, -1.5, NaN]],
    [-Infinity, Infinity, NaN, NaN, NaN],
    [[Infinity, Infinity, NaN, NaN, NaN]],
  ],
  [
    'cumsum past infinity',
    (x) => x.cumsum(),
    [[1, Infinity, 2, -Infinity]],
    [1, Infinity, Infinity, NaN],
    [[4, 3, 2, 1]],
  ],
  [
    'a denormal, which a run flushes',
    (x) => x.tanh().add(x.abs()).add(x.sigmoid()),
    [[1e-310, -1e-310]],
    [0.5, 0.5],
    [[1.25, 1.25]],
  ],
  ['log at and below zero', (x) => x.log(), [[0, -1, -2]], [-Infinity, NaN, NaN], [[Infinity, NaN, NaN]]],
  [
    'log below zero that is not taken',
    (x) => where(x.gt(0), x.log(), 0),
    [[-1, -Infinity, 2]],
    [0, 0, Math.LN2],
    [[0, 0, 0.5]],
  ],
  [
    'log1p below -1 that is not taken',
    (x) => where(x.gt(-1), x.log1p(), 0),
    [[-3, 1]],
    [0, Math.LN2],
    [[0, 0.5]],
  ],
  [
    'arctanh out of its domain that is not taken',
    (x) => where(x.abs().lt(1), x.arctanh(), 7),
    [[-3, 2, 0]],
    [7, 7, 0],
    [[0, 0, 1]],
  ],
  [
    'log of single numbers that are not taken',
    (x) => where(x.reshape([]).gt(0), x.reshape([]).log(), 3),
    [[-2]],
    [3],
    [[0]],
  ],
  ['log of zero that is not taken', (x) => where(x.gt(0), x.log(), 0), [[0]], [0], [[NaN]]],
  ['the root of zero that is not taken', (x) => where(x.gt(0), x.sqrt(), 0), [[0]], [0], [[NaN]]],
  ['the root of a negative', (x) => x.pow(0.5), [[-1, 4]], [NaN, 2], [[NaN, 0.25]]],
  ['the power -0.5 of zero', (x) => x.pow(-0.5), [[0]], [Infinity], [[-Infinity]]],
  ['the power 1.5 of a negative', (x) => x.pow(1.5), [[-1, 4]], [NaN, 8], [[NaN, 3]]],
  ['the power 2 of zero', (x) => x.pow(2), [[0]], [0], [[0]]],
  ['the power 0', (x) => x.pow(0), [[0, -3]], [1, 1], [[0, 0]]],
  [
    'a quotient by zero',
    (a, b) => a.div(b),
    [
      [1, -1],
      [0, 0],
    ],
    [Infinity, -Infinity],
    [
      [Infinity, Infinity],
      [-Infinity, Infinity],
    ],
  ],
  [
    'exp of what overflows and vanishes',
    (x) => x.exp(),
    [[1000, -1000, -Infinity]],
    [Infinity, 0, 0],
    [[Infinity, 0, 0]],
  ],
  ['softmax of equal infinities', (x) => x.softmax(), [[-Infinity, 0]], [0, 1], [[0, 0]]],
  ['the sum of nothing', (x) => x.sum(), [[]], [0], [[]]],
  ['the mean of nothing', (x) => x.mean(), [[]], [NaN], [[]]],
];

describe('edges', () => {
  for (const [title, f, at, value, gradients] of EDGES) {
    it(title, () => {
      for (const { isa, dtype } of TARGETS) {
        const g = new Leaves();
        const leaves = at.map((numbers) => g.of(numbers));
        const y = f(...leaves);
        const program = compile(y, { isa, dtype });
        assertClose(program.forward({}), value, 1e-6, `the value on ${isa} in ${dtype}`);
        program.backward();
        leaves.forEach((leaf, i) => {
          assertClose(program.readGradient(leaf), gradients[i]!, 1e-6, `gradient ${i} on ${isa} in ${dtype}`);
        });
      }
    });
  }
});
