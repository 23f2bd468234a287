/**
 * Finds where NaN or infinity first appears in a graph, after a run whose values and gradients can all be
 * read. The search goes from each number only to the numbers that it was computed from, so that it ignores
 * what a slice, an index or a condition leaves out.
 */
import { reachable } from '../graph/reachable.js';
import { isValue, type Node } from '../graph/node.js';
import { OPS, UNARY_NAMES, type OpName, type UnaryName } from '../graph/ops.js';
import { sizeOf, type Shape } from '../core/shape.js';
import type { Reads, RunNumbers } from './reads.js';
import { convolution, largestOfWindows, sumsOfWindows } from './window-reads.js';

/** One number of a node, by its index in row-major order. */
interface At {
  node: Node;
  place: number;
}

type Rule = (node: Node, run: RunNumbers) => Reads;

/**
 * Describes where a non-finite number first appears; undefined where the root and all gradients of parameters
 * are finite.
 */
export function originOf(root: Node, run: RunNumbers): string | undefined {
  return originOfValue(root, run) ?? originOfGradient(root, run);
}

/** Traces a non-finite root back: first along NaN, then along infinities. */
function originOfValue(root: Node, run: RunNumbers): string | undefined {
  const numbers = run.data(root);
  const first = numbers.findIndex(Number.isNaN);
  const place = first < 0 ? numbers.findIndex(isNotFinite) : first;
  if (place < 0) return undefined;
  const last = earliest({ node: root, place }, run, Number.isNaN);
  const begin = earliest(last, run, isNotFinite);
  const origin = `${found(begin, run)}${operandsOf(begin, run)}`;
  return begin.node !== last.node && Number.isNaN(run.data(last.node)[last.place])
    ? `${found(last, run)}, since ${origin}`
    : origin;
}

/** Goes back for as long as a number was computed from another such number; returns the last. */
function earliest(at: At, run: RunNumbers, is: (x: number) => boolean): At {
  for (let before: At | undefined = at; before; before = operandAt(at, run, is)) at = before;
  return at;
}

/** The first such number that this one was computed from. */
function operandAt({ node, place }: At, run: RunNumbers, is: (x: number) => boolean): At | undefined {
  const reads = readsOf(node, run);
  for (const [i, operand] of node.inputs.entries()) {
    if (!isValue(operand)) continue;
    const from = run.data(operand).findIndex((x, at) => is(x) && reads(place, i, at));
    if (from >= 0) return { node: operand, place: from };
  }
  return undefined;
}

/** Traces a non-finite gradient of a parameter forward, to the last number with a non-finite gradient. */
function originOfGradient(root: Node, run: RunNumbers): string | undefined {
  const nodes = reachable([root]);
  const users = usersIn(nodes);
  for (const node of nodes) {
    if (!isValue(node) || node.op !== 'parameter') continue;
    const place = run.gradient(node).findIndex(isNotFinite);
    if (place < 0) continue;
    let last: At = { node, place };
    for (let next: At | undefined = last; next; next = userAt(last, users, run)) last = next;
    const slopes = (users.get(last.node) ?? []).filter((user) => placesIn(user, last, run, () => true) >= 0);
    return (
      `the gradient of ${last.node.label} is ${run.gradient(last.node)[last.place]!}${inPlace(last)}, ` +
      `by the slope of ${named(slopes, 'or')} at ${run.data(last.node)[last.place]!}`
    );
  }
  return undefined;
}

/** The first number that was computed from the given one and has a non-finite gradient. */
function userAt(at: At, users: ReadonlyMap<Node, Node[]>, run: RunNumbers): At | undefined {
  for (const user of users.get(at.node) ?? []) {
    const gradient = run.gradient(user);
    const place = placesIn(user, at, run, (to) => isNotFinite(gradient[to]!));
    if (place >= 0) return { node: user, place };
  }
  return undefined;
}

/** The first index in `user` that `is` accepts and that was computed from the given number; -1 if none. */
function placesIn(user: Node, { node, place }: At, run: RunNumbers, is: (place: number) => boolean): number {
  const reads = readsOf(user, run);
  const operands = user.inputs.flatMap((x, i) =>
    x === node && OPS[user.op].reaches(i, user.attr) ? [i] : [],
  );
  const size = sizeOf(user.shape);
  for (let to = 0; to < size; to++) if (is(to) && operands.some((i) => reads(to, i, place))) return to;
  return -1;
}

