/**
 * Every operator as a method and as a function: both exist, take the same arguments and make the same graph.
 */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import * as functions from '../../lib/value/functions.js';
import * as order from '../../lib/value/order.js';
import * as parts from '../../lib/value/parts.js';
import * as picks from '../../lib/value/picks.js';
import * as scans from '../../lib/value/scans.js';
import { Value } from '../../lib/value/value.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { Node } from '../../lib/graph/node.js';
import * as library from '../../lib/index.js';
import { OP_NAMES } from '../../lib/graph/ops.js';

/** Operators that are composed of others. */
const composed = { ...functions, ...order, ...parts, ...picks, ...scans };

/** The names of the methods that make values or indices. */
type Operator = Exclude<
  { [K in keyof Value]: Value[K] extends (...args: never) => Node | Value[] ? K : never }[keyof Value],
  'named'
>;
type None<Names extends never> = Names;
type Tail<List extends unknown[]> = List extends [unknown, ...infer Rest] ? Rest : never;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** Does not compile if a method has no function. */
const FUNCTIONS: { [K in Operator]: (x: Value, ...args: Parameters<Value[K]>) => ReturnType<Value[K]> } =
  library;

/** Does not compile if the function takes other arguments after the value. */
type Differing = {
  [K in Operator]: Same<Parameters<Value[K]>, Tail<Parameters<(typeof library)[K]>>> extends true ? never : K;
}[Operator];
export type Agreeing = None<Differing>;

/** Functions without a method, and why: does not compile if another one has none. */
const METHODLESS: Record<Exclude<keyof typeof composed, Operator>, string> = {
  where: 'it takes three values; PyTorch has a method of this name with another order of them',
  vstack: 'it takes a list',
  oneHot: 'it takes an index',
};

const x = parameter([1, 2, 3, 4, 5, 6], { shape: [2, 3], name: 'x' });
const y = input('y', [2, 3]);
const v = parameter([1, 2, 3, 4], { name: 'v' });
const w = input('w', [3, 2]);
const cube = input('cube', [1, 3, 2]);
const images = input('images', [2, 2, 4, 4]);
const imageWeights = input('imageWeights', [2, 2, 2, 2]);
const sequences = input('sequences', [2, 2, 6]);
const sequenceWeights = input('sequenceWeights', [2, 2, 3]);
const rows = index('rows', 2);
const row = index('row');

const none = [[x]];
const binary = [
  [x, y],
  [x, 2],
  [x, w.transpose()],
];
const losses = [
  [x, y],
  [x, 0.5],
  [x, y, { reduction: 'sum' }],
  [x, y, { reduction: 'none' }],
];
const overAxes = [[x], [x, 0], [x, [0, 1]], [x, 0, true], [x, undefined, true]];

/**
 * For each operator, calls with the value first, whose graphs all differ; each argument is given at least
 * once.
 */
