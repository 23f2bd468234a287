/** A block of a transformer. */
import { checkBoolean, checkInteger, type Known } from '../core/check.js';
import { checkValue, type Value } from '../value/value.js';
import { gelu } from '../value/functions.js';
import { composed } from '../graph/node.js';
import { ShapeError } from '../core/shape.js';
import { MultiHeadAttention, type AttendOptions } from './attention.js';
import { Dropout } from './dropout.js';
import { MLP } from './mlp.js';
import { checkModule, Module, MODULE_OPTIONS, type ModuleOptions } from './module.js';
import { LayerNorm } from './norm.js';

/** What {@link TransformerBlock} takes. */
export interface TransformerOptions extends ModuleOptions {
  /** The number of hidden columns of the perceptron; 4 nEmbd by default. */
  hidden?: number;
  /** The activation of the perceptron, which must keep the shape; the exact gelu by default. */
  activation?: (x: Value) => Value;
  /** The fraction that training drops of the attention weights, and of what each half adds; 0 by default. */
  dropout?: number;
  /** Whether linear layers and normalisations add a bias; true by default. */
  bias?: boolean;
}

const OPTIONS: Known<TransformerOptions> = {
  ...MODULE_OPTIONS,
  hidden: true,
  activation: true,
  dropout: true,
  bias: true,
};

/**
 * Attention and a perceptron, each of normalised rows and added to what came in (as in GPT-2; Xiong et al.,
 * 2020): y = x + attention(norm1(x)), then y + mlp(norm2(y)). Parameters: norm1, attention, norm2 and mlp,
 * under the names of {@link LayerNorm}, {@link MultiHeadAttention} and {@link MLP}.
 */
export class TransformerBlock extends Module {
  private readonly norm1: LayerNorm;
  private readonly attention: MultiHeadAttention;
  private readonly norm2: LayerNorm;
  private readonly mlp: MLP;
  private readonly dropout: Dropout | undefined;

  /** @throws RangeError when nHead does not divide nEmbd, or the dropout is out of range */
  constructor(
    private readonly nEmbd: number,
    nHead: number,
    options: TransformerOptions,
  ) {
    super(options, OPTIONS);
    const { hidden = 4 * nEmbd, activation = (x: Value) => gelu(x), dropout = 0, bias = true } = options;
    checkBoolean('TransformerBlock: bias', bias);
    checkInteger('TransformerBlock: nEmbd', nEmbd, 1);
    checkInteger('TransformerBlock: hidden', hidden, 1);
    this.norm1 = this.include(new LayerNorm(nEmbd, { ...this.part('norm1'), bias }));
    this.attention = this.include(
      new MultiHeadAttention(nEmbd, nHead, { ...this.part('attention'), bias, dropout }),
    );
    this.norm2 = this.include(new LayerNorm(nEmbd, { ...this.part('norm2'), bias }));
    this.mlp = this.include(new MLP(nEmbd, [hidden, nEmbd], { ...this.part('mlp'), bias, activation }));
    if (dropout !== 0) this.dropout = new Dropout(dropout, this.part('dropout'));
  }

  /**
   * @param x [..., positions, nEmbd]
   * @param options as of {@link MultiHeadAttention}: `causal`, and a mask
   * @returns the same shape
   */
  apply(x: Value, options: AttendOptions = {}): Value {
    const who = 'TransformerBlock.apply';
    checkModule(who, this);
    checkValue(who, 'x', x);
    return composed(who, [x], () => {
      if (x.shape.length < 2 || x.shape.at(-1) !== this.nEmbd)
        throw new ShapeError(`expected shape [..., positions, ${this.nEmbd}]`);
      const normed = this.norm1.apply(x);
      const y = x.add(this.dropped(this.attention.apply(normed, normed, normed, options)));
      return y.add(this.dropped(this.mlp.apply(this.norm2.apply(y))));
    });
  }

  private dropped(x: Value): Value {
    return this.dropout ? this.dropout.apply(x) : x;
  }
}
