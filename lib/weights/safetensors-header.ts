/** Reads the header of a safetensors file: JSON of one fixed form, from an untrusted source. */
import { type TensorType, BYTES } from './element-types.js';
import { clipped, quoted } from '../core/escape.js';
import { MAX_AXES } from '../core/shape.js';

/** Bytes that are not a safetensors file, or one that vecgrad cannot read; the message says where and why. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
}

/** The largest header, in bytes; one of this size is read within a second. */
export const MAX_HEADER = 4 * 2 ** 20;

export const METADATA = '__metadata__';

/** The length of the header, from the first 8 bytes of a file of `size` bytes. */
export function headerLength(bytes: Uint8Array, size: number): number {
  if (bytes.length < 8)
    throw new SafetensorsError(
      `${bytes.length} bytes: a safetensors file begins with 8 bytes, the length of its header`,
    );
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true);
  const first = bytes.subarray(0, 8);
  if (length > BigInt(MAX_HEADER))
    throw new SafetensorsError(
      first.every(isOfText)
        ? 'it is no safetensors file: one begins with the length of its header, this one with ' +
            quoted(new TextDecoder().decode(first))
        : `a header of ${length} bytes: expected at most ${MAX_HEADER}`,
    );
  if (8 + Number(length) > size)
    throw new SafetensorsError(`a header of ${length} bytes in a file of ${size}: it was cut short`);
  return Number(length);
}

/** Whether UTF-8 text may hold this byte. */
function isOfText(byte: number): boolean {
  return byte < 0x20 ? [9, 10, 13].includes(byte) : byte !== 0x7f && byte < 0xf5;
}

/** Where an array's bytes lie, counted from the end of the header. */
export interface Entry {
  type: TensorType;
  shape: number[];
  begin: number;
  end: number;
}

/** Reads the header of a file of `size` bytes; `start` is where the header ends. */
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
          `${entry.begin < end ? 'inside another array' : 'after a gap'}: expected ${end}`,
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
        (given < end ? 'it was cut short' : 'more bytes follow them'),
    );
  }
  return { start, entries, metadata };
}

/**
 * Parses a header's JSON. `JSON.parse` would break what docs/reliability.md promises about malicious files:
 * of two equal names it silently keeps the last, it moves integer-like names to the front, rounds integers
 * above 2^53, accepts 1.0 or 1e3 as an integer, and builds any nesting before it can be checked. A library
 * that reports names one by one (jsonc-parser) recurses over the nesting.
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
    if (this.at < this.text.length) this.fail('expected only spaces after the header');
    return { entries, metadata: metadata ?? new Map<string, string>() };
  }

  private texts(found: Map<string, string>): void {
    this.members((name) => {
      if (found.has(name)) this.fail(`'${clipped(name)}' is there twice in '${METADATA}'`);
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
              Object.keys(BYTES).join(', '),
          );
        type = given as TensorType;
      } else if (key === 'shape') {
        shape = this.integers(MAX_AXES);
      } else {
        offsets = this.integers(2);
      }
    });
    if (type === undefined || !shape || offsets?.length !== 2)
      this.fail(`'${name}' needs dtype, shape and two data_offsets`);
    const [begin, end] = offsets as [number, number];
    return { type: type, shape: shape, begin, end };
  }

  /** Reads `{"name": value, ...}`; `value` reads each value. */
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
    if (this.text[from] !== '"') this.fail('expected a string in quotes');
    let end = this.text.indexOf('"', from + 1);
    while (end >= 0 && this.isEscaped(end)) end = this.text.indexOf('"', end + 1);
    if (end < 0) this.fail('a string has no end');
    this.at = end + 1;
    let text: string;
    try {
      text = JSON.parse(this.text.slice(from, end + 1)) as string;
    } catch {
      this.at = from;
      return this.fail('a string is not valid JSON');
    }
    if (HALF.test(text)) {
      this.at = from;
      this.fail('a string has half a surrogate pair, which is not valid Unicode');
    }
    return text;
  }

  /** Whether an odd number of backslashes precedes this place. */
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

/** A lone surrogate, which UTF-8 cannot encode and no other reader of the format accepts. */
const HALF = /\p{Cs}/u;

/** @throws SafetensorsError where a string is not valid Unicode; the message says which character */
export function checkUnicode(what: string, text: string): void {
  const at = text.search(HALF);
  if (at < 0) return;
  throw new SafetensorsError(
    `${what} has half a surrogate pair (U+${text.charCodeAt(at).toString(16).toUpperCase()}) as its ` +
      `character ${at}: a file holds Unicode text only`,
  );
}

/** A JSON string without escapes. */
// eslint-disable-next-line no-control-regex
const PLAIN = /"[^"\\\u0000-\u001f]*"/y;

/** An integer in JSON, with no further part of a number after it. */
const INTEGER = /(?:0|[1-9]\d*)(?![\d.eE])/y;

const SPACE = /[ \t\n\r]*/y;
