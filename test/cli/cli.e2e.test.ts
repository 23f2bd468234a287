/** The command line with the real engine: in this process where that is enough, spawned where not. */
import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { processIo, type Io } from '../../lib/cli/io.js';
import { MODEL_NAMES as MODELS } from '../../lib/study/models/sizes.js';
import { embeddedNamesPath } from '../../lib/study/documents.js';
import type { ExperimentResult } from '../../lib/study/experiment.js';
import { packageRoot, packageVersion } from '../../lib/core/package.js';
import { answer, serve } from '../support/misbehaving.js';
import { vecgrad, type Said } from '../support/command-line.js';
import { WATCHDOG } from '../support/watchdog.js';

const CLI = join(packageRoot(), 'dist/cli.cjs');
const TIMERS = pathToFileURL(join(packageRoot(), 'test/support/timers.mjs')).href;

/** The built command line in a process of its own, as a shell starts it. */
function spawned(args: string[], cwd: string, env: NodeJS.ProcessEnv = {}): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [CLI, ...args], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: WATCHDOG,
  });
}

async function trained(...argv: string[]): Promise<ExperimentResult> {
  const { code, out, err } = await vecgrad(['train', ...argv, '--json']);
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, /^\{[^\n]*\}\n$/);
  return JSON.parse(out) as ExperimentResult;
}

const isNumber = (value: unknown): boolean => Number.isFinite(value);
const isText = (value: unknown): boolean => typeof value === 'string';

