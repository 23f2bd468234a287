/**
 * Convolutions and pooling, as in PyTorch: images are [N, C, H, W], or [C, H, W] for one; those of one axis
 * [N, C, L] or [C, L].
 */
import { checkArguments, checkInteger, checkOptions, type Known } from '../core/check.js';
import { ShapeError, show, sizeOf, type Shape } from '../core/shape.js';
import { composed, writtenAs } from '../graph/node.js';
import type { Pair, Window } from '../graph/ops/window.js';
import { concat } from './joins.js';
import {
  AVG_POOL_OPTIONS,
  checkPool,
  paddingOf,
  POOL_OPTIONS,
  sizesOf,
  spanOf,
  type Axes,
  type AvgPoolOptions,
  type Call,
  type PoolOptions,
  type Sizes2d,
} from './window-options.js';
import { checkValue, constant, makeValue, type Value } from './value.js';

export type { AvgPoolOptions, PoolOptions, Sizes2d };

/** What {@link conv1d} and {@link conv2d} take; `Size` is a number, or for images also a pair. */
export interface ConvOptions<Size = Sizes2d> {
  /** How far each window is from the one before; 1 by default. */
  stride?: Size;
  /**
   * Zeros on each side of an image, none by default (`valid`); `same`: as many as give a result of its size,
   * the odd one behind it, with a stride of 1.
   */
  padding?: Size | 'same' | 'valid';
  /** How far the numbers of a window are apart; 1 by default. */
  dilation?: Size;
  /** Channels in and out are in as many groups, each convolved by itself; 1 by default. */
  groups?: number;
  /** Added to each channel of the result; of shape [O]. */
  bias?: Value;
}

/** What {@link convTranspose1d} and {@link convTranspose2d} take. */
export interface ConvTransposeOptions<Size = Sizes2d> {
  /** How far the windows of neighbouring numbers are apart; 1 by default. */
  stride?: Size;
  /** How much of each side of the result is left out; 0 by default. */
  padding?: Size;
  /** How much longer the result is at its end, less than the stride or the dilation; 0 by default. */
  outputPadding?: Size;
  /** How far the numbers of a window are apart; 1 by default. */
  dilation?: Size;
  /** Channels in and out are in as many groups, each convolved by itself; 1 by default. */
  groups?: number;
  /** Added to each channel of the result; of shape [O]. */
  bias?: Value;
}

const CONV_OPTIONS: Known<ConvOptions> = {
  stride: true,
  padding: true,
  dilation: true,
  groups: true,
  bias: true,
};
const CONV_TRANSPOSE_OPTIONS: Known<ConvTransposeOptions> = {
  stride: true,
  padding: true,
  outputPadding: true,
  dilation: true,
  groups: true,
  bias: true,
};

/** Windows whose largest number is looked for have at most so many: see native/vm/window.h. */
const MAX_TAPS = 2 ** 24;

/** How images are written. */
function imagesOf(axes: Axes): string {
  return axes === 1 ? '[N, C, L] or [C, L]' : '[N, C, H, W] or [C, H, W]';
}

/** An image or several as [N, C, H, W]. */
function asImages(x: Value, axes: Axes): Value {
  const { shape } = x;
  if (shape.length !== axes + 1 && shape.length !== axes + 2)
    throw new ShapeError(`images of shape ${show(shape)}: expected ${imagesOf(axes)}`);
  // Padding alone is no image, as in PyTorch.
  if (sizeOf(shape.slice(-axes)) === 0)
    throw new ShapeError(
      `images of shape ${show(shape)}: expected at least one number along ` +
        (axes === 1 ? 'the axis L' : 'H and W'),
    );
  const batch = shape.length === axes + 1 ? [1] : [];
  return reshaped(x, [...batch, ...shape.slice(0, -axes), ...(axes === 1 ? [1] : []), ...shape.slice(-axes)]);
}

/** [N, C, H, W] in the form of the images that were given. */
function asGiven(y: Value, given: Value, axes: Axes): Value {
  const [n, channels, ...sizes] = y.shape as [number, number, number, number];
  return reshaped(y, [...(given.shape.length === axes + 1 ? [] : [n]), channels, ...sizes.slice(-axes)]);
}

function reshaped(x: Value, shape: Shape): Value {
  return shape.length === x.shape.length ? x : x.reshape(shape);
}

/** Weights [O, C / groups, h, w]; those of sequences have one row. */
function asWeights(w: Value, axes: Axes, form: string): Value {
  if (w.shape.length !== axes + 2 || sizeOf(w.shape.slice(2)) === 0) {
    const sizes = axes === 1 ? 'k' : 'h, w';
    throw new ShapeError(
      `weights of shape ${show(w.shape)}: expected [${form}, ${sizes}], which is not empty`,
    );
  }
  return axes === 1 ? w.reshape([...w.shape.slice(0, 2), 1, ...w.shape.slice(2)]) : w;
}

