/** Gradients in the graph: closed forms, every operator's rule twice, and what is refused. */
import assert from 'node:assert/strict';
import '../../lib/value/operators.js';
import { grad } from '../../lib/value/grad.js';
import { makeValue, type Value } from '../../lib/value/value.js';
import { addN, choose, concat, meanOfFirst, stack } from '../../lib/value/joins.js';
import { input, parameter, zeros } from '../../lib/value/leaves.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { OP_NAMES, type OpName } from '../../lib/graph/ops.js';
import { compile } from '../../lib/value/compile.js';
import { assertClose, checkGraph, Leaves } from '../support/check.js';
import { pattern } from '../support/pattern.js';
import { FLOAT64, TARGETS } from '../support/targets.js';

const numbers = (x: Value, feeds = {}): number[] => Array.from(x.forward(feeds));

/** All second derivatives of a number by a vector. */
function hessian(f: Value, x: Value): Value {
  const [slope] = grad(f, [x]);
  return stack(Array.from({ length: x.shape[0]! }, (_, i) => grad(slope!.at(i), [x])[0]!));
}

const A = [
  [2, -1, 0.5],
  [-1, 3, 0.25],
  [0.5, 0.25, 1],
];

const HESSIANS: [title: string, f: (x: Value) => Value, at: number[], expected: number[][]][] = [
  ['a quadratic form', (x) => x.matmul(parameter(A).matmul(x)).mul(0.5), [1, -2, 0.3], A],
  [
    'a sum',
    (x) => x.sum(),
    [1, 2],
    [
      [0, 0],
      [0, 0],
    ],
  ],
  [
    'a cube',
    (x) => x.pow(3).sum(),
    [2, -1],
    [
      [12, 0],
      [0, -6],
    ],
  ],
  [
    'a product',
    (x) => x.at(0).mul(x.at(1)).mul(x.at(2)),
    [2, 3, 5],
    [
      [0, 5, 3],
      [5, 0, 2],
      [3, 2, 0],
    ],
  ],
  [
    'a logarithm',
    (x) => x.log().sum(),
    [2, 0.5],
    [
      [-0.25, 0],
      [0, -4],
    ],
  ],
  [
    'exp(2a + b)',
    (x) => x.at(0).mul(2).add(x.at(1)).exp(),
    [0, 0],
    [
      [4, 2],
      [2, 1],
    ],
  ],
  [
    'a quotient',
    (x) => x.at(0).div(x.at(1)),
    [3, 2],
    [
      [0, -0.25],
      [-0.25, 0.75],
    ],
  ],
  [
    "Rosenbrock's function",
    (x) =>
      x
        .at(0)
        .neg()
        .add(1)
        .pow(2)
        .add(x.at(1).sub(x.at(0).pow(2)).pow(2).mul(100)),
    [1, 1],
    [
      [802, -400],
      [-400, 200],
    ],
  ],
  // With p the softmax: diag(p) - p pᵀ.
  [
    'log(sum(exp))',
    (x) => x.exp().sum().log(),
    [0, 0],
    [
      [0.25, -0.25],
      [-0.25, 0.25],
    ],
  ],
  [
    'the larger, and relu',
    (x) => x.at(0).maximum(x.at(1)).pow(2).add(x.at(1).relu().pow(3)),
    [3, 1],
    [
      [2, 0],
      [0, 6],
    ],
  ],
];

describe('grad: Hessians', () => {
  for (const [title, f, at, expected] of HESSIANS) {
    it(`of ${title}`, () => {
      for (const { isa, dtype } of TARGETS) {
        const x = parameter(at);
        const program = compile(hessian(f(x), x), { isa, dtype });
        const tolerance = dtype === 'float64' ? 1e-12 : 1e-5;
        assertClose(program.forward({}), expected.flat(), tolerance, `${isa} in ${dtype}`);
      }
    });
  }

  it('a derivative of a single number five times', () => {
    const x = parameter(0.5);
    let y = x.pow(3).exp();
    for (let i = 0; i < 5; i++) y = grad(y, [x])[0]!;
    // The fifth derivative of exp(x³), by hand.
    const expected = (243 * 0.5 ** 10 + 1620 * 0.5 ** 7 + 2160 * 0.5 ** 4 + 360 * 0.5) * Math.exp(0.125);
    assertClose(numbers(y), [expected], 1e-12, 'the fifth derivative');
  });
});

