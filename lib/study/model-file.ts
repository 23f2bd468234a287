/**
 * Models in files: the weights, in the texts beside them all that it takes to build the graph again, and
 * in a checkpoint all that it takes to go on training bit for bit.
 */
import { Tokenizer } from './tokenizer.js';
import type { DType } from './experiment.js';
import { buildFrom, checkSizes, type BuiltModel } from './build-model.js';
import { MODEL_NAMES, type ModelName, type ModelSizes } from './models/sizes.js';
import {
  checkInteger,
  checkNumber,
  checkObject,
  checkOptions,
  isList,
  MOST_STEPS,
  shown,
  type Known,
} from '../core/check.js';
import { valuesOf, type Value } from '../value/value.js';
import { setNumbers } from '../value/leaves.js';
import type { TypedArray } from '../core/array.js';
import { graphSize, matricesOf, MOST_NODES } from './models/graph-size.js';
import { DEFAULT_SIZES, type Matrix, type Sizes } from './models/model.js';
import { Training, type TrainingState } from '../optim/optim.js';
import { BusyError } from '../runtime/program.js';
import { Random } from '../runtime/random.js';
import type { WrittenTensor } from '../weights/safetensors.js';
import { quoted, quotedPath } from '../core/escape.js';
import {
  checkPath,
  list,
  TensorFile,
  textsOf,
  WeightsError,
  writeTensors,
  type Metadata,
} from '../weights/tensor-file.js';

const SIZE_NAMES = Object.keys(DEFAULT_SIZES) as (keyof ModelSizes)[];
const OWN_TEXTS: readonly string[] = ['model', ...SIZE_NAMES, 'dtype', 'tokenizer', 'steps', 'runs'];
/** Arrays of a checkpoint beside the model's, whose names have no slash. */
const RULE = 'training/rule';
const RANDOM = 'training/random';
const LOSSES = 'training/losses';
const moment = (i: number, matrix: string): string => `optimizer.${i}/${matrix}`;
const isTrainings = (name: string): boolean => /^(training|optimizer\.\d+)\//.test(name);

/** The most numbers of a model's matrices: with what is made of them below 2 GB. */
const MOST_NUMBERS = 2 ** 26;
/**
 * By default the most steps that a checkpoint may have: the learning rates of so many take about a second.
 */
const STEPS_BY_DEFAULT = 10_000_000;

/** A model read from a file. */
export interface LoadedModel {
  /** Its graph, with the file's numbers as its parameters. */
  model: BuiltModel;
  /** Of the characters it was trained on. */
  tokenizer: Tokenizer;
  /** What it was held in: to be given to a program as `dtype`. */
  dtype: DType;
  /** The other texts of the file. */
  metadata: Record<string, string>;
}

/** What a checkpoint has beside the model. */
export interface Checkpoint {
  /** Of the model's loss. */
  training: Training;
  /** What is drawn from next. */
  random: Random;
  /** Of the steps so far, or of those that are to be kept, one a step at most; none by default. */
  losses?: ArrayLike<number>;
}

const CHECKPOINT_KEYS: Known<Checkpoint> = { training: true, random: true, losses: true };

/** @throws TypeError when it has no training, or no generator */
function checkCheckpoint(who: string, given: Checkpoint): void {
  checkOptions(who, given, CHECKPOINT_KEYS);
  const { training, random } = given;
  if (!((training as unknown) instanceof Training))
    throw new TypeError(`${who}: training ${shown(training)}: expected a Training, as minimize gives`);
  if (!((random as unknown) instanceof Random))
    throw new TypeError(`${who}: random ${shown(random)}: expected a Random`);
}

/** @throws TypeError when the training trains a parameter that is none of the model's */
function checkTrains(who: string, matrices: readonly Matrix[], { program }: Training): void {
  const own = new Set<unknown>();
  for (const { values } of matrices) for (const value of values) own.add(value);
  for (const value of program.trained.moments.keys()) {
    if (own.has(value)) continue;
    throw new TypeError(
      `${who}: this training trains other parameters than the model: ${value.label} is none of the ` +
        "model's: give the training of this model's loss",
    );
  }
}

