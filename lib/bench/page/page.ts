/**
 * The page that `vecgrad bench compare --html` writes: one HTML file without scripts or external resources.
 */
import { figures, type Named } from '../figures.js';
import { printable } from '../../terminal/format.js';
import { html, Markup } from './html.js';
import { STYLE } from './style.js';
import { EMULATED, machineRows } from '../text.js';
import type { Shown } from './parts.js';
import { league, leagueTable } from './models.js';
import { speedUps, instructions } from './ratios.js';
import { products } from './products.js';
import { states } from './states.js';
import { batches } from './batches.js';
import { bandwidth } from './peaks.js';
import { kernelTables } from './kernels.js';

const HUES = 6; // the number in style.ts

/** The page as HTML. */
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
          ${
            real.length > 0 && [
              league(real),
              batches(real),
              speedUps(real),
              products(real),
              states(real),
              bandwidth(real),
            ]
          }
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
              set: independent multiplications and additions, or the bandwidth over as many bytes.
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
