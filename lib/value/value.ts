/**
 * The graph a user writes: `Value`s (arrays) and `Index`es (integers), defined once, fed many times.
 *
 * A node only remembers how it is made; nothing is computed until a program runs it (see
 * program.ts), and running never changes the graph.
 */
import { checkDrawOptions, dot, mermaid, type DrawOptions } from '../graph/to-dot.js';
import { clipped } from '../core/escape.js';
import {
  checkFinite,
  checkNumber,
  checkOptions,
  isList,
  shown,
  type Known,
  shownList,
} from '../core/check.js';
import {
  isInteger,
  NO_ATTR,
  OPS,
  OP_CODE,
  OP_NAMES,
  takesIndex,
  type Attr,
  type OpName,
} from '../graph/ops.js';
import {
  broadcast,
  checkSize,
  MOST_AXES,
  resolveAxis,
  sameShape,
  SCALAR,
  sizeOf,
  ShapeError,
  show,
  type Shape,
} from '../core/shape.js';
import type { Feeds, Program } from '../runtime/program.js';

/** Numbers as a program holds them: float64 or float32, row-major. */
export type TypedArray = Float64Array | Float32Array;
/** Numbers for a feed or a parameter: one number, a flat array, or nested arrays. */
export type Numbers = number | ArrayLike<number> | readonly Numbers[];

let nextId = 0;

/** Where a node's numbers are: in no more programs than can be read, or others could never be freed. */
export interface Memory {
  /** The inspecting program that ran last with the node in it, for `data`. */
  data?: Program;
  /** The one whose `backward` ran last, for `grad`. */
  gradient?: Program;
  /** A parameter's own numbers until a program holds them. */
  initial?: Float64Array;
  /** Where a parameter's numbers live: in the memory of a program of their type. */
  home?: { program: Program; offset: number };
  /** How often a parameter's numbers were set but by training. */
  version?: number;
  /** `data` was read where a parameter's numbers live: whoever has it can change them at any time. */
  isLent?: boolean;
}

/** What a node computes. Nodes of single numbers, of which a graph can have very many, share theirs. */
class Operation {
  /** The operator's number: see `OP_CODE`. */
  readonly code: number;
  /** Whether it makes a single number without attributes of others. */
  readonly isPlain: boolean;
  /** Whether it makes integers: of a node in the place of `this`, quicker to see than its class. */
  readonly isInteger: boolean;

  constructor(
    readonly op: OpName,
    readonly attr: Attr,
    readonly shape: Shape,
  ) {
    this.code = OP_CODE[op];
    this.isInteger = isInteger(op);
    this.isPlain = attr === NO_ATTR && shape === SCALAR && op !== 'inverseCount';
  }
}

/** The operation of a node; a scalar's shape is `SCALAR` itself. */
function operationOf(op: OpName, attr: Attr, shape: Shape): Operation {
  if (shape.length > 0) return new Operation(op, attr, shape);
  return attr === NO_ATTR ? PLAIN[op] : new Operation(op, attr, SCALAR);
}

const PLAIN = Object.fromEntries(OP_NAMES.map((op) => [op, new Operation(op, NO_ATTR, SCALAR)])) as Record<
  OpName,
  Operation
>;

/** What few of a graph's nodes have. */
interface Extras {
  /** The operands, where there are more than two. */
  inputs?: readonly Node[];
  name?: string | undefined;
  memory?: Memory | undefined;
}

/** What Values and Indexes share: a place in the graph. */
export abstract class Node {
  /** Ascending in order of creation, so operands always have smaller ids. */
  readonly id: number;
  /**
   * The compiler's: the node's number in the last trace that met it.
   *
   * @hidden
   */
  number: number;
  /** @hidden */
  readonly operation: Operation;
  /**
   * The first two operands.
   *
   * @hidden
   */
  readonly first: Node | undefined;
  /** @hidden */
  readonly second: Node | undefined;
  /** @hidden */
  extras: Extras | undefined;

  /**
   * @param inputs the operands, where there are more than two
   * @hidden
   */
  constructor(operation: Operation, first?: Node, second?: Node, inputs?: readonly Node[]) {
    this.id = nextId++;
    this.number = 0;
    this.operation = operation;
    this.first = first;
    this.second = second;
    this.extras = inputs && { inputs };
  }

