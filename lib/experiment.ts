/** One experiment: a model trained on documents, evaluated on held-out ones, and sampled. */
import { now } from './clock.js';
import type { PassSet } from './compiler/passes.js';
import { checkDocuments, splitHeldOut, Tokenizer, type Documents } from './data.js';
import { index } from './graph.js';
import { DEFAULT_SIZES, Draw, type Model, type ModelBuilder, type Sizes } from './models/model.js';
import { rnn } from './models/rnn.js';
import { rnnAtt } from './models/rnn_att.js';
import { scalar } from './models/scalar.js';
import { vector } from './models/vector.js';
import type { DType, Feeds } from './program.js';
import { Random } from './random.js';
import { sample } from './sampling.js';

export type { DType };
export const MODEL_NAMES = ['scalar', 'vector', 'rnn', 'rnn_att'] as const;
export type ModelName = (typeof MODEL_NAMES)[number];

/** Every size of every model; a model ignores the sizes it has no use for. */
export interface ModelSizes {
  nEmbd: number;
  nHead: number;
  nLayer: number;
  blockSize: number;
  nState: number;
  nAtt: number;
}

export interface ExperimentOptions {
  /** The file's documents, in file order (see `parseDocuments` in data.ts); shuffled here with `seed`. */
  docs: Documents;
  steps?: number; // default 1000
  seed?: number; // default 42
  dtype?: DType; // default float64
  isa?: string; // default: the best the machine has
  passes?: PassSet; // default: all of the compiler's
  lr?: number; // default: the model's schedule; given: its initial rate
  batch?: number; // documents a step, default 1
  threads?: number; // that a batch is spread over, default: the machine's processors
  sizes?: Partial<ModelSizes>;
  samples?: number; // default 20
  temperature?: number; // default 0.5
  /** Called after every step with the step (from 1) and its loss. */
  onStep?: (step: number, loss: number) => void;
  /** Seconds the caller spent on reading the documents, to be reported as `seconds.load`. */
  loadSeconds?: number;
}

export interface ExperimentResult {
  model: ModelName;
  dtype: DType;
  isa: string;
  seed: number;
  steps: number;
  /** Documents a step. */
  batch: number;
  docs: number;
  vocabSize: number;
  params: number;
  losses: number[];
  finalLoss: number;
  last50Loss: number;
  heldOutLoss: number;
  samples: string[];
  seconds: {
    load: number;
    /** Writing the graph, parameters drawn. */
    graph: number;
    compile: number;
    train: number;
    evaluate: number;
    sample: number;
    total: number;
  };
  microsecondsPerStep: number;
}

export const MODELS: Readonly<Record<ModelName, ModelBuilder>> = {
  scalar,
  vector,
  rnn,
  rnn_att: rnnAtt,
};

/** An experiment that cannot go on: sizes that do not fit, a loss that is not finite. */
export class ExperimentError extends Error {
  override name = 'ExperimentError';
}

/** A model's document as it is fed: position j reads tokens[j] and must predict targets[j]. */
export function example(tokenizer: Tokenizer, doc: string, blockSize: number): Feeds {
  const tokens = tokenizer.encode(doc);
  const length = Math.min(blockSize, tokens.length - 1);
  return { tokens: tokens.slice(0, length), targets: tokens.slice(1, length + 1), length };
}

function checkSizes(model: ModelName, sizes: Sizes): void {
  for (const [name, size] of Object.entries(sizes) as [string, number][]) {
    if (!Number.isInteger(size) || size < 1) {
      throw new ExperimentError(`${name} ${size}: expected an integer from 1`);
    }
  }
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

/** Builds a model's graph with parameters drawn from `random`. */
export function buildModel(
  name: ModelName,
  vocabSize: number,
  sizes: Partial<ModelSizes>,
  random: Random,
): Model & { sizes: Sizes } {
  const all: Sizes = { ...DEFAULT_SIZES, ...sizes, vocabSize };
  checkSizes(name, all);
  const fed = {
    tokens: index('tokens', all.blockSize),
    targets: index('targets', all.blockSize),
    length: index('length'),
  };
  return { ...MODELS[name](all, new Draw(random), fed), sizes: all };
}

/**
 * Trains `name` on `options.docs`, evaluates it on held-out documents and invents new ones, all
 * from one seed: shuffle, parameters, samples, as SPEC section 3 orders the draws.
 */
export function runExperiment(name: ModelName, options: ExperimentOptions): ExperimentResult {
  const { steps = 1000, seed = 42, samples = 20, temperature = 0.5, batch = 1 } = options;
  const started = now();
  let mark = started;
  const lap = (): number => {
    const before = mark;
    mark = now();
    return (mark - before) / 1000;
  };

  checkDocuments(options.docs);
  const { docs } = options;
  const random = new Random(seed);
  const tokenizer = new Tokenizer(docs);
  const { train, heldOut } = splitHeldOut(random.permutation(docs.length));
  const load = (options.loadSeconds ?? 0) + lap();

  const model = buildModel(name, tokenizer.vocabSize, options.sizes ?? {}, random);
  const graphSeconds = lap();
  const { blockSize } = model.sizes;
  const target = {
    ...(options.dtype && { dtype: options.dtype }),
    ...(options.isa !== undefined && { isa: options.isa }),
    ...(options.passes && { passes: options.passes }),
    ...(batch > 1 && { batches: true }),
  };
  const training = model
    .optimizer(steps, options.lr)
    .minimize(model.loss, { ...target, sequence: model.logits });
  const compileSeconds = lap();

  const { threads } = options;
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const fed = (i: number): Feeds => example(tokenizer, docs.at(train[i % train.length]!)!, blockSize); // prettier-ignore
    const loss =
      batch === 1
        ? training.step(fed(step))
        : training.stepBatch(Array.from({ length: batch }, (_, i) => fed(step * batch + i)), threads === undefined ? {} : { threads }); // prettier-ignore
    if (!Number.isFinite(loss)) {
      throw new ExperimentError(
        `${name}: the loss is ${loss} at step ${step + 1}: training diverged; ` +
          'give a lower learning rate',
      );
    }
    losses.push(loss);
    options.onStep?.(step + 1, loss);
  }
  const trainSeconds = lap();

  // The mean over documents of each document's mean loss; NaN without documents.
  let sum = 0;
  for (const doc of heldOut) sum += training.evaluate(example(tokenizer, docs.at(doc)!, blockSize));
  const heldOutLoss = sum / heldOut.length;
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
    docs: docs.length,
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
      total: (options.loadSeconds ?? 0) + (now() - started) / 1000,
    },
    microsecondsPerStep: (trainSeconds * 1e6) / steps,
  };
}
