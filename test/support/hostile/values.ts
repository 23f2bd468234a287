/** Wrong values: fuzzed calls pass them as arguments, or derive them from arguments. */
import { types } from 'node:util';

/** A seeded generator of choices (Mulberry32), so that a case can be repeated. */
export class Chance {
  constructor(private state: number) {}

  /** A number in [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let z = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  }
  /** An integer from 0 to below n. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  is(probability: number): boolean {
    return this.next() < probability;
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

/** What hostile getters and callbacks throw; any call may let it through. */
export class Sabotage extends Error {
  override name = 'Sabotage';
}
export function sabotage(): never {
  throw new Sabotage('thrown on purpose');
}

export const NUMBERS: readonly number[] = [
  0,
  -0,
  1,
  -1,
  2,
  3,
  0.5,
  -1.5,
  1e-9,
  5e-324,
  NaN,
  Infinity,
  -Infinity,
  -(2 ** 31),
  -(2 ** 53),
  2 ** 53,
  2 ** 53 + 2,
  1e308,
  -1e308,
];
/** Sizes that a call may accept: not for functions where such sizes take much memory or time. */
export const LARGE: readonly number[] = [1000, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40];

type Typed =
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Uint8Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Uint8ClampedArray;
type TypedMaker = new (buffer: ArrayBufferLike, offset?: number, length?: number) => Typed;

const KINDS = [
  Float64Array,
  Float32Array,
  Int32Array,
  Uint32Array,
  Uint8Array,
  Int8Array,
  Int16Array,
  Uint16Array,
  Uint8ClampedArray,
] as unknown as readonly TypedMaker[];

export function isTyped(value: unknown): value is Typed {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}
const makerOf = (array: Typed): TypedMaker =>
  KINDS.find(
    (kind) =>
      Object.prototype.toString.call(array) === `[object ${(kind as unknown as { name: string }).name}]`,
  ) ?? KINDS[4]!;

/** The same elements in another kind of memory. */
function moved(array: Typed, buffer: ArrayBufferLike, offset = 0): Typed {
  const Made = makerOf(array);
  const made = new Made(buffer, offset, array.length);
  new Uint8Array(buffer, offset, array.byteLength).set(
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
  );
  return made;
}

// Node 20 has them, but TypeScript's library types are those of ES2023.
interface Resizable extends ArrayBuffer {
  readonly resizable: boolean;
  resize(size: number): void;
}
const ResizableBuffer = ArrayBuffer as unknown as new (
  size: number,
  options: { maxByteLength: number },
) => Resizable;
const GrowableBuffer = SharedArrayBuffer as unknown as new (
  size: number,
  options: { maxByteLength: number },
) => SharedArrayBuffer & { grow(size: number): void };

/** Transfers an array's memory away. */
export function detach(array: Typed): void {
  const { buffer } = array;
  if (buffer instanceof ArrayBuffer && buffer.byteLength > 0) {
    structuredClone(buffer, { transfer: [buffer] });
  }
}

/** Shrinks an array's memory, where possible. */
function shrink(array: Typed): void {
  const buffer = array.buffer as Resizable;
  if (array.buffer instanceof ArrayBuffer && buffer.resizable) buffer.resize(buffer.byteLength >> 1);
}

/** Changes a typed array: its memory, its length, or both. */
const TRANSFORMS: readonly ((array: Typed, chance: Chance) => unknown)[] = [
  (array) => {
    const copy = array.slice();
    detach(copy);
    return copy;
  },
  (array) => moved(array, new SharedArrayBuffer(array.byteLength)),
  (array) => moved(array, new GrowableBuffer(array.byteLength, { maxByteLength: 2 * array.byteLength + 8 })),
  (array) => moved(array, new ResizableBuffer(array.byteLength, { maxByteLength: 2 * array.byteLength + 8 })),
  (array) => {
    const made = moved(array, new ResizableBuffer(array.byteLength, { maxByteLength: array.byteLength + 8 }));
    shrink(made);
    return made;
  },
  (array) => moved(array, new ArrayBuffer(array.byteLength + 64), array.BYTES_PER_ELEMENT),
  (array, chance) => array.subarray(0, chance.below(array.length + 1)),
  (array, chance) => {
    const made = new (makerOf(array) as unknown as new (n: number) => Typed)(
      array.length + 1 + chance.below(3),
    );
    made.set(array);
    return made;
  },
  (array) => Array.from(array as unknown as ArrayLike<number>),
  (array, chance) => new (chance.of(KINDS) as unknown as { new (n: ArrayLike<number>): Typed })(array),
  // An array-like object that claims another length than it has.
  (array, chance) =>
    Object.defineProperty(array.slice(), 'length', {
      value: chance.of([0, 1, -1, NaN, 1e6, array.length + 1]),
    }),
  (array) => {
    class Sub extends Float64Array {
      static get [Symbol.species](): Float64ArrayConstructor {
        return sabotage();
      }
    }
    return new Sub(array.length);
  },
  (array) => new Proxy(array, {}),
  (array) =>
    Object.create(Object.getPrototypeOf(array) as object, { length: { value: array.length } }) as unknown,
  (array) => new DataView(array.buffer, array.byteOffset, array.byteLength),
  // Elements that are not numbers.
  (array, chance) => {
    const made = array.slice();
    for (let i = 0; i < 3; i++)
      if (made.length > 0)
        made[chance.below(made.length)] = chance.of([NaN, -1, 2 ** 31 - 1, -(2 ** 31), Infinity, 0, 1]);
    return made;
  },
];

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}
function liar(length: unknown): unknown {
  return new Proxy([1, 2, 3], {
    get: (list, key) => (key === 'length' ? length : (Reflect.get(list, key) as unknown)),
  });
}
function cyclic(): unknown[] {
  const list: unknown[] = [1];
  list.push(list);
  return list;
}
function deep(depth: number): unknown {
  let list: unknown = [1];
  for (let i = 0; i < depth; i++) list = [list];
  return list;
}