/** How many windows fit along an axis of a padded image. */
function countOf(n: number, padding: number, span: number, stride: number): number {
  if (span > n + padding) {
    const padded = padding > 0 ? `${n} and padding of ${padding}` : `${n}`;
    throw new ShapeError(`windows of ${span} numbers do not fit into an axis of ${padded}`);
  }
  return Math.floor((n + padding - span) / stride) + 1;
}

/** @throws ShapeError where channels cannot be in as many groups */
function checkGroups(groups: number, channels: number, what: string): void {
  if (channels % groups === 0) return;
  throw new ShapeError(
    `groups ${groups}: expected a number that divides the ${channels} channels of ${what}`,
  );
}

function withBias(y: Value, bias: Value | undefined): Value {
  if (bias === undefined) return y;
  const [, channels] = y.shape;
  if (bias.shape.length !== 1 || bias.shape[0] !== channels)
    throw new ShapeError(`a bias of shape ${show(bias.shape)}: expected [${channels}], one for each channel`);
  return y.add(bias.reshape([channels!, 1, 1]));
}

/** The call of a convolution, whose operands and options are checked as far as they need no shape. */
function callOf(
  who: string,
  axes: Axes,
  x: Value,
  w: Value,
  options: object,
  known: Readonly<Record<string, true>>,
): Call {
  checkValue(who, 'x', x);
  checkValue(who, 'w', w);
  const where = `${who} of ${x.label} and ${w.label}`;
  checkOptions(where, options, known);
  const { bias } = options as { bias?: unknown };
  if (bias !== undefined) checkValue(who, 'the bias', bias);
  return { who, where, axes };
}

function convolution(who: string, axes: Axes, x: Value, w: Value, options: ConvOptions): Value {
  const call = callOf(who, axes, x, w, options, CONV_OPTIONS);
  const stride = sizesOf(call, 'stride', options.stride ?? 1, 1, 1);
  const dilation = sizesOf(call, 'dilation', options.dilation ?? 1, 1, 1);
  const groups = checkInteger(`${call.where}: groups`, options.groups ?? 1, 1);
  return composed(who, [x, w], () => {
    const images = asImages(x, axes);
    const weights = asWeights(w, axes, 'O, C / groups');
    const [, channels, ...lengths] = images.shape as [number, number, number, number];
    const [outputs, inputs, ...size] = weights.shape as [number, number, number, number];
    checkGroups(groups, channels, 'images');
    if (channels !== inputs * groups)
      throw new ShapeError(
        `images of ${channels} channels, weights of shape ${show(w.shape)}: expected weights ` +
          `[O, ${channels / groups}, ${axes === 1 ? 'k' : 'h, w'}]` +
          (groups > 1 ? ` in ${groups} groups` : '') +
          `, or images of ${inputs * groups} channels`,
      );
    checkGroups(groups, outputs, 'the result');
    const spans: Pair = [spanOf(size[0], dilation[0]), spanOf(size[1], dilation[1])];
    const { before, behind } = paddingOf(call, options.padding ?? 0, spans, stride);
    const along = (i: 0 | 1): number => countOf(lengths[i], before[i] + behind[i], spans[i], stride[i]);
    const window: Window = { size, dilation, stride, before, count: [along(0), along(1)], groups };
    const y = writtenAs(who, makeValue('conv', [images, weights], { window }));
    return writtenAs(who, asGiven(withBias(y, options.bias), x, axes));
  });
}

