/**
 * Auto-batching of a graph written out one position at a time: nodes of one kind that do not depend on each
 * other become one node over stacked operands, most of which need no copy.
 *
 * A batch's rows are sorted by position: a run needs a prefix of them (`Ir.axisPositions`).
 */
import { largest } from '../../core/lists.js';
import type { Attr, OpName } from '../../graph/ops.js';
import { sameShape, sizeOf } from '../../core/shape.js';
import { schedule } from './agenda.js';
import { Ir, type Rewritten } from '../ir/ir.js';
import { batchingOf, Kinds, type Likeness } from './kinds.js';
import { countUses, reachedByGradient } from '../ir/live.js';
import { Stacker } from './stacker.js';
import { termCount } from '../ir/trace.js';

/**
 * Batches what the roots depend on. Without `likeness.columns`, nodes that read different columns of an
 * array, such as the heads of attention, stay apart; with it, they are batched where that needs no copy.
 */
export function autoBatch(old: Ir, roots: readonly number[], likeness: Likeness): Rewritten {
  return new AutoBatcher(old, roots, likeness).run();
}

/** Appends a node of a batch. */
type Add = (name: OpName, inputs: number[], attr?: Attr) => number;

class AutoBatcher {
  private readonly ir: Ir;
  /** How often each old node is used; 0: not needed. */
  private readonly uses: Int32Array;
  private readonly kinds: Kinds;
  private readonly stacker: Stacker;

  constructor(
    private readonly old: Ir,
    private readonly roots: readonly number[],
    private readonly likeness: Likeness,
  ) {
    this.ir = new Ir(old.count, old);
    this.uses = countUses(old, roots);
    this.kinds = new Kinds(old, this.uses, reachedByGradient(old, roots), likeness);
    this.stacker = new Stacker(old, this.ir, this.kinds);
  }

  run(): Rewritten {
    const { old, ir, stacker } = this;
    for (let node = 0; node < old.count; node++) {
      if (!this.uses[node] || batchingOf(old, node) !== 'leaf') continue;
      if (old.is(node, 'constant')) stacker.numbers[node] = ir.constant(old.constantValue(node));
      else stacker.copy(node);
    }
    schedule(old, this.kinds, (members) => this.emit(members));
    for (const root of this.roots) stacker.value(root);
    ir.forwardEnd = ir.count;
    ir.position = 0;
    return { ir, numbers: stacker.numbers };
  }

  /** Makes batches of the ready nodes of a kind: one for each combination of batches that operands lie in. */
  private emit(members: number[]): void {
    if (members.length === 1) {
      this.single(members[0]!);
      return;
    }
    const { old, stacker } = this;
    const groups = new Map<number, number[]>();
    for (const member of members) {
      // Operators that can be batched have at most two operands.
      let key = 0;
      for (let i = old.inputCount(member) - 1; i >= 0; i--)
        key = key * 0x4000000 + stacker.batchOf(old.input(member, i)) + 1;
      const group = groups.get(key);
      if (group) group.push(member);
      else groups.set(key, [member]);
    }
    for (const group of groups.values()) this.emitGroup(group);
  }

  private emitGroup(members: number[]): void {
    const { old, ir, stacker } = this;
    if (members.length > 1) {
      members.sort((a, b) => old.positions[a]! - old.positions[b]! || a - b);
      const first = members[0]!;
      ir.position = old.positions[first]!;
      const batch = this.batched(old.opOf(first), members);
      if (batch >= 0) {
        stacker.setRows(batch, stacker.positionsOf(members), old.axisPositions[first]);
        stacker.setBatch(batch, members);
        return;
      }
    }
    for (const member of members) this.single(member);
  }

  private single(node: number): void {
    if (this.old.is(node, 'addN') && this.addNOfBatch(node)) return;
    this.stacker.copy(node);
  }

  /** Turns an `addN` of all rows of a batch into a sum along its first axis; false if it is not one. */
  private addNOfBatch(addN: number): boolean {
    const { old, ir, stacker } = this;
    const batch = stacker.wholeBatch(old.inputs(addN).slice(0, termCount(old, addN)));
    if (batch < 0) return false;
    const positions = ir.axisPositions[batch]?.[0];
    const expected = old.attr(addN).prefix;
    if (expected ? !positions?.every((position, i) => position === i) : positions) return false;
    ir.position = old.positions[addN]!;
    stacker.numbers[addN] = ir.op('sum', [batch], { axes: [0] });
    return true;
  }

