/**
 * `Value`, an array of numbers in the graph that a user writes.
 *
 * A node only records how it is computed; a program computes it (see lib/runtime/program.ts), and running a
 * program never changes the graph.
 */
import { checkDrawOptions, dot, mermaid, type DrawOptions } from '../graph/to-dot.js';
import { checkBoolean, shown } from '../core/check.js';
import { epsOf, type NormOptions } from './norm-options.js';
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
  checkName,
  refused,
  composed,
  resultShape,
  isValue,
  listOfValues,
  parameterChanges,
  writtenAs,
} from '../graph/node.js';
import {
  Index,
  indexFor,
  makeIndex,
  topkOf,
  turnedIndex,
  type Indices,
  type TopkOptions,
} from './indices.js';
import { axesOf, fromFront, rangeOf, rowOf, wholeShape, withNewAxes, withoutAxes } from './axes.js';
import type { Axes, SliceOptions } from './axes.js';
import { everyNth, reversed } from './strides.js';

/** @throws TypeError when an operand is not a Value */
export function checkValue(op: string, what: string, given: unknown): asserts given is Value {
  if (!isValue(given)) throw refused(TypeError, op, [], `${what} is ${shown(given)}, expected a Value`);
}

/** Makes the Value that is an operator's result; checks the operands' shapes. */
export function makeValue(op: OpName, inputs: readonly Node[], attr: Attr = NO_ATTR): Value {
  const last = inputs[inputs.length - 1];
  if (last instanceof Index) last.straight(op);
  const operation = operationOf(op, attr, resultShape(op, inputs, attr));
  return new Value(operation, inputs[0], inputs[1], inputs.length > 2 ? inputs : undefined);
}

/** @throws TypeError where a method is called on no Value, as by `x.add.call(1)` */
function checkOwner(op: string, x: unknown): void {
  if (x instanceof Value) return;
  throw refused(TypeError, op, [], `called on ${shown(x)}, expected a Value`);
}

/** An element-wise operator; fast for single numbers, of which a graph can have very many. */
function unary(plain: Operation, x: Value): Value {
  checkOwner(plain.op, x);
  return x.operation.shape === SCALAR ? new Value(plain, x) : makeValue(plain.op, [x]);
}

/** An operator of two numbers: see `unary`. */
function binary(plain: Operation, a: Value, other: Value | number): Value {
  checkOwner(plain.op, a);
  const b = toValue(other, plain.op, a);
  const isScalar = a.operation.shape === SCALAR && b.operation.shape === SCALAR;
  return isScalar ? new Value(plain, a, b) : makeValue(plain.op, [a, b]);
}

/** A comparison written as its mirror image: `a < b` is `b > a`. */
function swapped(op: string, plain: Operation, a: Value, other: Value | number): Value {
  checkOwner(op, a);
  return composed(op, [a, other], () => {
    const b = toValue(other, op, a);
    broadcast(a.shape, b.shape); // first, so that an error names the operands in the user's order
    return writtenAs(op, binary(plain, b, a));
  });
}

/** An operand as a Value; `a` is the operand before it, for the error. */
export function toValue(x: unknown, op: string, a?: Node): Value {
  if (x instanceof Value) return x;
  if (typeof x === 'number') return constant(x);
  throw refused(TypeError, op, [a], `expected a Value or a number, got ${shown(x)}`);
}

/** A checked copy of a list of values: see {@link listOfValues}. */
export function valuesOf(what: string, given: unknown): Value[] {
  return listOfValues(what, given, (node): node is Value => isValue(node));
}

/** a where the condition is not 0, else b, with the signs of zeros and NaN of whichever is taken. */
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
  const kept = (): Shape => x.shape.map((n, i) => (!axes || axes.includes(i) ? 1 : n));
  return keepDims ? writtenAs(op, y.reshape(kept())) : y;
}

/** The programs behind `forward` and `backward`. */
const programs = new WeakMap<Value, Program>();

