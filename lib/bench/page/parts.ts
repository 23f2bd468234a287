/** Parts that several sections of the page share: machines, legends, tables and cells. */
import type { Named, Figures } from '../figures.js';
import type { Markup } from './html.js';
import { html, type Part } from './html.js';

export const DTYPES = ['float32', 'float64'] as const;

export const PANEL = { width: 164, height: 118 };

export const WIDE = { width: 328, height: 230 };

/** A machine with figures that several sections use. */
export interface Shown extends Named {
  all: Figures[];
  isEmulated: boolean;
  /** Its vector instruction sets, best first, each with a colour class. */
  vectors: { name: string; color: string }[];
}

/** The legend: a colour for each instruction set, solid lines for float32, dashes for float64. */
export function legend(machines: readonly Shown[], isDots: boolean): Markup {
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

/** A table that scrolls separately where it is wider than the page. */
export function tableIn(caption: Part, name: string, head: Markup, rows: readonly Markup[]): Markup {
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

export function cell(value: number | undefined, show: (value: number) => string): Markup {
  if (value === undefined) return html`<td class="number"></td>`;
  return html`<td class="number" data-value="${value}">${show(value)}</td>`;
}

/** Labels of an axis: 0.1, 1, 10, 1K, 1M. */
export function figureShort(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  if (value >= 1e3) return `${value / 1e3}K`;
  return String(Number(value.toPrecision(3)));
}
