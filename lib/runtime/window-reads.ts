/** From which numbers those of convolutions and pooling are computed: rules of anomaly.ts. */
import type { Node } from '../graph/node.js';
import type { Window } from '../graph/ops/window.js';
import type { Shape } from '../core/shape.js';
import type { Reads, RunNumbers } from './reads.js';

/** The index along each axis of the number at `place` of a shape. */
function indexOf(place: number, shape: Shape): number[] {
  const index = new Array<number>(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = place % shape[axis]!;
    place = Math.floor(place / shape[axis]!);
  }
  return index;
}

/** Where number `tap` of window i lies, along axis 0 or 1 of images. */
function placeIn({ stride, dilation, before }: Window, axis: number, i: number, tap: number): number {
  return i * stride[axis]! + tap * dilation[axis]! - before[axis]!;
}

/** Whether a window holds a number of an image, by their indices along both axes. */
function isInWindow(window: Window, y: readonly number[], x: readonly number[]): boolean {
  return window.size.every((size, axis) => {
    for (let tap = 0; tap < size; tap++) if (placeIn(window, axis, y[axis]!, tap) === x[axis]) return true;
    return false;
  });
}

/** Whether a number of a window is, in some window, this number of an image. */
function isTapOf(window: Window, w: readonly number[], x: readonly number[]): boolean {
  return window.count.every((count, axis) => {
    for (let i = 0; i < count; i++) if (placeIn(window, axis, i, w[axis]!) === x[axis]) return true;
    return false;
  });
}

type Role = 'x' | 'y' | 'w';

/** Whether two numbers of a convolution are factors, or a factor and the result, of one product. */
function areOfOneProduct(
  window: Window,
  shapes: Record<Role, Shape>,
  at: Partial<Record<Role, number>>,
): boolean {
  const [x, y, w] = (['x', 'y', 'w'] as const).map((role) =>
    at[role] === undefined ? undefined : indexOf(at[role], shapes[role]),
  );
  const inputs = shapes.x[1]! / window.groups;
  const outputs = shapes.y[1]! / window.groups;
  const isOneGroup = (input: number, output: number): boolean =>
    Math.floor(input / inputs) === Math.floor(output / outputs);
  if (x && y) return x[0] === y[0] && isOneGroup(x[1]!, y[1]!) && isInWindow(window, y.slice(2), x.slice(2));
  // Padding is multiplied too, as zeros.
  if (y && w) return y[1] === w[0];
  return isOneGroup(x![1]!, w![0]!) && x![1]! % inputs === w![1] && isTapOf(window, w!.slice(2), x!.slice(2));
}

/** The rule of a convolution, of its result and its operands. */
export function convolution(roles: readonly [Role, Role, Role]): (node: Node) => Reads {
  return ({ shape, inputs, attr }) => {
    const [result, ...operands] = roles;
    const shapes = { [result]: shape } as Record<Role, Shape>;
    operands.forEach((role, i) => (shapes[role] = inputs[i]!.shape));
    return (place, i, from) =>
      areOfOneProduct(attr.window!, shapes, { [result]: place, [operands[i]!]: from });
  };
}

/** The plane of a number, and its index in it. */
function placeOf(place: number, plane: readonly [number, number]): number[] {
  const size = plane[0] * plane[1];
  return [Math.floor(place / size), ...indexOf(place % size, plane)];
}

const lastTwo = (shape: Shape): [number, number] => shape.slice(-2) as [number, number];

/** Whether a window of planes holds a number of them; both by their places. */
function holds(window: Window, planes: Shape): (y: number, x: number) => boolean {
  return (y, x) => {
    const [i, j] = [placeOf(y, window.count), placeOf(x, lastTwo(planes))];
    return i[0] === j[0] && isInWindow(window, i.slice(1), j.slice(1));
  };
}

/** Of sums of windows: `isGradient` where planes are the result. */
export function sumsOfWindows(isGradient: boolean): (node: Node) => Reads {
  return ({ shape, inputs, attr }) => {
    const isIn = holds(attr.window!, isGradient ? shape : inputs[0]!.shape);
    return (place, _, from) => (isGradient ? isIn(from, place) : isIn(place, from));
  };
}

/** For each window its largest number: the first of equal ones, the last NaN. */
export function largestOfWindows(x: Node, window: Window, run: RunNumbers): (y: number) => number {
  const numbers = run.data(x);
  const [rows, columns] = lastTwo(x.shape);
  return (y) => {
    const [plane, row, column] = placeOf(y, window.count) as [number, number, number];
    let best = -1;
    for (let down = 0; down < window.size[0]; down++) {
      for (let along = 0; along < window.size[1]; along++) {
        const [i, j] = [placeIn(window, 0, row, down), placeIn(window, 1, column, along)];
        if (i < 0 || i >= rows || j < 0 || j >= columns) continue;
        const at = (plane * rows + i) * columns + j;
        if (best < 0 || numbers[at]! > numbers[best]! || Number.isNaN(numbers[at])) best = at;
      }
    }
    return best;
  };
}
