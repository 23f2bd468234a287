/** Builds the four models: checks their sizes, draws or reads their parameters, writes their graph. */
import {
  DEFAULT_SIZES,
  MODEL_NAMES,
  SIZE_NAMES,
  SIZE_RULES,
  SIZES,
  type ModelName,
  type ModelSizes,
} from './models/sizes.js';
import {
  type ModelBuilder,
  Draw,
  type Model,
  type Sizes,
  type SizedModel,
  type Matrix,
  gaussians,
  type Source,
} from './models/model.js';
import { scalar } from './models/scalar.js';
import { vector } from './models/vector.js';
import { rnn } from './models/rnn.js';
import { rnnAtt } from './models/rnn_att.js';
import { checkOptions, shown, checkNumber, type Known, MAX_COUNT } from '../core/check.js';
import { Index } from '../value/indices.js';
import { ExperimentError, type TrainOptions, type TrainResult, trainSteps } from './train.js';
import { didYouMean } from '../core/suggest.js';
import { graphSize, MAX_NODES } from './models/graph-size.js';
import type { Documents } from './documents.js';
import type { Progress } from '../runtime/background.js';
import { Random } from '../runtime/random.js';
import { index } from '../value/leaves.js';

/** The most tokens of a vocabulary: a code point each, and the one that opens and closes a document. */
const MAX_TOKENS = 0x110001;

/** The function that writes each model's graph. */
export const MODELS: Readonly<Record<ModelName, ModelBuilder>> = {
  scalar: checked('scalar', scalar),
  vector: checked('vector', vector),
  rnn: checked('rnn', rnn),
  rnn_att: checked('rnn_att', rnnAtt),
};

/**
 * A model's builder that checks its arguments first, so that the models' files hold nothing but the model.
 */
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

/** @throws ExperimentError when sizes are no integers from 1, do not fit each other, or in memory */
export function checkSizes(model: ModelName, sizes: Sizes): void {
  if (!MODEL_NAMES.includes(model))
    throw new ExperimentError(
      `model ${shown(model)}: expected ` +
        `${MODEL_NAMES.join(', ')}${typeof model === 'string' ? didYouMean(model, MODEL_NAMES) : ''}`,
    );
  for (const name of [...SIZE_NAMES, 'vocabSize' as const]) {
    const size: unknown = sizes[name];
    if (!Number.isInteger(size) || (size as number) < 1) {
      throw new ExperimentError(`${name} ${shown(size)}: expected an integer from 1`);
    }
    const max = name === 'vocabSize' ? MAX_TOKENS : MAX_COUNT;
    if ((size as number) > max)
      throw new ExperimentError(`${name} ${shown(size)}: expected an integer from 1 to ${max}`);
  }
  if (graphSize(model, sizes) > MAX_NODES)
    throw new ExperimentError(
      `${model} of these sizes would not fit in memory: lower blockSize, nLayer or nEmbd`,
    );
  for (const { size, other, fits, misfit, why } of SIZE_RULES) {
    if (!SIZES[size].models.includes(model) || fits(sizes)) continue;
    throw new ExperimentError(`${size} ${sizes[size]} ${misfit} ${other} ${sizes[other]}: ${why}`);
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