const OTHERS: readonly ((chance: Chance) => unknown)[] = [
  () => undefined,
  () => null,
  () => true,
  () => false,
  () => 10n,
  () => -(2n ** 64n),
  () => Symbol('s'),
  () => '',
  () => 'x',
  () => 'tokens',
  () => 'length',
  () => '__proto__',
  () => '\ud800',
  () => 'x'.repeat(10_000),
  () => () => 1,
  () => sabotage,
  () => Chance,
  () => async () => Promise.resolve(1),
  () =>
    function* () {
      yield NaN;
    },
  () => /x/,
  () => new Date(NaN),
  () => new Error('an error as an argument'),
  () => new Map([[1, 2]]),
  () => new Set([1]),
  () => new WeakMap(),
  () => Promise.resolve(1),
  () => Object.create(null) as unknown,
  () => ({}),
  () => [],
  () => [1, 2, 3],
  () => [NaN, 'x', null],
  () => [, , 1], // eslint-disable-line no-sparse-arrays
  () => new Array<number>(7),
  cyclic,
  (chance) => deep(chance.of([1, 3, 40])),
  () => Object.freeze([1, 2]),
  () => Object.freeze({ length: 2, 0: 1, 1: 2 }),
  () => ({ length: 3, 0: 1, 1: 2, 2: 3 }),
  (chance) => ({ length: chance.of([-1, NaN, 0.5, '3', 2 ** 53, Infinity, null, 3]) }),
  (chance) => liar(chance.of<unknown>([-1, NaN, 2, 4, 1000, '3', undefined, 2 ** 53])),
  () => revoked([]),
  () => revoked({}),
  () => revoked(sabotage),
  () => new Proxy({}, { get: sabotage }),
  () => new Proxy([1, 2], { has: sabotage, ownKeys: sabotage, getPrototypeOf: sabotage }),
  () => new Proxy(new Float64Array(4), {}),
  () => ({ toString: sabotage, valueOf: sabotage }),
  () => ({ [Symbol.toPrimitive]: sabotage }),
  () => ({ valueOf: () => 1, toString: () => 'float32' }),
  () => ({
    get length(): number {
      return sabotage();
    },
  }),
  () => ({ [Symbol.iterator]: sabotage }),
  () => ({ next: () => ({ value: 0.1, done: false }) }),
  () => ({ next: sabotage }),
  () => new Number(1),
  () => new String('x'),
  () => new ArrayBuffer(16),
  () => new SharedArrayBuffer(16),
  () => new DataView(new ArrayBuffer(8)),
  () => new BigInt64Array(4),
  (chance) => new (chance.of(KINDS))(new ArrayBuffer(16)),
  (chance) => new (chance.of(KINDS))(new SharedArrayBuffer(16)),
  (chance) => new (chance.of(KINDS))(new ArrayBuffer(0)),
  () => process.stdout.constructor.prototype as unknown,
];

/** The state of a case: its choices, and objects that may be passed as arguments. */
export interface Context {
  chance: Chance;
  /** Objects of the library and of the addon, any of which may be passed where another is expected. */
  strangers: readonly unknown[];
  /** Further sizes beyond {@link NUMBERS}. */
  large: readonly number[];
  /** Further values beyond {@link OTHERS}. */
  more?: readonly ((context: Context) => unknown)[];
  /** Makes another call during a call. */
  again: () => void;
}

/** Any value. */
export function hostile(context: Context): unknown {
  const { chance, strangers, large, more } = context;
  const kind = chance.below(10);
  if (kind < 4) return chance.of(large.length > 0 && chance.is(0.4) ? large : NUMBERS);
  if (kind < 5 && strangers.length > 0) return chance.of(strangers);
  if (more && kind < 7) return chance.of(more)(context);
  return chance.of(OTHERS)(chance);
}

