/** Reverse-mode differentiation: appends to a graph the nodes of its root's gradients. */
import { GRADIENT_LEAVES, OPS, sumTo, type GradientContext, type OpName } from '../../graph/ops.js';
import { sameShape } from '../../core/shape.js';
import type { Ir } from '../ir/ir.js';
import { completed, sameAxisPositions } from '../ir/axes.js';
import { differentiateNumbers } from './rules.js';
import { isScalarGraph } from '../lower/scalar-bytecode.js';
import { termCount, termPosition } from '../ir/trace.js';

/**
 * Appends the gradients of the sum of the root's elements. Returns by forward node the node of its gradient:
 * of leaves of the operators `wanted`, and of what depends on one; -1 where there is none.
 *
 * A gradient with terms from several consumers is an `addN`, in which each term has its consumer's position,
 * so that a short run skips the terms of positions that it does not have. Wanted leaves always get an `addN`,
 * where their whole gradient lies. With `combine`, terms from one position each are gathered into one
 * product or stack.
 */
export function differentiate(
  ir: Ir,
  root: number,
  wanted: ReadonlySet<OpName>,
  combine: boolean,
): Int32Array {
  if (isScalarGraph(ir)) return differentiateNumbers(ir, root, wanted);
  return new Differentiation(ir, activeNodes(ir, root, wanted), root, combine).run();
}

/** By node up to the last: 1 where it is a wanted leaf or depends on one. */
export function activeNodes(ir: Ir, last: number, wanted: ReadonlySet<OpName>): Uint8Array {
  const active = new Uint8Array(ir.forwardEnd);
  const { start, list } = ir.edges;
  for (let node = 0; node <= last; node++) {
    let isActive = wanted.has(ir.opOf(node));
    for (let e = start[node]!; e < start[node + 1]! && !isActive; e++) isActive = active[list[e]!] === 1;
    active[node] = Number(isActive);
  }
  return active;
}

interface Term {
  node: number;
  position: number;
}

class Differentiation {
  /** The terms of each node's gradient, as far as its consumers have been visited. */
  private readonly terms: (Term[] | undefined)[];

  constructor(
    private readonly ir: Ir,
    private readonly active: Uint8Array,
    private readonly root: number,
    private readonly combine: boolean,
  ) {
    this.terms = new Array<Term[] | undefined>(ir.forwardEnd);
  }

  run(): Int32Array {
    const { ir, root } = this;
    const gradients = new Int32Array(ir.forwardEnd).fill(-1);
    ir.position = 0;
    const seed = ir.constant(1);
    const shape = ir.shape(root);
    this.addTerm(root, shape.length ? ir.op('broadcastTo', [seed], { shape }) : seed, 0);
    for (let node = root; node >= 0; node--) gradients[node] = this.visit(node);
    ir.position = 0;
    return gradients;
  }

  private addTerm(node: number, term: number, position: number): void {
    (this.terms[node] ??= []).push({ node: term, position });
  }

  /** Returns the gradient of a node whose consumers have all been visited, and adds its operands' terms. */
  private visit(node: number): number {
    const { ir } = this;
    const terms = this.terms[node];
    if (!terms || !this.active[node]) return -1;
    const position = ir.positions[node]!;
    ir.position = position;
    const isLeaf = GRADIENT_LEAVES.has(ir.opOf(node));
    const own = terms.map((term) => term.node);
    const positions = terms.map((term) => term.position);
    const dy = totalOf(ir, node, own, positions, isLeaf, this.combine);
    if (!isLeaf) this.addTermsByRule(node, position, dy);
    return dy;
  }

  private addTermsByRule(node: number, position: number, dy: number): void {
    const { ir } = this;
    const definition = OPS[ir.opOf(node)];
    const inputs = ir.inputs(node);
    const context: GradientContext<number> = {
      g: ir,
      inputs,
      output: node,
      attr: ir.attr(node),
      dy,
    };
    const isAddN = ir.is(node, 'addN');
    const rowPositions = ir.is(node, 'stack') ? ir.attr(node).positions : undefined;
    const n = isAddN ? termCount(ir, node) : inputs.length;
    for (let i = 0; i < n; i++) {
      const input = inputs[i]!;
      if (ir.isInteger(input) || !this.active[input] || !definition.reaches(i, context.attr)) continue;
      const edge = isAddN ? termPosition(ir, node, i) : Math.max(position, rowPositions?.[i] ?? 0);
      ir.position = edge;
      const before = ir.count;
      let term = definition.gradient(context, i);
      if (!sameShape(ir.shape(term), ir.shape(input))) term = sumTo(ir, term, ir.shape(input));
      // Where the rule lost track of positions, the gradient's axes are those of what it belongs to.
      if (term >= before)
        ir.setAxisPositions(term, completed(ir.axisPositions[term], ir.axisPositions[input]));
      this.addTerm(input, term, edge);
    }
  }
}

