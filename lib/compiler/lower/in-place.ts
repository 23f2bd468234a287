/**
 * Sums in place: a sum reuses the memory of a term that nothing else reads from then on, and the other
 * terms are added to it, by their own instructions where these can.
 */
import { sameShape } from '../../core/shape.js';
import { OP_CODE } from '../../graph/ops.js';
import type { Ir } from '../ir/ir.js';
import { readersOf, type Readers } from '../ir/readers.js';
import {
  CAN_ADD,
  IS_JOIN,
  computed,
  fills,
  hasReshapedTerm,
  planAddN,
  type Placement,
  type Term,
} from './places.js';

/** Plans sums of two as `addN` where that saves an instruction, and lets an `addN` reuse a term's memory. */
export function planReuse(ir: Ir, p: Placement, isKept: Uint8Array): void {
  const users = new Users(ir, p);
  for (let node = 0; node < ir.count; node++) {
    if (!p.uses[node] || p.absorbed[node]) continue;
    if (ir.is(node, 'add')) planSum(ir, p, users, node);
    const addN = p.addNs.get(node);
    // Kept nodes can have a fixed place, as a parameter's gradient has.
    if (!addN || isKept[node] || p.parent[node] !== -1) continue;
    const { terms } = addN;
    const joined = users.joins(node);
    let first = node;
    for (const { placed, node: written } of terms) if (placed && written < first) first = written;
    const free = (each: Term): boolean =>
      (!joined || isRow(ir, each.input)) && canReuse(ir, p, users, node, each, first);
    // A value that is added twice must still be there the second time.
    let twice: ReadonlySet<number> | undefined;
    const term = terms.find((each) => free(each) && !(twice ??= addedTwice(terms)).has(each.input));
    if (!term) continue;
    for (const each of terms) each.base = each === term;
    addN.zeroed = false;
    p.reused.set(node, term.input);
  }
}

function addedTwice(terms: readonly Term[]): ReadonlySet<number> {
  const seen = new Set<number>();
  return new Set(terms.map(({ input }) => input).filter((input) => seen.size === seen.add(input).size));
}

/** The readers of each node, and questions about them. */
class Users {
  private made: Readers | undefined;
  private readonly parted = new Map<number, boolean>();

  constructor(
    private readonly ir: Ir,
    private readonly p: Placement,
  ) {}

  /** Made when they are first asked for: where all can be read after a run, nobody asks. */
  private get readers(): Readers {
    return (this.made ??= readersOf(this.ir, this.p.uses, 0));
  }

  of(node: number): Int32Array {
    const { start, list } = this.readers;
    return list.subarray(start[node], start[node + 1]);
  }
  count(node: number): number {
    return this.readers.start[node + 1]! - this.readers.start[node]!;
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
  /** Whether a stack or concatenation reads this node, which could then be written there in place. */
  joins(node: number): boolean {
    const { start, list } = this.readers;
    const end = start[node + 1]!;
    for (let i = start[node]!; i < end; i++) {
      const code = this.ir.codeOf(list[i]!);
      if (code === OP_CODE.stack || code === OP_CODE.concat) return true;
    }
    return false;
  }
}

/** Plans a sum of two as an `addN`, where an operand can be added to the other's memory. */
function planSum(ir: Ir, p: Placement, users: Users, node: number): void {
  const a = ir.input(node, 0);
  const b = ir.input(node, 1);
  if (a === b || p.parent[node] !== -1) return;
  const [addsA, addsB] = [canAdd(ir, p, a), canAdd(ir, p, b)];
  if (!addsA && !addsB) return;
  const shape = ir.shape(node);
  if (!sameShape(ir.shape(a), shape) || !sameShape(ir.shape(b), shape)) return;
  const joined = users.joins(node);
  const free = (operand: number, other: number): boolean =>
    (!joined || isRow(ir, operand)) && owner(ir, p, users, node, operand, other) >= 0;
  if ((addsA && addsB && !joined) || (addsB && free(a, b)) || (addsA && free(b, a)))
    planAddN(ir, p, node, true);
}

/** Whether an operand's own instruction can add it to a sum. */
function canAdd(ir: Ir, p: Placement, operand: number): boolean {
  return (
    CAN_ADD[ir.codeOf(operand)] === 1 &&
    p.uses[operand] === 1 &&
    p.parent[operand] === -1 &&
    !p.addNs.has(operand)
  );
}

/**
 * Whether a value is a row of a matrix: sums of all its rows lie there as those of a stack do, so that a
 * stack of them is one copy at most.
 */
function isRow(ir: Ir, value: number): boolean {
  return ir.is(value, 'reshape') && ir.is(ir.input(value, 0), 'slice');
}

/** Whether an `addN` can lie where a term does; `first` is the node that is added first. */
function canReuse(ir: Ir, p: Placement, users: Users, addN: number, term: Term, first: number): boolean {
  if (term.placed || term.position !== ir.positions[addN] || !fills(ir, addN, term)) return false;
  if (term.steps.some((step) => step.kind !== 'reshape')) return false;
  return owner(ir, p, users, addN, term.input, first) >= 0;
}

/**
 * The node in whose memory a value lies, if that node is computed before `before` and from then on only
 * `sum` needs the memory: it is the value itself, or a matrix each of whose rows is read once. Else -1.
 */
function owner(ir: Ir, p: Placement, users: Users, sum: number, value: number, before: number): number {
  let node = value;
  let isReshaped = hasReshapedTerm(p, sum);
  while (ir.is(node, 'reshape') || ir.is(node, 'slice')) {
    if (p.uses[node] !== 1) return -1;
    // Entries of an inner axis do not lie in one piece: to reshape them is to copy them.
    if (isReshaped && ir.is(node, 'slice') && ir.attr(node).axis !== 0) return -1;
    isReshaped ||= ir.is(node, 'reshape');
    node = ir.input(node, 0);
  }
  const own =
    node < before &&
    computed(ir, node) &&
    !ir.isInteger(node) &&
    p.parent[node] === -1 &&
    !p.aliases.has(node) &&
    !IS_JOIN[ir.codeOf(node)];
  if (!own) return -1;
  // A kept node has more uses than readers.
  if (users.count(node) !== p.uses[node]) return -1;
  if (users.count(node) === 1) return node;
  const readers = users.of(node);
  const hasRead = (reader: number): boolean =>
    reader === sum || (reader < before && readsAtOnce(ir, reader, sum));
  // Checking the last reader first avoids a walk over all readers for most values.
  const last = readers[readers.length - 1]!;
  if (node === value && before < ir.forwardEnd && hasRead(last) && readers.every(hasRead)) return node;
  return users.readRows(node, p.uses) ? node : -1;
}

/** Whether a node's instruction runs at its place in the order, in every run that computes `sum`. */
function readsAtOnce(ir: Ir, node: number, sum: number): boolean {
  return computed(ir, node) && !IS_JOIN[ir.codeOf(node)] && ir.positions[node] === ir.positions[sum];
}
