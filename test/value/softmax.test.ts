/** Softmax and its logarithm: by their definitions, with second derivatives, and of what a mask has. */
import { compile } from '../../lib/value/compile.js';
import { constant, input, parameter } from '../../lib/value/leaves.js';
import { where } from '../../lib/value/functions.js';
import { logSoftmax, softmax } from '../../lib/value/softmax.js';
import type { Value } from '../../lib/value/value.js';
import { assertClose } from '../support/check.js';
import { at, by, checkRows, line, softmaxOf, within, type Row } from '../support/function-rows.js';
import type { Tensor } from '../support/reference.js';
import { TARGETS } from '../support/targets.js';

/** Shares of the numbers of each list along an axis that a mask, of the shape of x, has. */
const ofMasked =
  (axis: number, mask: (index: readonly number[]) => boolean, f: (share: number) => number) =>
  (x: Value): Tensor =>
    by(x.shape, (index) => {
      if (!mask(index)) return 0;
      const others = index.filter((_, i) => i !== axis);
      const list = line(x, axis, others).filter((_, i) =>
        mask([...others.slice(0, axis), i, ...others.slice(axis)]),
      );
      return f(softmaxOf([at(x, index), ...list], 0) / (1 - softmaxOf([at(x, index), ...list], 0)));
    });

const LOWER = constant([
  [1, 0, 0],
  [1, 1, 0],
  [1, 1, 1],
]);
const isLower = (index: readonly number[]): boolean => index.at(-1)! <= index.at(-2)!;

const ROWS: Row[] = [
  ['softmax along the first axis', [3, 4], (x) => softmax(x, 0), within(0, softmaxOf)],
  ['softmax along the middle', [2, 3, 4], (x) => softmax(x, -2), within(1, softmaxOf)],
  ['logSoftmax', [3, 4], (x) => logSoftmax(x), within(1, (list, i) => Math.log(softmaxOf(list, i)))],
  [
    'logSoftmax along the first axis',
    [3, 4],
    (x) => logSoftmax(x, 0),
    within(0, (list, i) => Math.log(softmaxOf(list, i))),
  ],
  [
    'softmax of what a mask has',
    [3, 3],
    (x) => softmax(x, -1, { mask: LOWER }),
    ofMasked(1, isLower, (share) => share),
  ],
  [
    'softmax of what a mask for several matrices has',
    [2, 3, 3],
    (x) => softmax(x, 2, { mask: LOWER }),
    ofMasked(2, isLower, (share) => share),
  ],
  [
    'softmax of columns that a mask has in part',
    [3, 3],
    (x) => softmax(x, 0, { mask: LOWER }),
    ofMasked(0, isLower, (share) => share),
  ],
  [
    'softmax of what one row of a mask has of all',
    [2, 4],
    (x) => softmax(x, -1, { mask: constant([0, 2, 1, -1]) }),
    ofMasked(
      1,
      ([, i]) => i! > 0,
      (share) => share,
    ),
  ],
  [
    'softmax where a mask has nothing',
    [2, 3],
    (x) => softmax(x, -1, { mask: constant([[0], [1]]) }),
    ofMasked(
      1,
      ([i]) => i === 1,
      (share) => share,
    ),
  ],
  [
    'softmax by a mask that is computed',
    [2, 5],
    (x) => softmax(x, -1, { mask: x.gt(0) }),
    (x) =>
      ofMasked(
        1,
        (index) => at(x, index) > 0,
        (share) => share,
      )(x),
  ],
  [
    'logSoftmax of what a mask has',
    [3, 3],
    (x) => where(LOWER, logSoftmax(x, -1, { mask: LOWER }), 0),
    ofMasked(1, isLower, Math.log),
  ],
];

describe('softmax', () => {
  checkRows(ROWS, { again: true });
});

