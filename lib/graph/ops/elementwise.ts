/** The rows of element-wise operators, and the public functions of the unary ones. */
import { checkArguments, shown } from '../../core/check.js';
import { broadcast, type Shape } from '../../core/shape.js';
import { sumTo } from './rules.js';
import {
  everyOperand,
  scalar,
  type FlopPerNumber,
  type GradientContext,
  type OpDefinition,
} from './types.js';

/** The row of a binary function, broadcast; `others` override its defaults. */
export function binaryRow(
  kernel: string,
  flop: FlopPerNumber,
  gradient: OpDefinition['gradient'],
  others: Partial<OpDefinition> = {},
): OpDefinition {
  return {
    shape: ([a, b]) => broadcast(a!, b!),
    gradient,
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'binary', kernel, flop },
    batching: 'batched',
    placing: 'adds',
    scalar: scalar(kernel),
    axes: 'broadcast',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
    ...others,
  };
}

/** The row of a unary function; `others` override its defaults. */
export function unaryRow<Name extends string>(
  kernel: string,
  flop: FlopPerNumber,
  gradient: OpDefinition<Name>['gradient'],
  others: Partial<Omit<OpDefinition, 'gradient'>> = {},
): OpDefinition<Name> {
  return {
    shape: ([x]: readonly Shape[]) => x!,
    gradient,
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'unary', kernel, flop },
    batching: 'batched',
    placing: 'adds',
    scalar: scalar(kernel),
    axes: 'broadcast',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
    ...others,
  };
}

/** The gradient of a broadcast operand: `node` summed back to the shape of operand i. */
export function elementwise<N>(c: GradientContext<N>, i: number, node: N): N {
  return sumTo(c.g, node, c.g.shape(c.inputs[i]!));
}

/** An object with a method of this name that returns its own type: a Value. */
export type HasMethod<Name extends string, Like> = { readonly [Method in Name]: () => Like };

/** A unary operator as a function: `sin(x)` calls `x.sin()`. */
export type UnaryOperator<Name extends string> = <X extends HasMethod<Name, X>>(x: X) => X;

/** The rows of the unary operators, by function. */
const rows = new WeakMap<object, OpDefinition<string>>();

/** Makes the public function of a unary operator, and remembers its row. */
export function unaryOperator<Name extends string>(
  name: Name,
  row: OpDefinition<string>,
): UnaryOperator<Name> {
  const call: UnaryOperator<Name> = function (x) {
    checkArguments(name, arguments, 1);
    if (typeof (x as Partial<typeof x> | null | undefined)?.[name] === 'function') return x[name]();
    throw new TypeError(`${name}: x is ${labelOf(x)}, expected a Value`);
  };
  rows.set(call, row);
  return call;
}

/** How an error describes an argument that should be a value: by its label, if it is a node. */
function labelOf(given: unknown): string {
  const label = (given as { label?: unknown } | null | undefined)?.label;
  return typeof label === 'string' ? label : shown(given);
}

/** The row of an operator that `unary.ts` exports. */
export function rowOf(operator: object): OpDefinition<string> {
  return rows.get(operator)!;
}
