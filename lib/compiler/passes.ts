/**
 * The compiler's passes: the one table of what they are called, what they do and in which order they run.
 * `passes/rewrites.ts` runs those of the stage `rewrite` by it.
 */
import { shown } from '../core/check.js';
import { didYouMean } from '../core/suggest.js';

/**
 * The stages of compilation, in order. Each is one step from the graph a user wrote to instructions; a
 * pass belongs to one of them, and without it that step does less.
 */
export const STAGES = ['trace', 'rewrite', 'differentiate', 'tidy', 'lower'] as const;
export type Stage = (typeof STAGES)[number];

/** The passes in the order in which they run. */
export const PASSES = [
  {
    name: 'simplify',
    stage: 'trace',
    does: 'drops arithmetic with constant zeros, and stacks written twice',
  },
  { name: 'reassociate', stage: 'rewrite', does: 'adds first what is ready first' },
  { name: 'pad', stage: 'rewrite', does: 'gives the stacks of a growing prefix one shape' },
  {
    name: 'auto-batch',
    stage: 'rewrite',
    does: 'makes nodes that are alike at all positions one node over stacked operands',
  },
  {
    name: 'rebatch',
    stage: 'rewrite',
    does: 'batches again what batching made alike, such as the heads of attention',
  },
  {
    name: 'fuse',
    stage: 'rewrite',
    does: 'makes norms and losses of classifiers one operator with its own gradient',
  },
  {
    name: 'combine',
    stage: 'differentiate',
    does: 'gathers the terms of a gradient into one product or stack',
  },
  { name: 'tidy', stage: 'tidy', does: 'removes views that change nothing and transposes of products' },
  {
    name: 'in-place',
    stage: 'lower',
    does: 'writes results straight into the stack, join or sum that uses them',
  },
  { name: 'epilogue', stage: 'lower', does: 'lets a product end in the relu, mask or sum that reads it' },
  {
    name: 'fuse-update',
    stage: 'lower',
    does: 'updates parameters by the product that is their gradient, unstored',
  },
  {
    name: 'rows',
    stage: 'lower',
    does: 'runs a batch instruction by instruction, on the rows of many examples at once',
  },
  { name: 'reuse', stage: 'lower', does: 'lets values that are not needed at the same time share memory' },
  {
    name: 'reroll',
    stage: 'lower',
    does: 'keeps instructions once that repeat themselves at many positions, as a loop',
  },
] as const satisfies readonly { name: string; stage: Stage; does: string }[];

/** The name of one of {@link PASSES}. */
export type PassName = (typeof PASSES)[number]['name'];
/** The passes of a stage. */
export type PassOf<S extends Stage> = Extract<(typeof PASSES)[number], { stage: S }>['name'];
/** The passes that are on. With none, a graph is lowered node by node as it is written. */
export type PassSet = ReadonlySet<PassName>;

export const PASS_NAMES: readonly PassName[] = PASSES.map(({ name }) => name);
export const ALL_PASSES: PassSet = new Set(PASS_NAMES);

/** Thrown for a list of passes that names an unknown one. */
export class PassError extends Error {
  override name = 'PassError';
}

/**
 * Reads a list of passes, separated by commas and taken in order: `all` switches all on, `none` all off,
 * a name that pass on, and a name behind a minus that pass off. A list that begins with a minus starts
 * from all passes, any other from none.
 *
 * @throws PassError when it names an unknown pass
 */
export function parsePasses(text: string): PassSet {
  if (typeof text !== 'string') throw new PassError(`passes ${shown(text)}: expected a string`);
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

/** Copies a set of passes. @throws PassError when it is no set, or names an unknown pass */
export function checkPasses(given: PassSet): PassSet {
  const isIterable = typeof given === 'object' && (given as unknown) !== null && Symbol.iterator in given;
  if (!isIterable)
    throw new PassError(`passes ${shown(given)}: expected a set of names, as parsePasses gives`);
  const on = new Set<PassName>();
  for (const name of given as Iterable<unknown>) on.add(passCalled(name));
  return on;
}
