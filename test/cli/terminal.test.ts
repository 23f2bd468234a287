/**
 * What reaches a terminal: whatever names, texts and variables hold, the command line prints no code that
 * a terminal would act on, nor what hides or turns text, and says what is wrong on one line of bounded
 * length.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bench } from '../../lib/cli/bench.js';
import { vecgrad, type Said } from '../support/command-line.js';
import { shellWord } from '../../lib/terminal/format.js';
import { Tokenizer } from '../../lib/study/tokenizer.js';
import { clipped, escaped, jsonText, quoted } from '../../lib/core/escape.js';
import { buildModel } from '../../lib/study/build-model.js';
import type { Value } from '../../lib/value/value.js';
import { stack } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { packageRoot } from '../../lib/core/package.js';
import { shown } from '../../lib/core/check.js';
import { kernels } from '../../lib/runtime/kernels.js';
import { missingAddon } from '../../lib/binding/load-error.js';
import { saveModel } from '../../lib/study/model-file.js';
import { SGD } from '../../lib/optim/optimizers.js';
import type { Training } from '../../lib/optim/training.js';
import { compile } from '../../lib/value/compile.js';
import { Random } from '../../lib/runtime/random.js';
import { saveWeights } from '../../lib/weights/weights.js';

/** C0, DEL, C1, bidirectional controls, separators, a byte order mark, a tag: as a file may be called. */
const HOSTILE =
  'a\x1b[31m\x07\b\x7f\x85\x9b31m\u061c\u200b\u200e\u200f\u202a\u202e' +
  '\u2028\u2029\u2066\u2069\ufeff\u{e0041}\r\nz';
const UNSAFE = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
/** More than any message of ours. */
const MAX_LENGTH = 12_000;

/** The command line, with variables of the environment. */
async function vecgradIn(env: Readonly<Record<string, string>>, argv: readonly string[]): Promise<Said> {
  const before = Object.keys(env).map((key) => [key, process.env[key]] as const);
  Object.assign(process.env, env);
  try {
    return await vecgrad(argv, { bench: () => Promise.resolve(bench) });
  } finally {
    for (const [key, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, key);
      else process.env[key] = value;
    }
  }
}

