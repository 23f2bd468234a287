/** Reverse mode: appends to a graph the nodes of its root's gradients. */
import { OPS, sumTo, type GradientContext, type OpName } from '../ops.js';
import { sameShape } from '../shape.js';
import type { Ir } from './ir.js';
import { termCount, termLevel } from './trace.js';

/** Operators whose result is a number that a gradient can reach. */
const LEAVES: ReadonlySet<OpName> = new Set<OpName>(['parameter', 'input']);

/**
 * The gradients of the sum of root's elements: the node that holds the gradient of each forward
 * node which `wants`, or on which one that does depends; -1 where none flows.
 *
 * Terms of a gradient that comes from several consumers are one `total`, each with the level of its
 * consumer, so that a short run skips the terms of positions it does not have. With `wrap`, wanted
 * leaves always get a total of their own, a place where their gradient lies whole.
 */
export function differentiate(
  ir: Ir,
  root: number,
  wants: (node: number) => boolean,
  wrap: boolean,
): Int32Array {
  const forwardEnd = ir.forwardEnd;
  const active = new Uint8Array(forwardEnd);
  for (let node = 0; node <= root; node++) {
    if (ir.isInteger(node)) continue;
    if (LEAVES.has(ir.opOf(node)) && wants(node)) active[node] = 1;
    const n = ir.inputCount(node);
    for (let i = 0; i < n && !active[node]; i++) active[node] = active[ir.input(node, i)]!;
  }

  // The terms of each node's gradient: linked lists, newest first.
  const head = new Int32Array(forwardEnd).fill(-1);
  const terms: number[] = [];
  const next: number[] = [];
  const termLevels: number[] = [];
  const addTerm = (node: number, term: number, level: number): void => {
    terms.push(term);
    termLevels.push(level);
    next.push(head[node]!);
    head[node] = terms.length - 1;
  };

  const gradients = new Int32Array(forwardEnd).fill(-1);
  ir.level = 0;
  let seed = ir.constant(1);
  const rootShape = ir.shape(root);
  if (rootShape.length) seed = ir.op('broadcastTo', [seed], { shape: rootShape });
  addTerm(root, seed, 0);

  for (let node = root; node >= 0; node--) {
    if (!active[node] || head[node]! < 0) continue;
    const level = ir.levels[node]!;
    ir.level = level;
    const own: number[] = [];
    const levels: number[] = [];
    for (let t = head[node]!; t >= 0; t = next[t]!) {
      own.push(terms[t]!);
      levels.push(termLevels[t]!);
    }
    own.reverse();
    levels.reverse();
    const leaf = LEAVES.has(ir.opOf(node));
    const dy =
      own.length === 1 && levels[0] === level && !(leaf && wrap)
        ? own[0]!
        : ir.push('total', own, { levels }, ir.shape(node));
    gradients[node] = dy;
    if (leaf) continue;

    const definition = OPS[ir.opOf(node)];
    const inputs = Array.from(ir.inputs(node));
    const context: GradientContext<number> = { g: ir, inputs, output: node, attr: ir.attr(node), dy };
    const isTotal = ir.is(node, 'total');
    const n = isTotal ? termCount(ir, node) : inputs.length;
    for (let i = 0; i < n; i++) {
      const input = inputs[i]!;
      if (ir.isInteger(input) || !active[input]) continue;
      const edge = isTotal ? termLevel(ir, node, i) : level;
      ir.level = edge;
      const term = definition.gradient(context, i);
      if (term === null) continue;
      addTerm(input, sameShape(ir.shape(term), ir.shape(input)) ? term : sumTo(ir, term, ir.shape(input)), edge); // prettier-ignore
    }
  }
  ir.level = 0;
  return gradients;
}
