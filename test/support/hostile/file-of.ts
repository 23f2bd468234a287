/** A file that means harm: what it is, how it is written, and what reading it must say. */
import { writeFileSync, appendFileSync, truncateSync } from 'node:fs';

/** What reads a file: its bytes by readSafetensors, its path by loadWeights, loadModel, loadCheckpoint. */
export type Way = 'bytes' | 'weights' | 'model' | 'checkpoint';

/** What happens to a file while it is read. */
export type Trick = 'it is cut' | 'a pipe takes its place' | 'another file takes its place';

export interface Row {
  what: string;
  make: (path: string) => void;
  /** What comes of it: an error with its name, or `loaded`, and what. */
  said: Partial<Record<Way, RegExp>>;
  trick?: Trick;
  /** Given in the place of the path that was made. */
  path?: string;
}

/**
 * Writes a file of a header, with the length that it has or claims, and bytes; a larger size is a hole at the
 * end. A large header is given as a function, so that it takes memory only while it is written.
 */
export function fileOf(
  header: string | Buffer | (() => string | Buffer),
  { bytes = 0, length = undefined as bigint | undefined, size = 0 } = {},
): (path: string) => void {
  return (path) => {
    const text = Buffer.from(typeof header === 'function' ? header() : header);
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(length ?? BigInt(text.length));
    writeFileSync(path, start);
    appendFileSync(path, text);
    if (bytes > 0) appendFileSync(path, Buffer.alloc(bytes));
    if (size > 0) truncateSync(path, size);
  };
}

export function entry(dtype: string, shape: string, offsets: string): string {
  return `{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`;
}

export const u8 = (shape: string, offsets: string): string => entry('"U8"', shape, offsets);

export const one = u8('[1]', '[0,1]');

export const MILLION = 1_000_000;

export const PATHS: readonly Way[] = ['weights', 'model', 'checkpoint'];
