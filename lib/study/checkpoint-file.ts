/** Checkpoints: model files that also hold the training state, to resume training bit for bit. */
import type { DType } from '../core/array.js';
import {
  checkBoolean,
  checkInteger,
  checkNumber,
  checkObject,
  checkOptions,
  MAX_STEPS,
  shown,
  type Known,
} from '../core/check.js';
import { clipped, quoted, quotedPath } from '../core/escape.js';
import { Training, type TrainingState } from '../optim/training.js';
import { BusyError } from '../runtime/errors.js';
import { Random } from '../runtime/random.js';
import { checkSettable, setAllNumbers } from '../value/leaves.js';
import type { Value } from '../value/value.js';
import { TensorFile, WeightsError, writeTensors, type Metadata } from '../weights/tensor-file.js';
import type { BuiltModel } from './build-model.js';
import { checkedModel, contentsOf, joined, OWN_TEXTS } from './model-file.js';
import { SIZE_NAMES } from './models/sizes.js';
import type { Matrix } from './models/model.js';
import type { Tokenizer } from './tokenizer.js';

/** The arrays of a checkpoint besides the model's; the names of a model's arrays have no slash. */
const RULE = 'training/rule';

const RANDOM = 'training/random';

const LOSSES = 'training/losses';

/** More numbers than any update rule has: `Training.restore` says where there are others than here. */
const MAX_RULE = 64;

const momentName = (i: number, matrix: string): string => `optimizer.${i}/${matrix}`;

/**
 * By default the most steps that a checkpoint may have; computing the learning rates of so many takes about a
 * second.
 */
const DEFAULT_MAX_STEPS = 10_000_000;

const SAME = 'give the optimiser that was saved, with the same parameters frozen';

/** What a checkpoint holds besides the model. */
export interface Checkpoint {
  /** The training of the model's loss. */
  training: Training;
  /** The random generator. */
  random: Random;
  /** The losses so far, or those to keep; at most one per step. None by default. */
  losses?: ArrayLike<number>;
}

const CHECKPOINT_KEYS: Known<Checkpoint> = { training: true, random: true, losses: true };

/** @throws TypeError when the training or the generator is missing */
function checkCheckpoint(who: string, given: Checkpoint): void {
  checkOptions(who, given, CHECKPOINT_KEYS);
  const { training, random } = given;
  if (!((training as unknown) instanceof Training))
    throw new TypeError(`${who}: training ${shown(training)}: expected a Training, as minimize gives`);
  if (!((random as unknown) instanceof Random))
    throw new TypeError(`${who}: random ${shown(random)}: expected a Random`);
}

/** @throws TypeError when the training trains a parameter that is not the model's */
function checkTrains(who: string, matrices: readonly Matrix[], { program }: Training): void {
  const own = new Set<unknown>();
  for (const { values } of matrices) for (const value of values) own.add(value);
  for (const value of program.update.moments.keys()) {
    if (own.has(value)) continue;
    throw new TypeError(
      `${who}: this training is of another model: ${value.label} is not a parameter of ` +
        "this model: give the training of this model's loss",
    );
  }
}

/** What loading a checkpoint returns. */
export interface Kept {
  /** The losses that were saved. */
  losses: Float64Array;
  /** The other strings of the file. */
  metadata: Record<string, string>;
}

/**
 * Writes what {@link saveModel} writes, and the training state: the optimiser's moments, the step count and
 * the state of the random generator. All matrices are in the training's data type. Which documents come next
 * follows from the step count; use `metadata` for whatever else identifies a run. `loadModel` can read such a
 * file too.
 *
 * @throws WeightsError as {@link saveModel} does
 * @throws RangeError when there are more losses than steps taken
 * @throws TypeError when the training trains a parameter that is not the model's
 */
