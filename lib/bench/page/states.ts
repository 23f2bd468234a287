/** The section on the recurrent nets by the size of their state. */
import { type Shown, figureShort, WIDE } from './parts.js';
import type { Markup } from './html.js';
import { html } from './html.js';
import { scaleOf, sizesScale, type Series, chartSvg } from './chart.js';
import { PARTS } from '../text.js';
import { figure } from '../format.js';
import type { StateRow } from '../report.js';
import { largest } from '../../core/lists.js';

export function states(machines: readonly Shown[]): Markup {
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
      `${part} by n_state, microseconds: ` + machines.map((machine) => gain(machine, part)).join('; ');
    const svg = chartSvg({ name: 'states', label, ...WIDE, x, y, series, labelWidth: 66 });
    return html`<figure data-chart="states ${part}">
      <figcaption><b>${part}</b> <span class="quiet">µs by n_state</span></figcaption>
      ${svg}
    </figure>`;
  });
  return html`<section>
    <h2>Recurrent nets by the size of their state</h2>
    <p>
      A document of 7 letters in float32. In <code>rnn_att</code> (dashed) only the 16 largest coordinates of
      the state act: its work grows with n_state, that of <code>rnn</code> with its square. Gradients that are
      products are computed in the update.
    </p>
    <div class="wide">${charts}</div>
  </section>`;
}

/** The gain of sparse firing at the largest state. */
function gain({ key, report }: Shown, part: StateRow['part']): string {
  const own = report.states.filter((row) => row.part === part);
  const most = largest(own.map(({ nState }) => nState));
  const time = (model: string): number | undefined =>
    own.find((row) => row.model === model && row.nState === most)?.microseconds;
  const [dense, sparse] = [time('rnn'), time('rnn_att')];
  if (dense === undefined || sparse === undefined) return `${key} was not measured`;
  return `on ${key}, at ${most}, rnn takes ${figure(dense)} and rnn_att ${figure(sparse)}`;
}
