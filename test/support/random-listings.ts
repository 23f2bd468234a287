/**
 * Random networks written out position by position, from the parts that the compiler's passes look for:
 * attention over growing stacks, one at each position or several on schedules of their own; recurrences,
 * plain, gated and of the largest coordinates; root-mean-square norms in several spellings; losses of
 * classifiers; weights that layers share.
 */
import fc from 'fast-check';
import { Random } from '../../lib/runtime/random.js';
import type { Value } from '../../lib/value/value.js';
import { concat, meanOfFirst, stack } from '../../lib/value/joins.js';
import { index, zeros } from '../../lib/value/leaves.js';
import { Leaves } from './check.js';

const LAYERS = ['attention', 'memories', 'perceptron', 'recurrence', 'gated', 'largest', 'norm'] as const;
const LOSSES = ['logPick', 'pickLog', 'square', 'unnegated'] as const;

/** A stack of keys and one of values, which take rows at some positions. */
interface Memory {
  /** Bit i: whether they take a row at position i > 0; all take one at 0. */
  grows: number;
  /** Whether the row is that of the position before. */
  lateKeys: boolean;
  lateValues: boolean;
  /** Whether the keys are also the values, and no product. */
  plain: boolean;
  /** How many values are kept; there may be more keys. */
  values: number;
}

const memories: fc.Arbitrary<Memory> = fc.record({
  grows: fc.nat(31),
  lateKeys: fc.boolean(),
  lateValues: fc.boolean(),
  plain: fc.boolean(),
  values: fc.constantFrom(1, 2, 5, 5, 5),
});

export interface Listing {
  seed: number;
  layers: readonly (typeof LAYERS)[number][];
  /** Whether the second layer of a kind shares the first one's weights. */
  shared: boolean;
  memories: readonly Memory[];
  /** Whether a parameter is the query to all memories at all positions. */
  oneQuery: boolean;
  heads: number;
  headSize: number;
  hidden: number;
  vocabulary: number;
  positions: number;
  norm: number;
  lossKind: (typeof LOSSES)[number];
  /** Whether the last product uses the transposed embeddings. */
  tied: boolean;
  zeroState: boolean;
  /** The prefix lengths of the steps, in this order. */
  lengths: readonly number[];
}

export const listings: fc.Arbitrary<Listing> = fc.record({
  seed: fc.nat(9999),
  layers: fc.array(fc.constantFrom(...LAYERS), { minLength: 1, maxLength: 3 }),
  shared: fc.boolean(),
  memories: fc.array(memories, { minLength: 2, maxLength: 3 }),
  oneQuery: fc.boolean(),
  heads: fc.integer({ min: 1, max: 3 }),
  headSize: fc.integer({ min: 1, max: 4 }),
  hidden: fc.integer({ min: 1, max: 9 }),
  vocabulary: fc.integer({ min: 2, max: 6 }),
  positions: fc.integer({ min: 1, max: 5 }),
  norm: fc.nat(5),
  lossKind: fc.constantFrom(...LOSSES),
  tied: fc.boolean(),
  zeroState: fc.boolean(),
  lengths: fc.array(fc.nat(4), { minLength: 2, maxLength: 3 }),
});

/** One of six ways to write x / sqrt(mean(x²) + eps); two of them use another scale, or none. */
function normed(x: Value, spelling: number): Value {
  const n = x.shape[0]!;
  const eps = 1e-2;
  switch (spelling) {
    case 0:
      return x.mul(x.mul(x).mean().add(eps).pow(-0.5));
    case 1:
      return x.mul(x).sum().div(n).add(eps).pow(-0.5).mul(x);
    case 2:
      return x.mul(x.pow(2).mean().add(eps).pow(-0.5));
    case 3:
      return x.mul(x.mul(x).sum().mul(0.5).add(eps).pow(-0.5));
    case 4:
      return x.mul(x.mul(x).sum().add(eps).pow(-0.5)); // no scale
    default:
      return x.mul(x.mul(x).mean().add(eps).pow(-1)); // no norm of any kind
  }
}

/** The stacks of one memory so far. */
interface Stacks {
  memory: Memory;
  keys: Value[];
  values: Value[];
}

/** What a query reads from a memory at a position, which takes a row of `rows` (one per position) first. */
function readMemory({ memory, keys, values }: Stacks, rows: Value[], query: Value, [a, b]: Value[]): Value {
  const at = rows.length - 1;
  if (at === 0 || (memory.grows >> at) & 1) {
    const row = (late: boolean): Value => rows[late && at > 0 ? at - 1 : at]!;
    keys.push(memory.plain ? row(memory.lateKeys) : row(memory.lateKeys).matmul(a!));
    if (memory.plain) values.push(keys.at(-1)!);
    else if (values.length < memory.values) values.push(row(memory.lateValues).matmul(b!));
  }
  const weights = stack(keys).matmul(query).mul(0.5).softmax();
  return values.length === keys.length ? weights.matmul(stack(values)) : query.mul(weights.pow(2).sum());
}

const sigmoid = (x: Value): Value => x.neg().exp().add(1).pow(-1);

export interface Written {
  /** Its inputs are `tokens` and `targets` (an integer per position) and `length`. */
  loss: Value;
  /** The scores of each position, which read `tokens`. */
  logits: Value[][];
  parameters: Value[];
}

