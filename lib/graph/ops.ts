/**
 * Every operator, declared once: its shape, its gradient, its lowering to the machine.
 *
 * The table is total by type: a name without a row does not compile, nor a row without a gradient
 * or a lowering. A gradient rule builds nodes through a `Builder`, so what it returns can be
 * compiled with the forward pass and differentiated again.
 */
import { shown } from '../core/check.js';
import { broadcast, resolveAxis, sameShape, ShapeError, show, sizeOf, type Shape } from '../core/shape.js';

/** Every operator's name; the order is the compiler's numbering. */
export const OP_NAMES = [
  'parameter',
  'input',
  'constant',
  'inverseCount',
  'index',
  'element',
  'elements',
  'topk',
  'neg',
  'exp',
  'log',
  'relu',
  'pow',
  'detach',
  'add',
  'sub',
  'mul',
  'div',
  'maximum',
  'logGrad',
  'maskPositive',
  'ifNonzero',
  'ifZero',
  'sum',
  'total',
  'matmul',
  'softmax',
  'softmaxGrad',
  'reshape',
  'transpose',
  'broadcastTo',
  'slice',
  'embed',
  'concat',
  'stack',
  'gather',
  'scatterAdd',
  'choose',
  'chooseGrad',
  'rmsNorm',
  'rmsNormGrad',
  'crossEntropy',
  'crossEntropyGrad',
  'gatherMatmul',
  'gatherDot',
  'scatterOuter',
  'step',
  'argmax',
  'sign',
  'abs',
  'tanh',
  'sigmoid',
  'softplus',
  'log1p',
  'erf',
  'arcsin',
  'arcsinh',
  'arctanh',
  'minimum',
  'gt',
  'ge',
  'eq',
  'max',
  'cumsum',
  'dropout',
] as const;
/** An operator's name. */
export type OpName = (typeof OP_NAMES)[number];

/** Each operator's number: its place in `OP_NAMES`. */
export const OP_CODE = Object.fromEntries(OP_NAMES.map((name, i) => [name, i])) as Record<OpName, number>;

/** What a gradient rule may do: make nodes, ask for shapes. N is the node type. */
export interface Builder<N> {
  op(name: OpName, inputs: readonly N[], attr?: Attr): N;
  constant(value: number): N;
  shape(node: N): Shape;
}

/** The parameters of an operator that are no operands; each operator reads its own. */
export interface Attr {
  /** `constant`: the number. */
  value?: number;
  exponent?: number;
  axes?: readonly number[];
  axis?: number;
  shape?: Shape;
  start?: number;
  stop?: number;
  k?: number;
  choice?: number;
  /** `rmsNorm`: what the sum of squares is multiplied by, and what is added to that. */
  scale?: number;
  eps?: number;
  /** `softmax`: row r of the last but one axis has its first `first + r step` entries; zeros follow. */
  lengths?: { first: number; step: number };
  /** `gather`, `scatterAdd`: one index per row of the first axis, into the second. */
  batch?: boolean | undefined;
  /** `cumsum`: from the end to the start. */
  reverse?: boolean;
  /** `dropout`: the share of numbers that are dropped, and what decides which. */
  rate?: number;
  seed?: number;
  /** `total`: only the first n terms count, n fed as the last operand. */
  prefix?: boolean;
  /** Set by the compiler: the position from which each term of a total, each row of a stack, counts. */
  positions?: readonly number[];
}

export const NO_ATTR: Attr = {};

export interface GradientContext<N> {
  readonly g: Builder<N>;
  readonly inputs: readonly N[];
  readonly output: N;
  readonly attr: Attr;
  /** The gradient of the root with respect to the output: the output's shape. */
  readonly dy: N;
}

/** Kernels of the machine by calling form (see native/vm/instructions.def). */
export type UnaryKernel =
  | 'copy'
  | 'neg'
  | 'relu'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'rsqrt'
  | 'reciprocal'
  | 'sign'
  | 'abs'
  | 'tanh'
  | 'sigmoid'
  | 'softplus'
  | 'log1p'
  | 'erf'
  | 'arcsin'
  | 'arcsinh'
  | 'arctanh';
export type BinaryKernel =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mask_positive'
  | 'pow'
  | 'maximum'
  | 'minimum'
  | 'gt'
  | 'ge'
  | 'eq'
  | 'log_grad'
  | 'if_nonzero'
  | 'if_zero';

/** How the compiler turns an operator into instructions. */
export type Lowering =
  | { kind: 'unary'; kernel: UnaryKernel }
  | { kind: 'binary'; kernel: BinaryKernel }
  | { kind: 'view' }
  | { kind: 'special' };

export interface OpDefinition {
  /** The result's shape; throws `ShapeError` on shapes that do not fit. */
  shape(inputs: readonly Shape[], attr: Attr): Shape;
  /** The gradient with respect to input i, in that input's shape; null where none flows. */
  gradient<N>(c: GradientContext<N>, i: number): N | null;
  lower: Lowering;
}

