/** Layers that normalise rows: layer normalisation, and by the root mean square. */
import { checkBoolean, checkFinite, checkInteger, type Known } from '../core/check.js';
import { checkValue, type Value } from '../value/value.js';
import { layerNorm } from '../value/functions.js';
import type { NormOptions } from '../value/norm-options.js';
import { composed } from '../graph/node.js';
import { ShapeError } from '../core/shape.js';
import { checkModule, Module, MODULE_OPTIONS, type ModuleOptions } from './module.js';

/** What {@link RMSNorm} takes. */
export interface RMSNormOptions extends Partial<ModuleOptions>, NormOptions {}

/** What {@link LayerNorm} takes. */
export interface LayerNormOptions extends RMSNormOptions {
  /** Whether a bias is added; true by default. */
  bias?: boolean;
}

const RMS_OPTIONS: Known<RMSNormOptions> = { ...MODULE_OPTIONS, eps: true };
const LAYER_OPTIONS: Known<LayerNormOptions> = { ...RMS_OPTIONS, bias: true };

/** The base of both: a weight for each column, from ones. Nothing is drawn, so that they need no `random`. */
abstract class Norm extends Module {
  /** [size]. */
  readonly weight: Value;
  protected readonly eps: number;

  constructor(size: number, options: RMSNormOptions, known: Readonly<Record<string, true>>) {
    super(options, known, false);
    const { eps = 1e-5 } = options;
    checkInteger(`${new.target.name}: size`, size, 0);
    checkFinite(`${new.target.name}: eps`, eps, 0);
    this.eps = eps;
    this.weight = this.full('weight', [size], 1);
  }

  /** Checks `x`, then makes the result. */
  protected checked(x: Value, make: () => Value): Value {
    const who = `${this.constructor.name}.apply`;
    checkValue(who, 'x', x);
    return composed(who, [x], () => {
      const size = this.weight.shape[0]!;
      if (x.shape.at(-1) !== size) throw new ShapeError(`expected shape [..., ${size}]`);
      return make();
    });
  }
}

/**
 * Layer normalisation (Ba, Kiros and Hinton, 2016): each row minus its mean, divided by its standard
 * deviation, times the weight, plus the bias. Parameters: weight [size], from ones, and bias [size], from
 * zeros.
 */
export class LayerNorm extends Norm {
  /** [size]; undefined without a bias. */
  readonly bias: Value | undefined;

  /** @param size the length of a row */
  constructor(size: number, options: LayerNormOptions = {}) {
    super(size, options, LAYER_OPTIONS);
    const { bias = true } = options;
    checkBoolean('LayerNorm: bias', bias);
    if (bias) this.bias = this.full('bias', [size], 0);
  }

  /**
   * @param x [..., size]
   * @returns the same shape
   * @throws ShapeError when the last axis of `x` is not `size`
   */
  apply(x: Value): Value {
    checkModule('LayerNorm.apply', this);
    return this.checked(x, () => {
      const y = layerNorm(x, { eps: this.eps }).mul(this.weight);
      return this.bias ? y.add(this.bias) : y;
    });
  }
}

/**
 * Each row divided by its root mean square (Zhang and Sennrich, 2019), times the weight. Parameter: weight
 * [size], from ones.
 */
export class RMSNorm extends Norm {
  /** @param size the length of a row */
  constructor(size: number, options: RMSNormOptions = {}) {
    super(size, options, RMS_OPTIONS);
  }

  /**
   * @param x [..., size]
   * @returns the same shape
   * @throws ShapeError when the last axis of `x` is not `size`
   */
  apply(x: Value): Value {
    checkModule('RMSNorm.apply', this);
    return this.checked(x, () => x.rmsNorm({ eps: this.eps }).mul(this.weight));
  }
}