/** What a checkpoint gives back. */
export interface Kept {
  /** The losses that were kept. */
  losses: Float64Array;
  /** The other texts of the file. */
  metadata: Record<string, string>;
}

/**
 * Writes a model to a safetensors file: each matrix an array of its name (those of `scalar` too, whose
 * numbers are parameters one by one), float32 where a training in float32 wrote all of them last, else
 * float64; in the metadata the model's name, sizes, data type and the tokenizer's characters in order. A
 * file that was there before stays whole until the new one is.
 *
 * @param metadata other texts to keep with them, by name
 * @throws WeightsError when the file cannot be written, or could not be read again: of a model whose
 * graph would not fit in memory, or a tokenizer that is not the model's, or of characters that are none
 */
export function saveModel(
  path: string,
  model: BuiltModel,
  tokenizer: Tokenizer,
  metadata: Metadata = {},
): void {
  write(path, model, tokenizer, metadata);
}

/**
 * Writes what {@link saveModel} does, and what training goes on from: the optimiser's moments, the
 * steps taken, the random generator's state; all matrices in the training's data type. What decides which
 * documents come next is the steps; what else a run is to be known by is `metadata`. `loadModel` reads such
 * a file too.
 *
 * @throws WeightsError as {@link saveModel} does
 * @throws RangeError when there are more losses than steps taken
 * @throws TypeError when the training trains a parameter that is none of the model's
 */
export function saveCheckpoint(
  path: string,
  model: BuiltModel,
  tokenizer: Tokenizer,
  progress: Checkpoint,
  metadata: Metadata = {},
): void {
  checkCheckpoint('saveCheckpoint', progress);
  write(path, model, tokenizer, metadata, progress);
}

function write(
  path: string,
  model: BuiltModel,
  tokenizer: Tokenizer,
  metadata: Metadata,
  progress?: Checkpoint,
): void {
  checkPath(path);
  const { name, sizes, matrices } = checkedModel(model);
  if (progress) checkTrains('saveCheckpoint', matrices, progress.training);
  if (!((tokenizer as unknown) instanceof Tokenizer))
    throw new TypeError(`tokenizer ${shown(tokenizer)}: expected a Tokenizer`);
  const texts = textsOf('metadata', metadata);
  checkKeepable(path, { name, sizes, matrices });
  const text = tokenizer.characters.join('');
  if (tokenizer.vocabSize !== sizes.vocabSize)
    throw new WeightsError(`a tokenizer of ${tokenizer.vocabSize} tokens for a model of ${sizes.vocabSize}`);
  const half = tokenizer.characters.find((character) => /\p{Cs}/u.test(character));
  if (half !== undefined)
    throw new WeightsError(
      `the tokenizer has the character ${quoted(half)}, half a surrogate pair, from a document that ` +
        'is no Unicode: no file can hold it as text',
    );
  const taken = [...texts.keys()].filter((key) => OWN_TEXTS.includes(key));
  if (taken.length > 0)
    throw new WeightsError(`metadata ${list(taken)}: the model has texts of these names itself`);
  // A training in float32 that has taken no step since its numbers were set has not written them yet.
  const areSingle = (): boolean => matrices.every(({ values }) => values.every(isSingle));
  const dtype: DType = progress?.training.program.dtype ?? (areSingle() ? 'float32' : 'float64');
  texts.set('model', name);
  for (const size of SIZE_NAMES) texts.set(size, String(sizes[size]));
  texts.set('dtype', dtype).set('tokenizer', text);
  const tensors = new Map<string, WrittenTensor>();
  for (const { name: matrix, shape, values } of matrices)
    tensors.set(matrix, {
      shape,
      data: joined(
        values.map(({ data }) => data),
        dtype,
      ),
    });
  if (progress) {
    const { training, random, losses: given = [] } = progress;
    checkObject('saveCheckpoint: losses', given, 'a list of numbers');
    const { steps, runs, rule, moments } = training.state();
    const losses = Float64Array.from(
      { length: checkInteger('number of losses', given.length, 0, steps) },
      (_, i) => {
        const loss: unknown = given[i];
        checkNumber(`saveCheckpoint: losses[${i}]`, loss);
        return loss;
      },
    );
    texts.set('steps', String(steps)).set('runs', String(runs));
    for (const { name: matrix, shape, values } of matrices) {
      const kept = values.map((value) => moments.get(value));
      // What no gradient can reach is not trained: of it there is nothing to keep.
      const count = kept.find((arrays) => arrays)?.length ?? 0;
      for (let i = 0; i < count; i++) {
        const data = joined(
          kept.map((arrays, at) => arrays?.[i] ?? new Float64Array(values[at]!.data.length)),
          training.program.dtype,
        );
        tensors.set(moment(i, matrix), { shape, data });
      }
    }
    if (rule) tensors.set(RULE, { shape: [rule.length], data: Float64Array.from(rule) });
    const words = random.getstate();
    tensors.set(RANDOM, { shape: [words.length], data: words });
    tensors.set(LOSSES, { shape: [losses.length], data: losses });
  }
  writeTensors(path, tensors, texts);
}

