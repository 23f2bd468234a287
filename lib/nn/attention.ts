/** Attention: each position of one sequence reads the positions of another, or of its own. */
import { checkBoolean, checkInteger, checkOptions, type Known } from '../core/check.js';
import { checkValue, makeValue, type Value } from '../value/value.js';
import { where } from '../value/functions.js';
import { constant } from '../value/leaves.js';
import { softmax } from '../value/softmax.js';
import { composed } from '../graph/node.js';
import { ShapeError, show, type Shape } from '../core/shape.js';
import { Dropout } from './dropout.js';
import { Linear } from './linear.js';
import { checkModule, Module, MODULE_OPTIONS, type ModuleOptions } from './module.js';

/** What {@link MultiHeadAttention} takes. */
export interface AttentionOptions extends ModuleOptions {
  /** Whether the four projections add a bias; true by default. */
  bias?: boolean;
  /** The fraction of the attention weights that training drops; 0 by default. */
  dropout?: number;
}

/** How {@link MultiHeadAttention} is applied. */
export interface AttendOptions {
  /** Whether position i reads positions 0 to i alone; false by default. */
  causal?: boolean;
  /**
   * Where it is not 0 a position may read another: it broadcasts to [..., heads, positions of the query,
   * positions of the key]. A position that may read none reads zeros. (PyTorch's reads NaN.)
   */
  mask?: Value;
}

const OPTIONS: Known<AttentionOptions> = { ...MODULE_OPTIONS, bias: true, dropout: true };
const ATTEND_OPTIONS: Known<AttendOptions> = { causal: true, mask: true };

/**
 * Multi-head scaled dot-product attention (Vaswani et al., 2017): softmax(Q Kᵀ / sqrt(d)) V for each head,
 * with d = nEmbd / nHead; the heads are concatenated and projected. Parameters: query, key, value and output,
 * each with a `.weight` [nEmbd, nEmbd] and a `.bias` [nEmbd].
 */
export class MultiHeadAttention extends Module {
  /** The projection of the query. */
  readonly query: Linear;
  /** The projection of the key. */
  readonly key: Linear;
  /** The projection of the value. */
  readonly value: Linear;
  /** The projection of the heads. */
  readonly output: Linear;
  private readonly dropout: Dropout | undefined;

  /** @throws RangeError when nHead does not divide nEmbd, or the dropout is out of range */
  constructor(
    private readonly nEmbd: number,
    private readonly nHead: number,
    options: AttentionOptions,
  ) {
    super(options, OPTIONS);
    const { bias = true, dropout = 0 } = options;
    checkBoolean('MultiHeadAttention: bias', bias);
    checkHeads('MultiHeadAttention', nEmbd, nHead);
    const projection = (name: string): Linear =>
      this.include(new Linear(nEmbd, nEmbd, { ...this.part(name), bias }));
    this.query = projection('query');
    this.key = projection('key');
    this.value = projection('value');
    this.output = projection('output');
    if (dropout !== 0) this.dropout = new Dropout(dropout, this.part('dropout'));
  }

  /**
   * @param query [..., positions, nEmbd]
   * @param key [..., others, nEmbd]: what is read; by default the query
   * @param value [..., others, nEmbd]; by default the key
   * @returns the shape of the query
   */
  apply(query: Value, key: Value = query, value: Value = key, options: AttendOptions = {}): Value {
    const who = 'MultiHeadAttention.apply';
    checkModule(who, this);
    checkValue(who, 'query', query);
    checkValue(who, 'key', key);
    checkValue(who, 'value', value);
    checkOptions(who, options, ATTEND_OPTIONS);
    const { causal = false, mask } = options;
    checkBoolean(`${who}: causal`, causal);
    if (mask !== undefined) checkValue(who, 'mask', mask);
    return composed(who, [query, key, value], () => {
      for (const { shape } of [query, key, value])
        if (shape.length < 2 || shape.at(-1) !== this.nEmbd)
          throw new ShapeError(`expected shapes [..., positions, ${this.nEmbd}]`);
      if (key.shape.at(-2) !== value.shape.at(-2))
        throw new ShapeError('expected a key and a value of as many positions');
      for (const { shape } of [key, value])
        if (!fitsInto(shape.slice(0, -2), query.shape.slice(0, -2)))
          throw new ShapeError("expected a key and a value whose leading axes broadcast to the query's");
      const scored = [...query.shape.slice(0, -2), this.nHead, query.shape.at(-2)!, key.shape.at(-2)!];
      if (mask && !fitsInto(mask.shape, scored))
        throw new ShapeError(
          `the mask is ${mask.label}: expected a shape that broadcasts to ${show(scored)}`,
        );
      if (causal && query.shape.at(-2) !== key.shape.at(-2))
        throw new ShapeError('causal: expected a query and a key of as many positions');
      const [q, k, v] = [
        this.headsOf(this.query.apply(query)),
        this.headsOf(this.key.apply(key)),
        this.headsOf(this.value.apply(value)),
      ];
      const scores = q.matmul(k.transpose(swapped(k, 1))).mul(1 / Math.sqrt(this.nEmbd / this.nHead));
      const weights = mask
        ? softmax(scores, -1, { mask: causal ? where(triangle(scores.shape.at(-1)!), mask, 0) : mask })
        : causal
          ? // Row r of the softmax has its first r + 1 elements.
            makeValue('softmax', [scores], { lengths: { first: 1, step: 1 } })
          : softmax(scores);
      const heads = (this.dropout ? this.dropout.apply(weights) : weights).matmul(v);
      return this.output.apply(heads.transpose(swapped(heads, 2)).reshape(query.shape));
    });
  }