type Row = [title: string, build: (g: Leaves) => Value];

/** Functions whose gradients use every rule; curved, so that second derivatives do not vanish. */
const RULES: Readonly<Partial<Record<OpName, Row[]>>> = {
  neg: [['of an array', (g) => g.p(3).exp().neg()]],
  exp: [['of an array', (g) => g.p(2, 3).exp()]],
  log: [['of an array', (g) => g.positive(4).log()]],
  relu: [['of an array', (g) => g.p(5).relu().pow(3)]],
  pow: [2, 3, 4, -1, -2, 0.5, -0.5, 1, 0].map((p): Row => [`to ${p}`, (g) => g.positive(4).pow(p)]),
  detach: [['as a factor', (g) => [g.p(3)].map((x) => x.mul(x.exp().detach()).mul(x))[0]!]],
  add: [['broadcast', (g) => g.p(2, 3).add(g.p(3)).pow(3)]],
  sub: [['broadcast both ways', (g) => g.p(2, 1).sub(g.p(1, 3)).pow(3)]],
  mul: [['broadcast', (g) => g.p(2, 3).mul(g.p(2, 1)).mul(g.p())]],
  div: [['broadcast', (g) => g.p(2, 3).div(g.p(3))]],
  mod: [['broadcast', (g) => g.p(2, 3).mod(g.positive(3)).pow(3)]],
  power: [['broadcast', (g) => g.positive(2, 3).pow(g.p(3))]],
  maximum: [['broadcast', (g) => g.p(2, 3).maximum(g.p(3)).pow(3)]],
  logGrad: [['of arrays', (g) => makeValue('logGrad', [g.p(4), g.positive(4)])]],
  maskPositive: [['of arrays', (g) => makeValue('maskPositive', [g.p(4).exp(), g.p(4)])]],
  ifNonzero: [['of arrays', (g) => makeValue('ifNonzero', [g.p(4).exp(), g.p(4).gt(0)])]],
  ifZero: [['of arrays', (g) => makeValue('ifZero', [g.p(4).exp(), g.p(4).gt(0)])]],
  sign: [['as a factor', (g) => [g.p(3)].map((x) => x.sign().mul(x.mul(x)))[0]!]],
  abs: [['cubed', (g) => g.p(4).abs().pow(3)]],
  sin: [['of an array', (g) => g.p(4).sin()]],
  cos: [['of an array', (g) => g.p(4).cos()]],
  tan: [['of an array', (g) => g.p(4).mul(0.5).tan()]],
  floor: [['beside a cube', (g) => [g.p(4)].map((x) => x.mul(3).floor().mul(x.pow(3)))[0]!]],
  ceil: [['beside a cube', (g) => [g.p(4)].map((x) => x.mul(3).ceil().mul(x.pow(3)))[0]!]],
  round: [['beside a cube', (g) => [g.p(4)].map((x) => x.mul(3).round().mul(x.pow(3)))[0]!]],
  tanh: [['of an array', (g) => g.p(4).tanh()]],
  sigmoid: [['of an array', (g) => g.p(4).sigmoid()]],
  softplus: [['of an array', (g) => g.p(4).softplus()]],
  expm1: [['of an array', (g) => g.p(4).expm1()]],
  log1p: [['of an array', (g) => g.positive(4).log1p()]],
  erf: [['of an array', (g) => g.p(4).erf()]],
  ndtr: [['of an array', (g) => g.p(4).ndtr()]],
  arcsin: [['of an array', (g) => g.p(4).mul(0.4).arcsin()]],
  arctan: [['of an array', (g) => g.p(4).arctan()]],
  arcsinh: [['of an array', (g) => g.p(4).arcsinh()]],
  arctanh: [['of an array', (g) => g.p(4).mul(0.4).arctanh()]],
  dropout: [['that drops nothing', (g) => g.p(4).exp().dropout(0, 7)]],
  minimum: [['broadcast', (g) => g.p(2, 3).minimum(g.p(3)).pow(3)]],
  gt: [['as a factor', (g) => [g.p(2, 3)].map((x) => x.gt(g.p(3)).mul(x.pow(3)))[0]!]],
  ge: [['as a factor', (g) => [g.p(2, 3)].map((x) => x.ge(g.p(3)).mul(x.pow(3)))[0]!]],
  eq: [['beside a cube', (g) => [g.p(2, 3)].map((x) => x.eq(g.p(3)).add(x.pow(3)))[0]!]],
  max: [
    ['over an axis', (g) => g.p(2, 3, 2).max(1).pow(3)],
    ['over all', (g) => g.p(2, 3).max().pow(3)],
  ],
  cumsum: [['along an axis', (g) => g.p(2, 3).cumsum(1).pow(3)]],
  sum: [
    ['over axes', (g) => g.p(2, 3, 2).sum(1).pow(3)],
    ['over all', (g) => g.p(2, 3).sum().pow(3)],
  ],
  addN: [['of three', (g) => [g.p(3)].map((x) => addN([x, x.mul(x), g.p(3)]).pow(3))[0]!]],
  matmul: [
    ['of matrices', (g) => g.p(3, 4).matmul(g.p(4, 2)).pow(2)],
    ['of a vector and a matrix', (g) => g.p(4).matmul(g.p(4, 2)).pow(2)],
    ['of a matrix and a vector', (g) => g.p(2, 4).matmul(g.p(4)).pow(2)],
    ['of vectors', (g) => g.p(4).matmul(g.p(4)).pow(3)],
    ['of batches, broadcast', (g) => g.p(2, 3, 4).matmul(g.p(4, 2)).pow(2)],
  ],
  softmax: [['of rows', (g) => g.p(2, 4).softmax()]],
  softmaxColumns: [['of columns', (g) => g.p(4, 2).softmax(0)]],
  softmaxColumnsGrad: [['of columns', (g) => makeValue('softmaxColumnsGrad', [g.p(3, 2), g.p(3, 2)])]],
  softmaxGrad: [['of rows', (g) => makeValue('softmaxGrad', [g.p(2, 3), g.p(2, 3)])]],
  reshape: [['of a matrix', (g) => g.p(2, 3).reshape([6]).exp()]],
  transpose: [
    [
      'of three axes',
      (g) =>
        g
          .p(2, 3, 2)
          .transpose([1, 2, 0])
          .mul(g.p(3, 2, 2))
          .exp(),
    ],
  ],
  broadcastTo: [
    [
      'of a column',
      (g) =>
        makeValue('broadcastTo', [g.p(2, 1)], { shape: [2, 3] })
          .mul(g.p(3))
          .exp(),
    ],
  ],
  slice: [['of columns', (g) => g.p(3, 4).slice(1, 3, 1).exp()]],
  pad: [
    [
      'of rows',
      (g) =>
        makeValue('pad', [g.p(2)], { axis: 0, start: 1, shape: [4] })
          .add(g.p(4))
          .exp(),
    ],
  ],
  concat: [['of rows', (g) => concat([g.p(2, 2), g.p(1, 2)]).exp()]],
  stack: [['of vectors', (g) => stack([g.p(3), g.p(3)]).exp()]],
  gather: [
    [
      'of rows, one twice',
      (g) =>
        g
          .p(4, 2)
          .gather(g.fed([1, 3, 1]))
          .exp(),
    ],
    ['of one of each row', (g) => makeValue('gather', [g.p(3, 4), g.fed([1, 0, 2])], { batch: true }).exp()],
  ],
  scatterAdd: [
    ['of rows', (g) => makeValue('scatterAdd', [g.p(3, 2), g.fed([1, 0, 1])], { shape: [2, 2] }).pow(3)],
  ],
  choose: [['of three', (g) => choose([g.p(2), g.p(2), g.p(2)], g.fed(1)).exp()]],
  chooseGrad: [['chosen', (g) => makeValue('chooseGrad', [g.p(3), g.fed(1)], { choice: 1 }).exp()]],
  conv: [
    [
      'with all options',
      (g) =>
        g
          .p(2, 4, 4, 5)
          .conv2d(g.p(2, 2, 2, 3), { stride: [1, 2], padding: 1, dilation: [2, 1], groups: 2 })
          .pow(2),
    ],
  ],
  convInput: [
    [
      'with all options',
      (g) =>
        g
          .p(1, 4, 2, 3)
          .convTranspose2d(g.p(4, 1, 2, 3), {
            stride: [1, 2],
            padding: [0, 1],
            outputPadding: [0, 1],
            groups: 2,
          })
          .pow(2),
    ],
  ],
  convWeights: [
    [
      'of a slope',
      (g) => [g.p(1, 1, 3, 3)].map((w) => grad(g.p(1, 1, 4, 4).conv2d(w).pow(2).sum(), [w])[0]!)[0]!,
    ],
  ],
  maxPool: [['of images', (g) => g.p(1, 2, 4, 5).maxPool2d(3, { stride: 1 }).pow(3)]],
  maxPoolGrad: [
    [
      'of a slope',
      (g) => [g.p(1, 1, 4, 4)].map((x) => grad(x.maxPool2d(2, { stride: 1 }).pow(3).sum(), [x])[0]!)[0]!,
    ],
  ],
  maxPoolPick: [
    [
      'of a slope of a slope',
      (g) =>
        [g.p(1, 1, 4, 4)].map((x) => {
          const [slope] = grad(x.maxPool2d(2).pow(4).sum(), [x]);
          return grad(slope!.pow(2).sum(), [x])[0]!;
        })[0]!,
    ],
  ],
  sumPool: [['of images', (g) => g.p(1, 2, 4, 5).avgPool2d(3, { padding: 1, stride: 2 }).pow(2)]],
  sumPoolGrad: [
    ['of a slope', (g) => [g.p(1, 1, 4, 4)].map((x) => grad(x.avgPool2d(2).pow(3).sum(), [x])[0]!)[0]!],
  ],
  rmsNorm: [
    ['of rows', (g) => g.p(2, 4).rmsNorm({ eps: 0.1 })],
    ['of a vector', (g) => g.p(4).rmsNorm()],
  ],
  rmsNormGrad: [
    [
      'of rows',
      (g) =>
        [g.p(2, 3)].map((x) =>
          makeValue('rmsNormGrad', [g.p(2, 3), x, x.rmsNorm({ eps: 0.5 })], { scale: 1 / 3, eps: 0.5 }),
        )[0]!,
    ],
  ],
  crossEntropy: [
    ['of rows', (g) => g.p(3, 4).crossEntropy(g.fed([1, 3, 1]))],
    ['of a vector', (g) => g.p(4).crossEntropy(g.fed(2))],
  ],
  crossEntropyGrad: [
    [
      'of rows',
      (g) =>
        [g.p(2, 3)].map(
          (x) =>
            [g.fed([1, 2])].map((t) => makeValue('crossEntropyGrad', [g.p(2), x, x.crossEntropy(t), t]))[0]!,
        )[0]!,
    ],
  ],
  gatherMatmul: [['of rows', (g) => makeValue('gatherMatmul', [g.p(4), g.p(4, 3), g.fed([1, 3])]).pow(3)]],
  gatherDot: [['of rows', (g) => makeValue('gatherDot', [g.p(4, 3), g.p(3), g.fed([1, 3])]).pow(3)]],
  scatterOuter: [
    ['of rows', (g) => makeValue('scatterOuter', [g.p(4), g.p(3), g.fed([1, 3])], { shape: [4, 3] }).pow(3)],
  ],
};
/** What no gradient flows through: leaves and integers; and the parts of a prefix mean. */
const WITHOUT: readonly OpName[] = [
  'parameter',
  'input',
  'constant',
  'table',
  'inverseCount',
  'index',
  'integers',
  'frozen',
  'element',
  'elements',
  'topk',
  'step',
  'argmax',
];

