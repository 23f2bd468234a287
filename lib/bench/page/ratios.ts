/** The sections that compare kernels with scalar code: speed-up, and reduction in instructions. */
import { type Shown, legend, DTYPES, PANEL } from './parts.js';
import type { Markup } from './html.js';
import { html, type Part } from './html.js';
import { type Figures, grouped, distinct } from '../figures.js';
import { scaleOf, type Series, sizesScale, chartSvg } from './chart.js';
import { times, size } from '../format.js';

export function speedUps(machines: readonly Shown[]): Markup {
  const of = (one: Figures): number | undefined => one.overScalar;
  return html`<section>
    <h2>Speed-up over scalar code</h2>
    <p>
      Each kernel by size, all on one logarithmic scale: how many times as fast as the same kernel in scalar
      code.
    </p>
    ${legend(machines, false)}${panels('speed-up', machines, of, 'as fast as scalar')}
  </section>`;
}

export function instructions(machines: readonly Shown[]): Part {
  const of = (one: Figures): number | undefined => one.fewerInstructions;
  const counted = machines.filter(({ all }) => all.some((one) => of(one) !== undefined));
  if (counted.length === 0) return undefined;
  return html`<section>
    <h2>Times fewer instructions than scalar code</h2>
    <p>Executed instructions, as counted: they are the same on a real processor and under emulation.</p>
    ${legend(counted, false)}${panels('instructions', counted, of, 'fewer instructions than scalar')}
  </section>`;
}

/** One small chart per kernel, all with the same vertical scale. */
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
  if (rows.length === 0) return html`<p>There was no instruction set besides scalar.</p>`;
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
