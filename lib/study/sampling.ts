/** Samples documents from a model. */
import { DataError } from './documents.js';
import { Tokenizer } from './tokenizer.js';
import { checkObject, checkOptions, isList, shown, type Known } from '../core/check.js';
import { sizeOf } from '../core/shape.js';
import { valuesOf } from '../value/value.js';
import type { Model } from './models/model.js';
import { Program } from '../runtime/program.js';
import { PROGRAM_OPTIONS, type ProgramOptions } from '../runtime/options.js';
import type { Random } from '../runtime/random.js';

/** Options of sampling. */
export interface SampleOptions {
  /** The number of documents, from 0. */
  count: number;
  /** The temperature, above 0; higher is more random. */
  temperature: number;
  /**
   * Draws each token only from the k tokens with the largest logits, k from 1; of equal logits, lower ids
   * come first. All tokens by default, and where k exceeds their number.
   */
  topK?: number;
  /** The beginning of every document: text, or its tokens without BOS; nothing by default. */
  prefix?: string | readonly number[] | Int32Array;
  /**
   * Whether the documents advance together, position by position, which is faster for many. They are other
   * documents than those of the same seed one by one: each takes one random number for every position behind
   * the prefix, whether or not it gets there, so that it does not depend on the others. False by default.
   */
  together?: boolean;
}

const SAMPLE_OPTIONS: Known<SampleOptions> = {
  count: true,
  temperature: true,
  topK: true,
  prefix: true,
  together: true,
};

/** A model compiled for sampling; it uses the parameters' numbers at the time of each call. */
export class Sampler {
  private readonly program: Program;

  constructor(
    model: Model,
    private readonly tokenizer: Tokenizer,
    target: ProgramOptions = {},
    /**
     * The program that the model is trained with; it is used for sampling if its sequence is the model's
     * logits.
     */
    trained?: Program,
  ) {
    checkObject('sampling: model', model, 'a model made by buildModel');
    if (!((tokenizer as unknown) instanceof Tokenizer))
      throw new TypeError(`sampling: tokenizer ${shown(tokenizer)}: expected a Tokenizer`);
    checkOptions('sampling: target', target, PROGRAM_OPTIONS);
    if (trained !== undefined && !((trained as unknown) instanceof Program))
      throw new TypeError(
        `sampling: trained ${shown(trained)}: expected a Program, such as training.program`,
      );
    const { logits } = model;
    checkLogits(logits, tokenizer);
    this.program =
      trained !== undefined && trained.sequence === logits
        ? trained
        : new Program({ groups: logits, gradients: 'none' }, target);
  }

  /**
   * The tokens of `count` documents: BOS, the prefix, then tokens drawn from softmax(logits / temperature),
   * limited to the top k. A document ends with the next BOS, which is included, or at the model's last
   * position. Each drawn token takes one number from `random`, whatever topK is; see `together` for many.
   *
   * @throws DataError when the prefix has an unknown token, or as many tokens as the model has positions
   * @throws RangeError when a number is out of range, or a position's logits hold NaN or infinity, or minus
   *   infinity alone
   * @throws TypeError when the prefix is neither a string nor an array
   */
  tokens(random: Random, options: SampleOptions): Int32Array[] {
    const { bos } = this.tokenizer;
    checkOptions('sampling', options, SAMPLE_OPTIONS);
    const { count, temperature, topK, prefix, together } = options;
    const spec = { input: 'tokens', start: bos, stop: bos, count, temperature };
    return this.program.generate(random, {
      ...spec,
      ...(topK !== undefined && { topK }),
      ...(together !== undefined && { together }),
      ...(prefix !== undefined && { prefix: this.encode(prefix) }),
    });
  }

  private encode(prefix: NonNullable<SampleOptions['prefix']>): Int32Array {
    const { tokenizer, program } = this;
    if (typeof prefix !== 'string' && !Array.isArray(prefix) && !(prefix instanceof Int32Array)) {
      throw new TypeError(`prefix ${shown(prefix)}: expected a string or an array of tokens`);
    }
    const tokens = typeof prefix === 'string' ? tokenizer.encode(prefix).slice(1, -1) : prefix;
    const positions = program.maxLength;
    if (tokens.length >= positions) {
      throw new DataError(
        `the prefix has ${tokens.length} tokens: the model has ${positions} positions, ` +
          `so a prefix has at most ${positions - 1}`,
      );
    }
    return Int32Array.from<number>(tokens, (token) => {
      if (Number.isInteger(token) && token >= 0 && token < tokenizer.bos) return token;
      throw new DataError(
        `the prefix has a token ${shown(token)}: tokens of characters go from 0 to ${tokenizer.bos - 1}`,
      );
    });
  }
}

/**
 * Checks that a model has logits, as many at each position as the tokenizer has tokens: with another
 * tokenizer, documents would begin and end with the wrong token.
 *
 * @throws TypeError when they are not the logits of a model made by `buildModel`
 * @throws DataError when they are those of another vocabulary
 */
function checkLogits(logits: unknown, { vocabSize }: Tokenizer): void {
  if (!isList(logits))
    throw new TypeError(
      `sampling: logits of the model ${shown(logits)}: expected a model made by buildModel; of what ` +
        'loadModel gives, take model',
    );
  const first = valuesOf('sampling: logits of the model', logits[0]);
  const count = first.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  if (count !== vocabSize)
    throw new DataError(
      `sampling: a tokenizer of ${vocabSize} tokens for a model of ${count}: give the tokenizer that the ` +
        'model was built with',
    );
}

/**
 * Samples documents, as strings: see {@link Sampler.tokens}. Uses the program that the model is trained with
 * where possible; otherwise compiles one.
 *
 * @throws DataError, RangeError, TypeError as {@link Sampler.tokens} does
 */
export function sample(
  model: Model,
  tokenizer: Tokenizer,
  random: Random,
  options: SampleOptions & { target?: ProgramOptions; trained?: Program },
): string[] {
  checkOptions('sample', options, { ...SAMPLE_OPTIONS, target: true, trained: true });
  const { target, trained, ...rest } = options;
  const documents = new Sampler(model, tokenizer, target, trained).tokens(random, rest);
  return documents.map((tokens) => tokenizer.decode(tokens));
}
