/** Saves and loads models: the weights, and the strings that are needed to rebuild the graph. */
import { Tokenizer } from './tokenizer.js';
import type { DType } from '../core/array.js';
import { buildFrom, checkSizes, type BuiltModel } from './build-model.js';
import { DEFAULT_SIZES, MODEL_NAMES, SIZE_NAMES, type ModelName } from './models/sizes.js';
import { checkObject, isList, shown } from '../core/check.js';
import { valuesOf } from '../value/value.js';
import type { TypedArray } from '../core/array.js';
import { graphSize, matricesOf, MAX_NODES } from './models/graph-size.js';
import type { Matrix, Sizes } from './models/model.js';
import type { WrittenTensor } from '../weights/safetensors.js';
import { quoted, quotedPath } from '../core/escape.js';
import {
  checkPath,
  firstNames,
  TensorFile,
  WeightsError,
  writeTensors,
  textsOf,
  type Metadata,
} from '../weights/tensor-file.js';

export const OWN_TEXTS: readonly string[] = [
  'model',
  ...SIZE_NAMES,
  'dtype',
  'tokenizer',
  'steps',
  'runs',
  'updateRule',
];

/**
 * Whether an array belongs to a checkpoint (see checkpoint-file.ts); the names of a model's arrays have no
 * slash.
 */
const isTrainings = (name: string): boolean => /^(training|optimizer\.\d+)\//.test(name);

/**
 * The most numbers in a model's matrices, so that the model and all that is derived from it stay below 2 GB.
 */
const MAX_NUMBERS = 2 ** 26;

/** A model read from a file. */
export interface LoadedModel {
  /** The model, with the file's numbers as its parameters. */
  model: BuiltModel;
  /** The tokenizer of the documents it was trained on. */
  tokenizer: Tokenizer;
  /** The data type in the file, for the `dtype` option of programs. */
  dtype: DType;
  /** The other strings of the file. */
  metadata: Record<string, string>;
}

/**
 * Writes a model to a safetensors file. Each matrix is one array (also for `scalar`, where each number is a
 * parameter), float32 where a training in float32 wrote all of them last, else float64. The metadata holds
 * the model's name, sizes and data type, and the tokenizer's characters in order. The file is replaced
 * atomically.
 *
 * @param metadata other strings to keep with them, by name
 * @throws WeightsError when the file cannot be written, or could not be loaded again: the model's graph would
 * not fit in memory, the tokenizer is another model's, or a character is not valid Unicode
 */
export function saveModel(
  path: string,
  model: BuiltModel,
  tokenizer: Tokenizer,
  metadata: Metadata = {},
): void {
  const { tensors, texts } = contentsOf(path, model, tokenizer, metadata);
  writeTensors(path, tensors, texts);
}

/** The contents of a model file, before it is written. */
export interface Contents {
  /** Arrays by name. */
  tensors: Map<string, WrittenTensor>;
  /** Strings by name. */
  texts: Map<string, string>;
  /** The model's matrices, read once from the caller's object. */
  matrices: readonly Matrix[];
}

/**
 * The arrays and strings in the file of this model.
 *
 * @param dtype the type of the arrays; by default float32 where all of the model's numbers are, else float64
 * @throws WeightsError when such a file could not be loaded again
 */
export function contentsOf(
  path: string,
  model: BuiltModel,
  tokenizer: Tokenizer,
  metadata: Metadata,
  dtype?: DType,
): Contents {
  checkPath(path);
  const { name, sizes, matrices } = checkedModel(model);
  if (!((tokenizer as unknown) instanceof Tokenizer))
    throw new TypeError(`tokenizer ${shown(tokenizer)}: expected a Tokenizer`);
  const texts = textsOf('metadata', metadata);
  checkKeepable(path, { name, sizes, matrices });
  checkTokenizer(tokenizer, sizes.vocabSize);
  const taken = [...texts.keys()].filter((key) => OWN_TEXTS.includes(key));
  if (taken.length > 0)
    throw new WeightsError(`metadata ${firstNames(taken)}: these names are reserved for the model`);
  const areSingle = (): boolean => matrices.every(({ values }) => values.every(isSingle));
  const type = dtype ?? (areSingle() ? 'float32' : 'float64');
  texts.set('model', name);
  for (const size of SIZE_NAMES) texts.set(size, String(sizes[size]));
  texts.set('dtype', type).set('tokenizer', tokenizer.characters.join(''));
  const tensors = new Map<string, WrittenTensor>();
  for (const { name: matrix, shape, values } of matrices) {
    const parts = values.map(({ data }) => data);
    tensors.set(matrix, { shape, data: joined(parts, type) });
  }
  return { tensors, texts, matrices };
}

