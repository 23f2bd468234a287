/** Values and gradients where there is no slope, one table: kinks, ties, numbers outside a domain. */
import { where } from '../../lib/value/functions.js';
import type { Value } from '../../lib/value/value.js';
import { compile } from '../../lib/value/compile.js';
import { assertClose, Leaves } from '../support/check.js';
import { TARGETS } from '../support/targets.js';

/** Points without a slope to compare with: kinks, ties, and numbers outside an operator's domain. */
const EDGES: [
  title: string,
  f: (...xs: Value[]) => Value,
  at: number[][],
  value: number[],
  gradients: number[][],
][] = [
  ['relu at zero: no gradient', (x) => x.relu(), [[0, -0, 1, -1]], [0, 0, 1, 0], [[0, 0, 1, 0]]],
  ['relu of NaN', (x) => x.relu(), [[NaN, 1]], [NaN, 1], [[NaN, 1]]],
  [
    'maximum: a tie shares the gradient',
    (a, b) => a.maximum(b),
    [
      [1, 2, 3],
      [1, 5, 0],
    ],
    [1, 5, 3],
    [
      [0.5, 0, 1],
      [0.5, 1, 0],
    ],
  ],
  ['maximum of a value and itself', (a) => a.maximum(a), [[1, 2]], [1, 2], [[1, 1]]],
  [
    'maximum of single numbers, a tie',
    (a, b) => a.reshape([]).maximum(b.reshape([])),
    [[2], [2]],
    [2],
    [[0.5], [0.5]],
  ],
  [
    'minimum: a tie shares the gradient',
    (a, b) => a.minimum(b),
    [
      [1, 2, 3],
      [1, 5, 0],
    ],
    [1, 2, 0],
    [
      [0.5, 1, 0],
      [0.5, 0, 1],
    ],
  ],
  [
    'minimum of single numbers, a tie',
    (a, b) => a.reshape([]).minimum(b.reshape([])),
    [[2], [2]],
    [2],
    [[0.5], [0.5]],
  ],
  [
    'maximum and NaN',
    (a, b) => a.maximum(b),
    [
      [NaN, 1],
      [1, NaN],
    ],
    [NaN, NaN],
    [
      [NaN, NaN],
      [NaN, NaN],
    ],
  ],
  [
    'minimum and NaN',
    (a, b) => a.minimum(b),
    [
      [NaN, 1],
      [1, NaN],
    ],
    [NaN, NaN],
    [
      [NaN, NaN],
      [NaN, NaN],
    ],
  ],
  [
    'maximum of single numbers and NaN',
    (a, b) => a.reshape([]).maximum(b.reshape([])),
    [[2], [NaN]],
    [NaN],
    [[NaN], [NaN]],
  ],
  [
    'maximum of infinities',
    (a, b) => a.maximum(b),
    [
      [Infinity, -Infinity, Infinity],
      [Infinity, -Infinity, 1],
    ],
    [Infinity, -Infinity, Infinity],
    [
      [0.5, 0.5, 1],
      [0.5, 0.5, 0],
    ],
  ],
  [
    'maximum, of which one place is NaN',
    (a, b) => a.maximum(b),
    [
      [NaN, 1, 3],
      [2, 2, 2],
    ],
    [NaN, 2, 3],
    [
      [NaN, 0, 1],
      [NaN, 1, 0],
    ],
  ],
  ['maximum with a number, of NaN', (a) => a.maximum(2), [[NaN, 1, 3]], [NaN, 2, 3], [[NaN, 0, 1]]],
  [
    'max: all ties share the gradient',
    (x) => x.max(),
    [[3, 1, 3, 3, 2, 3]],
    [3],
    [[0.25, 0, 0.25, 0.25, 0, 0.25]],
  ],
  ['max with NaN', (x) => x.max(), [[3, NaN, 1]], [NaN], [[NaN, NaN, NaN]]],
  [
    'max of rows, one with NaN',
    (x) => x.reshape([2, 2]).max(1),
    [[3, NaN, 1, 2]],
    [NaN, 2],
    [[NaN, NaN, 0, 1]],
  ],
  [
    'max of columns, one with NaN',
    (x) => x.reshape([2, 2]).max(0, true),
    [[3, NaN, 1, 2]],
    [3, NaN],
    [[1, NaN, 0, NaN]],
  ],
  ['min with NaN', (x) => x.min(), [[3, NaN, 1]], [NaN], [[NaN, NaN, NaN]]],
  ['max of infinities', (x) => x.max(), [[-Infinity, -Infinity]], [-Infinity], [[0.5, 0.5]]],
  ['max of nothing kept', (x) => x.reshape([2, 0]).max(0), [[]], [], [[]]],
  ['min: ties share the gradient', (x) => x.min(), [[3, 1, 1]], [1], [[0, 0.5, 0.5]]],
  [
    'greater',
    (a, b) => a.gt(b),
    [
      [1, 2, NaN, 0, Infinity, 1],
      [2, 1, 1, -0, Infinity, NaN],
    ],
    [0, 1, 0, 0, 0, 0],
    [
      [0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0],
    ],
  ],
  [
    'greater or equal',
    (a, b) => a.ge(b),
    [
      [1, 2, NaN, 0, Infinity],
      [2, 1, 1, -0, Infinity],
    ],
    [0, 1, 0, 1, 1],
    [
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
    ],
  ],
  [
    'less',
    (a, b) => a.lt(b),
    [
      [1, 2, NaN, 0],
      [2, 1, 1, -0],
    ],
    [1, 0, 0, 0],
    [
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ],
  ],
  [
    'less or equal',
    (a, b) => a.le(b),
    [
      [1, 2, NaN, 0],
      [2, 1, 1, -0],
    ],
    [1, 0, 0, 1],
    [
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ],
  ],
  [
    'equal',
    (a, b) => a.eq(b),
    [
      [1, 2, NaN, 0],
      [1, 1, NaN, -0],
    ],
    [1, 0, 0, 1],
    [
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ],
  ],
  [
    'not equal',
    (a, b) => a.ne(b),
    [
      [1, 2, NaN, 0],
      [1, 1, NaN, -0],
    ],
    [0, 1, 1, 0],
    [
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ],
  ],
  [
    'comparisons of single numbers',
    (a, b) =>
      [a.reshape([]), b.reshape([])].map((x, _, [p, q]) =>
        p!.gt(q!).add(p!.ge(q!).mul(2)).add(p!.eq(q!).mul(4)).add(x.mul(0)),
      )[0]!,
    [[2], [2]],
    [6],
    [[0], [0]],
  ],
  ['sign', (x) => x.sign(), [[-3, -0, 0, 1e-30, Infinity, NaN]], [-1, 0, 0, 1, 1, NaN], [[0, 0, 0, 0, 0, 0]]],
  [
    'abs: no gradient at zero',
    (x) => x.abs(),
    [[-2, 0, -0, 2, -Infinity, NaN]],
    [2, 0, 0, 2, Infinity, NaN],
    [[-1, 0, 0, 1, -1, NaN]],
  ],
  [
    'tanh at the ends',
    (x) => x.tanh(),
    [[-800, 800, -Infinity, Infinity, 0, NaN]],
    [-1, 1, -1, 1, 0, NaN],
    [[0, 0, 0, 0, 1, NaN]],
  ],
  ['tanh of little', (x) => x.tanh().mul(1e8), [[1e-8, -1e-8]], [1, -1], [[1e8, 1e8]]],
  [
    'sigmoid at the ends',
    (x) => x.sigmoid(),
    [[-800, 800, -Infinity, Infinity, 0, NaN]],
    [0, 1, 0, 1, 0.5, NaN],
    [[0, 0, 0, 0, 0.25, NaN]],
  ],
  ['sigmoid of -20', (x) => x.sigmoid().mul(1e8), [[-20]], [0.206115361819], [[0.20611535757]]],
  [
    'softplus at the ends',
    (x) => x.softplus(),
    [[-800, 800, -Infinity, Infinity, 0, NaN]],
    [0, 800, 0, Infinity, Math.LN2, NaN],
    [[0, 1, 0, 1, 0.5, NaN]],
  ],
  ['softplus of -20', (x) => x.softplus().mul(1e8), [[-20]], [0.2061153596948], [[0.206115361819]]],
  [
    'log1p at and below -1',
    (x) => x.log1p(),
    [[-1, -2, NaN, Infinity]],
    [-Infinity, NaN, NaN, Infinity],
    [[Infinity, NaN, NaN, 0]],
  ],
  [
    'expm1 at the ends',
    (x) => x.expm1(),
    [[-Infinity, -40, 800, Infinity, NaN]],
    [-1, -1, Infinity, Infinity, NaN],
    [[0, Math.exp(-40), Infinity, Infinity, NaN]],
  ],
  ['expm1 of little', (x) => x.expm1().mul(1e8), [[1e-8]], [1.000000005], [[1e8 * Math.exp(1e-8)]]],
  ['log1p of little', (x) => x.log1p().mul(1e8), [[1e-8]], [1], [[1e8]]],
  [
    'sin of large numbers',
    (x) => x.sin(),
    [[3e6, 2 ** 100, Infinity, -Infinity, NaN]],
    [Math.sin(3e6), Math.sin(2 ** 100), NaN, NaN, NaN],
    [[Math.cos(3e6), Math.cos(2 ** 100), NaN, NaN, NaN]],
  ],
  [
    'cos of large numbers',
    (x) => x.cos(),
    [[3e6, 2 ** 100, Infinity, -Infinity, NaN]],
    [Math.cos(3e6), Math.cos(2 ** 100), NaN, NaN, NaN],
    [[-Math.sin(3e6), -Math.sin(2 ** 100), NaN, NaN, NaN]],
  ],
  [
    'tan of large numbers',
    (x) => x.tan(),
    [[3e6, 2 ** 100, Infinity, -Infinity, NaN]],
    [Math.tan(3e6), Math.tan(2 ** 100), NaN, NaN, NaN],
    [[1 + Math.tan(3e6) ** 2, 1 + Math.tan(2 ** 100) ** 2, NaN, NaN, NaN]],
  ],
  [
    'arctan at the ends',
    (x) => x.arctan(),
    [[-Infinity, Infinity, 1e20, 0, NaN]],
    [-Math.PI / 2, Math.PI / 2, Math.PI / 2, 0, NaN],
    [[0, 0, 0, 1, NaN]],
  ],
  [
    'floor of whole and halves, and of numbers without a fraction',
    (x) => x.floor(),
    [[-2, -1.5, -0.25, 0.75, 3, 2 ** 22 + 0.5, -(2 ** 23) - 1, 2 ** 100, -Infinity, NaN]],
    [-2, -2, -1, 0, 3, 2 ** 22, -(2 ** 23) - 1, 2 ** 100, -Infinity, NaN],
    [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ],
  [
    'ceil of whole and halves, and of numbers without a fraction',
    (x) => x.ceil(),
    [[-2, -1.5, -0.25, 0.75, 3, 2 ** 22 + 0.5, -(2 ** 23) - 1, 2 ** 100, -Infinity, NaN]],
    [-2, -1, 0, 1, 3, 2 ** 22 + 1, -(2 ** 23) - 1, 2 ** 100, -Infinity, NaN],
    [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ],
  [
    'round: halves to the even number',
    (x) => x.round(),
    [[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2 ** 22 + 0.5, 2 ** 22 + 1.5, Infinity, NaN]],
    [-2, -2, 0, 0, 2, 2, 2 ** 22, 2 ** 22 + 2, Infinity, NaN],
    [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ],
  [
    'mod: the sign of the divisor, and minus the quotient for its gradient',
    (a, b) => a.mod(b),
    [
      [5, -5, 5, -5, 6, -6, 2 ** 40, 0.5],
      [3, 3, -3, -3, 3, -3, 3, 0],
    ],
    [2, 1, -1, -2, 0, 0, 1, NaN],
    [
      [1, 1, 1, 1, 1, 1, 1, 1],
      [-1, 2, 2, -1, -2, -2, -(2 ** 40 - 1) / 3, NaN],
    ],
  ],
  [
    'a power of two values at zero and below',
    (a, b) => a.pow(b),
    [
      [0, 0, 0, -2, -2, 2],
      [2, 0, -1, 2, 0.5, 3],
    ],
    [0, 1, Infinity, 4, NaN, 8],
    [
      [0, 0, -Infinity, -4, NaN, 12],
      [0, 0, -Infinity, NaN, NaN, 8 * Math.LN2],
    ],
  ],
  [
    'whole and half powers at their ends',
    (x) => x.pow(-1.5).add(x.pow(1.5)),
    [[1, 4, Infinity]],
    [2, 8.125, Infinity],
    [[0, 3 - 1.5 / 32, Infinity]],
  ],
  [
    'erf at the ends',
    (x) => x.erf(),
    [[-800, 800, -Infinity, Infinity, NaN]],
    [-1, 1, -1, 1, NaN],
    [[0, 0, 0, 0, NaN]],
  ],
  [
    'ndtr at the ends',
    (x) => x.ndtr(),
    [[-800, 800, -Infinity, Infinity, NaN]],
    [0, 1, 0, 1, NaN],
    [[0, 0, 0, 0, NaN]],
  ],
  [
    'arcsin at and outside its ends',
    (x) => x.arcsin(),
    [[-1, 1, 2, -1.5, NaN]],
    [-Math.PI / 2, Math.PI / 2, NaN, NaN, NaN],
    [[Infinity, Infinity, NaN, NaN, NaN]],
  ],
  [
    'arcsinh of large numbers',
    (x) => x.arcsinh(),
    [[-Infinity, Infinity, 0, NaN]],
    [-Infinity, Infinity, 0, NaN],
    [[0, 0, 1, NaN]],
  ],
  [
    'arctanh at and outside its ends',
    (x) => x.arctanh(),
    [[-1, 1, 2, -1.5, NaN]],
    [-Infinity, Infinity, NaN, NaN, NaN],
    [[Infinity, Infinity, NaN, NaN, NaN]],
  ],
  [
    'cumsum past infinity',
    (x) => x.cumsum(),
    [[1, Infinity, 2, -Infinity]],
    [1, Infinity, Infinity, NaN],
    [[4, 3, 2, 1]],
  ],
  [
    'a denormal, which a run flushes',
    (x) => x.tanh().add(x.abs()).add(x.sigmoid()),
    [[1e-310, -1e-310]],
    [0.5, 0.5],
    [[1.25, 1.25]],
  ],
  ['log at and below zero', (x) => x.log(), [[0, -1, -2]], [-Infinity, NaN, NaN], [[Infinity, NaN, NaN]]],
  [
    'log below zero that is not taken',
    (x) => where(x.gt(0), x.log(), 0),
    [[-1, -Infinity, 2]],
    [0, 0, Math.LN2],
    [[0, 0, 0.5]],
  ],
  [
    'log1p below -1 that is not taken',
    (x) => where(x.gt(-1), x.log1p(), 0),
    [[-3, 1]],
    [0, Math.LN2],
    [[0, 0.5]],
  ],
  [
    'arctanh out of its domain that is not taken',
    (x) => where(x.abs().lt(1), x.arctanh(), 7),
    [[-3, 2, 0]],
    [7, 7, 0],
    [[0, 0, 1]],
  ],
  [
    'log of single numbers that are not taken',
    (x) => where(x.reshape([]).gt(0), x.reshape([]).log(), 3),
    [[-2]],
    [3],
    [[0]],
  ],
  ['log of zero that is not taken', (x) => where(x.gt(0), x.log(), 0), [[0]], [0], [[NaN]]],
  ['the root of zero that is not taken', (x) => where(x.gt(0), x.sqrt(), 0), [[0]], [0], [[NaN]]],
  ['the root of a negative', (x) => x.pow(0.5), [[-1, 4]], [NaN, 2], [[NaN, 0.25]]],
  ['the power -0.5 of zero', (x) => x.pow(-0.5), [[0]], [Infinity], [[-Infinity]]],
  ['the power 1.5 of a negative', (x) => x.pow(1.5), [[-1, 4]], [NaN, 8], [[NaN, 3]]],
  ['the power 2 of zero', (x) => x.pow(2), [[0]], [0], [[0]]],
  ['the power 0', (x) => x.pow(0), [[0, -3]], [1, 1], [[0, 0]]],
  [
    'a quotient by zero',
    (a, b) => a.div(b),
    [
      [1, -1],
      [0, 0],
    ],
    [Infinity, -Infinity],
    [
      [Infinity, Infinity],
      [-Infinity, Infinity],
    ],
  ],
  [
    'exp of what overflows and vanishes',
    (x) => x.exp(),
    [[1000, -1000, -Infinity]],
    [Infinity, 0, 0],
    [[Infinity, 0, 0]],
  ],
  ['softmax of equal infinities', (x) => x.softmax(), [[-Infinity, 0]], [0, 1], [[0, 0]]],
  ['the sum of nothing', (x) => x.sum(), [[]], [0], [[]]],
  ['the mean of nothing', (x) => x.mean(), [[]], [NaN], [[]]],
];

describe('edges', () => {
  for (const [title, f, at, value, gradients] of EDGES) {
    it(title, () => {
      for (const { isa, dtype } of TARGETS) {
        const g = new Leaves();
        const leaves = at.map((numbers) => g.of(numbers));
        const y = f(...leaves);
        const program = compile(y, { isa, dtype });
        assertClose(program.forward({}), value, 1e-6, `the value on ${isa} in ${dtype}`);
        program.backward();
        leaves.forEach((leaf, i) => {
          assertClose(program.readGradient(leaf), gradients[i]!, 1e-6, `gradient ${i} on ${isa} in ${dtype}`);
        });
      }
    });
  }
});
