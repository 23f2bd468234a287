/** Special numbers in rows: which results are NaN or infinite, and that nothing else changes. */
import assert from 'node:assert/strict';
import { embedding } from '../../lib/value/functions.js';
import { grad } from '../../lib/value/grad.js';
import type { Index } from '../../lib/value/indices.js';
import type { Value } from '../../lib/value/value.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import type { Node } from '../../lib/graph/node.js';
import { kernels } from '../../lib/runtime/kernels.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { compile } from '../../lib/value/compile.js';
import { Random } from '../../lib/runtime/random.js';
import { evaluate } from '../support/reference.js';
import { TYPES, forEachTarget, compareKinds, ALL, OF_ROWS } from '../support/special-numbers.js';

/** Every width: less than a vector, whole vectors, and remainders. */
const LENGTHS = [1, 2, 3, 5, 8, 9, 17, 33, 67];

describe('NaN and infinities in one row reach what IEEE 754 says, and no other', () => {
  for (const [name, { f, plain, gradientAt }] of Object.entries(OF_ROWS)) {
    describe(name, () => {
      forEachTarget((target) => {
        for (const rows of [1, 3]) {
          for (const cols of LENGTHS) {
            const x = parameter(new Array(rows * cols).fill(0), { shape: [rows, cols] });
            const targets = index('targets', rows);
            const y = f(x, targets);
            const w = input('w', y.shape);
            const loss = y.mul(w).sum();
            const slope = grad(loss, [x])[0]!;
            const forward = compile(y, target);
            const backward = compile(loss, target);
            const size = y.shape.reduce((a, b) => a * b, 1);
            const places = Array.from({ length: rows }, (_, i) => (i + 1) % cols);
            const feeds: Feeds = plain ? { targets: places } : {};
            const weights = Array.from({ length: size }, (_, i) => 0.5 + (i % 3));
            const numbers = (at: number, special: number, other = at): number[] =>
              Array.from({ length: rows * cols }, (_, i) =>
                i === at || i === other ? special : ((i * 7) % 5) / 4 - 0.3,
              );
            const spots = [...new Set([0, cols >> 1, cols - 1, (rows >> 1) * cols, rows * cols - 1])];
            for (const at of spots) {
              for (const special of ALL) {
                // The second of two infinities changes most results.
                for (const other of [at, Math.floor(at / cols) * cols + ((at + 1) % cols)]) {
                  const what = `${rows} x ${cols}, ${special} in ${at} and ${other}`;
                  const data = numbers(at, special, other);
                  const known = new Map<Node, { shape: readonly number[]; data: number[] }>([
                    [x, { shape: [rows, cols], data }],
                  ]);
                  const wanted = plain
                    ? Array.from({ length: rows }, (_, r) =>
                        plain(data.slice(r * cols, (r + 1) * cols), places[r]!),
                      )
                    : evaluate(y, feeds, known).get(y)!.data;
                  x.data.set(data);
                  compareKinds(forward.forward(feeds), wanted, `${name} of ${what}`);
                  if (other !== at || !gradientAt.includes(special)) continue;
                  const fed = { ...feeds, w: weights };
                  backward.forward(fed);
                  backward.backward();
                  compareKinds(
                    backward.readGradient(x),
                    evaluate(slope, fed, known).get(slope)!.data,
                    `the gradient of ${name} of ${what}`,
                  );
                }
              }
            }
            // In the backward pass: a NaN gradient.
            const data = numbers(-1, 0);
            x.data.set(data);
            const known = new Map([[x, { shape: [rows, cols], data }]]);
            for (const at of new Set([0, size >> 1, size - 1])) {
              for (const special of ALL) {
                const fed = { ...feeds, w: weights.map((weight, i) => (i === at ? special : weight)) };
                backward.forward(fed);
                backward.backward();
                compareKinds(
                  backward.readGradient(x),
                  evaluate(slope, fed, known).get(slope)!.data,
                  `the gradient of ${name}, ${rows} x ${cols}, ${special} in ${at} of what reaches it`,
                );
              }
            }
          }
        }
      });
    });
  }
});

/** Larger first, NaN last, equal ones by place. */
function orderOf(xs: ArrayLike<number>): number[] {
  const rank = (x: number): number => (Number.isNaN(x) ? 1 : 0);
  return Array.from(xs, (_, i) => i).sort(
    (i, j) => rank(xs[i]!) - rank(xs[j]!) || (xs[i]! > xs[j]! ? -1 : xs[i]! < xs[j]! ? 1 : i - j),
  );
}