const CALLS: Record<Operator, readonly (readonly unknown[])[]> = {
  add: binary,
  sub: binary,
  mul: binary,
  div: binary,
  mod: binary,
  maximum: binary,
  minimum: binary,
  gt: binary,
  ge: binary,
  lt: binary,
  le: binary,
  eq: binary,
  ne: binary,
  neg: none,
  exp: none,
  log: none,
  expm1: none,
  log1p: none,
  sqrt: none,
  abs: none,
  sign: none,
  relu: none,
  sin: none,
  cos: none,
  tan: none,
  floor: none,
  ceil: none,
  round: none,
  tanh: none,
  sigmoid: none,
  softplus: none,
  erf: none,
  ndtr: none,
  arcsin: none,
  arctan: none,
  arcsinh: none,
  arctanh: none,
  detach: none,
  silu: none,
  pow: binary,
  clip: [
    [x, 0, 1],
    [x, y, 1],
    [x, 0, y],
  ],
  gelu: [[x], [x, 'tanh']],
  dropout: [
    [x, 0.5, 1],
    [x, 0.5, 2],
    [x, 0.25, 1],
  ],
  sum: overAxes,
  mean: overAxes,
  max: overAxes,
  min: overAxes,
  logSumExp: overAxes,
  norm: overAxes,
  variance: [[x], [x, 0], [x, 1, { ddof: 1 }], [x, 1, { keepDims: true }]],
  std: [[x], [x, 0], [x, 1, { ddof: 1 }], [x, 1, { keepDims: true }]],
  prod: overAxes,
  cumprod: [[x], [x, 1]],
  cumsum: [[x], [x, 1], [x, 0, { exclusive: true }], [x, 0, { reverse: true }]],
  softmax: [[x], [x, 0], [x, 0, { mask: y }], [x, 1, { mask: x.gt(0) }]],
  logSoftmax: [[x], [x, 0], [x, 0, { mask: y }], [x, 1, { mask: x.gt(0) }]],
  argmax: [[x], [x, 0]],
  argmin: [[x], [x, 0]],
  topk: [
    [v, 1],
    [v, 2],
    [x, 1],
    [x, 1, { axis: 0 }],
    [x, 1, { largest: false }],
  ],
  rmsNorm: [[x], [x, { eps: 0.5 }]],
  layerNorm: [[x], [x, { eps: 0.5 }]],
  crossEntropy: [
    [x, rows],
    [x, [2, 1]],
    [v, row],
    [x, rows, { weight: [1, 2, 3], labelSmoothing: 0.1, reduction: 'mean' }],
  ],
  matmul: [
    [x, w],
    [w, x],
  ],
  tensordot: [
    [x, w],
    [x, w, 2],
    [x, w, 0],
  ],
  transpose: [[cube], [cube, [1, 0, 2]]],
  reshape: [
    [x, [6]],
    [x, [3, -1]],
  ],
  expandDims: [
    [x, 0],
    [x, -1],
    [x, [0, 2]],
  ],
  squeeze: [[cube.expandDims(1)], [cube.expandDims(1), 0], [cube.expandDims([1, 2]), [0, 2]]],
  broadcastTo: [
    [x, [2, 2, 3]],
    [x, [1, 2, 3]],
  ],
  slice: [
    [x, 0, 1],
    [x, 1, 2],
    [x, 0, 1, 1],
    [x],
    [x, 0, 3, 1, { step: 2 }],
    [x, undefined, undefined, 0, { step: -1 }],
  ],
  at: [
    [x, 0],
    [x, 1],
    [x, row],
    [x, [1, 0]],
  ],
  gather: [
    [x, [1, -1]],
    [x, rows],
    [x, rows, 1],
  ],
  embedding: [
    [x, rows],
    [x, row],
  ],
  flip: [[x], [x, 0], [x, [1, 0]]],
  pad: [
    [x, 1],
    [x, [0, 1]],
    [
      x,
      [
        [1, 0],
        [0, 2],
      ],
    ],
    [x, 1, -1],
  ],
  tile: [
    [x, 2],
    [x, [3, 1]],
  ],
  takeAlongAxis: [
    [x, index('pick', [2, 4])],
    [x, index('pick', [1, 3]), 0],
    [x, [[0], [1]]],
  ],
  scatterAdd: [
    [x, rows, y],
    [x, rows, 1],
    [x, rows, 1, 1],
  ],
  conv1d: [
    [sequences, sequenceWeights],
    [sequences, sequenceWeights, { stride: 2 }],
  ],
  conv2d: [
    [images, imageWeights],
    [images, imageWeights, { padding: 1 }],
  ],
  convTranspose1d: [
    [sequences, sequenceWeights],
    [sequences, sequenceWeights, { stride: 2 }],
  ],
  convTranspose2d: [
    [images, imageWeights],
    [images, imageWeights, { padding: [1, 0] }],
  ],
  maxPool1d: [
    [sequences, 2],
    [sequences, 2, { stride: 1 }],
  ],
  maxPool2d: [
    [images, 2],
    [images, [2, 1], { stride: 1 }],
  ],
  avgPool1d: [
    [sequences, 2],
    [sequences, 2, { stride: 1 }],
  ],
  avgPool2d: [
    [images, 2],
    [images, [2, 1], { stride: 1 }],
  ],
  adaptiveAvgPool2d: [
    [images, 1],
    [images, [2, 1]],
  ],
  mse: losses,
  mae: losses,
  huber: [...losses, [x, y, { delta: 2 }]],
  bce: losses,
  bceWithLogits: losses,
  klDivergence: losses,
  nll: [
    [x, rows],
    [x, [2, 1]],
    [x, rows, { reduction: 'none' }],
  ],
  split: [
    [x, 2],
    [x, 3, 1],
    [x, [1, 2], 1],
  ],
};

