/** Operators of a list of values: stacks, joins, sums, choices and means of prefixes. */
import type { Value } from './value.js';
import { makeValue, valuesOf } from './value.js';
import { fromFront } from './axes.js';
import { Index } from './indices.js';
import { composed, refused, writtenAs } from '../graph/node.js';
import { resolveAxis } from '../core/shape.js';

/** Operands of one shape along a new axis, by default the first. */
export function stack(values: readonly Value[], axis = 0): Value {
  const y = makeValue('stack', valuesOf('stack', values));
  const at = composed('stack', y.inputs, () => resolveAxis(axis, y.shape));
  if (at === 0) return y;
  const axes = y.shape.map((_, i) => i).slice(1);
  axes.splice(at, 0, 0);
  return y.transpose(axes);
}

/** Operands joined along an axis, by default the first. */
export function concat(values: readonly Value[], axis = 0): Value {
  const given = valuesOf('concat', values);
  return makeValue('concat', given, { axis: given[0] ? fromFront(axis, given[0]) : axis });
}

/** The sum of any number of values of one shape. */
export function total(values: readonly Value[]): Value {
  const given = valuesOf('total', values);
  return given.length === 1 ? given[0]! : makeValue('total', given);
}

/** One of several values of one shape: the one whose number is fed. */
export function choose(values: readonly Value[], which: Index): Value {
  return makeValue('choose', [...valuesOf('choose', values), which]);
}

/**
 * The mean of the first n values, n fed at run time (1 to their number). Only what those n depend
 * on is run, and only the index elements those n need must be fed. A value can stand in several
 * places, and a graph can hold several such means of one n, also one among the values of another; n
 * is then at most the number of values of the shortest.
 *
 * @throws TypeError when n is not fed by itself, as `index(name)`: picked from another index, or found
 * at run time
 */
export function meanOfFirst(values: readonly Value[], n: Index): Value {
  const given = valuesOf('meanOfFirst', values);
  // A run is as long as what is fed says: no program can find its own length.
  if (n instanceof Index && (n.op !== 'index' || n.shape.length > 0)) {
    throw refused(
      TypeError,
      'meanOfFirst',
      [...given, n],
      `the length ${n.label} is not fed by itself: give an index(name) of one integer`,
    );
  }
  return composed('meanOfFirst', [...given, n], () => {
    const sum = makeValue('total', [...given, n], { prefix: true });
    return writtenAs('meanOfFirst', makeValue('mul', [sum, makeValue('inverseCount', [n])]));
  });
}
