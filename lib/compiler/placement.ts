/**
 * Where results go: straight into the stack, join or sum that uses them, so that no number is
 * copied that could have been written in place.
 */
import type { OpName } from '../graph/ops.js';
import { OPS } from '../graph/ops.js';
import { sizeOf } from '../core/shape.js';
import { denseView, isDense, MOST_VIEWS, reshapeView, sliceView, transposeView } from './view.js';
import type { Ir } from './ir.js';
import { sameLevels } from './levels.js';
import { takeOver } from './in-place.js';
import { termCount, termLevel } from './trace.js';

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

/** Others that write rows wherever these lie. */
const ROW_WRITERS: ReadonlySet<OpName> = new Set<OpName>(['softmax', 'rmsNorm', 'total']);

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

/** The plan for what `keep` needs; without `inPlace`, every result gets memory of its own. */
export function place(ir: Ir, keep: ReadonlySet<number>, inPlace: boolean): Placement {
  const live = new Uint8Array(ir.count);
  const uses = new Int32Array(ir.count);
  for (const node of keep) {
    live[node] = 1;
    uses[node]!++;
  }
  for (let node = ir.count - 1; node >= 0; node--) {
    if (!live[node]) continue;
    for (const input of ir.inputs(node)) {
      live[input] = 1;
      uses[input]!++;
    }
  }
  const p: Placement = {
    live,
    uses,
    parent: new Int32Array(ir.count).fill(-1),
    position: new Int32Array(ir.count),
    totals: new Map(),
    absorbed: new Uint8Array(ir.count),
    hosts: new Map(),
    tookOver: new Map(),
    aliases: new Map(),
  };
  const joins: number[] = [];
  const reshapes: number[] = [];
  for (let node = 0; node < ir.count; node++) {
    if (!live[node]) continue;
    const op = ir.opOf(node);
    if (op === 'total') planTotal(ir, p, node, inPlace);
    else if (op === 'stack' || op === 'concat' || op === 'choose') joins.push(node);
    else if (op === 'reshape' && !p.absorbed[node]) reshapes.push(node);
  }
  if (!inPlace) return p;
  takeOver(ir, p, keep);
  // The largest first: the stacks of a prefix are then views of the longest.
  joins.sort((a, b) => ir.inputCount(b) - ir.inputCount(a) || a - b);
  for (const join of joins) planJoin(ir, p, join);
  for (const reshape of reshapes) planReshape(ir, p, reshape);
  return p;
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

function inverse(axes: readonly number[]): number[] {
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

/** The node that a member of a stack is a reshape of: writing it in place writes the member. */
export function source(ir: Ir, p: Placement, node: number): number {
  for (let i = 0; i < MOST_VIEWS && ir.is(node, 'reshape') && p.parent[node] === -1; i++)
    node = ir.input(node, 0);
  return node;
}

function planJoin(ir: Ir, p: Placement, join: number): void {
  const isStack = ir.is(join, 'stack');
  const n = ir.inputCount(join) - (ir.is(join, 'choose') ? 1 : 0);
  if (isStack) {
    const first = source(ir, p, ir.input(join, 0));
    const other = p.parent[first]!;
    // One that has a place of its own in another stack is filled there.
    if (other >= 0 && ir.is(other, 'stack') && p.parent[join] === -1) {
      const start = p.position[first]!;
      let run = true;
      for (let i = 0; i < n && run; i++) {
        const input = source(ir, p, ir.input(join, i));
        run = p.parent[input] === other && p.position[input] === start + i;
      }
      if (run) {
        p.aliases.set(join, { stack: other, start });
        return;
      }
    }
  }
  for (let i = 0; i < n; i++) {
    const input = isStack ? source(ir, p, ir.input(join, i)) : ir.input(join, i);
    const op = ir.opOf(input);
    if (!computed(ir, input) || ir.isInteger(input) || p.parent[input] !== -1) continue;
    if (p.aliases.has(input) || p.tookOver.has(input) || p.totals.get(input)?.zeroed) continue;
    // These want rows without gaps, which a column range of a join is not.
    const needsDense = op === 'gather' || op === 'scatterAdd' || op === 'choose' || op === 'embed';
    if (needsDense && !isStack) continue;
    if (ir.is(join, 'concat') && ir.attr(join).axis !== 0 && sizeOf(ir.shape(input)) === 0) continue;
    p.parent[input] = join;
    p.position[input] = i;
  }
}

/**
 * A reshape of transposed numbers is a copy, unless they are written in the transposed order in the
 * first place: all others that read them see a view.
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
    if (steps.length > MOST_VIEWS) return;
    node = input;
  }
  if (!transposes || !computed(ir, node) || ir.isInteger(node) || p.parent[node] !== -1) return;
  if (p.aliases.has(node) || p.tookOver.has(node) || isDense(view)) return;
  if (p.totals.get(node)?.zeroed) return;
  const last = view.shape.length - 1;
  if (last < 0 || (view.strides[last] !== 1 && view.shape[last] !== 1)) return;
  if (!ACCUMULATING.has(ir.opOf(node)) && !ROW_WRITERS.has(ir.opOf(node))) return;
  p.parent[node] = reshape;
  p.hosts.set(reshape, steps);
}