  /** [..., positions, nEmbd] to [..., heads, positions, nEmbd / nHead]. */
  private headsOf(x: Value): Value {
    const parts = x.reshape([...x.shape.slice(0, -1), this.nHead, this.nEmbd / this.nHead]);
    return parts.transpose(swapped(parts, 2));
  }
}

/** The axes of x, of which axis `fromEnd` from the last and the one behind it change places. */
function swapped(x: Value, fromEnd: number): number[] {
  const axes = x.shape.map((_, axis) => axis);
  const at = axes.length - 1 - fromEnd;
  return [...axes.slice(0, at), at + 1, at, ...axes.slice(at + 2)];
}

/** 1 where the column is at most the row: [n, n]. */
function triangle(n: number): Value {
  const positions = constant(Array.from({ length: n }, (_, i) => i));
  return positions.expandDims(-1).ge(positions);
}

/** Whether a shape broadcasts to another. */
function fitsInto(shape: Shape, whole: Shape): boolean {
  const missing = whole.length - shape.length;
  return missing >= 0 && shape.every((n, i) => n === 1 || n === whole[missing + i]);
}

function checkHeads(who: string, nEmbd: number, nHead: number): void {
  checkInteger(`${who}: nEmbd`, nEmbd, 1);
  checkInteger(`${who}: nHead`, nHead, 1);
  if (nEmbd % nHead !== 0) throw new RangeError(`${who}: ${nHead} heads do not divide ${nEmbd} columns`);
}

export interface SelfAttentionOptions extends ModuleOptions {
  /** Whether each position attends only to itself and earlier positions; true by default. */
  causal?: boolean;
}

const SELF_OPTIONS: Known<SelfAttentionOptions> = { ...MODULE_OPTIONS, causal: true };

/**
 * {@link MultiHeadAttention} of a sequence to itself, without biases, and by default causal. Parameters:
 * query, key, value and output, each with a `.weight` [nEmbd, nEmbd].
 */
export class SelfAttention extends Module {
  private readonly attention: MultiHeadAttention;
  private readonly causal: boolean;

  /** @throws RangeError when nHead does not divide nEmbd */
  constructor(
    private readonly nEmbd: number,
    nHead: number,
    options: SelfAttentionOptions,
  ) {
    super(options, SELF_OPTIONS);
    const { causal = true, ...named } = options;
    checkBoolean('SelfAttention: causal', causal);
    checkHeads('SelfAttention', nEmbd, nHead);
    this.causal = causal;
    this.attention = this.include(new MultiHeadAttention(nEmbd, nHead, { ...named, bias: false }));
  }

  /**
   * @param x [..., positions, nEmbd]
   * @returns the same shape
   */
  apply(x: Value): Value {
    checkModule('SelfAttention.apply', this);
    const { nEmbd, causal } = this;
    checkValue('SelfAttention.apply', 'x', x);
    return composed('SelfAttention.apply', [x], () => {
      if (x.shape.length < 2 || x.shape.at(-1) !== nEmbd)
        throw new ShapeError(`expected shape [..., positions, ${nEmbd}]`);
      return this.attention.apply(x, x, x, { causal });
    });
  }
}
