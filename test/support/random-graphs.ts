/**
 * Random small graphs that read like a model: something computed from the parameters once, then one cell
 * written out position by position, then the mean loss of the first positions.
 */
import fc from 'fast-check';
import { makeValue, type Value } from '../../lib/value/value.js';
import type { Index } from '../../lib/value/indices.js';
import { addN, choose, concat, meanOfFirst, stack } from '../../lib/value/joins.js';
import { constant, zeros } from '../../lib/value/leaves.js';
import { avgPool1d, conv1d, convTranspose1d } from '../../lib/value/windows.js';
import type { Node } from '../../lib/graph/node.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { ShapeError, sizeOf } from '../../lib/core/shape.js';
import { Leaves } from './check.js';
import type { Tensor } from './reference.js';

/** An operator and its operands, as numbers that are mapped to whatever operands fit. */
type Step = readonly [op: number, a: number, b: number, c: number];

export interface Recipe {
  /** Single numbers only, which scalar bytecode computes. */
  scalar: boolean;
  seed: number;
  /** The length of most axes. */
  size: number;
  positions: number;
  /** Steps on parameters only, of every position, of one position, and on the mean loss. */
  once: readonly Step[];
  each: readonly Step[];
  solo: readonly Step[];
  after: readonly Step[];
  tokens: readonly number[];
  /** The prefix lengths to run, in this order. */
  lengths: readonly number[];
}

const step = fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(99));
const steps = (maxLength: number): fc.Arbitrary<Step[]> => fc.array(step, { maxLength });

export const recipes = (scalar: boolean): fc.Arbitrary<Recipe> =>
  fc.record({
    scalar: fc.constant(scalar),
    seed: fc.nat(999),
    size: fc.constantFrom(1, 3, 4, 9),
    positions: fc.integer({ min: 1, max: 5 }),
    once: steps(4),
    each: steps(scalar ? 12 : 8),
    solo: steps(3),
    after: steps(1),
    tokens: fc.array(fc.nat(2), { minLength: 5, maxLength: 5 }),
    lengths: fc.array(fc.nat(4), { minLength: 2, maxLength: 5 }),
  });

export interface RandomGraph {
  loss: Value;
  numbers: Map<Value, Tensor>;
  /** The feeds for a prefix of n positions; of other tokens (0 or 1) than the recipe's where given. */
  feeds: (n: number, tokens?: readonly number[]) => Feeds;
}

/** The values made so far, from which operands are taken. */
class Pool {
  constructor(
    readonly values: Value[],
    readonly token: Index | undefined,
  ) {}

  pick(choice: number, fits: (value: Value) => boolean = () => true): Value | undefined {
    const fitting = this.values.filter(fits);
    return fitting[choice % fitting.length];
  }
  /** Another value of x's shape. */
  like(x: Value, choice: number): Value {
    return this.pick(choice, (value) => value.shape.join() === x.shape.join())!;
  }
}

const EXPONENTS = [-1, -0.5, 0, 0.5, 1, 2, 3, 1.5];
const above = (x: Value): Value => x.mul(x).add(0.5);

const broadcasts = (a: Value, b: Value): boolean =>
  a.shape.every((n, i) => {
    const m = b.shape[i - a.shape.length + b.shape.length] ?? 1;
    return n === m || n === 1 || m === 1;
  });
const contracts = (a: Value, b: Value): boolean => {
  const rows = b.shape.length > 1 ? b.shape.at(-2) : b.shape[0];
  const batches = broadcasts(zeros(a.shape.slice(0, -2)), zeros(b.shape.slice(0, -2)));
  return a.shape.length > 0 && b.shape.length > 0 && a.shape.at(-1) === rows && batches;
};

/** Fixed numbers, between -1 and 1. */
const tableOf = (shape: readonly number[]): Value =>
  constant(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i + 1)),
    { shape },
  );

