/** Feeds as the columns of a dataset. */
import type { Feeds } from '../../lib/runtime/feeds.js';
import type { Column } from '../../lib/runtime/dataset.js';

export const columns = (feeds: Feeds): Record<string, Column> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, given]) => {
      const list = typeof given === 'number' ? [given] : Array.from(given);
      return [name, { values: /^[in]/.test(name) ? Int32Array.from(list) : Float64Array.from(list) }];
    }),
  );
