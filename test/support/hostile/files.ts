/**
 * Saved models and checkpoints of every kind, then changed: bits, pieces, ends, and the header's fields. Each
 * is loaded in every way: an error of the library must refuse it, or its arrays must be the file's, in the
 * shapes that it claims.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer } from '../../../lib/study/tokenizer.js';
import { buildModel, type BuiltModel } from '../../../lib/study/build-model.js';
import { MODEL_NAMES, type ModelName } from '../../../lib/study/models/sizes.js';
import type { Value } from '../../../lib/value/value.js';
import { loadModel, saveModel } from '../../../lib/study/model-file.js';
import { loadCheckpoint, saveCheckpoint } from '../../../lib/study/checkpoint-file.js';
import type { Training } from '../../../lib/optim/training.js';
import type { DType } from '../../../lib/core/array.js';
import { Random } from '../../../lib/runtime/random.js';
import { numbersOf, readSafetensors } from '../../../lib/weights/safetensors.js';
import { SafetensorsError } from '../../../lib/weights/safetensors-header.js';
import type { TensorType } from '../../../lib/weights/element-types.js';
import { loadWeights, WeightsError } from '../../../lib/weights/weights.js';
import type { Chance } from './values.js';

const SIZES = { nEmbd: 4, nHead: 2, nLayer: 1, nState: 5, nAtt: 2, blockSize: 3 };
const TOKENIZER = new Tokenizer(['abc']);
const FEEDS = { tokens: [3, 0, 1], targets: [0, 1, 3], length: 3 };

/** A saved file, and what it can be loaded into. */
interface Saved {
  what: string;
  name: ModelName;
  dtype: DType;
  bytes: Buffer;
  model: BuiltModel;
  /** A training that has taken no step. */
  training?: Training | undefined;
}

function trainingOf(model: BuiltModel, dtype: DType): Training {
  return model.optimizer(10).minimize(model.loss, { dtype });
}

function savedFiles(path: string): Saved[] {
  return MODEL_NAMES.flatMap((name) =>
    (['float64', 'float32'] as const).flatMap((dtype) => {
      const build = (seed: number) => buildModel(name, TOKENIZER.vocabSize, SIZES, new Random(seed));
      const model = build(1);
      const training = trainingOf(model, dtype);
      const losses = [0, 1].map(() => training.step(FEEDS));
      saveModel(path, model, TOKENIZER, { made: 'here' });
      const alone = readFileSync(path);
      saveCheckpoint(path, model, TOKENIZER, { training, random: new Random(1), losses });
      const kept = readFileSync(path);
      const other = build(2);
      return [
        { what: `${name} of ${dtype}`, name, dtype, bytes: alone, model: other },
        { what: `a checkpoint of ${name} of ${dtype}`, name, dtype, bytes: kept, model: other },
      ];
    }),
  );
}

// ---- Changes

const RAW = [
  '-1',
  '-0',
  '0',
  '1',
  '1.5',
  '1e3',
  '1e308',
  'NaN',
  'Infinity',
  '4294967296',
  '9007199254740991',
  '9007199254740992',
  '18446744073709551615',
  'null',
  'true',
  '""',
  '"1"',
  '"F64"',
  '"I64"',
  '"BF16"',
  '[]',
  '{}',
  '[1]',
  '[[1]]',
  '[0,0]',
  '[1,0]',
  '[0,8]',
  '[-1,7]',
  '[1e1,2]',
  '[NaN]',
  '[4,4]',
  '{"dtype":"F64","shape":[0],"data_offsets":[0,0]}',
];
const NAMES = [
  'wte',
  'x',
  '',
  '__proto__',
  'constructor',
  'toString',
  '__metadata__',
  'layer0.attn_wq',
  'training/random',
  'optimizer.0/wte',
  '\\u0077te',
  '\\n',
  '\\ud800',
  'w\u2028',
];
const TEXTS = [
  '',
  '0',
  '1',
  '2',
  '3',
  '4',
  '5',
  '8',
  '-1',
  '1e9',
  '9999999',
  '999999999',
  'NaN',
  'abc',
  'abcd',
  'cba',
  'aab',
  'float64',
  'float32',
  ...MODEL_NAMES,
  '__proto__',
];
const WORDS = [0, 1, 32, 34, 44, 45, 46, 48, 57, 58, 91, 92, 93, 101, 123, 125, 127, 128, 255];

