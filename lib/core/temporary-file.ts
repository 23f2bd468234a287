/**
 * Temporary files beside the file that they will replace: their names, owner and mode, and the removal of
 * abandoned ones.
 */
import {
  type Stats,
  openSync,
  fstatSync,
  closeSync,
  fchownSync,
  fchmodSync,
  readFileSync,
  readlinkSync,
  readdirSync,
  lstatSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf } from './path.js';

/** How often to try again when somebody has removed the temporary file. */
export const MAX_TRIES = 4;

export interface Target {
  /** The path with all links resolved. */
  path: string;
  /** The file that exists there now. */
  earlier?: Stats;
}

/**
 * Creates and opens a temporary file beside the target, with the target's owner and mode. Also removes
 * abandoned temporary files from that folder.
 */
export function makeBeside({ path, earlier }: Target): { made: string; descriptor: number } {
  const folder = dirname(path);
  for (let tries = 1; ; tries++) {
    const made = join(folder, temporaryName());
    let descriptor: number;
    try {
      // Only those who could open the earlier file may open this one.
      descriptor = openSync(made, 'wx', earlier ? 0o600 : 0o666);
    } catch (error) {
      if (codeOf(error) === 'EEXIST' && tries < MAX_TRIES) continue;
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
  let kept = mode & 0o777; // not setuid and setgid: they were meant for the earlier content
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
    kept &= ~0o070 | ((kept & 0o007) << 3); // a different group gets the permissions of others
  }
  fchmodSync(descriptor, kept);
}

/**
 * `.vecgrad.WHERE.PROCESS.RANDOM.new`. A process id is unique only within one kernel and PID namespace. WHERE
 * identifies both: Linux's random boot id and the number of the namespace.
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

/**
 * A temporary file whose process cannot be checked is abandoned after this time without a change, in
 * milliseconds.
 */
const LEFT_OVER = 24 * 60 * 60 * 1000;

const swept = new Set<string>();

/**
 * Removes abandoned temporary files from a folder, once per process, so that not every save lists the folder.
 * A file is abandoned when its process (of this kernel and namespace) has ended; any other file after a day
 * without a change, by the file system's clock.
 */
function sweep(folder: string, present: number): void {
  if (swept.has(folder)) return;
  swept.add(folder);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return; // The folder may still be writable.
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
    process.kill(id, 0); // signal 0 only checks that the process exists
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

export function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It may never have been created.
  }
}