describe('grad: the rule of', () => {
  it('every operator is tested', () => {
    assert.deepEqual([...Object.keys(RULES), ...WITHOUT].sort(), [...OP_NAMES].sort());
  });

  for (const [op, rows] of Object.entries(RULES)) {
    rows.forEach(([title, build], i) => {
      // Gradients agree with backward(); gradients of their weighted sum with central differences.
      it(`${op} ${title}, twice`, () => {
        const leaves = new Leaves(i + 1);
        const y = build(leaves);
        const gradients = grad(y, leaves.values);
        y.forward(leaves.feeds);
        y.backward();
        const expected = leaves.values.map((leaf) => Array.from(leaf.grad));
        gradients.forEach((gradient, k) => {
          assert.deepEqual(gradient.shape, leaves.values[k]!.shape);
          assertClose(numbers(gradient, feedsOf(gradient, leaves)), expected[k]!, 1e-12, `gradient ${k}`);
        });
        checkGraph((g) => slopesOf(build, g), { seed: i + 1, targets: FLOAT64 });
      });
    });
  }
});

/** Only what a value depends on may be fed. */
function feedsOf(value: Value, { feeds }: Leaves): Record<string, number | number[]> {
  const names = new Set<string | undefined>();
  const seen = new Set([value.inputs].flat());
  for (const node of seen) for (const operand of node.inputs) seen.add(operand);
  for (const node of seen) names.add(node.name);
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => names.has(name)));
}

