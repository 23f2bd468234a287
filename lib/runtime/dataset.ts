/** Many documents as they are fed one after another, without an object for each. */

import { types } from 'node:util';
import { clipped } from '../core/escape.js';
import { checkInteger, checkOptions, isPlain, namesIn, shown, type Known } from '../core/check.js';

/** What all documents feed one input: their numbers, one document's behind the other's. */
export interface Column {
  /** Integers for an index and for the length, numbers for other inputs. */
  readonly values: Int32Array | Float64Array | Float32Array;
  /**
   * Of an index: where each document's integers begin. Documents may differ in how many they have, and
   * share them: targets are the tokens from one place further on. By default each has as many as the
   * index has elements.
   */
  readonly starts?: Int32Array;
}

/** Documents: for each input a column. */
export interface Dataset {
  /** How many documents there are. Columns may hold more: what is behind the last document is not read. */
  readonly count: number;
  /** By input name. */
  readonly inputs: Readonly<Record<string, Column>>;
}

const DATASET_KEYS: Known<Dataset> = { count: true, inputs: true };
const COLUMN_KEYS: Known<Column> = { values: true, starts: true };

/** Whether it can be an object with keys: no list, no Map. */
function isRecord(given: unknown): given is object {
  return (
    typeof given === 'object' && given !== null && !(Symbol.iterator in given) && !ArrayBuffer.isView(given)
  );
}

/**
 * A dataset whose columns are still to be looked at.
 *
 * @throws TypeError where it is no object { count, inputs }, or its inputs are none
 */
export function checkDataset(dataset: Dataset): Dataset {
  const given: unknown = dataset;
  if (!isRecord(given))
    throw new TypeError(
      `a dataset: ${shown(given)}: expected an object { count, inputs }, how many documents and their ` +
        'columns',
    );
  checkOptions('a dataset', dataset, DATASET_KEYS);
  const { count, inputs } = dataset; // once: they may be getters
  checkInteger('count', count, 0);
  if (!isRecord(inputs))
    throw new TypeError(`inputs ${shown(inputs)}: expected an object with a column for each input`);
  return { count, inputs };
}

/**
 * @param kind what its values should be
 * @throws TypeError where a column is a bare array, or no object { values, starts }
 */
export function checkColumn(name: string, column: Column, kind: string): void {
  const given: unknown = column;
  if (isRecord(given)) checkOptions(`the column of input '${clipped(name)}'`, column, COLUMN_KEYS);
  else
    throw new TypeError(
      `input '${clipped(name)}': its column is ${shown(given)}, expected an object { values } with ` +
        `all documents' numbers one behind the other: { values: ${kind}.from(...) }`,
    );
}

/**
 * @throws RangeError where documents `from` to before `to` are not in a dataset of so many
 */
export function checkDocumentRange(from: number, to: number, count: number): void {
  if (Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= count) return;
  throw new RangeError(
    `documents ${shown(from)} to before ${shown(to)}: expected integers from 0 to ${count}, the first ` +
      'no larger',
  );
}

/**
 * The same documents in arrays that nobody else has: another thread reads them, while who gave them could
 * transfer theirs. What is no column is left for the program to refuse.
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
  return kind ? (new kind(array) as A) : array;
}

/**
 * An array itself or a copy, where another thread can change it (the addon reads no shared memory), or
 * where it is of another realm, as Node's `vm` makes them.
 */
export function unshared<A extends Column['values']>(array: A): A {
  const isOurs = KINDS.some((kind) => array instanceof kind);
  return types.isSharedArrayBuffer(array.buffer) || !isOurs ? copiedArray(array) : array;
}

const KINDS = [Int32Array, Float64Array, Float32Array] as const;

/** Whether it is a typed array of a kind, whatever realm it is of. */
export function isOfKind(given: unknown, kind: { readonly name: string }): boolean {
  return types.isTypedArray(given) && given[Symbol.toStringTag] === kind.name;
}
