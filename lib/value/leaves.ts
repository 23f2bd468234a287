/** The leaves of a graph: parameters, and inputs fed at every run. */
import { parameterChanges, type Node } from '../graph/node.js';
import { Operation, operationOf, checkName, composed, writtenAs } from '../graph/node.js';
import { SCALAR, type Shape, listedShape, sameShape, ShapeError, show, sizeOf } from '../core/shape.js';
import { type Known, checkArguments, checkOptions, isList, shown } from '../core/check.js';
import type { Numbers } from '../core/array.js';
import { Value, makeValue, constant as constantNumber } from './value.js';
import { Index } from './indices.js';
import { clipped } from '../core/escape.js';
import { flatten } from '../graph/flatten.js';

/** The shared operation of scalar parameters, of which a graph can have very many. */
const SCALAR_PARAMETER = new Operation('parameter', { shape: SCALAR }, SCALAR);

function leafOperation(op: 'parameter' | 'input' | 'index', shape: Shape): Operation {
  return op === 'parameter' && shape.length === 0 ? SCALAR_PARAMETER : operationOf(op, { shape }, shape);
}

function leaf<N extends Node>(node: N, name: string | undefined): N {
  if (name !== undefined) node.name = name;
  return node;
}

/** Options of {@link parameter}. */
export interface ParameterOptions {
  /** The name in feeds, errors, drawings and files. */
  name?: string;
  /** The shape of a flat array of numbers. */
  shape?: Shape;
  /** Whether training changes it: see {@link Value.trainable}. True by default. */
  trainable?: boolean;
}

const CONSTANT_OPTIONS: Known<ConstantOptions> = { name: true, shape: true };
const PARAMETER_OPTIONS: Known<ParameterOptions> = { ...CONSTANT_OPTIONS, trainable: true };

/** The numbers that a leaf is given, and its shape. */
function numbersOf(
  op: string,
  numbers: Numbers,
  options: ParameterOptions,
): { data: Float64Array; shape: Shape } {
  const { name, shape: given } = options;
  if (name !== undefined) checkName(op, name);
  const who = name === undefined ? op : `${op} '${clipped(name)}'`;
  const { data, shape: found } = composed(who, [], () => flatten(numbers));
  const shape = given === undefined ? found : composed(who, [], () => listedShape(given));
  const isNested = found.length > 1;
  if (isNested && !sameShape(found, shape))
    throw new ShapeError(
      `${who}: nested arrays of shape ${show(found)} for shape ${show(shape)}: give the numbers flat, ` +
        'row by row, or nested in that shape',
    );
  if (sizeOf(shape) !== data.length)
    throw new ShapeError(
      `${who}: ${data.length} numbers for shape ${show(shape)}, which holds ${sizeOf(shape)}`,
    );
  return { data, shape };
}

/**
 * A leaf that training can change. Its shape is that of the nested arrays, or the given shape of a flat
 * array.
 *
 * @throws ShapeError when nested arrays are ragged, or the numbers do not fill the shape
 * @throws TypeError when there is anything but numbers
 */
export function parameter(numbers: Numbers, options: ParameterOptions = {}): Value {
  checkArguments('parameter', arguments, 2);
  checkOptions('parameter', options, PARAMETER_OPTIONS);
  const { name, trainable = true } = options;
  const { data, shape } = numbersOf('parameter', numbers, options);
  const value = leaf(new Value(leafOperation('parameter', shape)), name);
  value.memory = { initial: data };
  if (!trainable || (trainable as unknown) !== true) value.trainable = trainable;
  return value;
}

/** Options of {@link constant}. */
export type ConstantOptions = Omit<ParameterOptions, 'trainable'>;

/**
 * Fixed numbers, such as a mask or a table of positions, in the shape of the nested arrays, or in the given
 * shape of a flat array. `backward` computes no gradient of them, training does not change them, and files of
 * weights leave them out. A program copies them to its memory once, when it is compiled. Operators accept
 * plain numbers too.
 *
 * @throws ShapeError when nested arrays are ragged, or the numbers do not fill the shape
 * @throws TypeError when there is anything but numbers
 */
export function constant(numbers: Numbers, options: ConstantOptions = {}): Value {
  checkArguments('constant', arguments, 2);
  checkOptions('constant', options, CONSTANT_OPTIONS);
  const { data, shape } = numbersOf('constant', numbers, options);
  if (shape.length === 0) return leaf(constantNumber(data[0]!), options.name);
  const table = new Value(operationOf('table', { shape, numbers: data }, shape));
  return leaf(writtenAs('constant', table), options.name);
}

/**
 * Sets a parameter's numbers where they live. Where a float32 array would round them, they move to a float64
 * array of their own instead.
 */
export function setNumbers(value: Value, numbers: Float64Array): void {
  const memory = value.memory!;
  const data = value.peek('data')!;
  const isRounded = data instanceof Float32Array && numbers.some((x) => !Object.is(Math.fround(x), x));
  if (isRounded) {
    memory.home!.program.resident = false;
    delete memory.home;
    memory.initial = numbers.slice();
  } else {
    data.set(numbers);
  }
  memory.version = (memory.version ?? 0) + 1;
  parameterChanges.count++;
}

/** @throws BusyError while one of the parameters is trained in the background */
export function checkSettable(parameters: Iterable<Value>): void {
  for (const parameter of parameters) parameter.peek('data');
}

/**
 * Sets the numbers of parameters, all or none.
 *
 * @throws BusyError while one of them is trained in the background
 */
export function setAllNumbers(numbers: ReadonlyMap<Value, Float64Array>): void {
  checkSettable(numbers.keys());
  for (const [parameter, own] of numbers) setNumbers(parameter, own);
}

/** A leaf that is fed at every run, by name. */
export function input(name: string, shape: Shape = []): Value {
  checkArguments('input', arguments, 2);
  checkName('input', name);
  const own = composed(`input '${clipped(name)}'`, [], () => listedShape(shape));
  return leaf(new Value(leafOperation('input', own)), name);
}

/**
 * A leaf of integers that is fed at every run, by name: a single integer, a vector of a length, or an array
 * of a shape, which is fed flat, row by row, or nested in that shape.
 */
export function index(name: string, shape?: number | Shape): Index {
  checkArguments('index', arguments, 2);
  checkName('index', name);
  const who = `index '${clipped(name)}'`;
  const own = composed(who, [], () => {
    if (shape === undefined) return [];
    if (isList(shape)) return listedShape(shape);
    if (Number.isInteger(shape) && shape >= 0) return listedShape([shape]);
    throw new ShapeError(
      `length ${shown(shape)}: expected an integer from 0, a shape, or nothing for a single integer`,
    );
  });
  return leaf(new Index(leafOperation('index', own)), name);
}

/** Zeros of a shape. */
export function zeros(shape: Shape): Value {
  checkArguments('zeros', arguments, 1);
  return composed('zeros', [], () =>
    writtenAs('zeros', makeValue('broadcastTo', [constantNumber(0)], { shape: listedShape(shape) })),
  );
}

// JavaScript's own error, of a property that has only a getter, would not say how to write numbers.
for (const what of ['data', 'grad'] as const) {
  const own = Object.getOwnPropertyDescriptor(Value.prototype, what)!;
  const set = function (this: Value): never {
    throw new TypeError(
      what === 'data' && this.op === 'parameter'
        ? `data of ${this.label} cannot be assigned: write its numbers where they are: data.set([...])`
        : `${what} of ${this.label} cannot be assigned: it holds what the last run computed`,
    );
  };
  Object.defineProperty(Value.prototype, what, { ...own, set });
}
