/** Reads a whole file or pipe, within a limit. */
import { openSync, constants, fstatSync, realpathSync, readSync, closeSync } from 'node:fs';
import { noFile, isSameFile, unlessMissing, codeOf } from './path.js';
import { now } from './clock.js';

/** Standard output and standard error. */
const WRITTEN = [1, 2];

/** How long to wait for somebody to open a named pipe for writing, in milliseconds. */
const PATIENCE = 5_000;

/**
 * How long to sleep where a pipe has no data, in milliseconds: at first, doubled up to the longest.
 * A writer can fill a pipe within the first: with the longest, 64 MB would take seconds.
 */
const [FIRST_PAUSE, LONGEST_PAUSE] = [0.1, 5];

/**
 * All bytes of a file, or of a pipe until its writers have closed it.
 *
 * @param most the size limit in bytes
 * @param patience how long to wait for a writer of a named pipe, in milliseconds
 * @throws Error where it cannot be read, is larger, is neither file nor pipe, or is a pipe without a writer
 */
export function readWhole(path: string, most: number, patience = PATIENCE): Buffer {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    const isPipe = stats.isFIFO();
    if (!stats.isFile() && !isPipe) throw new Error(noFile(stats));
    // Such a pipe would never end: this process itself can still write to it.
    if (isPipe && WRITTEN.some((own) => isSameFile(own, descriptor)))
      throw new Error('this process writes to that pipe: give the name of another file');
    // All writers of an unnamed pipe exist from the start: without one, the pipe has ended.
    const mayBegin = isPipe && unlessMissing(() => realpathSync.native(path)) !== undefined;
    const start = now();
    let bytes = Buffer.allocUnsafeSlow(Math.min(most, Math.max(stats.size, 2 ** 16)) + 1);
    let length = 0;
    let pause = FIRST_PAUSE;
    for (;;) {
      if (length > most)
        throw new Error(
          `it holds more than ${most} bytes${isPipe ? ': write the pipe to a file first' : ''}`,
        );
      if (length === bytes.length) {
        const more = Buffer.allocUnsafeSlow(Math.min(2 * length, most + 1));
        bytes.copy(more);
        bytes = more;
      }
      const read = unlessEmpty(() => readSync(descriptor, bytes, length, bytes.length - length, null));
      if (read === undefined && !isPipe) throw new Error('it has nothing to read now');
      if (read !== undefined && read > 0) {
        length += read;
        pause = FIRST_PAUSE;
        continue;
      }
      if (read === 0) {
        if (!mayBegin || length > 0) return bytes.subarray(0, length);
        if (now() - start > patience)
          throw new Error(`it is a pipe that nobody wrote to for ${patience / 1000} s`);
      }
      Atomics.wait(NEVER, 0, 0, pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    }
  } finally {
    closeSync(descriptor);
  }
}

const NEVER = new Int32Array(new SharedArrayBuffer(4));

/** The result of `read`; undefined where a pipe has no data yet. */
function unlessEmpty(read: () => number): number | undefined {
  try {
    return read();
  } catch (error) {
    if (codeOf(error) === 'EAGAIN') return undefined;
    throw error;
  }
}
