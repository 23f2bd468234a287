/** Picking by index along an axis, and its opposite, adding by index. */
import { checkArguments, checkInteger } from '../core/check.js';
import { resolveAxis, sameShape, ShapeError, show, sizeOf, type Shape } from '../core/shape.js';
import { composed, writtenAs } from '../graph/node.js';
import { indexFor, straightened, type Index, type Indices } from './indices.js';
import { checkValue, constant, makeValue, type Value } from './value.js';

/**
 * Numbers picked along an axis, by default the last, by indices of their own for each place of the other
 * axes: `y[i][j] = x[i][indices[i][j]]` for a matrix. The indices have x's shape, but for the axis. A number
 * that is picked twice gets the sum of both gradients. Fixed indices below 0 count from the end. What `topk`
 * and `argmax` find along an axis picks along the same axis.
 *
 * Fed indices along another axis than the last repeat x as often as the axis of the indices is long.
 *
 * @throws ShapeError where another axis of the indices differs from that of x
 */
export function takeAlongAxis(x: Value, indices: Indices, axis = -1): Value {
  checkArguments('takeAlongAxis', arguments, 3);
  checkValue('takeAlongAxis', 'x', x);
  const at = composed('takeAlongAxis', [x], () => resolveAxis(axis, x.shape));
  const n = x.shape[at]!;
  const index = indexFor('takeAlongAxis', x, indices, n);
  return composed('takeAlongAxis', [x, index], () => {
    const k = index.shape[at] ?? 0;
    if (index.shape.length !== x.shape.length || !sameShape(index.shape, x.shape.with(at, k)))
      throw new ShapeError(
        `indices of shape ${show(index.shape)} along axis ${at} of ${show(x.shape)}: the ` +
          'other axes must be equal',
      );
    const others = x.shape.map((_, i) => i).filter((i) => i !== at);
    const table = x.transpose([...others, at]);
    const own = straightened(index, [...others, at]);
    const lead = others.map((i) => x.shape[i]!);
    if (own) {
      const found = byRow(table.reshape([sizeOf(lead), n]), own.reshape([sizeOf(lead), k]));
      const back = x.shape.map((_, i) => (i === at ? others.length : i < at ? i : i - 1));
      return writtenAs('takeAlongAxis', found.reshape([...lead, k]).transpose(back));
    }
    // The indices lie in another order: each gets a row of its own.
    const rows = table.expandDims(at).broadcastTo([...index.shape, n]);
    const size = sizeOf(index.shape);
    return writtenAs(
      'takeAlongAxis',
      byRow(rows.reshape([size, n]), index.reshape([size])).reshape(index.shape),
    );
  });
}

/** The numbers of each row that its row of indices names. */
function byRow(x: Value, index: Index): Value {
  return makeValue('gather', [x, index], { batch: true });
}

/**
 * x, with `values` added at the entries of an axis (by default the first) that indices name: the opposite of
 * `gather`, which picks there. The axes of the indices stand in place of that axis in the shape of the
 * values, which broadcast to it. An entry that is named twice gets both. Fixed indices below 0 count from the
 * end.
 */
export function scatterAdd(x: Value, indices: Indices, values: Value | number, axis = 0): Value {
  checkArguments('scatterAdd', arguments, 4);
  checkValue('scatterAdd', 'x', x);
  const added = typeof values === 'number' ? constant(values) : values;
  checkValue('scatterAdd', 'the values', added);
  const at = composed('scatterAdd', [x], () => resolveAxis(axis, x.shape));
  const index = indexFor('scatterAdd', x, indices, x.shape[at]!).straight('scatterAdd');
  return composed('scatterAdd', [x, index, added], () => {
    const rank = index.shape.length;
    const whole = added.broadcastTo([...x.shape.slice(0, at), ...index.shape, ...x.shape.slice(at + 1)]);
    // The axis, and those of the indices, come first.
    const order = (first: number): number[] => [
      ...Array.from({ length: first }, (_, i) => at + i),
      ...Array.from({ length: at }, (_, i) => i),
      ...Array.from({ length: x.shape.length - at - 1 }, (_, i) => at + first + i),
    ];
    const shape: Shape = order(1).map((i) => x.shape[i]!);
    const sums = makeValue('scatterAdd', [whole.transpose(order(rank)), index], { shape });
    const back = order(1);
    return writtenAs('scatterAdd', x.add(sums.transpose(back.map((_, i) => back.indexOf(i)))));
  });
}

/**
 * For each index, `depth` numbers: 1 at the index, zeros elsewhere, along a new last axis. Fixed indices
 * below 0 count from the end.
 */
export function oneHot(indices: Indices, depth: number): Value {
  checkArguments('oneHot', arguments, 2);
  checkInteger('oneHot: depth', depth, 1);
  const index = indexFor('oneHot', undefined, indices, depth).straight('oneHot');
  return composed('oneHot', [index], () => {
    const size = sizeOf(index.shape);
    const ones = makeValue('broadcastTo', [constant(1)], { shape: [size] });
    const rows = makeValue('scatterAdd', [ones, index.reshape([size])], {
      shape: [size, depth],
      batch: true,
    });
    return writtenAs('oneHot', rows.reshape([...index.shape, depth]));
  });
}
