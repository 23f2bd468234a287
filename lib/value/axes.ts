/** Checks the axes, rows and shapes that methods of `Value` are given. */
import { isList, shown, shownList } from '../core/check.js';
import { listedShape, MAX_AXES, ShapeError, show, sizeOf, type Shape } from '../core/shape.js';
import { composed, refused, type Node } from '../graph/node.js';

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

/** The place of a new axis, which may be behind all others. */
export function newAxis(axis: number, x: Node): number {
  const rank = x.shape.length + 1;
  const at = !Number.isInteger(axis) ? -1 : axis < 0 ? axis + rank : axis;
  if (at >= 0 && at < rank) return at;
  const why = `axis ${shown(axis)}: expected an integer from ${-rank} to ${rank - 1}`;
  throw refused(ShapeError, 'expandDims', [x], why);
}

/** An axis that can be left out. */
export function axisOfLength1(axis: number, x: Node): number {
  const at = Number.isInteger(axis) ? fromFront(axis, x) : -1;
  if (x.shape[at] === 1) return at;
  const why = at in x.shape ? `has length ${x.shape[at]!}, not 1` : 'does not exist';
  throw refused(ShapeError, 'squeeze', [x], `axis ${shown(axis)} ${why}`);
}

/** @throws ShapeError where the first axis has no row i */
export function checkRow(i: number, x: Node): void {
  const rows = x.shape[0];
  if (rows === undefined) throw refused(ShapeError, 'at', [x], 'a single number has no rows');
  if (Number.isInteger(i) && i >= 0 && i < rows) return;
  const last = i < 0 && -i <= rows ? `; counted from the end it is at(${rows + i})` : '';
  const expected = rows > 0 ? `a row from 0 to ${rows - 1}` : 'a first axis that is not empty';
  throw refused(ShapeError, 'at', [x], `row ${shown(i)}: expected ${expected}${last}`);
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
