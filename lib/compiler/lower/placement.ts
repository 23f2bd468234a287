/**
 * Decides where results go: straight into the stack, join or `addN` that uses them, instead of being copied
 * there.
 */
import { opsWhere } from '../../graph/ops.js';
import { sameShape, sizeOf, type Shape } from '../../core/shape.js';
import { countUses } from '../ir/live.js';
import { occurrences } from '../ir/occurrences.js';
import { MAX_VIEWS } from '../ir/views.js';
import { denseView, isDense, reshapeView, transposeView } from './view.js';
import type { Ir } from '../ir/ir.js';
import { planReuse } from './in-place.js';
import {
  CAN_ADD,
  IS_JOIN,
  NodeMap,
  type Step,
  type Placement,
  computed,
  hasReshapedTerm,
  planAddN,
  inverse,
} from './places.js';

/** Other operators, by number, whose instructions can write rows at any distance from each other. */
const WRITES_ROWS = opsWhere(({ placing }) => placing === 'rows');
/** Operators whose instructions write rows without gaps, which a range of columns of a join is not. */
const NEEDS_DENSE = opsWhere(({ placing }) => placing === 'dense' || placing === 'addsDense');

/**
 * The plan for what the kept nodes need; without `inPlace`, every result gets memory of its own.
 *
 * @param isKept by node: whether it must be readable after a run
 */
export function planPlacement(ir: Ir, isKept: Uint8Array, inPlace: boolean): Placement {
  const p: Placement = {
    uses: countUses(ir, occurrences(isKept, 1, ir.count)),
    parent: new Int32Array(ir.count).fill(-1),
    operandIndex: new Int32Array(ir.count),
    addNs: new NodeMap(),
    absorbed: new Uint8Array(ir.count),
    hosts: new Map(),
    reused: new NodeMap(),
    aliases: new Map(),
    dense: new Set(),
  };
  const joins: number[] = [];
  const reshapes: number[] = [];
  for (let node = 0; node < ir.count; node++) {
    if (!p.uses[node]) continue;
    if (ir.is(node, 'addN')) planAddN(ir, p, node, inPlace);
    else if (IS_JOIN[ir.codeOf(node)]) joins.push(node);
    else if (ir.is(node, 'reshape') && !p.absorbed[node]) reshapes.push(node);
  }
  if (!inPlace) return p;
  planReuse(ir, p, isKept);
  // The largest first: the stacks of a prefix are then views of the longest.
  joins.sort((a, b) => ir.inputCount(b) - ir.inputCount(a) || a - b);
  for (const join of joins) planJoin(ir, p, join);
  for (const reshape of reshapes) planReshape(ir, p, reshape);
  return p;
}

/** The node that a stack's member reshapes, or the member itself: to write it in place writes the member. */
export function source(ir: Ir, p: Placement, node: number): number {
  for (let i = 0; i < MAX_VIEWS && ir.is(node, 'reshape') && p.parent[node] === -1; i++)
    node = ir.input(node, 0);
  return node;
}

/**
 * Lets the operands of a stack, concatenation or choice be written in place, where their instructions can.
 */
function planJoin(ir: Ir, p: Placement, join: number): void {
  const isStack = ir.is(join, 'stack');
  const n = ir.inputCount(join) - (ir.is(join, 'choose') ? 1 : 0);
  if (isStack) {
    const first = source(ir, p, ir.input(join, 0));
    const other = p.parent[first]!;
    // Another stack has these rows already, so that this one is a view of it.
    if (other >= 0 && ir.is(other, 'stack') && p.parent[join] === -1) {
      const start = p.operandIndex[first]!;
      let run = true;
      for (let i = 0; i < n && run; i++) {
        const input = source(ir, p, ir.input(join, i));
        run = p.parent[input] === other && p.operandIndex[input] === start + i;
      }
      if (run && canHold(ir, p, other, ir.shape(join).slice(1))) {
        p.aliases.set(join, { stack: other, start });
        return;
      }
    }
  }
  for (let i = 0; i < n; i++) {
    const input = isStack ? source(ir, p, ir.input(join, i)) : ir.input(join, i);
    if (!computed(ir, input) || ir.isInteger(input) || p.parent[input] !== -1) continue;
    if (p.aliases.has(input) || p.reused.has(input) || p.addNs.get(input)?.zeroed) continue;
    if (p.dense.has(input)) continue;
    if (isStack && !canHold(ir, p, join, ir.shape(input))) continue;
    if (NEEDS_DENSE[ir.codeOf(input)] && !isStack) continue;
    const isColumns = ir.is(join, 'concat') && ir.attr(join).axis !== 0;
    if (isColumns && sizeOf(ir.shape(input)) === 0) continue;
    if (hasReshapedTerm(p, input)) {
      if (isColumns || p.parent[join] !== -1) continue;
      p.dense.add(join);
    }
    p.parent[input] = join;
    p.operandIndex[input] = i;
  }
}

/**
 * Whether a stack's rows can be read and written as arrays of this shape. Where that is not theirs, the stack
 * must have its numbers without gaps, and so lie in no other array. Axes of length 1 make no difference, but
 * for columns: instructions write the numbers of a row side by side, and in a wider array those of a column
 * lie apart.
 */
function canHold(ir: Ir, p: Placement, stack: number, shape: Shape): boolean {
  const isLong = (n: number): boolean => n !== 1;
  const own = ir.shape(stack).slice(1);
  const isColumn = own.at(-1) === 1 && (shape.at(-1) ?? 1) !== 1;
  if (!isColumn && sameShape(own.filter(isLong), shape.filter(isLong))) return true;
  if (p.parent[stack] !== -1) return false;
  p.dense.add(stack);
  return true;
}

/**
 * A reshape of transposed numbers is a copy, unless they are written in the transposed order in the
 * first place. Whoever else reads them sees a view.
 */
function planReshape(ir: Ir, p: Placement, reshape: number): void {
  const steps: Step[] = [];
  let node = reshape;
  let view = denseView(0, ir.shape(reshape));
  let transposes = false;
  for (;;) {
    const input = ir.input(node, 0);
    if (ir.is(node, 'reshape')) {
      const before = reshapeView(view, ir.shape(input));
      if (!before) return;
      steps.push({ kind: 'reshape', shape: ir.shape(input) });
      view = before;
    } else if (ir.is(node, 'transpose')) {
      const axes = inverse(ir.attr(node).axes!);
      steps.push({ kind: 'transpose', axes });
      view = transposeView(view, axes);
      transposes = true;
    } else break;
    if (steps.length > MAX_VIEWS) return;
    node = input;
  }
  if (!transposes || !computed(ir, node) || ir.isInteger(node) || p.parent[node] !== -1) return;
  if (p.aliases.has(node) || p.reused.has(node) || isDense(view)) return;
  if (p.addNs.get(node)?.zeroed || hasReshapedTerm(p, node)) return;
  const last = view.shape.length - 1;
  if (last < 0 || (view.strides[last] !== 1 && view.shape[last] !== 1)) return;
  if (!CAN_ADD[ir.codeOf(node)] && !WRITES_ROWS[ir.codeOf(node)]) return;
  p.parent[node] = reshape;
  p.hosts.set(reshape, steps);
}
