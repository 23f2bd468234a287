/**
 * Gives every operator both forms, method and function: `x.exp()` is `exp(x)`, `variance(x, 0)` is
 * `x.variance(0)`. The function takes the value first, then the method's arguments.
 *
 * Operators that are one node of the graph, or a few, are methods in value.ts. Those composed of many are
 * functions in functions.ts. Functions of one number are exports of lib/graph/ops/unary.ts.
 * test/ops/operators.test.ts has a row for each operator; it does not compile, or fails, where a form is
 * missing or their arguments differ.
 */
import * as composed from './functions.js';
import * as classifiers from './cross-entropy.js';
import type { CrossEntropyOptions, NllOptions } from './cross-entropy.js';
import * as losses from './losses.js';
import * as softmaxes from './softmax.js';
import type { MaskOptions } from './softmax.js';
import type { HuberOptions, LossOptions } from './losses.js';
import * as parts from './parts.js';
import * as picks from './picks.js';
import type { PadWidths } from './parts.js';
import * as scans from './scans.js';
import { checkArguments, limitArguments, shown, type Counts } from '../core/check.js';
import type { NormOptions } from './norm-options.js';
import { constant, Value } from './value.js';
import type { Axes, SliceOptions } from './axes.js';
import { Index, type Indices, type TopkOptions } from './indices.js';
import type { CumsumOptions } from './scans.js';
import { argmin } from './order.js';
import { forward } from './read-index.js';
import type { Feeds } from '../runtime/feeds.js';
import * as windows from './windows.js';
import type { AvgPoolOptions, ConvOptions, ConvTransposeOptions, PoolOptions, Sizes2d } from './windows.js';
import type * as unary from '../graph/ops/unary.js';
import type { Shape } from '../core/shape.js';

/** The type of a method as a function, with the value as first argument. */
type FunctionOf<K extends keyof Value> = Value[K] extends (...args: infer Rest) => infer Result
  ? (x: Value, ...args: Rest) => Result
  : never;

/** An operator of one value, without further arguments. */
export type UnaryFunction = (x: Value) => Value;

/** An operator of two operands, either of which may be a number. */
export type BinaryFunction = (a: Value | number, b: Value | number) => Value;

type Method = (this: Value, ...args: unknown[]) => unknown;

/** The method of this name as a function. */
function functionOf<K extends keyof Value & string>(name: K): FunctionOf<K> {
  const call = (x: Value, ...args: unknown[]): unknown =>
    Reflect.apply(valueFor(name, 'x', x, 'a Value')[name] as Method, x, args);
  return call as FunctionOf<K>;
}

/** As `functionOf`, of a method without arguments. */
function unaryOf(name: 'neg' | 'sqrt' | 'detach'): UnaryFunction {
  return function (x) {
    checkArguments(name, arguments, 1);
    return valueFor(name, 'x', x, 'a Value')[name]();
  };
}

/** As `functionOf`, but a number may stand in for the value. */
function binaryOf(name: BinaryOperator): BinaryFunction {
  return function (a, b) {
    checkArguments(name, arguments, 2);
    return (typeof a === 'number' ? constant(a) : valueFor(name, 'a', a, 'a Value or a number'))[name](b);
  };
}
type BinaryOperator =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'pow'
  | 'maximum'
  | 'minimum'
  | 'gt'
  | 'ge'
  | 'lt'
  | 'le'
  | 'eq'
  | 'ne';

function valueFor(name: string, what: string, x: unknown, expected: string): Value {
  if (x instanceof Value) return x;
  throw new TypeError(`${name}: ${what} is ${shown(x)}, expected ${expected}`);
}

export * from '../graph/ops/unary.js';
export type { HasMethod, UnaryOperator } from '../graph/ops/elementwise.js';

