/**
 * Tests the command line and the library on every supported version of Node. Each command prints the same on
 * all of them, with nothing on standard error, or one sentence where its arguments are wrong. V8's code cache
 * is written once for each model and used, and a cache that cannot be used or written changes nothing else.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endCases, test } from './cases.mjs';
import { nodeProgram, NODES } from './node-versions.mjs';
import { root, setup } from './setup.mjs';

await setup();

const folder = mkdtempSync(join(tmpdir(), 'vecgrad-nodes-'));
chmodSync(folder, 0o755); // another user must be able to read it
// As in an installation: not a checkout, and without a cache. node-gyp-build finds the addon in build/.
const installed = join(folder, 'node_modules/vecgrad');
const dist = join(installed, 'dist');
for (const name of ['package.json', 'data', 'scripts/build-addon.mjs', 'scripts/toolchain.mjs']) {
  cpSync(join(root, name), join(installed, name), { recursive: true });
}
cpSync(join(root, 'dist'), dist, { recursive: true, filter: (path) => !path.endsWith('.cache') });
mkdirSync(join(installed, 'build/Release'), { recursive: true });
for (const name of ['vecgrad.node', 'vecgrad_openblas.so']) {
  cpSync(join(root, 'build/Release', name), join(installed, 'build/Release', name));
}
for (const name of ['node-addon-api', 'node-gyp-build']) {
  cpSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true });
}
const cli = join(dist, 'cli.cjs');
writeFileSync(
  join(folder, 'names.txt'),
  'anna\nbob\ncarla\ndora\nemil\nfrieda\ngustav\nhanna\nida\njan\nkarl\n',
);

const SMALL = ['--input', 'names.txt', '--json'];

/** @type {[string, ...string[]][]} commands that succeed; those later may read what earlier ones saved */
const RIGHT = [
  ['--version'],
  ['--help'],
  ['help', 'train'],
  ['train', '--help'],
  ['bench', '--help'],
  ['train', 'scalar', '--n-embd', '4', '--steps', '5', ...SMALL],
  ['train', 'vector', '--steps', '200', ...SMALL],
  ['train', 'rnn', '--steps', '200', '--dtype', 'float32', ...SMALL],
  ['train', 'rnn_att', '--steps', '20', '--isa', 'scalar', ...SMALL],
  ['train', 'vector', '--steps', '10', '--batch', '8', ...SMALL],
  ['train', 'rnn', '--steps', '20', '--save', 'saved.safetensors', ...SMALL],
  ['train', 'rnn', '--steps', '40', '--save', 'saved.safetensors', '--resume', ...SMALL],
  ['train', 'vector', '--explain'],
  ['sample', 'saved.safetensors', '--prefix', 'an', '--json'],
  ['eval', 'saved.safetensors', '--input', 'names.txt', '--json'],
  ['compare', '--steps', '5', ...SMALL],
  ['compare', '--steps', '2', '--input', 'names.txt'],
  ['graph', 'rnn', '--data', '--input', 'names.txt'],
  ['graph', 'vector', '--mermaid'],
  ['info'],
  ['info', '--json'],
  ['data', '--help'],
  ['build'],
];

/** @type {{ args: string[], code?: number }[]} commands that fail, with one sentence */
const WRONG = [
  { args: [] },
  { args: ['trian'] },
  { args: ['--json'] },
  { args: ['train'] },
  { args: ['train', 'gpt'] },
  { args: ['train', 'rnn', '--stepz', '5'] },
  { args: ['train', 'rnn', '--steps', '0'] },
  { args: ['train', 'rnn', '--isa', 'none'] },
  { args: ['train', 'rnn', '--input', 'absent.txt'], code: 1 },
  { args: ['compare', 'rnn'] },
  { args: ['sample'] },
  { args: ['sample', 'absent.safetensors'], code: 1 },
  { args: ['sample', 'names.txt'], code: 1 },
  { args: ['eval', 'saved.safetensors'] },
  { args: ['graph', 'rnn', '--positions', '0'] },
  { args: ['data', 'numbers'] },
  { args: ['info', '--steps', '5'] },
  { args: ['bench', '--absent'] },
  { args: ['bench', 'compare', 'absent.json'], code: 1 },
  { args: ['build', 'it'] },
];

