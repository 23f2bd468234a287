/** Checks the axes, rows and shapes that methods of `Value` are given. */
import { checkOptions, isList, shown, shownList, type Known } from '../core/check.js';
import { listedShape, MAX_AXES, resolveAxis, ShapeError, show, sizeOf, type Shape } from '../core/shape.js';
import { composed, Node, refused } from '../graph/node.js';

/** Counts a negative axis from the front. One that does not exist is left as it is: shape rules refuse it. */
export function fromFront(axis: number, { shape }: Node): number {
  return Number.isInteger(axis) && axis < 0 && axis >= -shape.length ? axis + shape.length : axis;
}

/** One axis or several; negative numbers count from the end. */
export type Axes = number | readonly number[];

/** Checks a list of axes: each at most once. */
export function axesOf(axes: readonly number[], x: Node, op: string, expected: string): number[] {
  const { length } = x.shape;
  if (!isList(axes) || axes.length > MAX_AXES)
    throw refused(ShapeError, op, [x], `axes ${shownList(axes)}: expected ${expected} of at most ${length}`);
  const found = Array.from({ length: axes.length }, (_, i) => fromFront(axes[i]!, x));
  const again = found.findIndex((axis, i) => found.includes(axis, i + 1));
  if (again >= 0)
    throw refused(
      ShapeError,
      op,
      [x],
      `axes [${axes.map(shown).join(', ')}] name axis ${shown(found[again])} twice: give each once`,
    );
  return found;
}

/** How softmax runs along an axis before the last: down the columns, or along the rows, of this shape. */
export function downColumns(axis: number, x: Shape): { op: 'softmax' | 'softmaxColumns'; shape: Shape } {
  const before = x.slice(0, resolveAxis(axis, x) + 1);
  const columns = sizeOf(x.slice(before.length));
  return columns === 1
    ? { op: 'softmax', shape: before }
    : { op: 'softmaxColumns', shape: [...before, columns] };
}

/** The shape of x with new axes of length 1 at these places of the result. */
export function withNewAxes(axes: Axes, x: Node): Shape {
  const list = typeof axes === 'number' ? [axes] : axes;
  const refuse = (why: string): Error => refused(ShapeError, 'expandDims', [x], why);
  if (!isList(list) || list.length > MAX_AXES)
    throw refuse(`axis ${shownList(list)}: expected an integer, or an array of at most ${MAX_AXES}`);
  const rank = x.shape.length + list.length;
  const places = new Set<number>();
  for (let i = 0; i < list.length; i++) {
    const axis = list[i]!;
    const at = !Number.isInteger(axis) ? -1 : axis < 0 ? axis + rank : axis;
    if (at < 0 || at >= rank)
      throw refuse(`axis ${shown(axis)}: expected an integer from ${-rank} to ${rank - 1}`);
    if (places.has(at)) throw refuse(`axis ${shown(axis)} is given twice`);
    places.add(at);
  }
  let old = 0;
  return Array.from({ length: rank }, (_, i) => (places.has(i) ? 1 : x.shape[old++]!));
}

/** The shape of x without axes of length 1. */
export function withoutAxes(axes: Axes, x: Node): Shape {
  const found = axesOf(typeof axes === 'number' ? [axes] : axes, x, 'squeeze', 'a number, or an array');
  for (const axis of found) {
    const at = Number.isInteger(axis) ? axis : -1;
    if (x.shape[at] === 1) continue;
    const why = at in x.shape ? `has length ${x.shape[at]!}, not 1` : 'does not exist';
    throw refused(ShapeError, 'squeeze', [x], `axis ${shown(axis)} ${why}`);
  }
  return x.shape.filter((_, i) => !found.includes(i));
}

/** The row that i names, counted from the front. @throws ShapeError where the first axis has no row i */
export function rowOf(i: number, x: Node): number {
  const rows = x.shape[0];
  if (rows === undefined) throw refused(ShapeError, 'at', [x], 'a single number has no rows');
  if (Number.isInteger(i) && i >= -rows && i < rows) return i < 0 ? i + rows : i;
  const expected = rows > 0 ? `a row from ${-rows} to ${rows - 1}` : 'a first axis that is not empty';
  throw refused(ShapeError, 'at', [x], `row ${shown(i)}: expected ${expected}`);
}

/** How {@link Value.slice} steps. */
export interface SliceOptions {
  /**
   * How far one entry is from the next: 1 by default. From -1 down it goes backwards: from the last entry,
   * and to the first, where no bounds are given.
   */
  step?: number;
}

const SLICE_OPTIONS: Known<SliceOptions> = { step: true };

/** A range of an axis, which is then taken every `step` entries and, `isBackwards`, in reverse. */
interface Range {
  start: number;
  stop: number;
  axis: number;
  step: number;
  isBackwards: boolean;
}

/**
 * The range that `x.slice` is given. Bounds that do not exist are left as they are: shape rules refuse them.
 */
export function rangeOf(
  x: Node,
  start: number | undefined,
  stop: number | undefined,
  axis: number,
  options: SliceOptions,
): Range {
  checkOptions(`slice of ${x.label}`, options, SLICE_OPTIONS);
  const { step = 1 } = options;
  if (!Number.isInteger(step) || step === 0)
    throw refused(ShapeError, 'slice', [x], `step ${shown(step)}: expected an integer that is not 0`);
  for (const bound of [start, stop] as readonly unknown[]) {
    if (bound instanceof Node)
      throw refused(
        TypeError,
        'slice',
        [x],
        `a bound is ${bound.label}, expected an integer; rows by index are x.gather(index)`,
      );
  }
  const at = fromFront(axis, x);
  const n = x.shape[at] ?? 0;
  const counted = (bound: number): number =>
    Number.isInteger(bound) && bound < 0 && bound >= -n ? bound + n : bound;
  if (step > 0)
    return { axis: at, start: counted(start ?? 0), stop: counted(stop ?? n), step, isBackwards: false };
  // Backwards from `first` to before `end`: the same entries forwards.
  const first = start === undefined ? n - 1 : counted(start);
  const end = stop === undefined ? -1 : counted(stop);
  const fits = Number.isInteger(first) && Number.isInteger(end) && first < n && end >= -1 && end <= first;
  if (!fits || (stop !== undefined && end < 0))
    throw refused(
      ShapeError,
      'slice',
      [x],
      `from ${shown(start)} back to before ${shown(stop)} in axis ${shown(axis)} of ${show(x.shape)}: ` +
        `expected integers from ${-n} to ${n - 1}, start at least stop, or no stop to go to the first entry`,
    );
  const count = Math.ceil((first - end) / -step);
  return {
    axis: at,
    start: count > 0 ? first + (count - 1) * step : first + 1,
    stop: first + 1,
    step: -step,
    isBackwards: true,
  };
}

/** The shape that x is to have, with the number that a length of -1 stands for: what the others leave. */
export function wholeShape(shape: Shape, x: Node): Shape {
  const given = composed('reshape', [x], () => listedShape(shape, -1));
  const unknown = given.indexOf(-1);
  if (unknown < 0) return given;
  const refuse = (why: string): Error => refused(ShapeError, 'reshape', [x], `to ${show(given)}: ${why}`);
  if (given.includes(-1, unknown + 1)) throw refuse('only one length may be -1');
  const size = sizeOf(x.shape);
  const others = sizeOf(given.filter((_, i) => i !== unknown));
  if (others === 0)
    throw refuse('the other lengths hold no numbers, so -1 could be anything: give the length');
  if (size % others !== 0) throw refuse(`${size} numbers do not divide by ${others}`);
  return given.with(unknown, size / others);
}
