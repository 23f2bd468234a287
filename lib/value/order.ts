/** Where the smallest numbers are. */
import { checkArguments } from '../core/check.js';
import { resolveAxis, ShapeError, show } from '../core/shape.js';
import { composed, writtenAs } from '../graph/node.js';
import type { Index } from './indices.js';
import { checkValue, type Value } from './value.js';

/**
 * The index of the minimum along an axis, by default the last, which is removed. A tie goes to the lower
 * index; NaN is above all numbers.
 */
export function argmin(x: Value, axis = -1): Index {
  checkArguments('argmin', arguments, 2);
  checkValue('argmin', 'x', x);
  return composed('argmin', [x], () => {
    if (x.shape[resolveAxis(axis, x.shape)] === 0)
      throw new ShapeError(`axis ${axis} of ${show(x.shape)} is empty: it has no smallest number`);
    return writtenAs('argmin', x.neg().argmax(axis));
  });
}
