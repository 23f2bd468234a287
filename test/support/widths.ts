/** Graphs as wide as a user makes them: long lists of operands, parameters, constants and inputs. */
import { addN, concat, index, input, meanOfFirst, parameter, type Value } from '../../lib/index.js';
import { list, LOSSES } from '../../bench/scaling.js';

/** Losses that grow with n: those that `npm run bench` times, and more. */
export const WIDTHS: typeof LOSSES = {
  ...LOSSES,
  'constants of single numbers': (n) => {
    let y: Value = parameter(0.5);
    for (let i = 0; i < n; i++) y = y.add(i + 0.5);
    return [y];
  },
  'parameters of single numbers': (n) => [addN(list(n, (i) => parameter(i).mul(2)))],
  'parameters that are used twice, one after the other': (n) => {
    const all = list(n / 4, () => parameter([1, 1]));
    let y: Value = parameter([1, 2]);
    for (let round = 0; round < 2; round++) for (const p of all) y = y.mul(p).relu();
    return [y.sum()];
  },
  inputs: (n) => [
    addN([parameter([1, 2]), ...list(n / 4, (i) => input(`x${i}`, [2]).mul(2))]).sum(),
    Object.fromEntries(list(n / 4, (i) => [`x${i}`, [1, 2]])),
  ],
  'operands of a concat that are one value': (n) => {
    const p = parameter([1, 2]).exp();
    return [concat(list(n, () => p)).sum()];
  },
  'uses of one value by sums': (n) => {
    const p = parameter([1, 2]).exp();
    let y: Value = p;
    for (let i = 0; i < n; i++) y = y.relu().add(p);
    return [y.sum()];
  },
  'rows of a matrix': (n) => {
    const p = parameter(new Float64Array(2 * n).fill(0.1), { shape: [n, 2] }).exp();
    return [addN(list(n, (i) => p.at(i).relu())).sum()];
  },
  'positions of a recurrence': (n) => {
    let h: Value = parameter([1, 2]);
    const losses = list(n / 4, () => (h = h.mul(0.99)).sum());
    return [meanOfFirst(losses, index('n')), { n: n / 4 }];
  },
};