const LIBRARY = `
  const w = parameter([0.5, -0.25]);
  const loss = input('x', [2]).mul(w).sum().pow(2);
  const training = new Adam({ learningRate: 0.1 }).minimize(loss);
  console.log(JSON.stringify([1, 2, 3].map((step) => training.step({ x: [step, 1] }))), w.data);`;
const NAMES = '{ Adam, input, parameter }';
/** @type {[string, ...string[]][]} */
const SCRIPTS = [
  ['--input-type=commonjs', '--eval', `const ${NAMES} = require('vecgrad');${LIBRARY}`],
  ['--input-type=module', '--eval', `import ${NAMES} from 'vecgrad';${LIBRARY}`],
  ['--input-type=module', '--eval', `const ${NAMES} = await import('vecgrad');${LIBRARY}`],
];

const majors = /** @type {(keyof typeof NODES)[]} */ (Object.keys(NODES).map(Number));
/** What the first version prints, by command. @type {Map<string, string>} */
const expected = new Map();

for (const major of majors) {
  // A copy that another user can read.
  const program = join(folder, `node-${String(major)}`);
  cpSync(nodeProgram(major), program);
  console.log(
    `  Node ${NODES[major]}, V8 ${start([program, '--print', 'process.versions.v8']).stdout.trim()}`,
  );

  test('help, versions and what is no training write no cache', () => {
    for (const args of RIGHT.slice(0, 5)) start([program, cli, ...args]);
    start([program, cli, 'train', 'rnn', '--steps', '0']);
    assert.deepEqual(cachesOf(major), []);
  });

  // First without a cache, then with one.
  for (const { turn, commands } of [
    { turn: 'first', commands: RIGHT },
    {
      turn: 'again',
      commands: RIGHT.filter(([name]) => ['train', 'sample', 'eval'].includes(name)),
    },
  ]) {
    test(`${String(commands.length)} commands print nothing on standard error, ${turn}`, () => {
      rmSync(join(folder, 'saved.safetensors'), { force: true });
      for (const args of commands) {
        const { status, stdout, stderr } = start([program, cli, ...args]);
        const said = `vecgrad ${args.join(' ')}`;
        assert.deepEqual([stderr, status], ['', 0], said);
        assert.notEqual(stdout, '', said);
        // The machine's report contains the version of Node.
        if (args[0] !== 'info') isAsExpected(said, withoutTimes(stdout));
      }
      const written = cachesOf(major).map((path) => /-(\w+)\.cache$/.exec(path)?.[1]);
      assert.deepEqual(written.sort(), ['compare', 'rnn', 'rnn_att', 'scalar', 'vector']);
    });
  }

  test(`${String(WRONG.length)} commands that fail print one sentence`, () => {
    for (const { args, code = 2 } of WRONG) {
      const { status, stdout, stderr } = start([program, cli, ...args]);
      const said = `vecgrad ${args.join(' ')}`;
      assert.match(stderr, /^vecgrad: [^\n]+\n$/, said);
      assert.deepEqual([stdout, status], ['', code], said);
      isAsExpected(said, stderr);
    }
  });

  test('the library, by require and by import', () => {
    for (const args of SCRIPTS) {
      const { status, stdout, stderr } = start([program, ...args]);
      assert.deepEqual([stderr, status], ['', 0]);
      isAsExpected('the library', stdout);
    }
  });

  test('the cache that a training wrote is taken by the next', () => {
    for (const model of ['scalar', 'vector', 'rnn', 'rnn_att'])
      assert.equal(rejected(program, ['train', model, '--steps', '1', ...SMALL]), false, model);
    assert.equal(rejected(program, ['compare', '--steps', '1', ...SMALL]), false);
    assert.equal(rejected(program), false, 'another command takes any');
  });

  test('a cache that is damaged is refused, and written anew', () => {
    const [cache = ''] = cachesOf(major).filter((path) => path.endsWith('-rnn.cache'));
    for (const content of [Buffer.alloc(0), Buffer.alloc(1000), readFileSync(cache).subarray(0, 99_999)]) {
      writeFileSync(cache, content);
      const { status, stderr } = start([program, cli, 'train', 'rnn', '--steps', '5', ...SMALL]);
      assert.deepEqual([stderr, status], ['', 0]);
      assert.equal(rejected(program, ['train', 'rnn', '--steps', '5', ...SMALL]), false);
    }
  });

  test('several first trainings at once leave one cache, whole', () => {
    for (const cache of cachesOf(major)) rmSync(cache);
    const one = `"${program}" "${cli}" train rnn --steps 5 --input names.txt >/dev/null`;
    const { status, stderr } = start(['sh', '-c', `${`${one} & `.repeat(6)} wait`]);
    assert.deepEqual([stderr, status], ['', 0]);
    assert.equal(cachesOf(major).length, 1);
    assert.equal(rejected(program), false);
  });

  test('where the folder cannot be written to, nothing is missing but the cache', () => {
    for (const cache of cachesOf(major)) rmSync(cache);
    // root can write anywhere, so this runs as another user.
    const other = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const { mode } = statSync(dist);
    chmodSync(dist, 0o555);
    try {
      const train = [program, cli, 'train', 'rnn', '--steps', '5', '--input', 'names.txt'];
      const { status, stderr } = start(train, other);
      assert.deepEqual([stderr, status], ['', 0]);
      assert.deepEqual(cachesOf(major), []);
    } finally {
      chmodSync(dist, mode);
    }
    start([program, cli, 'train', 'rnn', '--steps', '5', ...SMALL]);
    assert.equal(rejected(program, undefined, other), false, "another user takes the first one's");
  });
  rmSync(program);
}