/** a + b, broadcast. @function */
export const add: BinaryFunction = binaryOf('add');
/** a - b, broadcast. @function */
export const sub: BinaryFunction = binaryOf('sub');
/** a b by element, broadcast. @function */
export const mul: BinaryFunction = binaryOf('mul');
/** a / b by element, broadcast. @function */
export const div: BinaryFunction = binaryOf('div');
/** What is left of a, divided by b: see {@link Value.mod}. @function */
export const mod: BinaryFunction = binaryOf('mod');
/** The larger of a and b by element, broadcast: see {@link Value.maximum}. @function */
export const maximum: BinaryFunction = binaryOf('maximum');
/** The smaller of a and b by element, broadcast: see {@link Value.minimum}. @function */
export const minimum: BinaryFunction = binaryOf('minimum');
/** 1 where a > b, else 0: see {@link Value.gt}. @function */
export const gt: BinaryFunction = binaryOf('gt');
/** 1 where a >= b, else 0: see {@link Value.gt}. @function */
export const ge: BinaryFunction = binaryOf('ge');
/** 1 where a < b, else 0: see {@link Value.gt}. @function */
export const lt: BinaryFunction = binaryOf('lt');
/** 1 where a <= b, else 0: see {@link Value.gt}. @function */
export const le: BinaryFunction = binaryOf('le');
/** 1 where a and b are equal, else 0: see {@link Value.gt}. @function */
export const eq: BinaryFunction = binaryOf('eq');
/** 1 where a and b differ or one is NaN, else 0: see {@link Value.gt}. @function */
export const ne: BinaryFunction = binaryOf('ne');
/** {@inheritDoc Value.neg} @function */
export const neg: UnaryFunction = unaryOf('neg');
/** {@inheritDoc Value.sqrt} @function */
export const sqrt: UnaryFunction = unaryOf('sqrt');
/** a to the power b by element, broadcast: see {@link Value.pow}. @function */
export const pow: BinaryFunction = binaryOf('pow');
/** {@inheritDoc Value.detach} @function */
export const detach: UnaryFunction = unaryOf('detach');
/** {@inheritDoc Value.sum} @function */
export const sum: (x: Value, axis?: Axes, keepDims?: boolean) => Value = functionOf('sum');
/** {@inheritDoc Value.mean} @function */
export const mean: (x: Value, axis?: Axes, keepDims?: boolean) => Value = functionOf('mean');
/** {@inheritDoc Value.max} @function */
export const max: (x: Value, axis?: Axes, keepDims?: boolean) => Value = functionOf('max');
/** {@inheritDoc Value.min} @function */
export const min: (x: Value, axis?: Axes, keepDims?: boolean) => Value = functionOf('min');
/** {@inheritDoc Value.argmax} @function */
export const argmax: (x: Value, axis?: number) => Index = functionOf('argmax');
/** {@inheritDoc Value.topk} @function */
export const topk: (x: Value, k: number, options?: TopkOptions) => Index = functionOf('topk');
/** {@inheritDoc Value.rmsNorm} @function */
export const rmsNorm: (x: Value, options?: NormOptions) => Value = functionOf('rmsNorm');
/** {@inheritDoc Value.matmul} @function */
export const matmul: (x: Value, other: Value) => Value = functionOf('matmul');
/** {@inheritDoc Value.transpose} @function */
export const transpose: (x: Value, axes?: readonly number[]) => Value = functionOf('transpose');
/** {@inheritDoc Value.reshape} @function */
export const reshape: (x: Value, shape: Shape) => Value = functionOf('reshape');
/** {@inheritDoc Value.expandDims} @function */
export const expandDims: (x: Value, axis: Axes) => Value = functionOf('expandDims');
/** {@inheritDoc Value.squeeze} @function */
export const squeeze: (x: Value, axis?: Axes) => Value = functionOf('squeeze');
/** {@inheritDoc Value.broadcastTo} @function */
export const broadcastTo: (x: Value, shape: Shape) => Value = functionOf('broadcastTo');
/** {@inheritDoc Value.slice} @function */
export const slice: (
  x: Value,
  start?: number,
  stop?: number,
  axis?: number,
  options?: SliceOptions,
) => Value = functionOf('slice');
/** {@inheritDoc Value.at} @function */
export const at: (x: Value, i: number | Indices) => Value = functionOf('at');
/** {@inheritDoc Value.gather} @function */
export const gather: (x: Value, index: Indices, axis?: number) => Value = functionOf('gather');

