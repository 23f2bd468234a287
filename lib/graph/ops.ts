/**
 * The table of all operators, and look-ups in it. Each operator has one row, in the file of its family in
 * lib/graph/ops. The table is total by type: a name without a row does not compile.
 *
 * A gradient rule builds nodes through a `Builder`, so that its result can be compiled with the forward pass
 * and differentiated again.
 */
import { ARITHMETIC } from './ops/arithmetic.js';
import { rowOf } from './ops/elementwise.js';
import { INDEXING } from './ops/indexing.js';
import { LEAVES } from './ops/leaves.js';
import { PRODUCTS } from './ops/matmul.js';
import { REDUCTIONS } from './ops/reduce.js';
import { ROW_FUNCTIONS } from './ops/rows.js';
import type { Attr, CoreName, LeafSource, OpDefinition as Definition } from './ops/types.js';
import * as unary from './ops/unary.js';
import { VIEWS } from './ops/views.js';
import { WINDOWS } from './ops/windows.js';
import type * as types from './ops/types.js';
import type { UnaryOperator } from './ops/elementwise.js';

export { sumTo } from './ops/rules.js';
export {
  NO_ATTR,
  type Attr,
  type AxisRule,
  type Batching,
  type IndexOperand,
  type ScalarForm,
} from './ops/types.js';

/** The names of the functions of one number (ops/unary.ts). */
export type UnaryName = keyof typeof unary;
/** An operator's name. */
export type OpName = CoreName | UnaryName;

export type OpDefinition = Definition<OpName>;
export type Builder<N> = types.Builder<N, OpName>;
export type GradientContext<N> = types.GradientContext<N, OpName>;

/** The functions of one number, by name. */
export const UNARY: { readonly [Name in UnaryName]: UnaryOperator<Name> } = unary;

const CORE: Readonly<Record<CoreName, Definition>> = {
  ...LEAVES,
  ...ARITHMETIC,
  ...REDUCTIONS,
  ...PRODUCTS,
  ...ROW_FUNCTIONS,
  ...WINDOWS,
  ...VIEWS,
  ...INDEXING,
};
export const UNARY_NAMES = Object.keys(UNARY) as UnaryName[];
export const OPS = {
  ...CORE,
  ...Object.fromEntries(UNARY_NAMES.map((name) => [name, rowOf(UNARY[name])])),
} as Readonly<Record<OpName, OpDefinition>>;

/** Every operator's name; the order is the compiler's numbering. */
export const OP_NAMES = Object.keys(OPS) as OpName[];
/** Each operator's number: its index in `OP_NAMES`. */
export const OP_CODE = Object.fromEntries(OP_NAMES.map((name, i) => [name, i])) as Record<OpName, number>;

/** Every operator's row, by its number: found faster than by its name. */
export const OP_ROWS: readonly OpDefinition[] = OP_NAMES.map((op) => OPS[op]);

/** A table by operator number, for loops over many nodes: 1 where `is` holds of the operator's row. */
export function opsWhere(is: (row: OpDefinition) => boolean): Uint8Array {
  return Uint8Array.from(OP_NAMES, (op) => Number(is(OPS[op])));
}

/** Where an operator's numbers come from, if it is a leaf. */
function sourceOf(op: OpName): LeafSource | undefined {
  const { lower } = OPS[op];
  return lower.kind === 'leaf' ? lower.source : undefined;
}

/** Whether an operator is a leaf that runs are fed by its name. */
export function isFed(op: OpName): boolean {
  return sourceOf(op) === 'fed';
}

/** Whether an operator is a leaf whose numbers, or integers, are always the same. */
export function isFixed(op: OpName): boolean {
  return sourceOf(op) === 'graph';
}

/** The leaves that training changes. */
export const PARAMETERS: ReadonlySet<OpName> = new Set(OP_NAMES.filter((op) => sourceOf(op) === 'parameter'));
/** The leaves that have a gradient: the numbers that a user gives. */
export const GRADIENT_LEAVES: ReadonlySet<OpName> = new Set([
  ...PARAMETERS,
  ...OP_NAMES.filter((op) => isFed(op) && !OPS[op].isInteger),
]);

/** Whether an operator's result is integers. */
export function isInteger(op: OpName): boolean {
  return OPS[op].isInteger;
}

/** Whether an operator's last operand is an index; all others are values. */
export function takesIndex(op: OpName, { prefix }: Attr): boolean {
  const { index } = OPS[op];
  return index === 'prefix' ? prefix === true : index !== 'none';
}
