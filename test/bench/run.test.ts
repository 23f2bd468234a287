/** What `vecgrad bench` measures: the native half, a whole run, figures, times of calls, the machine. */
import assert from 'node:assert/strict';
import { ISAS } from '../support/targets.js';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FULL, whenEmulated } from '../../lib/bench/effort.js';
import { figures, geometricMean } from '../../lib/bench/figures.js';
import { caches, describeMachine, emulation, type Signs } from '../../lib/bench/machine.js';
import { inTurns, meanOfMedians, median, microseconds } from '../../lib/bench/measure.js';
import { parseReport, type BenchReport } from '../../lib/bench/report.js';
import { runBench } from '../../lib/bench/run.js';
import { reportText } from '../../lib/bench/text.js';
import { runExperiment } from '../../lib/study/experiment.js';
import { MODEL_NAMES } from '../../lib/study/models/sizes.js';
import { embeddedNamesPath, openDocuments } from '../../lib/study/documents.js';
import { addon } from '../../lib/binding/addon.js';
import { benchReport, DTYPES, PARTS, listedKernels, tiny } from '../support/bench-report.js';

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
  it('has batches of each model of arrays, in both types', () => {
    const expected = ['vector', 'rnn'].flatMap((model) => DTYPES.map((dtype) => `${model} ${dtype}`));
    const batches = report.batches!;
    assert.deepEqual(
      [...new Set(batches.map(({ model, dtype }) => `${model} ${dtype}`))].sort(),
      expected.sort(),
    );
    for (const size of [1, 8, 32, 128])
      assert(
        batches.some(({ batch }) => batch === size),
        String(size),
      );
    assert.equal(
      batches.some(({ threads }) => threads === 2),
      report.machine.cores > 1,
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
