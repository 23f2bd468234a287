/** Models in files: the weights, and in the texts beside them all that it takes to build the graph again. */
import { Tokenizer } from './data.js';
import { buildFrom, MODEL_NAMES, type BuiltModel, type DType, type ModelName, type ModelSizes } from './experiment.js'; // prettier-ignore
import { DEFAULT_SIZES, type Matrix } from './models/model.js';
import { list, TensorFile, WeightsError, writeTensors } from './tensor-file.js';

const SIZE_NAMES = Object.keys(DEFAULT_SIZES) as (keyof ModelSizes)[];
const OWN_TEXTS: readonly string[] = ['model', ...SIZE_NAMES, 'dtype', 'tokenizer'];
/** The graph of more would not fit in memory: `vector` takes some 1,600 bytes for each, `scalar` 500. */
const MOST_NODES = 1_000_000;

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

/**
 * Writes a model to a safetensors file: each matrix an array of its name (those of `scalar` too, whose
 * numbers are parameters one by one), float32 where a program of that type ran them last; in the
 * metadata the model's name, sizes, data type and the tokenizer's characters in order. A file that was
 * there before stays whole until the new one is.
 *
 * @param metadata other texts to keep with them
 * @throws WeightsError when the file cannot be written, or could not be read again: of a model whose
 * graph would not fit in memory, or a tokenizer that is not the model's, or of characters that are none
 */
export function saveModel(
  path: string,
  model: BuiltModel,
  tokenizer: Tokenizer,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const { name, sizes, matrices } = model;
  checkGraph(JSON.stringify(path), name, sizes);
  const text = tokenizer.characters.join('');
  if (tokenizer.vocabSize !== sizes.vocabSize) throw new WeightsError(`a tokenizer of ${tokenizer.vocabSize} tokens for a model of ${sizes.vocabSize}`); // prettier-ignore
  if (/\p{Cs}/u.test(text)) throw new WeightsError('a tokenizer with half a surrogate pair: no file can hold it as text'); // prettier-ignore
  const taken = Object.keys(metadata).filter((key) => OWN_TEXTS.includes(key));
  if (taken.length > 0) throw new WeightsError(`metadata ${list(taken)}: the model has texts of these names itself`); // prettier-ignore
  const dtype: DType = matrices.every(({ values }) => values.every(isSingle)) ? 'float32' : 'float64'; // prettier-ignore
  const texts = new Map(Object.entries(metadata));
  texts.set('model', name);
  for (const size of SIZE_NAMES) texts.set(size, String(sizes[size]));
  texts.set('dtype', dtype).set('tokenizer', text);
  const tensors = new Map(matrices.map((matrix) => [matrix.name, { shape: matrix.shape, data: numbersOf(matrix, dtype) }])); // prettier-ignore
  writeTensors(path, tensors, texts);
}

/**
 * Builds the model that a file holds. Nothing in the file is trusted: sizes are bounded by the arrays
 * that it has, before any of the graph is made.
 *
 * @throws WeightsError when the file cannot be read, or holds no model: an unknown one, or one of sizes,
 * a type, a tokenizer or arrays that do not fit
 * @throws ExperimentError when the sizes do not fit each other
 * @throws SafetensorsError when it is no safetensors file
 */
export function loadModel(path: string): LoadedModel {
  return TensorFile.read(path, (file) => {
    const { shown, metadata } = file;
    const text = (key: string): string => {
      const value = metadata.get(key);
      if (value !== undefined) return value;
      throw new WeightsError(`${shown} has no text '${key}': it holds no model that saveModel wrote`); // prettier-ignore
    };
    const oneOf = <T extends string>(key: string, known: readonly T[]): T => {
      const found = known.find((value) => value === text(key));
      if (found !== undefined) return found;
      throw new WeightsError(`${shown}: ${key} ${clipped(text(key))}: expected ${known.join(', ')}`); // prettier-ignore
    };
    const name = oneOf('model', MODEL_NAMES);
    const dtype = oneOf<DType>('dtype', ['float64', 'float32']);
    const sizes = { ...DEFAULT_SIZES };
    for (const size of SIZE_NAMES) {
      const given = text(size);
      if (!/^[1-9]\d{0,6}$/.test(given)) throw new WeightsError(`${shown}: ${size} ${clipped(given)}: expected a whole number from 1 to 9999999`); // prettier-ignore
      sizes[size] = Number(given);
    }
    const characters = text('tokenizer');
    const tokenizer = new Tokenizer([characters]);
    if (tokenizer.characters.join('') !== characters) throw new WeightsError(`${shown}: tokenizer ${clipped(characters)}: expected each character once, in the order of their numbers`); // prettier-ignore
    checkGraph(shown, name, sizes);
    const known = new Set<string>();
    const model = buildFrom(name, tokenizer.vocabSize, sizes, (matrix, rows, cols) => {
      known.add(matrix);
      return file.numbers(matrix, [rows, cols]);
    });
    file.checkNoMore((matrix) => known.has(matrix), `${name} of these sizes has not`);
    const others = [...metadata].filter(([key]) => !OWN_TEXTS.includes(key));
    return { model, tokenizer, dtype, metadata: Object.fromEntries(others) };
  });
}

function numbersOf({ values }: Matrix, dtype: DType): Float64Array | Float32Array {
  const numbers = values.length === 1 ? values[0]!.data : values.map(({ data }) => data[0]!);
  return dtype === 'float32' ? Float32Array.from(numbers) : Float64Array.from(numbers);
}

function isSingle({ data }: Matrix['values'][number]): boolean {
  return data instanceof Float32Array;
}

/** The one size that no array of a file bounds is how many pairs of positions are written out. */
function checkGraph(shown: string, name: ModelName, sizes: ModelSizes): void {
  const { nLayer, nHead, nEmbd, blockSize } = sizes;
  const nodes = {
    scalar: nLayer * blockSize * (12 * nEmbd ** 2 + blockSize * nEmbd),
    vector: nLayer * nHead * blockSize ** 2,
    rnn: blockSize,
    rnn_att: blockSize,
  }[name];
  if (nodes > MOST_NODES) throw new WeightsError(`${shown}: ${name} of these sizes would not fit in memory`); // prettier-ignore
}

function clipped(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}
