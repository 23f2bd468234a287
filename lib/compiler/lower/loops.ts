/**
 * Loop nests: an instruction has two outer loops, rows and columns; any array is brought into that form
 * here.
 */
import type { Shape } from '../../core/shape.js';
import type { AxisPositions } from '../ir/axes.js';
import type { Context } from './context.js';
import type { Operand } from './encode.js';

/** One loop: its length, and how far each operand moves per iteration. */
export interface Axis {
  n: number;
  strides: number[];
  /** Where a short run has only a prefix of the axis: the position of every (n / length) entries. */
  positions?: readonly number[] | undefined;
}

/**
 * The axes of a loop nest: length 1 dropped, neighbours merged where every operand steps through
 * both as through one. Null where there is nothing to do. Axes with different marks do not merge,
 * nor does an axis with positions into an outer one.
 */
export function mergeAxes(
  shape: Shape,
  strides: readonly (readonly number[])[],
  positions?: AxisPositions,
  marks?: readonly number[],
): Axis[] | null {
  const axes: (Axis & { mark: number })[] = [];
  for (let i = 0; i < shape.length; i++) {
    const n = shape[i]!;
    if (n === 0) return null;
    if (n === 1) continue;
    const own = strides.map((s) => s[i]!);
    const mark = marks?.[i] ?? 0;
    const outer = axes[axes.length - 1];
    const merges = outer?.mark === mark && !positions?.[i];
    if (merges && own.every((s, j) => outer.strides[j] === s * n)) {
      outer.n *= n;
      outer.strides = own;
    } else axes.push({ n, strides: own, mark, positions: positions?.[i] });
  }
  return axes;
}

/**
 * Calls `emit` with exactly `count` axes: fewer are filled up with loops of one iteration; of more,
 * the shortest ones are unrolled, with an instruction for each iteration. The last one stays: of many
 * instructions it is the rows or columns, which must lie in one piece.
 */
export function forEachNest(
  c: Context,
  axes: readonly Axis[],
  count: number,
  offsets: readonly number[],
  emit: (axes: readonly Axis[], offsets: readonly number[]) => void,
): void {
  if (axes.length > count) {
    const outer = axes.slice(0, -1);
    const at = outer.reduce((least, axis, i) => (axis.n < outer[least]!.n ? i : least), 0);
    const { n, strides, positions } = axes[at]!;
    const rest = axes.toSpliced(at, 1);
    const { position } = c;
    for (let i = 0; i < n; i++) {
      if (positions) c.position = Math.max(position, positions[Math.floor((i * positions.length) / n)]!);
      const moved = offsets.map((offset, j) => offset + i * strides[j]!);
      forEachNest(c, rest, count, moved, emit);
    }
    c.position = position;
    return;
  }
  const unit: Axis = { n: 1, strides: offsets.map(() => 0) };
  emit([...new Array<Axis>(count - axes.length).fill(unit), ...axes], offsets);
}

/** Operand i of a nest of two to four axes; the strides of a row and a column that are no axes of it. */
export function operandAt(
  axes: readonly Axis[],
  offsets: readonly number[],
  i: number,
  column = 0,
  row = 0,
): Operand {
  const stride = (axis: number, otherwise: number): number => axes[axis]?.strides[i] ?? otherwise;
  return [offsets[i]!, stride(0, 0), stride(1, 0), stride(2, row), stride(3, column)];
}
