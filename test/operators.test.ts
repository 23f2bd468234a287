/** Every operator as a method and as a function: both are there, take the same arguments, make the same graph. */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import * as composed from '../lib/functions.js';
import { index, input, Node, parameter, Value } from '../lib/graph.js';
import * as library from '../lib/index.js';

/** The names of the methods that make values or indices. */
type Operator = Exclude<{ [K in keyof Value]: Value[K] extends (...args: never) => Node | Value[] ? K : never }[keyof Value], 'named'>; // prettier-ignore
type None<Names extends never> = Names;
type Tail<List extends unknown[]> = List extends [unknown, ...infer Rest] ? Rest : never;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** Does not compile where a method has no function. */
const FUNCTIONS: { [K in Operator]: (x: Value, ...args: Parameters<Value[K]>) => ReturnType<Value[K]> } = library; // prettier-ignore

/** Does not compile where the function takes other arguments behind the value. */
type Differing = { [K in Operator]: Same<Parameters<Value[K]>, Tail<Parameters<(typeof library)[K]>>> extends true ? never : K }[Operator]; // prettier-ignore
export type Agreeing = None<Differing>;

/** Functions that have no method, and why: does not compile where another has none. */
const METHODLESS: Record<Exclude<keyof typeof composed, Operator>, string> = {
  where: 'it takes three values; PyTorch has a method of this name with another order of them',
  vstack: 'it takes a list',
};

const x = parameter([1, 2, 3, 4, 5, 6], { shape: [2, 3], name: 'x' });
const y = input('y', [2, 3]);
const v = parameter([1, 2, 3, 4], { name: 'v' });
const w = input('w', [3, 2]);
const cube = input('cube', [1, 3, 2]);
const rows = index('rows', 2);
const row = index('row');

const none = [[x]];
const binary = [[x, y], [x, 2], [x, w.transpose()]]; // prettier-ignore
const overAxes = [[x], [x, 0], [x, [0, 1]], [x, 0, true], [x, undefined, true]]; // prettier-ignore

/** For each operator calls, the value in front, whose graphs all differ: each argument is given at least once. */
const CALLS: Record<Operator, readonly (readonly unknown[])[]> = {
  add: binary, sub: binary, mul: binary, div: binary, maximum: binary, minimum: binary,
  gt: binary, ge: binary, lt: binary, le: binary, eq: binary, ne: binary,
  neg: none, exp: none, log: none, log1p: none, sqrt: none, abs: none, sign: none, relu: none, tanh: none,
  sigmoid: none, softplus: none, erf: none, arcsin: none, arcsinh: none, arctanh: none, detach: none, silu: none,
  pow: [[x, 2], [x, -0.5]],
  clip: [[x, 0, 1], [x, y, 1], [x, 0, y]],
  gelu: [[x], [x, 'tanh']],
  dropout: [[x, 0.5, 1], [x, 0.5, 2], [x, 0.25, 1]],
  sum: overAxes, mean: overAxes, max: overAxes, min: overAxes, logSumExp: overAxes, norm: overAxes,
  variance: [[x], [x, 0], [x, 1, { ddof: 1 }], [x, 1, { keepDims: true }]],
  std: [[x], [x, 0], [x, 1, { ddof: 1 }], [x, 1, { keepDims: true }]],
  cumsum: [[x], [x, 1]],
  softmax: [[x], [x, 0]],
  logSoftmax: [[x], [x, 0]],
  argmax: [[x], [x, 0]],
  topk: [[v, 1], [v, 2]],
  rmsNorm: [[x], [x, 0.5]],
  layerNorm: [[x], [x, 0.5]],
  crossEntropy: [[x, rows], [v, row]],
  matmul: [[x, w], [w, x]],
  tensordot: [[x, w], [x, w, 2], [x, w, 0]],
  transpose: [[cube], [cube, [1, 0, 2]]],
  reshape: [[x, [6]], [x, [3, -1]]],
  expandDims: [[x, 0], [x, -1]],
  squeeze: [[cube.expandDims(1)], [cube.expandDims(1), 0]],
  broadcastTo: [[x, [2, 2, 3]], [x, [1, 2, 3]]],
  slice: [[x, 0, 1], [x, 1, 2], [x, 0, 1, 1]],
  at: [[x, 0], [x, 1], [x, row]],
  gather: [[x, rows], [x, rows, 1]],
  embedding: [[x, rows], [x, row]],
  split: [[x, 2], [x, 3, 1], [x, [1, 2], 1]],
}; // prettier-ignore

/** A graph as a text in which only leaves are told by what they are, all others by how they are made. */
function described(made: unknown): string {
  if (Array.isArray(made)) return `[${made.map(described).join(', ')}]`;
  assert.ok(made instanceof Node);
  if (made.name !== undefined) return `${made.constructor.name} ${made.name}`;
  return `${made.op}${inspect(made.attr, { breakLength: Infinity })}[${made.shape.join()}](${made.inputs.map(described).join(', ')})`; // prettier-ignore
}

const names = Object.keys(CALLS) as Operator[];
const asFunction = (name: Operator): ((...args: unknown[]) => unknown) => FUNCTIONS[name] as never;
const asMethod = (name: Operator, [self, ...args]: readonly unknown[]): unknown => ((self as Value)[name] as (...args: unknown[]) => unknown)(...args); // prettier-ignore

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
        const message = `${name}: ${isBinary ? 'a' : 'x'} is ${shown}, expected a Value${isBinary ? ' or a number' : ''}`;
        const args = CALLS[name].at(-1)!.slice(1);
        assert.throws(() => asFunction(name)(given, ...args), { name: 'TypeError', message });
      }
    }); // prettier-ignore
  }

  it('that are made of others are no enumerable properties, as methods are none', () => {
    assert.deepEqual(Object.keys(Value.prototype), []);
  });
});
