/** The section on the machine's peaks: FLOP/s and bandwidth. */
import { type Shown, WIDE, figureShort, DTYPES, cell, tableIn } from './parts.js';
import type { Markup } from './html.js';
import { html } from './html.js';
import { distinct, bandwidthOf, peakFlops } from '../figures.js';
import { bytes, figure } from '../format.js';
import { chartSvg, sizesScale, scaleOf } from './chart.js';
import { largest } from '../../core/lists.js';

export function bandwidth(machines: readonly Shown[]): Markup {
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
