/** Convolutions and pooling in plain loops, for reference.ts. */
import type { Window } from '../../lib/graph/ops/window.js';
import type { Tensor } from './reference.js';

/** Calls f with the offsets of each window and of its numbers; those in padding are left out. */
function eachNumber(
  window: Window,
  [height, width]: readonly [number, number],
  f: (window: number, tap: number, at: number) => void,
): void {
  const [rows, columns] = window.count;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      for (let down = 0; down < window.size[0]; down++)
        for (let along = 0; along < window.size[1]; along++) {
          const i = row * window.stride[0] + down * window.dilation[0] - window.before[0];
          const j = column * window.stride[1] + along * window.dilation[1] - window.before[1];
          if (i < 0 || j < 0 || i >= height || j >= width) continue;
          f(row * columns + column, down * window.size[1] + along, i * width + j);
        }
}

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const zeros = (shape: readonly number[]): number[] => new Array<number>(count(shape)).fill(0);

/** The shapes of a convolution: images, the results of their windows, weights. */
interface Shapes {
  x: readonly number[];
  y: readonly number[];
  w: readonly number[];
}

/** Calls f with the offsets of the three numbers of each product. */
export function eachProduct(
  window: Window,
  { x, y, w }: Shapes,
  f: (x: number, y: number, w: number) => void,
): void {
  const [n, channels, ...image] = x as [number, number, number, number];
  const outputs = w[0]!;
  const inputs = w[1]!;
  const taps = count(window.size);
  for (let i = 0; i < n; i++)
    for (let output = 0; output < outputs; output++)
      for (let input = 0; input < inputs; input++) {
        const group = Math.floor(output / (outputs / window.groups));
        const plane = i * channels + group * inputs + input;
        eachNumber(window, image, (at, tap, from) =>
          f(
            plane * count(image) + from,
            (i * y[1]! + output) * count(window.count) + at,
            (output * inputs + input) * taps + tap,
          ),
        );
      }
}

export function conv(window: Window, x: Tensor, w: Tensor): Tensor {
  const shape = [x.shape[0]!, w.shape[0]!, ...window.count];
  const data = zeros(shape);
  const shapes = { x: x.shape, y: shape, w: w.shape };
  eachProduct(window, shapes, (i, o, k) => (data[o]! += x.data[i]! * w.data[k]!));
  return { shape, data };
}

export function convInput(window: Window, y: Tensor, w: Tensor, shape: readonly number[]): Tensor {
  const data = zeros(shape);
  const shapes = { x: shape, y: y.shape, w: w.shape };
  eachProduct(window, shapes, (i, o, k) => (data[i]! += y.data[o]! * w.data[k]!));
  return { shape, data };
}

export function convWeights(window: Window, x: Tensor, y: Tensor, shape: readonly number[]): Tensor {
  const data = zeros(shape);
  const shapes = { x: x.shape, y: y.shape, w: shape };
  eachProduct(window, shapes, (i, o, k) => (data[k]! += x.data[i]! * y.data[o]!));
  return { shape, data };
}

/** Calls f with the offset of each window, and of each number of it. */
function eachOfPlanes(
  window: Window,
  shape: readonly number[],
  f: (window: number, at: number) => void,
): void {
  const image = shape.slice(-2) as [number, number];
  for (let plane = 0; plane < count(shape.slice(0, -2)); plane++)
    eachNumber(window, image, (at, _, from) =>
      f(plane * count(window.count) + at, plane * count(image) + from),
    );
}

/** Where the largest number of each window lies: the first of equal ones, the last NaN. */
function largest(window: Window, x: Tensor): Map<number, number> {
  const found = new Map<number, number>();
  eachOfPlanes(window, x.shape, (at, from) => {
    const best = found.get(at);
    const u = x.data[from]!;
    if (best === undefined || u > x.data[best]! || Number.isNaN(u)) found.set(at, from);
  });
  return found;
}

/** The numbers of u where the largest of each window of x lies. */
export function maxPoolPick(window: Window, u: Tensor, x: Tensor): Tensor {
  const shape = [...x.shape.slice(0, -2), ...window.count];
  const data = zeros(shape);
  for (const [at, from] of largest(window, x)) data[at] = u.data[from]!;
  return { shape, data };
}

export function maxPoolGrad(window: Window, y: Tensor, x: Tensor): Tensor {
  const data = zeros(x.shape);
  for (const [at, from] of largest(window, x)) data[from]! += y.data[at]!;
  return { shape: x.shape, data };
}

export function sumPool(window: Window, x: Tensor): Tensor {
  const shape = [...x.shape.slice(0, -2), ...window.count];
  const data = zeros(shape);
  eachOfPlanes(window, x.shape, (at, from) => (data[at]! += x.data[from]!));
  return { shape, data };
}

export function sumPoolGrad(window: Window, y: Tensor, shape: readonly number[]): Tensor {
  const data = zeros(shape);
  eachOfPlanes(window, shape, (at, from) => (data[from]! += y.data[at]!));
  return { shape, data };
}
