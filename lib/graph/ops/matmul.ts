/** Matrix products, of whole matrices or of rows picked by indices. */
import { broadcast, ShapeError, show, type Shape } from '../../core/shape.js';
import { reshape, sumTo, swapLast } from './rules.js';
import type { GradientContext } from './types.js';
import { noScalar, type Rows } from './types.js';

function matmulShape([a, b]: readonly Shape[]): Shape {
  if (!a!.length || !b!.length) throw new ShapeError('a single number has no axis to contract: use mul');
  const k = a![a!.length - 1]!;
  const rows = b!.length > 1 ? b![b!.length - 2]! : b![0]!;
  if (k !== rows) {
    throw new ShapeError(
      `the last axis of the left (${k}) must equal the first matrix axis of the right (${rows})`,
    );
  }
  const batch = broadcast(a!.slice(0, -2), b!.slice(0, -2));
  return [
    ...batch,
    ...(a!.length > 1 ? [a![a!.length - 2]!] : []),
    ...(b!.length > 1 ? [b![b!.length - 1]!] : []),
  ];
}

/** dA = dY Bᵀ, dB = Aᵀ dY. A vector counts as a matrix of one row (left) or one column (right). */
function matmulGradient<N>(c: GradientContext<N>, i: number): N {
  const { g, dy } = c;
  const [a, b] = c.inputs as [N, N];
  const shapeA = g.shape(a);
  const shapeB = g.shape(b);
  const vectorA = shapeA.length === 1;
  const vectorB = shapeB.length === 1;
  if (vectorA && vectorB) return g.op('mul', [dy, i === 0 ? b : a]);
  const k = shapeA[shapeA.length - 1]!;
  if (vectorA && shapeB.length === 2) {
    const n = shapeB[1]!;
    if (i === 0) return g.op('matmul', [dy, swapLast(g, b)]);
    return g.op('matmul', [reshape(g, a, [k, 1]), reshape(g, dy, [1, n])]);
  }
  if (vectorB && shapeA.length === 2) {
    const m = shapeA[0]!;
    if (i === 1) return g.op('matmul', [dy, a]);
    return g.op('matmul', [reshape(g, dy, [m, 1]), reshape(g, b, [1, k])]);
  }
  const matrixA = vectorA ? reshape(g, a, [1, k]) : a;
  const matrixB = vectorB ? reshape(g, b, [k, 1]) : b;
  const outA = g.shape(matrixA);
  const outB = g.shape(matrixB);
  const batch = broadcast(outA.slice(0, -2), outB.slice(0, -2));
  const dyMatrix = reshape(g, dy, [...batch, outA[outA.length - 2]!, outB[outB.length - 1]!]);
  const grad =
    i === 0
      ? g.op('matmul', [dyMatrix, swapLast(g, matrixB)])
      : g.op('matmul', [swapLast(g, matrixA), dyMatrix]);
  return reshape(g, sumTo(g, grad, i === 0 ? outA : outB), i === 0 ? shapeA : shapeB);
}

export const PRODUCTS: Rows<'matmul' | 'gatherMatmul' | 'gatherDot' | 'scatterOuter'> = {
  matmul: {
    shape: matmulShape,
    gradient: matmulGradient,
    isInteger: false,
    index: 'none',
    lower: { kind: 'special' },
    batching: 'batched',
    placing: 'adds',
    scalar: noScalar,
    axes: 'product',
    zero: 'any',
    pad: 'product',
    epilogue: 'takes',
  },
  /** The sum of x[i] M[i] over the indices i: x.gather(index) @ M.gather(index), without the copies. */
  gatherMatmul: {
    shape: ([x, m, index]) => {
      if (x!.length !== 1 || m!.length !== 2 || index!.length !== 1 || x![0] !== m![0]) {
        throw new ShapeError(
          `${show(x!)}, ${show(m!)} and indices ${show(index!)}: expected [n], [n, m] and a vector of ` +
            'indices',
        );
      }
      return [m![1]!];
    },
    gradient: ({ g, dy, inputs }, i) => {
      const [x, m, index] = inputs as [(typeof inputs)[0], (typeof inputs)[0], (typeof inputs)[0]];
      if (i === 0) return g.op('gatherDot', [m, dy, index]);
      return i === 1 ? g.op('scatterOuter', [x, dy, index], { shape: g.shape(m) }) : null;
    },
    isInteger: false,
    index: 'rows',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'adds',
    scalar: noScalar,
    axes: 'none',
    zero: 'never',
    pad: 'none',
    epilogue: 'takes',
  },
  /** Of M, g and indices: zeros, with M[i] . g added at each index i. */
  gatherDot: {
    shape: ([m]) => [m![0]!],
    gradient: ({ g, dy, inputs }, i) => {
      const [m, v, index] = inputs as [(typeof inputs)[0], (typeof inputs)[0], (typeof inputs)[0]];
      if (i === 0) return g.op('scatterOuter', [dy, v, index], { shape: g.shape(m) });
      return i === 1 ? g.op('gatherMatmul', [dy, m, index]) : null;
    },
    isInteger: false,
    index: 'anything',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'adds',
    scalar: noScalar,
    axes: 'none',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  /** Of x, g and indices: zeros in a matrix's shape, with x[i] g added to row i at each index i. */
  scatterOuter: {
    shape: (_, { shape }) => shape!,
    gradient: ({ g, dy, inputs }, i) => {
      const [x, v, index] = inputs as [(typeof inputs)[0], (typeof inputs)[0], (typeof inputs)[0]];
      if (i === 0) return g.op('gatherDot', [dy, v, index]);
      return i === 1 ? g.op('gatherMatmul', [x, dy, index]) : null;
    },
    isInteger: false,
    index: 'anything',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'adds',
    scalar: noScalar,
    axes: 'none',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
};
