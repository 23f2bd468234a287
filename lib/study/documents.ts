/** Documents: reads them from a text file, checks them, and holds some out. */
import { constants, isUtf8 } from 'node:buffer';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { quoted, quotedPath } from '../core/escape.js';
import { readWhole } from '../core/read-file.js';
import { codeOf, reasonOf, wrongPath } from '../core/path.js';
import { checkInteger, MAX_COUNT, shown as wordsFor } from '../core/check.js';
import { addon } from '../binding/addon.js';
import { packageRoot } from '../core/package.js';
import { Corpus } from './corpus.js';

/** Text or tokens that cannot be used; the message is one sentence for whoever supplied them. */
export class DataError extends Error {
  override readonly name = 'DataError';
}

const EXPECTED = 'give a UTF-8 text file with one document (a name, say) on each line';

/** A list of documents, such as an array of strings. */
export interface Documents {
  /** The number of documents. */
  readonly length: number;
  /** Document i, from 0; undefined where there is none. */
  at(i: number): string | undefined;
}

/**
 * The lines of an ASCII text without spaces. Strings are made on demand: making all 32,000 would add 10 ms to
 * each start.
 */
export class PlainLines implements Documents {
  private constructor(
    private readonly text: Buffer,
    readonly length: number,
    /** The offset of each line, and of the end. */
    private readonly starts: Int32Array,
    /** By character code: whether it occurs. */
    private readonly occurs: Uint8Array,
  ) {}

  /** Undefined where the text has other characters, or an empty line. */
  static find(bytes: Uint8Array): PlainLines | undefined {
    // The signature names no Buffer: a user's project may not have Node's types.
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const starts = new Int32Array((text.length >> 1) + 2);
    const occurs = new Uint8Array(128);
    const count = addon.text.lines(text, starts, occurs);
    return count < 0 ? undefined : new PlainLines(text, count, starts, occurs);
  }

  at(i: number): string | undefined {
    if (i < 0 || i >= this.length) return undefined;
    return this.text.toString('latin1', this.starts[i], this.starts[i + 1]! - 1);
  }

  /** See {@link Tokenizer.corpus}; undefined where a character has no token. */
  encode(idAfter: Int32Array, bos: number, numbers: Int32Array): Corpus | undefined {
    const firsts = new Int32Array(numbers.length + 1);
    const { text, starts } = this;
    const tokens = addon.text.encode(text, starts, idAfter, bos, numbers, firsts);
    return tokens && new Corpus(tokens, firsts);
  }

  get codePoints(): number[] {
    const found: number[] = [];
    for (let i = this.occurs.indexOf(1); i >= 0; i = this.occurs.indexOf(1, i + 1)) found.push(i);
    return found;
  }
}

function linesOf(text: string): string[] {
  let rest = text.startsWith('\ufeff') ? text.slice(1) : text;
  if (rest.includes('\r')) rest = rest.replace(/\r\n?/g, '\n');
  return rest
    .split('\n')
    .map(strip)
    .filter((line) => line !== '');
}

/** All documents as an array. */
export function listed(docs: Documents): string[] {
  return Array.from({ length: docs.length }, (_, i) => docs.at(i)!);
}

/**
 * The documents in a text, one per line, in order. Each is stripped as by Python's `str.strip`; empty ones
 * are dropped. Lines end as in Python's text mode, at `\n`, `\r\n` or `\r` only: a U+2028 is an ordinary
 * character. A byte order mark at the start is skipped.
 */
export function parseDocuments(text: string): string[] {
  if (typeof text !== 'string') throw new TypeError(`parseDocuments: ${wordsFor(text)}, expected a string`);
  return linesOf(text);
}

/**
 * Reads and checks the documents in a UTF-8 text file.
 *
 * @throws DataError when the file is missing, unreadable, a directory, empty, binary or too large, or holds
 * too little to learn from: fewer than two documents, or fewer than two different characters
 */
export function readDocuments(path: string): string[] {
  return listed(openDocuments(path));
}

/**
 * As {@link readDocuments}, but keeps a plain text as one buffer.
 *
 * @param toLearn whether to check that there is enough to learn from
 */
export function openDocuments(path: string, toLearn = true): Documents {
  if (typeof path !== 'string') throw new TypeError(`readDocuments: ${wordsFor(path)}, expected a path`);
  const shown = quotedPath(path);
  const bytes = readBytes(path, shown);
  if (bytes.length === 0) throw new DataError(`${shown} is empty: ${EXPECTED}`);
  const plain = PlainLines.find(bytes);
  if (plain) {
    if (toLearn) checkDocuments(plain, shown);
    return plain;
  }
  if (bytes.includes(0)) {
    throw new DataError(`${shown} is a binary file (it has NUL bytes): ${EXPECTED}`);
  }
  if (!isUtf8(bytes)) throw new DataError(`${shown} is not UTF-8 text: ${EXPECTED}`);
  const docs = linesOf(bytes.toString('utf8'));
  if (docs.length === 0) throw new DataError(`${shown} has only blank lines: ${EXPECTED}`);
  if (toLearn) checkDocuments(docs, shown);
  return docs;
}

/**
 * Checks that there is enough to learn from: at least two documents and two different characters. With fewer
 * than ten documents none is held out, and the held-out loss is NaN.
 *
 * @param source the file that the documents are from, as in messages; undefined: a list
 * @returns the number of documents
 */
