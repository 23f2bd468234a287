/**
 * Random graphs of views, joins and sums: a value may be read in several shapes, whole and in parts, so that
 * the compiler has to tell where numbers lie in one piece, and which of them may lie in another array.
 */
import fc from 'fast-check';
import type { Value } from '../../lib/value/value.js';
import { addN, concat, meanOfFirst, stack } from '../../lib/value/joins.js';
import { index, input } from '../../lib/value/leaves.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { fedWith, reachable } from '../../lib/graph/reachable.js';
import { sizeOf, type Shape } from '../../lib/core/shape.js';
import { Leaves } from './check.js';
import type { Tensor } from './reference.js';

/** An operator and four choices, as numbers that are mapped to whatever fits. */
type Step = readonly [op: number, a: number, b: number, c: number, d: number];

export interface ViewsRecipe {
  seed: number;
  steps: readonly Step[];
  /** What the loss reads besides the last value. */
  read: readonly number[];
  /** Whether it is the mean of the first of its terms, whose number is fed. */
  prefix: boolean;
}

const choice = fc.nat(9999);

export const viewsRecipes = (): fc.Arbitrary<ViewsRecipe> =>
  fc.record({
    seed: fc.nat(999),
    steps: fc.array(fc.tuple(choice, choice, choice, choice, choice), { minLength: 3, maxLength: 14 }),
    read: fc.array(choice, { maxLength: 3 }),
    prefix: fc.boolean(),
  });

/** The largest array, and the most axes. */
const MAX_SIZE = 300;
const MAX_RANK = 4;

/** The values so far, and leaves made where none fits. */
class Views {
  readonly values: Value[] = [];
  readonly feeds: Record<string, number[]> = {};

  constructor(readonly g: Leaves) {}

  leaf(shape: Shape, choose: number): Value {
    if (choose % 4 > 0) return this.g.p(...shape);
    const name = `x${Object.keys(this.feeds).length}`;
    this.feeds[name] = Array.from({ length: sizeOf(shape) }, () => this.g.draw());
    return input(name, shape);
  }
  /** One of the last three values, more often than any other. */
  pick(choose: number): Value {
    const { values } = this;
    const among = choose % 2 ? values.slice(-3) : values;
    return among[(choose >> 1) % among.length]!;
  }
  /** A value of this shape. */
  like(shape: Shape, choose: number): Value {
    const among = this.values.filter((value) => value.shape.join() === shape.join());
    return choose % 3 && among.length ? among[(choose >> 2) % among.length]! : this.leaf(shape, choose >> 1);
  }
  /** A value of as many numbers, in this shape. */
  reshaped(shape: Shape, choose: number): Value {
    const among = this.values.filter((value) => sizeOf(value.shape) === sizeOf(shape));
    const value = among[choose % (among.length + 1)];
    return value ? value.reshape(shape) : this.leaf(shape, choose);
  }
  indices(length: number, limit: number): ReturnType<typeof index> {
    const name = `i${Object.keys(this.feeds).length}`;
    this.feeds[name] = Array.from({ length }, () => Math.floor(limit * this.g.random.random()));
    return index(name, length);
  }
}

/** A shape of n numbers, its lengths in any order, with axes of length 1. */
function shapeOf(n: number, choose: number): number[] {
  const shape: number[] = [];
  for (const factor of [2, 3, 5]) {
    if (n % factor !== 0 || n === factor) continue;
    if (choose % 3 === 0) continue;
    shape.push(factor);
    n /= factor;
    choose >>= 1;
  }
  shape.splice(choose % (shape.length + 1), 0, n);
  if (choose % 5 === 0) shape.splice((choose >> 2) % (shape.length + 1), 0, 1);
  return shape;
}

/** Axes in some order. */
function orderOf(rank: number, choose: number): number[] {
  const left = Array.from({ length: rank }, (_, i) => i);
  return left.slice().map(() => left.splice(choose++ % left.length, 1)[0]!);
}

type Make = (v: Views, x: Value, b: number, c: number, d: number) => Value;

const axisOf = (x: Value, choose: number): number => choose % x.shape.length;

function sliced(x: Value, b: number, c: number, d: number): Value {
  const axis = axisOf(x, b);
  const n = x.shape[axis]!;
  const start = c % n;
  return x.slice(start, start + 1 + (d % (n - start)), axis);
}

const VIEWS: Make[] = [
  (_, x, b) => x.reshape(shapeOf(sizeOf(x.shape), b)),
  (_, x, b) => x.reshape(shapeOf(sizeOf(x.shape), b)),
  (_, x) => x.reshape([-1]),
  (_, x, b) => x.transpose(orderOf(x.shape.length, b)),
  (_, x) => x.transpose(),
  (_, x, b, c, d) => sliced(x, b, c, d),
  (_, x, b, c, d) => sliced(x, b, c, d),
  (_, x, b) => x.expandDims(b % (x.shape.length + 1)),
  (_, x) => x.squeeze(),
  (_, x, b) => x.broadcastTo([2 + (b % 2), ...x.shape]),
  (_, x, b, c) => x.split(x.shape[axisOf(x, b)]!, axisOf(x, b))[c % x.shape[axisOf(x, b)]!]!,
];