function transposed(who: string, axes: Axes, x: Value, w: Value, options: ConvTransposeOptions): Value {
  const call = callOf(who, axes, x, w, options, CONV_TRANSPOSE_OPTIONS);
  const stride = sizesOf(call, 'stride', options.stride ?? 1, 1, 1);
  const dilation = sizesOf(call, 'dilation', options.dilation ?? 1, 1, 1);
  const before = sizesOf(call, 'padding', options.padding ?? 0, 0, 0);
  const more = sizesOf(call, 'outputPadding', options.outputPadding ?? 0, 0, 0);
  for (const i of [0, 1] as const) {
    const limit = Math.max(stride[i], dilation[i]);
    if (more[i] >= limit)
      throw new RangeError(
        `${call.where}: outputPadding ${more[i]}: expected less than the stride or the dilation, ${limit}`,
      );
  }
  const groups = checkInteger(`${call.where}: groups`, options.groups ?? 1, 1);
  return composed(who, [x, w], () => {
    const images = asImages(x, axes);
    const weights = asWeights(w, axes, 'C, O / groups');
    const [n, channels, ...count] = images.shape as [number, number, number, number];
    const [inputs, outputs, ...size] = weights.shape as [number, number, number, number];
    if (channels !== inputs)
      throw new ShapeError(
        `images of ${channels} channels, weights of shape ${show(w.shape)}: expected weights ` +
          `[${channels}, O / groups, ${axes === 1 ? 'k' : 'h, w'}], or images of ${inputs} channels`,
      );
    checkGroups(groups, channels, 'images');
    const lengths = [0, 1].map((i) => {
      const whole = (count[i]! - 1) * stride[i]! + spanOf(size[i]!, dilation[i]!) + more[i]!;
      if (whole > 2 * before[i]!) return whole - 2 * before[i]!;
      throw new ShapeError(`padding ${before[i]!} leaves nothing of an axis of ${whole}`);
    });
    const window: Window = { size, dilation, stride, before, count, groups };
    const shape = [n, outputs * groups, ...lengths];
    const y = writtenAs(who, makeValue('convInput', [images, weights], { window, shape }));
    return writtenAs(who, asGiven(withBias(y, options.bias), x, axes));
  });
}

/** The windows of a pool. */
function poolWindow(call: Call, images: Value, given: unknown, options: PoolOptions): Window {
  const { size, stride, before } = checkPool(call, given, options);
  const along = (i: 0 | 1): number => countOf(images.shape.at(i - 2)!, 2 * before[i], size[i], stride[i]);
  const count: Pair = [along(0), along(1)];
  return { size, dilation: [1, 1], stride, before, count, groups: 1 };
}

function maximum(who: string, axes: Axes, x: Value, size: unknown, options: PoolOptions): Value {
  checkValue(who, 'x', x);
  const call: Call = { who, where: `${who} of ${x.label}`, axes };
  checkOptions(call.where, options, POOL_OPTIONS);
  return composed(who, [x], () => {
    const images = asImages(x, axes);
    const window = poolWindow(call, images, size, options);
    const taps = sizeOf(window.size);
    if (taps > MAX_TAPS) throw new ShapeError(`windows of ${taps} numbers: expected at most ${MAX_TAPS}`);
    const y = writtenAs(who, makeValue('maxPool', [images], { window }));
    return writtenAs(who, asGiven(y, x, axes));
  });
}

function average(who: string, axes: Axes, x: Value, size: unknown, options: AvgPoolOptions): Value {
  checkValue(who, 'x', x);
  const call: Call = { who, where: `${who} of ${x.label}`, axes };
  checkOptions(call.where, options, AVG_POOL_OPTIONS);
  const { countIncludePad = true } = options;
  return composed(who, [x], () => {
    const images = asImages(x, axes);
    const window = poolWindow(call, images, size, options);
    const sumOf = (of: Value): Value => writtenAs(who, makeValue('sumPool', [of], { window }));
    const isPadded = window.before.some((n) => n > 0);
    const counts =
      isPadded && !countIncludePad
        ? sumOf(constant(1).broadcastTo([1, 1, ...images.shape.slice(-2)]))
        : sizeOf(window.size);
    return writtenAs(who, asGiven(sumOf(images).div(counts), x, axes));
  });
}

/**
 * The cross-correlation of sequences x [N, C, L] or [C, L] with weights w [O, C / groups, k], as PyTorch's
 * `conv1d`: [N, O, M] or [O, M], where M is floor((L + 2 padding - dilation (k - 1) - 1) / stride) + 1.
 *
 * @throws ShapeError when shapes do not fit
 * @throws RangeError when an option is not an integer in its range
 */
export function conv1d(x: Value, w: Value, options: ConvOptions<number> = {}): Value {
  checkArguments('conv1d', arguments, 3);
  return convolution('conv1d', 1, x, w, options);
}

/**
 * The cross-correlation of images x [N, C, H, W] or [C, H, W] with weights w [O, C / groups, h, w], as
 * PyTorch's `conv2d`: the numbers of y [N, O, ...] are the products of the weights with windows of x. Each
 * axis is as long as in {@link conv1d}.
 *
 * @throws ShapeError when shapes do not fit
 * @throws RangeError when an option is not an integer in its range
 */
export function conv2d(x: Value, w: Value, options: ConvOptions = {}): Value {
  checkArguments('conv2d', arguments, 3);
  return convolution('conv2d', 2, x, w, options);
}

/**
 * The transpose of {@link conv1d}, as PyTorch's `conv_transpose1d`: of x [N, C, M] or [C, M] and weights
 * [C, O / groups, k], [N, O, L] or [O, L] with the weights added at each number, times that number; L is
 * (M - 1) stride - 2 padding + dilation (k - 1) + outputPadding + 1.
 *
 * @throws ShapeError when shapes do not fit
 * @throws RangeError when an option is not an integer in its range
 */
