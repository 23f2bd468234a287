/** Formats figures for people, to about three digits. */
import { groupDigits } from '../terminal/format.js';

export function figure(value: number | undefined): string {
  if (value === undefined) return '';
  if (value >= 1000) return groupDigits(Math.round(value));
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function times(value: number | undefined): string {
  return value === undefined ? '' : `${figure(value)}×`;
}

export function percent(value: number | undefined): string {
  return value === undefined ? '' : `${(value * 100).toFixed(0)}%`;
}

export function bytes(value: number): string {
  const [unit, each] = value >= 2 ** 20 ? (['MiB', 2 ** 20] as const) : (['KiB', 2 ** 10] as const);
  return `${Number((value / each).toFixed(1))} ${unit}`;
}

/** Formats 65536 as `64K`, 1048576 as `1M` and 1000 as `1000`. */
export function size(n: number): string {
  if (n >= 2 ** 20 && n % 2 ** 20 === 0) return `${n / 2 ** 20}M`;
  return n >= 2 ** 12 && n % 2 ** 10 === 0 ? `${n / 2 ** 10}K` : String(n);
}

/** Formats four decimals, or a dash for null. */
export function loss(value: number | null): string {
  return value === null ? '-' : value.toFixed(4);
}
