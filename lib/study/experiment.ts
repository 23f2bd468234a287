/** Runs an experiment: trains a model, evaluates it on held-out documents, and samples from it. */
import { checkCallback } from '../runtime/background.js';
import { now } from '../core/clock.js';
import { meanOf } from '../core/mean.js';
import { checkDocuments, splitHeldOut, type Documents } from './documents.js';
import type { Corpus } from './corpus.js';
import { DEFAULTS } from './defaults.js';
import { Tokenizer } from './tokenizer.js';
import { checkInteger, checkNumber, checkOptions, MAX_BATCH, MAX_STEPS, type Known } from '../core/check.js';
import type { Training } from '../optim/training.js';
import type { DType } from '../core/array.js';
import { Random } from '../runtime/random.js';
import { sample } from './sampling.js';
import { checkLoss, ExperimentError, TARGET_OPTIONS, targetOf, type TargetOptions } from './train.js';
import type { ModelName, ModelSizes } from './models/sizes.js';
import { type BuiltModel, buildModel } from './build-model.js';

/** Options of an experiment; all but `docs` have defaults. */
export interface ExperimentOptions extends TargetOptions {
  /** The documents, in file order (see `parseDocuments`). They are shuffled here, with `seed`. */
  docs: Documents;
  /** Training steps (1000). */
  steps?: number;
  /** The seed of all random numbers (42). */
  seed?: number;
  /** The initial rate of the model's learning-rate schedule (the model's own). */
  lr?: number;
  /** Documents per step, whose gradients are averaged (1). */
  batch?: number;
  /** The model's sizes (see {@link ModelSizes} for defaults). */
  sizes?: Partial<ModelSizes>;
  /** Documents to sample (20). */
  samples?: number;
  /** The sampling temperature, above 0; higher is more random (0.5). */
  temperature?: number;
  /** Called after every step with its number (from 1) and its loss. */
  onStep?: (step: number, loss: number) => void;
  /** How long the caller took to read the documents, in seconds; reported as `seconds.load`. */
  loadSeconds?: number;
  /** Saves the run, and resumes an earlier one (see checkpoint.ts). */
  keeper?: Keeper;
}

const EXPERIMENT_OPTIONS: Known<ExperimentOptions> = {
  ...TARGET_OPTIONS,
  docs: true,
  steps: true,
  seed: true,
  lr: true,
  batch: true,
  sizes: true,
  samples: true,
  temperature: true,
  onStep: true,
  loadSeconds: true,
  keeper: true,
};

/** A run: all that changes during an experiment, and what identifies it. */
export interface Run {
  /** The model that is trained. */
  model: BuiltModel;
  /** The tokenizer of the documents. */
  tokenizer: Tokenizer;
  /** The compiled training. */
  training: Training;
  /** The random generator; samples are drawn from it after the last step. */
  random: Random;
  /** The seed of all random numbers. */
  seed: number;
  /** Steps requested, including those of earlier runs. */
  steps: number;
  /** Documents per step. */
  batch: number;
  /** The documents, in file order. */
  docs: Documents;
}

/** Saves an experiment, so that another process can resume it. */
export interface Keeper {
  /** Save after every so many steps, and after the last. */
  every: number;
  /** Restores a saved run into a new one; returns the losses of the steps taken before. */
  resume(run: Run): ArrayLike<number>;
  /** Saves a run and its losses so far. */
  save(run: Run, losses: readonly number[]): void;
}

/** The result of an experiment. Losses are in nats per token, averaged over a document's tokens. */
export interface ExperimentResult {
  /** The model's name. */
  model: ModelName;
  /** The data type of all numbers. */
  dtype: DType;
  /** The instruction set used. */
  isa: string;
  /** The seed of all random numbers. */
  seed: number;
  /** Training steps taken, including those of earlier runs. */
  steps: number;
  /** Documents per step. */
  batch: number;
  /** The number of documents, including those held out. */
  docs: number;
  /** The size of the vocabulary: characters, and BOS. */
  vocabSize: number;
  /** The number of parameters, each element counted. */
  params: number;
  /** The loss of each step before its update. */
  losses: number[];
  /** The last of the losses. */
  finalLoss: number;
  /** The mean of the last 50 losses. */
  last50Loss: number;
  /** The mean over the held-out documents; NaN where there are none (of fewer than ten documents). */
  heldOutLoss: number;
  /** The sampled documents. */
  samples: string[];
  /** Times, in seconds. */
  seconds: {
    /** Reading the documents, as reported by the caller. */
    load: number;
    /** Building the graph, including drawing the parameters. */
    graph: number;
    /** Compiling the training. */
    compile: number;
    /** All steps. */
    train: number;
    /** Evaluating the held-out documents. */
    evaluate: number;
    /** Sampling. */
    sample: number;
    /** All of these. */
    total: number;
  };
  /** `seconds.train` per step of this run, in microseconds; 0 where this run took no step. */
  microsecondsPerStep: number;
}

/**
 * How long a native call may take, in milliseconds: losses are reported after each. The steps per call grow
 * from one, by at most a factor at a time, because examples differ in length.
 */
const CALL_MILLISECONDS = 50;
const MAX_GROWTH = 16;

/**
 * Trains `name` on `options.docs`, evaluates it on held-out documents, and samples new ones. One seed
 * determines, in this order, the shuffle, the parameters and the samples.
 *
 * @throws ExperimentError when sizes do not fit, or a loss is no longer finite
 * @throws DataError when the documents hold too little to learn from
 */
