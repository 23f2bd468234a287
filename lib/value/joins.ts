/** Operators on lists of values: stacks, concatenations, sums, choices and means of prefixes. */
import type { Value } from './value.js';
import { makeValue, valuesOf } from './value.js';
import { fromFront } from './axes.js';
import { Index, indexFor, type Indices } from './indices.js';
import { composed, refused, writtenAs } from '../graph/node.js';
import { checkArguments } from '../core/check.js';
import { resolveAxis } from '../core/shape.js';

/** Stacks values of one shape along a new axis, by default the first. */
export function stack(values: readonly Value[], axis = 0): Value {
  checkArguments('stack', arguments, 2);
  const y = makeValue('stack', valuesOf('stack', values));
  const at = composed('stack', y.inputs, () => resolveAxis(axis, y.shape));
  if (at === 0) return y;
  const axes = y.shape.map((_, i) => i).slice(1);
  axes.splice(at, 0, 0);
  return writtenAs('stack', y.transpose(axes));
}

/** Joins values along an axis, by default the first. */
export function concat(values: readonly Value[], axis = 0): Value {
  checkArguments('concat', arguments, 2);
  const given = valuesOf('concat', values);
  return makeValue('concat', given, { axis: given[0] ? fromFront(axis, given[0]) : axis });
}

/** The sum of any number of values of one shape. */
export function addN(values: readonly Value[]): Value {
  checkArguments('addN', arguments, 1);
  const given = valuesOf('addN', values);
  return given.length === 1 ? given[0]! : makeValue('addN', given);
}

/** One of several values of one shape: an index, or a fixed integer, says which. */
export function choose(values: readonly Value[], which: Indices): Value {
  checkArguments('choose', arguments, 2);
  const given = valuesOf('choose', values);
  return makeValue('choose', [...given, indexFor('choose', given[0], which, given.length)]);
}

/**
 * The mean of the first n values, where n, from 1 to their number, is fed at run time. Only what those n
 * values depend on is run, and only the index elements that they need must be fed. The same value may occur
 * several times, and a graph may hold several such means with the same n, even nested ones; n is then at most
 * the number of values of the shortest.
 *
 * @throws TypeError when n is not an `index(name)` of one integer: an element of another index, or computed
 */
export function meanOfFirst(values: readonly Value[], n: Index): Value {
  checkArguments('meanOfFirst', arguments, 2);
  const given = valuesOf('meanOfFirst', values);
  // The length of a run must be known before it starts, so a program cannot compute it.
  if (n instanceof Index && (n.op !== 'index' || n.shape.length > 0)) {
    throw refused(
      TypeError,
      'meanOfFirst',
      [...given, n],
      `the length ${n.label} must be an index of its own: give an index(name) of one integer`,
    );
  }
  return composed('meanOfFirst', [...given, n], () => {
    const sum = makeValue('addN', [...given, n], { prefix: true });
    return writtenAs('meanOfFirst', makeValue('mul', [sum, makeValue('inverseCount', [n])]));
  });
}
