/**
 * The order in which batches are made, by an agenda, as in DyNet (Neubig, Goldberg and Dyer, 2017): one of
 * the kinds that have nodes with all operands ready goes next, all its ready nodes at once. Kinds all of
 * whose nodes are ready come first, then sequential chains; what reads the nodes of a chain is batched when
 * the chain is done.
 */
import type { Ir } from '../ir/ir.js';
import { readersOf } from '../ir/readers.js';
import { ABSENT, VIEW, type Kinds } from './kinds.js';

/** Nodes that would be one batch if all were ready at once. */
class Kind {
  ready: number[] = [];
  waiting = false;
  /** When it began to wait: higher is later. */
  since = 0;
  /** Some of its nodes depend on others of it, so that they are never all ready at once. */
  chained = false;
  count = 0;
  private left = 0;
  private depth = 0;
  private least = Infinity;
  private most = 0;

  add(depth: number): void {
    this.left++;
    this.count++;
    this.depth += depth;
    this.least = Math.min(this.least, depth);
    this.most = Math.max(this.most, depth);
  }

  /** Whether one of its nodes could depend on another: only if one is deeper. */
  get couldChain(): boolean {
    return this.least < this.most;
  }

  take(): number[] {
    const taken = this.ready;
    this.left -= taken.length;
    this.ready = [];
    return taken;
  }

  /** 0: all its nodes are ready; 1: a chain; 2: it could still grow. The lowest goes first. */
  get urgency(): number {
    return this.ready.length === this.left ? 0 : this.chained ? 1 : 2;
  }
  /** Below zero where its nodes are shallower on average than the other's. */
  compareDepth(other: Kind): number {
    return this.depth * other.count - other.depth * this.count;
  }
}

/** A waiting kind, as it was when it entered the agenda. */
interface Entry {
  kind: Kind;
  urgency: number;
  since: number;
}

/**
 * The waiting kinds, as a heap ordered by urgency, then depth, then how long they have waited. A kind that
 * becomes more urgent enters once more.
 */
class Agenda {
  private readonly heap: Entry[] = [];
  private waits = 0;

  /** Adds a kind that has new ready nodes. */
  put(kind: Kind, before: number): void {
    const { urgency } = kind;
    if (kind.waiting && urgency === before) return;
    if (!kind.waiting) {
      kind.waiting = true;
      kind.since = this.waits++;
    }
    const { heap } = this;
    let at = heap.push({ kind, urgency, since: kind.since }) - 1;
    for (let above = (at - 1) >> 1; at > 0 && this.isBefore(at, above); above = (at - 1) >> 1) {
      this.swap(at, above);
      at = above;
    }
  }

  /** Removes and returns the kind that goes next. */
  take(): Kind | undefined {
    const { heap } = this;
    while (heap.length) {
      const { kind, urgency, since } = heap[0]!;
      this.swap(0, heap.length - 1);
      heap.pop();
      this.sink();
      if (!kind.waiting || kind.since !== since || kind.urgency !== urgency) continue;
      kind.waiting = false;
      return kind;
    }
    return undefined;
  }

  private sink(): void {
    const { length } = this.heap;
    for (let at = 0; ;) {
      let first = at;
      const left = 2 * at + 1;
      if (left < length && this.isBefore(left, first)) first = left;
      if (left + 1 < length && this.isBefore(left + 1, first)) first = left + 1;
      if (first === at) return;
      this.swap(at, first);
      at = first;
    }
  }
  private isBefore(a: number, b: number): boolean {
    const one = this.heap[a]!;
    const other = this.heap[b]!;
    return (one.urgency - other.urgency || one.kind.compareDepth(other.kind) || one.since - other.since) < 0;
  }
  private swap(a: number, b: number): void {
    const { heap } = this;
    const entry = heap[a]!;
    heap[a] = heap[b]!;
    heap[b] = entry;
  }
}

