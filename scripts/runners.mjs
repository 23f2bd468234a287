/** Runs the C++ kernel tests and mocha, and says what each counted: for the scripts that test. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './setup.mjs';

/** @typedef {import('./counts.mjs').Counts} Counts */

const NOTHING = { passed: 0, failed: 0 };

/**
 * @param {string} path of the program
 * @param {readonly string[]} [args]
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Counts}
 */
export function kernelTests(path, args = [], env = process.env) {
  const { status, signal, error, stdout } = spawnSync(path, args, {
    cwd: root,
    encoding: 'utf8',
    env,
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error !== undefined) return judged('kernel_test', NOTHING, false, error.message);
  process.stdout.write(stdout);
  const counts = /(\d+) passed, (\d+) failed\s*$/.exec(stdout);
  const told = { passed: Number(counts?.[1] ?? 0), failed: Number(counts?.[2] ?? 0) };
  return judged('kernel_test', told, status === 0, signal ?? `exit code ${String(status)}`);
}

/**
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Counts}
 */
export function mocha(args, env = process.env) {
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
    { cwd: root, env, stdio: 'inherit' },
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
 * @param {readonly Counts[]} runs
 * @returns {Counts}
 */
export function sum(runs) {
  return {
    passed: runs.reduce((all, run) => all + run.passed, 0),
    failed: runs.reduce((all, run) => all + run.failed, 0),
  };
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
