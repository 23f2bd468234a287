/**
 * Padding: gives stacks that grow with the position one shape. Attention at position p works on the keys of
 * positions 0 to p. Over the longest stack instead, with a softmax of the first p + 1 scores that writes
 * zeros behind them, all positions are alike and can be batched.
 */
import { smallest } from '../../core/lists.js';
import type { Attr } from '../../graph/ops.js';
import { Ir, type Rewritten } from '../ir/ir.js';
import { countUses } from '../ir/live.js';

/** An old node as the first n rows of a padded one; with `zeros`, the rows behind them are 0. */
interface Prefix {
  full: number;
  n: number;
  zeros: boolean;
}

/** Pads what the roots depend on; null where there is nothing to pad. */
export function pad(old: Ir, roots: readonly number[]): Rewritten | null {
  const uses = countUses(old, roots);
  const stacks = growingStacks(old, uses);
  return stacks.size ? new Padder(old, roots, uses, stacks).run() : null;
}

/** Every stack that is a prefix of a longer one, and each longest one: stack to longest. */
function growingStacks(old: Ir, uses: Int32Array): Map<number, number> {
  const byFirst = new Map<number, number[]>();
  for (let node = 0; node < old.count; node++) {
    if (!uses[node] || !old.is(node, 'stack')) continue;
    const first = old.input(node, 0);
    const family = byFirst.get(first);
    if (family) family.push(node);
    else byFirst.set(first, [node]);
  }
  const families: Family[] = [];
  for (const members of byFirst.values()) {
    const longest = members.reduce((a, b) => (old.inputCount(b) > old.inputCount(a) ? b : a));
    const grows = members.length > 1 && old.inputCount(longest) > 1 && isInOrder(old, longest);
    if (grows && members.every((node) => isPrefix(old, node, longest))) families.push({ members, longest });
  }
  const found = new Map<number, number>();
  for (const { members, longest } of acyclic(old, families)) {
    for (const node of members) found.set(node, longest);
  }
  return found;
}

/** Stacks, all of them prefixes of the longest among them. */
interface Family {
  members: readonly number[];
  longest: number;
}

/** Whether no row comes before one of an earlier position: a short run has a prefix of the rows. */
function isInOrder(old: Ir, stack: number): boolean {
  const n = old.inputCount(stack);
  for (let i = 1; i < n; i++)
    if (old.positions[old.input(stack, i)]! < old.positions[old.input(stack, i - 1)]!) return false;
  return true;
}

function isPrefix(old: Ir, stack: number, longest: number): boolean {
  const { start, list } = old.edges;
  const [from, other] = [start[stack]!, start[longest]!];
  const n = start[stack + 1]! - from;
  for (let i = 0; i < n; i++) if (list[from + i] !== list[other + i]) return false;
  return true;
}

/** How many words of bits may be kept; where the families would take more, nothing is padded. */
const MAX_WORDS = 1 << 24;

/**
 * The families that can be padded: the longest stack is then made before the shorter ones, so no row of it
 * may depend on a stack of its own family, not even through another padded family.
 */
function acyclic(old: Ir, families: readonly Family[]): Family[] {
  // Bit f of a node: it depends on a stack of family f.
  const words = (families.length + 31) >>> 5;
  if (words * old.count > MAX_WORDS) return [];
  const below = new Int32Array(old.count * words);
  let start = old.count;
  const { edges } = old;
  families.forEach(({ members }, f) => {
    for (const node of members) {
      below[node * words + (f >>> 5)]! |= 1 << (f & 31);
      start = Math.min(start, node);
    }
  });
  for (let node = start; node < old.count; node++) {
    const end = edges.start[node + 1]!;
    for (let e = edges.start[node]!; e < end; e++) {
      const from = edges.list[e]! * words;
      for (let w = 0; w < words; w++) below[node * words + w]! |= below[from + w]!;
    }
  }
  const needs = families.map(({ longest }) => {
    const all = new Set<number>();
    for (const row of old.inputs(longest)) {
      families.forEach((_, f) => {
        if ((below[row * words + (f >>> 5)]! >>> (f & 31)) & 1) all.add(f);
      });
    }
    return all;
  });
  // The loop also visits what it adds: the families that needed families need.
  return families.filter((_, f) => {
    const all = new Set(needs[f]);
    for (const need of all) for (const next of needs[need]!) all.add(next);
    return !all.has(f);
  });
}

class Padder {
  private readonly ir: Ir;
  private readonly numbers: Int32Array;
  private readonly prefixes: (Prefix | undefined)[];
  /** The longest stacks. */
  private readonly full = new Map<number, number>();
  /** Slices of each padded node: each is made once for all positions. */
  private readonly slices = new Map<number, number[]>();

  constructor(
    private readonly old: Ir,
    private readonly roots: readonly number[],
    private readonly uses: Int32Array,
    private readonly stacks: ReadonlyMap<number, number>,
  ) {
    this.ir = new Ir(old.count, old);
    this.numbers = new Int32Array(old.count).fill(-1);
    this.prefixes = new Array<Prefix | undefined>(old.count).fill(undefined);
  }

