/**
 * The compiler's graph: forward and backward nodes as numbers in typed arrays, in topological order.
 *
 * A run has a length n, a prefix of the positions 0 to n - 1. A node's *position* is the first that needs
 * it: a run executes the nodes with position < n. Without a prefix every node has position 0 and every
 * run length 1. A use of a node can count from a later position than the node's own: see `termPosition`
 * in trace.ts.
 */
import {
  OPS,
  opsWhere,
  NO_ATTR,
  OP_CODE,
  OP_NAMES,
  OP_ROWS,
  type Attr,
  type Builder,
  type OpDefinition,
  type OpName,
} from '../../graph/ops.js';
import { SCALAR, type Shape } from '../../core/shape.js';
import { propagate, type AxisPositions } from './axes.js';
import { occurrences } from './occurrences.js';
import type { Node } from '../../graph/node.js';

const IS_INTEGER = opsWhere((row) => row.isInteger);

const STACK = OP_CODE.stack;

export class Ir implements Builder<number> {
  count = 0;
  /** Nodes below this number are forward, the others backward. */
  forwardEnd = 0;
  /** The position given to nodes made from now on. */
  position = 0;
  /** Each node's position. */
  positions: Int32Array;
  /**
   * By node, for its axes that hold one entry per position: the position of each entry, ascending, so that
   * a run works on a prefix of the axis. Undefined, or past the end of the list: no such axis.
   */
  readonly axisPositions: (AxisPositions | undefined)[] = [];
  /** The longest prefix. */
  maxLength = 1;

  private opCodes: Uint8Array;
  private inputStart: Int32Array;
  private inputList: Int32Array;
  // Most nodes of a large graph are single numbers without attributes: entry 0 of these tables.
  private shapeIds: Int32Array;
  private readonly shapes: Shape[];
  private attrIds: Int32Array;
  private readonly attrs: Attr[];
  /** The user's nodes that nodes were made from, where known, for names in errors. Entry 0: none. */
  private sourceIds: Int32Array;
  private readonly sources: (Node | undefined)[];
  private readonly constants = new Map<number | string, number>();

  /**
   * An empty graph with room for `capacity` nodes, which cost nothing until they are used. It shares the
   * tables of the graph `from` whose nodes are copied into it.
   */
  constructor(capacity = 1024, from?: Ir) {
    this.shapes = from?.shapes ?? [SCALAR];
    this.attrs = from?.attrs ?? [NO_ATTR];
    this.sources = from?.sources ?? [undefined];
    if (from) this.maxLength = from.maxLength;
    this.positions = new Int32Array(capacity);
    this.opCodes = new Uint8Array(capacity);
    this.inputStart = new Int32Array(capacity + 1);
    this.inputList = new Int32Array(2 * capacity);
    this.shapeIds = new Int32Array(capacity);
    this.attrIds = new Int32Array(capacity);
    this.sourceIds = new Int32Array(capacity);
  }

  opOf(node: number): OpName {
    return OP_NAMES[this.opCodes[node]!]!;
  }
  /** The operator's index in `OP_NAMES`. */
  codeOf(node: number): number {
    return this.opCodes[node]!;
  }
  /** What its operator's row says. */
  row(node: number): OpDefinition {
    return OP_ROWS[this.opCodes[node]!]!;
  }
  is(node: number, op: OpName): boolean {
    return OP_NAMES[this.opCodes[node]!] === op;
  }
  attr(node: number): Attr {
    return this.attrs[this.attrIds[node]!]!;
  }
  shape(node: number): Shape {
    return this.shapes[this.shapeIds[node]!]!;
  }
  /** Whether a test holds for every node that is not a single number. */
  everyArray(test: (node: number) => boolean): boolean {
    const { shapes, shapeIds, count } = this;
    for (let id = 1; id < shapes.length; id++)
      if (!occurrences(shapeIds, id, count).every(test)) return false;
    return true;
  }
  /** Whether a node is a single number without attributes. */
  isPlain(node: number): boolean {
    return this.shapeIds[node] === 0 && this.attrIds[node] === 0;
  }
  /** All operands, for hot loops: a node's are `list[start[node]]` to `list[start[node + 1] - 1]`. */
  get edges(): { start: Int32Array; list: Int32Array } {
    return { start: this.inputStart, list: this.inputList };
  }
  /** The whole graph as native code takes it; the arrays can be longer than `count`. */
  get arrays(): {
    ops: Uint8Array;
    start: Int32Array;
    list: Int32Array;
    positions: Int32Array;
    attributeOf: Int32Array;
  } {
    const { opCodes: ops, inputStart: start, inputList: list, positions, attrIds: attributeOf } = this;
    return { ops, start, list, positions, attributeOf };
  }
  /** All attributes, by id. */
  get attributes(): readonly Attr[] {
    return this.attrs;
  }
  /** An attribute's id. */
  attribute(attr: Attr): number {
    return attr === NO_ATTR ? 0 : entry(this.attrs, attr);
  }
  /**
   * Becomes the graph in these arrays: this graph and further nodes, all single numbers, whose attributes
   * are numbered on from this graph's.
   */
  replace(
    made: {
      ops: Uint8Array;
      start: Int32Array;
      list: Int32Array;
      positions: Int32Array;
      attributeOf: Int32Array;
    },
    attributes: readonly Attr[],
  ): void {
    this.count = made.ops.length;
    this.opCodes = made.ops;
    this.inputStart = made.start;
    this.inputList = made.list;
    this.positions = made.positions;
    this.attrIds = made.attributeOf;
    this.shapeIds = grown(this.shapeIds.subarray(0, this.count), new Int32Array(this.count));
    this.sourceIds = grown(this.sourceIds.subarray(0, this.count), new Int32Array(this.count));
    for (const attr of attributes) this.attrs.push(attr);
  }
  inputCount(node: number): number {
    return this.inputStart[node + 1]! - this.inputStart[node]!;
  }
  input(node: number, i: number): number {
    return this.inputList[this.inputStart[node]! + i]!;
  }
  inputs(node: number): number[] {
    const first = this.inputStart[node]!;
    const inputs = new Array<number>(this.inputStart[node + 1]! - first);
    for (let i = 0; i < inputs.length; i++) inputs[i] = this.inputList[first + i]!;
    return inputs;
  }

