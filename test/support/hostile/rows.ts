/** Tables of calls: each function by its path, and right arguments for it. */
import type { Chance, Context } from './values.js';

/** Functions by path, and for each a row that makes right arguments. */
export interface Rows {
  /** The functions by path: `kernels.matmul`. */
  calls: ReadonlyMap<string, (...args: unknown[]) => unknown>;
  /** Right arguments; callbacks among them may call `again`, which makes another call. */
  rows: Readonly<Record<string, (chance: Chance, again: () => void) => unknown[]>>;
  /** Objects that may be mistaken for others. */
  strangers: readonly unknown[];
  /** Sizes that a function may be given though they ask for much memory or time: it must refuse them. */
  large: (path: string) => readonly number[];
  /** What may be given beside what all functions are. */
  more?: (path: string) => readonly ((context: Context) => unknown)[];
  /** Tells callbacks that objects of the world have what makes another call in the case that begins. */
  during?: (again: () => void) => void;
  /** Puts to use what a call returned. */
  use?: (result: unknown, path: string, context: Context) => unknown;
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
  return [
    ...lacking.map((path) => `no row for ${path}`),
    ...unknown.map((path) => `a row for ${path}, which is not exported`),
  ];
}
