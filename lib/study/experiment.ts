/** One experiment: trains a model on documents, evaluates it on held-out ones, and samples from it. */
import { checkCallback } from '../runtime/background.js';
import { now } from '../core/clock.js';
import { checkDocuments, splitHeldOut, type Documents } from './documents.js';
import { Tokenizer } from './tokenizer.js';
import { checkInteger, checkNumber, checkOptions, MOST_STEPS, type Known } from '../core/check.js';
import type { Training } from '../optim/optim.js';
import type { DType } from '../core/array.js';
import { Random } from '../runtime/random.js';
import { sample } from './sampling.js';
import { checkLoss, ExperimentError, TARGET_OPTIONS, targetOf, type TargetOptions } from './train.js';
import type { ModelName, ModelSizes } from './models/sizes.js';
import { type BuiltModel, buildModel } from './build-model.js';

export { ExperimentError, type DType };

/** What an experiment is made with: all but the documents has a default. */
export interface ExperimentOptions extends TargetOptions {
  /** The file's documents, in file order (see `parseDocuments` in documents.ts); shuffled here with `seed`. */
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

/**
 * One native call takes twice the steps of the last as long as that took less: losses are told at its end.
 */
const STEPS_MILLISECONDS = 50;

/** The most documents of a step. */
const MOST_BATCH = 1_000_000;

/**
 * Trains `name` on `options.docs`, evaluates it on held-out documents and invents new ones, all
 * from one seed: shuffle, parameters, samples, in this order.
 *
 * @throws ExperimentError when sizes do not fit, or a loss is no longer finite
 * @throws DataError when the documents hold too little to learn from
 */
export function runExperiment(name: ModelName, options: ExperimentOptions): ExperimentResult {
  checkOptions('runExperiment', options, EXPERIMENT_OPTIONS);
  const {
    docs,
    keeper,
    steps = 1000,
    seed = 42,
    samples = 20,
    temperature = 0.5,
    batch = 1,
    loadSeconds = 0,
  } = options;
  checkInteger('steps', steps, 0, MOST_STEPS);
  checkInteger('samples', samples, 0);
  checkInteger('batch', batch, 1, MOST_BATCH);
  if (options.threads !== undefined) checkInteger('threads', options.threads, 1);
  checkCallback('onStep', options.onStep);
  checkNumber('loadSeconds', loadSeconds);
  const every = keeper?.every ?? Infinity;
  if (every !== Infinity) checkInteger('every', every, 1);
  const started = now();
  let mark = started;
  const lap = (): number => {
    const before = mark;
    mark = now();
    return (mark - before) / 1000;
  };

  const documents = checkDocuments(docs);
  const random = new Random(seed);
  const tokenizer = new Tokenizer(docs);
  const { train, heldOut } = splitHeldOut(random.permutation(documents));
  const load = loadSeconds + lap();

  const model = buildModel(name, tokenizer.vocabSize, options.sizes ?? {}, random);
  const graphSeconds = lap();
  const { blockSize } = model.sizes;
  const target = targetOf(options);
  const training = model
    .optimizer(steps, options.lr)
    .minimize(model.loss, { ...target, batches: batch > 1, sequence: model.logits });
  const compileSeconds = lap();

  const run: Run = { model, tokenizer, training, random, seed, steps, batch, docs };
  const kept = keeper?.resume(run) ?? [];
  const before = checkInteger('losses kept:', kept.length, 0, MOST_STEPS);
  if (before > steps)
    throw new ExperimentError(
      `${before} steps were taken already, more than the ${steps} asked for: ask for more`,
    );
  const losses = Array.from({ length: before }, (_, i) => kept[i]!);
  const keep = (): void => {
    if (losses.length % every === 0 || losses.length === steps) keeper?.save(run, losses);
  };
  const note = (loss: number): void => {
    losses.push(loss);
    checkLoss(loss, losses.length, name);
    options.onStep?.(losses.length, loss);
  };
  const corpus = tokenizer.corpus(docs, train.subarray(0, steps * batch));
  if (batch > 1) {
    const { threads } = options;
    for (let step = before; step < steps; step++) {
      const fed = Array.from({ length: batch }, (_, i) =>
        corpus.example((step * batch + i) % corpus.length, blockSize),
      );
      note(training.stepBatch(fed, threads === undefined ? {} : { threads }));
      keep();
    }
  } else {
    const dataset = corpus.dataset(blockSize);
    for (let most = 1; losses.length < steps;) {
      const from = losses.length % dataset.count;
      const untilKept = every - (losses.length % every);
      const count = Math.min(most, steps - losses.length, dataset.count - from, untilKept);
      const began = now();
      training.stepEach(dataset, from, from + count).forEach(note);
      if (count === most && now() - began < STEPS_MILLISECONDS) most *= 2;
      keep();
    }
  }
  const trainSeconds = lap();

  // The mean over documents of each document's mean loss; NaN without documents.
  const evaluated = training.evaluateEach(tokenizer.corpus(docs, heldOut).dataset(blockSize));
  const heldOutLoss = evaluated.reduce((sum, loss) => sum + loss, 0) / heldOut.length;
  const evaluateSeconds = lap();
  const invented = sample(model, tokenizer, random, {
    count: samples,
    temperature,
    target,
    trained: training.program,
  });
  const sampleSeconds = lap();

  const last = losses.slice(-50);
  return {
    model: name,
    dtype: training.program.dtype,
    isa: training.program.isa,
    seed,
    steps,
    batch,
    docs: documents,
    vocabSize: tokenizer.vocabSize,
    params: training.program.parameterCount,
    losses,
    finalLoss: losses[losses.length - 1] ?? NaN,
    last50Loss: last.reduce((sum, loss) => sum + loss, 0) / last.length,
    heldOutLoss,
    samples: invented,
    seconds: {
      load,
      graph: graphSeconds,
      compile: compileSeconds,
      train: trainSeconds,
      evaluate: evaluateSeconds,
      sample: sampleSeconds,
      total: loadSeconds + (now() - started) / 1000,
    },
    microsecondsPerStep: steps > before ? (trainSeconds * 1e6) / (steps - before) : 0,
  };
}