/** A gradient from its terms: the only one, or their `addN`. */
function totalOf(
  ir: Ir,
  node: number,
  own: number[],
  positions: number[],
  wrap: boolean,
  combine: boolean,
): number {
  const position = ir.positions[node]!;
  if (combine) combineTerms(ir, node, own, positions);
  ir.position = position;
  const term = own[0]!;
  const whole =
    positions[0] === position && sameAxisPositions(ir.axisPositions[term], ir.axisPositions[node]);
  if (own.length === 1 && whole && !wrap) return term;
  const addN = ir.push('addN', own, { positions }, ir.shape(node));
  ir.setAxisPositions(addN, ir.axisPositions[node]);
  return addN;
}

/** Replaces terms of one form by a single one, in the lists that are passed. */
function combineTerms(ir: Ir, node: number, own: number[], positions: number[]): void {
  if (own.length < 2 || !ir.shape(node).length) return;
  const order = own.map((_, i) => i).sort((a, b) => positions[a]! - positions[b]!);
  if (rowsOf(ir, node, own, positions)) return;
  // A sum of outer products is one product of two stacks.
  const products = order.filter((i) => outerProduct(ir, own[i]!));
  if (products.length < 2) return;
  const rowPositions = products.map((i) => positions[i]!);
  const factors = products.map((i) => outerProduct(ir, own[i]!)!);
  ir.position = rowPositions[0]!;
  const attr = rowPositions.every((position) => position === rowPositions[0])
    ? {}
    : { positions: rowPositions };
  const columns = ir.op(
    'stack',
    factors.map(([a]) => a),
    attr,
  );
  const rows = ir.op(
    'stack',
    factors.map(([, b]) => b),
    attr,
  );
  const product = ir.op('matmul', [ir.op('transpose', [columns], { axes: [1, 0] }), rows]);
  const gone = new Set(products);
  const rest = own.map((term, i) => [term, positions[i]!] as const).filter((_, i) => !gone.has(i));
  own.length = 0;
  positions.length = 0;
  for (const [term, position] of [...rest, [product, rowPositions[0]!] as const]) {
    own.push(term);
    positions.push(position);
  }
}

/** The two vectors of an outer product, matmul([k, 1], [1, n]); else null. */
function outerProduct(ir: Ir, node: number): readonly [number, number] | null {
  if (!ir.is(node, 'matmul')) return null;
  const a = ir.input(node, 0);
  const b = ir.input(node, 1);
  const isColumn = ir.is(a, 'reshape') && ir.shape(a).length === 2 && ir.shape(a)[1] === 1;
  const isRow = ir.is(b, 'reshape') && ir.shape(b).length === 2 && ir.shape(b)[0] === 1;
  if (!isColumn || !isRow) return null;
  const factors = [ir.input(a, 0), ir.input(b, 0)] as const;
  return factors.every((factor) => ir.shape(factor).length === 1) ? factors : null;
}

/**
 * Replaces terms that are one padded row each, and together all rows, by a stack of the rows; false where
 * they are not.
 */
function rowsOf(ir: Ir, node: number, own: number[], positions: number[]): boolean {
  const shape = ir.shape(node);
  if (own.length !== shape[0]) return false;
  const rowPositions = ir.axisPositions[node]?.[0];
  const rows = new Array<number>(own.length).fill(-1);
  for (const [i, term] of own.entries()) {
    if (!ir.is(term, 'pad')) return false;
    const { axis, start } = ir.attr(term) as { axis: number; start: number };
    const part = ir.input(term, 0);
    if (axis !== 0 || ir.shape(part)[0] !== 1 || rows[start] !== -1) return false;
    if (positions[i] !== (rowPositions?.[start] ?? ir.positions[node])) return false;
    const row = shape.slice(1);
    const whole = ir.is(part, 'reshape') && sameShape(ir.shape(ir.input(part, 0)), row);
    ir.position = positions[i]!;
    rows[start] = whole ? ir.input(part, 0) : ir.op('reshape', [part], { shape: row });
  }
  ir.position = ir.positions[node]!;
  const stack = ir.op('stack', rows, rowPositions ? { positions: rowPositions } : {});
  ir.setAxisPositions(stack, ir.axisPositions[node]);
  own.splice(0, own.length, stack);
  positions.splice(0, positions.length, ir.positions[node]!);
  return true;
}
