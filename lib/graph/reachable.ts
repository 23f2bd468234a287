/** Finds the nodes that others depend on, in order of creation. */
import type { Node } from './node.js';
import { isFed } from './ops.js';

/** How many ids the first range of `reachable` spans, and the limits for later ones. */
const SPAN = 1 << 12;

const MAX_SPAN = 1 << 17;

const MIN_SPAN = 1 << 8;

/**
 * All nodes that the roots depend on, in order of creation. Operands have smaller ids than their users, so a
 * sweep down the ids visits every node after all its users, and an array indexed by id leaves the nodes
 * sorted. The ids of a graph are dense where it was written in one go, so the sweep takes one range of ids at
 * a time, longer after a range that held many nodes.
 */
export function reachable(roots: readonly Node[]): Node[] {
  const found: Node[] = []; // newest first
  let span = SPAN;
  for (let waiting = roots; waiting.length > 0;) {
    let high = 0;
    for (const { id } of waiting) {
      // Otherwise the sweep would never end.
      if (!(id >= 0)) throw new TypeError('expected a value of a graph');
      if (id > high) high = id;
    }
    const places = new Array<Node | undefined>(Math.min(span, high + 1));
    const before: Node[] = []; // nodes of an earlier range
    const begin = found.length;
    for (const node of waiting) place(node, high, places, before);
    for (let at = 0; at < places.length; at++) {
      const node = places[at];
      if (!node) continue;
      found.push(node);
      const { first, second, extras } = node;
      if (first) place(first, high, places, before);
      if (second) place(second, high, places, before);
      if (!extras?.inputs) continue;
      for (let i = 2; i < extras.inputs.length; i++) place(extras.inputs[i]!, high, places, before);
    }
    span = Math.max(MIN_SPAN, Math.min(MAX_SPAN, 4 * (found.length - begin)));
    waiting = before;
  }
  return found.reverse();
}

/**
 * What can be fed where these nodes are computed: the inputs among them, and where one is a gradient, those
 * of the graph that it is of.
 */
export function fedWith(nodes: readonly Node[]): Node[] {
  const fed = new Set<Node>();
  for (const node of nodes) {
    if (isFed(node.op)) fed.add(node);
    for (const mentioned of node.extras?.mentions ?? []) fed.add(mentioned);
  }
  return [...fed];
}

export function place(node: Node, high: number, places: (Node | undefined)[], before: Node[]): void {
  const at = high - node.id;
  if (at < places.length) places[at] = node;
  else before.push(node);
}
