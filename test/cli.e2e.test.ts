/** The command line with the real engine: in this process where that is enough, spawned where not. */
import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processIo } from '../lib/cli/io.js';
import { main } from '../lib/cli/main.js';
import { MODELS } from '../lib/cli/study.js';
import { embeddedNamesPath } from '../lib/data.js';
import type { ExperimentResult } from '../lib/experiment.js';
import { packageRoot, packageVersion } from '../lib/package.js';

const BIN = join(packageRoot(), 'lib/cli/bin.ts');
const TSX = import.meta.resolve('tsx');

/** A process of its own, as a shell starts it. */
function spawned(
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, ['--import', TSX, BIN, ...args], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 20_000,
  });
}

async function vecgrad(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const result = { code: -1, out: '', err: '' };
  result.code = await main(argv, {
    ...processIo(),
    stdout: { write: (text) => (result.out += text) },
    stderr: { write: (text) => (result.err += text) },
  });
  return result;
}

async function trained(...argv: string[]): Promise<ExperimentResult> {
  const { code, out, err } = await vecgrad('train', ...argv, '--json');
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

    it('exits with 1 when the input is none', () => {
      const { status, stdout, stderr } = spawned(['compare', '--input', 'none.txt'], folder);
      assert.match(stderr, /^vecgrad: cannot read "none.txt": there is no such file[^\n]*\n$/);
      assert.deepEqual([status, stdout], [1, '']);
    });

    it('is quiet when its reader has gone', function () {
      if (process.platform === 'win32') this.skip();
      const script = '{ "$@"; echo "exit $?" >&2; } | true';
      const { stderr } = spawnSync(
        'sh',
        ['-c', script, 'sh', process.execPath, '--import', TSX, BIN, 'train', '--help'],
        { encoding: 'utf8', timeout: 20_000 },
      );
      assert.equal(stderr, 'exit 0\n');
    });

    it('tells when standard output is full', function () {
      if (!existsSync('/dev/full')) this.skip();
      const script = '"$@" > /dev/full';
      const { status, stderr } = spawnSync(
        'sh',
        ['-c', script, 'sh', process.execPath, '--import', TSX, BIN, '--version'],
        { encoding: 'utf8', timeout: 20_000 },
      );
      assert.match(stderr, /^vecgrad: cannot write to standard output: ENOSPC[^\n]*\n$/);
      assert.equal(status, 1);
    });

    it('trains on ./input.txt where there is one, without a bar on what is no terminal', () => {
      file('input.txt', 'anna\nbob\ncarla\ndora\n');
      const { status, stdout, stderr } = spawned(
        ['train', 'rnn', '--steps', '3', '--json'],
        folder,
      );
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
      ['docs', (value) => value === 32257],
      ['vocabSize', (value) => value === 27],
      ['params', (value) => value === 3600],
      ['losses', (value) => Array.isArray(value) && value.length === 60 && value.every(isNumber)],
      ['finalLoss', isNumber],
      ['last50Loss', isNumber],
      ['heldOutLoss', isNumber],
      ['samples', (value) => Array.isArray(value) && value.length === 3 && value.every(isText)],
      ['seconds', (value) => Object.values(value as object).every(isNumber)],
      ['batch', (value) => value === 1],
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
    const { code, out, err } = await vecgrad('compare', '--input', few, '--steps', '2', '--json');
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

  it('info --json has what the native addon says', async () => {
    const { code, out } = await vecgrad('info', '--json');
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
          const { code, out, err } = await vecgrad(...argv, ...small, '--steps', '50');
          assert.match(err, /^vecgrad: [^\n]*step \d+[^\n]*\n$/);
          assert.deepEqual([code, out], [1, '']);
        });
      }
    }
  });

  it('an instruction set that there is none of is refused, every other one runs', async () => {
    const { code, err } = await vecgrad('train', 'rnn', '--input', few, '--isa', 'scalarr');
    assert.match(err, /^vecgrad: unknown ISA "scalarr": use [^\n]*; did you mean scalar\?\n$/);
    assert.equal(code, 2);
    const { available } = (await processIo().info()).isas;
    for (const isa of available) {
      const result = await trained('rnn', '--input', few, '--steps', '2', '--isa', isa);
      assert.equal(result.isa, isa);
    }
  });
});
