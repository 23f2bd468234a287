/** The plan of where results go, and how the terms of an `addN` get there. */
import { OP_NAMES, opsWhere } from '../../graph/ops.js';
import type { Ir } from '../ir/ir.js';
import { termCount, termPosition } from '../ir/trace.js';
import { denseView, sliceView, reshapeView, transposeView } from './view.js';
import { sameAxisPositions } from '../ir/axes.js';

/** Operators, by number, whose instructions can add to what is there. */
export const CAN_ADD = opsWhere(({ placing }) => placing === 'adds' || placing === 'addsDense');

/** Views and padding, by number, past which a term can be written into an `addN`. */
const IS_ABSORBED = Uint8Array.from(OP_NAMES, (op) => Number(['pad', 'reshape', 'transpose'].includes(op)));
/** Most terms have none; they share this list. */
const NO_STEPS: Step[] = [];

/** Operators, by number, that lay their operands side by side. */
export const IS_JOIN = opsWhere(({ lower }) => lower.kind === 'join');

const IS_COMPUTED = opsWhere(({ lower: { kind } }) => kind !== 'view' && kind !== 'leaf');

/** A step from a whole array to the part that a term fills: it undoes the gradient of a view. */
export type Step =
  | { kind: 'slice'; axis: number; start: number; stop: number }
  | { kind: 'reshape'; shape: readonly number[] }
  | { kind: 'transpose'; axes: readonly number[] };

export interface Term {
  /** The `addN`'s operand. */
  input: number;
  /** The node whose numbers are added: behind the padding and views that were absorbed. */
  node: number;
  steps: Step[];
  /** The position from which the term counts. */
  position: number;
  /** Written straight into the `addN` by its own instruction. */
  placed: boolean;
  /** Writes instead of adding: the first term to be written, or one of several that do not overlap. */
  base: boolean;
}

export interface AddN {
  terms: Term[];
  /** Has to be cleared before its first term is added. */
  zeroed: boolean;
  /** Whether a term is written in another shape: it must then lie in one piece. */
  hasReshapedTerm: boolean;
}

/** A map of nodes of which many can have a value: an array, which grows without hashing. */
export class NodeMap<T> {
  private readonly values: (T | undefined)[] = [];

  get(node: number): T | undefined {
    return this.values[node];
  }
  has(node: number): boolean {
    return this.values[node] !== undefined;
  }
  /** Nodes are set in any order, mostly ascending. */
  set(node: number, value: T): void {
    const { values } = this;
    while (values.length < node) values.push(undefined);
    values[node] = value;
  }
}

export interface Placement {
  /** How often each node is used; 0: not needed. */
  uses: Int32Array;
  /**
   * The stack, concatenation, choice, `addN` or reshape that a node is written into; -1: memory of its own.
   */
  parent: Int32Array;
  /** Which operand it is there. */
  operandIndex: Int32Array;
  addNs: NodeMap<AddN>;
  /** Padding and views that vanished into an `addN`: its terms are written past them. */
  absorbed: Uint8Array;
  /** Reshapes that would be copies: what they reshape is written in their order, by these steps. */
  hosts: Map<number, Step[]>;
  /** Totals that lie in the memory of one of their operands: that operand. */
  reused: NodeMap<number>;
  /** Stacks that are consecutive rows of another stack. */
  aliases: Map<number, { stack: number; start: number }>;
  /** Stacks that lie in no other array, since results of another shape than their rows lie in them. */
  dense: Set<number>;
}

/** Whether a node has instructions of its own: it is no leaf and no view. */
export function computed(ir: Ir, node: number): boolean {
  return IS_COMPUTED[ir.codeOf(node)] === 1 && ir.inputCount(node) > 0;
}

