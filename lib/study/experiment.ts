/** One experiment: trains a model on documents, evaluates it on held-out ones, and samples from it. */
import { checkCallback } from '../runtime/background.js';
import { now } from '../core/clock.js';
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

/** What an experiment is made with: all but the documents has a default. */
export interface ExperimentOptions extends TargetOptions {
  /**
   * The file's documents, in file order (see `parseDocuments` in documents.ts); shuffled here with `seed`.
   */
  docs: Documents;
  /** Training steps (1000). */
  steps?: number;
  /** Of all random numbers (42). */
  seed?: number;
  /** The learning rate that the model's schedule starts from (the model's own). */
  lr?: number;
  /** Documents a step, whose gradients are averaged (1). */
  batch?: number;
  /** Threads that a batch is spread over (1). */
  threads?: number;
  /** Of the model (see {@link ModelSizes} for what is the default). */
  sizes?: Partial<ModelSizes>;
  /** Documents to invent (20). */
  samples?: number;
  /** Above 0; the higher, the more random (0.5). */
  temperature?: number;
  /** Called after every step with the step (from 1) and its loss. */
  onStep?: (step: number, loss: number) => void;
  /** Seconds the caller spent on reading the documents, to be reported as `seconds.load`. */
  loadSeconds?: number;
  /** Keeps what was learnt, and gives back what an earlier run kept (see checkpoint.ts). */
  keeper?: Keeper;
}

const EXPERIMENT_OPTIONS: Known<ExperimentOptions> = {
  ...TARGET_OPTIONS,
  docs: true,
  steps: true,
  seed: true,
  lr: true,
  batch: true,
  threads: true,
  sizes: true,
  samples: true,
  temperature: true,
  onStep: true,
  loadSeconds: true,
  keeper: true,
};

/** All that changes as an experiment trains. */
export interface Run {
  /** What is trained. */
  model: BuiltModel;
  /** Characters to tokens. */
  tokenizer: Tokenizer;
  /** The compiled training. */
  training: Training;
  /** What samples are drawn from after the last step. */
  random: Random;
  /** Of all random numbers. */
  seed: number;
  /** Steps asked for, those of earlier runs included. */
  steps: number;
  /** Documents a step. */
  batch: number;
  /** The file's documents, in file order. */
  docs: Documents;
}

/** What keeps an experiment's state, so that another process can go on with it. */
export interface Keeper {
  /** Steps after which to save; it is saved after the last too. */
  every: number;
  /** Sets a run that has taken no step to what was kept; returns the losses of the steps until then. */
  resume(run: Run): ArrayLike<number>;
  /** Keeps a run, which has had these losses. */
  save(run: Run, losses: readonly number[]): void;
}

/** What came of an experiment. Losses are in nats a token, the mean over a document's tokens. */
export interface ExperimentResult {
  /** The model's name. */
  model: ModelName;
  /** Of all numbers. */
  dtype: DType;
  /** The instruction set that ran. */
  isa: string;
  /** Of all random numbers. */
  seed: number;
  /** Training steps taken. */
  steps: number;
  /** Documents a step. */
  batch: number;
  /** Documents given. */
  docs: number;
  /** Characters, and the token that opens and closes a document. */
  vocabSize: number;
  /** Parameters, counted as numbers. */
  params: number;
  /** The loss of each step's document before the update. */
  losses: number[];
  /** The last of them. */
  finalLoss: number;
  /** The mean of the last 50. */
  last50Loss: number;
  /** The mean over documents never trained on; NaN where none was held out, of fewer than ten. */
  heldOutLoss: number;
  /** Documents invented. */
  samples: string[];
  /** Where the time went, in seconds. */
  seconds: {
    /** Reading the documents, as the caller told. */
    load: number;
    /** Writing the graph, parameters drawn. */
    graph: number;
    /** Compiling the training. */
    compile: number;
    /** All steps. */
    train: number;
    /** The held-out loss. */
    evaluate: number;
    /** Inventing. */
    sample: number;
    /** All of it. */
    total: number;
  };
  /** `seconds.train` by step taken here; 0 where all were taken before. */
  microsecondsPerStep: number;
}