describe('softmax with a mask', () => {
  const NUMBERS: readonly [
    what: string,
    x: number[],
    mask: number[],
    shares: number[],
    gradient: number[],
  ][] = [
    ['leaves out NaN', [NaN, 1, 1], [0, 1, 1], [0, 0.5, 0.5], [0, -0.25, 0.25]],
    ['leaves out Infinity', [Infinity, -Infinity, 2], [0, 0, 1], [0, 0, 1], [0, 0, 0]],
    ['is of very small numbers too', [-3e38, -3e38, 3e38], [1, 1, 0], [0.5, 0.5, 0], [-0.25, 0.25, 0]],
    ['is of NaN where the mask has it', [NaN, 1, 1], [1, 1, 0], [NaN, NaN, 0], [NaN, NaN, 0]],
    ['is zeros where it has none', [1, NaN, Infinity], [0, 0, 0], [0, 0, 0], [0, 0, 0]],
    ['has numbers where the mask is NaN', [1, 1, 5], [NaN, 1, -0], [0.5, 0.5, 0], [-0.25, 0.25, 0]],
  ];
  for (const [what, numbers, has, shares, gradient] of NUMBERS)
    it(what, () => {
      for (const target of TARGETS)
        for (const axis of [0, 1]) {
          const shape = axis === 0 ? [3, 1] : [1, 3];
          const columns = (list: number[]): number[] =>
            axis === 0 ? list.flatMap((v) => [v, v]) : [...list, ...list];
          const wide = axis === 0 ? [3, 2] : [2, 3];
          const x = parameter(columns(numbers), { shape: wide });
          const mask = constant(has).reshape(shape);
          const y = softmax(x, axis, { mask });
          const on = `axis ${axis} on ${target.isa} in ${target.dtype}`;
          assertClose(compile(y, target).forward({}), columns(shares), 1e-6, `the shares, ${on}`);
          const logs = compile(logSoftmax(x, axis, { mask }), target).forward({});
          assertClose(logs, columns(shares.map(Math.log)), 1e-6, `their logarithms, ${on}`);
          const weights = constant([0, 1, 2]).reshape(shape);
          const program = compile(y.mul(weights).sum(), target);
          program.forward({});
          program.backward();
          assertClose(program.readGradient(x), columns(gradient), 1e-6, `the gradient, ${on}`);
        }
    });
});

describe('a masked softmax', () => {
  const tiny = -3.4028234663852886e38;
  const { NaN: nan } = Number;
  /** Of x and a mask: the shares, of which the logarithms follow, and the gradient of their weighted sum. */
  const EDGES: [what: string, x: number[], mask: number[], shares: number[], gradient: number[]][] = [
    ['of the least numbers of float32', [tiny, tiny, 5], [1, 1, 0], [0.5, 0.5, 0], [-0.25, 0.25, 0]],
    ['of one of them', [tiny, 7], [1, 0], [1, 0], [0, 0]],
    ['of minus infinity alone', [-Infinity, -Infinity, 5], [1, 1, 0], [nan, nan, 0], [nan, nan, 0]],
    ['beside NaN and infinity', [1, NaN, 1, Infinity], [1, 0, 1, 0], [0.5, 0, 0.5, 0], [-0.5, 0, 0.5, 0]],
    ['of nothing', [1, 2], [0, 0], [0, 0], [0, 0]],
    ['of NaN', [NaN, 1, 2], [1, 1, 0], [nan, nan, 0], [nan, nan, 0]],
  ];
  for (const [what, numbers, mask, shares, gradient] of EDGES)
    it(what, () => {
      for (const target of TARGETS) {
        const x = parameter(numbers);
        const y = softmax(x, -1, { mask: constant(mask) });
        const program = compile(y.mul(constant(numbers.map((_, i) => i))).sum(), target);
        program.forward({});
        program.backward();
        assertClose(program.readGradient(x), gradient, 1e-6, 'the gradient');
        assertClose(compile(y, target).forward({}), shares, 1e-6, 'the shares');
        const logs = compile(logSoftmax(x, -1, { mask: constant(mask) }), target).forward({});
        assertClose(logs, shares.map(Math.log), 1e-6, 'their logarithms');
      }
    });

  it('of numbers beyond float32, in float64', () => {
    const x = parameter([-1e39, -1e39, 5]);
    assertClose(softmax(x, -1, { mask: constant([1, 1, 0]) }).forward(), [0.5, 0.5, 0], 1e-15, 'the shares');
  });

  it('of no numbers reads its mask', () => {
    for (const of of [softmax, logSoftmax]) {
      const y = of(parameter([], { shape: [2, 0] }), -1, { mask: input('mask', [2, 1]) });
      assertClose(y.forward({ mask: [1, 0] }), [], 0, 'nothing');
    }
  });
});
