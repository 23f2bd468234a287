/**
 * Tests what users get. Packs the package with its prebuilt addons, installs the tarball into empty folders
 * with every package manager, and uses it there: built by `vecgrad build`, from the command line, ES modules,
 * CommonJS and TypeScript; and prebuilt, without compiler and OpenBLAS, on each architecture (emulated by
 * QEMU).
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ARCHITECTURES, architecture, buildArchitecture, folderOf, needPackages } from './build-arch.mjs';
import { complaintsOf, COPYRIGHT, FILES, prebuildFolder } from './check-prebuilds.mjs';
import { endCases, test } from './cases.mjs';
import { nodeProgram } from './node-versions.mjs';
import { nativeTestFiles } from './runners.mjs';
import { npm, root } from './setup.mjs';

const folder = mkdtempSync(join(tmpdir(), 'vecgrad-package-'));
const user = join(folder, 'user');
const bare = join(folder, 'prebuilt');
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const bin = 'node_modules/.bin/vecgrad';

test('the addons are prebuilt for every architecture', () => {
  const { stdout } = succeed([process.execPath, join(root, 'scripts/prebuilds.mjs')], root);
  process.stdout.write(stdout.replace(/^/gm, '          ').trimEnd() + '\n');
});

test('npm pack, with all of them, in at most 16 MB', () => {
  const { stdout } = succeed(npm('pack', '--json', '--pack-destination', folder), root);
  const { size, files } = JSON.parse(stdout)[0];
  const packed = files.map((/** @type {{ path: string }} */ { path }) => path);
  const prebuilt = Object.values(ARCHITECTURES).flatMap(({ node }) =>
    [...Object.values(FILES), COPYRIGHT].map((file) => `prebuilds/linux-${node}/${file}`),
  );
  const wanted = [
    ...prebuilt,
    'dist/names.cjs',
    'native/binding.gyp',
    'native/node/addon.cpp',
    'scripts/build-addon.mjs',
    'scripts/toolchain.mjs',
  ];
  assert.deepEqual(
    wanted.filter((path) => !packed.includes(path)),
    [],
    'missing',
  );
  assert.deepEqual(
    packed.filter((/** @type {string} */ path) => path.startsWith('prebuilds/')).sort(),
    prebuilt.sort(),
  );
  assert.ok(size <= 16e6, `${String(size)} bytes`);
  console.log(`          ${(size / 1e6).toFixed(1)} MB`);
});

test('nothing in the package runs when it is installed', () => {
  const { stdout } = succeed(['tar', '-xOf', tarball(), 'package/package.json'], folder);
  const { scripts, gypfile } = JSON.parse(stdout);
  const ran = ['preinstall', 'install', 'postinstall', 'prepare'].filter((name) => name in scripts);
  assert.deepEqual([ran, gypfile], [[], false]);
  const files = succeed(['tar', '-tf', tarball()], folder).stdout.split('\n');
  // For such a file pnpm and Yarn run node-gyp, whatever `gypfile` says.
  assert.deepEqual(
    files.filter((path) => /^package\/[^/]+\.gyp$/.test(path)),
    [],
  );
});

// ---- Built from its sources

test("the README's commands install it", () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const block = /(?:^ {4}np[mx] .*\n)+/m.exec(readme.slice(readme.indexOf('    npm pack')))?.[0] ?? '';
  // Each line is a command, two or more spaces, and a description.
  const commands = block
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/)[0] ?? '');
  const [pack = '', add = '', build = ''] = commands;
  const made = `vecgrad-${version() ?? ''}.tgz`;
  assert.deepEqual(commands, ['npm pack', `npm install ./${made}`, 'npx vecgrad build']);
  makeProject(user);
  const [, ...packing] = pack.split(' ');
  succeed(npm(...packing, '--pack-destination', user), root);
  const [, ...adding] = add.split(' ');
  succeed(npm(...adding), user);
  const { stdout } = succeed(['npx', ...build.split(' ').slice(1)], user);
  assert.match(stdout, /^vecgrad: the native addon loads, so there is nothing to build/m);
});

