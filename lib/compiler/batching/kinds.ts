/**
 * Numbers the kinds of nodes. Nodes of one kind could be one batch: only their stackable operands differ, and
 * a gradient reaches all of them or none. A gradient of 0 in its place would be NaN behind an infinite slope.
 */
import { OP_NAMES, OPS, type Batching } from '../../graph/ops.js';
import type { Shape } from '../../core/shape.js';
import type { AxisPositions } from '../ir/axes.js';
import type { Ir } from '../ir/ir.js';

/** How batching treats each operator, by its number. */
const BATCHING = OP_NAMES.map((op) => OPS[op].batching);

export function batchingOf(ir: Ir, node: number): Batching {
  return BATCHING[ir.codeOf(node)]!;
}

/** Which nodes a pass treats as alike. */
export interface Likeness {
  /** Whether nodes that read different columns of one array, such as heads of attention, are alike. */
  columns: boolean;
  /** Whether only nodes of one position are alike: a sequence computes one position at a time. */
  samePosition: boolean;
}

/** The entries of `Kinds.of` for nodes that are not scheduled. */
export const VIEW = -1;
export const ABSENT = -2;

/** Gives equal pairs of integers equal numbers, and so equal trees of pairs. */
class Pairs {
  private readonly numbers = new Map<number, number>();
  constructor(private next: number) {}

  of(a: number, b: number): number {
    const key = a * 0x40000000 + b;
    let number = this.numbers.get(key);
    if (number === undefined) this.numbers.set(key, (number = this.next++));
    return number;
  }
}

/** The numbers that trees start from, one for each purpose. */
const SHAPE = 0;
const COLUMNS = 1;
const OP = 2;
const LIST = 3;
const POSITIONS = 4;
const ROOTS = 5;
const NO_POSITIONS: readonly number[] = [];

export class Kinds {
  /** Each node's kind, `VIEW` or `ABSENT` (a leaf, or not needed). */
  readonly of: Int32Array;
  count = 0;
  /** A number for each node's shape; equal for equal shapes. */
  readonly shapes: Int32Array;

  private readonly pairs = new Pairs(ROOTS);
  private readonly reals = new Map<number, number>();
  private readonly lists = new Map<readonly number[], number>();
  private lastShape: Shape | undefined;
  private lastId = SHAPE;
  /** A number for the columns that a node picks, through any chain of views. */
  private readonly columns: Int32Array;

  constructor(
    private readonly ir: Ir,
    uses: Int32Array,
    /** By node: whether a gradient reaches it. */
    private readonly reached: Uint8Array,
    private readonly likeness: Likeness,
  ) {
    const n = ir.count;
    this.of = new Int32Array(n).fill(ABSENT);
    this.shapes = new Int32Array(n);
    this.columns = new Int32Array(n).fill(COLUMNS);
    const dense = new Map<number, number>();
    for (let node = 0; node < n; node++) {
      if (!uses[node]) continue;
      this.shapes[node] = this.shapeOf(node);
      const batching = batchingOf(ir, node);
      if (batching === 'leaf') continue;
      if (batching === 'view') {
        this.of[node] = VIEW;
        if (!likeness.columns) this.followColumns(node);
      } else if (batching === 'single') {
        this.of[node] = this.count++;
      } else {
        const key = this.key(node);
        let kind = dense.get(key);
        if (kind === undefined) dense.set(key, (kind = this.count++));
        this.of[node] = kind;
      }
    }
  }

  private shapeOf(node: number): number {
    const shape = this.ir.shape(node);
    // Neighbours often share a shape.
    if (shape === this.lastShape) return this.lastId;
    let id = SHAPE;
    for (const n of shape) id = this.pairs.of(id, n);
    this.lastShape = shape;
    this.lastId = id;
    return id;
  }

  private list(key: number, list: readonly number[]): number {
    // Many nodes share one list of positions.
    let number = this.lists.get(list);
    if (number === undefined) {
      number = this.pairs.of(LIST, list.length);
      for (const x of list) number = this.pairs.of(number, this.real(x));
      this.lists.set(list, number);
    }
    return this.pairs.of(key, number);
  }

  private real(x: number): number {
    let number = this.reals.get(x);
    if (number === undefined) this.reals.set(x, (number = this.reals.size));
    return number;
  }

  private key(node: number): number {
    const { ir, pairs } = this;
    let key = pairs.of(OP, 2 * ir.codeOf(node) + this.reached[node]!);
    if (this.likeness.samePosition) key = pairs.of(key, ir.positions[node]!);
    const { start, list } = ir.edges;
    const end = start[node + 1]!;
    for (let e = start[node]!; e < end; e++) {
      const input = list[e]!;
      // Even numbers stand for leaves, which a batch has in common, odd ones for operands to stack.
      if (batchingOf(ir, input) === 'leaf') {
        key = pairs.of(key, 2 * input);
        continue;
      }
      key = pairs.of(key, 2 * this.stackable(input) + 1);
    }
    const { exponent, axes, lengths, batch } = ir.attr(node);
    const positions = ir.axisPositions[node];
    const given =
      (exponent === undefined ? 0 : 1) +
      (axes ? 2 : 0) +
      (lengths ? 4 : 0) +
      (batch ? 8 : 0) +
      (positions ? 16 : 0);
    if (given === 0) return key;
    key = pairs.of(key, given);
    if (exponent !== undefined) key = pairs.of(key, this.real(exponent));
    if (axes) key = this.list(key, axes);
    // Positions may have different lengths, which grow from one to the next; heads must have equal ones.
    if (lengths && this.likeness.columns) key = this.list(key, [lengths.first, lengths.step]);
    return positions ? this.positions(key, positions) : key;
  }

  private positions(key: number, positions: AxisPositions): number {
    for (const axis of positions) key = this.list(key, axis ?? NO_POSITIONS);
    return key;
  }

  /**
   * A number for what the operands of a batch have in common. A stack has one list of positions for each
   * axis of its members, also for an axis that the operator contracts or drops, so that its result has none.
   */
  private stackable(operand: number): number {
    const { pairs } = this;
    const shape = this.shapes[operand]!;
    const columns = this.columns[operand]!;
    const number = columns === COLUMNS ? shape : pairs.of(shape, columns);
    const positions = this.ir.axisPositions[operand];
    return positions ? this.positions(pairs.of(POSITIONS, number), positions) : number;
  }

  private followColumns(node: number): void {
    const { ir, columns } = this;
    if (ir.inputCount(node) !== 1) return;
    const input = ir.input(node, 0);
    let own = columns[input]!;
    if (ir.is(node, 'slice')) {
      const { axis, start } = ir.attr(node);
      const shape = ir.shape(node);
      const from = ir.shape(input);
      const last = shape.length - 1;
      // The only axis of a leaf counts as its rows, not its columns.
      if (axis === last && shape[last]! < from[last]! && (last > 0 || batchingOf(ir, input) !== 'leaf'))
        own = this.pairs.of(own, start!);
    }
    columns[node] = own;
  }
}
