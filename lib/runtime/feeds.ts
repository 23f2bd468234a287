/** Reads feeds into a program's memory, or explains what is wrong with them. */
import type { Numbers, TypedArray } from '../core/array.js';
import { byName, checkObject, isList, namesIn, shown } from '../core/check.js';
import { sameShape, show } from '../core/shape.js';
import { didYouMean } from '../core/suggest.js';
import { flatten } from '../graph/flatten.js';
import { Node } from '../graph/node.js';
import { FeedError } from './errors.js';
import { NEVER, type FloatInput, type IndexInput, type Inputs } from './inputs.js';

/** Numbers by input name: one number, a flat row-major array, or nested arrays of the input's shape. */
export type Feeds = Readonly<Record<string, Numbers>>;

/** Where feeds are written. */
export interface FeedTarget {
  numbers: TypedArray;
  /** The offset in `numbers` of each floating-point input. */
  offsets: Int32Array;
  /** The offset in `numbers` of 1 / prefix length; -1 where it is not needed. */
  inverseCount: number;
  ints: Int32Array;
  /** The index in `ints` of slot 0. */
  firstSlot: number;
}

/** Reads the feeds of one program. */
export class FeedReader {
  /** The last prefix length fed. */
  length: number;
  /** Whether feeds are being read. A getter among them must not run the same program. */
  isReading = false;
  /** What was last fed, in the order of `inputs.names`. */
  private readonly fed: (Feeds[string] | undefined)[];
  /** Whether an input has the name of a property that every object has. */
  private readonly hasCommonName: boolean;
  /** The names in the last feeds, in order; all are known. */
  private lastNames: readonly string[];
  private readonly known: ReadonlySet<string>;

  constructor(private readonly inputs: Inputs) {
    const { names, maxLength } = inputs;
    this.length = maxLength;
    this.fed = names.map(() => undefined);
    this.hasCommonName = names.some((name) => name in Object.prototype);
    this.lastNames = names;
    this.known = new Set(names);
  }

  /**
   * Writes feeds to their places.
   *
   * @throws FeedError when one is missing, unknown or wrong
   */
  read(feeds: Feeds, to: FeedTarget): void {
    checkObject('the feeds', feeds, 'an object with numbers for each input');
    this.isReading = true;
    try {
      this.readAll(feeds, to);
    } catch (error) {
      checkFeeds(feeds, this.inputs.names);
      throw error;
    } finally {
      this.isReading = false;
    }
  }

