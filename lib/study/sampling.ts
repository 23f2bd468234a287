/** Inventing documents with a model. */
import { DataError } from './documents.js';
import { Tokenizer } from './tokenizer.js';
import { checkObject, checkOptions, shown, type Known } from '../core/check.js';
import type { Model } from './models/model.js';
import { Program } from '../runtime/program.js';
import { PROGRAM_OPTIONS, type ProgramOptions } from '../runtime/options.js';
import type { Random } from '../runtime/random.js';

/** How documents are drawn. */
export interface SampleOptions {
  /** Documents to draw, from 0. */
  count: number;
  /** Above 0: the higher, the more random. */
  temperature: number;
  /**
   * Draws each token only from so many, from 1: those with the largest logits; of equal ones the lower
   * ids come first. All by default, and where it is more than there are.
   */
  topK?: number;
  /** What every document begins with: text, or its tokens, without BOS; nothing by default. */
  prefix?: string | readonly number[] | Int32Array;
}

const SAMPLE_OPTIONS: Known<SampleOptions> = {
  count: true,
  temperature: true,
  topK: true,
  prefix: true,
};

/** A model compiled to invent documents with the parameters it has when asked. */
export class Sampler {
  private readonly program: Program;

  constructor(
    model: Model,
    private readonly tokenizer: Tokenizer,
    target: ProgramOptions = {},
    /** A program that may have the model's logits as its sequence: the one it is trained with. */
    trained?: Program,
  ) {
    checkObject('sampling: model', model, 'a model as of buildModel');
    if (!((tokenizer as unknown) instanceof Tokenizer))
      throw new TypeError(`sampling: tokenizer ${shown(tokenizer)}: expected a Tokenizer`);
    checkOptions('sampling: target', target, PROGRAM_OPTIONS);
    if (trained !== undefined && !((trained as unknown) instanceof Program))
      throw new TypeError(`sampling: trained ${shown(trained)}: expected a Program, as of a Training`);
    const { logits } = model;
    this.program =
      trained !== undefined && trained.sequence === logits
        ? trained
        : new Program({ groups: logits, gradients: 'none' }, target);
  }

  /**
   * The tokens of `count` documents: after BOS the prefix, then each drawn from softmax(logits /
   * temperature), or what topK leaves of it, up to the next BOS, which is part of them, or the
   * model's last position. A token drawn takes one number of `random`, whatever topK is.
   *
   * @throws DataError when the prefix has what is no token, or as many tokens as the model positions
   * @throws RangeError when a number is out of its range, or logits are NaN or infinite
   * @throws TypeError when the prefix is neither text nor an array
   */
  tokens(random: Random, options: SampleOptions): Int32Array[] {
    const { bos } = this.tokenizer;
    checkOptions('sampling', options, SAMPLE_OPTIONS);
    const { count, temperature, topK, prefix } = options;
    const spec = { input: 'tokens', start: bos, stop: bos, count, temperature };
    return this.program.generate(random, {
      ...spec,
      ...(topK !== undefined && { topK }),
      ...(prefix !== undefined && { prefix: this.encode(prefix) }),
    });
  }

  private encode(prefix: NonNullable<SampleOptions['prefix']>): Int32Array {
    const { tokenizer, program } = this;
    if (typeof prefix !== 'string' && !Array.isArray(prefix) && !(prefix instanceof Int32Array)) {
      throw new TypeError(`prefix ${shown(prefix)}: expected a text or an array of tokens`);
    }
    const tokens = typeof prefix === 'string' ? tokenizer.encode(prefix).slice(1, -1) : prefix;
    const positions = program.maxLength;
    if (tokens.length >= positions) {
      throw new DataError(
        `the prefix has ${tokens.length} tokens: the model has ${positions} positions, ` +
          `so that a prefix has at most ${positions - 1}`,
      );
    }
    return Int32Array.from<number>(tokens, (token) => {
      if (Number.isInteger(token) && token >= 0 && token < tokenizer.bos) return token;
      throw new DataError(
        `the prefix has a token ${shown(token)}: those of characters go from 0 to ${tokenizer.bos - 1}`,
      );
    });
  }
}

/**
 * Invents documents: the texts of {@link Sampler.tokens}, in the program that the model is trained
 * with where that serves, else in one compiled for it.
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