interface Parsed {
  texts: [name: string, raw: string][];
  /** The name and the fields of each array. */
  arrays: [name: string, fields: [name: string, raw: string][]][];
  rest: Buffer;
}

function parsed(bytes: Buffer): Parsed {
  const start = 8 + bytes.readUInt32LE(0);
  const { __metadata__: texts = {}, ...arrays } = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    Record<string, unknown>
  >;
  const fields = (of: Record<string, unknown>) =>
    Object.entries(of).map(([name, value]): [string, string] => [name, JSON.stringify(value)]);
  return {
    texts: fields(texts),
    arrays: Object.entries(arrays).map(([name, of]) => [name, fields(of)]),
    rest: bytes.subarray(start),
  };
}

function written({ texts, arrays, rest }: Parsed): Buffer {
  const object = (of: [string, string][]): string =>
    `{${of.map(([name, raw]) => `"${name}":${raw}`).join()}}`;
  const whole: [string, string][] = arrays.map(([name, fields]) => [name, object(fields)]);
  if (texts.length > 0) whole.unshift(['__metadata__', object(texts)]);
  const header = Buffer.from(object(whole));
  const start = Buffer.alloc(8);
  start.writeUInt32LE(header.length);
  return Buffer.concat([start, header, rest]);
}

/** Changes fields of the header, and writes the header correctly. */
function changedHeader(bytes: Buffer, chance: Chance): Buffer {
  const file = parsed(bytes);
  const { texts, arrays } = file;
  const array = chance.of(arrays);
  const field = chance.of(array[1]);
  const other = chance.of(arrays);
  const changes: (() => void)[] = [
    () => (field[1] = chance.of(RAW)),
    () => (field[0] = chance.of(NAMES)),
    () => (array[0] = chance.of(NAMES)),
    () => ([array[0], other[0]] = [other[0], array[0]]),
    () => ([array[1], other[1]] = [other[1], array[1]]),
    () => arrays.splice(arrays.indexOf(array), 1),
    () => arrays.push(other),
    () => array[1].push(chance.of(other[1])),
    () => array[1].splice(array[1].indexOf(field), 1),
    // Adds a number to a list, removes one, or changes one.
    () =>
      (field[1] = field[1].replace(/\d+/, (digits) =>
        String(Number(digits) + chance.of([-1, 1, 2, 8, 1e6])),
      )),
    () => (chance.of(texts)[1] = JSON.stringify(chance.of(TEXTS))),
    () => (chance.of(texts)[1] = chance.of(RAW)),
    () => (chance.of(texts)[0] = chance.of([...NAMES, ...texts.map(([name]) => name)])),
    () => texts.splice(chance.below(texts.length), 1),
    // The largest array can have its numbers changed, the last can be cut.
    () => file.rest.fill(chance.of(WORDS), chance.below(file.rest.length)),
    () => (file.rest = file.rest.subarray(0, chance.below(file.rest.length))),
  ];
  chance.of(changes)();
  return written(file);
}

/** Values in place of numbers that are not numbers. */
function changedNumbers(bytes: Buffer, chance: Chance): Buffer {
  const start = 8 + bytes.readUInt32LE(0);
  const at = start + 4 * chance.below((bytes.length - start) >> 2);
  const value = chance.of([NaN, Infinity, -Infinity, 1e308, -1, 5e-324]);
  if (at + 8 <= bytes.length && chance.is(0.5)) bytes.writeDoubleLE(value, at);
  else bytes.writeFloatLE(Math.fround(value), at);
  return bytes;
}

function changed(bytes: Buffer, others: readonly Saved[], chance: Chance): Buffer {
  const header = 8 + bytes.readUInt32LE(0);
  // Most of what can go wrong is in the header.
  const place = (length: number): number => chance.below(chance.is(0.7) ? Math.min(header, length) : length);
  const changes: (() => Buffer)[] = [
    () => {
      for (let n = 1 + chance.below(8); n > 0; n--) bytes[place(bytes.length)]! ^= 1 << chance.below(8);
      return bytes;
    },
    () => {
      for (let n = 1 + chance.below(4); n > 0; n--) bytes[place(bytes.length)] = chance.of(WORDS);
      return bytes;
    },
    () => bytes.subarray(0, place(bytes.length)),
    () => Buffer.concat([bytes, bytes.subarray(0, chance.below(99))]),
    () => {
      const from = chance.of(others).bytes;
      const at = place(bytes.length);
      const piece = place(from.length);
      const count = 1 + chance.below(200);
      return Buffer.concat([
        bytes.subarray(0, at),
        from.subarray(piece, piece + count),
        bytes.subarray(at + chance.of([0, count])),
      ]);
    },
    () => changedNumbers(bytes, chance),
    ...Array.from({ length: 8 }, () => () => changedHeader(bytes, chance)),
  ];
  return chance.of(changes)();
}