export function saveCheckpoint(
  path: string,
  model: BuiltModel,
  tokenizer: Tokenizer,
  progress: Checkpoint,
  metadata: Metadata = {},
): void {
  checkCheckpoint('saveCheckpoint', progress);
  const { training, random, losses = [] } = progress;
  checkTrains('saveCheckpoint', checkedModel(model).matrices, training);
  const { dtype } = training.program;
  const { tensors, texts, matrices } = contentsOf(path, model, tokenizer, metadata, dtype);
  checkObject('saveCheckpoint: losses', losses, 'a list of numbers');
  const { steps, runs, rule, optimizer, moments } = training.state();
  const count = checkInteger('number of losses', losses.length, 0, steps);
  const kept = Float64Array.from({ length: count }, (_, i) => {
    const loss: unknown = losses[i];
    checkNumber(`saveCheckpoint: losses[${i}]`, loss);
    return loss;
  });
  texts.set('steps', String(steps)).set('runs', String(runs));
  if (optimizer !== undefined) texts.set('updateRule', optimizer);
  for (const { name, shape, values } of matrices) {
    const own = values.map((value) => moments.get(value));
    // Parameters without gradient have no moments.
    const momentCount = own.find((arrays) => arrays)?.length ?? 0;
    for (let i = 0; i < momentCount; i++) {
      const parts = own.map((arrays, at) => arrays?.[i] ?? new Float64Array(values[at]!.data.length));
      tensors.set(momentName(i, name), { shape, data: joined(parts, dtype) });
    }
  }
  if (rule) tensors.set(RULE, { shape: [rule.length], data: Float64Array.from(rule) });
  const words = random.getstate();
  tensors.set(RANDOM, { shape: [words.length], data: words });
  tensors.set(LOSSES, { shape: [kept.length], data: kept });
  writeTensors(path, tensors, texts);
}

/**
 * Resumes a checkpoint in a new training of the same model: sets the parameters, the training state and the
 * random generator. Returns the losses that were saved, and the file's other strings.
 *
 * @param options `mostSteps` limits the steps that the file may have, since the learning rates of all of them
 * are computed again: ten million by default; `newRates` is that of `Training.restore`
 * @throws WeightsError when the file cannot be read, is not a checkpoint of such a model, or holds a state
 * that `Training.restore` refuses; then nothing has changed, except that the learning-rate schedule may have
 * advanced
 * @throws SafetensorsError when it is not a safetensors file
 * @throws TypeError when the training trains a parameter that is not the model's
 */
export function loadCheckpoint(
  path: string,
  model: BuiltModel,
  progress: Omit<Checkpoint, 'losses'>,
  options: { mostSteps?: number; newRates?: boolean } = {},
): Kept {
  checkCheckpoint('loadCheckpoint', progress);
  checkOptions('loadCheckpoint', options, { mostSteps: true, newRates: true });
  const { training, random } = progress;
  const { mostSteps = DEFAULT_MAX_STEPS, newRates = false } = options;
  checkBoolean('loadCheckpoint: newRates', newRates);
  checkInteger('loadCheckpoint: mostSteps', mostSteps, 0, MAX_STEPS);
  const built = checkedModel(model);
  checkTrains('loadCheckpoint', built.matrices, training);
  const read = TensorFile.read(path, (file) => readCheckpoint(file, built, training, random, mostSteps));
  checkSettable(read.values.keys());
  try {
    training.restore(read.state, { newRates });
  } catch (error) {
    if (error instanceof BusyError) throw error;
    throw new WeightsError(`${quotedPath(path)}: ${(error as Error).message}`, { cause: error });
  }
  random.setstate(read.words);
  setAllNumbers(read.values);
  return { losses: read.losses, metadata: read.metadata };
}

/** The numbers as a random generator's state; undefined where they are not one. */
function stateOf(numbers: Float64Array): Uint32Array | undefined {
  const words = Uint32Array.from(numbers);
  if (words.some((word, i) => word !== numbers[i])) return undefined;
  try {
    new Random(0).setstate(words);
  } catch {
    return undefined;
  }
  return words;
}

/** What a checkpoint file holds, checked against the model and the training. */
interface ReadCheckpoint {
  state: TrainingState;
  /** The numbers of each parameter of the model. */
  values: Map<Value, Float64Array>;
  /** The random generator's state. */
  words: Uint32Array;
  losses: Float64Array;
  metadata: Record<string, string>;
}