  /** Makes one node for all members, or returns -1 where their operands cannot be stacked. */
  private batched(op: OpName, members: readonly number[]): number {
    const { old, ir, stacker } = this;
    const first = members[0]!;
    const attr = old.attr(first);
    const arity = old.inputCount(first);
    const operands = Array.from({ length: arity }, (_, i) => members.map((m) => old.input(m, i)));
    const position = old.positions[first]!;
    const rowPositions = stacker.positionsOf(members);
    const add: Add = (name, inputs, a) => {
      ir.position = position;
      const node = a ? ir.op(name, inputs, a) : ir.op(name, inputs);
      ir.inheritSource(node, old, first);
      return node;
    };
    let lengths = attr.lengths;
    if (this.likeness.columns) {
      if (!operands.every((list) => stacker.areFree(list))) return -1;
    } else if (lengths) {
      lengths = this.lengthsOf(members);
      if (!lengths) return -1;
    }
    if (op === 'gather') {
      const index = stacker.indices(operands[1]!, rowPositions);
      if (index < 0) return -1;
      const shared = stacker.shared(operands[0]!);
      if (shared >= 0) return add('gather', [shared, index]);
      return add('gather', [stacker.stacked(operands[0]!, rowPositions), index], { batch: true });
    }
    if (op === 'matmul') return this.batchedMatmul(operands, rowPositions, add);
    if (op === 'sum') {
      const rank = old.shape(operands[0]![0]!).length;
      const axes = (attr.axes ?? Array.from({ length: rank }, (_, i) => i)).map(
        (a) => (a < 0 ? a + rank : a) + 1,
      );
      return add('sum', [stacker.stacked(operands[0]!, rowPositions)], { axes });
    }
    // Element-wise operators and softmax: stacked operands need equal ranks behind the new axis.
    const rank = largest(operands.map((list) => old.shape(list[0]!).length));
    const shared = operands.map((list) => (arity > 1 ? stacker.shared(list) : -1));
    if (shared.every((one) => one >= 0)) return -1;
    const inputs = operands.map((list, i) => {
      if (shared[i]! >= 0) return shared[i]!;
      const stacked = stacker.stacked(list, rowPositions);
      const [m, ...rest] = ir.shape(stacked);
      const units = new Array<number>(rank - rest.length).fill(1);
      return units.length ? add('reshape', [stacked], { shape: [m!, ...units, ...rest] }) : stacked;
    });
    if (lengths) return add(op, inputs, { lengths });
    return add(op, inputs, attr.exponent === undefined ? undefined : { exponent: attr.exponent });
  }

  /** The members' lengths as one attribute, where they grow by the same step from member to member. */
  private lengthsOf(members: readonly number[]): Attr['lengths'] {
    const all = members.map((member) => this.old.attr(member).lengths);
    const [one, two] = all;
    if (!one || !two || one.step !== 0) return undefined;
    const step = two.first - one.first;
    const even = all.every((l, i) => l?.step === 0 && l.first === one.first + i * step);
    return even && step >= 0 ? { first: one.first, step } : undefined;
  }

  private batchedMatmul(
    [left, right]: readonly (readonly number[])[],
    rowPositions: readonly number[] | undefined,
    add: Add,
  ): number {
    const { old, ir, stacker } = this;
    const rankLeft = old.shape(left![0]!).length;
    const rankRight = old.shape(right![0]!).length;
    const sharedLeft = stacker.shared(left!);
    const sharedRight = stacker.shared(right!);
    if (sharedLeft >= 0 && sharedRight >= 0) return -1;
    if (sharedRight >= 0 && rankRight <= 2)
      return productOfRows(ir, stacker.stacked(left!, rowPositions), sharedRight, add);
    if (sharedLeft >= 0 && rankLeft <= 2) {
      const stacked = stacker.stacked(right!, rowPositions);
      if (rankRight > 1) return add('matmul', [sharedLeft, stacked]);
      const transposed = rankLeft === 1 ? sharedLeft : add('transpose', [sharedLeft], { axes: [1, 0] });
      return add('matmul', [stacked, transposed]);
    }
    if (sharedLeft >= 0 || sharedRight >= 0 || rankLeft > 2 || rankRight > 2) return -1;
    let a = stacker.stacked(left!, rowPositions);
    let b = stacker.stacked(right!, rowPositions);
    const [m, ...restA] = ir.shape(a);
    const [, ...restB] = ir.shape(b);
    if (rankLeft === 1) a = add('reshape', [a], { shape: [m!, 1, ...restA] });
    if (rankRight === 1) b = add('reshape', [b], { shape: [m!, ...restB, 1] });
    const product = add('matmul', [a, b]);
    const shape = [m!, ...(rankLeft === 1 ? [] : [restA[0]!]), ...(rankRight === 1 ? [] : [restB[1]!])];
    return sameShape(shape, ir.shape(product)) ? product : add('reshape', [product], { shape });
  }
}

/**
 * The product of each matrix or vector of a stack with one matrix or vector: all rows are those of one
 * matrix, unless runs need a part of the rows of each, as of those of a padded stack.
 */
function productOfRows(ir: Ir, stack: number, right: number, add: Add): number {
  const shape = ir.shape(stack);
  const isPadded = ir.axisPositions[stack]?.slice(1, -1).some((axis) => axis) ?? false;
  if (shape.length <= 2 || isPadded) return add('matmul', [stack, right]);
  const rows = shape.slice(0, -1);
  const flat = add('reshape', [stack], { shape: [sizeOf(rows), shape[rows.length]!] });
  const product = add('matmul', [flat, right]);
  return add('reshape', [product], { shape: [...rows, ...ir.shape(product).slice(1)] });
}
