/** Products over axes, running sums and products: by their definitions, with second derivatives, and at 0. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compile } from '../../lib/value/compile.js';
import { parameter } from '../../lib/value/leaves.js';
import { cumprod, cumsum, prod } from '../../lib/value/scans.js';
import type { Value } from '../../lib/value/value.js';
import { assertClose, checkGraph, Leaves } from '../support/check.js';
import { along, checkRows, sum, whole, within, type Row } from '../support/function-rows.js';
import { TARGETS } from '../support/targets.js';

const product = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);

const ROWS: Row[] = [
  ['prod of all', [3, 4], (x) => prod(x), whole(product)],
  ['prod of an odd number', [7], (x) => prod(x), whole(product)],
  ['prod of a number', [], (x) => prod(x), whole(product)],
  ['prod of one', [1], (x) => prod(x, 0), along(0, product)],
  ['prod over the first axis', [5, 3], (x) => prod(x, 0), along(0, product)],
  ['prod over the last axis', [3, 6], (x) => prod(x, -1), along(1, product)],
  ['prod over the middle', [2, 5, 3], (x) => prod(x, 1), along(1, product)],
  ['prod, kept', [3, 4], (x) => prod(x, 1, true), (x) => ({ ...along(1, product)(x), shape: [3, 1] })],
  ['prod of all, kept', [2, 3], (x) => prod(x, undefined, true).reshape([]), whole(product)],
  ['prod over two axes', [2, 3, 2], (x) => prod(x, [2, 0]).prod(), whole(product)],
  ['prod over no axes', [3], (x) => prod(x, []), (x) => ({ shape: [3], data: [...x.data] })],
  ['prod of a transposed array', [3, 5], (x) => prod(x.transpose(), 1), along(0, product)],
  ['cumprod', [7], (x) => cumprod(x), within(0, (list, i) => product(list.slice(0, i + 1)))],
  ['cumprod of one', [1], (x) => cumprod(x), within(0, (list) => list[0]!)],
  ['cumprod of columns', [4, 3], (x) => cumprod(x), within(0, (list, i) => product(list.slice(0, i + 1)))],
  ['cumprod of rows', [2, 6], (x) => cumprod(x, -1), within(1, (list, i) => product(list.slice(0, i + 1)))],
  [
    'cumprod along the middle',
    [2, 5, 3],
    (x) => cumprod(x, 1),
    within(1, (list, i) => product(list.slice(0, i + 1))),
  ],
  [
    'cumsum without itself',
    [5],
    (x) => cumsum(x, 0, { exclusive: true }),
    within(0, (l, i) => sum(l.slice(0, i))),
  ],
  [
    'cumsum from the end',
    [2, 5],
    (x) => cumsum(x, 1, { reverse: true }),
    within(1, (l, i) => sum(l.slice(i))),
  ],
  [
    'cumsum from the end without itself',
    [4, 2],
    (x) => cumsum(x, 0, { exclusive: true, reverse: true }),
    within(0, (list, i) => sum(list.slice(i + 1))),
  ],
  [
    'cumsum of one without itself',
    [1],
    (x) => cumsum(x, 0, { exclusive: true }).add(x),
    within(0, (l) => l[0]!),
  ],
];

describe('products and running sums', () => {
  checkRows(ROWS, { again: true });
});

/** Where factors are 0, the gradient of the sum of the result; the product of the others, as in PyTorch. */
const ZEROS: [title: string, f: (x: Value) => Value, at: number[], value: number[], gradient: number[]][] = [
  ['prod, one factor 0', (x) => prod(x), [2, 0, 3], [0], [0, 6, 0]],
  ['prod, two factors 0', (x) => prod(x), [0, 5, 0], [0], [0, 0, 0]],
  ['prod of 0', (x) => prod(x), [0], [0], [1]],
  ['prod of nothing', (x) => prod(x), [], [1], []],
  ['prod of no rows', (x) => prod(x.reshape([0, 3]), 0), [], [1, 1, 1], []],
  ['prod of rows of nothing', (x) => prod(x.reshape([2, 0]), 1), [], [1, 1], []],
  ['prod of nothing in no rows', (x) => prod(x.reshape([0, 3]), 1), [], [], []],
  ['prod with NaN', (x) => prod(x), [NaN, 2], [NaN], [2, NaN]],
  ['prod of 0 and Infinity', (x) => prod(x), [0, Infinity], [NaN], [Infinity, 0]],
  ['prod of rows, one with a 0', (x) => prod(x.reshape([2, 2]), 1), [0, 3, 4, 5], [0, 20], [3, 0, 5, 4]],
  ['cumprod, one factor 0', (x) => cumprod(x), [2, 0, 3, 4], [2, 0, 0, 0], [1, 2 + 6 + 24, 0, 0]],
  ['cumprod, two factors 0', (x) => cumprod(x), [0, 3, 0, 5], [0, 0, 0, 0], [4, 0, 0, 0]],
  ['cumprod with NaN', (x) => cumprod(x), [2, NaN, 3], [2, NaN, NaN], [NaN, 8, NaN]],
  ['cumprod of nothing', (x) => cumprod(x), [], [], []],
  ['cumsum of nothing, without itself', (x) => cumsum(x, 0, { exclusive: true }), [], [], []],
  [
    'cumsum of Infinity, without itself',
    (x) => cumsum(x, 0, { exclusive: true }),
    [Infinity, 1],
    [0, Infinity],
    [1, 0],
  ],
];

