/**
 * Gathers the terms of a gradient: rows into one stack, outer products into one product of stacks, and terms
 * that are alike, such as those of a value that is used again at each position, into the sum of a stack.
 */
import type { Attr } from '../../graph/ops.js';
import { sameShape } from '../../core/shape.js';
import type { Ir } from '../ir/ir.js';

/** What one consumer of a node adds to its gradient. */
export interface GradientTerm {
  node: number;
  /** The position from which it counts. */
  position: number;
  /** The first node that was made for this term: an earlier node is another node's gradient as well. */
  from: number;
}

/** So many alike terms are worth a stack, even where it takes a copy of each. */
const MANY = 3;

/** Fewer terms with the same sum. */
export function combined(ir: Ir, node: number, terms: readonly GradientTerm[]): readonly GradientTerm[] {
  if (terms.length < 2) return terms;
  const stack = stackedRows(ir, node, terms);
  if (stack) return [stack];
  // Consumers are visited from the last back: of one position, the last term is that of the first consumer.
  const sorted = terms.toReversed().sort((a, b) => a.position - b.position);
  const groups = new Map<string, GradientTerm[]>();
  for (const term of sorted) {
    const form = formOf(ir, node, term);
    if (form === undefined) continue;
    const group = groups.get(form);
    if (group) group.push(term);
    else groups.set(form, [term]);
  }
  const made: GradientTerm[] = [];
  const gone = new Set<GradientTerm>();
  for (const [form, group] of groups) {
    const { position } = group[0]!;
    const from = ir.count;
    ir.position = position;
    const sum = form === OUTER ? sumOfOuterProducts(ir, group) : sumOfStack(ir, group);
    if (sum < 0) continue;
    made.push({ node: sum, position, from });
    for (const term of group) gone.add(term);
  }
  return made.length ? [...terms.filter((term) => !gone.has(term)), ...made] : terms;
}

const OUTER = 'outer product';

/** Equal for terms that can be gathered; undefined for those that can be gathered with none. */
function formOf(ir: Ir, node: number, { node: term, from }: GradientTerm): string | undefined {
  if (ir.shape(node).length && outerProduct(ir, term)) return OUTER;
  if (ir.axisPositions[term]) return undefined;
  if (term < from) return 'passed on';
  return isElementwise(ir, term) || ir.is(term, 'sum') ? keyOf(ir, term) : undefined;
}

/** Equal for nodes of one operator on operands of the same shapes. */
function keyOf(ir: Ir, node: number): string {
  const { exponent, axes } = ir.attr(node);
  const shapes = ir.inputs(node).map((input) => ir.shape(input).join());
  return [ir.opOf(node), exponent, axes, ...shapes].join(';');
}

function isElementwise(ir: Ir, node: number): boolean {
  const { kind } = ir.row(node).lower;
  return kind === 'unary' || kind === 'binary' || ir.is(node, 'pow');
}

/** The sum of alike terms, ascending by position, or -1 where a stack of them would save nothing. */
function sumOfStack(ir: Ir, terms: readonly GradientTerm[]): number {
  if (terms.length < MANY) return -1;
  const nodes = terms.map(({ node }) => node);
  const attr = stackAttr(terms);
  if (nodes.every((node) => node === nodes[0])) {
    // The same gradient, so many times: where a run can have fewer of them, it adds them up.
    return attr.positions ? -1 : ir.op('mul', [nodes[0]!, ir.constant(nodes.length)]);
  }
  const from = terms.map((term) => term.from);
  const stack = stacked(ir, nodes, from, attr);
  return stack < 0 ? -1 : ir.op('sum', [stack], { axes: [0] });
}

/** The attribute of a stack of terms: their positions, where these differ. */
function stackAttr(terms: readonly GradientTerm[]): Attr {
  const { position } = terms[0]!;
  if (terms.every((term) => term.position === position)) return {};
  return { positions: terms.map((term) => term.position) };
}

/**
 * Nodes of one shape along a new first axis. Of nodes that were made for their terms (from `from` on) the
 * operands are stacked instead, as far as that goes. -1: they have no operand that differs.
 */
