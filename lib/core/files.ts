/** Files that are written whole or not at all, files that are read within a limit, and why neither can be. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { now } from './clock.js';
import { escaped, quotedPath } from './escape.js';

/**
 * Writes a file as {@link replaceFile} does: what every command and function that writes a file calls.
 *
 * @throws Error when it cannot be written; names the file and says why
 */
export function writeFile(path: string, content: Uint8Array | string): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  naming(path, () => replaceFile(path, bytes));
}

/**
 * Told before time is spent on what a file is to hold.
 *
 * @throws Error as {@link writeFile} does
 */
export function checkWritable(path: string): void {
  naming(path, () => checkReplaceable(path));
}

function naming(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new Error(`cannot write ${quotedPath(path)}: ${(error as Error).message}`, { cause: error });
  }
}

/** How often a file is written again whose temporary file somebody has removed. */
const MOST_TRIES = 4;

/**
 * Writes a temporary file beside the target, has the disk keep it, and renames it: at any moment the
 * path leads to the earlier file or to the new one, each whole. Links stay: where they lead is
 * written, also where there is no file yet. The file keeps who may read, write and execute it, and its
 * owner and group where the system lets this process set them.
 *
 * @throws Error when it cannot be written, may not be, or the path leads to what is no file; says why,
 * not where
 */
export function replaceFile(path: string, bytes: Uint8Array): void {
  reasoned(() => {
    const target = targetOf(path);
    for (let tries = 1; ; tries++) {
      const { made, descriptor } = makeBeside(target);
      try {
        try {
          for (let at = 0; at < bytes.length;)
            at += writeSync(descriptor, bytes, at, Math.min(bytes.length - at, CHUNK));
          fsyncSync(descriptor);
        } finally {
          closeSync(descriptor);
        }
        renameSync(made, target.path);
        break;
      } catch (error) {
        const wasRemoved = codeOf(error) === 'ENOENT' && !existsSync(made);
        if (!wasRemoved || tries === MOST_TRIES) throw error;
      } finally {
        discard(made);
      }
    }
    syncFolder(dirname(target.path));
  });
}

/** What one call writes, in bytes: the temporary file's time of change stays close to the present. */
const CHUNK = 2 ** 24;

/**
 * Told before time is spent on what a file is to hold: nothing is changed but that temporary files
 * which nobody writes any more are removed.
 *
 * @throws Error as {@link replaceFile} does
 */
export function checkReplaceable(path: string): void {
  reasoned(() => {
    const target = targetOf(path);
    if (target.earlier) checkCanBeRenamedOver(target.path);
    const { made, descriptor } = makeBeside(target);
    closeSync(descriptor);
    discard(made);
  });
}

/** @throws Error where a file may be written to, and a new one not be put in its place */
function checkCanBeRenamedOver(path: string): void {
  if (isMountPoint(path)) throw new Error(`${REASONS['EBUSY']!} (EBUSY)`);
  try {
    // Never removes a file: it fails with ENOTDIR where one could be removed, and with EPERM where not,
    // as that of another user in a folder like /tmp, or one to which bytes may only be added.
    rmdirSync(path);
  } catch (error) {
    if (codeOf(error) === 'EPERM')
      throw new Error("only its owner or its folder's may replace it, or nobody (EPERM): give another name", {
        cause: error,
      });
  }
}

/** Whether a file is mounted by itself, as containers get single files; as far as Linux tells. */
function isMountPoint(path: string): boolean {
  let mounts: string;
  try {
    mounts = readFileSync('/proc/self/mountinfo', 'latin1');
  } catch {
    return false; // no Linux, or no /proc
  }
  const bytes = Buffer.from(path).toString('latin1');
  const listed = bytes.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
  return mounts.split('\n').some((line) => line.split(' ', 5)[4] === listed);
}

function reasoned(act: () => void): void {
  try {
    act();
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error });
  }
}

interface Target {
  /** Without links. */
  path: string;
  /** Of the file that is there. */
  earlier?: Stats;
}

/** The most links that lead from one to another, as Linux counts them. */
const MOST_LINKS = 40;

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

