/** Writes a file atomically: in full or not at all. */
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
 * Writes a file as {@link replaceFile} does. Every command and function that writes a file calls this.
 *
 * @throws Error when it cannot be written; the message names the file and says why
 */
export function writeFile(path: string, content: Uint8Array | string): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  naming(path, () => replaceFile(path, bytes));
}

/**
 * Checks that a file can be written, before time is spent on computing its content.
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
 * Writes a temporary file beside the target, flushes it to the disk, and renames it: at any moment the path
 * leads to the complete earlier file or the complete new one. A link stays a link: its target is replaced, or
 * created. The file keeps its permissions, and its owner and group where the system lets this process set
 * them.
 *
 * @throws Error when it cannot be written or is not a regular file; the message says why, not where
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

/** How many bytes one call writes. Small enough that the temporary file's modification time stays recent. */
const CHUNK = 2 ** 24;

/**
 * Checks that a file can be replaced, before time is spent on computing its content. Changes nothing, except
 * that it removes abandoned temporary files.
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
    if (existsSync(made))
      throw new Error(
        `its folder lets no file be renamed or removed, so that ${quotedPath(made)} stays there: give ` +
          'another folder',
      );
  });
}

/** @throws Error where a file can be written to but not replaced by a new one */
function checkCanBeRenamedOver(path: string): void {
  if (isMountPoint(path)) throw new Error(`${REASONS['EBUSY']!} (EBUSY)`);
  try {
    // rmdir never removes a file. It fails with ENOTDIR where the file could be removed, and with EPERM where
    // not: another user's file in a folder like /tmp, or an append-only file.
    rmdirSync(path);
  } catch (error) {
    if (codeOf(error) === 'EPERM')
      throw new Error(
        'only its owner or the owner of its folder may replace it, or nobody (EPERM): give another name',
        {
          cause: error,
        },
      );
  }
}

/** Whether a file is itself a mount point, as containers mount single files; as far as Linux tells. */
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

/** The most symbolic links to follow, as in Linux. */
const MAX_LINKS = 40;

/** The file to replace, with links resolved, whether or not it exists yet. */
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
    path = isAbsolute(to) ? to : `${folder}/${to}`; // not join(): `..` after a link leads elsewhere
  }
  throw new Error(REASONS['ELOOP']);
}

const STREAMS = [
  'standard input is read from it',
  'standard output is written to it',
  'standard error is written to it',
];

/** @throws Error where a file must not be replaced, even though the folder would allow it */
function checkMayReplace(path: string, stats: Stats): void {
  // Renaming would replace a pipe or a device by a regular file.
  if (!stats.isFile()) throw new Error(noFile(stats));
  const stream = STREAMS.find((_, descriptor) => isSameFile(descriptor, path));
  if (stream !== undefined) throw new Error(`${stream}: give the name of another file`);
  // root may write to any file, but a read-only mode means that this one must stay as it is.
  if ((stats.mode & 0o222) === 0)
    throw new Error(
      `it is read-only (mode ${(stats.mode & 0o777).toString(8)}): allow writing to it (chmod u+w), ` +
        'or give another name',
    );
  accessSync(path, constants.W_OK);
}

/** Flushes the new name to the disk, where the system can. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return; // it cannot open folders
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
