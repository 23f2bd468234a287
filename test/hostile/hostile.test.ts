/**
 * Hostile calls: every function of the addon, compiled programs corrupted word by word, and everything
 * that the package exports, fed with what no one should give it. Each call throws an error or returns,
 * or its promise does: none ends the process, or never ends, or changes what sound calls compute.
 * Hostile files: saved models and checkpoints, changed at random, load as what they claim, or not at all.
 * VECGRAD_LONG=1 (`npm run test:long`) runs 1.2 million calls and 200,000 files; VECGRAD_HOSTILE_CASES sets
 * the number of each.
 * `VECGRAD_HOSTILE="addon 1 4711" npm test -- test/hostile/hostile.test.ts` runs one case again.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as library from '../../lib/index.js';
import { matrices } from '../../bench/matrices.js';
import { addon } from '../../lib/binding/addon.js';
import { bundled } from '../support/bundled.js';
import { addonRows } from '../support/hostile/addon.js';
import { apiRows } from '../support/hostile/api.js';
import { exported } from '../support/hostile/exported.js';
import { record } from '../support/hostile/recorded.js';
import { gaps } from '../support/hostile/rows.js';
import type { Report } from '../support/hostile/run.js';
import { Chance, copyOf, detach } from '../support/hostile/values.js';
import { WATCHDOG } from '../support/watchdog.js';
import { pattern } from '../support/pattern.js';

const RUN = bundled('hostile/run.ts');
const isLong = process.env['VECGRAD_LONG'] === '1';
/** By suite. */
const SUITES: Readonly<Record<string, { title: string; cases: number }>> = {
  addon: { title: 'calls of the addon', cases: isLong ? 500_000 : 2_500 },
  programs: { title: 'corrupted programs', cases: isLong ? 500_000 : 2_500 },
  api: { title: 'calls of what is exported', cases: isLong ? 200_000 : 2_500 },
  files: { title: 'changed files', cases: isLong ? 200_000 : 500 },
};
const GIVEN_CASES = process.env['VECGRAD_HOSTILE_CASES'];
/** Cases of one process. */
const BATCH = 25_000;
const MAX_RESIDENT = 1.5e9;

const folder = mkdtempSync(join(tmpdir(), 'vecgrad-hostile-'));
after(() => rmSync(folder, { recursive: true }));

/** Runs cases in a process of their own; a crash, and where it was, is a failure. */
async function runCases(suite: string, seed: number, first: number, count: number): Promise<Report> {
  const file = join(folder, `${suite}-${first}`);
  const args = ['--expose-gc', RUN, suite, `${seed}`, `${first}`, `${count}`, file];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const current = (): number => {
    try {
      return readFileSync(file).readDoubleLE(0);
    } catch {
      return -1; // none has begun
    }
  };
  let stdout = '';
  let stderr = '';
  let seen = -1;
  let hangs = false as boolean;
  const watch = setInterval(() => {
    const now = current();
    hangs = now === seen;
    if (hangs) child.kill('SIGKILL');
    seen = now;
  }, WATCHDOG);
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on('close', (c, s) => {
      resolve([c, s]);
    }),
  );
  clearInterval(watch);
  if (code === 0) return JSON.parse(stdout.trim().split('\n').at(-1)!) as Report;
  const end = hangs ? 'hangs' : `ended with ${signal ?? `exit code ${String(code)}`}`;
  throw new Error(
    `case ${current()} ${end}: see it by VECGRAD_HOSTILE="${suite} ${seed} ` +
      `${current()}"\n${stderr.slice(0, 2000)}`,
  );
}