  /** Appends a node at the current position. */
  push(op: OpName, inputs: ArrayLike<number>, attr: Attr, shape: Shape): number {
    const node = this.begin(OP_CODE[op], inputs.length);
    let at = this.inputStart[node]!;
    for (let i = 0; i < inputs.length; i++) this.inputList[at++] = inputs[i]!;
    this.inputStart[node + 1] = at;
    if (shape.length) this.shapeIds[node] = entry(this.shapes, shape);
    this.attrIds[node] = this.attribute(attr);
    this.followAxisPositions(node);
    return node;
  }

  /**
   * Appends a node of the user's, over the numbers of its operands. Errors can name it.
   *
   * @param code the operator that it becomes here
   */
  pushTraced(source: Node, code = source.operation.code): number {
    const { operation, first, second } = source;
    const { shape, attr } = operation;
    const inputs = source.extras?.inputs;
    const node = this.begin(code, source.inputCount);
    const list = this.inputList;
    let at = this.inputStart[node]!;
    if (inputs) {
      for (let i = 0; i < inputs.length; i++) list[at++] = inputs[i]!.number;
    } else {
      if (first) list[at++] = first.number;
      if (second) list[at++] = second.number;
    }
    this.inputStart[node + 1] = at;
    if (shape.length) this.shapeIds[node] = entry(this.shapes, shape);
    this.attrIds[node] = this.attribute(attr);
    this.sourceIds[node] = this.sources.push(source) - 1;
    return node;
  }

  /**
   * Appends a copy of a node of a graph whose tables this one shares, at its position, over the new numbers
   * of its operands. The caller says what positions its axes have.
   */
  copy(from: Ir, node: number, numbers: Int32Array): number {
    const first = from.inputStart[node]!;
    const end = from.inputStart[node + 1]!;
    const made = this.begin(from.opCodes[node]!, end - first);
    let at = this.inputStart[made]!;
    for (let e = first; e < end; e++) this.inputList[at++] = numbers[from.inputList[e]!]!;
    this.inputStart[made + 1] = at;
    this.positions[made] = from.positions[node]!;
    this.shapeIds[made] = from.shapeIds[node]!;
    this.attrIds[made] = from.attrIds[node]!;
    this.sourceIds[made] = from.sourceIds[node]!;
    return made;
  }

  /** Gives a node's axes the positions that follow from its operands'. */
  followAxisPositions(node: number): void {
    const code = this.opCodes[node]!;
    let any = code === STACK && this.attr(node).positions !== undefined;
    if (!any && this.axisPositions.length === 0) return;
    const end = this.inputStart[node + 1]!;
    for (let e = this.inputStart[node]!; e < end && !any; e++)
      any = this.axisPositions[this.inputList[e]!] !== undefined;
    if (any) this.setAxisPositions(node, propagate(this, node));
  }