describe('a terminal gets no codes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-terminal-'));
  after(() => rmSync(folder, { recursive: true }));
  const file = (name: string, content: string | Buffer): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const names = file('names.txt', 'anna\nbob\ncarla\n');
  const lines = file('lines.txt', `${HOSTILE.replace(/[\r\n]/g, '')}\nb\u202ec\u2066\x1b[2J\nd\n`);
  const none = join(folder, `none ${HOSTILE}`);
  const empty = file(`empty ${HOSTILE}`, '');
  const text = file(`text ${HOSTILE}`, 'this is no file of ours');
  const sole = file(`sole ${HOSTILE}`, 'x\x1bx\n'.replaceAll('x', ''));
  const directory = join(folder, `folder ${HOSTILE}`);
  mkdirSync(directory);
  const dangling = join(folder, `dangling ${HOSTILE}`);
  symlinkSync(`to ${HOSTILE}`, dangling);
  const model = join(folder, 'model.safetensors');
  const tokenizer = new Tokenizer([HOSTILE]);
  const sizes = { blockSize: 6, nEmbd: 4, nState: 6 };
  saveModel(model, buildModel('rnn', tokenizer.vocabSize, sizes, new Random(1)), tokenizer);
  const json = (content: string): string => file('report.json', content);

  const rows: [argv: () => string[], code: number, env?: Record<string, string>][] = [
    [() => [HOSTILE], 2],
    [() => [`--${HOSTILE}`], 2],
    [() => ['help', HOSTILE], 2],
    [() => ['--version', HOSTILE], 2],
    [() => ['help', 'train', HOSTILE], 2],
    [() => ['info', HOSTILE], 2],
    [() => ['info'], 1, { VECGRAD_ISA: HOSTILE }],
    [() => ['info', '--json'], 1, { VECGRAD_ISA: HOSTILE }],
    [() => ['compare', HOSTILE], 2],
    [() => ['compare', '--input', none], 1],
    [() => ['compare', '--steps', '1'], 1, { VECGRAD_ISA: HOSTILE }],
    [() => ['compare', '--input', lines, '--steps', '2'], 0],
    [() => ['compare', '--input', lines, '--steps', '2', '--json'], 0],
    [() => ['train', HOSTILE], 2],
    [() => ['train', 'rnn', HOSTILE], 2],
    [() => ['train', 'rnn', `--${HOSTILE}`], 2],
    [() => ['train', 'rnn', `--${HOSTILE}=${HOSTILE}`], 2],
    ...[
      'steps',
      'seed',
      'dtype',
      'isa',
      'lr',
      'batch',
      'threads',
      'n-embd',
      'samples',
      'temperature',
      'passes',
      'every',
    ].map((option): [() => string[], number] => [
      () => ['train', 'rnn', `--${option}`, HOSTILE, '--input', names],
      2,
    ]),
    ...[none, empty, text, sole, directory, dangling].map((path): [() => string[], number] => [
      () => ['train', 'rnn', '--input', path],
      1,
    ]),
    [() => ['train', 'rnn', '--input', none], 1, { VECGRAD_DEBUG: '1' }],
    [() => ['train', 'rnn', '--input', names, '--steps', '1'], 1, { VECGRAD_ISA: HOSTILE }],
    [() => ['train', 'rnn', '--input', names, '--steps', '1'], 1, { VECGRAD_THREADS: HOSTILE }],
    [() => ['info'], 1, { VECGRAD_THREADS: HOSTILE }],
    [() => ['train', 'rnn', '--input', lines, '--steps', '2'], 0],
    [() => ['train', 'rnn', '--input', lines, '--steps', '2', '--json'], 0],
    [() => ['train', 'rnn', '--input', lines, '--explain'], 0],
    [() => ['train', 'rnn', '--input', lines, '--explain', '--json'], 0],
    [() => ['train', 'rnn', '--input', names, '--steps', '1', '--save', join(none, 'x')], 1],
    [() => ['train', 'rnn', '--input', names, '--steps', '1', '--save', directory], 1],
    [() => ['train', 'rnn', '--input', names, '--steps', '1', '--save', text, '--resume'], 1],
    ...[none, empty, text, directory, dangling].flatMap((path): [() => string[], number][] => [
      [() => ['sample', path], 1],
      [() => ['eval', path, '--input', names], 1],
      [() => ['bench', 'compare', path], 1],
    ]),
    [() => ['sample', model], 0],
    [() => ['sample', model, '--json'], 0],
    [() => ['sample', model, '--prefix', HOSTILE], 1],
    [() => ['sample', model, '--prefix', 'q'], 1],
    [() => ['sample', model, '--count', HOSTILE], 2],
    [() => ['sample', model, HOSTILE], 2],
    [() => ['eval', HOSTILE], 2],
    [() => ['eval', model, '--input', none], 1],
    [() => ['eval', model, '--input', names], 1],
    [() => ['eval', model, '--input', lines], 1],
    [() => ['graph', HOSTILE], 2],
    [() => ['graph', 'rnn', '--positions', HOSTILE], 2],
    [() => ['graph', 'rnn', '--input', none], 1],
    [() => ['graph', 'rnn', '--input', lines, '--data', '--positions', '1'], 0],
    [() => ['graph', 'rnn', '--input', names, '--positions', '1', '--svg', join(none, 'x')], 1],
    [() => ['graph', 'rnn', '--input', names, '--positions', '1', '--svg', directory], 1],
    [() => ['data', HOSTILE], 2],
    [() => ['data', 'names', '--url', HOSTILE], 2],
    [() => ['data', 'names', '--url', 'http://h.invalid/', '--sha256', HOSTILE], 2],
    [() => ['data', 'names', '--out', text], 1],
    [() => ['data', 'names', '--out', join(none, 'x')], 1],
    [() => ['data', 'names', '--out', join(folder, 'new.txt')], 1, { https_proxy: `ftp://${HOSTILE}` }],
    [() => ['bench', HOSTILE], 2],
    [() => ['bench', `--${HOSTILE}`], 2],
    [() => ['bench', '--json', join(none, 'x')], 1],
    [() => ['bench', 'compare', `--${HOSTILE}`], 2],
    [() => ['bench', 'compare', '--html', join(none, 'x'), text], 1],
    [() => ['bench', 'compare', json(`{"schema": ${HOSTILE}`)], 1],
    [() => ['bench', 'compare', json(JSON.stringify({ schema: HOSTILE }))], 1],
    [() => ['bench', 'compare', json(`{"schema": "vecgrad-bench/${'9'.repeat(1e5)}"}`)], 1],
    [() => ['bench', 'compare', json(JSON.stringify({ schema: 'vecgrad-bench/1', vecgrad: HOSTILE }))], 1],
    [() => ['bench', 'compare', json('['.repeat(1e6))], 1],
    [() => ['bench', 'compare', json(`${'['.repeat(1e5)}${']'.repeat(1e5)}`)], 1],
  ];
  rows.forEach(([argv, code, env], i) => {
    const title = argv().map((word) => escaped(word.replace(folder, '').replace(/^\//, '')).slice(0, 24));
    it(`${i}: ${title.join(' ')}${env ? ` with ${Object.keys(env).join()}` : ''}`, async () => {
      const said = await vecgradIn(env ?? {}, argv());
      assert.equal(said.code, code, said.err);
      assert.doesNotMatch(said.out, UNSAFE);
      assert.doesNotMatch(said.err, UNSAFE);
      if (argv().includes('--json') && said.code === 0) JSON.parse(said.out);
      if (env?.['VECGRAD_DEBUG'] !== undefined) return;
      if (code !== 0) assert.match(said.err, /^vecgrad: [^\n]+\n$/);
      assert.ok(said.err.length < MAX_LENGTH, `a message of ${said.err.length} characters`);
    });
  });

  it('from the program as it is built, in a process of its own', () => {
    const cli = join(packageRoot(), 'dist/cli.cjs');
    const { stderr, stdout } = spawnSync(process.execPath, [cli, 'eval', HOSTILE], { encoding: 'utf8' });
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, UNSAFE);
    assert.match(
      stderr,
      /^vecgrad: no documents given: use vecgrad eval \$'\\x61\\x1b[^\n]*' --input FILE\n$/,
    );
  });

  it('from what a dynamic loader says', () => {
    const said = missingAddon('/nowhere', `${HOSTILE}: cannot open`);
    assert.doesNotMatch(said, UNSAFE);
  });
});

