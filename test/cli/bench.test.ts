/** `vecgrad bench`, the command: its arguments, the files it reads and writes, what it loads. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bench, parseBench, type BenchArguments } from '../../lib/cli/bench.js';
import { QUICK } from '../../lib/bench/effort.js';
import { named } from '../../lib/bench/figures.js';
import { pageHtml } from '../../lib/bench/page/page.js';
import { parseReport } from '../../lib/bench/report.js';
import { vecgrad } from '../support/command-line.js';
import { packageRoot } from '../../lib/core/package.js';
import { benchReport, MODELS, listedKernels, tiny } from '../support/bench-report.js';
import { pattern } from '../support/pattern.js';

describe('bench: the arguments', () => {
  const taken: [argv: string, options: BenchArguments][] = [
    ['', { action: 'run', quick: false }],
    ['--quick', { action: 'run', quick: true }],
    ['--json a.json', { action: 'run', quick: false, json: 'a.json' }],
    ['--help', { action: 'help' }],
    ['compare -h', { action: 'help' }],
    ['compare a b', { action: 'compare', files: ['a', 'b'] }],
    ['compare a --html=p.html', { action: 'compare', files: ['a'], html: 'p.html' }],
    ['compare --html p.html a', { action: 'compare', files: ['a'], html: 'p.html' }],
  ];
  for (const [argv, options] of taken) {
    it(`vecgrad bench ${argv}`, () => {
      assert.deepEqual(parseBench(argv.split(' ').filter((arg) => arg !== '')), options);
    });
  }
  const refused: [argv: string[], message: RegExp][] = [
    [['--qick'], /bench has no option "--qick"; did you mean --quick\?/],
    [['--html', 'x'], /bench has no option "--html", only bench compare has/],
    [['compare', 'a', '--json', 'x'], /bench compare has no option "--json", only bench has/],
    [['compare', 'a', '-x'], /bench compare has no option "-x"/],
    [['--quick=yes'], /--quick takes no value/],
    [['--json'], /--json needs a value: --json FILE/],
    [['--json', '--quick'], /--json needs a value/],
    [['--json', ''], /--json takes the name of a file, not ""/],
    [['compare', 'a', '--html='], /--html takes the name of a file, not ""/],
    [['compare'], /no file given: use vecgrad bench compare FILE/],
    [
      ['a.json'],
      /nothing is expected after bench: "a\.json"; to compare files, use vecgrad bench compare FILE/,
    ],
    [
      ['--quick', 'compare', 'a.json'],
      pattern(
        /nothing is expected after bench: "compare"; compare comes first: /,
        /use vecgrad bench compare FILE\.\.\.\n$/,
      ),
    ],
    [['compre'], /nothing is expected after bench: "compre"; did you mean compare\?/],
  ];
  for (const [argv, message] of refused) {
    it(`refuses vecgrad bench ${argv.map((arg) => arg || '""').join(' ')}`, async () => {
      const { code, out, err } = await vecgrad(['bench', ...argv]);
      assert.match(err, message);
      assert.match(err, /^vecgrad: [^\n]+\n$/);
      assert.deepEqual([code, out], [2, '']);
    });
  }
  it('vecgrad help bench is vecgrad bench --help', async () => {
    const [one, other] = [await vecgrad(['help', 'bench']), await vecgrad(['bench', '--help'])];
    assert.deepEqual(one, other);
    assert.deepEqual(await vecgrad(['bench', 'compare', '--quik', '--help']), other);
    for (const part of ['--quick', '--json FILE', '--html FILE', 'VECGRAD_EMULATED'])
      assert(one.out.includes(part), part);
  });
});

describe('bench: the files', function () {
  let folder: string;
  const path = (name: string): string => join(folder, name);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'vecgrad-bench-'));
    writeFileSync(path('good.json'), JSON.stringify(benchReport()));
    writeFileSync(path('bad.json'), JSON.stringify({ ...benchReport(), quick: 'yes' }));
    writeFileSync(path('none.json'), 'none');
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('writes what compare reads', async () => {
    const told = { out: '', err: '' };
    const io = {
      stdout: { write: (text: string) => (told.out += text) },
      stderr: { write: (text: string) => (told.err += text), isTTY: true, columns: 40 },
    };
    bench(['--json', path('own.json')], io, { quick: QUICK, full: tiny });
    assert.match(told.out, /^vecgrad \S+ bench/);
    assert.match(told.err, /measuring kernel gemm/);
    assert(told.err.endsWith('\r\x1b[2K'), 'the line is taken off the screen');
    const { code, out, err } = await vecgrad(['bench', 'compare', path('own.json')]);
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /own\.json/);
  });
  it('writes the page', async () => {
    const result = await vecgrad(['bench', 'compare', path('good.json'), '--html', path('p.html')]);
    assert.deepEqual(result, { code: 0, out: '', err: '' });
    const page = readFileSync(path('p.html'), 'utf8');
    assert.equal(page, pageHtml(named([{ file: 'good.json', report: benchReport() }])));
  });
  const rows: [argv: string[], message: RegExp][] = [
    [['compare', 'missing.json'], /cannot read ".*missing\.json": there is no such file/],
    [['compare', '.'], /cannot read ".*": it is a directory/],
    [
      ['compare', 'good.json', 'bad.json'],
      /^vecgrad: "[^"]*bad\.json": quick: expected true or false, got "yes"/,
    ],
    [['compare', 'none.json'], /^vecgrad: "[^"]*none\.json" is not JSON/],
    [['compare', 'good.json', '--html', 'no/p.html'], /cannot write ".*p\.html": there is no such/],
    [['compare', 'good.json', '--html', '.'], /cannot write ".*": it is a directory/],
    [['--json', 'no/a.json'], /cannot write ".*a\.json": there is no such file or folder/],
  ];
  for (const [argv, message] of rows) {
    it(`refuses vecgrad bench ${argv.join(' ')}`, async () => {
      const given = argv.map((arg) => (/[./]/.test(arg) ? path(arg) : arg));
      const { code, out, err } = await vecgrad(['bench', ...given]);
      assert.match(err, message);
      assert.match(err, /^vecgrad: [^\n]+\n$/);
      assert.deepEqual([code, out], [1, '']);
    });
  }
});

describe('bench: what is in the tree', () => {
  const results = join(packageRoot(), 'bench/results');
  for (const file of readdirSync(results).filter((name) => name.endsWith('.json'))) {
    it(`bench/results/${file} is a full run of a real machine, of every model`, () => {
      const report = parseReport(readFileSync(join(results, file), 'utf8'), file);
      assert.deepEqual([report.quick, report.machine.emulated], [false, null]);
      assert.deepEqual(new Set(report.models.map(({ model }) => model)), new Set(MODELS));
      // A machine is not measured again for each kernel that is added: it lacks those.
      const listed = listedKernels();
      for (const { kernel } of report.kernels) assert(listed.includes(kernel), kernel);
      assert(report.kernels.some(({ kernel }) => kernel === 'gemm'));
    });
  }

  it('the built command line loads the benchmark for its own command only', function () {
    const dist = join(packageRoot(), 'dist');
    const run = (...argv: string[]): string =>
      spawnSync(process.execPath, [join(dist, 'cli.cjs'), ...argv], { encoding: 'utf8' }).stdout;
    if (!readdirSync(packageRoot()).includes('dist')) this.skip(); // mocha alone builds none
    assert.match(run('bench', '--help'), /--quick/);
    assert.match(run('help', 'bench'), /--quick/);
    assert(!readFileSync(join(dist, 'program.cjs'), 'utf8').includes('prefers-color-scheme'));
    assert(readFileSync(join(dist, 'bench.cjs'), 'utf8').includes('prefers-color-scheme'));
  });
});