  /** What makes it: an operator's name. */
  get op(): OpName {
    return this.operation.op;
  }
  /**
   * The operator's parameters that are no operands.
   *
   * @hidden
   */
  get attr(): Attr {
    return this.operation.attr;
  }
  /** The shape; `SCALAR` itself for single numbers. */
  get shape(): Shape {
    return this.operation.shape;
  }
  /** The name in feeds, errors and drawings; undefined where none was given. */
  get name(): string | undefined {
    return this.extras?.name;
  }
  /** See {@link Value.named}. */
  set name(name: string | undefined) {
    if (name !== undefined) checkName(this.op, name);
    (this.extras ??= {}).name = name;
  }
  /**
   * Where the node's numbers are to be found.
   *
   * @hidden
   */
  get memory(): Memory | undefined {
    return this.extras?.memory;
  }
  /** @hidden */
  set memory(memory: Memory | undefined) {
    (this.extras ??= {}).memory = memory;
  }

  /** How many operands it has. */
  get inputCount(): number {
    return this.extras?.inputs?.length ?? (this.second ? 2 : this.first ? 1 : 0);
  }
  /** The operands. */
  get inputs(): readonly Node[] {
    const { first, second, extras } = this;
    return extras?.inputs ?? (second ? [first!, second] : first ? [first] : []);
  }

  /** The numbers, or the gradient, that can be read now, if any. */
  abstract peek(what: 'data' | 'grad'): TypedArray | undefined;

  /** How errors call this node: its name or number, its operator, its shape. */
  get label(): string {
    const name = this.name === undefined ? `#${this.id}` : `'${clipped(this.name)}'`;
    return `${name} (${this.op}, shape ${show(this.shape)})`;
  }
}

/** How many operands an error names. */
const MOST_NAMED = 8;

/** Why an operator was refused, by error: an operator that is made of others says it in its own name. */
const reasons = new WeakMap<Error, string>();

/** The error of an operator, which names its operands. */
function refused(
  Kind: typeof ShapeError | typeof TypeError,
  op: string,
  operands: readonly unknown[],
  reason: string,
): Error {
  const given = operands.filter((operand) => operand instanceof Node || typeof operand === 'number');
  const labels = given
    .slice(0, MOST_NAMED)
    .map((operand) => (operand instanceof Node ? operand.label : String(operand)));
  if (given.length > MOST_NAMED) labels.push(`${given.length - MOST_NAMED} more`);
  const error = new Kind(
    `${op}${labels.length > 0 ? ` of ${labels.join(' and ')}` : ''}: ${clipped(reason, 1000)}`,
  );
  reasons.set(error, reason);
  return error;
}

/** Makes an operator of others: what one of them refuses is told as this operator's, of its own operands. */
export function composed<T>(op: string, operands: readonly unknown[], make: () => T): T {
  try {
    return make();
  } catch (error) {
    const reason = reasons.get(error as Error) ?? (error instanceof ShapeError ? error.message : undefined);
    if (reason === undefined) throw error;
    throw refused(error instanceof ShapeError ? ShapeError : TypeError, op, operands, reason);
  }
}

/** What was given in the place of a node, in an error. */
function shownNode(given: unknown): string {
  return given instanceof Node ? given.label : shown(given);
}

/** @throws TypeError when an operand is no Value */
export function checkValue(op: string, what: string, given: unknown): asserts given is Value {
  if (!(given instanceof Value))
    throw refused(TypeError, op, [], `${what} is ${shownNode(given)}, expected a Value`);
}

function checkIndexOperand(
  op: string,
  x: Node,
  given: unknown,
  expected = 'an Index',
): asserts given is Index {
  if (!(given instanceof Index))
    throw refused(TypeError, op, [x], `the index is ${shownNode(given)}, expected ${expected}`);
}

/** The operands are nodes of the graph: values, and where the operator takes one a last index. */
function checkOperands(op: OpName, inputs: readonly Node[], attr: Attr): void {
  const last = takesIndex(op, attr) ? inputs.length - 1 : -1;
  for (let i = 0; i < inputs.length; i++) {
    const node: unknown = inputs[i];
    if (node instanceof Node && node.operation.isInteger === (i === last)) continue;
    throw refused(
      TypeError,
      op,
      inputs.slice(0, i),
      `operand ${i} is ${shownNode(node)}, expected ${i === last ? 'an Index' : 'a Value'}`,
    );
  }
}

