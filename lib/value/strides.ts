/** Entries of an axis at a distance, or in reverse order, made of slices, shapes and picks. */
import { MAX_AXES, type Shape } from '../core/shape.js';

/** What these functions ask of a value. */
interface Parts<V> {
  readonly shape: Shape;
  slice(start: number, stop: number, axis: number): V;
  reshape(shape: Shape): V;
  gather(indices: Int32Array, axis: number): V;
}

/** Joins values along an axis. */
type Join<V> = (values: V[], axis: number) => V;

/** Every `step`-th entry of an axis, from the first on. */
export function everyNth<V extends Parts<V>>(x: V, step: number, axis: number, join: Join<V>): V {
  const n = x.shape[axis]!;
  if (step === 1 || n === 0) return x;
  if (step >= n) return x.slice(0, 1, axis);
  if (x.shape.length === MAX_AXES)
    return x.gather(
      Int32Array.from({ length: Math.ceil(n / step) }, (_, i) => i * step),
      axis,
    );
  // The first entry of each group of `step`; the last group can be shorter.
  const whole = Math.floor(n / step);
  const groups = x
    .slice(0, whole * step, axis)
    .reshape([...x.shape.slice(0, axis), whole, step, ...x.shape.slice(axis + 1)]);
  const some = groups.slice(0, 1, axis + 1).reshape(x.shape.with(axis, whole));
  return whole * step === n ? some : join([some, x.slice(whole * step, whole * step + 1, axis)], axis);
}

/** The longest axis that is reversed by an index of as many integers. */
const LONGEST = 2 ** 20;
const BLOCK = 2 ** 10;

/** The entries of an axis from the last to the first. */
export function reversed<V extends Parts<V>>(x: V, axis: number, join: Join<V>): V {
  const n = x.shape[axis]!;
  if (n < 2) return x;
  if (n <= LONGEST || x.shape.length === MAX_AXES)
    return x.gather(
      Int32Array.from({ length: n }, (_, i) => n - 1 - i),
      axis,
    );
  // A longer one: the order of its blocks, and that within each.
  const whole = Math.floor(n / BLOCK);
  const blocks = x
    .slice(0, whole * BLOCK, axis)
    .reshape([...x.shape.slice(0, axis), whole, BLOCK, ...x.shape.slice(axis + 1)]);
  const turned = reversed(reversed(blocks, axis, join), axis + 1, join);
  const rest = reversed(x.slice(whole * BLOCK, n, axis), axis, join);
  return join([rest, turned.reshape(x.shape.with(axis, whole * BLOCK))], axis);
}
