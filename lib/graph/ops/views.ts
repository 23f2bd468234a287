/** Operators that only reshape or reorder numbers, and joins of several operands. */
import { shown } from '../../core/check.js';
import { broadcast, resolveAxis, sameShape, ShapeError, show, sizeOf, type Shape } from '../../core/shape.js';
import { elementwise } from './elementwise.js';
import { reshape, same } from './rules.js';
import { everyOperand, noGradient, noOperand, noScalar, scalar, type Rows } from './types.js';

/**
 * Where each operand of a concat ends along its axis, by operand list, so that all gradients share one sum.
 */
const joinEnds = new WeakMap<readonly unknown[], readonly number[]>();

function checkPermutation(axes: readonly number[], x: Shape): void {
  const seen = new Set(axes.map((axis) => resolveAxis(axis, x)));
  if (seen.size !== x.length || axes.length !== x.length) {
    throw new ShapeError(`axes ${show(axes)}: expected each of ${x.length} axes once`);
  }
}

export const VIEWS: Rows<
  'detach' | 'reshape' | 'transpose' | 'broadcastTo' | 'slice' | 'pad' | 'concat' | 'stack'
> = {
  detach: {
    shape: same,
    gradient: noGradient,
    reaches: noOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'view' },
    batching: 'view',
    placing: 'own',
    scalar: scalar('copy'),
    axes: 'broadcast',
    zero: 'first',
    pad: 'none',
    epilogue: 'none',
  },
  reshape: {
    shape: ([x], { shape }) => {
      if (sizeOf(x!) !== sizeOf(shape!)) {
        throw new ShapeError(`to ${show(shape!)}: ${sizeOf(x!)} numbers against ${sizeOf(shape!)}`);
      }
      return shape!;
    },
    gradient: ({ g, dy, inputs }) => reshape(g, dy, g.shape(inputs[0]!)),
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'view' },
    batching: 'view',
    placing: 'own',
    scalar: scalar('copy'),
    axes: 'reshaped',
    zero: 'first',
    pad: 'none',
    epilogue: 'none',
  },
  transpose: {
    shape: ([x], { axes }) => {
      checkPermutation(axes!, x!);
      return axes!.map((axis) => x![axis]!);
    },
    gradient: ({ g, dy, attr }) => {
      const inverse = new Array<number>(attr.axes!.length);
      attr.axes!.forEach((axis, i) => (inverse[axis] = i));
      return g.op('transpose', [dy], { axes: inverse });
    },
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'view' },
    batching: 'view',
    placing: 'own',
    scalar: noScalar,
    axes: 'transposed',
    zero: 'first',
    pad: 'none',
    epilogue: 'none',
  },
  broadcastTo: {
    shape: ([x], { shape }) => {
      if (!sameShape(broadcast(x!, shape!), shape!)) {
        throw new ShapeError(`${show(x!)} does not broadcast to ${show(shape!)}`);
      }
      return shape!;
    },
    gradient: (c) => elementwise(c, 0, c.dy),
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'view' },
    batching: 'view',
    placing: 'own',
    scalar: scalar('copy'),
    axes: 'broadcast',
    zero: 'first',
    pad: 'none',
    epilogue: 'none',
  },
  /** The range [start, stop) of an axis. */
  slice: {
    shape: ([x], { axis, start, stop }) => {
      const at = resolveAxis(axis!, x!);
      if (
        !Number.isInteger(start) ||
        !Number.isInteger(stop) ||
        start! < 0 ||
        stop! < start! ||
        stop! > x![at]!
      ) {
        throw new ShapeError(
          `from ${shown(start)} to before ${shown(stop)} in axis ${axis} of ${show(x!)}: expected ` +
            `integers from ${-x![at]!} to ${x![at]!}, start at most stop`,
        );
      }
      return x!.map((n, i) => (i === at ? stop! - start! : n));
    },
    gradient: ({ g, dy, inputs, attr }) =>
      g.op('pad', [dy], { axis: attr.axis, start: attr.start, shape: g.shape(inputs[0]!) }),
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'view' },
    batching: 'view',
    placing: 'own',
    scalar: noScalar,
    axes: 'sliced',
    zero: 'first',
    pad: 'slice',
    epilogue: 'none',
  },
  /** Zeros of a shape, with the operand at `start` of an axis: the gradient of slice. */
  pad: {
    shape: (_, { shape }) => shape!,
    gradient: ({ g, dy, inputs, attr }) =>
      g.op('slice', [dy], {
        axis: attr.axis,
        start: attr.start,
        stop: attr.start! + g.shape(inputs[0]!)[attr.axis!]!,
      }),
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'special' },
    batching: 'single',
    placing: 'dense',
    scalar: noScalar,
    axes: 'padded',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  concat: {
    shape: (inputs, { axis }) => {
      const first = inputs[0];
      if (!first) throw new ShapeError('there are no operands: give at least one');
      const at = resolveAxis(axis!, first);
      for (const shape of inputs) {
        if (shape.length !== first.length || shape.some((n, i) => i !== at && n !== first[i])) {
          throw new ShapeError(
            `shapes ${show(first)} and ${show(shape)} along axis ${axis}: the other axes must be equal`,
          );
        }
      }
      return first.map((n, i) => (i === at ? inputs.reduce((sum, s) => sum + s[at]!, 0) : n));
    },
    gradient: ({ g, dy, inputs, attr }, i) => {
      const at = resolveAxis(attr.axis!, g.shape(inputs[0]!));
      let ends = joinEnds.get(inputs);
      if (!ends) {
        let end = 0;
        ends = inputs.map((input) => (end += g.shape(input)[at]!));
        joinEnds.set(inputs, ends);
      }
      return g.op('slice', [dy], { axis: at, start: i ? ends[i - 1]! : 0, stop: ends[i]! });
    },
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'join' },
    batching: 'view',
    placing: 'own',
    scalar: noScalar,
    axes: 'joined',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
  /** Stacks operands of one shape along a new first axis. */
  stack: {
    shape: (inputs) => {
      const first = inputs[0];
      if (!first) throw new ShapeError('there are no operands: give at least one');
      const odd = inputs.find((shape) => !sameShape(shape, first));
      if (odd) throw new ShapeError(`shapes ${show(first)} and ${show(odd)}: all must be equal`);
      return [inputs.length, ...first];
    },
    gradient: ({ g, dy, inputs }, i) =>
      reshape(g, g.op('slice', [dy], { axis: 0, start: i, stop: i + 1 }), g.shape(inputs[i]!)),
    reaches: everyOperand,
    isInteger: false,
    index: 'none',
    lower: { kind: 'join' },
    batching: 'view',
    placing: 'own',
    scalar: noScalar,
    axes: 'stacked',
    zero: 'never',
    pad: 'none',
    epilogue: 'none',
  },
};
