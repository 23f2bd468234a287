/**
 * Gives the stacks of a growing prefix one shape. Attention at position p works on the keys of
 * positions 0 to p; written over the longest stack, with a softmax that sees the first p + 1 scores
 * and leaves zeros behind them, all positions become alike and can be batched.
 */
import type { Attr, OpName } from '../ops.js';
import { Ir } from './ir.js';

export interface Padded {
  ir: Ir;
  /** New numbers of the old nodes; -1: not needed. */
  numbers: Int32Array;
}

/** The first n rows of a padded node; with `zeros`, the rows behind them are 0. */
interface Prefix {
  full: number;
  n: number;
  zeros: boolean;
}

/** Null where there is nothing to pad. */
export function pad(old: Ir, roots: readonly number[]): Padded | null {
  const stacks = growingStacks(old, roots);
  return stacks.size ? new Padder(old, roots, stacks).run() : null;
}

/** Every stack that is a prefix of a longer one, and those longest ones: stack to longest. */
function growingStacks(old: Ir, roots: readonly number[]): Map<number, number> {
  const live = liveNodes(old, roots);
  const families = new Map<number, number[]>();
  for (let node = 0; node < old.count; node++) {
    if (!live[node] || !old.is(node, 'stack')) continue;
    const first = old.input(node, 0);
    const family = families.get(first);
    if (family) family.push(node);
    else families.set(first, [node]);
  }
  const found = new Map<number, number>();
  for (const family of families.values()) {
    const longest = family.reduce((a, b) => (old.inputCount(b) > old.inputCount(a) ? b : a));
    const inputs = old.inputs(longest);
    const prefixes = family.every((node) =>
      old.inputs(node).every((input, i) => input === inputs[i]),
    );
    if (
      prefixes &&
      old.inputCount(longest) > 1 &&
      family.length > 1 &&
      !isCyclic(old, family, longest)
    ) {
      for (const node of family) found.set(node, longest);
    }
  }
  return found;
}

/** Whether a row of the longest stack depends on a shorter stack: it could not wait for all rows. */
function isCyclic(old: Ir, family: readonly number[], longest: number): boolean {
  const below = new Uint8Array(old.count);
  for (const node of family) below[node] = 1;
  for (let node = Math.min(...family); node < old.count; node++) {
    for (let i = 0; i < old.inputCount(node) && !below[node]; i++)
      below[node] = below[old.input(node, i)]!;
  }
  return old.inputs(longest).some((input) => below[input] === 1);
}

function liveNodes(old: Ir, roots: readonly number[]): Uint8Array {
  const live = new Uint8Array(old.count);
  for (const root of roots) live[root] = 1;
  for (let node = old.count - 1; node >= 0; node--) {
    if (live[node]) for (const input of old.inputs(node)) live[input] = 1;
  }
  return live;
}

class Padder {
  private readonly ir = new Ir();
  private readonly numbers: Int32Array;
  private readonly prefixes = new Map<number, Prefix>();
  /** Padded nodes by what they compute: each is made once for all positions. */
  private readonly shared = new Map<string, number>();

  constructor(
    private readonly old: Ir,
    private readonly roots: readonly number[],
    private readonly stacks: ReadonlyMap<number, number>,
  ) {
    this.numbers = new Int32Array(old.count).fill(-1);
  }

  run(): Padded {
    const { old, ir } = this;
    ir.maxLevel = old.maxLevel;
    const live = liveNodes(old, this.roots);
    // A longest stack stands after the shorter ones that are written over it: on demand, by rows.
    for (let node = 0; node < old.count; node++) if (live[node]) this.visit(node);
    for (const root of this.roots) this.value(root);
    ir.forwardEnd = ir.count;
    ir.level = 0;
    return { ir, numbers: this.numbers };
  }

