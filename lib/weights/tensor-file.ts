/** A safetensors file on the disk: written whole, and read array by array, none before it is asked for. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { classNameOf, isPlain, shown as wordsFor } from '../core/check.js';
import { checkReplaceable, replaceFile } from '../core/write-file.js';
import { noFile, reasonOf, wrongPath } from '../core/path.js';
import { numbersOf, writeSafetensors, type WrittenTensor } from './safetensors.js';
import { headerLength, readHeader, SafetensorsError, type Entry } from './safetensors-header.js';
import { sameShape, show, type Shape } from '../core/shape.js';
import { clipped, quotedPath } from '../core/escape.js';

/** A file that cannot be written or read, or does not hold what was asked for. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
}

/**
 * Writes a file of these arrays in the place of the one that is there.
 *
 * @throws WeightsError when it cannot be written; the earlier file is as it was then
 * @throws SafetensorsError when the names and texts take more than 4 MiB, or one is no Unicode
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

/** Texts to keep in a file, by name: a plain object, or a Map as `readSafetensors` gives. */
export type Metadata = Readonly<Record<string, string>> | ReadonlyMap<string, string>;

/** A copy of metadata. @throws TypeError when it is neither a plain object nor a Map */
export function textsOf(what: string, given: Metadata): Map<string, string> {
  if (given instanceof Map) return new Map(given as ReadonlyMap<string, string>);
  if (!isPlain(given))
    throw new TypeError(
      `${what} ${wordsFor(given)}${classNameOf(given)}: expected a plain object of texts, or a Map`,
    );
  const texts = new Map<string, string>();
  for (const key in given) texts.set(key, (given as Readonly<Record<string, string>>)[key]!);
  return texts;
}

/**
 * Told before time is spent on what a file is to hold.
 *
 * @throws WeightsError when it could not be written
 */
export function checkWritable(path: string): void {
  writing(path, () => checkReplaceable(path));
}

/** @throws TypeError when it is no text: what else can be a path may be anything, and large */
export function checkPath(path: unknown): void {
  if (typeof path !== 'string') throw new TypeError(`a path is a text, not ${wordsFor(path)}`);
}

function writing(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new WeightsError(`cannot write ${quotedPath(path)}: ${(error as Error).message}`, { cause: error });
  }
}

/** The most that is read at once, in bytes: Node takes no 2 GiB. */
const MAX_READ = 2 ** 30;

/** A file being read: what its header says is known, and checked. */
export class TensorFile {
  /** Texts by name. */
  readonly metadata: ReadonlyMap<string, string>;
  private readonly start: number;
  private readonly entries: ReadonlyMap<string, Entry>;

  private constructor(
    private readonly descriptor: number,
    /** Its path, in messages. */
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
   * What `read` makes of a file.
   *
   * @throws WeightsError when it cannot be read, or lacks what is asked for
   * @throws SafetensorsError when it is no safetensors file
   */
  static read<T>(path: string, read: (file: TensorFile) => T): T {
    checkPath(path);
    const shown = quotedPath(path);
    const wrong = wrongPath(path);
    if (wrong !== undefined) throw new WeightsError(`cannot read ${shown}: ${wrong}`);
    let descriptor: number | undefined;
    try {
      // A device may never end, and opening a pipe would wait for who writes to it: also one that takes
      // the file's place before it is opened.
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

  /** Whether there is an array of this name. */
  has(name: string): boolean {
    return this.entries.has(name);
  }

  /**
   * Checks that there is an array of this name and shape, without reading it.
   *
   * @throws WeightsError where there is none
   */
  check(name: string, shape: Shape): void {
    const entry = this.entries.get(name);
    if (!entry) throw new WeightsError(`${this.shown} has no '${clipped(name)}': it has ${list(this.names)}`);
    if (!sameShape(entry.shape, shape))
      throw new WeightsError(
        `${this.shown}: '${clipped(name)}' has shape ${show(entry.shape)}: expected ${show(shape)}`,
      );
  }

  /**
   * Checks that there is no array of another name.
   *
   * @param whose ends the message
   * @throws WeightsError that names the others
   */
  checkNoMore(known: (name: string) => boolean, whose: string): void {
    const others = this.names.filter((name) => !known(name));
    if (others.length > 0) throw new WeightsError(`${this.shown} has ${list(others)} too, which ${whose}`);
  }

  /** An array's numbers, row by row; see `numbersOf` in safetensors.ts. */
  numbers(name: string, shape: Shape): Float64Array {
    this.check(name, shape);
    const { type, begin, end } = this.entries.get(name)!;
    return numbersOf({ type, shape, bytes: this.bytes(this.start + begin, end - begin) });
  }

  /**
   * The numbers of an array of one axis.
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
      if (read === 0) throw new WeightsError(`${this.shown} became shorter while it was read`);
      done += read;
    }
    return bytes;
  }
}

/** The first of some names, in a message. */
export function list(names: readonly string[]): string {
  const first = names.slice(0, 5).map((name) => `'${clipped(name)}'`);
  return `${first.join(', ') || 'nothing'}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
}
