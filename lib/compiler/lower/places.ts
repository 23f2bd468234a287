/** What the compiler decides about where results go: totals with their terms, aliases, parents. */
import { type OpName, OPS } from '../../graph/ops.js';
import type { Ir } from '../ir/ir.js';
import { termCount, termLevel } from '../ir/trace.js';
import { denseView, sliceView, reshapeView, transposeView } from './view.js';
import { sameLevels } from '../ir/axes.js';

/** Operators whose instructions can add to what is there. */
export const ACCUMULATING: ReadonlySet<OpName> = new Set<OpName>([
  'neg',
  'exp',
  'log',
  'relu',
  'add',
  'sub',
  'mul',
  'div',
  'maximum',
  'maskPositive',
  'pow',
  'sign',
  'abs',
  'tanh',
  'sigmoid',
  'softplus',
  'log1p',
  'erf',
  'arcsin',
  'arcsinh',
  'arctanh',
  'minimum',
  'gt',
  'ge',
  'eq',
  'ifNonzero',
  'ifZero',
  'sum',
  'matmul',
  'softmaxGrad',
  'scatterAdd',
  'chooseGrad',
  'rmsNormGrad',
  'crossEntropyGrad',
  'gatherMatmul',
  'gatherDot',
  'scatterOuter',
]);

/** From a total's whole to the part a term fills: the gradients of slice and reshape undone. */
export type Step =
  | { kind: 'slice'; axis: number; start: number; stop: number }
  | { kind: 'reshape'; shape: readonly number[] }
  | { kind: 'transpose'; axes: readonly number[] };

export interface Term {
  /** The total's operand. */
  input: number;
  /** The node whose numbers are added, past the embeds and reshapes that were absorbed. */
  node: number;
  steps: Step[];
  level: number;
  /** Written straight into the total by its own instruction. */
  placed: boolean;
  /** The first to be written: writes instead of adding. */
  base: boolean;
}

export interface Total {
  terms: Term[];
  /** Must be zero before its first term. */
  zeroed: boolean;
}

export interface Placement {
  live: Uint8Array;
  uses: Int32Array;
  /** The stack, concat, choose or total that a node is written into; -1: memory of its own. */
  parent: Int32Array;
  /** Its position there. */
  position: Int32Array;
  totals: Map<number, Total>;
  /** Embeds and reshapes that vanished into a total. */
  absorbed: Uint8Array;
  /** Reshapes that would copy: what they reshape is written in their order instead, by these steps. */
  hosts: Map<number, Step[]>;
  /** Totals that lie where one of their terms does: that term, an operand. */
  tookOver: Map<number, number>;
  /** Stacks that are a run of another stack's rows. */
  aliases: Map<number, { stack: number; start: number }>;
}

export function computed(ir: Ir, node: number): boolean {
  const op = ir.opOf(node);
  return OPS[op].lower.kind !== 'view' && ir.inputCount(node) > 0 && op !== 'inverseCount';
}

export function planTotal(ir: Ir, p: Placement, total: number, inPlace: boolean): void {
  const terms: Term[] = [];
  const n = termCount(ir, total);
  for (let i = 0; i < n; i++) {
    const steps: Step[] = [];
    let node = ir.input(total, i);
    let view = denseView(0, ir.shape(total));
    for (;;) {
      if (!inPlace || p.uses[node] !== 1) break;
      if (ir.is(node, 'embed')) {
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
      } else if (ir.is(node, 'transpose')) {
        const axes = inverse(ir.attr(node).axes!);
        steps.push({ kind: 'transpose', axes });
        view = transposeView(view, axes);
      } else break;
      p.absorbed[node] = 1;
      node = ir.input(node, 0);
    }
    const op = ir.opOf(node);
    // Kernels write rows: the last axis must be contiguous.
    const last = view.shape.length - 1;
    const rows = last < 0 || view.strides[last] === 1 || view.shape[last] === 1;
    // A node's own instruction runs from the node's level on, which may be below the one from which
    // the term counts: a shorter run must not add it.
    const level = termLevel(ir, total, i);
    const adds = ACCUMULATING.has(op) && ir.levels[node] === level;
    const placed =
      inPlace && rows && p.uses[node] === 1 && adds && p.parent[node] === -1 && !p.tookOver.has(node);
    // A term may already belong to this very total (x + x): uses counts edges, so it is not alone.
    if (placed) {
      p.parent[node] = total;
      p.position[node] = i;
    }
    terms.push({
      input: ir.input(total, i),
      node,
      steps,
      level,
      placed,
      base: false,
    });
  }
  p.totals.set(total, { terms, zeroed: !chooseBase(ir, total, terms) });
}

export function inverse(axes: readonly number[]): number[] {
  const result = new Array<number>(axes.length);
  axes.forEach((axis, i) => (result[axis] = i));
  return result;
}

/** Whether a term has the rows of its total on every run; with fewer, old numbers would stay in it. */
export function fills(ir: Ir, total: number, term: Term): boolean {
  return (
    ir.axisLevels[term.node] === undefined || sameLevels(ir.axisLevels[term.input], ir.axisLevels[total])
  );
}

/** Marks the terms that write instead of adding; false where zeros must come first. */
function chooseBase(ir: Ir, total: number, terms: Term[]): boolean {
  const level = ir.levels[total]!;
  const whole = (term: Term): boolean =>
    term.level === level && fills(ir, total, term) && term.steps.every((step) => step.kind !== 'slice');
  // Placed terms are written when their nodes run, the others when the total does.
  const placed = terms.filter((term) => term.placed).sort((a, b) => a.node - b.node);
  const first = placed[0] ?? terms.find(whole);
  if (first && whole(first)) {
    first.base = true;
    return true;
  }
  if (!terms.every((term) => fills(ir, total, term)) || !tiles(ir, total, terms)) return false;
  for (const term of terms) term.base = true;
  return true;
}

/** Whether the terms are slices of one axis that cover the total without overlap. */
function tiles(ir: Ir, total: number, terms: readonly Term[]): boolean {
  let axis = -1;
  const starts = new Set<number>();
  let covered = 0;
  for (const { level, steps } of terms) {
    const slices = steps.filter((step) => step.kind === 'slice');
    const slice = slices[0];
    if (level !== ir.levels[total] || slices.length !== 1 || steps[0] !== slice) return false;
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
  return starts.size === terms.length && covered === ir.shape(total)[axis];
}
