/**
 * Files that mean harm: each is refused with an error of the library that names it, on one line, with at
 * most 100 MB of memory over what the process had. It is promised within a second; what the tests
 * hold it to is ten seconds of processor time, and that none hangs. Files changed at random are in
 * test/hostile/hostile.test.ts.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { loadModel } from '../../lib/study/model-file.js';
import { packageRoot } from '../../lib/core/package.js';
import { readSafetensors } from '../../lib/weights/safetensors.js';
import { SafetensorsError } from '../../lib/weights/safetensors-header.js';
import { bundled } from '../support/bundled.js';
import { vecgrad } from '../support/command-line.js';
import type { Job, Outcome } from '../support/hostile/load-files.js';
import { ROWS } from '../support/hostile/made-files.js';
import { saveGood } from '../support/hostile/model-files.js';
import type { Row, Way } from '../support/hostile/file-of.js';
import { WATCHDOG } from '../support/watchdog.js';

const LOAD = bundled('hostile/load-files.ts');
const PEAK = pathToFileURL(join(packageRoot(), 'test/support/hostile/peak.mjs')).href;
const CLI = join(packageRoot(), 'dist/cli.cjs');
/** Milliseconds of processor time that one file may take, however loaded the machine is. */
const MAX_MILLISECONDS = 10_000;
const MAX_MEMORY = 100e6;

/** Freed memory goes back to the system at once: what one file took does not hide what the next does. */
const ENV = { ...process.env, MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '65536' };

