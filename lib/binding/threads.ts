/** How many threads a program may run on: the one place that decides. */
import { checkInteger, shown } from '../core/check.js';
import { addon } from './addon.js';

/** A number of threads in the environment that is none. */
export class ThreadsError extends Error {
  override name = 'ThreadsError';
}

/**
 * The number of threads to use: the one given, else that of VECGRAD_THREADS in the environment, else all
 * processors; in each case at most as many as the process may use at once, by its affinity and the quotas of
 * its control groups.
 *
 * @throws RangeError when the number given is not an integer from 1
 * @throws ThreadsError when VECGRAD_THREADS is none
 */
export function chosenThreads(given?: number): number {
  return Math.min(threadLimit(given), addon.processors(''));
}

/** More than any machine has processors. */
const ALL = 1 << 16;

/**
 * The same, but perhaps more than there are processors, which native code looks at when it first shares out
 * work: most programs are too small for that, and asking the system takes a third of a millisecond.
 *
 * @throws as {@link chosenThreads} does
 */
export function threadLimit(given?: number): number {
  if (given !== undefined) return Math.min(checkInteger('threads', given, 1), ALL);
  const named = process.env['VECGRAD_THREADS'];
  if (named === undefined || named === '') return ALL;
  if (/^0*[1-9]\d*$/.test(named)) return Math.min(Number(named), ALL);
  throw new ThreadsError(
    `VECGRAD_THREADS ${shown(named)}: expected a whole number from 1: set one, or unset it to use all ` +
      'processors',
  );
}
