/** Tables of calls: each function by its path, and right arguments for it. */
import type { Chance } from './values.js';

/** Functions by path, and for each a row that makes right arguments. */
export interface Rows {
  /** The functions by path: `kernels.matmul`. */
  calls: ReadonlyMap<string, (...args: unknown[]) => unknown>;
  rows: Readonly<Record<string, (chance: Chance) => unknown[]>>;
  /** Objects that may be mistaken for others. */
  strangers: readonly unknown[];
  /** Which functions may be given sizes that ask for much memory or time: those must refuse them. */
  large: ReadonlySet<string>;
}

/** All functions that an object's properties lead to, by path. */
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

/** What a table lacks, or has too much. */
export function gaps({ calls, rows }: Rows): string[] {
  const lacking = [...calls.keys()].filter((path) => !(path in rows));
  const unknown = Object.keys(rows).filter((path) => !calls.has(path));
  return [...lacking.map((path) => `no row for ${path}`), ...unknown.map((path) => `a row for ${path}, which is not exported`)]; // prettier-ignore
}
