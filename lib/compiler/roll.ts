/**
 * Batches what a listing writes out one position at a time: nodes of one kind that do not depend on
 * each other become one node over stacked operands, whose rows lie side by side anyway.
 *
 * The order is found with an agenda, as in DyNet (Neubig, Goldberg and Dyer, 2017): of the kinds of
 * nodes whose operands are ready, one goes next, all its ready nodes at once. Kinds all of whose
 * nodes are ready come first, then sequential chains; what hangs off a chain is batched when the
 * chain is done.
 *
 * A batch's rows are sorted by level: a run of length n needs a prefix of them (`Ir.axisLevels`).
 */
import { type Attr, type OpName } from '../ops.js';
import { sameShape, type Shape } from '../shape.js';
import { Ir, type AxisLevels } from './ir.js';
import { termCount } from './trace.js';

export interface Rolled {
  ir: Ir;
  /** New numbers of the old graph's leaves and roots; -1: not needed. */
  numbers: Int32Array;
}

/** Never scheduled: resolved where they are used, mostly to views. */
const TRANSPARENT: ReadonlySet<OpName> = new Set<OpName>([
  'reshape', 'transpose', 'slice', 'broadcastTo', 'detach', 'stack', 'concat', 'element', 'elements',
]); // prettier-ignore
const LEAVES: ReadonlySet<OpName> = new Set<OpName>(['parameter', 'input', 'constant', 'inverseCount', 'index']); // prettier-ignore
/** Operators that exist for stacked operands too. */
const BATCHED: ReadonlySet<OpName> = new Set<OpName>([
  'neg', 'exp', 'log', 'relu', 'pow', 'add', 'sub', 'mul', 'div', 'maximum', 'maskPositive',
  'sum', 'softmax', 'matmul', 'gather',
]); // prettier-ignore

/** Nodes that could be one batch, if all were ready at once. */
class Kind {
  ready: number[] = [];
  /** Some of its nodes wait for others of them: waiting for all to be ready would wait forever. */
  chained = false;
  private left = 0;
  private depth = 0;
  private count = 0;

  constructor(readonly number: number) {}

  add(depth: number): void {
    this.left++;
    this.count++;
    this.depth += depth;
  }

  take(): number[] {
    const taken = this.ready;
    this.left -= taken.length;
    this.ready = [];
    return taken;
  }

  /** Complete kinds first, then chains, then what could still grow; the shallower on average first. */
  goesBefore(other: Kind): boolean {
    const own = this.urgency;
    const its = other.urgency;
    return own === its ? this.depth * other.count < other.depth * this.count : own < its;
  }
  private get urgency(): number {
    return this.ready.length === this.left ? 0 : this.chained ? 1 : 2;
  }
}

/**
 * One pass. The first batches positions and keeps apart what differs in the columns it reads, such
 * as heads; with `again`, a pass over the first one's result batches those too, where that needs no
 * copy.
 */
export function roll(old: Ir, roots: readonly number[], again = false): Rolled {
  return new Roller(old, roots, again).run();
}

class Roller {
  private readonly ir = new Ir();
  private readonly numbers: Int32Array;
  private readonly live: Uint8Array;
  /** The batch a node went into and its row there. */
  private readonly batch: Int32Array;
  private readonly row: Int32Array;
  private readonly dependencies = new Map<number, readonly number[]>();

  constructor(
    private readonly old: Ir,
    private readonly roots: readonly number[],
    private readonly again: boolean,
  ) {
    const n = old.count;
    this.numbers = new Int32Array(n).fill(-1);
    this.batch = new Int32Array(n).fill(-1);
    this.row = new Int32Array(n);
    this.live = new Uint8Array(n);
    for (const root of roots) this.live[root] = 1;
    for (let node = n - 1; node >= 0; node--) {
      if (this.live[node]) for (const input of old.inputs(node)) this.live[input] = 1;
    }
  }

