/**
 * Every operator: values against a plain evaluation, gradients against central differences, in the inspecting
 * and the training compilation. In both data types on the best instruction set, and on one other target that
 * changes from row to row; `npm run test:long` takes all targets.
 *
 * A new operator gets rows in one of the three tables and a rule in support/reference.ts; without them
 * nothing compiles.
 */
import { constant, makeValue, type Value } from '../../lib/value/value.js';
import { addN, concat, stack } from '../../lib/value/joins.js';
import { zeros } from '../../lib/value/leaves.js';
import { OP_NAMES, OPS, type Attr, type Builder, type OpName } from '../../lib/graph/ops.js';
import { checkGraph, Leaves } from '../support/check.js';
import { OF_ARRAYS } from '../support/array-rows.js';
import { ELEMENTWISE, type Row } from '../support/elementwise-rows.js';
import { BY_INDEX } from '../support/index-rows.js';
import { WINDOWED } from '../support/window-rows.js';

const ROWS: Readonly<Record<OpName, Row[]>> = { ...ELEMENTWISE, ...OF_ARRAYS, ...BY_INDEX, ...WINDOWED };

describe('operators', () => {
  for (const op of OP_NAMES) {
    describe(op, () => {
      ROWS[op].forEach(([title, build], i) => {
        it(title, () => checkGraph(build, { seed: i + 1 }));
      });
    });
  }
});

/** Several operators together, where the compiler writes one's result into another. */
const COMPOSITIONS: Row[] = [
  ['x + x', (g) => [g.p(3)].map((x) => x.add(x))[0]!],
  ['x * x', (g) => [g.p(3)].map((x) => x.mul(x))[0]!],
  ['x * x of single numbers', (g) => [g.p()].map((x) => x.mul(x).add(x))[0]!],
  ['x - x', (g) => [g.p(3)].map((x) => x.sub(x).add(x))[0]!],
  ['x / x', (g) => [g.p(3)].map((x) => x.div(x))[0]!],
  ['a result five times', (g) => [g.p(3).exp()].map((x) => x.mul(x).mul(x).add(x).div(x))[0]!],
  [
    'a sum with one result twice',
    (g) => [g.p(3).gather(g.fed([1]))].map((x) => addN([x, g.p(1), g.p(1), x]).mul(2))[0]!,
  ],
  ['a product with zeros', (g) => zeros([3]).matmul(g.p(3, 2)).add(g.p(2))],
  [
    'a parameter that only zeros meet',
    (g) =>
      g
        .p(3)
        .mul(zeros([3]))
        .add(g.p(3)),
  ],
  [
    'a root mean square norm',
    (g) => [g.p(3, 5)].map((x) => x.mul(x.mul(x).mean(-1).add(1e-5).pow(-0.5).reshape([3, 1])))[0]!,
  ],
  [
    'rows of one array, one by one',
    (g) => [g.p(4, 3)].map((x) => addN([0, 1, 2, 3].map((i) => x.at(i).exp())))[0]!,
  ],
  [
    'some rows of one array, one of them twice',
    (g) => [g.p(4, 3).exp()].map((x) => addN([0, 2, 2].map((i) => x.at(i).exp())))[0]!,
  ],
  [
    'gathered and fixed rows of one array',
    (g) => [g.p(4, 3)].map((x) => x.at(1).mul(x.gather(g.fed([1, 1])).sum(0)))[0]!,
  ],
  [
    'one matrix in many products',
    (g) => [g.p(4, 4)].map((m) => [1, 2, 3].reduce((h) => h.matmul(m).add(g.p(4)).relu(), g.p(4)))[0]!,
  ],
  [
    'parts joined in another order',
    (g) => [g.p(2, 6).exp()].map((x) => concat([x.slice(4, 6, 1), x.slice(0, 4, 1)], 1).mul(x))[0]!,
  ],
  [
    'a stack of slices of a join',
    (g) =>
      [concat([g.p(2, 3).exp(), g.p(2, 3)])].map((x) => stack([x.slice(1, 3), x.slice(0, 2)]).sum(0))[0]!,
  ],
  [
    'a transposed sum, broadcast back',
    (g) => [g.p(3, 4)].map((x) => x.transpose().sub(x.transpose().sum(0)).exp())[0]!,
  ],
  [
    'a sum of transposed products',
    (g) => addN([g.p(3, 4).matmul(g.p(4, 2)).transpose(), g.p(2, 5).matmul(g.p(5, 3))]),
  ],
  [
    'attention over two positions',
    (g) => {
      const [q, k, v] = [g.p(4), [g.p(4), g.p(4).exp()], [g.p(4), g.p(4).exp()]] as const;
      return [1, 2]
        .map((n) =>
          stack(k.slice(0, n))
            .matmul(q)
            .softmax()
            .matmul(stack(v.slice(0, n))),
        )
        .reduce((a, b) => a.mul(b));
    },
  ],
  [
    'rows that fire',
    (g) =>
      [g.p(6)].map(
        (h) => [h.topk(3)].map((a) => h.add(h.gather(a).matmul(g.p(6, 6).gather(a))).relu())[0]!,
      )[0]!,
  ],
];