/** All gradients of what `build` builds, weighted, beside its value, so that all leaves count. */
function slopesOf(build: (g: Leaves) => Value, g: Leaves): Value {
  const y = build(g);
  const leaves = [...g.values];
  const weighted = grad(y.mul(0.5), leaves).map((slope) => slope.mul(g.p(...slope.shape)).sum());
  return addN([...weighted, y.sum(), ...leaves.map((leaf) => leaf.sum())]);
}

describe('grad', () => {
  it('of what does not depend on a value: zeros of its shape', () => {
    const [x, y] = [parameter([1, 2]), parameter([[3, 4]])];
    const [slope] = grad(x.sum(), [y]);
    assert.deepEqual(slope!.shape, [1, 2]);
    assert.deepEqual(numbers(slope!), [0, 0]);
  });

  it('by a value and by what it comes from, and by the root itself', () => {
    const x = parameter([1, 2, 3]);
    const y = x.mul(x);
    const z = y.mul(y);
    const [byX, byY, byZ] = grad(z, [x, y, z]);
    assertClose(numbers(byX!), [4, 32, 108], 1e-12, 'by x');
    assertClose(numbers(byY!), [2, 8, 18], 1e-12, 'by y');
    assertClose(numbers(byZ!), [1, 1, 1], 1e-12, 'by z');
  });

  it('of an array is that of its sum, a number of any shape included', () => {
    const x = parameter([[2]]);
    assertClose(numbers(grad(x.pow(2), [x])[0]!), [4], 1e-12, 'the gradient');
  });

  it('by an input, fed anew', () => {
    const x = input('x', [2]);
    const [slope] = grad(x.pow(3).sum(), [x]);
    assertClose(numbers(slope!, { x: [1, 2] }), [3, 12], 1e-12, 'first');
    assertClose(numbers(slope!, { x: [-1, 0] }), [3, 0], 1e-12, 'then');
  });

  it('can be trained on: a gradient penalty', () => {
    // (|d f / d x| - 1)² with f = w x³ at x = 1: w becomes 1/3.
    const w = parameter(1);
    const x = input('x');
    const slope = grad(w.mul(x.pow(3)), [x])[0]!;
    const training = new SGD({ learningRate: 0.02 }).minimize(slope.sub(1).pow(2));
    for (let step = 0; step < 100; step++) training.step({ x: 1 });
    assertClose(w.data, [1 / 3], 1e-12, 'the weight');
  });

  it('drops what dropout has dropped', () => {
    const x = parameter(Array.from({ length: 40 }, (_, i) => Math.sin(i + 1)));
    const y = x.dropout(0.5, 3);
    const slope = grad(y, [x])[0]!;
    // The slope is 2 where a number is kept, 0 where it is dropped, and the same as in the value.
    const rows = [
      [slope.mul(x).sub(y), 0, 0],
      [slope.mul(slope).sub(slope.mul(2)), 0, 0],
      [y, 1, Infinity],
    ] as const;
    for (const [difference, least, most] of rows) {
      // A slope alone depends on no parameter, and a loss must.
      const loss = difference.pow(2).sum().add(x.sum().mul(0));
      const training = new SGD({ learningRate: 0 }).minimize(loss);
      for (let step = 0; step < 3; step++) {
        const found = training.step({});
        assert(found >= least && found <= most, `${found} at step ${step}`);
      }
    }
  });

  it('refuses the mean of the first few', () => {
    const x = parameter([1]);
    const length = new Leaves().fed(1);
    const first = meanOfFirst([x, x.mul(x)], length).named('first');
    const mean = first.mul(zeros([1]).add(1));
    assert.throws(
      () => grad(mean, [x]),
      pattern(
        /grad through 'first' \(meanOfFirst, shape \[1\]\): /,
        /how many of its terms count is known only at run time; /,
        /differentiate a mean of a fixed number/,
      ),
    );
    // What does not depend on the value is no obstacle.
    assert.deepEqual(numbers(grad(mean, [parameter([1])])[0]!), [0]);
  });
});
