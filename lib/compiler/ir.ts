/**
 * The compiler's graph: forward and backward nodes as numbers in typed arrays, in topological order.
 *
 * A node's *level* is the prefix length from which it is needed: a run of length n executes the
 * nodes with level < n. Without a prefix every node has level 0 and every run length 1.
 */
import { OPS, isInteger, NO_ATTR, OP_NAMES, type Attr, type Builder, type OpName } from '../ops.js'; // prettier-ignore
import { SCALAR, type Shape } from '../shape.js';
import { propagate } from './levels.js';
import type { Node } from '../graph.js';

const OP_CODE = Object.fromEntries(OP_NAMES.map((name, i) => [name, i])) as Record<OpName, number>;

export type AxisLevels = readonly (readonly number[] | undefined)[];

export class Ir implements Builder<number> {
  count = 0;
  /** Nodes below are forward, the others backward. */
  forwardEnd = 0;
  /** The level given to nodes made from now on. */
  level = 0;
  levels = new Int32Array(1024);
  readonly shapes: Shape[] = [];
  /** The graph node behind a forward node, for names in errors. */
  readonly sources: (Node | undefined)[] = [];
  /**
   * Of axes that hold one entry per position: the level of each entry, ascending, so that a run of
   * length n works on a prefix of the axis. Undefined: no such axis.
   */
  readonly axisLevels: (AxisLevels | undefined)[] = [];
  /** Prefix lengths run from 1 to this. */
  maxLevel = 1;

  private opCodes = new Uint8Array(1024);
  private inputStart = new Int32Array(1025);
  private inputList = new Int32Array(4096);
  private readonly attrs: (Attr | undefined)[] = [];
  private readonly constants = new Map<number | string, number>();

  opOf(node: number): OpName {
    return OP_NAMES[this.opCodes[node]!]!;
  }
  /** Its operator's place in `OP_NAMES`. */
  opCode(node: number): number {
    return this.opCodes[node]!;
  }
  is(node: number, op: OpName): boolean {
    return this.opCodes[node] === OP_CODE[op];
  }
  attr(node: number): Attr {
    return this.attrs[node] ?? NO_ATTR;
  }
  shape(node: number): Shape {
    return this.shapes[node]!;
  }
  inputCount(node: number): number {
    return this.inputStart[node + 1]! - this.inputStart[node]!;
  }
  input(node: number, i: number): number {
    return this.inputList[this.inputStart[node]! + i]!;
  }
  inputs(node: number): Int32Array {
    return this.inputList.subarray(this.inputStart[node], this.inputStart[node + 1]);
  }

  /** Appends a node at the current level. */
  push(op: OpName, inputs: ArrayLike<number>, attr: Attr, shape: Shape, source?: Node): number {
    const node = this.count++;
    if (node + 1 >= this.opCodes.length) this.growNodes();
    let at = this.inputStart[node]!;
    if (at + inputs.length > this.inputList.length) this.growInputs(inputs.length);
    this.opCodes[node] = OP_CODE[op];
    this.levels[node] = this.level;
    for (let i = 0; i < inputs.length; i++) this.inputList[at++] = inputs[i]!;
    this.inputStart[node + 1] = at;
    this.shapes.push(shape);
    this.attrs.push(attr === NO_ATTR ? undefined : attr);
    if (attr.levels && op === 'stack') this.leveled = true;
    this.sources.push(source);
    this.axisLevels.push(this.leveled ? propagate(this, node) : undefined);
    return node;
  }

  /** States the levels of a node's axes; from then on they are followed through every new node. */
  setLevels(node: number, levels: AxisLevels | undefined): void {
    this.axisLevels[node] = levels;
    if (levels) this.leveled = true;
  }
  private leveled = false;

  op(name: OpName, inputs: readonly number[], attr: Attr = NO_ATTR): number {
    return this.push(name, inputs, attr, this.resultShape(name, inputs, attr));
  }

  constant(value: number): number {
    const key = Object.is(value, -0) ? '-0' : value;
    let node = this.constants.get(key);
    if (node === undefined) {
      const level = this.level;
      this.level = 0;
      node = this.push('constant', [], { exponent: value }, SCALAR);
      this.level = level;
      this.constants.set(key, node);
    }
    return node;
  }
  /** The number of a constant node. */
  constantValue(node: number): number {
    return this.attr(node).exponent!;
  }

  isInteger(node: number): boolean {
    return isInteger(this.opOf(node));
  }

  /** A name for errors: the graph node's own, or the operator and shape. */
  label(node: number): string {
    return this.sources[node]?.label ?? `a ${this.opOf(node)} of shape [${this.shape(node).join(', ')}]`; // prettier-ignore
  }

  private resultShape(name: OpName, inputs: readonly number[], attr: Attr): Shape {
    // Nearly all nodes of a scalar program: skip the rule and its arrays.
    if (inputs.length && attr === NO_ATTR && inputs.every((i) => this.shapes[i] === SCALAR)) {
      return SCALAR;
    }
    const shape = OPS[name].shape(inputs.map((i) => this.shapes[i]!), attr); // prettier-ignore
    return shape.length ? shape : SCALAR;
  }

  private growNodes(): void {
    const size = this.opCodes.length * 2;
    this.opCodes = grown(this.opCodes, new Uint8Array(size));
    this.levels = grown(this.levels, new Int32Array(size));
    this.inputStart = grown(this.inputStart, new Int32Array(size + 1));
  }
  private growInputs(more: number): void {
    this.inputList = grown(this.inputList, new Int32Array(this.inputList.length * 2 + more));
  }
}

function grown<A extends Uint8Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
