/** Options of convolutions and pools: sizes for each axis, and padding. */
import { checkBoolean, checkInteger, isList, shown, shownList, type Known } from '../core/check.js';
import { show } from '../core/shape.js';
import type { Pair } from '../graph/ops/window.js';

/** A number for both axes of images, or one for each: down and along. */
export type Sizes2d = number | readonly [number, number];

/** What {@link maxPool1d} and {@link maxPool2d} take. */
export interface PoolOptions<Size = Sizes2d> {
  /** How far each window is from the one before; by default its size, so that none overlap. */
  stride?: Size;
  /** How far the first window begins before the image, at most half its size; 0 by default. */
  padding?: Size;
}

/** What {@link avgPool1d} and {@link avgPool2d} take. */
export interface AvgPoolOptions<Size = Sizes2d> extends PoolOptions<Size> {
  /** Whether padding counts as zeros, as by default; or the sum is divided by the numbers of the image. */
  countIncludePad?: boolean;
}

export const POOL_OPTIONS: Known<PoolOptions> = { stride: true, padding: true };
export const AVG_POOL_OPTIONS: Known<AvgPoolOptions> = { ...POOL_OPTIONS, countIncludePad: true };

/** How many axes images have: a sequence is an image of one row. */
export type Axes = 1 | 2;

/** The call that is checked: its name, for errors with its operands, and the axes of its images. */
export interface Call {
  who: string;
  where: string;
  axes: Axes;
}

/** A size for each axis: given once, or as a pair; `other` down a sequence, which has no such axis. */
export function sizesOf(
  { where, axes }: Call,
  name: string,
  given: unknown,
  least: number,
  other: number,
): Pair {
  const what = `${where}: ${name}`;
  if (axes === 1) return [other, checkInteger(what, given, least)];
  if (!isList(given)) {
    const size = checkInteger(what, given, least);
    return [size, size];
  }
  if (given.length !== 2)
    throw new RangeError(`${what} ${shownList(given)}: expected an integer, or a pair of them`);
  return [checkInteger(what, given[0], least), checkInteger(what, given[1], least)];
}

/** The numbers that a window spans. */
export const spanOf = (size: number, dilation: number): number => (size - 1) * dilation + 1;

/** The zeros before and behind each axis. */
export function paddingOf(
  call: Call,
  given: unknown,
  spans: Pair,
  stride: Pair,
): { before: Pair; behind: Pair } {
  if (given === 'same') {
    if (stride[0] !== 1 || stride[1] !== 1)
      throw new RangeError(`${call.where}: padding 'same': expected a stride of 1, not ${show(stride)}`);
    const before: Pair = [Math.floor((spans[0] - 1) / 2), Math.floor((spans[1] - 1) / 2)];
    return { before, behind: [spans[0] - 1 - before[0], spans[1] - 1 - before[1]] };
  }
  if (typeof given === 'string' && given !== 'valid')
    throw new RangeError(
      `${call.where}: padding ${shown(given)}: expected integers from 0, 'same' or 'valid'`,
    );
  const before = sizesOf(call, 'padding', given === 'valid' ? 0 : given, 0, 0);
  return { before, behind: before };
}

/**
 * Checks what of a convolution's options needs no images.
 *
 * @param who names it in errors
 * @param size of the windows: of one axis or of two
 * @throws RangeError when an option is out of range
 */
export function checkConvolution(
  who: string,
  size: readonly number[],
  options: { stride?: unknown; dilation?: unknown; padding?: unknown },
): void {
  const call: Call = { who, where: who, axes: size.length === 1 ? 1 : 2 };
  const stride = sizesOf(call, 'stride', options.stride ?? 1, 1, 1);
  const dilation = sizesOf(call, 'dilation', options.dilation ?? 1, 1, 1);
  const [down, along] = size.length === 1 ? [1, size[0]!] : (size as Pair);
  paddingOf(call, options.padding ?? 0, [spanOf(down, dilation[0]), spanOf(along, dilation[1])], stride);
}

/** The size of a pool's windows, how far they are apart, and the padding before them. */
export interface PoolSizes {
  size: Pair;
  stride: Pair;
  before: Pair;
}

/**
 * The sizes of a pool, of what needs no images.
 *
 * @throws RangeError when one is out of range
 */
export function checkPool(
  call: Call,
  given: unknown,
  options: { stride?: unknown; padding?: unknown; countIncludePad?: unknown },
): PoolSizes {
  const size = sizesOf(call, 'size', given, 1, 1);
  const stride = options.stride === undefined ? size : sizesOf(call, 'stride', options.stride, 1, 1);
  const before = sizesOf(call, 'padding', options.padding ?? 0, 0, 0);
  for (const i of [0, 1] as const) {
    if (2 * before[i] > size[i])
      throw new RangeError(
        `${call.where}: padding ${before[i]}: expected at most half of the size, ${size[i]}`,
      );
  }
  checkBoolean(`${call.where}: countIncludePad`, options.countIncludePad ?? true);
  return { size, stride, before };
}
