/** Parameters that a constant 0 switches off: they have a gradient of 0, whatever the passes. */
import assert from 'node:assert/strict';
import { ALL_PASSES, type PassSet } from '../../lib/compiler/passes.js';
import { where } from '../../lib/value/functions.js';
import type { Value } from '../../lib/value/value.js';
import { choose, meanOfFirst } from '../../lib/value/joins.js';
import { index, parameter } from '../../lib/value/leaves.js';
import type { TypedArray } from '../../lib/core/array.js';
import { Adam, AdamW, RMSprop, SGD, type Optimizer } from '../../lib/optim/optimizers.js';
import type { Training } from '../../lib/optim/training.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { assertClose } from '../support/check.js';
import { sampled } from '../support/targets.js';

/** Losses of w in which p has no effect, and whether a gradient flows to p, even if it is 0. */
const SWITCHED_OFF: [
  title: string,
  loss: (p: Value, w: Value) => Value,
  isTrained: boolean,
  feeds?: Feeds,
][] = [
  ['a sum times 0', (p, w) => w.sum().add(p.sum().mul(0)), true],
  ['a sum times 0, taken away', (p, w) => w.sum().sub(p.sum().mul(0)), true],
  ['an array times 0', (p, w) => w.sum().add(p.mul(0).exp().sum()), true],
  ['a product with w, times 0', (p, w) => w.sum().add(p.tanh().mul(w).sum().mul(0)), true],
  ['a matrix product with zeros', (p, w) => w.sum().add(p.matmul(w.mul(0))), true],
  ['a row of zeros', (p, w) => w.sum().add(p.mul(0).gather(index('i')).mul(w.sum())), true, { i: 1 }],
  ['a choice of 0', (p, w) => choose([w.sum(), p.sum().mul(0)], index('i')), true, { i: 0 }],
  [
    'a mean of first terms',
    (p, w) => meanOfFirst([w.sum(), p.sum().mul(0), w.mul(2).sum()], index('n')),
    true,
    { n: 2 },
  ],
  ['a part of nothing', (p, w) => w.sum().add(p.slice(0, 0).sum()), true],
  ['single numbers', (p, w) => w.at(0).mul(1).add(p.at(1).mul(3).mul(0)), true],
  ['a detach', (p, w) => w.sum().add(p.detach().sum()), false],
  ['a detach times 0', (p, w) => w.sum().add(p.detach().sum().mul(0)), false],
  ['a condition', (p, w) => where(p, w, 1).sum(), false],
  ['a power of 0', (p, w) => w.sum().add(p.pow(0).sum()), false],
];

/** The same of single numbers alone, which run as scalar bytecode. */
const NUMBERS_SWITCHED_OFF: typeof SWITCHED_OFF = [
  ['a number times 0', (p, w) => w.mul(2).add(p.mul(0)), true],
  ['the larger of a number and 0', (p, w) => w.maximum(p.mul(0)), true],
  [
    'a number in a mean of first terms',
    (p, w) => meanOfFirst([w.exp(), p.mul(0)], index('n')),
    true,
    { n: 2 },
  ],
  ['a detached number', (p, w) => w.exp().add(p.detach()), false],
];

describe('a parameter behind a constant 0', () => {
  const SETS: readonly PassSet[] = [ALL_PASSES, new Set(), new Set(['simplify'])];
  const OPTIMISERS: readonly (() => Optimizer)[] = [
    () => new SGD({ learningRate: 0.1, momentum: 0.5, weightDecay: 0.1 }),
    () => new AdamW({ learningRate: 0.1, clipGlobalNorm: 1 }),
    () => new Adam({ learningRate: 0.1, weightDecay: 0.1 }),
    () => new RMSprop({ learningRate: 0.1, weightDecay: 0.1, onNonFinite: 'skip' }),
  ];
  const rows = [
    ...SWITCHED_OFF.map((row) => ({
      row,
      starts: [
        [1, 2],
        [3, 4],
      ] as const,
    })),
    ...NUMBERS_SWITCHED_OFF.map((row) => ({ row, starts: [1, 3] as const })),
  ];
  for (const [place, { row, starts }] of rows.entries()) {
    const [title, build, isTrained, feeds = {}] = row;
    it(
      `${title}: ${isTrained ? 'decays and has moments' : 'neither decays nor has moments'}, whatever ` +
        'the passes',
      () => {
        for (const { isa, dtype } of sampled(place)) {
          for (const make of OPTIMISERS) {
            const start = (
              passes: PassSet,
              batches: boolean,
            ): { p: Value; w: Value; training: Training; take: () => void } => {
              const p = parameter(starts[0], { name: 'p' });
              const w = parameter(starts[1], { name: 'w' });
              const training = make().minimize(build(p, w), { isa, dtype, passes, batches });
              return {
                p,
                w,
                training,
                take: () => (batches ? training.stepBatch([feeds]) : training.step(feeds)),
              };
            };
            const whole = start(new Set(), false);
            for (let step = 0; step < 2; step++) whole.take();
            const state = whole.training.state();
            assert.deepEqual(
              [...state.moments.keys()].map(({ name }) => name).sort(),
              isTrained ? ['p', 'w'] : ['w'],
            );
            const numbers = [whole.p, whole.w].map(({ data }) => data.slice());
            assert.equal(numbers[0]![0] !== 1, isTrained);
            for (let step = 0; step < 2; step++) whole.take();
            for (const passes of SETS) {
              for (const batches of [false, true]) {
                // The state of a training without passes is restored to one with passes, and vice versa.
                const first = start(passes, batches);
                for (let step = 0; step < 2; step++) first.take();
                const there = first.training.state();
                for (const [from, to, given] of [
                  [whole, start(passes, batches), state],
                  [first, start(new Set(), false), there],
                ] as const) {
                  const moments = new Map(
                    [
                      [to.p, given.moments.get(from.p)],
                      [to.w, given.moments.get(from.w)],
                    ].filter(([, kept]) => kept) as [Value, readonly TypedArray[]][],
                  );
                  to.training.restore({ ...given, moments });
                  [to.p, to.w].forEach((value, i) => value.data.set(numbers[i]!));
                  for (let step = 0; step < 2; step++) to.take();
                  assertClose(
                    [...to.p.data, ...to.w.data],
                    [...whole.p.data, ...whole.w.data],
                    1e-6,
                    `${[...passes].join(',')} on ${isa} in ${dtype}`,
                  );
                }
              }
            }
          }
        }
      },
    );
  }
});
