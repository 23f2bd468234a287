/** What the rows of element-wise operators share: their traits, and the public functions of one value. */
import { shown } from '../../core/check.js';
import { broadcast, type Shape } from '../../core/shape.js';
import { sumTo } from './rules.js';
import {
  everyOperand,
  scalar,
  type FlopPerNumber,
  type GradientContext,
  type OpDefinition,
} from './types.js';

/** The row of a function of two numbers, broadcast; some have other traits. */
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

/** The row of a function of one number; some have other traits. */
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

/** The gradient of an element-wise operator, undone to its input's shape. */
export function elementwise<N>(c: GradientContext<N>, i: number, node: N): N {
  return sumTo(c.g, node, c.g.shape(c.inputs[i]!));
}

/** What has a method of this name that makes its like: a Value. */
export type HasMethod<Name extends string, Like> = { readonly [Method in Name]: () => Like };

/** An operator of one value as a function: `sin(x)` is `x.sin()`, of a Value a Value. */
export type UnaryOperator<Name extends string> = <X extends HasMethod<Name, X>>(x: X) => X;

/** The rows of such functions. */
const rows = new WeakMap<object, OpDefinition<string>>();

/** The public function of an operator of one value, which has its row. */
export function unaryOperator<Name extends string>(
  name: Name,
  row: OpDefinition<string>,
): UnaryOperator<Name> {
  const call: UnaryOperator<Name> = (x) => {
    if (typeof (x as Partial<typeof x> | null | undefined)?.[name] === 'function') return x[name]();
    throw new TypeError(`${name}: x is ${labelOf(x)}, expected a Value`);
  };
  rows.set(call, row);
  return call;
}

/** What was given in the place of a value: a node's label, another's description. */
function labelOf(given: unknown): string {
  const label = (given as { label?: unknown } | null | undefined)?.label;
  return typeof label === 'string' ? label : shown(given);
}

/** The row of the operator that a function of `unary.ts` calls. */
export function rowOf(operator: object): OpDefinition<string> {
  return rows.get(operator)!;
}
