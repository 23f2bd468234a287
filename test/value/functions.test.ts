/**
 * Functions made of operators: values against a plain evaluation of their definition in float64, gradients
 * against central differences, on every instruction set and in both data types; then edge cases, and random
 * shapes.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import * as functions from '../../lib/value/functions.js';
import { constant, type Value } from '../../lib/value/value.js';
import { concat, stack } from '../../lib/value/joins.js';
import { parameter } from '../../lib/value/leaves.js';
import { ShapeError } from '../../lib/core/shape.js';
import { assertClose, checkGraph, Leaves } from '../support/check.js';
import { pattern } from '../support/pattern.js';
import {
  along,
  at,
  by,
  checkRows,
  each,
  mean,
  moved,
  squares,
  sum,
  whole,
  within,
  type Row,
} from '../support/function-rows.js';

const { embedding, gelu, layerNorm, logSumExp, norm, silu, split, std, tensordot, variance, vstack, where } =
  functions;

const ROWS: Row[] = [
  ['sqrt', [5], (x) => x.mul(x).sqrt(), each(Math.abs)],
  ['clip', [2, 9], (x) => x.clip(-0.5, 0.7), each((x) => Math.min(Math.max(x, -0.5), 0.7))],
  [
    'clip to arrays',
    [3],
    (x, g) => [g.of([-1, -1, -1])].map((low) => x.clip(low, 1))[0]!,
    each((x) => Math.min(Math.max(x, -1), 1)),
  ],
  ['silu', [2, 7], (x) => silu(x), each((x) => x / (1 + Math.exp(-x)))],
  ['silu of a number', [], (x) => silu(x), each((x) => x / (1 + Math.exp(-x)))],
  [
    'gelu by tanh',
    [2, 7],
    (x) => gelu(x, 'tanh'),
    each((x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))),
  ],
  ['less', [6], (x) => x.lt(0.5).mul(x), each((x) => (x < 0.5 ? x : 0))],
  ['less or equal', [6], (x) => x.le(0.5).mul(x), each((x) => (x <= 0.5 ? x : 0))],
  ['not equal', [6], (x) => x.ne(0.5).mul(x), each((x) => x)],
  ['where', [2, 5], (x) => where(x.gt(0), x.mul(2), x.neg()), each((x) => (x > 0 ? 2 * x : -x))],
  [
    'where of numbers',
    [2, 5],
    (x) => where(x, x, 3).add(where(x.lt(0), 1, 2)),
    each((x) => x + (x < 0 ? 1 : 2)),
  ],
  [
    'where, broadcast',
    [3, 1],
    (x) => where(constant(1), x, stack([1, 2].map(constant))),
    moved([3, 2], ([i]) => [i!, 0]),
  ],
  ['where of a number', [], (x) => where(x.gt(0), x, x.neg()), each(Math.abs)],
  ['min over an axis', [3, 4], (x) => x.min(1), along(1, (list) => Math.min(...list))],
  [
    'min over all, kept',
    [3, 4],
    (x) => x.min(undefined, true).reshape([]),
    whole((list) => Math.min(...list)),
  ],
  [
    'max over two axes',
    [2, 3, 1],
    (x) => x.max([0, -1]),
    (x) => by([3], ([j]) => Math.max(at(x, [0, j!, 0]), at(x, [1, j!, 0]))),
  ],
  ['the sum, kept', [3, 4], (x) => x.sum(0, true), (x) => ({ ...along(0, sum)(x), shape: [1, 4] })],
  ['the mean, kept', [3, 4], (x) => x.mean(-1, true), (x) => ({ ...along(1, mean)(x), shape: [3, 1] })],
  ['the sum over no axes', [3], (x) => x.sum([]), each((x) => x)],
  ['variance', [3, 4], (x) => variance(x), whole((list) => squares(list) / 12)],
  ['variance over an axis', [3, 4], (x) => variance(x, 0), along(0, (list) => squares(list) / 3)],
  ['variance of a sample', [3, 4], (x) => variance(x, 1, { ddof: 1 }), along(1, (list) => squares(list) / 3)],
  [
    'variance, kept',
    [3, 4],
    (x) => variance(x, 1, { keepDims: true }),
    (x) => ({ ...along(1, (list) => squares(list) / 4)(x), shape: [3, 1] }),
  ],
  ['norm', [3, 4], (x) => norm(x), whole((list) => Math.hypot(...list))],
  ['norm over an axis', [3, 4], (x) => norm(x, 0), along(0, (list) => Math.hypot(...list))],
  ['std', [3, 4], (x) => std(x, 1), along(1, (list) => Math.sqrt(squares(list) / 4))],
  [
    'layerNorm',
    [3, 5],
    (x) => layerNorm(x),
    within(1, (list, i) => (list[i]! - mean(list)) / Math.sqrt(squares(list) / 5 + 1e-5)),
  ],
  [
    'layerNorm with another epsilon',
    [2, 3, 4],
    (x) => layerNorm(x, { eps: 0.5 }),
    within(2, (list, i) => (list[i]! - mean(list)) / Math.sqrt(squares(list) / 4 + 0.5)),
  ],
  ['logSumExp', [7], (x) => logSumExp(x), whole((list) => Math.log(sum(list.map(Math.exp))))],
  ['logSumExp of a number', [], (x) => logSumExp(x), each((x) => x)],
  [
    'logSumExp over an axis',
    [3, 4],
    (x) => logSumExp(x, 0),
    along(0, (list) => Math.log(sum(list.map(Math.exp)))),
  ],
  [
    'logSumExp, kept',
    [3, 4],
    (x) => logSumExp(x, -1, true),
    (x) => ({ ...along(1, (list) => Math.log(sum(list.map(Math.exp))))(x), shape: [3, 1] }),
  ],
  [
    'logSumExp of ties',
    [1],
    (x) => logSumExp(concat([x, x])),
    (x) => ({ shape: [], data: [x.data[0]! + Math.LN2] }),
  ],
  [
    'reshape to what is left',
    [2, 3, 4],
    (x) => x.reshape([4, -1]),
    (x) => ({ shape: [4, 6], data: Array.from(x.data) }),
  ],
  ['expandDims', [2, 3], (x) => x.expandDims(1), moved([2, 1, 3], ([i, , j]) => [i!, j!])],
  ['expandDims behind', [2, 3], (x) => x.expandDims(-1), moved([2, 3, 1], ([i, j]) => [i!, j!])],
  ['squeeze', [1, 3, 1], (x) => x.squeeze(), moved([3], ([i]) => [0, i!, 0])],
  ['squeeze of an axis', [1, 3, 1], (x) => x.squeeze(-1), moved([1, 3], ([, i]) => [0, i!, 0])],
  ['broadcastTo', [3, 1], (x) => x.broadcastTo([2, 3, 4]), moved([2, 3, 4], ([, i]) => [i!, 0])],
  ['stack along the second axis', [3], (x) => stack([x, x.mul(1)], 1), moved([3, 2], ([i]) => [i!])],
  [
    'stack along the last axis',
    [2, 3],
    (x) => stack([x, x.exp().log()], -1),
    moved([2, 3, 2], ([i, j]) => [i!, j!]),
  ],
  ['vstack of vectors', [3], (x) => vstack([x, x.exp().log()]), moved([2, 3], ([, i]) => [i!])],
  [
    'vstack of a matrix and a vector',
    [2, 3],
    (x) => vstack([x, x.at(0)]),
    moved([3, 3], ([i, j]) => [i! % 2, j!]),
  ],
  [
    'split into equal parts',
    [4, 3],
    (x) => concat(split(x, 2).reverse()),
    moved([4, 3], ([i, j]) => [(i! + 2) % 4, j!]),
  ],
  [
    'split into lengths',
    [2, 5],
    (x) => concat(split(x, [2, 0, 3], -1).reverse(), 1),
    moved([2, 5], ([i, j]) => [i!, (j! + 2) % 5]),
  ],
  [
    'embedding',
    [4, 3],
    (x, g) => embedding(x, g.fed([3, 3, 0])),
    moved([3, 3], ([i, j]) => [[3, 3, 0][i!]!, j!]),
  ],
  [
    'gather along the second axis',
    [2, 4],
    (x, g) => x.gather(g.fed([3, 3, 0]), 1),
    moved([2, 3], ([i, j]) => [i!, [3, 3, 0][j!]!]),
  ],
  [
    'gather of one entry of the last axis',
    [2, 3, 4],
    (x, g) => x.gather(g.fed(2), -1),
    moved([2, 3], ([i, j]) => [i!, j!, 2]),
  ],
  [
    'gather along the middle',
    [2, 3, 4],
    (x, g) => x.gather(g.fed([2, 0]), 1),
    moved([2, 2, 4], ([i, j, k]) => [i!, [2, 0][j!]!, k!]),
  ],
  [
    'argmax, two axes of indices',
    [2, 3, 2],
    (x) => stack([0.5, 2].map(constant)).gather(x.argmax()).mul(x.sum(2).mul(0).add(1)),
    along(2, (list) => [0.5, 2][list.indexOf(Math.max(...list))]!),
  ],
  [
    'cumsum along the last axis',
    [2, 4],
    (x) => x.cumsum(-1),
    within(1, (list, i) => sum(list.slice(0, i + 1))),
  ],
];

describe('functions', () => {
  checkRows(ROWS);

  it('gelu, at numbers from a table of the normal distribution', () => {
    const y = gelu(parameter([-3, -1, 0, 0.5, 2]));
    const normal = [0.0013498980316301, 0.158655253931457, 0.5, 0.691462461274013, 0.977249868051821];
    assertClose(
      y.forward(),
      [-3, -1, 0, 0.5, 2].map((x, i) => x * normal[i]!),
      1e-14,
      'gelu',
    );
    checkGraph((g) => gelu(g.p(2, 5)));
  });
});

/** Left, right, how many axes: the sum over k of a[..., k2, k1] b[k1, k2, ...]. */
const TENSORDOTS: [number[], number[], number][] = [
  [[3], [3], 1],
  [[2, 3], [3, 4], 1],
  [[2, 3], [3], 1],
  [[2, 3, 4], [4, 3, 5], 2],
  [[2, 3, 4], [4, 3, 2], 3],
  [[5, 2, 1], [1, 2, 2, 3], 2],
  [[2, 3], [2], 0],
  [[], [2, 2], 0],
  [[2, 0], [0, 3], 1],
];