describe('an error of the library has no codes, and bounded length, whatever nodes are called', () => {
  for (const name of [HOSTILE, 'x'.repeat(1e6)]) {
    const w = parameter(
      [
        [1, 2],
        [3, 4],
      ],
      { name },
    );
    const x = input(name, [3]);
    const training = (): Training => new SGD({ learningRate: 1 }).minimize(w.sum().add(x.sum()));
    const column = { values: new Float64Array(2) };
    const rows: [what: string, act: () => unknown][] = [
      ['operands that do not fit', () => w.add(x)],
      ['many operands', () => stack([...Array<Value>(5000).fill(w), x])],
      ['an axis', () => w.sum(name as unknown as number)],
      ['a shape', () => w.reshape([name as unknown as number])],
      ['the shape of an input', () => input(name, [-1])],
      ['the shape of an index', () => index(name, -1)],
      ['numbers of a parameter', () => parameter([1, 2], { name, shape: [3] })],
      ['a number', () => w.pow(name as unknown as number)],
      ['numbers that are not there', () => x.data],
      ['a gradient that is not there', () => w.mul(2).named(name).grad],
      ['a feed that is missing', () => x.forward({})],
      ['a feed that is unknown', () => x.forward({ [`${name}z`]: 1 })],
      ['a feed of no numbers', () => x.forward({ [name]: name as unknown as number })],
      ['a feed of a text', () => x.forward({ [name]: [1, 2, name as unknown as number] })],
      ['a column that is unknown', () => training().stepEach({ count: 1, inputs: { [`${name}z`]: column } })],
      ['a column that is too short', () => training().stepEach({ count: 1, inputs: { [name]: column } })],
      ['a name that two have', () => saveWeights('/dev/null', [w, parameter(1, { name })])],
      ['a token', () => new Tokenizer(['ab']).encode(name)],
      ['an instruction set', () => kernels.relu(new Float64Array(1), { isa: name })],
      ['passes', () => compile(w, { passes: name as never })],
    ];
    for (const [what, act] of rows) {
      it(`${what}, with ${name === HOSTILE ? 'codes' : 'a megabyte'}`, () => {
        assert.throws(act, ({ message }: Error) => {
          assert.doesNotMatch(message, UNSAFE);
          assert.ok(message.length < MAX_LENGTH, `${message.length} characters`);
          return true;
        });
      });
    }
  }
});