  private readAll(feeds: Feeds, to: FeedTarget): void {
    const { countName, names, floats, indices } = this.inputs;
    if (countName !== undefined) {
      const count = single(byName(feeds, countName) ?? undefined);
      if (count === undefined) this.checkNames(feeds); // its name may be misspelt
      this.length = this.checkLength(count);
      if (to.inverseCount >= 0) to.numbers[to.inverseCount] = 1 / this.length;
    }
    // Comparing the names with the last ones is faster than looking each one up.
    const { fed, lastNames } = this;
    let known = 0;
    for (const name in feeds) {
      if (name !== lastNames[known]) {
        known = -1;
        break;
      }
      known++;
    }
    const isOfClass = !isOfNoClass(feeds);
    if (isOfClass) checkFeeds(feeds, names);
    if (known < 0 || isOfClass) this.lastNames = this.checkNames(feeds);
    for (let i = 0; i < fed.length; i++) {
      const name = names[i]!;
      fed[i] = (this.hasCommonName ? byName(feeds, name) : feeds[name]) ?? undefined;
    }
    for (let i = 0; i < floats.length; i++) readFloats(floats[i]!, fed[i], to.numbers, to.offsets[i]!);
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      this.readIndex(index, fed[floats.length + i], to.ints, to.firstSlot + index.slot);
    }
  }

  /**
   * The names in an object of feeds or columns.
   *
   * @throws FeedError where one is unknown
   */
  checkNames(feeds: Readonly<Record<string, unknown>>): string[] {
    const { names } = this.inputs;
    const given = namesIn(feeds);
    for (const name of given) {
      if (this.known.has(name)) continue;
      const missing = names.filter((known) => byName(feeds, known) === undefined);
      // An unknown name is most likely a misspelt missing one.
      const guess = didYouMean(name, missing) || didYouMean(name, names);
      throw new FeedError(
        `no input is named '${name}'${guess}${guess === '' ? '; this' : ' This'} program's inputs: ` +
          listed(names),
      );
    }
    return given;
  }

  /** @throws FeedError where a value is not a prefix length of this program */
  checkLength(value: unknown): number {
    const { countName: name, maxLength } = this.inputs;
    if (value === undefined)
      throw new FeedError(`input '${name}' is missing: feed a length from 1 to ${maxLength}`);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > maxLength)
      throw new FeedError(`input '${name}' = ${describe(value)}: expected an integer from 1 to ${maxLength}`);
    return value;
  }

  /** Writes the integers fed to an index into `ints`, from `at` on. */
  readIndex(index: IndexInput, fed: Feeds[string] | undefined, ints: Int32Array, at: number): void {
    const { limit } = index;
    const needed = index.needs[this.length]!;
    const isNested = index.shape.length > 1 && typeof fed === 'object' && isArray(fed[0]);
    const value = isNested ? flatNumbers(index, fed) : fed;
    if (value === undefined) {
      if (needed === 0) return;
      throw new FeedError(
        `input '${index.name}' is missing: ${index.label} needs ` +
          (index.size === 1 ? 'an integer' : `${index.size} integers`),
      );
    }
    const isNumber = typeof value === 'number';
    const count = isNumber ? 1 : value.length;
    if (!isNumber && !(typeof value === 'object' && Number.isInteger(count))) {
      throw new FeedError(
        `input '${index.name}': ${describe(value)} for ${index.label}, which takes ` +
          counted(index.size, 'integer'),
      );
    }
    if (count > index.size || count < needed) this.refuseCount(index, value, count, needed);
    for (let i = 0; i < count; i++) {
      const x = isNumber ? value : (value[i]! as number);
      if (typeof x !== 'number' || (x | 0) !== x || x < 0 || x >= limit) this.checkElement(index, i, x);
      ints[at + i] = x;
    }
  }

  /** Refuses too many or too few integers. */
  private refuseCount(
    { name, label, shape, size, hasParts }: IndexInput,
    value: unknown,
    count: number,
    needed: number,
  ): never {
    if (describe(value) === 'nested arrays') throw nestedIndex({ name, label, size });
    const advice =
      shape.length === 1
        ? `; its length is fixed in the graph: index('${name}', ${count})`
        : '; its shape is fixed in the graph';
    if (count > size)
      throw new FeedError(
        `input '${name}': ${counted(count, 'integer')} for ${label}, which takes ` +
          `${size}${size === 1 ? '' : advice}`,
      );
    throw new FeedError(
      `input '${name}': ${counted(count, 'integer')} for ${label}, of which this run needs at ` +
        `least ${needed}${this.inputs.maxLength === 1 && count > 0 && !hasParts ? advice : ''}`,
    );
  }

  /** @throws FeedError where x is not an integer, or exceeds a limit that applies to a run of `length` */
  checkElement(
    { name, label, size, limits, users, readAbove }: IndexInput,
    i: number,
    x: unknown,
    length = this.length,
  ): void {
    const limit = limits[i]!;
    if (typeof x === 'number' && (x | 0) === x && x >= 0 && (x < limit || readAbove[i]! >= length)) return;
    if (size === 1 && isArray(x)) throw nestedIndex({ name, label, size });
    const where = size === 1 ? '' : `[${i}]`;
    const expected =
      limit === NEVER ? 'an integer from 0' : `an integer from 0 to ${limit - 1}, for ${users[i]!}`;
    const advice = isList(x) ? '; an index has one axis: feed it one flat array' : '';
    throw new FeedError(`input '${name}'${where} = ${describe(x)}: expected ${expected}${advice}`);
  }
}

/** The error for nested arrays fed to an index. */
function nestedIndex({ name, label, size }: Pick<IndexInput, 'name' | 'label' | 'size'>): FeedError {
  const expected = size === 1 ? ', which takes 1 integer' : ': an index has one axis: feed it one flat array';
  return new FeedError(`input '${name}': nested arrays for ${label}${expected}`);
}

