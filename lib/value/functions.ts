/** Functions composed of operators; their gradients follow from those of the operators. */
import {
  checkArguments,
  checkBoolean,
  checkFinite,
  checkOneOf,
  checkOptions,
  isList,
  shown,
  type Known,
} from '../core/check.js';
import { epsOf, type NormOptions } from './norm-options.js';
import { checkValue, makeValue, select, toValue, valuesOf, type Value } from './value.js';
import type { Axes } from './axes.js';
import { indexFor, stepIndex, type Indices } from './indices.js';
import { concat, stack } from './joins.js';
import { composed, writtenAs } from '../graph/node.js';
import { resolveAxis, ShapeError, sizeOf } from '../core/shape.js';

/**
 * x limited to [low, high], which are numbers or arrays that broadcast: min(max(x, low), high). Within the
 * bounds, and at them, x gets the whole gradient; beyond a bound, the bound does. NaN stays NaN, and gets no
 * gradient.
 */
export function clip(x: Value, low: Value | number, high: Value | number): Value {
  checkArguments('clip', arguments, 3);
  checkValue('clip', 'x', x);
  return composed('clip', [x, low, high], () => {
    const [least, most] = [toValue(low, 'clip', x), toValue(high, 'clip', x)];
    if (isBound(low) && isBound(high)) {
      const raised = makeValue('maximum', [least, x], { bounds: true });
      return writtenAs('clip', makeValue('minimum', [most, raised], { bounds: true }), raised);
    }
    const fixed = x.detach();
    // A bound is taken where it is exceeded or NaN, but not where x is NaN.
    const isBelow = x.eq(x).sub(x.ge(least));
    const raised = select(isBelow.gt(0), least, fixed);
    const isAbove = raised.eq(raised).sub(most.ge(raised));
    const isInside = x.ge(least).mul(most.ge(x));
    return writtenAs('clip', select(isInside, x, select(isAbove.gt(0), most, raised)));
  });
}

/** Whether a bound is a number, which has no gradient. */
function isBound(bound: Value | number): boolean {
  return typeof bound === 'number' && !Number.isNaN(bound);
}

/**
 * In a training step (`step`, `stepEach`, `stepBatch`): zeros in place of about a fraction `rate` of the
 * numbers, the others divided by 1 - rate. In any other run (`forward`, `backward`, `evaluate`, sampling):
 * the numbers unchanged. Which are dropped depends only on the seed, the number of the step (each example of
 * a batch counts as one) and the element's index, so that it is the same on all machines and in both data
 * types. Give each dropout of a graph its own seed.
 *
 * @throws RangeError when the rate is not from 0 to below 1, or the seed not an integer of 31 bits
 */
export function dropout(x: Value, rate: number, seed: number): Value {
  checkArguments('dropout', arguments, 3);
  checkValue('dropout', 'x', x);
  if (!(typeof rate === 'number' && rate >= 0 && rate < 1))
    throw new RangeError(`dropout of ${x.label}: rate ${shown(rate)}, expected a number from 0 to below 1`);
  if (!Number.isInteger(seed) || seed < 0 || seed > 0x7fffffff)
    throw new RangeError(
      `dropout of ${x.label}: seed ${shown(seed)}, expected an integer from 0 to 2147483647`,
    );
  return makeValue('dropout', [x, stepIndex()], { rate, seed });
}

/** x sigmoid(x), also called swish. */
export function silu(x: Value): Value {
  checkArguments('silu', arguments, 1);
  checkValue('silu', 'x', x);
  return x.mul(x.sigmoid());
}

/**
 * x times the standard normal distribution function at x (GELU); `tanh` is GPT-2's approximation (to 5e-4).
 */
