/** The losses of classifiers. */
import {
  checkArguments,
  checkFinite,
  checkOneOf,
  checkOptions,
  isList,
  shown,
  type Known,
} from '../core/check.js';
import { composed, writtenAs } from '../graph/node.js';
import { resolveAxis, sameShape, show, ShapeError, sizeOf } from '../core/shape.js';
import { where } from './functions.js';
import { indexFor, type Index, type Indices } from './indices.js';
import { constant as constantArray } from './leaves.js';
import { takeAlongAxis } from './picks.js';
import { logSoftmax } from './softmax.js';
import { checkValue, makeValue, Value } from './value.js';

/** What {@link nll} takes. */
export interface NllOptions {
  /** The mean over the rows, the sum, or `none`: the loss of each row. */
  reduction?: 'mean' | 'sum' | 'none';
  /**
   * A weight for each class, not below 0: a number counts for its row's target. The mean is then divided by
   * the sum of the weights of all targets.
   */
  weight?: Value | readonly number[];
  /** A class whose rows do not count: their loss is 0, and so is its gradient, and no mean counts them. */
  ignoreIndex?: number;
}

/** What {@link crossEntropy} takes. */
export interface CrossEntropyOptions extends NllOptions {
  /**
   * How much of the target's probability is spread evenly over all classes, from 0 to 1; 0 by default
   * (Szegedy et al., 2016).
   */
  labelSmoothing?: number;
  /** The axis of the classes, by default the last. (PyTorch's is the second one.) */
  axis?: number;
}

const NLL_OPTIONS: Known<NllOptions> = { reduction: true, weight: true, ignoreIndex: true };
const OPTIONS: Known<CrossEntropyOptions> = { ...NLL_OPTIONS, labelSmoothing: true, axis: true };
const REDUCTIONS = ['mean', 'sum', 'none'] as const;

/** What of a row's loss counts. */
interface Counted {
  /** The weight of each row's target; undefined: 1. */
  weight: Value | undefined;
  /** 1 for rows that count, else 0; undefined: all count. */
  isKept: Value | undefined;
}

/** The weights of classes: a vector; undefined: all are 1. */
function weightsOf(who: string, given: NllOptions['weight'], classes: number): Value | undefined {
  if (given === undefined) return undefined;
  const isVector = given instanceof Value;
  if (!isVector && !isList(given))
    throw new TypeError(`${who}: weight ${shown(given)}, expected a number for each class`);
  if (!isVector) given.forEach((x, i) => checkFinite(`${who}: weight[${i}]`, x, 0));
  const weights = isVector ? given : constantArray(given);
  if (!sameShape(weights.shape, [classes]))
    throw new ShapeError(
      `weight of shape ${show(weights.shape)}: expected [${classes}], a number for each class`,
    );
  return weights;
}

/** The targets, and what of their rows counts. */
function countedOf(
  who: string,
  target: Index,
  weights: Value | undefined,
  ignoreIndex: number | undefined,
  classes: number,
): Counted {
  if (
    ignoreIndex !== undefined &&
    !(Number.isInteger(ignoreIndex) && ignoreIndex >= 0 && ignoreIndex < classes)
  )
    throw new RangeError(
      `${who}: ignoreIndex ${shown(ignoreIndex)}: expected one of the classes, from 0 to ${classes - 1}: ` +
        'targets are classes, so that those to ignore have to be one too, such as that of padding',
    );
  if (ignoreIndex === undefined) return { weight: weights?.gather(target), isKept: undefined };
  const kept = new Float64Array(classes).fill(1);
  kept[ignoreIndex] = 0;
  const isKept = constantArray(kept).gather(target);
  return { weight: weights ? weights.gather(target).mul(isKept) : isKept, isKept };
}

/** The losses of the rows that count, reduced. */
function reduced(losses: Value, { weight, isKept }: Counted, reduction: 'mean' | 'sum' | 'none'): Value {
  const own = isKept ? where(isKept, losses, 0) : losses;
  if (reduction === 'none') return own;
  if (reduction === 'sum') return own.sum();
  return weight ? own.sum().div(weight.sum()) : own.mean();
}

/** An axis moved behind all others. */
function axisLast(x: Value, axis: number | undefined): Value {
  const last = x.shape.length - 1;
  const at = axis === undefined ? last : resolveAxis(axis, x.shape);
  if (at === last) return x;
  const others = x.shape.map((_, i) => i).filter((i) => i !== at);
  return x.transpose([...others, at]);
}

/** @throws ShapeError where there is not a target for each row: x's shape without the axis of the classes */
function checkTargets({ shape }: Value, target: Index, axis: number): void {
  if (shape.length === 0) throw new ShapeError('x is a single number: expected one for each class');
  const expected = shape.filter((_, i) => i !== axis);
  if (sameShape(expected, target.shape)) return;
  throw new ShapeError(
    `${show(shape)} with targets ${show(target.shape)}: expected ${show(expected)}, one for each row` +
      (axis === shape.length - 1 ? '' : ` along axis ${axis}`),
  );
}

