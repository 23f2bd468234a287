/** Self-attention: each position reads the others. */
import { checkBoolean, checkInteger, type Known } from '../core/check.js';
import { checkValue, makeValue, type Value } from '../value/value.js';
import { composed } from '../graph/node.js';
import { ShapeError } from '../core/shape.js';
import { Linear } from './linear.js';
import { checkModule, Module, MODULE_OPTIONS, type ModuleOptions } from './module.js';

export interface SelfAttentionOptions extends ModuleOptions {
  /** Whether each position attends only to itself and earlier positions; true by default. */
  causal?: boolean;
}

const OPTIONS: Known<SelfAttentionOptions> = { ...MODULE_OPTIONS, causal: true };

/**
 * Multi-head scaled dot-product attention (Vaswani et al., 2017): softmax(Q Kᵀ / sqrt(d)) V for each head,
 * with d = nEmbd / nHead; the heads are concatenated and projected. Parameters: query, key, value and output,
 * each with a `.weight` [nEmbd, nEmbd] and no bias.
 */
export class SelfAttention extends Module {
  private readonly query: Linear;
  private readonly key: Linear;
  private readonly value: Linear;
  private readonly output: Linear;
  private readonly causal: boolean;

  /** @throws RangeError when nHead does not divide nEmbd */
  constructor(
    private readonly nEmbd: number,
    private readonly nHead: number,
    options: SelfAttentionOptions,
  ) {
    super(options, OPTIONS);
    const { causal = true } = options;
    checkBoolean('SelfAttention: causal', causal);
    checkInteger('SelfAttention: nEmbd', nEmbd, 1);
    checkInteger('SelfAttention: nHead', nHead, 1);
    if (nEmbd % nHead !== 0)
      throw new RangeError(`SelfAttention: ${nHead} heads do not divide ${nEmbd} columns`);
    this.causal = causal;
    const projection = (name: string): Linear =>
      this.include(new Linear(nEmbd, nEmbd, { ...this.part(name), bias: false }));
    this.query = projection('query');
    this.key = projection('key');
    this.value = projection('value');
    this.output = projection('output');
  }

  /**
   * @param x [..., positions, nEmbd]
   * @returns the same shape
   */
  apply(x: Value): Value {
    checkModule('SelfAttention.apply', this);
    const { nEmbd, nHead } = this;
    checkValue('SelfAttention.apply', 'x', x);
    return composed('SelfAttention.apply', [x], () => {
      if (x.shape.length < 2 || x.shape.at(-1) !== nEmbd)
        throw new ShapeError(`expected shape [..., positions, ${nEmbd}]`);
      const rank = x.shape.length;
      const size = nEmbd / nHead;
      const axes = x.shape.map((_, axis) => axis);
      // [..., positions, heads, size] to [..., heads, positions, size], and back.
      const swapped = [...axes.slice(0, rank - 2), rank - 1, rank - 2, rank];
      const headsOf = (projected: Value): Value =>
        projected.reshape([...x.shape.slice(0, -1), nHead, size]).transpose(swapped);
      const [q, k, v] = [this.query, this.key, this.value].map((linear) => headsOf(linear.apply(x))) as [
        Value,
        Value,
        Value,
      ];
      const turned = [...axes.slice(0, rank - 1), rank, rank - 1];
      const scores = q.matmul(k.transpose(turned)).mul(1 / Math.sqrt(size));
      // Causal: row r of the softmax has its first r + 1 elements.
      const weights = this.causal
        ? makeValue('softmax', [scores], { lengths: { first: 1, step: 1 } })
        : scores.softmax();
      return this.output.apply(weights.matmul(v).transpose(swapped).reshape(x.shape));
    });
  }
}
