/** The section on training in batches: a table for each machine. */
import { cell, tableIn, type Shown } from './parts.js';
import { html, type Markup, type Part } from './html.js';
import { distinct, grouped } from '../figures.js';
import { figure } from '../format.js';
import { batchTitle } from '../text.js';

export function batches(machines: readonly Shown[]): Part {
  const measured = machines.filter(({ report }) => (report.batches ?? []).length > 0);
  if (measured.length === 0) return undefined;
  return html`<section>
    <h2>Training in batches</h2>
    <p>
      Microseconds an example: one example a step, and batches whose examples run together, on one thread and
      on two, each on the default instruction set.
    </p>
    ${measured.map(batchTable)}
  </section>`;
}

function batchTable({ key, report }: Shown): Markup {
  const all = report.batches ?? [];
  const titles = distinct(all.map(batchTitle));
  const rows = [...grouped(all, ({ model, dtype }) => `${model} ${dtype}`).values()].map((own) => {
    const { model, dtype } = own[0]!;
    const cells = titles.map((title) =>
      cell(own.find((row) => batchTitle(row) === title)?.microsecondsPerExample, figure),
    );
    return html`<tr>
      <th scope="row">${model}</th>
      <td>${dtype}</td>
      ${cells}
    </tr>`;
  });
  return tableIn(
    html`<span class="key">${key}</span> ${report.machine.cpu}`,
    `Training in batches on ${report.machine.cpu}`,
    html`<tr>
      <th scope="col">model</th>
      <th scope="col">dtype</th>
      ${titles.map((title) => html`<th scope="col" class="number">${title}</th>`)}
    </tr>`,
    rows,
  );
}