/** What is to be replaced: where links lead, whether or not there is a file yet. */
function targetOf(given: string): Target {
  const wrong = wrongPath(given);
  if (wrong !== undefined) throw new Error(wrong);
  let path = given;
  let to = '';
  for (let links = 0; links <= MOST_LINKS; links++) {
    const earlier = unlessMissing(() => statSync(path));
    if (earlier) {
      checkMayReplace(path, earlier);
      return { path: realpathSync.native(path), earlier };
    }
    if (path.endsWith('/') || path.endsWith(sep)) throw new Error(wrongPath(path));
    const folder = unlessMissing(() => realpathSync.native(dirname(path)));
    if (folder === undefined)
      throw new Error(
        `${links > 0 ? `it is a link to ${quotedPath(to)}, and ` : ''}${REASONS['ENOENT']!} (ENOENT)`,
      );
    if (!unlessMissing(() => lstatSync(path))) return { path: join(folder, basename(path)) };
    to = readlinkSync(path);
    path = isAbsolute(to) ? to : `${folder}/${to}`; // not joined: `..` behind a link leads elsewhere
  }
  throw new Error(REASONS['ELOOP']);
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

const STREAMS = [
  'standard input comes from there',
  'standard output goes there',
  'standard error goes there',
];

/** @throws Error where a file is not to be replaced, though the folder would allow it */
function checkMayReplace(path: string, stats: Stats): void {
  // Renaming would put a file in the place of a pipe or a device.
  if (!stats.isFile()) throw new Error(noFile(stats));
  const stream = STREAMS.find((_, descriptor) => isSameFile(descriptor, path));
  if (stream !== undefined) throw new Error(`${stream}: give the name of another file`);
  // root may write to any file; by its mode this one is to stay as it is.
  if ((stats.mode & 0o222) === 0)
    throw new Error(
      `it is read-only (mode ${(stats.mode & 0o777).toString(8)}): allow writing to it (chmod u+w), ` +
        'or give another name',
    );
  accessSync(path, constants.W_OK);
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
function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * A new temporary file beside the target, open, with its owner and mode; what nobody writes any more is
 * removed.
 */
function makeBeside({ path, earlier }: Target): { made: string; descriptor: number } {
  const folder = dirname(path);
  for (let tries = 1; ; tries++) {
    const made = join(folder, temporaryName());
    let descriptor: number;
    try {
      // Nobody may open it who could not open the earlier file.
      descriptor = openSync(made, 'wx', earlier ? 0o600 : 0o666);
    } catch (error) {
      if (codeOf(error) === 'EEXIST' && tries < MOST_TRIES) continue;
      throw error;
    }
    try {
      if (earlier) keepOwnerAndMode(descriptor, earlier);
      sweep(folder, fstatSync(descriptor).mtimeMs);
      return { made, descriptor };
    } catch (error) {
      closeSync(descriptor);
      discard(made);
      throw error;
    }
  }
}

function keepOwnerAndMode(descriptor: number, { uid, gid, mode }: Stats): void {
  const own = fstatSync(descriptor);
  let kept = mode & 0o777; // not setuid and setgid: they were given to the earlier content
  const isAllowed = (user: number): boolean => {
    try {
      fchownSync(descriptor, user, gid);
      return true;
    } catch {
      return false;
    }
  };
  const isOther = own.uid !== uid || own.gid !== gid;
  if (isOther && !isAllowed(uid) && own.gid !== gid && !isAllowed(own.uid)) {
    kept &= ~0o070 | ((kept & 0o007) << 3); // another group gets what everybody has
  }
  fchmodSync(descriptor, kept);
}

/**
 * `.vecgrad.WHERE.PROCESS.RANDOM.new`. A process number means something to those who share a kernel and
 * a PID namespace: WHERE names both, by the number that Linux draws at each start and that of the
 * namespace.
 */
function temporaryName(): string {
  const random = Math.random().toString(36).slice(2, 12);
  return `.vecgrad.${whereWeRun()}.${process.pid}.${random}.new`;
}
const TEMPORARY = /^\.vecgrad\.([\da-f]{32}-\d+|unknown)\.(\d+)\.[\da-z]*\.new$/;

let where: string | undefined;
function whereWeRun(): string {
  return (where ??= found());
  function found(): string {
    try {
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').replace(/[-\s]/g, '');
      const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))![0];
      return /^[\da-f]{32}$/.test(boot) ? `${boot}-${namespace}` : 'unknown';
    } catch {
      return 'unknown'; // no Linux, or no /proc
    }
  }
}

