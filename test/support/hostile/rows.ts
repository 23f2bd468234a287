/** Tables of calls: each function by its path, with valid arguments. */
import type { Chance, Context } from './values.js';

/** Functions by path, and for each a row that makes valid arguments. */
export interface Rows {
  /** The functions by path: `kernels.matmul`. */
  calls: ReadonlyMap<string, (...args: unknown[]) => unknown>;
  /** Makes valid arguments; callbacks among them may call `again`, which makes another call. */
  rows: Readonly<Record<string, (chance: Chance, again: () => void) => unknown[]>>;
  /** Objects that may be passed where another is expected. */
  strangers: readonly unknown[];
  /** Sizes that would take much memory or time, for functions that must refuse them. */
  large: (path: string) => readonly number[];
  /** Further values, besides those that all functions are given. */
  more?: (path: string) => readonly ((context: Context) => unknown)[];
  /** Gives the case's `again` to callbacks on objects of the world. */
  during?: (again: () => void) => void;
  /** Uses the result of a call. */
  use?: (result: unknown, path: string, context: Context) => unknown;
}

/** All functions that can be reached through an object's properties, by path. */
export function flattened(exported: object): Map<string, (...args: unknown[]) => unknown> {
  const found = new Map<string, (...args: unknown[]) => unknown>();
  const visit = (object: object, path: string): void => {
    for (const [key, value] of Object.entries(object) as [string, unknown][]) {
      if (typeof value === 'function') found.set(path + key, value as () => unknown);
      else if (typeof value === 'object' && value !== null) visit(value, `${path}${key}.`);
    }
  };
  visit(exported, '');
  return found;
}

/** Lists what a table lacks, and what it has too much. */
export function gaps({ calls, rows }: Rows): string[] {
  const lacking = [...calls.keys()].filter((path) => !(path in rows));
  const unknown = Object.keys(rows).filter((path) => !calls.has(path));
  return [
    ...lacking.map((path) => `no row for ${path}`),
    ...unknown.map((path) => `a row for ${path}, which is not exported`),
  ];
}
