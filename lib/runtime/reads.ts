/** Which numbers of its operands a number of a node is computed from: what the rules of anomaly.ts say. */
import type { TypedArray } from '../core/array.js';
import type { Node } from '../graph/node.js';

/** The numbers of a run. */
export interface RunNumbers {
  data(node: Node): TypedArray;
  gradient(node: Node): TypedArray;
  integers(node: Node): Int32Array;
  /** The prefix length that was fed for `meanOfFirst`. */
  length: number;
}

/** Whether a node's number at `place` was computed from the number at `from` of operand i. */
export type Reads = (place: number, i: number, from: number) => boolean;
