/**
 * Means of the first n values, whose terms are leaves, the same value twice, values that an earlier term
 * already uses, or other means. Values and gradients are worked out by hand.
 */
import assert from 'node:assert/strict';
import { parsePasses } from '../../lib/compiler/passes.js';
import type { Index, Value } from '../../lib/value/value.js';
import { meanOfFirst, stack } from '../../lib/value/joins.js';
import { index, parameter } from '../../lib/value/leaves.js';
import { gradCheck } from '../../lib/value/grad-check.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { FeedError } from '../../lib/runtime/errors.js';
import { compile } from '../../lib/value/compile.js';
import { assertClose } from '../support/check.js';
import { TARGETS } from '../support/targets.js';

/** The expected loss and gradients for a prefix of n terms. */
interface Expected {
  n: number;
  loss: number;
  gradients: readonly (readonly number[])[];
}

interface Case {
  title: string;
  make: (n: Index) => { loss: Value; parameters: readonly Value[] };
  expected: readonly Expected[];
}

/** The same terms as single numbers, or each as the sum of an array. */
const numbers = (...values: number[]): Value[] => values.map((x) => parameter(x));
const arrays = (...values: number[]): Value[] => values.map((x) => parameter([x]));
const sumOf = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
const sum = (x: Value): Value => (x.shape.length ? x.sum() : x);

/** Cases that are the same on single numbers and on arrays of one number. */
function cases(leaves: (...values: number[]) => Value[]): Case[] {
  return [
    {
      title: 'one value twice',
      make: (n) => {
        const [p] = leaves(3) as [Value];
        const m = sum(p.mul(0.5));
        return { loss: meanOfFirst([m, m], n), parameters: [p] };
      },
      expected: [
        { n: 1, loss: 1.5, gradients: [[0.5]] },
        { n: 2, loss: 1.5, gradients: [[0.5]] },
      ],
    },
    {
      title: 'a value that the first term uses',
      make: (n) => {
        const [p] = leaves(3) as [Value];
        const m = sum(p.mul(0.5));
        return { loss: meanOfFirst([m.mul(m), m], n), parameters: [p] };
      },
      expected: [
        { n: 1, loss: 2.25, gradients: [[1.5]] },
        { n: 2, loss: 1.875, gradients: [[1]] },
      ],
    },
    {
      title: 'leaves, one of them twice',
      make: (n) => {
        const [x, bias] = leaves(3, 5) as [Value, Value];
        return { loss: sum(meanOfFirst([x, x, bias], n)), parameters: [x, bias] };
      },
      expected: [
        { n: 1, loss: 3, gradients: [[1], [0]] },
        { n: 2, loss: 3, gradients: [[1], [0]] },
        { n: 3, loss: 11 / 3, gradients: [[2 / 3], [1 / 3]] },
      ],
    },
    {
      title: 'a leaf that the first term uses, negated and not',
      make: (n) => {
        const [a, b] = leaves(2, 5) as [Value, Value];
        const terms = [a.mul(b), a.neg(), b, a.neg()];
        return { loss: sum(meanOfFirst(terms, n)), parameters: [a, b] };
      },
      expected: [
        { n: 1, loss: 10, gradients: [[5], [2]] },
        { n: 2, loss: 4, gradients: [[2], [1]] },
        { n: 3, loss: 13 / 3, gradients: [[4 / 3], [1]] },
        { n: 4, loss: 11 / 4, gradients: [[3 / 4], [3 / 4]] },
      ],
    },
    {
      title: 'two means in one loss',
      make: (n) => {
        const [a, b, c] = leaves(2, 5, 7) as [Value, Value, Value];
        const first = meanOfFirst([a, b, c], n);
        return { loss: sum(first.add(meanOfFirst([a.mul(2), c], n))), parameters: [a, b, c] };
      },
      expected: [
        { n: 1, loss: 6, gradients: [[3], [0], [0]] },
        { n: 2, loss: 9, gradients: [[1.5], [0.5], [0.5]] },
      ],
    },
    {
      title: 'a mean times itself',
      make: (n) => {
        const [a, b] = leaves(2, 5) as [Value, Value];
        const mean = meanOfFirst([a, b], n);
        return { loss: sum(mean.mul(mean)), parameters: [a, b] };
      },
      expected: [
        { n: 1, loss: 4, gradients: [[4], [0]] },
        { n: 2, loss: 12.25, gradients: [[3.5], [3.5]] },
      ],
    },
    {
      title: 'a mean among the terms of another',
      make: (n) => {
        const [a, b, c] = leaves(2, 5, 7) as [Value, Value, Value];
        const inner = meanOfFirst([a.mul(a), b], n);
        const terms = [inner.mul(c), c.mul(b), inner];
        return { loss: sum(meanOfFirst(terms, n)), parameters: [a, b, c] };
      },
      expected: [
        { n: 1, loss: 28, gradients: [[28], [0], [4]] },
        { n: 2, loss: 33.25, gradients: [[7], [5.25], [4.75]] },
      ],
    },
    {
      title: 'a mean twice among the terms of another',
      make: (n) => {
        const [a, b] = leaves(2, 5) as [Value, Value];
        const inner = meanOfFirst([a, b], n);
        return { loss: sum(meanOfFirst([inner, inner], n)), parameters: [a, b] };
      },
      expected: [
        { n: 1, loss: 2, gradients: [[1], [0]] },
        { n: 2, loss: 3.5, gradients: [[0.5], [0.5]] },
      ],
    },
  ];
}

