/** What was given, checked and put in words: whatever the types say, JavaScript gives anything. */
import { types } from 'node:util';
import { didYouMean } from './suggest.js';
import { quoted } from './escape.js';

/** The most numbers of one array, and the most of what is counted: places are kept in 32 bits. */
export const MAX_COUNT = 2 ** 30;
/** The most steps of one training: as many as a checkpoint can tell of. */
export const MAX_STEPS = 999_999_999;
/** The most examples of one step. */
export const MAX_BATCH = 1_000_000;

/** Objects that are told apart without a look at what they hold. */
const KINDS = [
  [types.isMap, 'Map'],
  [types.isSet, 'Set'],
  [types.isPromise, 'promise'],
  [types.isDate, 'Date'],
] as const;

/** What was given, in a few words; reads nothing of an object, which may throw or never end. */
export function shown(given: unknown): string {
  if (typeof given === 'string') return quoted(given, 40);
  if (given === null || ['number', 'undefined', 'boolean'].includes(typeof given)) return String(given);
  if (types.isTypedArray(given))
    return `${given[Symbol.toStringTag].startsWith('I') ? 'an' : 'a'} ${given[Symbol.toStringTag]}`;
  for (const [is, name] of KINDS) if (is(given)) return `a ${name}`;
  if (types.isProxy(given) || typeof given !== 'object')
    return `a ${types.isProxy(given) ? 'proxy' : typeof given}`;
  return Array.isArray(given) ? 'an array' : 'an object';
}

/** The same of what should be a short list: of an array its length too. */
export function shownList(given: unknown): string {
  return isList(given) ? `an array of length ${given.length}` : shown(given);
}

/** `Array.isArray` that leaves the type of the elements as it is. */
export function isList(given: unknown): given is readonly unknown[] {
  return Array.isArray(given);
}

/** @throws RangeError when it is none from `low` to `high` */
export function checkInteger(what: string, given: unknown, low: number, high = MAX_COUNT): number {
  if (Number.isInteger(given) && (given as number) >= low && (given as number) <= high)
    return given as number;
  throw new RangeError(`${what} ${shown(given)}: expected an integer from ${low} to ${high}`);
}

/**
 * @throws TypeError when it is none: what is calculated with is turned into one first, which may never end
 */
export function checkNumber(what: string, given: unknown): asserts given is number {
  if (typeof given !== 'number') throw new TypeError(`${what} ${shown(given)}: expected a number`);
}

/**
 * For what other numbers are calculated with: NaN or infinity would pass on to all of them in silence.
 *
 * @throws TypeError when it is no number
 * @throws RangeError when it is NaN or infinite
 */
export function checkFinite(what: string, given: unknown, low = -Infinity): asserts given is number {
  checkNumber(what, given);
  if (Number.isFinite(given) && given >= low) return;
  const from = low === -Infinity ? '' : ` from ${low}`;
  throw new RangeError(`${what} ${given}: expected a finite number${from}`);
}

/** @throws TypeError when it is null or no object */
export function checkObject(what: string, given: unknown, expected: string): void {
  if (typeof given === 'object' && given !== null) return;
  throw new TypeError(`${what} ${shown(given)}: expected ${expected}`);
}

/** The keys of an options object. Total by type: an option that is added must be added here too. */
export type Known<Options> = Readonly<Record<keyof Options, true>>;

/**
 * Refuses an options object with a key that is not known, which would be a mistake that passes in
 * silence. All enumerable keys count, inherited ones too, since destructuring reads them; symbols do not.
 * An object of a class is refused: what its getters are called cannot be seen in it.
 *
 * @param who the function or class that the options are given to
 * @throws TypeError when it is no plain object, or has another key
 */
export function checkOptions<Options extends object>(
  who: string,
  given: Options,
  known: Known<Options>,
): void {
  const names = Object.keys(known);
  if (!isPlain(given)) {
    const ofClass = classNameOf(given);
    throw new TypeError(
      `${who}: options ${shown(given)}${ofClass}: expected ${ofClass === '' ? 'an' : 'a plain'} ` +
        `object { ${names.join(', ')} }`,
    );
  }
  for (const key in given) {
    if (Object.hasOwn(known, key)) continue;
    throw new TypeError(
      `${who}: there is no option ` +
        `${shown(key)}${didYouMean(key, names)}${names.length > 0 ? ` (options: ${names.join(', ')})` : ''}`,
    );
  }
}

/**
 * Whether it is an object of no class: a literal, also one of another realm, an object without a
 * prototype, or one that inherits from such. A proxy is taken for one.
 */
export function isPlain(given: unknown): given is object {
  if (typeof given !== 'object' || given === null || Symbol.iterator in given) return false;
  return classOf(given) === undefined;
}

/** What an object inherits from, but for what all objects do; nothing of a proxy, which may never end. */
function* prototypesOf(given: object): Generator<object> {
  for (let at = given; !types.isProxy(at);) {
    const above = Object.getPrototypeOf(at) as object | null;
    if (above === null || types.isProxy(above) || Object.getPrototypeOf(above) === null) return;
    yield above;
    at = above;
  }
}

/** The prototype of the class that an object is of; undefined where it is of none. */
function classOf(given: object): object | undefined {
  for (const prototype of prototypesOf(given)) {
    if (Object.hasOwn(prototype, 'constructor')) return prototype;
  }
  return undefined;
}

/** ` of class "Random"`, where that says more than the kind of object. */
export function classNameOf(given: unknown): string {
  if (shown(given) !== 'an object') return '';
  const prototype = classOf(given as object) as { constructor?: { name?: unknown } } | undefined;
  const name = prototype?.constructor?.name;
  return typeof name === 'string' ? ` of class ${quoted(name, 40)}` : '';
}

/**
 * The names by which an object of the user's has something: those that can be enumerated, inherited
 * ones too, and the getters of its class.
 */
export function namesIn(given: object): string[] {
  const names: string[] = [];
  for (const name in given) names.push(name);
  for (const prototype of prototypesOf(given)) {
    const own = Object.getOwnPropertyDescriptors(prototype);
    for (const name in own) if (own[name]!.get) names.push(name);
  }
  return names;
}

/**
 * What an object of the user's has by a name, nothing where only `Object.prototype` has it: the
 * names "constructor", "toString" and "__proto__" may be those of inputs.
 */
export function byName<T>(given: Readonly<Record<string, T>>, name: string): T | undefined {
  if (!(name in Object.prototype) || Object.hasOwn(given, name)) return given[name];
  for (const prototype of prototypesOf(given)) {
    const own = Object.getOwnPropertyDescriptor(prototype, name);
    if (own && (own.enumerable || own.get)) return given[name];
  }
  return undefined;
}

/** @throws TypeError when it is neither true nor false */
export function checkBoolean(what: string, given: unknown): asserts given is boolean {
  if (typeof given !== 'boolean') throw new TypeError(`${what} ${shown(given)}: expected true or false`);
}

/** @throws TypeError when it is none of the known texts */
export function checkOneOf<T extends string>(what: string, given: unknown, known: readonly T[]): T {
  const found = known.find((text) => text === given);
  if (found !== undefined) return found;
  const guess = typeof given === 'string' ? didYouMean(given, known) : '';
  throw new TypeError(
    `${what} ${shown(given)}: expected ${known.map((text) => `'${text}'`).join(' or ')}${guess}`,
  );
}

/** @throws TypeError when it is none */
export function checkFunction(what: string, given: unknown): void {
  if (typeof given !== 'function') throw new TypeError(`${what} ${shown(given)}: expected a function`);
}
