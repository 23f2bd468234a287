/** Views: where an array's numbers lie in the arena. Slices, rows and transposes move no number. */
import { contiguousStrides, sizeOf, type Shape } from '../shape.js';

export interface View {
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: readonly number[];
}

export function denseView(offset: number, shape: Shape): View {
  return { offset, shape, strides: contiguousStrides(shape) };
}

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
  if (sizeOf(shape) === 0 || isDense(v)) return denseView(v.offset, shape);
  // Axes of length 1 come and go freely; the others must stay as they are.
  const axes: number[] = [];
  v.shape.forEach((n, i) => {
    if (n !== 1) axes.push(i);
  });
  let next = 0;
  const strides: number[] = [];
  for (const n of shape) {
    if (n === 1) {
      strides.push(0);
      continue;
    }
    const axis = axes[next++];
    if (axis === undefined || v.shape[axis] !== n) return null;
    strides.push(v.strides[axis]!);
  }
  return next === axes.length ? { offset: v.offset, shape, strides } : null;
}