const ROWS: Case[] = [
  ...cases(numbers).map((row) => ({ ...row, title: `${row.title}, of numbers` })),
  ...cases(arrays).map((row) => ({ ...row, title: `${row.title}, of arrays` })),
  {
    title: 'rows of a stack that the first term sums',
    make: (n) => {
      const [a, b] = [parameter([2, 3]), parameter([5, 7])];
      const rows = stack([a, b]).mul(2);
      return { loss: meanOfFirst([rows.sum(), rows.at(1).sum()], n), parameters: [a, b] };
    },
    expected: [
      {
        n: 1,
        loss: 34,
        gradients: [
          [2, 2],
          [2, 2],
        ],
      },
      {
        n: 2,
        loss: 29,
        gradients: [
          [1, 1],
          [2, 2],
        ],
      },
    ],
  },
];

describe('the mean of the first values', () => {
  for (const { title, make, expected } of ROWS) {
    it(title, () => {
      for (const target of TARGETS) {
        const tolerance = target.dtype === 'float64' ? 1e-15 : 1e-6;
        const where = (n: number): string => `n = ${n} on ${target.isa} in ${target.dtype}`;
        const inspected = make(index('n'));
        const program = compile(inspected.loss, target);
        for (const { n, loss, gradients } of [...expected, ...[...expected].reverse()]) {
          assertClose(program.forward({ n }), [loss], tolerance, `the loss, ${where(n)}`);
          program.backward();
          const found = inspected.parameters.map((p) => Array.from(program.readGradient(p)));
          assertClose(found.flat(), gradients.flat(), tolerance, `the gradients, ${where(n)}`);
        }
        const batched = make(index('n'));
        const batches = new SGD({ learningRate: 1 }).minimize(batched.loss, {
          ...target,
          batches: true,
        });
        const before = batched.parameters.map((p) => Array.from(p.data));
        const mean = (of: (each: Expected) => readonly number[]): number[] =>
          of(expected[0]!).map((_, i) => sumOf(expected.map((e) => of(e)[i]!)) / expected.length);
        const together = batches.stepBatch(expected.map(({ n }) => ({ n })));
        assertClose(
          [together],
          mean(({ loss }) => [loss]),
          tolerance,
          'the loss of a batch',
        );
        const step = batched.parameters.flatMap((p, i) => before[i]!.map((x, k) => x - p.data[k]!));
        const all = mean(({ gradients }) => gradients.flat());
        assertClose(step, all, 10 * tolerance, 'the step of a batch');
        for (const passes of ['all', 'none', 'none,in-place', 'all,-in-place']) {
          const { loss, parameters } = make(index('n'));
          const training = new SGD({ learningRate: 1 }).minimize(loss, {
            ...target,
            passes: parsePasses(passes),
          });
          const start = parameters.map((p) => Array.from(p.data));
          for (const { n, loss: value, gradients } of [...expected].reverse()) {
            const what = `${where(n)}, passes ${passes}`;
            parameters.forEach((p, i) => p.data.set(start[i]!));
            assertClose([training.step({ n })], [value], tolerance, `the loss, ${what}`);
            const moved = parameters.map((p, i) => start[i]!.map((x, k) => x - p.data[k]!));
            assertClose(moved.flat(), gradients.flat(), 10 * tolerance, `the step, ${what}`);
          }
        }
      }
      for (const { n } of expected) gradCheck(make(index('n')).loss, { n });
    });
  }

  it('takes no longer a prefix than the shortest mean has', () => {
    for (const leaves of [numbers, arrays]) {
      const [a, b, c] = leaves(2, 5, 7) as [Value, Value, Value];
      const n = index('n');
      const loss = sum(meanOfFirst([a, b, c], n).add(meanOfFirst([a, c], n)));
      const wrong = { name: 'FeedError', message: /'n' = 3: expected an integer from 1 to 2/ };
      assert.throws(() => loss.forward({ n: 3 }), wrong);
      assert.throws(() => new SGD({ learningRate: 1 }).minimize(loss).step({ n: 3 }), FeedError);
    }
  });
});

