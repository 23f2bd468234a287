/**
 * Checks of arguments, and how messages describe them. JavaScript can pass anything, whatever the types say.
 */
import { types } from 'node:util';
import { didYouMean } from './suggest.js';
import { quoted } from './escape.js';

/** The most numbers in one array, and the largest count anywhere: offsets are 32-bit integers. */
export const MAX_COUNT = 2 ** 30;
/** The most steps of one training: the largest count that a checkpoint can hold. */
export const MAX_STEPS = 999_999_999;
/** The most examples of one step. */
export const MAX_BATCH = 1_000_000;

/** Kinds of objects that can be recognised without reading their properties. */
const KINDS = [
  [types.isMap, 'Map'],
  [types.isSet, 'Set'],
  [types.isPromise, 'promise'],
  [types.isDate, 'Date'],
] as const;

/** How messages describe the instances of a class, by its prototype. */
const DESCRIPTIONS = new Map<object, (instance: never) => string>();

/** Has messages describe the instances of a class in these words, in place of "an object". */
export function describeInstances<T extends object>(prototype: T, words: (instance: T) => string): void {
  DESCRIPTIONS.set(prototype, words);
}

/**
 * Describes an argument in a few words. Reads no property of an object of unknown class: a getter may throw
 * or never return.
 */
export function shown(given: unknown): string {
  if (typeof given === 'string') return quoted(given, 40);
  if (given === null || ['number', 'undefined', 'boolean'].includes(typeof given)) return String(given);
  if (types.isTypedArray(given))
    return `${given[Symbol.toStringTag].startsWith('I') ? 'an' : 'a'} ${given[Symbol.toStringTag]}`;
  for (const [is, name] of KINDS) if (is(given)) return `a ${name}`;
  if (types.isProxy(given) || typeof given !== 'object')
    return `a ${types.isProxy(given) ? 'proxy' : typeof given}`;
  if (Array.isArray(given)) return 'an array';
  for (const prototype of prototypesOf(given)) {
    const words = DESCRIPTIONS.get(prototype) as ((instance: object) => string) | undefined;
    if (words) return words(given);
  }
  return 'an object';
}

/** As {@link shown}, for arguments that should be short lists: an array is shown with its length. */
export function shownList(given: unknown): string {
  return isList(given) ? `an array of length ${given.length}` : shown(given);
}

/** `Array.isArray`, but it keeps the element type. */
export function isList(given: unknown): given is readonly unknown[] {
  return Array.isArray(given);
}

/** @throws RangeError when `given` is not an integer from `low` to `high` */
export function checkInteger(what: string, given: unknown, low: number, high = MAX_COUNT): number {
  if (Number.isInteger(given) && (given as number) >= low && (given as number) <= high)
    return given as number;
  throw new RangeError(`${what} ${shown(given)}: expected an integer from ${low} to ${high}`);
}

/**
 * @throws TypeError when `given` is not a number. Arithmetic would convert an object to one first, which may
 * never return.
 */
export function checkNumber(what: string, given: unknown): asserts given is number {
  if (typeof given !== 'number') throw new TypeError(`${what} ${shown(given)}: expected a number`);
}

/**
 * Checks a number that others are computed from: NaN or infinity would silently spread to all of them.
 *
 * @throws TypeError when it is not a number
 * @throws RangeError when it is NaN, infinite or below `low`
 */
export function checkFinite(what: string, given: unknown, low = -Infinity): asserts given is number {
  checkNumber(what, given);
  if (Number.isFinite(given) && given >= low) return;
  const from = low === -Infinity ? '' : ` from ${low}`;
  throw new RangeError(`${what} ${given}: expected a finite number${from}`);
}

/** @throws TypeError when `given` is null or not an object */
export function checkObject(what: string, given: unknown, expected: string): void {
  if (typeof given === 'object' && given !== null) return;
  throw new TypeError(`${what} ${shown(given)}: expected ${expected}`);
}

/**
 * Refuses more arguments than a function takes, which it would ignore silently. A function of one value may
 * be given to `map`, which adds the element's index and the list.
 *
 * @param given the function's `arguments`
 * @throws TypeError when there are more than `most`
 */
export function checkArguments(who: string, given: ArrayLike<unknown>, most: number): void {
  if (given.length > most && !(most === 1 && isFromMap(given))) throw tooMany(who, given, most);
}

/** Whether these are the arguments that `map` and `forEach` give. */
function isFromMap(given: ArrayLike<unknown>): boolean {
  return given.length === 3 && typeof given[1] === 'number' && isList(given[2]);
}

function tooMany(who: string, given: ArrayLike<unknown>, most: number): TypeError {
  const ofMap = isList(given[given.length - 1])
    ? `; map gives an index and the list too: where that is it, write (x) => ${who}(x)`
    : '';
  return new TypeError(`${who}: ${shown(given[most])} is one argument too many${ofMap}`);
}

