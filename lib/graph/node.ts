/** What a graph is made of: nodes that remember how they are made, and the checks of their operands. */
import { type OpName, type Attr, OP_CODE, isInteger, NO_ATTR, OP_NAMES, takesIndex, OPS } from './ops.js';
import { type Shape, SCALAR, show, ShapeError, checkSize } from '../core/shape.js';
import type { DType, TypedArray } from '../core/array.js';
import { clipped } from '../core/escape.js';
import { isList, shown } from '../core/check.js';

let nextId = 0;

/** What holds numbers of nodes: a program. */
export interface Holder {
  readonly dtype: DType;
  /** All its numbers. */
  readonly arena: TypedArray;
  /** How often training may have changed numbers that live in it. */
  readonly writes: number;
  /** Whether all its parameters live in it, with their newest numbers. */
  resident: boolean;
  /** Whether the data and the gradient of every node are read from it now. */
  readonly isRead: { data: boolean; gradient: boolean };
  read(node: Node): TypedArray;
  readGradient(node: Node): TypedArray;
}

/**
 * Where a node's numbers are. It refers to few programs, the last of each kind, so that others can be
 * collected.
 */
export interface Memory {
  /** The inspecting program that ran last with the node in it, for `data`. */
  data?: Holder;
  /** The one whose `backward` ran last, for `grad`. */
  gradient?: Holder;
  /** A parameter's own numbers until a program holds them. */
  initial?: Float64Array;
  /** Where a parameter's numbers live: in the memory of a program of their type. */
  home?: { program: Holder; offset: number };
  /** How often a parameter's numbers were set but by training. */
  version?: number;
  /** `data` was read where a parameter's numbers live: whoever has it can change them at any time. */
  isLent?: boolean;
}

/** What a node computes. Nodes of single numbers, of which a graph can have very many, share theirs. */
export class Operation {
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
export function operationOf(op: OpName, attr: Attr, shape: Shape): Operation {
  if (shape.length > 0) return new Operation(op, attr, shape);
  return attr === NO_ATTR ? PLAIN[op] : new Operation(op, attr, SCALAR);
}

export const PLAIN = Object.fromEntries(
  OP_NAMES.map((op) => [op, new Operation(op, NO_ATTR, SCALAR)]),
) as Record<OpName, Operation>;

/** What few of a graph's nodes have. */
interface Extras {
  /** The operands, where there are more than two. */
  inputs?: readonly Node[];
  name?: string | undefined;
  memory?: Memory | undefined;
  /** What errors call the operator: see {@link writtenAs}. */
  writtenAs?: string;
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
    if (name !== undefined) checkName('named', name);
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
    return `${name} (${this.extras?.writtenAs ?? this.op}, shape ${show(this.shape)})`;
  }
}

/**
 * Has errors call a node by the operator that the user wrote, such as `sqrt`, where it is made of another.
 */
export function writtenAs<N extends Node>(op: string, node: N): N {
  (node.extras ??= {}).writtenAs = op;
  return node;
}

/** How many operands an error names. */
const MAX_NAMED = 8;

/** Why an operator was refused, by error: an operator that is made of others says it in its own name. */
export const reasons = new WeakMap<Error, string>();

/** The error of an operator, which names its operands. */
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
export function shownNode(given: unknown): string {
  // What merely inherits from a node has no operation.
  const isNode = given instanceof Node && (given.operation as Operation | undefined) !== undefined;
  return isNode ? given.label : shown(given);
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
  if (typeof name !== 'string') throw new TypeError(`${what}: a name is a text, got ${shown(name)}`);
}

/** Whether something is a node that computes numbers, a Value. */
export function isValue(given: unknown): given is Node {
  // What merely inherits from a node has no operation.
  return given instanceof Node && (given.operation as Operation | undefined)?.isInteger === false;
}

/**
 * A copy of a list of values. They are looked at one by one: a list of four billion holes, of which a copy
 * would end the process, ends at the first.
 *
 * @throws TypeError that names the first that is none
 */
export function listOfValues<N extends Node>(
  what: string,
  given: unknown,
  isOne: (node: unknown) => node is N,
): N[] {
  if (!isList(given)) throw new TypeError(`${what}: expected an array of Values, got ${shownNode(given)}`);
  const nodes: N[] = [];
  for (let i = 0, n = given.length; i < n; i++) {
    const node: unknown = given[i];
    if (!isOne(node)) throw new TypeError(`${what}[${i}]: expected a Value, got ${shownNode(node)}`);
    nodes.push(node);
  }
  return nodes;
}
