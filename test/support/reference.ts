/**
 * A second implementation of every operator, in plain TypeScript: slow, obvious, and sharing no code with the
 * compiler or the kernels, which the tests compare with it.
 */
import { flatten } from '../../lib/graph/flatten.js';
import type { Node } from '../../lib/graph/node.js';
import type { OpName } from '../../lib/graph/ops.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import * as windows from './window-reference.js';

/** Numbers in row-major order. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** One node being computed; operands are computed on demand only. */
interface Computation {
  readonly node: Node;
  /** Operand i. */
  x(i: number): Tensor;
  readonly feeds: Feeds;
}

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** The tensor whose number at each index is `at(index)`, which must not keep the index. */
export function tensor(shape: readonly number[], at: (index: readonly number[]) => number): Tensor {
  const index = new Array<number>(shape.length).fill(0);
  const data: number[] = [];
  for (let left = count(shape); left > 0; left--) {
    data.push(at(index));
    // Counts on: the last axis is the fastest.
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return { shape, data };
}

/**
 * The offset of the number at an index, with NumPy's broadcasting: shapes are aligned at their last axes, and
 * an axis of length 1 repeats.
 */
function offset(shape: readonly number[], index: readonly number[]): number {
  const lead = index.length - shape.length;
  let at = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    const n = shape[axis]!;
    at = at * n + (n === 1 ? 0 : index[lead + axis]!);
  }
  return at;
}

/** The number at an index. */
function get({ shape, data }: Tensor, index: readonly number[]): number {
  return data[offset(shape, index)]!;
}

function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const n = a[i - rank + a.length] ?? 1;
    const m = b[i - rank + b.length] ?? 1;
    return n === 1 ? m : n;
  });
}

/** exp(-x²) times a series without cancellation; from 6 on the nearest number is 1. */
function erf(x: number): number {
  if (!(Math.abs(x) < 6)) return Math.sign(x);
  let term = x;
  let total = x;
  for (let n = 1; n < 200; n++) total += term *= (2 * x * x) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}

/** a - b floor(a / b), exact; a zero has the sign of b. */
function modulo(a: number, b: number): number {
  const rest = a % b;
  if (rest === 0) return b < 0 || Object.is(b, -0) ? -0 : 0;
  return rest < 0 === b < 0 ? rest : rest + b;
}

/** As IEEE 754 has it: JavaScript's power is NaN for these. */
function power(a: number, b: number): number {
  return a === 1 || (a === -1 && !Number.isFinite(b) && !Number.isNaN(b)) ? 1 : a ** b;
}

/** The nearest integer, of two the even one; a zero has the sign of x. */
function roundToEven(x: number): number {
  const below = Math.floor(x);
  const above = Math.ceil(x);
  if (x - below === above - x) return below % 2 === 0 ? below : above;
  return x - below < above - x ? below : above;
}

/** Replaces the numbers along an axis by `f` of them, for each index of the other axes. */
function along({ shape, data }: Tensor, axis: number, f: (list: number[]) => number): Tensor {
  const others = shape.filter((_, i) => i !== axis);
  return tensor(others, (index) =>
    f(
      Array.from({ length: shape[axis]! }, (_, i) =>
        get({ shape, data }, [...index.slice(0, axis), i, ...index.slice(axis)]),
      ),
    ),
  );
}

type Rule = (c: Computation) => Tensor;

const map =
  (f: (x: number, c: Computation) => number): Rule =>
  (c) => ({ shape: c.x(0).shape, data: c.x(0).data.map((x) => f(x, c)) });
const zip =
  (f: (a: number, b: number) => number): Rule =>
  (c) => {
    const [a, b] = [c.x(0), c.x(1)];
    return tensor(broadcastShape(a.shape, b.shape), (i) => f(get(a, i), get(b, i)));
  };
const leaf: Rule = ({ node, feeds }) => {
  const fed = feeds[node.name!];
  if (fed === undefined) throw new Error(`the reference needs a feed for ${node.label}`);
  return { shape: node.shape, data: Array.from(flatten(fed).data) };
};
const scalar = (x: number): Tensor => ({ shape: [], data: [x] });
const positive = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const replaced = (index: readonly number[], axis: number, by: number): number[] =>
  index.map((i, a) => (a === axis ? by : i));
const last = ({ node }: Computation): number => node.inputs.length - 1;

