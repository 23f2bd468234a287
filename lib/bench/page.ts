/** The page of `vecgrad bench compare --html`: one file with all that it shows, scripts none. */
import { largest } from '../core/lists.js';
import { chartSvg, dotsSvg, scaleOf, sizesScale, type Series } from './chart.js';
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
import { printable } from '../terminal/format.js';
import { bytes, figure, loss, percent, size, times } from './format.js';
import { html, Markup, type Part } from './html.js';
import type { KernelRow, StateRow } from './report.js';
import { STYLE } from './style.js';
import { EMULATED, machineRows, PARTS } from './text.js';

const DTYPES = ['float32', 'float64'] as const;
const PANEL = { width: 164, height: 118 };
const WIDE = { width: 328, height: 230 };
const HUES = 6; // as many as style.ts has

/** A machine with what the page asks of it again and again. */
interface Shown extends Named {
  all: Figures[];
  isEmulated: boolean;
  /** Its vector sets, best first, with a class of colour each. */
  vectors: { name: string; color: string }[];
}

/** The page as a text of HTML. */
export function pageHtml(machines: readonly Named[]): string {
  let hue = 0;
  const shown = machines.map((machine): Shown => {
    const { report } = machine;
    const isas = report.machine.isas.map(({ name }) => name).filter((name) => name !== 'scalar');
    return {
      ...machine,
      all: figures(report),
      isEmulated: report.machine.emulated !== null,
      vectors: isas.map((name) => ({ name, color: `c${hue++ % HUES}` })),
    };
  });
  const real = shown.filter(({ isEmulated }) => !isEmulated);
  const emulated = shown.filter(({ isEmulated }) => isEmulated);
  const title = `vecgrad on ${shown.length === 1 ? 'one machine' : `${shown.length} machines`}`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>${title}</title>
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <header>
          <h1>${title}</h1>
          <p class="lead">
            Small language models and the vector kernels they train on, timed by <code>vecgrad bench</code>.
            Every figure is measured; times are medians of turns.
          </p>
        </header>
        <main>
          <section>
            <h2>Machines</h2>
            <div class="cards">${shown.map(card)}</div>
          </section>
          ${real.length > 0 && [league(real), speedUps(real), products(real), states(real), bandwidth(real)]}
          ${
            emulated.length > 0 &&
            html`<section data-emulated>
              <h2>Emulated</h2>
              <p class="warning">${EMULATED} They are in the tables to show what ran, and in no chart.</p>
              ${emulated.map((machine) => leagueTable(machine))}
            </section>`
          }
          ${instructions(shown)}
          <section>
            <h2>Every figure</h2>
            <p>
              Rates of products are in GFLOP/s, all others in GB/s. The peak is that of the same instruction
              set: multiplications and additions that do not wait, or the bandwidth over as many bytes.
            </p>
            ${shown.map(kernelTables)}
          </section>
        </main>
        <footer>
          <p>Made by <code>vecgrad bench compare</code>; how to read it: docs/architectures.md.</p>
        </footer>
      </body>
    </html> `;
  return page.text;
}

// ---- Machines

function card(machine: Shown): Markup {
  const { key, file, report, isEmulated } = machine;
  const { cpu, arch } = report.machine;
  const rows = machineRows(report.machine).filter(([name]) => isEmulated || name !== 'emulated');
  return html`<article class="card" ${isEmulated && new Markup(' data-emulated')}>
    <h3><span class="key">${key}</span> ${cpu} <span class="quiet">${arch}</span></h3>
    ${isEmulated && html`<p class="warning">Emulated by ${report.machine.emulated!.by}</p>`}
    <dl>
      ${rows.slice(1).map(
        ([name, value]) =>
          html`<dt>${name}</dt>
            <dd>${value}</dd>`,
      )}
      <dt>measured</dt>
      <dd>
        ${report.date}, vecgrad ${report.vecgrad}, ${report.machine.cores}
        cores${report.quick && ', a quick run'} (${printable(file)})
      </dd>
    </dl>
  </article>`;
}

// ---- The models

function league(machines: readonly Shown[]): Markup {
  return html`<section>
    <h2>The four models</h2>
    <p>
      Microseconds of a training step (forward, gradients, update) and the loss of the last of them. The rows
      in bold are what is used where nothing is asked for.
    </p>
    ${legend(machines, true)}
    <div class="wide">${leagueChart(machines)}${machines.map(leagueTable)}</div>
  </section>`;
}

/** Every training as a dot, models in rows. */
function leagueChart(machines: readonly Shown[]): Part {
  const all = machines.flatMap(({ report }) => report.models);
  if (all.length === 0) return undefined;
  const isOne = machines.length === 1;
  const own = machines.map(({ report }) => grouped(report.models, ({ model }) => model));
  const rows = distinct(all.map(({ model }) => model)).flatMap((model) =>
    machines.map(({ key, vectors }, i) => ({
      name: isOne ? model : key,
      heading: isOne || i > 0 ? undefined : model,
      dots: (own[i]!.get(model) ?? []).map((row) => ({
        x: row.microsecondsPerStep,
        color: vectors.find(({ name }) => name === row.isa)?.color ?? 'plain',
        isHollow: row.dtype === 'float64',
        text: `${model}, ${key} ${row.isa} ${row.dtype}: ${figure(row.microsecondsPerStep)} µs`,
      })),
    })),
  );
  const fastest = [...grouped(all, ({ model }) => model)].map(([model, these]) => {
    const best = these.reduce((a, b) => (a.microsecondsPerStep < b.microsecondsPerStep ? a : b));
    return `${model} ${figure(best.microsecondsPerStep)} by ${best.isa} in ${best.dtype}`;
  });
  const label = `Microseconds of a training step, the fastest of each model: ${fastest.join(', ')}`;
  const x = scaleOf(
    all.map((row) => row.microsecondsPerStep),
    10,
    5,
    figureShort,
  );
  return html`<figure class="top" data-chart="models">
    <figcaption><b>A training step</b> <span class="quiet">µs</span></figcaption>
    ${dotsSvg({ label, rows, width: WIDE.width, x })}
  </figure>`;
}

function leagueTable({ key, report, isEmulated }: Shown): Markup {
  const { models } = report;
  const rows = [...grouped(models, ({ model, isa }) => `${model} ${isa}`).values()].map((own) => {
    const { model, isa } = own[0]!;
    const of = (dtype: string) => own.find((row) => row.dtype === dtype);
    const [float64, float32] = [of('float64'), of('float32')];
    return html`<tr${isa === report.machine.chosen && new Markup(' class="best"')}><th scope="row">${model}</th><td>${isa}</td>${[
      cell(float64?.microsecondsPerStep, figure),
      cell(float32?.microsecondsPerStep, figure),
      cell(float64?.finalLoss, loss),
      cell(float32?.finalLoss, loss),
    ]}</tr>`;
  });
  return tableIn(
    html`<span class="key">${key}</span>
      ${report.machine.cpu}${isEmulated && html` <strong class="warning">emulated</strong>`}`,
    `The four models on ${report.machine.cpu}`,
    html`<tr>
        <th scope="col" rowspan="2">model</th>
        <th scope="col" rowspan="2">isa</th>
        <th scope="colgroup" colspan="2" class="group">µs/step</th>
        <th scope="colgroup" colspan="2" class="group">final loss</th>
      </tr>
      <tr>
        ${[0, 1].map(
          () =>
            html`<th scope="col" class="number">float64</th>
              <th scope="col" class="number">float32</th>`,
        )}
      </tr>`,
    rows,
  );
}

// ---- Speed over scalar

function speedUps(machines: readonly Shown[]): Markup {
  const of = (one: Figures): number | undefined => one.overScalar;
  return html`<section>
    <h2>Times as fast as scalar code</h2>
    <p>
      Each kernel by size, all on one logarithmic scale: how many times as fast as the same kernel written for
      one number at a time.
    </p>
    ${legend(machines, false)}${panels('speed-up', machines, of, 'as fast as scalar')}
  </section>`;
}

function instructions(machines: readonly Shown[]): Part {
  const of = (one: Figures): number | undefined => one.fewerInstructions;
  const counted = machines.filter(({ all }) => all.some((one) => of(one) !== undefined));
  if (counted.length === 0) return undefined;
  return html`<section>
    <h2>Times fewer instructions than scalar code</h2>
    <p>Instructions executed, as a counter gave them: the same on a real processor and under emulation.</p>
    ${legend(counted, false)}${panels('instructions', counted, of, 'fewer instructions than scalar')}
  </section>`;
}

/** Hues of the instruction sets, and how the types are told apart. */
function legend(machines: readonly Shown[], isDots: boolean): Markup {
  const isOne = machines.length === 1;
  const dot = html`<circle class="mark" cx="10" cy="4" r="3.5" />`;
  const path = html`<path d="M0 4H20" />`;
  const entry = (classes: string, text: string, drawn: Markup): Markup =>
    html`<li class="${classes}"><svg viewBox="0 0 20 8" aria-hidden="true">${drawn}</svg>${text}</li>`;
  const drawn = isDots ? dot : path;
  return html`<ul class="legend">
    ${machines.flatMap(({ key, vectors }) =>
      vectors.map(({ name, color }) => entry(color, isOne ? name : `${key} ${name}`, drawn)),
    )}${isDots && entry('plain', 'scalar', drawn)}${entry('ink', 'float32', drawn)}${entry('ink broken', 'float64', drawn)}
  </ul>`;
}

/** One small chart for each kernel, all with the same vertical scale. */
function panels(
  name: string,
  machines: readonly Shown[],
  ratio: (one: Figures) => number | undefined,
  what: string,
): Markup {
  const rows = machines.flatMap((machine) =>
    machine.all.flatMap((one) => {
      const value = ratio(one);
      const vector = machine.vectors.find((isa) => isa.name === one.row.isa);
      return value === undefined || !vector ? [] : [{ machine, vector, row: one.row, value }];
    }),
  );
  if (rows.length === 0) return html`<p>No instruction set but scalar was there.</p>`;
  const y = scaleOf(
    [1, ...rows.map(({ value }) => value)],
    2,
    5,
    (value) => `${Number(value.toPrecision(3))}×`,
  );
  const kernels = grouped(rows, ({ row }) => row.kernel);
  return html`<div class="panels">
    ${[...kernels].map(([kernel, own]) => {
      const { shape } = own[0]!.row;
      const most = own.reduce((best, one) => (one.value > best.value ? one : best));
      const series = distinct(own.map(({ machine }) => machine)).flatMap((machine) =>
        machine.vectors.flatMap((vector) =>
          DTYPES.map((dtype): Series => {
            const label = `${machine.key} ${vector.name} ${dtype}`;
            const points = own
              .filter((one) => one.vector === vector && one.row.dtype === dtype)
              .map(({ row, value }) => ({
                x: row.n,
                y: value,
                text: `${label}, n ${row.n}: ${times(value)}`,
              }))
              .sort((a, b) => a.x - b.x);
            return { label, color: vector.color, isBroken: dtype === 'float64', points };
          }),
        ),
      );
      const x = sizesScale(
        own.map(({ row }) => row.n),
        2,
        size,
      );
      const label =
        `${kernel}: at most ${times(most.value)} ${what}, by ${most.vector.name} in ${most.row.dtype} ` +
        `at n ${most.row.n}`;
      return html`<figure data-chart="${name} ${kernel}">
        <figcaption><b>${kernel}</b> <span class="quiet">${shape.replaceAll(' x ', '×')}</span></figcaption>
        ${chartSvg({ name, label, ...PANEL, x, y, series })}
      </figure>`;
    })}
  </div>`;
}

// ---- Products beside OpenBLAS and the peak

function products(machines: readonly Shown[]): Markup {
  const charts = machines.flatMap((machine) =>
    DTYPES.flatMap((dtype) => {
      const rows = machine.all.filter(({ row }) => row.kernel === 'gemm' && row.dtype === dtype);
      if (rows.length === 0) return [];
      const peak = peakFlops(machine.report.peaks, machine.report.machine.chosen, dtype);
      const series = distinct(rows.map(({ row }) => row.isa)).map((isa) => ({
        label: isa === 'openblas' ? 'OpenBLAS' : isa,
        color: machine.vectors.find(({ name }) => name === isa)?.color ?? 'plain',
        isBroken: isa === 'openblas',
        points: rows
          .filter(({ row }) => row.isa === isa)
          .map(({ row, rate }) => ({
            x: row.n,
            y: rate,
            text: `${isa}, n ${row.n}: ${figure(rate)} GFLOP/s`,
          }))
          .sort((a, b) => a.x - b.x),
      }));
      const values = [...rows.map(({ rate }) => rate), ...(peak === undefined ? [] : [peak])];
      const best = rows.reduce((a, b) => (a.rate > b.rate ? a : b));
      const label =
        `Products of n x n matrices in ${dtype} on ${machine.report.machine.cpu}: ${best.row.isa} ` +
        `reaches ${figure(best.rate)} GFLOP/s at n ` +
        `${best.row.n}${peak === undefined ? '' : `, of a peak of ${figure(peak)}`}`;
      const svg = chartSvg({
        ...{ name: 'products', label, ...WIDE, series, labelWidth: 66 },
        x: sizesScale(
          rows.map(({ row }) => row.n),
          5,
          size,
        ),
        y: scaleOf(values, 2, 7, figureShort),
        ...(peak !== undefined && { level: { at: peak, text: `peak ${figure(peak)}` } }),
      });
      return [
        html`<figure data-chart="products ${machine.key} ${dtype}">
          <figcaption>
            <span class="key">${machine.key}</span> <b>${dtype}</b> <span class="quiet">GFLOP/s by n</span>
          </figcaption>
          ${svg}
        </figure>`,
      ];
    }),
  );
  return html`<section>
    <h2>Products beside OpenBLAS</h2>
    <p>
      GFLOP/s of n×n matrices by each instruction set's own kernel, by OpenBLAS on one thread, and the most
      that multiplications and additions reach here. A compiled model leaves a product to OpenBLAS from the
      size where that was faster when the crossover was measured.
    </p>
    <div class="wide">${charts}</div>
  </section>`;
}

// ---- The recurrent nets

function states(machines: readonly Shown[]): Markup {
  const all = machines.flatMap(({ report }) => report.states);
  if (all.length === 0) return html``;
  const y = scaleOf(
    all.map((row) => row.microseconds),
    10,
    7,
    figureShort,
  );
  const x = sizesScale(
    all.map(({ nState }) => nState),
    5,
    String,
  );
  const isOne = machines.length === 1;
  const charts = PARTS.map((part) => {
    const series = machines.flatMap((machine) =>
      (['rnn', 'rnn_att'] as const).map((model): Series => {
        const label = isOne ? model : `${machine.key} ${model}`;
        const points = machine.report.states
          .filter((row) => row.part === part && row.model === model)
          .map((row) => ({
            x: row.nState,
            y: row.microseconds,
            text: `${label}, n_state ${row.nState}: ${figure(row.microseconds)} µs`,
          }))
          .sort((a, b) => a.x - b.x);
        const color = machine.vectors[0]?.color ?? 'plain';
        return { label, color, isBroken: model === 'rnn_att', points };
      }),
    );
    const label =
      `${part} by n_state, microseconds: ` + `${machines.map((machine) => gain(machine, part)).join('; ')}`;
    const svg = chartSvg({ name: 'states', label, ...WIDE, x, y, series, labelWidth: 66 });
    return html`<figure data-chart="states ${part}">
      <figcaption><b>${part}</b> <span class="quiet">µs by n_state</span></figcaption>
      ${svg}
    </figure>`;
  });
  return html`<section>
    <h2>Recurrent nets by the size of their state</h2>
    <p>
      A document of 7 letters in float32. In <code>rnn_att</code> (broken) only the 16 largest coordinates of
      the state act: its work grows with n_state, that of <code>rnn</code> with its square. Gradients that are
      products are computed in the update.
    </p>
    <div class="wide">${charts}</div>
  </section>`;
}

/** What sparse firing gains at the largest state. */
function gain({ key, report }: Shown, part: StateRow['part']): string {
  const own = report.states.filter((row) => row.part === part);
  const most = largest(own.map(({ nState }) => nState));
  const time = (model: string): number | undefined =>
    own.find((row) => row.model === model && row.nState === most)?.microseconds;
  const [dense, sparse] = [time('rnn'), time('rnn_att')];
  if (dense === undefined || sparse === undefined) return `${key} was not measured`;
  return `on ${key}, at ${most}, rnn takes ${figure(dense)} and rnn_att ${figure(sparse)}`;
}

// ---- Bandwidth

function bandwidth(machines: readonly Shown[]): Markup {
  const charts = machines.flatMap(({ key, report, vectors }) => {
    const peaks = report.peaks.bandwidth;
    if (peaks.length === 0) return [];
    const isas = distinct(peaks.map(({ isa }) => isa));
    const series = isas.map((isa) => ({
      label: isa,
      color: vectors.find(({ name }) => name === isa)?.color ?? 'plain',
      points: bandwidthOf(report.peaks, isa).map((peak) => ({
        x: peak.bytes,
        y: peak.gbs,
        text: `${isa}, ${bytes(peak.bytes)}: ${figure(peak.gbs)} GB/s`,
      })),
    }));
    const best = peaks.reduce((a, b) => (a.gbs > b.gbs ? a : b));
    const label =
      `Bandwidth on ${report.machine.cpu} by bytes worked on: at most ${figure(best.gbs)} GB/s, by ` +
      `${best.isa} over ${bytes(best.bytes)}`;
    const svg = chartSvg({
      ...{ name: 'bandwidth', label, ...WIDE, series, labelWidth: 66 },
      x: sizesScale(
        peaks.map((peak) => peak.bytes),
        4,
        bytes,
      ),
      y: scaleOf(
        peaks.map(({ gbs }) => gbs),
        10,
        6,
        figureShort,
      ),
    });
    const rows = isas.map(
      (isa) =>
        html`<tr>
          <th scope="row">${isa}</th>
          ${DTYPES.map((dtype) => cell(peakFlops(report.peaks, isa, dtype), figure))}${cell(largest(peaks.filter((peak) => peak.isa === isa).map(({ gbs }) => gbs)), figure)}
        </tr>`,
    );
    const caption = html`<span class="key">${key}</span> peaks`;
    return {
      chart: html`<figure data-chart="bandwidth ${key}">
        <figcaption>
          <span class="key">${key}</span> <b>bandwidth</b> <span class="quiet">GB/s by working set</span>
        </figcaption>
        ${svg}
      </figure>`,
      peaks: tableIn(
        caption,
        `Peaks of ${report.machine.cpu}`,
        html`<tr>
            <th scope="col" rowspan="2">isa</th>
            <th scope="colgroup" colspan="2" class="group">GFLOP/s</th>
            <th scope="col" rowspan="2" class="number">GB/s</th>
          </tr>
          <tr>
            ${DTYPES.map((dtype) => html`<th scope="col" class="number">${dtype}</th>`)}
          </tr>`,
        rows,
      ),
    };
  });
  return html`<section>
    <h2>Peaks</h2>
    <p>
      What the kernels are measured against: one core's independent multiplications and additions, and the
      best of reading, copying and adding arrays that fill so many bytes.
    </p>
    <div class="wide">${charts.map(({ chart }) => chart)}${charts.map((one) => one.peaks)}</div>
  </section>`;
}

// ---- All kernels

function kernelTables(machine: Shown): Markup {
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

/** The first row of each key: a search for every cell would take the square of their number. */
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

// ---- Parts

/** A table that scrolls by itself where it is wider than the page. */
function tableIn(caption: Part, name: string, head: Markup, rows: readonly Markup[]): Markup {
  return html`<div class="table" tabindex="0" role="region" aria-label="${name}">
    <table>
      <caption>
        ${caption}
      </caption>
      <thead>
        ${head}
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

function cell(value: number | undefined, show: (value: number) => string): Markup {
  if (value === undefined) return html`<td class="number"></td>`;
  return html`<td class="number" data-value="${value}">${show(value)}</td>`;
}

/** Of an axis: 0.1, 1, 10, 1K, 1M. */
function figureShort(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  if (value >= 1e3) return `${value / 1e3}K`;
  return String(Number(value.toPrecision(3)));
}