export function runExperiment(name: ModelName, options: ExperimentOptions): ExperimentResult {
  const given = withDefaults(options);
  const { docs, keeper, steps, seed, samples, temperature, batch, loadSeconds } = given;
  const started = now();
  const lap = stopwatch();

  const documents = checkDocuments(docs);
  const random = new Random(seed);
  const tokenizer = new Tokenizer(docs);
  const { train, heldOut } = splitHeldOut(random.permutation(documents));
  const load = loadSeconds + lap();

  const model = buildModel(name, tokenizer.vocabSize, options.sizes ?? {}, random);
  const graph = lap();
  const { blockSize } = model.sizes;
  const target = { ...targetOf(options), ...(batch > 1 && { batches: true }) };
  const training = model
    .optimizer(steps, options.lr)
    .minimize(model.loss, { ...target, sequence: model.logits });
  const compile = lap();

  const run: Run = { model, tokenizer, training, random, seed, steps, batch, docs };
  const losses = earlierLosses(run, keeper);
  const stepsHere = steps - losses.length;
  takeSteps(run, tokenizer.corpus(docs, train.subarray(0, steps * batch)), losses, given);
  const trainSeconds = lap();

  // The mean of the documents' mean losses; NaN without documents.
  const evaluated = training.evaluateEach(tokenizer.corpus(docs, heldOut).dataset(blockSize));
  const heldOutLoss = meanOf(evaluated);
  const evaluate = lap();
  const how = { count: samples, temperature, target, trained: training.program };
  const invented = sample(model, tokenizer, random, how);
  const sampleSeconds = lap();

  const last = losses.slice(-50);
  const { dtype, isa, parameterCount } = training.program;
  return {
    model: name,
    ...{ dtype, isa, seed, steps, batch },
    docs: documents,
    vocabSize: tokenizer.vocabSize,
    params: parameterCount,
    losses,
    finalLoss: losses[losses.length - 1] ?? NaN,
    last50Loss: meanOf(last),
    heldOutLoss,
    samples: invented,
    seconds: {
      ...{ load, graph, compile, train: trainSeconds, evaluate, sample: sampleSeconds },
      total: loadSeconds + (now() - started) / 1000,
    },
    microsecondsPerStep: stepsHere > 0 ? (trainSeconds * 1e6) / stepsHere : 0,
  };
}

/** Checks the options and fills in defaults. */
function withDefaults(options: ExperimentOptions) {
  checkOptions('runExperiment', options, EXPERIMENT_OPTIONS);
  const { docs, keeper, loadSeconds = 0, onStep } = options;
  const { steps = DEFAULTS.steps, seed = DEFAULTS.seed, batch = DEFAULTS.batch } = options;
  const { samples = DEFAULTS.samples, temperature = DEFAULTS.temperature } = options;
  checkInteger('steps', steps, 0, MAX_STEPS);
  checkInteger('samples', samples, 0);
  checkInteger('batch', batch, 1, MAX_BATCH);
  checkCallback('onStep', onStep);
  checkNumber('loadSeconds', loadSeconds);
  if (keeper && keeper.every !== Infinity) checkInteger('every', keeper.every, 1);
  return { docs, keeper, onStep, steps, seed, samples, temperature, batch, loadSeconds };
}

/** Returns a function that gives the seconds since its last call. */
function stopwatch(): () => number {
  let mark = now();
  return () => {
    const before = mark;
    mark = now();
    return (mark - before) / 1000;
  };
}

/** Restores a saved run; returns the losses of the steps taken before. */
function earlierLosses(run: Run, keeper: Keeper | undefined): number[] {
  const kept = keeper?.resume(run) ?? [];
  const count = checkInteger('losses kept:', kept.length, 0, MAX_STEPS);
  if (count > run.steps)
    throw new ExperimentError(
      `${count} steps were taken already, more than the ${run.steps} requested: request more`,
    );
  return Array.from({ length: count }, (_, i) => kept[i]!);
}

/** Takes the remaining steps of a run, appends their losses to `losses`, and saves when the keeper is due. */
function takeSteps(
  run: Run,
  corpus: Corpus,
  losses: number[],
  { keeper, onStep }: ReturnType<typeof withDefaults>,
): void {
  const { model, training, steps, batch } = run;
  const { blockSize } = model.sizes;
  const every = keeper?.every ?? Infinity;
  const keep = (): void => {
    if (losses.length % every === 0 || losses.length === steps) keeper?.save(run, losses);
  };
  const note = (loss: number): void => {
    losses.push(loss);
    checkLoss(loss, losses.length, model.name);
    onStep?.(losses.length, loss);
  };
  const dataset = corpus.dataset(blockSize);
  const batching = batch > 1 ? { batch } : {};
  for (let stepsPerCall = 1; losses.length < steps;) {
    const from = (losses.length * batch) % dataset.count;
    const untilEnd = Math.floor((dataset.count - from) / batch);
    if (untilEnd === 0) {
      // This batch goes on with the first documents again.
      const fed = Array.from({ length: batch }, (_, i) =>
        corpus.example((from + i) % dataset.count, blockSize),
      );
      note(training.stepBatch(fed));
      keep();
      continue;
    }
    const untilKept = every - (losses.length % every);
    const count = Math.min(stepsPerCall, steps - losses.length, untilEnd, untilKept);
    const began = now();
    training.stepEach(dataset, from, from + count * batch, batching).forEach(note);
    const growth = Math.min(MAX_GROWTH, Math.floor(CALL_MILLISECONDS / (now() - began)));
    if (count === stepsPerCall) stepsPerCall *= Math.max(1, growth);
    keep();
  }
}
