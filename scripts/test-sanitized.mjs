/**
 * `npm run test:asan`, `test:ubsan`, `test:tsan`: builds the addon and the kernel tests with a sanitizer and
 * runs them and mocha's tests. The first fault ends the test with a report.
 *
 *     node scripts/test-sanitized.mjs [--brief] SANITIZER...
 *
 * SANITIZER is address, undefined or thread, or two in one build: address,undefined. With --brief, as
 * in .ci/run, a sample of the kernels' cases and fewer of mocha's files are run, and
 * some sanitizers check only the scalar kernels. What is built stays in build/sanitize/<sanitizer>/.
 * With g++, or with clang++: CXX=clang++-19.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { reportCounts } from './counts.mjs';
import { kernelTests, mochaFiles, nativeTestFiles, sum, testFiles } from './runners.mjs';
import { root, run, setup, SetupError } from './setup.mjs';

/** @typedef {import('./counts.mjs').Counts} Counts */

/**
 * @typedef {object} Sanitizer
 * @property {[gcc: string, clang: string]} runtime the name of its library for each compiler
 * @property {RegExp} report its report of a fault
 * @property {Record<string, string>} settings of it, in the environment
 * @property {Record<string, string>} [inNode] those that differ where Node runs
 * @property {boolean} kernels whether to run the kernel tests, which have one thread
 * @property {string[]} [briefIsas] the instruction sets whose kernels it checks under --brief; by
 *   default this machine's
 * @property {(file: string, brief: boolean) => boolean} takes whether to run a mocha test file
 */

/**
 * Test files to skip: they do not concern native code, start processes of the built package that other files
 * test, or measure memory, which a sanitizer also uses.
 */
const OTHERS = new Set([
  'cli',
  'cli.e2e',
  'data',
  'examples',
  'explain',
  'files',
  'guide',
  'hostile-files',
  'killed',
  'long-run',
  'load-error',
  'memory',
  'model-file',
  'saved',
  'to-dot',
]);
/** Files that use several threads. */
const THREADED = /^(minibatch|numbers|rows|threads|train|wide)\.test\.ts$/;
const THREADED_BRIEF = /^(minibatch|numbers|threads|wide)\.test\.ts$/;

/** @type {(file: string, brief: boolean) => boolean} */
const takesNative = (file, brief) =>
  brief ? nativeTestFiles().includes(file) : !OTHERS.has(basename(file, '.test.ts'));

/** @type {Record<string, Sanitizer>} */
const SANITIZERS = {
  address: {
    runtime: ['libasan.so', 'libclang_rt.asan'],
    report: /ERROR: AddressSanitizer: heap-buffer-overflow/,
    settings: { ASAN_OPTIONS: 'detect_leaks=1' },
    // Node frees little of its own memory when it ends; test/runtime/memory.test.ts measures what the addon
    // keeps.
    inNode: { ASAN_OPTIONS: 'detect_leaks=0' },
    kernels: true,
    takes: takesNative,
  },
  undefined: {
    runtime: ['libubsan.so', 'libclang_rt.ubsan_standalone'],
    report: /runtime error: signed integer overflow/,
    settings: { UBSAN_OPTIONS: 'print_stacktrace=1' },
    kernels: true,
    // A kernel has the same body for every instruction set, and that is where faults would be.
    briefIsas: ['scalar'],
    takes: takesNative,
  },
  thread: {
    runtime: ['libtsan.so', 'libclang_rt.tsan'],
    report: /WARNING: ThreadSanitizer: data race/,
    // Node is not built with TSan, which sees some of Node's operations, such as free, but not the atomics
    // that order them. To avoid false alarms from Node's thread pool, Node's accesses are ignored.
    settings: { TSAN_OPTIONS: 'exitcode=66' },
    inNode: { TSAN_OPTIONS: 'exitcode=66:ignore_noninstrumented_modules=1' },
    kernels: false,
    briefIsas: ['scalar'],
    takes: (file, brief) => (brief ? THREADED_BRIEF : THREADED).test(basename(file)),
  },
};

/** A sample holds one in this many cases; see test/native/kernel_test.cpp. */
const STRIDE = '11';

/** The compiler, if not the default one. */
const compilers = process.env['CXX'] ? [basename(process.env['CXX'])] : [];

const brief = process.argv.includes('--brief');
const names = process.argv.slice(2).filter((arg) => arg !== '--brief');
const unknown = names.flatMap((name) => name.split(',')).find((name) => !(name in SANITIZERS));
if (names.length === 0 || unknown !== undefined) {
  const known = Object.keys(SANITIZERS).join(', ');
  console.error(
    'test-sanitized: ' +
      `${unknown === undefined ? 'no sanitizer is named' : `'${unknown}' is no sanitizer`}; name one or ` +
      `more of ${known}`,
  );
  process.exit(2);
}
if (process.platform !== 'linux') {
  console.error(`test-sanitized: this is ${process.platform}; the runtimes are loaded as Linux does it`);
  process.exit(2);
}
await setup();
const results = [];
for (const name of names) results.push(await testWith(name));
const counts = sum(results);
console.log(`${String(counts.passed)} passed, ${String(counts.failed)} failed`);
reportCounts(counts);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;

/**
 * Builds with one or several sanitizers, checks that each detects a fault, and runs the tests.
 *
 * @param {string} name
 * @returns {Promise<Counts>}
 */