describe('the length of a prefix', () => {
  const found: [title: string, n: () => Index][] = [
    ['picked from another index', () => index('n', 2).at(1)],
    ['the place of the largest number', () => parameter([0, 1, 5]).argmax()],
    ['one of the largest', () => parameter([0, 1, 5]).topk(2).at(0)],
    ['of two integers', () => index('n', 2)],
  ];
  for (const [title, n] of found) {
    it(`is fed by itself, and not ${title}`, () => {
      const terms = [parameter(2), parameter(4)];
      const message = /^meanOfFirst of .*: the length .* must be an index of its own: give an index\(name\)/;
      assert.throws(() => meanOfFirst(terms, n()), { name: 'TypeError', message });
    });
  }
});

/** Terms without numbers; batching them once did not terminate. */
const EMPTY: [title: string, term: (i: number) => Value][] = [
  [
    'an empty array with its axes exchanged',
    (i) =>
      parameter([], { shape: [0, 2] })
        .mul(i + 1)
        .reshape([2, 0])
        .sum(),
  ],
  [
    'no rows of an array, reshaped',
    (i) =>
      parameter([1, 2, 3, 4], { shape: [2, 2] })
        .mul(i + 1)
        .slice(0, 0)
        .reshape([0, 3])
        .sum(),
  ],
  [
    'an empty array with one axis more',
    (i) =>
      parameter([], { shape: [0, 3] })
        .pow(i + 2)
        .reshape([5, 0])
        .sum(1)
        .sum(),
  ],
  [
    'an empty array with one axis less',
    (i) =>
      parameter([], { shape: [3, 0] })
        .mul(i + 1)
        .softmax()
        .reshape([0])
        .sum(),
  ],
];

describe('means of terms without numbers', () => {
  for (const [title, term] of EMPTY) {
    it(title, () => {
      const w = parameter([1]);
      const terms = [0, 1, 2].map((i) => term(i).add(w.mul(i).sum()));
      const training = new SGD({ learningRate: 1 }).minimize(meanOfFirst(terms, index('n')));
      assert.equal(training.step({ n: 3 }), 1);
      assert.equal(w.data[0], 0);
      assert.equal(training.step({ n: 1 }), 0);
    });
  }
});
