/**
 * Runs the passes that rewrite the graph before it is differentiated, in the order of the table in
 * passes.ts.
 */
import { autoBatch } from '../batching/auto-batch.js';
import type { Ir, Rewritten } from '../ir/ir.js';
import { PASSES, type PassOf, type PassSet } from '../passes.js';
import { fuse } from './fuse.js';
import { pad } from './pad.js';
import { reassociate } from './reassociate.js';

/**
 * A new graph of the nodes that the roots need; null where there is nothing to do. A `sequence` runs one
 * position at a time: there, only nodes of one position are batched.
 */
type Rewrite = (ir: Ir, roots: readonly number[], sequence: boolean) => Rewritten | null;

const REWRITES: Record<PassOf<'rewrite'>, Rewrite> = {
  reassociate,
  pad,
  'auto-batch': (ir, roots, sequence) => autoBatch(ir, roots, { columns: sequence, samePosition: sequence }),
  // In a sequence the first pass batched columns already.
  rebatch: (ir, roots, sequence) =>
    sequence ? null : autoBatch(ir, roots, { columns: true, samePosition: false }),
  fuse,
};

/** A new graph for the roots and leaves among `keep`, made by the passes that are on. */
export function applyRewrites(
  ir: Ir,
  keep: readonly number[],
  passes: PassSet,
  sequence: boolean,
): Rewritten {
  const numbers = new Int32Array(ir.count);
  for (let node = 0; node < numbers.length; node++) numbers[node] = node;
  let roots = keep;
  for (const { name, stage } of PASSES) {
    if (stage !== 'rewrite' || !passes.has(name)) continue;
    const next = REWRITES[name](ir, roots, sequence);
    if (!next) continue;
    const { ir: made, numbers: renumbered } = next;
    for (let i = 0; i < numbers.length; i++) numbers[i] = numbers[i]! < 0 ? -1 : renumbered[numbers[i]!]!;
    roots = roots.map((root) => renumbered[root]!);
    ir = made;
  }
  return { ir, numbers };
}
