/** Rewrites a graph by rules: a node that a rule matches is replaced, all others are copied. */
import { OP_NAMES, type OpName } from '../../graph/ops.js';
import { Ir, type Rewritten } from '../ir/ir.js';
import { countUses } from '../ir/live.js';

/** How to replace a node. */
export interface Match {
  /** The old nodes that the replacement is built from. */
  inputs: readonly number[];
  /** Builds the replacement from their new numbers, at the node's position; returns its number. */
  build(ir: Ir, inputs: readonly number[]): number;
}

/** What a rule looks at: the graph, and how often each node is used. */
export interface Subject {
  ir: Ir;
  uses: Int32Array;
}

/** Matches nodes of certain operators. */
export interface Rule {
  ops: readonly OpName[];
  match(subject: Subject, node: number): Match | null;
}

/**
 * Rewrites the nodes that `keep` depends on, each by the first rule that matches it. Null where no rule
 * matches any.
 */
export function rewrite(old: Ir, keep: Iterable<number>, rules: readonly Rule[]): Rewritten | null {
  const uses = countUses(old, keep);
  // From the roots down: nodes that a replacement leaves out are not matched.
  const subject = { ir: old, uses };
  const needed = new Uint8Array(old.count);
  for (const node of keep) needed[node] = 1;
  const rulesOf = OP_NAMES.map((op) => rules.filter(({ ops }) => ops.includes(op)));
  const matches = new Array<Match | undefined>(old.count);
  let matched = 0;
  const { start, list } = old.edges;
  for (let node = old.count - 1; node >= 0; node--) {
    if (!needed[node]) continue;
    let match: Match | null = null;
    const own = rulesOf[old.codeOf(node)]!;
    for (let i = 0; i < own.length && !match; i++) match = own[i]!.match(subject, node);
    if (match) {
      matches[node] = match;
      matched++;
      for (const input of match.inputs) needed[input] = 1;
    } else {
      const end = start[node + 1]!;
      for (let e = start[node]!; e < end; e++) needed[list[e]!] = 1;
    }
  }
  if (!matched) return null;
  const ir = new Ir(old.count, old);
  const numbers = new Int32Array(old.count).fill(-1);
  for (let node = 0; node < old.count; node++) {
    if (node === old.forwardEnd) ir.forwardEnd = ir.count;
    if (!needed[node]) continue;
    ir.position = old.positions[node]!;
    const match = matches[node];
    if (match) {
      const made = match.build(
        ir,
        match.inputs.map((input) => numbers[input]!),
      );
      ir.setAxisPositions(made, old.axisPositions[node] ?? ir.axisPositions[made]);
      numbers[node] = made;
    } else if (old.is(node, 'constant')) {
      numbers[node] = ir.constant(old.constantValue(node));
    } else {
      const made = ir.copy(old, node, numbers);
      ir.setAxisPositions(made, old.axisPositions[node]);
      numbers[node] = made;
    }
  }
  if (old.forwardEnd === old.count) ir.forwardEnd = ir.count;
  ir.position = 0;
  return { ir, numbers };
}