const same = ([x]: readonly Shape[]): Shape => x!;
const both = ([a, b]: readonly Shape[]): Shape => broadcast(a!, b!);
const unary = (kernel: UnaryKernel): Lowering => ({ kind: 'unary', kernel });
const binary = (kernel: BinaryKernel): Lowering => ({ kind: 'binary', kernel });
const view: Lowering = { kind: 'view' };
/** Where the operands of a concat end along its axis, by the list of them, for the gradients of all. */
const joinEnds = new WeakMap<readonly unknown[], readonly number[]>();
const special: Lowering = { kind: 'special' };
const noGradient = (): null => null;

/** Whether no gradient flows through an operator, whatever its operands are. */
export function stopsGradient(op: OpName): boolean {
  return OPS[op].gradient === noGradient;
}

/** Whether no gradient of an operator ever reaches its operand i: the condition of a where, a power of 0. */
export function hasNoGradient(op: OpName, { exponent }: Attr, i: number): boolean {
  const isCondition = (op === 'ifNonzero' || op === 'ifZero' || op === 'maskPositive') && i === 1;
  return stopsGradient(op) || isCondition || (op === 'pow' && exponent === 0);
}

/** Sums `node` over the axes in which `shape` was broadcast: the one place broadcasting is undone. */
export function sumTo<N>(g: Builder<N>, node: N, shape: Shape): N {
  const from = g.shape(node);
  if (sameShape(from, shape)) return node;
  const lead = from.length - shape.length;
  const axes: number[] = [];
  from.forEach((n, i) => {
    if (i < lead || (shape[i - lead] === 1 && n !== 1)) axes.push(i);
  });
  const summed = axes.length ? g.op('sum', [node], { axes }) : node;
  return sameShape(g.shape(summed), shape) ? summed : g.op('reshape', [summed], { shape });
}

/** The gradient of an element-wise operator, undone to its input's shape. */
function elementwise<N>(c: GradientContext<N>, i: number, node: N): N {
  return sumTo(c.g, node, c.g.shape(c.inputs[i]!));
}

/**
 * The gradient of the larger (or smaller) of two operands: the winner's, half of it in a tie, NaN
 * where the result is.
 */
function winnersGradient<N>(c: GradientContext<N>, i: number, a: 0 | 1): N {
  const { g, dy, inputs, output } = c;
  const [mine, other] = [inputs[i]!, inputs[1 - i]!];
  // `a` says whether the first operand of a comparison is mine.
  const compared = (op: OpName): N => g.op(op, a === 0 ? [mine, other] : [other, mine]);
  const half = g.op('mul', [dy, g.constant(0.5)]);
  const won = g.op('maskPositive', [half, compared('gt')]);
  const wonOrTied = g.op('maskPositive', [half, compared('ge')]);
  return elementwise(c, i, orNaN(g, g.op('add', [won, wonOrTied]), output));
}

/** The gradient of what is taken where the second operand is zero, or is not. */
function takenGradient<N>(c: GradientContext<N>, i: number, whereZero: boolean): N | null {
  if (i === 1) return null;
  const { g, dy, inputs } = c;
  const isZero = g.op('eq', [inputs[1]!, g.constant(0)]);
  const isTaken = whereZero ? isZero : g.op('sub', [g.constant(1), isZero]);
  return elementwise(c, 0, g.op('maskPositive', [dy, isTaken]));
}

/** The numbers of `node`, NaN where those of `where`, which broadcasts to it, are. */
function orNaN<N>(g: Builder<N>, node: N, where: N): N {
  const isNumber = g.op('eq', [where, where]);
  return g.op('mul', [node, g.op('div', [isNumber, isNumber])]);
}

/** (1 + x)(1 - x) or 1 + x²: what the derivatives of the inverse functions divide by. */
function oneMinusSquare<N>({ g, inputs }: GradientContext<N>): N {
  const [x] = inputs as [N];
  const one = g.constant(1);
  return g.op('mul', [g.op('add', [one, x]), g.op('sub', [one, x])]);
}
function onePlusSquare<N>({ g, inputs }: GradientContext<N>): N {
  const [x] = inputs as [N];
  return g.op('add', [g.op('mul', [x, x]), g.constant(1)]);
}

/** The axes that a reduction takes away: those of the attribute, or all. */
function goneAxes(x: Shape, { axes }: Attr): ReadonlySet<number> {
  return new Set((axes ?? x.map((_, i) => i)).map((axis) => resolveAxis(axis, x)));
}
/** A shape whose `gone` axes have length 1, so that it broadcasts against the whole. */
function keptShape(x: Shape, gone: ReadonlySet<number>): Shape {
  return x.map((n, i) => (gone.has(i) ? 1 : n));
}

function swapLast<N>(g: Builder<N>, x: N): N {
  const rank = g.shape(x).length;
  const axes = Array.from({ length: rank }, (_, i) => i);
  [axes[rank - 1], axes[rank - 2]] = [axes[rank - 2]!, axes[rank - 1]!];
  return g.op('transpose', [x], { axes });
}

