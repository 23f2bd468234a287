/** Layers that convolve sequences and images. */
import { checkBoolean, checkInteger, isList, shownList, type Known } from '../core/check.js';
import { checkValue, type Value } from '../value/value.js';
import { conv1d, conv2d, type Sizes2d } from '../value/windows.js';
import { checkConvolution } from '../value/window-options.js';
import { composed } from '../graph/node.js';
import { ShapeError, sizeOf } from '../core/shape.js';
import { uniform, type Initializer } from './initializers.js';
import { checkModule, Module, MODULE_OPTIONS, type ModuleOptions } from './module.js';

/** What {@link Conv1d} and {@link Conv2d} take; `Size` is a number, or for images also a pair. */
export interface ConvLayerOptions<Size = Sizes2d> extends ModuleOptions {
  /** How far each window is from the one before; 1 by default. */
  stride?: Size;
  /** Zeros on each side, none by default (`valid`); `same`: as many as give a result of its size. */
  padding?: Size | 'same' | 'valid';
  /** How far the numbers of a window are apart; 1 by default. */
  dilation?: Size;
  /** Channels in and out are in as many groups, each convolved by itself; 1 by default. */
  groups?: number;
  /** Whether a number is added to each channel; true by default. */
  bias?: boolean;
  /**
   * How weights and bias are initialised; uniform in ±1 / sqrt(n) by default, as in PyTorch, where n is how
   * many numbers each result is computed from.
   */
  initializer?: Initializer;
}

const OPTIONS: Known<ConvLayerOptions> = {
  ...MODULE_OPTIONS,
  stride: true,
  padding: true,
  dilation: true,
  groups: true,
  bias: true,
  initializer: true,
};

/** The base of both: the parameters, and the options of the operator. */
abstract class Convolution extends Module {
  /** [nOut, nIn / groups, ...size]. */
  readonly weight: Value;
  /** [nOut]; undefined without a bias. */
  readonly bias: Value | undefined;
  protected readonly how: Pick<ConvLayerOptions, 'stride' | 'padding' | 'dilation'> & { groups: number };

  constructor(nIn: number, nOut: number, size: readonly number[], options: ConvLayerOptions) {
    super(options, OPTIONS);
    const who = new.target.name;
    const { groups = 1, bias = true, initializer, stride = 1, padding = 0, dilation = 1 } = options;
    checkInteger(`${who}: nIn`, nIn, 1);
    checkInteger(`${who}: nOut`, nOut, 1);
    checkInteger(`${who}: groups`, groups, 1);
    checkBoolean(`${who}: bias`, bias);
    if (nIn % groups !== 0 || nOut % groups !== 0)
      throw new RangeError(`${who}: ${groups} groups do not divide ${nIn} channels in and ${nOut} out`);
    for (const n of size) checkInteger(`${who}: size`, n, 1);
    checkConvolution(who, size, { stride, padding, dilation });
    const inputs = nIn / groups;
    const bound = 1 / Math.sqrt(inputs * sizeOf(size));
    const draw = initializer ?? uniform(-bound, bound);
    this.weight = this.draw('weight', [nOut, inputs, ...size], draw);
    if (bias) this.bias = this.draw('bias', [nOut], draw);
    this.how = { stride, padding, dilation, groups };
  }

  /** Checks `x`, then convolves it. */
  protected convolved(x: Value, make: (options: object) => Value): Value {
    const who = `${this.constructor.name}.apply`;
    checkValue(who, 'x', x);
    return composed(who, [x], () => {
      const { shape } = x;
      const axes = this.weight.shape.length - 2;
      const isImages = shape.length === axes + 1 || shape.length === axes + 2;
      const channels = this.weight.shape[1]! * this.how.groups;
      if (!isImages || shape.at(-axes - 1) !== channels) {
        const form = `${channels}, ${axes === 1 ? 'L' : 'H, W'}`;
        throw new ShapeError(`expected shape [N, ${form}] or [${form}]`);
      }
      return make({ ...this.how, ...(this.bias && { bias: this.bias }) });
    });
  }
}

/**
 * Convolves sequences, as PyTorch's `Conv1d`. Parameters: weight [nOut, nIn / groups, size] and bias [nOut].
 */
export class Conv1d extends Convolution {
  /**
   * @param nIn channels in
   * @param nOut channels out
   * @param size how long each window is
   */
  constructor(nIn: number, nOut: number, size: number, options: ConvLayerOptions<number>) {
    super(nIn, nOut, [size], options);
  }

  /**
   * @param x [N, nIn, L], or [nIn, L]
   * @returns [N, nOut, M], or [nOut, M]: see {@link conv1d}
   * @throws ShapeError when the shape does not fit; RangeError when an option is out of range
   */
  apply(x: Value): Value {
    checkModule('Conv1d.apply', this);
    return this.convolved(x, (options) => conv1d(x, this.weight, options));
  }
}

/** Convolves images, as PyTorch's `Conv2d`. Parameters: weight [nOut, nIn / groups, h, w] and bias [nOut]. */
export class Conv2d extends Convolution {
  /**
   * @param nIn channels in
   * @param nOut channels out
   * @param size how high and wide each window is: a number for both, or a pair
   */
  constructor(nIn: number, nOut: number, size: Sizes2d, options: ConvLayerOptions) {
    const given: unknown = size;
    if (isList(given) && given.length !== 2)
      throw new TypeError(`Conv2d: size ${shownList(given)}: expected an integer, or a pair of them`);
    super(nIn, nOut, isList(size) ? size : [size, size], options);
  }

  /**
   * @param x [N, nIn, H, W], or [nIn, H, W]
   * @returns [N, nOut, ...], or [nOut, ...]: see {@link conv2d}
   * @throws ShapeError when the shape does not fit; RangeError when an option is out of range
   */
  apply(x: Value): Value {
    checkModule('Conv2d.apply', this);
    return this.convolved(x, (options) => conv2d(x, this.weight, options));
  }
}
