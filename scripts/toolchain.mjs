/**
 * The system packages that the native build needs: which are missing, and how to install them on each system.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** @typedef {'compiler' | 'make' | 'cmake' | 'python3' | 'openblas'} Need */

/** @type {Record<Need, { name: string, debian: string, fedora: string, alpine: string, macos: string }>} */
const PACKAGES = {
  compiler: { name: 'a C++ compiler', debian: 'g++', fedora: 'gcc-c++', alpine: 'g++', macos: '' },
  make: { name: 'make', debian: 'make', fedora: 'make', alpine: 'make', macos: '' },
  cmake: { name: 'CMake', debian: 'cmake', fedora: 'cmake', alpine: 'cmake', macos: 'cmake' },
  python3: { name: 'Python 3', debian: 'python3', fedora: 'python3', alpine: 'python3', macos: '' },
  openblas: {
    name: 'OpenBLAS',
    debian: 'libopenblas-dev',
    fedora: 'openblas-devel',
    alpine: 'openblas-dev',
    macos: 'openblas',
  },
};

/**
 * The needs that this system does not meet.
 *
 * @param {readonly Need[]} needs
 */
export function missing(needs) {
  const lacking = needs.filter((need) => need !== 'openblas' && !runs(need));
  // Only a compiler can tell whether the build will find a library.
  if (needs.includes('openblas') && (lacking.includes('compiler') || !linksOpenBLAS())) {
    lacking.push('openblas');
  }
  return lacking;
}

/** @param {Exclude<Need, 'openblas'>} need */
function runs(need) {
  const command = need === 'compiler' ? compiler() : need;
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

function compiler() {
  return process.env['CXX'] ?? 'c++';
}

function linksOpenBLAS() {
  const program = 'extern "C" char* openblas_get_config(); int main() { return !openblas_get_config(); }';
  const { status } = spawnSync(compiler(), ['-x', 'c++', '-', '-lopenblas', '-o', '/dev/null'], {
    input: program,
    env: { ...process.env, ...openblasPaths() },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  return status === 0;
}

/**
 * Environment variables that help the compiler find OpenBLAS: Homebrew does not link it, and Fedora keeps its
 * headers in a separate folder.
 *
 * @returns {Record<string, string>}
 */
export function openblasPaths() {
  if (process.platform === 'darwin') {
    const { status, stdout } = spawnSync('brew', ['--prefix', 'openblas'], { encoding: 'utf8' });
    if (status !== 0) return {};
    const folder = stdout.trim();
    return {
      CPATH: before(join(folder, 'include'), 'CPATH'),
      LIBRARY_PATH: before(join(folder, 'lib'), 'LIBRARY_PATH'),
    };
  }
  const headers = '/usr/include/openblas';
  return existsSync(join(headers, 'cblas.h')) ? { CPATH: before(headers, 'CPATH') } : {};
}

/**
 * @param {string} folder
 * @param {string} name of a list of folders in the environment
 */
function before(folder, name) {
  const list = process.env[name] ?? '';
  return list === '' ? folder : `${folder}:${list}`;
}

/** @param {readonly Need[]} needs */
export function names(needs) {
  const [last, ...rest] = needs.map((need) => PACKAGES[need].name).reverse();
  return rest.length === 0 ? (last ?? '') : `${rest.reverse().join(', ')} and ${last ?? ''}`;
}

/**
 * The Debian packages that meet the needs.
 *
 * @param {readonly Need[]} needs
 */
export function debianPackages(needs) {
  return needs.map((need) => PACKAGES[need].debian);
}

/**
 * The installation command for each system, one line each.
 *
 * @param {readonly Need[]} needs
 */
export function advice(needs) {
  const of = (/** @type {'debian' | 'fedora' | 'alpine' | 'macos'} */ system) =>
    needs
      .map((need) => PACKAGES[need][system])
      .filter((name) => name !== '')
      .join(' ');
  const brew = of('macos') === '' ? [] : [`brew install ${of('macos')}`];
  const xcode = needs.some((need) => PACKAGES[need].macos === '') ? ['xcode-select --install'] : [];
  return [
    `  Debian, Ubuntu   sudo apt-get install ${of('debian')}`,
    `  Fedora           sudo dnf install ${of('fedora')}`,
    `  Alpine           sudo apk add ${of('alpine')}`,
    `  macOS            ${[...xcode, ...brew].join(' && ')}`,
  ].join('\n');
}

/**
 * The folder with this Node's own headers (as `include/node`), so that node-gyp need not download them;
 * undefined where they are not installed.
 */
export function nodeHeaders() {
  const folder = dirname(dirname(process.execPath));
  const header = join(folder, 'include/node/node_version.h');
  if (!existsSync(header)) return undefined;
  const text = readFileSync(header, 'utf8');
  const version = ['MAJOR', 'MINOR', 'PATCH'].map(
    (part) => new RegExp(`define NODE_${part}_VERSION (\\d+)`).exec(text)?.[1],
  );
  return version.join('.') === process.versions.node ? folder : undefined;
}