/** A place that holds a value. */
interface Place {
  holder: Record<PropertyKey, unknown>;
  key: PropertyKey;
}

const isPlain = (value: unknown): value is Record<PropertyKey, unknown> => {
  if (typeof value !== 'object' || value === null || types.isExternal(value)) return false;
  if (types.isProxy(value)) return false; // a copy of one that lies about its length fills all memory
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
};

/** A random place in the arguments. */
function pick(args: unknown[], chance: Chance): Place {
  let holder = args as unknown as Record<PropertyKey, unknown>;
  for (let depth = 0; depth < 4; depth++) {
    const keys = Object.keys(holder);
    if (keys.length === 0) return { holder, key: 0 };
    const key = chance.of(keys);
    const held = Object.getOwnPropertyDescriptor(holder, key)?.value as unknown;
    if (!isPlain(held) || chance.is(0.25)) return { holder, key };
    holder = held;
  }
  return { holder, key: 0 };
}

/** All typed arrays in the arguments. */
export function arraysIn(value: unknown, found: Typed[] = [], depth = 0): Typed[] {
  if (isTyped(value)) found.push(value);
  else if (isPlain(value) && depth < 4) {
    for (const key of Object.keys(value)) {
      arraysIn(Object.getOwnPropertyDescriptor(value, key)?.value, found, depth + 1);
    }
  }
  return found;
}

/** A getter in place of a value, which also does something else at the first or second read. */
function setTrap({ holder, key }: Place, args: unknown[], context: Context): void {
  const { chance } = context;
  if (Array.isArray(holder) && holder === args) return; // arguments are not read, they are given
  const value = holder[key];
  const at = chance.below(2);
  const seed = chance.below(2 ** 31);
  let reads = 0;
  const act = chance.of<() => unknown>([
    sabotage,
    () => arraysIn(args).forEach(detach),
    () => arraysIn(args).forEach(shrink),
    () => context.again(),
    () => arraysIn(args).forEach((array) => array.fill(-1)),
    () => arraysIn(args).forEach((array) => array.fill(2 ** 31 - 1)),
    () => {
      for (const k of Object.keys(holder)) if (k !== key) Reflect.deleteProperty(holder, k);
    },
    () => {
      if (Array.isArray(holder)) for (let i = 0; i < 100; i++) holder.push(value);
    },
  ]);
  Object.defineProperty(holder, key, {
    configurable: true,
    enumerable: true,
    get: () => {
      if (reads++ === at) act();
      else if (reads > 2 && seed % 3 === 0) return hostile({ ...context, chance: new Chance(seed) });
      return value;
    },
  });
}

/** Turns valid arguments into those of a case. */
export function mutate(args: unknown[], context: Context): void {
  const { chance } = context;
  if (chance.is(0.05)) return;
  for (let times = 1 + chance.below(2); times > 0; times--) {
    const kind = chance.below(20);
    if (kind === 0) {
      args.length = chance.below(args.length + 1);
      continue;
    }
    if (kind === 1) {
      args.push(hostile(context));
      continue;
    }
    const place = pick(args, chance);
    const { holder, key } = place;
    const value = Object.getOwnPropertyDescriptor(holder, key)?.value as unknown;
    if (kind < 6) setTrap(place, args, context);
    else if (kind < 12 && isTyped(value)) holder[key] = chance.of(TRANSFORMS)(value, chance);
    else if (kind < 14 && isTyped(value)) {
      // The memory of another argument, from any element on.
      const other = chance.of(arraysIn(args));
      const Made = makerOf(value);
      const size = value.BYTES_PER_ELEMENT;
      const offset = Math.floor((chance.is(0.5) ? 0 : chance.below(other.byteLength + 1)) / size) * size;
      const room = Math.floor((other.buffer.byteLength - offset) / size);
      if (room >= 0) holder[key] = new Made(other.buffer, offset, Math.min(room, value.length));
    } else if (kind < 15 && typeof value === 'number')
      holder[key] =
        value + chance.of(context.large.length > 0 ? [-1, 1, 0.5, 2 ** 31, -(2 ** 31)] : [-1, 1, 0.5]);
    else if (kind < 16 && isPlain(value)) {
      const copy = chance.is(0.5)
        ? Object.freeze({ ...value })
        : Object.assign(Object.create(null) as object, value);
      holder[key] = Array.isArray(value) ? Object.freeze((value as unknown[]).slice(0, 1000)) : copy;
    } else if (kind < 17) {
      // One argument in place of another.
      const other = pick(args, chance);
      holder[key] = Object.getOwnPropertyDescriptor(other.holder, other.key)?.value;
    } else holder[key] = hostile(context);
  }
}

/** A copy of recorded arguments, except objects of classes. */
export function copyOf(value: unknown): unknown {
  if (isTyped(value)) return value.slice();
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, copyOf(held)]));
}