describe('hostile', () => {
  it('calls have a row for every function of the addon, and for no other', () => {
    assert.deepEqual(gaps(addonRows(record(), new Chance(1))), []);
  });

  it(
    'have a row for every function, constructor, method and getter that is exported, and for no ' + 'other',
    () => {
      const here = process.cwd();
      process.chdir(folder);
      try {
        assert.deepEqual([gaps(apiRows(new Chance(1))), exported().unknown], [[], []]);
      } finally {
        process.chdir(here);
      }
    },
  );

  /** What is there only to say why there is no such thing: see the class. */
  const REFUSED: ReadonlySet<string> = new Set([
    'Index.data get',
    'Index.grad get',
    'Program.step',
    'Value.data set',
    'Value.grad set',
  ]);

  it('start from arguments that are right', async () => {
    const here = process.cwd();
    process.chdir(folder);
    try {
      const tried = async ({ rows, calls }: ReturnType<typeof apiRows>, path: string) =>
        Promise.allSettled(
          Array.from({ length: 8 }, (_, i) =>
            Promise.resolve().then(() => calls.get(path)!(...rows[path]!(new Chance(i), () => undefined))),
          ),
        );
      const isFulfilled = ({ status }: PromiseSettledResult<unknown>): boolean => status === 'fulfilled';
      const shared = apiRows(new Chance(1));
      for (const path of shared.calls.keys()) {
        let results = await tried(shared, path);
        // What the earlier calls trained may be NaN by now: then on objects of its own.
        if (!results.some(isFulfilled) && !REFUSED.has(path))
          results = await tried(apiRows(new Chance(1)), path);
        const isRight = results.some(isFulfilled);
        assert.equal(
          isRight,
          !REFUSED.has(path),
          `${path}: ${String((results[0] as PromiseRejectedResult).reason)}`,
        );
      }
    } finally {
      process.chdir(here);
    }
  });

  const again = process.env['VECGRAD_HOSTILE']?.split(' ');
  const suites = again
    ? [{ suite: again[0]!, seed: Number(again[1]), first: Number(again[2]), cases: 1 }]
    : Object.entries(SUITES).map(([suite, { cases }]) => ({
        suite,
        seed: 1,
        first: 0,
        cases: Number(GIVEN_CASES ?? cases),
      }));
  for (const { suite, seed, first, cases } of suites) {
    it(`${SUITES[suite]!.title}: ${cases} cases throw or return`, async function () {
      let [returned, threw] = [0, 0];
      for (let from = first; from < first + cases; from += BATCH) {
        const report = await runCases(suite, seed, from, Math.min(BATCH, first + cases - from));
        assert.deepEqual(report.failures, []);
        assert.ok(report.resident < MAX_RESIDENT, `${report.resident} bytes`);
        returned += report.returned;
        threw += report.threw;
      }
      // Of both there must be many, or the table is no test.
      if (cases >= 500)
        assert.ok(returned > cases / 50 && threw > cases / 50, `${returned} returned, ${threw} threw`);
    });
  }
});