function stacked(ir: Ir, nodes: readonly number[], from: readonly number[], attr: Attr): number {
  const first = nodes[0]!;
  const isOwn = nodes.every((node, i) => node >= from[i]!);
  const computes = isOwn && (isElementwise(ir, first) || ir.is(first, 'sum'));
  const key = computes ? keyOf(ir, first) : '';
  if (!computes || !nodes.every((node) => keyOf(ir, node) === key)) return stackOf(ir, nodes, attr);
  const operands = ir.inputs(first).map((_, i) => nodes.map((node) => ir.input(node, i)));
  if (operands.some((list) => list.some((operand) => ir.axisPositions[operand]))) return -1;
  const made = operands.map((list) =>
    list.every((operand) => operand === list[0]) ? -1 : stacked(ir, list, from, attr),
  );
  if (made.every((stack) => stack < 0)) return -1;
  const shape = ir.shape(first);
  if (ir.is(first, 'sum')) {
    const rank = ir.shape(operands[0]![0]!).length;
    const axes = ir.attr(first).axes ?? Array.from({ length: rank }, (_, i) => i);
    return ir.op('sum', made, { axes: axes.map((axis) => (axis < 0 ? axis + rank : axis) + 1) });
  }
  const inputs = made.map((stack, i) => {
    if (stack < 0) return operands[i]![0]!;
    const [m, ...rest] = ir.shape(stack);
    const units = new Array<number>(shape.length - rest.length).fill(1);
    return units.length ? ir.op('reshape', [stack], { shape: [m!, ...units, ...rest] }) : stack;
  });
  return ir.op(ir.opOf(first), inputs, ir.attr(first));
}

/** A stack; of the rows of an array, a part of that array. */
function stackOf(ir: Ir, nodes: readonly number[], attr: Attr): number {
  const rows = rowsOfArray(ir, nodes);
  if (!rows) return ir.op('stack', nodes, attr);
  const { array, start } = rows;
  const stop = start + nodes.length;
  const { positions } = attr;
  const own = ir.axisPositions[array]?.[0]?.slice(start, stop);
  if (own && !(positions && own.every((position, i) => position <= positions[i]!)))
    return ir.op('stack', nodes, attr);
  const part = ir.op('slice', [array], { axis: 0, start, stop });
  const rest =
    ir.axisPositions[array]?.slice(1) ??
    ir
      .shape(array)
      .slice(1)
      .map(() => undefined);
  ir.setAxisPositions(part, positions || rest.some((axis) => axis) ? [positions, ...rest] : undefined);
  return part;
}

/** The array that nodes are consecutive rows of, each reshape(slice(array, i, i + 1)), and the first row. */
function rowsOfArray(ir: Ir, nodes: readonly number[]): { array: number; start: number } | undefined {
  const sliceOf = (node: number): number => (ir.is(node, 'reshape') ? ir.input(node, 0) : -1);
  const first = sliceOf(nodes[0]!);
  if (first < 0 || !ir.is(first, 'slice')) return undefined;
  const array = ir.input(first, 0);
  const { start } = ir.attr(first);
  if (!sameShape(ir.shape(nodes[0]!), ir.shape(array).slice(1))) return undefined;
  const follow = nodes.every((node, i) => {
    const slice = sliceOf(node);
    if (slice < 0 || !ir.is(slice, 'slice') || ir.input(slice, 0) !== array) return false;
    const attr = ir.attr(slice);
    return attr.axis === 0 && attr.start === start! + i && attr.stop === attr.start + 1;
  });
  return follow ? { array, start: start! } : undefined;
}

/** A sum of outer products is one product of two stacks. -1: there is only one. */
function sumOfOuterProducts(ir: Ir, terms: readonly GradientTerm[]): number {
  if (terms.length < 2) return -1;
  const factors = terms.map(({ node }) => outerProduct(ir, node)!);
  const attr = stackAttr(terms);
  const columns = stackOf(
    ir,
    factors.map(([a]) => a),
    attr,
  );
  const rows = stackOf(
    ir,
    factors.map(([, b]) => b),
    attr,
  );
  return ir.op('matmul', [ir.op('transpose', [columns], { axes: [1, 0] }), rows]);
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

/** The stack of terms that are one padded row each, and together all rows; else undefined. */
function stackedRows(ir: Ir, node: number, terms: readonly GradientTerm[]): GradientTerm | undefined {
  const shape = ir.shape(node);
  if (terms.length !== shape[0]) return undefined;
  const rowPositions = ir.axisPositions[node]?.[0];
  const from = ir.count;
  const rows = new Array<number>(terms.length).fill(-1);
  for (const { node: term, position } of terms) {
    if (!ir.is(term, 'pad')) return undefined;
    const { axis, start } = ir.attr(term) as { axis: number; start: number };
    const part = ir.input(term, 0);
    if (axis !== 0 || ir.shape(part)[0] !== 1 || rows[start] !== -1) return undefined;
    if (position !== (rowPositions?.[start] ?? ir.positions[node])) return undefined;
    const row = shape.slice(1);
    const whole = ir.is(part, 'reshape') && sameShape(ir.shape(ir.input(part, 0)), row);
    ir.position = position;
    rows[start] = whole ? ir.input(part, 0) : ir.op('reshape', [part], { shape: row });
  }
  ir.position = ir.positions[node]!;
  const stack = ir.op('stack', rows, rowPositions ? { positions: rowPositions } : {});
  ir.setAxisPositions(stack, ir.axisPositions[node]);
  return { node: stack, position: ir.position, from };
}
