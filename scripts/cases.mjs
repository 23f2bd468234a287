/** Runs the cases of a test script outside mocha: prints a line for each, and counts them. */
import { reportCounts } from './counts.mjs';

const counts = { passed: 0, failed: 0 };

/**
 * Runs one case and prints whether it passed, with its time, or why it failed.
 * @param {string} name
 * @param {() => void} body
 */
export function test(name, body) {
  const begin = performance.now();
  try {
    body();
    counts.passed++;
    console.log(`  ok      ${name} (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
  } catch (error) {
    counts.failed++;
    console.log(`  FAILED  ${name}\n${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Prints the counts, and sets a failing exit code if a case failed. */
export function endCases() {
  reportCounts(counts);
  process.exitCode = counts.failed === 0 ? 0 : 1;
}
