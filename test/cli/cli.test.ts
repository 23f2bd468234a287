/** The command line with an engine that trains nothing: what is refused, passed on and printed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NativeInfo } from '../../lib/binding/native-info.js';
import { COMMAND_NAMES, OPTIONS } from '../../lib/cli/commands.js';
import { STUDY } from '../../lib/cli/study.js';
import { MODEL_NAMES as MODELS } from '../../lib/study/models/sizes.js';
import { embeddedNamesPath, listed } from '../../lib/study/documents.js';
import type { NamesOptions } from '../../lib/download/names.js';
import { packageVersion } from '../../lib/core/package.js';
import type { ExperimentOptions, ExperimentResult } from '../../lib/study/experiment.js';
import { built, fake, NATIVE, vecgrad } from '../support/fake-engine.js';

const HASH = '0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d';

describe('command line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-cli-'));
  const file = (name: string, content: string | Buffer): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const few = file('few.txt', 'ab\nba\n');
  const empty = file('empty.txt', '');
  const binary = file('binary.txt', Buffer.from([0, 1, 2, 3]));
  const oneLine = file('one-line.txt', 'emma\n');
  const oneCharacter = file('one-character.txt', 'a');
  const names = embeddedNamesPath();
  const missing = join(folder, 'missing.txt');
  after(() => {
    rmSync(folder, { recursive: true });
  });

  describe('refuses with exit code 2, one line, and without the native addon', () => {
    const rows: [argv: string[], message: RegExp][] = [
      [[], /no command given: use compare, train, sample, eval, graph, data, info, bench or build/],
      [[''], /unknown command ""/],
      [['trian'], /unknown command "trian": .*; did you mean train\?/],
      [['rnn'], /unknown command "rnn": .*; did you mean train rnn\?/],
      [['zzzzzzzz'], /unknown command "zzzzzzzz": [^;]*$/],
      [['--steps', '5', 'compare'], /the command comes before its options, not "--steps"/],
      [['help', 'trian'], /unknown command "trian": .*; did you mean train\?/],
      [['--help', 'trian'], /unknown command "trian": .*; did you mean train\?/],
      [['-h', 'rnn'], /unknown command "rnn": .*; did you mean train rnn\?/],
      [['help', 'help'], /unknown command "help"/],
      [['help', ''], /unknown command ""/],
      [['help', 'train', 'rnn'], /nothing is expected after help train: "rnn"/],
      [['help', 'bench', 'compare'], /nothing is expected after help bench: "compare"/],
      [['help', 'train', '--steps', '5'], /nothing is expected after help train: "--steps"/],
      [['help', '--steps'], /the command comes before its options, not "--steps"/],
      [['-h', '--version'], /the command comes before its options, not "--version"/],
      [['--version', 'foo'], /nothing is expected after --version: "foo"/],
      [['-v', '--help'], /nothing is expected after -v: "--help"/],
      [['--version', '--json'], /nothing is expected after --version: "--json"/],
      [['version'], /unknown command "version"/],
      [['train', '--help=yes'], /--help takes no value/],
      [['train', '--', '--help'], /unknown model "--help"/],
      [['info', '-hx'], /info has no option "-x"/],
      [['train'], /no model given: .*scalar, vector, rnn or rnn_att/],
      [['train', 'rnn-att'], /unknown model "rnn-att": .*; did you mean rnn_att\?/],
      [['train', 'RNN'], /unknown model "RNN": .*; did you mean rnn\?/],
      [['train', 'transformer'], /unknown model "transformer": use scalar, [^;]*$/],
      [['train', '\n'], /unknown model "\\n"/],
      [['graph'], /no model given: use vecgrad graph MODEL, one of scalar, vector, rnn or rnn_att/],
      [['graph', 'rn'], /unknown model "rn": .*; did you mean rnn\?/],
      [['graph', 'rnn', 'vector'], /nothing is expected after graph rnn: "vector"/],
      [['graph', 'rnn', '--positions', '0'], /--positions takes a whole number from 1 to 4,096, not "0"/],
      [['graph', 'rnn', '--positions', '1.5'], /--positions takes .*, not "1.5"/],
      [['graph', 'rnn', '--position', '1'], /no option "--position"; did you mean --positions\?/],
      [['graph', 'rnn', '--svg'], /--svg needs a value: --svg FILE, write a picture/],
      [['graph', 'rnn', '--svg', ''], /--svg takes the name of a file, not ""/],
      [
        ['graph', 'rnn', '--svg', 'x.svg', '--mermaid'],
        /--mermaid has no effect with --svg: leave one of them out/,
      ],
      [['graph', 'rnn', '--steps', '5'], /graph has no option "--steps", only compare and train has/],
      [['graph', 'vector', '--n-head', '3'], /n-head 3 does not divide n-embd 16 \(the default\)/],
      [['graph', 'scalar', '--positions', '4096'], /would not fit in memory: lower .* or --positions/],
      [['train', 'rnn', '--every', '5'], /--every needs --save FILE: give both, or neither/],
      [['train', 'rnn', '--resume'], /--resume needs --save FILE: give both, or neither/],
      [['train', 'rnn', '--threads', '0'], /--threads takes a whole number from 1 to 1,024, not "0"/],
      [['graph', 'rnn', '--seed', '2'], /--seed needs --data: give both, or neither/],
      ...[
        'steps 5',
        'seed 7',
        'lr 0.1',
        'batch 2',
        'threads 2',
        'samples 0',
        'temperature 1',
        'save x',
        'every 5',
        'resume',
      ].map((option): [string[], RegExp] => [
        ['train', 'rnn', ...`--${option}`.split(' '), '--explain'],
        new RegExp(`--${option.split(' ')[0]!} has no effect with --explain: leave one of them out`),
      ]),
      [['train', 'rnn', '--save', ''], /--save takes the name of a file, not ""/],
      [['train', 'rnn', '--save', 'x', '--every', '0'], /--every takes a whole number from 1 to/],
      [['train', 'rnn', '--count', '5'], /train has no option "--count", only sample has/],
      [['sample'], /no model given: use vecgrad sample FILE, with a file from vecgrad train --save FILE/],
      [['sample', ''], /no model given/],
      [['sample', 'x', 'y'], /nothing is expected after sample FILE: "y"/],
      [['sample', 'x', '--count', '-1'], /--count takes a whole number from 0 to/],
      [['sample', 'x', '--top-k', '0'], /--top-k takes a whole number from 1 to/],
      [
        ['sample', 'x', '--temperature', '1e400'],
        /--temperature takes a finite number of at least 1e-9, not "1e400"/,
      ],
      [['sample', 'x', '--temperature', '0'], /--temperature takes a finite number of at least 1e-9/],
      [['sample', 'x', '--topk', '5'], /no option "--topk"; did you mean --top-k\?/],
      [['eval', 'x'], /no documents given: use vecgrad eval x --input FILE/],
      [['eval', '--input', 'x'], /no model given: use vecgrad eval FILE/],
      [['train', 'rnn', '--svg', 'x.svg'], /train has no option "--svg", only graph has/],
      [['data'], /no list given: use vecgrad data names/],
      [['data', 'name'], /unknown list "name": use names; did you mean names\?/],
      [['data', 'names', 'x'], /nothing is expected after data names: "x"/],
      [['data', 'names', '--out', ''], /--out takes the name of a file, not ""/],
      [['data', 'names', '--url'], /--url needs a value: --url URL, address of the list/],
      [['data', 'names', '--url', 'names.txt'], /--url takes an address of .*, not "names.txt"$/m],
      [['data', 'names', '--url', 'ftp://u:p@h/x'], /http or https, not "ftp:\/\/...@h\/x"$/m],
      [['data', 'names', '--url', 'u:p@h/x@y'], /http or https, not "...@y"$/m],
      [['data', 'names', '--url=https://h', '--sha256=0a3'], /--sha256 takes 64 hex.*, not "0a3"/],
      [['data', 'names', '--sha256', HASH], /--sha256 needs --url URL: give both, or neither/],
      [['data', 'names', '--force=yes'], /--force takes no value/],
      [['data', 'names', '--input', 'x'], /data has no option "--input", only compare and .* has/],
      [['train', 'rnn', '--out', 'x'], /train has no option "--out", only data has/],
      [['train', 'rnn', 'vector'], /nothing is expected after train rnn: "vector"/],
      [['compare', 'rnn'], /nothing is expected after compare: "rnn"/],
      [['info', '--steps', '5'], /info has no option "--steps", only compare and train has/],
      [['build', 'x'], /nothing is expected after build: "x"/],
      [['build', '--force=yes'], /--force takes no value/],
      [['build', '--steps', '5'], /build has no option "--steps", only compare and train has/],
      [['compare', '--lr', '1'], /compare has no option "--lr", only train has/],
      [['train', 'rnn', '--stepz', '5'], /no option "--stepz"; did you mean --steps\?/],
      [['train', 'rnn', '--n_embd=5'], /no option "--n_embd"; did you mean --n-embd\?/],
      [['train', 'rnn', '--zzzzzzzzz'], /no option "--zzzzzzzzz" \(see vecgrad train --help\)/],
      [['train', 'rnn', '-x'], /no option "-x"/],
      [['train', 'rnn', '--steps'], /--steps needs a value: --steps N, training steps/],
      [['train', 'rnn', '--steps', '--json'], /--steps needs a value/],
      [
        ['train', 'rnn', '--passes', '-pad'],
        /--passes needs a value: .*; with a value that begins with -, --passes=VALUE/,
      ],
      [['train', 'rnn', '--json=yes'], /--json takes no value/],
      [['train', 'rnn', '--steps', '0'], /--steps takes a whole number from 1 to .*, not "0"/],
      [['train', 'rnn', '--steps', '-3'], /--steps takes .*, not "-3"/],
      [['train', 'rnn', '--steps=-3'], /--steps takes .*, not "-3"/],
      [['train', 'rnn', '--steps', '1.5'], /--steps takes .*, not "1.5"/],
      [['train', 'rnn', '--steps', 'ten'], /--steps takes .*, not "ten"/],
      [['train', 'rnn', '--steps='], /--steps takes .*, not ""/],
      [['train', 'rnn', '--steps', '1e30'], /--steps takes .*, not "1e30"/],
      [['train', 'rnn', '--steps', '0x10'], /--steps takes .*, not "0x10"/],
      [['compare', '--steps', '0'], /--steps takes/],
      [['train', 'rnn', '--seed', '1.5'], /--seed takes a whole number .*, not "1.5"/],
      [['train', 'rnn', '--seed', '9007199254740993'], /--seed takes a whole number from -9,007,/],
      [['train', 'rnn', '--input', ''], /--input takes the name of a file/],
      [['train', 'rnn', '--dtype', 'float16'], /unknown dtype "float16": use float64 or float32/],
      [['train', 'rnn', '--dtype', 'float'], /; did you mean float64\?/],
      [['train', 'rnn', '--lr', '0'], /--lr takes a finite number above 0, not "0"/],
      [['train', 'rnn', '--lr', '-0.1'], /--lr takes .*, not "-0.1"/],
      [['train', 'rnn', '--lr', '-.1'], /--lr takes .*, not "-.1"/],
      [['train', 'rnn', '--lr', 'Infinity'], /--lr takes/],
      [['train', 'rnn', '--lr', '1e999'], /--lr takes/],
      [['train', 'rnn', '--lr', 'NaN'], /--lr takes/],
      [['train', 'rnn', '--temperature', '0'], /--temperature takes a finite number of at least 1e-9/],
      [['train', 'rnn', '--temperature', '-1'], /--temperature takes/],
      [['train', 'rnn', '--samples', '-1'], /--samples takes a whole number from 0 to/],
      [['train', 'rnn', '--n-embd', '0'], /--n-embd takes a whole number from 1 to 4,096/],
      [['train', 'rnn', '--block-size', '1e9'], /--block-size takes/],
      [['train', 'vector', '--n-head', '3'], /n-head 3 does not divide n-embd 16 \(the default\)/],
      [['train', 'scalar', '--n-embd', '18'], /n-head 4 \(the default\) does not divide n-embd 18/],
      [['train', 'rnn_att', '--n-att', '33'], /n-att 33 is more than n-state 32 \(the default\)/],
      [['train', 'rnn_att', '--n-state', '8'], /n-att 16 \(the default\) is more than n-state 8/],
      [['train', 'scalar', '--n-embd', '512'], /scalar of these sizes would not fit in memory: lower/],
      [['train', 'vector', '--block-size', '4096'], /vector of these sizes would not fit/],
      [['train', 'vector', '--n-embd', '4096'], /lower --n-embd, --n-layer or --block-size/],
      [['train', 'rnn', '--n-state=4096', '--n-embd=4096'], /lower --n-state or --n-embd/],
    ];
    for (const [argv, message] of rows) {
      const words = argv.map((arg) => (/^[\w.=-]+$/.test(arg) ? arg : JSON.stringify(arg)));
      it(`vecgrad ${words.join(' ')}`, async () => {
        const { code, out, err, natives } = await vecgrad(argv);
        assert.match(err, message);
        assert.match(err, /^vecgrad: [^\n]+\n$/);
        assert.deepEqual([code, out, natives], [2, '', 0]);
      });
    }
  });

  describe('refuses unusable input, with exit code 1', () => {
    const rows: [path: string, message: RegExp][] = [
      [missing, /cannot read ".*missing.txt": there is no such file/],
      [folder, /is a directory/],
      [empty, /is empty/],
      [binary, /is a binary file/],
      [oneLine, /has only one document/],
      [oneCharacter, /has no character other than "a"/],
    ];
    for (const [path, message] of rows) {
      for (const command of [['compare'], ['train', 'rnn']]) {
        it(`${command[0]!} --input ${path.slice(folder.length + 1) || 'a directory'}`, async () => {
          const { code, out, err, natives } = await vecgrad([...command, '--input', path]);
          assert.match(err, message);
          assert.match(err, /^vecgrad: [^\n]+\n$/);
          assert.deepEqual([code, out, natives], [1, '', 0]);
        });
      }
    }
  });

  describe('refuses an instruction set', () => {
    const rows: [isa: string, message: RegExp][] = [
      ['avx', /unknown ISA "avx": use avx2 or scalar; did you mean avx2\?/],
      ['', /unknown ISA ""/],
      ['avx512', /this machine cannot run avx512: use avx2 or scalar/],
    ];
    for (const [isa, message] of rows) {
      it(JSON.stringify(isa), async () => {
        const { code, err, runs } = await vecgrad(['train', 'rnn', '--input', few, '--isa', isa]);
        assert.match(err, message);
        assert.deepEqual([code, runs], [2, []]);
      });
    }
  });

  describe('passes options to the experiment', () => {
    const rows: [argv: string[], expected: Partial<ExperimentOptions>][] = [
      [[], { steps: 1000, sizes: {} }],
      [['--steps', '7'], { steps: 7 }],
      [['--steps', '1e3'], { steps: 1000 }],
      [['--steps', '5', '--steps', '6'], { steps: 6 }],
      [['--seed', '-5'], { seed: -5 }],
      [['--seed=-5'], { seed: -5 }],
      [['--seed', '-0'], { seed: 0 }],
      [['--seed', '+9007199254740991'], { seed: 9007199254740991 }],
      [['--dtype', 'float32'], { dtype: 'float32' }],
      [['--isa', 'scalar'], { isa: 'scalar' }],
      [['--lr', '.5'], { lr: 0.5 }],
      [['--lr', '1e-3'], { lr: 0.001 }],
      [['--samples', '0'], { samples: 0 }],
      [['--batch', '16', '--threads', '2'], { batch: 16, threads: 2 }],
      [['--threads', '2'], { threads: 2 }],
      [['--temperature', '2'], { temperature: 2 }],
      [['--n-embd', '8', '--n-head', '2'], { sizes: { nEmbd: 8, nHead: 2 } }],
      [['--n-layer', '2', '--block-size', '4'], { sizes: { nLayer: 2, blockSize: 4 } }],
      [['--n-state', '8', '--n-att', '8'], { sizes: { nState: 8, nAtt: 8 } }],
      [['--n-embd', '18'], { sizes: { nEmbd: 18 } }],
    ];
    for (const [argv, expected] of rows) {
      it(argv.join(' ') || 'none', async () => {
        const { code, runs } = await vecgrad(['train', 'rnn', '--input', few, ...argv]);
        assert.equal(code, 0);
        const { model, options } = runs[0]!;
        assert.equal(model, 'rnn');
        assert.deepEqual(listed(options.docs), ['ab', 'ba']);
        assert.ok(options.loadSeconds! > 0);
        assert.equal('onStep' in options, false);
        const picked = Object.entries(options).filter(([key]) => key in expected);
        assert.deepEqual(Object.fromEntries(picked), expected);
        const extra = ['docs', 'loadSeconds', 'steps', 'sizes', ...Object.keys(expected)];
        assert.deepEqual(
          Object.keys(options).filter((key) => !extra.includes(key)),
          [],
        );
      });
    }

    it('says which sizes a model does not use', async () => {
      const rows: [sizes: string[], unused: string][] = [
        [['--n-layer', '2', '--n-att', '4'], '--n-layer, --n-att'],
        // These would not fit nEmbd 16 and nState 32 in a model that uses them.
        [['--n-head', '3', '--n-att', '33'], '--n-head, --n-att'],
      ];
      for (const [sizes, unused] of rows) {
        const { code, err } = await vecgrad(['train', 'rnn', '--input', few, ...sizes]);
        assert.equal(err, `vecgrad: note: rnn does not use ${unused}\n`);
        assert.equal(code, 0);
      }
    });
  });

  describe('data names asks for the list, and says what comes next', () => {
    const url = 'https://h/list';
    const rows: [argv: string[], asked: Omit<NamesOptions, 'force'>, source: string, next: string][] = [
      [[], { out: 'input.txt' }, 'already there, nothing fetched', ''],
      [['--out', './input.txt'], { out: './input.txt' }, 'already there, nothing fetched', ''],
      [['--url', url], { out: 'input.txt', url: new URL(url) }, 'from h', ''],
      [
        ['--url', url, '--sha256', HASH.toUpperCase()],
        { out: 'input.txt', url: new URL(url), sha256: HASH },
        'from h',
        '',
      ],
      [
        ['--out', '../x.txt', '--url', url],
        { out: '../x.txt', url: new URL(url) },
        'from h',
        ' --input ../x.txt',
      ],
      [
        ['--out', "it's.txt", '--url', url],
        { out: "it's.txt", url: new URL(url) },
        'from h',
        ` --input 'it'\\''s.txt'`,
      ],
    ];
    for (const [argv, asked, source, next] of rows) {
      it(argv.join(' ') || 'without options', async () => {
        for (const force of [[], ['--force']]) {
          const { code, out, err, lists, natives } = await vecgrad(['data', 'names', ...argv, ...force]);
          assert.deepEqual([code, err, natives], [0, '', 0]);
          assert.deepEqual(lists, [{ ...asked, force: force.length > 0 }]);
          assert.equal(out, `${asked.out}: 32,033 names, ${source}\nnext: vecgrad train vector${next}\n`);
        }
      });
    }
  });

  describe('prints', () => {
    it('the version', async () => {
      for (const flag of ['--version', '-v']) {
        const { code, out, err, natives } = await vecgrad([flag]);
        assert.deepEqual([code, out, err, natives], [0, `${packageVersion()}\n`, '', 0]);
      }
    });

    for (const [topic, line] of [
      ['train', '--input FILE        text, one document per line (./input.txt, else 32,257 names)'],
      ['eval', '--input FILE        text, one document per line'],
      ['data', '--force             replace another file'],
      ['build', '--force             build even if an addon loads'],
    ] as const)
      it(`help of ${topic}, where an option has another meaning than elsewhere`, async () => {
        const { out } = await vecgrad(['help', topic]);
        assert.ok(out.split('\n').includes(`  ${line}`), out);
      });

    it('help, with every command and option, within 100 columns', async () => {
      const overview = await vecgrad(['--help']);
      for (const name of COMMAND_NAMES) assert.match(overview.out, new RegExp(`vecgrad ${name}`));
      assert.equal((await vecgrad(['help'])).out, overview.out);
      const [train, graph, sample, data] = [
        await vecgrad(['train', '--help']),
        await vecgrad(['graph', '--help']),
        await vecgrad(['sample', '--help']),
        await vecgrad(['data', '--help']),
      ];
      const all = train.out + graph.out + sample.out + data.out;
      for (const name of Object.keys(OPTIONS)) assert.match(all, new RegExp(`--${name}\\b`));
      assert.equal((await vecgrad(['help', 'train'])).out, train.out);
      assert.equal((await vecgrad(['train', 'rnn', '-h'])).out, train.out);
      assert.equal((await vecgrad(['graph', 'rnn', '-h'])).out, graph.out);
      for (const argv of [
        ['help', '--help'],
        ['--help', '-h'],
      ]) {
        assert.equal((await vecgrad(argv)).out, overview.out);
      }
      // Whatever else a command is given with it, help is what was asked for.
      for (const rest of [
        'trian --help',
        '--help rnn vector',
        'rnn --steps ten -h',
        '--stepz -h',
        '--steps --help',
        '-hh',
      ]) {
        const { code, out, err } = await vecgrad(['train', ...rest.split(' ')]);
        assert.deepEqual([code, out, err], [0, train.out, '']);
      }
      assert.equal((await vecgrad(['--help', 'train'])).out, train.out);
      for (const { code, out, err, natives } of [overview, train, graph, sample, data]) {
        assert.deepEqual([code, err, natives], [0, '', 0]);
        for (const line of out.split('\n')) assert.ok(line.length <= 100, line);
      }
    });

    it('train --json: one object, in the promised order, and nothing else', async () => {
      const { out, err } = await vecgrad(['train', 'rnn', '--input', few, '--json', '--steps=3']);
      const result = JSON.parse(out) as Record<string, unknown>;
      assert.match(out, /^[^\n]+\n$/);
      assert.equal(err, '');
      assert.equal(
        Object.keys(result).join(' '),
        'model dtype isa seed steps batch docs vocabSize params losses finalLoss last50Loss ' +
          'heldOutLoss samples seconds microsecondsPerStep',
      );
      assert.equal(
        Object.keys(result['seconds'] as object).join(' '),
        'load graph compile train evaluate sample total',
      );
      assert.deepEqual(result['losses'], [3, 3 - 1 / 3, 3 - 2 / 3]);
      assert.equal(result['heldOutLoss'], null);
    });

    it('compare --json: the machine and the four results', async () => {
      const { out, err, runs } = await vecgrad(['compare', '--input', names, '--json']);
      const { machine, results } = JSON.parse(out) as {
        machine: object;
        results: ExperimentResult[];
      };
      assert.equal(err, '');
      assert.deepEqual(
        runs.map((run) => run.options.docs.length > 1000),
        MODELS.map(() => true),
      );
      assert.equal(
        Object.keys(machine).join(' '),
        'version node platform arch napiVersion cpu isas openblas processors threads',
      );
      assert.deepEqual(
        results.map((result) => result.model),
        MODELS,
      );
    });

    it('compare: a table within 100 columns, and five names of each', async () => {
      const { code, out, err } = await vecgrad(['compare', '--input', names, '--steps', '50']);
      assert.deepEqual([code, err], [0, '']);
      const lines = out.split('\n');
      for (const line of lines) assert.ok(Array.from(line).length <= 100, line);
      for (const model of MODELS) {
        const { seconds: time, finalLoss } = STUDY[model];
        const row = lines.find((line) => line.startsWith(`${model} `)) ?? '';
        assert.match(
          row.replace(/ +/g, ' '),
          new RegExp(
            `^${model} (\\d+|-) 4,192 0\\.600 s 500 2\\.0200 2\\.4426 ${time} s ${finalLoss.toFixed(2)}$`,
          ),
        );
        const invented = lines.find((line) => line.startsWith(`  ${model} `)) ?? '';
        assert.match(invented, /name0, name1, name2, name3, name4$/);
      }
    });

    it('compare: a dash where nothing was held out', async () => {
      const { out } = await vecgrad(['compare', '--input', few]);
      assert.match(out, / {2}2\.0010 +- +160 s/);
      assert.match(out, /held-out loss: none, of fewer than 10 documents/);
    });

    it('train: a summary and the samples, control characters escaped', async () => {
      const { out } = await vecgrad(['train', 'rnn', '--input', few, '--samples', '2'], (model, options) => ({
        ...fake(model, options),
        samples: ['\x1b[31m', ''],
      }));
      assert.match(out, /^rnn, 1,000 steps, seed 42, float64, avx2\n/);
      assert.match(out, /parameters +4,192 at 27 tokens\n/);
      assert.match(out, /held-out +- +\(fewer than 10 documents: none held out\)\n/);
      assert.ok(out.endsWith('invented\n  \\u{1b}[31m\n  ""\n'), out);
    });

    it('info: as text and as JSON', async () => {
      const text = await vecgrad(['info']);
      assert.match(text.out, /^ISA +avx2 chosen; available: avx2, scalar; compiled: avx512, /m);
      assert.match(text.out, /^threads +3, unless another number is given; processors: 4$/m);
      assert.match(text.out, /^OpenBLAS +0\.3\.21, 1 thread, core Haswell$/m);
      const json = await vecgrad(['info', '--json']);
      const machine = JSON.parse(json.out) as NativeInfo & { version: string };
      assert.equal(machine.version, packageVersion());
      assert.deepEqual(machine.isas, NATIVE.isas);
      assert.deepEqual(machine.openblas, NATIVE.openblas);
      assert.deepEqual([machine.threads, machine.processors], [3, 4]);
    });

    for (const [argv, args] of [
      [['build'], []],
      [['build', '--force'], ['--force']],
    ] as const) {
      it(`vecgrad ${argv.join(' ')} builds the native addon, and does not load it`, async () => {
        const { code, err, builds, natives } = await vecgrad([...argv]);
        assert.deepEqual([code, err, builds, natives], [0, '', [args], 0]);
      });
    }
  });

  describe('a failing run', () => {
    it('is one line and exit code 1, and takes the bar off the screen', async () => {
      const { code, out, err } = await vecgrad(
        ['compare', '--input', few],
        () => {
          throw new Error('rnn: the loss is no longer finite at step 12:\n  lower --lr');
        },
        true,
      );
      assert.equal(err, 'vecgrad: rnn: the loss is no longer finite at step 12: lower --lr\n');
      assert.deepEqual([code, out], [1, '']);
    });

    for (const status of [1, null]) {
      it(`of a build of the native addon that ends with ${String(status)} is an error`, async () => {
        built.status = status;
        const { code, out, err } = await vecgrad(['build']);
        built.status = 0;
        const says = 'vecgrad: the native addon was not built: see the error above\n';
        assert.deepEqual([code, out, err], [1, '', says]);
      });
    }

    it('of what is no Error is told all the same', async () => {
      const { code, err } = await vecgrad(['train', 'rnn', '--input', few], () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- the case under test
        throw 'a string';
      });
      assert.deepEqual([code, err], [1, 'vecgrad: a string\n']);
    });
  });
});
