/** Many documents as they are fed one after another, without an object for each. */

import { checkObject, shown } from './given.js';

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
  /** How many documents there are. */
  readonly count: number;
  /** By input name. */
  readonly inputs: Readonly<Record<string, Column>>;
}

/**
 * @throws RangeError where documents `from` to before `to` are not in a dataset of so many
 */
export function checkDocumentRange(from: number, to: number, count: number): void {
  if (Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= count) return; // prettier-ignore
  throw new RangeError(`documents ${shown(from)} to before ${shown(to)}: expected integers from 0 to ${count}, the first no larger`); // prettier-ignore
}

/**
 * The same documents in arrays that nobody else has: another thread reads them, while who gave them could
 * transfer theirs. What is no column is left for the program to refuse.
 */
export function copied({ count, inputs }: Dataset): Dataset {
  checkObject('inputs', inputs, 'an object with a column for each input');
  const copies = Object.entries(inputs).map(([name, column]) => {
    const { values, starts } = column;
    return [name, { values: copiedArray(values), ...(starts && { starts: copiedArray(starts) }) }] as const; // prettier-ignore
  });
  return { count, inputs: Object.fromEntries(copies) };
}

function copiedArray<A extends Column['values']>(array: A): A {
  const kind = [Int32Array, Float64Array, Float32Array].find((known) => array instanceof known);
  return kind ? (new kind(array) as A) : array;
}
