/** A safetensors file on disk: written atomically, and read one array at a time, on demand. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { classNameOf, isPlain, shown as wordsFor } from '../core/check.js';
import { checkReplaceable, replaceFile } from '../core/write-file.js';
import { noFile, reasonOf, wrongPath } from '../core/path.js';
import { numbersOf, writeSafetensors, type WrittenTensor } from './safetensors.js';
import { headerLength, readHeader, SafetensorsError, type Entry } from './safetensors-header.js';
import { sameShape, show, type Shape } from '../core/shape.js';
import { clipped, quotedPath } from '../core/escape.js';

/** A file cannot be written or read, or lacks an array or string that was asked for. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
}

/**
 * Writes these arrays to a file, which replaces any earlier one.
 *
 * @throws WeightsError when it cannot be written; an earlier file is then unchanged
 * @throws SafetensorsError when the names and strings take more than 4 MiB, or one is not valid Unicode
 */
export function writeTensors(
  path: string,
  tensors: ReadonlyMap<string, WrittenTensor>,
  metadata: ReadonlyMap<string, string>,
): void {
  checkPath(path);
  const bytes = writeSafetensors(tensors, metadata);
  writing(path, () => replaceFile(path, bytes));
}

/** Strings to keep in a file, by name: a plain object, or a Map as `readSafetensors` returns. */
export type Metadata = Readonly<Record<string, string>> | ReadonlyMap<string, string>;

/**
 * A copy of metadata.
 *
 * @throws TypeError when it is neither a plain object nor a Map
 */
export function textsOf(what: string, given: Metadata): Map<string, string> {
  if (given instanceof Map) return new Map(given as ReadonlyMap<string, string>);
  if (!isPlain(given))
    throw new TypeError(
      `${what} ${wordsFor(given)}${classNameOf(given)}: expected a plain object of strings, or a Map`,
    );
  const texts = new Map<string, string>();
  for (const key in given) texts.set(key, (given as Readonly<Record<string, string>>)[key]!);
  return texts;
}

/**
 * Checks that a file can be written, before time is spent on computing its content.
 *
 * @throws WeightsError when it cannot be written
 */
export function checkWritable(path: string): void {
  writing(path, () => checkReplaceable(path));
}

/** @throws TypeError when the path is not a string: Node would accept other types too, which may be large */
export function checkPath(path: unknown): void {
  if (typeof path !== 'string') throw new TypeError(`path must be a string, got ${wordsFor(path)}`);
}

function writing(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new WeightsError(`cannot write ${quotedPath(path)}: ${(error as Error).message}`, { cause: error });
  }
}

/** The most bytes to read in one call: Node cannot read 2 GiB at once. */
const MAX_READ = 2 ** 30;

/** An open file whose header has been read and checked. */
export class TensorFile {
  /** Strings by name. */
  readonly metadata: ReadonlyMap<string, string>;
  private readonly start: number;
  private readonly entries: ReadonlyMap<string, Entry>;

  private constructor(
    private readonly descriptor: number,
    /** The path, as messages show it. */
    readonly shown: string,
  ) {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new WeightsError(`cannot read ${shown}: ${noFile(stats)}`);
    const { size } = stats;
    const length = headerLength(this.bytes(0, Math.min(8, size)), size);
    const { start, entries, metadata } = readHeader(this.bytes(8, length), size);
    this.start = start;
    this.entries = entries;
    this.metadata = metadata;
  }

  /**
   * Opens a file, returns the result of `read`, and closes the file.
   *
   * @throws WeightsError when the file cannot be read, or lacks what is asked for
   * @throws SafetensorsError when it is not a safetensors file
   */
  static read<T>(path: string, read: (file: TensorFile) => T): T {
    checkPath(path);
    const shown = quotedPath(path);
    const wrong = wrongPath(path);
    if (wrong !== undefined) throw new WeightsError(`cannot read ${shown}: ${wrong}`);
    let descriptor: number | undefined;
    try {
      // A device may never end, and opening a pipe would wait for a writer. O_NONBLOCK covers a pipe that
      // replaces the file between these two calls.
      const stats = statSync(path);
      if (!stats.isFile()) throw new WeightsError(`cannot read ${shown}: ${noFile(stats)}`);
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      return read(new TensorFile(descriptor, shown));
    } catch (error) {
      if (error instanceof SafetensorsError) error.message = `${shown}: ${error.message}`;
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      throw new WeightsError(`cannot read ${shown}: ${reasonOf(error, path)}`, { cause: error });
    } finally {
      if (descriptor !== undefined) closeSync(descriptor);
    }
  }

  /** The arrays' names, in the order of the header. */
  get names(): string[] {
    return [...this.entries.keys()];
  }

  /** Whether the file has an array of this name. */
  has(name: string): boolean {
    return this.entries.has(name);
  }

  /** The shape of an array; undefined where there is none of this name. */
  shapeOf(name: string): Shape | undefined {
    return this.entries.get(name)?.shape;
  }

  /**
   * Checks that the file has an array of this name and shape, without reading the array.
   *
   * @throws WeightsError where it does not
   */
  check(name: string, shape: Shape): void {
    const entry = this.entries.get(name);
    if (!entry)
      throw new WeightsError(`${this.shown} has no '${clipped(name)}': it has ${firstNames(this.names)}`);
    if (!sameShape(entry.shape, shape))
      throw new WeightsError(
        `${this.shown}: '${clipped(name)}' has shape ${show(entry.shape)}: expected ${show(shape)}`,
      );
  }

  /**
   * Checks that all arrays have known names.
   *
   * @param whose the end of the message
   * @throws WeightsError that names the others
   */
  checkNoMore(known: (name: string) => boolean, whose: string): void {
    const others = this.names.filter((name) => !known(name));
    if (others.length > 0)
      throw new WeightsError(`${this.shown} has ${firstNames(others)} too, which ${whose}`);
  }

  /** An array's numbers, row-major; see `numbersOf` in safetensors.ts. */
  numbers(name: string, shape: Shape): Float64Array {
    this.check(name, shape);
    const { type, begin, end } = this.entries.get(name)!;
    return numbersOf({ type, shape, bytes: this.bytes(this.start + begin, end - begin) });
  }

  /**
   * The numbers of a one-dimensional array.
   *
   * @throws WeightsError where there are more than `most`
   */
  vector(name: string, most: number): Float64Array {
    const count = this.entries.get(name)?.shape[0] ?? 0;
    if (count > most)
      throw new WeightsError(
        `${this.shown}: '${clipped(name)}' has ${count} numbers: expected at most ${most}`,
      );
    return this.numbers(name, [count]);
  }

  private bytes(from: number, count: number): Uint8Array {
    const bytes = Buffer.alloc(count);
    for (let done = 0; done < count;) {
      const part = Math.min(count - done, MAX_READ);
      const read = readSync(this.descriptor, bytes, done, part, from + done);
      if (read === 0) throw new WeightsError(`${this.shown} was truncated while it was read`);
      done += read;
    }
    return bytes;
  }
}

/** The first few names, for a message. */
export function firstNames(names: readonly string[]): string {
  const first = names.slice(0, 5).map((name) => `'${clipped(name)}'`);
  return `${first.join(', ') || 'nothing'}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
}