describe('vecgrad, end to end', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-e2e-'));
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const names = embeddedNamesPath();
  const few = file('few.txt', 'anna\nbob\ncarla\n');
  after(() => {
    rmSync(folder, { recursive: true });
  });

  describe('as a process', () => {
    it('prints its version from any directory', () => {
      const { status, stdout, stderr } = spawned(['--version'], folder);
      assert.deepEqual([status, stdout, stderr], [0, `${packageVersion()}\n`, '']);
    });

    it('says what is wrong in one line on standard error and exits with 2', () => {
      const { status, stdout, stderr } = spawned(['train', 'rn', '--steps', '0'], folder);
      assert.match(stderr, /^vecgrad: unknown model "rn": [^\n]* did you mean rnn\?\n$/);
      assert.deepEqual([status, stdout], [2, '']);
    });

    it('exits with 1 when the input cannot be used', () => {
      const { status, stdout, stderr } = spawned(['compare', '--input', 'none.txt'], folder);
      assert.match(stderr, /^vecgrad: cannot read "none.txt": there is no such file[^\n]*\n$/);
      assert.deepEqual([status, stdout], [1, '']);
    });

    it('is quiet when its reader has gone', function () {
      if (process.platform === 'win32') this.skip();
      const script = '{ "$@"; echo "exit $?" >&2; } | true';
      const { stderr } = spawnSync('sh', ['-c', script, 'sh', process.execPath, CLI, 'train', '--help'], {
        encoding: 'utf8',
        timeout: WATCHDOG,
      });
      assert.equal(stderr, 'exit 0\n');
    });

    it('writes the rest of its output when a full pipe is read', async function () {
      if (process.platform === 'win32') return this.skip();
      const path = join(folder, 'full');
      spawnSync('mkfifo', [path]);
      const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
      const isFull = (act: () => number): boolean => {
        try {
          return act() === 0;
        } catch (error) {
          assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
          return true;
        }
      };
      while (!isFull(() => writeSync(pipe, '.'.repeat(4096))));
      // The pipe is read once the process has found it full and has nothing to do but wait, or has ended.
      const telling = `import fs from 'node:fs';
        import { syncBuiltinESMExports } from 'node:module';
        const { writeSync } = fs;
        fs.writeSync = (...given) => {
          try { return writeSync(...given); }
          catch (error) { setImmediate(() => writeSync(2, error.code)); throw error; }
        };
        syncBuiltinESMExports();`;
      const args = ['--import', `data:text/javascript,${encodeURIComponent(telling)}`, CLI, 'help'];
      // Node would make its standard output block; the shell leaves the pipe as it is.
      const child = spawn('sh', ['-c', 'exec "$@" >&3', 'sh', process.execPath, ...args], {
        stdio: ['ignore', 'ignore', 'pipe', pipe],
        timeout: WATCHDOG,
      });
      const ended = once(child, 'close');
      const [said] = (await Promise.race([once(child.stderr!, 'data'), ended])) as [unknown];
      assert.equal(String(said), 'EAGAIN');
      let text = '';
      const some = Buffer.alloc(65_536);
      const read = (): boolean =>
        isFull(() => {
          const count = readSync(pipe, some);
          text += some.toString('latin1', 0, count);
          return count;
        });
      const reading = setInterval(read, 1);
      const [code] = (await ended) as [number];
      clearInterval(reading);
      while (!read());
      closeSync(pipe);
      assert.equal(code, 0);
      assert.equal(text.replace(/^\.+/, ''), (await vecgrad(['help'])).out);
    });

    for (const command of ['--version', 'graph rnn', 'info --json'])
      it(`tells when standard output is full: ${command}`, function () {
        if (!existsSync('/dev/full')) this.skip();
        const args = ['-c', '"$@" > /dev/full', 'sh', process.execPath, CLI, ...command.split(' ')];
        const { status, stderr } = spawnSync('sh', args, { encoding: 'utf8', timeout: WATCHDOG });
        assert.match(stderr, /^vecgrad: cannot write to standard output: ENOSPC[^\n]*\n$/);
        assert.equal(status, 1);
      });

    it('trains on ./input.txt where there is one, without a bar on what is no terminal', () => {
      file('input.txt', 'anna\nbob\ncarla\ndora\n');
      const { status, stdout, stderr } = spawned(['train', 'rnn', '--steps', '3', '--json'], folder);
      assert.deepEqual([status, stderr], [0, '']);
      assert.match(stdout, /^\{[^\n]*\}\n$/);
      assert.equal((JSON.parse(stdout) as ExperimentResult).docs, 4);
    });

    it('refuses a VECGRAD_ISA that it does not know', () => {
      const { status, stdout, stderr } = spawned(['train', 'rnn', '--steps', '1'], folder, {
        VECGRAD_ISA: 'mmx',
      });
      assert.match(stderr, /^vecgrad: [^\n]*mmx[^\n]*\n$/);
      assert.deepEqual([status, stdout], [1, '']);
    });
  });

  describe('train --json', () => {
    const shape: [field: keyof ExperimentResult, check: (value: unknown) => boolean][] = [
      ['model', (value) => value === 'rnn_att'],
      ['dtype', (value) => value === 'float32'],
      ['isa', isText],
      ['seed', (value) => value === -7],
      ['steps', (value) => value === 60],
      ['batch', (value) => value === 1],
      ['docs', (value) => value === 32257],
      ['vocabSize', (value) => value === 27],
      ['params', (value) => value === 3600],
      ['losses', (value) => Array.isArray(value) && value.length === 60 && value.every(isNumber)],
      ['finalLoss', isNumber],
      ['last50Loss', isNumber],
      ['heldOutLoss', isNumber],
      ['samples', (value) => Array.isArray(value) && value.length === 3 && value.every(isText)],
      ['seconds', (value) => Object.values(value as object).every(isNumber)],
      ['microsecondsPerStep', isNumber],
    ];
    let result: ExperimentResult;
    before(async () => {
      const seed = ['--seed', '-7', '--dtype', 'float32', '--samples', '3'];
      result = await trained('rnn_att', '--input', names, '--steps', '60', ...seed);
    });
    for (const [field, check] of shape) {
      it(`has ${field}`, () => {
        assert.ok(check(result[field]), `${field}: ${JSON.stringify(result[field])}`);
      });
    }

    it('has nothing else, and figures that agree with each other', () => {
      assert.deepEqual(
        Object.keys(result),
        shape.map(([field]) => field),
      );
      const last50 = result.losses.slice(-50).reduce((sum, value) => sum + value, 0) / 50;
      assert.equal(result.finalLoss, result.losses.at(-1));
      assert.ok(Math.abs(result.last50Loss - last50) < 1e-9);
      const { load, graph, compile, train, evaluate, sample, total } = result.seconds;
      assert.ok(load > 0 && train > 0 && total >= train);
      assert.ok(load + graph + compile + train + evaluate + sample <= total * 1.01);
      assert.ok(Math.abs(result.microsecondsPerStep - (train / 60) * 1e6) < 0.01);
    });
  });

  it('compare --json has the machine and the four results', async () => {
    const { code, out, err } = await vecgrad(['compare', '--input', few, '--steps', '2', '--json']);
    assert.deepEqual([code, err], [0, '']);
    const { machine, results } = JSON.parse(out) as {
      machine: { version: string; isas: { available: string[] } };
      results: ExperimentResult[];
    };
    assert.equal(machine.version, packageVersion());
    assert.ok(machine.isas.available.includes('scalar'));
    assert.deepEqual(
      results.map(({ model, steps, docs }) => [model, steps, docs]),
      MODELS.map((model) => [model, 2, 3]),
    );
  });

  it('build in a checkout says how a checkout is built', () => {
    const { status, stdout, stderr } = spawned(['build'], folder);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^vecgrad: this is a checkout, .*: build it with npm run build\n/);
  });

  it('info --json has what the native addon says', async () => {
    const { code, out } = await vecgrad(['info', '--json']);
    const info = JSON.parse(out) as { napiVersion: number; isas: Record<string, unknown> };
    assert.equal(code, 0);
    assert.ok(info.napiVersion >= 8);
    assert.deepEqual(Object.keys(info.isas), ['available', 'chosen', 'compiled']);
  });

  describe('trains', () => {
    const long = file('long.txt', `${'abcdefghij'.repeat(1000)}\nabc\n${'ba'.repeat(9)}\n`);
    const letters = file('letters.txt', 'żółw\nπίτα\n你好\n😀🎉\n𝒳y\né\u0301\n');
    const rows: [name: string, argv: string[], expected: Partial<ExperimentResult>][] = [
      ['on documents longer than block_size', ['--input', long], { docs: 3, vocabSize: 11 }],
      ['on any Unicode letter', ['--input', letters], { docs: 6, vocabSize: 17 }],
      ['on three documents, none held out', ['--input', few], { docs: 3 }],
      ['with block_size 1', ['--input', few, '--block-size', '1'], { docs: 3 }],
      ['with the smallest learning rate', ['--input', few, '--lr', '5e-324'], { docs: 3 }],
    ];
    for (const [name, argv, expected] of rows) {
      for (const model of MODELS) {
        it(`${model} ${name}`, async () => {
          const small = model === 'scalar' ? ['--n-embd', '4'] : [];
          const result = await trained(model, ...argv, ...small, '--steps=6', '--samples=4');
          for (const [key, value] of Object.entries(expected)) {
            assert.deepEqual(result[key as keyof ExperimentResult], value, key);
          }
          assert.equal(result.heldOutLoss, null);
          assert.ok(result.losses.length === 6 && result.losses.every(isNumber));
          const limit = argv.includes('--block-size') ? 1 : 16;
          for (const sample of result.samples) assert.ok(Array.from(sample).length <= limit);
        });
      }
    }

    const sized: [argv: string[], params: number][] = [
      [['scalar', '--n-embd', '4', '--n-head', '2', '--n-layer', '2', '--block-size', '3'], 460],
      [['vector', '--n-embd', '4', '--n-head', '1', '--n-layer', '2', '--block-size', '3'], 460],
      [['rnn', '--n-embd', '3', '--n-state', '5', '--block-size', '2'], 125],
      [['rnn_att', '--n-embd', '3', '--n-state', '5', '--n-att', '5', '--block-size', '2'], 125],
      [['rnn_att', '--n-embd', '1', '--n-state', '1', '--n-att', '1', '--block-size', '1'], 0],
    ];
    for (const [argv, params] of sized) {
      it(argv.join(' '), async () => {
        const result = await trained(...argv, '--input', few, '--steps', '4');
        const { vocabSize } = result;
        assert.equal(vocabSize, 8);
        if (params > 0) assert.equal(result.params, params);
        assert.ok(result.losses.every(isNumber));
      });
    }
  });

  describe('a learning rate that diverges is told with its step', () => {
    for (const model of MODELS) {
      for (const dtype of ['float64', 'float32']) {
        it(`${model} ${dtype}`, async () => {
          const argv = ['train', model, '--input', names, '--lr', '1e30', '--dtype', dtype];
          const small = model === 'scalar' ? ['--n-embd', '4'] : [];
          const { code, out, err } = await vecgrad([...argv, ...small, '--steps', '50']);
          assert.match(err, /^vecgrad: [^\n]*step \d+[^\n]*\n$/);
          assert.deepEqual([code, out], [1, '']);
        });
      }
    }
  });

  describe('data names, as built', () => {
    const list = 'anna\nbob\n';
    const hash = createHash('sha256').update(list).digest('hex');
    const command = ['data', 'names', '--url', 'http://me:s3cret@names.invalid/list', '--sha256', hash];
    const place = join(folder, 'names');
    const timers = join(folder, 'timers');
    before(() => mkdirSync(place));

    /** dist/cli.cjs in a process of its own, while this one serves; a timer left would keep it for 10 s. */
    const built = (http_proxy: string, ...argv: string[]): Promise<Said & { timers: number }> =>
      new Promise((resolve) => {
        const env = { ...process.env, http_proxy, no_proxy: '', VECGRAD_TIMERS: timers };
        const options = { cwd: place, env, timeout: WATCHDOG };
        const child = execFile(process.execPath, ['--import', TIMERS, CLI, ...argv], options, (_, out, err) =>
          resolve({ code: child.exitCode ?? -1, out, err, timers: Number(readFileSync(timers, 'utf8')) }),
        );
      });

    it('fetches through the proxy of a variable, once, and says what comes next', async () => {
      const proxy = await serve(answer(list));
      const said = await built(proxy.origin, ...command);
      await proxy.closed();
      assert.deepEqual(said, {
        code: 0,
        err: '',
        out: 'input.txt: 2 names, from http://names.invalid/list\nnext: vecgrad train vector\n',
        timers: 0,
      });
      assert.equal(proxy.heads.length, 1);
      assert.equal(readFileSync(join(place, 'input.txt'), 'utf8'), list);
      const again = await built(proxy.origin, ...command);
      assert.equal(
        again.out,
        'input.txt: 2 names, already there, nothing fetched\nnext: vecgrad train vector\n',
      );
    });

    it('says in one line that it could not, leaves nothing, and exits with 1', async () => {
      rmSync(join(place, 'input.txt'), { force: true });
      const proxy = await serve(answer('', { status: '503 Later' }));
      const said = await built(proxy.origin.replace('//', '//me:s3cret@'), ...command);
      await proxy.closed();
      const through = new URL(proxy.origin).host;
      assert.deepEqual(said, {
        code: 1,
        out: '',
        err:
          `vecgrad: cannot fetch http://names.invalid/list through the proxy ${through}: it answered ` +
          '503 Service Unavailable\n',
        timers: 0,
      });
      assert.deepEqual(readdirSync(place), []);
    });
  });

  describe('graph', () => {
    const input = ['--input', names];
    const absent = (): Promise<never> =>
      Promise.reject(Object.assign(new Error('absent'), { code: 'MODULE_NOT_FOUND' }));
    const broken = (): Promise<never> => Promise.reject(new Error('broken'));
    const small = ['--n-embd', '2', '--n-head', '1', '--positions', '1'];

    // Two positions of rnn are 46 nodes, and six parameters are drawn for each; rnn_att has four more each.
    const texts: [argv: string[], first: string, boxes: number | undefined, has: RegExp][] = [
      [
        ['rnn', '--positions', '1'],
        'digraph {',
        30,
        /^ {2}n6 \[label="wte\\nparameter \[27, 16\]", style=filled\];$/m,
      ],
      [['rnn'], 'digraph {', 52, /"wpe\\nparameter \[2, 16\]"/],
      [['rnn_att', '--n-state', '4', '--n-att', '2'], 'digraph {', 60, /"topk k=2 \[2\]"/],
      [['vector', '--n-head', '1', '--n-layer', '2'], 'digraph {', undefined, /"layer1.attn_wq\\n/],
      [['scalar', ...small], 'digraph {', undefined, /"wte\[26\]\[1\]\\nparameter \[\]"/],
      [
        ['rnn', '--positions', '1', '--mermaid'],
        'flowchart TD',
        30,
        /^ {2}n6\[\["wte<br\/>parameter \[27, 16\]"\]\]$/m,
      ],
      [['rnn', '--data'], 'digraph {', 52, /"mul \[\]\\ndata 3\.\d+\\ngrad 1"/],
    ];
    for (const [argv, first, boxes, has] of texts) {
      it(`${argv.join(' ')} prints the same text each time`, async () => {
        const { code, out, err } = await vecgrad(['graph', ...argv, ...input]);
        assert.deepEqual([code, err], [0, '']);
        assert.equal(out.split('\n')[0], first);
        if (boxes !== undefined) assert.equal(out.match(/^ {2}n\d+ ?[[(]/gm)?.length, boxes);
        assert.match(out, has);
        assert.equal((await vecgrad(['graph', ...argv, ...input])).out, out);
      });
    }

    // Graphviz takes a second for each of the large ones.
    const large = [
      ['rnn', '--positions', '16'],
      ['scalar', ...small],
    ];
    const pictures = [
      ['rnn', '--positions', '3'],
      ['vector', '--data'],
      ...(process.env['VECGRAD_LONG'] === '1' ? large : []),
    ];
    for (const argv of pictures) {
      it(`${argv.join(' ')} --svg writes a picture of every box`, async () => {
        const dot = (await vecgrad(['graph', ...argv, ...input])).out;
        const path = join(folder, 'graph.svg');
        const said = await vecgrad(['graph', ...argv, ...input, '--svg', path]);
        assert.deepEqual(said, { code: 0, out: '', err: '' });
        const svg = readFileSync(path, 'utf8');
        assert.match(svg, /<svg [^]*<\/svg>\s*$/);
        assert.equal(svg.match(/<g id="node/g)?.length, dot.match(/ \[label="/g)?.length);
        rmSync(path);
      });
    }

    const svg = join(folder, 'none.svg');
    const failures: [title: string, io: Partial<Io>, argv: string[], code: number, err: RegExp][] = [
      [
        'a folder that is not there',
        {},
        ['rnn', '--svg', join(folder, 'none', 'x.svg')],
        1,
        /cannot write ".*x\.svg": there is no such file or folder/,
      ],
      ['a folder for a file', {}, ['rnn', '--svg', folder], 1, /cannot write ".*": it is a directory/],
      [
        'a picture too large',
        {},
        ['scalar', '--svg', svg],
        2,
        /--svg draws at most 2,000 boxes, and this graph has 22,704: lower --positions/,
      ],
      [
        'a picture without Graphviz',
        { graphviz: absent },
        ['rnn', '--svg', svg],
        1,
        /--svg needs the package @viz-js\/viz: npm install @viz-js\/viz$/,
      ],
      ['a Graphviz that fails', { graphviz: broken }, ['rnn', '--svg', svg], 1, /^vecgrad: broken$/],
      [
        'data of documents that are all too short',
        {},
        ['rnn', '--positions', '40', '--data'],
        1,
        /no document has 40 positions/,
      ],
      [
        'an input that does not exist',
        {},
        ['rnn', '--input', join(folder, 'none.txt')],
        1,
        /cannot read ".*none\.txt": there is no such file/,
      ],
    ];
    for (const [title, io, argv, code, err] of failures) {
      it(`refuses ${title}`, async () => {
        const said = await vecgrad(['graph', ...input, ...argv], io);
        assert.match(said.err.trimEnd(), err);
        assert.match(said.err, /^vecgrad: [^\n]+\n$/);
        assert.deepEqual([said.code, said.out, existsSync(svg)], [code, '', false]);
      });
    }

    it('prints without Graphviz, and says which sizes a model does not use', async () => {
      const argv = ['graph', 'rnn', ...input, '--n-layer', '2', '--n-att', '4'];
      const { code, out, err } = await vecgrad([...argv], { graphviz: absent });
      assert.equal(err, 'vecgrad: note: rnn does not use --n-layer, --n-att\n');
      assert.deepEqual([code, out.slice(0, 9)], [0, 'digraph {']);
    });
  });

  it('an unknown instruction set is refused, every other one runs', async () => {
    const { code, err } = await vecgrad(['train', 'rnn', '--input', few, '--isa', 'scalarr']);
    assert.match(err, /^vecgrad: unknown ISA "scalarr": use [^\n]*; did you mean scalar\?\n$/);
    assert.equal(code, 2);
    const { available } = (await processIo().info()).isas;
    for (const isa of available) {
      const result = await trained('rnn', '--input', few, '--steps', '2', '--isa', isa);
      assert.equal(result.isa, isa);
    }
  });
});