export function convTranspose1d(x: Value, w: Value, options: ConvTransposeOptions<number> = {}): Value {
  checkArguments('convTranspose1d', arguments, 3);
  return transposed('convTranspose1d', 1, x, w, options);
}

/**
 * The transpose of {@link conv2d}, as PyTorch's `conv_transpose2d`: of x [N, C, H, W] or [C, H, W] and
 * weights [C, O / groups, h, w]. Each axis is as long as in {@link convTranspose1d}.
 *
 * @throws ShapeError when shapes do not fit
 * @throws RangeError when an option is not an integer in its range
 */
export function convTranspose2d(x: Value, w: Value, options: ConvTransposeOptions = {}): Value {
  checkArguments('convTranspose2d', arguments, 3);
  return transposed('convTranspose2d', 2, x, w, options);
}

/**
 * The largest number of each window of sequences [N, C, L] or [C, L], `size` numbers each; padding is never
 * the largest. The gradient goes to the first of equal numbers. A window with NaN is NaN, whose gradient goes
 * to the last NaN in it, as in PyTorch.
 *
 * @throws ShapeError when shapes do not fit
 * @throws RangeError when the size or an option is not an integer in its range
 */
export function maxPool1d(x: Value, size: number, options: PoolOptions<number> = {}): Value {
  checkArguments('maxPool1d', arguments, 3);
  return maximum('maxPool1d', 1, x, size, options);
}

/**
 * The largest number of each window of images [N, C, H, W] or [C, H, W]: see {@link maxPool1d}.
 *
 * @throws ShapeError when shapes do not fit
 * @throws RangeError when the size or an option is not an integer in its range
 */
export function maxPool2d(x: Value, size: Sizes2d, options: PoolOptions = {}): Value {
  checkArguments('maxPool2d', arguments, 3);
  return maximum('maxPool2d', 2, x, size, options);
}

/**
 * The mean of each window of sequences [N, C, L] or [C, L], `size` numbers each. Padding counts as zeros,
 * unless `countIncludePad` is false.
 *
 * @throws ShapeError when shapes do not fit
 * @throws RangeError when the size or an option is not an integer in its range
 */
export function avgPool1d(x: Value, size: number, options: AvgPoolOptions<number> = {}): Value {
  checkArguments('avgPool1d', arguments, 3);
  return average('avgPool1d', 1, x, size, options);
}

/**
 * The mean of each window of images [N, C, H, W] or [C, H, W]: see {@link avgPool1d}.
 *
 * @throws ShapeError when shapes do not fit
 * @throws RangeError when the size or an option is not an integer in its range
 */
export function avgPool2d(x: Value, size: Sizes2d, options: AvgPoolOptions = {}): Value {
  checkArguments('avgPool2d', arguments, 3);
  return average('avgPool2d', 2, x, size, options);
}

/** The means of `count` parts of an axis, which overlap where it does not divide evenly. */
function meansOfParts(x: Value, axis: 2 | 3, count: number): Value {
  const n = x.shape[axis]!;
  if (count > n) throw new ShapeError(`${count} parts of an axis of ${n}: expected at most ${n}`);
  const begin = (i: number): number => Math.floor((i * n) / count);
  const end = (i: number): number => Math.ceil(((i + 1) * n) / count);
  if (n % count === 0) return avgPool2d(x, axis === 2 ? [n / count, 1] : [1, n / count]);
  const means = Array.from({ length: count }, (_, i) => x.slice(begin(i), end(i), axis).mean(axis, true));
  return concat(means, axis);
}

/**
 * The means of images [N, C, H, W] or [C, H, W] over windows that divide them into `size` parts, as PyTorch's
 * `adaptive_avg_pool2d`: part i of n numbers is [floor(i n / size), ceil((i + 1) n / size)).
 *
 * @throws ShapeError when the images have fewer numbers along an axis than parts
 * @throws RangeError when the size is not an integer from 1, or a pair of them
 */
export function adaptiveAvgPool2d(x: Value, size: Sizes2d): Value {
  const who = 'adaptiveAvgPool2d';
  checkArguments(who, arguments, 2);
  checkValue(who, 'x', x);
  const [down, along] = sizesOf({ who, where: `${who} of ${x.label}`, axes: 2 }, 'size', size, 1, 1);
  return composed(who, [x], () => {
    const means = meansOfParts(meansOfParts(asImages(x, 2), 2, down), 3, along);
    return writtenAs(who, asGiven(means, x, 2));
  });
}
