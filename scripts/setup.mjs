/**
 * Sets up a checkout: npm packages, system packages, the native addon, the bundles. Each step is skipped when
 * its inputs have not changed. A step prints one line on standard error; the output of its tools is shown
 * only when it fails. This script runs before any package is installed, so it uses only Node's own modules.
 *
 *     node scripts/setup.mjs [--no-native] [--kernel-test]
 *
 * VECGRAD_WERROR=1 makes every warning of the C++ compiler an error.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A step has failed; the message is complete. */
export class SetupError extends Error {}

/**
 * Brings the requested parts up to date, or says why it cannot and exits.
 *
 * @param {{ native?: boolean, kernelTest?: boolean, dist?: boolean }} [parts] default: the addon and dist/
 */
export async function setup({ native = true, kernelTest = false, dist = true } = {}) {
  try {
    installPackages();
    if (native) await buildNative(['vecgrad', 'vecgrad_matrices'], join(root, 'build/Release/vecgrad.node'));
    if (kernelTest) await buildNative(['kernel_test'], kernelTestPath);
    if (dist) await buildDist();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

export const kernelTestPath = join(root, 'build/kernel_test');

function installPackages() {
  if (packagesMatchLock()) return;
  // Without install scripts, which none of the packages needs.
  run('installing the npm packages', npm('ci', '--ignore-scripts'));
}

/** Whether node_modules matches package-lock.json, according to npm's own record of what it installed. */
function packagesMatchLock() {
  const manifest = readJson('package.json');
  const locked = readJson('package-lock.json')?.packages;
  const installed = readJson('node_modules/.package-lock.json')?.packages;
  if (!locked || !installed) return false;
  for (const kind of ['dependencies', 'devDependencies']) {
    // package.json was edited by hand: `npm ci` will report that the two files disagree.
    if (JSON.stringify(manifest[kind]) !== JSON.stringify(locked[''][kind])) return false;
  }
  return (
    Object.keys(installed).every((path) => installed[path].integrity === locked[path]?.integrity) &&
    Object.keys(locked).every((path) => path === '' || locked[path].optional || path in installed)
  );
}

/**
 * @param {readonly [string, ...string[]]} targets of CMakeLists.txt
 * @param {string} output the file that the first target makes
 */
async function buildNative(targets, output) {
  const [target] = targets;
  const stamp = join(root, `build/.stamp-${target}`);
  const sources = ['CMakeLists.txt', 'native', 'package-lock.json', 'scripts/setup.mjs'];
  const inputs = hash(target === 'kernel_test' ? [...sources, 'test/native'] : sources, [
    process.platform,
    process.arch,
    process.env['CXX'] ?? '',
    process.env['VECGRAD_WERROR'] ?? '',
    root,
  ]);
  if (existsSync(output) && isStamped(stamp, inputs)) return;
  await installSystemPackages();
  discardForeignBuild();
  const cmakeJs = join(root, 'node_modules/cmake-js/bin/cmake-js');
  const jobs = String(availableParallelism());
  const isStrict = process.env['VECGRAD_WERROR'] === '1';
  run(
    target === 'vecgrad' ? 'building the native addon' : `building ${target}`,
    [process.execPath, cmakeJs, 'configure', `--CDVECGRAD_WERROR=${isStrict ? 'ON' : 'OFF'}`],
    ...targets.map(
      (each) =>
        /** @type {const} */ ([process.execPath, cmakeJs, 'build', '--target', each, '--parallel', jobs]),
    ),
  );
  writeFileSync(stamp, inputs);
}

/** Removes a build folder that CMake would refuse: node-gyp's, or one from before the checkout was moved. */
function discardForeignBuild() {
  const build = join(root, 'build');
  const cache = join(build, 'CMakeCache.txt');
  const home = `CMAKE_HOME_DIRECTORY:INTERNAL=${root}\n`;
  if (!existsSync(build)) return;
  if (existsSync(cache) && readFileSync(cache, 'utf8').includes(home)) return;
  // Keep build/arch, which belongs to build-arch.mjs.
  for (const name of readdirSync(build)) {
    if (name !== 'arch') rmSync(join(build, name), { recursive: true, force: true });
  }
}

/**
 * Finds CMake and OpenBLAS; otherwise installs them with apt where possible, or prints the command to install
 * them.
 */
async function installSystemPackages() {
  const { advice, debianPackages, missing, names } = await import('./toolchain.mjs');
  /** @type {import('./toolchain.mjs').Need[]} */
  const needs = ['compiler', 'make', 'cmake', 'openblas'];
  const lacking = missing(needs);
  if (lacking.length === 0) return;
  let trouble = '';
  try {
    installWithApt(debianPackages(lacking));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    trouble = `${error.message}\n`;
  }
  const still = missing(needs);
  if (still.length === 0) return;
  throw new SetupError(
    `${trouble}vecgrad: the native addon needs ${names(still)}. Install with\n${advice(still)}\nand ` +
      'run the command again',
  );
}

/**
 * Installs Debian packages if there is a usable apt-get; returns whether there is one.
 *
 * @param {readonly string[]} packages
 */
export function installWithApt(packages) {
  const apt = aptGet();
  if (apt === undefined) return false;
  const [command, ...args] = apt;
  run(
    `installing ${packages.join(' ')} with apt-get`,
    // An outdated package list may still suffice: the installation will show.
    ['sh', '-c', '"$@" update || true', 'sh', command, ...args],
    [...apt, 'install', '--yes', '--no-install-recommends', ...packages],
  );
  return true;
}

/**
 * The command that runs apt-get as root without asking, if there is one.
 *
 * @returns {[string, ...string[]] | undefined}
 */
function aptGet() {
  if (spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status !== 0) return undefined;
  /** @type {[string, ...string[]]} */
  const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-o', 'DPkg::Lock::Timeout=120'];
  if (process.getuid?.() === 0) return apt;
  const sudo = spawnSync('sudo', ['--non-interactive', 'true'], { stdio: 'ignore' });
  return sudo.status === 0 ? ['sudo', '--non-interactive', ...apt] : undefined;
}

async function buildDist() {
  const stamp = join(root, 'dist/.stamp');
  const inputs = hash(
    ['lib', 'tsconfig.json', 'tsconfig.build.json', 'package.json', 'package-lock.json'],
    [readFileSync(join(root, 'scripts/build.mjs'), 'utf8')],
  );
  if (isStamped(stamp, inputs)) return;
  const { build, BuildError } = await import('./build.mjs');
  console.error('vecgrad: building the TypeScript');
  try {
    await build();
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    throw new SetupError(`${error.message}\nvecgrad: building the TypeScript failed`);
  }
  writeFileSync(stamp, inputs);
}

/**
 * Runs the commands of a step; shows their output only on failure.
 *
 * @param {string} step
 * @param {...readonly [string, ...string[]]} commands
 */
export function run(step, ...commands) {
  console.error(`vecgrad: ${step}`);
  for (const [command, ...args] of commands) {
    const result = spawnSync(command, args, {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (result.status === 0) continue;
    const why = result.error?.message ?? result.signal ?? `exit code ${String(result.status)}`;
    const shown = [basename(command), ...args].join(' ');
    throw new SetupError(`${result.stdout}${result.stderr}\nvecgrad: ${step} failed (${why}): ${shown}`);
  }
}

/**
 * The command and arguments to run npm: the npm that runs this script, or else the one on the path.
 *
 * @param {...string} args
 * @returns {[string, ...string[]]}
 */
export function npm(...args) {
  const path = process.env['npm_execpath'] ?? '';
  return path.endsWith('npm-cli.js') ? [process.execPath, path, ...args] : ['npm', ...args];
}

/**
 * A hash of files' names and contents (not times, which every checkout changes) and of further text.
 *
 * @param {readonly string[]} paths files and folders below the root
 * @param {readonly string[]} more
 */
export function hash(paths, more) {
  const sum = createHash('sha1');
  const add = (/** @type {string} */ path) => {
    sum
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  };
  for (const path of paths) {
    const entries = list(path);
    if (entries === undefined) add(path);
    else for (const entry of entries) add(entry);
  }
  for (const text of more) sum.update(`${text}\0`);
  return sum.digest('hex');
}

/**
 * The files below a folder, in order; undefined for a path that is not a folder.
 *
 * @param {string} folder
 * @returns {string[] | undefined}
 */
function list(folder) {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch {
    return undefined;
  }
  return entries
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? (list(path) ?? []) : [path];
    })
    .sort();
}

/**
 * @param {string} stamp
 * @param {string} inputs
 */
function isStamped(stamp, inputs) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs;
}

/** @param {string} path */
function readJson(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), 'utf8'));
  } catch {
    return undefined;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const native = !process.argv.includes('--no-native');
  await setup({ native, kernelTest: process.argv.includes('--kernel-test') });
}
