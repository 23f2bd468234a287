/** Helpers that the shape and gradient rules of several operators share. */
import { resolveAxis, sameShape, ShapeError, show, type Shape } from '../../core/shape.js';
import type { Attr, Builder } from './types.js';

/** The shape rule of operators whose result has the shape of their first operand. */
export const same = ([x]: readonly Shape[]): Shape => x!;

/** Sums `node` over the axes in which `shape` was broadcast. Broadcasting is undone here only. */
export function sumTo<N>(g: Builder<N>, node: N, shape: Shape): N {
  const from = g.shape(node);
  if (sameShape(from, shape)) return node;
  const lead = from.length - shape.length;
  const axes: number[] = [];
  from.forEach((n, i) => {
    if (i < lead || (shape[i - lead] === 1 && n !== 1)) axes.push(i);
  });
  const summed = axes.length ? g.op('sum', [node], { axes }) : node;
  return sameShape(g.shape(summed), shape) ? summed : g.op('reshape', [summed], { shape });
}

/** `node`, but NaN where `where` is NaN; `where` broadcasts to it. */
export function orNaN<N>(g: Builder<N>, node: N, where: N): N {
  const isNumber = g.op('eq', [where, where]);
  return g.op('mul', [node, g.op('div', [isNumber, isNumber])]);
}

/** The axes that a reduction removes: those of the attribute, or all. */
export function goneAxes(x: Shape, { axes }: Attr): ReadonlySet<number> {
  return new Set((axes ?? x.map((_, i) => i)).map((axis) => resolveAxis(axis, x)));
}

/** The shape with the reduced axes kept, at length 1, so that it broadcasts against the whole. */
export function keptShape(x: Shape, gone: ReadonlySet<number>): Shape {
  return x.map((n, i) => (gone.has(i) ? 1 : n));
}

export function swapLast<N>(g: Builder<N>, x: N): N {
  const rank = g.shape(x).length;
  const axes = Array.from({ length: rank }, (_, i) => i);
  [axes[rank - 1], axes[rank - 2]] = [axes[rank - 2]!, axes[rank - 1]!];
  return g.op('transpose', [x], { axes });
}

export function reshape<N>(g: Builder<N>, x: N, shape: Shape): N {
  return sameShape(g.shape(x), shape) ? x : g.op('reshape', [x], { shape });
}

/** Checks that an index operand is a single integer. */
export function checkSingle(index: Shape): void {
  if (index.length > 0)
    throw new ShapeError(
      `an index of shape ${show(index)}: expected a single integer, as of index(name) or at(i)`,
    );
}