describe('what once crashed', () => {
  const recording = record();
  const given = (name: string): unknown[] => copyOf(recording[name]![0]) as unknown[];
  const calls = addon as unknown as Record<string, (...args: unknown[]) => unknown>;
  /** The arguments with a getter in place of a property of the one that is an object. */
  const trapped = (name: string, key: string, get: (spec: Record<string, unknown>) => unknown): unknown[] => {
    const args = given(name);
    const spec = args.find((x) => typeof x === 'object' && x !== null && key in x) as Record<string, unknown>;
    Object.defineProperty(spec, key, { get: () => get(spec) });
    return args;
  };
  const thrown = (): never => {
    throw new RangeError('by a getter');
  };

  const keys: Record<string, string> = {
    generate: 'random',
    runSeries: 'rules',
    countUses: 'start',
    assembleScalarBytecode: 'list',
    numberKinds: 'ops',
    differentiateNumbers: 'positions',
    createProgram: 'maxLength',
  };
  for (const [name, key] of Object.entries(keys)) {
    it(`${name} with a getter that throws`, () => {
      assert.throws(() => calls[name]!(...trapped(name, key, thrown)), { message: 'by a getter' });
    });
  }

  it('generate with a getter of its last property that throws', () => {
    assert.throws(() => calls['generate']!(...trapped('generate', 'isPrefix', thrown)), {
      message: 'by a getter',
    });
  });

  const detached: [name: string, key: string, taken: string][] = [
    ['countUses', 'adding', 'list'],
    ['assembleScalarBytecode', 'adding', 'start'],
    ['numberKinds', 'leaves', 'list'],
    ['runSeries', 'stepSlots', 'rules'],
    ['runSeries', 'batches', 'rules'],
  ];
  for (const [name, key, taken] of detached) {
    it(`${name} with a getter that takes the memory of an array read before`, () => {
      const of = (args: unknown[]): Record<string, unknown> =>
        args.find((x) => typeof x === 'object' && x !== null && key in x) as Record<string, unknown>;
      const value = of(given(name))[key];
      const args = trapped(name, key, (spec) => {
        detach(spec[taken] as Int32Array);
        return value;
      });
      assert.throws(() => calls[name]!(...args), Error);
    });
  }

  it('a bound program whose memory was transferred', () => {
    const [handle, arena, ints, range] = given('bind') as Parameters<typeof addon.bind>;
    for (const taken of [0, 1, 2]) {
      const memory = [arena.slice(), ints.slice(), range.slice()] as const;
      const run = addon.bind(handle, ...memory);
      run();
      detach(memory[taken]!);
      assert.throws(run, { message: "a program's memory was transferred or shrunk" });
    }
  });

  it('runSeries with more columns than there is memory for', () => {
    const many = Object.assign([], { length: 2 ** 32 - 1 });
    for (const key of ['indices', 'numbers']) {
      assert.throws(
        () => calls['runSeries']!(...trapped('runSeries', key, () => many)),
        /columns, more than a million/,
      );
    }
  });

  const floats = new Float64Array(8);
  const same = new Int32Array(floats.buffer);
  const most = 2 ** 30 - 1;
  const rows: [what: string, call: () => unknown, message: RegExp][] = [
    [
      'indices in the memory that they choose',
      () => matrices.scatterAdd(floats, 2, new Float64Array(4), same.subarray(0, 1), 1, 4),
      /shares memory/,
    ],
    [
      'products of one row without end',
      () => matrices.gemm(floats, 0, 0, floats, 0, 0, 0, floats, 0, 0, 0, most, 1, most, 1, 0),
      /leaves its array/,
    ],
    [
      'lines where the numbers of the first tokens go',
      () =>
        addon.text.encode(
          new Uint8Array(4),
          same.subarray(0, 3),
          same.subarray(8),
          1,
          same.subarray(3, 5),
          same.subarray(1, 4),
        ),
      /memory of its own/,
    ],
    [
      'a range that another thread can change',
      () =>
        addon.bind(
          given('bind')[0] as object,
          new Float64Array(9999),
          new Int32Array(9999),
          new Int32Array(new SharedArrayBuffer(16)),
        ),
      /Int32Array of five/,
    ],
    [
      'a region whose rows begin behind the last position',
      () => {
        const [spec, rows] = recording['rows']![0]! as [
          Parameters<typeof addon.createProgram>[0],
          Parameters<typeof addon.planRows>[1],
        ];
        const numberRegions = rows.numberRegions.slice();
        numberRegions[2] = 2 ** 31 - 1;
        addon.planRows(addon.createProgram(spec), { ...rows, numberRegions });
      },
      /a region that is unsound/,
    ],
  ];
  for (const [what, call, message] of rows) it(what, () => assert.throws(call, { message }));
});

