/** Rows for operators element by element and for leaves, with what makes such rows: one table. */
import { makeValue, type Value } from '../../lib/value/value.js';
import { concat, stack } from '../../lib/value/joins.js';
import { constant, zeros } from '../../lib/value/leaves.js';
import type { OpName } from '../../lib/graph/ops.js';
import type { Leaves } from './check.js';

export type Row = [title: string, build: (leaves: Leaves) => Value];

/** Pairs of shapes that broadcast, each way, of rank 0 to 4, with axes of length 1 and 0. */
export const PAIRS: [number[], number[]][] = [
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
export const SHAPES = [[], [1], [5], [67], [2, 3], [1, 4], [3, 1], [2, 3, 4], [2, 1, 3, 2], [0], [2, 0]];

export const shown = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** Rows for an operator of one operand: every shape, and operands that are not contiguous. */
export function unary(f: (x: Value) => Value, leaf: 'p' | 'positive' = 'p'): Row[] {
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
export function binary(f: (a: Value, b: Value) => Value): Row[] {
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

/** Fixed numbers from 0.5 on. */
const table = (shape: readonly number[]): Value =>
  constant(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 0.5 + 0.25 * i),
    { shape },
  );

export const ELEMENTWISE = {
  parameter: SHAPES.map((shape): Row => [shown(shape), (g) => g.p(...shape).mul(3)]),
  frozen: SHAPES.map((shape): Row => {
    const build: Row[1] = (g) => {
      const frozen = g.p(...shape);
      frozen.trainable = false;
      return frozen.mul(g.p()).add(frozen);
    };
    return [shown(shape), build];
  }),
  input: SHAPES.map((shape): Row => [shown(shape), (g) => g.x(...shape).add(g.p())]),
  constant: [
    ['a number as the right operand', (g) => g.p(3).sub(1.5)],
    ['a negative zero', (g) => constant(1).div(constant(-0)).exp().add(g.p(2)).add(0)],
    ['the same twice', (g) => g.p(3).add(2).mul(2)],
    ['in a graph of single numbers', (g) => constant(3).sub(g.p()).mul(constant(0.5))],
  ],
  table: [
    ...SHAPES.map((shape): Row => [shown(shape), (g) => g.p(...shape).mul(table(shape))]),
    [
      'added',
      (g) =>
        g
          .p(3)
          .exp()
          .add(constant([1, 2, 4])),
    ],
    ['alone', (g) => constant([1, 2, 4]).mul(g.p())],
    ['transposed', (g) => g.p(3, 2).mul(table([2, 3]).transpose())],
    ['a slice of columns', (g) => g.p(2, 2).mul(table([2, 3]).slice(1, 3, 1))],
    [
      'in a product',
      (g) =>
        g
          .p(4, 3)
          .matmul(table([3, 5]))
          .add(table([4, 6]).matmul(table([6, 5]))),
    ],
    ['the same twice', (g) => [table([3])].map((t) => g.p(3).mul(t).add(g.p(2, 3)).mul(t))[0]!],
    ['in a join', (g) => concat([table([2, 3]), g.p(1, 3), table([1, 3])])],
    ['in a stack', (g) => stack([table([3]), g.p(3).exp(), table([3])])],
    [
      'rows picked from it',
      (g) =>
        table([4, 3])
          .gather(g.fed([3, 0]))
          .mul(g.p(2, 3)),
    ],
    ['under a condition', (g) => makeValue('ifNonzero', [g.p(4), constant([1, 0, 0, 1])])],
    ['a result of it alone', (g) => table([5]).exp().cumsum().add(g.p(5))],
    [
      'with a zero',
      (g) =>
        g
          .p(3)
          .mul(constant([0, 1, -0]))
          .add(constant([0, 0, 0])),
    ],
  ],
  neg: unary((x) => x.neg()),
  exp: unary((x) => x.mul(0.5).exp()),
  log: unary((x) => x.log().mul(0.5), 'positive'),
  relu: unary((x) => x.relu()),
  pow: [-3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3, 4]
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
      ['of negative numbers to 4', (g) => g.of([-1.5, -0.5, 2]).pow(4)],
      ['of negative numbers to -2', (g) => g.of([-1.5, -0.5, 2]).pow(-2)],
      ['of negative numbers to -3', (g) => g.of([-1.5, -0.5, 2]).pow(-3)],
    ]),
  detach: unary((x) => x.mul(x.detach())),
  add: binary((a, b) => a.add(b)),
  sub: binary((a, b) => a.sub(b)),
  mul: binary((a, b) => a.mul(b)),
  div: binary((a, b) => a.div(b)),
  // The divisor is at least 0.5, of either sign, so that differences rarely cross a multiple of it.
  mod: binary((a, b) => a.mod(b.add(b.gt(0).sub(0.5)))),
  power: [
    ...binary((a, b) => a.abs().add(0.5).pow(b.tanh())),
    ['of a number to a value', (g) => constant(2).pow(g.p(3))],
    ['of negative numbers to whole ones', (g) => g.of([-1.5, -0.5, 2]).pow(constant(3))],
  ],
  maximum: binary((a, b) => a.maximum(b)),
  logGrad: binary((a, b) => makeValue('logGrad', [a, b.mul(b).add(0.5)])),
  maskPositive: binary((a, b) => makeValue('maskPositive', [a, b])),
  ifNonzero: binary((a, b) => makeValue('ifNonzero', [a, b.gt(0)]).add(0)),
  ifZero: binary((a, b) => makeValue('ifZero', [a, b.gt(0)]).add(0)),
  step: [['of a dropout that drops nothing', (g) => g.p(2, 3).dropout(0, 1)]],
  sign: unary((x) => x.sign().mul(x)),
  abs: unary((x) => x.abs()),
  sin: unary((x) => x.mul(3).sin()),
  cos: unary((x) => x.mul(3).cos()),
  tan: unary((x) => x.mul(0.4).tanh().tan()),
  floor: unary((x) => x.mul(3).floor().mul(0.1).add(x)),
  ceil: unary((x) => x.mul(3).ceil().mul(0.1).add(x)),
  round: unary((x) => x.mul(3).round().mul(0.1).add(x)),
  tanh: unary((x) => x.tanh()),
  sigmoid: unary((x) => x.sigmoid()),
  softplus: unary((x) => x.softplus()),
  expm1: unary((x) => x.mul(0.3).tanh().expm1()),
  log1p: unary((x) => x.log1p(), 'positive'),
  erf: unary((x) => x.erf()),
  ndtr: unary((x) => x.ndtr()),
  arcsin: unary((x) => x.mul(0.4).tanh().arcsin()),
  arctan: unary((x) => x.arctan()),
  arcsinh: unary((x) => x.arcsinh()),
  arctanh: unary((x) => x.mul(0.4).tanh().arctanh()),
  dropout: unary((x) => x.dropout(0, 7)),
  minimum: binary((a, b) => a.minimum(b)),
  gt: binary((a, b) => a.gt(b).mul(a)),
  ge: binary((a, b) => a.ge(b).mul(b)),
  eq: binary((a, b) => a.mul(b).add(a.eq(b))),
} satisfies Partial<Record<OpName, Row[]>>;
