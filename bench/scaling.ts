/**
 * Times of compiling and running a loss once, forward and as a step, at three sizes, each double the one
 * before.
 */
import {
  choose,
  concat,
  index,
  input,
  meanOfFirst,
  parameter,
  SGD,
  stack,
  addN,
  type Feeds,
  type Value,
} from '../lib/index.js';
import type { Effort, Row } from './measure.js';

export const list = <T>(n: number, of: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => of(i));

/** A loss that grows with n, and its feeds. `test/compiler/scale.test.ts` compiles these losses too. */
export const LOSSES: Readonly<Record<string, (n: number) => [loss: Value, feeds?: Feeds]>> = {
  nodes: (n) => {
    let y: Value = parameter([0.5, 1]);
    for (let i = 0; i < n; i++) y = y.relu();
    return [y.sum()];
  },
  constants: (n) => {
    let y: Value = parameter([0.5, 1]);
    for (let i = 0; i < n; i++) y = y.add(i + 0.5);
    return [y.sum()];
  },
  parameters: (n) => [addN(list(n, (i) => parameter([i % 9, 1]).exp())).sum()],
  inputs: (n) => [
    addN([parameter([1, 2]), ...list(n, (i) => input(`x${i}`, [2]).mul(2))]).sum(),
    Object.fromEntries(list(n, (i) => [`x${i}`, [1, 2]])),
  ],
  'concat operands': (n) => [concat(list(n, (i) => parameter([i]).mul(2))).sum()],
  'stack operands': (n) => [stack(list(n, (i) => parameter([i, 1]).mul(2))).sum()],
  'uses of one node': (n) => {
    const p = parameter([1, 2]).exp();
    return [addN(list(n, (i) => p.mul(i % 7))).sum()];
  },
  'parts of a vector': (n) => {
    const p = parameter(new Float64Array(n).fill(0.1)).exp();
    return [addN(list(n, (i) => p.at(i).mul(2)))];
  },
  'meanOfFirst terms': (n) => {
    const p = parameter([1, 2]);
    return [
      meanOfFirst(
        list(n, (i) => p.mul(i % 9).sum()),
        index('n'),
      ),
      { n },
    ];
  },
  'values to choose from': (n) => {
    const p = parameter([1, 2]);
    return [
      choose(
        list(n, (i) => p.mul(i % 9)),
        index('which'),
      ).sum(),
      { which: 1 },
    ];
  },
  'index elements': (n) => {
    const [t, w] = [
      index('t', n),
      parameter([
        [1, 2],
        [3, 4],
      ]),
    ];
    return [addN(list(n, (i) => w.at(t.at(i)).mul(2))).sum(), { t: new Int32Array(n) }];
  },
};

/** Runs each once: a time that grew quadratically would be four times the one before. */
export function scalingRows({ quick }: Effort): Row[] {
  const sizes = quick ? [5000, 10_000, 20_000] : [20_000, 40_000, 80_000];
  return Object.entries(LOSSES).flatMap(([what, of]) =>
    (['forward', 'step'] as const).flatMap((part) => {
      const times = sizes.map((n) => {
        const [loss, feeds = {}] = of(n);
        const before = performance.now();
        if (part === 'forward') loss.forward(feeds);
        else new SGD({ learningRate: 1e-9 }).minimize(loss).step(feeds);
        return performance.now() - before;
      });
      const rows = times.map((value, i) => ({ what: `${sizes[i]!} ${what}, ${part}`, value, unit: 'ms' }));
      return [
        ...rows,
        {
          what: `${what}, ${part}: the last against the one before`,
          value: times[2]! / times[1]!,
          unit: 'times',
        },
      ];
    }),
  );
}
