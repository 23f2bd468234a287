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