type Make = (x: Value, pool: Pool, b: number, c: number) => Value | undefined;
const pair =
  (f: (x: Value, y: Value) => Value): Make =>
  (x, pool, b) =>
    [pool.pick(b, (y) => broadcasts(x, y))].map((y) => y && f(x, y))[0];

const NUMERIC: Make[] = [
  pair((x, y) => x.add(y)),
  pair((x, y) => x.sub(y)),
  pair((x, y) => x.mul(y)),
  pair((x, y) => x.div(above(y))),
  pair((x, y) => x.maximum(y)),
  pair((x, y) => x.minimum(y)),
  (x) => x.tanh(),
  (x) => x.sigmoid().sub(x.softplus()),
  (x) => x.arctan().add(x.expm1().arcsinh()),
  pair((x, y) => above(x).pow(y.tanh())),
  (x) => x.neg(),
  (x) => x.mul(0.3).exp(),
  (x) => above(x).log(),
  (x) => x.relu(),
  (x, _, b) => above(x).pow(EXPONENTS[b % EXPONENTS.length]!),
  (x) => x.detach(),
  (x, pool, b, c) => addN([x, pool.like(x, b), pool.like(x, c), x].slice(b % 3)),
  (x, pool, b, c) => pool.token && choose([pool.like(x, b), x, pool.like(x, c), x], pool.token),
  (x, pool) =>
    pool.token &&
    choose([x, x, ...pool.values.filter((y) => y.shape.join() === x.shape.join())].slice(-3), pool.token),
  (x, pool, b) => pool.token && choose([x, x.tanh(), x.mul(0.3), pool.like(x, b)], pool.token),
  (x, pool, b) => x.gt(0.0123).mul(pool.like(x, b)),
  (x, pool, b) => x.sub(pool.like(x, b)).mul(x),
  (x, _, b) => x.mul((b % 5) - 1.5),
];

const axisOf = (x: Value, choice: number): number => choice % x.shape.length;
const ofRank =
  (rank: number, make: Make): Make =>
  (x, ...rest) =>
    x.shape.length >= rank ? make(x, ...rest) : undefined;

