/** Files that are written whole or not at all, and what is said where they cannot be. */
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * Writes a file beside it, has the disk keep that, and gives it the other's name: at any moment the
 * path leads to the earlier file or to the new one, each whole. A symbolic link stays one, and a file
 * keeps its mode.
 *
 * @throws Error when it cannot be written, or the path leads to what is no file; says why, not where
 */
export function replaceFile(path: string, bytes: Uint8Array): void {
  writeBeside(path, (made, target) => {
    const file = openSync(made, 'wx', 0o666);
    try {
      if (target.mode !== undefined) fchmodSync(file, target.mode);
      for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(made, target.path);
    syncFolder(dirname(target.path));
  });
}

/**
 * Told before time is spent on what a file is to hold: nothing is changed but what processes that were
 * killed have left beside it.
 *
 * @throws Error as {@link replaceFile} does
 */
export function checkReplaceable(path: string): void {
  writeBeside(path, (made) => closeSync(openSync(made, 'wx', 0o666)));
}

/** A file of this process that is not there yet, of which nothing stays but what was given another name. */
function writeBeside(path: string, write: (made: string, target: Target) => void): void {
  try {
    const target = targetOf(path);
    const folder = dirname(target.path);
    sweep(folder);
    const made = join(folder, `${PREFIX}${process.pid}.${Math.random().toString(36).slice(2, 10)}${SUFFIX}`); // prettier-ignore
    try {
      write(made, target);
    } finally {
      discard(made);
    }
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error });
  }
}

interface Target {
  path: string;
  /** Of the file that is there. */
  mode?: number;
}

/** What is to be replaced: where a link leads, not the link. */
function targetOf(given: string): Target {
  const path = resolve(given);
  let found: string;
  try {
    found = realpathSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { path };
    throw error;
  }
  const stats = statSync(found);
  // Renaming would put a file in the place of a device.
  if (!stats.isFile()) throw new Error(stats.isDirectory() ? 'it is a directory' : 'it is neither a file nor a new name'); // prettier-ignore
  return { path: found, mode: stats.mode & 0o777 };
}

const PREFIX = '.vecgrad.';
const SUFFIX = '.new';
const swept = new Set<string>();

/** Removes what processes that are no more have left in a folder; once, so that a save does not list it. */
function sweep(folder: string): void {
  if (swept.has(folder)) return;
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return; // Whether it can be written to is another question.
  }
  for (const name of names) {
    if (!name.startsWith(PREFIX) || !name.endsWith(SUFFIX)) continue;
    const process = /^\d+/.exec(name.slice(PREFIX.length));
    if (process && !isRunning(Number(process[0]))) discard(join(folder, name));
  }
  swept.add(folder);
}

function isRunning(id: number): boolean {
  try {
    process.kill(id, 0); // sends nothing
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Where it could not be made it cannot be removed.
  }
}

/** Has the disk keep the new name. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return; // it opens no folders
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Why a file could not be read or written, with the system's own name of it. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known = REASONS[code ?? ''];
  return known === undefined ? message : `${known} (${code!})`;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied',
  EDQUOT: 'there is no room left in your share of the disk',
  EFBIG: 'it would be larger than a file may be',
  EISDIR: 'it is a directory',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'part of its path is a file, not a directory',
  EPERM: 'permission is denied',
  EROFS: 'it is on a file system that can only be read',
  ERR_INVALID_ARG_VALUE: 'a path cannot contain a NUL character',
};