test('vecgrad build --force compiles it', () => {
  const { stdout } = succeed(['npx', 'vecgrad', 'build', '--force'], user);
  assert.match(stdout, /^vecgrad: the native addon is compiled, and loads$/m);
  assert.ok(existsSync(join(user, 'node_modules/vecgrad/build/Release/vecgrad.node')));
  const left = readdirSync(join(user, 'node_modules/vecgrad')).filter((name) => name.startsWith('.build-'));
  assert.deepEqual(left, []);
});

for (const { what, env, says } of [
  {
    what: 'a C++ compiler',
    env: { CXX: 'no-such-compiler' },
    says: new RegExp(
      '^vecgrad: compiling the native addon needs a C\\+\\+ compiler and OpenBLAS\\. Install with\\n' +
        '.*apt-get install g\\+\\+ libopenblas-dev\\n[^]*then run again: npx vecgrad build$',
      'm',
    ),
  },
  {
    what: 'a header that it is told of',
    env: { CXXFLAGS: '-include no-such-header.h' },
    says: /node-gyp failed \(exit code 1\): see its messages above$/m,
  },
]) {
  test(`vecgrad build --force without ${what} says so, and leaves what there was`, () => {
    const built = join(user, 'node_modules/vecgrad/build/Release/vecgrad.node');
    const { mtimeMs } = statSync(built);
    const { status, stderr } = start([bin, 'build', '--force'], user, { ...process.env, ...env });
    assert.equal(status, 1);
    assert.match(stderr, says);
    assert.match(stderr, /^vecgrad: the native addon was not built: see the error above$/m);
    assert.equal(statSync(built).mtimeMs, mtimeMs);
  });
}

test('the tests of native code pass on that build', () => {
  const env = { ...process.env, VECGRAD_PREBUILD: join(user, 'node_modules/vecgrad'), VECGRAD_COUNTS: '' };
  succeed([process.execPath, join(root, 'scripts/test.mjs'), ...nativeTestFiles()], root, env);
});

test('the command line trains', () => {
  const { stdout } = succeed([bin, 'train', 'rnn', '--steps', '20', '--json'], user);
  checkLosses(JSON.parse(stdout).losses);
});

test('the command line starts from code that its first training cached', () => {
  const cli = join(user, 'node_modules/vecgrad/dist/cli.cjs');
  const code = `process.argv.push('vecgrad', '--version');
    const { cachedDataRejected } = require(${JSON.stringify(cli)}).launch();
    if (cachedDataRejected !== false) throw new Error('no cache, or one that V8 refused');`;
  succeed([process.execPath, '--eval', code], user);
});

test('vecgrad info --json', () => {
  const { stdout } = succeed([bin, 'info', '--json'], user);
  assert.equal(JSON.parse(stdout).version, version());
});

test('vecgrad data names tries to fetch them', () => {
  const env = { ...process.env, no_proxy: '*' };
  const { status, stderr } = start([bin, 'data', 'names', '--url', 'http://127.0.0.1:1'], user, env);
  assert.equal(
    stderr,
    'vecgrad: cannot fetch http://127.0.0.1:1/: the connection was refused (ECONNREFUSED)\n',
  );
  assert.equal(status, 1);
});

for (const script of ['train.mjs', 'train.cjs']) {
  test(script, () => {
    cpSync(join(root, 'test/package', script), join(user, script));
    process.stdout.write(succeed([process.execPath, script], user).stdout);
  });
}

