/** Functions of rows (the last axis): softmax, norms and losses. */
import { sameShape, ShapeError, show, sizeOf } from '../../core/shape.js';
import { reshape, same } from './rules.js';
import {
  everyOperand,
  firstOperand,
  noScalar,
  type Builder,
  type OpDefinition,
  type PadRule,
  type Rows,
} from './types.js';

/** The gradient of `softmaxGrad` in its first operand, along an axis that counts from the end. */
function sharesGradient<N>(g: Builder<N>, dy: N, inputs: readonly N[], axis: number): N {
  const [y, u] = inputs as [N, N];
  const shape = g.shape(y);
  const at = shape.length + axis;
  const kept = shape.map((n, i) => (i === at ? 1 : n));
  const dot = (a: N, b: N): N => reshape(g, g.op('sum', [g.op('mul', [a, b])], { axes: [at] }), kept);
  return g.op('sub', [g.op('mul', [dy, g.op('sub', [u, dot(y, u)])]), g.op('mul', [u, dot(y, dy)])]);
}

type SharesGrad = 'softmaxGrad' | 'softmaxColumnsGrad';

/** Softmax along the last axis, or down the columns of each matrix, whose arrays have two axes at least. */
function shares(grad: SharesGrad, rank: 1 | 2, pad: PadRule): OpDefinition {
  return {
    shape: ([x]) => {
      if (!x!.length) throw new ShapeError('a single number has no axis: give at least one');
      if (x!.length < rank) throw new ShapeError('an array without columns: give at least two axes');
      return x!;
    },
    gradient: ({ g, dy, output }) => g.op(grad, [output, dy]),
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'special' },
    batching: 'batched',
    placing: 'rows',
    scalar: noScalar,
    axes: 'broadcast',
    zero: 'never',
    pad,
    epilogue: 'none',
  };
}

/**
 * y (g - sum(y g)) along the axis of a softmax, counted from the end. The Jacobian is symmetric, so this is
 * its own gradient in g.
 */
function sharesGrad(grad: SharesGrad, axis: -1 | -2): OpDefinition {
  return {
    shape: same,
    gradient: ({ g, dy, inputs }, i) =>
      i === 1 ? g.op(grad, [inputs[0]!, dy]) : sharesGradient(g, dy, inputs, axis),
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'adds',
    scalar: noScalar,
    axes: 'broadcast',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  };
}

export const ROW_FUNCTIONS: Rows<
  | 'softmax'
  | 'softmaxGrad'
  | 'softmaxColumns'
  | 'softmaxColumnsGrad'
  | 'rmsNorm'
  | 'rmsNormGrad'
  | 'crossEntropy'
  | 'crossEntropyGrad'
> = {
  softmax: shares('softmaxGrad', 1, 'softmax'),
  softmaxGrad: sharesGrad('softmaxGrad', -1),
  softmaxColumns: shares('softmaxColumnsGrad', 2, 'none'),
  softmaxColumnsGrad: sharesGrad('softmaxColumnsGrad', -2),
  /** x / sqrt(scale sum(x²) + eps), row by row. */
  rmsNorm: {
    shape: ([x]) => {
      if (!x!.length) throw new ShapeError('a single number has no axis: give at least one');
      return x!;
    },
    gradient: ({ g, dy, inputs, output, attr }) => g.op('rmsNormGrad', [dy, inputs[0]!, output], attr),
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'rows',
    scalar: noScalar,
    axes: 'first',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  /**
   * Of u, x and rmsNorm(x): s u - scale s³ sum(u x) x with s = 1 / sqrt(scale sum(x²) + eps). The third
   * operand is there so that the s which rmsNorm has computed can be reused.
   */
  rmsNormGrad: {
    shape: same,
    gradient: ({ g, dy, inputs, attr }, i) => {
      const [u, x, y] = inputs as [(typeof inputs)[0], (typeof inputs)[0], (typeof inputs)[0]];
      if (i === 0) return g.op('rmsNormGrad', [dy, x, y], attr);
      const shape = g.shape(x);
      const axes = [shape.length - 1];
      const mul = (...factors: (typeof x)[]): typeof x => factors.reduce((a, b) => g.op('mul', [a, b]));
      const dot = (a: typeof x, b: typeof x): typeof x =>
        reshape(g, g.op('sum', [mul(a, b)], { axes }), [...shape.slice(0, -1), 1]);
      const scale = g.constant(attr.scale!);
      const squares = g.op('add', [mul(dot(x, x), scale), g.constant(attr.eps!)]);
      const power = (exponent: number): typeof x => g.op('pow', [squares], { exponent });
      const [xu, xv, uv] = [dot(x, u), dot(x, dy), dot(u, dy)];
      const cubic = g.op('add', [mul(uv, x), g.op('add', [mul(xv, u), mul(xu, dy)])]);
      const quintic = mul(g.constant(3), scale, power(-2.5), xu, xv);
      return mul(scale, g.op('sub', [mul(quintic, x), mul(power(-1.5), cubic)]));
    },
    reaches: (i) => i < 2,
    isInteger: false,
    index: 'none',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'adds',
    scalar: noScalar,
    axes: 'broadcast',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  /** -log(softmax(x)[target]) of a vector, or of each row of a matrix; the targets are the last operand. */
  crossEntropy: {
    shape: ([x, target]) => {
      if ((x!.length !== 1 && x!.length !== 2) || !sameShape(x!.slice(0, -1), target!)) {
        throw new ShapeError(
          `${show(x!)} with targets ${show(target!)}: expected a vector and one index, or a matrix ` +
            'and one index per row',
        );
      }
      if (x!.at(-1) === 0 && sizeOf(target!) > 0)
        throw new ShapeError(`${show(x!)} has no classes, so no target is valid`);
      return target!;
    },
    gradient: ({ g, dy, inputs, output }) => g.op('crossEntropyGrad', [dy, inputs[0]!, output, inputs[1]!]),
    reaches: firstOperand,
    isInteger: false,
    index: 'classes',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'own',
    scalar: noScalar,
    axes: 'losses',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  /** Of u, x, crossEntropy(x, target) and target: u (softmax(x) - onehot(target)), row by row. */
  crossEntropyGrad: {
    shape: ([, x]) => x!,
    gradient: ({ g, dy, inputs }, i) => {
      const [u, x, y, target] = inputs as [
        (typeof inputs)[0],
        (typeof inputs)[0],
        (typeof inputs)[0],
        (typeof inputs)[0],
      ];
      const shape = g.shape(x);
      const column = [...shape.slice(0, -1), 1];
      if (i === 0) {
        const one = g.op('broadcastTo', [g.constant(1)], { shape: g.shape(u) });
        const slope = g.op('crossEntropyGrad', [one, x, y, target]);
        return g.op('sum', [g.op('mul', [dy, slope])], { axes: [shape.length - 1] });
      }
      const weighted = g.op('mul', [dy, reshape(g, u, column)]);
      return g.op('softmaxGrad', [g.op('softmax', [x]), weighted]);
    },
    reaches: (i) => i < 2,
    isInteger: false,
    index: 'anything',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'adds',
    scalar: noScalar,
    axes: 'lossGradient',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
};
