/**
 * From the user's graph to the compiler's: the nodes that roots depend on, in order of creation, each with
 * its position.
 */
import { clipped } from '../../core/escape.js';
import type { Node } from '../../graph/node.js';
import { isFixed, OP_CODE, OPS } from '../../graph/ops.js';
import { sameShape } from '../../core/shape.js';
import { Ir } from './ir.js';
import { occurrences } from './occurrences.js';
import { reachable } from '../../graph/reachable.js';

const ADD_N = OP_CODE.addN;
const CONSTANT = OP_CODE.constant;
const FROZEN = OP_CODE.frozen;

export interface Trace {
  ir: Ir;
  /** The user's nodes that were traced; each has its `number` in `ir`. */
  nodes: readonly Node[];
  /** The leaves among them: parameters, inputs, indices, lengths. */
  leaves: readonly Node[];
  /** The places in `nodes` of all but the plainest (see `pushPlain`), of which a large graph has few. */
  special: readonly number[];
  roots: number[];
  /** The index that holds the prefix length, where the graph has one. */
  count: Node | undefined;
  /** The longest prefix that every mean of a prefix has terms for; Infinity: there is no such mean. */
  shortest: number;
  /** Whether arithmetic with constant zeros vanished, and what only it needs with it. */
  dropped: boolean;
}

/**
 * Traces groups of roots. Several groups are a sequence: group i is needed from position i on. Within a
 * group, positions come from the graph's prefix means. With `simplify`, arithmetic with constant zeros is
 * dropped, and of equal stacks, such as one for each head of attention, only one is kept. With `trains`,
 * parameters that are not to be trained become nodes of their own operator, to which no gradient flows.
 */
export function trace(groups: readonly (readonly Node[])[], simplify: boolean, trains: boolean): Trace {
  const nodes = reachable(groups.flat());
  const ir = new Ir(3 * nodes.length);
  let count: Node | undefined;
  let shortest = Infinity;
  let inverseCount: Node | undefined;
  const zeros = new Set<number>();
  const leaves: Node[] = [];
  const special: number[] = [];
  const stacks = new Map<number, number[]>(); // by their last row
  let dropped = false;
  for (let i = 0; i < nodes.length; i++) {
    // Most nodes of a large graph are single numbers, which are copied faster; errors cannot name these.
    if (zeros.size === 0 && nodes[i]!.operation.isPlain) {
      i = ir.pushPlain(nodes, i);
      if (i === nodes.length) break;
    }
    const node = nodes[i]!;
    special.push(i);
    const { op, attr } = node;
    if (op === 'constant') {
      node.number = ir.constant(attr.value!);
      if (simplify && Object.is(attr.value, 0)) zeros.add(node.number);
      continue;
    }
    if (op === 'inverseCount') {
      // A program has one prefix length, which every mean divides by: a run writes one number.
      if (inverseCount && inverseCount.first === node.first) {
        node.number = inverseCount.number;
        continue;
      }
      inverseCount ??= node;
    }
    if ((!node.first && !isFixed(op)) || op === 'inverseCount') leaves.push(node);
    if (trains && node.extras?.isFrozen) {
      node.number = ir.pushTraced(node, FROZEN);
      continue;
    }
    if (zeros.size > 0) {
      const simpler = simplified(ir, node, zeros);
      if (simpler >= 0) {
        node.number = simpler;
        dropped = true;
        continue;
      }
    }
    if (simplify && op === 'stack') {
      const rows = node.inputs;
      const last = rows[rows.length - 1]!.number;
      const others = stacks.get(last);
      const same = others?.find((stack) => isStackOf(ir, stack, rows));
      if (same !== undefined) {
        node.number = same;
        continue;
      }
      if (others) others.push(ir.count);
      else stacks.set(last, [ir.count]);
    }
    node.number = ir.pushTraced(node);
    if (op === 'addN' && attr.prefix) {
      const n = node.inputCount;
      const length = node.inputs[n - 1]!;
      if (count && count !== length) {
        const advice =
          count.name === length.name
            ? `make it once, const n = index('${clipped(length.name!)}'), and give that to every meanOfFirst`
            : 'give every meanOfFirst the same index(name)';
        throw new Error(
          `prefix lengths ${count.label} and ${length.label}: a program can have one: ${advice}`,
        );
      }
      count = length;
      shortest = Math.min(shortest, n - 1);
      ir.maxLength = Math.max(ir.maxLength, n - 1);
    }
  }
  const roots = groups.map((group) => group.map((root) => root.number));
  ir.maxLength = Math.max(ir.maxLength, groups.length);
  ir.forwardEnd = ir.count;
  assignPositions(ir, roots);
  return { ir, nodes, leaves, special, roots: roots.flat(), count, shortest, dropped };
}

/**
 * Where the gradient of a root flows in a graph as it is written, whatever the compiler drops: what it
 * reaches, and the nodes that let none through to an operand.
 *
 * @param nodes what the root depends on, in order of creation
 */
