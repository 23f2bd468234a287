/** Losses: how far values are from what they should be. They are averaged, as in PyTorch, by default. */
import { checkArguments, checkOneOf, checkOptions, shown, type Known } from '../core/check.js';
import { composed, writtenAs } from '../graph/node.js';
import { where } from './functions.js';
import { checkValue, constant, type Value } from './value.js';

/** What all losses take. */
export interface LossOptions {
  /** The mean over all numbers, by default; their sum; or `none`: the loss of each number. */
  reduction?: 'mean' | 'sum' | 'none';
}

/** What {@link huber} takes. */
export interface HuberOptions extends LossOptions {
  /** From which distance on the loss is linear, above 0; 1 by default. */
  delta?: number;
}

const OPTIONS: Known<LossOptions> = { reduction: true };
const HUBER_OPTIONS: Known<HuberOptions> = { ...OPTIONS, delta: true };

function reduced(who: string, losses: Value, options: LossOptions): Value {
  const { reduction = 'mean' } = options;
  checkOneOf(`${who}: reduction`, reduction, ['mean', 'sum', 'none']);
  if (reduction === 'none') return losses;
  return reduction === 'mean' ? losses.mean() : losses.sum();
}

/** The loss of a value and a target, which broadcast. */
function lossOf(
  who: string,
  x: Value,
  target: Value | number,
  options: LossOptions,
  of: (x: Value, target: Value) => Value,
  known: Readonly<Record<string, true>> = OPTIONS,
): Value {
  checkValue(who, 'x', x);
  const y = typeof target === 'number' ? constant(target) : target;
  checkValue(who, 'the target', y);
  checkOptions(who, options, known);
  return composed(who, [x, y], () => writtenAs(who, reduced(who, of(x, y), options)));
}

/**
 * The squared error (x - target)², averaged.
 *
 * @param x of any shape
 * @param target a number, or a value that broadcasts with x
 */
export function mse(x: Value, target: Value | number, options: LossOptions = {}): Value {
  checkArguments('mse', arguments, 3);
  return lossOf('mse', x, target, options, (a, b) => a.sub(b).pow(2));
}

/**
 * The absolute error |x - target|, averaged; its slope at 0 is 0.
 *
 * @param x of any shape
 * @param target a number, or a value that broadcasts with x
 */
export function mae(x: Value, target: Value | number, options: LossOptions = {}): Value {
  checkArguments('mae', arguments, 3);
  return lossOf('mae', x, target, options, (a, b) => a.sub(b).abs());
}

/**
 * Huber's loss of d = x - target, averaged: d² / 2 up to a distance of `delta`, and delta (|d| - delta / 2)
 * beyond.
 *
 * @param x of any shape
 * @param target a number, or a value that broadcasts with x
 * @throws RangeError when `delta` is not a finite number above 0
 */
export function huber(x: Value, target: Value | number, options: HuberOptions = {}): Value {
  checkArguments('huber', arguments, 3);
  const distance = (a: Value, b: Value): Value => {
    const { delta = 1 } = options;
    if (!(Number.isFinite(delta) && delta > 0))
      throw new RangeError(`huber: delta ${shown(delta)}: expected a finite number above zero`);
    const d = a.sub(b).abs();
    const near = d.minimum(delta);
    return near.mul(d.sub(near.mul(0.5)));
  };
  return lossOf('huber', x, target, options, distance, HUBER_OPTIONS);
}

/** The least logarithm of PyTorch's `binary_cross_entropy`, and its slope there. */
const LEAST_LOG = -100;
const MOST_SLOPE = 1e12;

/** The logarithm of a probability, at least {@link LEAST_LOG}; NaN below 0. */
function cutLog(x: Value): Value {
  const isCut = x.abs().le(Math.exp(LEAST_LOG));
  // x - x is 0, with a gradient.
  const atLeast = x.sub(x.detach()).mul(MOST_SLOPE).add(LEAST_LOG);
  return where(isCut, atLeast, where(isCut, 1, x).log());
}

/**
 * The binary cross-entropy of probabilities, averaged: -target log(x) - (1 - target) log(1 - x). Logarithms
 * are at least -100, where their slope is 1e12, so that a prediction that is wrong for certain is corrected.
 * Beyond 0 and 1 the loss is NaN. {@link bceWithLogits} is more accurate.
 *
 * @param x probabilities from 0 to 1, of any shape
 * @param target a number, or a value that broadcasts with x, from 0 to 1
 */
export function bce(x: Value, target: Value | number, options: LossOptions = {}): Value {
  checkArguments('bce', arguments, 3);
  return lossOf('bce', x, target, options, (p, y) => {
    const no = cutLog(p.neg().add(1));
    return y.mul(no.sub(cutLog(p))).sub(no);
  });
}

/**
 * The binary cross-entropy of sigmoid(x), averaged: softplus(x) - target x.
 *
 * @param x of any shape
 * @param target a number, or a value that broadcasts with x, from 0 to 1
 */
export function bceWithLogits(x: Value, target: Value | number, options: LossOptions = {}): Value {
  checkArguments('bceWithLogits', arguments, 3);
  return lossOf('bceWithLogits', x, target, options, (a, y) => a.softplus().sub(y.mul(a)));
}

/**
 * The divergence of Kullback and Leibler of log-probabilities x from probabilities, averaged over all numbers
 * as by PyTorch's `kl_div`: target (log(target) - x), 0 where the target is 0, and NaN where it is below.
 *
 * @param x logarithms of probabilities, of any shape
 * @param target a number, or a value that broadcasts with x
 */
export function klDivergence(x: Value, target: Value | number, options: LossOptions = {}): Value {
  checkArguments('klDivergence', arguments, 3);
  return lossOf('klDivergence', x, target, options, (a, y) => {
    const isZero = y.eq(0);
    return where(isZero, 0, y.mul(where(isZero, 1, y).log().sub(a)));
  });
}
