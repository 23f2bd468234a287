/** Losses: values by their definitions, gradients, reductions, and where they are cut off. */
import assert from 'node:assert/strict';
import * as library from '../../lib/index.js';
import type { Value } from '../../lib/value/value.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { compile } from '../../lib/value/compile.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { assertClose, checkGraph } from '../support/check.js';
import { TARGETS } from '../support/targets.js';

const { bce, bceWithLogits, huber, klDivergence, mae, mse, nll } = library;

type Loss = (x: Value, target: Value | number, options?: library.LossOptions) => Value;

/** Each loss of x and a target, number by number; x and the targets from 0 to 1 where it needs them so. */
const ROWS: [title: string, loss: Loss, of: (x: number, y: number) => number, isProbability: boolean][] = [
  ['mse', mse, (x, y) => (x - y) ** 2, false],
  ['mae', mae, (x, y) => Math.abs(x - y), false],
  ['huber', huber, (x, y) => (Math.abs(x - y) <= 1 ? (x - y) ** 2 / 2 : Math.abs(x - y) - 0.5), false],
  [
    'huber of a delta',
    (x, y, options) => huber(x, y, { ...options, delta: 0.3 }),
    (x, y) => (Math.abs(x - y) <= 0.3 ? (x - y) ** 2 / 2 : 0.3 * (Math.abs(x - y) - 0.15)),
    false,
  ],
  ['bce', bce, (x, y) => -y * Math.log(x) - (1 - y) * Math.log(1 - x), true],
  ['bceWithLogits', bceWithLogits, (x, y) => Math.log(1 + Math.exp(x)) - x * y, false],
  ['klDivergence', klDivergence, (x, y) => (y === 0 ? 0 : y * (Math.log(y) - x)), true],
];