  run(): Rolled {
    const { old, ir } = this;
    ir.maxLevel = old.maxLevel;
    for (let node = 0; node < old.count; node++) {
      if (this.live[node] && LEAVES.has(old.opOf(node))) this.leaf(node);
    }
    this.schedule();
    for (const root of this.roots) this.value(root);
    ir.forwardEnd = ir.count;
    ir.level = 0;
    return { ir, numbers: this.numbers };
  }

  private leaf(node: number): void {
    const { old, ir } = this;
    if (old.is(node, 'constant')) {
      this.numbers[node] = ir.constant(old.constantValue(node));
      return;
    }
    ir.level = old.levels[node]!;
    const inputs = Array.from(old.inputs(node), (input) => this.numbers[input]!);
    this.numbers[node] = ir.push(old.opOf(node), inputs, old.attr(node), old.shape(node), old.sources[node]); // prettier-ignore
  }

  // --- the agenda ---

  private schedule(): void {
    const { old } = this;
    const pending = new Int32Array(old.count);
    const users: number[][] = [];
    const kinds = new Map<string, Kind>();
    const kindOf: Kind[] = [];
    const depth = new Int32Array(old.count);
    for (let node = 0; node < old.count; node++) {
      if (!this.live[node] || this.isPlain(node)) continue;
      const needs = this.needs(node);
      for (const need of needs) {
        depth[node] = Math.max(depth[node]!, depth[need]! + 1);
        (users[need] ??= []).push(node);
      }
      pending[node] = needs.length;
      const key = this.kind(node);
      let kind = kinds.get(key);
      if (!kind) kinds.set(key, (kind = new Kind(kinds.size)));
      kind.add(depth[node]!);
      kindOf[node] = kind;
      if (!needs.length) kind.ready.push(node);
    }
    this.findChains(kindOf, kinds.size);

    const agenda = new Set([...kinds.values()].filter((kind) => kind.ready.length));
    while (agenda.size) {
      let next: Kind | undefined;
      for (const kind of agenda) if (!next || kind.goesBefore(next)) next = kind;
      agenda.delete(next!);
      const members = next!.take();
      this.emit(members);
      for (const member of members) {
        for (const user of users[member] ?? []) {
          if (--pending[user]! === 0) {
            kindOf[user]!.ready.push(user);
            agenda.add(kindOf[user]!);
          }
        }
      }
    }
  }

  /** Marks the kinds of which one node depends on another. */
  private findChains(kindOf: readonly (Kind | undefined)[], kinds: number): void {
    const words = (kinds + 31) >>> 5;
    const above = new Int32Array(this.old.count * words);
    for (let node = 0; node < this.old.count; node++) {
      const kind = kindOf[node];
      if (!kind) continue;
      for (const need of this.needs(node)) {
        for (let w = 0; w < words; w++) above[node * words + w]! |= above[need * words + w]!;
        const own = kindOf[need]!.number;
        above[node * words + (own >>> 5)]! |= 1 << (own & 31);
      }
      if ((above[node * words + (kind.number >>> 5)]! >>> (kind.number & 31)) & 1) kind.chained = true; // prettier-ignore
    }
  }

  private isPlain(node: number): boolean {
    const op = this.old.opOf(node);
    return TRANSPARENT.has(op) || LEAVES.has(op);
  }

  /** The scheduled nodes that a node waits for, through transparent ones. */
  private needs(node: number): readonly number[] {
    const known = this.dependencies.get(node);
    if (known) return known;
    const found = new Set<number>();
    for (const input of this.old.inputs(node)) {
      if (LEAVES.has(this.old.opOf(input))) continue;
      if (this.isPlain(input)) for (const need of this.needs(input)) found.add(need);
      else found.add(input);
    }
    const list = [...found];
    this.dependencies.set(node, list);
    return list;
  }

