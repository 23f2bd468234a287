/**
 * The safetensors format: named arrays and strings in one file. It begins with eight bytes, the length of the
 * header. The header is JSON: the type, shape and byte range of each array, and strings under `__metadata__`.
 * The arrays follow, little-endian, without gaps or overlaps. Source: the description and the reference
 * reader of huggingface/safetensors.
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
  /** The type of the elements. */
  type: TensorType;
  /** The numbers are row-major. */
  shape: Shape;
  /** Its bytes in the file. */
  bytes: Uint8Array;
}

/** What a file holds. */
export interface Tensors {
  /** The arrays by name, in the order of the header. */
  tensors: Map<string, Tensor>;
  /** Strings by name. */
  metadata: Map<string, string>;
}

/** An array to write; its element type follows from the typed array. */
export interface WrittenTensor {
  /** The numbers are row-major. */
  shape: Shape;
  /** As many numbers as the shape holds. */
  data: Float64Array | Float32Array | Uint32Array;
}

/**
 * The bytes of a file with these arrays. Arrays with larger elements come first, so that each is aligned to
 * its element size.
 *
 * @throws SafetensorsError when an array does not fill its shape, the header is too long, or a name or string
 * has a lone surrogate
 * @throws TypeError when an array is not a plain object, or has other keys
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, WrittenTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Uint8Array {
  if (![tensors, metadata].every((given: unknown) => given instanceof Map))
    throw new TypeError(
      `writeSafetensors: ${wordsFor(tensors)} and ${wordsFor(metadata)}: expected two Maps by name, of arrays ` +
        'and of strings',
    );
  for (const [name, text] of metadata as ReadonlyMap<unknown, unknown>) {
    if (typeof name !== 'string' || typeof text !== 'string')
      throw new SafetensorsError(`metadata ${wordsFor(name)}: ${wordsFor(text)}, expected a string`);
    checkUnicode(`the metadata's name ${wordsFor(name)}`, name);
    checkUnicode(`the value of metadata ${wordsFor(name)}`, text);
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
  // The format pads the header with spaces.
  const length = Math.ceil(text.length / 8) * 8;
  if (length > MAX_HEADER)
    throw new SafetensorsError(`a header of ${length} bytes: at most ${MAX_HEADER} can be read back`);
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
 * Reads the bytes of a file; the arrays' bytes are views of them.
 *
 * @throws SafetensorsError when they are not a safetensors file: cut short, too long, with gaps or overlaps,
 * with a name twice, with a lone surrogate, or with a header that is malformed or longer than 4 MiB
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
 * An array's elements as numbers. Float types are converted exactly, 64-bit integers to the nearest number.
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