/** Writes the numbers fed to a floating-point input into `to`, from `offset` on. */
function readFloats(
  input: FloatInput,
  value: Feeds[string] | undefined,
  to: TypedArray,
  offset: number,
): void {
  const { size } = input;
  if (value === undefined) {
    if (!input.isRead) return;
    throw new FeedError(`input '${input.name}' is missing: ${input.label} needs ${counted(size, 'number')}`);
  }
  if (typeof value === 'number') {
    if (size !== 1)
      throw new FeedError(
        `input '${input.name}': one number, ${value}, for ${input.label}, which needs ` +
          counted(size, 'number'),
      );
    to[offset] = value;
    return;
  }
  if (typeof value !== 'object') throw wrongCount(input, value, 0);
  const isTyped = value instanceof Float64Array || value instanceof Float32Array;
  const numbers = isTyped || typeof value[0] !== 'object' ? value : flatNumbers(input, value);
  if (numbers.length !== size) throw wrongCount(input, value, numbers.length);
  if (numbers instanceof Float64Array || numbers instanceof Float32Array) {
    to.set(numbers, offset);
    return;
  }
  for (let i = 0; i < size; i++) {
    const x: unknown = numbers[i];
    if (typeof x !== 'number') {
      throw new FeedError(
        `input '${input.name}'[${i}] is ${isArray(x) ? shown(x) : describe(x)}: feed ${input.label} ` +
          `${counted(size, 'number')}, flat or nested in its shape`,
      );
    }
    to[offset + i] = x;
  }
}

function wrongCount(input: FloatInput, value: unknown, count: number): FeedError {
  return new FeedError(
    `input '${input.name}': ${describe(value)} for ${input.label}, which needs ` +
      `${counted(input.size, 'number')}${otherBatchAdvice(input, count)}`,
  );
}

/** Whether an object is a literal or has no prototype, so that all its names can be enumerated. */
function isOfNoClass(given: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(given);
  return prototype === Object.prototype || prototype === null;
}

/** @throws FeedError where feeds are an object of another kind: a list, a Map, a Value */
function checkFeeds(feeds: object, names: readonly string[]): void {
  if (!(Symbol.iterator in feeds || ArrayBuffer.isView(feeds) || feeds instanceof Node)) return;
  throw new FeedError(
    `the feeds are ${shown(feeds)}: expected an object with ` +
      `numbers for each input, { ${names.join(', ') || 'none'} }`,
  );
}

/** The numbers of nested arrays, which must have the input's shape. */
function flatNumbers(
  { name, label, shape, size }: Pick<FloatInput, 'name' | 'label' | 'shape' | 'size'>,
  value: Numbers,
): Float64Array {
  let found: ReturnType<typeof flatten>;
  try {
    found = flatten(value);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new FeedError(
      `input '${name}': ${error.message}: feed ${label} ${counted(size, 'number')}, flat or nested in ` +
        'its shape',
      { cause: error },
    );
  }
  if (sameShape(found.shape, shape)) return found.data;
  throw new FeedError(
    `input '${name}': nested arrays of shape ${show(found.shape)} for ${label}: feed nested arrays of ` +
      `its shape, or ${counted(size, 'number')} in one flat ` +
      `array${otherBatchAdvice({ shape, size }, found.data.length)}`,
  );
}

/** Advice where the numbers are whole rows of a table, but not as many as the graph has. */
function otherBatchAdvice({ shape, size }: Pick<FloatInput, 'shape' | 'size'>, given: number): string {
  if (shape.length < 2) return '';
  const rows = shape[0]!;
  const row = size / rows;
  if (!(given > 0 && row > 0 && given % row === 0) || given === size) return '';
  const rowsGiven = counted(given / row, 'row');
  return (
    `; that is ${rowsGiven} of ${row}, not ${rows}: the batch size is fixed in the graph, ` +
    `so build it for ${rowsGiven}, fill up the batch, or build it for one ` +
    'row and train with stepBatch'
  );
}

/** The number in a list of one number; anything else as it is. */
function single(value: Numbers | undefined): unknown {
  return typeof value === 'object' && value.length === 1 && !isArray(value[0]) ? value[0] : value;
}

/** The names of inputs, as messages list them. */
export function listed(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ') || 'none';
}

/** `1 number`, `2 numbers`. */
export function counted(n: unknown, what: string): string {
  return `${shown(n)} ${what}${n === 1 ? '' : 's'}`;
}

/** The most elements of a list that a message inspects. */
const MAX_LOOKED_AT = 1000;

/** Describes a fed value, in an error. */
export function describe(value: unknown): string {
  if (value instanceof Node) return value.label;
  if (isList(value) && value.slice(0, MAX_LOOKED_AT).some(isArray)) return 'nested arrays';
  if (typeof value === 'object' && value !== null)
    return 'length' in value ? counted(value.length, 'number') : shown(value);
  return shown(value);
}

export function isArray(given: unknown): boolean {
  return isList(given) || ArrayBuffer.isView(given);
}
