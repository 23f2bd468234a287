/** Checks gradients: compares backward() with central differences, element by element. */
import { reachable } from '../graph/reachable.js';
import { byName, checkArguments, checkNumber, checkOptions, type Known } from '../core/check.js';
import { checkValue, Value } from './value.js';
import { GRADIENT_LEAVES, isFed } from '../graph/ops.js';
import { flatten } from '../graph/flatten.js';
import type { TypedArray } from '../core/array.js';
import { largest } from '../core/lists.js';
import type { Program } from '../runtime/program.js';
import type { Feeds } from '../runtime/feeds.js';
import { compile } from '../value/compile.js';
import { show, sizeOf } from '../core/shape.js';

/** Options of {@link gradCheck}. */
export interface GradCheckOptions {
  /**
   * The distance h of the central differences, times the element's size where that is above 1; 1e-5 by
   * default.
   */
  step?: number;
  /**
   * The largest distance allowed between gradient and difference, times the largest gradient of that value
   * where that is above 1; 1e-6 by default.
   */
  tolerance?: number;
}

const OPTIONS: Known<GradCheckOptions> = { step: true, tolerance: true };

/** One element of a gradient. */
export interface GradCheckElement {
  /** The label of the value, as in errors: its name or number, operator and shape. */
  label: string;
  /** The element's index along each axis. */
  at: readonly number[];
  /** The gradient from backward(). */
  found: number;
  /** The central difference. */
  expected: number;
  /** The distance between the two; NaN where either is NaN. */
  difference: number;
}

/** The result of a successful check. */
export interface GradCheckReport {
  /** How many parameters and inputs were checked. */
  values: number;
  /** The number of elements compared. */
  elements: number;
  /** The element with the largest difference; undefined where there are no elements. */
  worst: GradCheckElement | undefined;
}

/** Some gradients differ from the central differences; the message lists them. */
export class GradCheckError extends Error {
  /** The error's name. */
  override name = 'GradCheckError';

  constructor(
    root: Value,
    /** All elements that differ, in the order of the graph. */
    readonly failures: readonly GradCheckElement[],
  ) {
    super(describe(root, failures));
  }
}

/** The most failures that the message lists. */
const LISTED = 10;

/**
 * Compares the gradients of the sum of `root`'s elements with central differences, (f(x + h) - f(x - h)) /
 * 2h, for every element of every parameter and input that `root` depends on, in float64. Takes two forward
 * runs per element: meant for tests with small shapes. The parameters are unchanged afterwards.
 *
 * Differences see the slope that a `detach` hides, and mean nothing at kinks: relu at zero, ties of
 * `maximum`, a `topk` that another element enters within h. A gradient that is NaN or infinite never passes.
 *
 * @param feeds what `root.forward` takes
 * @throws GradCheckError where a gradient differs too much; lists which elements, and both numbers
 */
export function gradCheck(root: Value, feeds: Feeds = {}, options: GradCheckOptions = {}): GradCheckReport {
  checkArguments('gradCheck', arguments, 3);
  checkValue('gradCheck', 'the root', root);
  checkOptions('gradCheck', options, OPTIONS);
  const { step = 1e-5, tolerance = 1e-6 } = options;
  checkNumber('gradCheck: step', step);
  checkNumber('gradCheck: tolerance', tolerance);
  if (!(step > 0 && step < Infinity))
    throw new RangeError(`gradCheck: step ${step}: expected a finite number above zero`);
  if (!(tolerance >= 0)) throw new RangeError(`gradCheck: tolerance ${tolerance}: expected a number from 0`);
  const program = compile(root, { dtype: 'float64' });
  const leaves = leavesOf(root);
  const parameters = leaves.filter(({ op }) => op === 'parameter');
  // Varies float64 copies of the parameters, whatever type they were trained in.
  const memories = parameters.map(({ memory }) => memory);
  for (const leaf of parameters) leaf.memory = { initial: Float64Array.from(leaf.peek('data')!) };
  try {
    return compared(program, root, leaves, feeds, step, tolerance);
  } finally {
    parameters.forEach((leaf, i) => (leaf.memory = memories[i]));
  }
}

