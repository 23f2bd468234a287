/**
 * Tests what users get: packs the package, installs the tarball into empty folders, with install
 * scripts (which build the addon through binding.gyp) and without, and uses it there from the
 * command line, ES modules, CommonJS and TypeScript.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reportCounts } from './counts.mjs';
import { npm, root } from './setup.mjs';

const folder = mkdtempSync(join(tmpdir(), 'vecgrad-package-'));
const user = join(folder, 'user');
const bare = join(folder, 'without-scripts');
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const bin = 'node_modules/.bin/vecgrad';
const counts = { passed: 0, failed: 0 };

test('npm pack', () => {
  succeed(npm('pack', '--pack-destination', folder), root);
  tarball();
});

test('the tarball installs and builds through binding.gyp', () => {
  install(user);
  assert.ok(existsSync(join(user, 'node_modules/vecgrad/build/Release/vecgrad.node')));
});

test('the tests of the library pass on that build', () => {
  const env = { ...process.env, VECGRAD_PREBUILD: join(user, 'node_modules/vecgrad') };
  const mocha = join(root, 'node_modules/mocha/bin/mocha.js');
  succeed([process.execPath, mocha, '--reporter', 'dot'], root, env);
});

test('the command line trains', () => {
  const { stdout } = succeed([bin, 'train', 'rnn', '--steps', '20', '--json'], user);
  checkLosses(JSON.parse(stdout).losses);
});

test('the command line starts from code cached by the installation', () => {
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

// The newest rules of module resolution, and the oldest that know `exports`.
for (const { script, module } of [
  { script: 'types.mts', module: 'nodenext' },
  { script: 'types.cts', module: 'node16' },
]) {
  test(`${script}, module ${module}`, () => {
    cpSync(join(root, 'test/package', script), join(user, script));
    succeed([process.execPath, tsc, '--module', module, '--strict', '--noEmit', script], user);
  });
}

test('without install scripts the error says what is missing', () => {
  install(bare, '--ignore-scripts');
  const { status, stderr } = start([bin, 'train', 'rnn'], bare);
  assert.notEqual(status, 0);
  assert.match(stderr, /npm rebuild vecgrad/);
  assert.doesNotMatch(stderr, /^\s+at /m, 'a stack trace');
});

rmSync(folder, { recursive: true });
reportCounts(counts);
process.exitCode = counts.failed === 0 ? 0 : 1;

/**
 * @param {string} name
 * @param {() => void} body
 */
function test(name, body) {
  const begin = performance.now();
  try {
    body();
    counts.passed++;
    console.log(`  ok      ${name} (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
  } catch (error) {
    counts.failed++;
    console.log(`  FAILED  ${name}\n${error instanceof Error ? error.message : String(error)}`);
  }
}

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

/**
 * @param {string} place
 * @param {...string} options
 */
function install(place, ...options) {
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{ "private": true }\n');
  succeed(npm('install', '--no-audit', '--no-fund', ...options, tarball()), place);
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
