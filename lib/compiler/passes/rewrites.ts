/** The passes that turn a graph written position by position into one of whole arrays. */
import type { Ir } from '../ir/ir.js';
import { fuse } from './fuse.js';
import { pad } from './pad.js';
import type { PassName, PassSet } from '../passes.js';
import type { Rewritten } from './rewrite.js';
import { reassociate } from './reassociate.js';
import { roll } from '../batching/auto-batch.js';

/** A new graph for the nodes that the roots need; null where there is nothing to do. */
type Rewrite = (ir: Ir, roots: readonly number[]) => Rewritten | null;

/** A sequence is computed a level at a time: there, only nodes of one level are batched. */
function rewrites(sequence: boolean): (readonly [PassName, Rewrite])[] {
  const rolled =
    (columns: boolean): Rewrite =>
    (ir, roots) =>
      roll(ir, roots, { columns, sameLevel: sequence });
  return [
    ['reassociate', reassociate],
    ['pad', pad],
    ['batch', rolled(sequence)],
    ...(sequence ? [] : [['rebatch', rolled(true)] as const]),
    ['fuse', fuse],
  ];
}

/** A new graph for the roots and leaves among `keep`, made by the passes that are on. */
export function batch(ir: Ir, keep: readonly number[], passes: PassSet, sequence: boolean): Rewritten {
  const numbers = new Int32Array(ir.count);
  for (let node = 0; node < numbers.length; node++) numbers[node] = node;
  let roots = keep;
  for (const [name, rewrite] of rewrites(sequence)) {
    if (!passes.has(name)) continue;
    const next = rewrite(ir, roots);
    if (!next) continue;
    const { ir: made, numbers: renumbered } = next;
    for (let i = 0; i < numbers.length; i++) numbers[i] = numbers[i]! < 0 ? -1 : renumbered[numbers[i]!]!;
    roots = roots.map((root) => renumbered[root]!);
    ir = made;
  }
  return { ir, numbers };
}
