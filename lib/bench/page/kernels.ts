/** The tables of all figures, which are folded initially. */
import { type Shown, tableIn, cell, DTYPES } from './parts.js';
import { Markup, html, type Part } from './html.js';
import { times, size, figure, percent, bytes } from '../format.js';
import { geometricMean, distinct, type Figures } from '../figures.js';
import type { KernelRow } from '../report.js';
import { PARTS } from '../text.js';

export function kernelTables(machine: Shown): Markup {
  const { key, report, all, isEmulated } = machine;
  const vectors = all.filter(({ row }) => machine.vectors.some(({ name }) => name === row.isa));
  const ratios = vectors.flatMap(({ overScalar }) => (overScalar === undefined ? [] : [overScalar]));
  const mean = ratios.length > 0 && !isEmulated ? `, ${times(geometricMean(ratios))} scalar on average` : '';
  const hasCounts = all.some(({ row }) => row.instructions !== undefined);
  return html`<h3>
      <span class="key">${key}</span>
      ${report.machine.cpu}${isEmulated && html` <strong class="warning">emulated</strong>`}<span
        class="quiet"
        >${mean}</span
      >
    </h3>
    ${statesTable(machine)}${peaksTables(machine)}
    ${distinct(all.map(({ row }) => row.shape)).map((shape) => {
      const own = all.filter(({ row }) => row.shape === shape);
      const names = distinct(own.map(({ row }) => row.kernel));
      const header = [
        'kernel',
        'n',
        'type',
        'isa',
        'ns',
        own[0]!.unit,
        '× scalar',
        ...(shape === 'n x n x n' ? ['× OpenBLAS'] : []),
        'of peak',
        ...(hasCounts ? ['instructions'] : []),
      ];
      return html`<details>
        <summary>
          ${shape.replaceAll(' x ', '×')}:
          ${names.slice(0, 4).join(', ')}${names.length > 4 && ` and ${names.length - 4} more`}
        </summary>
        ${tableIn(
          html`${own.length} rows`,
          `Kernels over ${shape} on ${report.machine.cpu}`,
          html`<tr>
            ${header.map((title) => html`<th scope="col" ${!['kernel', 'type', 'isa'].includes(title) && new Markup(' class="number"')}>${title}</th>`)}
          </tr>`,
          own.map((one) => kernelRow(one, shape, hasCounts)),
        )}
      </details>`;
    })}`;
}

function kernelRow(one: Figures, shape: KernelRow['shape'], hasCounts: boolean): Markup {
  const { row } = one;
  return html`<tr>
    <th scope="row">${row.kernel}</th>
    ${[
      cell(row.n, size),
      html`<td>${row.dtype}</td>
        <td>${row.isa}</td>`,
      cell(row.nanoseconds, figure),
      cell(one.rate, figure),
      cell(one.overScalar, times),
      ...(shape === 'n x n x n' ? [cell(one.overOpenBlas, times)] : []),
      cell(one.ofPeak, percent),
      ...(hasCounts ? [cell(row.instructions, figure)] : []),
    ]}
  </tr>`;
}

/** The first row of each key, in a map: searching for every cell would take quadratic time. */
function firsts<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T> {
  return new Map(rows.map((row) => [keyOf(row), row] as const).reverse());
}

function statesTable({ report }: Shown): Part {
  const { states: rows, machine } = report;
  if (rows.length === 0) return undefined;
  const models = distinct(rows.map(({ model }) => model));
  const times = firsts(rows, ({ nState, part, model }) => [nState, part, model].join());
  const time = (nState: number, part: string, model: string): number | undefined =>
    times.get([nState, part, model].join())?.microseconds;
  return html`<details>
    <summary>Recurrent nets by n_state</summary>
    ${tableIn(
      'µs, float32',
      `Recurrent nets by n_state on ${machine.cpu}`,
      html`<tr>
          <th scope="col" rowspan="2" class="number">n_state</th>
          ${PARTS.map((part) => html`<th scope="colgroup" colspan="${models.length}" class="group">${part}</th>`)}
        </tr>
        <tr>
          ${PARTS.map(() => models.map((model) => html`<th scope="col" class="number">${model}</th>`))}
        </tr>`,
      distinct(rows.map(({ nState }) => nState)).map(
        (nState) =>
          html`<tr>
            <th scope="row" class="number">${nState}</th>
            ${PARTS.map((part) => models.map((model) => cell(time(nState, part, model), figure)))}
          </tr>`,
      ),
    )}
  </details>`;
}

function peaksTables({ report }: Shown): Part {
  const { peaks, machine } = report;
  const isas = distinct([...peaks.flops, ...peaks.bandwidth].map(({ isa }) => isa));
  if (isas.length === 0) return undefined;
  const heads = isas.flatMap(() => DTYPES.map((dtype) => html`<th scope="col" class="number">${dtype}</th>`));
  const cells = (of: (isa: string, dtype: string) => number | undefined): Markup[] =>
    isas.flatMap((isa) => DTYPES.map((dtype) => cell(of(isa, dtype), figure)));
  const flops = firsts(peaks.flops, ({ isa, dtype }) => [isa, dtype].join());
  const bandwidth = firsts(peaks.bandwidth, (peak) => [peak.bytes, peak.isa, peak.dtype].join());
  const sets = distinct(peaks.bandwidth.map((peak) => peak.bytes)).sort((a, b) => a - b);
  return html`<details>
    <summary>Peaks</summary>
    ${tableIn(
      'GFLOP/s, and GB/s by working set',
      `Peaks of ${machine.cpu} by instruction set and type`,
      html`<tr>
          <th scope="col" rowspan="2">measure</th>
          ${isas.map((isa) => html`<th scope="colgroup" colspan="2" class="group">${isa}</th>`)}
        </tr>
        <tr>
          ${heads}
        </tr>`,
      [
        html`<tr>
          <th scope="row">GFLOP/s</th>
          ${cells((isa, dtype) => flops.get([isa, dtype].join())?.gflops)}
        </tr>`,
        ...sets.map(
          (set) =>
            html`<tr>
              <th scope="row">${bytes(set)}</th>
              ${cells((isa, dtype) => bandwidth.get([set, isa, dtype].join())?.gbs)}
            </tr>`,
        ),
      ],
    )}
  </details>`;
}
