/** Updates of some rows of a table alone. */
import assert from 'node:assert/strict';
import * as vg from '../../lib/index.js';
import type { Value } from '../../lib/value/value.js';
import { constant, index, input, parameter } from '../../lib/value/leaves.js';
import { TARGETS } from '../support/targets.js';

const [ROWS, COLS] = [60, 5];
const numbers = (n: number, seed = 0): number[] =>
  Array.from({ length: n }, (_, i) => Math.sin(1 + i + 7 * seed));

interface Problem {
  loss: (table: Value) => Value;
  feeds: (step: number) => vg.Feeds;
  /** Whether each row with a gradient is named by an index. */
  isNamed: boolean;
}

const x = input('x', [3, COLS]);
const PROBLEMS: Record<string, Problem> = {
  'rows, one of them twice': {
    loss: (table) => table.gather(index('i', 3)).sub(x).pow(2).sum(),
    feeds: (step) => ({ x: numbers(15, step), i: [step % ROWS, (7 * step) % ROWS, step % ROWS] }),
    isNamed: true,
  },
  'rows by two indices': {
    loss: (table) => {
      const pairs = table.gather(index('i', [2, 2])).mean(1);
      return pairs
        .mul(table.gather(index('j', 2)))
        .sum()
        .add(x.mean());
    },
    feeds: (step) => ({
      x: numbers(15, step),
      i: [
        [step % 7, 3],
        [0, (step * step) % ROWS],
      ],
      j: [step % 7, 5],
    }),
    isNamed: true,
  },
  'a row whose gradient is 0': {
    loss: (table) =>
      table
        .gather(index('i', 3))
        .mul(constant([[1], [0], [1]]))
        .mul(x)
        .sum(),
    feeds: (step) => ({ x: numbers(15, step), i: [step % ROWS, 9, 10] }),
    isNamed: true,
  },
  'a row by its place as well': {
    loss: (table) => table.gather(index('i', 3)).mul(x).sum().add(table.at(4).pow(2).sum()),
    feeds: (step) => ({ x: numbers(15, step), i: [step % ROWS, 1, 2] }),
    isNamed: false,
  },
};

/** Each by rows, or whole tables by the same rule. */
const OPTIMIZERS: Record<string, (sparse: boolean) => vg.Optimizer> = {
  SGD: (sparse) => new vg.SGD({ learningRate: 0.1, ...(sparse && { sparse }) }),
  'SGD with momentum': (sparse) => new vg.SGD({ learningRate: 0.1, momentum: 0.9, sparse }),
  Adam: (sparse) => new vg.Adam({ learningRate: 0.1, beta2: 0.9, sparse }),
  AdamW: (sparse) => new vg.AdamW({ learningRate: 0.1, weightDecay: 0, sparse }),
  RMSprop: (sparse) => new vg.RMSprop({ learningRate: 0.1, sparse }),
  Adagrad: (sparse) => new vg.Adagrad({ learningRate: 0.1, sparse }),
};

const opsOf = (training: vg.Training): string[] => training.program.work().map(({ op }) => op);

