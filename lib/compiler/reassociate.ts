/**
 * Adds first what is ready first: ((h + a) + b) becomes h + (a + b) where h is computed last. In a
 * recurrence, where h waits for the position before, a + b of all positions can then be one node.
 */
import { sameShape } from '../shape.js';
import type { Ir } from './ir.js';
import { rewrite, type Rewritten, type Rule } from './rewrite.js';

export function reassociate(ir: Ir, roots: readonly number[]): Rewritten | null {
  if (!addsSums(ir)) return null;
  const depths = new Int32Array(ir.count);
  for (let node = 0; node < ir.count; node++) {
    const n = ir.inputCount(node);
    for (let i = 0; i < n; i++) depths[node] = Math.max(depths[node]!, depths[ir.input(node, i)]! + 1); // prettier-ignore
  }
  const match: Rule['match'] = ({ uses }, node) => {
    for (const i of [0, 1]) {
      const inner = ir.input(node, i);
      const c = ir.input(node, 1 - i);
      if (!ir.is(inner, 'add') || uses[inner] !== 1) continue;
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

/** Whether anything is added to a sum: most graphs are told apart without looking closer. */
function addsSums(ir: Ir): boolean {
  for (let node = 0; node < ir.count; node++) {
    if (!ir.is(node, 'add')) continue;
    if (ir.is(ir.input(node, 0), 'add') || ir.is(ir.input(node, 1), 'add')) return true;
  }
  return false;
}