describe('the largest k are in order, NaN last, equal ones by place', () => {
  const mixes: readonly (readonly number[])[] = [
    [NaN],
    [0, -0],
    [Infinity],
    [-Infinity],
    [NaN, 1],
    [NaN, -Infinity],
    [NaN, Infinity, -Infinity, 0, -0],
    [-Infinity, 5e-324, -5e-324],
    [1, 2, 2, -1, Infinity, Infinity],
  ];
  forEachTarget(({ isa, dtype }) => {
    for (const n of [1, 2, 7, 16, 33, 64, 127, 128, 129, 500]) {
      for (const mix of mixes) {
        // All of them these, and few of many.
        for (const every of [1, 13]) {
          const random = new Random(n);
          const xs = TYPES[dtype].from(
            Array.from({ length: n }, (_, i) =>
              i % every === 0 ? mix[random.randbelow(mix.length)]! : random.gauss(0, 1),
            ),
          );
          const order = orderOf(xs);
          for (const k of new Set([1, 2, n >> 2, n >> 1, n - 1, n])) {
            if (k < 1 || k > n) continue;
            const what = `${k} of ${n}, ${String(mix)} in one of ${every}`;
            assert.deepEqual([...kernels.topk(xs, k, { isa })], order.slice(0, k), what);
            if (every > 1 || n > 128) continue;
            const x = input('x', [n]);
            const found = compile(x.gather(x.topk(k)), { isa, dtype }).forward({ x: xs });
            // A program treats denormals as zeros.
            const flushes = mix.includes(5e-324);
            if (!flushes)
              assert.deepEqual(
                [...found],
                order.slice(0, k).map((i) => xs[i]),
                what,
              );
          }
        }
      }
    }
  });
});

describe('rows that are not picked change nothing, whatever they hold', () => {
  const [rows, at] = [9, [3, 0, 3, 8]];
  const tables: readonly [name: string, build: (table: Value, picked: Index, x: Value) => Value][] = [
    ['gather', (table, picked) => table.gather(picked)],
    ['embedding', (table, picked) => embedding(table, picked)],
    [
      'rows by numbers at the same places',
      (table, picked, x) => x.gather(picked).matmul(table.gather(picked)),
    ],
    ['the largest, by their rows', (table, _, x) => x.gather(x.topk(4)).matmul(table.gather(x.topk(4)))],
  ];
  for (const [name, build] of tables) {
    describe(name, () => {
      forEachTarget((target) => {
        for (const cols of LENGTHS) {
          const table = parameter(new Array(rows * cols).fill(0), { shape: [rows, cols] });
          const x = parameter(
            Array.from({ length: rows }, (_, i) => (i === 3 ? 4 : at.includes(i) || i === 5 ? 3 : -i)),
          );
          // Four of x are the largest: 3, 0, 5, 8.
          const picked = new Set(name.includes('largest') ? [0, 3, 5, 8] : at);
          const y = build(table, index('picked', at.length), x);
          const loss = y.mul(input('w', y.shape)).sum();
          const leaves = name.includes(' by ') || name.includes('largest') ? [table, x] : [table];
          const fed: Feeds = name.includes('largest') ? {} : { picked: at };
          const slopes = grad(loss, leaves);
          const size = y.shape.reduce((a, b) => a * b, 1);
          const programs = [compile(y, target), compile(loss, target)] as const;
          for (const special of ALL) {
            for (const row of [0, 1, 3, 7, 8]) {
              const data = Array.from({ length: rows * cols }, (_, i) =>
                i === row * cols + (cols >> 1) ? special : (i % 5) - 1.5,
              );
              const feeds: Feeds = fed;
              const withW = { ...fed, w: Array.from({ length: size }, (_, i) => 1 + (i % 2)) };
              const known = new Map<Node, { shape: readonly number[]; data: readonly number[] }>([
                [table, { shape: table.shape, data }],
                [x, { shape: x.shape, data: [...x.data] }],
              ]);
              table.data.set(data);
              const what = `${name} of ${rows} x ${cols}, ${special} in row ${row}`;
              const found = programs[0].forward(feeds);
              compareKinds(found, evaluate(y, feeds, known).get(y)!.data, what);
              if (!picked.has(row)) assert.ok(found.every(Number.isFinite), what);
              programs[1].forward(withW);
              programs[1].backward();
              leaves.forEach((value, i) =>
                compareKinds(
                  programs[1].readGradient(value),
                  evaluate(slopes[i]!, withW, known).get(slopes[i]!)!.data,
                  `the gradient of ${what}`,
                ),
              );
            }
            // In the backward pass: it reaches the rows that were picked.
            const data = Array.from({ length: rows * cols }, (_, i) => (i % 5) - 1.5);
            table.data.set(data);
            const known = new Map<Node, { shape: readonly number[]; data: readonly number[] }>([
              [table, { shape: table.shape, data }],
              [x, { shape: x.shape, data: [...x.data] }],
            ]);
            const feeds = {
              ...fed,
              w: Array.from({ length: size }, (_, i) => (i === size >> 1 ? special : 1)),
            };
            programs[1].forward(feeds);
            programs[1].backward();
            leaves.forEach((value, i) =>
              compareKinds(
                programs[1].readGradient(value),
                evaluate(slopes[i]!, feeds, known).get(slopes[i]!)!.data,
                `the gradient of ${name}, ${cols} columns, ${special} behind it`,
              ),
            );
          }
        }
      });
    });
  }
});