/** The users of each node: the nodes that it is an operand of. */
function usersIn(nodes: readonly Node[]): Map<Node, Node[]> {
  const users = new Map<Node, Node[]>();
  for (const user of nodes) {
    if (!isValue(user)) continue;
    for (const operand of new Set(user.inputs)) {
      const others = users.get(operand);
      if (others) others.push(user);
      else users.set(operand, [user]);
    }
  }
  return users;
}

function isNotFinite(x: number): boolean {
  return !Number.isFinite(x);
}

/** Names the operands that a number was computed from; there they are all finite. */
function operandsOf({ node, place }: At, run: RunNumbers): string {
  const reads = readsOf(node, run);
  const operands = node.inputs.filter(
    (x, i): x is Node => isValue(x) && run.data(x).some((_, from) => reads(place, i, from)),
  );
  if (operands.length === 0) return '';
  const where = operands.some(({ shape }) => shape.length > 0) ? ' there' : '';
  return ` (of ${named(operands, 'and')}, which ${operands.length > 1 ? 'are' : 'is'} finite${where})`;
}

/** The most nodes that a message lists. */
const MAX_NAMED = 5;

function named(nodes: readonly Node[], join: string): string {
  const labels = nodes.slice(0, MAX_NAMED).map(({ label }) => label);
  if (nodes.length > MAX_NAMED) labels.push(`${nodes.length - MAX_NAMED} more`);
  return labels.join(` ${join} `);
}

function found({ node, place }: At, run: RunNumbers): string {
  return `${node.label} is ${run.data(node)[place]!}${inPlace({ node, place })}`;
}

/** The index of a number, where its node has several. */
function inPlace({ node, place }: At): string {
  return node.shape.length > 0 ? ` at index ${place}` : '';
}

// --- For each operator: which numbers of its operands each number of its result is computed from. ---

export function readsOf(node: Node, run: RunNumbers): Reads {
  return RULES[node.op](node, run);
}

function stridesOf(shape: Shape): number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

/** The offset, by other strides, of the number at index `place` of a shape. */
function byStrides(place: number, shape: Shape, strides: readonly number[]): number {
  let at = 0;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    at += (place % shape[axis]!) * strides[axis]!;
    place = Math.floor(place / shape[axis]!);
  }
  return at;
}

/** The strides that repeat a shape when it is broadcast to another: 0 along repeated axes. */
function repeated(shape: Shape, to: Shape): number[] {
  const strides = stridesOf(shape);
  const lead = to.length - shape.length;
  return to.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : strides[axis - lead]!));
}

const none: Rule = () => () => false;
const all: Rule = () => () => true;
const samePlace: Rule = () => (place, _, from) => place === from;

const elementwise: Rule = ({ shape, inputs }) => {
  const strides = inputs.map((x) => repeated(x.shape, shape));
  return (place, i, from) => byStrides(place, shape, strides[i]!) === from;
};

/** Element-wise, but only from operands that were taken, judging by their numbers and the result. */
const taken =
  (isTaken: (x: number, y: number, i: number) => boolean): Rule =>
  (node, run) => {
    const reads = elementwise(node, run);
    const data = node.inputs.map((x) => (isValue(x) ? run.data(x) : []));
    const result = run.data(node);
    return (place, i, from) => reads(place, i, from) && isTaken(data[i]![from]!, result[place]!, i);
  };

/** For max, min and the like: an operand equal to the result, or any where the result is NaN. */
const isWinner = (x: number, y: number): boolean => x === y || Number.isNaN(y);

/** For `ifZero` and `ifNonzero`: from the first operand, where the condition holds. */
const underCondition =
  (whereZero: boolean): Rule =>
  (node, run) => {
    const reads = elementwise(node, run);
    const condition = node.inputs[1]!;
    const strides = repeated(condition.shape, node.shape);
    const data = run.data(condition);
    return (place, i, from) =>
      i === 0 && reads(place, i, from) && (data[byStrides(place, node.shape, strides)] === 0) === whereZero;
  };

