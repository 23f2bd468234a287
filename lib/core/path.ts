/** Why a path, or the file it leads to, cannot be read or written. */
import { sep } from 'node:path';
import { fstatSync, statSync, type Stats, readlinkSync } from 'node:fs';
import { quotedPath, escaped } from './escape.js';

/** Why no file can have this path; undefined where one can. */
export function wrongPath(path: string): string | undefined {
  if (path === '') return 'the path is empty: give the name of a file';
  if (path.includes('\0'))
    return 'a path cannot contain a NUL character: give the name of a file without one';
  // In UTF-8 this would become the name of another file.
  if (/\p{Cs}/u.test(path))
    return (
      'the path has half of a surrogate pair, which no name can hold: give the name of a file without ' +
      'one'
    );
  if (path.endsWith('/') || path.endsWith(sep)) return 'it ends with a slash: give the name of a file';
  return undefined;
}

/**
 * Whether two paths or descriptors refer to the same file, through any links. False where either cannot be
 * found: whoever reads or writes the file reports that.
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

/** What is there instead of a regular file, and what to do. */
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

/** The result of `read`; undefined where there is no such file. */
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

/** What is wrong with a symbolic link that leads nowhere; undefined for anything else. */
export function danglingLink(path: string): string | undefined {
  try {
    return `it is a link to ${quotedPath(readlinkSync(path))}, which does not exist`;
  } catch {
    return undefined;
  }
}

/**
 * Why a file could not be read or written, with the system's error code.
 *
 * @param path the file that is read; a link that leads nowhere is explained
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
  EACCES: 'permission denied',
  EBUSY: 'the system is using it, perhaps as a mount point: mount its folder instead, or give another name',
  EDQUOT: 'your disk quota is used up',
  EFBIG: 'the file would be too large',
  EISDIR: 'it is a directory: give the name of a file',
  ELOOP: 'its symbolic links form a loop',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'part of its path is a file, not a directory',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
};