describe('tensordot', () => {
  for (const [left, right, axes] of TENSORDOTS) {
    it(`of [${left.join(', ')}] and [${right.join(', ')}] over ${axes}: from the inside outwards`, () => {
      checkGraph((g) => tensordot(g.p(...left), g.p(...right), axes));
      const g = new Leaves();
      const [a, b] = [g.p(...left), g.p(...right)];
      const paired = right.slice(0, axes);
      const free = left.slice(0, left.length - axes);
      const expected = by([...free, ...right.slice(axes)], (index) =>
        sum(
          by(
            paired,
            (k) =>
              at(a, [...index.slice(0, free.length), ...[...k].reverse()]) *
              at(b, [...k, ...index.slice(free.length)]),
          ).data,
        ),
      );
      const y = tensordot(a, b, axes);
      assert.deepEqual(y.shape, expected.shape);
      assertClose(y.forward(), expected.data, 1e-12, 'the value');
    });
  }
});

/** Calls that are refused, and the words of the error. */
const REFUSED: [title: string, f: (x: Value) => unknown, error: RegExp][] = [
  ...[NaN, Infinity, -Infinity].flatMap((bad): typeof REFUSED => [
    [
      `variance, ddof ${bad}`,
      (x) => variance(x, 0, { ddof: bad }),
      new RegExp(`^variance of .*: ddof ${bad}: expected a finite number$`),
    ],
    [
      `std, ddof ${bad}`,
      (x) => std(x, 0, { ddof: bad }),
      new RegExp(`^std of .*: ddof ${bad}: expected a finite number$`),
    ],
    [
      `layerNorm, eps ${bad}`,
      (x) => layerNorm(x, { eps: bad }),
      new RegExp(`^layerNorm of .*: eps ${bad}: expected a finite number from 0$`),
    ],
    [
      `rmsNorm, eps ${bad}`,
      (x) => x.rmsNorm({ eps: bad }),
      new RegExp(`^rmsNorm of .*: eps ${bad}: expected a finite number from 0$`),
    ],
  ]),
  [
    'layerNorm, an axis in place of eps',
    (x) => layerNorm(x, -1 as never),
    /^layerNorm of #\d+ .*: options -1: expected an object { eps }$/,
  ],
  [
    'rmsNorm, an axis in place of eps',
    (x) => x.rmsNorm(-1 as never),
    /^rmsNorm of .*: options -1: expected an object { eps }$/,
  ],
  [
    'layerNorm of a single number',
    (x) => layerNorm(x.sum()),
    pattern(/^layerNorm of #\d+ \(sum, shape \[\]\): /, /a single number has no axis: give at least one$/),
  ],
  [
    'logSoftmax of a single number',
    (x) => x.sum().logSoftmax(),
    /^logSoftmax of .*: a single number has no axis: give at least one$/,
  ],
  [
    'argmax of a single number',
    (x) => x.sum().argmax(),
    /^argmax of .*: a single number has no axis: give at least one$/,
  ],
  [
    'cumsum of a single number',
    (x) => x.sum().cumsum(),
    /^cumsum of .*: a single number has no axis: give at least one$/,
  ],
  ['max of nothing', (x) => x.slice(0, 0).max(), /max of .*empty along the axes/],
  ['argmax of nothing', (x) => x.slice(0, 0, 1).argmax(), /argmax of .*is empty/],
  ['argmax of an axis that is not there', (x) => x.argmax(2), /axis 2 does not exist/],
  ['cumsum along an axis that is not there', (x) => x.cumsum(2), /axis 2 does not exist/],
  ['a sum over an axis that is not there', (x) => x.sum([0, -3]), /axis -3 does not exist/],
  ['two unknown lengths', (x) => x.reshape([-1, -1]), /reshape of .*only one length may be -1$/],
  [
    'an unknown length that is not whole',
    (x) => x.reshape([4, -1]),
    /reshape of .*: to \[4, -1\]: 6 numbers do not divide by 4$/,
  ],
  ['expandDims too far', (x) => x.expandDims(3), /expandDims of .*axis 3: expected an integer from -3 to 2/],
  ['squeeze of a long axis', (x) => x.squeeze(0), /squeeze of .*axis 0 has length 2, not 1/],
  ['squeeze of no axis', (x) => x.squeeze(5), /squeeze of .*axis 5 does not exist/],
  ['broadcastTo what does not fit', (x) => x.broadcastTo([2, 4]), /do not broadcast/],
  ['tensordot of axes that differ', (x) => tensordot(x, x), /tensordot of .*must equal/],
  ['tensordot over too many axes', (x) => tensordot(x, x, 3), /: axes 3: expected an integer from 0 to /],
  ['split into parts that are not whole', (x) => split(x, 2, 1), /split of #\d+ .* along axis 1 into 2/],
  [
    'split into lengths that do not add up',
    (x) => split(x, [1, 3], 1),
    /expected whole lengths that add up to 3/,
  ],
  ['comparisons of shapes that differ', (x) => x.gt(x.transpose()), /gt of .*do not broadcast/],
  ['stack along an axis too far', (x) => stack([x], 3), /each axis once|does not exist/],
];

describe('functions refuse', () => {
  for (const [title, f, error] of REFUSED) {
    it(title, () => {
      const x = parameter([1, 2, 3, 4, 5, 6], { shape: [2, 3] });
      assert.throws(
        () => f(x),
        (thrown) =>
          [ShapeError, RangeError, TypeError].some((kind) => thrown instanceof kind) &&
          error.test((thrown as Error).message),
      );
    });
  }
});

/** Shapes with axes of any length, 0 and 1 among them. */
const length = fc.constantFrom(0, 1, 1, 2, 3, 4);
const shapes = fc.array(length, { minLength: 1, maxLength: 3 });
/** A shape that broadcasts against another: with 1 for some lengths, and without some leading axes. */
const thinned = (shape: number[], bits: number, gone: number): number[] =>
  shape.map((n, i) => ((bits >> i) & 1 ? 1 : n)).slice(gone % (shape.length + 1));
const check = <A extends [unknown, ...unknown[]]>(property: fc.IPropertyWithHooks<A>): void =>
  fc.assert(property, { numRuns: process.env['VECGRAD_LONG'] === '1' ? 40 : 20, seed: 1 });

describe('shapes at random', () => {
  it('broadcast', () => {
    check(
      fc.property(shapes, fc.nat(7), fc.nat(7), fc.nat(3), (shape, p, q, gone) => {
        checkGraph((g) => {
          const [a, b] = [g.p(...thinned(shape, p, 0)), g.p(...thinned(shape, q, gone))];
          return where(b.lt(0), a, a.minimum(b).add(a.gt(b))).mul(b);
        });
      }),
    );
  });
  it('reduce', () => {
    check(
      fc.property(shapes, fc.nat(7), fc.boolean(), (shape, bits, keepDims) => {
        const axes = shape.flatMap((_, i) => ((bits >> i) & 1 ? [i - shape.length] : []));
        checkGraph((g) => g.p(...shape).sum(axes, keepDims));
        checkGraph((g) => logSumExp(g.p(...shape), axes, keepDims), { differentiable: !shape.includes(0) });
        const isEmpty = axes.some((axis) => shape.at(axis) === 0);
        if (!isEmpty)
          checkGraph((g) =>
            g
              .p(...shape)
              .exp()
              .max(axes, keepDims),
          );
      }),
    );
  });
  it('accumulate and normalise', () => {
    check(
      fc.property(shapes, fc.nat(2), (shape, n) => {
        const axis = n % shape.length;
        checkGraph((g) => [g.p(...shape)].map((x) => x.cumsum(axis).mul(x.softmax(axis)))[0]!);
      }),
    );
  });
  it('join and split', () => {
    check(
      fc.property(shapes, fc.nat(2), fc.array(length, { minLength: 1, maxLength: 3 }), (shape, n, parts) => {
        const axis = n % shape.length;
        const part = (m: number): number[] => shape.map((k, i) => (i === axis ? m : k));
        checkGraph((g) => {
          const joined = concat(
            parts.map((m) => g.p(...part(m)).exp()),
            axis,
          );
          return concat(split(joined, parts, axis).reverse(), axis - shape.length);
        });
      }),
    );
  });
  it('slice', () => {
    check(
      fc.property(shapes, fc.nat(2), fc.nat(4), fc.nat(4), (shape, n, p, q) => {
        const axis = n % shape.length;
        const [start, stop] = [p, q].map((x) => x % (shape[axis]! + 1)).sort((a, b) => a - b) as [
          number,
          number,
        ];
        checkGraph((g) => {
          const x = g.p(...shape);
          return x.slice(start, stop, axis).mul(x.exp().slice(start, stop, axis - shape.length));
        });
      }),
    );
  });
});