function readCheckpoint(
  file: TensorFile,
  model: ReturnType<typeof checkedModel>,
  training: Training,
  random: Random,
  mostSteps: number,
): ReadCheckpoint {
  const { shown, metadata } = file;
  const { steps, runs } = readTexts(file, model, training.program.dtype);
  if (steps > mostSteps)
    throw new WeightsError(
      `${shown}: ${steps} steps were taken already, more than the ${mostSteps} requested: request more`,
    );
  const { values, moments, known } = readMatrices(file, model.matrices, training);
  for (const name of [RULE, RANDOM, LOSSES]) known.add(name);
  file.checkNoMore((name) => known.has(name), `a checkpoint of this training does not have: ${SAME}`);
  const state: TrainingState = { steps, runs, moments };
  const optimizer = metadata.get('updateRule');
  if (optimizer !== undefined) state.optimizer = optimizer;
  if (file.has(RULE)) state.rule = [...file.vector(RULE, MAX_RULE)];
  const words = stateOf(file.numbers(RANDOM, [random.getstate().length]));
  if (!words) throw new WeightsError(`${shown}: '${RANDOM}' is not the state of a random generator`);
  const losses = file.vector(LOSSES, steps);
  const others = [...metadata].filter(([key]) => !OWN_TEXTS.includes(key));
  return { state, values, words, losses, metadata: Object.fromEntries(others) };
}

/**
 * Reads the counts among a checkpoint's strings.
 *
 * @throws WeightsError where the strings are not those of a checkpoint of this model
 */
function readTexts(
  { shown, metadata }: TensorFile,
  { name, sizes }: ReturnType<typeof checkedModel>,
  dtype: DType,
): { steps: number; runs: number } {
  const refuse = (what: string): never => {
    throw new WeightsError(`${shown} has ${what}: it is not a checkpoint of this model`);
  };
  const text = (key: string): string => metadata.get(key) ?? refuse(`no metadata '${key}'`);
  const integer = (key: string): number =>
    /^\d{1,9}$/.test(text(key)) ? Number(text(key)) : refuse(`${key} ${quoted(text(key), 40)}`);
  const expected: Record<string, string | number> = {
    model: name,
    dtype,
    ...Object.fromEntries(SIZE_NAMES.map((size) => [size, sizes[size]])),
  };
  for (const [key, value] of Object.entries(expected)) {
    if (text(key) !== String(value)) refuse(`${key} ${quoted(text(key), 40)}, not ${value}`);
  }
  return { steps: integer('steps'), runs: integer('runs') };
}

/** Reads the numbers and moments of the model's parameters; `known` are the names of their arrays. */
function readMatrices(
  file: TensorFile,
  matrices: readonly Matrix[],
  training: Training,
): { values: Map<Value, Float64Array>; moments: Map<Value, Float64Array[]>; known: Set<string> } {
  const known = new Set<string>();
  const numbers = (name: string, shape: readonly number[]): Float64Array => {
    known.add(name);
    return file.numbers(name, shape);
  };
  const { moments: own } = training.program.update;
  const moments = new Map<Value, Float64Array[]>();
  const values = new Map<Value, Float64Array>();
  for (const { name, shape, values: parts } of matrices) {
    const whole = numbers(name, shape);
    const count = parts.map((value) => own.get(value)?.length).find((n) => n !== undefined) ?? 0;
    const kept = Array.from({ length: count }, (_, i) => {
      const moment = momentName(i, name);
      if (!file.has(moment))
        throw new WeightsError(`${file.shown} has no '${clipped(moment)}', which this training has: ${SAME}`);
      return numbers(moment, shape);
    });
    const size = whole.length / parts.length;
    const partOf = (array: Float64Array, at: number): Float64Array =>
      array.subarray(at * size, (at + 1) * size);
    parts.forEach((value, at) => {
      values.set(value, partOf(whole, at));
      if (own.has(value))
        moments.set(
          value,
          kept.map((array) => partOf(array, at)),
        );
    });
  }
  return { values, moments, known };
}