  /** What two nodes must have in common to be batched: all but the operands that can be stacked. */
  private kind(node: number): string {
    const { old } = this;
    const op = old.opOf(node);
    if (!BATCHED.has(op)) return `${op}:${node}`;
    const { exponent, axes, lengths, batch } = old.attr(node);
    const levels = old.axisLevels[node]?.map((axis) => axis?.join()).join(';') ?? '';
    let key = `${op}|${exponent ?? ''}|${axes?.join() ?? ''}|${batch ? 'batch' : ''}|${levels}`;
    if (lengths && this.again) key += `${lengths.first}+${lengths.step}`;
    for (const input of old.inputs(node)) {
      if (LEAVES.has(old.opOf(input))) key += `#${input}`;
      else key += `|${old.shape(input).join()}${this.again ? '' : this.columns(input)}`;
    }
    return key;
  }

  /** The columns that a view picks from what it views. */
  private columns(node: number): string {
    const { old } = this;
    let path = '';
    while (TRANSPARENT.has(old.opOf(node)) && old.inputCount(node) === 1) {
      const { axis, start, stop } = old.attr(node);
      if (old.is(node, 'slice') && axis === old.shape(node).length - 1 && stop! - start! < old.shape(old.input(node, 0))[axis]! && (axis !== 0 || old.inputs(node).every((x) => !LEAVES.has(old.opOf(x))))) path += `:${start}`; // prettier-ignore
      node = old.input(node, 0);
    }
    return path;
  }

  // --- batches ---

  /** Emits the ready nodes of a kind, those apart whose operands lie in different batches. */
  private emit(members: readonly number[]): void {
    const groups = new Map<string, number[]>();
    for (const member of members) {
      const key = Array.from(this.old.inputs(member), (input) => this.batchOf(input)).join();
      const group = groups.get(key);
      if (group) group.push(member);
      else groups.set(key, [member]);
    }
    for (const group of groups.values()) this.emitGroup(group);
  }

  /** The batch that a node is, or is a view of, a part of; -1: none. */
  private batchOf(node: number): number {
    const { old } = this;
    while (TRANSPARENT.has(old.opOf(node)) && old.inputCount(node) === 1) node = old.input(node, 0);
    return this.batch[node]!;
  }

  private emitGroup(members: number[]): void {
    const { old, ir } = this;
    members.sort((a, b) => old.levels[a]! - old.levels[b]! || a - b);
    const [first] = members as [number];
    if (members.length > 1) {
      ir.level = old.levels[first]!;
      const batch = this.batched(old.opOf(first), members);
      if (batch >= 0) {
        this.setRows(batch, this.levelsOf(members), old.axisLevels[first]);
        members.forEach((member, i) => {
          this.batch[member] = batch;
          this.row[member] = i;
        });
        return;
      }
    }
    for (const member of members) this.single(member);
  }

  private single(node: number): void {
    const { old, ir } = this;
    if (old.is(node, 'total') && this.totalOfBatch(node)) return;
    const inputs = Array.from(old.inputs(node), (input) => this.value(input));
    ir.level = old.levels[node]!;
    this.numbers[node] = this.sameLevels(ir.push(old.opOf(node), inputs, old.attr(node), old.shape(node), old.sources[node]), node); // prettier-ignore
  }

  /** Keeps what an earlier pass said of a node's axes. */
  private sameLevels(made: number, node: number): number {
    const levels = this.old.axisLevels[node];
    if (levels) this.ir.setLevels(made, levels);
    return made;
  }

  /** The sum of the first n of a whole batch is the sum over its rows. */
  private totalOfBatch(total: number): boolean {
    const { old, ir } = this;
    const n = termCount(old, total);
    const terms = Array.from({ length: n }, (_, i) => old.input(total, i));
    const run = this.runOf(terms);
    if (!run || run.start !== 0 || run.length !== ir.shape(run.batch)[0]) return false;
    const levels = ir.axisLevels[run.batch]?.[0];
    const expected = old.attr(total).prefix;
    if (expected ? !levels?.every((level, i) => level === i) : levels) return false;
    ir.level = old.levels[total]!;
    this.numbers[total] = ir.op('sum', [run.batch], { axes: [0] });
    return true;
  }