describe('a message is of bounded length', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-long-'));
  after(() => rmSync(folder, { recursive: true }));
  const long = join(folder, 'long.txt');
  const model = join(folder, 'model.safetensors');
  const size = process.env['VECGRAD_LONG'] === '1' ? 20 : 2;
  const huge = `${size} MB of a document`.padEnd(size * 1e6, 'é');
  const arg = 'x'.repeat(100_000);
  before(() => {
    writeFileSync(long, `${huge}\n${huge}x\n`);
    const tokenizer = new Tokenizer(['ab']);
    saveModel(model, buildModel('rnn', 3, { blockSize: 4 }, new Random(1)), tokenizer);
  });
  const rows: [what: string, argv: () => string[]][] = [
    [`a document of ${size} MB with an unknown character`, () => ['eval', model, '--input', long]],
    ['a prefix', () => ['sample', model, '--prefix', arg]],
    ['a command', () => [arg]],
    ['an option', () => ['train', 'rnn', `--${arg}`]],
    ['a value', () => ['train', 'rnn', '--steps', arg]],
    ['a pass', () => ['train', 'rnn', '--passes', arg]],
    ['passes by the thousand', () => ['train', 'rnn', '--passes', 'x,'.repeat(40_000)]],
    ['a name of a file', () => ['train', 'rnn', '--input', arg]],
    ['a hash', () => ['data', 'names', '--url', 'http://h.invalid/', '--sha256', arg]],
    ['an address', () => ['data', 'names', '--url', `x${arg}`]],
    ['a file to compare', () => ['bench', 'compare', long]],
    ['a file to compare by its name', () => ['bench', 'compare', arg]],
  ];
  for (const [what, argv] of rows) {
    it(what, async () => {
      const { code, err } = await vecgrad(argv());
      assert.notEqual(code, 0);
      assert.match(err, /^vecgrad: [^\n]+\n$/);
      assert.ok(err.length < MAX_LENGTH, `${err.length} characters`);
      if (what.startsWith('a document')) assert.ok(err.length < 400, `${err.length} characters`);
    });
  }
});

describe('a text from elsewhere', () => {
  const rows: [how: string, of: (text: string) => string, text: string, expected: string][] = [
    [
      'escaped',
      escaped,
      'ż😀\x1b\x7f\x9b\u202e\u2028\ufeff\ud800',
      'ż😀\\u{1b}\\u{7f}\\u{9b}\\u{202e}\\u{2028}\\u{feff}\\u{d800}',
    ],
    ['clipped', clipped, 'x'.repeat(61), `${'x'.repeat(57)}...`],
    ['quoted', quoted, 'a"b\\c\n\r\t\x1b', '"a\\"b\\\\c\\n\\r\\t\\u{1b}"'],
    ['quoted, a long one', quoted, 'x'.repeat(201), `"${'x'.repeat(200)}"...`],
    ['quoted, cut inside a character', (text) => quoted(text, 3), 'xx😀', '"xx\\u{d83d}"...'],
    ['shown', shown, '\x9b"', '"\\u{9b}\\""'],
    ['as JSON', jsonText, '\x7f\x9b\u202e\u{e0041}\ud800é', '"\\u007f\\u009b\\u202e\\udb40\\udc41\\ud800é"'],
    ['for a shell', shellWord, 'a/b-c.txt', 'a/b-c.txt'],
    ['for a shell', shellWord, "it's $x", "'it'\\''s $x'"],
    ['for a shell', shellWord, 'é\x1b', "$'\\xc3\\xa9\\x1b'"],
  ];
  for (const [how, of, text, expected] of rows) {
    it(`${how}: ${escaped(text).slice(0, 40)}`, () => {
      assert.equal(of(text), expected);
    });
  }

  it('is the same JSON', () => {
    for (let c = 0; c < 0x11000; c++) {
      const text = String.fromCodePoint(c);
      assert.equal(JSON.parse(jsonText(text)), text);
      assert.doesNotMatch(jsonText(text), UNSAFE);
      assert.doesNotMatch(quoted(text), UNSAFE);
    }
  });
});
