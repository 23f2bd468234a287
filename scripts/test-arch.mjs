/**
 * `npm run test:arch -- ARCHITECTURE...`: builds for an architecture (build-arch.mjs) and tests on several of
 * its processors, emulated by QEMU: with and without vector instructions, with short and long vectors.
 *
 * The kernel tests run first, then training in that architecture's Node, against the traces of
 * test/fixtures/golden. A step that cannot run is a failure. With --brief, as in .ci/run,
 * emulated processors run a sample of the kernels' cases, and the one that is not emulated runs nothing
 * (`npm test` tests it). Then one processor of each instruction set that this machine lacks trains all
 * models, one without vector instructions trains one, and the others train none.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import {
  architecture,
  buildArchitecture,
  folderOf,
  namedArchitectures,
  needPackages,
} from './build-arch.mjs';
import { reportCounts } from './counts.mjs';
import { root, setup } from './setup.mjs';

/**
 * @typedef {object} Processor
 * @property {string} cpu the emulator's name for it
 * @property {[isa: string, bits: number][]} isas the sets that it has and this build
 *   uses, best first, and the bits of a vector of float32
 * @property {boolean} [only] whether to test only the best; another processor tests the others
 * @property {'kernels' | 'node'} [stage] the only stage that it takes part in; by default both
 * @property {readonly string[]} [trains] the models that it trains under --brief; by default none
 */

/** @type {[isa: string, bits: number]} */
const SCALAR = ['scalar', 32];

/** A sample holds one in this many cases; see test/native/kernel_test.cpp. */
const STRIDE = 23;

const MODELS = ['scalar', 'rnn', 'rnn_att', 'vector'];

/** Not emulated. */
const HOST = "this machine's";

/** @type {Record<string, Processor[]>} */
const PROCESSORS = {
  x86_64: [
    // OpenBLAS takes qemu64 for an Opteron and uses instructions that it lacks. QEMU 7.2 emulates masked
    // loads wrongly (it reads masked elements), which the kernel tests detect.
    { cpu: 'qemu64', isas: [SCALAR], stage: 'kernels' },
    { cpu: HOST, isas: [['avx2', 256]], only: true, stage: 'kernels' },
    { cpu: 'core2duo', isas: [SCALAR], stage: 'node', trains: ['rnn'] },
    { cpu: 'max', isas: [['avx2', 256], SCALAR], stage: 'node' },
  ],
  aarch64: [
    { cpu: 'cortex-a57', isas: [['neon', 128], SCALAR], trains: MODELS },
    // Lengths are in bytes. The emulation of pointer authentication takes most of a run's time.
    ...[16, 32, 64, 256].map(
      (bytes) =>
        /** @type {Processor} */ ({
          cpu: `max,pauth-impdef=on,sve-default-vector-length=${String(bytes)}`,
          isas: [['sve', 8 * bytes], ['neon', 128], SCALAR],
          only: true,
          trains: bytes === 64 ? MODELS : [],
        }),
    ),
  ],
  riscv64: [
    { cpu: 'rv64', isas: [SCALAR], trains: ['rnn'] },
    ...[128, 256, 1024].map(
      (bits) =>
        /** @type {Processor} */ ({
          cpu: `rv64,v=true,vext_spec=v1.0,vlen=${String(bits)}`,
          isas: [['rvv', bits], SCALAR],
          only: true,
          trains: bits === 256 ? MODELS : [],
        }),
    ),
  ],
};

/** The instruction set that a processor of each architecture may lack. */
const OPTIONAL = { x86_64: 'avx2', aarch64: 'sve', riscv64: 'rvv' };

/** @typedef {{ status: number | null, stdout: string, stderr: string }} End */
/** @typedef {{ what: string, body: () => Promise<number> }} Test the body says how much passed */

