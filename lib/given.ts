/** What was given, checked and put in words: whatever the types say, JavaScript gives anything. */
import { types } from 'node:util';

/** The most numbers of one array, and the most of what is counted: places are kept in 32 bits. */
export const MOST = 2 ** 30;
/** The most steps of one training: as many as a checkpoint can tell of. */
export const MOST_STEPS = 999_999_999;

/** What was given, in a few words; reads nothing of an object, which may throw or never end. */
export function shown(given: unknown): string {
  if (typeof given === 'string') return given.length > 40 ? `${JSON.stringify(given.slice(0, 40))}...` : JSON.stringify(given); // prettier-ignore
  if (given === null || ['number', 'undefined', 'boolean'].includes(typeof given)) return String(given); // prettier-ignore
  if (types.isTypedArray(given)) return `a ${given[Symbol.toStringTag]}`;
  if (types.isProxy(given) || typeof given !== 'object') return `a ${types.isProxy(given) ? 'proxy' : typeof given}`; // prettier-ignore
  return Array.isArray(given) ? 'an array' : 'an object';
}

/** `Array.isArray` that leaves the type of the elements as it is. */
export function isList(given: unknown): given is readonly unknown[] {
  return Array.isArray(given);
}

/** @throws RangeError when it is none from `low` to `high` */
export function checkInteger(what: string, given: unknown, low: number, high = MOST): number {
  if (Number.isInteger(given) && (given as number) >= low && (given as number) <= high) return given as number; // prettier-ignore
  throw new RangeError(`${what} ${shown(given)}: expected an integer from ${low} to ${high}`);
}

/** @throws TypeError when it is none: what is calculated with is turned into one first, which may never end */
export function checkNumber(what: string, given: unknown): asserts given is number {
  if (typeof given !== 'number') throw new TypeError(`${what} ${shown(given)}: expected a number`);
}

/** @throws TypeError when it is null or no object */
export function checkObject(what: string, given: unknown, expected: string): void {
  if (typeof given === 'object' && given !== null) return;
  throw new TypeError(`${what} ${shown(given)}: expected ${expected}`);
}

/**
 * A copy of a list whose elements are all of a class. They are looked at one by one: a list of four
 * billion holes, of which a copy would end the process, ends at the first.
 *
 * @throws TypeError that names the first that is none
 */
export function listOf<T>(what: string, given: unknown, kind: abstract new (...args: never[]) => T): T[] {
  if (!Array.isArray(given)) throw new TypeError(`${what}: expected an array of ${kind.name}s, got ${shown(given)}`);
  const list: T[] = [];
  for (let i = 0, n = given.length; i < n; i++) {
    const element: unknown = given[i];
    if (!(element instanceof kind)) throw new TypeError(`${what}[${i}]: expected a ${kind.name}, got ${shown(element)}`);
    list.push(element);
  }
  return list;
} // prettier-ignore