function reshape<N>(g: Builder<N>, x: N, shape: Shape): N {
  return sameShape(g.shape(x), shape) ? x : g.op('reshape', [x], { shape });
}

function matmulShape([a, b]: readonly Shape[]): Shape {
  if (!a!.length || !b!.length) throw new ShapeError('a single number has no axis to contract: use mul');
  const k = a![a!.length - 1]!;
  const rows = b!.length > 1 ? b![b!.length - 2]! : b![0]!;
  if (k !== rows) {
    throw new ShapeError(
      `the last axis of the left (${k}) must equal the first matrix axis of the right (${rows})`,
    );
  }
  const batch = broadcast(a!.slice(0, -2), b!.slice(0, -2));
  return [
    ...batch,
    ...(a!.length > 1 ? [a![a!.length - 2]!] : []),
    ...(b!.length > 1 ? [b![b!.length - 1]!] : []),
  ];
}

/** dA = dY Bᵀ, dB = Aᵀ dY, a vector standing for a matrix with one row (left) or column (right). */
function matmulGradient<N>(c: GradientContext<N>, i: number): N {
  const { g, dy } = c;
  const [a, b] = c.inputs as [N, N];
  const shapeA = g.shape(a);
  const shapeB = g.shape(b);
  const vectorA = shapeA.length === 1;
  const vectorB = shapeB.length === 1;
  if (vectorA && vectorB) return g.op('mul', [dy, i === 0 ? b : a]);
  const k = shapeA[shapeA.length - 1]!;
  if (vectorA && shapeB.length === 2) {
    const n = shapeB[1]!;
    if (i === 0) return g.op('matmul', [dy, swapLast(g, b)]);
    return g.op('matmul', [reshape(g, a, [k, 1]), reshape(g, dy, [1, n])]);
  }
  if (vectorB && shapeA.length === 2) {
    const m = shapeA[0]!;
    if (i === 1) return g.op('matmul', [dy, a]);
    return g.op('matmul', [reshape(g, dy, [m, 1]), reshape(g, b, [1, k])]);
  }
  const matrixA = vectorA ? reshape(g, a, [1, k]) : a;
  const matrixB = vectorB ? reshape(g, b, [k, 1]) : b;
  const outA = g.shape(matrixA);
  const outB = g.shape(matrixB);
  const batch = broadcast(outA.slice(0, -2), outB.slice(0, -2));
  const dyMatrix = reshape(g, dy, [...batch, outA[outA.length - 2]!, outB[outB.length - 1]!]);
  const grad =
    i === 0
      ? g.op('matmul', [dyMatrix, swapLast(g, matrixB)])
      : g.op('matmul', [swapLast(g, matrixA), dyMatrix]);
  return reshape(g, sumTo(g, grad, i === 0 ? outA : outB), i === 0 ? shapeA : shapeB);
}

/** What chooses, or counts, is one integer. */
function checkSingle(index: Shape): void {
  if (index.length > 0)
    throw new ShapeError(
      `an index of shape ${show(index)}: expected a single integer, as of index(name) or at(i)`,
    );
}

function checkPermutation(axes: readonly number[], x: Shape): void {
  const seen = new Set(axes.map((axis) => resolveAxis(axis, x)));
  if (seen.size !== x.length || axes.length !== x.length) {
    throw new ShapeError(`axes ${show(axes)}: expected each of ${x.length} axes once`);
  }
}

