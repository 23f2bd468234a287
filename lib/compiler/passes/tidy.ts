/**
 * Removes what differentiation leaves behind: views that change nothing, and products that are transposed.
 */
import { sameShape } from '../../core/shape.js';
import type { Ir, Rewritten } from '../ir/ir.js';
import { sameAxisPositions } from '../ir/axes.js';
import { rewrite, type Match, type Subject } from './rewrite.js';

/** Tidies the graph that `keep` depends on, forward and backward. */
export function tidy(ir: Ir, keep: readonly number[]): Rewritten | null {
  const first = rewrite(ir, keep, [
    { ops: ['reshape', 'slice', 'pad', 'broadcastTo'], match: identity },
    { ops: ['transpose'], match: transposedTwice },
  ]);
  // The second rule needs a product's operands behind at most one transpose, which the first ones ensure.
  const now = first ? keep.map((node) => first.numbers[node]!) : keep;
  const second = rewrite(first?.ir ?? ir, now, [{ ops: ['transpose'], match: transposedProduct }]);
  if (!first || !second) return first ?? second;
  return {
    ir: second.ir,
    numbers: first.numbers.map((node) => (node < 0 ? -1 : second.numbers[node]!)),
  };
}

/** A view that shows all of its operand in the same shape is the operand. */
function identity({ ir }: Subject, node: number): Match | null {
  const x = ir.input(node, 0);
  if (!sameShape(ir.shape(x), ir.shape(node))) return null;
  // A padded array is whole in a short run too: it has zeros for the rows that its operand lacks.
  if (!sameAxisPositions(ir.axisPositions[x], ir.axisPositions[node])) return null;
  return { inputs: [x], build: (_, [same]) => same! };
}

function transposedTwice({ ir }: Subject, node: number): Match | null {
  if (!ir.is(ir.input(node, 0), 'transpose')) return null;
  const inner = ir.attr(ir.input(node, 0)).axes!;
  const axes = ir.attr(node).axes!.map((axis) => inner[axis]!);
  const x = ir.input(ir.input(node, 0), 0);
  const same = isSorted(axes);
  if (same && !sameAxisPositions(ir.axisPositions[x], ir.axisPositions[node])) return null;
  return { inputs: [x], build: (to, [of]) => (same ? of! : to.op('transpose', [of!], { axes })) };
}

/**
 * (a b)ᵀ = bᵀ aᵀ, where a is itself a transposed matrix, so that aᵀ needs no copy, and the transpose makes
 * the product's rows its columns: the product is then written as it is read.
 */
function transposedProduct({ ir, uses }: Subject, node: number): Match | null {
  const product = ir.input(node, 0);
  if (!ir.is(product, 'matmul') || uses[product] !== 1) return null;
  const [a, b] = ir.inputs(product) as [number, number];
  const rank = ir.shape(product).length;
  if (ir.shape(a).length !== rank || ir.shape(b).length !== rank) return null;
  const swapped = (axis: number): number => (axis < rank - 2 ? axis : 2 * rank - 3 - axis);
  const { axes } = ir.attr(node);
  if (!ir.is(a, 'transpose') || ir.attr(a).axes![rank - 2] !== rank - 1) return null;
  if (axes![rank - 1] !== rank - 2) return null;
  const swap = axes!.map((_, i) => swapped(i));
  const inner = swap.map((axis) => ir.attr(a).axes![axis]!);
  const outer = axes!.map(swapped);
  return {
    inputs: [ir.input(a, 0), b],
    build: (to, [first, second]) => {
      const right = isSorted(inner) ? first! : to.op('transpose', [first!], { axes: inner });
      const made = to.op('matmul', [to.op('transpose', [second!], { axes: swap }), right]);
      return isSorted(outer) ? made : to.op('transpose', [made], { axes: outer });
    },
  };
}

function isSorted(axes: readonly number[]): boolean {
  return axes.every((axis, i) => axis === i);
}