describe('compositions', () => {
  COMPOSITIONS.forEach(([title, build], i) => {
    it(title, () => checkGraph(build, { seed: i + 1 }));
  });
});

/** Gradient rules over the user's graph, where they can be differentiated themselves. */
const BUILDER: Builder<Value> = { op: makeValue, constant, shape: (x) => x.shape };
const AGAIN: [op: OpName, attr: Attr, operands: (g: Leaves) => Value[]][] = [
  ...(
    [
      'exp',
      'log',
      'relu',
      'abs',
      'sin',
      'cos',
      'tanh',
      'sigmoid',
      'softplus',
      'expm1',
      'log1p',
      'erf',
      'ndtr',
      'arcsin',
      'arcsinh',
      'arctanh',
    ] as const
  ).map((op): (typeof AGAIN)[number] => [op, {}, (g) => [g.positive(2, 3).mul(0.4)]]),
  ['pow', { exponent: 1.5 }, (g) => [g.positive(4)]],
  ...(['mul', 'div', 'maximum', 'minimum', 'logGrad'] as const).map((op): (typeof AGAIN)[number] => [
    op,
    {},
    (g) => [g.p(2, 3), g.positive(3)],
  ]),
  ['max', { axes: [1] }, (g) => [g.p(3, 4)]],
  ['max', {}, (g) => [g.p(5)]],
  ['cumsum', { axis: 0 }, (g) => [g.p(3, 2)]],
  ['softmax', {}, (g) => [g.p(2, 3)]],
  ['rmsNorm', { scale: 0.25, eps: 0.1 }, (g) => [g.p(2, 4)]],
  ...(['tan', 'arctan'] as const).map((op): (typeof AGAIN)[number] => [
    op,
    {},
    (g) => [g.positive(2, 3).mul(0.4)],
  ]),
  ...[3, 4, -1, -2, -0.5].map((exponent): (typeof AGAIN)[number] => [
    'pow',
    { exponent },
    (g) => [g.positive(4)],
  ]),
  ['mod', {}, (g) => [g.p(2, 3), g.positive(3)]],
  ['power', {}, (g) => [g.positive(2, 3), g.p(3)]],
  ['softmaxColumns', {}, (g) => [g.p(3, 2)]],
];

describe('gradients, differentiated again', () => {
  for (const [row, [op, attr, operands]] of AGAIN.entries()) {
    it(`${op} ${JSON.stringify(attr)}`, () => {
      const n = operands(new Leaves()).length;
      for (let i = 0; i < n; i++) {
        checkGraph(
          (g) => {
            const inputs = operands(g);
            const output = makeValue(op, inputs, attr);
            const dy = g.p(...output.shape);
            const gradient = OPS[op].gradient({ g: BUILDER, inputs, output, attr, dy }, i);
            // All operands must be part of the computation.
            return inputs.reduce((y, x) => y.add(x.sum()), gradient);
          },
          { seed: row + 1 },
        );
      }
    });
  }
});
