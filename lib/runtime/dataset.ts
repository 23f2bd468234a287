/** Datasets: many examples in one column per input, without an object for each example. */

import { types } from 'node:util';
import { clipped } from '../core/escape.js';
import { checkInteger, checkOptions, isPlain, namesIn, shown, type Known } from '../core/check.js';

/** The numbers of all examples for one input, one example after another. */
export interface Column {
  /** Integers for an index or the length; floating-point numbers for other inputs. */
  readonly values: Int32Array | Float64Array | Float32Array;
  /**
   * Where each example's numbers begin. Examples may overlap: the targets may be the tokens, from one place
   * further on. The examples of an index may differ in length. By default each example has as many numbers as
   * the input has elements.
   */
  readonly starts?: Int32Array;
}

/** A dataset: one column for each input. */
export interface Dataset {
  /** The number of examples. Columns may hold more, which are not read. */
  readonly count: number;
  /** The columns by input name. */
  readonly inputs: Readonly<Record<string, Column>>;
}

const DATASET_KEYS: Known<Dataset> = { count: true, inputs: true };
const COLUMN_KEYS: Known<Column> = { values: true, starts: true };

/** Whether it can be an object with keys: not a list or a Map. */
function isRecord(given: unknown): given is object {
  return (
    typeof given === 'object' && given !== null && !(Symbol.iterator in given) && !ArrayBuffer.isView(given)
  );
}

/**
 * Checks a dataset, but not its columns.
 *
 * @throws TypeError where it is not an object { count, inputs }, or `inputs` is not an object
 */
export function checkDataset(dataset: Dataset): Dataset {
  const given: unknown = dataset;
  if (!isRecord(given))
    throw new TypeError(
      `a dataset: ${shown(given)}: expected an object { count, inputs } with the number of examples and ` +
        `their ` +
        'columns',
    );
  checkOptions('a dataset', dataset, DATASET_KEYS);
  const { count, inputs } = dataset; // read once: they may be getters
  checkInteger('count', count, 0);
  if (!isRecord(inputs))
    throw new TypeError(`inputs ${shown(inputs)}: expected an object with a column for each input`);
  return { count, inputs };
}

/**
 * @param kind the typed array that its values should be
 * @throws TypeError where a column is a bare array, or not an object { values, starts }
 */
export function checkColumn(name: string, column: Column, kind: string): void {
  const given: unknown = column;
  if (isRecord(given)) checkOptions(`the column of input '${clipped(name)}'`, column, COLUMN_KEYS);
  else
    throw new TypeError(
      `input '${clipped(name)}': its column is ${shown(given)}, expected an object { values } with ` +
        `the numbers of all examples in one array: { values: ${kind}.from(...) }`,
    );
}

/** @throws RangeError where examples `from` to before `to` are not all among `count` examples */
export function checkExampleRange(from: number, to: number, count: number): void {
  if (Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= count) return;
  throw new RangeError(
    `examples ${shown(from)} to before ${shown(to)}: expected integers from 0 to ${count}, ` +
      'the first at most the second',
  );
}

/**
 * Copies a dataset's arrays for another thread, since the caller could transfer its own. Whatever is not a
 * column is left for the program to refuse.
 */
export function copied({ count, inputs }: Dataset): Dataset {
  const copies: [string, Column][] = [];
  for (const name of namesIn(inputs)) {
    const column = inputs[name]!;
    if (isPlain(column)) {
      const { values, starts } = column;
      copies.push([
        name,
        { ...column, values: copiedArray(values), ...(starts && { starts: copiedArray(starts) }) },
      ]);
    } else copies.push([name, column]);
  }
  return { count, inputs: Object.fromEntries(copies) };
}

function copiedArray<A extends Column['values']>(array: A): A {
  const kind = KINDS.find((known) => isOfKind(array, known));
  if (!kind) return array;
  // An array whose memory was transferred away has no numbers, but cannot be copied.
  return (array.length === 0 ? new kind(0) : new kind(array)) as A;
}

/**
 * The array itself, or a copy where another thread could change it (the addon does not read shared memory),
 * or where it is of another realm, as made by Node's `vm`.
 */
export function unshared<A extends Column['values']>(array: A): A {
  const isOurs = KINDS.some((kind) => array instanceof kind);
  return types.isSharedArrayBuffer(array.buffer) || !isOurs ? copiedArray(array) : array;
}

const KINDS = [Int32Array, Float64Array, Float32Array] as const;

/** Whether it is a typed array of this kind, of any realm. */
export function isOfKind(given: unknown, kind: { readonly name: string }): boolean {
  return types.isTypedArray(given) && given[Symbol.toStringTag] === kind.name;
}
