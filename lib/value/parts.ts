/** Arrays that are turned round, padded or repeated. */
import { checkArguments, checkNumber, isList, shown } from '../core/check.js';
import { checkSize, MAX_AXES, resolveAxis, ShapeError, sizeOf } from '../core/shape.js';
import { composed, refused, writtenAs } from '../graph/node.js';
import { axesOf, type Axes } from './axes.js';
import { reversed } from './strides.js';
import { concat } from './joins.js';
import { checkValue, constant, makeValue, type Value } from './value.js';

/** The numbers in reverse order along one axis or several, by default all. */
export function flip(x: Value, axis?: Axes): Value {
  checkArguments('flip', arguments, 2);
  checkValue('flip', 'x', x);
  return composed('flip', [x], () => {
    // Along all axes it is that of the numbers in a row.
    if (axis === undefined)
      return writtenAs('flip', reversed(x.reshape([sizeOf(x.shape)]), 0, concat).reshape(x.shape));
    const axes = axesOf(typeof axis === 'number' ? [axis] : axis, x, 'flip', 'a number, or an array');
    const places = axes.map((one) => resolveAxis(one, x.shape));
    return writtenAs(
      'flip',
      places.reduce((y, at) => reversed(y, at, concat), x.reshape(x.shape)),
    );
  });
}

/** How many numbers `pad` adds: before and after each axis, or one number or pair for all. */
export type PadWidths = number | readonly number[] | readonly (readonly number[])[];

/**
 * x with a number, by default 0, added before and after along each axis. `widths` says how many: one number,
 * a pair [before, after] for all axes, or a pair for each axis. No gradient flows to what is added.
 */
export function pad(x: Value, widths: PadWidths, value = 0): Value {
  checkArguments('pad', arguments, 3);
  checkValue('pad', 'x', x);
  checkNumber(`pad of ${x.label}: value`, value);
  return composed('pad', [x], () => {
    const padded = pairsOf(x, widths).reduce((y, [before, after], axis) => {
      if (before + after === 0) return y;
      const more = (n: number): Value =>
        makeValue('broadcastTo', [constant(value)], { shape: y.shape.with(axis, n) });
      return concat([more(before), y, more(after)], axis);
    }, x.reshape(x.shape));
    return writtenAs('pad', padded);
  });
}

function pairsOf(x: Value, widths: PadWidths): (readonly [before: number, after: number])[] {
  const refuse = (): never => {
    const given = isList(widths)
      ? `[${widths
          .slice(0, MAX_AXES)
          .map((one) => (isList(one) ? `[${one.slice(0, 4).map(shown).join(', ')}]` : shown(one)))
          .join(', ')}]`
      : shown(widths);
    throw refused(
      ShapeError,
      'pad',
      [x],
      `widths ${given}: expected an integer from 0, a pair of them, or a pair for each of ` +
        `${x.shape.length} axes`,
    );
  };
  const isWidth = (n: unknown): n is number => Number.isInteger(n) && (n as number) >= 0;
  const isPair = (pair: unknown): pair is [number, number] =>
    isList(pair) && pair.length === 2 && isWidth(pair[0]) && isWidth(pair[1]);
  if (isWidth(widths)) return x.shape.map(() => [widths, widths]);
  if (isPair(widths)) return x.shape.map(() => [widths[0], widths[1]]);
  if (!isList(widths) || widths.length !== x.shape.length) return refuse();
  return Array.from(widths as readonly unknown[], (pair) => (isPair(pair) ? [pair[0], pair[1]] : refuse()));
}

/**
 * x repeated along its axes: `repeats` is how often along each, or along the last one. The shorter of x's
 * shape and `repeats` is filled up with ones in front, as in NumPy.
 */
export function tile(x: Value, repeats: number | readonly number[]): Value {
  checkArguments('tile', arguments, 2);
  checkValue('tile', 'x', x);
  return composed('tile', [x], () => {
    const given: readonly unknown[] = isList(repeats) ? repeats : [repeats];
    const isRight =
      given.length <= MAX_AXES / 2 &&
      Array.from(given).every((n) => Number.isInteger(n) && (n as number) >= 0);
    if (!isRight)
      throw new ShapeError(
        `repeats [${given.slice(0, MAX_AXES).map(shown).join(', ')}]: expected integers from 0, at most ` +
          `${MAX_AXES / 2} of them`,
      );
    const rank = Math.max(given.length, x.shape.length);
    const filled = (list: readonly unknown[]): number[] => [
      ...new Array<number>(rank - list.length).fill(1),
      ...(list as number[]),
    ];
    const [times, lengths] = [filled(given), filled(x.shape)];
    const whole = lengths.map((n, i) => n * times[i]!);
    checkSize(whole);
    const single = x.reshape(lengths.flatMap((n) => [1, n]));
    const repeated = single.broadcastTo(lengths.flatMap((n, i) => [times[i]!, n]));
    return writtenAs('tile', repeated.reshape(whole));
  });
}