  /** One node for all members, or -1 where their operands cannot be stacked. */
  private batched(op: OpName, members: readonly number[]): number {
    const { old, ir } = this;
    const [first] = members as [number];
    const attr = old.attr(first);
    const arity = old.inputCount(first);
    const operands = Array.from({ length: arity }, (_, i) => members.map((m) => old.input(m, i)));
    const level = old.levels[first]!;
    const rowLevels = this.levelsOf(members);
    const add = (name: OpName, inputs: number[], a?: Attr): number => {
      ir.level = level;
      const node = a ? ir.op(name, inputs, a) : ir.op(name, inputs);
      ir.sources[node] ??= old.sources[first];
      return node;
    };
    const lengths = attr.lengths && !this.again ? this.lengthsOf(members) : undefined;
    if (attr.lengths && !this.again && !lengths) return -1;
    if (this.again && !this.isFree(operands)) return -1;
    if (op === 'gather') {
      const index = this.indices(operands[1]!, rowLevels);
      if (index < 0) return -1;
      const shared = this.shared(operands[0]!);
      if (shared >= 0) return add('gather', [shared, index]);
      return add('gather', [this.stacked(operands[0]!, rowLevels), index], { batch: true });
    }
    if (op === 'matmul') return this.batchedMatmul(operands, rowLevels, add);
    if (op === 'sum') {
      const rank = old.shape(operands[0]![0]!).length;
      const axes = (attr.axes ?? Array.from({ length: rank }, (_, i) => i)).map((a) => (a < 0 ? a + rank : a) + 1); // prettier-ignore
      return add('sum', [this.stacked(operands[0]!, rowLevels)], { axes });
    }
    // Element-wise and softmax: equal ranks behind the new axis.
    const rank = Math.max(...operands.map((list) => old.shape(list[0]!).length));
    const inputs = operands.map((list) => {
      const shared = arity > 1 ? this.shared(list) : -1;
      if (shared >= 0) return shared;
      const stacked = this.stacked(list, rowLevels);
      const [m, ...rest] = ir.shape(stacked);
      const units = new Array<number>(rank - rest.length).fill(1);
      return units.length ? add('reshape', [stacked], { shape: [m!, ...units, ...rest] }) : stacked;
    });
    if (inputs.every((input, i) => this.shared(operands[i]!) === input)) return -1;
    if (attr.lengths) return add(op, inputs, { lengths: this.again ? attr.lengths : lengths! });
    return add(op, inputs, attr.exponent === undefined ? undefined : { exponent: attr.exponent });
  }

  /** Lengths that grow evenly from member to member. */
  private lengthsOf(members: readonly number[]): { first: number; step: number } | undefined {
    const all = members.map((member) => this.old.attr(member).lengths);
    const [one, two] = all;
    if (!one || !two || one.step !== 0) return undefined;
    const step = two.first - one.first;
    const even = all.every((l, i) => l?.step === 0 && l.first === one.first + i * step);
    return even && step >= 0 ? { first: one.first, step } : undefined;
  }

  /** Whether the operands can be stacked without a copy. */
  private isFree(operands: readonly (readonly number[])[]): boolean {
    return operands.every((list) => this.equalAll(list) || this.isView(list));
  }
  private equalAll(nodes: readonly number[]): boolean {
    return nodes.every((node) => this.equal(node, nodes[0]!));
  }
  private isView(nodes: readonly number[]): boolean {
    const { old } = this;
    if (this.runOf(nodes)) return true;
    const op = old.opOf(nodes[0]!);
    if (!nodes.every((node) => old.is(node, op))) return false;
    if (op === 'slice' && this.partsOf(nodes)) return true;
    const alike = nodes.every((node) => sameAttr(old.attr(node), old.attr(nodes[0]!)));
    if (!alike || !['slice', 'reshape', 'transpose'].includes(op)) return false;
    const inner = nodes.map((node) => old.input(node, 0));
    if (inner.some((node) => LEAVES.has(old.opOf(node)))) return false;
    return inner.every((node) => sameShape(old.shape(node), old.shape(inner[0]!))) && this.isView(inner); // prettier-ignore
  }