const names = Object.keys(CALLS) as Operator[];

/** Functions of lists and shapes, which have only one form, with valid arguments. */
const LIST_CALLS: Readonly<Record<string, readonly (readonly unknown[])[]>> = {
  where: [[x, x, y]],
  vstack: [[[x, y]]],
  stack: [[[x, y], 1]],
  concat: [[[x, y], 1], [[x, y]]],
  addN: [[[x, y]]],
  choose: [[[x, y], row]],
  meanOfFirst: [[[x, y], row]],
  zeros: [[[2, 3]]],
  oneHot: [[rows, 4]],
  einsum: [['ij,kj->ik', x, y]],
};
const LIST_NAMES = Object.keys(LIST_CALLS);

const long = (n: number): number[] => Array.from({ length: n }, () => 1);
/** Values whose shapes do not fit, or from which an operator would make more than an array can hold. */
const SHAPES = [
  [],
  [2 ** 16, 1],
  [1, 2 ** 16],
  [2 ** 16],
  [2 ** 15, 2 ** 15],
  [2 ** 30],
  [5, 7],
  [5],
  [0],
  [2, 0],
  long(32),
].map((shape, n) => input(`s${n}`, shape));
/** Wrong values for each argument. */
const WRONG: readonly unknown[] = [
  null,
  undefined,
  'text',
  '',
  {},
  () => 1,
  NaN,
  -1,
  99,
  0.5,
  2 ** 31,
  Infinity,
  true,
  Symbol('s'),
  1n,
  [],
  [9],
  [[1]],
  [1, 2],
  [-5],
  [0, 0],
  long(33),
  long(100_000),
  [2 ** 16, 2 ** 16],
  [null],
  new Float64Array(2),
  rows,
  row,
  index('many', 2 ** 20),
  ...SHAPES,
  [x, SHAPES[6]],
  [x, null],
  [SHAPES[5], SHAPES[5]],
  [SHAPES[10], SHAPES[10]],
];

/** Operators whose result has more numbers, or axes, than an operand. */
const GROWING: ReadonlySet<string> = new Set(
  (
    'mse mae huber bce bceWithLogits klDivergence ' +
    'add sub mul div mod pow maximum minimum gt ge lt le eq ne clip where matmul tensordot expandDims ' +
    'broadcastTo reshape at gather embedding vstack stack concat zeros tile scatterAdd pad'
  ).split(' '),
);
/** Names of operators that are not English words, which a message could contain for another reason. */
const INNER = [...new Set([...OP_NAMES, ...names, ...LIST_NAMES])].filter(
  (name) =>
    !'add at choose constant element elements index input integers parameter sign step table where'
      .split(' ')
      .includes(name),
);

