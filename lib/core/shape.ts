/** Shapes: NumPy's broadcasting rules, in one place. */
import { MAX_COUNT, shown, isList } from './check.js';

/** The length of each axis; the empty shape is a single number. */
export type Shape = readonly number[];

/** The shape of all scalars, shared and frozen. */
export const SCALAR: Shape = Object.freeze([]);
/** The most axes of an array. */
export const MAX_AXES = 32;

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= shape[i]!;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** `[2, 3]` as text; a scalar is `[]`. */
export function show(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** The shape two operands broadcast to; throws a `ShapeError` where they do not. */
export function broadcast(a: Shape, b: Shape): Shape {
  if (a === b || sameShape(a, b)) return a;
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const n = a[a.length - i] ?? 1;
    const m = b[b.length - i] ?? 1;
    if (n !== m && n !== 1 && m !== 1) {
      throw new ShapeError(
        `shapes ${show(a)} and ${show(b)} do not broadcast: ${n} against ${m} in axis -${i}; ` +
          'each axis must be equal, or 1 in one of them',
      );
    }
    out[rank - i] = n === 1 ? m : n;
  }
  return out;
}

/** Strides of a contiguous row-major array. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** An axis from -rank to rank - 1, as a number from 0; throws a `ShapeError` outside that range. */
export function resolveAxis(axis: number, shape: Shape): number {
  if (shape.length === 0) throw new ShapeError('a single number has no axis: give at least one');
  if (typeof axis !== 'number') throw new ShapeError(`axis ${shown(axis)}: expected one axis, an integer`);
  const resolved = !Number.isInteger(axis) ? -1 : axis < 0 ? axis + shape.length : axis;
  if (resolved < 0 || resolved >= shape.length)
    throw new ShapeError(`axis ${shown(axis)} does not exist in shape ${show(shape)}`);
  return resolved;
}

/**
 * @throws ShapeError when no program could hold an array of this shape; the message does not name the
 * operator
 */
export function checkSize(shape: Shape): void {
  const { length } = shape;
  const fits = length <= MAX_AXES && shape.every((n) => Number.isInteger(n) && n >= 0 && n <= MAX_COUNT);
  if (fits && sizeOf(shape) <= MAX_COUNT) return;
  const given = length > MAX_AXES ? `${length} axes` : `shape [${shape.map(shown).join(', ')}]`;
  throw new ShapeError(`${given}: an array has at most ${MAX_COUNT} numbers and ${MAX_AXES} axes`);
}

/** Shapes that do not fit; the message says what was given and what was expected. */
export class ShapeError extends Error {
  override name = 'ShapeError';
}

/**
 * A checked copy of a shape: the user's array may change later.
 *
 * @param least the smallest length allowed
 * @throws ShapeError when it is not a shape, or too large; the message does not name the operator
 */
export function listedShape(shape: Shape, least = 0): number[] {
  if (!isList(shape)) throw new ShapeError(`a shape is an array of integers from 0, got ${shown(shape)}`);
  if (shape.length > MAX_AXES) checkSize(shape);
  const copy = Array.from({ length: shape.length }, (_, i) => shape[i]!);
  const isShape = copy.every((n) => Number.isInteger(n) && n >= least);
  if (!isShape)
    throw new ShapeError(`a shape is an array of integers from 0, got [${copy.map(shown).join(', ')}]`);
  checkSize(copy.map((n) => Math.max(n, 0)));
  return copy;
}
