/**
 * `Value`, an array of numbers in the graph that a user writes.
 *
 * A node only remembers how it is made; nothing is computed until a program runs it (see
 * program.ts), and running never changes the graph.
 */
import { checkDrawOptions, dot, mermaid, type DrawOptions } from '../graph/to-dot.js';
import { checkFinite, checkNumber, checkOptions, isList, shown, type Known } from '../core/check.js';
import { NO_ATTR, type Attr, type OpName, UNARY_NAMES } from '../graph/ops.js';
import { broadcast, listedShape, resolveAxis, SCALAR, sizeOf, type Shape } from '../core/shape.js';
import { Program } from '../runtime/program.js';
import type { Feeds } from '../runtime/feeds.js';
import type { TypedArray } from '../core/array.js';
import {
  type Operation,
  operationOf,
  PLAIN,
  Node,
  refused,
  composed,
  shownNode,
  resultShape,
  isValue,
  listOfValues,
  writtenAs,
} from '../graph/node.js';
import { checkIndexOperand, makeIndex, Index } from './indices.js';
import { axesOf, axisOfLength1, checkRow, fromFront, newAxis, wholeShape, type Axes } from './axes.js';

/** @throws TypeError when an operand is no Value */
export function checkValue(op: string, what: string, given: unknown): asserts given is Value {
  if (!isValue(given)) throw refused(TypeError, op, [], `${what} is ${shownNode(given)}, expected a Value`);
}

/** A Value for an operator's result: checks the operands' shapes. */
export function makeValue(op: OpName, inputs: readonly Node[], attr: Attr = NO_ATTR): Value {
  const operation = operationOf(op, attr, resultShape(op, inputs, attr));
  return new Value(operation, inputs[0], inputs[1], inputs.length > 2 ? inputs : undefined);
}

/** An operator of one number. A single number takes a shorter way: graphs can have very many. */
function unary(plain: Operation, x: Value): Value {
  if (x.operation.isInteger) toValue(x, plain.op);
  return x.operation.shape === SCALAR ? new Value(plain, x) : makeValue(plain.op, [x]);
}

/** An operator of two numbers: see `unary`. */
function binary(plain: Operation, a: Value, other: Value | number): Value {
  if (a.operation.isInteger) toValue(a, plain.op);
  const b = toValue(other, plain.op, a);
  const isScalar = a.operation.shape === SCALAR && b.operation.shape === SCALAR;
  return isScalar ? new Value(plain, a, b) : makeValue(plain.op, [a, b]);
}

/** An operator that is another one with its operands swapped: a < b is b > a. */
function swapped(op: string, plain: Operation, a: Value, other: Value | number): Value {
  return composed(op, [a, other], () => {
    const b = toValue(other, op, a);
    broadcast(a.shape, b.shape); // throws here, so that the message names the operands in their order
    return writtenAs(op, binary(plain, b, a));
  });
}

/** @param a the operand before it */
export function toValue(x: unknown, op: string, a?: Node): Value {
  if (x instanceof Value) return x;
  if (typeof x === 'number') return constant(x);
  throw refused(TypeError, op, [a], `expected a Value or a number, got ${shownNode(x)}`);
}

/** A copy of a list of values: see {@link listOfValues}. */
export function valuesOf(what: string, given: unknown): Value[] {
  return listOfValues(what, given, (node): node is Value => isValue(node));
}

/** a where the condition is not zero, else b; keeps the sign of a zero and NaN. */
export function select(condition: Value, a: Value | number, b: Value | number): Value {
  const part = (op: OpName, x: Value | number): Value =>
    writtenAs('where', makeValue(op, [toValue(x, 'where', condition), condition]));
  return writtenAs('where', part('ifNonzero', a).add(part('ifZero', b)));
}

