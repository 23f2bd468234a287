/**
 * The new graph's node for one node of the old graph, or for several stacked along a new first axis. Most
 * stacks need no copy: they are rows of a batch, or rows or equal slices of one array.
 */
import type { Attr, OpName } from '../../graph/ops.js';
import { sameShape, type Shape } from '../../core/shape.js';
import type { Ir } from '../ir/ir.js';
import { sameAxisPositions, settled, type AxisPositions } from '../ir/axes.js';
import { batchingOf, type Kinds } from './kinds.js';
import { MAX_VIEWS } from '../ir/views.js';

/** Consecutive rows of a batch. */
interface Run {
  batch: number;
  start: number;
  length: number;
}
/** Adjacent slices of an array, all of one width. */
interface Parts {
  array: number;
  axis: number;
  start: number;
  width: number;
}

export class Stacker {
  /** New numbers of the old nodes; -1: not made so far. */
  readonly numbers: Int32Array;
  /** The batch a node went into, or -1, and its row there. */
  private readonly batch: Int32Array;
  private readonly row: Int32Array;
  /** The node behind a chain of views with one operand each; itself where it is no view. */
  private readonly viewedNode: Int32Array;
  /** How many views lie one on the other, this node included. */
  private readonly depth: Int32Array;
  /** Equal numbers for equal views of the same node; made when they are first needed. */
  private identities: Int32Array | undefined;

  constructor(
    private readonly old: Ir,
    private readonly ir: Ir,
    private readonly kinds: Kinds,
  ) {
    this.numbers = new Int32Array(old.count).fill(-1);
    this.batch = new Int32Array(old.count).fill(-1);
    this.row = new Int32Array(old.count);
    this.viewedNode = new Int32Array(old.count);
    this.depth = new Int32Array(old.count);
    const { start, list } = old.edges;
    for (let node = 0; node < old.count; node++) {
      this.viewedNode[node] = node;
      if (batchingOf(old, node) !== 'view') continue;
      const first = start[node]!;
      const end = start[node + 1]!;
      let deepest = 0;
      for (let e = first; e < end; e++) deepest = Math.max(deepest, this.depth[list[e]!]!);
      this.depth[node] = deepest + 1;
      if (end - first === 1) this.viewedNode[node] = this.viewedNode[list[first]!]!;
    }
  }

  /** Records that members became the rows of a batch. */
  setBatch(batch: number, members: readonly number[]): void {
    for (let i = 0; i < members.length; i++) {
      this.batch[members[i]!] = batch;
      this.row[members[i]!] = i;
    }
  }

  /**
   * Sets the positions of a batch's rows to its members', which may be later than those of their operands.
   */
  setRows(node: number, rows: readonly number[] | undefined, rest?: AxisPositions): void {
    const positions = this.ir.shape(node).map((_, i) => (i === 0 ? rows : rest?.[i - 1]));
    this.ir.setAxisPositions(node, positions.some((axis) => axis) ? positions : undefined);
  }

  /** The batch that a node, or what it is a view of, belongs to; -1: none. */
  batchOf(node: number): number {
    return this.batch[this.viewedNode[node]!]!;
  }

  /** The positions of nodes, where they differ. */
  positionsOf(nodes: readonly number[]): readonly number[] | undefined {
    const { positions } = this.old;
    // They are sorted by position.
    if (positions[nodes[0]!] === positions[nodes[nodes.length - 1]!]) return undefined;
    return nodes.map((node) => positions[node]!);
  }

  // --- one node ---

  /** Copies a node, over the new numbers of its operands. */
  copy(node: number): number {
    const { old, ir } = this;
    const n = old.inputCount(node);
    for (let i = 0; i < n; i++) this.value(old.input(node, i));
    const made = ir.copy(old, node, this.numbers);
    // The positions of its axes as an earlier pass set them, or as they follow from its operands.
    const positions = old.axisPositions[node];
    if (positions) ir.setAxisPositions(made, positions);
    else ir.followAxisPositions(made);
    this.numbers[node] = made;
    return made;
  }

