/** Layers of one matrix: linear and embedding. */
import { checkBoolean, checkInteger, type Known } from '../core/check.js';
import { checkValue, type Value } from '../value/value.js';
import type { Indices } from '../value/indices.js';
import { composed } from '../graph/node.js';
import { ShapeError } from '../core/shape.js';
import { normal, xavierUniform, zeros, type Initializer } from './initializers.js';
import { checkModule, Module, MODULE_OPTIONS, type ModuleOptions } from './module.js';

/** What {@link Linear} takes. */
export interface LinearOptions extends ModuleOptions {
  /** Whether a bias is added; true by default. */
  bias?: boolean;
  /** How the weights are initialised; `xavierUniform()` by default. The bias starts from zeros. */
  initializer?: Initializer;
}

/** The names of the options that {@link Linear} takes. */
export const LINEAR_OPTIONS: Known<LinearOptions> = { ...MODULE_OPTIONS, bias: true, initializer: true };

/** x W + b: parameters weight [nIn, nOut] and bias [nOut]. */
export class Linear extends Module {
  /** [nIn, nOut]. */
  readonly weight: Value;
  /** [nOut]; undefined without a bias. */
  readonly bias: Value | undefined;

  constructor(nIn: number, nOut: number, options: LinearOptions) {
    super(options, LINEAR_OPTIONS);
    const { bias = true, initializer = xavierUniform() } = options;
    checkInteger('Linear: nIn', nIn, 0);
    checkInteger('Linear: nOut', nOut, 0);
    checkBoolean('Linear: bias', bias);
    this.weight = this.draw('weight', [nIn, nOut], initializer);
    if (bias) this.bias = this.draw('bias', [nOut], zeros());
  }

  /**
   * @param x [..., nIn]
   * @returns [..., nOut]
   * @throws ShapeError when the last axis of `x` is not nIn
   */
  apply(x: Value): Value {
    checkModule('Linear.apply', this);
    checkValue('Linear.apply', 'x', x);
    return composed('Linear.apply', [x], () => {
      const nIn = this.weight.shape[0]!;
      if (x.shape.at(-1) !== nIn) throw new ShapeError(`expected shape [..., ${nIn}]`);
      const y = x.matmul(this.weight);
      return this.bias ? y.add(this.bias) : y;
    });
  }
}

/** What {@link Embedding} takes. */
export interface EmbeddingOptions extends ModuleOptions {
  /** How the rows are initialised; `normal()` by default. */
  initializer?: Initializer;
}

const EMBEDDING_OPTIONS: Known<EmbeddingOptions> = { ...MODULE_OPTIONS, initializer: true };

/** A table with one row for each of `count` tokens: parameter weight [count, size]. */
export class Embedding extends Module {
  /** [count, size]. */
  readonly weight: Value;

  constructor(count: number, size: number, options: EmbeddingOptions) {
    super(options, EMBEDDING_OPTIONS);
    const { initializer = normal() } = options;
    checkInteger('Embedding: count', count, 0);
    checkInteger('Embedding: size', size, 0);
    this.weight = this.draw('weight', [count, size], initializer);
  }

  /**
   * @param tokens one token, or an array of them, each below count
   * @returns the tokens' axes, then one of `size`
   */
  apply(tokens: Indices): Value {
    checkModule('Embedding.apply', this);
    return composed('Embedding.apply', [this.weight, tokens], () => this.weight.gather(tokens));
  }
}