  private visit(node: number): void {
    if (this.numbers[node]! >= 0 || this.prefixes.has(node)) return;
    const { old, ir } = this;
    if (old.is(node, 'constant')) {
      this.numbers[node] = ir.constant(old.constantValue(node));
      return;
    }
    // What a longest stack needs is visited before its turn: operands first.
    const operands = this.stacks.has(node) ? [] : old.inputs(node);
    for (const input of operands) this.visit(input);
    const prefix = this.padded(node);
    if (prefix) {
      this.prefixes.set(node, prefix);
      return;
    }
    if (this.numbers[node]! >= 0) return;
    const inputs = Array.from(old.inputs(node), (input) => this.value(input));
    ir.level = old.levels[node]!;
    this.numbers[node] = ir.push(old.opOf(node), inputs, old.attr(node), old.shape(node), old.sources[node]); // prettier-ignore
  }

  private value(node: number): number {
    if (this.numbers[node]! < 0) this.visit(node);
    if (this.numbers[node]! < 0) {
      const { full, n } = this.prefixes.get(node)!;
      this.ir.level = this.old.levels[node]!;
      this.numbers[node] = this.ir.op('slice', [full], { axis: 0, start: 0, stop: n });
    }
    return this.numbers[node]!;
  }

  /** The padded form of a node, where its operands allow one. */
  private padded(node: number): Prefix | null {
    const { old } = this;
    const longest = this.stacks.get(node);
    if (longest !== undefined) return this.stack(node, longest);
    const n = old.inputCount(node);
    if (n === 0) return null;
    const own = Array.from(old.inputs(node), (input) => this.prefixes.get(input));
    const [a, b] = own;
    if (!a) return null;
    const attr = old.attr(node);
    switch (old.opOf(node)) {
      case 'slice':
        return attr.axis === 0 ? null : { ...a, full: this.once('slice', a.full, attr) };
      case 'mul':
      case 'div': {
        const other = old.input(node, 1);
        if (b || old.shape(other).length) return null;
        return { ...a, full: this.make('', node, [a.full, this.value(other)], attr) };
      }
      case 'softmax':
        if (old.shape(node).length !== 1) return null;
        return { full: this.make('', node, [a.full], { lengths: { first: a.n, step: 0 } }), n: a.n, zeros: true }; // prettier-ignore
      case 'matmul': {
        if (b) {
          // Zeros behind the first n weights silence the rows that should not be there.
          if (!a.zeros || a.n !== b.n || old.shape(old.input(node, 0)).length !== 1) return null;
          this.numbers[node] = this.make('', node, [a.full, b.full], attr);
          return null;
        }
        if (old.shape(old.input(node, 0)).length !== 2 || old.shape(old.input(node, 1)).length !== 1) return null; // prettier-ignore
        return { full: this.make('', node, [a.full, this.value(old.input(node, 1))], attr), n: a.n, zeros: false }; // prettier-ignore
      }
      default:
        return null;
    }
  }

  private stack(node: number, longest: number): Prefix {
    const { old, ir } = this;
    const key = `stack:${longest}`;
    let full = this.shared.get(key);
    if (full === undefined) {
      const members = Array.from(old.inputs(longest));
      const inputs = members.map((member) => this.value(member));
      const levels = members.map((member) => old.levels[member]!);
      ir.level = Math.min(...levels);
      full = ir.op('stack', inputs, { levels });
      this.shared.set(key, full);
    }
    return { full, n: old.inputCount(node), zeros: false };
  }

  private make(name: OpName | '', node: number, inputs: number[], attr: Attr): number {
    const { old, ir } = this;
    ir.level = old.levels[node]!;
    const made = ir.op(name || old.opOf(node), inputs, attr);
    ir.sources[made] ??= old.sources[node];
    return made;
  }

  private once(op: OpName, full: number, attr: Attr): number {
    const key = `${op}:${full}:${attr.axis}:${attr.start}:${attr.stop}`;
    let node = this.shared.get(key);
    if (node === undefined) {
      this.ir.level = this.ir.levels[full]!;
      node = this.ir.op(op, [full], attr);
      this.shared.set(key, node);
    }
    return node;
  }
}
