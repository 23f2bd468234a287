/**
 * Operator fusion: replaces several operators by one that a kernel computes in one pass over each row, as
 * for root-mean-square norms, a classifier's loss and products with chosen rows; and scales the smaller
 * operand of a product instead of the product. It comes before differentiation, so that the fused
 * operator's own gradient is used.
 */
import type { OpName } from '../../graph/ops.js';
import { sameShape, sizeOf } from '../../core/shape.js';
import type { Ir, Rewritten } from '../ir/ir.js';
import { rewrite, type Match, type Subject } from './rewrite.js';
import { MAX_VIEWS } from '../ir/views.js';

/** Fuses what the roots depend on. */
export function fuse(ir: Ir, roots: readonly number[]): Rewritten | null {
  return rewrite(ir, roots, [
    { ops: ['mul'], match: rmsNorm },
    { ops: ['neg', 'log'], match: crossEntropy },
    { ops: ['matmul'], match: rowProduct },
    { ops: ['mul', 'div'], match: scaledProduct },
  ]);
}

/** What a node is, behind views that only give the same numbers another shape. */
function reshaped(ir: Ir, node: number): number {
  const isSame = (view: number): boolean =>
    ir.is(view, 'reshape') ||
    (ir.is(view, 'broadcastTo') && sizeOf(ir.shape(view)) === sizeOf(ir.shape(ir.input(view, 0))));
  for (let i = 0; i < MAX_VIEWS && isSame(node); i++) node = ir.input(node, 0);
  return node;
}

/** The number that all elements of a node are, where it is a constant. */
function number(ir: Ir, node: number): number | undefined {
  const isView = (view: number): boolean => ir.is(view, 'reshape') || ir.is(view, 'broadcastTo');
  for (let i = 0; i < MAX_VIEWS && isView(node); i++) node = ir.input(node, 0);
  return ir.is(node, 'constant') ? ir.constantValue(node) : undefined;
}

/** The constant operand of a commutative operator, and the other one. */
function besideNumber(ir: Ir, node: number): { other: number; value: number } | null {
  for (const i of [0, 1]) {
    const value = number(ir, ir.input(node, i));
    if (value !== undefined) return { other: reshaped(ir, ir.input(node, 1 - i)), value };
  }
  return null;
}

/** x (scale sum(x²) + eps)^-0.5, the sum over the last axis. */
function rmsNorm({ ir }: Subject, node: number): Match | null {
  for (const i of [0, 1]) {
    const x = ir.input(node, i);
    const shape = ir.shape(x);
    if (!shape.length || !sameShape(shape, ir.shape(node))) continue;
    const factor = ir.input(node, 1 - i);
    const root = reshaped(ir, factor);
    if (!ir.is(root, 'pow') || ir.attr(root).exponent !== -0.5) continue;
    // One factor per row, broadcast along it.
    const rows = sizeOf(shape.slice(0, -1));
    const along = ir.shape(factor);
    if (sizeOf(along) !== rows || sizeOf(ir.shape(root)) !== rows) continue;
    if (along.length ? along[along.length - 1] !== 1 : rows !== 1) continue;
    const square = meanSquare(ir, reshaped(ir, ir.input(root, 0)));
    if (square?.x !== x) continue;
    const attr = { scale: square.scale, eps: square.eps };
    return { inputs: [x], build: (to, [of]) => to.op('rmsNorm', [of!], attr) };
  }
  return null;
}

/** scale sum(x²) + eps, where scale and eps may be absent. */
function meanSquare(ir: Ir, node: number): { x: number; scale: number; eps: number } | null {
  let eps = 0;
  if (ir.is(node, 'add')) {
    const beside = besideNumber(ir, node);
    if (!beside) return null;
    eps = beside.value;
    node = beside.other;
  }
  let scale = 1;
  if (ir.is(node, 'mul')) {
    const beside = besideNumber(ir, node);
    if (!beside) return null;
    scale = beside.value;
    node = beside.other;
  } else if (ir.is(node, 'div')) {
    const by = number(ir, ir.input(node, 1));
    if (by === undefined) return null;
    scale = 1 / by;
    node = reshaped(ir, ir.input(node, 0));
  }
  if (!ir.is(node, 'sum')) return null;
  const square = ir.input(node, 0);
  const last = ir.shape(square).length - 1;
  const { axes } = ir.attr(node);
  if (axes ? axes.length !== 1 || axes[0] !== last : last !== 0) return null;
  const isSquare = ir.is(square, 'mul')
    ? ir.input(square, 0) === ir.input(square, 1)
    : ir.is(square, 'pow') && ir.attr(square).exponent === 2;
  return isSquare ? { x: ir.input(square, 0), scale, eps } : null;
}