/** @throws WeightsError when a tokenizer does not fit the model, or its characters are not valid Unicode */
function checkTokenizer({ characters, vocabSize }: Tokenizer, expected: number): void {
  if (vocabSize !== expected)
    throw new WeightsError(`a tokenizer of ${vocabSize} tokens for a model of ${expected}`);
  const half = characters.find((character) => /\p{Cs}/u.test(character));
  if (half !== undefined)
    throw new WeightsError(
      `the tokenizer has the character ${quoted(half)}, half a surrogate pair, from a document that is ` +
        'not valid Unicode: a file cannot hold it',
    );
}

/**
 * Checks a model and reads it once: `buildModel` returns a plain object, so this may be any other.
 *
 * @throws WeightsError when it is not a model
 */
export function checkedModel(model: unknown): Pick<BuiltModel, 'name' | 'sizes' | 'matrices'> {
  checkObject('model', model, 'a model made by buildModel');
  const { name, sizes: given, matrices: list } = model as Partial<BuiltModel>;
  const sizes = { ...given } as BuiltModel['sizes'];
  const unsized = [...SIZE_NAMES, 'vocabSize' as const].find((size) => !Number.isInteger(sizes[size]));
  const refuse = (what: string, found: unknown, expected: string): never => {
    throw new WeightsError(
      `the model's ${what} ${shown(found)}: expected ${expected}: give a model made by buildModel`,
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
          'model made by buildModel',
      );
    matrices.push({ name: called, shape, values: valuesOf(called, values) });
  }
  return { name, sizes, matrices };
}

/**
 * Loads the model in a file. Nothing in the file is trusted: sizes and strings are checked against the arrays
 * before any number is read or any part of the graph is built.
 *
 * @throws WeightsError when the file cannot be read, or does not hold a model: an unknown name, or sizes,
 * type, tokenizer or arrays that do not fit
 * @throws SafetensorsError when it is not a safetensors file
 */
export function loadModel(path: string): LoadedModel {
  return TensorFile.read(path, (file) => {
    const { shown, metadata } = file;
    const text = (key: string): string => {
      const value = metadata.get(key);
      if (value !== undefined) return value;
      throw new WeightsError(`${shown} has no metadata '${key}': it was not written by saveModel`);
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

/** The number of characters in a text; undefined unless their code points ascend. */
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

/** Checks that a file has exactly the matrices of this model, apart from a checkpoint's arrays. */
function checkMatrices(file: TensorFile, name: ModelName, sizes: Sizes): void {
  const known = new Set<string>();
  let count = 0;
  for (const [matrix, shape] of matricesOf(name, sizes)) {
    file.check(matrix, shape);
    known.add(matrix);
    count += shape[0] * shape[1];
  }
  checkCount(file.shown, name, count);
  file.checkNoMore(
    (matrix) => known.has(matrix) || isTrainings(matrix),
    `${name} of these sizes does not have`,
  );
}

/** The concatenation of arrays. */
export function joined(arrays: readonly TypedArray[], dtype: DType): Float64Array | Float32Array {
  const numbers = arrays.length === 1 ? arrays[0]! : arrays.flatMap((array) => [...array]);
  return dtype === 'float32' ? Float32Array.from(numbers) : Float64Array.from(numbers);
}

function isSingle({ data }: Matrix['values'][number]): boolean {
  return data instanceof Float32Array;
}

/**
 * Checks that a model can be loaded again, before time is spent on training it.
 *
 * @throws WeightsError when its graph or its matrices are too large for a file
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

/** Checks the size of the graph, which the arrays of a file do not limit: a matrix can be used many times. */
function checkGraph(shown: string, name: ModelName, sizes: Sizes): void {
  if (graphSize(name, sizes) > MAX_NODES)
    throw new WeightsError(`${shown}: ${name} of these sizes would not fit in memory`);
}

function checkCount(shown: string, name: ModelName, numbers: number): void {
  if (numbers > MAX_NUMBERS)
    throw new WeightsError(
      `${shown}: ${name} of ${numbers} numbers, more than ${MAX_NUMBERS}, would not fit in memory`,
    );
}
