/** Training a model on documents, beside the event loop: what `runExperiment` does at once. */
import {
  BACKGROUND_OPTIONS,
  checkCallback,
  checkSignal,
  inParts,
  type BackgroundOptions,
  type Progress,
} from '../runtime/background.js';
import type { PassSet } from '../compiler/passes.js';
import { DEFAULTS } from './defaults.js';
import { checkDocuments, DataError, type Documents } from './documents.js';
import { Tokenizer } from './tokenizer.js';
import {
  checkFunction,
  checkInteger,
  checkObject,
  checkOptions,
  MAX_STEPS,
  shown,
  type Known,
} from '../core/check.js';
import type { SizedModel } from './models/model.js';
import type { Training } from '../optim/training.js';
import type { ProgramOptions } from '../runtime/options.js';
import type { DType } from '../core/array.js';
import { Random } from '../runtime/random.js';

/** A training that cannot go on: sizes that do not fit, a loss that is not finite. */
export class ExperimentError extends Error {
  override name = 'ExperimentError';
}

/** What a model's training is compiled for. */
export interface TargetOptions {
  /** Of all numbers (float64). */
  dtype?: DType;
  /** An instruction set by name (the best the machine has). */
  isa?: string;
  /** The compiler's passes (all). */
  passes?: PassSet;
}

export const TARGET_OPTIONS: Known<TargetOptions> = { dtype: true, isa: true, passes: true };

/** How `train` and `steps` train a model; all has a default. */
export interface TrainOptions extends TargetOptions, BackgroundOptions {
  /** Training steps, each on one document (1000). After the last document the first comes again. */
  steps?: number;
  /** Shuffles the documents; without one they are taken in order. */
  seed?: number;
  /** The learning rate that the model's schedule starts from (the model's own). */
  lr?: number;
  /** Characters to tokens, as many as the model was built for (those of the documents). */
  tokenizer?: Tokenizer;
}

const TRAIN_OPTIONS: Known<TrainOptions> = {
  ...TARGET_OPTIONS,
  ...BACKGROUND_OPTIONS,
  steps: true,
  seed: true,
  lr: true,
  tokenizer: true,
};

/** What came of a training. Losses are in nats a token, the mean over a document's tokens. */
export interface TrainResult {
  /** The loss of each step's document before the update. */
  losses: Float64Array;
  /** The compiled training: evaluates, and takes more steps. */
  training: Training;
  /** What turned documents into tokens, and turns tokens into documents. */
  tokenizer: Tokenizer;
}

/** The options that programs take, of those that were given. */
export function targetOf({ dtype, isa, passes }: TargetOptions): ProgramOptions {
  return {
    ...(dtype !== undefined && { dtype }),
    ...(isa !== undefined && { isa }),
    ...(passes !== undefined && { passes }),
  };
}

/** @throws ExperimentError when the loss of a step, counted from 1, is not finite */
export function checkLoss(loss: number, step: number, who: string): void {
  if (Number.isFinite(loss)) return;
  throw new ExperimentError(
    `${who}: the loss is ${loss} at step ${step}: training diverged; give a lower learning rate`,
  );
}

/**
 * Trains a model as `train` does, and yields how far it is, between native calls of some 10 milliseconds.
 * The next call starts when the next is asked for: until then the model can be read, evaluated and
 * sampled from, and leaving the loop leaves it as it is.
 *
 * @throws what `train` throws
 */
export async function* trainSteps(
  model: SizedModel,
  docs: Documents,
  options: TrainOptions = {},
): AsyncGenerator<Progress, TrainResult, undefined> {
  checkOptions('train', options, TRAIN_OPTIONS);
  checkObject('model', model, 'a model as of buildModel');
  checkFunction('optimizer of the model', model.optimizer);
  checkObject('sizes of the model', model.sizes, 'those of a model as of buildModel');
  const { steps: count = DEFAULTS.steps, seed, lr, signal } = options;
  checkInteger('steps', count, 0, MAX_STEPS);
  checkSignal(signal);
  const documents = checkDocuments(docs);
  const tokenizer = options.tokenizer ?? new Tokenizer(docs);
  if (!((tokenizer as unknown) instanceof Tokenizer))
    throw new TypeError(`tokenizer ${shown(tokenizer)}: expected a Tokenizer`);
  const { vocabSize, blockSize } = model.sizes;
  if (tokenizer.vocabSize !== vocabSize) {
    throw new DataError(
      `${options.tokenizer ? 'the tokenizer has' : 'the documents have'} ${tokenizer.vocabSize} ` +
        `tokens, the model was built for ${shown(vocabSize)}: give the tokenizer that it was built with`,
    );
  }
  signal?.throwIfAborted();
  const order = seed === undefined ? undefined : new Random(seed).permutation(documents);
  const optimizer = model.optimizer(count, lr);
  checkObject('what optimizer of the model gave', optimizer, 'an optimiser');
  checkFunction('minimize of the optimiser', (optimizer as { minimize?: unknown }).minimize);
  const training = optimizer.minimize(model.loss, { ...targetOf(options), sequence: model.logits });
  const take = (at: number, part: number, stop: Int32Array): Promise<Float64Array> => {
    const numbers = Int32Array.from({ length: part }, (_, i) => (at + i) % documents);
    const chosen = order ? numbers.map((number) => order[number]!) : numbers;
    return training.stepSome(tokenizer.corpus(docs, chosen).dataset(blockSize), 0, part, stop);
  };
  const losses = new Float64Array(count);
  let step = 0;
  for await (const part of inParts(count, take, signal)) {
    losses.set(part, step);
    step += part.length;
    const loss = part.at(-1);
    if (loss === undefined) continue;
    checkLoss(loss, step, 'the model');
    yield { step, loss, losses: part };
  }
  return { losses, training, tokenizer };
}

/**
 * Trains a model on documents, one a step, off the event loop: timers and requests are served meanwhile.
 * Compiling the training comes first, on the calling thread. Until the promise is settled, all that needs
 * the model's numbers throws a `BusyError`, except in `onProgress`. Several models can be trained at once.
 *
 * An abort ends it before the next step and rejects with the signal's reason; what was learnt until then
 * stays. Each call starts with an optimiser of its own, without moments.
 *
 * @param model as of `buildModel`
 * @param docs documents as strings
 * @throws DataError when the documents hold too little to learn from, or characters that the tokenizer lacks,
 * or are of another vocabulary than the model
 * @throws ExperimentError when a loss is no longer finite
 * @throws BusyError when the model is being trained already
 * @throws TypeError when `signal` is no AbortSignal, or `onProgress` no function
 */
export async function train(
  model: SizedModel,
  docs: Documents,
  options: TrainOptions = {},
): Promise<TrainResult> {
  checkOptions('train', options, TRAIN_OPTIONS);
  const { onProgress } = options;
  checkCallback('onProgress', onProgress);
  const run = trainSteps(model, docs, options);
  try {
    for (;;) {
      const next = await run.next();
      if (next.done) return next.value;
      await onProgress?.(next.value);
    }
  } finally {
    await run.return(undefined as never);
  }
}