  /** A node's new number: it is made when first needed; a batched node is a row of its batch. */
  value(node: number): number {
    const known = this.numbers[node]!;
    if (known >= 0) return known;
    if (this.depth[node]! > MAX_VIEWS) this.makeBelow(node);
    const { old, ir } = this;
    const position = old.positions[node]!;
    let made: number;
    if (this.batch[node]! >= 0) {
      ir.position = position;
      const i = this.row[node]!;
      const row = ir.op('slice', [this.batch[node]!], { axis: 0, start: i, stop: i + 1 });
      made = ir.op('reshape', [row], { shape: old.shape(node) });
    } else if (old.is(node, 'stack')) {
      made = this.stack(old.inputs(node), old.attr(node).positions, position, false);
    } else if (old.is(node, 'concat')) {
      made = this.concat(node);
    } else {
      return this.copy(node);
    }
    this.numbers[node] = made;
    return made;
  }

  /**
   * Makes the views below a deep one in steps of MAX_VIEWS, the deepest first, so that recursion from a view
   * to its operands goes at most MAX_VIEWS deep.
   */
  private makeBelow(view: number): void {
    const { depth } = this;
    const { start, list } = this.old.edges;
    const bucket = (node: number): number => Math.floor(depth[node]! / MAX_VIEWS);
    const ends: number[] = [];
    const seen = new Set([view]);
    // The loop also visits what it adds.
    for (const node of seen) {
      for (let e = start[node]!; e < start[node + 1]!; e++) {
        const input = list[e]!;
        if (depth[input] === 0 || this.numbers[input]! >= 0 || seen.has(input)) continue;
        seen.add(input);
        if (bucket(input) < bucket(node)) ends.push(input);
      }
    }
    for (const node of ends.sort((a, b) => a - b)) this.value(node);
  }

  private concat(node: number): number {
    const { old, ir } = this;
    const run = this.runOf(old.inputs(node));
    const position = old.positions[node]!;
    const shape = old.shape(node);
    if (run && old.attr(node).axis === 0) {
      ir.position = position;
      return ir.op('reshape', [this.rows(run)], { shape });
    }
    if (run && run.length === ir.shape(run.batch)[0]) {
      // The batch's axis moves next to the one that members are joined along.
      const axes = ir.shape(run.batch).map((_, i) => i);
      axes.splice(old.attr(node).axis!, 0, axes.shift()!);
      ir.position = position;
      const side = ir.op('transpose', [run.batch], { axes });
      return ir.op('reshape', [side], { shape });
    }
    return this.copy(node);
  }

  // --- several nodes ---

  /** The value, where all nodes are the same one; else -1. */
  shared(nodes: readonly number[]): number {
    return this.equalAll(nodes) ? this.value(nodes[0]!) : -1;
  }

  /** Nodes stacked along a new first axis, from the position of the first on. */
  stacked(nodes: readonly number[], rowPositions: readonly number[] | undefined): number {
    const position = this.old.positions[nodes[0]!]!;
    return this.stack(nodes, rowPositions, Math.min(position, rowPositions?.[0] ?? position), true);
  }

  /** The index vector that nodes are consecutive elements of, as one node; else -1. */
  indices(nodes: readonly number[], rowPositions: readonly number[] | undefined): number {
    const { old, ir } = this;
    const first = nodes[0]!;
    if (!old.is(first, 'element')) return -1;
    const vector = old.input(first, 0);
    const start = old.attr(first).start!;
    for (let i = 1; i < nodes.length; i++) {
      const node = nodes[i]!;
      if (!old.is(node, 'element') || old.input(node, 0) !== vector || old.attr(node).start !== start + i)
        return -1;
    }
    ir.position = old.positions[first]!;
    const elements = ir.op('elements', [this.numbers[vector]!], { start, stop: start + nodes.length });
    return rowPositions ? this.withRowPositions(elements, rowPositions) : elements;
  }

  /** The batch, where nodes are all its rows in order; else -1. */
  wholeBatch(nodes: readonly number[]): number {
    const run = this.runOf(nodes);
    return run && run.length === this.ir.shape(run.batch)[0] ? run.batch : -1;
  }

  /** Whether stacking nodes needs no copy: they lie side by side already, or are the same. */
  areFree(nodes: readonly number[]): boolean {
    return this.equalAll(nodes) || this.isView(nodes);
  }

  private isView(nodes: readonly number[]): boolean {
    const { old } = this;
    let inner: readonly number[] | null = nodes;
    while (inner) {
      if (this.runOf(inner)) return true;
      const op = old.opOf(inner[0]!);
      if (op !== 'slice' && op !== 'reshape' && op !== 'transpose') return false;
      if (this.depth[inner[0]!]! > MAX_VIEWS || !this.all(inner, op)) return false;
      if (op === 'slice' && this.partsOf(inner)) return true;
      inner = this.sameAttrs(inner) ? this.viewed(inner) : null;
    }
    return false;
  }

