/**
 * Reassociation: (h + a) + b becomes h + (a + b) where h is computed last. In a recurrence h waits for the
 * position before, while the sums a + b of all positions can then be one node.
 */
import { sameShape } from '../../core/shape.js';
import type { Ir, Rewritten } from '../ir/ir.js';
import { rewrite, type Rule } from './rewrite.js';

export function reassociate(ir: Ir, roots: readonly number[]): Rewritten | null {
  if (!addsSums(ir)) return null;
  let known: Int32Array | undefined;
  const match: Rule['match'] = ({ uses }, node) => {
    for (const i of [0, 1]) {
      const inner = ir.input(node, i);
      const c = ir.input(node, 1 - i);
      if (!ir.is(inner, 'add') || uses[inner] !== 1) continue;
      const depths = (known ??= depthsOf(ir));
      const [a, b] = ir.inputs(inner) as [number, number];
      const [late, other] = depths[a]! > depths[b]! ? [a, b] : [b, a];
      if (depths[late]! <= Math.max(depths[other]!, depths[c]!)) continue;
      const shape = ir.shape(node);
      if (![late, other, c].every((term) => sameShape(ir.shape(term), shape))) continue;
      return {
        inputs: [late, other, c],
        build: (to, [x, y, z]) => to.op('add', [x!, to.op('add', [y!, z!])]),
      };
    }
    return null;
  };
  return rewrite(ir, roots, [{ ops: ['add'], match }]);
}

/** Whether anything is added to a sum: a quick check, because most graphs have nothing to reassociate. */
function addsSums(ir: Ir): boolean {
  for (let node = 0; node < ir.count; node++) {
    if (!ir.is(node, 'add')) continue;
    if (ir.is(ir.input(node, 0), 'add') || ir.is(ir.input(node, 1), 'add')) return true;
  }
  return false;
}

/** How many nodes lie on the longest path from a leaf to each node. */
function depthsOf(ir: Ir): Int32Array {
  const depths = new Int32Array(ir.count);
  const { start, list } = ir.edges;
  for (let node = 0; node < ir.count; node++) {
    let deepest = 0;
    const end = start[node + 1]!;
    for (let e = start[node]!; e < end; e++) deepest = Math.max(deepest, depths[list[e]!]! + 1);
    depths[node] = deepest;
  }
  return depths;
}