function compared(
  program: Program,
  root: Value,
  leaves: readonly Value[],
  feeds: Feeds,
  step: number,
  tolerance: number,
): GradCheckReport {
  program.forward(feeds);
  program.backward();
  // Reads each feed once, by name: a spread would lose the getters of a class.
  const inputs = reachable([root]).filter(({ op }) => isFed(op));
  const fed = Object.fromEntries(
    inputs
      .map(({ name }) => [name!, byName(feeds, name!)] as const)
      .filter(([, x]) => (x ?? undefined) !== undefined),
  ) as Feeds;
  const found = leaves.map((leaf) => Float64Array.from(program.readGradient(leaf)));
  const checked: GradCheckElement[] = [];
  const failures: GradCheckElement[] = [];
  leaves.forEach((leaf, k) => {
    const before = numbersOf(leaf, fed);
    const sumAt = (i: number, x: number): number => {
      const numbers = before.with(i, x);
      if (leaf.op === 'parameter') leaf.data.set(numbers);
      const y = program.forward(leaf.op === 'parameter' ? fed : { ...fed, [leaf.name!]: numbers });
      return sum(y);
    };
    const expected = before.map((x, i) => {
      const h = step * Math.max(1, Math.abs(x));
      return (sumAt(i, x + h) - sumAt(i, x - h)) / (x + h - (x - h));
    });
    if (leaf.op === 'parameter') leaf.data.set(before);
    const scale = largest(expected.map(Math.abs).filter(Number.isFinite), 1);
    expected.forEach((slope, i) => {
      const difference = Math.abs(found[k]![i]! - slope);
      const element = {
        label: leaf.label,
        at: indexOf(i, leaf),
        found: found[k]![i]!,
        expected: slope,
        difference,
      };
      checked.push(element);
      if (!(difference <= tolerance * scale)) failures.push(element);
    });
  });
  if (failures.length > 0) throw new GradCheckError(root, failures);
  const worst = checked.reduce<GradCheckElement | undefined>(
    (most, element) => (most && most.difference >= element.difference ? most : element),
    undefined,
  );
  return { values: leaves.length, elements: checked.length, worst };
}

/** The parameters and inputs of a value, in order of creation. */
function leavesOf(root: Value): Value[] {
  return reachable([root])
    .filter((node) => node instanceof Value)
    .filter(({ op }) => GRADIENT_LEAVES.has(op));
}

function numbersOf(leaf: Value, feeds: Feeds): Float64Array {
  if (leaf.op === 'parameter') return Float64Array.from(leaf.data);
  return flatten(feeds[leaf.name!]!).data;
}

function sum(numbers: TypedArray): number {
  let total = 0;
  for (const x of numbers) total += x;
  return total;
}

/** The index of element i along each axis. */
function indexOf(i: number, { shape }: Value): number[] {
  return shape.map((n, axis) => Math.floor(i / sizeOf(shape.slice(axis + 1))) % n);
}

function describe(root: Value, failures: readonly GradCheckElement[]): string {
  const rows = failures
    .slice(0, LISTED)
    .map(({ label, at, found, expected, difference }) => [
      `${label} at ${show(at)}`,
      String(found),
      String(expected),
      difference.toExponential(1),
    ]);
  const table = [['gradient by', 'found', 'expected', 'difference'], ...rows];
  const widths = table[0]!.map((_, column) => largest(table.map((row) => row[column]!.length)));
  const lines = table.map(
    (row) =>
      '  ' +
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
  );
  const more = failures.length - rows.length;
  if (more > 0) lines.push(`  and ${more} more`);
  return (
    `${failures.length} of the gradients of ${root.label} differ from central ` +
    `differences\n${lines.join('\n')}`
  );
}
