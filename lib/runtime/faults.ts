/** Turns the faults of a run into errors: an index outside its table, or a non-finite number. */
import type { Fault } from '../binding/addon.js';
import type { TypedArray } from '../core/array.js';
import { sizeOf } from '../core/shape.js';
import type { Ir } from '../compiler/ir/ir.js';
import type { Lowered } from '../compiler/lower/layout.js';
import type { Held } from './residence.js';

/** The limit in a fault that means a non-finite number instead of an index. */
const NOT_FINITE = -1;

export function isNotFinite([, , limit]: Fault): boolean {
  return limit === NOT_FINITE;
}

/** @param where the example, in words that follow the node's name */
export function indexError(
  { nodes }: Lowered,
  ir: Ir,
  [instruction, index, limit]: Fault,
  where: string,
): RangeError {
  const node = nodes[instruction] ?? -1;
  const who = node < 0 ? 'the scalar bytecode' : ir.label(node);
  return new RangeError(`index ${index} in ${who}${where}: expected an integer from 0 to ${limit - 1}`);
}

/** Describes the first non-finite number in a parameter's gradient; undefined if all are finite. */
export function gradientNotFinite(
  arena: TypedArray,
  { parameters }: Lowered,
  held: readonly Held[],
): string | undefined {
  const { gradients, offset: first, withGradient } = parameters;
  for (const { value, offset, isTrained } of held) {
    const at = offset - first;
    if (!isTrained || at >= withGradient) continue;
    const own = arena.subarray(gradients + at, gradients + at + sizeOf(value.shape));
    const place = own.findIndex((x) => !Number.isFinite(x));
    if (place >= 0) return `the gradient of ${value.label} is ${own[place]!} at index ${place}`;
  }
  return undefined;
}