  /**
   * Stacks nodes of one shape along a new first axis: as rows of a batch, as rows or equal slices of one
   * array, as a view of the stack of what they view, or else by copying. With `exact`, a whole batch may be
   * returned itself, instead of a slice of it.
   */
  private stack(
    nodes: readonly number[],
    rowPositions: readonly number[] | undefined,
    position: number,
    exact: boolean,
  ): number {
    const { old, ir } = this;
    const first = nodes[0]!;
    const m = nodes.length;
    const add = (name: OpName, inputs: number[], attr: Attr): number => {
      ir.position = position;
      return ir.op(name, inputs, attr);
    };
    const run = this.runOf(nodes);
    if (run) {
      const { batch, start } = run;
      if (exact && start === 0 && m === ir.shape(batch)[0]) return batch;
      return add('slice', [batch], { axis: 0, start, stop: start + m });
    }
    const op = old.opOf(first);
    const isView = batchingOf(old, first) === 'view' && this.depth[first]! <= MAX_VIEWS;
    if (isView && this.all(nodes, op)) {
      if (op === 'reshape') {
        const rows = this.rowsOf(nodes);
        if (rows) {
          const node = add('slice', [this.value(rows.array)], {
            axis: 0,
            start: rows.start,
            stop: rows.start + m,
          });
          return rowPositions ? this.withRowPositions(node, rowPositions) : node;
        }
        const inner = this.viewed(nodes);
        const shape = [m, ...old.shape(first)];
        if (inner) return add('reshape', [this.stack(inner, rowPositions, position, exact)], { shape });
      } else if (op === 'slice') {
        const parts = this.partsOf(nodes);
        if (parts) return this.split(parts, m, add);
        const inner = this.sameAttrs(nodes) ? this.viewed(nodes) : null;
        const { axis, start, stop } = old.attr(first);
        if (inner)
          return add('slice', [this.stack(inner, rowPositions, position, exact)], {
            axis: axis! + 1,
            start: start!,
            stop: stop!,
          });
      } else if (op === 'transpose') {
        const inner = this.sameAttrs(nodes) ? this.viewed(nodes) : null;
        const axes = [0, ...old.attr(first).axes!.map((axis) => axis + 1)];
        if (inner) return add('transpose', [this.stack(inner, rowPositions, position, exact)], { axes });
      } else if (op === 'concat' && this.sameAttrs(nodes)) {
        const lists = old.inputs(first).map((_, i) => nodes.map((node) => old.input(node, i)));
        if (lists.every((list) => this.runOf(list))) {
          const parts = lists.map((list) => this.stack(list, rowPositions, position, exact));
          return add('concat', parts, { axis: old.attr(first).axis! + 1 });
        }
      }
    }
    const inputs = nodes.map((node) => this.value(node));
    return add('stack', inputs, rowPositions ? { positions: rowPositions } : {});
  }

  /**
   * The operands of views, where all have one shape and one part of each axis for every run; null where
   * there is no stack of them, or it saves nothing.
   */
  private viewed(nodes: readonly number[]): number[] | null {
    const { old } = this;
    const { shapes } = this.kinds;
    const { axisPositions } = old;
    const inner = new Array<number>(nodes.length);
    for (let i = 0; i < nodes.length; i++) {
      const input = old.input(nodes[i]!, 0);
      inner[i] = input;
      if (shapes[input] !== shapes[inner[0]!]) return null;
      if (!sameAxisPositions(axisPositions[input], axisPositions[inner[0]!])) return null;
      // Stacking leaves would copy them whole.
      if (batchingOf(old, input) === 'leaf') return null;
    }
    return inner;
  }

  private all(nodes: readonly number[], op: OpName): boolean {
    for (const node of nodes) if (!this.old.is(node, op)) return false;
    return true;
  }

  private sameAttrs(nodes: readonly number[]): boolean {
    const { old } = this;
    const attr = old.attr(nodes[0]!);
    for (let i = 1; i < nodes.length; i++) if (!sameAttr(old.attr(nodes[i]!), attr)) return false;
    return true;
  }

  private equalAll(nodes: readonly number[]): boolean {
    const first = nodes[0]!;
    for (let i = 1; i < nodes.length; i++) if (!this.equal(nodes[i]!, first)) return false;
    return true;
  }