/** After so many milliseconds without a change a temporary file of who cannot be asked is left over. */
const LEFT_OVER = 24 * 60 * 60 * 1000;
const swept = new Set<string>();

/**
 * Removes temporary files that nobody writes any more from a folder; once, so that a save does not list
 * it. Those of a process of this kernel and namespace that is no more; any others after a day without a
 * change, by the clock of the file system.
 */
function sweep(folder: string, present: number): void {
  if (swept.has(folder)) return;
  swept.add(folder);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return; // Whether it can be written to is another question.
  }
  for (const name of names) {
    const [, origin, process] = TEMPORARY.exec(name) ?? [];
    if (origin === undefined) continue;
    const path = join(folder, name);
    const isKnown = origin !== 'unknown' && origin === whereWeRun();
    if ((isKnown && !isRunning(Number(process))) || isLeftOver(path, present)) discard(path);
  }
}

function isLeftOver(path: string, present: number): boolean {
  try {
    const stats = lstatSync(path);
    return stats.isFile() && present - stats.mtimeMs > LEFT_OVER;
  } catch {
    return false;
  }
}

function isRunning(id: number): boolean {
  try {
    process.kill(id, 0); // sends nothing
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Where it could not be made it cannot be removed.
  }
}

/** Has the disk keep the new name, where the folder can be opened and the file system does that. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return; // it opens no folders
  let folder: number | undefined;
  try {
    folder = openSync(path, 'r');
    fsyncSync(folder);
  } catch (error) {
    if (!['EACCES', 'EPERM', 'EINVAL', 'ENOTSUP'].includes(codeOf(error)!)) throw error;
  } finally {
    if (folder !== undefined) closeSync(folder);
  }
}

/** How long a named pipe is waited for that nobody has opened to write, in milliseconds. */
const PATIENCE = 5_000;
const PAUSE = 5;

/**
 * All bytes of a file, or of what comes through a pipe until its writers have closed it.
 *
 * @param most bytes
 * @param patience how long to wait for somebody who writes to a named pipe, in milliseconds
 * @throws Error where it cannot be read, has more, is neither, or is a pipe that nobody writes to
 */
export function readWhole(path: string, most: number, patience = PATIENCE): Buffer {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    const isPipe = stats.isFIFO();
    if (!stats.isFile() && !isPipe) throw new Error(noFile(stats));
    // Of one without a name all writers are there from the start: without any it has ended.
    const mayBegin = isPipe && unlessMissing(() => realpathSync.native(path)) !== undefined;
    const start = now();
    let bytes = Buffer.allocUnsafeSlow(Math.min(most, Math.max(stats.size, 2 ** 16)) + 1);
    let length = 0;
    for (;;) {
      if (length > most)
        throw new Error(
          `more than ${most} bytes come from ${isPipe ? 'the pipe: write them to a file first' : 'it'}`,
        );
      if (length === bytes.length) {
        const more = Buffer.allocUnsafeSlow(Math.min(2 * length, most + 1));
        bytes.copy(more);
        bytes = more;
      }
      const read = unlessEmpty(() => readSync(descriptor, bytes, length, bytes.length - length, null));
      if (read === undefined && !isPipe) throw new Error('nothing can be read from it now');
      if (read !== undefined && read > 0) {
        length += read;
        continue;
      }
      if (read === 0) {
        if (!mayBegin || length > 0) return bytes.subarray(0, length);
        if (now() - start > patience)
          throw new Error(`it is a pipe that nobody writes to: ${patience / 1000} s went by`);
      }
      Atomics.wait(NEVER, 0, 0, PAUSE);
    }
  } finally {
    closeSync(descriptor);
  }
}

const NEVER = new Int32Array(new SharedArrayBuffer(4));

/** What `read` gives; undefined where a pipe has nothing yet. */
function unlessEmpty(read: () => number): number | undefined {
  try {
    return read();
  } catch (error) {
    if (codeOf(error) === 'EAGAIN') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** What is wrong with a link that leads to nothing; undefined for what is none. */
export function danglingLink(path: string): string | undefined {
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

const REASONS: Readonly<Record<string, string>> = {
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
