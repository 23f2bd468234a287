/** The nodes of a graph, and the checks of their operands. */
import { type OpName, type Attr, OP_CODE, isInteger, NO_ATTR, OP_NAMES, takesIndex, OPS } from './ops.js';
import { type Shape, SCALAR, show, ShapeError, checkSize } from '../core/shape.js';
import type { DType, TypedArray } from '../core/array.js';
import { clipped } from '../core/escape.js';
import { describeInstances, isList, shown } from '../core/check.js';

let nextId = 0;

/** What holds the numbers of nodes: a program. */
export interface Holder {
  readonly dtype: DType;
  /** Whether it trains parameters: those that it trained stay there while others read them. */
  readonly trains: boolean;
  /** All its numbers. */
  readonly arena: TypedArray;
  /** Counts the runs that may have changed parameters that live here. */
  readonly writes: number;
  /** Whether all its parameters live here, with their newest numbers. */
  resident: boolean;
  /** Whether the data, and the gradients, of all its nodes are currently read from here. */
  readonly isRead: { data: boolean; gradient: boolean };
  /** @throws BusyError while it trains in the background */
  checkMemory(): void;
  read(node: Node): TypedArray;
  readGradient(node: Node): TypedArray;
  /** Why these cannot be read now; undefined where they can. */
  whyUnread(node: Node, what: 'data' | 'gradient'): string | undefined;
}

/**
 * How often a parameter's numbers, or where they live, may have changed other than by training: a program
 * that reads parameters looks at each only if this has grown.
 */
export const parameterChanges = { count: 0 };

/** Where a node's numbers are. It refers to at most three programs, so that all others can be collected. */
export interface Memory {
  /** The program that last ran forward with this node (and keeps its numbers), for `data`. */
  data?: Holder;
  /** The program that last ran backward with this node, for `grad`. */
  gradient?: Holder;
  /** A parameter's own numbers until a program holds them. */
  initial?: Float64Array;
  /** Where a parameter's numbers live: in the arena of a program of their type. */
  home?: { program: Holder; offset: number };
  /** Counts how often a parameter's numbers were set, other than by training. */
  version?: number;
  /**
   * Whether `data` has handed out the array where a parameter's numbers live: its holder can change them at
   * any time.
   */
  isLent?: boolean;
}

/** What a node computes. Nodes of single numbers share theirs, because a graph can have very many. */
export class Operation {
  /** The operator's number: see `OP_CODE`. */
  readonly code: number;
  /** Whether the result is a single number, no attribute is set, and no index says what is read. */
  readonly isPlain: boolean;
  /** Whether the result is integers. Cheaper to test than `instanceof Index`. */
  readonly isInteger: boolean;

  constructor(
    readonly op: OpName,
    readonly attr: Attr,
    readonly shape: Shape,
  ) {
    // Nodes share these, and their lists: a user who could write to `x.shape` would change other nodes too.
    Object.freeze(shape);
    Object.freeze(attr);
    if (attr.axes) Object.freeze(attr.axes);
    this.code = OP_CODE[op];
    this.isInteger = isInteger(op);
    this.isPlain = attr === NO_ATTR && shape === SCALAR && op !== 'inverseCount' && !takesIndex(op, attr);
  }
}

/** The operation for a node; every scalar shares the shape `SCALAR`. */
export function operationOf(op: OpName, attr: Attr, shape: Shape): Operation {
  if (shape.length > 0) return new Operation(op, attr, shape);
  return attr === NO_ATTR ? PLAIN[op] : new Operation(op, attr, SCALAR);
}

export const PLAIN = Object.fromEntries(
  OP_NAMES.map((op) => [op, new Operation(op, NO_ATTR, SCALAR)]),
) as Record<OpName, Operation>;

/** A parameter that a training step sets, and to what. */
export interface SetInStep {
  parameter: Node;
  /** Its next numbers, from those that it has, or that an earlier node of the step sets it to. */
  next: (before: Node) => Node;
}

/** What training steps that compute a node do besides. */
export interface Setting {
  sets: readonly SetInStep[];
  /** Why no training step can; undefined where it can. */
  refusal?: string | undefined;
}

/** What only a few nodes have. */
interface Extras {
  /** The operands, where there are more than two. */
  inputs?: readonly Node[];
  name?: string | undefined;
  memory?: Memory | undefined;
  /** For a parameter: whether training leaves it as it is. */
  isFrozen?: boolean;
  /** For a parameter: whether it is never trained, though training steps may set it. */
  isBuffer?: boolean;
  /** What training steps that compute this node set parameters to. */
  setting?: Setting;
  /** The operator's name in errors: see {@link writtenAs}. */
  writtenAs?: string;
  /** For a gradient: the inputs of the graph that it is of, which can be fed even where it reads none. */
  mentions?: readonly Node[];
  /** The node that the user wrote, of which this is an inner part: errors name that one. */
  partOf?: Node;
}