  /** Whether two nodes are the same view of the same node. */
  private equal(a: number, b: number): boolean {
    if (a === b) return true;
    const { old } = this;
    // Most pairs already differ in the first comparison.
    if (old.codeOf(a) !== old.codeOf(b) || batchingOf(old, a) !== 'view') return false;
    if (!sameAttr(old.attr(a), old.attr(b))) return false;
    const same = (this.identities ??= this.identify());
    return same[a] === same[b];
  }

  private identify(): Int32Array {
    const { old } = this;
    const { start, list } = old.edges;
    const same = new Int32Array(old.count);
    const known = new Map<string, number>();
    for (let node = 0; node < old.count; node++) {
      same[node] = node;
      if (batchingOf(old, node) !== 'view') continue;
      const { axis, start: from, stop, axes, shape } = old.attr(node);
      const inputs = list.subarray(start[node], start[node + 1]).map((input) => same[input]!);
      const key = [old.codeOf(node), this.kinds.shapes[node], axis, from, stop, axes, shape, inputs].join(
        ':',
      );
      const first = known.get(key);
      if (first === undefined) known.set(key, node);
      else same[node] = first;
    }
    return same;
  }

  private runOf(nodes: readonly number[]): Run | null {
    const batch = this.batch[nodes[0]!]!;
    if (batch < 0) return null;
    const start = this.row[nodes[0]!]!;
    for (let i = 1; i < nodes.length; i++) {
      if (this.batch[nodes[i]!] !== batch || this.row[nodes[i]!] !== start + i) return null;
    }
    return { batch, start, length: nodes.length };
  }

  private rows({ batch, start, length }: Run): number {
    if (length === this.ir.shape(batch)[0]) return batch;
    return this.ir.op('slice', [batch], { axis: 0, start, stop: start + length });
  }

  /**
   * The array that nodes are consecutive rows of, each reshape(slice(array, i, i + 1)), and the first row.
   */
  private rowsOf(nodes: readonly number[]): { array: number; start: number } | null {
    const { old } = this;
    let array = -1;
    let start = 0;
    for (let i = 0; i < nodes.length; i++) {
      const row = old.input(nodes[i]!, 0);
      if (!old.is(row, 'slice')) return null;
      const attr = old.attr(row);
      if (attr.axis !== 0 || attr.stop! - attr.start! !== 1) return null;
      if (i === 0) {
        array = old.input(row, 0);
        start = attr.start!;
        if (!sameShape(old.shape(nodes[i]!), old.shape(array).slice(1))) return null;
      } else if (old.input(row, 0) !== array || attr.start !== start + i) return null;
    }
    return { array, start };
  }

  private partsOf(nodes: readonly number[]): Parts | null {
    const { old } = this;
    const array = old.input(nodes[0]!, 0);
    const { axis, start, stop } = old.attr(nodes[0]!) as { axis: number; start: number; stop: number };
    const width = stop - start;
    for (let i = 1; i < nodes.length; i++) {
      const attr = old.attr(nodes[i]!);
      if (attr.axis !== axis || attr.start !== start + i * width || attr.stop !== attr.start + width)
        return null;
      if (!this.equal(old.input(nodes[i]!, 0), array)) return null;
    }
    return { array, axis, start, width };
  }

  private split(
    { array, axis, start, width }: Parts,
    m: number,
    add: (name: OpName, inputs: number[], attr: Attr) => number,
  ): number {
    let node = this.value(array);
    let shape = this.ir.shape(node);
    if (start !== 0 || m * width !== shape[axis]) {
      node = add('slice', [node], { axis, start, stop: start + m * width });
      shape = this.ir.shape(node);
    }
    const parts: Shape = [...shape.slice(0, axis), m, width, ...shape.slice(axis + 1)];
    node = add('reshape', [node], { shape: parts });
    if (axis === 0) return node;
    const axes = [axis, ...parts.map((_, i) => i).filter((i) => i !== axis)];
    return add('transpose', [node], { axes });
  }

  private withRowPositions(node: number, rowPositions: readonly number[]): number {
    const { ir } = this;
    this.setRows(node, settled(rowPositions, ir.positions[node]!), ir.axisPositions[node]?.slice(1));
    return node;
  }
}

function sameAttr(a: Attr, b: Attr): boolean {
  return (
    a === b ||
    (a.axis === b.axis &&
      a.start === b.start &&
      a.stop === b.stop &&
      sameList(a.axes, b.axes) &&
      sameList(a.shape, b.shape))
  );
}

function sameList(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && sameShape(a, b));
}