const STRUCTURAL: Make[] = [
  (x) => x.mul(tableOf(x.shape)),
  ofRank(1, (x) => x.add(tableOf(x.shape.slice(1)))),
  ofRank(1, (x, _, b) => x.sum(axisOf(x, b) - (b % 2) * x.shape.length)),
  ofRank(1, (x, _, b) => x.mean(axisOf(x, b))),
  ofRank(1, (x, _, b) => x.max(axisOf(x, b))),
  ofRank(1, (x, _, b) => x.sub(x.max(axisOf(x, b), true).mul(0.5))),
  ofRank(1, (x, _, b) => x.mul(x.sum(axisOf(x, b), true).tanh())),
  ofRank(1, (x, _, b) => x.min(axisOf(x, b), b % 2 === 0)),
  ofRank(1, (x, pool, b, c) => {
    const axis = axisOf(x, b);
    const table = pool.pick(c, (y) => y.shape.length > 0 && y.shape[0]! >= x.shape[axis]!);
    return table?.gather(x.argmax(axis));
  }),
  ofRank(1, (x, _, b) => x.mul(0.5).cumsum(axisOf(x, b))),
  ...new Array<Make>(4).fill(
    (x, pool, b) => [pool.pick(b, (y) => contracts(x, y))].map((y) => y && x.matmul(y))[0],
  ),
  (x, pool, b) => [pool.pick(b, (y) => contracts(y, x))].map((y) => y && y.matmul(x))[0],
  ofRank(1, (x) => x.softmax()),
  ofRank(2, (x, _, b) => x.softmax(axisOf(x, b))),
  ofRank(2, (x, _, b) => x.max(axisOf(x, b))),
  (x, _, b) => x.reshape(b % 2 ? [1, ...x.shape] : [...x.shape, 1]),
  ofRank(2, (x) => x.reshape([x.shape[0]! * x.shape[1]!, ...x.shape.slice(2)])),
  ofRank(2, (x) => x.transpose()),
  ofRank(2, (x) => x.transpose()),
  (x, pool, b) =>
    [pool.pick(b, (y) => sizeOf(y.shape) === sizeOf(x.shape))].map(
      (y) => y && y.add(x.reshape(y.shape)).add(b % 2 ? y : y.tanh()),
    )[0],
  ofRank(2, (x, _, b, c) => {
    const n = x.shape[1]!;
    return x.slice((b % (n + 1)) >> 1, n - (c % 2), 1).reshape([-1]);
  }),
  (x) => makeValue('broadcastTo', [x], { shape: [2, ...x.shape] }),
  ofRank(1, (x, _, b, c) => {
    const axis = axisOf(x, b);
    const start = c % (x.shape[axis]! + 1);
    return x.slice(start > 1 ? 1 : 0, Math.max(start, 1), axis);
  }),
  ofRank(1, (x, _, b) => x.at(b % x.shape[0]!)),
  ofRank(1, (x, pool, b) => concat([x, pool.like(x, b), x.slice(0, 1)])),
  ofRank(1, (x, pool, b) => concat([pool.like(x, b), x], -1)),
  (x, pool, b, c) => stack([x, pool.like(x, b), pool.like(x, c)].slice(c % 3)),
  ofRank(1, (x, pool) => (pool.token && x.shape[0]! > 2 ? x.gather(pool.token) : undefined)),
  ofRank(1, (x, _, b) => (x.shape.length === 1 ? x.gather(x.topk(1 + (b % x.shape[0]!))) : undefined)),
  ofRank(1, (x, pool, b) => {
    if (x.shape.length !== 1) return undefined;
    const keys = stack([x, pool.like(x, b), x.exp()]);
    return keys.matmul(x).softmax().matmul(keys);
  }),
  ofRank(1, (x, pool, b, c) => {
    const w = pool.pick(b, (y) => y.shape.length > 0 && sizeOf(y.shape) > 0);
    if (!w) return undefined;
    const sequences = sequencesOf(x);
    const y = conv1d(sequences, sequencesOf(w), {
      padding: 'same',
      dilation: 1 + (c % 2),
    });
    return c % 3 ? y : convTranspose1d(y, sequencesOf(w));
  }),
  ofRank(2, (x, _, b) => {
    const [rows, n] = x.shape.slice(-2) as [number, number];
    if (n === 0) return undefined; // no window is that small
    return avgPool1d(x.reshape([sizeOf(x.shape.slice(0, -2)), rows, n]), 1 + (b % n));
  }),
];

function apply(pool: Pool, scalar: boolean, [op, a, b, c]: Step): void {
  const menu = scalar ? NUMERIC : [...NUMERIC, ...STRUCTURAL];
  // Prefer recent values, or they would never be used.
  const x = a % 2 ? pool.values.at(-1 - ((a >> 1) % 3)) : pool.pick(a >> 1);
  const y = x && allowed(x, () => menu[op % menu.length]!(x, pool, b, c));
  if (y && y.shape.length <= 4 && y.shape.reduce((m, n) => m * n, 1) <= 200) pool.values.push(y);
}

/** The result, or nothing where it does not exist for an array without numbers, or is a mean of NaN. */
function allowed(x: Value, make: () => Value | undefined): Value | undefined {
  try {
    const made = make();
    const factor = made?.second?.op === 'constant' ? made.second.attr.value! : 1;
    const isNaN = !Number.isFinite(factor) || (made?.op === 'div' && factor === 0);
    return isNaN ? undefined : made;
  } catch (error) {
    if (error instanceof ShapeError && x.shape.includes(0)) return undefined;
    throw error;
  }
}

/** Its rows, as sequences with one channel each. */
const sequencesOf = (x: Value): Value => x.reshape([sizeOf(x.shape.slice(0, -1)), 1, x.shape.at(-1)!]);

