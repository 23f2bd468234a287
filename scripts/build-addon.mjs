/**
 * `vecgrad build`: compiles the native addon of an installed vecgrad with node-gyp, if none loads, and puts
 * it into build/Release/, where node-gyp-build looks first.
 *
 *     node scripts/build-addon.mjs [--force]    --force: compile even if an addon loads
 *
 * The package has no install script, because pnpm, npm, Yarn, Bun and Deno refuse it or warn. binding.gyp
 * lies in native/ because pnpm and Yarn run node-gyp for every package with a binding.gyp at its root, even
 * if its package.json says `gypfile: false`.
 */
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { advice, missing, names, nodeHeaders, openblasPaths } from './toolchain.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The addon cannot be built; the message says why and what to do. */
class BuildFailure extends Error {}

try {
  build(process.argv.includes('--force'));
} catch (error) {
  if (!(error instanceof BuildFailure)) throw error;
  console.error(`vecgrad: ${error.message}`);
  process.exitCode = 1;
}

/** @param {boolean} force */
function build(force) {
  if (existsSync(join(root, 'tsconfig.json'))) {
    throw new BuildFailure('this is a checkout, not an installed package: build it with npm run build');
  }
  if (!force && loadFailure() === undefined) {
    console.log('vecgrad: the native addon loads, so there is nothing to build (--force builds it anyway)');
    return;
  }
  const lacking = missing(['compiler', 'make', 'python3', 'openblas']);
  if (lacking.length > 0) {
    throw new BuildFailure(
      `compiling the native addon needs ${names(lacking)}. Install with\n${advice(lacking)}\nthen run ` +
        'again: npx vecgrad build',
    );
  }
  const [command, ...args] = nodeGyp();
  const folder = buildFolder();
  try {
    cpSync(join(root, 'native'), folder, { recursive: true });
    console.log('vecgrad: compiling the native addon with node-gyp (it takes a minute or two)');
    const { status, signal, error } = spawnSync(command, [...args, 'rebuild', '--jobs', 'max'], {
      cwd: folder,
      env: buildEnvironment(),
      stdio: 'inherit',
    });
    if (status !== 0) {
      const why = error?.message ?? (signal === null ? `exit code ${String(status)}` : signal);
      throw new BuildFailure(`node-gyp failed (${why}): see its messages above`);
    }
    // Move the addon last: once it is there, another process may load it, and with it the library beside it.
    mkdirSync(join(root, 'build/Release'), { recursive: true });
    for (const file of ['vecgrad_openblas.so', 'vecgrad.node']) {
      renameSync(join(folder, 'build/Release', file), join(root, 'build/Release', file));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const failure = loadFailure();
  if (failure !== undefined) {
    throw new BuildFailure(`the native addon was compiled, but does not load: ${failure}`);
  }
  console.log('vecgrad: the native addon is compiled, and loads');
}

/**
 * Why no addon loads, in one line; undefined where one does. Checks in a child process, since loading may
 * crash.
 */
function loadFailure() {
  const code = `require(${JSON.stringify(createRequire(import.meta.url).resolve('node-gyp-build'))})(${JSON.stringify(root)})`;
  const { status, signal, stderr } = spawnSync(process.execPath, ['--eval', code], {
    encoding: 'utf8',
  });
  if (status === 0) return undefined;
  return /^(?:\w*Error: )(.*)$/m.exec(stderr)?.[1] ?? signal ?? `exit code ${String(status)}`;
}

/** Makes an empty folder inside the package for this build only: several builds may run at once. */
function buildFolder() {
  try {
    accessSync(root, constants.W_OK);
    return mkdtempSync(join(root, '.build-'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BuildFailure(`cannot write into the package's folder ${root}: ${reason}`);
  }
}

function buildEnvironment() {
  const headers = nodeHeaders();
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, ...openblasPaths() };
  // If the user has set npm's `nodedir`, it takes precedence.
  if (headers !== undefined) env['npm_config_nodedir'] ??= headers;
  // binding.gyp runs `node` to locate node-addon-api: make sure that it is this Node.
  env['PATH'] = [dirname(process.execPath), env['PATH'] ?? ''].join(delimiter);
  return env;
}

/**
 * The command that runs node-gyp: the one that npm sets, else the project's, else that of an installed npm,
 * else the one on the path.
 *
 * @returns {[string, ...string[]]}
 */
function nodeGyp() {
  const script = 'node_modules/node-gyp/bin/node-gyp.js';
  const candidates = [
    process.env['npm_config_node_gyp'],
    join(process.cwd(), script),
    ...npmFolders().map((folder) => join(folder, script)),
  ];
  const found = candidates.find((path) => path !== undefined && existsSync(path));
  if (found !== undefined) return [process.execPath, found];
  if (spawnSync('node-gyp', ['--version'], { stdio: 'ignore' }).status === 0) return ['node-gyp'];
  throw new BuildFailure(
    'node-gyp, which compiles addons and comes with npm, was not found: install npm, or run npm ' +
      'install --global node-gyp, then run again: npx vecgrad build',
  );
}

/**
 * The folders of the npm that runs this script, of the one on the path, and of the one that came with this
 * Node.
 */
function npmFolders() {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'npm'));
  const commands = [process.env['npm_execpath'], ...onPath].flatMap((path) => {
    try {
      return path === undefined ? [] : [realpathSync(path)];
    } catch {
      return []; // There is no such command.
    }
  });
  // The command is a link to npm/bin/npm-cli.js.
  const folders = commands.map((path) => dirname(dirname(path)));
  return [...folders, join(dirname(dirname(process.execPath)), 'lib/node_modules/npm')];
}
