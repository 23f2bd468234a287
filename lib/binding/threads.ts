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
  const most = addon.processors('');
  if (given !== undefined) return Math.min(checkInteger('threads', given, 1), most);
  const named = process.env['VECGRAD_THREADS'];
  if (named === undefined || named === '') return most;
  if (/^0*[1-9]\d*$/.test(named)) return Math.min(Number(named), most);
  throw new ThreadsError(
    `VECGRAD_THREADS ${shown(named)}: expected a whole number from 1: set one, or unset it to use all ` +
      'processors',
  );
}
