/**
 * Temporary files beside the file that they will replace: names, owner and mode, and removing those left
 * over.
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

/** How often a file is written again whose temporary file somebody has removed. */
export const MAX_TRIES = 4;

export interface Target {
  /** Without links. */
  path: string;
  /** Of the file that is there. */
  earlier?: Stats;
}

/**
 * A new temporary file beside the target, open, with its owner and mode; what nobody writes any more is
 * removed.
 */
export function makeBeside({ path, earlier }: Target): { made: string; descriptor: number } {
  const folder = dirname(path);
  for (let tries = 1; ; tries++) {
    const made = join(folder, temporaryName());
    let descriptor: number;
    try {
      // Nobody may open it who could not open the earlier file.
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

export function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Where it could not be made it cannot be removed.
  }
}
