/** `vecgrad bench`: what it measures, the file it writes, what it refuses, what it compares. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bench, parseBench, type BenchArguments } from '../../lib/cli/bench.js';
import { QUICK, FULL, whenEmulated, type Effort } from '../../lib/bench/effort.js';
import { figures, geometricMean, named } from '../../lib/bench/figures.js';
import { escape, html } from '../../lib/bench/page/html.js';
import { caches, describeMachine, emulation, type Signs } from '../../lib/bench/machine.js';
import { inTurns, meanOfMedians, median, microseconds } from '../../lib/bench/measure.js';
import { pageHtml } from '../../lib/bench/page/page.js';
import { parseReport, type BenchReport } from '../../lib/bench/report.js';
import { runBench } from '../../lib/bench/run.js';
import { comparisonText, EMULATED, reportText } from '../../lib/bench/text.js';
import { main } from '../../lib/cli/main.js';
import { processIo } from '../../lib/cli/io.js';
import { runExperiment } from '../../lib/study/experiment.js';
import { MODEL_NAMES } from '../../lib/study/models/sizes.js';
import { embeddedNamesPath, openDocuments } from '../../lib/study/documents.js';
import { addon } from '../../lib/binding/addon.js';
import { packageRoot } from '../../lib/core/package.js';
import { benchReport, DTYPES, MODELS, PARTS } from '../support/bench-report.js';

const ISAS = addon.info().available;
const QEMU = { by: 'qemu', because: 'a test says so' };

/** The names in native/kernels/kernels.def, read as text: the list that the bench must cover. */
function listedKernels(): string[] {
  const [list, functions] = ['kernels.def', 'elementwise.def'].map((file) =>
    readFileSync(join(packageRoot(), 'native/kernels', file), 'utf8'),
  ) as [string, string];
  const all = list.replace('#include "kernels/elementwise.def"', functions);
  const rows = all.matchAll(/^(?:UNARY|BINARY|KERNEL)\((\w+)|^FUNCTION[12]\((\w+), kernel/gm);
  return [...rows].map(([, kernel, vectorFunction]) => (kernel ?? vectorFunction)!);
}

describe('bench: the native half', () => {
  const { bench: native } = addon;

  it('has every kernel of native/kernels/kernels.def', () => {
    assert.deepEqual(
      native.kernels().map(({ name }) => name),
      listedKernels(),
    );
  });

  const rows: [what: string, call: () => unknown, message: RegExp][] = [
    ['an unknown kernel', () => native.time('nothing', 1, true, 'scalar', 0), /bench\.time: expected/],
    ['a kernel with a NUL', () => native.time('add\0', 1, true, 'scalar', 0), /bench\.time: expected/],
    ['n of 0', () => native.time('add', 0, true, 'scalar', 0), /n from 1/],
    ['n of 1.5', () => native.time('add', 1.5, true, 'scalar', 0), /n from 1/],
    ['n of NaN', () => native.time('add', NaN, true, 'scalar', 0), /n from 1/],
    ['n too large', () => native.time('gemm', 1e9, true, 'scalar', 0), /n from 1 to its most/],
    ['n of infinity', () => native.time('gemm', Infinity, true, 'scalar', 0), /n from 1/],
    ['an unknown isa', () => native.time('add', 1, true, 'sse9', 0), /bench\.time/],
    ['openblas for no product', () => native.time('add', 1, true, 'openblas', 0), /bench\.time/],
    ['a budget below 0', () => native.time('add', 1, true, 'scalar', -1), /budget/],
    ['a budget of hours', () => native.time('add', 1, true, 'scalar', 1e13), /budget/],
    ['no argument', () => (native.time as () => unknown)(), /bench\.time: expected/],
    ['a number for a type', () => native.time('add', 1, 1 as never, 'scalar', 0), /float32/],
    ['openblas as a peak', () => native.gflops(true, 'openblas', 0), /bench\.gflops/],
    ['no budget', () => (native.gflops as (f: boolean, isa: string) => unknown)(true, 'scalar'), /gflops/],
    ['no bytes', () => native.bandwidth(0, true, 'scalar', 0), /bytes from 1/],
    ['all the memory', () => native.bandwidth(2 ** 52, true, 'scalar', 0), /bytes from 1 to 2\^29/],
    ['a symbol', () => native.vectorBits(Symbol('avx2') as never), /bench\.vectorBits/],
  ];
  for (const [what, call, message] of rows) {
    it(`refuses ${what}`, () => assert.throws(call, { name: 'TypeError', message }));
  }

  for (const { name, most, openblas } of native.kernels()) {
    it(`times ${name} on every instruction set, in both types`, () => {
      for (const isa of openblas ? [...ISAS, 'openblas'] : ISAS) {
        for (const float32 of [true, false]) {
          for (const n of [1, 17, 64].filter((size) => size <= most)) {
            const timed = native.time(name, n, float32, isa, 0);
            assert(timed.nanoseconds >= 0 && Number.isFinite(timed.nanoseconds), `${isa} ${n}`);
            assert(timed.bytes >= timed.footprint && timed.footprint > 0, `${isa} ${n}`);
          }
        }
      }
    });
  }

  it('counts the work of a product and of an addition', () => {
    const n = 32;
    const product = native.time('gemm', n, true, ISAS[0]!, 0);
    assert.deepEqual([product.flop, product.bytes], [2 * n ** 3, 3 * n * n * 4]);
    const sum = native.time('add', n, false, ISAS[0]!, 0);
    assert.deepEqual([sum.flop, sum.bytes], [n, 3 * n * 8]);
  });

  it('knows the vectors of every instruction set', () => {
    const fixed: Record<string, number> = { scalar: 32, avx2: 256, avx512: 512, neon: 128 };
    for (const isa of ISAS) {
      assert(native.vectorBits(isa) >= 32 && native.vectorBits(isa) <= 2048, isa);
      if (isa in fixed) assert.equal(native.vectorBits(isa), fixed[isa]);
    }
  });
});

const tiny: Effort = {
  ...QUICK,
  turns: 1,
  budget: 1e3,
  sizes: { n: [16], '16 x n': [8], 'n x n': [8], 'n x n x n': [8] },
  workingSets: [4096],
  steps: 20,
  trainings: 1,
  models: ['vector', 'rnn'],
  nStates: [32],
};

describe('bench: a run', function () {
  let report: BenchReport;
  const stages: string[] = [];
  before(() => {
    report = runBench(tiny, (what) => stages.push(what));
  });

  it('is what its own check takes, through JSON', () => {
    assert.deepEqual(parseReport(JSON.stringify(report), 'own.json').kernels.length, report.kernels.length);
  });
  it('has a row for every kernel, type and instruction set', () => {
    const keys = report.kernels.map(({ kernel, dtype, isa }) => `${kernel} ${dtype} ${isa}`);
    const wanted = addon.bench
      .kernels()
      .flatMap(({ name, openblas }) =>
        DTYPES.flatMap((dtype) =>
          [...ISAS, ...(openblas ? ['openblas'] : [])].map((isa) => `${name} ${dtype} ${isa}`),
        ),
      );
    assert.deepEqual(keys.sort(), wanted.sort());
  });
  it('has the losses of the trainings', () => {
    for (const { model, dtype, isa, steps, finalLoss } of report.models) {
      const name = MODEL_NAMES.find((one) => one === model)!;
      const docs = openDocuments(embeddedNamesPath());
      const { finalLoss: expected } = runExperiment(name, { docs, steps, dtype, isa, samples: 0 });
      assert.equal(finalLoss, expected, `${model} ${dtype} ${isa}`);
    }
    assert.equal(report.models.length, 2 * 2 * ISAS.length);
  });
  it('has both recurrent nets, part by part', () => {
    assert.deepEqual(
      report.states.map(({ model, nState, part }) => `${model} ${nState} ${part}`),
      ['rnn', 'rnn_att'].flatMap((model) => PARTS.map((part) => `${model} 32 ${part}`)),
    );
  });
  it('tells what it is doing', () => {
    assert(stages.length > addon.bench.kernels().length, stages.join(', '));
  });
  it('prints every kernel and model', () => {
    const text = reportText(report);
    for (const name of [...listedKernels(), 'vector', 'rnn_att'])
      assert.match(text, new RegExp(`\\b${name}\\b`));
    assert.doesNotMatch(text, /NaN|undefined|Infinity/);
  });
  it('times less where times mean nothing', () => {
    const emulated = whenEmulated(FULL);
    assert(emulated.turns < FULL.turns && emulated.budget < FULL.budget);
    assert.deepEqual(emulated.sizes, FULL.sizes);
  });
});

describe('bench: the file', () => {
  /** A report as JSON.parse gives it, spoiled. */
  type Json = Record<string, unknown>;
  const at = (value: unknown, ...path: (string | number)[]): Json =>
    path.reduce<Json>((inner, key) => (inner as Record<string | number, Json>)[key]!, value as Json);
  const kernel = (json: Json, i = 0): Json => at(json, 'kernels', i);

  const rows: [what: string, spoil: (json: Json) => void, message: RegExp][] = [
    [
      'no schema',
      (json) => delete json['schema'],
      /bad\.json: schema: expected "vecgrad-bench\/1", got nothing/,
    ],
    [
      'another schema',
      (json) => (json['schema'] = 'vecgrad-bench/2'),
      /bad\.json: schema is vecgrad-bench\/2, this vecgrad reads vecgrad-bench\/1/,
    ],
    ['a foreign schema', (json) => (json['schema'] = 'else'), /bad\.json: schema: expected/],
    ['no machine', (json) => delete json['machine'], /bad\.json: machine: expected an object, got nothing/],
    ['a machine of text', (json) => (json['machine'] = 'PC'), /machine: expected an object, got "PC"/],
    ['a list as machine', (json) => (json['machine'] = []), /machine: expected an object/],
    ['no processor', (json) => delete at(json, 'machine')['cpu'], /machine\.cpu: expected a line/],
    ['a processor of two lines', (json) => (at(json, 'machine')['cpu'] = 'a\nb'), /machine\.cpu/],
    ['a processor that turns text', (json) => (at(json, 'machine')['cpu'] = 'a\u202eb'), /machine\.cpu/],
    [
      'a long processor',
      (json) => (at(json, 'machine')['cpu'] = 'x'.repeat(1e4)),
      /machine\.cpu: expected a line of at most 200/,
    ],
    ['half a core', (json) => (at(json, 'machine')['cores'] = 0.5), /machine\.cores: expected a whole/],
    [
      'emulation by true',
      (json) => (at(json, 'machine')['emulated'] = true),
      /machine\.emulated: expected an object, got true/,
    ],
    ['no emulation', (json) => delete at(json, 'machine')['emulated'], /machine\.emulated/],
    [
      'a time of 0',
      (json) => (kernel(json, 3)['nanoseconds'] = 0),
      /kernels\[3\]\.nanoseconds: expected a number between 1e-12 and 1e18, got 0/,
    ],
    ['a time below 0', (json) => (kernel(json)['nanoseconds'] = -1), /kernels\[0\]\.nanoseconds/],
    ['a time of text', (json) => (kernel(json)['nanoseconds'] = '1'), /nanoseconds.*got "1"/],
    [
      'an endless time',
      (json) => (kernel(json)['nanoseconds'] = 1e300),
      /nanoseconds: expected a number between 1e-12 and 1e18, got 1e\+300/,
    ],
    ['no time', (json) => (kernel(json)['nanoseconds'] = null), /nanoseconds.*got null/],
    [
      'a type of old',
      (json) => (kernel(json)['dtype'] = 'float16'),
      /kernels\[0\]\.dtype: expected "float32" or "float64"/,
    ],
    ['markup as kernel', (json) => (kernel(json)['kernel'] = '<b>'), /kernels\[0\]\.kernel: expected a name/],
    ['__proto__ as kernel', (json) => (kernel(json)['kernel'] = '__proto__'), /kernels\[0\]\.kernel/],
    ['a shape of its own', (json) => (kernel(json)['shape'] = 'n!'), /kernels\[0\]\.shape/],
    ['instructions of text', (json) => (kernel(json)['instructions'] = '9'), /kernels\[0\]\.instructions/],
    ['kernels as an object', (json) => (json['kernels'] = {}), /kernels: expected a list/],
    [
      'too many kernels',
      (json) => (json['kernels'] = Array.from({ length: 1e5 + 1 }, () => 0)),
      /kernels: expected a list of at most 100000 items, got 100001/,
    ],
    [
      'a loss of text',
      (json) => (at(json, 'models', 1)['finalLoss'] = 'low'),
      /models\[1\]\.finalLoss: expected a number between -1e18 and 1e18, got "low"/,
    ],
    [
      'work below 0',
      (json) => (kernel(json)['flop'] = -1),
      /flop: expected 0 or a number between 1e-12 and .*, got -1/,
    ],
    [
      'work without end',
      (json) => (kernel(json)['flop'] = 1e18),
      /flop: expected 0 or a number between .*, got 1000000000000000000/,
    ],
    [
      'a loss without end',
      (json) => (at(json, 'models', 1)['heldOutLoss'] = -1e18),
      /heldOutLoss: expected a number between -1e18 and/,
    ],
    [
      'more cores than can be counted',
      (json) => (at(json, 'machine')['cores'] = 1e16),
      /cores: expected a whole number from 1 to 9007199254740991, got 10000000000000000/,
    ],
    [
      'a kernel of a long name',
      (json) => (kernel(json)['kernel'] = 'a'.repeat(41)),
      /kernel: expected a name of at most 40 characters a to z, 0 to 9 and _, the first a letter, got "a/,
    ],
    [
      'a byte order mark in a text',
      (json) => (json['vecgrad'] = '\ufeff1'),
      /vecgrad: expected a line of at most 200 characters, without control and format characters, got/,
    ],
    ['another part', (json) => (at(json, 'states', 0)['part'] = 'all'), /states\[0\]\.part/],
    ['a peak of 0', (json) => (at(json, 'peaks', 'flops', 0)['gflops'] = 0), /peaks\.flops\[0\]\.gflops/],
  ];
  for (const [what, spoil, message] of rows) {
    it(`refuses ${what}`, () => {
      const json = JSON.parse(JSON.stringify(benchReport())) as Json;
      spoil(json);
      assert.throws(() => parseReport(JSON.stringify(json), 'bad.json'), { name: 'ReportError', message });
    });
  }
  for (const [what, source, message] of [
    ['nothing', '', /^bad\.json is not JSON/],
    ['half of one', JSON.stringify(benchReport()).slice(0, 500), /^bad\.json is not JSON/],
    ['null', 'null', /^bad\.json: the file: expected an object, got null/],
    ['a number', '5', /^bad\.json: the file: expected an object, got 5/],
    ['a list', '[]', /^bad\.json: the file: expected an object/],
  ] as const) {
    it(`refuses ${what} in place of a report`, () => {
      assert.throws(() => parseReport(source, 'bad.json'), { name: 'ReportError', message });
    });
  }

  it('is taken whole', () => {
    const report = benchReport({ counted: true, emulated: QEMU });
    assert.deepEqual(parseReport(JSON.stringify(report), 'good.json'), report);
  });
  it('may have fields of later versions, which are left out', () => {
    const json = { ...benchReport(), later: { a: 1 } };
    assert.equal('later' in parseReport(JSON.stringify(json), 'good.json'), false);
  });
});

describe('bench: the figures', () => {
  const report = benchReport({
    vectors: [
      { name: 'avx512', vectorBits: 512 },
      { name: 'avx2', vectorBits: 256 },
    ],
    counted: true,
  });
  const of = (kernel: string, n: number, dtype: string, isa: string) =>
    figures(report).find(
      ({ row }) => row.kernel === kernel && row.n === n && row.dtype === dtype && row.isa === isa,
    )!;

  const rows: [
    kernel: string,
    n: number,
    dtype: string,
    isa: string,
    overScalar: number,
    rate: number,
    unit: string,
  ][] = [
    ['add', 1024, 'float32', 'avx512', 16, (2 * 1024 * 4) / (1024 / 16), 'GB/s'],
    ['add', 1024, 'float64', 'avx512', 8, (2 * 1024 * 8) / (1024 / 8), 'GB/s'],
    ['softmax', 32, 'float32', 'avx2', 8, (2 * 512 * 4) / (512 / 8), 'GB/s'],
    ['gemm', 64, 'float64', 'avx2', 4, 2 * 4, 'GFLOP/s'],
    ['gemm', 64, 'float64', 'scalar', 1, 2, 'GFLOP/s'],
  ];
  for (const [kernel, n, dtype, isa, overScalar, rate, unit] of rows) {
    it(`${kernel} ${n} ${dtype} ${isa}: ${overScalar} times scalar, ${rate} ${unit}`, () => {
      const found = of(kernel, n, dtype, isa);
      assert.deepEqual([found.overScalar, found.rate, found.unit], [overScalar, rate, unit]);
      assert.equal(found.fewerInstructions, overScalar);
    });
  }
  it('compares products with OpenBLAS and the peak of the type, and nothing else with it', () => {
    assert.equal(of('gemm', 64, 'float32', 'avx512').overOpenBlas, 4);
    assert.equal(of('add', 1024, 'float32', 'avx512').overOpenBlas, undefined);
    assert.equal(of('gemm', 64, 'float32', 'avx512').ofPeak, 0.5);
  });
  it('takes the bandwidth of a working set that is no larger', () => {
    // 8,192 bytes lie between the measured 4,096 (640 GB/s on these vectors) and 65,536.
    assert.equal(of('add', 1024, 'float32', 'avx512').ofPeak, 128 / 640);
  });
  it('averages ratios by the geometric mean, times by the median of turns', () => {
    assert(Math.abs(geometricMean([1, 4, 16]) - 4) < 1e-12);
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([9, 1, 5, 6]), 5.5);
    assert.equal(
      meanOfMedians([
        [1, 90, 5],
        [2, 10, 5],
        [70, 11, 80],
      ]),
      (2 + 11 + 5) / 3,
    );
    const order: string[] = [];
    const turn = (name: string) => () => order.push(name);
    inTurns([turn('a'), turn('b')], 1);
    assert.equal(order.join(''), 'abab', 'they take turns, after one that is not counted');
  });
});

describe('bench: the time of a call', () => {
  // A clock that the call itself turns: 3 microseconds, and a hundred times that where interrupted.
  const rows: [what: string, interrupted: (call: number) => boolean][] = [
    ['undisturbed', () => false],
    ['where the first timed call is interrupted', (call) => call === 2],
    ['where every 50th is', (call) => call % 50 === 0],
  ];
  for (const [what, interrupted] of rows) {
    it(what, () => {
      const now = performance.now.bind(performance);
      let [clock, calls] = [0, 0];
      performance.now = () => clock;
      try {
        const found = microseconds(200, () => {
          clock += interrupted(++calls) ? 0.3 : 0.003;
        });
        assert(Math.abs(found - 3) < 1e-6, String(found));
      } finally {
        performance.now = now;
      }
    });
  }
});

describe('bench: the machine', () => {
  it('is described as the check wants it', () => {
    const machine = describeMachine();
    const report = { ...benchReport(), machine };
    assert.deepEqual(parseReport(JSON.stringify(report), 'here').machine, machine);
    assert.deepEqual(
      machine.isas.map(({ name }) => name),
      ISAS,
    );
    assert.equal(machine.node, process.version);
  });

  const real: Signs = {
    ...{ stated: undefined, native: '', arch: 'x64', cpu: 'AMD EPYC' },
    ...{ cpuinfo: 'processor\t: 0\nvendor_id\t: AuthenticAMD\n', executable: '/usr/bin/node' },
  };
  const arm = 'processor\t: 0\nCPU implementer\t: 0x41\n';
  const rows: [what: string, signs: Partial<Signs>, by: string | undefined][] = [
    ['a real processor', {}, undefined],
    ['a real ARM', { arch: 'arm64', cpu: 'unknown', cpuinfo: arm }, undefined],
    ['a real RISC-V', { arch: 'riscv64', cpuinfo: 'processor : 0\nisa : rv64imafdcv\n' }, undefined],
    ['no /proc at all', { cpuinfo: '', executable: '' }, undefined],
    ['a machine that no list knows', { arch: 'ppc64' }, undefined],
    ['a statement', { stated: 'gem5' }, 'gem5'],
    ['a statement of two lines', { stated: 'gem5\n<b>' }, 'gem5 <b>'],
    ['an empty statement', { stated: '' }, undefined],
    ['a denial, against all signs', { stated: '0', native: 'qemu', executable: '/x/qemu-x86_64' }, undefined],
    ["the processor's word", { native: 'qemu' }, 'qemu'],
    ["QEMU's user mode by its program", { executable: '/usr/bin/qemu-aarch64-static' }, 'qemu'],
    ["QEMU's user mode by the host's cpuinfo", { arch: 'arm64', executable: '' }, 'qemu'],
    ['the same on RISC-V', { arch: 'riscv64', executable: '' }, 'qemu'],
    ['x86-64 on ARM', { cpuinfo: arm, executable: '' }, 'qemu'],
    ['Rosetta', { cpu: 'VirtualApple @ 2.50GHz' }, 'Rosetta 2'],
    ['a folder called qemu', { executable: '/opt/qemu/bin/node' }, undefined],
  ];
  for (const [what, signs, by] of rows) {
    it(`${by === undefined ? 'is not emulated' : `is emulated by ${JSON.stringify(by)}`}: ${what}`, () => {
      assert.equal(emulation({ ...real, ...signs })?.by, by);
    });
  }

  it('has the caches that Linux lists, by level', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vecgrad-caches-'));
    const cache = (name: string, files: Record<string, string>): void => {
      mkdirSync(join(folder, name));
      for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, name, file), `${text}\n`);
    };
    cache('index2', { level: '2', type: 'Unified', size: '1M' });
    cache('index0', { level: '1', type: 'Data', size: '48K' });
    cache('index1', { level: '1', type: 'Instruction', size: 'unknown' });
    cache('index3', { level: '3' });
    cache('uevent', {});
    try {
      assert.deepEqual(caches(folder), [
        { level: 1, type: 'data', bytes: 49152 },
        { level: 2, type: 'unified', bytes: 1048576 },
      ]);
      assert.deepEqual(caches(join(folder, 'missing')), []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('bench: text stays text', () => {
  const rows: [given: string, escaped: string][] = [
    ['<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
    [`"' onload='x`, '&quot;&#39; onload=&#39;x'],
    ['&amp;', '&amp;amp;'],
    ['plain', 'plain'],
  ];
  for (const [given, escaped] of rows) {
    it(JSON.stringify(given), () => {
      assert.equal(escape(given), escaped);
      assert.equal(
        html`<b title="${given}">${[given, html`<i>${given}</i>`]}</b>`.text,
        `<b title="${escaped}">${escaped}<i>${escaped}</i></b>`,
      );
    });
  }
  it('leaves out what is not there', () => assert.equal(html`a${undefined}${0}`.text, 'a0'));
});

describe('bench compare, as text', () => {
  const real = { file: '/some/where/x64.json', report: benchReport() };
  const other = {
    file: 'fast.json',
    report: benchReport({ cpu: 'Faster One', slower: 0.5, vectors: [{ name: 'avx512', vectorBits: 512 }] }),
  };
  const emulated = {
    file: 'arm.json',
    report: benchReport({
      cpu: 'Emulated One',
      arch: 'arm64',
      emulated: QEMU,
      vectors: [{ name: 'neon', vectorBits: 128 }],
    }),
  };

  it('names machines by letters and files without their folders', () => {
    assert.deepEqual(
      named([real, other]).map(({ key, file }) => `${key} ${file}`),
      ['A x64.json', 'B fast.json'],
    );
  });
  it('has the speed-ups, times and losses of every machine', () => {
    const text = comparisonText(named([real, other]));
    for (const part of [
      'Some Processor 3000',
      'Faster One',
      'A avx2',
      'B avx512',
      '16.0×',
      '8.00×',
      '2.5000',
      ...MODELS,
    ])
      assert(text.includes(part), part);
    assert.doesNotMatch(text, /EMULATED|NaN|undefined/);
    assert(!text.includes(EMULATED));
  });
  it('keeps emulated times apart and says what they are', () => {
    const text = comparisonText(named([real, emulated]));
    assert.match(text, /^B {2}Emulated One, arm64, EMULATED by qemu/m);
    const [before, after] = text.split(EMULATED) as [string, string];
    assert(!before.includes('B neon') && before.includes('A avx2'), before);
    assert(after.includes('B neon') && !after.includes('A avx2'), after);
  });
  it('shows emulated machines where there is no real one', () => {
    const text = comparisonText(named([emulated]));
    assert(text.includes(EMULATED) && text.includes('A neon'));
  });
});

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
    [['compre'], /nothing is expected after bench: "compre"; did you mean compare\?/],
  ];
  for (const [argv, message] of refused) {
    it(`refuses vecgrad bench ${argv.map((arg) => arg || '""').join(' ')}`, async () => {
      const { code, out, err } = await vecgrad('bench', ...argv);
      assert.match(err, message);
      assert.match(err, /^vecgrad: [^\n]+\n$/);
      assert.deepEqual([code, out], [2, '']);
    });
  }
  it('vecgrad help bench is vecgrad bench --help', async () => {
    const [one, other] = [await vecgrad('help', 'bench'), await vecgrad('bench', '--help')];
    assert.deepEqual(one, other);
    assert.deepEqual(await vecgrad('bench', 'compare', '--quik', '--help'), other);
    for (const part of ['--quick', '--json FILE', '--html FILE', 'VECGRAD_EMULATED'])
      assert(one.out.includes(part), part);
  });
});

/** The command line as it is, its output kept. */
async function vecgrad(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const told = { out: '', err: '' };
  const code = await main(argv, {
    ...processIo(),
    stdout: { write: (text) => (told.out += text) },
    stderr: { write: (text) => (told.err += text) },
  });
  return { code, ...told };
}

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
    const { code, out, err } = await vecgrad('bench', 'compare', path('own.json'));
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /own\.json/);
  });
  it('writes the page', async () => {
    const result = await vecgrad('bench', 'compare', path('good.json'), '--html', path('p.html'));
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
      const { code, out, err } = await vecgrad('bench', ...given);
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

describe('bench compare, as a page', () => {
  it('is one file: it names no other, and runs nothing', () => {
    const page = pageHtml(named([{ file: 'a.json', report: benchReport() }]));
    assert.doesNotMatch(page, /<script|<link|<img|\bsrc=|\bhref=|@import|url\(|https?:/i);
    assert.doesNotMatch(page, /NaN|undefined|Infinity/);
  });
  it('has text of a file as text', () => {
    const hostile = '<script>x</script>"onload="x';
    const report = benchReport({ cpu: hostile, emulated: { by: hostile, because: hostile } });
    const page = pageHtml(named([{ file: `${hostile}.json`, report }]));
    assert(!page.includes('<script'), 'an element');
    assert(!page.includes('"onload'), 'an attribute');
    assert(page.includes('&lt;script&gt;x&lt;/script&gt;&quot;onload=&quot;x'));
  });
  const machines: [what: string, spoil: (report: BenchReport) => void][] = [
    [
      'without any figure',
      (r) => Object.assign(r, { kernels: [], models: [], states: [], peaks: { flops: [], bandwidth: [] } }),
    ],
    [
      'with scalar code only',
      (r) => Object.assign(r.machine, { isas: [{ name: 'scalar', vectorBits: 32 }], chosen: 'scalar' }),
    ],
    [
      'with one row of each',
      (r) =>
        Object.assign(r, {
          kernels: r.kernels.slice(0, 1),
          models: r.models.slice(0, 1),
          states: r.states.slice(0, 1),
          peaks: { flops: r.peaks.flops.slice(0, 1), bandwidth: r.peaks.bandwidth.slice(0, 1) },
        }),
    ],
    [
      'with instruction sets that it does not list',
      (r) => Object.assign(r.machine, { isas: [], chosen: 'none' }),
    ],
    ['with the same row twice', (r) => r.kernels.push(...r.kernels)],
  ];
  for (const [what, spoil] of machines) {
    it(`takes a machine ${what}`, () => {
      const report = benchReport();
      spoil(report);
      const reports = named([{ file: 'odd.json', report }]);
      assert.doesNotMatch(pageHtml(reports), /NaN|undefined|Infinity/);
      assert.doesNotMatch(comparisonText(reports) + reportText(report), /NaN|undefined|Infinity/);
    });
  }
});
