/** Which axes of a result hold one entry per position, and from which prefix length each counts. */
import { resolveAxis, sizeOf, type Shape } from '../../core/shape.js';
import type { Attr, OpName } from '../../graph/ops.js';

type Levels = readonly number[] | undefined;

/** What is read of the compiler's graph. */
interface Graph {
  readonly levels: Int32Array;
  readonly axisLevels: readonly (AxisLevels | undefined)[];
  opOf(node: number): OpName;
  inputs(node: number): readonly number[];
  attr(node: number): Attr;
  shape(node: number): Shape;
}

/**
 * The levels of a node's axes, from its operands', one of which has some, or from its own of a stack
 * or elements; undefined where no axis has any.
 */
export function propagate(ir: Graph, node: number): AxisLevels | undefined {
  const op = ir.opOf(node);
  const inputs = ir.inputs(node);
  const of = (i: number): AxisLevels | undefined => ir.axisLevels[inputs[i]!];
  const attr = ir.attr(node);
  const shape = ir.shape(node);
  if (op === 'stack') {
    const own = attr.levels ? settled(attr.levels, ir.levels[node]!) : undefined;
    return some([own, ...(of(0) ?? shape.slice(1).map(() => undefined))]);
  }
  if (op === 'elements') {
    const levels = of(0)?.[0]?.slice(attr.start, attr.stop);
    return some([levels && settled(levels, ir.levels[node]!)]);
  }
  switch (op) {
    case 'argmax':
      return some(of(0)!.filter((_, i) => i !== resolveAxis(attr.axis!, ir.shape(inputs[0]!))));
    case 'max':
    case 'sum': {
      const x = ir.shape(inputs[0]!);
      const gone = new Set((attr.axes ?? x.map((_, i) => i)).map((a) => resolveAxis(a, x)));
      return some(of(0)!.filter((_, i) => !gone.has(i)));
    }
    case 'transpose':
      return attr.axes!.map((axis) => of(0)![axis]);
    case 'reshape':
      return some(reshaped(ir.shape(inputs[0]!), of(0)!, shape));
    case 'slice':
      return some(
        of(0)!.map((levels, i) =>
          i === attr.axis && levels ? settled(levels.slice(attr.start, attr.stop), ir.levels[node]!) : levels,
        ),
      );
    case 'embed':
      return some(of(0)!.map((levels, i) => (i === attr.axis ? undefined : levels)));
    case 'concat':
      return some(
        (of(0) ?? shape.map(() => undefined)).map((levels, i) =>
          i === resolveAxis(attr.axis!, shape) ? undefined : levels,
        ),
      );
    case 'gather': {
      if (attr.batch) {
        const rows = both(of(0)?.[0], of(1)?.[0]);
        return some([rows, ...(of(0)?.slice(2) ?? shape.slice(1).map(() => undefined))]);
      }
      const index = ir.shape(inputs[1]!).map((_, i) => of(1)?.[i]);
      return some([...index, ...shape.slice(index.length).map((_, i) => of(0)?.[i + 1])]);
    }
    case 'scatterAdd':
      return some(shape.map((_, i) => (attr.batch && i === 0 ? both(of(0)?.[0], of(1)?.[0]) : undefined)));
    case 'gatherMatmul':
    case 'gatherDot':
    case 'scatterOuter':
      return undefined;
    case 'rmsNorm':
    case 'rmsNormGrad':
      return some((of(op === 'rmsNorm' ? 0 : 1) ?? []).slice());
    case 'crossEntropy':
      return some([both(of(0)?.[0], of(1)?.[0])].slice(0, shape.length));
    case 'crossEntropyGrad':
      return some(
        shape.map((_, i) => (i === 0 && shape.length > 1 ? both(of(1)?.[0], of(3)?.[0]) : of(1)?.[i])),
      );
    case 'matmul':
      return some(product(ir, inputs[0]!, inputs[1]!, shape));
    default:
      return some(broadcasted(ir, inputs, shape));
  }
}

/** Levels with the axes that have none filled in from others. */
export function completed(
  levels: AxisLevels | undefined,
  others: AxisLevels | undefined,
): AxisLevels | undefined {
  if (!levels || !others) return levels ?? others;
  return levels.map((axis, i) => axis ?? others[i]);
}

/** Whether every run works on the same part of two arrays of one shape. */
export function sameLevels(a: AxisLevels | undefined, b: AxisLevels | undefined): boolean {
  const n = Math.max(a?.length ?? 0, b?.length ?? 0);
  for (let i = 0; i < n; i++) {
    const x = a?.[i];
    const y = b?.[i];
    if (x !== y && !(x && y && x.length === y.length && x.every((level, k) => level === y[k]))) return false;
  }
  return true;
}

function some(levels: (Levels | undefined)[]): AxisLevels | undefined {
  return levels.some((axis) => axis) ? levels : undefined;
}

/** Entries that are all there whenever the node runs need no levels. */
function settled(levels: readonly number[], level: number): Levels {
  return levels.every((entry) => entry <= level) ? undefined : levels;
}

/** An entry of two arrays at once counts from where both do. */
export function both(a: Levels, b: Levels): Levels {
  if (!a || !b || a === b) return a ?? b;
  return a.map((level, i) => Math.max(level, b[i]!));
}

function broadcasted(ir: Graph, inputs: readonly number[], shape: Shape): Levels[] {
  return shape.map((_, i) => {
    let levels: Levels;
    for (const input of inputs) {
      const own = ir.shape(input);
      const axis = i - (shape.length - own.length);
      if (axis >= 0 && own[axis] !== 1) levels = both(levels, ir.axisLevels[input]?.[axis]);
    }
    return levels;
  });
}

function product(ir: Graph, a: number, b: number, shape: Shape): Levels[] {
  const rankA = ir.shape(a).length;
  const rankB = ir.shape(b).length;
  const levelsA = ir.axisLevels[a];
  const levelsB = ir.axisLevels[b];
  const tail = (rankA > 1 ? 1 : 0) + (rankB > 1 ? 1 : 0);
  const batch = shape.length - tail;
  return shape.map((_, i) => {
    if (i < batch) {
      const fromA = i - (batch - Math.max(0, rankA - 2));
      const fromB = i - (batch - Math.max(0, rankB - 2));
      return both(fromA >= 0 ? levelsA?.[fromA] : undefined, fromB >= 0 ? levelsB?.[fromB] : undefined);
    }
    if (i === batch && rankA > 1) return levelsA?.[rankA - 2];
    return levelsB?.[rankB - 1];
  });
}

/** Follows levels through groups of axes that a reshape joins or splits. */
function reshaped(from: Shape, levels: AxisLevels, to: Shape): Levels[] {
  const out: Levels[] = to.map(() => undefined);
  if (sizeOf(from) === 0) {
    // Products of lengths match no groups where one is 0: the leading axes that stay keep theirs.
    for (let axis = 0; axis < to.length && from[axis] === to[axis]; axis++) out[axis] = levels[axis];
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
    const own = lead < 0 ? undefined : levels[lead];
    for (let k = i0; k < i; k++) {
      if (levels[k] && k !== lead) throw new Error('internal: a reshape joins a level axis to an outer one');
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
      if (first !== last) throw new Error('internal: a reshape splits a level axis');
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

export type AxisLevels = readonly (readonly number[] | undefined)[];