const counts = { passed: 0, failed: 0 };
const brief = process.argv.includes('--brief');
const names = namedArchitectures('test:arch');
await setup({ native: false });
for (const name of names) {
  const builds = { what: `${name} builds`, body: () => build(name, false) };
  if (!(await inParallel([builds]))) continue;
  await inParallel([{ what: `${name}: units share no symbol`, body: () => symbols(name) }]);
  await inParallel(processorsOf(name, 'kernels').map((processor) => kernelTest(name, processor)));

  const links = { what: `${name} builds the addon`, body: () => build(name, true) };
  if (!(await inParallel([links]))) continue;
  offerAddon(name);
  await inParallel(processorsOf(name, 'node').flatMap((processor) => nodeTests(name, processor)));
}
console.log(`${String(counts.passed)} passed, ${String(counts.failed)} failed`);
reportCounts(counts);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;

/**
 * @param {string} name
 * @param {'kernels' | 'node'} at
 */
function processorsOf(name, at) {
  return (PROCESSORS[name] ?? []).filter(({ cpu, stage = at }) => stage === at && !(brief && cpu === HOST));
}

/**
 * @param {string} name
 * @param {boolean} addon
 */
function build(name, addon) {
  needPackages(['qemu-user']);
  buildArchitecture(name, { addon });
  return Promise.resolve(1);
}

// ---- The kernels, without Node

/**
 * Checks that no inline function compiled for a newer processor replaces that of an older one.
 *
 * @param {string} name
 */