function resultShape(op: OpName, inputs: readonly Node[], attr: Attr): Shape {
  checkOperands(op, inputs, attr);
  try {
    const shape = OPS[op].shape(
      inputs.map((node) => node.shape),
      attr,
    );
    checkSize(shape);
    return shape;
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw refused(ShapeError, op, inputs, error.message);
  }
}

/** A Value for an operator's result: checks the operands' shapes. */
export function makeValue(op: OpName, inputs: readonly Node[], attr: Attr = NO_ATTR): Value {
  const operation = operationOf(op, attr, resultShape(op, inputs, attr));
  return new Value(operation, inputs[0], inputs[1], inputs.length > 2 ? inputs : undefined);
}

/** An Index for an operator's result. */
export function makeIndex(op: OpName, x: Node, attr: Attr): Index {
  return new Index(operationOf(op, attr, resultShape(op, [x], attr)), x);
}

/** Of single numbers an element-wise operator makes a single number: graphs can have many. */
function unary(plain: Operation, x: Value): Value {
  if (x.operation.isInteger) toValue(x, plain.op);
  return x.operation.shape === SCALAR ? new Value(plain, x) : makeValue(plain.op, [x]);
}
function binary(plain: Operation, a: Value, other: Value | number): Value {
  if (a.operation.isInteger) toValue(a, plain.op);
  const b = toValue(other, plain.op, a);
  const isScalar = a.operation.shape === SCALAR && b.operation.shape === SCALAR;
  return isScalar ? new Value(plain, a, b) : makeValue(plain.op, [a, b]);
}

/** An operator that is another one of the operands the other way round. */
function turned(op: string, plain: Operation, a: Value, other: Value | number): Value {
  return composed(op, [a, other], () => {
    const b = toValue(other, op, a);
    broadcast(a.shape, b.shape); // says of them in their order what does not fit
    return binary(plain, b, a);
  });
}

/** @param a the operand before it */
export function toValue(x: unknown, op: string, a?: Node): Value {
  if (x instanceof Value) return x;
  if (typeof x === 'number') return constant(x);
  throw refused(TypeError, op, [a], `expected a Value or a number, got ${shownNode(x)}`);
}

/**
 * A copy of a list of values. They are looked at one by one: a list of four billion holes, of which a copy
 * would end the process, ends at the first.
 *
 * @throws TypeError that names the first that is none
 */
export function valuesOf(what: string, given: unknown): Value[] {
  if (!isList(given)) throw new TypeError(`${what}: expected an array of Values, got ${shownNode(given)}`);
  const values: Value[] = [];
  for (let i = 0, n = given.length; i < n; i++) {
    const value = given[i];
    if (!(value instanceof Value))
      throw new TypeError(`${what}[${i}]: expected a Value, got ${shownNode(value)}`);
    values.push(value);
  }
  return values;
}

/** a where the condition is not zero, else b: signs of zeros and NaN are those of what is taken. */
export function select(condition: Value, a: Value | number, b: Value | number): Value {
  const taken = makeValue('ifNonzero', [toValue(a, 'where', condition), condition]);
  return taken.add(makeValue('ifZero', [toValue(b, 'where', condition), condition]));
}

/** An axis counted from behind as one from 0; one that does not exist stays for the shape rule to refuse. */
function fromFront(axis: number, { shape }: Node): number {
  return Number.isInteger(axis) && axis < 0 && axis >= -shape.length ? axis + shape.length : axis;
}

/** One axis or several, counted from behind where negative. */
export type Axes = number | readonly number[];

