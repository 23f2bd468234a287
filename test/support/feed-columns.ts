/** Feeds as the columns of a dataset. */
import type { Feeds } from '../../lib/runtime/feeds.js';
import type { Column, Dataset } from '../../lib/runtime/dataset.js';

export const columns = (feeds: Feeds): Record<string, Column> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, given]) => {
      const list = typeof given === 'number' ? [given] : Array.from(given);
      return [name, { values: /^[in]/.test(name) ? Int32Array.from(list) : Float64Array.from(list) }];
    }),
  );

/** The feeds of many examples as a dataset; names of numbers begin with x. */
export function datasetOf(examples: readonly Feeds[]): Dataset {
  const names = Object.keys(examples[0]!);
  const inputs = names.map((name) => {
    const rows = examples.map((feeds) => {
      const given = feeds[name]!;
      return typeof given === 'number' ? [given] : Array.from(given as ArrayLike<number>);
    });
    const starts = new Int32Array(rows.length);
    rows.forEach((_, i) => {
      if (i > 0) starts[i] = starts[i - 1]! + rows[i - 1]!.length;
    });
    const values = (name.startsWith('x') ? Float64Array : Int32Array).from(rows.flat());
    return [name, { values, starts }] as const;
  });
  return { count: examples.length, inputs: Object.fromEntries(inputs) };
}