function sum({ shape, data }: Tensor, axes: readonly number[]): Tensor {
  const gone = new Set(axes.map((axis) => positive(axis, shape.length)));
  const kept = shape.map((n, axis) => (gone.has(axis) ? 1 : n));
  const out = new Array<number>(count(kept)).fill(0);
  tensor(shape, (index) => {
    let to = 0;
    kept.forEach((n, axis) => (to = to * n + (n === 1 ? 0 : index[axis]!)));
    return (out[to]! += get({ shape, data }, index));
  });
  return { shape: shape.filter((_, axis) => !gone.has(axis)), data: out };
}

function matmul(a: Tensor, b: Tensor): Tensor {
  const left = a.shape.length === 1 ? { ...a, shape: [1, ...a.shape] } : a;
  const right = b.shape.length === 1 ? { ...b, shape: [...b.shape, 1] } : b;
  const [m, k] = left.shape.slice(-2) as [number, number];
  const n = right.shape.at(-1)!;
  const batch = broadcastShape(left.shape.slice(0, -2), right.shape.slice(0, -2));
  const full = tensor([...batch, m, n], (index) => {
    const lead = index.slice(0, -2);
    const [row, column] = index.slice(-2) as [number, number];
    const from = offset(left.shape, [...lead, row, 0]);
    const to = offset(right.shape, [...lead, 0, column]);
    let dot = 0;
    for (let i = 0; i < k; i++) dot += left.data[from + i]! * right.data[to + i * n]!;
    return dot;
  });
  const rows = a.shape.length === 1 ? [] : [m];
  const columns = b.shape.length === 1 ? [] : [n];
  return { shape: [...batch, ...rows, ...columns], data: full.data };
}

/** Replaces each row of the last axis by `f` of it. */
function byRow(x: Tensor, f: (row: number[], at: number) => number[]): Tensor {
  const n = x.shape.at(-1)!;
  const data: number[] = [];
  for (let at = 0; n > 0 && at < x.data.length; at += n) data.push(...f(x.data.slice(at, at + n), at));
  return { shape: x.shape, data };
}

/** exp(x) over its sum along the last axis but one. */
function softmaxOfColumns(x: Tensor): Tensor {
  const at = x.shape.length - 2;
  const top = along(x, at, (list) => Math.max(...list));
  const column = (i: readonly number[]): readonly number[] => [...i.slice(0, at), i.at(-1)!];
  const exps = tensor(x.shape, (i) => Math.exp(get(x, i) - get(top, column(i))));
  const sums = sum(exps, [at]);
  return tensor(x.shape, (i) => get(exps, i) / get(sums, column(i)));
}

