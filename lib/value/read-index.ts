/** Reads the integers that a program finds: the method `forward` of an Index. */
import { checkArguments } from '../core/check.js';
import type { Feeds } from '../runtime/feeds.js';
import type { Index } from './indices.js';
import { constant } from './leaves.js';
import type { Value } from './value.js';
import type { Node } from '../graph/node.js';
import { resolveAxis } from '../core/shape.js';

/** For each index that was read, the same integers as numbers. */
const asNumbers = new WeakMap<Index, Value>();

/** See `Index.forward`. */
export function forward(index: Index, feeds: Feeds = {}): Int32Array {
  checkArguments('forward', arguments, 2);
  const { integers } = index.attr;
  if (integers) return integers.slice();
  return Int32Array.from(numbersOfIndex('forward of', index).forward(feeds));
}

/**
 * The integers of an index as numbers.
 *
 * @param who how an error begins
 * @throws TypeError when they are fed
 */
export function numbersOfIndex(who: string, index: Index): Value {
  let numbers = asNumbers.get(index);
  if (!numbers) {
    const { integers } = index.attr;
    numbers = integers
      ? constant(Array.from(integers), { shape: index.shape })
      : constant(Array.from({ length: entriesOf(who, index) }, (_, i) => i)).gather(index);
    asNumbers.set(index, numbers);
  }
  return numbers;
}

/** The largest integer that an index can be. */
export function largestOf(who: string, index: Index): number {
  const { integers } = index.attr;
  return integers ? integers.reduce((most, i) => Math.max(most, Math.abs(i)), 0) : entriesOf(who, index) - 1;
}

/** How many entries an index is found among. */
function entriesOf(who: string, index: Index): number {
  let found: Node = index.turned?.base ?? index;
  while (found.op === 'element' || found.op === 'elements') found = found.first!;
  if (found.op !== 'topk' && found.op !== 'argmax')
    throw new TypeError(`${who} ${index.label}: its integers are fed, not computed: read them in the feeds`);
  const { shape } = found.first!;
  return shape[resolveAxis(found.attr.axis ?? -1, shape)]!;
}
