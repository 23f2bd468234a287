/** Integers of the graph: `Index`es, which are fed, or found by an operator. */
import { Node, refused, operationOf, resultShape } from '../graph/node.js';
import type { OpName, Attr } from '../graph/ops.js';
import { shown } from '../core/check.js';

export function checkIndexOperand(
  op: string,
  x: Node,
  given: unknown,
  expected = 'an Index',
): asserts given is Index {
  if (!(given instanceof Index))
    throw refused(TypeError, op, [x], `the index is ${shown(given)}, expected ${expected}`);
}

/** Makes the Index that is an operator's result. */
export function makeIndex(op: OpName, x: Node, attr: Attr): Index {
  return new Index(operationOf(op, attr, resultShape(op, [x], attr)), x);
}

/** Integers in the graph: fed, or computed by `topk` or `argmax`. */
export class Index extends Node {
  /**
   * Element i of a vector of indices.
   *
   * @throws RangeError when there is no such element
   */
  at(i: number): Index {
    const n = this.shape[0];
    if (n === undefined || !Number.isInteger(i) || i < 0 || i >= n) {
      const expected =
        n === undefined
          ? 'it is a single integer'
          : n === 0
            ? 'it has none'
            : `expected an element from 0 to ${n - 1}`;
      const last =
        n !== undefined && Number.isInteger(i) && i < 0 && -i <= n
          ? `; counted from the end it is at(${n + i})`
          : '';
      throw new RangeError(`at(${shown(i)}) of ${this.label}: no such element: ${expected}${last}`);
    }
    return makeIndex('element', this, { start: i });
  }
  /**
   * Integers cannot be read, only used as indices.
   *
   * @throws TypeError always
   * @hidden
   */
  get data(): never {
    return this.refuseReading();
  }
  /** @hidden */
  get grad(): never {
    return this.refuseReading();
  }
  /** @hidden */
  forward(): never {
    return this.refuseReading();
  }
  private refuseReading(): never {
    throw new TypeError(
      `${this.label} holds integers, which cannot be read and have no gradient. To read them as ` +
        'numbers, use them to gather from 0, 1, 2, ..., as in parameter([0, 1, ' +
        '2]).gather(index).forward()',
    );
  }
  /** Integers stay inside the program. */
  override peek(): undefined {
    return undefined;
  }
}