export const OPS: Readonly<Record<OpName, OpDefinition>> = {
  // --- leaves: their values come from outside the graph ---
  parameter: { shape: (_, { shape }) => shape!, gradient: noGradient, lower: special },
  input: { shape: (_, { shape }) => shape!, gradient: noGradient, lower: special },
  constant: { shape: () => [], gradient: noGradient, lower: special },
  /** One over the fed prefix length. */
  inverseCount: { shape: () => [], gradient: noGradient, lower: special },
  // --- integers: index inputs, their elements, and indices found at run time ---
  index: { shape: (_, { shape }) => shape!, gradient: noGradient, lower: special },
  element: { shape: () => [], gradient: noGradient, lower: special },
  /** Elements [start, stop) of a vector of indices. */
  elements: {
    shape: (_, { start, stop }) => [stop! - start!],
    gradient: noGradient,
    lower: special,
  },
  topk: {
    shape: ([x], { k }) => {
      if (x!.length !== 1) throw new ShapeError(`expected a vector, not shape ${show(x!)}`);
      if (!Number.isInteger(k) || k! < 1 || k! > x![0]!) {
        throw new ShapeError(`k ${shown(k)} of ${x![0]} numbers: expected an integer from 1 to ${x![0]}`);
      }
      return [k!];
    },
    gradient: noGradient,
    lower: special,
  },
  /** The number of the training step that runs, from 0; below 0 in any other run. */
  step: { shape: () => [], gradient: noGradient, lower: special },
  /** The place of the largest along an axis, which vanishes; ties go to the lower place. */
  argmax: {
    shape: ([x], { axis }) => {
      const at = resolveAxis(axis!, x!);
      if (x![at] === 0)
        throw new ShapeError(`axis ${axis} of ${show(x!)} is empty: it has no largest number`);
      return x!.filter((_, i) => i !== at);
    },
    gradient: noGradient,
    lower: special,
  },
  // --- element-wise, one operand ---
  neg: { shape: same, gradient: ({ g, dy }) => g.op('neg', [dy]), lower: unary('neg') },
  exp: { shape: same, gradient: ({ g, dy, output }) => g.op('mul', [dy, output]), lower: unary('exp') },
  log: {
    shape: same,
    gradient: ({ g, dy, inputs }) => g.op('logGrad', [dy, inputs[0]!]),
    lower: unary('log'),
  },
  relu: {
    shape: same,
    // The output is above zero where the input is, and is read anyway.
    gradient: ({ g, dy, output }) => g.op('maskPositive', [dy, output]),
    lower: unary('relu'),
  },
  pow: {
    shape: same,
    gradient: ({ g, dy, inputs, attr }) => {
      const p = attr.exponent!;
      if (p === 0) return null;
      if (p === 1) return dy;
      const slope = g.op('pow', [inputs[0]!], { exponent: p - 1 });
      return g.op('mul', [dy, g.op('mul', [slope, g.constant(p)])]);
    },
    lower: special,
  },
  detach: { shape: same, gradient: noGradient, lower: view },
  /** -1, 0 or 1; NaN of NaN. */
  sign: { shape: same, gradient: noGradient, lower: unary('sign') },
  abs: {
    shape: same,
    gradient: ({ g, dy, inputs }) => g.op('mul', [dy, g.op('sign', [inputs[0]!])]),
    lower: unary('abs'),
  },
  tanh: {
    shape: same,
    gradient: ({ g, dy, output }) => {
      const square = g.op('mul', [output, output]);
      return g.op('mul', [dy, g.op('sub', [g.constant(1), square])]);
    },
    lower: unary('tanh'),
  },
  /** 1 / (1 + exp(-x)). */
  sigmoid: {
    shape: same,
    gradient: ({ g, dy, output }) => {
      const slope = g.op('mul', [output, g.op('sub', [g.constant(1), output])]);
      return g.op('mul', [dy, slope]);
    },
    lower: unary('sigmoid'),
  },
  /** log(1 + exp(x)). */
  softplus: {
    shape: same,
    gradient: ({ g, dy, inputs }) => g.op('mul', [dy, g.op('sigmoid', [inputs[0]!])]),
    lower: unary('softplus'),
  },
  log1p: {
    shape: same,
    gradient: ({ g, dy, inputs }) => g.op('logGrad', [dy, g.op('add', [inputs[0]!, g.constant(1)])]),
    lower: unary('log1p'),
  },
  /** The error function: 2 / sqrt(pi) times the integral of exp(-t²) from 0 to x. */
  erf: {
    shape: same,
    gradient: ({ g, dy, inputs }) => {
      const [x] = inputs as [(typeof inputs)[0]];
      const bell = g.op('exp', [g.op('neg', [g.op('mul', [x, x])])]);
      return g.op('mul', [dy, g.op('mul', [bell, g.constant(2 / Math.sqrt(Math.PI))])]);
    },
    lower: unary('erf'),
  },
  arcsin: {
    shape: same,
    gradient: (c) => c.g.op('mul', [c.dy, c.g.op('pow', [oneMinusSquare(c)], { exponent: -0.5 })]),
    lower: unary('arcsin'),
  },
  arcsinh: {
    shape: same,
    gradient: (c) => c.g.op('mul', [c.dy, c.g.op('pow', [onePlusSquare(c)], { exponent: -0.5 })]),
    lower: unary('arcsinh'),
  },
  arctanh: {
    shape: same,
    gradient: (c) => c.g.op('logGrad', [c.dy, oneMinusSquare(c)]),
    lower: unary('arctanh'),
  },
  /**
   * In a training step, whose number is the second operand, zeros in place of a share of the numbers
   * and the others divided by what is left; elsewhere the numbers as they are. Which are dropped
   * depends on seed, step and place alone, so the gradient drops the same.
   */
  dropout: {
    shape: same,
    gradient: ({ g, dy, inputs, attr }, i) => (i === 0 ? g.op('dropout', [dy, inputs[1]!], attr) : null),
    lower: special,
  },
  // --- element-wise, two operands, broadcast ---
  add: { shape: both, gradient: (c, i) => elementwise(c, i, c.dy), lower: binary('add') },
  sub: {
    shape: both,
    gradient: (c, i) => elementwise(c, i, i === 0 ? c.dy : c.g.op('neg', [c.dy])),
    lower: binary('sub'),
  },
  mul: {
    shape: both,
    gradient: (c, i) => elementwise(c, i, c.g.op('mul', [c.dy, c.inputs[1 - i]!])),
    lower: binary('mul'),
  },
  div: {
    shape: both,
    gradient: (c, i) => {
      const over = c.g.op('div', [c.dy, c.inputs[1]!]);
      return elementwise(c, i, i === 0 ? over : c.g.op('neg', [c.g.op('mul', [over, c.output])]));
    },
    lower: binary('div'),
  },
  /** The larger of two; a tie shares the gradient equally. */
  maximum: {
    shape: both,
    gradient: (c, i) => winnersGradient(c, i, 0),
    lower: binary('maximum'),
  },
  /** The smaller of two; a tie shares the gradient equally. */
  minimum: {
    shape: both,
    gradient: (c, i) => winnersGradient(c, i, 1),
    lower: binary('minimum'),
  },
  // Comparisons: 1 where they hold, else 0; NaN compares false. Steps have no slope.
  gt: { shape: both, gradient: noGradient, lower: binary('gt') },
  ge: { shape: both, gradient: noGradient, lower: binary('ge') },
  eq: { shape: both, gradient: noGradient, lower: binary('eq') },
  /**
   * a / b; where b < 0, NaN, or 0 where a is: the gradient of log, which ends where log does, but of
   * a number that was not taken, as `where` says, is none.
   */
  logGrad: {
    shape: both,
    gradient: (c, i) => {
      const [, b] = c.inputs as [(typeof c.inputs)[0], (typeof c.inputs)[0]];
      if (i === 0) return elementwise(c, 0, c.g.op('logGrad', [c.dy, b]));
      const slope = c.g.op('logGrad', [c.g.op('mul', [c.dy, c.output]), b]);
      return elementwise(c, 1, c.g.op('neg', [slope]));
    },
    lower: binary('log_grad'),
  },
  /** a where b > 0, NaN where b is NaN, else 0: the gradient of relu, itself linear in a. */
  maskPositive: {
    shape: both,
    gradient: (c, i) => (i === 0 ? elementwise(c, 0, c.g.op('maskPositive', [c.dy, c.inputs[1]!])) : null),
    lower: binary('mask_positive'),
  },
  /** a where b is not 0 (NaN is not), else -0, which changes nothing that it is added to. */
  ifNonzero: {
    shape: both,
    gradient: (c, i) => takenGradient(c, i, false),
    lower: binary('if_nonzero'),
  },
  /** a where b is 0, else -0. */
  ifZero: { shape: both, gradient: (c, i) => takenGradient(c, i, true), lower: binary('if_zero') },
  // --- sums ---
  /** Sum over `axes` (all when absent); the axes vanish. */
  sum: {
    shape: ([x], attr) => [goneAxes(x!, attr)].flatMap((gone) => x!.filter((_, i) => !gone.has(i))),
    gradient: ({ g, dy, inputs, attr }) => {
      const x = g.shape(inputs[0]!);
      const kept = reshape(g, dy, keptShape(x, goneAxes(x, attr)));
      return g.op('broadcastTo', [kept], { shape: x });
    },
    lower: special,
  },
  /**
   * The sum of any number of operands of one shape; with `prefix`, of the first n of them, n being
   * the last operand, an index.
   */
  total: {
    shape: (inputs, { prefix }) => {
      const terms = prefix ? inputs.slice(0, -1) : inputs;
      const first = terms[0];
      if (!first) throw new ShapeError('there are no operands: give at least one');
      const odd = terms.find((shape) => !sameShape(shape, first));
      if (odd) throw new ShapeError(`shapes ${show(first)} and ${show(odd)}: all must be equal`);
      if (prefix) checkSingle(inputs.at(-1)!);
      return first;
    },
    gradient: ({ dy }) => dy,
    lower: special,
  },
  // --- along axes ---
  /**
   * The largest over `axes` (all when absent), which vanish; ties share the gradient equally. Where it
   * is NaN, so is the gradient of all that it is the largest of.
   */
  max: {
    shape: ([x], attr) => {
      const gone = goneAxes(x!, attr);
      const shape = x!.filter((_, i) => !gone.has(i));
      if (sizeOf(x!) === 0 && sizeOf(shape) > 0)
        throw new ShapeError(`${show(x!)} is empty along the axes: there are no numbers to choose from`);
      return shape;
    },
    gradient: ({ g, dy, inputs, output, attr }) => {
      const [x] = inputs as [(typeof inputs)[0]];
      const gone = goneAxes(g.shape(x), attr);
      const kept = keptShape(g.shape(x), gone);
      const isLargest = g.op('eq', [x, reshape(g, output, kept)]);
      const ties = g.op('sum', [isLargest], { axes: [...gone] });
      const share = g.op('maskPositive', [reshape(g, g.op('div', [dy, ties]), kept), isLargest]);
      return orNaN(g, share, reshape(g, output, kept));
    },
    lower: special,
  },
  /** The sum along an axis up to each place or, with `reverse`, from it on. */
  cumsum: {
    shape: ([x], { axis }) => {
      resolveAxis(axis!, x!);
      return x!;
    },
    gradient: ({ g, dy, attr }) => g.op('cumsum', [dy], { ...attr, reverse: !attr.reverse }),
    lower: special,
  },
  // --- products ---
  matmul: { shape: matmulShape, gradient: matmulGradient, lower: special },
  // --- softmax over the last axis ---
  softmax: {
    shape: ([x]) => {
      if (!x!.length) throw new ShapeError('a single number has no axis: give at least one');
      return x!;
    },
    gradient: ({ g, dy, output }) => g.op('softmaxGrad', [output, dy]),
    lower: special,
  },
  /** y (g - sum(y g)) over the last axis: symmetric, so its gradient in g is itself. */
  softmaxGrad: {
    shape: same,
    gradient: ({ g, dy, inputs }, i) => {
      const [y, u] = inputs as [(typeof inputs)[0], (typeof inputs)[0]];
      if (i === 1) return g.op('softmaxGrad', [y, dy]);
      const shape = g.shape(y);
      const axes = [shape.length - 1];
      const column = [...shape.slice(0, -1), 1];
      const dot = (a: typeof y, b: typeof y): typeof y =>
        reshape(g, g.op('sum', [g.op('mul', [a, b])], { axes }), column);
      return g.op('sub', [g.op('mul', [dy, g.op('sub', [u, dot(y, u)])]), g.op('mul', [u, dot(y, dy)])]);
    },
    lower: special,
  },
  // --- views and joins ---
  reshape: {
    shape: ([x], { shape }) => {
      if (sizeOf(x!) !== sizeOf(shape!)) {
        throw new ShapeError(`to ${show(shape!)}: ${sizeOf(x!)} numbers against ${sizeOf(shape!)}`);
      }
      return shape!;
    },
    gradient: ({ g, dy, inputs }) => reshape(g, dy, g.shape(inputs[0]!)),
    lower: view,
  },
  transpose: {
    shape: ([x], { axes }) => {
      checkPermutation(axes!, x!);
      return axes!.map((axis) => x![axis]!);
    },
    gradient: ({ g, dy, attr }) => {
      const inverse = new Array<number>(attr.axes!.length);
      attr.axes!.forEach((axis, i) => (inverse[axis] = i));
      return g.op('transpose', [dy], { axes: inverse });
    },
    lower: view,
  },
  broadcastTo: {
    shape: ([x], { shape }) => {
      if (!sameShape(broadcast(x!, shape!), shape!)) {
        throw new ShapeError(`${show(x!)} does not broadcast to ${show(shape!)}`);
      }
      return shape!;
    },
    gradient: (c) => elementwise(c, 0, c.dy),
    lower: view,
  },
  /** The part [start, stop) of an axis. */
  slice: {
    shape: ([x], { axis, start, stop }) => {
      const at = resolveAxis(axis!, x!);
      if (
        !Number.isInteger(start) ||
        !Number.isInteger(stop) ||
        start! < 0 ||
        stop! < start! ||
        stop! > x![at]!
      ) {
        throw new ShapeError(
          `from ${shown(start)} to before ${shown(stop)} in axis ${axis} of ${show(x!)}: expected ` +
            `integers from 0 to ${x![at]!}, the first no larger`,
        );
      }
      return x!.map((n, i) => (i === at ? stop! - start! : n));
    },
    gradient: ({ g, dy, inputs, attr }) =>
      g.op('embed', [dy], { axis: attr.axis, start: attr.start, shape: g.shape(inputs[0]!) }),
    lower: view,
  },
  /** Zeros of a shape with the operand placed at `start` of an axis: the gradient of slice. */
  embed: {
    shape: (_, { shape }) => shape!,
    gradient: ({ g, dy, inputs, attr }) =>
      g.op('slice', [dy], {
        axis: attr.axis,
        start: attr.start,
        stop: attr.start! + g.shape(inputs[0]!)[attr.axis!]!,
      }),
    lower: special,
  },
  concat: {
    shape: (inputs, { axis }) => {
      const first = inputs[0];
      if (!first) throw new ShapeError('there are no operands: give at least one');
      const at = resolveAxis(axis!, first);
      for (const shape of inputs) {
        if (shape.length !== first.length || shape.some((n, i) => i !== at && n !== first[i])) {
          throw new ShapeError(
            `shapes ${show(first)} and ${show(shape)} along axis ${axis}: the other axes must be equal`,
          );
        }
      }
      return first.map((n, i) => (i === at ? inputs.reduce((sum, s) => sum + s[at]!, 0) : n));
    },
    gradient: ({ g, dy, inputs, attr }, i) => {
      const at = resolveAxis(attr.axis!, g.shape(inputs[0]!));
      let ends = joinEnds.get(inputs);
      if (!ends) {
        let end = 0;
        ends = inputs.map((input) => (end += g.shape(input)[at]!));
        joinEnds.set(inputs, ends);
      }
      return g.op('slice', [dy], { axis: at, start: i ? ends[i - 1]! : 0, stop: ends[i]! });
    },
    lower: special,
  },
  /** Operands of one shape along a new first axis. */
  stack: {
    shape: (inputs) => {
      const first = inputs[0];
      if (!first) throw new ShapeError('there are no operands: give at least one');
      const odd = inputs.find((shape) => !sameShape(shape, first));
      if (odd) throw new ShapeError(`shapes ${show(first)} and ${show(odd)}: all must be equal`);
      return [inputs.length, ...first];
    },
    gradient: ({ g, dy, inputs }, i) =>
      reshape(g, g.op('slice', [dy], { axis: 0, start: i, stop: i + 1 }), g.shape(inputs[i]!)),
    lower: special,
  },
  // --- indexing by run-time integers (the last operand) ---
  /**
   * Rows of the first axis: index shape, then the rest of x's. With `batch`, row i of the result is
   * x[i][index[i]].
   */
  gather: {
    shape: ([x, index], { batch }) => {
      if (!x!.length) throw new ShapeError('a single number has no axis: give at least one');
      const rows = x![batch ? 1 : 0];
      if (rows === 0 && sizeOf(index!) > 0)
        throw new ShapeError(
          `from ${show(x!)} by indices ${show(index!)}: there are no rows, so that no index is right`,
        );
      return batch ? [x![0]!, ...x!.slice(2)] : [...index!, ...x!.slice(1)];
    },
    gradient: ({ g, dy, inputs, attr }, i) =>
      i === 0
        ? g.op('scatterAdd', [dy, inputs[1]!], { shape: g.shape(inputs[0]!), batch: attr.batch })
        : null,
    lower: special,
  },
  /** Zeros of a shape with rows added at indices: repeated indices add up. */
  scatterAdd: {
    shape: (_, { shape }) => shape!,
    gradient: ({ g, dy, inputs, attr }, i) =>
      i === 0 ? g.op('gather', [dy, inputs[1]!], { batch: attr.batch }) : null,
    lower: special,
  },
  /** One of several operands of one shape, picked by the last operand, an index. */
  choose: {
    shape: (inputs) => {
      const first = inputs[0]!;
      if (inputs.length < 2 || inputs.slice(0, -1).some((shape) => !sameShape(shape, first))) {
        const odd = inputs.slice(0, -1).find((shape) => !sameShape(shape, first));
        throw new ShapeError(
          odd
            ? `shapes ${show(first)} and ${show(odd)}: all must be equal`
            : 'there are no operands: give at least one',
        );
      }
      checkSingle(inputs.at(-1)!);
      return first;
    },
    gradient: ({ g, dy, inputs }, i) =>
      i < inputs.length - 1
        ? g.op('chooseGrad', [dy, inputs[inputs.length - 1]!], { choice: i, k: inputs.length - 1 })
        : null,
    lower: special,
  },
  /** The operand where the index, one of k, equals `choice`, else zeros. */
  chooseGrad: {
    shape: same,
    gradient: ({ g, dy, inputs, attr }, i) => (i === 0 ? g.op('chooseGrad', [dy, inputs[1]!], attr) : null),
    lower: special,
  },
  // --- rows of the last axis, one loop each ---
  /** x / sqrt(scale sum(x²) + eps), row by row. */
  rmsNorm: {
    shape: ([x]) => {
      if (!x!.length) throw new ShapeError('a single number has no axis: give at least one');
      return x!;
    },
    gradient: ({ g, dy, inputs, output, attr }) => g.op('rmsNormGrad', [dy, inputs[0]!, output], attr),
    lower: special,
  },
  /**
   * Of u, x and rmsNorm(x): s u - scale s³ sum(u x) x with s = 1 / sqrt(scale sum(x²) + eps). Its
   * third operand is there for the s that rmsNorm has computed.
   */
  rmsNormGrad: {
    shape: same,
    gradient: ({ g, dy, inputs, attr }, i) => {
      const [u, x, y] = inputs as [(typeof inputs)[0], (typeof inputs)[0], (typeof inputs)[0]];
      if (i === 0) return g.op('rmsNormGrad', [dy, x, y], attr);
      if (i === 2) return null;
      const shape = g.shape(x);
      const axes = [shape.length - 1];
      const mul = (...factors: (typeof x)[]): typeof x => factors.reduce((a, b) => g.op('mul', [a, b]));
      const dot = (a: typeof x, b: typeof x): typeof x =>
        reshape(g, g.op('sum', [mul(a, b)], { axes }), [...shape.slice(0, -1), 1]);
      const scale = g.constant(attr.scale!);
      const squares = g.op('add', [mul(dot(x, x), scale), g.constant(attr.eps!)]);
      const power = (exponent: number): typeof x => g.op('pow', [squares], { exponent });
      const [xu, xv, uv] = [dot(x, u), dot(x, dy), dot(u, dy)];
      const cubic = g.op('add', [mul(uv, x), g.op('add', [mul(xv, u), mul(xu, dy)])]);
      const quintic = mul(g.constant(3), scale, power(-2.5), xu, xv);
      return mul(scale, g.op('sub', [mul(quintic, x), mul(power(-1.5), cubic)]));
    },
    lower: special,
  },
  /** -log(softmax(x)[target]) of a vector, or of each row of a matrix; the targets are the last operand. */
  crossEntropy: {
    shape: ([x, target]) => {
      if ((x!.length !== 1 && x!.length !== 2) || !sameShape(x!.slice(0, -1), target!)) {
        throw new ShapeError(
          `${show(x!)} with targets ${show(target!)}: expected a vector and one index, or a matrix ` +
            'and one index per row',
        );
      }
      if (x!.at(-1) === 0 && sizeOf(target!) > 0)
        throw new ShapeError(`${show(x!)} has no classes, so that no target is right`);
      return target!;
    },
    gradient: ({ g, dy, inputs, output }, i) =>
      i === 0 ? g.op('crossEntropyGrad', [dy, inputs[0]!, output, inputs[1]!]) : null,
    lower: special,
  },
  /** Of u, x, crossEntropy(x, target) and target: u (softmax(x) - onehot(target)), row by row. */
  crossEntropyGrad: {
    shape: ([, x]) => x!,
    gradient: ({ g, dy, inputs }, i) => {
      const [u, x, y, target] = inputs as [
        (typeof inputs)[0],
        (typeof inputs)[0],
        (typeof inputs)[0],
        (typeof inputs)[0],
      ];
      const shape = g.shape(x);
      const column = [...shape.slice(0, -1), 1];
      if (i === 0) {
        const one = g.op('broadcastTo', [g.constant(1)], { shape: g.shape(u) });
        const slope = g.op('crossEntropyGrad', [one, x, y, target]);
        return g.op('sum', [g.op('mul', [dy, slope])], { axes: [shape.length - 1] });
      }
      if (i !== 1) return null;
      const weighted = g.op('mul', [dy, reshape(g, u, column)]);
      return g.op('softmaxGrad', [g.op('softmax', [x]), weighted]);
    },
    lower: special,
  },
  // --- products with chosen rows of a matrix; the indices are the last operand ---
  /** The sum of x[i] M[i] over the indices i: x.gather(index) @ M.gather(index), without the copies. */
  gatherMatmul: {
    shape: ([x, m, index]) => {
      if (x!.length !== 1 || m!.length !== 2 || index!.length !== 1 || x![0] !== m![0]) {
        throw new ShapeError(
          `${show(x!)}, ${show(m!)} and indices ${show(index!)}: expected [n], [n, m] and a vector of ` +
            'indices',
        );
      }
      return [m![1]!];
    },
    gradient: ({ g, dy, inputs }, i) => {
      const [x, m, index] = inputs as [(typeof inputs)[0], (typeof inputs)[0], (typeof inputs)[0]];
      if (i === 0) return g.op('gatherDot', [m, dy, index]);
      return i === 1 ? g.op('scatterOuter', [x, dy, index], { shape: g.shape(m) }) : null;
    },
    lower: special,
  },
  /** Of M, g and indices: zeros, with M[i] . g added at each index i. */
  gatherDot: {
    shape: ([m]) => [m![0]!],
    gradient: ({ g, dy, inputs }, i) => {
      const [m, v, index] = inputs as [(typeof inputs)[0], (typeof inputs)[0], (typeof inputs)[0]];
      if (i === 0) return g.op('scatterOuter', [dy, v, index], { shape: g.shape(m) });
      return i === 1 ? g.op('gatherMatmul', [dy, m, index]) : null;
    },
    lower: special,
  },
  /** Of x, g and indices: zeros of a matrix's shape, with x[i] g added to row i at each index i. */
  scatterOuter: {
    shape: (_, { shape }) => shape!,
    gradient: ({ g, dy, inputs }, i) => {
      const [x, v, index] = inputs as [(typeof inputs)[0], (typeof inputs)[0], (typeof inputs)[0]];
      if (i === 0) return g.op('gatherDot', [dy, v, index]);
      return i === 1 ? g.op('gatherMatmul', [x, dy, index]) : null;
    },
    lower: special,
  },
};

const INTEGER_OPS: ReadonlySet<OpName> = new Set<OpName>([
  'index',
  'element',
  'elements',
  'topk',
  'step',
  'argmax',
]);
/** Whether an operator's result is integers. */
export function isInteger(op: OpName): boolean {
  return INTEGER_OPS.has(op);
}

const INDEX_OPS: ReadonlySet<OpName> = new Set<OpName>([
  'element',
  'elements',
  'inverseCount',
  'dropout',
  'gather',
  'scatterAdd',
  'choose',
  'chooseGrad',
  'crossEntropy',
  'crossEntropyGrad',
  'gatherMatmul',
  'gatherDot',
  'scatterOuter',
]);
/** Whether an operator's last operand is an index; all others are values. */
export function takesIndex(op: OpName, { prefix }: Attr): boolean {
  return INDEX_OPS.has(op) || (op === 'total' && prefix === true);
}
