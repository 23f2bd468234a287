/** The section on matrix products: each instruction set against OpenBLAS and the machine's peak. */
import { type Shown, DTYPES, WIDE, figureShort } from './parts.js';
import type { Markup } from './html.js';
import { html } from './html.js';
import { peakFlops, distinct } from '../figures.js';
import { figure, size } from '../format.js';
import { chartSvg, sizesScale, scaleOf } from './chart.js';

export function products(machines: readonly Shown[]): Markup {
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
      GFLOP/s of products of n×n matrices, by each instruction set's own kernel and by OpenBLAS on one thread,
      and the peak of multiplications and additions. A compiled model uses OpenBLAS for products from the size
      at which it was measured to be faster.
    </p>
    <div class="wide">${charts}</div>
  </section>`;
}
