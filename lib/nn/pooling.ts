/** Pools of sequences and images as layers, such as those of a `Sequential`. They have no parameters. */
import { composed } from '../graph/node.js';
import {
  AVG_POOL_OPTIONS,
  checkPool,
  POOL_OPTIONS,
  sizesOf,
  type Axes,
  type AvgPoolOptions,
  type PoolOptions,
  type Sizes2d,
} from '../value/window-options.js';
import { adaptiveAvgPool2d, avgPool1d, avgPool2d, maxPool1d, maxPool2d } from '../value/windows.js';
import { checkValue, type Value } from '../value/value.js';
import { checkModule, Module } from './module.js';

/** The base of all: an operator with its size and options. */
abstract class Pool<Size, Options extends object> extends Module {
  private readonly options: Options;

  constructor(
    private readonly size: Size,
    options: Options,
    known: Readonly<Record<string, true>>,
    check: (who: string) => void,
  ) {
    super(options, known, false);
    check(new.target.name);
    this.options = { ...options };
  }

  /** Checks `x`, then pools it. */
  protected pooled(x: Value, pool: (x: Value, size: Size, options: Options) => Value): Value {
    const who = `${this.constructor.name}.apply`;
    checkValue(who, 'x', x);
    return composed(who, [x], () => pool(x, this.size, this.options));
  }
}

/** Checks the size and options of windows. */
const windows =
  (axes: Axes, size: unknown, options: AvgPoolOptions<unknown>) =>
  (who: string): void => {
    checkPool({ who, where: who, axes }, size, options);
  };

/** The largest number of each window of sequences, as PyTorch's `MaxPool1d`: see {@link maxPool1d}. */
export class MaxPool1d extends Pool<number, PoolOptions<number>> {
  /**
   * @param size how long each window is
   * @throws RangeError when the size or an option is not an integer in its range
   */
  constructor(size: number, options: PoolOptions<number> = {}) {
    super(size, options, POOL_OPTIONS, windows(1, size, options));
  }

  /**
   * @param x [N, C, L], or [C, L]
   * @throws ShapeError when the shape does not fit
   */
  apply(x: Value): Value {
    checkModule('MaxPool1d.apply', this);
    return this.pooled(x, maxPool1d);
  }
}

/** The largest number of each window of images, as PyTorch's `MaxPool2d`: see {@link maxPool1d}. */
export class MaxPool2d extends Pool<Sizes2d, PoolOptions> {
  /**
   * @param size how high and wide each window is: a number for both, or a pair
   * @throws RangeError when the size or an option is not an integer in its range
   */
  constructor(size: Sizes2d, options: PoolOptions = {}) {
    super(size, options, POOL_OPTIONS, windows(2, size, options));
  }

  /**
   * @param x [N, C, H, W], or [C, H, W]
   * @throws ShapeError when the shape does not fit
   */
  apply(x: Value): Value {
    checkModule('MaxPool2d.apply', this);
    return this.pooled(x, maxPool2d);
  }
}

/** The mean of each window of sequences, as PyTorch's `AvgPool1d`: see {@link avgPool1d}. */
export class AvgPool1d extends Pool<number, AvgPoolOptions<number>> {
  /**
   * @param size how long each window is
   * @throws RangeError when the size or an option is not an integer in its range
   */
  constructor(size: number, options: AvgPoolOptions<number> = {}) {
    super(size, options, AVG_POOL_OPTIONS, windows(1, size, options));
  }

  /**
   * @param x [N, C, L], or [C, L]
   * @throws ShapeError when the shape does not fit
   */
  apply(x: Value): Value {
    checkModule('AvgPool1d.apply', this);
    return this.pooled(x, avgPool1d);
  }
}

/** The mean of each window of images, as PyTorch's `AvgPool2d`: see {@link avgPool1d}. */
export class AvgPool2d extends Pool<Sizes2d, AvgPoolOptions> {
  /**
   * @param size how high and wide each window is: a number for both, or a pair
   * @throws RangeError when the size or an option is not an integer in its range
   */
  constructor(size: Sizes2d, options: AvgPoolOptions = {}) {
    super(size, options, AVG_POOL_OPTIONS, windows(2, size, options));
  }

  /**
   * @param x [N, C, H, W], or [C, H, W]
   * @throws ShapeError when the shape does not fit
   */
  apply(x: Value): Value {
    checkModule('AvgPool2d.apply', this);
    return this.pooled(x, avgPool2d);
  }
}

/** The means of as many parts of images, as PyTorch's `AdaptiveAvgPool2d`: see {@link adaptiveAvgPool2d}. */
export class AdaptiveAvgPool2d extends Pool<Sizes2d, Record<string, never>> {
  /**
   * @param size into how many parts each axis is divided: a number for both, or a pair
   * @throws RangeError when the size is not an integer from 1, or a pair of them
   */
  constructor(size: Sizes2d) {
    super(size, {}, {}, (who) => sizesOf({ who, where: who, axes: 2 }, 'size', size, 1, 1));
  }

  /**
   * @param x [N, C, H, W], or [C, H, W]
   * @returns [N, C, ...size], or [C, ...size]
   * @throws ShapeError when the shape does not fit
   */
  apply(x: Value): Value {
    checkModule('AdaptiveAvgPool2d.apply', this);
    return this.pooled(x, (images, size) => adaptiveAvgPool2d(images, size));
  }
}
