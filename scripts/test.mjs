/**
 * `npm test`: sets up, then runs the C++ kernel tests and mocha; with arguments, mocha alone with
 * these. No test run at all is a failure.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reportCounts } from './counts.mjs';
import { kernelTestPath, root, setup } from './setup.mjs';

/** @typedef {import('./counts.mjs').Counts} Counts */

const NOTHING = { passed: 0, failed: 0 };
// `npm run test:long` has the tests run all their cases, those that have more than a sample: they
// look for VECGRAD_LONG.
const args = process.argv.slice(2).filter((arg) => arg !== '--long');
if (process.argv.includes('--long')) process.env['VECGRAD_LONG'] = '1';
const all = args.length === 0;
await setup({ kernelTest: all });

/** @type {Counts[]} */
const runs = [];
if (all) runs.push(kernelTests());
runs.push(mocha());

const passed = runs.reduce((sum, run) => sum + run.passed, 0);
const failed = runs.reduce((sum, run) => sum + run.failed, 0);
console.log(
  failed === 0
    ? `npm test: all ${String(passed)} tests passed`
    : `npm test: ${String(failed)} of ${String(passed + failed)} tests failed`,
);
reportCounts({ passed, failed });
process.exitCode = failed === 0 ? 0 : 1;

/** @returns {Counts} */
function kernelTests() {
  const { status, signal, error, stdout } = spawnSync(kernelTestPath, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error !== undefined) return judged('kernel_test', NOTHING, false, error.message);
  process.stdout.write(stdout);
  const counts = /(\d+) passed, (\d+) failed\s*$/.exec(stdout);
  const told = { passed: Number(counts?.[1] ?? 0), failed: Number(counts?.[2] ?? 0) };
  return judged('kernel_test', told, status === 0, signal ?? `exit code ${String(status)}`);
}

/** @returns {Counts} */
function mocha() {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-test-'));
  const report = join(folder, 'counts.json');
  const { status, signal } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/mocha/bin/mocha.js'),
      ...['--reporter', join(root, 'scripts/mocha-reporter.cjs'), '--reporter-option'],
      `report=${report}`,
      ...(process.env['CI'] ? ['--forbid-only'] : []),
      ...args,
    ],
    { cwd: root, stdio: 'inherit' },
  );
  let told = NOTHING;
  try {
    told = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    // It did not get as far as a report: judged below.
  }
  rmSync(folder, { recursive: true });
  return judged('mocha', told, status === 0, signal ?? `exit code ${String(status)}`);
}

/**
 * A runner's counts, with one failure more for what they cannot say: a crash, or no test at all.
 *
 * @param {string} runner
 * @param {Counts} told
 * @param {boolean} succeeded
 * @param {string} end how the runner ended
 * @returns {Counts}
 */
function judged(runner, told, succeeded, end) {
  if (told.failed > 0) return told;
  if (succeeded && told.passed > 0) return told;
  console.error(succeeded ? `${runner} ran no test` : `${runner} ended with ${end}`);
  return { passed: told.passed, failed: 1 };
}