function reduced(op: 'sum' | 'max', x: Value, axis: Axes | undefined, keepDims: boolean): Value {
  if (typeof (keepDims as unknown) !== 'boolean')
    throw refused(TypeError, op, [x], `keepDims ${shown(keepDims)}: expected true or false`);
  const axes =
    axis === undefined
      ? undefined
      : axesOf(typeof axis === 'number' ? [axis] : axis, x, op, 'a number, or an array');
  const y = makeValue(op, [x], axes ? { axes } : NO_ATTR);
  return keepDims ? y.reshape(x.shape.map((n, i) => (!axes || axes.includes(i) ? 1 : n))) : y;
}

/** How a row is normed. */
export interface NormOptions {
  /** What is added to the mean square, or the variance, before its root is taken: from 0, 1e-5 by default. */
  eps?: number;
}

const NORM_OPTIONS: Known<NormOptions> = { eps: true };

export function epsOf(who: string, options: NormOptions): number {
  checkOptions(who, options, NORM_OPTIONS);
  const { eps = 1e-5 } = options;
  checkFinite(`${who}: eps`, eps, 0);
  return eps;
}

/** The programs that `forward` and `backward` run. */
const programs = new WeakMap<Value, Program>();

/**
 * An array of numbers in the graph. All operators return new Values; none computes.
 *
 * Shapes are NumPy's: `broadcast` means that two shapes are aligned at their last axes, and that an
 * axis of length 1, or one that is missing, is repeated. Operators throw a `ShapeError` on shapes that
 * do not fit, and name the operands. What is out of a function's domain is NaN, in value and gradient.
 */
export class Value extends Node {
  /** This + other, broadcast. */
  add(other: Value | number): Value {
    return binary(PLAIN.add, this, other);
  }
  /** This - other, broadcast. */
  sub(other: Value | number): Value {
    return binary(PLAIN.sub, this, other);
  }
  /** This * other by element, broadcast. */
  mul(other: Value | number): Value {
    return binary(PLAIN.mul, this, other);
  }
  /** This / other by element, broadcast. */
  div(other: Value | number): Value {
    return binary(PLAIN.div, this, other);
  }
  /**
   * The larger of this and other by element, broadcast; ties share the gradient. NaN, also in the gradients,
   * where either is.
   */
  maximum(other: Value | number): Value {
    return binary(PLAIN.maximum, this, other);
  }
  /** The smaller of this and other by element, broadcast: see `maximum`. */
  minimum(other: Value | number): Value {
    return binary(PLAIN.minimum, this, other);
  }
  /**
   * The nearest number between two numbers or arrays, broadcast: the larger of this and low, and of
   * that and high the smaller. Within the bounds, and at them, the whole gradient is this one's; beyond
   * a bound it is the bound's. NaN stays NaN, and gets no gradient.
   */
  clip(low: Value | number, high: Value | number): Value {
    return composed('clip', [this, low, high], () => {
      const [least, most] = [toValue(low, 'clip', this), toValue(high, 'clip', this)];
      const fixed = this.detach();
      // Where a bound is taken, or is NaN; not where this is NaN.
      const isBelow = this.eq(this).sub(this.ge(least));
      const raised = select(isBelow.gt(0), least, fixed);
      const isAbove = raised.eq(raised).sub(most.ge(raised));
      const isInside = this.ge(least).mul(most.ge(this));
      return writtenAs('clip', select(isInside, this, select(isAbove.gt(0), most, raised)));
    });
  }
  /** 1 where this > other, else 0, broadcast. No gradient flows through a comparison; NaN compares false. */
  gt(other: Value | number): Value {
    return binary(PLAIN.gt, this, other);
  }
  /** 1 where this >= other, else 0: see `gt`. */
  ge(other: Value | number): Value {
    return binary(PLAIN.ge, this, other);
  }
  /** 1 where this < other, else 0: see `gt`. */
  lt(other: Value | number): Value {
    return swapped('lt', PLAIN.gt, this, other);
  }
  /** 1 where this <= other, else 0: see `gt`. */
  le(other: Value | number): Value {
    return swapped('le', PLAIN.ge, this, other);
  }
  /** 1 where both are equal, else 0: see `gt`. */
  eq(other: Value | number): Value {
    return binary(PLAIN.eq, this, other);
  }
  /** 1 where both differ or one is NaN, else 0: see `gt`. */
  ne(other: Value | number): Value {
    return composed('ne', [this, other], () => {
      // Both: through the inner one no gradient flows, as an error says of `ne`.
      const isEqual = writtenAs('ne', this.eq(other));
      return writtenAs('ne', constant(1).sub(isEqual));
    });
  }
  /** -x by element. */
  neg(): Value {
    return unary(PLAIN.neg, this);
  }
  /** The square root; NaN below zero. Its slope at zero is infinite; see `norm`, whose slope there is 0. */
  sqrt(): Value {
    return writtenAs('sqrt', this.pow(0.5));
  }
  /**
   * Each element to a fixed power; NaN where a negative is taken to one that is no integer.
   *
   * @throws TypeError when the exponent is no number
   */
  pow(exponent: number): Value {
    if (typeof exponent !== 'number' || Number.isNaN(exponent)) {
      const [what, got] = Number.isNaN(exponent)
        ? ['a number that is not NaN', 'NaN']
        : ['a number', shownNode(exponent)];
      throw new TypeError(`pow of ${this.label}: exponents are fixed: expected ${what}, got ${got}`);
    }
    return makeValue('pow', [this], { exponent });
  }
  /** The same numbers, through which no gradient flows. */
  detach(): Value {
    return unary(PLAIN.detach, this);
  }

