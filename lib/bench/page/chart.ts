/**
 * Draws lines and dots on logarithmic scales, as inline SVG. Elements have classes; the page's style sheet
 * gives colours.
 */
import { largest, smallest } from '../../core/lists.js';
import { html, type Markup } from './html.js';

export interface Series {
  label: string;
  /** A class of the page's style sheet: `c0`, `c1`, ... or `plain`. */
  color: string;
  /** Dashes and hollow marks. */
  isBroken?: boolean;
  points: readonly { x: number; y: number; text: string }[];
}

interface Scale {
  from: number;
  to: number;
  ticks: readonly { at: number; text: string }[];
}

interface Chart {
  /** The kind of chart and its subject, for `data-chart`. */
  name: string;
  /** A description for those who cannot see the chart. */
  label: string;
  width: number;
  height: number;
  x: Scale;
  y: Scale;
  series: readonly Series[];
  /** The width reserved for labels at the ends of the lines; no labels without it. */
  labelWidth?: number;
  /** A horizontal line to compare with. */
  level?: { at: number; text: string };
}

const LINE = 13; // the height of a line of text, in px
const at = (value: number): string => String(Number(value.toFixed(1)));

/** The drawing only; the page wraps it in a figure. */
export function chartSvg(chart: Chart): Markup {
  const { width, height, x, y, series, level, labelWidth = 0 } = chart;
  const area = { left: 34, right: width - Math.max(labelWidth, 8), top: 9, bottom: height - 20 };
  const placeX = placer(x, area.left, area.right);
  const placeY = placer(y, area.bottom, area.top);
  const grid = y.ticks.map(
    ({ at: value, text }) =>
      html`<line
          class="grid"
          x1="${area.left}"
          x2="${at(area.right)}"
          y1="${at(placeY(value))}"
          y2="${at(placeY(value))}"
        /><text class="tick" x="${area.left - 5}" y="${at(placeY(value) + 4)}" text-anchor="end"
          >${text}</text
        >`,
  );
  const places = x.ticks.map(
    ({ at: value, text }, i) =>
      html`<text
        class="tick"
        x="${at(placeX(value))}"
        y="${height - 5}"
        text-anchor="${anchor(i, x.ticks.length)}"
        >${text}</text
      >`,
  );
  const lines = series.map(({ color, isBroken = false, points }) => {
    const path = points.map((p, i) => `${i ? 'L' : 'M'}${at(placeX(p.x))} ${at(placeY(p.y))}`);
    const marks = points.map(
      (p) =>
        html`<circle class="mark" cx="${at(placeX(p.x))}" cy="${at(placeY(p.y))}" r="2.2"
          ><title>${p.text}</title></circle
        >`,
    );
    return html`<g class="${color}${isBroken ? ' broken' : ''}"><path d="${path.join('')}" />${marks}</g>`;
  });
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${chart.label}">
    ${grid}${places}${level && levelLine(level, area, placeY)}${lines}${labelWidth > 0 ? endLabels(series, area, placeY) : undefined}
  </svg>`;
}

interface Dots {
  label: string;
  /** The rows, each with a name, and some with a heading above. */
  rows: readonly {
    name: string;
    heading?: string | undefined;
    dots: readonly { x: number; color: string; isHollow: boolean; text: string }[];
  }[];
  width: number;
  x: Scale;
}

/** Draws rows of dots over one scale. */
export function dotsSvg({ label, rows, width, x }: Dots): Markup {
  const left =
    largest(
      rows.map(({ name }) => name.length),
      0,
    ) *
      7 +
    10;
  const placeX = placer(x, left + 6, width - 8);
  let bottom = 4;
  const placed = rows.map((row) => {
    bottom += row.heading === undefined ? 18 : 34;
    return { ...row, y: bottom - 8 };
  });
  const grid = x.ticks.map(
    ({ at: value, text }, i) =>
      html`<line
          class="grid"
          x1="${at(placeX(value))}"
          x2="${at(placeX(value))}"
          y1="4"
          y2="${bottom}"
        /><text
          class="tick"
          x="${at(placeX(value))}"
          y="${bottom + 14}"
          text-anchor="${anchor(i, x.ticks.length)}"
          >${text}</text
        >`,
  );
  const marks = placed.map(
    ({ name, heading, dots, y }) =>
      html`${heading !== undefined && html`<text class="heading" x="0" y="${y - 12}">${heading}</text>`}<text
          class="tick"
          x="0"
          y="${y + 4}"
          >${name}</text
        ><line class="grid" x1="${left}" x2="${width}" y1="${y}" y2="${y}" />${dots.map(
          (dot) =>
            html`<g class="${dot.color}${dot.isHollow && ' broken'}"
              ><circle class="mark" cx="${at(placeX(dot.x))}" cy="${y}" r="3.5"
                ><title>${dot.text}</title></circle
              ></g
            >`,
        )}`,
  );
  return html`<svg viewBox="0 0 ${width} ${bottom + 18}" role="img" aria-label="${label}">
    ${grid}${marks}
  </svg>`;
}

interface Area {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

function levelLine(
  { at: value, text }: NonNullable<Chart['level']>,
  { left, right, top }: Area,
  placeY: (value: number) => number,
): Markup {
  const y = placeY(value);
  const below = y < top + LINE; // where there is no room above the line
  return html`<line class="level" x1="${left}" x2="${at(right)}" y1="${at(y)}" y2="${at(y)}" /><text
      class="note"
      x="${left + 4}"
      y="${at(below ? y + LINE : y - 4)}"
      >${text}</text
    >`;
}

/** Labels at the last points of the lines, moved apart where they would overlap. */
function endLabels(
  series: readonly Series[],
  { right, top, bottom }: Area,
  placeY: (value: number) => number,
): Markup[] {
  const labels = series
    .filter(({ points }) => points.length > 0)
    .map(({ label, color, points }) => ({ label, color, y: placeY(points.at(-1)!.y) }))
    .sort((a, b) => a.y - b.y);
  spread(labels, top, bottom);
  return labels.map(
    ({ label, color, y }) =>
      html`<text class="name ${color}" x="${at(right + 6)}" y="${at(y + 4)}">${label}</text>`,
  );
}

/** Moves labels, sorted by y, at least one line of text apart, within the bounds if they fit. */
function spread(labels: { y: number }[], top: number, bottom: number): void {
  let least = top;
  for (const label of labels) {
    label.y = Math.max(label.y, least);
    least = label.y + LINE;
  }
  let most = bottom;
  for (const label of [...labels].reverse()) {
    label.y = Math.min(label.y, most);
    most = label.y - LINE;
  }
}

function placer({ from, to }: Scale, start: number, end: number): (value: number) => number {
  const [low, high] = [Math.log(from), Math.log(to)];
  if (high - low < 1e-9) return () => (start + end) / 2;
  return (value) => start + ((Math.log(value) - low) / (high - low)) * (end - start);
}

/** Keeps the texts at both ends of an axis inside. */
function anchor(i: number, count: number): string {
  return i === count - 1 && i > 0 ? 'end' : i === 0 ? 'start' : 'middle';
}

/**
 * A scale from the power of `base` at or below all values to the one at or above, with at most `most` ticks.
 */
export function scaleOf(
  values: readonly number[],
  base: number,
  most: number,
  text: (value: number) => string,
): Scale {
  const logs = values.map((value) => Math.log(value) / Math.log(base));
  const first = Math.floor(smallest(logs) + 1e-9);
  const last = Math.max(Math.ceil(largest(logs) - 1e-9), first + 1);
  const step = Math.ceil((last - first + 1) / most);
  const ticks = [];
  for (let power = first; power <= last; power += step) {
    ticks.push({ at: base ** power, text: text(base ** power) });
  }
  return { from: base ** first, to: base ** last, ticks };
}

/** A scale over the measured sizes, of which at most `most` get ticks. */
export function sizesScale(sizes: readonly number[], most: number, text: (value: number) => string): Scale {
  const sorted = [...new Set(sizes)].sort((a, b) => a - b);
  const [from, to] = [sorted[0]!, sorted.at(-1)!];
  const step = Math.max(1, Math.ceil((sorted.length - 1) / Math.max(1, most - 1)));
  const named = sorted.filter((_, i) => (sorted.length - 1 - i) % step === 0);
  return { from, to, ticks: named.map((at) => ({ at, text: text(at) })) };
}