/** Calls `emit` with groups of nodes of one kind until all nodes have had their turn, operands first. */
export function schedule(ir: Ir, kinds: Kinds, emit: (members: number[]) => void): void {
  const n = ir.count;
  const kindOf = kinds.of;
  const { edges } = ir;
  const all = Array.from({ length: kinds.count }, () => new Kind());
  const pending = new Int32Array(n);
  const depth = new Int32Array(n);
  for (let node = 0; node < n; node++) {
    if (kindOf[node] === ABSENT) continue;
    const end = edges.start[node + 1]!;
    let deepest = 0;
    let waits = 0;
    for (let e = edges.start[node]!; e < end; e++) {
      const input = edges.list[e]!;
      if (kindOf[input] === ABSENT) continue;
      waits++;
      const below = depth[input]! + (kindOf[input] === VIEW ? 0 : 1);
      if (below > deepest) deepest = below;
    }
    pending[node] = waits;
    depth[node] = deepest;
    if (kindOf[node] !== VIEW) all[kindOf[node]!]!.add(deepest);
  }
  const { start: first, list: readers } = readersOf(ir, kindOf, ABSENT);
  findChains(ir, kinds, all);

  const agenda = new Agenda();
  /** Nodes whose operands have all been emitted, in that order. */
  const queue: number[] = [];
  const settle = (): void => {
    for (let q = 0; q < queue.length; q++) {
      const node = queue[q]!;
      if (kindOf[node] === VIEW) {
        done(node);
        continue;
      }
      const kind = all[kindOf[node]!]!;
      const before = kind.urgency;
      kind.ready.push(node);
      agenda.put(kind, before);
    }
    queue.length = 0;
  };
  const done = (node: number): void => {
    const end = first[node + 1]!;
    for (let i = first[node]!; i < end; i++) if (--pending[readers[i]!]! === 0) queue.push(readers[i]!);
  };
  for (let node = 0; node < n; node++) {
    if (kindOf[node] !== ABSENT && pending[node] === 0) queue.push(node);
  }
  settle();
  for (let kind = agenda.take(); kind; kind = agenda.take()) {
    const members = kind.take();
    emit(members);
    for (let i = 0; i < members.length; i++) done(members[i]!);
    settle();
  }
}

/** How many words of bits finding chains may take. */
const MAX_WORDS = 1 << 24;

/**
 * Marks the kinds in which one node depends on another, or, in a graph where that would take too long, those
 * in which one could. Only the order depends on it.
 */
function findChains(ir: Ir, kinds: Kinds, all: readonly Kind[]): void {
  // A bit for each kind that has nodes of several depths.
  let bits = 0;
  const bitOf = all.map((kind) => (kind.couldChain ? bits++ : -1));
  const words = (bits + 31) >>> 5;
  if (words * ir.count > MAX_WORDS) {
    for (const kind of all) kind.chained = kind.couldChain;
    return;
  }
  const kindOf = kinds.of;
  const { edges } = ir;
  const above = new Int32Array(ir.count * words);
  for (let node = 0; node < ir.count; node++) {
    const kind = kindOf[node]!;
    if (kind === ABSENT) continue;
    const end = edges.start[node + 1]!;
    const at = node * words;
    for (let e = edges.start[node]!; e < end; e++) {
      const input = edges.list[e]!;
      const its = kindOf[input]!;
      if (its === ABSENT) continue;
      const from = input * words;
      for (let w = 0; w < words; w++) above[at + w]! |= above[from + w]!;
      const bit = its === VIEW ? -1 : bitOf[its]!;
      if (bit >= 0) above[at + (bit >>> 5)]! |= 1 << (bit & 31);
    }
    const own = kind === VIEW ? -1 : bitOf[kind]!;
    if (own >= 0 && (above[at + (own >>> 5)]! >>> (own & 31)) & 1) all[kind]!.chained = true;
  }
}
