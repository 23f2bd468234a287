/**
 * Small checks that combine to a schema, for values from a file. They also give the schema its TypeScript
 * type.
 */

import { shown } from '../core/check.js';

/** A value does not match the schema; the message names the field. */
export class ReportError extends Error {
  override name = 'ReportError';
}

/** Returns the value with its type, or throws a `ReportError` that names `at`. */
type Check<T> = (value: unknown, at: string) => T;
export type Checked<C> = C extends Check<infer T> ? T : never;

const MAX_CHARACTERS = 200;
const MAX_ITEMS = 100_000;
/** The range of times, rates and sizes; every machine is within it. */
const LEAST = 1e-12;
const MAX_NUMBER = 1e18;
const BETWEEN = 'a number between 1e-12 and 1e18';

function refuse(at: string, wanted: string, value: unknown): never {
  const given = value === undefined ? 'nothing' : shown(value);
  throw new ReportError(`${at}: expected ${wanted}, got ${given}`);
}

/** One line without control or format characters, which could hide or reorder the text after it. */
export const text: Check<string> = (value, at) =>
  typeof value === 'string' &&
  value.length <= MAX_CHARACTERS &&
  !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(value)
    ? value
    : refuse(
        at,
        `a line of at most ${MAX_CHARACTERS} characters, without control and format characters`,
        value,
      );

/** The name of an instruction set, kernel or model. */
export const identifier: Check<string> = (value, at) =>
  typeof value === 'string' && /^[a-z][a-z0-9_]{0,39}$/.test(value)
    ? value
    : refuse(at, 'a name of at most 40 characters a to z, 0 to 9 and _, the first a letter', value);

export const flag: Check<boolean> = (value, at) =>
  typeof value === 'boolean' ? value : refuse(at, 'true or false', value);

/** A time, rate or size; positive, so that a logarithmic scale can show it. */
export const positive: Check<number> = (value, at) =>
  isBetween(LEAST, value) ? value : refuse(at, BETWEEN, value);

export const notNegative: Check<number> = (value, at) =>
  value === 0 ? 0 : isBetween(LEAST, value) ? value : refuse(at, `0 or ${BETWEEN}`, value);

export const finite: Check<number> = (value, at) =>
  isBetween(-MAX_NUMBER, value) ? value : refuse(at, 'a number between -1e18 and 1e18', value);

function isBetween(least: number, value: unknown): value is number {
  return typeof value === 'number' && value > least && value < MAX_NUMBER;
}

export const count: Check<number> = (value, at) =>
  Number.isSafeInteger(value) && (value as number) > 0
    ? (value as number)
    : refuse(at, `a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`, value);

export function oneOf<const T extends string>(...known: readonly T[]): Check<T> {
  const wanted = known.map((one) => `"${one}"`).join(' or ');
  return (value, at) => known.find((one) => one === value) ?? refuse(at, wanted, value);
}

/** A value or JSON's null. */
export function nullable<T>(of: Check<T>): Check<T | null> {
  return (value, at) => (value === null ? null : of(value, at));
}

/** A field that may be missing. */
export function optional<T>(of: Check<T>): Check<T | undefined> {
  return (value, at) => (value === undefined ? undefined : of(value, at));
}

export function list<T>(of: Check<T>): Check<T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) return refuse(at, 'a list', value);
    if (value.length > MAX_ITEMS) {
      throw new ReportError(`${at}: expected a list of at most ${MAX_ITEMS} items, got ${value.length}`);
    }
    return value.map((item, i) => of(item, `${at}[${i}]`));
  };
}

/** An object with these fields; any others are dropped. */
export function object<F extends Record<string, Check<unknown>>>(
  fields: F,
): Check<{ [K in keyof F]: Checked<F[K]> }> {
  return (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return refuse(at === '' ? 'the file' : at, 'an object', value);
    }
    const from = value as Record<string, unknown>;
    const checked = Object.entries(fields).map(([key, check]): [string, unknown] => [
      key,
      check(Object.hasOwn(from, key) ? from[key] : undefined, at === '' ? key : `${at}.${key}`),
    ]);
    return Object.fromEntries(checked) as { [K in keyof F]: Checked<F[K]> };
  };
}
