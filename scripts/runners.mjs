/** Runs the C++ kernel tests and mocha, and reports their counts, for the scripts that test. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { root } from './setup.mjs';

/** @typedef {import('./counts.mjs').Counts} Counts */

const NOTHING = { passed: 0, failed: 0 };

/**
 * Runs the kernel tests; prints their output when they and `before` have ended.
 *
 * @param {string} path of the program
 * @param {readonly string[]} [args]
 * @param {NodeJS.ProcessEnv} [env]
 * @param {Promise<unknown>} [before]
 * @returns {Promise<Counts>}
 */
export async function kernelTests(path, args = [], env = process.env, before = Promise.resolve()) {
  const child = spawn(path, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => (stdout += String(text)));
  child.stderr.on('data', (text) => (stderr += String(text)));
  const end = await endOf(child);
  await before;
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  const counts = /(\d+) passed, (\d+) failed\s*$/.exec(stdout);
  return judged('kernel_test', { passed: Number(counts?.[1] ?? 0), failed: Number(counts?.[2] ?? 0) }, end);
}

/** The slowest test files: they start first, so that none is left running alone at the end. */
const LONGEST = /^(hostile|hostile-files|ops|files-by-processes|scale|memory|train|inputs)\.test\.ts$/;

/** All test files, relative to the root. */
export function testFiles() {
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join('test', file))
    .sort();
}

/**
 * Bundles test files into a folder of build/, whose path it returns: transformed once, they load in a fifth
 * of the time that they take with tsx, in each process. What they share is in chunks beside them.
 *
 * @param {readonly string[]} files
 */
async function bundleTests(files) {
  // Imported here, since set-up may have just installed it.
  const { build } = await import('esbuild');
  mkdirSync(join(root, 'build/test'), { recursive: true });
  const outdir = mkdtempSync(join(root, 'build/test/mocha-'));
  await build({
    absWorkingDir: root,
    entryPoints: [...files],
    outdir,
    outbase: root,
    outExtension: { '.js': '.mjs' },
    inject: ['test/support/v8-flags.ts'],
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    keepNames: true,
    sourcemap: true,
  });
  return outdir;
}

/** Test files on native code, except those that take minutes under a sanitizer. */
const NATIVE = new Set([
  'assemble',
  'bad-kernel-calls',
  'chosen',
  'control-state',
  'differentiate',
  'epilogue',
  'golden',
  'hostile',
  'kernels',
  'matrices',
  'minibatch',
  'numbers',
  'optim',
  'parameters',
  'program',
  'random',
  'refused-feeds',
  'same-bits',
  'sampling',
  'series',
  'special-products',
  'special-rows',
  'threads',
  'wide',
]);

export function nativeTestFiles() {
  return testFiles().filter((file) => NATIVE.has(basename(file, '.test.ts')));
}

/**
 * Runs test files in one process per processor. Mocha prints the results of a file when it has ended, so that
 * those of different files do not mix.
 *
 * @param {readonly string[]} files
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<Counts>}
 */
export async function mochaFiles(files, env = process.env) {
  const isLong = (/** @type {string} */ file) => LONGEST.test(basename(file));
  const ordered = [...files.filter(isLong), ...files.filter((file) => !isLong(file))];
  const { timeout } = JSON.parse(readFileSync(join(root, '.mocharc.json'), 'utf8'));
  const folder = await bundleTests(ordered);
  const bundles = ordered.map((file) => join(folder, file.replace(/\.ts$/, '.mjs')));
  const args = [
    ...['--no-config', '--enable-source-maps', '--timeout', env['VECGRAD_LONG'] === '1' ? '0' : timeout],
    ...['--parallel', '--jobs', availableParallelism()],
  ];
  try {
    return await mocha([...args.map(String), ...bundles], env);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Runs mocha with these arguments.
 *
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<Counts>}
 */
export async function mocha(args, env = process.env) {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-test-'));
  const report = join(folder, 'counts.json');
  const child = spawn(
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
  const end = await endOf(child);
  let told = NOTHING;
  try {
    told = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    // Mocha ended before it wrote a report; see below.
  }
  rmSync(folder, { recursive: true });
  return judged('mocha', told, end);
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
 * How a process ended: '' if it succeeded.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<string>}
 */
async function endOf(child) {
  try {
    const [status, signal] = await once(child, 'close');
    return status === 0 ? '' : (signal ?? `exit code ${String(status)}`);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * A runner's counts, plus one failure where it crashed or ran no test.
 *
 * @param {string} runner
 * @param {Counts} told
 * @param {string} end how the runner ended
 * @returns {Counts}
 */
function judged(runner, told, end) {
  if (told.failed > 0) return told;
  if (end === '' && told.passed > 0) return told;
  console.error(end === '' ? `${runner} ran no test` : `${runner} ended with ${end}`);
  return { passed: told.passed, failed: 1 };
}