/** Decides which terms of an `addN` their own instructions write into it, and which come first. */
export function planAddN(ir: Ir, p: Placement, addN: number, inPlace: boolean): void {
  const terms: Term[] = [];
  const n = termCount(ir, addN);
  const whole = denseView(0, ir.shape(addN));
  for (let i = 0; i < n; i++) {
    let steps = NO_STEPS;
    let node = ir.input(addN, i);
    let view = whole;
    for (;;) {
      if (!inPlace || p.uses[node] !== 1 || !IS_ABSORBED[ir.codeOf(node)]) break;
      if (steps === NO_STEPS) steps = [];
      if (ir.is(node, 'pad')) {
        const inner = ir.input(node, 0);
        const { axis, start } = ir.attr(node) as { axis: number; start: number };
        steps.push({ kind: 'slice', axis, start, stop: start + ir.shape(inner)[axis]! });
        view = sliceView(view, axis, start, start + ir.shape(inner)[axis]!);
      } else if (ir.is(node, 'reshape')) {
        const shape = ir.shape(ir.input(node, 0));
        const part = reshapeView(view, shape);
        if (!part) break;
        steps.push({ kind: 'reshape', shape });
        view = part;
      } else {
        const axes = inverse(ir.attr(node).axes!);
        steps.push({ kind: 'transpose', axes });
        view = transposeView(view, axes);
      }
      p.absorbed[node] = 1;
      node = ir.input(node, 0);
    }
    // Instructions write rows: the last axis must be contiguous.
    const last = view.shape.length - 1;
    const rows = last < 0 || view.strides[last] === 1 || view.shape[last] === 1;
    // A node's instruction runs from the node's position on, which may be before the one from which the
    // term counts: a run that ends between the two must not add it.
    const position = termPosition(ir, addN, i);
    const adds = CAN_ADD[ir.codeOf(node)] === 1 && ir.positions[node] === position;
    const placed =
      inPlace && rows && p.uses[node] === 1 && adds && p.parent[node] === -1 && !p.reused.has(node);
    // Of x + x neither term is placed: x has two uses.
    if (placed) {
      p.parent[node] = addN;
      p.operandIndex[node] = i;
    }
    terms.push({
      input: ir.input(addN, i),
      node,
      steps,
      position,
      placed,
      base: false,
    });
  }
  const zeroed = !markBaseTerms(ir, addN, terms);
  const isReshaped = ({ steps }: Term): boolean => steps.some((step) => step.kind === 'reshape');
  p.addNs.set(addN, { terms, zeroed, hasReshapedTerm: terms.some(isReshaped) });
}

/** Whether a node is an `addN` of which a term is written in another shape. */
export function hasReshapedTerm(p: Placement, node: number): boolean {
  return p.addNs.get(node)?.hasReshapedTerm === true;
}

export function inverse(axes: readonly number[]): number[] {
  const result = new Array<number>(axes.length);
  axes.forEach((axis, i) => (result[axis] = i));
  return result;
}

/**
 * Whether a term has the rows of its `addN` in every run; with fewer, numbers of an earlier run would stay.
 */
export function fills(ir: Ir, addN: number, term: Term): boolean {
  return (
    ir.axisPositions[term.node] === undefined ||
    sameAxisPositions(ir.axisPositions[term.input], ir.axisPositions[addN])
  );
}

/** Marks the terms that write instead of adding; false where the `addN` has to be cleared first. */
function markBaseTerms(ir: Ir, addN: number, terms: Term[]): boolean {
  const position = ir.positions[addN]!;
  const whole = (term: Term): boolean =>
    term.position === position && fills(ir, addN, term) && term.steps.every((step) => step.kind !== 'slice');
  // Placed terms are written where their nodes stand in the order, the others where the `addN` does.
  let first: Term | undefined;
  for (const term of terms) if (term.placed && !(first && first.node <= term.node)) first = term;
  first ??= terms.find(whole);
  if (first && whole(first)) {
    first.base = true;
    return true;
  }
  if (!terms.every((term) => fills(ir, addN, term)) || !tiles(ir, addN, terms)) return false;
  for (const term of terms) term.base = true;
  return true;
}

/** Whether the terms are slices of one axis that cover the `addN` without overlap. */
function tiles(ir: Ir, addN: number, terms: readonly Term[]): boolean {
  let axis = -1;
  const starts = new Set<number>();
  let covered = 0;
  for (const { position, steps } of terms) {
    const slices = steps.filter((step) => step.kind === 'slice');
    const slice = slices[0];
    if (position !== ir.positions[addN] || slices.length !== 1 || steps[0] !== slice) return false;
    if (axis >= 0 && slice!.axis !== axis) return false;
    axis = slice!.axis;
    // Equal tiles: distinct starts at multiples of the width cannot overlap.
    const width = slice!.stop - slice!.start;
    if (slice!.start % width !== 0) return false;
    const firstSlice = terms[0]!.steps[0] as { start: number; stop: number };
    if (width !== firstSlice.stop - firstSlice.start) return false;
    starts.add(slice!.start);
    covered += width;
  }
  return starts.size === terms.length && covered === ir.shape(addN)[axis];
}
