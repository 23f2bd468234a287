/** The compiler's passes by name, in the order in which they run: what each does, and which are on. */

import { didYouMean } from '../core/suggest.js';
import { shown } from '../core/check.js';

/** The passes in the order in which they run: each by name, and what it does. */
export const PASSES = [
  { name: 'simplify', does: 'drops arithmetic with constant zeros, and stacks written twice' },
  { name: 'reassociate', does: 'adds first what is ready first' },
  { name: 'pad', does: 'gives the stacks of a growing prefix one shape' },
  { name: 'batch', does: 'makes alike nodes of all positions one node over stacked operands' },
  { name: 'rebatch', does: 'does so once more for what batching made alike, such as columns read' },
  {
    name: 'fuse',
    does: 'makes norms and losses of classifiers one operator with its own gradient',
  },
  { name: 'combine', does: 'gathers the terms of a gradient into one product or stack' },
  { name: 'tidy', does: 'removes views that change nothing and transposes of products' },
  { name: 'place', does: 'writes results straight into the stack, join or sum that uses them' },
  { name: 'finish', does: 'gives products the relu, mask or sum that ends them' },
  { name: 'update', does: 'updates parameters by the product that is their gradient, unstored' },
] as const;

/** The name of one of {@link PASSES}. */
export type PassName = (typeof PASSES)[number]['name'];
/** The passes that are on. With none, a graph is lowered node by node as it is written. */
export type PassSet = ReadonlySet<PassName>;

export const PASS_NAMES: readonly PassName[] = PASSES.map(({ name }) => name);
export const ALL_PASSES: PassSet = new Set(PASS_NAMES);

/** A list of passes that names one there is not. */
export class PassError extends Error {
  override name = 'PassError';
}

/**
 * The passes that a text lists, separated by commas and taken in order: `all` and `none` set all,
 * a name switches its pass on, and one behind a minus off. A list that starts with a minus starts
 * from all, any other from none.
 *
 * @throws PassError when it names a pass there is not
 */
export function parsePasses(text: string): PassSet {
  if (typeof text !== 'string') throw new PassError(`passes ${shown(text)}: expected a text`);
  const items = text.split(',').map((item) => item.trim());
  const on = new Set<PassName>(items[0]!.startsWith('-') ? PASS_NAMES : []);
  for (const item of items) {
    if (item === 'all') PASS_NAMES.forEach((name) => on.add(name));
    else if (item === 'none') on.clear();
    else if (item.startsWith('-')) on.delete(passCalled(item.slice(1)));
    else on.add(passCalled(item));
  }
  return on;
}

function passCalled(name: unknown): PassName {
  const found = PASS_NAMES.find((known) => known === name);
  if (found) return found;
  const guess = typeof name === 'string' ? didYouMean(name, PASS_NAMES) : '';
  throw new PassError(
    `no pass is called ${shown(name)}${guess === '' ? ': list' : `${guess} List`} some of ` +
      `${PASS_NAMES.join(', ')}, all or none, ` +
      'and switch one off by -NAME',
  );
}

/** A copy of a set of passes. @throws PassError when it is no set, or names a pass there is not */
export function checkPasses(given: PassSet): PassSet {
  const isIterable = typeof given === 'object' && (given as unknown) !== null && Symbol.iterator in given;
  if (!isIterable)
    throw new PassError(`passes ${shown(given)}: expected a set of names, as parsePasses gives`);
  const on = new Set<PassName>();
  for (const name of given as Iterable<unknown>) on.add(passCalled(name));
  return on;
}
