/** Reductions: sums, maxima, and the indices of maxima. */
import { shown } from '../../core/check.js';
import { resolveAxis, sameShape, ShapeError, show, sizeOf } from '../../core/shape.js';
import { checkSingle, goneAxes, keptShape, orNaN, reshape } from './rules.js';
import { everyOperand, noGradient, noOperand, noScalar, scalar, type Rows } from './types.js';

export const REDUCTIONS: Rows<'sum' | 'addN' | 'max' | 'cumsum' | 'argmax' | 'topk'> = {
  /** The sum over `axes` (all when absent), which are removed. */
  sum: {
    shape: ([x], attr) => [goneAxes(x!, attr)].flatMap((gone) => x!.filter((_, i) => !gone.has(i))),
    gradient: ({ g, dy, inputs, attr }) => {
      const x = g.shape(inputs[0]!);
      const kept = reshape(g, dy, keptShape(x, goneAxes(x, attr)));
      return g.op('broadcastTo', [kept], { shape: x });
    },
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'special' },
    batching: 'batched',
    placing: 'adds',
    scalar: scalar('copy'),
    axes: 'withoutAxes',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  /**
   * The sum of any number of operands of one shape. With `prefix`, the sum of the first n; the last operand,
   * an index, is n.
   */
  addN: {
    shape: (inputs, { prefix }) => {
      const terms = prefix ? inputs.slice(0, -1) : inputs;
      const first = terms[0];
      if (!first) throw new ShapeError('there are no operands: give at least one');
      const odd = terms.find((shape) => !sameShape(shape, first));
      if (odd) throw new ShapeError(`shapes ${show(first)} and ${show(odd)}: all must be equal`);
      if (prefix) checkSingle(inputs.at(-1)!);
      return first;
    },
    gradient: ({ dy }) => dy,
    reaches: everyOperand,
    isInteger: false,
    index: 'prefix',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'rows',
    scalar: { role: 'addN' },
    axes: 'broadcast',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  /**
   * The maximum over `axes` (all when absent), which are removed; ties share the gradient equally. Where the
   * maximum is NaN, all gradients of its axes are NaN.
   */
  max: {
    shape: ([x], attr) => {
      const gone = goneAxes(x!, attr);
      const shape = x!.filter((_, i) => !gone.has(i));
      if (sizeOf(x!) === 0 && sizeOf(shape) > 0)
        throw new ShapeError(`${show(x!)} is empty along the axes: there are no numbers to choose from`);
      return shape;
    },
    gradient: ({ g, dy, inputs, output, attr }) => {
      const [x] = inputs as [(typeof inputs)[0]];
      const gone = goneAxes(g.shape(x), attr);
      const kept = keptShape(g.shape(x), gone);
      const isLargest = g.op('eq', [x, reshape(g, output, kept)]);
      const ties = g.op('sum', [isLargest], { axes: [...gone] });
      const share = g.op('maskPositive', [reshape(g, g.op('div', [dy, ties]), kept), isLargest]);
      return orNaN(g, share, reshape(g, output, kept));
    },
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'own',
    scalar: scalar('copy'),
    axes: 'withoutAxes',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  /**
   * The running sum along an axis, up to and including each element; with `reverse`, from each element to the
   * end.
   */
  cumsum: {
    shape: ([x], { axis }) => {
      resolveAxis(axis!, x!);
      return x!;
    },
    gradient: ({ g, dy, attr }) => g.op('cumsum', [dy], { ...attr, reverse: !attr.reverse }),
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'own',
    scalar: noScalar,
    axes: 'broadcast',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  /** The index of the maximum along an axis, which is removed; a tie goes to the lower index. */
  argmax: {
    shape: ([x], { axis }) => {
      const at = resolveAxis(axis!, x!);
      if (x![at] === 0)
        throw new ShapeError(`axis ${axis} of ${show(x!)} is empty: it has no largest number`);
      return x!.filter((_, i) => i !== at);
    },
    gradient: noGradient,
    reaches: noOperand,
    isInteger: true,
    index: 'none',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'own',
    scalar: noScalar,
    axes: 'withoutAxis',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  /** The indices of the k largest numbers of each row of the last axis, in descending order. */
  topk: {
    shape: ([x], { k }) => {
      const n = x![resolveAxis(-1, x!)]!;
      if (n === 0) throw new ShapeError(`k ${shown(k)} of 0 numbers: there are none to take from`);
      if (!Number.isInteger(k) || k! < 1 || k! > n)
        throw new ShapeError(`k ${shown(k)} of ${n} numbers: expected an integer from 1 to ${n}`);
      return [...x!.slice(0, -1), k!];
    },
    gradient: noGradient,
    reaches: noOperand,
    isInteger: true,
    index: 'none',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'own',
    scalar: noScalar,
    axes: 'rows',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
};