test('the example in the README runs', () => {
  const example = /```js\n([^]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1];
  assert.ok(example !== undefined, 'the README has no example');
  writeFileSync(join(user, 'example.mjs'), example);
  process.stdout.write(succeed([process.execPath, 'example.mjs'], user).stdout);
});

// The newest rules of module resolution, and the oldest that support `exports`.
for (const { script, module } of [
  { script: 'types.mts', module: 'nodenext' },
  { script: 'types.cts', module: 'node16' },
]) {
  test(`${script}, module ${module}`, () => {
    cpSync(join(root, 'test/package', script), join(user, script));
    succeed([process.execPath, tsc, '--module', module, '--strict', '--noEmit', script], user);
  });
}

// ---- By every package manager

/**
 * The package managers to test, besides the npm that runs this, by package; each with the newest LTS version
 * of Node on npm.
 */
const CLIENTS = [
  { name: 'npm 12', package: 'npm@12.2.2', add: ['bin/npm-cli.js', 'install'] },
  {
    name: 'pnpm 11',
    package: 'pnpm@11.28.11',
    add: ['bin/pnpm.mjs', 'add', '--store-dir', join(folder, 'pnpm-11')],
  },
  {
    name: 'pnpm 12',
    package: `@pnpm/exe.linux-${process.arch}@12.21.0`,
    program: 'pnpm',
    add: ['add', '--store-dir', join(folder, 'pnpm-12')],
  },
  {
    name: 'Yarn 4',
    package: '@yarnpkg/cli-dist@4.18.1',
    add: ['bin/yarn.js', 'add'],
    run: ['bin/yarn.js', 'node'],
  },
  {
    name: 'Bun',
    package: `@oven/bun-linux-${process.arch === 'x64' ? 'x64' : 'aarch64'}@1.4.4`,
    program: 'bin/bun',
    add: ['add'],
  },
];

for (const [i, client] of CLIENTS.entries()) {
  test(`${client.name} installs it, runs nothing of it and warns of nothing`, () => {
    const home = join(folder, `client-${String(i)}`);
    makeProject(home);
    succeed(npm('install', '--ignore-scripts', '--no-audit', '--no-fund', client.package), home);
    const place = join(home, 'node_modules', client.package.replace(/(?!^)@.*/, ''));
    const node = nodeProgram(24);
    const env = {
      ...process.env,
      PATH: `${dirname(node)}:${process.env['PATH'] ?? ''}`,
      YARN_ENABLE_GLOBAL_CACHE: '0',
      YARN_ENABLE_TELEMETRY: '0',
      BUN_INSTALL_CACHE_DIR: join(folder, 'bun'),
    };
    /** @param {readonly string[]} args @returns {[string, ...string[]]} */
    const command = ([first = '', ...rest]) =>
      client.program === undefined
        ? [node, join(place, first), ...rest]
        : [join(place, client.program), first, ...rest];
    // not below home, or Yarn would treat them as one project
    const project = join(folder, `project-${String(i)}`);
    makeProject(project);
    cpSync(join(root, 'test/package/train.cjs'), join(project, 'train.cjs'));
    const { stdout, stderr } = succeed(command([...client.add, tarball()]), project, env);
    // In Yarn's output YN0004 and YN0005 mean a disabled build script, YN0007 one that runs.
    assert.doesNotMatch(stdout + stderr, /scripts?\b|builds?\b|gyp|YN000[457]/i);
    const script = client.run === undefined ? [node, 'train.cjs'] : command([...client.run, 'train.cjs']);
    const { stdout: trained } = succeed(/** @type {[string, ...string[]]} */ (script), project, env);
    assert.match(trained, /loss [\d.]+ after 20 steps/);
    assert.ok(!existsSync(join(project, 'node_modules/vecgrad/build')));
  });
}

// ---- Prebuilt

test('npm installs it, runs nothing of it and warns of nothing', () => {
  const { stdout, stderr } = install(bare);
  assert.doesNotMatch(stdout + stderr, /scripts?\b/i);
  assert.ok(!existsSync(join(bare, 'node_modules/vecgrad/build')));
  cpSync(join(root, 'test/package/prebuilt.mjs'), join(bare, 'prebuilt.mjs'));
});

test('it trains where there is nothing but Node and its libraries', () => {
  const place = join(folder, 'root');
  cpSync(bare, join(place, 'prebuilt'), { recursive: true });
  for (const file of [process.execPath, ...librariesOf(process.execPath)]) {
    cpSync(file, join(place, file), { dereference: true });
  }
  const chroot = process.getuid?.() === 0 ? ['chroot'] : ['unshare', '--map-root-user', 'chroot'];
  checkPrebuilt(process.arch, ...chroot, place, process.execPath, '/prebuilt/prebuilt.mjs');
});

for (const { name, cpu, isa } of [
  // AMD's first 64-bit processor: SSE2 and nothing newer.
  { name: 'x86_64', cpu: 'qemu64,+3dnow,-pni', isa: 'scalar' },
  { name: 'aarch64', cpu: 'cortex-a57', isa: 'neon' },
  { name: 'riscv64', cpu: 'rv64,v=true,vext_spec=v1.0,vlen=128', isa: 'rvv' },
]) {
  test(`it trains on ${name}, ${cpu}`, () => {
    needPackages(['qemu-user']);
    const { node } = architecture(name);
    const sysroot = join(folderOf(name), 'sysroot');
    // The addon may have been built on another machine.
    if (node !== process.arch && !existsSync(sysroot)) buildArchitecture(name);
    const program = node === process.arch ? [process.execPath] : [join(sysroot, 'usr/bin/node')];
    const emulator = [`qemu-${name}`, '-cpu', cpu, '-L', node === process.arch ? '/' : sysroot];
    const { chosen } = checkPrebuilt(node, ...emulator, ...program, 'prebuilt.mjs');
    assert.equal(chosen, isa);
  });
}

for (const { what, env, says } of [
  {
    what: 'of another C library',
    env: { LIBC: 'musl' },
    says: /-\w+, musl .*, Node v.* Prebuilt here: linux-arm64 \(glibc\), /,
  },
  {
    what: 'of another architecture',
    env: { npm_config_arch: 's390x' },
    says: /there is no addon for it\. Prebuilt here: linux-arm64 /,
  },
]) {
  test(`without a prebuilt addon, on a machine ${what}, the error says so`, () => {
    checkMissing({ ...process.env, ...env }, says);
  });
}

test('where the prebuilt addon was deleted, the error says so', () => {
  const machine = `${process.platform}-${process.arch}`;
  const prebuilds = join(bare, 'node_modules/vecgrad/prebuilds');
  rmSync(join(prebuilds, machine), { recursive: true });
  checkMissing(process.env, new RegExp(`on ${machine}, glibc [\\d.]+, Node ${process.version} `));
  rmSync(prebuilds, { recursive: true });
  checkMissing(process.env, /Prebuilt here: none\./);
});

// ---- What is not published

const newer = 'extern "C" unsigned arc4random(); unsigned f() { return arc4random(); }';
for (const { what, file, name = 'x86_64', says } of [
  {
    what: 'of another architecture',
    file: join(prebuildFolder('x86_64'), FILES['vecgrad.node']),
    name: 'aarch64',
    says: /is for .*X86-64, not aarch64/,
  },
  {
    what: 'that needs the C++ library',
    file: join(user, 'node_modules/vecgrad/build/Release/vecgrad.node'),
    says: /asks for GLIBCXX_/,
  },
  { what: 'that needs a newer C library', file: compiled(newer), says: /asks for GLIBC_2\.36/ },
  { what: 'with its symbols', file: compiled(newer), says: /is not stripped/ },
]) {
  test(`an addon ${what} is found`, () => {
    assert.match(complaintsOf(file, name).join('\n'), says);
  });
}

test('npm publishes nothing without the prebuilt addons, nor with old ones, but packs', () => {
  const copy = join(folder, 'checkout');
  const left = /^(node_modules|build|dist|\..*)$/;
  for (const name of readdirSync(root).filter((each) => !left.test(each))) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  const refused = (/** @type {RegExp} */ why) => {
    const { status, stdout, stderr } = start(npm('publish', '--dry-run'), copy);
    assert.notEqual(status, 0);
    assert.match(`${stdout}${stderr}`, why);
  };
  appendFileSync(join(copy, 'native/node/addon.cpp'), '\n');
  refused(/linux-x64 was built from other sources/);
  rmSync(join(copy, 'prebuilds/linux-arm64/vecgrad_openblas.so'));
  refused(/linux-arm64\/vecgrad_openblas\.so is missing/);
  rmSync(join(copy, 'prebuilds'), { recursive: true });
  refused(/linux-riscv64\/vecgrad\.glibc\.node is missing/);
  succeed(npm('pack', '--dry-run', '--ignore-scripts'), copy); // `npm pack` needs no prebuilds
});

rmSync(folder, { recursive: true });
endCases();

/**
 * @param {readonly [string, ...string[]]} command
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} [env]
 */
function start([command, ...args], cwd, env = process.env) {
  return spawnSync(command, args, { cwd, env, encoding: 'utf8', maxBuffer: 1 << 28 });
}

/**
 * @param {readonly [string, ...string[]]} command
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} [env]
 */
function succeed(command, cwd, env) {
  const result = start(command, cwd, env);
  if (result.status === 0) return result;
  throw new Error(`${command.join(' ')}\n${result.stdout}${result.stderr}`);
}

/** @param {string} place */
function makeProject(place) {
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{ "private": true }\n');
}

/** @param {string} place */
function install(place) {
  makeProject(place);
  return succeed(npm('install', '--no-audit', '--no-fund', tarball()), place);
}

/**
 * Runs test/package/prebuilt.mjs in the package as installed: with only the prebuilt addon it trains as the
 * addon built from source does, and OpenBLAS computes a large product.
 *
 * @param {string} node the architecture's name in Node
 * @param {string} program
 * @param {...string} args
 */
function checkPrebuilt(node, program = '', ...args) {
  const env = { ...process.env };
  delete env['VECGRAD_ISA'];
  delete env['OPENBLAS_CORETYPE']; // it would apply to this machine's processor
  const { stdout } = succeed([program, ...args], bare, env);
  const { losses, trained, multiplying, chosen } = JSON.parse(stdout);
  checkLosses(losses);
  cpSync(join(bare, 'prebuilt.mjs'), join(user, 'prebuilt.mjs'));
  const reference = succeed([process.execPath, 'prebuilt.mjs'], user, env);
  JSON.parse(reference.stdout).losses.forEach((/** @type {number} */ loss, /** @type {number} */ i) => {
    assert.ok(Math.abs(losses[i] - loss) <= 1e-9, `loss ${String(i + 1)}: ${losses[i]}, not ${String(loss)}`);
  });
  const files = Object.values(FILES).map((file) => `/vecgrad/prebuilds/linux-${node}/${file}`);
  const ends = (/** @type {string[]} */ paths) =>
    paths.map((path) => path.slice(path.indexOf('/vecgrad/'))).sort();
  assert.deepEqual(ends(multiplying), files.sort());
  // Without vector instructions, OpenBLAS also computes smaller products.
  if (chosen !== 'scalar') assert.deepEqual(ends(trained), [files[0]]);
  return { chosen };
}

/**
 * Checks that the command line explains why it cannot start, and how to build the addon.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {RegExp} says
 */
function checkMissing(env, says) {
  const { status, stderr } = start([bin, 'train', 'rnn'], bare, env);
  assert.notEqual(status, 0);
  assert.match(stderr, says);
  assert.match(stderr, /Build it with: npx vecgrad build /);
  assert.doesNotMatch(stderr, /^\s+at /m, 'a stack trace');
}

/**
 * The shared libraries that a program loads at start.
 *
 * @param {string} program
 */
function librariesOf(program) {
  const { stdout } = succeed(['ldd', program], root);
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
}

/**
 * Compiles C++ to a shared library.
 *
 * @param {string} code
 */
function compiled(code) {
  const source = join(folder, 'library.cpp');
  writeFileSync(source, code);
  succeed(['c++', '-shared', '-fPIC', '-o', `${source}.so`, source], folder);
  return `${source}.so`;
}

function tarball() {
  const name = readdirSync(folder).find((file) => file.endsWith('.tgz'));
  assert.ok(name !== undefined, 'there is no tarball');
  return join(folder, name);
}

function version() {
  return /vecgrad-([^/]+)\.tgz$/.exec(tarball())?.[1];
}

/** @param {unknown} losses */
function checkLosses(losses) {
  assert.ok(Array.isArray(losses) && losses.length === 20, 'one loss a step');
  assert.ok(losses.every(Number.isFinite), `losses ${losses.join(' ')}`);
}