  run(): Rewritten {
    const { old, ir } = this;
    for (let node = 0; node < old.count; node++) if (this.uses[node]) this.visit(node);
    for (const root of this.roots) this.value(root);
    ir.forwardEnd = ir.count;
    ir.position = 0;
    return { ir, numbers: this.numbers };
  }

  /**
   * Makes a node after all that it needs. Some of it can come later in the old graph: rows of the longest
   * stack.
   */
  private visit(root: number): void {
    if (this.isMade(root)) return;
    const { start, list } = this.old.edges;
    const waiting = [root];
    while (waiting.length > 0) {
      const node = waiting[waiting.length - 1]!;
      const longest = this.stacks.get(node);
      const source = longest ?? node;
      const isStacked = longest !== undefined && this.full.has(longest);
      const before = waiting.length;
      // The first operand on top: it is made first.
      for (let e = start[source + 1]! - 1; e >= start[source]! && !isStacked; e--) {
        const input = list[e]!;
        if (!this.isMade(input)) waiting.push(input);
      }
      if (waiting.length > before) continue;
      waiting.pop();
      if (!this.isMade(node)) this.make(node);
    }
  }

  private isMade(node: number): boolean {
    return this.numbers[node]! >= 0 || this.prefixes[node] !== undefined;
  }

  private make(node: number): void {
    const { old, ir } = this;
    const longest = this.stacks.get(node);
    if (longest !== undefined) {
      this.prefixes[node] = this.stack(node, longest);
      return;
    }
    const n = old.inputCount(node);
    const prefix = n ? this.prefixes[old.input(node, 0)] : undefined;
    if (prefix && this.padded(node, prefix)) return;
    if (old.is(node, 'constant')) {
      this.numbers[node] = ir.constant(old.constantValue(node));
      return;
    }
    for (let i = 0; i < n; i++) this.value(old.input(node, i));
    const made = ir.copy(old, node, this.numbers);
    ir.followAxisPositions(made);
    this.numbers[node] = made;
  }

  private value(node: number): number {
    if (this.numbers[node]! < 0) {
      const { full, n } = this.prefixes[node]!;
      this.ir.position = this.old.positions[node]!;
      this.numbers[node] = this.ir.op('slice', [full], { axis: 0, start: 0, stop: n });
    }
    return this.numbers[node]!;
  }

  /** Makes the padded form of a node whose first operand is a prefix; false where it has none. */
  private padded(node: number, a: Prefix): boolean {
    const { old } = this;
    const attr = old.attr(node);
    const is = (full: number, zeros = false): boolean => {
      this.prefixes[node] = { full, n: a.n, zeros };
      return true;
    };
    switch (old.row(node).pad) {
      case 'slice':
        return attr.axis !== 0 && is(this.slice(a.full, attr), a.zeros);
      case 'scaled': {
        const other = old.input(node, 1);
        if (this.prefixes[other] || old.shape(other).length) return false;
        return is(this.add(node, [a.full, this.value(other)], attr), a.zeros);
      }
      case 'softmax':
        if (old.shape(node).length !== 1) return false;
        return is(this.add(node, [a.full], { lengths: { first: a.n, step: 0 } }), true);
      case 'product': {
        const right = old.input(node, 1);
        const b = this.prefixes[right];
        const rank = old.shape(old.input(node, 0)).length;
        if (b) {
          // The zeros behind the first n weights cancel the rows behind the prefix.
          if (!a.zeros || a.n !== b.n || rank !== 1) return false;
          // One of the two stacks may go on growing without the other.
          if (this.ir.shape(a.full)[0] !== this.ir.shape(b.full)[0]) return false;
          this.numbers[node] = this.add(node, [a.full, b.full], attr);
          return true;
        }
        if (rank !== 2 || old.shape(right).length !== 1) return false;
        return is(this.add(node, [a.full, this.value(right)], attr));
      }
      case 'none':
        return false;
    }
  }

  private stack(node: number, longest: number): Prefix {
    const { old, ir } = this;
    let full = this.full.get(longest);
    if (full === undefined) {
      const members = old.inputs(longest);
      const inputs = members.map((member) => this.value(member));
      const positions = members.map((member) => old.positions[member]!);
      ir.position = smallest(positions);
      full = ir.op('stack', inputs, { positions });
      this.full.set(longest, full);
    }
    return { full, n: old.inputCount(node), zeros: false };
  }

  private add(node: number, inputs: number[], attr: Attr): number {
    const { old, ir } = this;
    ir.position = old.positions[node]!;
    const made = ir.op(old.opOf(node), inputs, attr);
    ir.inheritSource(made, old, node);
    return made;
  }

  private slice(full: number, attr: Attr): number {
    const { ir } = this;
    let made = this.slices.get(full);
    if (!made) this.slices.set(full, (made = []));
    for (const node of made) {
      const { axis, start, stop } = ir.attr(node);
      if (axis === attr.axis && start === attr.start && stop === attr.stop) return node;
    }
    ir.position = ir.positions[full]!;
    const node = ir.op('slice', [full], attr);
    made.push(node);
    return node;
  }
}
