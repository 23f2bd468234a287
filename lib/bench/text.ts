/** Reports as text: one machine in full, or several side by side. */
import { printable, table, type TableColumn } from '../terminal/format.js';
import {
  bandwidthOf,
  distinct,
  figures,
  geometricMean,
  grouped,
  peakFlops,
  type Figures,
  type Named,
} from './figures.js';
import { bytes, figure, loss, percent, size, times } from './format.js';
import type { BenchReport, Machine } from './report.js';

const left = (title: string, gap = 0): TableColumn => ({ title, align: 'left', gap });
const right = (title: string, gap = 2): TableColumn => ({ title, align: 'right', gap });

/** The description of a machine, as names and values. */
export function machineRows(machine: Machine): [name: string, value: string][] {
  const { isas, chosen, openblas, emulated } = machine;
  const cached = machine.caches
    .map(({ level, type, bytes: n }) => `L${level} ${type} ${bytes(n)}`)
    .join(', ');
  const vectors = isas
    .map(({ name, vectorBits }) => `${name} (${vectorBits} bits)${name === chosen ? ', chosen' : ''}`)
    .join('; ');
  return [
    ['processor', `${machine.cpu}, ${machine.arch}, ${machine.cores} cores`],
    ['vectors', vectors],
    ['caches', cached === '' ? 'unknown' : cached],
    [
      'OpenBLAS',
      openblas
        ? `${openblas.version}, core ${openblas.core}, ${openblas.threads} ` +
          `thread${openblas.threads === 1 ? '' : 's'}`
        : 'none',
    ],
    ['system', `${machine.system}, ${machine.platform}, Node ${machine.node}`],
    ['emulated', emulated ? `by ${emulated.by}: ${emulated.because}` : 'no'],
  ];
}

export const EMULATED =
  'These times were measured under emulation: they say nothing about real processors of that kind.';

/** One report, as tables. */
export function reportText(report: BenchReport): string {
  const { machine, peaks, quick } = report;
  return [
    `vecgrad ${report.vecgrad} bench, ${report.date}${quick ? ', --quick: a rough run' : ''}`,
    '',
    ...machineRows(machine).map(([name, value]) => `${name.padEnd(11)}${value}`),
    ...(machine.emulated ? ['', EMULATED] : []),
    '',
    'Peaks: independent multiplications and additions; reading, copying or adding arrays',
    '',
    ...peakTable(peaks),
    '',
    ...kernelTables(report),
    'The four models, 1 step at a time',
    '',
    ...modelTable(report),
    '',
    ...batchTable(report),
    'Recurrent nets by n_state, us, float32: rnn / rnn_att (16 coordinates fire)',
    '',
    ...stateTable(report),
    '',
  ].join('\n');
}

function peakTable(peaks: BenchReport['peaks']): string[] {
  const isas = distinct(peaks.flops.map(({ isa }) => isa));
  const sets = distinct(peaks.bandwidth.map((peak) => peak.bytes));
  const shown = sets.filter((_, i) => i % Math.ceil(sets.length / 8) === 0);
  return table(
    [
      left('isa'),
      right('float32 GFLOP/s'),
      right('float64'),
      ...shown.map((n, i) => right(i ? bytes(n) : `GB/s: ${bytes(n)}`)),
    ],
    isas.map((isa) => [
      isa,
      figure(peakFlops(peaks, isa, 'float32')),
      figure(peakFlops(peaks, isa, 'float64')),
      ...shown.map((n) => figure(bandwidthOf(peaks, isa).find((peak) => peak.bytes === n)?.gbs)),
    ]),
  );
}

/**
 * Two tables for each instruction set but scalar, the baseline: one of products, one of all other kernels.
 */
function kernelTables(report: BenchReport): string[] {
  const all = figures(report);
  const isas = distinct(all.map(({ row }) => row.isa)).filter((isa) => isa !== 'openblas');
  const vectors = isas.filter((isa) => isa !== 'scalar');
  return (vectors.length > 0 ? vectors : isas).flatMap((isa) =>
    (['GB/s', 'GFLOP/s'] as const).flatMap((unit) => {
      const own = all.filter((one) => one.row.isa === isa && one.unit === unit);
      return own.length === 0 ? [] : kernelTable(isa, unit, own);
    }),
  );
}

function kernelTable(isa: string, unit: Figures['unit'], own: readonly Figures[]): string[] {
  const isProducts = unit === 'GFLOP/s';
  const cells = (one: Figures | undefined): string[] => [
    figure(one?.row.nanoseconds),
    figure(one?.rate),
    times(one?.overScalar),
    ...(isProducts ? [times(one?.overOpenBlas)] : []),
    percent(one?.ofPeak),
  ];
  const lines = [...grouped(own, ({ row }) => `${row.kernel} ${row.n}`).values()].map((here) => {
    const { kernel, shape, n } = here[0]!.row;
    const [float32, float64] = (['float32', 'float64'] as const).map((dtype) =>
      cells(here.find(({ row }) => row.dtype === dtype)),
    );
    return [kernel, shape.replaceAll('n', size(n)), ...float32!, ...float64!];
  });
  const columns = ['float32', 'float64'].flatMap((dtype) => [
    right(`${dtype} ns`, 3),
    ...[unit, '× scalar', ...(isProducts ? ['× OpenBLAS'] : []), 'of peak'].map((title) => right(title)),
  ]);
  return [
    `${isProducts ? 'Products' : 'Kernels'}, ${isa}`,
    '',
    ...table([left('kernel'), left('size', 2), ...columns], lines),
    '',
  ];
}

