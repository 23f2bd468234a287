/** Writes a file whole or not at all, in place of the one that is there. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  statSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { quotedPath } from './escape.js';
import { wrongPath, isSameFile, noFile, unlessMissing, codeOf, reasonOf, REASONS } from './path.js';
import { MAX_TRIES, type Target, makeBeside, discard } from './temporary-file.js';

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
        if (!wasRemoved || tries === MAX_TRIES) throw error;
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

/** The most links that lead from one to another, as Linux counts them. */
const MAX_LINKS = 40;

/** What is to be replaced: where links lead, whether or not there is a file yet. */
function targetOf(given: string): Target {
  const wrong = wrongPath(given);
  if (wrong !== undefined) throw new Error(wrong);
  let path = given;
  let to = '';
  for (let links = 0; links <= MAX_LINKS; links++) {
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
