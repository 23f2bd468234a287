/** Picking by integers, fed or computed (the last operand), and the gradients of picking. */
import { sameShape, ShapeError, show, sizeOf } from '../../core/shape.js';
import { checkSingle, same } from './rules.js';
import {
  everyOperand,
  firstOperand,
  noGradient,
  noOperand,
  noScalar,
  scalarLeaf,
  type Rows,
} from './types.js';

export const INDEXING: Rows<'element' | 'elements' | 'gather' | 'scatterAdd' | 'choose' | 'chooseGrad'> = {
  element: {
    shape: () => [],
    gradient: noGradient,
    reaches: noOperand,
    isInteger: true,
    index: 'anything',
    lower: { kind: 'special' },
    batching: 'view',
    placing: 'own',
    scalar: scalarLeaf,
    axes: 'none',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  /**
   * Elements [start, stop) of an array of indices, counted in row-major order; in a shape, if one is given.
   */
  elements: {
    shape: (_, { start, stop, shape }) => shape ?? [stop! - start!],
    gradient: noGradient,
    reaches: noOperand,
    isInteger: true,
    index: 'anything',
    lower: { kind: 'special' },
    batching: 'view',
    placing: 'own',
    scalar: noScalar,
    axes: 'elements',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  /**
   * Rows of the first axis. Result shape: the index's shape, then the rest of x's. With `batch`, row i of the
   * result is x[i].gather(index[i]).
   */
  gather: {
    shape: ([x, index], { batch }) => {
      if (!x!.length) throw new ShapeError('a single number has no axis: give at least one');
      const rows = x![batch ? 1 : 0];
      if (rows === 0 && sizeOf(index!) > 0)
        throw new ShapeError(
          `from ${show(x!)} by indices ${show(index!)}: there are no rows, so no index is valid`,
        );
      return [...index!, ...x!.slice(batch ? 2 : 1)];
    },
    gradient: ({ g, dy, inputs, attr }) =>
      g.op('scatterAdd', [dy, inputs[1]!], { shape: g.shape(inputs[0]!), batch: attr.batch }),
    reaches: firstOperand,
    isInteger: false,
    index: 'rows',
    lower: { kind: 'special' },
    batching: 'batched',
    placing: 'dense',
    scalar: noScalar,
    axes: 'gathered',
    zero: 'first',
    pad: 'none',
    epilogue: 'none',
  },
  /** Zeros of a shape, with rows added at the indices; a repeated index adds up. */
  scatterAdd: {
    shape: (_, { shape }) => shape!,
    gradient: ({ g, dy, inputs, attr }) => g.op('gather', [dy, inputs[1]!], { batch: attr.batch }),
    reaches: firstOperand,
    isInteger: false,
    index: 'resultRows',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'addsDense',
    scalar: noScalar,
    axes: 'scattered',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  /** One of several operands of one shape; the last operand, an index, says which. */
  choose: {
    shape: (inputs) => {
      const first = inputs[0]!;
      if (inputs.length < 2 || inputs.slice(0, -1).some((shape) => !sameShape(shape, first))) {
        const odd = inputs.slice(0, -1).find((shape) => !sameShape(shape, first));
        throw new ShapeError(
          odd
            ? `shapes ${show(first)} and ${show(odd)}: all must be equal`
            : 'there are no operands: give at least one',
        );
      }
      checkSingle(inputs.at(-1)!);
      return first;
    },
    gradient: ({ g, dy, inputs }, i) =>
      g.op('chooseGrad', [dy, inputs[inputs.length - 1]!], { choice: i, k: inputs.length - 1 }),
    reaches: everyOperand,
    isInteger: false,
    index: 'operands',
    lower: { kind: 'join' },
    batching: 'single',
    placing: 'dense',
    scalar: { role: 'choose' },
    axes: 'broadcast',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  /** The operand where the index, one of k, equals `choice`; zeros otherwise. */
  chooseGrad: {
    shape: same,
    gradient: ({ g, dy, inputs, attr }) => g.op('chooseGrad', [dy, inputs[1]!], attr),
    reaches: firstOperand,
    isInteger: false,
    index: 'anything',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'adds',
    scalar: { role: 'chooseGrad', adding: 'choose_grad' },
    axes: 'broadcast',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
};