  private batchedMatmul(
    [left, right]: readonly (readonly number[])[],
    rowLevels: readonly number[] | undefined,
    add: (name: OpName, inputs: number[], attr?: Attr) => number,
  ): number {
    const { old, ir } = this;
    const rankLeft = old.shape(left![0]!).length;
    const rankRight = old.shape(right![0]!).length;
    const sharedRight = this.shared(right!);
    if (sharedRight >= 0 && rankLeft === 1 && rankRight === 2) {
      return add('matmul', [this.stacked(left!, rowLevels), sharedRight]);
    }
    const sharedLeft = this.shared(left!);
    if (sharedLeft >= 0 && rankLeft === 2 && rankRight === 1) {
      const transposed = add('transpose', [sharedLeft], { axes: [1, 0] });
      return add('matmul', [this.stacked(right!, rowLevels), transposed]);
    }
    if (sharedLeft >= 0 || sharedRight >= 0 || rankLeft > 2 || rankRight > 2) return -1;
    let a = this.stacked(left!, rowLevels);
    let b = this.stacked(right!, rowLevels);
    const [m, ...restA] = ir.shape(a);
    const [, ...restB] = ir.shape(b);
    if (rankLeft === 1) a = add('reshape', [a], { shape: [m!, 1, ...restA] });
    if (rankRight === 1) b = add('reshape', [b], { shape: [m!, ...restB, 1] });
    const product = add('matmul', [a, b]);
    const shape = [m!, ...(rankLeft === 1 ? [] : [restA[0]!]), ...(rankRight === 1 ? [] : [restB[1]!])]; // prettier-ignore
    return sameShape(shape, ir.shape(product)) ? product : add('reshape', [product], { shape });
  }

  private levelsOf(nodes: readonly number[]): readonly number[] | undefined {
    const levels = nodes.map((node) => this.old.levels[node]!);
    return levels.every((level) => level === levels[0]) ? undefined : levels;
  }

  // --- operands ---

  /** The one value that all nodes are, or -1. */
  private shared(nodes: readonly number[]): number {
    const first = nodes[0]!;
    return nodes.every((node) => this.equal(node, first)) ? this.value(first) : -1;
  }

  /** Whether two nodes are the same view of the same node. */
  private equal(a: number, b: number): boolean {
    const { old } = this;
    if (a === b) return true;
    const op = old.opOf(a);
    if (op !== old.opOf(b) || !TRANSPARENT.has(op) || old.inputCount(a) !== old.inputCount(b)) return false; // prettier-ignore
    if (!sameShape(old.shape(a), old.shape(b)) || !sameAttr(old.attr(a), old.attr(b))) return false;
    return old.inputs(a).every((input, i) => this.equal(input, old.input(b, i)));
  }

  /** A node's new number; a batched node is a row of its batch. */
  private value(node: number): number {
    const known = this.numbers[node]!;
    if (known >= 0) return known;
    const { old, ir } = this;
    const level = old.levels[node]!;
    let made: number;
    if (this.batch[node]! >= 0) {
      ir.level = level;
      const i = this.row[node]!;
      const row = ir.op('slice', [this.batch[node]!], { axis: 0, start: i, stop: i + 1 });
      made = ir.op('reshape', [row], { shape: old.shape(node) });
    } else if (old.is(node, 'stack')) {
      made = this.stack(Array.from(old.inputs(node)), old.attr(node).levels, level);
    } else if (old.is(node, 'concat')) {
      made = this.concat(node);
    } else {
      const inputs = Array.from(old.inputs(node), (input) => this.value(input));
      ir.level = level;
      made = this.sameLevels(ir.op(old.opOf(node), inputs, old.attr(node)), node);
    }
    this.numbers[node] = made;
    return made;
  }

