/** Integers of the graph: `Index`es, which are fed, fixed, or found by an operator. */
import { checkName, composed, Node, refused, operationOf, resultShape } from '../graph/node.js';
import { NO_ATTR, type Attr, type OpName } from '../graph/ops.js';
import { flatten } from '../graph/flatten.js';
import { checkArguments, checkBoolean, checkOptions, isList, shown, type Known } from '../core/check.js';
import type { Numbers } from '../core/array.js';
import {
  contiguousStrides,
  listedShape,
  sameShape,
  SCALAR,
  ShapeError,
  show,
  sizeOf,
  type Shape,
} from '../core/shape.js';
import { wholeShape } from './axes.js';

/** What stands for an index: an `Index`, or fixed integers, flat or nested. */
export type Indices = Index | Numbers;

/** Makes the Index that is an operator's result. */
export function makeIndex(op: OpName, x: Node, attr: Attr): Index {
  return new Index(operationOf(op, attr, resultShape(op, [x], attr)), x);
}

function fixed(integers: Int32Array, shape: Shape): Index {
  return new Index(operationOf('integers', { shape, integers }, shape));
}

/** The number of the training step. */
export function stepIndex(): Index {
  return new Index(operationOf('step', NO_ATTR, SCALAR));
}

/** Where an entry of an array lies, for errors; nothing of a single one. */
function placeIn(shape: Shape, at: number): string {
  if (shape.length === 0) return '';
  return ` at [${shape.map((n, i) => Math.floor(at / sizeOf(shape.slice(i + 1))) % n).join(', ')}]`;
}

/** Options of {@link constantIndex}. */
export interface IndexOptions {
  /** The name in errors and drawings. */
  name?: string;
  /** The shape of a flat array. */
  shape?: Shape;
}

const INDEX_OPTIONS: Known<IndexOptions> = { name: true, shape: true };

/**
 * Fixed integers, in the shape of the nested arrays or in the given shape of a flat array. Negative ones
 * count from the end of what they pick from. Operators that take an index accept arrays of integers too.
 *
 * @throws ShapeError when nested arrays are ragged, or the integers do not fill the shape
 * @throws TypeError when there is anything but integers
 */
export function constantIndex(integers: Numbers, options: IndexOptions = {}): Index {
  checkArguments('constantIndex', arguments, 2);
  checkOptions('constantIndex', options, INDEX_OPTIONS);
  const { name, shape } = options;
  if (name !== undefined) checkName('constantIndex', name);
  const made = composed('constantIndex', [], () => integersOf(integers, shape));
  if (name !== undefined) made.name = name;
  return made;
}

function integersOf(given: Numbers, as?: Shape): Index {
  const { data, shape: found } = flatten(given);
  const odd = data.findIndex((x) => (x | 0) !== x);
  if (odd >= 0)
    throw new ShapeError(`${data[odd]!}${placeIn(found, odd)}: expected an integer of at most 31 bits`);
  const shape = as === undefined ? found : listedShape(as);
  if (sizeOf(shape) !== data.length || (found.length > 1 && !sameShape(found, shape)))
    throw new ShapeError(`integers of shape ${show(found)} do not fill shape ${show(shape)}`);
  return fixed(Int32Array.from(data), shape);
}

/**
 * The Index that is given to an operator which picks from `x`, by itself or as integers. Negative ones among
 * fixed integers are counted from the end.
 *
 * @param n how many entries there are to pick from
 * @throws ShapeError where a fixed integer names none of them
 */
export function indexFor(
  op: string,
  x: Node | undefined,
  given: unknown,
  n: number,
  expected = 'an Index',
): Index {
  const isGiven = given instanceof Index;
  if (!isGiven && typeof given !== 'number' && !isList(given) && !ArrayBuffer.isView(given))
    throw refused(TypeError, op, [x], `the index is ${shown(given)}, expected ${expected}, or integers`);
  const index = isGiven ? given : composed(op, [x], () => integersOf(given as Numbers));
  const { integers } = index.attr;
  if (!integers) return index;
  const bad = integers.findIndex((i) => i < -n || i >= n);
  if (bad >= 0)
    throw refused(
      ShapeError,
      op,
      [x],
      `index ${integers[bad]!}${placeIn(index.shape, bad)}: ` +
        (n > 0
          ? `expected an integer from ${-n} to ${n - 1}`
          : x?.shape.length === 0
            ? 'a single number has no entries to pick from'
            : 'there is nothing to pick from'),
    );
  return integers.some((i) => i < 0)
    ? fixed(
        integers.map((i) => (i < 0 ? i + n : i)),
        index.shape,
      )
    : index;
}

/** What {@link Value.topk} takes. */
export interface TopkOptions {
  /** The axis, by default the last. */
  axis?: number;
  /** Whether the largest numbers are looked for, or else the smallest; true by default. */
  largest?: boolean;
}

const TOPK_OPTIONS: Known<TopkOptions> = { axis: true, largest: true };

/** The options of `topk`, checked. */
export function topkOf(x: Node, options: TopkOptions): Required<TopkOptions> {
  const who = `topk of ${x.label}`;
  checkOptions(who, options, TOPK_OPTIONS);
  const { axis = -1, largest = true } = options;
  checkBoolean(`${who}: largest`, largest);
  return { axis, largest };
}