async function testWith(name) {
  // CMake keeps the compiler with which it configured a folder.
  const folder = join(root, 'build/sanitize', [name, ...compilers].join('-'));
  const parts = name.split(',');
  const sanitizers = parts.map((part) => /** @type {Sanitizer} */ (SANITIZERS[part]));
  const kernels = sanitizers.some((sanitizer) => sanitizer.kernels);
  try {
    build(folder, name, kernels);
    const preload = sanitizers.map((sanitizer) => runtime(...sanitizer.runtime)).join(' ');
    const common = { ...process.env, LD_PRELOAD: preload };
    const native = Object.assign({ ...common }, ...sanitizers.map(({ settings }) => settings));
    const sample = brief ? { VECGRAD_HOSTILE_CASES: '1000' } : {};
    const node = Object.assign(
      { ...common, ...sample, VECGRAD_PREBUILD: folder },
      ...sanitizers.map(({ settings, inNode = settings }) => inNode),
    );

    const awakeness = sum(
      parts.map((part, i) =>
        awake(folder, part, /** @type {Sanitizer} */ (sanitizers[i]).report, native, node),
      ),
    );
    if (awakeness.failed > 0) return awakeness;
    const files = testFiles().filter((file) => sanitizers.some(({ takes }) => takes(file, brief)));
    const tests = mochaFiles(files, node);
    const runs = [tests];
    if (kernels) {
      const args = brief ? ['--sample', STRIDE] : [];
      runs.push(kernelTests(join(folder, 'build/kernel_test'), args, native, tests));
    }
    return sum([awakeness, ...(await Promise.all(runs))]);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    return { passed: 0, failed: 1 };
  }
}

/**
 * Builds the addon and the other programs, for the instruction sets of this machine.
 *
 * @param {string} folder
 * @param {string} name
 * @param {boolean} kernels
 */
function build(folder, name, kernels) {
  const out = join(folder, 'build'); // where node-gyp-build looks for Release/
  const require = createRequire(import.meta.url);
  /** @type {{ info: () => { available: string[] } }} */
  const addon = require(join(root, 'build/Release/vecgrad.node'));
  const { available } = addon.info();
  const watchedBy = (/** @type {string} */ part) => (brief && SANITIZERS[part]?.briefIsas) || available;
  const isas = available.filter((isa) => name.split(',').some((part) => watchedBy(part).includes(isa)));
  const targets = [
    'vecgrad',
    'vecgrad_matrices',
    'faulty',
    'faulty_addon',
    ...(kernels ? ['kernel_test'] : []),
  ];
  run(
    `building with the ${name} sanitizer`,
    [
      process.execPath,
      ...[join(root, 'node_modules/cmake-js/bin/cmake-js'), 'configure', '--out', out],
      ...[`--CDVECGRAD_SANITIZE=${name}`, `--CDVECGRAD_ISAS=${isas.join(';')}`],
      `--CDVECGRAD_UNDEFINED_ISAS=${watchedBy('undefined').join(';')}`,
    ],
    ['cmake', ...['--build', out, '--parallel', String(availableParallelism())], ...['--target', ...targets]],
  );
}

/**
 * The path of a sanitizer's library, which must be loaded first in a process that was not built with it.
 *
 * @param {string} gcc
 * @param {string} clang
 */
function runtime(gcc, clang) {
  const compiler = process.env['CXX'] ?? 'c++';
  const ask = (/** @type {string} */ question) =>
    spawnSync(compiler, [question], { encoding: 'utf8' }).stdout.trim();
  const isClang = ask('--version').includes('clang');
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const names = isClang ? [`${clang}-${machine}.so`, `${clang}.so`] : [gcc];
  const found = names.map((name) => ask(`-print-file-name=${name}`)).find((path) => existsSync(path));
  if (found !== undefined) return realpathSync(found);
  const advice = isClang ? 'libclang-rt-<version>-dev' : 'g++, whose libgcc-<version>-dev has it';
  throw new SetupError(
    `test-sanitized: ${compiler} has no ${names.join(' or ')}; on Debian install ${advice}`,
  );
}

/**
 * Checks that the sanitizer detects the fault made for it (test/native/faulty.cpp), in a program and in Node,
 * with the same settings as the tests.
 *
 * @param {string} folder
 * @param {string} name
 * @param {RegExp} report
 * @param {NodeJS.ProcessEnv} native
 * @param {NodeJS.ProcessEnv} node
 * @returns {Counts}
 */
function awake(folder, name, report, native, node) {
  const load = `require(${JSON.stringify(join(folder, 'build/faulty.node'))})`;
  /** @type {[where: string, command: string, args: string[], env: NodeJS.ProcessEnv][]} */
  const places = [
    ['a program', join(folder, 'build/faulty'), [name], native],
    ['Node', process.execPath, ['-e', load], { ...node, VECGRAD_FAULT: name }],
  ];
  return sum(
    places.map(([where, command, args, env]) => {
      const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', env });
      try {
        assert.match(stderr, report);
        assert.notEqual(status, 0, stderr);
        return { passed: 1, failed: 0 };
      } catch (error) {
        console.error(
          `test-sanitized: ${name} did not find the fault made for it in ${where}\n${String(error)}`,
        );
        return { passed: 0, failed: 1 };
      }
    }),
  );
}