  private concat(node: number): number {
    const { old, ir } = this;
    const parts = Array.from(old.inputs(node));
    const run = this.runOf(parts);
    const level = old.levels[node]!;
    if (run && old.attr(node).axis === 0) {
      ir.level = level;
      let batch = run.batch;
      if (run.length !== ir.shape(batch)[0]) {
        batch = ir.op('slice', [batch], {
          axis: 0,
          start: run.start,
          stop: run.start + run.length,
        });
      }
      return ir.op('reshape', [batch], { shape: old.shape(node) });
    }
    if (run && run.length === ir.shape(run.batch)[0]) {
      // Members side by side: their axis next to the one they are joined along.
      const axis = old.attr(node).axis!;
      const axes = ir.shape(run.batch).map((_, i) => i);
      axes.splice(axis, 0, ...axes.splice(0, 1));
      ir.level = level;
      const side = ir.op('transpose', [run.batch], { axes });
      return ir.op('reshape', [side], { shape: old.shape(node) });
    }
    const inputs = parts.map((part) => this.value(part));
    ir.level = level;
    return ir.op('concat', inputs, old.attr(node));
  }

  /** Consecutive rows of one batch. */
  private runOf(nodes: readonly number[]): { batch: number; start: number; length: number } | null {
    const batch = this.batch[nodes[0]!]!;
    if (batch < 0) return null;
    const start = this.row[nodes[0]!]!;
    const run = nodes.every(
      (node, i) => this.batch[node] === batch && this.row[node] === start + i,
    );
    return run ? { batch, start, length: nodes.length } : null;
  }

  private stacked(nodes: readonly number[], rowLevels: readonly number[] | undefined): number {
    return this.stack(nodes, rowLevels, this.old.levels[nodes[0]!]!, true);
  }

  /**
   * Nodes of one shape along a new first axis: rows of a batch, rows or equal slices of one array,
   * the same view of a stack, or a stack.
   */
  private stack(
    nodes: readonly number[],
    rowLevels: readonly number[] | undefined,
    levelHint: number,
    ownLevel = false,
  ): number {
    const { old, ir } = this;
    const level = ownLevel ? Math.min(levelHint, rowLevels?.[0] ?? levelHint) : levelHint;
    const first = nodes[0]!;
    const m = nodes.length;
    const shape = [m, ...old.shape(first)];
    const add = (name: OpName, inputs: number[], attr: Attr): number => {
      ir.level = level;
      return ir.op(name, inputs, attr);
    };
    const run = this.runOf(nodes);
    if (run) {
      const { batch, start } = run;
      if (start === 0 && m === ir.shape(batch)[0] && ownLevel) return batch;
      return add('slice', [batch], { axis: 0, start, stop: start + m });
    }
    const op = old.opOf(first);
    const same = nodes.every((node) => old.is(node, op) && sameShape(old.shape(node), old.shape(first))); // prettier-ignore
    if (same && op === 'reshape') {
      const rows = this.rowsOf(nodes);
      if (rows) {
        const node = add('slice', [this.value(rows.array)], { axis: 0, start: rows.start, stop: rows.start + m }); // prettier-ignore
        return rowLevels ? this.withLevels(node, rowLevels) : node;
      }
      const inner = this.innerStack(nodes, rowLevels, levelHint, ownLevel);
      if (inner >= 0) return add('reshape', [inner], { shape });
    }
    if (same && op === 'slice') {
      const parts = this.partsOf(nodes);
      if (parts) return this.split(parts, m, add);
      if (nodes.every((node) => sameAttr(old.attr(node), old.attr(first)))) {
        const inner = this.innerStack(nodes, rowLevels, levelHint, ownLevel);
        const { axis, start, stop } = old.attr(first);
        if (inner >= 0)
          return add('slice', [inner], { axis: axis! + 1, start: start!, stop: stop! });
      }
    }
    if (
      same &&
      op === 'transpose' &&
      nodes.every((node) => sameAttr(old.attr(node), old.attr(first)))
    ) {
      const inner = this.innerStack(nodes, rowLevels, levelHint, ownLevel);
      const axes = [0, ...old.attr(first).axes!.map((axis) => axis + 1)];
      if (inner >= 0) return add('transpose', [inner], { axes });
    }
    if (
      same &&
      op === 'concat' &&
      nodes.every((node) => sameAttr(old.attr(node), old.attr(first)))
    ) {
      const lists = Array.from(old.inputs(first), (_, i) =>
        nodes.map((node) => old.input(node, i)),
      );
      if (lists.every((list) => this.runOf(list))) {
        const parts = lists.map((list) => this.stack(list, rowLevels, levelHint, ownLevel));
        return add('concat', parts, { axis: old.attr(first).axis! + 1 });
      }
    }
    const inputs = nodes.map((node) => this.value(node));
    return add('stack', inputs, rowLevels ? { levels: rowLevels } : {});
  }

