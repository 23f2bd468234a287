/** Inventing documents with a model. */
import type { Tokenizer } from './data.js';
import type { Model } from './models/model.js';
import { Program, type ProgramOptions } from './program.js';
import type { Random } from './random.js';

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
    const { logits } = model;
    this.program =
      trained?.sequence === logits
        ? trained
        : new Program({ groups: logits, gradients: 'none' }, target);
  }

  /**
   * The tokens of `count` documents: from BOS on, each drawn from softmax(logits / temperature), up
   * to the next BOS, which is part of them, or the model's last position.
   */
  tokens(random: Random, options: { count: number; temperature: number }): Int32Array[] {
    const { bos } = this.tokenizer;
    return this.program.generate(random, { input: 'tokens', start: bos, stop: bos, ...options });
  }
}

/** Invents documents. */
export function sample(
  model: Model,
  tokenizer: Tokenizer,
  random: Random,
  options: { count: number; temperature: number; target?: ProgramOptions; trained?: Program },
): string[] {
  const { target, trained, ...rest } = options;
  const documents = new Sampler(model, tokenizer, target, trained).tokens(random, rest);
  return documents.map((tokens) => tokenizer.decode(tokens));
}