const number = (x: Value): Value => {
  if (x.shape.length === 0) return x;
  return x.shape.includes(0) ? x.sum() : x.mul(0.7).mean();
};

export function build(recipe: Recipe): RandomGraph {
  const { scalar, size, positions } = recipe;
  const g = new Leaves(recipe.seed);
  const n = Math.max(size, 3);
  const leaves = scalar
    ? [g.p(), g.p(), g.p(), g.p()]
    : [g.p(n, size), g.p(size, size), g.p(size), g.p(5, size), g.p(size, n), g.p()];
  const tokens = g.fed(recipe.tokens.slice(0, positions));
  const length = g.fed(positions);
  const [tokensName, lengthName] = [tokens.name!, length.name!];

  const row = scalar ? [] : [size];
  const once = new Pool([...leaves], undefined);
  for (const step of recipe.once) apply(once, scalar, step);
  // With a state of zeros the compiler would remove what it meets.
  const zero = recipe.seed % 2 === 1;
  let state: Value[] = [g.p(...row), zero ? zeros(row) : g.p(...row)];
  const losses: Value[] = [];
  for (let at = 0; at < positions; at++) {
    const token = tokens.at(at);
    const read = scalar ? choose(leaves.slice(0, 3), token) : leaves[0]!.gather(token);
    const place = scalar ? leaves[at % 4]! : leaves[3]!.at(at);
    const pool = new Pool([...once.values, ...state, place, read], token);
    for (const step of recipe.each) apply(pool, scalar, step);
    if (recipe.seed % 5 === at) for (const step of recipe.solo) apply(pool, scalar, step);
    const shape = row.join();
    const next = [...pool.values].reverse().find((value) => value.shape.join() === shape)!;
    // Keep numbers near 1, or products over five positions would overflow.
    const square = next.mul(next);
    const norm = (scalar ? square : square.mean()).add(0.5).pow(-0.5);
    state = [state.at(-1)!, recipe.seed % 3 ? next.mul(norm) : next.mul(norm).relu()];
    const scores = scalar
      ? state[1]!.add(read.mul(0.1))
      : state[1]!.matmul(leaves[4]!).softmax().at(token).log().neg();
    losses.push(number(pool.values.at(-1)!).add(scores));
  }
  const pool = new Pool([...once.values, meanOfFirst(losses, length)], undefined);
  const mean = pool.values.at(-1)!;
  for (const step of recipe.after) apply(pool, scalar, step);
  const last = pool.values.at(-1)!;
  return {
    loss: last === mean ? mean : mean.add(number(last)),
    numbers: g.numbers,
    feeds: (count, given = recipe.tokens) => ({
      [tokensName]: given.slice(0, zero ? positions : count),
      [lengthName]: count,
    }),
  };
}

/** A graph whose terms are drawn from everything made so far: shared, repeated, leaves, other means. */
export interface TermsRecipe {
  /** Single numbers only, which scalar bytecode computes. */
  scalar: boolean;
  seed: number;
  /** The length of most axes; 0 makes arrays without numbers. */
  size: number;
  /** Steps before the first mean. */
  before: readonly Step[];
  /** Means of the first terms, one after another; later terms can use each of them. */
  means: readonly { terms: readonly number[]; after: readonly Step[] }[];
}

export const termsRecipes = (scalar: boolean): fc.Arbitrary<TermsRecipe> =>
  fc.record({
    scalar: fc.constant(scalar),
    seed: fc.nat(999),
    size: fc.constantFrom(1, 2, 3, 0),
    before: steps(6),
    means: fc.array(
      fc.record({ terms: fc.array(fc.nat(99), { minLength: 1, maxLength: 5 }), after: steps(3) }),
      { minLength: 1, maxLength: 3 },
    ),
  });

/** Whether a graph reads a leaf. */
function reads(root: Node, leaf: Node): boolean {
  const found = new Set<Node>([root]);
  for (const node of found) for (const input of node.inputs) found.add(input);
  return found.has(leaf);
}