  /**
   * The product of matrices: [K]·[K] is a scalar, [K]@[K, N] is [N], [M, K]@[K] is [M],
   * [..., M, K]@[..., K, N] is [..., M, N].
   */
  matmul(other: Value): Value {
    return makeValue('matmul', [this, other]);
  }
  /** The axes in another order; by default reversed. */
  transpose(axes: readonly number[] = this.shape.map((_, i) => this.shape.length - 1 - i)): Value {
    return makeValue('transpose', [this], { axes: axesOf(axes, this, 'transpose', 'an array') });
  }
  /** The same numbers, row-major, in another shape of as many; one length may be -1: what is left. */
  reshape(shape: Shape): Value {
    return makeValue('reshape', [this], { shape: wholeShape(shape, this) });
  }
  /** With a new axis of length 1, before `axis`; -1: behind all others. */
  expandDims(axis: number): Value {
    const at = newAxis(axis, this);
    return composed('expandDims', [this], () =>
      this.reshape([...this.shape.slice(0, at), 1, ...this.shape.slice(at)]),
    );
  }
  /** Without its axes of length 1, or without one of them. */
  squeeze(axis?: number): Value {
    if (axis === undefined) return this.reshape(this.shape.filter((n) => n !== 1));
    const at = axisOfLength1(axis, this);
    return this.reshape(this.shape.filter((_, i) => i !== at));
  }
  /** Repeated along axes of length 1 and new leading ones, until it has a shape. */
  broadcastTo(shape: Shape): Value {
    return composed('broadcastTo', [this], () =>
      makeValue('broadcastTo', [this], { shape: listedShape(shape) }),
    );
  }
  /** The part [start, stop) along an axis, by default the first. */
  slice(start: number, stop: number, axis = 0): Value {
    for (const bound of [start, stop] as readonly unknown[]) {
      if (bound instanceof Node)
        throw refused(
          TypeError,
          'slice',
          [this],
          `a bound is ${bound.label}, expected an integer; rows by index are x.gather(index)`,
        );
    }
    return makeValue('slice', [this], { axis: fromFront(axis, this), start, stop });
  }
  /**
   * Row i of the first axis: a fixed number from 0, or a fed `Index` (then also a vector of rows).
   *
   * @throws ShapeError when there is no such row
   */
  at(i: number | Index): Value {
    if (typeof i !== 'number') {
      checkIndexOperand('at', this, i, 'a number or an Index');
      return composed('at', [this, i], () => makeValue('gather', [this, i]));
    }
    checkRow(i, this);
    return this.slice(i, i + 1).reshape(this.shape.slice(1));
  }
  /**
   * Entries of an axis, by default the first, picked by fed or found indices, whose axes take its
   * place. What is picked twice gets both gradients.
   */
  gather(index: Index, axis = 0): Value {
    checkIndexOperand('gather', this, index);
    return composed('gather', [this, index], () => {
      const at = this.shape.length === 0 ? 0 : resolveAxis(axis, this.shape);
      if (at === 0) return makeValue('gather', [this, index]);
      const axes = this.shape.map((_, i) => i);
      const before = axes.slice(0, at);
      const found = makeValue('gather', [this.transpose([at, ...before, ...axes.slice(at + 1)]), index]);
      // The axes of the indices are in front of those before them.
      const n = index.shape.length;
      const behind = found.shape.map((_, i) => i).slice(n + at);
      return found.transpose([...before.map((i) => n + i), ...index.shape.map((_, i) => i), ...behind]);
    });
  }
  /** The indices of the k largest numbers of a vector, largest first, ties to the lower index. */
  topk(k: number): Index {
    return makeIndex('topk', this, { k });
  }

