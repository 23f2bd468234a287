/**
 * Convolutions and pooling: products with the windows that slide over images, their maxima and sums. Images
 * are the last two axes, y is one number for each window.
 *
 * The gradients of a convolution are convolutions: `conv` is linear in x and w, and its gradients
 * `convInput` and `convWeights` are linear in what they read, so that the three are each other's gradients.
 */
import type { Shape } from '../../core/shape.js';
import type { Window } from './window.js';
import { everyOperand, firstOperand, noScalar, type GradientContext, type Rows } from './types.js';

/** The shape of one number for each window, in place of an image. */
const pooled = ([x]: readonly Shape[], window: Window): Shape => [...x!.slice(0, -2), ...window.count];

/** The operators whose rows are alike but for shapes and gradients. */
const ROW = {
  isInteger: false,
  index: 'none',
  lower: { kind: 'special' },
  batching: 'single',
  scalar: noScalar,
  axes: 'none',
  pad: 'none',
  epilogue: 'none',
} as const;

/** An operator on the operands of a gradient rule, with the windows of its own. */
function op<N>(
  { g, attr }: GradientContext<N>,
  name: 'conv' | 'convInput' | 'convWeights' | 'maxPoolPick' | 'maxPoolGrad' | 'sumPool' | 'sumPoolGrad',
  inputs: readonly N[],
  shape?: Shape,
): N {
  return g.op(name, inputs, { window: attr.window!, ...(shape && { shape }) });
}

export const WINDOWS: Rows<
  'conv' | 'convInput' | 'convWeights' | 'maxPool' | 'maxPoolPick' | 'maxPoolGrad' | 'sumPool' | 'sumPoolGrad'
> = {
  /** Of x [N, C, H, W] and w [O, C / groups, h, w]: y [N, O, ...count], the products of windows with w. */
  conv: {
    ...ROW,
    shape: ([x, w], { window }) => [x![0]!, w![0]!, ...window!.count],
    gradient: (c, i) => {
      const [x, w] = c.inputs as [(typeof c.inputs)[0], (typeof c.inputs)[0]];
      if (i === 0) return op(c, 'convInput', [c.dy, w], c.g.shape(x));
      return op(c, 'convWeights', [x, c.dy], c.g.shape(w));
    },
    reaches: everyOperand,
    placing: 'addsDense',
    zero: 'any',
  },
  /** Of y and w: x, with w times each number of y added to its window. */
  convInput: {
    ...ROW,
    shape: (_, { shape }) => shape!,
    gradient: (c, i) => {
      const [y, w] = c.inputs as [(typeof c.inputs)[0], (typeof c.inputs)[0]];
      if (i === 0) return op(c, 'conv', [c.dy, w]);
      return op(c, 'convWeights', [c.dy, y], c.g.shape(w));
    },
    reaches: everyOperand,
    placing: 'addsDense',
    zero: 'any',
  },
  /** Of x and y: w, the sum of each number of y times its window. */
  convWeights: {
    ...ROW,
    shape: (_, { shape }) => shape!,
    gradient: (c, i) => {
      const [x, y] = c.inputs as [(typeof c.inputs)[0], (typeof c.inputs)[0]];
      if (i === 0) return op(c, 'convInput', [y, c.dy], c.g.shape(x));
      return op(c, 'conv', [x, c.dy]);
    },
    reaches: everyOperand,
    placing: 'addsDense',
    zero: 'any',
  },
  /** The largest number of each window; of equal ones the first gets the gradient, of NaNs the last. */
  maxPool: {
    ...ROW,
    shape: (shapes, { window }) => pooled(shapes, window!),
    gradient: (c) => op(c, 'maxPoolGrad', [c.dy, c.inputs[0]!], c.g.shape(c.inputs[0]!)),
    reaches: everyOperand,
    placing: 'dense',
    zero: 'first',
  },
  /** Of u and x: the number of u where the largest of each window of x lies. */
  maxPoolPick: {
    ...ROW,
    shape: (shapes, { window }) => pooled(shapes, window!),
    gradient: (c) => op(c, 'maxPoolGrad', [c.dy, c.inputs[1]!], c.g.shape(c.inputs[1]!)),
    reaches: firstOperand,
    placing: 'dense',
    zero: 'first',
  },
  /** Of y and x: zeros, with each number of y added where the largest of its window of x lies. */
  maxPoolGrad: {
    ...ROW,
    shape: (_, { shape }) => shape!,
    gradient: (c) => op(c, 'maxPoolPick', [c.dy, c.inputs[1]!]),
    reaches: firstOperand,
    placing: 'dense',
    zero: 'first',
  },
  /** The sum of each window. */
  sumPool: {
    ...ROW,
    shape: (shapes, { window }) => pooled(shapes, window!),
    gradient: (c) => op(c, 'sumPoolGrad', [c.dy], c.g.shape(c.inputs[0]!)),
    reaches: everyOperand,
    placing: 'dense',
    zero: 'first',
  },
  /** Zeros, with each number of y added to all numbers of its window. */
  sumPoolGrad: {
    ...ROW,
    shape: (_, { shape }) => shape!,
    gradient: (c) => op(c, 'sumPool', [c.dy]),
    reaches: everyOperand,
    placing: 'dense',
    zero: 'first',
  },
};
