/**
 * Which nodes are needed, and how often, and which a gradient reaches: one sweep from the roots down to the
 * leaves.
 */
import { OP_NAMES, OPS } from '../../graph/ops.js';
import type { Ir } from './ir.js';

/**
 * How often each node is used: by nodes that `wanted` depend on, and by being wanted itself. 0: not needed.
 */
export function countUses(ir: Ir, wanted: Iterable<number>): Int32Array {
  const uses = new Int32Array(ir.count);
  for (const node of wanted) uses[node]!++;
  const { start, list } = ir.edges;
  for (let node = ir.count - 1; node >= 0; node--) {
    if (!uses[node]) continue;
    const end = start[node + 1]!;
    for (let e = start[node]!; e < end; e++) uses[list[e]!]!++;
  }
  return uses;
}

/** By node: 1 for the nodes of either list. */
export function marked(ir: Ir, some: Iterable<number>, others: Iterable<number>): Uint8Array {
  const marks = new Uint8Array(ir.count);
  for (const node of some) marks[node] = 1;
  for (const node of others) marks[node] = 1;
  return marks;
}

/** Where a gradient of the roots flows, by node: 1 or 0. */
export function reachedByGradient(ir: Ir, roots: Iterable<number>): Uint8Array {
  const reached = new Uint8Array(ir.count);
  for (const root of roots) reached[root] = 1;
  const rules = OP_NAMES.map((op) => OPS[op].reaches);
  const { start, list } = ir.edges;
  for (let node = ir.count - 1; node >= 0; node--) {
    if (!reached[node]) continue;
    const reaches = rules[ir.codeOf(node)]!;
    const from = start[node]!;
    const end = start[node + 1]!;
    for (let e = from; e < end; e++) {
      const input = list[e]!;
      if (!reached[input] && !ir.isInteger(input) && reaches(e - from, ir.attr(node))) reached[input] = 1;
    }
  }
  return reached;
}
