/** Builds the four models: checks their sizes, draws or loads their parameters, and writes their graphs. */
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
import { checkOptions, shown, checkFinite, checkNumber, type Known, MAX_COUNT } from '../core/check.js';
import { Index } from '../value/indices.js';
import { ExperimentError, type TrainOptions, type TrainResult, trainSteps } from './train.js';
import { didYouMean } from '../core/suggest.js';
import {
  GRAPH_SIZES,
  graphSize,
  MATRIX_SIZES,
  MAX_NODES,
  MAX_PARAMETERS,
  parameterCount,
} from './models/graph-size.js';
import type { Documents } from './documents.js';
import type { Progress } from '../runtime/background.js';
import { Random } from '../runtime/random.js';
import { index } from '../value/leaves.js';

/** The most tokens in a vocabulary: all code points, and the BOS token. */
const MAX_TOKENS = 0x110001;

/** The function that builds each model's graph. */
export const MODELS: Readonly<Record<ModelName, ModelBuilder>> = {
  scalar: checked('scalar', scalar),
  vector: checked('vector', vector),
  rnn: checked('rnn', rnn),
  rnn_att: checked('rnn_att', rnnAtt),
};

/** Wraps a model's builder with checks of its arguments, so that the model files hold only the model. */
function checked(name: ModelName, builder: ModelBuilder): ModelBuilder {
  return (sizes, draw, fed) => {
    checkOptions(`MODELS.${name}: sizes`, sizes, { ...KNOWN_SIZES, vocabSize: true });
    const own = { ...sizes }; // a getter could return something else the next time
    checkSizes(name, own);
    checkParameterCount(name, own);
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
      if (rate !== undefined) checkFinite('lr', rate, 0);
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

const withValues = (names: readonly (keyof ModelSizes)[], sizes: Sizes): string =>
  names.map((name) => `${name} (${sizes[name]})`).join(' or ');

/** @throws ExperimentError when there is no such model */
function checkModelName(model: ModelName): void {
  if (MODEL_NAMES.includes(model)) return;
  throw new ExperimentError(
    `model ${shown(model)}: expected ` +
      `${MODEL_NAMES.join(', ')}${typeof model === 'string' ? didYouMean(model, MODEL_NAMES) : ''}`,
  );
}

/**
 * @throws ExperimentError when sizes are not integers from 1, do not fit each other, or do not fit in memory
 */
export function checkSizes(model: ModelName, sizes: Sizes): void {
  checkModelName(model);
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
      `${model} of these sizes would not fit in memory: lower ${withValues(GRAPH_SIZES[model], sizes)}`,
    );
  for (const { size, other, fits, misfit, why } of SIZE_RULES) {
    if (!SIZES[size].models.includes(model) || fits(sizes)) continue;
    throw new ExperimentError(`${size} ${sizes[size]} ${misfit} ${other} ${sizes[other]}: ${why}`);
  }
}

/** @throws ExperimentError when the matrices, with what training keeps of each, do not fit in memory */
function checkParameterCount(model: ModelName, sizes: Sizes): void {
  const numbers = parameterCount(model, sizes);
  if (numbers > MAX_PARAMETERS)
    throw new ExperimentError(
      `${model} of ${numbers} numbers, more than ${MAX_PARAMETERS}, would not fit in memory: lower ` +
        withValues(MATRIX_SIZES[model], sizes),
    );
}

/** A model with the sizes it was built with. */
export interface BuiltModel extends SizedModel {
  /** The model's name. */
  name: ModelName;
  /** Its parameters grouped into matrices, in the order in which they were drawn. */
  matrices: readonly Matrix[];
  /**
   * Trains the model in the background, as `train` does, as a loop: `for await (const { step, loss } of
   * model.steps(docs))`. Training pauses while the loop's body runs, where the model can be read, evaluated
   * and sampled from. Leaving the loop stops the training; the model keeps what it has learnt.
   */
  steps(
    docs: Documents,
    options?: Omit<TrainOptions, 'onProgress'>,
  ): AsyncGenerator<Progress, TrainResult, undefined>;
}

/**
 * Builds a model's graph, with parameters drawn from `random`.
 *
 * @param vocabSize the number of tokens: characters, and BOS
 * @param sizes sizes that the model does not use (nState of `vector`) are checked and then ignored, so that
 * the same sizes can be given to all models
 * @throws ExperimentError when sizes are not integers from 1, or do not fit each other
 */
export function buildModel(
  name: ModelName,
  vocabSize: number,
  sizes: Partial<ModelSizes>,
  random: Random,
): BuiltModel {
  checkModelName(name);
  checkOptions('buildModel: sizes', sizes, KNOWN_SIZES);
  if (!((random as unknown) instanceof Random))
    throw new TypeError(`buildModel: random ${shown(random)}: expected a Random to draw the parameters from`);
  return buildFrom(name, vocabSize, sizes, gaussians(random));
}

/**
 * {@link buildModel} with parameters from another source. Asks for each matrix before building anything
 * large.
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
  for (const size of Object.keys(KNOWN_SIZES) as (keyof ModelSizes)[])
    if (sizes[size] !== undefined) all[size] = sizes[size];
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