/** Doubles the steps of a native call until one takes this long: losses are reported when a call ends. */
const CALL_MILLISECONDS = 50;

/**
 * Trains `name` on `options.docs`, evaluates it on held-out documents and invents new ones, all
 * from one seed: shuffle, parameters, samples, in this order.
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

  // The mean over documents of each document's mean loss; NaN without documents.
  const evaluated = training.evaluateEach(tokenizer.corpus(docs, heldOut).dataset(blockSize));
  const heldOutLoss = evaluated.reduce((sum, loss) => sum + loss, 0) / heldOut.length;
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
    last50Loss: last.reduce((sum, loss) => sum + loss, 0) / last.length,
    heldOutLoss,
    samples: invented,
    seconds: {
      ...{ load, graph, compile, train: trainSeconds, evaluate, sample: sampleSeconds },
      total: loadSeconds + (now() - started) / 1000,
    },
    microsecondsPerStep: stepsHere > 0 ? (trainSeconds * 1e6) / stepsHere : 0,
  };
}

/** The options that have a number by default, checked and filled in. */
function withDefaults(options: ExperimentOptions) {
  checkOptions('runExperiment', options, EXPERIMENT_OPTIONS);
  const { docs, keeper, loadSeconds = 0, threads, onStep } = options;
  const { steps = DEFAULTS.steps, seed = DEFAULTS.seed, batch = DEFAULTS.batch } = options;
  const { samples = DEFAULTS.samples, temperature = DEFAULTS.temperature } = options;
  checkInteger('steps', steps, 0, MAX_STEPS);
  checkInteger('samples', samples, 0);
  checkInteger('batch', batch, 1, MAX_BATCH);
  if (threads !== undefined) checkInteger('threads', threads, 1);
  checkCallback('onStep', onStep);
  checkNumber('loadSeconds', loadSeconds);
  if (keeper && keeper.every !== Infinity) checkInteger('every', keeper.every, 1);
  return { docs, keeper, threads, onStep, steps, seed, samples, temperature, batch, loadSeconds };
}

/** Seconds since the last call, or since it was made. */
function stopwatch(): () => number {
  let mark = now();
  return () => {
    const before = mark;
    mark = now();
    return (mark - before) / 1000;
  };
}

/** Sets a run to what was kept of it; returns the losses of the steps taken until then. */
function earlierLosses(run: Run, keeper: Keeper | undefined): number[] {
  const kept = keeper?.resume(run) ?? [];
  const count = checkInteger('losses kept:', kept.length, 0, MAX_STEPS);
  if (count > run.steps)
    throw new ExperimentError(
      `${count} steps were taken already, more than the ${run.steps} asked for: ask for more`,
    );
  return Array.from({ length: count }, (_, i) => kept[i]!);
}

/** Takes the steps of a run that are left, adds their losses to `losses`, and saves when the keeper asks. */
function takeSteps(
  run: Run,
  corpus: Corpus,
  losses: number[],
  { keeper, threads, onStep }: ReturnType<typeof withDefaults>,
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
  const batching = batch > 1 ? { batch, ...(threads !== undefined && { threads }) } : {};
  for (let stepsPerCall = 1; losses.length < steps;) {
    const from = (losses.length * batch) % dataset.count;
    const untilEnd = Math.floor((dataset.count - from) / batch);
    if (untilEnd === 0) {
      // This batch goes on with the first documents again.
      const fed = Array.from({ length: batch }, (_, i) =>
        corpus.example((from + i) % dataset.count, blockSize),
      );
      note(training.stepBatch(fed, threads === undefined ? {} : { threads }));
      keep();
      continue;
    }
    const untilKept = every - (losses.length % every);
    const count = Math.min(stepsPerCall, steps - losses.length, untilEnd, untilKept);
    const began = now();
    training.stepEach(dataset, from, from + count * batch, batching).forEach(note);
    if (count === stepsPerCall && now() - began < CALL_MILLISECONDS) stepsPerCall *= 2;
    keep();
  }
}
