/** What a path leads to, and why a file there cannot be read or written. */
import { sep } from 'node:path';
import { fstatSync, statSync, type Stats, readlinkSync } from 'node:fs';
import { quotedPath, escaped } from './escape.js';

/** Why a path can be of no file, whatever there is; undefined where it can. */
export function wrongPath(path: string): string | undefined {
  if (path === '') return 'the path is empty: give the name of a file';
  if (path.includes('\0'))
    return 'a path cannot contain a NUL character: give the name of a file without one';
  // Written as UTF-8, it would be the name of another file.
  if (/\p{Cs}/u.test(path))
    return (
      'the path has half of a surrogate pair, which no name can hold: give the name of a file without ' +
      'one'
    );
  if (path.endsWith('/') || path.endsWith(sep)) return 'it ends with a slash: give the name of a file';
  return undefined;
}

/**
 * Whether two names, or descriptors, are of one file: the same path, links that lead there, hard links.
 * False where one cannot be found: whoever reads or writes it says why.
 */
export function isSameFile(one: string | number, other: string | number): boolean {
  const identity = (file: string | number): string => {
    const options = { bigint: true } as const; // numbers round what some file systems give
    const { dev, ino } = typeof file === 'number' ? fstatSync(file, options) : statSync(file, options);
    return `${dev} ${ino}`;
  };
  try {
    return identity(one) === identity(other);
  } catch {
    return false;
  }
}

/** What is in the place of a file, and what to do. */
export function noFile(stats: Stats): string {
  const kind = stats.isDirectory()
    ? 'directory'
    : stats.isFIFO()
      ? 'pipe'
      : stats.isSocket()
        ? 'socket'
        : 'device';
  return `it is a ${kind}: give the name of a file`;
}

/** What `read` gives; undefined where there is no such file. */
export function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** What is wrong with a link that leads to nothing; undefined for what is none. */
function danglingLink(path: string): string | undefined {
  try {
    return `it is a link to ${quotedPath(readlinkSync(path))}, and there is nothing`;
  } catch {
    return undefined;
  }
}

/**
 * Why a file could not be read or written, with the system's own name of it.
 *
 * @param path of a file that is read, which may be a link that leads to nothing
 */
export function reasonOf(error: unknown, path?: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' && path !== undefined) {
    const dangling = danglingLink(path);
    if (dangling !== undefined) return `${dangling} (ENOENT)`;
  }
  const known = REASONS[code ?? ''];
  return known === undefined ? escaped(message) : `${known} (${code!})`;
}

export const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied',
  EBUSY:
    'the system uses it, as it does a file that is mounted by itself: mount its folder, or give another name',
  EDQUOT: 'there is no room left in your share of the disk',
  EFBIG: 'it would be larger than a file may be',
  EISDIR: 'it is a directory: give the name of a file',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'part of its path is a file, not a directory',
  EPERM: 'permission is denied',
  EROFS: 'it is on a file system that can only be read',
};
