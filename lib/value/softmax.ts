/** Softmax along an axis, of all numbers or of those that a mask has. */
import { checkArguments, checkOptions, type Known } from '../core/check.js';
import { broadcast, resolveAxis, sameShape, ShapeError, show, sizeOf } from '../core/shape.js';
import { composed, writtenAs } from '../graph/node.js';
import { downColumns } from './axes.js';
import { checkValue, makeValue, select, type Value } from './value.js';

/** What {@link softmax} and {@link logSoftmax} take. */
export interface MaskOptions {
  /** Numbers count where it is not 0. It broadcasts to the shape of x. By default all count. */
  mask?: Value;
}

const OPTIONS: Known<MaskOptions> = { mask: true };

/**
 * Shares, or their logarithms, of the numbers that a mask has; elsewhere they are `outside`, and no gradient
 * flows. Where a mask has nothing, `of` gives NaN, of which nothing is selected.
 */
function masked(x: Value, mask: Value, of: (x: Value) => Value, outside: number): Value {
  return select(mask, of(select(mask, x, -Infinity)), outside);
}

/** The mask in the options of an operator of x, checked. */
function maskOf(who: string, x: Value, options: MaskOptions): Value | undefined {
  checkOptions(`${who} of ${x.label}`, options, OPTIONS);
  const { mask } = options;
  if (mask === undefined) return undefined;
  checkValue(who, 'mask', mask);
  composed(who, [x, mask], () => {
    if (!sameShape(broadcast(x.shape, mask.shape), x.shape))
      throw new ShapeError(`the mask is ${mask.label}: expected a shape that broadcasts to ${show(x.shape)}`);
  });
  return mask;
}

/**
 * exp(x) divided by its sum along an axis, by default the last. With a mask, numbers that do not count are
 * left out of the sum, and get exactly 0 and no gradient; where none counts, all are 0. (PyTorch, which
 * replaces them with -Infinity, has NaN there.)
 *
 * @throws ShapeError when there is no such axis, or the mask does not broadcast to the shape of x
 */
export function softmax(x: Value, axis = -1, options: MaskOptions = {}): Value {
  checkArguments('softmax', arguments, 3);
  checkValue('softmax', 'x', x);
  const mask = maskOf('softmax', x, options);
  if (!mask) return shares(x, axis);
  return composed('softmax', [x, mask], () =>
    writtenAs(
      'softmax',
      masked(x, mask, (scores) => shares(scores, axis), 0),
    ),
  );
}

function shares(x: Value, axis: number): Value {
  if (axis === -1 || axis === x.shape.length - 1) return makeValue('softmax', [x]);
  const { op, shape } = composed('softmax', [x], () => downColumns(axis, x.shape));
  const y = writtenAs('softmax', makeValue(op, [x.reshape(shape)]));
  return writtenAs('softmax', y.reshape(x.shape));
}

/**
 * log(softmax(x)) along an axis, by default the last; accurate where softmax underflows. All NaN, as softmax
 * is, where the largest number is infinite. With a mask, numbers that do not count are left out of the sum,
 * and get -Infinity, the logarithm of 0, and no gradient.
 *
 * @throws ShapeError when there is no such axis, or the mask does not broadcast to the shape of x
 */
export function logSoftmax(x: Value, axis = -1, options: MaskOptions = {}): Value {
  checkArguments('logSoftmax', arguments, 3);
  checkValue('logSoftmax', 'x', x);
  const mask = maskOf('logSoftmax', x, options);
  const operands = mask ? [x, mask] : [x];
  return composed('logSoftmax', operands, () => {
    resolveAxis(axis, x.shape);
    // No maximum of nothing; an empty array is its own logarithm.
    const logs = (scores: Value): Value =>
      sizeOf(x.shape) === 0 ? shares(scores, axis) : logShares(scores, axis);
    return mask ? masked(x, mask, logs, -Infinity) : logs(x);
  });
}

function logShares(x: Value, axis: number): Value {
  const shifted = x.sub(x.max(axis, true).detach());
  return shifted.sub(shifted.exp().sum(axis, true).log());
}
