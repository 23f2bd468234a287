/** Rows for functions that are composed of operators: what each makes of one array, by its definition. */
import assert from 'node:assert/strict';
import { compile } from '../../lib/value/compile.js';
import { grad } from '../../lib/value/grad.js';
import type { Value } from '../../lib/value/value.js';
import { assertClose, checkGraph, Leaves } from './check.js';
import { tensor, type Tensor } from './reference.js';

/** The definition of a function, for one list of numbers. */
export const sum = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);
export const mean = (x: readonly number[]): number => sum(x) / x.length;
export const squares = (x: readonly number[]): number => sum(x.map((v) => (v - mean(x)) ** 2));

/** The numbers of an array, index by index. */
export const at = (x: Value, index: readonly number[]): number => {
  let place = 0;
  x.shape.forEach(
    (n, axis) => (place = place * n + (n === 1 ? 0 : index[axis + index.length - x.shape.length]!)),
  );
  return x.data[place]!;
};
/** An array by its definition; `is` is given the leaves' numbers. */
export const by = (shape: readonly number[], f: (index: readonly number[]) => number): Tensor =>
  tensor(shape, f);
/** The list along an axis through a place. */
export const line = (x: Value, axis: number, index: readonly number[]): number[] =>
  Array.from({ length: x.shape[axis]! }, (_, i) => at(x, [...index.slice(0, axis), i, ...index.slice(axis)]));
export const rest = (x: Value, axis: number): number[] => x.shape.filter((_, i) => i !== axis);

/** A function of one leaf, and its definition. */
export type Row = [
  title: string,
  shape: number[],
  f: (x: Value, g: Leaves) => Value,
  expected: (x: Value) => Tensor,
];
export const each =
  (f: (x: number) => number) =>
  (x: Value): Tensor => ({ shape: x.shape, data: Array.from(x.data, f) });
export const along =
  (axis: number, f: (list: number[]) => number) =>
  (x: Value): Tensor =>
    by(rest(x, axis), (index) => f(line(x, axis, index)));
/** The number at a place of the list along an axis. */
export const within =
  (axis: number, f: (list: number[], i: number) => number) =>
  (x: Value): Tensor =>
    by(x.shape, (index) =>
      f(
        line(
          x,
          axis,
          index.filter((_, i) => i !== axis),
        ),
        index[axis]!,
      ),
    );
export const moved =
  (shape: number[], from: (index: readonly number[]) => number[]) =>
  (x: Value): Tensor =>
    by(shape, (index) => at(x, from(index)));
export const whole =
  (f: (list: number[]) => number) =>
  (x: Value): Tensor => ({ shape: [], data: [f(Array.from(x.data))] });
export const softmaxOf = (list: number[], i: number): number => Math.exp(list[i]!) / sum(list.map(Math.exp));

/**
 * Checks each row: the value by its definition; value and gradient against the reference; and, with `again`,
 * the second derivative too, of a weighted sum of squares, as the gradient of its gradient.
 */
export function checkRows(rows: readonly Row[], options: { again?: boolean } = {}): void {
  rows.forEach(([title, shape, f, expected], i) => {
    it(title, () => {
      checkGraph((g) => f(g.p(...shape), g), { seed: i + 1 });
      const g = new Leaves(i + 1);
      const x = g.p(...shape);
      const { shape: as, data } = expected(x);
      const y = f(x, g);
      assert.deepEqual(y.shape, as, 'the shape');
      assertClose(compile(y).forward(g.feeds), data, 1e-12, 'the value');
      if (options.again !== true) return;
      checkGraph(
        (leaves) => {
          const p = leaves.p(...shape);
          const z = f(p, leaves);
          return grad(
            z
              .mul(z)
              .mul(leaves.p(...z.shape))
              .sum(),
            [p],
          )[0]!;
        },
        { seed: i + 1 },
      );
    });
  });
}
