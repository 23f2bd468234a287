/**
 * Checks that a prebuilt addon can run on other machines: it is of the right architecture, stripped, and
 * needs no C library newer than promised, and nothing of the C++ library.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { architecture } from './build-arch.mjs';
import { hash, root, SetupError } from './setup.mjs';

/**
 * The files of a prebuild: the addon, under the name that node-gyp-build expects, and the library that it
 * loads.
 */
export const FILES = {
  'vecgrad.node': 'vecgrad.glibc.node',
  'vecgrad_openblas.so': 'vecgrad_openblas.so',
};

/** OpenBLAS's licence must accompany the library. */
export const COPYRIGHT = 'openblas-copyright.txt';

/**
 * For each architecture, the machine in the ELF header and the newest glibc allowed.
 *
 * @type {Record<string, { machine: RegExp, glibc: string }>}
 */
const PROMISED = {
  x86_64: { machine: /X86-64/, glibc: '2.34' },
  aarch64: { machine: /AArch64/, glibc: '2.34' },
  riscv64: { machine: /RISC-V/, glibc: '2.36' },
};

/** @param {string} name of an architecture */
export function prebuildFolder(name) {
  return join(root, 'prebuilds', `linux-${architecture(name).node}`);
}

/** The file that records what a prebuild was built from; it is not published. */
const STAMP = 'inputs.sha1';

/** @param {string} name */
export function stampOf(name) {
  return join(prebuildFolder(name), STAMP);
}

/**
 * A hash of everything in this tree that a prebuild is made from.
 *
 * @param {string} name
 */
export function inputsOf(name) {
  return hash(['CMakeLists.txt', 'cmake', 'native', 'scripts/build-arch.mjs', 'package-lock.json'], [name]);
}

/**
 * What is wrong with the prebuild of an architecture, one line for each problem.
 *
 * @param {string} name
 */
export function complaints(name) {
  const folder = prebuildFolder(name);
  const files = Object.values(FILES);
  const missing = [...files, COPYRIGHT].filter((file) => !existsSync(join(folder, file)));
  if (missing.length > 0) return missing.map((file) => `${join(folder, file)} is missing`);
  const found = files.flatMap((file) => complaintsOf(join(folder, file), name));
  const stamp = stampOf(name);
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== inputsOf(name)) {
    found.push(`${folder} was built from other sources than these`);
  }
  return found;
}

/**
 * What is wrong with one file for an architecture.
 *
 * @param {string} file
 * @param {string} name
 */
export function complaintsOf(file, name) {
  const promised = PROMISED[name];
  if (promised === undefined) throw new SetupError(`vecgrad: no architecture is named ${name}`);
  const header = readelf('--file-header', file);
  const machine = /Machine:\s+(.*)/.exec(header)?.[1] ?? 'nothing known';
  const found = [];
  if (!promised.machine.test(machine)) found.push(`${file} is for ${machine}, not ${name}`);
  if (/ \.symtab /.test(readelf('--section-headers', file))) found.push(`${file} is not stripped`);
  for (const version of versionsOf(file)) {
    const [, library = '', number = ''] = /^([A-Z]+)_(.*)$/.exec(version) ?? [];
    // GCC means libgcc_s: every system that can run Node's own C++ code has all versions.
    const good = library === 'GCC' || (library === 'GLIBC' && atMost(number, promised.glibc));
    if (!good)
      found.push(
        `${file} asks for ${version}; the newest may be GLIBC_${promised.glibc}, and none of the C++ ` +
          "library's",
      );
  }
  return found;
}

/**
 * The newest glibc that an architecture's prebuild asks for.
 *
 * @param {string} name
 */
export function glibcOf(name) {
  const numbers = Object.values(FILES)
    .flatMap((file) => versionsOf(join(prebuildFolder(name), file)))
    .flatMap((version) => /^GLIBC_(.*)$/.exec(version)?.[1] ?? []);
  return numbers.reduce((a, b) => (atMost(a, b) ? b : a), '0');
}

/**
 * The symbol versions that a file needs from other libraries, such as "GLIBC_2.34".
 *
 * @param {string} file
 */
function versionsOf(file) {
  const names = readelf('--version-info', file).matchAll(/^.*Name: (\S+) +Flags:/gm);
  return [...new Set([...names].map(([, name = '']) => name))];
}

/**
 * Whether a version is at most another; a version that is not a number ("PRIVATE") counts as newer than all.
 *
 * @param {string} a
 * @param {string} b
 */
function atMost(a, b) {
  if (!/^[\d.]+$/.test(a)) return false;
  const [x, y] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (x?.[i] ?? 0) - (y?.[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return true;
}

/**
 * The output of readelf, which reads files of every architecture.
 *
 * @param {string} what
 * @param {string} file
 */
function readelf(what, file) {
  const result = spawnSync('readelf', ['--wide', what, file], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (result.status === 0) return result.stdout;
  throw new SetupError(`vecgrad: readelf cannot read ${file}: ${result.error?.message ?? result.stderr}`);
}