export const REFERENCE: Readonly<Record<OpName, Rule>> = {
  parameter: ({ node }) => {
    throw new Error(`the reference needs numbers for ${node.label}`);
  },
  frozen: () => {
    throw new Error('only the compiler makes this of a parameter');
  },
  input: leaf,
  index: leaf,
  constant: ({ node }) => scalar(node.attr.value!),
  table: ({ node }) => ({ shape: node.shape, data: [...node.attr.numbers!] }),
  integers: ({ node }) => ({ shape: node.shape, data: [...node.attr.integers!] }),
  inverseCount: (c) => scalar(1 / c.x(0).data[0]!),
  element: (c) => scalar(c.x(0).data[c.node.attr.start!]!),
  elements: (c) => {
    const { start, stop } = c.node.attr;
    return { shape: c.node.shape, data: c.x(0).data.slice(start, stop) };
  },
  topk: (c) => {
    const { shape, data } = c.x(0);
    const { k } = c.node.attr;
    const n = shape.at(-1)!;
    const found = Array.from({ length: count(shape.slice(0, -1)) }, (_, row) => {
      const list = data.slice(row * n, (row + 1) * n);
      return [...list.keys()].sort((i, j) => list[j]! - list[i]! || i - j).slice(0, k);
    });
    return { shape: c.node.shape, data: found.flat() };
  },

  neg: map((x) => -x),
  exp: map(Math.exp),
  log: map(Math.log),
  relu: map((x) => Math.max(x, 0)),
  pow: map((x, c) => x ** c.node.attr.exponent!),
  detach: map((x) => x),
  add: zip((a, b) => a + b),
  sub: zip((a, b) => a - b),
  mul: zip((a, b) => a * b),
  div: zip((a, b) => a / b),
  mod: zip(modulo),
  power: zip(power),
  maximum: zip(Math.max),
  logGrad: zip((a, b) => (b < 0 ? (a === 0 ? 0 : NaN) : a / b)),
  maskPositive: zip((a, b) => (b > 0 ? a : Number.isNaN(b) ? NaN : 0)),
  ifNonzero: zip((a, b) => (b === 0 ? -0 : a)),
  ifZero: zip((a, b) => (b === 0 ? a : -0)),

  sign: map(Math.sign),
  abs: map(Math.abs),
  sin: map(Math.sin),
  cos: map(Math.cos),
  tan: map(Math.tan),
  floor: map(Math.floor),
  ceil: map(Math.ceil),
  round: map(roundToEven),
  tanh: map(Math.tanh),
  sigmoid: map((x) => 1 / (1 + Math.exp(-x))),
  softplus: map((x) => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)))),
  expm1: map(Math.expm1),
  log1p: map(Math.log1p),
  erf: map(erf),
  ndtr: map((x) => (1 + erf(x * Math.SQRT1_2)) / 2),
  arcsin: map(Math.asin),
  arctan: map(Math.atan),
  arcsinh: map(Math.asinh),
  arctanh: map(Math.atanh),
  minimum: zip(Math.min),
  gt: zip((a, b) => Number(a > b)),
  ge: zip((a, b) => Number(a >= b)),
  eq: zip((a, b) => Number(a === b)),
  // Outside a training step; test/ops/dropout.test.ts checks training steps.
  step: () => scalar(-1),
  dropout: (c) => c.x(0),

  max: (c) => {
    const gone = (c.node.attr.axes ?? c.x(0).shape.map((_, axis) => axis)).map((axis) =>
      positive(axis, c.x(0).shape.length),
    );
    // The last axis first, so that those before it keep their numbers.
    return [...new Set(gone)]
      .sort((a, b) => b - a)
      .reduce((x, axis) => along(x, axis, (list) => Math.max(...list)), c.x(0));
  },
  argmax: (c) => along(c.x(0), c.node.attr.axis!, (list) => list.indexOf(Math.max(...list))),
  cumsum: (c) => {
    const { axis, reverse } = c.node.attr as { axis: number; reverse?: boolean };
    const x = c.x(0);
    return tensor(x.shape, (index) => {
      const at = index[axis]!;
      const places = x.shape[axis]! > 0 ? Array.from({ length: x.shape[axis]! }, (_, i) => i) : [];
      return places
        .filter((i) => (reverse ? i >= at : i <= at))
        .reduce((y, i) => y + get(x, replaced(index, axis, i)), 0);
    });
  },
  sum: (c) => sum(c.x(0), c.node.attr.axes ?? c.x(0).shape.map((_, axis) => axis)),
  addN: (c) => {
    const n = c.node.attr.prefix ? c.x(last(c)).data[0]! : c.node.inputs.length;
    const terms = Array.from({ length: n }, (_, i) => c.x(i));
    return tensor(terms[0]!.shape, (index) => terms.reduce((y, term) => y + get(term, index), 0));
  },
  matmul: (c) => matmul(c.x(0), c.x(1)),
  softmax: (c) =>
    byRow(c.x(0), (row) => {
      const exps = row.map((x) => Math.exp(x - Math.max(...row)));
      const total = exps.reduce((a, b) => a + b);
      return exps.map((x) => x / total);
    }),
  softmaxColumns: (c) => softmaxOfColumns(c.x(0)),
  softmaxColumnsGrad: (c) => {
    const [y, u] = [c.x(0), c.x(1)];
    const dots = sum(
      tensor(y.shape, (i) => get(y, i) * get(u, i)),
      [-2],
    );
    const dot = (i: readonly number[]): number => get(dots, [...i.slice(0, -2), i.at(-1)!]);
    return tensor(y.shape, (i) => get(y, i) * (get(u, i) - dot(i)));
  },
  softmaxGrad: (c) =>
    byRow(c.x(0), (y, at) => {
      const g = c.x(1).data.slice(at, at + y.length);
      const dot = y.reduce((s, yi, i) => s + yi * g[i]!, 0);
      return y.map((yi, i) => yi * (g[i]! - dot));
    }),
  rmsNorm: (c) => {
    const { scale, eps } = c.node.attr as { scale: number; eps: number };
    return byRow(c.x(0), (row) => {
      const root = Math.sqrt(scale * row.reduce((s, x) => s + x * x, 0) + eps);
      return row.map((x) => x / root);
    });
  },
  rmsNormGrad: (c) => {
    const { scale, eps } = c.node.attr as { scale: number; eps: number };
    return byRow(c.x(0), (u, at) => {
      const x = c.x(1).data.slice(at, at + u.length);
      const s = 1 / Math.sqrt(scale * x.reduce((sum, xi) => sum + xi * xi, 0) + eps);
      const dot = u.reduce((sum, ui, i) => sum + ui * x[i]!, 0);
      return u.map((ui, i) => s * ui - scale * s ** 3 * dot * x[i]!);
    });
  },
  crossEntropy: (c) => {
    const [x, target] = [c.x(0), c.x(1)];
    const n = x.shape[x.shape.length - 1]!;
    const loss = (t: number, r: number): number =>
      Math.log(x.data.slice(r * n, r * n + n).reduce((s, xi) => s + Math.exp(xi - x.data[r * n + t]!), 0));
    return { shape: target.shape, data: target.data.map(loss) };
  },
  crossEntropyGrad: (c) => {
    const [u, target] = [c.x(0), c.x(3)];
    return byRow(c.x(1), (x, at) => {
      const r = at / x.length;
      const total = x.reduce((s, xi) => s + Math.exp(xi), 0);
      return x.map((xi, i) => u.data[r]! * (Math.exp(xi) / total - (i === target.data[r] ? 1 : 0)));
    });
  },
  gatherMatmul: (c) => {
    const [x, m, at] = [c.x(0), c.x(1), c.x(2)];
    return tensor([m.shape[1]!], ([j]) => at.data.reduce((y, i) => y + get(x, [i]) * get(m, [i, j!]), 0));
  },
  gatherDot: (c) => {
    const [m, g, at] = [c.x(0), c.x(1), c.x(2)];
    const dot = (i: number): number => g.data.reduce((y, v, j) => y + v * get(m, [i, j]), 0);
    return tensor([m.shape[0]!], ([row]) => at.data.reduce((y, i) => (i === row ? y + dot(i) : y), 0));
  },
  scatterOuter: (c) => {
    const [x, g, at] = [c.x(0), c.x(1), c.x(2)];
    return tensor(c.node.attr.shape!, ([row, j]) =>
      at.data.reduce((y, i) => (i === row ? y + get(x, [i]) * get(g, [j!]) : y), 0),
    );
  },

  reshape: (c) => ({ shape: c.node.attr.shape!, data: c.x(0).data }),
  transpose: (c) => {
    const axes = c.node.attr.axes!.map((axis) => positive(axis, c.x(0).shape.length));
    return tensor(
      axes.map((axis) => c.x(0).shape[axis]!),
      (index) =>
        get(
          c.x(0),
          axes.map((_, axis) => index[axes.indexOf(axis)]!),
        ),
    );
  },
  broadcastTo: (c) => tensor(c.node.attr.shape!, (index) => get(c.x(0), index)),
  slice: (c) => {
    const { axis, start, stop } = c.node.attr as { axis: number; start: number; stop: number };
    const shape = replaced(c.x(0).shape, axis, stop - start);
    return tensor(shape, (index) => get(c.x(0), replaced(index, axis, index[axis]! + start)));
  },
  pad: (c) => {
    const { axis, start, shape } = c.node.attr as { axis: number; start: number; shape: number[] };
    return tensor(shape, (index) => {
      const at = index[axis]! - start;
      return at >= 0 && at < c.x(0).shape[axis]! ? get(c.x(0), replaced(index, axis, at)) : 0;
    });
  },
  concat: (c) => {
    const parts = c.node.inputs.map((_, i) => c.x(i));
    const axis = positive(c.node.attr.axis!, parts[0]!.shape.length);
    const length = parts.reduce((n, part) => n + part.shape[axis]!, 0);
    return tensor(replaced(parts[0]!.shape, axis, length), (index) => {
      let at = index[axis]!;
      let part = 0;
      while (at >= parts[part]!.shape[axis]!) at -= parts[part++]!.shape[axis]!;
      return get(parts[part]!, replaced(index, axis, at));
    });
  },
  stack: (c) => {
    const rows = c.node.inputs.map((_, i) => c.x(i));
    return tensor([rows.length, ...rows[0]!.shape], ([i, ...rest]) => get(rows[i!]!, rest));
  },

  gather: (c) => {
    const [x, at] = [c.x(0), c.x(1)];
    const [, ...row] = x.shape;
    const rank = at.shape.length;
    if (c.node.attr.batch)
      return tensor([...at.shape, ...row.slice(1)], (index) =>
        get(x, [index[0]!, get(at, index.slice(0, rank)), ...index.slice(rank)]),
      );
    return tensor([...at.shape, ...row], (index) =>
      get(x, [get(at, index.slice(0, at.shape.length)), ...index.slice(at.shape.length)]),
    );
  },
  scatterAdd: (c) => {
    const [g, at] = [c.x(0), c.x(1)];
    return tensor(c.node.attr.shape!, (index) => {
      if (c.node.attr.batch) {
        const [table, row, ...rest] = index;
        const width = count(at.shape.slice(1));
        const own = at.data.slice(table! * width, (table! + 1) * width);
        const from = {
          shape: [at.shape[0]!, width, ...rest.map((_, i) => g.shape[at.shape.length + i]!)],
          data: g.data,
        };
        return own.reduce((y, i, j) => (i === row ? y + get(from, [table!, j, ...rest]) : y), 0);
      }
      const [row, ...rest] = index;
      const rows = { shape: [at.data.length, ...g.shape.slice(at.shape.length)], data: g.data };
      const add = (y: number, i: number, j: number): number => (i === row ? y + get(rows, [j, ...rest]) : y);
      return at.data.reduce(add, 0);
    });
  },
  choose: (c) => c.x(c.x(last(c)).data[0]!),
  conv: (c) => windows.conv(c.node.attr.window!, c.x(0), c.x(1)),
  convInput: (c) => windows.convInput(c.node.attr.window!, c.x(0), c.x(1), c.node.shape),
  convWeights: (c) => windows.convWeights(c.node.attr.window!, c.x(0), c.x(1), c.node.shape),
  maxPool: (c) => windows.maxPoolPick(c.node.attr.window!, c.x(0), c.x(0)),
  maxPoolPick: (c) => windows.maxPoolPick(c.node.attr.window!, c.x(0), c.x(1)),
  maxPoolGrad: (c) => windows.maxPoolGrad(c.node.attr.window!, c.x(0), c.x(1)),
  sumPool: (c) => windows.sumPool(c.node.attr.window!, c.x(0)),
  sumPoolGrad: (c) => windows.sumPoolGrad(c.node.attr.window!, c.x(0), c.node.shape),
  chooseGrad: (c) => {
    const chosen = c.x(1).data[0] === c.node.attr.choice;
    return tensor(c.x(0).shape, (index) => (chosen ? get(c.x(0), index) : 0));
  },
};

