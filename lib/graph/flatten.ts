/** Flattens nested arrays of numbers into one array and a shape. */
import { type Shape, sizeOf, MAX_AXES, ShapeError, listedShape, show } from '../core/shape.js';
import type { Numbers } from '../core/array.js';
import { shown } from '../core/check.js';
import { reasons } from './node.js';

/** The index, along each axis, of the number at offset `at` in row-major order. */
function placeOf(at: number, shape: Shape): number[] {
  return shape.map((n, axis) => Math.floor(at / sizeOf(shape.slice(axis + 1))) % n);
}

/** @throws TypeError when the array's buffer was transferred (only copying it reveals that) */
function copyOf(numbers: Float64Array | Float32Array): Float64Array {
  try {
    return new Float64Array(numbers);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    const error = new TypeError(`the memory of ${shown(numbers)} was transferred away: expected numbers`, {
      cause,
    });
    reasons.set(error, error.message);
    throw error;
  }
}

/** Flattens nested arrays row-major and finds their shape; throws on ragged ones. */
export function flatten(numbers: Numbers): { data: Float64Array; shape: Shape } {
  if (typeof numbers === 'number') return { data: Float64Array.of(numbers), shape: [] };
  if (numbers instanceof Float64Array || numbers instanceof Float32Array) {
    return { data: copyOf(numbers), shape: [numbers.length] };
  }
  const shape: number[] = [];
  let probe: unknown = numbers;
  while (typeof probe === 'object' && probe !== null && 'length' in probe) {
    // An array that contains itself would never end.
    if (shape.length === MAX_AXES) throw new ShapeError(`arrays nested more than ${MAX_AXES} deep`);
    const list = probe as ArrayLike<unknown>;
    shape.push(list.length);
    probe = list[0];
  }
  listedShape(shape);
  const data = new Float64Array(sizeOf(shape));
  let at = 0;
  const visit = (x: unknown, depth: number): void => {
    if (depth === shape.length) {
      if (typeof x !== 'number') {
        const error = new TypeError(
          `${shape.length > 0 ? `element ${show(placeOf(at, shape))} is ${shown(x)}` : shown(x)}: ` +
            'expected a number, or arrays of numbers',
        );
        reasons.set(error, error.message);
        throw error;
      }
      data[at++] = x;
      return;
    }
    const list = x as ArrayLike<unknown>;
    if (typeof x !== 'object' || x === null || list.length !== shape[depth]) {
      throw new ShapeError(
        `nested arrays of unequal lengths: the first at each depth have shape ${show(shape)}`,
      );
    }
    for (let i = 0; i < list.length; i++) visit(list[i], depth + 1);
  };
  visit(numbers, 0);
  return { data, shape };
}