  /** The stack of what nodes view, where all view the same shape. */
  private innerStack(
    nodes: readonly number[],
    rowLevels: readonly number[] | undefined,
    level: number,
    ownLevel: boolean,
  ): number {
    const inner = nodes.map((node) => this.old.input(node, 0));
    const shape = this.old.shape(inner[0]!);
    if (!inner.every((node) => sameShape(this.old.shape(node), shape))) return -1;
    // A leaf would have to be copied into the stack whole.
    if (inner.some((node) => LEAVES.has(this.old.opOf(node)))) return -1;
    return this.stack(inner, rowLevels, level, ownLevel);
  }

  /** Consecutive rows of one array: reshape(slice(array, i, i + 1)). */
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
      } else if (old.input(row, 0) !== array || attr.start !== start + i) return null;
      if (!sameShape(old.shape(nodes[i]!), old.shape(array).slice(1))) return null;
    }
    return { array, start };
  }

  /** Adjacent slices of one width of one array. */
  private partsOf(
    nodes: readonly number[],
  ): { array: number; axis: number; start: number; width: number } | null {
    const { old } = this;
    const array = old.input(nodes[0]!, 0);
    const { axis, start, stop } = old.attr(nodes[0]!) as {
      axis: number;
      start: number;
      stop: number;
    };
    const width = stop - start;
    const adjacent = nodes.every((node, i) => {
      const attr = old.attr(node);
      return (
        this.equal(old.input(node, 0), array) &&
        attr.axis === axis &&
        attr.start === start + i * width &&
        attr.stop === start + (i + 1) * width
      );
    });
    return adjacent ? { array, axis, start, width } : null;
  }

  private split(
    { array, axis, start, width }: { array: number; axis: number; start: number; width: number },
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

  private withLevels(node: number, rowLevels: readonly number[]): number {
    this.setRows(node, rowLevels, this.ir.axisLevels[node]?.slice(1));
    return node;
  }

  /** A batch's rows count from its members' levels, which may be above those of their operands. */
  private setRows(node: number, rows: readonly number[] | undefined, rest?: AxisLevels): void {
    const levels = this.ir.shape(node).map((_, i) => (i === 0 ? rows : rest?.[i - 1]));
    this.ir.setLevels(node, levels.some((axis) => axis) ? levels : undefined);
  }

  /** Consecutive elements of one fed index vector, or -1. */
  private indices(nodes: readonly number[], rowLevels: readonly number[] | undefined): number {
    const { old, ir } = this;
    const first = nodes[0]!;
    if (!old.is(first, 'element')) return -1;
    const vector = old.input(first, 0);
    const start = old.attr(first).start!;
    const run = nodes.every((node, i) => old.is(node, 'element') && old.input(node, 0) === vector && old.attr(node).start === start + i); // prettier-ignore
    if (!run) return -1;
    ir.level = old.levels[first]!;
    const elements = ir.op('elements', [this.numbers[vector]!], {
      start,
      stop: start + nodes.length,
    });
    return rowLevels ? this.withLevels(elements, rowLevels) : elements;
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