/** Numbers to use instead of computing them: a parameter's, or a detached value's. */
export type Numbers = ReadonlyMap<Node, Tensor>;

/** Computes a value at the given numbers of its parameters; returns it and all intermediate values. */
export function evaluate(root: Node, feeds: Feeds, numbers: Numbers): Map<Node, Tensor> {
  const known = new Map<Node, Tensor>(numbers);
  const compute = (node: Node): Tensor => {
    let result = known.get(node);
    if (!result) {
      result = REFERENCE[node.op]({ node, feeds, x: (i) => compute(node.inputs[i]!) });
      known.set(node, result);
    }
    return result;
  };
  compute(root);
  return known;
}

/** The leaf and those of `nodes`, operands first, that depend on it, but for detached ones. */
function movedBy(leaf: Node, nodes: Iterable<Node>): ReadonlySet<Node> {
  const moved = new Set([leaf]);
  for (const node of nodes)
    if (node.op !== 'detach' && node.inputs.some((operand) => moved.has(operand))) moved.add(node);
  return moved;
}

/**
 * The gradient of the sum of root's elements with respect to each of `leaves`, by central differences of
 * fourth order: good to about 1e-10 where fifth derivatives are moderate.
 */
export function slopes(root: Node, leaves: readonly Node[], feeds: Feeds, numbers: Numbers): Tensor[] {
  const h = 1e-4;
  const base = evaluate(root, feeds, numbers);
  const at = (leaf: Node, known: Numbers, i: number, x: number): number => {
    const moved = base.get(leaf)!;
    const nudged = { shape: moved.shape, data: moved.data.map((v, j) => (i === j ? v + x : v)) };
    const y = evaluate(root, feeds, new Map(known).set(leaf, nudged)).get(root)!;
    return y.data.reduce((a, b) => a + b, 0);
  };
  return leaves.map((leaf) => {
    const data = base.get(leaf);
    // A leaf beyond the prefix was not part of the computation.
    if (!data) return tensor(leaf.shape, () => 0);
    // What does not move with the leaf is known already.
    const moving = movedBy(leaf, base.keys());
    const known = new Map([...base].filter(([node]) => !moving.has(node)));
    const y = (i: number, x: number): number => at(leaf, known, i, x);
    const slope = (i: number): number => (8 * (y(i, h) - y(i, -h)) - y(i, 2 * h) + y(i, -2 * h)) / (12 * h);
    return { shape: data.shape, data: data.data.map((_, i) => slope(i)) };
  });
}
