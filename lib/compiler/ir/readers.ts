/** Which nodes read each node: the graph's edges the other way round. */
import type { Ir } from './ir.js';

/** The readers of node n: `list[start[n]]` to before `list[start[n + 1]]`, in order. */
export interface Readers {
  start: Int32Array;
  list: Int32Array;
}

/** The readers of all nodes, where `of[node] !== absent`: others neither read nor are read. */
export function readersOf({ count, edges }: Ir, of: Int32Array, absent: number): Readers {
  const start = new Int32Array(count + 1);
  for (let node = 0; node < count; node++) {
    if (of[node] === absent) continue;
    const end = edges.start[node + 1]!;
    for (let e = edges.start[node]!; e < end; e++) {
      const input = edges.list[e]!;
      if (of[input] !== absent) start[input + 1]!++;
    }
  }
  for (let node = 0; node < count; node++) start[node + 1]! += start[node]!;
  const list = new Int32Array(start[count]!);
  const next = start.slice();
  for (let node = 0; node < count; node++) {
    if (of[node] === absent) continue;
    const end = edges.start[node + 1]!;
    for (let e = edges.start[node]!; e < end; e++) {
      const input = edges.list[e]!;
      if (of[input] !== absent) list[next[input]!++] = node;
    }
  }
  return { start, list };
}
