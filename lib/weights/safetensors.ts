/**
 * The safetensors format: named arrays in one file that holds nothing but numbers and texts. Eight
 * bytes with the length of a header, the header as JSON (of each array the type, the shape and where
 * its bytes begin and end; texts under `__metadata__`), and the bytes, without gaps or overlaps, little
 * end first. Source: the description and the reference reader of huggingface/safetensors.
 */
import { checkObject, checkOptions, shown as wordsFor } from '../core/check.js';
import { MOST_AXES, sizeOf, type Shape } from '../core/shape.js';
import { clipped } from '../core/escape.js';

/** Bytes that are no safetensors file, or one that cannot be read here; says where and why. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
}

/** The bytes of one element, by the format's name of its type. */
const BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
} as const;

/** A type of elements, by the format's name. */
export type TensorType = keyof typeof BYTES;

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

/** The most that a header can take, in bytes: it is read within a second then. */
const MOST_HEADER = 4 * 2 ** 20;
const METADATA = '__metadata__';

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
    const isShape = shape.length <= MOST_AXES && shape.every((n) => Number.isInteger(n) && n >= 0);
    if (!isShape || sizeOf(shape) !== data.length) {
      throw new SafetensorsError(
        `'${clipped(name)}': ${data.length} numbers for shape [${shape
          .slice(0, MOST_AXES + 1)
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
  if (length > MOST_HEADER)
    throw new SafetensorsError(`a header of ${length} bytes: at most ${MOST_HEADER} can be read again`);
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

/** How long the header of a file of so many bytes is, by the first 8 of them. */
export function headerLength(bytes: Uint8Array, size: number): number {
  if (bytes.length < 8)
    throw new SafetensorsError(`${bytes.length} bytes: a file begins with the 8 of its header's length`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true);
  if (length > BigInt(MOST_HEADER))
    throw new SafetensorsError(`a header of ${length} bytes: expected at most ${MOST_HEADER}`);
  if (8 + Number(length) > size)
    throw new SafetensorsError(`a header of ${length} bytes in a file of ${size}: it was cut short`);
  return Number(length);
}

/** Where an array's bytes lie, from the end of the header on. */
export interface Entry {
  type: TensorType;
  shape: number[];
  begin: number;
  end: number;
}

/** What the header of a file of so many bytes says, and where it ends. */
export function readHeader(
  header: Uint8Array,
  size: number,
): { start: number; entries: Map<string, Entry>; metadata: Map<string, string> } {
  const start = 8 + header.length;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
  } catch {
    throw new SafetensorsError('the header is not UTF-8 text');
  }
  const { entries, metadata } = new Header(text).read();
  const inOrder = [...entries].sort((a, b) => a[1].begin - b[1].begin || a[1].end - b[1].end);
  let end = 0;
  for (const [name, entry] of inOrder) {
    if (entry.begin !== end)
      throw new SafetensorsError(
        `'${clipped(name)}' begins at byte ${entry.begin}, ` +
          `${entry.begin < end ? 'inside another array' : 'behind a gap'}: expected ${end}`,
      );
    const bytes = entry.shape.reduce((product, n) => product * n, BYTES[entry.type]);
    if (entry.end - entry.begin !== bytes)
      throw new SafetensorsError(
        `'${clipped(name)}' has ${entry.end - entry.begin} bytes: ${entry.type} of shape ` +
          `[${entry.shape.join(', ')}] takes ${bytes}`,
      );
    end = entry.end;
  }
  if (start + end !== size) {
    const given = size - start;
    throw new SafetensorsError(
      `the arrays take ${end} bytes, the file has ${given}: ` +
        `${given < end ? 'it was cut short' : 'there is more behind them'}`,
    );
  }
  return { start, entries, metadata };
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

const READ: Record<TensorType, (view: DataView, at: number) => number> = {
  BOOL: (view, at) => view.getUint8(at),
  U8: (view, at) => view.getUint8(at),
  I8: (view, at) => view.getInt8(at),
  I16: (view, at) => view.getInt16(at, true),
  U16: (view, at) => view.getUint16(at, true),
  F16: (view, at) => half(view.getUint16(at, true)),
  BF16: (view, at) => {
    SINGLE.setUint32(0, view.getUint16(at, true) << 16);
    return SINGLE.getFloat32(0);
  },
  I32: (view, at) => view.getInt32(at, true),
  U32: (view, at) => view.getUint32(at, true),
  F32: (view, at) => view.getFloat32(at, true),
  I64: (view, at) => Number(view.getBigInt64(at, true)),
  U64: (view, at) => Number(view.getBigUint64(at, true)),
  F64: (view, at) => view.getFloat64(at, true),
};
const SINGLE = new DataView(new ArrayBuffer(4));

/** The number that 16 bits are by IEEE 754. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * (1 + fraction / 1024) * 2 ** (exponent - 15) : sign * fraction * 2 ** -24;
}

/**
 * Reads a header, of which JSON.parse would say neither that a name is there twice nor, before it has
 * read all of it, that it nests a million deep: the format nests twice.
 */
class Header {
  private at = 0;

  constructor(private readonly text: string) {}

  read(): { entries: Map<string, Entry>; metadata: Map<string, string> } {
    if (!this.text.startsWith('{')) this.fail('expected a header that begins with {');
    const entries = new Map<string, Entry>();
    let metadata: Map<string, string> | undefined;
    this.members((name) => {
      if (name === METADATA) {
        if (metadata) this.fail(`'${METADATA}' is there twice`);
        metadata = new Map();
        this.texts(metadata);
        return;
      }
      if (entries.has(name)) this.fail(`'${clipped(name)}' is there twice`);
      entries.set(name, this.entry(clipped(name)));
    });
    this.skipSpace();
    if (this.at < this.text.length) this.fail('expected nothing behind the header but spaces');
    return { entries, metadata: metadata ?? new Map<string, string>() };
  }

  private texts(found: Map<string, string>): void {
    this.members((name) => {
      if (found.has(name)) this.fail(`'${clipped(name)}' is twice in '${METADATA}'`);
      found.set(name, this.string());
    });
  }

  private entry(name: string): Entry {
    let type: TensorType | undefined;
    let shape: number[] | undefined;
    let offsets: number[] | undefined;
    this.members((key) => {
      const earlier =
        key === 'dtype' ? type : key === 'shape' ? shape : key === 'data_offsets' ? offsets : null;
      if (earlier === null) this.fail(`'${name}' has an unknown '${clipped(key)}'`);
      if (earlier !== undefined) this.fail(`'${name}' has '${key}' twice`);
      if (key === 'dtype') {
        const given = this.string();
        if (!Object.hasOwn(BYTES, given))
          this.fail(
            `'${name}' has elements of an unknown type '${clipped(given)}': expected ` +
              `${Object.keys(BYTES).join(', ')}`,
          );
        type = given as TensorType;
      } else if (key === 'shape') {
        shape = this.integers(MOST_AXES);
      } else {
        offsets = this.integers(2);
      }
    });
    if (type === undefined || !shape || offsets?.length !== 2)
      this.fail(`'${name}' needs dtype, shape and two data_offsets`);
    const [begin, end] = offsets as [number, number];
    return { type: type, shape: shape, begin, end };
  }

  /** `{"name": value, ...}`, the values read by `value`. */
  private members(value: (name: string) => void): void {
    this.expect('{');
    if (this.takes('}')) return;
    do {
      const name = this.string();
      this.expect(':');
      value(name);
    } while (this.takes(','));
    this.expect('}');
  }

  private integers(most: number): number[] {
    const found: number[] = [];
    this.expect('[');
    if (this.takes(']')) return found;
    do {
      if (found.length === most) this.fail(`expected at most ${most} integers`);
      found.push(this.integer());
    } while (this.takes(','));
    this.expect(']');
    return found;
  }

  private integer(): number {
    this.skipSpace();
    INTEGER.lastIndex = this.at;
    const [digits] = INTEGER.exec(this.text) ?? [];
    const integer = Number(digits);
    if (digits === undefined || !Number.isSafeInteger(integer))
      this.fail('expected an integer from 0 to 2^53 - 1');
    this.at += digits.length;
    return integer;
  }

  private string(): string {
    this.skipSpace();
    const from = this.at;
    PLAIN.lastIndex = from;
    if (PLAIN.test(this.text)) {
      this.at = PLAIN.lastIndex;
      return this.text.slice(from + 1, this.at - 1);
    }
    if (this.text[from] !== '"') this.fail('expected a text in quotes');
    let end = this.text.indexOf('"', from + 1);
    while (end >= 0 && this.isEscaped(end)) end = this.text.indexOf('"', end + 1);
    if (end < 0) this.fail('a text has no end');
    this.at = end + 1;
    let text: string;
    try {
      text = JSON.parse(this.text.slice(from, end + 1)) as string;
    } catch {
      this.at = from;
      return this.fail('a text is not as JSON has it');
    }
    if (HALF.test(text)) {
      this.at = from;
      this.fail('a text has half a surrogate pair, which is no Unicode');
    }
    return text;
  }

  /** Whether an odd number of backslashes precedes. */
  private isEscaped(at: number): boolean {
    let slashes = 0;
    while (this.text[at - 1 - slashes] === '\\') slashes++;
    return slashes % 2 === 1;
  }

  private takes(character: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }
  private expect(character: string): void {
    if (!this.takes(character)) this.fail(`expected ${character}`);
  }
  private skipSpace(): void {
    SPACE.lastIndex = this.at;
    SPACE.test(this.text);
    this.at = SPACE.lastIndex;
  }

  private fail(what: string): never {
    throw new SafetensorsError(`header, character ${this.at}: ${what}`);
  }
}

/** A surrogate without the other: what UTF-8 cannot hold, and no other reader of the format takes. */
const HALF = /\p{Cs}/u;

/** @throws SafetensorsError where a text is no Unicode; says which character */
function checkUnicode(what: string, text: string): void {
  const at = text.search(HALF);
  if (at < 0) return;
  throw new SafetensorsError(
    `${what} has half a surrogate pair (U+${text.charCodeAt(at).toString(16).toUpperCase()}) as its ` +
      `character ${at}: a file holds Unicode text only`,
  );
}

/** A text without escapes. */
// eslint-disable-next-line no-control-regex
const PLAIN = /"[^"\\\u0000-\u001f]*"/y;
/** No number of JSON goes on behind it. */
const INTEGER = /(?:0|[1-9]\d*)(?![\d.eE])/y;
const SPACE = /[ \t\n\r]*/y;
