/** Formats numbers and text for people, without Intl: loading it would take several milliseconds. */
import { largest } from '../core/lists.js';
import { escaped } from '../core/escape.js';

/** Formats 32257 as `32,257`. */
export function groupDigits(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Formats four decimals, or a dash for NaN and infinity. */
export function loss(value: number): string {
  return Number.isFinite(value) ? value.toFixed(4) : '-';
}

/** Formats seconds to about three digits. */
export function seconds(value: number): string {
  return `${value.toFixed(value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0)} s`;
}

/** Formats microseconds to about three digits. */
export function microseconds(value: number): string {
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : groupDigits(Math.round(value));
}

/**
 * Text that is safe to show on a terminal: control characters, which a document may hold and a model may
 * learn, become escapes; the empty text becomes `""`.
 */
export function printable(text: string): string {
  return text === '' ? '""' : escaped(text);
}

/** Quotes a path for a shell, even if it holds control characters. */
export function shellWord(path: string): string {
  if (/^[\w./+-]+$/.test(path)) return path;
  if (escaped(path) === path) return `'${path.replaceAll("'", "'\\''")}'`;
  const bytes = [...Buffer.from(path)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`);
  return `$'${bytes.join('')}'`;
}

/** Cuts a text to `width` characters; `…` marks the cut. */
export function truncate(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`;
}

export interface TableColumn {
  title: string;
  align: 'left' | 'right';
  /** The number of spaces before it. */
  gap: number;
}

/** Lays out a table: a title row, a rule and the rows, with each column as wide as its widest cell. */
export function table(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string[] {
  const titles = columns.map((column) => column.title);
  const widths = columns.map((_, i) => largest([titles, ...rows].map((row) => Array.from(row[i]!).length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => {
        const { align, gap } = columns[i]!;
        const padding = ' '.repeat(widths[i]! - Array.from(cell).length);
        return ' '.repeat(gap) + (align === 'left' ? cell + padding : padding + cell);
      })
      .join('')
      .trimEnd();
  const width = columns.reduce((sum, { gap }, i) => sum + gap + widths[i]!, 0);
  return [line(titles), '─'.repeat(width), ...rows.map(line)];
}
