/**
 * Sums in place: a sum takes over the memory of a term that nothing else reads, and the others are
 * added to it by their own instructions.
 */
import { smallest } from '../../core/lists.js';
import type { Ir } from '../ir/ir.js';
import { ACCUMULATING, computed, fills, planTotal, type Placement, type Term } from './places.js';

/** Plans sums of two as totals where that saves an instruction, and gives totals their memory. */
export function takeOver(ir: Ir, p: Placement, keep: ReadonlySet<number>): void {
  const users = new Users(ir, p);
  for (let node = 0; node < ir.count; node++) {
    if (!p.live[node] || p.absorbed[node]) continue;
    if (ir.is(node, 'add')) planSum(ir, p, users, node);
    const total = p.totals.get(node);
    // What is kept may have a place of its own, such as a parameter's gradient.
    if (!total || keep.has(node) || p.parent[node] !== -1 || users.joins(node)) continue;
    const { terms } = total;
    const first = smallest(terms.map((each) => (each.placed ? each.node : node)));
    const seen = new Set<number>();
    // A value that is added twice must still be there the second time.
    const twice = new Set(
      terms.map(({ input }) => input).filter((input) => seen.size === seen.add(input).size),
    );
    const term = terms.find((each) => !twice.has(each.input) && canTakeOver(ir, p, users, node, each, first));
    if (!term) continue;
    for (const each of terms) each.base = each === term;
    total.zeroed = false;
    p.tookOver.set(node, term.input);
  }
}

/** Who reads what. */
class Users {
  private readonly start: Int32Array;
  private readonly list: Int32Array;
  private readonly parted = new Map<number, boolean>();

  constructor(
    private readonly ir: Ir,
    p: Placement,
  ) {
    this.start = new Int32Array(ir.count + 1);
    for (let node = 0; node < ir.count; node++) {
      if (p.live[node]) for (const input of ir.inputs(node)) this.start[input + 1]!++;
    }
    for (let node = 0; node < ir.count; node++) this.start[node + 1]! += this.start[node]!;
    const next = this.start.slice();
    this.list = new Int32Array(this.start[ir.count]!);
    for (let node = 0; node < ir.count; node++) {
      if (p.live[node]) for (const input of ir.inputs(node)) this.list[next[input]!++] = node;
    }
  }

  of(node: number): Int32Array {
    return this.list.subarray(this.start[node], this.start[node + 1]);
  }
  /** Whether a node is read by slices of one use each that share no row of it. */
  readRows(node: number, uses: Int32Array): boolean {
    let parted = this.parted.get(node);
    if (parted === undefined) this.parted.set(node, (parted = this.findRows(node, uses)));
    return parted;
  }
  private findRows(node: number, uses: Int32Array): boolean {
    const { ir } = this;
    const taken = new Uint8Array(ir.shape(node)[0] ?? 0);
    for (const reader of this.of(node)) {
      const { axis, start, stop } = ir.attr(reader);
      if (!ir.is(reader, 'slice') || axis !== 0 || uses[reader] !== 1) return false;
      for (let row = start!; row < stop!; row++) {
        if (taken[row]) return false;
        taken[row] = 1;
      }
    }
    return true;
  }
  /** Whether a join could be written in place by this node. */
  joins(node: number): boolean {
    return this.of(node).some((user) => this.ir.is(user, 'stack') || this.ir.is(user, 'concat'));
  }
}

function planSum(ir: Ir, p: Placement, users: Users, node: number): void {
  const [a, b] = ir.inputs(node) as [number, number];
  const shape = ir.shape(node);
  const whole = (operand: number): boolean =>
    ir.shape(operand).length === shape.length && ir.shape(operand).every((n, i) => n === shape[i]);
  if (a === b || p.parent[node] !== -1 || !whole(a) || !whole(b) || users.joins(node)) return;
  const adds = (operand: number): boolean =>
    p.uses[operand] === 1 &&
    p.parent[operand] === -1 &&
    ACCUMULATING.has(ir.opOf(operand)) &&
    !p.totals.has(operand);
  const free = (operand: number, other: number): boolean =>
    adds(other) && owner(ir, p, users, node, operand, other) >= 0;
  if ((adds(a) && adds(b)) || free(a, b) || free(b, a)) planTotal(ir, p, node, true);
}

function canTakeOver(ir: Ir, p: Placement, users: Users, total: number, term: Term, first: number): boolean {
  if (term.placed || term.level !== ir.levels[total] || !fills(ir, total, term)) return false;
  if (term.steps.some((step) => step.kind !== 'reshape')) return false;
  return owner(ir, p, users, total, term.input, first) >= 0;
}

/**
 * The node in whose memory a value lies, if it is computed before `before` and from there on nobody
 * but `sum` needs that memory: it is the value itself, or a matrix all of whose rows are read once.
 */
function owner(ir: Ir, p: Placement, users: Users, sum: number, value: number, before: number): number {
  let node = value;
  while (ir.is(node, 'reshape') || ir.is(node, 'slice')) {
    if (p.uses[node] !== 1) return -1;
    node = ir.input(node, 0);
  }
  const own =
    node < before &&
    computed(ir, node) &&
    !ir.isInteger(node) &&
    p.parent[node] === -1 &&
    !p.aliases.has(node) &&
    !['stack', 'concat', 'choose'].includes(ir.opOf(node));
  if (!own) return -1;
  const readers = users.of(node);
  // Kept numbers have more uses than readers.
  if (readers.length !== p.uses[node]) return -1;
  if (readers.length === 1) return node;
  const hasRead = (reader: number): boolean =>
    reader === sum || (reader < before && readsAtOnce(ir, reader, sum));
  // The last reader tells most apart: of a value with many, no more is looked at.
  const last = readers[readers.length - 1]!;
  if (node === value && before < ir.forwardEnd && hasRead(last) && readers.every(hasRead)) return node;
  return users.readRows(node, p.uses) ? node : -1;
}

/** Whether a node reads its operands when it comes by in order, on the runs that compute `sum`. */
function readsAtOnce(ir: Ir, node: number, sum: number): boolean {
  const isJoin = ir.is(node, 'stack') || ir.is(node, 'concat') || ir.is(node, 'choose');
  return computed(ir, node) && !isJoin && ir.levels[node] === ir.levels[sum];
}
