/** Rows for convolutions and pooling. */
import { makeValue, type Value } from '../../lib/value/value.js';
import type { OpName } from '../../lib/graph/ops.js';
import { input } from '../../lib/value/leaves.js';
import { type ConvOptions, conv2d, maxPool2d } from '../../lib/value/windows.js';
import type { Leaves } from './check.js';
import type { Row } from './elementwise-rows.js';

type WindowOp = Extract<
  OpName,
  'conv' | 'convInput' | 'convWeights' | 'maxPool' | 'maxPoolPick' | 'maxPoolGrad' | 'sumPool' | 'sumPoolGrad'
>;

/** Shapes of images and weights, and options of conv2d. */
export const CONVOLUTIONS: readonly (readonly [x: number[], w: number[], options: ConvOptions])[] = [
  [[1, 1, 1, 1], [1, 1, 1, 1], {}],
  [[2, 3, 5, 6], [4, 3, 3, 2], {}],
  [[2, 3, 4, 5], [4, 3, 1, 1], {}],
  [[2, 3, 5, 4], [2, 3, 1, 1], { stride: 2 }],
  [[1, 2, 5, 6], [3, 2, 3, 3], { padding: 1 }],
  [[1, 2, 4, 6], [3, 2, 3, 3], { padding: [2, 0] }],
  [[1, 1, 7, 8], [2, 1, 3, 3], { stride: [2, 3] }],
  [[2, 1, 7, 6], [2, 1, 3, 3], { stride: 2, padding: 1 }],
  [[1, 2, 7, 8], [2, 2, 3, 2], { dilation: [2, 3] }],
  [[1, 2, 6, 7], [2, 2, 3, 3], { stride: 2, padding: 3, dilation: 2 }],
  [[2, 4, 4, 5], [6, 2, 2, 3], { groups: 2 }],
  [[2, 4, 5, 4], [4, 1, 3, 3], { groups: 4, padding: 'same' }],
  [[1, 2, 5, 5], [3, 2, 2, 4], { padding: 'same' }],
  [[1, 1, 2, 3], [2, 1, 2, 3], { padding: 4 }],
  [[1, 2, 9, 10], [3, 2, 3, 3], { padding: 1 }],
  [[9, 2, 4, 4], [3, 2, 3, 3], { padding: 1 }],
  [[0, 2, 4, 4], [3, 2, 3, 3], {}],
  [[2, 0, 4, 4], [3, 0, 3, 3], {}],
  [[2, 2, 4, 4], [0, 2, 3, 3], {}],
];

const POOLS: readonly (readonly [
  x: number[],
  size: number | [number, number],
  options: { stride?: number | [number, number]; padding?: number | [number, number] },
])[] = [
  [[1, 1, 2, 2], 1, {}],
  [[2, 3, 4, 6], 2, {}],
  [[1, 2, 5, 7], [2, 3], {}],
  [[1, 2, 5, 7], 3, { stride: 2, padding: 1 }],
  [[1, 2, 5, 6], 3, { stride: 1 }],
  [[1, 2, 6, 7], [3, 2], { stride: [1, 3], padding: [1, 0] }],
  [[2, 1, 3, 9], [3, 4], { stride: 4, padding: [0, 2] }],
  [[0, 2, 4, 4], 2, {}],
];

/** The windows of a convolution, and the shape of its result. */
function ofConvolution(x: readonly number[], w: readonly number[], options: ConvOptions) {
  const y = conv2d(input('x', x), input('w', w), options);
  return { window: y.attr.window!, y: y.shape };
}
function ofPool([x, size, options]: (typeof POOLS)[number]) {
  const y = maxPool2d(input('x', x), size, options);
  return { window: y.attr.window!, y: y.shape };
}

const title = (given: readonly unknown[]): string => given.map((part) => JSON.stringify(part)).join(' ');
const convolutions = (
  build: (g: Leaves, x: number[], w: number[], of: ReturnType<typeof ofConvolution>) => Value,
): Row[] =>
  CONVOLUTIONS.map((given) => [
    title(given),
    (g) => build(g, given[0], given[1], ofConvolution(given[0], given[1], given[2])),
  ]);
const pools = (build: (g: Leaves, x: number[], of: ReturnType<typeof ofPool>) => Value): Row[] =>
  POOLS.map((given) => [title(given), (g) => build(g, given[0], ofPool(given))]);

export const WINDOWED: Readonly<Record<WindowOp, Row[]>> = {
  conv: convolutions((g, x, w, { window }) => makeValue('conv', [g.p(...x), g.p(...w)], { window })),
  convInput: convolutions((g, x, w, { window, y }) =>
    makeValue('convInput', [g.p(...y), g.p(...w)], { window, shape: x }),
  ),
  convWeights: convolutions((g, x, w, { window, y }) =>
    makeValue('convWeights', [g.p(...x), g.p(...y)], { window, shape: w }),
  ),
  maxPool: pools((g, x, { window }) => makeValue('maxPool', [g.p(...x)], { window })),
  maxPoolPick: pools(
    (g, x, { window }) =>
      [g.p(...x)].map((u) => makeValue('maxPoolPick', [g.p(...x), u.detach()], { window }).add(u.sum()))[0]!,
  ),
  maxPoolGrad: pools(
    (g, x, { window, y }) =>
      [g.p(...x)].map((u) =>
        makeValue('maxPoolGrad', [g.p(...y), u.detach()], { window, shape: x }).add(u.sum()),
      )[0]!,
  ),
  sumPool: pools((g, x, { window }) => makeValue('sumPool', [g.p(...x)], { window })),
  sumPoolGrad: pools((g, x, { window, y }) => makeValue('sumPoolGrad', [g.p(...y)], { window, shape: x })),
};
