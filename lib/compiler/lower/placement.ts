/**
 * Where results go: straight into the stack, join or sum that uses them, so that no number is
 * copied that could have been written in place.
 */
import type { OpName } from '../../graph/ops.js';
import { sizeOf } from '../../core/shape.js';
import { denseView, isDense, MOST_VIEWS, reshapeView, transposeView } from './view.js';
import type { Ir } from '../ir/ir.js';
import { takeOver } from './in-place.js';
import { ACCUMULATING, type Step, type Placement, computed, planTotal, inverse } from './places.js';

/** Others that write rows wherever these lie. */
const ROW_WRITERS: ReadonlySet<OpName> = new Set<OpName>(['softmax', 'rmsNorm', 'total']);

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