/** The index whose axis i is axis `axes[i]` of another. */
export function turnedIndex(base: Index, axes: readonly number[]): Index {
  const shape = axes.map((axis) => base.shape[axis]!);
  const turned = makeIndex('elements', base, { start: 0, stop: sizeOf(shape), shape });
  turned.turned = { base, axes };
  return turned;
}

/**
 * The index whose axis i is axis `axes[i]` of this one; undefined where its integers would have to be moved.
 */
export function straightened(index: Index, axes: readonly number[]): Index | undefined {
  const { integers } = index.attr;
  const { turned, shape } = index;
  const order = turned ? axes.map((axis) => turned.axes[axis]!) : axes;
  if (order.every((axis, i) => axis === i)) return turned?.base ?? index;
  if (!integers) return undefined;
  const steps = contiguousStrides(shape);
  const as = axes.map((axis) => shape[axis]!);
  const place = contiguousStrides(as);
  const moved = integers.map((_, at) => {
    const from = as.reduce((sum, n, i) => sum + (Math.floor(at / place[i]!) % n) * steps[axes[i]!]!, 0);
    return integers[from]!;
  });
  return fixed(moved, as);
}

/** Integers in the graph: fed, fixed, or computed by `topk`, `argmax` or `argmin`. */
export class Index extends Node {
  /**
   * Set where its integers lie in the order of other axes: those of `base`, whose axis `axes[i]` is axis i of
   * this. Programs know the base alone.
   *
   * @hidden
   */
  turned: { readonly base: Index; readonly axes: readonly number[] } | undefined;

  /**
   * Element i of a vector of indices, or entry i of the first axis of others; from -1 back, counted from the
   * end.
   *
   * @throws RangeError when there is no such element
   */
  at(i: number): Index {
    const n = this.shape[0];
    if (n === undefined || !Number.isInteger(i) || i < -n || i >= n) {
      const expected =
        n === undefined
          ? 'it is a single integer'
          : n === 0
            ? 'it has none'
            : `expected an element from ${-n} to ${n - 1}`;
      throw new RangeError(`at(${shown(i)}) of ${this.label}: no such element: ${expected}`);
    }
    const from = i < 0 ? i + n : i;
    if (this.shape.length === 1 && !this.attr.integers)
      return makeIndex('element', this.straight('at'), { start: from });
    return this.range('at', from, from + 1, this.shape.slice(1));
  }
  /**
   * The entries [start, stop) of the first axis; negative bounds count from the end, and without a stop it is
   * the end.
   *
   * @throws ShapeError when there are no such entries
   */
  slice(start = 0, stop?: number): Index {
    const n = this.shape[0];
    if (n === undefined) throw refused(ShapeError, 'slice', [this], 'it is a single integer');
    const [from, to] = [start, stop ?? n].map((bound) =>
      Number.isInteger(bound) && bound < 0 ? bound + n : bound,
    ) as [number, number];
    const fits = Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= n;
    if (!fits)
      throw refused(
        ShapeError,
        'slice',
        [this],
        `from ${shown(start)} to before ${shown(stop ?? n)}: expected integers from ${-n} to ` +
          `${n}, start at most stop`,
      );
    return this.range('slice', from, to, [to - from, ...this.shape.slice(1)]);
  }
  /**
   * The same integers, row-major, in another shape of the same size; one length may be -1, to be inferred.
   */
  reshape(shape: Shape): Index {
    const as = wholeShape(shape, this);
    if (sizeOf(as) !== sizeOf(this.shape))
      throw refused(
        ShapeError,
        'reshape',
        [this],
        `to ${show(as)}: ${sizeOf(this.shape)} integers against ${sizeOf(as)}`,
      );
    const { integers } = this.attr;
    if (integers) return fixed(integers, as);
    return makeIndex('elements', this.straight('reshape'), { start: 0, stop: sizeOf(as), shape: as });
  }
  /** Entries of the first axis, in a shape. */
  private range(op: string, from: number, to: number, shape: Shape): Index {
    const each = sizeOf(this.shape.slice(1));
    const { integers } = this.attr;
    if (integers) return fixed(integers.slice(from * each, to * each), shape);
    return makeIndex('elements', this.straight(op), { start: from * each, stop: to * each, shape });
  }
  /**
   * This, of which programs know.
   *
   * @throws TypeError where they do not
   * @hidden
   */
  straight(op: string): this {
    if (!this.turned) return this;
    throw refused(
      TypeError,
      op,
      [this],
      'it was found along an axis that is not the last: only whole indices of that kind can be used, in ' +
        'x.gather or x.takeAlongAxis; transpose x to find them along the last axis',
    );
  }
  /**
   * Integers are read by `forward`, and have no gradient.
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
  private refuseReading(): never {
    throw new TypeError(
      `${this.label} holds integers, which have no gradient and are not kept: forward(feeds) computes and ` +
        'returns them',
    );
  }
  /** Integers stay inside the program. */
  override peek(): undefined {
    return undefined;
  }
}