function symbols(name) {
  const args = [join(root, 'test/native/check-symbols.sh'), folderOf(name)];
  const { status, stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}${stderr}`);
  return Promise.resolve(1);
}

/**
 * @param {string} name
 * @param {Processor} processor
 * @returns {Test}
 */
function kernelTest(name, { cpu, isas, only = false }) {
  const tested = only ? isas.slice(0, 1) : isas;
  const args = tested.length === 1 ? ['--isa', tested[0]?.[0] ?? ''] : [];
  if (brief) args.push('--sample', String(STRIDE));
  return {
    what:
      `${name}, ${cpu}: kernels of ` +
      `${tested.map(([isa]) => isa).join(' and ')}${brief ? ', a sample' : ''}`,
    body: async () => {
      const program = join(folderOf(name), 'kernel_test');
      const { status, stdout, stderr } = await emulated(name, cpu, [], [program, ...args]);
      const counted = /(\d+) passed, (\d+) failed\s*$/.exec(stdout);
      assert.equal(status, 0, `${stdout}${stderr}`);
      // Check that the kernels ran on this processor's instruction sets, at its vector length.
      const ran = [...stdout.matchAll(/^kernel_test: (\w+), vectors of (\d+) bits$/gm)];
      assert.deepEqual(
        ran.map(([, isa, bits]) => [isa, Number(bits)]),
        tested,
      );
      return Number(counted?.[1]);
    },
  };
}

// ---- The library, in an emulated Node

/**
 * Links the addon to where node-gyp-build looks when VECGRAD_PREBUILD is set.
 *
 * @param {string} name
 */
function offerAddon(name) {
  const prebuilds = join(folderOf(name), 'prebuilds');
  rmSync(prebuilds, { recursive: true, force: true });
  mkdirSync(prebuilds);
  symlinkSync('..', join(prebuilds, `linux-${architecture(name).node}`));
}

/**
 * @param {string} name
 * @param {Processor} processor
 * @returns {Test[]}
 */
function nodeTests(name, { cpu, isas, trains = [] }) {
  const available = isas.map(([isa]) => isa);
  const [best = ''] = available;
  const run = (/** @type {string[]} */ args, /** @type {string} */ isa = '') => vecgrad(name, cpu, isa, args);
  /** @type {Test[]} */
  const tests = [
    {
      what: `chooses ${best}, and loads OpenBLAS`,
      body: async () => {
        const { isas: found, openblas } = succeeded(await run(['info', '--json']));
        assert.equal(found.chosen, best);
        assert.deepEqual(found.available, available);
        assert.match(openblas.version, /^OpenBLAS /);
        return 1;
      },
    },
    ...(brief ? trains : MODELS).map((model) => ({
      what: `${model} on ${best} is the trace`,
      body: async () => {
        const trained = succeeded(await run(['train', model, '--json']));
        assert.equal(trained.isa, best);
        compare(trained, golden(model));
        return 1;
      },
    })),
  ];
  const absent = OPTIONAL[/** @type {keyof typeof OPTIONAL} */ (name)];
  if (!available.includes(absent)) {
    tests.push({
      what: `VECGRAD_ISA=${absent} is an error that says so`,
      body: async () => {
        const { status, stderr } = await run(['train', 'rnn'], absent);
        assert.equal(status, 1, `${String(status)} ${stderr}`); // no signal, and no usage error
        assert.match(stderr, new RegExp(`"${absent}" .*this machine does not have it`));
        return 1;
      },
    });
  }
  return tests.map(({ what, body }) => ({ what: `${name}, ${cpu}: ${what}`, body }));
}

/**
 * Runs the command line in the architecture's Node.
 *
 * @param {string} name
 * @param {string} cpu
 * @param {string} isa
 * @param {readonly string[]} args
 */
function vecgrad(name, cpu, isa, args) {
  const { node } = architecture(name);
  const folder = folderOf(name);
  const program = [join(root, 'dist/cli.cjs'), ...args];
  const environment = {
    PREBUILDS_ONLY: '1', // not build/Release, which is this machine's
    VECGRAD_PREBUILD: folder,
    VECGRAD_ISA: isa,
  };
  const setting = Object.entries(environment).flatMap(([key, value]) => ['-E', `${key}=${value}`]);
  if (node === process.arch) return emulated(name, cpu, setting, [process.execPath, ...program]);
  const sysroot = join(folder, 'sysroot');
  return emulated(name, cpu, ['-L', sysroot, ...setting], [join(sysroot, 'usr/bin/node'), ...program]);
}

/** @param {string} model */
function golden(model) {
  return JSON.parse(readFileSync(join(root, `test/fixtures/golden/${model}.json`), 'utf8'));
}

/**
 * The checks of test/study/golden.test.ts, as far as a result allows.
 *
 * @param {any} trained
 * @param {any} trace
 */
function compare(trained, trace) {
  const near = (/** @type {number} */ found, /** @type {number} */ wanted) =>
    Math.abs(found - wanted) <= 1e-9;
  const { losses } = trained;
  assert.equal(losses.length, trace.losses.length);
  trace.losses.forEach((/** @type {number} */ loss, /** @type {number} */ i) => {
    assert.ok(near(losses[i], loss), `loss ${String(i + 1)}: ${losses[i]}, not ${String(loss)}`);
  });
  assert.ok(near(trained.heldOutLoss, trace.held_out_mean_loss), 'the held-out loss');
  assert.deepEqual(trained.samples, trace.samples);
}

/** @param {End} end */
function succeeded({ status, stdout, stderr }) {
  assert.equal(status, 0, `${stdout}${stderr}`);
  return JSON.parse(stdout);
}

// ---- Running

/**
 * @param {string} name
 * @param {string} cpu
 * @param {readonly string[]} options of the emulator
 * @param {readonly string[]} command
 * @returns {Promise<End>}
 */
function emulated(name, cpu, options, command) {
  return new Promise((resolve, reject) => {
    const emulator = cpu === HOST ? [] : [`qemu-${name}`, '-cpu', cpu, ...options];
    const [program = '', ...args] = [...emulator, ...command];
    const env = { ...process.env };
    delete env['OPENBLAS_CORETYPE']; // it would apply to this machine's processor
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => (stdout += String(text)));
    child.stderr.on('data', (text) => (stderr += String(text)));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

/**
 * Runs one test per processor at a time; prints how each ended. Returns whether all passed.
 *
 * @param {readonly Test[]} tests
 */
async function inParallel(tests) {
  const left = [...tests];
  let all = true;
  const work = async () => {
    for (let test; (test = left.shift()) !== undefined;) {
      const begin = performance.now();
      const time = () => `${((performance.now() - begin) / 1000).toFixed(1)} s`;
      try {
        const passed = await test.body();
        assert.ok(passed > 0, 'no test ran');
        counts.passed += passed;
        console.log(`  ok      ${test.what}: ${String(passed)} (${time()})`);
      } catch (error) {
        counts.failed++;
        all = false;
        console.log(
          `  FAILED  ${test.what} (${time()})\n${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return all;
}
