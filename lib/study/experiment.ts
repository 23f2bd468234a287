/** One experiment: a model trained on documents, evaluated on held-out ones, and sampled. */
import { checkCallback, type Progress } from '../runtime/background.js';
import { didYouMean } from '../core/suggest.js';
import { now } from '../core/clock.js';
import { checkDocuments, splitHeldOut, Tokenizer, type Documents } from './data.js';
import {
  checkInteger,
  checkNumber,
  checkOptions,
  MOST,
  MOST_STEPS,
  shown,
  type Known,
} from '../core/check.js';
import { Index } from '../value/value.js';
import { index } from '../value/leaves.js';
import { graphSize, MOST_NODES } from './models/graph-size.js';
import {
  DEFAULT_SIZES,
  Draw,
  gaussians,
  type Matrix,
  type Model,
  type ModelBuilder,
  type SizedModel,
  type Sizes,
  type Source,
} from './models/model.js';
import { rnn } from './models/rnn.js';
import { rnnAtt } from './models/rnn_att.js';
import { scalar } from './models/scalar.js';
import { vector } from './models/vector.js';
import type { Training } from '../optim/optim.js';
import type { DType } from '../core/array.js';
import { Random } from '../runtime/random.js';
import { sample } from './sampling.js';
import {
  checkLoss,
  ExperimentError,
  TARGET_OPTIONS,
  targetOf,
  trainSteps,
  type TargetOptions,
  type TrainOptions,
  type TrainResult,
} from './train.js';
import { MODEL_NAMES, type ModelName, type ModelSizes } from './models/sizes.js';

export { ExperimentError, type DType };