/** From the whole row of each operand; all have the same number of rows along the last axis. */
const rows: Rule = (node) => {
  const shapes = [node.shape, ...node.inputs.map(({ shape }) => shape)];
  const longest = shapes.reduce((a, b) => (b.length > a.length ? b : a));
  const [own, ...widths] = shapes.map((shape) => sizeOf(shape) / sizeOf(longest.slice(0, -1)));
  return (place, i, from) => Math.floor(place / own!) === Math.floor(from / widths[i]!);
};

/** From the whole column of each operand: the last axis but one. */
const columns: Rule = ({ shape }) => {
  const [n, cols] = shape.slice(-2) as [number, number];
  const matrix = n * cols;
  return (place, _, from) =>
    place % cols === from % cols && Math.floor(place / matrix) === Math.floor(from / matrix);
};

/** From the elements whose index, without the reduced axes, is that of the result. */
const reduction: Rule = ({ shape, inputs, attr }) => {
  const whole = inputs[0]!.shape;
  const own = stridesOf(shape);
  let left = 0;
  const strides = whole.map((_, axis) => ((attr.axes?.includes(axis) ?? true) ? 0 : own[left++]!));
  return (place, _, from) => byStrides(from, whole, strides) === place;
};

const product: Rule = ({ shape, inputs }) => {
  const [a, b] = inputs.map((x) => x.shape) as [Shape, Shape];
  const row = a.length > 1 ? [a.at(-2)!] : [];
  const column = b.length > 1 ? [b.at(-1)!] : [];
  const batch = shape.slice(0, shape.length - row.length - column.length);
  // The contracted axis counts as an axis of length 1 that is repeated.
  const whole = [...batch, row[0] ?? 1, column[0] ?? 1];
  const strides = [
    repeated([...a.slice(0, -2), row[0] ?? 1, 1], whole),
    repeated([...b.slice(0, -2), 1, column[0] ?? 1], whole),
  ];
  const summed = [a.at(-1)!, b.length > 1 ? b.at(-2)! : b[0]!];
  const inner = [1, column[0] ?? 1];
  return (place, i, from) => {
    const outer = Math.floor(from / (summed[i]! * inner[i]!));
    return byStrides(place, whole, strides[i]!) === outer * inner[i]! + (from % inner[i]!);
  };
};

/** The index in a whole array of an element of a part, where the part starts at `start` of an axis. */
function inWhole(place: number, part: Shape, whole: Shape, axis: number, start: number): number {
  const strides = stridesOf(whole);
  return byStrides(place, part, strides) + start * strides[axis]!;
}

/** The index in a table of an element that was gathered from it. */
function inTable(place: number, table: Shape, indices: Int32Array, batch: boolean | undefined): number {
  const width = sizeOf(table.slice(batch ? 2 : 1));
  const i = Math.floor(place / width);
  const row = batch ? Math.floor((i * table[0]!) / indices.length) : 0;
  return ((batch ? row * table[1]! : 0) + indices[i]!) * width + (place % width);
}

