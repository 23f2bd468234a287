/** Which axes of an array hold one entry per position, and the position of each entry. */
import { resolveAxis, sizeOf, type Shape } from '../../core/shape.js';
import { OPS, type Attr, type OpName } from '../../graph/ops.js';

type Positions = readonly number[] | undefined;

/** The part of `Ir` that is used here: ir.ts imports this file, so this file cannot import it. */
interface Graph {
  readonly positions: Int32Array;
  readonly axisPositions: readonly (AxisPositions | undefined)[];
  opOf(node: number): OpName;
  inputs(node: number): readonly number[];
  attr(node: number): Attr;
  shape(node: number): Shape;
}

/**
 * The positions of a node's axes: they follow from those of its operands, at least one of which has some;
 * a stack has its own. Undefined where no axis has any.
 */
export function propagate(ir: Graph, node: number): AxisPositions | undefined {
  const inputs = ir.inputs(node);
  const of = (i: number): AxisPositions | undefined => ir.axisPositions[inputs[i]!];
  const attr = ir.attr(node);
  const shape = ir.shape(node);
  switch (OPS[ir.opOf(node)].axes) {
    case 'none':
      return undefined;
    case 'broadcast':
      return some(broadcasted(ir, inputs, shape));
    case 'first':
      return some((of(0) ?? []).slice());
    case 'rows':
      return some(of(0)!.map((axis, i) => (i < shape.length - 1 ? axis : undefined)));
    case 'stacked': {
      const own = attr.positions ? settled(attr.positions, ir.positions[node]!) : undefined;
      // The stack has one list of positions for an axis of all its members.
      if (!inputs.every((input) => sameAxisPositions(ir.axisPositions[input], of(0))))
        throw new Error('internal: a stack of arrays whose axes have different positions');
      return some([own, ...(of(0) ?? shape.slice(1).map(() => undefined))]);
    }
    case 'elements': {
      const whole = ir.shape(inputs[0]!);
      if (sizeOf(whole) === attr.stop! - attr.start!) return some(reshaped(whole, of(0)!, shape));
      // The others are rows of the first axis.
      const each = sizeOf(whole.slice(1));
      const positions = of(0)![0]?.slice(attr.start! / each, attr.stop! / each);
      const rows = positions && settled(positions, ir.positions[node]!);
      return some([rows, ...shape.slice(1).map((_, i) => of(0)![i + 1])]);
    }
    case 'withoutAxis':
      return some(of(0)!.filter((_, i) => i !== resolveAxis(attr.axis!, ir.shape(inputs[0]!))));
    case 'withoutAxes': {
      const x = ir.shape(inputs[0]!);
      const gone = new Set((attr.axes ?? x.map((_, i) => i)).map((a) => resolveAxis(a, x)));
      return some(of(0)!.filter((_, i) => !gone.has(i)));
    }
    case 'transposed':
      return attr.axes!.map((axis) => of(0)![axis]);
    case 'reshaped':
      return some(reshaped(ir.shape(inputs[0]!), of(0)!, shape));
    case 'sliced':
      return some(
        of(0)!.map((positions, i) =>
          i === attr.axis && positions
            ? settled(positions.slice(attr.start, attr.stop), ir.positions[node]!)
            : positions,
        ),
      );
    case 'padded':
      return some(of(0)!.map((positions, i) => (i === attr.axis ? undefined : positions)));
    case 'joined':
      return some(
        shape.map((_, i) => {
          if (i === resolveAxis(attr.axis!, shape)) return undefined;
          return inputs.map((input) => ir.axisPositions[input]?.[i]).reduce(both);
        }),
      );
    case 'gathered': {
      if (attr.batch) {
        const rows = both(of(0)?.[0], of(1)?.[0]);
        const columns = ir
          .shape(inputs[1]!)
          .slice(1)
          .map((_, i) => of(1)?.[i + 1]);
        const rest = shape.slice(1 + columns.length).map((_, i) => of(0)?.[i + 2]);
        return some([rows, ...columns, ...rest]);
      }
      const index = ir.shape(inputs[1]!).map((_, i) => of(1)?.[i]);
      return some([...index, ...shape.slice(index.length).map((_, i) => of(0)?.[i + 1])]);
    }
    case 'scattered':
      return some(shape.map((_, i) => (attr.batch && i === 0 ? both(of(0)?.[0], of(1)?.[0]) : undefined)));
    case 'losses':
      return some([both(of(0)?.[0], of(1)?.[0])].slice(0, shape.length));
    case 'lossGradient':
      return some(
        shape.map((_, i) => {
          if (i > 0 || shape.length === 1) return of(1)?.[i];
          return [0, 1, 3].map((operand) => of(operand)?.[0]).reduce(both);
        }),
      );
    case 'product':
      return some(product(ir, inputs[0]!, inputs[1]!, shape));
  }
}

