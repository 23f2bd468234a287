/** Trains a model on documents in the background; `runExperiment` trains in the foreground. */
import {
  BACKGROUND_OPTIONS,
  checkCallback,
  checkSignal,
  inParts,
  type Part,
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

/** An experiment that cannot start or continue: sizes that do not fit, a loss that is not finite. */
export class ExperimentError extends Error {
  override name = 'ExperimentError';
}

/** What to compile a model's training for. */
export interface TargetOptions {
  /** The data type of all numbers (float64). */
  dtype?: DType;
  /** The name of the instruction set (the machine's best). */
  isa?: string;
  /** How many threads a step may use at once (VECGRAD_THREADS, else all processors). */
  threads?: number;
  /** The compiler passes (all). */
  passes?: PassSet;
}

export const TARGET_OPTIONS: Known<TargetOptions> = {
  dtype: true,
  isa: true,
  threads: true,
  passes: true,
};

/** Options of `steps`; all have defaults. */
export interface StepsOptions extends TargetOptions, Omit<BackgroundOptions, 'onProgress'> {
  /** Training steps, each on one document (1000). After the last document the first comes again. */
  steps?: number;
  /** The seed for shuffling the documents; without one they are taken in order. */
  seed?: number;
  /** The initial rate of the model's learning-rate schedule (the model's own). */
  lr?: number;
  /** The tokenizer that the model was built with (by default that of the documents). */
  tokenizer?: Tokenizer;
}

/** Options of `train`; all have defaults. */
export interface TrainOptions extends StepsOptions, BackgroundOptions {}

const STEPS_OPTIONS: Known<StepsOptions> = {
  ...TARGET_OPTIONS,
  signal: true,
  steps: true,
  seed: true,
  lr: true,
  tokenizer: true,
};
const TRAIN_OPTIONS: Known<TrainOptions> = { ...STEPS_OPTIONS, ...BACKGROUND_OPTIONS };

/** The result of a training. Losses are in nats per token, averaged over a document's tokens. */
export interface TrainResult {
  /** The loss of each step before its update. */
  losses: Float64Array;
  /** The compiled training, to evaluate with or take more steps. */
  training: Training;
  /** The tokenizer of the documents. */
  tokenizer: Tokenizer;
}

/** The options of a program, where given. */
export function targetOf({ dtype, isa, threads, passes }: TargetOptions): ProgramOptions {
  return {
    ...(dtype !== undefined && { dtype }),
    ...(isa !== undefined && { isa }),
    ...(threads !== undefined && { threads }),
    ...(passes !== undefined && { passes }),
  };
}

/** @throws ExperimentError when the loss of a step is not finite; steps are counted from 1 */
export function checkLoss(loss: number, step: number, who: string): void {
  if (Number.isFinite(loss)) return;
  throw new ExperimentError(
    `${who}: the loss is ${loss} at step ${step}: training diverged; give a lower learning rate`,
  );
}

/**
 * Trains a model as `train` does, and yields the progress between native calls of about 10 ms. The next call
 * starts when the next value is requested; until then the model can be read, evaluated and sampled from.
 * Leaving the loop keeps what was learnt.
 *
 * @throws what `train` throws
 */
export async function* trainSteps(
  model: SizedModel,
  docs: Documents,
  options: StepsOptions = {},
): AsyncGenerator<Progress, TrainResult, undefined> {
  checkOptions('steps', options, STEPS_OPTIONS);
  return yield* stepping(model, docs, options);
}

/** The same; the options have been checked for unknown ones. */
async function* stepping(
  model: SizedModel,
  docs: Documents,
  options: StepsOptions,
): AsyncGenerator<Progress, TrainResult, undefined> {
  checkObject('model', model, 'a model made by buildModel');
  if (typeof (model.optimizer as unknown) !== 'function') {
    const isSwapped = typeof (docs as { optimizer?: unknown } | undefined)?.optimizer === 'function';
    throw new TypeError(
      `train: the model is ${shown(model)}, expected a model made by buildModel ` +
        (isSwapped ? 'first, then the documents' : '(of what loadModel gives, take model)'),
    );
  }
  checkObject('sizes of the model', model.sizes, 'those of a model made by buildModel');
  const { steps: count = DEFAULTS.steps, seed, lr, signal } = options;
  checkInteger('steps', count, 0, MAX_STEPS);
  checkSignal(signal);
  const documents = checkDocuments(docs);
  const tokenizer = options.tokenizer === undefined ? new Tokenizer(docs) : options.tokenizer;
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
  checkObject("the result of the model's optimizer", optimizer, 'an optimiser');
  checkFunction('minimize of the optimiser', (optimizer as { minimize?: unknown }).minimize);
  const training = optimizer.minimize(model.loss, { ...targetOf(options), sequence: model.logits });
  const take = (at: number, part: number, stop: Int32Array): Promise<Part> => {
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
 * Trains a model on documents, one per step, in the background: the event loop stays free. First the training
 * is compiled, on the calling thread. Until the promise settles, anything that needs the model's numbers
 * throws a `BusyError`, except inside `onProgress`. Several models can be trained at once.
 *
 * An abort ends the training before its next step and rejects with the signal's reason; the model keeps what
 * it has learnt. Each call starts with a new optimiser, without moments.
 *
 * @param model a model made by `buildModel`
 * @param docs the documents
 * @throws DataError when the documents hold too little to learn from, have characters that the tokenizer
 * lacks, or have another vocabulary than the model
 * @throws ExperimentError when a loss is no longer finite
 * @throws BusyError when the model is already being trained
 * @throws TypeError when `signal` is not an AbortSignal, or `onProgress` not a function
 */
export async function train(
  model: SizedModel,
  docs: Documents,
  options: TrainOptions = {},
): Promise<TrainResult> {
  checkOptions('train', options, TRAIN_OPTIONS);
  const { onProgress } = options;
  checkCallback('onProgress', onProgress);
  const run = stepping(model, docs, options);
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
