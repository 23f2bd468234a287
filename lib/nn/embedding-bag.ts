/** Embeddings of bags of tokens: a row for each token, summed up over the bag. */
import { checkInteger, checkOneOf, checkOptions, shown, type Known } from '../core/check.js';
import { ShapeError, sameShape, show } from '../core/shape.js';
import { composed } from '../graph/node.js';
import { where } from '../value/functions.js';
import { indexFor, type Indices } from '../value/indices.js';
import { constant } from '../value/leaves.js';
import { checkValue, type Value } from '../value/value.js';
import { normal, type Initializer } from './initializers.js';
import { checkModule, Module, MODULE_OPTIONS, type ModuleOptions } from './module.js';

/** What {@link EmbeddingBag} takes. */
export interface EmbeddingBagOptions extends ModuleOptions {
  /** What is made of the rows of a bag: their `sum`, `mean` (the default) or `max`. */
  mode?: 'sum' | 'mean' | 'max';
  /** A token that does not count, with which shorter bags are filled up. */
  paddingIndex?: number;
  /** How the rows are initialised; `normal()` by default. */
  initializer?: Initializer;
}

/** How {@link EmbeddingBag} is applied. */
export interface BagOptions {
  /** By what each row is multiplied before it is summed, in the tokens' shape; in mode `sum` only. */
  weights?: Value;
}

const OPTIONS: Known<EmbeddingBagOptions> = {
  ...MODULE_OPTIONS,
  mode: true,
  paddingIndex: true,
  initializer: true,
};
const BAG_OPTIONS: Known<BagOptions> = { weights: true };

/**
 * A table with one row for each of `count` tokens, of which the rows of a bag of tokens are summed, averaged,
 * or compared number by number, as by PyTorch's `nn.EmbeddingBag`. A bag without tokens that count gives
 * zeros. Parameter: weight [count, size].
 */
export class EmbeddingBag extends Module {
  /** [count, size]. */
  readonly weight: Value;

  private readonly mode: 'sum' | 'mean' | 'max';
  private readonly paddingIndex: number | undefined;

  /** @throws RangeError when the padding is no token */
  constructor(
    private readonly count: number,
    size: number,
    options: EmbeddingBagOptions,
  ) {
    super(options, OPTIONS);
    const { mode = 'mean', paddingIndex, initializer = normal() } = options;
    checkInteger('EmbeddingBag: count', count, 0);
    checkInteger('EmbeddingBag: size', size, 0);
    checkOneOf('EmbeddingBag: mode', mode, ['sum', 'mean', 'max']);
    if (paddingIndex !== undefined && count === 0)
      throw new RangeError(`EmbeddingBag: paddingIndex ${shown(paddingIndex)}: there are no tokens`);
    if (paddingIndex !== undefined) checkInteger('EmbeddingBag: paddingIndex', paddingIndex, 0, count - 1);
    this.mode = mode;
    this.paddingIndex = paddingIndex;
    this.weight = this.draw('weight', [count, size], initializer);
  }

  /**
   * @param tokens the tokens of bags, [..., tokens of a bag], each below count
   * @returns [..., size]
   * @throws ShapeError when there is no axis of tokens, or the weights have another shape
   */
  apply(tokens: Indices, options: BagOptions = {}): Value {
    const who = 'EmbeddingBag.apply';
    checkModule(who, this);
    checkOptions(who, options, BAG_OPTIONS);
    const { weights } = options;
    if (weights !== undefined) checkValue(who, 'weights', weights);
    return composed(who, [this.weight, tokens], () => {
      const { mode, paddingIndex, count } = this;
      const index = indexFor(who, this.weight, tokens, count);
      if (index.shape.length === 0 || index.shape.at(-1) === 0)
        throw new ShapeError(`tokens of shape ${show(index.shape)}: expected bags of at least one token`);
      if (weights && mode !== 'sum')
        throw new ShapeError(`weights are for mode 'sum', and this is '${mode}'`);
      if (weights && !sameShape(weights.shape, index.shape))
        throw new ShapeError(`weights of shape ${show(weights.shape)}: expected ${show(index.shape)}`);
      const all = this.weight.gather(index);
      const isCounted = countedOf(count, paddingIndex)?.gather(index);
      // Rows that do not count are left out, not multiplied by 0, which would make NaN of NaN.
      const counted = (x: Value, otherwise: number): Value =>
        isCounted ? where(isCounted.expandDims(-1), x, otherwise) : x;
      if (mode === 'max') {
        const most = counted(all, -Infinity).max(-2);
        return isCounted ? where(isCounted.max(-1, true), most, 0) : most;
      }
      const rows = counted(all, 0);
      const sum = (weights ? rows.mul(counted(weights.expandDims(-1), 0)) : rows).sum(-2);
      if (mode === 'sum') return sum;
      return isCounted ? sum.div(isCounted.sum(-1, true).maximum(1)) : sum.div(index.shape.at(-1)!);
    });
  }
}

/** 1 for each token that counts, else 0; undefined where all do. */
function countedOf(count: number, paddingIndex: number | undefined): Value | undefined {
  if (paddingIndex === undefined) return undefined;
  const isCounted = new Float64Array(count).fill(1);
  isCounted[paddingIndex] = 0;
  return constant(isCounted);
}