describe('what once took the memory, or had no end', () => {
  // Of a copy of so many holes the process dies; their text is four billion commas.
  const holes = Object.assign([1], { length: 2 ** 32 - 1 }) as never[];
  const hole = holes as never;
  const own: unknown[] = [];
  own[0] = own;
  const x = library.parameter(
    [
      [1, 2],
      [3, 4],
    ],
    { name: 'x' },
  );
  const vector = library.parameter([1, 2]);
  const random = new library.Random(1);
  const docs = ['ab', 'ba'];
  const tokenizer = new library.Tokenizer(docs);
  const sizes = { nEmbd: 2, nHead: 1, blockSize: 2, nState: 2, nAtt: 1 };
  const model = library.buildModel('vector', tokenizer.vocabSize, sizes, random);
  const training = (): library.Training => new library.SGD({ learningRate: 0.1 }).minimize(x.sum());
  const rows: [what: string, call: () => unknown, message: RegExp][] = [
    ['stack', () => library.stack(holes), /^stack\[0\]: expected a Value, got 1/],
    [
      'addN',
      () => library.addN(Object.assign([vector], { length: 2 ** 32 - 1 })),
      /^addN\[1\]: expected a Value, got undefined/,
    ],
    ['vstack', () => library.vstack(holes), /^vstack\[0\]/],
    ['grad', () => library.grad(x, holes), /^grad\[0\]/],
    ['saveWeights', () => library.saveWeights('w', holes), /^parameters\[0\]/],
    [
      'a root of no graph',
      () => library.compile(Object.create(library.Value.prototype) as library.Value),
      /the root is an object, expected a Value/,
    ],
    [
      'input',
      () => library.input('x', holes),
      /^input 'x': 4294967295 axes: an array has at most .* 32 axes$/,
    ],
    ['reshape', () => x.reshape([2, hole]), /array of integers/],
    ['numbers that hold themselves', () => library.parameter(own as never), /nested more than 32 deep/],
    ['numbers without end', () => library.parameter({ length: 2 ** 32, 0: 1 }), /at most 1073741824 numbers/],
    ['a shape that no memory holds', () => library.zeros([2 ** 20, 2 ** 20]), /at most 1073741824 numbers/],
    ['sum', () => x.sum(holes), /array of at most 2/],
    ['an axis', () => x.softmax(hole), /axis an array: expected one axis, an integer/],
    ['split', () => library.split(x, 2 ** 31), /into 2147483648/],
    ['shuffle', () => random.shuffle({ length: 2 ** 32 - 1 }), /shuffle: length of the list 4294967295/],
    ['gaussians', () => random.gaussians(2 ** 40), /expected an integer from 0/],
    ['weightedIndex', () => random.weightedIndex(holes), /weights: 4294967295/],
    ['a rate', () => library.schedules.exponential(hole, 1), /rate an array: expected a number/],
    ['an initialiser', () => library.nn.initializers.xavierNormal(hole), /gain an array: expected a number/],
    [
      'a shape of an initialiser',
      () => library.nn.initializers.uniform()([2 ** 31], random),
      /at most 1073741824 numbers/,
    ],
    [
      'a name of a module',
      () => new library.nn.Linear(2, 2, { random, name: hole }),
      /name an array: expected a string/,
    ],
    ['neurons', () => new library.nn.ScalarLayer(2 ** 20, 2 ** 20, { random }), /nIn 1048576/],
    ['Tokenizer', () => new library.Tokenizer(holes), /4294967295 documents/],
    ['splitHeldOut', () => library.splitHeldOut(holes), /4294967295/],
    ['decode', () => tokenizer.decode([hole]), /no token an array/],
    ['sizes', () => library.buildModel('rnn', 3, { blockSize: 2 ** 31 }, random), /blockSize 2147483648/],
    [
      'sizes together',
      () => library.buildModel('vector', 3, { blockSize: 2 ** 20 }, random),
      pattern(
        /^vector of these sizes would not fit in memory: /,
        /lower blockSize \(1048576\) or nLayer \(1\) or nHead \(4\)$/,
      ),
    ],
    [
      'positions of a recurrent net',
      () => library.buildModel('rnn', 3, { blockSize: 2 ** 20 }, random),
      /^rnn of these sizes would not fit in memory: lower blockSize \(1048576\)$/,
    ],
    [
      'the length of an embedding',
      () => library.buildModel('vector', 5, { nEmbd: 1e6 }, random),
      /^vector of 12000026000000 numbers, more than 268435456, .*: lower nEmbd \(1000000\) or nLayer \(1\)$/,
    ],
    [
      'the length of a state',
      () => library.buildModel('rnn', 5, { nState: 1e5 }, random),
      /^rnn of \d+ numbers, more than 268435456, .*: lower nEmbd \(16\) or nState \(100000\)$/,
    ],
    [
      'steps',
      () => library.runExperiment('rnn', { docs, steps: Infinity, sizes }),
      /steps Infinity: expected an integer/,
    ],
    ['a batch', () => library.runExperiment('rnn', { docs, batch: 2 ** 31, sizes }), /batch 2147483648/],
    [
      'samples',
      () => library.sample(model, tokenizer, random, { count: 2 ** 30, temperature: 1 }),
      /count 1073741824: expected at most/,
    ],
    ['restore', () => training().restore({ ...training().state(), steps: Infinity }), /steps Infinity/],
    [
      'a graph for a path',
      () => library.saveModel(model.logits as never, model, tokenizer),
      /path must be a string/,
    ],
    [
      'numbersOf',
      () => library.numbersOf({ type: hole, shape: [0], bytes: new Uint8Array() }),
      /type an array/,
    ],
  ];
  for (const [what, call, message] of rows) it(what, () => assert.throws(call, { message }));

  it('train', async () => {
    await assert.rejects(library.train(model, holes), /4294967295 documents/);
    await assert.rejects(library.train(model, docs, { steps: 2 ** 40 }), /steps 1099511627776/);
  });
});