const RULES: Readonly<Record<OpName, Rule>> = {
  ...(Object.fromEntries(UNARY_NAMES.map((name) => [name, samePlace])) as Record<UnaryName, Rule>),
  parameter: none,
  frozen: none,
  table: none,
  integers: none,
  input: none,
  constant: none,
  inverseCount: none,
  index: none,
  element: none,
  elements: none,
  topk: none,
  step: none,
  argmax: none,
  neg: samePlace,
  relu: taken((_, y) => y !== 0),
  pow: samePlace,
  detach: samePlace,
  dropout: taken((x, y) => y !== 0 || x === 0),
  add: elementwise,
  sub: elementwise,
  mul: elementwise,
  div: elementwise,
  mod: elementwise,
  power: elementwise,
  maximum: taken(isWinner),
  minimum: taken(isWinner),
  gt: elementwise,
  ge: elementwise,
  eq: elementwise,
  logGrad: elementwise,
  maskPositive: taken((x, y, i) => (i === 0 ? isWinner(x, y) : Number.isNaN(x))),
  ifNonzero: underCondition(false),
  ifZero: underCondition(true),
  sum: reduction,
  addN:
    ({ attr }, { length }) =>
    (place, i, from) =>
      place === from && (!attr.prefix || i < length),
  max: (node, run) => {
    const reads = reduction(node, run);
    const [x, y] = [run.data(node.inputs[0]!), run.data(node)];
    return (place, i, from) => reads(place, i, from) && isWinner(x[from]!, y[place]!);
  },
  cumsum: ({ shape, attr }) => {
    const [n, inner] = [shape[attr.axis!]!, sizeOf(shape.slice(attr.axis! + 1))];
    const way = attr.reverse ? -1 : 1;
    return (place, _, from) =>
      place % inner === from % inner &&
      Math.floor(place / (n * inner)) === Math.floor(from / (n * inner)) &&
      way * (place - from) >= 0;
  },
  matmul: product,
  softmax: rows,
  softmaxGrad: rows,
  softmaxColumns: columns,
  softmaxColumnsGrad: columns,
  reshape: samePlace,
  transpose: ({ shape, inputs, attr }) => {
    const strides = stridesOf(inputs[0]!.shape);
    const own = attr.axes!.map((axis) => strides[axis]!);
    return (place, _, from) => byStrides(place, shape, own) === from;
  },
  broadcastTo: elementwise,
  slice:
    ({ shape, inputs, attr }) =>
    (place, _, from) =>
      inWhole(place, shape, inputs[0]!.shape, attr.axis!, attr.start!) === from,
  pad:
    ({ shape, inputs, attr }) =>
    (place, _, from) =>
      inWhole(from, inputs[0]!.shape, shape, attr.axis!, attr.start!) === place,
  concat: ({ shape, inputs, attr }) => {
    let end = 0;
    const starts = inputs.map((x) => (end += x.shape[attr.axis!]!) - x.shape[attr.axis!]!);
    return (place, i, from) => inWhole(from, inputs[i]!.shape, shape, attr.axis!, starts[i]!) === place;
  },
  stack:
    ({ shape }) =>
    (place, i, from) =>
      i * sizeOf(shape.slice(1)) + from === place,
  gather: ({ inputs, attr }, run) => {
    const table = inputs[0]!.shape;
    const indices = run.integers(inputs[1]!);
    return (place, _, from) => inTable(place, table, indices, attr.batch) === from;
  },
  scatterAdd: ({ shape, inputs, attr }, run) => {
    const indices = run.integers(inputs[1]!);
    return (place, _, from) => inTable(from, shape, indices, attr.batch) === place;
  },
  choose: ({ inputs }, run) => {
    const [chosen] = run.integers(inputs.at(-1)!);
    return (place, i, from) => i === chosen && place === from;
  },
  chooseGrad: ({ inputs, attr }, run) => {
    const [chosen] = run.integers(inputs[1]!);
    return (place, _, from) => attr.choice === chosen && place === from;
  },
  rmsNorm: rows,
  rmsNormGrad: rows,
  crossEntropy: rows,
  crossEntropyGrad: rows,
  conv: convolution(['y', 'x', 'w']),
  convInput: convolution(['x', 'y', 'w']),
  convWeights: convolution(['w', 'x', 'y']),
  maxPool: ({ inputs, attr }, run) => {
    const largest = largestOfWindows(inputs[0]!, attr.window!, run);
    return (place, _, from) => largest(place) === from;
  },
  maxPoolPick: ({ inputs, attr }, run) => {
    const largest = largestOfWindows(inputs[1]!, attr.window!, run);
    return (place, i, from) => i === 0 && largest(place) === from;
  },
  maxPoolGrad: ({ inputs, attr }, run) => {
    const largest = largestOfWindows(inputs[1]!, attr.window!, run);
    return (place, i, from) => i === 0 && largest(from) === place;
  },
  sumPool: sumsOfWindows(false),
  sumPoolGrad: sumsOfWindows(true),
  // The compiler makes these; they are never part of a written graph.
  gatherMatmul: all,
  gatherDot: all,
  scatterOuter: all,
};