const SUMS: Make[] = [
  (v, x, b) => x.add(v.reshaped(x.shape, b)),
  (v, x, b, c) => v.reshaped(x.shape, b).add(x).add(v.like(x.shape, c)),
  (v, x, b, c) => x.add(v.reshaped(x.shape, b)).add(v.reshaped(x.shape, c)),
  (v, x, b, c, d) => addN([v.like(x.shape, b), x, v.reshaped(x.shape, c), v.like(x.shape, d)]),
  (v, x, b, c) => addN([v.reshaped(x.shape, b), v.reshaped(x.shape, c), x]),
  (v, x, b) => x.sub(v.reshaped(x.shape, b)),
];

const JOINS: Make[] = [
  (v, x, b, c) => concat([x, v.like(x.shape, b)], axisOf(x, c)),
  (v, x, b, c) => concat([v.reshaped(x.shape, b), x, x], axisOf(x, c)),
  (v, x, b, c) => stack([x, v.like(x.shape, b)], c % (x.shape.length + 1)),
  (v, x, b, c) => stack([v.reshaped(x.shape, b), x, v.like(x.shape, c)]),
  // Columns of a join, which are rows where they are computed.
  (v, x, b) => concat([stack([x.softmax().expandDims(-1)]), stack([v.like([...x.shape, 1], b)])], -1),
  (v, x, b, c) => {
    const [one, other] = [x, v.like(x.shape, b)].map((y) => y.reshape([-1]).softmax(-1).reshape([-1, 1]));
    return concat([stack([one!, other!], c % 2), stack([other!, one!], c % 2)], -1);
  },
];

const COMPUTED: Make[] = [
  (_, x) => x.tanh(),
  (_, x) => x.mul(0.3).exp(),
  (_, x, b) => x.mul(0.5 - (b % 3)),
  (v, x, b) => x.mul(v.like(x.shape, b)).tanh(),
  (_, x, b, c) => x.sum(axisOf(x, b), c % 2 > 0),
  (_, x, b) => x.mean(axisOf(x, b)),
  (_, x, b) => x.softmax(axisOf(x, b)),
  (_, x, b) => x.mul(0.3).cumsum(axisOf(x, b)),
  (v, x, b) => x.gather(v.indices(1 + (b % 3), x.shape[axisOf(x, b)]!), axisOf(x, b)),
  ...new Array<Make>(4).fill((v, x, b, c) => {
    const columns = x.shape.at(-1)!;
    return x.matmul(v.like(b % 4 ? [columns, 1 + (c % 4)] : [columns], c)).tanh();
  }),
  ...new Array<Make>(3).fill((v, x, b, c) => x.matmul(v.like([x.shape.at(-1)!, 1 + (b % 4)], c)).mul(0.4)),
];

/** Views and sums twice as often as what is computed. */
const MENU = [...VIEWS, ...SUMS, ...SUMS, ...JOINS, ...COMPUTED];

export interface RandomViews {
  loss: Value;
  parameters: readonly Value[];
  numbers: ReadonlyMap<Value, Tensor>;
  feeds: Feeds;
}

export function buildViews({ seed, steps, read, prefix }: ViewsRecipe): RandomViews {
  const v = new Views(new Leaves(seed));
  v.values.push(v.g.p(2, 3), v.g.p(6), v.g.p(3, 2));
  for (const [op, a, b, c, d] of steps) {
    const x = v.pick(a);
    // Most operators need an axis.
    const y = x.shape.length > 0 ? MENU[op % MENU.length]!(v, x, b, c, d) : x.reshape([1]);
    if (y.shape.length <= MAX_RANK && sizeOf(y.shape) <= MAX_SIZE) v.values.push(y);
  }
  const weighed = (x: Value): Value => {
    const weights = Array.from({ length: sizeOf(x.shape) }, () => v.g.draw());
    return x.mul(v.g.of(weights, x.shape).detach()).add(x.mul(0.1).tanh()).sum();
  };
  const terms = [v.values.at(-1)!, ...read.map((choose) => v.pick(choose))].map(weighed);
  const loss = prefix ? meanOfFirst(terms, index('n')) : addN(terms);
  const all: Record<string, number | number[]> = { ...v.feeds, n: 1 + (seed % terms.length) };
  const feeds = Object.fromEntries(fedWith(reachable([loss])).map(({ name }) => [name!, all[name!]!]));
  return { loss, parameters: v.g.values, numbers: v.g.numbers, feeds };
}
