/** Reverse-mode differentiation: appends to a graph the nodes of its root's gradients. */
import { GRADIENT_LEAVES, OP_NAMES, sumTo, type GradientContext, type OpName } from '../../graph/ops.js';
import { sameShape } from '../../core/shape.js';
import type { Ir } from '../ir/ir.js';
import { completed, sameAxisPositions } from '../ir/axes.js';
import { combined, type GradientTerm } from './combine.js';
import { differentiateNumbers } from './rules.js';
import { isScalarGraph } from '../lower/scalar-bytecode.js';
import { termCount, termPosition } from '../ir/trace.js';

/** By operator number. */
const IS_GRADIENT_LEAF = Uint8Array.from(OP_NAMES, (op) => Number(GRADIENT_LEAVES.has(op)));

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
  const isWanted = OP_NAMES.map((op) => wanted.has(op));
  const { start, list } = ir.edges;
  for (let node = 0; node <= last; node++) {
    let isActive = isWanted[ir.codeOf(node)]!;
    for (let e = start[node]!; e < start[node + 1]! && !isActive; e++) isActive = active[list[e]!] === 1;
    active[node] = Number(isActive);
  }
  return active;
}

/** The terms of all gradients, in lists from the last back, so that a term is no object. */
class Terms {
  /** Four numbers for each term: node, position, from, and the term before it or -1. */
  private words = new Int32Array(4096);
  private count = 0;
  private readonly last: Int32Array;

  constructor(nodes: number) {
    this.last = new Int32Array(nodes).fill(-1);
  }

  add(to: number, node: number, position: number, from: number): void {
    if (this.count === this.words.length) {
      const bigger = new Int32Array(2 * this.count);
      bigger.set(this.words);
      this.words = bigger;
    }
    const at = this.count;
    this.words[at] = node;
    this.words[at + 1] = position;
    this.words[at + 2] = from;
    this.words[at + 3] = this.last[to]!;
    this.last[to] = at;
    this.count += 4;
  }

  has(of: number): boolean {
    return this.last[of]! >= 0;
  }

  /** The terms of a node, in the order in which they were added. */
  of(node: number): GradientTerm[] {
    const { words } = this;
    const terms: GradientTerm[] = [];
    for (let at = this.last[node]!; at >= 0; at = words[at + 3]!)
      terms.push({ node: words[at]!, position: words[at + 1]!, from: words[at + 2]! });
    return terms.reverse();
  }
}

class Differentiation {
  /** The terms of each node's gradient, as far as its consumers have been visited. */
  private readonly terms: Terms;

  constructor(
    private readonly ir: Ir,
    private readonly active: Uint8Array,
    private readonly root: number,
    private readonly combine: boolean,
  ) {
    this.terms = new Terms(ir.forwardEnd);
  }

  run(): Int32Array {
    const { ir, root } = this;
    const gradients = new Int32Array(ir.forwardEnd).fill(-1);
    ir.position = 0;
    const seed = ir.constant(1);
    const shape = ir.shape(root);
    const whole = shape.length ? ir.op('broadcastTo', [seed], { shape }) : seed;
    this.terms.add(root, whole, 0, ir.count);
    for (let node = root; node >= 0; node--) gradients[node] = this.visit(node);
    ir.position = 0;
    return gradients;
  }

  /** Returns the gradient of a node whose consumers have all been visited, and adds its operands' terms. */
  private visit(node: number): number {
    const { ir } = this;
    if (!this.active[node] || !this.terms.has(node)) return -1;
    const terms = this.terms.of(node);
    const position = ir.positions[node]!;
    ir.position = position;
    const isLeaf = IS_GRADIENT_LEAF[ir.codeOf(node)] === 1;
    const dy = totalOf(ir, node, this.combine ? combined(ir, node, terms) : terms, isLeaf);
    if (!isLeaf) this.addTermsByRule(node, position, dy);
    return dy;
  }

  private addTermsByRule(node: number, position: number, dy: number): void {
    const { ir } = this;
    const definition = ir.row(node);
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
      this.terms.add(input, term, edge, before);
    }
  }
}

/** A gradient from its terms: the only one, or their `addN`. */
function totalOf(ir: Ir, node: number, terms: readonly GradientTerm[], wrap: boolean): number {
  const position = ir.positions[node]!;
  ir.position = position;
  const term = terms[0]!;
  const whole =
    term.position === position && sameAxisPositions(ir.axisPositions[term.node], ir.axisPositions[node]);
  if (terms.length === 1 && whole && !wrap) return term.node;
  const positions = terms.map((each) => each.position);
  const own = terms.map((each) => each.node);
  const addN = ir.push('addN', own, { positions }, ir.shape(node));
  ir.setAxisPositions(addN, ir.axisPositions[node]);
  return addN;
}
