/** The section on the four models: one chart of all trainings, and a table for each machine. */
import { type Shown, legend, figureShort, WIDE, cell, tableIn } from './parts.js';
import { Markup, html, type Part } from './html.js';
import { grouped, distinct } from '../figures.js';
import { figure, loss } from '../format.js';
import { scaleOf, dotsSvg } from './chart.js';

export function league(machines: readonly Shown[]): Markup {
  return html`<section>
    <h2>The four models</h2>
    <p>
      Microseconds of a training step (forward, gradients, update) and the loss of the last of them. The rows
      in bold are those of the default instruction set.
    </p>
    ${legend(machines, true)}
    <div class="wide">${leagueChart(machines)}${machines.map(leagueTable)}</div>
  </section>`;
}

/** A chart with every training as a dot, and one row per model. */
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

export function leagueTable({ key, report, isEmulated }: Shown): Markup {
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