export function gradientFlow(nodes: readonly Node[], root: Node): { reached: Set<Node>; stops: Set<Node> } {
  const reached = new Set([root]);
  const stops = new Set<Node>();
  // Operands come before their users.
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!;
    if (!reached.has(node) || node.op === 'parameter') continue;
    for (const [place, operand] of node.inputs.entries()) {
      const isInteger = operand.operation.isInteger; // the operator that found it is what stops the gradient
      if (isInteger || OPS[node.op].reaches(place, node.attr)) reached.add(operand);
      else stops.add(node);
    }
  }
  return { reached, stops };
}

function isStackOf(ir: Ir, stack: number, rows: readonly Node[]): boolean {
  if (ir.inputCount(stack) !== rows.length) return false;
  const { start, list } = ir.edges;
  const first = start[stack]!;
  for (let i = 0; i < rows.length; i++) if (list[first + i] !== rows[i]!.number) return false;
  return true;
}

/** Whether a user's node was traced: its `number` may be of another trace. */
export function isTraced({ nodes }: Trace, node: Node): boolean {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (nodes[middle]!.id < node.id) low = middle + 1;
    else high = middle;
  }
  return nodes[low] === node;
}

function assignPositions(ir: Ir, groups: readonly (readonly number[])[]): void {
  const never = 0x7fffffff;
  const { ops, start, list, positions } = ir.arrays;
  positions.fill(never, 0, ir.count);
  groups.forEach((group, i) => {
    for (const root of group) positions[root] = Math.min(positions[root]!, i);
  });
  for (let node = ir.count - 1; node >= 0; node--) {
    const position = positions[node]!;
    const first = start[node]!;
    const end = start[node + 1]!;
    const prefixEnd = ops[node] === ADD_N && ir.attr(node).prefix === true ? end - 1 : 0;
    for (let e = first; e < end; e++) {
      const needed = e < prefixEnd ? Math.max(position, e - first) : position;
      if (needed < positions[list[e]!]!) positions[list[e]!] = needed;
    }
  }
  // Nodes that simplification cut off are never needed; constants are there from the start.
  for (const node of occurrences(positions, never, ir.count)) positions[node] = ir.maxLength;
  for (const node of occurrences(ops, CONSTANT, ir.count)) positions[node] = 0;
}

/**
 * The first position that needs each node in a graph as it is written, whatever was dropped: by its place
 * among the nodes.
 */
export function writtenPositions(nodes: readonly Node[], groups: readonly (readonly Node[])[]): Int32Array {
  // While this runs, a node's number is its place here.
  const numbers = Int32Array.from(nodes, (node) => node.number);
  for (let i = 0; i < nodes.length; i++) nodes[i]!.number = i;
  const positions = new Int32Array(nodes.length).fill(0x7fffffff);
  const need = (node: Node, position: number): void => {
    if (position < positions[node.number]!) positions[node.number] = position;
  };
  groups.forEach((group, i) => {
    for (const root of group) need(root, i);
  });
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!;
    const position = positions[i]!;
    if (node.inputCount <= 2) {
      // The only term of a mean counts from position 0.
      if (node.first) need(node.first, position);
      if (node.second) need(node.second, position);
      continue;
    }
    const prefix = node.op === 'addN' && node.attr.prefix ? node.inputCount - 1 : 0;
    node.inputs.forEach((input, at) => need(input, at < prefix ? Math.max(position, at) : position));
  }
  for (let i = 0; i < nodes.length; i++) nodes[i]!.number = numbers[i]!;
  return positions;
}

/** The node that stands for one with a constant zero among its operands, or -1. New zeros join `zeros`. */
function simplified(ir: Ir, node: Node, zeros: Set<number>): number {
  const isZero = (operand: Node | undefined): boolean => operand !== undefined && zeros.has(operand.number);
  const { first: a, second: b } = node;
  const [isZeroA, isZeroB] = [isZero(a), isZero(b)];
  if (!isZeroA && !isZeroB) return -1;
  if (node.op === 'add' || node.op === 'sub') {
    if (isZeroB && sameShape(ir.shape(a!.number), node.shape)) return a!.number;
    if (node.op === 'add' && isZeroA && sameShape(ir.shape(b!.number), node.shape)) return b!.number;
    return -1;
  }
  const rule = OPS[node.op].zero;
  if (rule === 'never' || (rule === 'first' && !isZeroA)) return -1;
  const zero = node.shape.length
    ? ir.op('broadcastTo', [ir.constant(0)], { shape: node.shape })
    : ir.constant(0);
  zeros.add(zero);
  return zero;
}

/**
 * The position from which term i of an `addN` counts. The term's node can have an earlier one, where another
 * node, or an earlier term, needs it too.
 */
export function termPosition(ir: Ir, addN: number, i: number): number {
  const attr = ir.attr(addN);
  if (attr.positions) return attr.positions[i]!;
  return attr.prefix ? Math.max(ir.positions[addN]!, i) : ir.positions[addN]!;
}

/** How many of an `addN`'s operands are terms. */
export function termCount(ir: Ir, addN: number): number {
  return ir.inputCount(addN) - (ir.attr(addN).prefix ? 1 : 0);
}