describe('products and running sums at zeros', () => {
  for (const [title, f, numbers, value, gradient] of ZEROS) {
    it(title, () => {
      for (const target of TARGETS) {
        const x = new Leaves().of(numbers);
        const program = compile(f(x), target);
        const where = `on ${target.isa} in ${target.dtype}`;
        assertClose(program.forward({}), value, 1e-6, `the value ${where}`);
        program.backward();
        assertClose(program.readGradient(x), [...gradient], 1e-6, `the gradient ${where}`);
      }
    });
  }
});

describe('a product of many numbers', () => {
  for (const [what, f] of [
    ['prod', (x: Value) => prod(x)],
    ['cumprod', (x: Value) => cumprod(x)],
  ] as const) {
    it(`${what} is a few nodes for each time that the number doubles`, () => {
      const nodes = [10, 20].map((bits) => {
        const x = parameter(new Float64Array(2 ** bits - 1).fill(1));
        return compile(f(x)).counts.forwardNodes;
      });
      assert.ok(nodes[1]! < 2.2 * nodes[0]! && nodes[1]! < 200, nodes.join());
    });
  }
});

/** Numbers whose sums are exact, here and there infinite. */
const mixed = (n: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => (i % 97 === 5 ? Infinity : ((i * 7919) % 64) / 8 - 3));

/** How an array comes to the running sums: in which order its numbers lie in memory. */
const LAYOUTS: readonly [string, (x: Value) => Value][] = [
  ['as it lies', (x) => x],
  ['of a transposed array', (x) => x.transpose()],
  ['of a part', (x) => x.slice(1, undefined, 0).slice(0, -1, 1)],
  ['of every second number', (x) => x.slice(0, undefined, 1, { step: 2 })],
  ['of one row for all', (x) => x.slice(0, 1).broadcastTo(x.shape)],
  ['of one number for all', (x) => x.slice(1, 2).slice(1, 2, 1).broadcastTo(x.shape)],
];

describe('running sums of many rows', () => {
  for (const [what, arrange] of LAYOUTS)
    it(`${what} are the sums of each`, () => {
      for (const target of TARGETS)
        for (const shape of [
          [2, 5],
          [7, 64],
          [8, 65],
          [19, 131],
          [33, 16],
        ])
          for (const [axis, reverse] of [
            [0, false],
            [1, false],
            [0, true],
            [1, true],
          ] as const) {
            const x = parameter(mixed(shape[0]! * shape[1]!), { shape });
            const given = arrange(x);
            const numbers = compile(given, target).forward({});
            const [rows, cols] = given.shape as [number, number];
            const [n, others] = axis === 0 ? [rows, cols] : [cols, rows];
            const at = (line: number, i: number): number => (axis === 0 ? i * cols + line : line * cols + i);
            const wanted = new Float64Array(rows * cols);
            for (let line = 0; line < others; line++)
              for (let i = 0, total = 0; i < n; i++) {
                const place = at(line, reverse ? n - 1 - i : i);
                wanted[place] = total += numbers[place]!;
              }
            const found = compile(cumsum(given, axis, { reverse }), target).forward({});
            const where = `${given.label}, axis ${axis}, reverse ${reverse}, ${target.isa} ${target.dtype}`;
            assert.deepEqual([...found], [...wanted], where);
          }
    });
});

describe('products at random', () => {
  it('over axes and along them', () => {
    const length = fc.constantFrom(0, 1, 1, 2, 3, 4);
    const shapes = fc.array(length, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(shapes, fc.nat(7), fc.boolean(), (shape, bits, keepDims) => {
        const axes = shape.flatMap((_, i) => ((bits >> i) & 1 ? [i - shape.length] : []));
        checkGraph((g) => prod(g.p(...shape), axes, keepDims));
        checkGraph((g) => {
          const x = g.p(...shape);
          const options = { exclusive: keepDims, reverse: bits > 3 };
          return cumprod(x, bits % shape.length).mul(cumsum(x, bits % shape.length, options));
        });
      }),
      { numRuns: process.env['VECGRAD_LONG'] === '1' ? 40 : 20, seed: 1 },
    );
  });
});