// ---- What is loaded

/** The numbers of an array, read according to the description of the format only. */
function claimed(bytes: Buffer, name: string): { shape: number[]; data: Float64Array } {
  const start = 8 + bytes.readUInt32LE(0);
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: TensorType; shape: number[]; data_offsets: [number, number] }
  >;
  const {
    dtype,
    shape,
    data_offsets: [begin, end],
  } = header[name]!;
  const piece = bytes.subarray(start + begin, start + end);
  assert.equal(piece.length, end - begin);
  return { shape, data: numbersOf({ type: dtype, shape, bytes: piece }) };
}

function checkMatrices({ matrices }: BuiltModel, bytes: Buffer): void {
  for (const { name, shape, values } of matrices) {
    const { shape: given, data } = claimed(bytes, name);
    assert.deepEqual([...shape], given);
    checkNumbers(values, data);
  }
}

function checkNumbers(values: readonly Value[], data: Float64Array): void {
  const found = values.flatMap((value) => [...value.data]);
  const isSingle = values[0]!.data instanceof Float32Array;
  assert.deepEqual(
    found,
    Array.from(data, (x) => (isSingle ? Math.fround(x) : x)),
  );
}

/** Loads a file in every way, and throws where none succeeds. */
function load(file: Saved, bytes: Buffer, path: string): void {
  let attempts = 0;
  const errors: unknown[] = [];
  const attempt = (body: () => void): void => {
    attempts++;
    try {
      body();
    } catch (error) {
      checkError(error);
      errors.push(error);
    }
  };
  attempt(() => {
    for (const [name, tensor] of readSafetensors(bytes).tensors) {
      assert.equal(
        tensor.shape.reduce((a, b) => a * b, 1),
        numbersOf(tensor).length,
        name,
      );
    }
  });
  writeFileSync(path, bytes);
  attempt(() => checkMatrices(loadModel(path).model, bytes));
  const { model, dtype } = file;
  attempt(() => {
    const training = (file.training ??= trainingOf(model, dtype));
    const random = new Random(1);
    try {
      loadCheckpoint(path, model, { training, random }, { mostSteps: 1000 });
      file.training = undefined; // It has taken steps.
    } catch (error) {
      // Its schedule may already have given rates.
      if ((error as Error).cause !== undefined) file.training = undefined;
      throw error;
    }
    checkMatrices(model, bytes);
    random.gauss();
  });
  if (file.name !== 'scalar') {
    attempt(() => {
      loadWeights(path, model.parameters);
      for (const value of model.parameters) checkNumbers([value], claimed(bytes, value.name!).data);
    });
  }
  if (errors.length === attempts) throw errors[0];
}

function checkError(error: unknown): void {
  const isTyped = error instanceof SafetensorsError || error instanceof WeightsError;
  if (!isTyped) throw error;
  assert.ok(!/[\r\n]/.test(error.message) && error.message.length < 1500, error.message);
}

let files: Saved[] | undefined;
let path = '';

/** One changed file. */
export function fileCase(chance: Chance): { what: string; run: () => unknown } {
  if (!files) {
    const folder = mkdtempSync(join(tmpdir(), 'vecgrad-file-'));
    process.on('exit', () => rmSync(folder, { recursive: true }));
    path = join(folder, 'x.safetensors');
    files = savedFiles(path);
  }
  const all = files;
  const file = chance.of(all);
  return {
    what: file.what,
    run: () => load(file, changed(Buffer.from(file.bytes), all, chance), path),
  };
}

/** Describes what is wrong with a thrown value, if anything. */
export function fileComplaint(error: unknown): string | undefined {
  return error instanceof SafetensorsError || error instanceof WeightsError
    ? undefined
    : String((error as Error).stack);
}