// --- functions as methods ---

/** `x.exp()`, `x.log()`, ...: a method for each function of one number (lib/graph/ops/unary.ts). */
type UnaryMethods = { [Name in keyof typeof unary]: () => Value };

declare module './indices.js' {
  interface Index {
    /**
     * Computes the integers of an index that `topk`, `argmax` or `argmin` finds, and returns a copy of them,
     * row-major; `feeds` holds what they depend on. The first call compiles them. Fixed integers are returned
     * as they are.
     *
     * @throws TypeError where the index is fed: its integers are those of the feeds
     */
    forward(feeds?: Feeds): Int32Array;
  }
}

declare module './value.js' {
  interface Value extends UnaryMethods {
    /** {@inheritDoc silu} */
    silu(): Value;
    /** {@inheritDoc gelu} */
    gelu(approximate?: 'none' | 'tanh'): Value;
    /** {@inheritDoc logSumExp} */
    logSumExp(axis?: Axes, keepDims?: boolean): Value;
    /** {@inheritDoc norm} */
    norm(axis?: Axes, keepDims?: boolean): Value;
    /** {@inheritDoc softmax} */
    softmax(axis?: number, options?: MaskOptions): Value;
    /** {@inheritDoc logSoftmax} */
    logSoftmax(axis?: number, options?: MaskOptions): Value;
    /** {@inheritDoc variance} */
    variance(axis?: Axes, options?: { ddof?: number; keepDims?: boolean }): Value;
    /** {@inheritDoc std} */
    std(axis?: Axes, options?: { ddof?: number; keepDims?: boolean }): Value;
    /** {@inheritDoc layerNorm} */
    layerNorm(options?: NormOptions): Value;
    /** {@inheritDoc tensordot} */
    tensordot(b: Value, axes?: number): Value;
    /** {@inheritDoc split} */
    split(parts: number | readonly number[], axis?: number): Value[];
    /** {@inheritDoc embedding} */
    embedding(indices: Indices): Value;
    /** {@inheritDoc flip} */
    flip(axis?: Axes): Value;
    /** {@inheritDoc pad} */
    pad(widths: PadWidths, value?: number): Value;
    /** {@inheritDoc tile} */
    tile(repeats: number | readonly number[]): Value;
    /** {@inheritDoc takeAlongAxis} */
    takeAlongAxis(indices: Indices, axis?: number): Value;
    /** {@inheritDoc scatterAdd} */
    scatterAdd(indices: Indices, values: Value | number, axis?: number): Value;
    /** {@inheritDoc dropout} */
    dropout(rate: number, seed: number): Value;
    /** {@inheritDoc clip} */
    clip(low: Value | number, high: Value | number): Value;
    /** {@inheritDoc prod} */
    prod(axis?: Axes, keepDims?: boolean): Value;
    /** {@inheritDoc cumprod} */
    cumprod(axis?: number): Value;
    /** {@inheritDoc cumsum} */
    cumsum(axis?: number, options?: CumsumOptions): Value;
    /** {@inheritDoc argmin} */
    argmin(axis?: number): Index;
    /** {@inheritDoc mse} */
    mse(target: Value | number, options?: LossOptions): Value;
    /** {@inheritDoc mae} */
    mae(target: Value | number, options?: LossOptions): Value;
    /** {@inheritDoc huber} */
    huber(target: Value | number, options?: HuberOptions): Value;
    /** {@inheritDoc bce} */
    bce(target: Value | number, options?: LossOptions): Value;
    /** {@inheritDoc bceWithLogits} */
    bceWithLogits(target: Value | number, options?: LossOptions): Value;
    /** {@inheritDoc klDivergence} */
    klDivergence(target: Value | number, options?: LossOptions): Value;
    /** {@inheritDoc crossEntropy} */
    crossEntropy(target: Indices | Value, options?: CrossEntropyOptions): Value;
    /** {@inheritDoc nll} */
    nll(target: Indices, options?: NllOptions): Value;
    /** {@inheritDoc conv1d} */
    conv1d(w: Value, options?: ConvOptions<number>): Value;
    /** {@inheritDoc conv2d} */
    conv2d(w: Value, options?: ConvOptions): Value;
    /** {@inheritDoc convTranspose1d} */
    convTranspose1d(w: Value, options?: ConvTransposeOptions<number>): Value;
    /** {@inheritDoc convTranspose2d} */
    convTranspose2d(w: Value, options?: ConvTransposeOptions): Value;
    /** {@inheritDoc maxPool1d} */
    maxPool1d(size: number, options?: PoolOptions<number>): Value;
    /** {@inheritDoc maxPool2d} */
    maxPool2d(size: Sizes2d, options?: PoolOptions): Value;
    /** {@inheritDoc avgPool1d} */
    avgPool1d(size: number, options?: AvgPoolOptions<number>): Value;
    /** {@inheritDoc avgPool2d} */
    avgPool2d(size: Sizes2d, options?: AvgPoolOptions): Value;
    /** {@inheritDoc adaptiveAvgPool2d} */
    adaptiveAvgPool2d(size: Sizes2d): Value;
  }
}

