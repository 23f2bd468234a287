/** Views: where an array's numbers lie in the arena. Slices, rows and transposes move no number. */
import { contiguousStrides, sizeOf, type Shape } from '../../core/shape.js';

export interface View {
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: readonly number[];
}

export function denseView(offset: number, shape: Shape): View {
  // Neighbours often share one.
  if (shape !== lastShape) {
    lastShape = shape;
    lastStrides = contiguousStrides(shape);
  }
  return { offset, shape, strides: lastStrides };
}
let lastShape: Shape = [];
let lastStrides: readonly number[] = [];

/** Whether the numbers lie row-major without gaps. */
export function isDense({ shape, strides }: View): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) return false;
    step *= shape[i]!;
  }
  return true;
}

export function sliceView(v: View, axis: number, start: number, stop: number): View {
  return {
    offset: v.offset + start * v.strides[axis]!,
    shape: v.shape.map((n, i) => (i === axis ? stop - start : n)),
    strides: v.strides,
  };
}

/** Row i of the first axis, the axis gone. */
export function rowView(v: View, i: number): View {
  return {
    offset: v.offset + i * v.strides[0]!,
    shape: v.shape.slice(1),
    strides: v.strides.slice(1),
  };
}

export function transposeView(v: View, axes: readonly number[]): View {
  return {
    offset: v.offset,
    shape: axes.map((a) => v.shape[a]!),
    strides: axes.map((a) => v.strides[a]!),
  };
}

/** Broadcast axes get stride 0. */
export function broadcastView(v: View, shape: Shape): View {
  const lead = shape.length - v.shape.length;
  return {
    offset: v.offset,
    shape,
    strides: shape.map((n, i) =>
      i < lead || (v.shape[i - lead] === 1 && n !== 1) ? 0 : v.strides[i - lead]!,
    ),
  };
}

/** The same numbers in another shape, or null where that needs a copy. */
export function reshapeView(v: View, shape: Shape): View | null {
  if (sizeOf(shape) === 0) return denseView(v.offset, shape);
  const from: { n: number; stride: number }[] = [];
  v.shape.forEach((n, i) => {
    if (n !== 1) from.push({ n, stride: v.strides[i]! });
  });
  const strides = new Array<number>(shape.length).fill(0);
  const to = shape.map((n, axis) => ({ n, axis })).filter(({ n }) => n !== 1);
  let i = 0;
  let j = 0;
  // Groups of axes with equal products: the old ones must step as one, the new ones divide it.
  while (i < from.length) {
    const j0 = j;
    let { n: a, stride } = from[i++]!;
    let b = to[j++]!.n;
    while (a !== b) {
      if (a < b) {
        const next = from[i++]!;
        if (stride !== next.stride * next.n) return null;
        a *= next.n;
        stride = next.stride;
      } else b *= to[j++]!.n;
    }
    for (let k = j - 1; k >= j0; k--) {
      strides[to[k]!.axis] = stride;
      stride *= to[k]!.n;
    }
  }
  return { offset: v.offset, shape, strides };
}

/** The arena offset of every number of a view, row-major. */
export function offsetsOf({ offset, shape, strides }: View): number[] {
  const steps = contiguousStrides(shape);
  return Array.from({ length: sizeOf(shape) }, (_, i) =>
    shape.reduce((at, n, axis) => at + (Math.floor(i / steps[axis]!) % n) * strides[axis]!, offset),
  );
}

/** Where the numbers of views lie, row-major, one view after another: offset and count of each stretch. */
export function rangesOf(views: readonly View[]): Int32Array {
  const ranges: number[] = [];
  for (const view of views) {
    if (isDense(view)) {
      ranges.push(view.offset, sizeOf(view.shape));
      continue;
    }
    for (const offset of offsetsOf(view)) {
      const [first, count] = [ranges.at(-2), ranges.at(-1)];
      if (first !== undefined && offset === first + count!) ranges[ranges.length - 1] = count! + 1;
      else ranges.push(offset, 1);
    }
  }
  return Int32Array.from(ranges);
}