export function gelu(x: Value, approximate: 'none' | 'tanh' = 'none'): Value {
  checkArguments('gelu', arguments, 2);
  checkValue('gelu', 'x', x);
  checkOneOf(`gelu of ${x.label}: approximate`, approximate, ['none', 'tanh']);
  if (approximate === 'none') return x.mul(x.ndtr());
  // (1 + tanh(u)) / 2 is sigmoid(2 u), which keeps its digits where it is nearly 0.
  const u = x.add(x.pow(3).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
  return x.mul(u.mul(2).sigmoid());
}

/**
 * a where the condition is not 0 (NaN is not 0), else b; all three broadcast. The operand that is not taken
 * has no influence, even if it is NaN, and gets gradient 0. What it was computed from gets 0 times a
 * derivative, which is NaN where the derivative is not finite (`sqrt` or `log` of 0, a division by 0), as in
 * PyTorch: keep such a function inside its domain, as in `where(x.gt(0), where(x.gt(0), x, 1).log(), 0)`. For
 * `log`, `log1p` and `arctanh` outside their domain it is 0, as in PyTorch.
 */
export function where(condition: Value, a: Value | number, b: Value | number): Value {
  checkArguments('where', arguments, 3);
  checkValue('where', 'the condition', condition);
  const [taken, other] = [toValue(a, 'where', condition), toValue(b, 'where', condition)];
  return composed('where', [condition, a, b], () => select(condition, taken, other));
}

/** log(sum(exp(x))) over all axes or some, without overflow; -Infinity where all numbers are -Infinity. */
export function logSumExp(x: Value, axis?: Axes, keepDims = false): Value {
  checkArguments('logSumExp', arguments, 3);
  checkValue('logSumExp', 'x', x);
  return composed('logSumExp', [x], () => {
    const { shape } = x.sum(axis, keepDims);
    // An empty array has no largest number.
    if (sizeOf(x.shape) === 0) return x.exp().sum(axis, keepDims).log();
    const largest = x.max(axis, true).detach();
    const finite = where(largest.abs().lt(Infinity), largest, 0);
    const sum = x.sub(finite).exp().sum(axis, true);
    // With a finite maximum the sum is at least 1, so that `maximum` changes nothing; otherwise it stops the
    // gradient.
    const y = sum.maximum(0.5).log().add(largest.sub(finite)).add(finite);
    return keepDims ? y : y.reshape(shape);
  });
}

/** What {@link variance} and {@link std} take. */
export interface VarianceOptions {
  /** The squares are divided by the number of elements minus `ddof`; 0 by default. */
  ddof?: number;
  /** Whether reduced axes stay, with length 1; false by default. */
  keepDims?: boolean;
}

const VARIANCE_OPTIONS: Known<VarianceOptions> = { ddof: true, keepDims: true };

function checkVariance(who: string, x: Value, options: VarianceOptions): void {
  checkValue(who, 'x', x);
  const where = `${who} of ${x.label}`;
  checkOptions(where, options, VARIANCE_OPTIONS);
  const { ddof = 0, keepDims = false } = options;
  checkFinite(`${where}: ddof`, ddof);
  checkBoolean(`${where}: keepDims`, keepDims);
}

/** The first element along the axes, which stay with length 1. */
function firstAlong(x: Value, axis: Axes | undefined): Value {
  const axes = axis ?? x.shape.map((_, i) => i);
  return (typeof axes === 'number' ? [axes] : axes).reduce((part, at) => part.slice(0, 1, at), x);
}

/**
 * The variance over all axes or some: the mean squared distance from the mean. The sum of squares is divided
 * by the number of elements minus `ddof`: 0 as in NumPy, 1 as in PyTorch. Where that is 0 or less it is
 * divided by 0, as in NumPy: Infinity, or NaN where all numbers are equal.
 */
export function variance(x: Value, axis?: Axes, options: VarianceOptions = {}): Value {
  checkArguments('variance', arguments, 3);
  checkVariance('variance', x, options);
  const { ddof = 0, keepDims = false } = options;
  // Subtracting one of the numbers first does not change the variance, and makes it exactly 0 for equal
  // numbers. Where a difference overflows, nothing is subtracted, since the mean itself may not overflow.
  const centred = composed('variance', [x], () => {
    const mean = x.mean(axis, true);
    if (sizeOf(x.shape) === 0) return x.sub(mean);
    const first = firstAlong(x, axis).detach();
    const farthest = x.detach().sub(first).abs().max(axis, true);
    const shifted = x.sub(where(farthest.lt(Infinity), first, 0));
    return shifted.sub(shifted.mean(axis, true));
  });
  const sum = centred.mul(centred).sum(axis, keepDims);
  return sum.div(Math.max(0, sizeOf(x.shape) / sizeOf(sum.shape) - ddof));
}

/** The square root of `variance`; gradient 0 where all numbers are equal. */
export function std(x: Value, axis?: Axes, options: VarianceOptions = {}): Value {
  checkArguments('std', arguments, 3);
  checkVariance('std', x, options);
  return rootOfSquares(composed('std', [x], () => variance(x, axis, options)));
}

/** The root of the sum of squares, over all axes or some: the length of a vector. The gradient at 0 is 0. */
export function norm(x: Value, axis?: Axes, keepDims = false): Value {
  checkArguments('norm', arguments, 3);
  checkValue('norm', 'x', x);
  return rootOfSquares(composed('norm', [x], () => x.mul(x).sum(axis, keepDims)));
}

/** The square root of a sum of squares, with gradient 0 at 0, where the squares have slope 0. */
function rootOfSquares(sum: Value): Value {
  const isZero = sum.eq(0);
  return where(isZero, 0, where(isZero, 1, sum).sqrt());
}

/** Normalises each row of the last axis: (x - mean) / sqrt(variance + eps). */
export function layerNorm(x: Value, options: NormOptions = {}): Value {
  checkArguments('layerNorm', arguments, 2);
  checkValue('layerNorm', 'x', x);
  const eps = epsOf(`layerNorm of ${x.label}`, options);
  return composed('layerNorm', [x], () => x.sub(x.mean(-1, true)).rmsNorm({ eps }));
}

/**
 * The sum over `axes` pairs of axes: the last of a with the first of b, the next-to-last of a with the second
 * of b, and so on. (NumPy pairs the last `axes` axes of a in order; for one pair both agree.) With 0, the
 * outer product.
 *
 * @throws ShapeError when paired axes differ in length, or there are too few axes
 */
export function tensordot(a: Value, b: Value, axes = 1): Value {
  checkArguments('tensordot', arguments, 3);
  checkValue('tensordot', 'a', a);
  checkValue('tensordot', 'b', b);
  const [left, right] = [a.shape, b.shape];
  return composed('tensordot', [a, b], () => {
    if (!Number.isInteger(axes))
      throw new ShapeError(`axes ${shown(axes)}: expected an integer, how many axes to pair`);
    const most = Math.min(left.length, right.length);
    if (axes < 0 || axes > most)
      throw new ShapeError(`axes ${axes}: expected an integer from 0 to ${most}: both have so many`);
    const pairs = Array.from({ length: axes }, (_, i) => i);
    if (pairs.some((i) => left[left.length - 1 - i] !== right[i])) {
      throw new ShapeError(
        `over ${shown(axes)} axes: the last axis of a must equal the first of b, the next-to-last ` +
          'the second, and so on inwards',
      );
    }
    const [free, others] = [left.slice(0, left.length - axes), right.slice(axes)];
    const n = sizeOf(right.slice(0, axes));
    // Reorders b's paired axes to a's order.
    const turned = b.transpose([...pairs.reverse(), ...right.map((_, i) => i).slice(axes)]);
    const product = a.reshape([sizeOf(free), n]).matmul(turned.reshape([n, sizeOf(others)]));
    return product.reshape([...free, ...others]);
  });
}

const MAX_PARTS = 2 ** 20;

/**
 * Splits an axis into `parts` equal parts, or into parts of the given lengths, which must add up to it.
 *
 * @throws ShapeError when the lengths do not add up
 */
export function split(x: Value, parts: number | readonly number[], axis = 0): Value[] {
  checkArguments('split', arguments, 3);
  checkValue('split', 'x', x);
  const at = composed('split', [x], () => resolveAxis(axis, x.shape));
  const n = x.shape[at]!;
  const refuse = (): never => {
    const count = isList(parts) ? Math.min(parts.length, 40) : 0;
    const lengths = isList(parts) && Array.from({ length: count }, (_, i) => shown(parts[i]));
    throw new ShapeError(
      `split of ${x.label} along axis ${axis} into ` +
        `${lengths ? `[${lengths.join(', ')}]` : shown(parts)}: ` +
        `expected whole lengths that add up to ${n}`,
    );
  };
  const isNumber = typeof parts === 'number';
  if (!isNumber && !isList(parts)) return refuse();
  const count = isNumber ? parts : parts.length;
  // An empty axis, or lengths of 0, would allow any number of parts; this limits the memory.
  if (!Number.isInteger(count) || count < 0 || count > MAX_PARTS || (isNumber && n % count !== 0))
    return refuse();
  const lengths = Array.from({ length: count }, (_, i) => (isNumber ? n / count : parts[i]!));
  const isWhole = lengths.every((length) => Number.isInteger(length) && length >= 0);
  if (!isWhole || lengths.reduce((sum, length) => sum + length, 0) !== n) return refuse();
  let start = 0;
  return lengths.map((length) => x.slice(start, (start += length), at));
}

/** Stacks arrays vertically: vectors become rows, other arrays are joined along their first axis. */
export function vstack(values: readonly Value[]): Value {
  checkArguments('vstack', arguments, 1);
  const given = valuesOf('vstack', values);
  return composed('vstack', given, () => {
    if (given.every(({ shape }) => shape.length === 1)) return stack(given);
    return concat(given.map((x) => (x.shape.length === 1 ? x.expandDims(0) : x)));
  });
}

/** The rows of a table, one for each index: `table.gather(index)`. */
export function embedding(table: Value, indices: Indices): Value {
  checkArguments('embedding', arguments, 2);
  checkValue('embedding', 'the table', table);
  const index = indexFor('embedding', table, indices, table.shape[0] ?? 0);
  return composed('embedding', [table, index], () => writtenAs('embedding', table.gather(index)));
}