/**
 * Has a new training of a model go on where a checkpoint was written: sets the model's numbers, the
 * training's state and the generator's. Returns the losses that were kept, and the file's other texts.
 *
 * @param options the most steps that the file may say were taken, whose learning rates are asked for
 * once more: ten million by default
 * @throws WeightsError when the file cannot be read, is no checkpoint of such a model, or its state is
 * none that `Training.restore` takes; nothing is set then but the learning rate's schedule
 * @throws TypeError when the training trains a parameter that is none of the model's
 * @throws SafetensorsError when it is no safetensors file
 */
export function loadCheckpoint(
  path: string,
  model: BuiltModel,
  progress: Omit<Checkpoint, 'losses'>,
  options: { mostSteps?: number } = {},
): Kept {
  checkCheckpoint('loadCheckpoint', progress);
  checkOptions('loadCheckpoint', options, { mostSteps: true });
  const { training, random } = progress;
  const { mostSteps = STEPS_BY_DEFAULT } = options;
  checkInteger('loadCheckpoint: mostSteps', mostSteps, 0, MOST_STEPS);
  const { name: modelName, sizes, matrices } = checkedModel(model);
  checkTrains('loadCheckpoint', matrices, training);
  const read = TensorFile.read(path, (file) => {
    const { shown, metadata } = file;
    const text = (key: string): string => metadata.get(key) ?? refuse(`no text '${key}'`);
    const refuse = (what: string): never => {
      throw new WeightsError(`${shown} has ${what}: it is no checkpoint of this model`);
    };
    const integer = (key: string): number =>
      /^\d{1,9}$/.test(text(key)) ? Number(text(key)) : refuse(`${key} ${quoted(text(key), 40)}`);
    const given: Record<string, string | number> = {
      model: modelName,
      dtype: training.program.dtype,
      ...Object.fromEntries(SIZE_NAMES.map((size) => [size, sizes[size]])),
    };
    for (const [key, value] of Object.entries(given)) {
      if (text(key) !== String(value)) refuse(`${key} ${quoted(text(key), 40)}, not ${value}`);
    }
    const steps = integer('steps');
    if (steps > mostSteps)
      throw new WeightsError(
        `${shown}: ${steps} steps were taken already, more than the ${mostSteps} asked for: ask for ` +
          'more (mostSteps)',
      );
    const known = new Set([RULE, RANDOM, LOSSES]);
    const numbers = (name: string, shape: readonly number[]): Float64Array => {
      known.add(name);
      return file.numbers(name, shape);
    };
    const { moments: own } = training.program.trained;
    const moments = new Map<Value, Float64Array[]>();
    const values = new Map<Value, Float64Array>();
    for (const { name, shape, values: parts } of matrices) {
      const whole = numbers(name, shape);
      const count = parts.map((value) => own.get(value)?.length).find((n) => n !== undefined) ?? 0;
      const kept = Array.from({ length: count }, (_, i) => numbers(moment(i, name), shape));
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
    file.checkNoMore((name) => known.has(name), 'a checkpoint of this training has not');
    const state: TrainingState = { steps, runs: integer('runs'), moments };
    const { rule } = training.program.trained;
    if (file.has(RULE)) state.rule = [...file.numbers(RULE, [rule.length])];
    const words = stateOf(file.numbers(RANDOM, [random.getstate().length]));
    if (!words) throw new WeightsError(`${shown}: '${RANDOM}' is no state of a generator`);
    const losses = file.vector(LOSSES, steps);
    const others = [...metadata].filter(([key]) => !OWN_TEXTS.includes(key));
    return { state, values, words, losses, metadata: Object.fromEntries(others) };
  });
  try {
    training.restore(read.state);
  } catch (error) {
    if (error instanceof BusyError) throw error;
    throw new WeightsError(`${quotedPath(path)}: ${(error as Error).message}`, { cause: error });
  }
  random.setstate(read.words);
  for (const [value, numbers] of read.values) setNumbers(value, numbers);
  return { losses: read.losses, metadata: read.metadata };
}

/** A generator's state, where the numbers are one. */
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

/**
 * What a file holds of a model, read once: what `buildModel` gives is a plain object, and may be another's.
 *
 * @throws WeightsError when it is none
 */
function checkedModel(model: unknown): Pick<BuiltModel, 'name' | 'sizes' | 'matrices'> {
  checkObject('model', model, 'a model as of buildModel');
  const { name, sizes: given, matrices: list } = model as Partial<BuiltModel>;
  const sizes = { ...given } as BuiltModel['sizes'];
  const unsized = [...SIZE_NAMES, 'vocabSize' as const].find((size) => !Number.isInteger(sizes[size]));
  const refuse = (what: string, found: unknown, expected: string): never => {
    throw new WeightsError(
      `the model's ${what} ${shown(found)}: expected ${expected}: give a model as of buildModel`,
    );
  };
  if (name === undefined || !MODEL_NAMES.includes(name)) return refuse('name', name, MODEL_NAMES.join(', '));
  if (unsized !== undefined) return refuse(`size ${unsized}`, sizes[unsized], 'an integer');
  if (!isList(list)) return refuse('matrices', list, 'an array');
  const matrices: Matrix[] = [];
  for (const matrix of list as Iterable<Partial<Matrix> | undefined>) {
    const { name: called, shape, values } = matrix ?? {};
    if (typeof called !== 'string' || !isList(shape))
      throw new WeightsError(
        `a matrix of the model has the name ${shown(called)} and the shape ${shown(shape)}: give a ` +
          'model as of buildModel',
      );
    matrices.push({ name: called, shape, values: valuesOf(called, values) });
  }
  return { name, sizes, matrices };
}

/**
 * Builds the model that a file holds. Nothing in the file is trusted: before any number is read or any of
 * the graph is made, sizes and texts are checked against the arrays that it has.
 *
 * @throws WeightsError when the file cannot be read, or holds no model: an unknown one, or one of sizes,
 * a type, a tokenizer or arrays that do not fit
 * @throws SafetensorsError when it is no safetensors file
 */
export function loadModel(path: string): LoadedModel {
  return TensorFile.read(path, (file) => {
    const { shown, metadata } = file;
    const text = (key: string): string => {
      const value = metadata.get(key);
      if (value !== undefined) return value;
      throw new WeightsError(`${shown} has no text '${key}': it holds no model that saveModel wrote`);
    };
    const oneOf = <T extends string>(key: string, known: readonly T[]): T => {
      const found = known.find((value) => value === text(key));
      if (found !== undefined) return found;
      throw new WeightsError(`${shown}: ${key} ${quoted(text(key), 40)}: expected ${known.join(', ')}`);
    };
    const name = oneOf('model', MODEL_NAMES);
    const dtype = oneOf<DType>('dtype', ['float64', 'float32']);
    const sizes: Sizes = { ...DEFAULT_SIZES, vocabSize: 1 };
    for (const size of SIZE_NAMES) {
      const given = text(size);
      if (!/^[1-9]\d{0,6}$/.test(given))
        throw new WeightsError(
          `${shown}: ${size} ${quoted(given, 40)}: expected a whole number from 1 to 9999999`,
        );
      sizes[size] = Number(given);
    }
    const characters = text('tokenizer');
    const count = countRising(characters);
    if (count === undefined)
      throw new WeightsError(
        `${shown}: tokenizer ${quoted(characters, 40)}: expected each character once, in the order of ` +
          'their numbers',
      );
    sizes.vocabSize = count + 1;
    checkGraph(shown, name, sizes);
    try {
      checkSizes(name, sizes);
    } catch (error) {
      throw new WeightsError(`${shown}: ${(error as Error).message}`, { cause: error });
    }
    checkMatrices(file, name, sizes);
    const tokenizer = new Tokenizer([characters]);
    const model = buildFrom(name, sizes.vocabSize, sizes, (matrix, rows, cols) =>
      file.numbers(matrix, [rows, cols]),
    );
    const others = [...metadata].filter(([key]) => !OWN_TEXTS.includes(key));
    return { model, tokenizer, dtype, metadata: Object.fromEntries(others) };
  });
}

/** How many characters a text has, where each has a larger number than the one before. */
function countRising(text: string): number | undefined {
  let count = 0;
  let last = -1;
  for (const character of text) {
    const codePoint = character.codePointAt(0)!;
    if (codePoint <= last) return undefined;
    last = codePoint;
    count++;
  }
  return count;
}

/** Checks that a file has the matrices of a model, each of its shape, and but for training's no other. */
function checkMatrices(file: TensorFile, name: ModelName, sizes: Sizes): void {
  const known = new Set<string>();
  let count = 0;
  for (const [matrix, shape] of matricesOf(name, sizes)) {
    file.check(matrix, shape);
    known.add(matrix);
    count += shape[0] * shape[1];
  }
  checkCount(file.shown, name, count);
  file.checkNoMore((matrix) => known.has(matrix) || isTrainings(matrix), `${name} of these sizes has not`);
}

/** Arrays one behind the other. */
function joined(arrays: readonly TypedArray[], dtype: DType): Float64Array | Float32Array {
  const numbers = arrays.length === 1 ? arrays[0]! : arrays.flatMap((array) => [...array]);
  return dtype === 'float32' ? Float32Array.from(numbers) : Float64Array.from(numbers);
}

function isSingle({ data }: Matrix['values'][number]): boolean {
  return data instanceof Float32Array;
}

/**
 * Told before time is spent on training what could not be read again.
 *
 * @throws WeightsError when a model's graph or numbers are more than a file's may be
 */
export function checkKeepable(
  path: string,
  { name, sizes, matrices }: Pick<BuiltModel, 'name' | 'sizes' | 'matrices'>,
): void {
  const shown = quotedPath(path);
  checkGraph(shown, name, sizes);
  checkCount(
    shown,
    name,
    matrices.reduce((sum, { shape: [rows, cols] }) => sum + rows * cols, 0),
  );
}

/** What no array of a file bounds: how often a matrix is written out. */
function checkGraph(shown: string, name: ModelName, sizes: Sizes): void {
  if (graphSize(name, sizes) > MOST_NODES)
    throw new WeightsError(`${shown}: ${name} of these sizes would not fit in memory`);
}

function checkCount(shown: string, name: ModelName, numbers: number): void {
  if (numbers > MOST_NUMBERS)
    throw new WeightsError(
      `${shown}: ${name} of ${numbers} numbers, more than ${MOST_NUMBERS}, would not fit in memory`,
    );
}