function modelTable({ models }: BenchReport): string[] {
  return table(
    [
      left('model'),
      left('isa', 2),
      ...['us/step, float64', 'float32', 'final loss, float64', 'float32'].map((t) => right(t)),
    ],
    [...grouped(models, ({ model, isa }) => `${model} ${isa}`)].map(([key, own]) => {
      const [float64, float32] = ['float64', 'float32'].map((dtype) =>
        own.find((row) => row.dtype === dtype),
      );
      return [
        ...key.split(' '),
        figure(float64?.microsecondsPerStep),
        figure(float32?.microsecondsPerStep),
        float64 ? loss(float64.finalLoss) : '',
        float32 ? loss(float32.finalLoss) : '',
      ];
    }),
  );
}

/** What a column of batches is called: single steps, batches of 32, of 32 on 2 threads. */
export function batchTitle({ batch, threads }: { batch: number; threads: number }): string {
  if (batch === 1) return 'single steps';
  return `of ${batch}${threads > 1 ? ` on ${threads} threads` : ''}`;
}

function batchTable({ batches = [] }: BenchReport): string[] {
  if (batches.length === 0) return [];
  const titles = distinct(batches.map(batchTitle));
  const rows = [...grouped(batches, ({ model, dtype }) => `${model} ${dtype}`)].map(([key, own]) => [
    ...key.split(' '),
    ...titles.map((title) => figure(own.find((row) => batchTitle(row) === title)?.microsecondsPerExample)),
  ]);
  return [
    'Training in batches, us an example',
    '',
    ...table([left('model'), left('dtype', 2), ...titles.map((title) => right(title))], rows),
    '',
  ];
}

export const PARTS = ['forward', 'backward', 'update'] as const;

function stateTable({ states }: BenchReport): string[] {
  return table(
    [right('n_state', 0), ...PARTS.map((part) => right(part, 3))],
    [...grouped(states, (row) => row.nState)].map(([nState, own]) => [
      String(nState),
      ...PARTS.map((part) =>
        ['rnn', 'rnn_att']
          .map((name) => own.find((row) => row.model === name && row.part === part))
          .map((row) => figure(row?.microseconds))
          .join(' / '),
      ),
    ]),
  );
}

/** Several machines: real ones side by side, then emulated ones separately. */
export function comparisonText(machines: readonly Named[]): string {
  const real = machines.filter(({ report }) => report.machine.emulated === null);
  const emulated = machines.filter(({ report }) => report.machine.emulated !== null);
  const legend = machines.map(({ key, file, report: { machine, quick } }) => {
    const mark = machine.emulated ? `, EMULATED by ${machine.emulated.by}` : '';
    return `${key}  ${machine.cpu}, ${machine.arch}${mark}${quick ? ', --quick' : ''} (${printable(file)})`;
  });
  return [
    ...legend,
    '',
    ...(real.length > 0 ? sideBySide(real) : []),
    ...(emulated.length > 0 ? ['Emulated', '', EMULATED, '', ...sideBySide(emulated)] : []),
  ].join('\n');
}

function sideBySide(machines: readonly Named[]): string[] {
  const columns = machines.flatMap(({ key, report }) => {
    const all = figures(report);
    const isas = report.machine.isas.map(({ name }) => name).filter((name) => name !== 'scalar');
    return isas.map((isa) => ({
      title: `${key} ${isa}`,
      own: grouped(
        all.filter(({ row }) => row.isa === isa),
        ({ row }) => `${row.kernel} ${row.dtype}`,
      ),
    }));
  });
  const kernels = distinct(machines.flatMap(({ report }) => report.kernels.map((row) => row.kernel)));
  const speedUps = kernels.map((kernel) => [
    kernel,
    ...columns.flatMap(({ own }) =>
      (['float32', 'float64'] as const).map((dtype) => {
        const ratios = (own.get(`${kernel} ${dtype}`) ?? []).flatMap(({ overScalar }) =>
          overScalar === undefined ? [] : [overScalar],
        );
        return ratios.length > 0 ? times(geometricMean(ratios)) : '';
      }),
    ),
  ]);
  const trained = machines.flatMap(({ key, report }) =>
    report.models.map((row) => [
      row.model,
      key,
      row.isa,
      row.dtype,
      figure(row.microsecondsPerStep),
      loss(row.finalLoss),
    ]),
  );
  trained.sort((a, b) => a[0]!.localeCompare(b[0]!));
  const states = machines.flatMap(({ report }) => report.states);
  const sizes = distinct(states.map(({ nState }) => nState)).sort((a, b) => a - b);
  const stateColumns = machines.flatMap(({ key, report }) =>
    ['rnn', 'rnn_att'].map((model) => ({
      title: `${key} ${model}`,
      own: grouped(
        report.states.filter((row) => row.model === model),
        (row) => row.nState,
      ),
    })),
  );
  return [
    'Speed-up over scalar: the geometric mean over all sizes',
    '',
    ...table(
      [left('kernel'), ...columns.flatMap(({ title }) => [right(`${title} float32`, 3), right('float64')])],
      speedUps,
    ),
    '',
    ...table(
      [
        left('model'),
        ...['machine', 'isa', 'dtype'].map((title) => left(title, 2)),
        right('us/step'),
        right('final loss'),
      ],
      trained,
    ),
    '',
    'A step of the recurrent nets by n_state, us, float32: forward, backward and update',
    '',
    ...table(
      [right('n_state', 0), ...stateColumns.map(({ title }) => right(title))],
      sizes.map((nState) => [
        String(nState),
        ...stateColumns.map(({ own }) => {
          const parts = own.get(nState) ?? [];
          return parts.length === 0 ? '' : figure(parts.reduce((sum, row) => sum + row.microseconds, 0));
        }),
      ]),
    ),
    '',
  ];
}