/** Several axes, each at most once. */
function axesOf(axes: readonly number[], x: Node, op: string, expected: string): number[] {
  const { length } = x.shape;
  if (!isList(axes) || axes.length > MOST_AXES)
    throw refused(ShapeError, op, [x], `axes ${shownList(axes)}: expected ${expected} of at most ${length}`);
  const found = Array.from({ length: axes.length }, (_, i) => fromFront(axes[i]!, x));
  const again = found.findIndex((axis, i) => found.includes(axis, i + 1));
  if (again >= 0)
    throw refused(
      ShapeError,
      op,
      [x],
      `axes [${axes.map(shown).join(', ')}] name axis ${shown(found[again])} twice: give each once`,
    );
  return found;
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
      return select(isInside, this, select(isAbove.gt(0), most, raised));
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
    return turned('lt', PLAIN.gt, this, other);
  }
  /** 1 where this <= other, else 0: see `gt`. */
  le(other: Value | number): Value {
    return turned('le', PLAIN.ge, this, other);
  }
  /** 1 where both are equal, else 0: see `gt`. */
  eq(other: Value | number): Value {
    return binary(PLAIN.eq, this, other);
  }
  /** 1 where both differ or one is NaN, else 0: see `gt`. */
  ne(other: Value | number): Value {
    return composed('ne', [this, other], () => constant(1).sub(this.eq(other)));
  }
  /** -x by element. */
  neg(): Value {
    return unary(PLAIN.neg, this);
  }
  /** e to the x by element. */
  exp(): Value {
    return unary(PLAIN.exp, this);
  }
  /**
   * Natural logarithm; NaN below zero, where the gradient is NaN too, but 0 where none reaches it, as
   * behind a `where` that takes another number. At zero it is infinite.
   */
  log(): Value {
    return unary(PLAIN.log, this);
  }
  /** log(1 + x), accurate near 0; NaN below -1. */
  log1p(): Value {
    return unary(PLAIN.log1p, this);
  }
  /** The square root; NaN below zero. Its slope at zero is infinite; see `norm`, whose slope there is 0. */
  sqrt(): Value {
    return this.pow(0.5);
  }
  /** The absolute value; no gradient at zero. */
  abs(): Value {
    return unary(PLAIN.abs, this);
  }
  /** -1, 0 or 1, through which no gradient flows. */
  sign(): Value {
    return unary(PLAIN.sign, this);
  }
  /** The larger of x and 0 by element; at 0 no gradient flows. Of NaN value and gradient are NaN. */
  relu(): Value {
    return unary(PLAIN.relu, this);
  }
  /** The hyperbolic tangent. */
  tanh(): Value {
    return unary(PLAIN.tanh, this);
  }
  /** 1 / (1 + exp(-x)). */
  sigmoid(): Value {
    return unary(PLAIN.sigmoid, this);
  }
  /** log(1 + exp(x)), overflowing nowhere. */
  softplus(): Value {
    return unary(PLAIN.softplus, this);
  }
  /** The error function. */
  erf(): Value {
    return unary(PLAIN.erf, this);
  }
  /** The inverse of the sine; NaN outside -1 to 1. */
  arcsin(): Value {
    return unary(PLAIN.arcsin, this);
  }
  /** The inverse of the hyperbolic sine. */
  arcsinh(): Value {
    return unary(PLAIN.arcsinh, this);
  }
  /** The inverse of the hyperbolic tangent; NaN outside -1 to 1. */
  arctanh(): Value {
    return unary(PLAIN.arctanh, this);
  }
  /**
   * Each element to a fixed power; NaN where a negative is taken to one that is no integer.
   *
   * @throws TypeError when the exponent is no number
   */
  pow(exponent: number): Value {
    if (typeof exponent !== 'number' || Number.isNaN(exponent)) {
      throw new TypeError(`pow of ${this.label}: expected a number, got ${shown(exponent)}`);
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
    const given = composed('reshape', [this], () => listedShape(shape, -1));
    const unknown = given.indexOf(-1);
    if (unknown < 0) return makeValue('reshape', [this], { shape: given });
    const refuse = (why: string): Error =>
      refused(ShapeError, 'reshape', [this], `to ${show(given)}: ${why}`);
    if (given.includes(-1, unknown + 1)) throw refuse('only one length may be -1');
    const size = sizeOf(this.shape);
    const others = sizeOf(given.filter((_, i) => i !== unknown));
    if (others === 0)
      throw refuse('the other lengths hold no numbers, so that -1 could be any: give it as a number');
    if (size % others !== 0) throw refuse(`${size} numbers do not divide by ${others}`);
    return makeValue('reshape', [this], { shape: given.with(unknown, size / others) });
  }
  /** With a new axis of length 1, before `axis`; -1: behind all others. */
  expandDims(axis: number): Value {
    const rank = this.shape.length + 1;
    const at = !Number.isInteger(axis) ? -1 : axis < 0 ? axis + rank : axis;
    if (at < 0 || at >= rank) {
      throw refused(
        ShapeError,
        'expandDims',
        [this],
        `axis ${shown(axis)}: expected an integer from ${-rank} to ${rank - 1}`,
      );
    }
    return composed('expandDims', [this], () =>
      this.reshape([...this.shape.slice(0, at), 1, ...this.shape.slice(at)]),
    );
  }
  /** Without its axes of length 1, or without one of them. */
  squeeze(axis?: number): Value {
    if (axis === undefined) return this.reshape(this.shape.filter((n) => n !== 1));
    const at = Number.isInteger(axis) ? fromFront(axis, this) : -1;
    if (this.shape[at] !== 1) {
      throw refused(
        ShapeError,
        'squeeze',
        [this],
        `axis ${shown(axis)} ${at in this.shape ? `has length ${this.shape[at]!}, not 1` : 'does not exist'}`,
      );
    }
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
    const rows = this.shape[0];
    if (rows === undefined) throw refused(ShapeError, 'at', [this], 'a single number has no rows');
    if (!Number.isInteger(i) || i < 0 || i >= rows) {
      const last = i < 0 && -i <= rows ? `; counted from the end it is at(${rows + i})` : '';
      const expected = rows > 0 ? `a row from 0 to ${rows - 1}` : 'a first axis that is not empty';
      throw refused(ShapeError, 'at', [this], `row ${shown(i)}: expected ${expected}${last}`);
    }
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
    return sum.mul(sizeOf(sum.shape) / sizeOf(this.shape));
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
    return composed('min', [this], () => this.neg().max(axis, keepDims).neg());
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
  rmsNorm(eps = 1e-5): Value {
    checkFinite(`rmsNorm of ${this.label}: eps`, eps);
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
    return programOf(this);
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

/** Integers in the graph: fed, or found by `topk` or `argmax`. */
export class Index extends Node {
  /**
   * Element i of a vector of indices.
   *
   * @throws RangeError when there is none
   */
  at(i: number): Index {
    const n = this.shape[0];
    if (n === undefined || !Number.isInteger(i) || i < 0 || i >= n) {
      const expected =
        n === undefined
          ? 'it is a single integer'
          : n === 0
            ? 'it has none'
            : `expected an element from 0 to ${n - 1}`;
      const last =
        n !== undefined && Number.isInteger(i) && i < 0 && -i <= n
          ? `; counted from the end it is at(${n + i})`
          : '';
      throw new RangeError(`at(${shown(i)}) of ${this.label}: no such element: ${expected}${last}`);
    }
    return makeIndex('element', this, { start: i });
  }
  /**
   * Integers cannot be read, only used.
   *
   * @throws TypeError always
   * @hidden
   */
  get data(): never {
    return this.refuseReading();
  }
  /** @hidden */
  get grad(): never {
    return this.refuseReading();
  }
  /** @hidden */
  forward(): never {
    return this.refuseReading();
  }
  private refuseReading(): never {
    throw new TypeError(
      `${this.label} holds integers, which cannot be read and have no gradient: to read them as ` +
        'numbers, gather from the numbers 0, 1, 2, ... by it, as in parameter([0, 1, ' +
        '2]).gather(index).forward()',
    );
  }
  /** Integers are the program's own. */
  override peek(): undefined {
    return undefined;
  }
}

// Set by program.ts: the one link that would otherwise run against the layers' direction.
let programOf: (root: Value) => Program = () => {
  throw new Error('vecgrad: program.ts is not loaded');
};
export function setProgramFactory(factory: (root: Value) => Program): void {
  programOf = factory;
}

/**
 * A copy of a shape as it was given, which may change afterwards.
 *
 * @param least the least that a length may be
 * @throws ShapeError when it is none, or no array could have it; the message names no operator
 */
function listedShape(shape: Shape, least = 0): number[] {
  if (!isList(shape)) throw new ShapeError(`a shape is an array of integers from 0, got ${shown(shape)}`);
  if (shape.length > MOST_AXES) checkSize(shape);
  const copy = Array.from({ length: shape.length }, (_, i) => shape[i]!);
  const isShape = copy.every((n) => Number.isInteger(n) && n >= least);
  if (!isShape)
    throw new ShapeError(`a shape is an array of integers from 0, got [${copy.map(shown).join(', ')}]`);
  checkSize(copy.map((n) => Math.max(n, 0)));
  return copy;
}

function checkName(what: string, name: unknown): void {
  if (typeof name !== 'string') throw new TypeError(`${what}: a name is a text, got ${shown(name)}`);
}

/** Parameters of single numbers, of which a graph can have very many, share their operation. */
const SCALAR_PARAMETER = new Operation('parameter', { shape: SCALAR }, SCALAR);

function leafOperation(op: 'parameter' | 'input' | 'index', shape: Shape): Operation {
  return op === 'parameter' && shape.length === 0 ? SCALAR_PARAMETER : operationOf(op, { shape }, shape);
}

function leaf<N extends Node>(node: N, name: string | undefined): N {
  if (name !== undefined) node.name = name;
  return node;
}

/** The place of a number that is at `at` in row-major order. */
function placeOf(at: number, shape: Shape): number[] {
  return shape.map((n, axis) => Math.floor(at / sizeOf(shape.slice(axis + 1))) % n);
}

/** Flattens nested arrays row-major and finds their shape; throws on ragged ones. */
export function flatten(numbers: Numbers): { data: Float64Array; shape: Shape } {
  if (typeof numbers === 'number') return { data: Float64Array.of(numbers), shape: [] };
  if (numbers instanceof Float64Array || numbers instanceof Float32Array) {
    return { data: new Float64Array(numbers), shape: [numbers.length] };
  }
  const shape: number[] = [];
  let probe: unknown = numbers;
  while (typeof probe === 'object' && probe !== null && 'length' in probe) {
    // One that holds itself has no end.
    if (shape.length === MOST_AXES) throw new ShapeError(`arrays nested more than ${MOST_AXES} deep`);
    const list = probe as ArrayLike<unknown>;
    shape.push(list.length);
    probe = list[0];
  }
  listedShape(shape);
  const data = new Float64Array(sizeOf(shape));
  let at = 0;
  const visit = (x: unknown, depth: number): void => {
    if (depth === shape.length) {
      if (typeof x !== 'number') {
        const error = new TypeError(
          `${shape.length > 0 ? `element ${show(placeOf(at, shape))} is ${shown(x)}` : shown(x)}: ` +
            'expected a number, or arrays of numbers',
        );
        reasons.set(error, error.message);
        throw error;
      }
      data[at++] = x;
      return;
    }
    const list = x as ArrayLike<unknown>;
    if (typeof x !== 'object' || x === null || list.length !== shape[depth]) {
      throw new ShapeError(`nested arrays of unequal lengths: expected shape ${show(shape)}`);
    }
    for (let i = 0; i < list.length; i++) visit(list[i], depth + 1);
  };
  visit(numbers, 0);
  return { data, shape };
}

/** What {@link parameter} takes. */
export interface ParameterOptions {
  /** The name in feeds, errors, drawings and files. */
  name?: string;
  /** Of a flat array of numbers. */
  shape?: Shape;
}

const PARAMETER_OPTIONS: Known<ParameterOptions> = { name: true, shape: true };

/**
 * A leaf that training may change. The shape is that of the nested arrays, or the one given for a
 * flat array.
 *
 * @throws ShapeError when nested arrays are ragged, or their numbers do not fill the shape
 * @throws TypeError when there is anything but numbers
 */
export function parameter(numbers: Numbers, options: ParameterOptions = {}): Value {
  checkOptions('parameter', options, PARAMETER_OPTIONS);
  const { name, shape: given } = options;
  if (name !== undefined) checkName('parameter', name);
  const who = name === undefined ? 'parameter' : `parameter '${clipped(name)}'`;
  const { data, shape: found } = composed(who, [], () => flatten(numbers));
  const shape = given === undefined ? found : composed(who, [], () => listedShape(given));
  const isNested = found.length > 1;
  if (isNested && !sameShape(found, shape))
    throw new ShapeError(
      `${who}: nested arrays of shape ${show(found)} for shape ${show(shape)}: give the numbers flat, ` +
        'row by row, or nested in that shape',
    );
  if (sizeOf(shape) !== data.length)
    throw new ShapeError(
      `${who}: ${data.length} numbers for shape ${show(shape)}, which holds ${sizeOf(shape)}`,
    );
  const value = leaf(new Value(leafOperation('parameter', shape)), name);
  value.memory = { initial: data };
  return value;
}

/**
 * Sets a parameter's numbers where they live or, where a type of less precision would round them, in float64
 * of their own.
 */
export function setNumbers(value: Value, numbers: Float64Array): void {
  const memory = value.memory!;
  const data = value.peek('data')!;
  const isRounded = data instanceof Float32Array && numbers.some((x) => !Object.is(Math.fround(x), x));
  if (isRounded) {
    memory.home!.program.dislodge();
    delete memory.home;
    memory.initial = numbers.slice();
  } else {
    data.set(numbers);
  }
  memory.version = (memory.version ?? 0) + 1;
}

/** A leaf fed at every run, by name. */
export function input(name: string, shape: Shape = []): Value {
  checkName('input', name);
  const own = composed(`input '${clipped(name)}'`, [], () => listedShape(shape));
  return leaf(new Value(leafOperation('input', own)), name);
}

/** A leaf of integers fed at every run, by name: one, or a vector of `length`. */
export function index(name: string, length?: number): Index {
  checkName('index', name);
  const isLength = length === undefined || (Number.isInteger(length) && length >= 0);
  if (!isLength)
    throw new ShapeError(
      `index '${clipped(name)}': length ` +
        `${isList(length) ? `[${length.slice(0, MOST_AXES).map(shown).join(', ')}]` : shown(length)}: ` +
        'an index has one axis: give its length, an integer from 0, or none for a single one; of rows, ' +
        'feed all in one flat array and reshape what is gathered',
    );
  const shape = length === undefined ? [] : [length];
  composed(`index '${clipped(name)}'`, [], () => listedShape(shape));
  return leaf(new Index(leafOperation('index', shape)), name);
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

/** Zeros of a shape. */
export function zeros(shape: Shape): Value {
  return composed('zeros', [], () => makeValue('broadcastTo', [constant(0)], { shape: listedShape(shape) }));
}

/** Operands of one shape along a new axis, by default the first. */
export function stack(values: readonly Value[], axis = 0): Value {
  const y = makeValue('stack', valuesOf('stack', values));
  const at = composed('stack', y.inputs, () => resolveAxis(axis, y.shape));
  if (at === 0) return y;
  const axes = y.shape.map((_, i) => i).slice(1);
  axes.splice(at, 0, 0);
  return y.transpose(axes);
}
/** Operands joined along an axis, by default the first. */
export function concat(values: readonly Value[], axis = 0): Value {
  const given = valuesOf('concat', values);
  return makeValue('concat', given, { axis: given[0] ? fromFront(axis, given[0]) : axis });
}
/** The sum of any number of values of one shape. */
export function total(values: readonly Value[]): Value {
  const given = valuesOf('total', values);
  return given.length === 1 ? given[0]! : makeValue('total', given);
}
/** One of several values of one shape: the one whose number is fed. */
export function choose(values: readonly Value[], which: Index): Value {
  return makeValue('choose', [...valuesOf('choose', values), which]);
}
/**
 * The mean of the first n values, n fed at run time (1 to their number). Only what those n depend
 * on is run, and only the index elements those n need must be fed. A value can stand in several
 * places, and a graph can hold several such means of one n, also one among the values of another; n
 * is then at most the number of values of the shortest.
 *
 * @throws TypeError when n is not fed by itself, as `index(name)`: picked from another index, or found
 * at run time
 */
export function meanOfFirst(values: readonly Value[], n: Index): Value {
  const given = valuesOf('meanOfFirst', values);
  // A run is as long as what is fed says: no program can find its own length.
  if (n instanceof Index && (n.op !== 'index' || n.shape.length > 0)) {
    throw refused(
      TypeError,
      'meanOfFirst',
      [...given, n],
      `the length ${n.label} is not fed by itself: give an index(name) of one integer`,
    );
  }
  return composed('meanOfFirst', [...given, n], () => {
    const sum = makeValue('total', [...given, n], { prefix: true });
    return makeValue('mul', [sum, makeValue('inverseCount', [n])]);
  });
}