/**
 * An array of numbers in the graph. Every operator returns a new Value; none computes anything.
 *
 * Shapes follow NumPy. `broadcast` means that shapes are aligned at their last axes, and that axes of length
 * 1, or missing ones, are repeated. Operators throw a `ShapeError` that names the operands when shapes do not
 * fit. Outside a function's domain, value and gradient are NaN.
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
  /** This * other element-wise, broadcast. */
  mul(other: Value | number): Value {
    return binary(PLAIN.mul, this, other);
  }
  /** This / other element-wise, broadcast. */
  div(other: Value | number): Value {
    return binary(PLAIN.div, this, other);
  }
  /** This - other floor(this / other), broadcast: it has the sign of other. NaN where other is 0. */
  mod(other: Value | number): Value {
    return binary(PLAIN.mod, this, other);
  }
  /**
   * The larger of this and other element-wise, broadcast; ties share the gradient. Where either operand is
   * NaN, so are the result and both gradients.
   */
  maximum(other: Value | number): Value {
    return binary(PLAIN.maximum, this, other);
  }
  /** The smaller of this and other element-wise, broadcast: see `maximum`. */
  minimum(other: Value | number): Value {
    return binary(PLAIN.minimum, this, other);
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
      // Both are named `ne`: no gradient flows through the inner one, and an error about that must name `ne`.
      const isEqual = writtenAs('ne', this.eq(other));
      return writtenAs('ne', constant(1).sub(isEqual));
    });
  }
  /** -x, element-wise. */
  neg(): Value {
    return unary(PLAIN.neg, this);
  }
  /** The square root; NaN below zero. The slope at zero is infinite; `norm` avoids that. */
  sqrt(): Value {
    return writtenAs('sqrt', this.pow(0.5));
  }
  /**
   * Each element to a power, a number (faster) or a value; NaN for a negative element and a fraction.
   *
   * @throws TypeError when the exponent is neither, or the number NaN
   */
  pow(exponent: Value | number): Value {
    if (exponent instanceof Value)
      return composed('pow', [this, exponent], () => writtenAs('pow', binary(PLAIN.power, this, exponent)));
    if (typeof exponent === 'number' && exponent === exponent) return makeValue('pow', [this], { exponent });
    const why = `exponent: expected a Value or a number (but not NaN), got ${shown(exponent)}`;
    throw refused(TypeError, 'pow', [this], why);
  }
  /** The same numbers; no gradient flows through. */
  detach(): Value {
    return unary(PLAIN.detach, this);
  }

  /**
   * The matrix product: [K]·[K] is a scalar, [K]@[K, N] is [N], [M, K]@[K] is [M], [..., M, K]@[..., K, N] is
   * [..., M, N].
   */
  matmul(other: Value): Value {
    return makeValue('matmul', [this, other]);
  }
  /** Permutes the axes; reverses them by default. */
  transpose(axes: readonly number[] = this.shape.map((_, i) => this.shape.length - 1 - i)): Value {
    return makeValue('transpose', [this], { axes: axesOf(axes, this, 'transpose', 'an array') });
  }
  /** The same numbers, row-major, in another shape of the same size; one length may be -1, to be inferred. */
  reshape(shape: Shape): Value {
    return makeValue('reshape', [this], { shape: wholeShape(shape, this) });
  }
  /** Inserts axes of length 1, which have the given places in the result: one, or a list; -1 is the last. */
  expandDims(axis: Axes): Value {
    const shape = withNewAxes(axis, this);
    return composed('expandDims', [this], () => writtenAs('expandDims', this.reshape(shape)));
  }
  /** Removes all axes of length 1, or only the given ones. */
  squeeze(axis?: Axes): Value {
    const shape = axis === undefined ? this.shape.filter((n) => n !== 1) : withoutAxes(axis, this);
    return writtenAs('squeeze', this.reshape(shape));
  }
  /** Repeats axes of length 1 and missing leading ones, to the given shape. */
  broadcastTo(shape: Shape): Value {
    return composed('broadcastTo', [this], () =>
      makeValue('broadcastTo', [this], { shape: listedShape(shape) }),
    );
  }
  /**
   * The range [start, stop) of an axis, by default the first: the whole of it where no bounds are given.
   * Negative bounds count from the end, as in Python; bounds beyond the axis are refused, not cut short.
   */
  slice(start?: number, stop?: number, axis = 0, options: SliceOptions = {}): Value {
    const { step, isBackwards, ...range } = rangeOf(this, start, stop, axis, options);
    const part = makeValue('slice', [this], range);
    if (step === 1 && !isBackwards) return part;
    return composed('slice', [this], () => {
      const join = (parts: Value[], at: number): Value => makeValue('concat', parts, { axis: at });
      const some = everyNth(part, step, range.axis, join);
      return writtenAs('slice', isBackwards ? reversed(some, range.axis, join) : some);
    });
  }
  /**
   * Row i of the first axis: i is a fixed number, from -1 back counted from the end; or indices, fed or
   * fixed, whose axes replace the first.
   *
   * @throws ShapeError when there is no such row
   */
  at(i: number | Indices): Value {
    if (typeof i === 'number') {
      const row = rowOf(i, this);
      return writtenAs(
        'at',
        makeValue('slice', [this], { axis: 0, start: row, stop: row + 1 }).reshape(this.shape.slice(1)),
      );
    }
    const index = indexFor('at', this, i, this.shape[0] ?? 0, 'a number or an Index');
    return composed('at', [this, index], () => writtenAs('at', this.gather(index)));
  }
  /**
   * Entries of an axis (by default the first), picked by indices that are fed, fixed or computed; the axes of
   * the indices replace it. An entry that is picked twice gets the sum of both gradients. Fixed indices below
   * 0 count from the end.
   */
  gather(index: Indices, axis = 0): Value {
    const at =
      this.shape.length === 0 ? 0 : composed('gather', [this, index], () => resolveAxis(axis, this.shape));
    const given = indexFor('gather', this, index, this.shape[at] ?? 0);
    const own = given.turned?.base ?? given;
    return composed('gather', [this, given], () => {
      const axes = this.shape.map((_, i) => i);
      const before = axes.slice(0, at);
      const turned = at === 0 ? this : this.transpose([at, ...before, ...axes.slice(at + 1)]);
      const found = makeValue('gather', [turned, own]);
      if (at === 0 && !given.turned) return found;
      // Here the axes of the indices come first; move them behind the axes before `axis`.
      const n = own.shape.length;
      const behind = found.shape.map((_, i) => i).slice(n + at);
      const order = given.turned?.axes ?? own.shape.map((_, i) => i);
      const back = found.transpose([...before.map((i) => n + i), ...order, ...behind]);
      return writtenAs('gather', back, found);
    });
  }
  /**
   * The indices of the k largest numbers along an axis, by default the last, largest first; a tie goes to the
   * lower index, and NaN is last. With `largest: false`, those of the smallest, smallest first. The numbers
   * are `x.takeAlongAxis(indices, axis)`.
   */
  topk(k: number, options: TopkOptions = {}): Index {
    const { axis, largest } = topkOf(this, options);
    return composed('topk', [this], () => {
      const last = this.shape.length - 1;
      const at = resolveAxis(axis, this.shape);
      if (at === last) return writtenAs('topk', makeIndex('topk', largest ? this : this.neg(), { k }));
      const base = this.transpose([...this.shape.keys()].filter((i) => i !== at).concat(at)).topk(k, {
        largest,
      });
      const axes = Array.from(this.shape, (_, i) => (i === at ? last : i < at ? i : i - 1));
      return turnedIndex(base, axes);
    });
  }

  /**
   * The index of the maximum along an axis, which is removed. A tie goes to the lower index; NaN is below all
   * numbers.
   */
  argmax(axis = -1): Index {
    return makeIndex('argmax', this, { axis: fromFront(axis, this) });
  }

  /** The sum over all axes or the given ones, which are removed or, with `keepDims`, keep length 1. */
  sum(axis?: Axes, keepDims = false): Value {
    return reduced('sum', this, axis, keepDims);
  }
  /** The mean over axes, as in `sum`. */
  mean(axis?: Axes, keepDims = false): Value {
    const sum = composed('mean', [this], () => this.sum(axis, keepDims));
    return writtenAs('mean', sum.div(sizeOf(this.shape) / sizeOf(sum.shape)));
  }
  /**
   * The maximum over axes, as in `sum`; they must not be empty. Ties share the gradient. If any number is
   * NaN, the maximum and all gradients are NaN.
   */
  max(axis?: Axes, keepDims = false): Value {
    return reduced('max', this, axis, keepDims);
  }
  /** The minimum over axes: see `max`. */
  min(axis?: Axes, keepDims = false): Value {
    return composed('min', [this], () => writtenAs('min', this.neg().max(axis, keepDims).neg()));
  }
  /** Each row of the last axis divided by its root mean square: x / sqrt(mean(x²) + eps). */
  rmsNorm(options: NormOptions = {}): Value {
    const eps = epsOf(`rmsNorm of ${this.label}`, options);
    const n = this.shape[this.shape.length - 1];
    return makeValue('rmsNorm', [this], { scale: 1 / (n ?? 1), eps });
  }
  /** Names the node, for feeds and errors; returns it. */
  named(name: string): this {
    checkName('named', name);
    this.name = name;
    return this;
  }

  /**
   * Computes this value in float64 and returns a copy of its numbers, row-major; `feeds` holds a number or
   * array for every named input that it depends on. The first call compiles the value and its gradients; the
   * graph does not change. `compile` gives a program in another type.
   *
   * @throws FeedError when an input is missing, unknown, or of the wrong type or size
   */
  forward(feeds: Feeds = {}): TypedArray {
    return this.program.forward(feeds);
  }
  /**
   * Computes the gradients of this value (of the sum of its elements) with respect to everything it depends
   * on, at the numbers fed to the last `forward`. Where parameters have changed since, the value is computed
   * again: all is at their new numbers. The gradients replace earlier ones.
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
   * Whether training changes it: true for a parameter, unless it was set to false. A parameter that is not
   * trained costs a training neither a gradient nor moments nor an update. A training goes by what this was
   * when it was compiled, by `minimize`. `backward` and `grad` compute gradients all the same.
   */
  get trainable(): boolean {
    return this.op === 'parameter' && this.extras?.isFrozen !== true;
  }
  /** @throws TypeError when it is no parameter, or not set to true or false */
  set trainable(trainable: boolean) {
    checkBoolean('trainable', trainable);
    if (this.op !== 'parameter')
      throw new TypeError(`trainable = ${trainable}: ${this.label} is not a parameter, and never trained`);
    if (trainable && this.extras?.isBuffer)
      throw new TypeError(`trainable = true: ${this.label} is a buffer, which no gradient trains`);
    this.extras!.isFrozen = !trainable;
  }

  /**
   * The numbers of the last run, row-major: a view into the program's memory, which must be read again after
   * each run. A parameter is float64 until a training step in float32 writes it; programs that only read it
   * leave it as it is, whatever their type.
   *
   * @throws Error when it is not a parameter, and no value that depends on it was run
   */
  get data(): TypedArray {
    const data = this.peek('data');
    if (this.op === 'parameter' && !this.memory!.isLent) {
      this.memory!.isLent = true;
      parameterChanges.count++;
    }
    if (!data) throw this.unread('data', 'has no data yet: call forward() on a value that depends on it');
    return data;
  }
  /**
   * The gradient of the last backward(), in this value's shape; zeros where no gradient flowed.
   *
   * @throws Error when backward() was not called on a value that depends on it
   */
  get grad(): TypedArray {
    const gradient = this.peek('grad');
    if (!gradient)
      throw this.unread('gradient', 'has no gradient yet: call backward() on a value that depends on it');
    return gradient;
  }
  /** Why the last run has no numbers of this value, or `otherwise` where there was none. */
  private unread(what: 'data' | 'gradient', otherwise: string): Error {
    return new Error(this.memory?.[what]?.whyUnread(this, what) ?? `${this.label} ${otherwise}`);
  }

  override peek(what: 'data' | 'grad'): TypedArray | undefined {
    const { memory } = this;
    if (what === 'grad') {
      const holder = memory?.gradient;
      return holder?.whyUnread(this, 'gradient') === undefined ? holder?.readGradient(this) : undefined;
    }
    if (this.op !== 'parameter') {
      const holder = memory?.data;
      return holder?.whyUnread(this, 'data') === undefined ? holder?.read(this) : undefined;
    }
    const { home, initial } = memory!;
    if (!home) return initial;
    const { program, offset } = home;
    return program.arena.subarray(offset, offset + sizeOf(this.shape));
  }

  /**
   * This value's graph in DOT, Graphviz's language: one box per node with its name, operator and shape and,
   * if asked for, data and gradient. Parameters are filled, inputs round.
   */
  toDot(options: DrawOptions = {}): string {
    checkDrawOptions('toDot', options);
    return dot(this, options);
  }
  /** The same as a Mermaid flowchart: see `toDot`. */
  toMermaid(options: DrawOptions = {}): string {
    checkDrawOptions('toMermaid', options);
    return mermaid(this, options);
  }
}

// Defines the methods of all functions of one number, which operators.ts declares.
for (const name of UNARY_NAMES) {
  const value = function (this: Value): Value {
    return unary(PLAIN[name], this);
  };
  Object.defineProperty(Value.prototype, name, { value, writable: true, configurable: true });
}

/** A fixed number; `constant` of leaves.ts makes arrays too. */
export function constant(value: number): Value {
  return new Value(operationOf('constant', { value }, SCALAR));
}
