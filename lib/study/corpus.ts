/** Encoded documents: the tokens of all documents in one array, as training reads them. */
import { shown as wordsFor, checkInteger } from '../core/check.js';
import type { Dataset } from '../runtime/dataset.js';

/** Documents as tokens in one array, with a BOS token before each document and one after the last. */
export class Corpus {
  constructor(
    private readonly tokens: Int32Array,
    /** The offset of each document's BOS, and of the last BOS. */
    private readonly firsts: Int32Array,
  ) {
    if (!(tokens instanceof Int32Array && firsts instanceof Int32Array && firsts.length > 0)) {
      throw new TypeError(
        `Corpus: ${wordsFor(tokens)} and ${wordsFor(firsts)}: expected two Int32Arrays, the ` +
          'second not empty',
      );
    }
  }

  /** The number of documents. */
  get length(): number {
    return this.firsts.length - 1;
  }

  /**
   * Document i as a training example, cut to `blockSize` positions: position j reads tokens[j] and must
   * predict targets[j].
   */
  example(i: number, blockSize: number): Record<'tokens' | 'targets', Int32Array> & Record<'length', number> {
    const { tokens } = this;
    checkInteger('document', i, 0, this.length - 1);
    checkInteger('blockSize', blockSize, 1);
    const first = this.firsts[i]!;
    const length = this.lengthOf(i, blockSize);
    return {
      tokens: tokens.subarray(first, first + length),
      targets: tokens.subarray(first + 1, first + 1 + length),
      length,
    };
  }

  /** All documents as a dataset: see `example`. */
  dataset(blockSize: number): Dataset {
    checkInteger('blockSize', blockSize, 1);
    const { length: count, tokens, firsts: starts } = this;
    const lengths = new Int32Array(count);
    for (let i = 0; i < count; i++) lengths[i] = this.lengthOf(i, blockSize);
    const inputs = {
      tokens: { values: tokens, starts },
      // The same places, one token on.
      targets: { values: tokens.subarray(1), starts },
      length: { values: lengths },
    };
    return { count, inputs };
  }

  private lengthOf(i: number, blockSize: number): number {
    return Math.min(blockSize, this.firsts[i + 1]! - this.firsts[i]!);
  }
}