/** -log(softmax(x)[target]) of a vector or of each row; also without the minus. */
function crossEntropy({ ir, uses }: Subject, node: number): Match | null {
  const negated = ir.is(node, 'neg');
  const log = negated ? ir.input(node, 0) : node;
  if (!ir.is(log, 'log') || (negated && uses[log] !== 1)) return null;
  const picked = ir.input(log, 0);
  if (!ir.is(picked, 'gather') || uses[picked] !== 1) return null;
  const [softmax, target] = ir.inputs(picked) as [number, number];
  if (!ir.is(softmax, 'softmax') || uses[softmax] !== 1 || ir.attr(softmax).lengths) return null;
  const x = ir.input(softmax, 0);
  const rank = ir.shape(x).length;
  const { batch } = ir.attr(picked);
  if (rank !== (batch ? 2 : 1) || ir.shape(target).length !== rank - 1) return null;
  if (ir.axisPositions[x]?.[rank - 1]) return null;
  return {
    inputs: [x, target],
    build: (to, inputs) => {
      const loss = to.op('crossEntropy', inputs);
      return negated ? loss : to.op('neg', [loss]);
    },
  };
}

/** The largest factor, or its reciprocal, that moves to an operand of a product. */
const MAX_FACTOR = 2 ** 16;

/** A product multiplied or divided by a number: its smaller operand is scaled instead. */
function scaledProduct({ ir, uses }: Subject, node: number): Match | null {
  const op = ir.opOf(node);
  const i = number(ir, ir.input(node, 0)) === undefined ? 0 : 1;
  const by = ir.input(node, 1 - i);
  const value = number(ir, by);
  if ((op === 'div' && i === 1) || value === undefined || ir.shape(by).length) return null;
  // A larger or smaller factor could take an operand out of the numbers' range where the product is in it.
  if (!(Math.abs(value) <= MAX_FACTOR && Math.abs(value) >= 1 / MAX_FACTOR)) return null;
  const seen = behindViews(ir, uses, ir.input(node, i), ['reshape']);
  const product = seen.node;
  if (!ir.is(product, 'matmul') || uses[product] !== 1) return null;
  const operands = ir.inputs(product);
  const sizes = operands.map((operand) => sizeOf(ir.shape(operand)));
  const smaller = sizes[0]! <= sizes[1]! ? 0 : 1;
  if (sizes[smaller]! >= sizeOf(ir.shape(node))) return null;
  // The operand is scaled before its views are taken.
  const scaled = behindViews(ir, uses, operands[smaller]!, ['reshape', 'transpose']);
  const viewed = (to: Ir, x: number, views: readonly number[]): number =>
    views.reduce((made, view) => to.op(ir.opOf(view), [made], ir.attr(view)), x);
  return {
    inputs: [scaled.node, operands[1 - smaller]!, by],
    build: (to, [x, other, factor]) => {
      const made = viewed(to, to.op(op, [x!, factor!]), scaled.views);
      return viewed(to, to.op('matmul', smaller ? [other!, made] : [made, other!]), seen.views);
    },
  };
}

/** The node behind views that are used once each, and these views, innermost first. */
function behindViews(
  ir: Ir,
  uses: Int32Array,
  node: number,
  kinds: readonly OpName[],
): { node: number; views: readonly number[] } {
  const views: number[] = [];
  while (kinds.includes(ir.opOf(node)) && uses[node] === 1) {
    views.push(node);
    node = ir.input(node, 0);
  }
  return { node, views: views.reverse() };
}

/** x.gather(index) @ M.gather(index). */
function rowProduct({ ir, uses }: Subject, node: number): Match | null {
  const [a, b] = ir.inputs(node) as [number, number];
  if (!ir.is(a, 'gather') || !ir.is(b, 'gather') || uses[b] !== 1) return null;
  const [x, index] = ir.inputs(a) as [number, number];
  const matrix = ir.input(b, 0);
  if (ir.input(b, 1) !== index || ir.attr(a).batch || ir.attr(b).batch) return null;
  if (ir.shape(x).length !== 1 || ir.shape(matrix).length !== 2 || ir.shape(index).length !== 1) return null;
  if (ir.shape(x)[0] !== ir.shape(matrix)[0]) return null;
  if (ir.axisPositions[x] || ir.axisPositions[matrix] || ir.axisPositions[index]) return null;
  return {
    inputs: [x, matrix, index],
    build: (to, inputs) => to.op('gatherMatmul', inputs),
  };
}
