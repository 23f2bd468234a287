/**
 * The safetensors format: named arrays in one file that holds nothing but numbers and texts. Eight
 * bytes with the length of a header, the header as JSON (of each array the type, the shape and where
 * its bytes begin and end; texts under `__metadata__`), and the bytes, without gaps or overlaps, little
 * end first. Source: the description and the reference reader of huggingface/safetensors.
 */
import { checkObject, checkOptions, shown as wordsFor } from '../core/check.js';
import { MAX_AXES, sizeOf, type Shape } from '../core/shape.js';
import { clipped } from '../core/escape.js';
import { BYTES, type TensorType, READ } from './element-types.js';
import {
  SafetensorsError,
  MAX_HEADER,
  METADATA,
  headerLength,
  readHeader,
  checkUnicode,
} from './safetensors-header.js';

/** One array of a file. */
export interface Tensor {
  /** Of its elements. */
  type: TensorType;
  /** Row by row. */
  shape: Shape;
  /** The file's bytes of it. */
  bytes: Uint8Array;
}

/** What a file holds. */
export interface Tensors {
  /** By name, in the order of the header. */
  tensors: Map<string, Tensor>;
  /** Texts by name. */
  metadata: Map<string, string>;
}

/** What is written: the type follows from the array. */
export interface WrittenTensor {
  /** Row by row. */
  shape: Shape;
  /** As many as the shape has. */
  data: Float64Array | Float32Array | Uint32Array;
}

/**
 * The bytes of a file with these arrays, those of larger elements first, so that each begins at a
 * multiple of its elements' size.
 *
 * @throws SafetensorsError when an array has not the size of its shape, the header is too long, or a
 * name or text has half a surrogate pair
 * @throws TypeError when an array is no plain object, or has other keys
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, WrittenTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  if (![tensors, metadata].every((given: unknown) => given instanceof Map))
    throw new TypeError(
      `writeSafetensors: ${wordsFor(tensors)} and ${wordsFor(metadata)}: expected two Maps, of arrays ` +
        'and of texts by name',
    );
  for (const [name, text] of metadata as ReadonlyMap<unknown, unknown>) {
    if (typeof name !== 'string' || typeof text !== 'string')
      throw new SafetensorsError(`metadata ${wordsFor(name)}: ${wordsFor(text)}, expected a text`);
    checkUnicode(`the metadata's name ${wordsFor(name)}`, name);
    checkUnicode(`the text of metadata ${wordsFor(name)}`, text);
  }
  for (const [name, tensor] of tensors as ReadonlyMap<unknown, Partial<WrittenTensor> | undefined>) {
    const isArray = [Float64Array, Float32Array, Uint32Array].some((kind) => tensor?.data instanceof kind);
    if (typeof name !== 'string' || !isArray || !Array.isArray(tensor?.shape))
      throw new SafetensorsError(
        `array ${wordsFor(name)}: expected a shape, and a Float64Array, Float32Array or Uint32Array`,
      );
    checkOptions(`array ${wordsFor(name)}`, tensor as WrittenTensor, { shape: true, data: true });
    checkUnicode(`the array's name ${wordsFor(name)}`, name);
  }
  const header: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  if (metadata.size > 0) header[METADATA] = Object.fromEntries(metadata);
  const sorted = [...tensors].sort((a, b) => b[1].data.BYTES_PER_ELEMENT - a[1].data.BYTES_PER_ELEMENT);
  let end = 0;
  for (const [name, { shape, data }] of sorted) {
    if (name === METADATA) throw new SafetensorsError(`an array cannot be called '${METADATA}'`);
    const isShape = shape.length <= MAX_AXES && shape.every((n) => Number.isInteger(n) && n >= 0);
    if (!isShape || sizeOf(shape) !== data.length) {
      throw new SafetensorsError(
        `'${clipped(name)}': ${data.length} numbers for shape [${shape
          .slice(0, MAX_AXES + 1)
          .map(wordsFor)
          .join(', ')}]`,
      );
    }
    const begin = end;
    end += data.byteLength;
    const dtype = data instanceof Float64Array ? 'F64' : data instanceof Float32Array ? 'F32' : 'U32';
    header[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  // Spaces at the end of the header are part of the format.
  const length = Math.ceil(text.length / 8) * 8;
  if (length > MAX_HEADER)
    throw new SafetensorsError(`a header of ${length} bytes: at most ${MAX_HEADER} can be read again`);
  const bytes = new Uint8Array(8 + length + end).fill(0x20, 8, 8 + length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  let at = 8 + length;
  for (const [, { data }] of sorted) {
    for (const x of data) {
      if (data instanceof Float64Array) view.setFloat64(at, x, true);
      else if (data instanceof Float32Array) view.setFloat32(at, x, true);
      else view.setUint32(at, x, true);
      at += data.BYTES_PER_ELEMENT;
    }
  }
  return bytes;
}

/**
 * What the bytes of a file hold; the arrays' bytes are views of them.
 *
 * @throws SafetensorsError when they are no such file: cut short, too long, with gaps or overlaps, with
 * a name twice, half a surrogate pair, or a header that is not of the format or longer than 4 MiB
 */
export function readSafetensors(bytes: Uint8Array): Tensors {
  if (!(bytes instanceof Uint8Array))
    throw new TypeError(`readSafetensors: ${wordsFor(bytes)}, expected a Uint8Array`);
  const length = headerLength(bytes, bytes.length);
  const { start, entries, metadata } = readHeader(bytes.subarray(8, 8 + length), bytes.length);
  const tensors = new Map<string, Tensor>();
  for (const [name, { type, shape, begin, end }] of entries) {
    tensors.set(name, { type, shape, bytes: bytes.subarray(start + begin, start + end) });
  }
  return { tensors, metadata };
}

/**
 * An array's elements as numbers; half floats and single ones exactly, integers of 64 bits to the
 * nearest.
 */
export function numbersOf(tensor: Tensor): Float64Array {
  checkObject('numbersOf', tensor, 'a tensor as readSafetensors gives');
  const { type, bytes } = tensor;
  if (!(bytes instanceof Uint8Array))
    throw new TypeError(`numbersOf: bytes ${wordsFor(bytes)}, expected a Uint8Array`);
  if (typeof type !== 'string' || !Object.hasOwn(BYTES, type))
    throw new TypeError(`numbersOf: type ${wordsFor(type)}, expected ${Object.keys(BYTES).join(', ')}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = BYTES[type];
  const element = READ[type];
  return Float64Array.from({ length: bytes.length / size }, (_, i) => element(view, i * size));
}