describe('a file that means harm', () => {
  before(function () {
    if (process.platform !== 'linux') this.skip(); // which tells of a process's memory, and has the files
  });
  const folder = mkdtempSync(join(tmpdir(), 'vecgrad-harm-'));
  after(() => rmSync(folder, { recursive: true }));
  const outcomes = new Map<string, Outcome>();
  const keyOf = ({ what }: Row, way: string): string => `${what}, ${way}`;

  before(async function () {
    const jobs: Job[] = [];
    const keys: string[] = [];
    for (const row of ROWS) {
      let path: string | undefined;
      for (const way of Object.keys(row.said) as Way[]) {
        // One file for all ways, where it stays what it is.
        if (path === undefined || row.trick) {
          path = row.path ?? join(folder, `${jobs.length}.safetensors`);
          row.make(path);
        }
        jobs.push({ path, way, ...(row.trick && { trick: row.trick }) });
        keys.push(keyOf(row, way));
      }
    }
    const list = join(folder, 'jobs.json');
    writeFileSync(list, JSON.stringify(jobs));
    const child = spawn(process.execPath, ['--expose-gc', LOAD, list], {
      env: ENV,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const kill = (): unknown => child.kill('SIGKILL');
    let timer = setTimeout(kill, WATCHDOG);
    for await (const line of createInterface(child.stdout)) {
      clearTimeout(timer);
      timer = setTimeout(kill, WATCHDOG);
      outcomes.set(keys[outcomes.size]!, JSON.parse(line) as Outcome);
    }
    clearTimeout(timer);
    assert.equal(outcomes.size, keys.length, `it hangs, or ends the process: ${keys[outcomes.size]!}`);
  });

  for (const row of ROWS) {
    it(row.what, () => {
      for (const [way, message] of Object.entries(row.said)) {
        const { said, memory } = outcomes.get(keyOf(row, way))!;
        assert.match(said, message, way);
        assert.ok(!/[\r\n]/.test(said), said);
        assert.ok(said.length < 1500, `a message of ${said.length} characters`);
        assert.ok(memory < MAX_MEMORY, `${way}: ${Math.round(memory / 1e6)} MB`);
      }
    });
  }

  it('takes at most', function () {
    const all = [...outcomes];
    const by = (of: (outcome: Outcome) => number) => all.reduce((a, b) => (of(b[1]) > of(a[1]) ? b : a));
    const [slowest, { milliseconds }] = by((outcome) => outcome.milliseconds);
    const [largest, { memory }] = by((outcome) => outcome.memory);
    assert.ok(milliseconds < MAX_MILLISECONDS, slowest);
    this.test!.title +=
      ` ${Math.round(milliseconds)} ms (${slowest}) and ${Math.round(memory / 1e6)} MB ` + `(${largest})`;
  });

  it('is one that was cut, wherever', () => {
    const path = join(folder, 'cut.safetensors');
    saveGood(path);
    const bytes = readFileSync(path);
    for (let size = 0; size < bytes.length; size++) {
      assert.throws(() => readSafetensors(bytes.subarray(0, size)), SafetensorsError);
    }
    // From the disk: around each place where something ends.
    const start = 8 + bytes.readUInt32LE(0);
    const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
      string,
      { data_offsets?: number[] }
    >;
    const ends = Object.values(header).flatMap(({ data_offsets = [] }) =>
      data_offsets.map((at) => start + at),
    );
    for (const end of [0, 8, start, ...ends]) {
      for (const size of [end - 1, end, end + 1]) {
        if (size < 0 || size >= bytes.length) continue;
        writeFileSync(path, bytes.subarray(0, size));
        assert.throws(() => loadModel(path), SafetensorsError, String(size));
      }
    }
  });

  describe('given to the command line', () => {
    const names = join(folder, 'names.txt');
    const good = join(folder, 'good.safetensors');
    const commands: Readonly<Record<string, (path: string) => string[]>> = {
      sample: (path) => ['sample', path],
      eval: (path) => ['eval', path, '--input', names],
      train: (path) => [
        'train',
        'rnn',
        '--input',
        names,
        '--steps',
        '1',
        '--n-embd',
        '4',
        '--n-state',
        '6',
        '--block-size',
        '3',
        '--save',
        path,
        '--resume',
      ],
    };
    function run(args: string[]): { status: number | null; stderr: string; memory: number } {
      const peak = join(folder, 'peak');
      const { status, stderr } = spawnSync(process.execPath, ['--import', PEAK, CLI, ...args], {
        encoding: 'utf8',
        timeout: WATCHDOG,
        env: { ...ENV, VECGRAD_PEAK: peak },
      });
      return { status, stderr, memory: Number(readFileSync(peak, 'utf8')) };
    }
    /** Which take memory: a process of their own shows how much. */
    const large = ['a header of 100 MB', 'as many texts as a header holds, one twice'];
    const small = [
      'a name of two lines, out of place',
      'a file of 10 GB with a small header',
      'a pipe that nobody writes to',
      '/dev/zero',
      'a folder',
    ];
    const paths = new Map<string, string>();
    before(() => {
      writeFileSync(names, 'abc\ncab\nbac\n');
      run(commands['train']!(good));
      for (const what of [...large, ...small]) {
        const { make, path = join(folder, `given ${paths.size}`) } = ROWS.find((row) => row.what === what)!;
        make(path);
        paths.set(what, path);
      }
    });
    for (const [command, args] of Object.entries(commands)) {
      it(command, async () => {
        const check = (what: string, status: number | null, stderr: string): void => {
          assert.equal(status, 1, `${what}: ${stderr}`);
          assert.match(stderr, /^vecgrad: [^\r\n]+\n$/, what);
          assert.ok(stderr.includes(JSON.stringify(paths.get(what))), stderr);
        };
        const right = run(args(good));
        assert.deepEqual([right.status, right.stderr], [0, '']);
        for (const what of large) {
          const { status, stderr, memory } = run(args(paths.get(what)!));
          check(what, status, stderr);
          assert.ok(memory - right.memory < MAX_MEMORY, `${what}: ${memory - right.memory} bytes`);
        }
        for (const what of small) {
          const { code, err } = await vecgrad(args(paths.get(what)!));
          check(what, code, err);
        }
      });
    }
  });
});
