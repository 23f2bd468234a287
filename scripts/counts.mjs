/** Passes the counts of a script's tests to .ci/run: as a line in the file that VECGRAD_COUNTS names. */
import { appendFileSync } from 'node:fs';

/** @typedef {{ passed: number, failed: number }} Counts */

/** @param {Counts} counts */
export function reportCounts({ passed, failed }) {
  const path = process.env['VECGRAD_COUNTS'];
  if (path) appendFileSync(path, `${String(passed)} ${String(failed)}\n`);
}
