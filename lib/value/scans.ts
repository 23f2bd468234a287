/** Products over axes, and running sums and products along one. */
import { checkArguments, checkBoolean, checkOptions, type Known } from '../core/check.js';
import { resolveAxis, sizeOf } from '../core/shape.js';
import { composed, writtenAs } from '../graph/node.js';
import { axesOf, fromFront, type Axes } from './axes.js';
import { concat } from './joins.js';
import { zeros } from './leaves.js';
import { checkValue, makeValue, type Value } from './value.js';

/**
 * The product over all axes or the given ones, which are removed or, with `keepDims`, keep length 1; 1 of no
 * numbers. The gradient of each number is the product of the others, also where some are 0.
 */
export function prod(x: Value, axis?: Axes, keepDims = false): Value {
  checkArguments('prod', arguments, 3);
  checkValue('prod', 'x', x);
  return composed('prod', [x], () => {
    const { shape } = x.sum(axis, keepDims);
    // The only product of an empty array that has any numbers is that of no numbers.
    if (sizeOf(x.shape) === 0) return x.sum(axis, keepDims).add(1);
    const axes = axis === undefined ? [0] : typeof axis === 'number' ? [axis] : axis;
    const whole = axis === undefined ? x.reshape([sizeOf(x.shape)]) : x;
    const product = axesOf(axes, whole, 'prod', 'a number, or an array').reduce(halved, whole);
    return writtenAs('prod', product.reshape(shape));
  });
}

/** The product along an axis, which keeps length 1: of the first half with the second, and so on. */
function halved(x: Value, axis: number): Value {
  const odd: Value[] = [];
  let y = x;
  for (let n = x.shape[axis]!; n > 1; n >>= 1) {
    const half = n >> 1;
    if (n > 2 * half) odd.push(y.slice(n - 1, n, axis));
    y = y.slice(0, half, axis).mul(y.slice(half, 2 * half, axis));
  }
  return odd.reduce((a, b) => a.mul(b), y);
}

/**
 * The running product along an axis, by default the first, including each element itself. Gradients are
 * products of the other elements, also where some are 0.
 */
export function cumprod(x: Value, axis = 0): Value {
  checkArguments('cumprod', arguments, 2);
  checkValue('cumprod', 'x', x);
  return composed('cumprod', [x], () => {
    const at = resolveAxis(axis, x.shape);
    const n = x.shape[at]!;
    // After each round an element is the product of the last 2, 4, 8, ... up to itself.
    let y = x;
    for (let span = 1; span < n; span *= 2) {
      const later = y.slice(span, n, at).mul(y.slice(0, n - span, at));
      y = concat([y.slice(0, span, at), later], at);
    }
    return n > 1 ? writtenAs('cumprod', y) : writtenAs('cumprod', x.reshape(x.shape));
  });
}

/** What {@link cumsum} takes. */
export interface CumsumOptions {
  /** Whether each sum leaves out the element itself, so that the first is 0; false by default. */
  exclusive?: boolean;
  /** Whether each sum is that from the element to the end of the axis; false by default. */
  reverse?: boolean;
}

const CUMSUM_OPTIONS: Known<CumsumOptions> = { exclusive: true, reverse: true };

/** The running sum along an axis, by default the first, including each element itself. */
export function cumsum(x: Value, axis = 0, options: CumsumOptions = {}): Value {
  checkArguments('cumsum', arguments, 3);
  checkValue('cumsum', 'x', x);
  const who = `cumsum of ${x.label}`;
  checkOptions(who, options, CUMSUM_OPTIONS);
  const { exclusive = false, reverse = false } = options;
  checkBoolean(`${who}: exclusive`, exclusive);
  checkBoolean(`${who}: reverse`, reverse);
  const at = fromFront(axis, x);
  const attr = reverse ? { axis: at, reverse } : { axis: at };
  if (!exclusive) return makeValue('cumsum', [x], attr);
  return composed('cumsum', [x], () => {
    resolveAxis(at, x.shape);
    const n = x.shape[at]!;
    if (n === 0) return makeValue('cumsum', [x], attr);
    const zero = zeros(x.shape.with(at, 1));
    const shifted = reverse ? [x.slice(1, n, at), zero] : [zero, x.slice(0, n - 1, at)];
    return makeValue('cumsum', [concat(shifted, at)], attr);
  });
}