  /**
   * Appends the user's nodes from index `from` on, as long as they are single numbers of one or two operands,
   * without attributes and indices, and mention no others; sets their `number`. Returns the index where it
   * stopped.
   */
  pushPlain(nodes: readonly Node[], from: number): number {
    const most = nodes.length - from;
    while (this.count + most >= this.opCodes.length) this.growNodes();
    if (this.inputStart[this.count]! + 2 * most > this.inputList.length) this.growInputs(2 * most);
    const { opCodes, inputStart, inputList, positions, position } = this;
    let made = this.count;
    let end = inputStart[made]!;
    let at = from;
    for (; at < nodes.length; at++) {
      const node = nodes[at]!;
      const { operation, first, second, extras } = node;
      if (!operation.isPlain || !first || extras?.inputs || extras?.mentions) break;
      opCodes[made] = operation.code;
      inputList[end++] = first.number;
      if (second) inputList[end++] = second.number;
      positions[made] = position;
      node.number = made++;
      inputStart[made] = end;
    }
    this.count = made;
    return at;
  }

  private begin(code: number, inputs: number): number {
    const node = this.count++;
    if (node + 1 >= this.opCodes.length) this.growNodes();
    if (this.inputStart[node]! + inputs > this.inputList.length) this.growInputs(inputs);
    this.opCodes[node] = code;
    this.positions[node] = this.position;
    return node;
  }

  /** The user's node that a node was made from, where known. */
  source(node: number): Node | undefined {
    return this.sources[this.sourceIds[node]!];
  }
  /** Lets a node be named in errors as `made` of the graph `from` is, unless it has a name. */
  inheritSource(node: number, from: Ir, made: number): void {
    this.sourceIds[node] ||= from.sourceIds[made]!;
  }

  /** Sets the positions of a node's axes. */
  setAxisPositions(node: number, positions: AxisPositions | undefined): void {
    if (!positions && node >= this.axisPositions.length) return;
    while (this.axisPositions.length < node) this.axisPositions.push(undefined);
    this.axisPositions[node] = positions;
  }

  op(name: OpName, inputs: readonly number[], attr: Attr = NO_ATTR): number {
    return this.push(name, inputs, attr, this.resultShape(name, inputs, attr));
  }

  constant(value: number): number {
    const key = constantKey(value);
    let node = this.constants.get(key);
    if (node === undefined) {
      const position = this.position;
      this.position = 0;
      node = this.push('constant', [], { value }, SCALAR);
      this.position = position;
      this.constants.set(key, node);
    }
    return node;
  }
  /** The value of a constant node. */
  constantValue(node: number): number {
    return this.attr(node).value!;
  }

  isInteger(node: number): boolean {
    return IS_INTEGER[this.opCodes[node]!] === 1;
  }

  /** A name for errors: that of the user's node, or the operator and shape. */
  label(node: number): string {
    return this.source(node)?.label ?? `a ${this.opOf(node)} of shape [${this.shape(node).join(', ')}]`;
  }

  private resultShape(name: OpName, inputs: readonly number[], attr: Attr): Shape {
    const shapes: Shape[] = [];
    let isScalar = attr === NO_ATTR;
    for (let i = 0; i < inputs.length; i++) {
      const shape = this.shape(inputs[i]!);
      isScalar &&= shape === SCALAR;
      shapes.push(shape);
    }
    // Nearly all nodes of a program of single numbers: skip the rule.
    if (isScalar && shapes.length) return SCALAR;
    const shape = OPS[name].shape(shapes, attr);
    return shape.length ? shape : SCALAR;
  }

  private growNodes(): void {
    const size = this.opCodes.length * 2;
    this.opCodes = grown(this.opCodes, new Uint8Array(size));
    this.positions = grown(this.positions, new Int32Array(size));
    this.inputStart = grown(this.inputStart, new Int32Array(size + 1));
    this.shapeIds = grown(this.shapeIds, new Int32Array(size));
    this.attrIds = grown(this.attrIds, new Int32Array(size));
    this.sourceIds = grown(this.sourceIds, new Int32Array(size));
  }
  private growInputs(more: number): void {
    this.inputList = grown(this.inputList, new Int32Array(this.inputList.length * 2 + more));
  }
}

/** A graph that was made from another. */
export interface Rewritten {
  ir: Ir;
  /** New numbers of the old nodes; -1: not needed, or gone. */
  numbers: Int32Array;
}

/** A number as a key of a map in which 0 and -0 are two. */
export function constantKey(value: number): number | string {
  return Object.is(value, -0) ? '-0' : value;
}

/** The index of a value in a table, to which it is added unless it is the last entry. */
function entry<T>(table: T[], value: T): number {
  return table[table.length - 1] === value ? table.length - 1 : table.push(value) - 1;
}

function grown<A extends Uint8Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