rmSync(folder, { recursive: true });
endCases();

/**
 * @param {string[]} command
 * @param {{ uid?: number, gid?: number }} [user]
 */
function start([command = '', ...args], user = {}) {
  // Without environment variables that apply to every Node, such as flags or Node's own compile cache.
  const env = { ...process.env };
  delete env['NODE_OPTIONS'];
  delete env['NODE_COMPILE_CACHE'];
  return spawnSync(command, args, { cwd: folder, env, encoding: 'utf8', maxBuffer: 1 << 26, ...user });
}

/**
 * Whether V8 rejects the cache that `vecgrad` gives it for a command; undefined where there is none.
 *
 * @param {string} program
 * @param {readonly string[]} [command]
 * @param {{ uid?: number, gid?: number }} [user]
 */
function rejected(program, command = ['--version'], user) {
  const code = `process.argv.push('vecgrad', ...${JSON.stringify(command)});
    console.log(String(require(${JSON.stringify(cli)}).launch().cachedDataRejected));`;
  const { stdout } = start([program, '--eval', code], user);
  const answer = /^(true|false)$/m.exec(stdout)?.[1];
  return answer === undefined ? undefined : answer === 'true';
}

/**
 * The caches of a version of Node.
 *
 * @param {keyof typeof NODES} major
 */
function cachesOf(major) {
  const named = readdirSync(dist).filter((name) => name.includes(`-v${NODES[major]}-`));
  return named.map((name) => join(dist, name));
}

/**
 * A command's output without the times and the version of Node.
 *
 * @param {string} printed
 */
function withoutTimes(printed) {
  return printed
    .replace(/"seconds":\{[^}]*\},"microsecondsPerStep":[^,}]*/g, '')
    .replace(/"node":"[^"]*"|"napiVersion":\d+|Node v[\d.]+/g, '')
    .replace(/ +[\d.,]+ s +[\d.,]+ +/g, ' '); // columns of the table
}

/**
 * @param {string} said
 * @param {string} printed
 */
function isAsExpected(said, printed) {
  const first = expected.get(said);
  if (first === undefined) expected.set(said, printed);
  else assert.equal(printed, first, `${said}: not what Node ${NODES[20]} prints`);
}