/** The base of Value and Index: a place in the graph. */
export abstract class Node {
  /** Ascends in order of creation, so that operands have smaller ids than their users. */
  readonly id: number;
  /**
   * Used by the compiler: the node's number in the last trace that visited it.
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
    if (!((operation as unknown) instanceof Operation))
      throw new TypeError(
        'a Value is made by parameter(), input(), constant() or an operator, and an Index by index(), ' +
          'topk() or argmax(): neither is made by new',
      );
    this.id = nextId++;
    this.number = 0;
    this.operation = operation;
    this.first = first;
    this.second = second;
    this.extras = inputs && { inputs: Object.freeze(inputs) };
  }

  /** The name of its operator. */
  get op(): OpName {
    return this.operation.op;
  }
  /**
   * The operator's attributes.
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
    if (name !== undefined) checkName('named', name);
    (this.extras ??= {}).name = name;
  }
  /**
   * Where the node's numbers are.
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

  /** The numbers, or the gradient, if they can be read now. */
  abstract peek(what: 'data' | 'grad'): TypedArray | undefined;

  /**
   * Refuses to be a number: JavaScript would make NaN of a node in `w * 2` or `w > 0`. As a string, a node is
   * its label.
   *
   * @throws TypeError where a number is wanted
   * @hidden
   */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return shown(this);
    throw new TypeError(
      `${shown(this)} is a node of a graph, not a number, and JavaScript's operators cannot compute with ` +
        'it: write a.add(b), sub, mul, div, neg, pow for + - * / - **, a.gt(b), ge, lt, le, eq, ne for ' +
        '> >= < <= == !=, and `${a}` for its name as text',
    );
  }

  /** How errors call this node: its name or number, its operator, its shape. */
  get label(): string {
    if (this.extras?.partOf) return this.extras.partOf.label;
    const name = this.name === undefined ? `#${this.id}` : `'${clipped(this.name)}'`;
    return `${name} (${this.extras?.writtenAs ?? this.op}, shape ${show(this.shape)})`;
  }
}

// An object that merely inherits from a node has no operation.
describeInstances(Node.prototype, (node) =>
  (node.operation as Operation | undefined) === undefined ? 'an object' : node.label,
);

/**
 * Has errors name the operator that the user wrote, such as `sqrt`, where the node is built from another.
 *
 * @param part an inner node, in whose place errors name this one
 */
export function writtenAs<N extends Node>(op: string, node: N, part?: Node): N {
  (node.extras ??= {}).writtenAs = op;
  if (part) (part.extras ??= {}).partOf = node;
  return node;
}

/** The most operands that an error lists. */
const MAX_NAMED = 8;

/**
 * Why an operator was refused, by error: a function made of operators repeats the reason under its own name.
 */
export const reasons = new WeakMap<Error, string>();

/** The error of an operator; it names the operands. */
export function refused(
  Kind: typeof ShapeError | typeof TypeError,
  op: string,
  operands: readonly unknown[],
  reason: string,
): Error {
  const given = operands.filter((operand) => operand instanceof Node || typeof operand === 'number');
  const labels = given
    .slice(0, MAX_NAMED)
    .map((operand) => (operand instanceof Node ? operand.label : String(operand)));
  if (given.length > MAX_NAMED) labels.push(`${given.length - MAX_NAMED} more`);
  const error = new Kind(
    `${op}${labels.length > 0 ? ` of ${labels.join(' and ')}` : ''}: ${clipped(reason, 1000)}`,
  );
  reasons.set(error, reason);
  return error;
}

/**
 * Builds a function from operators. Where one of them refuses, the error names this function and its
 * operands.
 */
export function composed<T>(op: string, operands: readonly unknown[], make: () => T): T {
  try {
    return make();
  } catch (error) {
    const reason = reasons.get(error as Error) ?? (error instanceof ShapeError ? error.message : undefined);
    if (reason === undefined) throw error;
    throw refused(error instanceof ShapeError ? ShapeError : TypeError, op, operands, reason);
  }
}

/** Checks that the operands are Values, and the last an Index where the operator takes one. */
function checkOperands(op: OpName, inputs: readonly Node[], attr: Attr): void {
  const last = takesIndex(op, attr) ? inputs.length - 1 : -1;
  for (let i = 0; i < inputs.length; i++) {
    const node: unknown = inputs[i];
    if (node instanceof Node && node.operation.isInteger === (i === last)) continue;
    throw refused(
      TypeError,
      op,
      inputs.slice(0, i),
      `operand ${i} is ${shown(node)}, expected ${i === last ? 'an Index' : 'a Value'}`,
    );
  }
}

export function resultShape(op: OpName, inputs: readonly Node[], attr: Attr): Shape {
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

export function checkName(what: string, name: unknown): void {
  if (typeof name !== 'string') throw new TypeError(`${what}: a name must be a string, got ${shown(name)}`);
}

/** Whether it is a node that computes numbers, a Value. */
export function isValue(given: unknown): given is Node {
  // An object that merely inherits from a node has no operation.
  return given instanceof Node && (given.operation as Operation | undefined)?.isInteger === false;
}

/**
 * A copy of a list of values, checked element by element: an array of four billion holes fails at its first,
 * where copying it first would exhaust memory.
 *
 * @throws TypeError that names the first element that is not a value
 */
export function listOfValues<N extends Node>(
  what: string,
  given: unknown,
  isOne: (node: unknown) => node is N,
): N[] {
  if (!isList(given)) throw new TypeError(`${what}: expected an array of Values, got ${shown(given)}`);
  const nodes: N[] = [];
  for (let i = 0, n = given.length; i < n; i++) {
    const node: unknown = given[i];
    if (!isOne(node)) throw new TypeError(`${what}[${i}]: expected a Value, got ${shown(node)}`);
    nodes.push(node);
  }
  return nodes;
}