/** The errors of operators for wrong arguments: each argument alone, and with each shape. */
function refusals(name: string): [what: string, message: string][] {
  const told: [string, string][] = [];
  const attempt = (args: readonly unknown[], what: string): void => {
    const calls = [
      () => (library as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!(...args),
    ];
    if (args[0] instanceof Value && name in CALLS) calls.push(() => asMethod(name as Operator, args));
    for (const call of calls) {
      try {
        call();
      } catch (error) {
        told.push([what, (error as Error).message]);
      }
    }
  };
  for (const right of LIST_CALLS[name] ?? CALLS[name as Operator]) {
    for (const place of right.keys()) {
      for (const [n, wrong] of WRONG.entries()) {
        attempt(right.with(place, wrong), `argument ${place}, case ${n}`);
        if (place === 0 || !(right[0] instanceof Value)) continue;
        for (const first of SHAPES)
          attempt(
            [first, ...right.with(place, wrong).slice(1)],
            `${first.label}, argument ${place}, case ${n}`,
          );
      }
    }
  }
  return told;
}

/** A graph as text: leaves by name, all other nodes by their operators. */
function described(made: unknown): string {
  if (Array.isArray(made)) return `[${made.map(described).join(', ')}]`;
  assert.ok(made instanceof Node);
  if (made.name !== undefined) return `${made.constructor.name} ${made.name}`;
  const attr = inspect(made.attr, { breakLength: Infinity });
  return `${made.op}${attr}[${made.shape.join()}](${made.inputs.map(described).join(', ')})`;
}

const asFunction = (name: Operator): ((...args: unknown[]) => unknown) => FUNCTIONS[name] as never;
const asMethod = (name: Operator, [self, ...args]: readonly unknown[]): unknown =>
  ((self as Value)[name] as (...args: unknown[]) => unknown)(...args);

describe('operators', () => {
  for (const name of names) {
    it(`${name} is a method and a function, which make the same`, () => {
      const graphs = CALLS[name].map((args) => {
        const made = described(asMethod(name, args));
        assert.equal(described(asFunction(name)(...args)), made);
        return made;
      });
      assert.equal(new Set(graphs).size, graphs.length, 'each argument changes the graph');
    });
  }

  it('are all there is in either form', () => {
    const functionsOnly = Object.keys(composed).filter((name) => !(name in CALLS));
    assert.deepEqual(functionsOnly.sort(), Object.keys(METHODLESS).sort());
  });

  it('of two values take a number in front too', () => {
    for (const name of names.filter((one) => CALLS[one] === binary)) {
      const found = described(asFunction(name)(2, x));
      assert.equal(found, described(asMethod(name, [library.constant(2), x])));
    }
  });

  const strangers: [what: string, given: unknown, shown: string][] = [
    ['a number', 3, '3'],
    ['a text', 'x', '"x"'],
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['an array', [1], 'an array'],
    ['an index', rows, "'rows' (index, shape [2])"],
  ];
  for (const [what, given, shown] of strangers) {
    it(`as functions refuse ${what} in place of the value, in words`, () => {
      for (const name of names.filter((one) => !(one in composed))) {
        const isBinary = CALLS[name] === binary;
        if (isBinary && typeof given === 'number') continue;
        const message =
          `${name}: ${isBinary ? 'a' : 'x'} is ${shown}, expected a ` +
          `Value${isBinary ? ' or a number' : ''}`;
        const args = CALLS[name].at(-1)!.slice(1);
        assert.throws(() => asFunction(name)(given, ...args), { name: 'TypeError', message });
      }
    });
  }

  for (const name of [...names, ...LIST_NAMES]) {
    it(`${name} says in its own name alone what it refuses, in either form`, () => {
      const told = refusals(name);
      const starts = new RegExp(`^${name}(\\[\\d+\\])?( of |: )`);
      const inner = new RegExp(`\\b(${INNER.filter((other) => other !== name).join('|')})\\b`);
      for (const [what, message] of told) {
        const around = `${what}: ${message.slice(0, 300)}`;
        assert.match(message, starts, around);
        // Labels contain the operators of given nodes, and three messages name the operator to use instead.
        const found = message
          .slice(name.length)
          .replace(/'\w+' \(.*?\)|#\d+ \(.*?\)|use mul$|rows by index are x\.gather\(index\)$|'tanh'/g, '');
        assert.equal(inner.exec(found)?.[0], undefined, around);
        assert.ok(message.length < 1200, around);
      }
      assert.ok(told.length >= 10, `${told.length} refusals`);
      const isTooLarge = told.some(([, message]) =>
        message.endsWith('an array has at most 1073741824 numbers and 32 axes'),
      );
      assert.equal(isTooLarge, GROWING.has(name), 'of arrays that none could be');
    });
  }

  it('that are composed of others are not enumerable, like other methods', () => {
    assert.deepEqual(Object.keys(Value.prototype), []);
  });
});