/** The loss of each row, for targets that are classes. */
function lossesOf(x: Value, target: Index): Value {
  const { shape } = x;
  if (shape.length <= 2) return makeValue('crossEntropy', [x, target]);
  const rows = sizeOf(shape.slice(0, -1));
  const matrix = x.reshape([rows, shape.at(-1)!]);
  return makeValue('crossEntropy', [matrix, target.reshape([rows])]).reshape(target.shape);
}

/**
 * The loss of a classifier of each row: -log(softmax(x)[target]), not averaged unless `reduction` says so.
 * With targets that are probabilities, the sum over the classes of -target log(softmax(x)).
 *
 * With class weights, label smoothing and ignored rows it is PyTorch's `F.cross_entropy`: smoothing adds the
 * weighted mean of -log(softmax(x)) over the classes, and a mean is divided by the weights of the targets.
 *
 * @param x [..., classes]: logits
 * @param target integers, one for each row: x's shape without the axis of the classes; or probabilities, in
 *   x's shape
 * @throws ShapeError when the shapes do not fit
 * @throws RangeError when a number of the options is out of range
 */
export function crossEntropy(x: Value, target: Indices | Value, options: CrossEntropyOptions = {}): Value {
  const who = 'crossEntropy';
  checkArguments(who, arguments, 3);
  checkValue(who, 'x', x);
  checkOptions(who, options, OPTIONS);
  const { reduction = 'none', labelSmoothing = 0, ignoreIndex, axis } = options;
  checkOneOf(`${who}: reduction`, reduction, REDUCTIONS);
  if (!(typeof labelSmoothing === 'number' && labelSmoothing >= 0 && labelSmoothing <= 1))
    throw new RangeError(`${who}: labelSmoothing ${shown(labelSmoothing)}: expected a number from 0 to 1`);
  const at = composed(who, [x], () => (x.shape.length > 0 ? resolveAxis(axis ?? -1, x.shape) : 0));
  const classes = x.shape[at] ?? 0;
  if (target instanceof Value) {
    if (ignoreIndex !== undefined)
      throw new TypeError(`${who}: ignoreIndex is of targets that are classes, and these are probabilities`);
    return composed(who, [x, target], () => {
      const weights = weightsOf(who, options.weight, classes);
      const losses = ofProbabilities(axisLast(x, axis), axisLast(target, axis), weights, labelSmoothing);
      return writtenAs(who, reduced(losses, { weight: undefined, isKept: undefined }, reduction));
    });
  }
  const index = indexFor(who, x, target, classes);
  if (options.weight === undefined && labelSmoothing === 0 && ignoreIndex === undefined && axis === undefined)
    if (reduction === 'none' && x.shape.length <= 2) return makeValue(who, [x, index]);
  return composed(who, [x, index], () => {
    checkTargets(x, index, at);
    const rows = axisLast(x, axis);
    const weights = weightsOf(who, options.weight, classes);
    const counted = countedOf(who, index, weights, ignoreIndex, classes);
    let losses = lossesOf(rows, index);
    if (weights) losses = losses.mul(weights.gather(index));
    if (labelSmoothing > 0)
      losses = losses.mul(1 - labelSmoothing).add(spread(rows, weights).mul(labelSmoothing / classes));
    return writtenAs(who, reduced(losses, counted, reduction));
  });
}

/** The sum over the classes of -weight log(softmax(x)). */
function spread(x: Value, weights: Value | undefined): Value {
  const logs = logSoftmax(x);
  return (weights ? logs.mul(weights) : logs).sum(-1).neg();
}

function ofProbabilities(x: Value, target: Value, weights: Value | undefined, smoothing: number): Value {
  if (!sameShape(x.shape, target.shape))
    throw new ShapeError(
      `${show(x.shape)} with probabilities ${show(target.shape)}: expected the same shape for both`,
    );
  const classes = x.shape.at(-1)!;
  const smooth = smoothing > 0 ? target.mul(1 - smoothing).add(smoothing / classes) : target;
  return spread(x, weights ? smooth.mul(weights) : smooth);
}

/**
 * The negative log-likelihood, averaged: -x[target] of each row. With `logSoftmax` before it, this is
 * `crossEntropy`.
 *
 * @param x [..., classes]: logarithms of probabilities
 * @param target integers, one for each row: x's shape without its last axis
 */
export function nll(x: Value, target: Indices, options: NllOptions = {}): Value {
  checkArguments('nll', arguments, 3);
  checkValue('nll', 'x', x);
  checkOptions('nll', options, NLL_OPTIONS);
  const { reduction = 'mean', ignoreIndex } = options;
  checkOneOf('nll: reduction', reduction, REDUCTIONS);
  const classes = x.shape.at(-1) ?? 1;
  const index = indexFor('nll', x, target, classes);
  return composed('nll', [x, index], () => {
    checkTargets(x, index, x.shape.length - 1);
    const weights = weightsOf('nll', options.weight, classes);
    const counted = countedOf('nll', index, weights, ignoreIndex, classes);
    const picked = takeAlongAxis(x, index.reshape([...index.shape, 1]));
    const losses = picked.squeeze(-1).neg();
    return writtenAs(
      'nll',
      reduced(weights ? losses.mul(weights.gather(index)) : losses, counted, reduction),
    );
  });
}