describe('losses', () => {
  for (const [title, loss, of, isProbability] of ROWS) {
    const draw = (i: number): number => {
      const x = Math.sin(7 * i + 1);
      return isProbability ? 0.5 + 0.45 * x : 2 * x;
    };
    const [xs, ys] = [0, 6].map((from) => Array.from({ length: 6 }, (_, i) => draw(from + i)));
    ys![2] = isProbability ? 0 : ys![2]!;
    const each = xs!.map((x, i) => of(x, ys![i]!));
    const total = each.reduce((a, b) => a + b, 0);
    const wanted = { mean: [total / 6], sum: [total], none: each } as const;

    for (const reduction of ['mean', 'sum', 'none'] as const)
      it(`${title}, ${reduction}`, () => {
        for (const target of TARGETS) {
          const value = loss(input('x', [2, 3]), input('y', [2, 3]), { reduction });
          assert.deepEqual(value.shape, reduction === 'none' ? [2, 3] : []);
          const found = compile(value, target).forward({ x: xs!, y: ys! });
          assertClose(found, wanted[reduction], target.dtype === 'float64' ? 1e-14 : 1e-6, title);
        }
      });

    it(`${title} is a mean without options, of targets that broadcast, with its gradients`, () => {
      const x = input('x', [6]);
      const rows = loss(x, input('y', [1])).forward({ x: xs!, y: [ys![0]!] })[0]!;
      const mean = xs!.reduce((sum, value) => sum + of(value, ys![0]!), 0) / 6;
      assertClose([rows], [mean], 1e-14, title);
      assertClose(loss(x, ys![0]!).forward({ x: xs! }), [mean], 1e-14, title);
      checkGraph((g) => {
        const [a, b] = [g.p(2, 3), g.p(3)];
        return isProbability ? loss(a.sigmoid(), b.sigmoid()) : loss(a, b);
      });
    });
  }

  it('nll with logSoftmax is crossEntropy, of any rank', () => {
    const x = parameter(
      Array.from({ length: 24 }, (_, i) => Math.sin(i)),
      { shape: [2, 3, 4] },
    );
    const ids = index('ids', [2, 3]);
    const feeds = { ids: [0, 1, 2, 3, 0, 1] };
    const rows = x.reshape([6, 4]).crossEntropy(index('ids', 6));
    const each = nll(x.logSoftmax(), ids, { reduction: 'none' });
    assert.deepEqual(each.shape, [2, 3]);
    assertClose(each.forward(feeds), Array.from(rows.forward(feeds)), 1e-14, 'none');
    assertClose(nll(x.logSoftmax(), ids).forward(feeds), [...rows.mean().forward(feeds)], 1e-14, 'mean');
    assertClose(
      nll(x.logSoftmax(), [
        [0, 1, 2],
        [3, 0, 1],
      ]).forward(),
      [...rows.mean().forward(feeds)],
      1e-14,
      'fixed',
    );
    checkGraph((g) => nll(g.p(2, 3).logSoftmax(), [2, 0]));
  });

  it('are cut off where a logarithm is infinite, and stay finite where exp is not', () => {
    const p = parameter([0, 1, 0, 1]);
    const loss = bce(p, input('y', [4]), { reduction: 'none' });
    const y = [0, 1, 1, 0];
    assert.deepEqual([...loss.forward({ y })], [0, 0, 100, 100]);
    new SGD({ learningRate: 1 }).minimize(loss.sum()).step({ y });
    for (const value of p.data) assert.ok(Number.isFinite(value));
    const logits = parameter([1000, -1000, 1000, -1000]);
    assert.deepEqual(
      [...bceWithLogits(logits, input('y', [4]), { reduction: 'none' }).forward({ y })],
      [1000, 1000, 0, 0],
    );
  });

  const { NaN: nan } = Number;
  /** Losses that hide nothing: of x, of a target, and the gradient of x. */
  const EDGES: [title: string, loss: Loss, x: number, y: number, value: number, slope: number][] = [
    ['bce of NaN', bce, nan, 1, nan, nan],
    ['bce of a probability above 1', bce, 2, 1, nan, -0.5],
    ['bce of a probability below 0', bce, -1, 0, nan, 0.5],
    ['bce of NaN for a target', bce, 0.5, nan, nan, nan],
    ['bce, wrong for certain: 0', bce, 0, 1, 100, -1e12],
    ['bce, wrong for certain: 1', bce, 1, 0, 100, 1e12],
    ['bce, right for certain: 1', bce, 1, 1, 0, -1],
    ['klDivergence of NaN for a target', klDivergence, -1, nan, nan, nan],
    ['klDivergence of a target below 0', klDivergence, -1, -1, nan, 1],
    ['klDivergence of a target of 0', klDivergence, -1, 0, 0, -0],
    ['huber of NaN', huber, nan, 1, nan, nan],
    ['mae of NaN', mae, nan, 1, nan, nan],
    ['bceWithLogits of NaN', bceWithLogits, nan, 1, nan, nan],
  ];
  for (const [title, loss, at, y, value, slope] of EDGES)
    it(title, () => {
      for (const target of TARGETS) {
        const p = parameter([at]);
        const program = compile(loss(p, input('y', [1])), target);
        const tolerance = target.dtype === 'float64' ? 1e-12 : 1e-6;
        assertClose(program.forward({ y: [y] }), [value], tolerance, title);
        program.backward();
        assertClose(program.readGradient(p), [slope], tolerance, `${title}: gradient`);
      }
    });

  const x = input('x', [2, 3]);
  const any = (given: unknown): never => given as never;
  const REFUSED: [title: string, call: () => unknown, message: RegExp][] = [
    ['shapes that do not fit', () => mse(x, input('y', [2])), /^ShapeError: mse of 'x' .* and 'y' /],
    ['a target that is none', () => mae(x, any('1')), /^TypeError: mae: the target is "1", expected a Value/],
    [
      'an unknown reduction',
      () => mse(x, 1, { reduction: any('avg') }),
      /^\w+Error: mse: reduction "avg": expected 'mean' or 'sum' or 'none'$/,
    ],
    [
      'a delta of 0',
      () => huber(x, 1, { delta: 0 }),
      /^RangeError: huber.*: delta 0: expected a finite number/,
    ],
    [
      'an option of another loss',
      () => mse(x, 1, any({ delta: 1 })),
      /^TypeError: mse: there is no option "delta"/,
    ],
    ['a target beyond the classes', () => nll(x, [0, 3]), /^ShapeError: nll of 'x' .*3/],
    [
      'other rows of targets',
      () => nll(x, [0, 1, 2]),
      /^ShapeError: nll of 'x' .*: \[2, 3\] with targets \[3\]: expected \[2\], one for each row$/,
    ],
    [
      'targets for a vector',
      () => nll(input('x', [3]), [0]),
      /^ShapeError: nll of 'x' .*: \[3\] with targets \[1\]: expected \[\], one for each row$/,
    ],
    ['a number for nll', () => nll(input('x'), 0), /^ShapeError: nll of 'x' .*: x is a single number/],
  ];
  for (const [title, call, message] of REFUSED)
    it(`refuse ${title}`, () => {
      assert.throws(call, (error) => {
        assert.match(String(error), message);
        return true;
      });
    });
});
