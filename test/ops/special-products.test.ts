/** Special numbers in products of every size and form: the row or column that they reach, and no other. */
import assert from 'node:assert/strict';
import type { Value } from '../../lib/value/value.js';
import { input, parameter } from '../../lib/value/leaves.js';
import type { TypedArray } from '../../lib/core/array.js';
import { kernels } from '../../lib/runtime/kernels.js';
import { compile } from '../../lib/value/compile.js';
import { TYPES, forEachTarget, kind, ALL } from '../support/special-numbers.js';

/** A matrix, or its transpose, by its places. */
type Matrix = (row: number, col: number) => number;

/**
 * Checks a product: rows and columns that contain a special number against plain TypeScript, and all others
 * bit for bit against the product without that number.
 */
function checkProduct(
  found: ArrayLike<number>,
  clean: ArrayLike<number>,
  a: Matrix,
  b: Matrix,
  [m, n, k]: readonly [number, number, number],
  reached: { rows: readonly number[]; cols: readonly number[] },
  what: string,
): void {
  const [rows, cols] = [new Set(reached.rows), new Set(reached.cols)];
  const wrong: string[] = [];
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      const y = found[i * n + j]!;
      if (!rows.has(i) && !cols.has(j)) {
        if (!Object.is(y, clean[i * n + j]))
          wrong.push(`[${i}, ${j}] is ${y}, without it ${clean[i * n + j]!}`);
        continue;
      }
      let dot = 0;
      for (let p = 0; p < k; p++) dot += a(i, p) * b(p, j);
      if (kind(y) !== kind(dot)) wrong.push(`[${i}, ${j}] is ${y}, not ${dot}`);
    }
  }
  assert.deepEqual(wrong.slice(0, 5), [], what);
}

describe('NaN and infinities in a product reach their row or column, and no other', () => {
  // The last go to OpenBLAS: of float64, and of both types.
  const sizes: readonly (readonly [m: number, n: number, k: number])[] = [
    [1, 1, 1],
    [1, 17, 9],
    [17, 1, 9],
    [1, 67, 1],
    [2, 33, 5],
    [5, 3, 1],
    [8, 8, 8],
    [13, 37, 19],
    [33, 65, 17],
    [130, 129, 131],
    [321, 330, 322],
  ];
  const forms = [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ] as const;
  for (const [ta, tb] of forms) {
    describe(`of ${ta ? 'a transposed' : 'a'} and ${tb ? 'b transposed' : 'b'}`, () => {
      forEachTarget(function (target) {
        for (const size of sizes) {
          const [m, n, k] = size;
          // One layout of the largest is enough where OpenBLAS is not called.
          if (m > 300 && (ta !== tb || target.isa === 'scalar')) continue;
          const matrix = (rows: number, cols: number, turned: boolean): Value =>
            parameter(
              Array.from({ length: rows * cols }, (_, i) => (i % 5) - 2),
              { shape: turned ? [cols, rows] : [rows, cols] },
            );
          const [a, b] = [matrix(m, k, ta), matrix(k, n, tb)];
          const y = (ta ? a.transpose() : a).matmul(tb ? b.transpose() : b);
          const loss = y.mul(input('w', [m, n])).sum();
          const product = compile(y, target);
          const slopes = compile(loss, target);
          const at = (values: ArrayLike<number>, rows: number, cols: number, turned: boolean): Matrix =>
            turned ? (i, j) => values[j * rows + i]! : (i, j) => values[i * cols + j]!;
          const w = Array.from({ length: m * n }, (_, i) => (i % 7) - 3);
          const run = () => {
            const found = product.forward({}).slice();
            slopes.forward({ w });
            slopes.backward();
            // As if none were transposed.
            const [da, db] = [at(slopes.readGradient(a), m, k, ta), at(slopes.readGradient(b), k, n, tb)];
            const all = (rows: number, cols: number, of: Matrix): number[] =>
              Array.from({ length: rows * cols }, (_, i) => of(Math.floor(i / cols), i % cols));
            return { found, da: all(m, k, da), db: all(k, n, db) };
          };
          const clean = run();
          const place = (
            values: TypedArray,
            turned: boolean,
            rows: number,
            cols: number,
            i: number,
            j: number,
            x: number,
          ): void => {
            values[turned ? j * rows + i : i * cols + j] = x;
          };
          const [start, other] = [a.data.slice(), b.data.slice()];
          const places = m > 100 ? [1] : [0, 1, 2];
          for (const special of ALL) {
            for (const third of places) {
              const [i, p, j] = [m, k, n].map((length) => Math.floor(((length - 1) * third) / 2)) as [
                number,
                number,
                number,
              ];
              for (const inA of [true, false]) {
                a.data.set(start);
                b.data.set(other);
                if (inA) place(a.data, ta, m, k, i, p, special);
                else place(b.data, tb, k, n, p, j, special);
                const [plainA, plainB] = [at(a.data, m, k, ta), at(b.data, k, n, tb)];
                const what = `${m} x ${n} x ${k}, ${special} in ${inA ? `a[${i}, ${p}]` : `b[${p}, ${j}]`}`;
                const { found, da, db } = run();
                checkProduct(
                  found,
                  clean.found,
                  plainA,
                  plainB,
                  size,
                  inA ? { rows: [i], cols: [] } : { rows: [], cols: [j] },
                  what,
                );
                // da = w b', db = a' w.
                const plainW = at(w, m, n, false);
                checkProduct(
                  da,
                  clean.da,
                  plainW,
                  (c, r) => plainB(r, c),
                  [m, k, n],
                  inA ? { rows: [], cols: [] } : { rows: [], cols: [p] },
                  `the gradient by a of ${what}`,
                );
                checkProduct(
                  db,
                  clean.db,
                  (r, c) => plainA(c, r),
                  plainW,
                  [k, n, m],
                  inA ? { rows: [p], cols: [] } : { rows: [], cols: [] },
                  `the gradient by b of ${what}`,
                );
              }
            }
          }
        }
      });
    });
  }

  describe('whatever lies where it is written', () => {
    forEachTarget(({ isa, dtype }) => {
      for (const [m, n, k] of sizes) {
        const numbers = (count: number): TypedArray =>
          TYPES[dtype].from(Array.from({ length: count }, (_, i) => (i % 5) - 2));
        const run = (out?: TypedArray) =>
          kernels.matmul(numbers(m * k), numbers(k * n), { m, k, n, isa, ...(out && { out }) });
        assert.deepEqual(run(new TYPES[dtype](m * n).fill(NaN)), run());
      }
    });
  });
});
