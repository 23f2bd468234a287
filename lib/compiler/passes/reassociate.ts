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
    for (let i = 0; i < 2; i++) {
      const inner = ir.input(node, i);
      if (!ir.is(inner, 'add') || uses[inner] !== 1) continue;
      const c = ir.input(node, 1 - i);
      const depths = (known ??= depthsOf(ir));
      const a = ir.input(inner, 0);
      const b = ir.input(inner, 1);
      const late = depths[a]! > depths[b]! ? a : b;
      const other = late === a ? b : a;
      if (depths[late]! <= Math.max(depths[other]!, depths[c]!)) continue;
      const shape = ir.shape(node);
      const fits = (term: number): boolean => sameShape(ir.shape(term), shape);
      if (fits(late) && fits(other) && fits(c)) return { inputs: [late, other, c], build: addLate };
    }
    return null;
  };
  return rewrite(ir, roots, [{ ops: ['add'], match }]);
}

/** x + (y + z). */
function addLate(to: Ir, [x, y, z]: readonly number[]): number {
  return to.op('add', [x!, to.op('add', [y!, z!])]);
}

/** Whether anything is added to a sum: most graphs have nothing to reassociate, which is quickly seen. */
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