/** Positions of axes; an axis that has none gets those of `others`. */
export function completed(
  positions: AxisPositions | undefined,
  others: AxisPositions | undefined,
): AxisPositions | undefined {
  if (!positions || !others) return positions ?? others;
  return positions.map((axis, i) => axis ?? others[i]);
}

/** Whether every run works on the same part of two arrays of one shape. */
export function sameAxisPositions(a: AxisPositions | undefined, b: AxisPositions | undefined): boolean {
  const n = Math.max(a?.length ?? 0, b?.length ?? 0);
  for (let i = 0; i < n; i++) {
    const x = a?.[i];
    const y = b?.[i];
    if (x !== y && !(x && y && x.length === y.length && x.every((position, k) => position === y[k])))
      return false;
  }
  return true;
}

function some(positions: (Positions | undefined)[]): AxisPositions | undefined {
  return positions.some((axis) => axis) ? positions : undefined;
}

/** Positions are dropped where all entries are there whenever the node runs. */
export function settled(positions: readonly number[], position: number): Positions {
  return positions.every((entry) => entry <= position) ? undefined : positions;
}

/** The positions of an axis of two arrays: an entry counts from where it does in both. */
export function both(a: Positions, b: Positions): Positions {
  if (!a || !b || a === b) return a ?? b;
  return a.map((position, i) => Math.max(position, b[i]!));
}

function broadcasted(ir: Graph, inputs: readonly number[], shape: Shape): Positions[] {
  return shape.map((_, i) => {
    let positions: Positions;
    for (const input of inputs) {
      const own = ir.shape(input);
      const axis = i - (shape.length - own.length);
      if (axis >= 0 && own[axis] !== 1) positions = both(positions, ir.axisPositions[input]?.[axis]);
    }
    return positions;
  });
}

function product(ir: Graph, a: number, b: number, shape: Shape): Positions[] {
  const rankA = ir.shape(a).length;
  const rankB = ir.shape(b).length;
  const positionsA = ir.axisPositions[a];
  const positionsB = ir.axisPositions[b];
  const tail = (rankA > 1 ? 1 : 0) + (rankB > 1 ? 1 : 0);
  const batch = shape.length - tail;
  return shape.map((_, i) => {
    if (i < batch) {
      const fromA = i - (batch - Math.max(0, rankA - 2));
      const fromB = i - (batch - Math.max(0, rankB - 2));
      return both(fromA >= 0 ? positionsA?.[fromA] : undefined, fromB >= 0 ? positionsB?.[fromB] : undefined);
    }
    if (i === batch && rankA > 1) return positionsA?.[rankA - 2];
    return positionsB?.[rankB - 1];
  });
}

/** The positions after a reshape, which joins or splits groups of axes. */
function reshaped(from: Shape, positions: AxisPositions, to: Shape): Positions[] {
  const out: Positions[] = to.map(() => undefined);
  if (sizeOf(from) === 0) {
    // With a length of 0 the groups cannot be told from products: leading axes that stay keep theirs.
    for (let axis = 0; axis < to.length && from[axis] === to[axis]; axis++) out[axis] = positions[axis];
    return out;
  }
  let i = 0;
  let j = 0;
  while (i < from.length || j < to.length) {
    const i0 = i;
    const j0 = j;
    let a = from[i++] ?? 1;
    let b = to[j++] ?? 1;
    while (a !== b) {
      if (a < b) a *= from[i++] ?? 1;
      else b *= to[j++] ?? 1;
    }
    const lead = firstAxis(from, i0, i);
    const own = lead < 0 ? undefined : positions[lead];
    for (let k = i0; k < i; k++) {
      if (positions[k] && k !== lead)
        throw new Error('internal: a reshape joins a position axis to an outer one');
    }
    if (!own) continue;
    const target = firstAxis(to, j0, j);
    const size = (shape: Shape, at: number, end: number): number =>
      shape.slice(at + 1, end).reduce((x, y) => x * y, 1);
    const inner = size(from, lead, i);
    const innerTo = size(to, target, j);
    out[target] = Array.from({ length: to[target]! }, (_, r) => {
      const first = own[Math.floor((r * innerTo) / inner)]!;
      const last = own[Math.floor((r * innerTo + innerTo - 1) / inner)]!;
      if (first !== last) throw new Error('internal: a reshape splits a position axis');
      return first;
    });
  }
  return out;
}

/** The first axis of a group that is longer than 1. */
function firstAxis(shape: Shape, from: number, to: number): number {
  for (let axis = from; axis < to && axis < shape.length; axis++) if (shape[axis] !== 1) return axis;
  return -1;
}

export type AxisPositions = readonly (readonly number[] | undefined)[];
