/** Layers of one matrix. */
import type { Index, Value } from '../graph.js';
import { normal, xavierUniform, zeros, type Initializer } from './initializers.js';
import { Module, type ModuleOptions } from './module.js';

/** What {@link Linear} takes. */
export interface LinearOptions extends ModuleOptions {
  /** Whether a bias is added; true by default. */
  bias?: boolean;
  /** What the weights start from; `xavierUniform()` by default. The bias starts from zeros. */
  initializer?: Initializer;
}

/** x W + b: parameters weight [nIn, nOut] and bias [nOut]. */
export class Linear extends Module {
  /** [nIn, nOut]. */
  readonly weight: Value;
  /** [nOut]; undefined without one. */
  readonly bias: Value | undefined;

  constructor(nIn: number, nOut: number, options: LinearOptions) {
    super(options);
    this.weight = this.draw('weight', [nIn, nOut], options.initializer ?? xavierUniform());
    if (options.bias ?? true) this.bias = this.draw('bias', [nOut], zeros());
  }

  /**
   * @param x [..., nIn]
   * @returns [..., nOut]
   * @throws ShapeError when the last axis of `x` is not nIn
   */
  apply(x: Value): Value {
    const y = x.matmul(this.weight);
    return this.bias ? y.add(this.bias) : y;
  }
}

/** What {@link Embedding} takes. */
export interface EmbeddingOptions extends ModuleOptions {
  /** What the rows start from; `normal()` by default. */
  initializer?: Initializer;
}

/** A row for each of `count` tokens: parameter weight [count, size]. */
export class Embedding extends Module {
  /** [count, size]. */
  readonly weight: Value;

  constructor(count: number, size: number, options: EmbeddingOptions) {
    super(options);
    this.weight = this.draw('weight', [count, size], options.initializer ?? normal());
  }

  /**
   * @param tokens one, or a vector of n, each below count
   * @returns [size], or [n, size]
   */
  apply(tokens: Index): Value {
    return this.weight.gather(tokens);
  }
}