export function checkDocuments(docs: Documents, source?: string): number {
  const count = countOf(docs);
  if (source === undefined && count < 2) {
    const has = count === 0 ? 'no documents' : 'one document';
    throw new DataError(`the list has ${has}: training needs an array of two strings or more`);
  }
  source ??= 'the list';
  if (count === 0) throw new DataError(`${source} has no documents: ${EXPECTED}`);
  const only = soleCharacter(docs, count);
  if (only !== undefined) {
    throw new DataError(`${source} has no character other than ${quoted(only)}: training needs at least two`);
  }
  if (count === 1) {
    throw new DataError(`${source} has only one document: training needs two or more, one per line`);
  }
  return count;
}

/**
 * The number of documents. Read once, because a list may be any object.
 *
 * @throws DataError when this is not a list of documents, or too long
 */
export function countOf(docs: unknown): number {
  const { length, at } = (docs ?? {}) as { length?: unknown; at?: unknown };
  if (typeof docs !== 'object' || typeof at !== 'function')
    throw new DataError(`the documents are ${wordsFor(docs)}: expected an array of strings`);
  if (Number.isInteger(length) && (length as number) >= 0 && (length as number) <= MAX_COUNT)
    return length as number;
  throw new DataError(`${wordsFor(length)} documents: expected an integer from 0 to ${MAX_COUNT}`);
}

/** Document i, which must be a string. */
export function textAt(docs: Documents, i: number): string {
  const doc: unknown = docs.at(i);
  if (typeof doc === 'string') return doc;
  throw new DataError(`document ${i} is ${wordsFor(doc)}: expected a string`);
}

/** An array of any kind: of documents, or of document numbers. */
export interface Sliceable<Self> {
  /** The number of elements. */
  readonly length: number;
  /** The elements from `start` to before `end`. */
  slice(start: number, end?: number): Self;
}

/** Documents split for training and evaluation. */
export interface Split<Docs> {
  /** The documents to train on. */
  train: Docs;
  /** The documents never trained on. */
  heldOut: Docs;
}

/** Holds out the last `min(1000, floor(count / 10))` documents. */
export function splitHeldOut<Docs extends Sliceable<Docs>>(docs: Docs): Split<Docs> {
  const all = checkInteger('documents to split:', (docs as Sliceable<Docs> | undefined)?.length, 0);
  if (typeof (docs as Partial<Sliceable<Docs>>).slice !== 'function')
    throw new TypeError(`documents to split: ${wordsFor(docs)}: expected an array`);
  const count = all - Math.min(1000, Math.floor(all / 10));
  return { train: docs.slice(0, count), heldOut: docs.slice(count) };
}

/** The path of the names in the package; see data/README.md for their source. */
export function embeddedNamesPath(): string {
  return join(packageRoot(), 'data', 'ssa-names-2018.txt');
}

/** The most bytes read from a pipe, whose size is unknown in advance: 64 MiB. */
const MAX_PIPE_BYTES = 2 ** 26;

function readBytes(path: string, shown: string): Buffer {
  const wrong = wrongPath(path);
  if (wrong !== undefined) throw new DataError(`cannot read ${shown}: ${wrong}`);
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) throw new DataError(`${shown} is a directory: ${EXPECTED}`);
    // A device such as /dev/zero may never end; a pipe, such as a shell's <(command), does.
    if (!stats.isFile() && !stats.isFIFO()) {
      throw new DataError(`${shown} is neither a file nor a pipe: ${EXPECTED}`);
    }
    if (stats.size > constants.MAX_STRING_LENGTH) {
      const limit = Math.floor(constants.MAX_STRING_LENGTH / 2 ** 20);
      throw new DataError(
        `${shown} has ${Math.ceil(stats.size / 2 ** 20)} MiB: give a file of at most ${limit} MiB`,
      );
    }
    return readWhole(path, stats.isFIFO() ? MAX_PIPE_BYTES : constants.MAX_STRING_LENGTH);
  } catch (error) {
    if (error instanceof DataError) throw error;
    const advice = codeOf(error) === 'ENOENT' ? `; ${EXPECTED}` : '';
    throw new DataError(`cannot read ${shown}: ${reasonOf(error, path)}${advice}`, { cause: error });
  }
}

/**
 * White space as in Python's `str.strip`, except line feeds. JavaScript's `trim` differs: it keeps U+001C to
 * U+001F and U+0085, and removes U+FEFF.
 */
const SPACES = new Set(
  '\t\v\f\r\x1c\x1d\x1e\x1f ' +
    '\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a' +
    '\u2028\u2029\u202f\u205f\u3000',
);

function strip(line: string): string {
  let start = 0;
  let end = line.length;
  while (start < end && SPACES.has(line[start]!)) start++;
  while (end > start && SPACES.has(line[end - 1]!)) end--;
  return start === 0 && end === line.length ? line : line.slice(start, end);
}

/** The only character in all documents; undefined where there are several. */
function soleCharacter(docs: Documents, count: number): string | undefined {
  let only: string | undefined;
  for (let i = 0; i < count; i++) {
    for (const character of textAt(docs, i)) {
      if (only !== undefined && character !== only) return undefined;
      only = character;
    }
  }
  return only;
}