/** What an experiment is made with: all but the documents has a default. */
export interface ExperimentOptions extends TargetOptions {
  /** The file's documents, in file order (see `parseDocuments` in data.ts); shuffled here with `seed`. */
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
  /** Keeps what was learnt, and gives back what an earlier run kept (see checkpoints.ts). */
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

/** The most tokens of a vocabulary: a code point each, and the one that opens and closes a document. */
const MOST_TOKENS = 0x110001;
/** The most documents of a step. */
const MOST_BATCH = 1_000_000;

/** What writes each model's graph. */
export const MODELS: Readonly<Record<ModelName, ModelBuilder>> = {
  scalar: checked('scalar', scalar),
  vector: checked('vector', vector),
  rnn: checked('rnn', rnn),
  rnn_att: checked('rnn_att', rnnAtt),
};

/** Listings say what they compute: what they are given is looked at before. */
function checked(name: ModelName, builder: ModelBuilder): ModelBuilder {
  return (sizes, draw, fed) => {
    checkOptions(`MODELS.${name}: sizes`, sizes, { ...KNOWN_SIZES, vocabSize: true });
    const own = { ...sizes }; // getters could change their mind
    checkSizes(name, own);
    if (!((draw as unknown) instanceof Draw))
      throw new TypeError(`MODELS.${name}: draw ${shown(draw)}: expected a Draw`);
    checkOptions(`MODELS.${name}: inputs`, fed, { tokens: true, targets: true, length: true });
    for (const [called, given] of Object.entries({
      tokens: fed.tokens,
      targets: fed.targets,
      length: fed.length,
    }) as [string, unknown][]) {
      if (!(given instanceof Index))
        throw new TypeError(`MODELS.${name}: ${called} ${shown(given)}: expected an Index`);
    }
    const model = builder(own, draw, fed);
    const optimizer: Model['optimizer'] = (steps, rate) => {
      checkNumber('steps', steps);
      if (rate !== undefined) checkNumber('lr', rate);
      return model.optimizer(steps, rate);
    };
    return { ...model, optimizer };
  };
}

const KNOWN_SIZES: Known<ModelSizes> = {
  nEmbd: true,
  nHead: true,
  nLayer: true,
  blockSize: true,
  nState: true,
  nAtt: true,
};
const SIZE_NAMES = [...Object.keys(DEFAULT_SIZES), 'vocabSize'] as (keyof Sizes)[];

/** @throws ExperimentError when sizes are no integers from 1, do not fit each other, or in memory */
export function checkSizes(model: ModelName, sizes: Sizes): void {
  if (!MODEL_NAMES.includes(model))
    throw new ExperimentError(
      `model ${shown(model)}: expected ` +
        `${MODEL_NAMES.join(', ')}${typeof model === 'string' ? didYouMean(model, MODEL_NAMES) : ''}`,
    );
  for (const name of SIZE_NAMES) {
    const size: unknown = sizes[name];
    if (!Number.isInteger(size) || (size as number) < 1) {
      throw new ExperimentError(`${name} ${shown(size)}: expected an integer from 1`);
    }
    const most = name === 'vocabSize' ? MOST_TOKENS : MOST;
    if ((size as number) > most)
      throw new ExperimentError(`${name} ${shown(size)}: expected an integer from 1 to ${most}`);
  }
  if (graphSize(model, sizes) > MOST_NODES)
    throw new ExperimentError(
      `${model} of these sizes would not fit in memory: lower blockSize, nLayer or nEmbd`,
    );
  const attends = model === 'scalar' || model === 'vector';
  if (attends && sizes.nEmbd % sizes.nHead !== 0) {
    throw new ExperimentError(
      `nHead ${sizes.nHead} does not divide nEmbd ${sizes.nEmbd}: each head takes an equal part`,
    );
  }
  if (model === 'rnn_att' && sizes.nAtt > sizes.nState) {
    throw new ExperimentError(
      `nAtt ${sizes.nAtt} is more than nState ${sizes.nState}: no more coordinates can fire than there are`,
    );
  }
}

/** A model with the sizes it was built with. */
export interface BuiltModel extends SizedModel {
  /** Which it is. */
  name: ModelName;
  /** Its parameters as the matrices that they are, in the order in which they were drawn. */
  matrices: readonly Matrix[];
  /**
   * Trains the model off the event loop, as `train` does, in a loop: `for await (const { step, loss } of
   * model.steps(docs))`. Nothing runs in the loop's body, where the model can be read, evaluated and
   * sampled from; leaving the loop stops the training, and leaves the model as it is.
   */
  steps(
    docs: Documents,
    options?: Omit<TrainOptions, 'onProgress'>,
  ): AsyncGenerator<Progress, TrainResult, undefined>;
}

/**
 * Builds a model's graph with parameters drawn from `random`.
 *
 * @param vocabSize tokens: characters, and the one that opens and closes a document
 * @param sizes those that the model does not have (nState of `vector`) are checked and then not used, so
 * that the same sizes serve all models
 * @throws ExperimentError when sizes are no integers from 1, or do not fit each other
 */
export function buildModel(
  name: ModelName,
  vocabSize: number,
  sizes: Partial<ModelSizes>,
  random: Random,
): BuiltModel {
  checkOptions('buildModel: sizes', sizes, KNOWN_SIZES);
  if (!((random as unknown) instanceof Random))
    throw new TypeError(`buildModel: random ${shown(random)}: expected a Random to draw the parameters from`);
  return buildFrom(name, vocabSize, sizes, gaussians(random));
}

/**
 * {@link buildModel} with parameters from elsewhere, each asked for before anything large is made.
 *
 * @hidden
 */
export function buildFrom(
  name: ModelName,
  vocabSize: number,
  sizes: Partial<ModelSizes>,
  source: Source,
): BuiltModel {
  const all: Sizes = { ...DEFAULT_SIZES, vocabSize };
  for (const size of Object.keys(KNOWN_SIZES) as (keyof ModelSizes)[]) all[size] = sizes[size] ?? all[size];
  checkSizes(name, all);
  const fed = {
    tokens: index('tokens', all.blockSize),
    targets: index('targets', all.blockSize),
    length: index('length'),
  };
  const draw = new Draw(source);
  const model = { ...MODELS[name](all, draw, fed), name, sizes: all, matrices: draw.matrices };
  return { ...model, steps: (docs, options) => trainSteps(model, docs, options) };
}

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