/** How many arguments each method takes at most. Total by type, like {@link Known}; `Hidden` are left out. */
export type Counts<T, Hidden extends keyof T = never> = {
  readonly [
    K in keyof T & string as K extends Hidden ? never : T[K] extends (...args: never) => unknown ? K : never
  ]: T[K] extends (...args: infer Arguments) => unknown ? Required<Arguments>['length'] : never;
};

/**
 * Has the methods of a class refuse more arguments than they take, as {@link checkArguments} does, and calls
 * without an object, as those of `const { step } = training`.
 *
 * @param kind the name of the class
 */
export function limitArguments(
  kind: string,
  prototype: object,
  counts: Readonly<Record<string, number>>,
): void {
  for (const [who, most] of Object.entries(counts)) {
    const own = Object.getOwnPropertyDescriptor(prototype, who)!;
    const value = limited(kind, who, own.value as Method, most);
    Object.defineProperty(value, 'name', { value: who });
    Object.defineProperty(prototype, who, { ...own, value });
  }
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

function limited(kind: string, who: string, method: Method, most: number): Method {
  const isAsync = types.isAsyncFunction(method);
  return function () {
    if (this === undefined || arguments.length > most) {
      const error = this === undefined ? withoutObject(kind, who) : tooMany(who, arguments, most);
      if (isAsync) return Promise.reject(error);
      throw error;
    }
    return Reflect.apply(method, this, arguments) as unknown;
  };
}

function withoutObject(kind: string, who: string): TypeError {
  const name = kind.toLowerCase();
  const a = /^[AEIOU]/.test(kind) ? 'an' : 'a';
  return new TypeError(
    `${who}: called on undefined, expected ${a} ${kind}: a method that is passed on loses its ${name}: ` +
      `write (x) => ${name === 'value' ? 'x' : name}.${who}(...)`,
  );
}

/** The keys of an options object. Total by type: a new option that is missing here does not compile. */
export type Known<Options> = Readonly<Record<keyof Options, true>>;

/**
 * Refuses an options object with an unknown key, which would otherwise be ignored silently. All enumerable
 * string keys count, inherited ones too, since destructuring reads them; symbols do not. An instance of a
 * class is refused: its getters are on the prototype, where they cannot be enumerated.
 *
 * @param who the function or class that takes the options
 * @throws TypeError when it is not a plain object, or has an unknown key
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
 * Whether `given` is a plain object: a literal (of any realm), an object without a prototype, or one that
 * inherits from such an object. A proxy counts as plain.
 */
export function isPlain(given: unknown): given is object {
  if (typeof given !== 'object' || given === null || Symbol.iterator in given) return false;
  return classOf(given) === undefined;
}

/** The prototypes of an object below `Object.prototype`. Stops at a proxy, whose traps may never return. */
function* prototypesOf(given: object): Generator<object> {
  for (let at = given; !types.isProxy(at);) {
    const above = Object.getPrototypeOf(at) as object | null;
    if (above === null || types.isProxy(above) || Object.getPrototypeOf(above) === null) return;
    yield above;
    at = above;
  }
}

/** The prototype of an object's class; undefined for a plain object. */
function classOf(given: object): object | undefined {
  for (const prototype of prototypesOf(given)) {
    if (Object.hasOwn(prototype, 'constructor')) return prototype;
  }
  return undefined;
}

/** ` of class "Random"`; empty where there is no class or {@link shown} already names the kind. */
export function classNameOf(given: unknown): string {
  if (shown(given) !== 'an object') return '';
  const prototype = classOf(given as object) as { constructor?: { name?: unknown } } | undefined;
  const name = prototype?.constructor?.name;
  return typeof name === 'string' ? ` of class ${quoted(name, 40)}` : '';
}

/**
 * The names of an object's properties: the enumerable ones, inherited ones too, and the getters of its class.
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
 * A property of an object by name; undefined where only `Object.prototype` has it, because inputs may be
 * called "constructor", "toString" or "__proto__".
 */
export function byName<T>(given: Readonly<Record<string, T>>, name: string): T | undefined {
  if (!(name in Object.prototype) || Object.hasOwn(given, name)) return given[name];
  for (const prototype of prototypesOf(given)) {
    const own = Object.getOwnPropertyDescriptor(prototype, name);
    if (own && (own.enumerable || own.get)) return given[name];
  }
  return undefined;
}

/** @throws TypeError when `given` is not a boolean */
export function checkBoolean(what: string, given: unknown): asserts given is boolean {
  if (typeof given !== 'boolean') throw new TypeError(`${what} ${shown(given)}: expected true or false`);
}

/** @throws TypeError when `given` is not one of the known strings */
export function checkOneOf<T extends string>(what: string, given: unknown, known: readonly T[]): T {
  const found = known.find((text) => text === given);
  if (found !== undefined) return found;
  const guess = typeof given === 'string' ? didYouMean(given, known) : '';
  throw new TypeError(
    `${what} ${shown(given)}: expected ${known.map((text) => `'${text}'`).join(' or ')}${guess}`,
  );
}

/** @throws TypeError when `given` is not a function */
export function checkFunction(what: string, given: unknown): void {
  if (typeof given !== 'function') throw new TypeError(`${what} ${shown(given)}: expected a function`);
}
