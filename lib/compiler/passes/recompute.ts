/**
 * Checkpoints (Chen et al., 2016): the forward pass keeps what passes from one segment of the graph to the
 * next, and the backward pass computes what else it reads of a segment once more, before it reads the first
 * of it. The copies are the same operators on the same numbers; but lowering may add up a copy's terms in
 * another order.
 *
 * Segments need about equally much memory, and are cut where the fewest numbers pass from one to the next:
 * between the layers of a network, in whatever way it is written. The last segment is not computed again,
 * since the backward pass begins with it.
 */
import { sizeOf } from '../../core/shape.js';
import { Ir, type Rewritten } from '../ir/ir.js';
import { countUses } from '../ir/live.js';
import { viewedNodes } from '../ir/views.js';

/** The numbers of segments that are tried. */
const COUNTS = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];

interface Recomputed extends Rewritten {
  /** The first node of each segment that is computed again. */
  starts: ReadonlySet<number>;
}

/** The graph with checkpoints, as far as `keep` depends on it; null where none saves memory. */
export function recompute(ir: Ir, keep: readonly number[]): Recomputed | null {
  const forward = new Forward(ir, keep);
  const cuts = chooseCuts(forward.passing(), forward.saved());
  if (!cuts.length) return null;
  const again = forward.again(cuts);
  const made = new Ir(ir.count, ir);
  const numbers = new Int32Array(ir.count).fill(-1);
  const copy = (node: number, operands: Int32Array): number => {
    const number = made.copy(ir, node, operands);
    made.setAxisPositions(number, ir.axisPositions[node]);
    return number;
  };
  for (let node = 0; node < ir.forwardEnd; node++)
    if (forward.uses[node]) numbers[node] = copy(node, numbers);
  made.forwardEnd = made.count;
  /** Where the backward pass finds what it reads: in the copies, once they are computed. */
  const now = numbers.slice();
  const starts = new Set<number>();
  const ends = [...cuts, ir.forwardEnd - 1];
  const begin = (segment: number): number => (segment ? ends[segment - 1]! + 1 : 0);
  const segmentOf = (node: number): number => ends.findIndex((end) => node <= end);
  const done = new Uint8Array(ends.length);
  for (let node = ir.forwardEnd; node < ir.count; node++) {
    if (!forward.uses[node]) continue;
    for (const input of ir.inputs(node)) {
      if (input >= ir.forwardEnd || !again[input]) continue;
      const segment = segmentOf(input);
      if (done[segment]) continue;
      done[segment] = 1;
      starts.add(made.count);
      for (let at = begin(segment); at <= ends[segment]!; at++) if (again[at]) now[at] = copy(at, now);
    }
    now[node] = numbers[node] = copy(node, now);
  }
  return { ir: made, numbers, starts };
}

/** The nodes of the forward pass: who reads them, and how many numbers they have. */
class Forward {
  readonly uses: Int32Array;
  /** What each node is a view of. */
  private readonly viewed: Int32Array;
  /** How many numbers a node has that can be computed again; 0: it cannot, or need not be. */
  private readonly sizes: Float64Array;
  /** The last node of the forward pass that reads it, and whether the backward pass does. */
  private readonly lastReader: Int32Array;
  private readonly isSaved: Uint8Array;

  constructor(
    private readonly ir: Ir,
    keep: readonly number[],
  ) {
    const { forwardEnd } = ir;
    this.uses = countUses(ir, keep);
    this.viewed = viewedNodes(ir);
    this.sizes = new Float64Array(forwardEnd);
    this.lastReader = Int32Array.from({ length: forwardEnd }, (_, node) => node);
    this.isSaved = new Uint8Array(forwardEnd);
    const kept = new Set(keep.map((node) => this.viewed[node]!));
    for (let node = 0; node < forwardEnd; node++) {
      const isOwn = this.viewed[node] === node && ir.inputCount(node) > 0;
      if (this.uses[node] && isOwn && !ir.isInteger(node) && !kept.has(node))
        this.sizes[node] = sizeOf(ir.shape(node));
    }
    for (let node = 0; node < ir.count; node++) {
      if (!this.uses[node]) continue;
      for (const input of ir.inputs(node)) {
        const own = this.viewed[input]!;
        if (own >= forwardEnd) continue;
        if (node < forwardEnd) this.lastReader[own] = Math.max(this.lastReader[own]!, node);
        else this.isSaved[own] = 1;
      }
    }
  }

  /** By node: how many numbers later nodes of the forward pass read of it and those before it. */
  passing(): Float64Array {
    const passing = new Float64Array(this.ir.forwardEnd);
    this.sizes.forEach((size, node) => {
      passing[node]! += size;
      passing[this.lastReader[node]!]! -= size;
    });
    for (let node = 1; node < passing.length; node++) passing[node]! += passing[node - 1]!;
    return passing;
  }

  /** By node: how many numbers the backward pass reads of it. */
  saved(): Float64Array {
    return this.sizes.map((size, node) => (this.isSaved[node] ? size : 0));
  }

  /** By node: 1 where the backward pass computes it again, since it reads it or what needs it. */
  again(cuts: readonly number[]): Uint8Array {
    const { ir, sizes, viewed, lastReader } = this;
    const { forwardEnd } = ir;
    const passes = new Uint8Array(forwardEnd);
    let segment = 0;
    for (let node = 0; node < forwardEnd; node++) {
      if (node > (cuts[segment] ?? Infinity)) segment++;
      // A segment's last node is that of its cut; the last segment has none.
      passes[node] = segment === cuts.length || lastReader[node]! > cuts[segment]! ? 1 : 0;
    }
    const can = (node: number): boolean => sizes[viewed[node]!]! > 0 && !passes[viewed[node]!];
    const again = new Uint8Array(forwardEnd);
    for (let node = ir.count - 1; node >= 0; node--) {
      if (!this.uses[node] || (node < forwardEnd && !again[node])) continue;
      for (const input of ir.inputs(node)) if (input < forwardEnd && can(input)) again[input] = 1;
    }
    return again;
  }
}

/**
 * The last node of each segment but the last, such that what passes from segment to segment and the largest
 * segment take the least memory together.
 */
function chooseCuts(passing: Float64Array, saved: Float64Array): number[] {
  const total = saved.reduce((sum, size) => sum + size, 0);
  let [best, least]: [number[], number] = [[], total];
  for (const count of total > 0 ? COUNTS : []) {
    // Around each of the places that divide the memory evenly, where the fewest numbers pass.
    const cuts = new Map<number, number>();
    let before = 0;
    saved.forEach((size, node) => {
      before += size;
      const place = Math.round((before * count) / total);
      if (place === 0 || place === count) return;
      const other = cuts.get(place);
      if (other === undefined || passing[node]! < passing[other]!) cuts.set(place, node);
    });
    const found = [...cuts.values()];
    const cost = costOf(found, passing, saved);
    if (cost < least) [best, least] = [found, cost];
  }
  return best;
}

function costOf(cuts: readonly number[], passing: Float64Array, saved: Float64Array): number {
  let [sum, largest, own, segment] = [0, 0, 0, 0];
  for (let node = 0; node < saved.length; node++) {
    own += saved[node]!;
    if (node < (cuts[segment] ?? saved.length - 1)) continue;
    if (segment < cuts.length) sum += passing[node]!;
    largest = Math.max(largest, own);
    own = 0;
    segment++;
  }
  return sum + largest;
}