describe('updates by rows', () => {
  for (const [what, { loss, feeds, isNamed }] of Object.entries(PROBLEMS))
    for (const [rule, optimizer] of Object.entries(OPTIMIZERS))
      it(`of ${what}, by ${rule}: rows without a gradient stay, the others change as ever`, () => {
        for (const target of TARGETS)
          for (const batches of [false, true]) {
            const own = parameter(numbers(ROWS * COLS), { shape: [ROWS, COLS] });
            const sparse = optimizer(true).minimize(loss(own), { ...target, batches });
            // The reference: each row trained by itself, in a step only where it has a gradient.
            const whole = parameter(numbers(ROWS * COLS), { shape: [ROWS, COLS] });
            const kept = optimizer(false).minimize(loss(whole), { ...target, batches, keepGradients: true });
            assert(opsOf(sparse).some((op) => op.endsWith('_rows')));
            for (let step = 0; step < 5; step++) {
              const examples = [feeds(step), feeds(step + 3)];
              const before = whole.data.slice();
              const moments = kept.state().moments.get(whole)!;
              if (batches) kept.stepBatch(examples);
              else kept.step(examples[0]!);
              if (batches) sparse.stepBatch(examples);
              else sparse.step(examples[0]!);
              const gradient = kept.gradient(whole);
              const now = [...kept.program.update.moments.get(whole)!];
              for (let row = 0; row < ROWS; row++) {
                const [first, end] = [row * COLS, (row + 1) * COLS];
                if (gradient.subarray(first, end).some((g) => g !== 0)) continue;
                whole.data.set(before.subarray(first, end), first);
                now.forEach((array, i) => array.set(moments[i]!.subarray(first, end), first));
              }
              assert.deepEqual([...own.data], [...whole.data], `step ${step} on ${target.isa}`);
            }
            // An index of a batch's examples is not at hand when the batch is over.
            const work = sparse.program.work().filter(({ op }) => op.endsWith('_rows'));
            assert.equal(
              work.every(({ flop }) => flop > 0),
              isNamed && !batches,
            );
          }
      });

  const table = (rows: number): Value => parameter(new Float64Array(rows * 4).fill(1), { shape: [rows, 4] });
  const picked = (of: Value): Value => of.gather(index('i', 3)).pow(2).sum();

  it('are made without being asked by SGD without momentum and decay, where the table is large', () => {
    const rows: [is: boolean, rows: number, optimizer: vg.Optimizer, loss?: (of: Value) => Value][] = [
      [true, 1000, new vg.SGD({ learningRate: 0.1 })],
      [false, 5, new vg.SGD({ learningRate: 0.1 })],
      [false, 1000, new vg.SGD({ learningRate: 0.1, weightDecay: 0.1 })],
      [false, 1000, new vg.SGD({ learningRate: 0.1, momentum: 0.1 })],
      [false, 1000, new vg.Adam({ learningRate: 0.1 })],
      [false, 1000, new vg.SGD({ learningRate: 0.1 }), (of) => picked(of).add(of.mean())],
      [true, 1000, new vg.Adam({ learningRate: 0.1, sparse: true })],
      [true, 5, new vg.Adam({ learningRate: 0.1, sparse: true })],
    ];
    for (const [i, [is, n, optimizer, loss = picked]] of rows.entries())
      assert.equal(
        opsOf(optimizer.minimize(loss(table(n)))).some((op) => op.endsWith('_rows')),
        is,
        `row ${i}`,
      );
  });

  it('are the same bits as updates of whole tables by SGD without momentum and decay', () => {
    const [small, large] = [table(40), table(40)];
    const whole = new vg.SGD({ learningRate: 0.1 }).minimize(picked(small).add(small.mean().mul(1e-300)));
    const byRows = new vg.SGD({ learningRate: 0.1 }).minimize(picked(large));
    assert(opsOf(byRows).includes('sgd_rows') && !opsOf(whole).includes('sgd_rows'));
    for (let step = 0; step < 10; step++) {
      const i = [step, (step * 3) % 40, step];
      assert.equal(byRows.step({ i }), whole.step({ i }));
    }
    assert.deepEqual([...large.data], [...small.data]);
  });

  it('are of the parameters of a group, beside others', () => {
    const [rows, w] = [table(50), parameter([1, 2, 3, 4], { name: 'w' })];
    const adam = new vg.AdamW({
      learningRate: 0.1,
      groups: [{ parameters: [rows], sparse: true, weightDecay: 0 }],
    });
    const training = adam.minimize(rows.gather(index('i', 2)).mul(w).sum());
    const ops = opsOf(training);
    assert(ops.includes('adam_rows') && ops.includes('adam'));
    training.step({ i: [3, 4] });
    assert(rows.data.every((x, i) => (x === 1) === (i < 12 || i >= 20)));
  });

  it('cost no more instructions where the table is larger', () => {
    const work = (rows: number): unknown =>
      new vg.Adam({ learningRate: 0.1, sparse: true }).minimize(picked(table(rows))).program.work();
    assert.deepEqual(work(1000), work(100_000));
  });

  const sparse = true;
  const REFUSED: [what: string, call: () => unknown, message: RegExp][] = [
    ['of Lion', () => new vg.Lion({ learningRate: 1, sparse }), /^sparse: true is for SGD, Adam/],
    ['of AMSGrad', () => new vg.Adam({ learningRate: 1, sparse, amsgrad: true }), /^sparse: true is for/],
    [
      'with a decay',
      () => new vg.AdamW({ learningRate: 1, sparse }),
      /^sparse: true leaves rows .* weightDecay/,
    ],
    [
      'with Nesterov momentum',
      () => new vg.SGD({ learningRate: 1, sparse, momentum: 0.5, nesterov: true }),
      /^sparse: true leaves rows without a gradient as they are, but weightDecay and nesterov/,
    ],
    [
      'that is no boolean',
      () => new vg.SGD({ learningRate: 1, sparse: 1 as unknown as boolean }),
      /^sparse 1: expected true or false$/,
    ],
  ];
  for (const [what, call, message] of REFUSED)
    it(`refuse sparse: true ${what}`, () => {
      assert.throws(call, { message });
    });
});