export interface TermsGraph extends RandomGraph {
  /** The longest prefix that every mean has. */
  most: number;
}

export function buildTerms({ scalar, seed, size, before, means }: TermsRecipe): TermsGraph {
  const g = new Leaves(seed);
  const leaves = scalar
    ? [g.p(), g.p(), g.p()]
    : [g.p(size), g.p(size, size), g.p(size), g.p(2, size), g.p(), g.p()];
  const token = g.fed(seed % 2);
  const n = g.fed(1);
  const pool = new Pool(leaves, token);
  for (const step of before) apply(pool, scalar, step);
  let most = Infinity;
  let last = pool.values.at(-1)!;
  for (const { terms, after } of means) {
    // The latest values are picked as often as all others together.
    const picked = (choice: number): Value =>
      choice % 2
        ? pool.values.at(-1 - ((choice >> 1) % Math.min(4, pool.values.length)))!
        : pool.pick(choice >> 1)!;
    const first = picked(terms[0]!);
    const isNumber = terms[0]! % 3 > 0;
    const all = terms.map((choice) => (isNumber ? number(picked(choice)) : pool.like(first, choice)));
    most = Math.min(most, all.length);
    last = meanOfFirst(all, n);
    pool.values.push(last);
    for (const step of after) apply(pool, scalar, step);
  }
  const end = pool.values.at(-1)!;
  const loss = end === last ? number(last) : number(last).add(number(end));
  return {
    loss,
    numbers: g.numbers,
    // A program refuses feeds that its graph does not read.
    feeds: (count, given = [seed % 2]) => ({
      ...(reads(loss, token) && { [token.name!]: given[0]! }),
      [n.name!]: count,
    }),
    most,
  };
}

/** Whether comparisons are clear and numbers moderate, so that rounding decides nothing. */
export function isTame(computed: ReadonlyMap<Node, Tensor>): boolean {
  const margin = 1e-3;
  const data = (node: Node, i: number): readonly number[] => computed.get(node.inputs[i]!)!.data;
  for (const [node, { data: y }] of computed) {
    if (y.some((x) => !(Math.abs(x) < 300))) return false;
    if (node.op === 'relu') {
      // The output of another relu is exactly zero, in every order of computation.
      const exact = node.inputs[0]!.op === 'relu';
      if (data(node, 0).some((x) => Math.abs(x) < margin && !(exact && x === 0))) return false;
    } else if (node.op === 'maximum' || node.op === 'minimum' || node.op === 'gt') {
      const [a, b] = node.inputs as [Node, Node];
      const difference = computed.get(a) && [data(node, 0), data(node, 1)];
      const wide = y.length;
      if (a === b || !difference) continue;
      // Broadcast operands: any two numbers that are near might be compared.
      const [left, right] = difference;
      const same = left!.length === wide && right!.length === wide;
      const near = (x: number, z: number): boolean => Math.abs(x - z) < margin;
      if (
        same ? left!.some((x, i) => near(x, right![i]!)) : left!.some((x) => right!.some((z) => near(x, z)))
      )
        return false;
    } else if (node.op === 'max' || node.op === 'argmax') {
      // Each line must have exactly one number near its largest.
      const { shape } = node.inputs[0]!;
      const axis = node.attr.axes?.[0] ?? node.attr.axis!;
      const after = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      const line = (i: number): number => Math.floor(i / (shape[axis]! * after)) * after + (i % after);
      const all = data(node, 0);
      const largest: number[] = new Array<number>(y.length).fill(-Infinity);
      all.forEach((x, i) => (largest[line(i)] = Math.max(largest[line(i)]!, x)));
      if (all.filter((x, i) => largest[line(i)]! - x < margin).length !== y.length) return false;
    } else if (node.op === 'topk') {
      const sorted = [...data(node, 0)].sort((a, b) => a - b);
      if (sorted.some((x, i) => i > 0 && x - sorted[i - 1]! < margin)) return false;
    }
  }
  return true;
}
