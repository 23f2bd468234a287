/** Reads the values of options. Each reader checks one kind of value and says what it expected. */
import type { OptionName } from './commands.js';
import { UsageError } from './usage.js';
import { groupDigits } from '../terminal/format.js';
import { quoted } from '../core/escape.js';

export type Values = Partial<Record<OptionName, string | boolean>>;

/** Below this, logits divided by the temperature overflow. */
export const MIN_TEMPERATURE = 1e-9;

export function whole(values: Values, name: OptionName, min: number, max: number): number | undefined {
  return mapped(text(values, name), (given) => {
    const value = decimal(given);
    if (Number.isInteger(value) && value >= min && value <= max) return value + 0;
    throw new UsageError(
      `--${name} takes a whole number from ${groupDigits(min)} to ${groupDigits(max)}, ` +
        `not ${quoted(given)}`,
    );
  });
}

export function seed(values: Values): number | undefined {
  return whole(values, 'seed', -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
}

export function file(values: Values, name: OptionName): string | undefined {
  const path = text(values, name);
  if (path === '') throw new UsageError(`--${name} takes the name of a file, not ""`);
  return path;
}

export function positive(values: Values, name: OptionName, min = 0): number | undefined {
  return mapped(text(values, name), (given) => {
    const value = decimal(given);
    if (value > 0 && value >= min && value < Infinity) return value;
    const limit = min > 0 ? `a finite number of at least ${min}` : 'a finite number above 0';
    throw new UsageError(`--${name} takes ${limit}, not ${quoted(given)}`);
  });
}

/** The number, or NaN where it is not a plain decimal number: Number() also accepts "", "0x10" and " 1 ". */
function decimal(given: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(given) ? Number(given) : NaN;
}

export function text(values: Values, name: OptionName): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

export function mapped<T, U>(value: T | undefined, change: (value: T) => U): U | undefined {
  return value === undefined ? undefined : change(value);
}

/** An object with this property, or an empty one: undefined would override a default. */
export function given<K extends string, T>(key: K, value: T | undefined): Partial<Record<K, T>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, T>);
}