const { embedding, gelu, layerNorm, logSumExp, norm } = composed;
const { silu, split, std, tensordot, variance } = composed;
const METHODS = {
  argmin,
  flip: parts.flip,
  pad: parts.pad,
  tile: parts.tile,
  takeAlongAxis: picks.takeAlongAxis,
  scatterAdd: picks.scatterAdd,
  clip: composed.clip,
  dropout: composed.dropout,
  cumprod: scans.cumprod,
  cumsum: scans.cumsum,
  prod: scans.prod,
  embedding,
  gelu,
  layerNorm,
  logSoftmax: softmaxes.logSoftmax,
  softmax: softmaxes.softmax,
  logSumExp,
  norm,
  silu,
  split,
  std,
  tensordot,
  variance,
  ...classifiers,
  ...losses,
  ...windows,
};

for (const [name, call] of Object.entries(METHODS)) {
  const value: Method = function (...args) {
    return Reflect.apply(call as Method, undefined, [this, ...args]);
  };
  Object.defineProperty(Value.prototype, name, { value, writable: true, configurable: true });
}

Object.defineProperty(Index.prototype, 'forward', {
  value(this: Index, feeds?: Feeds) {
    return forward(this, feeds);
  },
  writable: true,
  configurable: true,
});

// The methods above are functions, which count their arguments themselves.
limitArguments('Value', Value.prototype, {
  ...{ add: 1, sub: 1, mul: 1, div: 1, mod: 1, maximum: 1, minimum: 1 },
  ...{ gt: 1, ge: 1, lt: 1, le: 1, eq: 1, ne: 1 },
  ...{ neg: 0, sqrt: 0, pow: 1, detach: 0, rmsNorm: 1 },
  ...{
    abs: 0,
    arcsin: 0,
    arcsinh: 0,
    arctan: 0,
    arctanh: 0,
    ceil: 0,
    cos: 0,
    erf: 0,
    exp: 0,
    expm1: 0,
    floor: 0,
    log: 0,
    log1p: 0,
    ndtr: 0,
  },
  ...{ relu: 0, round: 0, tan: 0, sigmoid: 0, sign: 0, sin: 0, softplus: 0, tanh: 0 },
  ...{ sum: 2, mean: 2, max: 2, min: 2, argmax: 1, topk: 2, matmul: 1 },
  ...{ transpose: 1, reshape: 1, expandDims: 1, squeeze: 1, broadcastTo: 1, slice: 4, at: 1, gather: 2 },
  ...{ named: 1, forward: 1, backward: 0, toDot: 1, toMermaid: 1 },
} satisfies Counts<Value, 'peek' | keyof typeof METHODS>);
limitArguments('Index', Index.prototype, { at: 1, slice: 2, reshape: 1, forward: 1 } satisfies Counts<
  Index,
  'peek' | 'straight' | 'data' | 'grad'
>);