  /** The place of the largest along an axis, which vanishes; ties go to the lower, NaN is below all. */
  argmax(axis = -1): Index {
    return makeIndex('argmax', this, { axis: fromFront(axis, this) });
  }

  /** The sum over all axes, or over one or some, which vanish or, with `keepDims`, have length 1. */
  sum(axis?: Axes, keepDims = false): Value {
    return reduced('sum', this, axis, keepDims);
  }
  /** The mean over axes: see `sum`. */
  mean(axis?: Axes, keepDims = false): Value {
    const sum = composed('mean', [this], () => this.sum(axis, keepDims));
    return writtenAs('mean', sum.mul(sizeOf(sum.shape) / sizeOf(this.shape)));
  }
  /**
   * The largest over axes, which must not be empty: see `sum`. Ties share the gradient. NaN wins: then
   * the gradient is NaN for all that it was the largest of.
   */
  max(axis?: Axes, keepDims = false): Value {
    return reduced('max', this, axis, keepDims);
  }
  /** The smallest over axes: see `max`. */
  min(axis?: Axes, keepDims = false): Value {
    return composed('min', [this], () => writtenAs('min', this.neg().max(axis, keepDims).neg()));
  }
  /** The sum along an axis up to each place. */
  cumsum(axis = 0): Value {
    return makeValue('cumsum', [this], { axis: fromFront(axis, this) });
  }
  /** exp(x) over its sum, along an axis, by default the last. */
  softmax(axis = -1): Value {
    const last = this.shape.length - 1;
    if (axis === -1 || axis === last) return makeValue('softmax', [this]);
    const at = composed('softmax', [this], () => resolveAxis(axis, this.shape));
    const axes = this.shape.map((_, i) => (i === at ? last : i === last ? at : i));
    return makeValue('softmax', [this.transpose(axes)]).transpose(axes);
  }
  /**
   * Where a training step runs (`step`, `stepEach`, `stepBatch`), zeros in place of about a share `rate` of
   * the numbers, and the others divided by 1 - rate; everywhere else (`forward`, `backward`, `evaluate`,
   * sampling) the numbers as they are. Which are dropped follows from the seed, the number of the
   * step (in a batch each document counts as one) and the place alone: alike on all machines and in both data
   * types. Give each dropout of a
   * graph a seed of its own.
   *
   * @throws RangeError when the rate is not from 0 to below 1, or the seed no integer of 31 bits
   */
  dropout(rate: number, seed: number): Value {
    if (!(typeof rate === 'number' && rate >= 0 && rate < 1))
      throw new RangeError(
        `dropout of ${this.label}: rate ${shown(rate)}, expected a number from 0 to below 1`,
      );
    if (!Number.isInteger(seed) || seed < 0 || seed > 0x7fffffff)
      throw new RangeError(
        `dropout of ${this.label}: seed ${shown(seed)}, expected an integer from 0 to 2147483647`,
      );
    return makeValue('dropout', [this, new Index(operationOf('step', NO_ATTR, SCALAR))], { rate, seed });
  }
  /** Each row of the last axis over the root of its mean square: x / sqrt(mean(x²) + eps). */
  rmsNorm(options: NormOptions = {}): Value {
    const eps = epsOf(`rmsNorm of ${this.label}`, options);
    const n = this.shape[this.shape.length - 1];
    return makeValue('rmsNorm', [this], { scale: 1 / (n ?? 1), eps });
  }
  /** -log(softmax(x)[target]) of a vector, or of each row of a matrix: the loss of a classifier. */
  crossEntropy(target: Index): Value {
    return makeValue('crossEntropy', [this, target]);
  }

