/**
 * The order in which batches are made, by an agenda, as in DyNet (Neubig, Goldberg and Dyer, 2017):
 * of the kinds of nodes whose operands are ready, one goes next, all its ready nodes at once. Kinds
 * all of whose nodes are ready come first, then sequential chains; what hangs off a chain is batched
 * when the chain is done.
 */
import type { Ir } from './ir.js';
import { ABSENT, VIEW, type Kinds } from './kinds.js';

/** Nodes that could be one batch, if all were ready at once. */
class Kind {
  ready: number[] = [];
  waiting = false;
  /** Some of its nodes wait for others of them: waiting for all to be ready would wait forever. */
  chained = false;
  count = 0;
  private left = 0;
  private depth = 0;

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
    const own = this.urgency();
    const its = other.urgency();
    return own === its ? this.depth * other.count < other.depth * this.count : own < its;
  }
  private urgency(): number {
    return this.ready.length === this.left ? 0 : this.chained ? 1 : 2;
  }
}

/** Calls `emit` with all nodes that have a kind, operands first, as many of a kind at once as it can. */
export function schedule(ir: Ir, kinds: Kinds, emit: (members: number[]) => void): void {
  const n = ir.count;
  const kindOf = kinds.of;
  const { edges } = ir;
  const all = Array.from({ length: kinds.count }, () => new Kind());
  const pending = new Int32Array(n);
  const depth = new Int32Array(n);
  // The users of each node: users[first[node]] to users[first[node + 1]].
  const first = new Int32Array(n + 1);
  for (let node = 0; node < n; node++) {
    if (kindOf[node] === ABSENT) continue;
    const end = edges.start[node + 1]!;
    let deepest = 0;
    let waits = 0;
    for (let e = edges.start[node]!; e < end; e++) {
      const input = edges.list[e]!;
      if (kindOf[input] === ABSENT) continue;
      first[input + 1]!++;
      waits++;
      const below = depth[input]! + (kindOf[input] === VIEW ? 0 : 1);
      if (below > deepest) deepest = below;
    }
    pending[node] = waits;
    depth[node] = deepest;
    if (kindOf[node] !== VIEW) all[kindOf[node]!]!.add(deepest);
  }
  for (let node = 0; node < n; node++) first[node + 1]! += first[node]!;
  const users = new Int32Array(first[n]!);
  const filled = first.slice();
  for (let node = 0; node < n; node++) {
    if (kindOf[node] === ABSENT) continue;
    const end = edges.start[node + 1]!;
    for (let e = edges.start[node]!; e < end; e++) {
      const input = edges.list[e]!;
      if (kindOf[input] !== ABSENT) users[filled[input]!++] = node;
    }
  }
  findChains(ir, kinds, all);

  const agenda: Kind[] = [];
  /** Nodes that became ready, in order. */
  let queue: number[] = [];
  const settle = (): void => {
    for (let q = 0; q < queue.length; q++) {
      const node = queue[q]!;
      if (kindOf[node] === VIEW) {
        done(node);
        continue;
      }
      const kind = all[kindOf[node]!]!;
      kind.ready.push(node);
      if (kind.waiting) continue;
      kind.waiting = true;
      agenda.push(kind);
    }
    queue = [];
  };
  const done = (node: number): void => {
    const end = first[node + 1]!;
    for (let i = first[node]!; i < end; i++) if (--pending[users[i]!]! === 0) queue.push(users[i]!);
  };
  for (let node = 0; node < n; node++) {
    if (kindOf[node] !== ABSENT && pending[node] === 0) queue.push(node);
  }
  settle();
  while (agenda.length) {
    let next = 0;
    for (let i = 1; i < agenda.length; i++) if (agenda[i]!.goesBefore(agenda[next]!)) next = i;
    const [kind] = agenda.splice(next, 1) as [Kind];
    kind.waiting = false;
    const members = kind.take();
    emit(members);
    for (const member of members) done(member);
    settle();
  }
}

/** Marks the kinds of which one node depends on another. */
function findChains(ir: Ir, kinds: Kinds, all: readonly Kind[]): void {
  // A bit for each kind that has several nodes.
  let bits = 0;
  const bitOf = all.map((kind) => (kind.count > 1 ? bits++ : -1));
  const words = (bits + 31) >>> 5;
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