export function write(listing: Listing): Written {
  const { heads, headSize, hidden, vocabulary, positions, norm, lossKind } = listing;
  const width = heads * headSize;
  const g = new Leaves(listing.seed);
  const matrix = (rows: number, cols: number): Value => {
    const value = g.p(rows, cols);
    // Scales products to about the size of their operands.
    value.data.set(value.data.map((x) => x / Math.sqrt(rows)));
    return value;
  };
  const [tokens, targets] = [index('tokens', positions), index('targets', positions)];
  const embedding = matrix(vocabulary, width);
  const place = matrix(positions, width);
  const last = listing.tied ? embedding.transpose() : matrix(width, vocabulary);

  const weights = new Map<string, Value[]>();
  const layers = listing.layers.map((kind, i) => {
    const key = listing.shared ? kind : `${kind}${i}`;
    const start = (): Value => (listing.zeroState ? zeros([width]) : g.p(width));
    const made =
      weights.get(key) ??
      (kind === 'perceptron'
        ? [matrix(width, hidden), matrix(hidden, width)]
        : kind === 'norm'
          ? []
          : [1, 2, 3, 4].map(() => matrix(width, width)));
    weights.set(key, made);
    const recurs = kind === 'recurrence' || kind === 'gated' || kind === 'largest';
    return {
      kind,
      w: made,
      state: recurs ? start() : undefined,
      keys: [] as Value[],
      values: [] as Value[],
      rows: [] as Value[],
      query: kind === 'memories' && listing.oneQuery ? g.p(width) : undefined,
      stacks: listing.memories.map((memory): Stacks => ({ memory, keys: [], values: [] })),
    };
  });

  const losses: Value[] = [];
  const logits: Value[][] = [];
  for (let at = 0; at < positions; at++) {
    let x = embedding.at(tokens.at(at)).add(place.at(at));
    for (const layer of layers) {
      const [a, b, c, d] = layer.w as [Value, Value, Value, Value];
      const { state: h } = layer;
      const before = x;
      switch (layer.kind) {
        case 'attention': {
          const y = normed(x, norm);
          layer.keys.push(y.matmul(a));
          layer.values.push(y.matmul(b));
          const query = y.matmul(c);
          const parts = Array.from({ length: heads }, (_, head) => {
            const part = (v: Value): Value => v.slice(head * headSize, (head + 1) * headSize, -1);
            const scores = part(stack(layer.keys)).matmul(part(query)).div(Math.sqrt(headSize));
            return scores.softmax().matmul(part(stack(layer.values)));
          });
          x = concat(parts).matmul(d).add(before);
          break;
        }
        case 'memories': {
          const y = normed(x, norm);
          layer.rows.push(y);
          const query = layer.query ?? y.matmul(c);
          const reads = layer.stacks.map((stacks) => readMemory(stacks, layer.rows, query, [a, b]));
          x = reads
            .reduce((sum, read) => sum.add(read))
            .matmul(d)
            .add(before);
          break;
        }
        case 'perceptron':
          x = normed(x, norm).matmul(a).relu().matmul(b).add(before);
          break;
        case 'recurrence':
          x = layer.state = x.matmul(a).add(h!.matmul(b)).relu();
          break;
        case 'gated': {
          const gate = sigmoid(x.matmul(a).add(h!.matmul(b)));
          const fresh = sigmoid(x.matmul(c).add(h!.mul(gate).matmul(d)))
            .mul(2)
            .sub(1);
          x = layer.state = gate.mul(h!).add(gate.neg().add(1).mul(fresh));
          break;
        }
        case 'largest': {
          const y = h!.add(place.at(at)); // of zeros, no coordinate would be the largest
          const fires = y.topk(Math.max(1, width >> 1));
          x = layer.state = x.add(y.gather(fires).matmul(a.gather(fires)));
          x = layer.state = normed(x, norm);
          break;
        }
        case 'norm':
          x = normed(x, norm);
      }
    }
    const scores = x.matmul(last);
    logits.push([scores]);
    const target = targets.at(at);
    losses.push(
      {
        pickLog: () => scores.softmax().at(target).log().neg(),
        logPick: () => scores.softmax().log().at(target).neg(),
        square: () => scores.at(target).sub(1).pow(2),
        unnegated: () => scores.softmax().at(target).log().mul(-0.5),
      }[lossKind](),
    );
  }
  return { loss: meanOfFirst(losses, index('length')), logits, parameters: [...g.values] };
}

/** Feeds of a listing: one for each of its lengths, or `count` of lengths that are drawn. */
export function feedsOf(
  { vocabulary, positions, seed, lengths }: Listing,
  count?: number,
): { tokens: number[]; targets: number[]; length: number }[] {
  const random = new Random(seed);
  const draw = (below: number): number => Math.floor(random.random() * below);
  return Array.from({ length: count ?? lengths.length }, (_, i) => {
    const length = 1 + (count === undefined ? lengths[i]! % positions : draw(positions));
    const drawn = (): number[] => Array.from({ length }, () => draw(vocabulary));
    return { tokens: drawn(), targets: drawn(), length };
  });
}