  /** Gives the node a name for feeds and errors; returns it. */
  named(name: string): this {
    this.name = name;
    return this;
  }

  /**
   * Computes this value in float64: `feeds` holds a number or array for every named input it depends on.
   * Returns `data`. Compiles value and gradients on first use; the graph is not changed. `compile` gives
   * a program in another type.
   *
   * @throws FeedError when an input is missing, unknown, or given what it cannot take
   */
  forward(feeds: Feeds = {}): TypedArray {
    return this.program.forward(feeds);
  }
  /**
   * The gradients of this value (of the sum of its elements) with respect to all it depends on, at
   * the numbers of the last `forward`; they replace the gradients of an earlier call.
   *
   * @throws Error when `forward` was not called before
   */
  backward(): void {
    this.program.backward();
  }
  private get program(): Program {
    let program = programs.get(this);
    if (!program) {
      program = new Program({ groups: [[this]], gradients: 'all' });
      programs.set(this, program);
    }
    return program;
  }

  /**
   * The numbers of the last run, row-major: a view into the program's memory; take it anew after each run.
   * A parameter's are float64 until a training step in float32 writes them: a program that only reads
   * them, of whatever type, leaves them as they are.
   *
   * @throws Error when no value that depends on it was run, and it is no parameter
   */
  get data(): TypedArray {
    const data = this.peek('data');
    if (this.op === 'parameter') this.memory!.isLent = true;
    if (!data) throw new Error(`${this.label} has no data yet: call forward() on a value that depends on it`);
    return data;
  }
  /**
   * The gradient of the last backward(), in this value's shape; zeros where none flowed.
   *
   * @throws Error when backward() was not called on a value that depends on it
   */
  get grad(): TypedArray {
    const gradient = this.peek('grad');
    if (!gradient)
      throw new Error(`${this.label} has no gradient yet: call backward() on a value that depends on it`);
    return gradient;
  }
  override peek(what: 'data' | 'grad'): TypedArray | undefined {
    const { memory } = this;
    if (what === 'grad') return memory?.gradient?.readGradient(this);
    if (this.op !== 'parameter') return memory?.data?.read(this);
    const { home, initial } = memory!;
    if (!home) return initial;
    const { program, offset } = home;
    return program.arena.subarray(offset, offset + sizeOf(this.shape));
  }

  /**
   * The graph this value depends on in DOT, Graphviz's language: a box for each node with its name,
   * operator, shape and, where asked for, data and gradient. Parameters are filled, inputs round.
   */
  toDot(options: DrawOptions = {}): string {
    checkDrawOptions('toDot', options);
    return dot(this, options);
  }
  /** The same as a Mermaid flowchart. */
  toMermaid(options: DrawOptions = {}): string {
    checkDrawOptions('toMermaid', options);
    return mermaid(this, options);
  }
}

// The methods that operators.ts declares of `Value`, for all functions of one number.
for (const name of UNARY_NAMES) {
  const value = function (this: Value): Value {
    return unary(PLAIN[name], this);
  };
  Object.defineProperty(Value.prototype, name, { value, writable: true, configurable: true });
}

/** A fixed number; arithmetic accepts plain numbers too. */
export function constant(value: number): Value {
  if (isList(value) || ArrayBuffer.isView(value))
    throw new TypeError(
      `constant ${shown(value)}: expected one number; an array of fixed numbers is ` +
        'parameter(numbers).detach()',
    );
  checkNumber('constant', value);
  return new Value(operationOf('constant', { value }, SCALAR));
}
