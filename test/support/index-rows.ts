/** Rows for operators that pick by index, and for norms and losses of rows: one table. */
import { constantIndex, type Index, makeIndex } from '../../lib/value/indices.js';
import { constant, makeValue } from '../../lib/value/value.js';
import { addN, choose, concat, meanOfFirst, stack } from '../../lib/value/joins.js';
import type { OpName } from '../../lib/graph/ops.js';
import { shown, type Row } from './elementwise-rows.js';

/** A range of fed indices; only the compiler makes these. */
const elements = (x: Index, start: number, stop: number): Index => makeIndex('elements', x, { start, stop });

export const BY_INDEX = {
  inverseCount: [
    ['the mean of the first 2 of 3', (g) => meanOfFirst([g.p(2), g.p(2), g.p(2)], g.fed(2))],
    ['of single numbers', (g) => meanOfFirst([g.p(), g.p(), g.p()], g.fed(2))],
  ],
  index: [
    ['one', (g) => g.p(4, 3).gather(g.fed(2))],
    ['a vector', (g) => g.p(4, 3).gather(g.fed([3, 0]))],
    ['used twice', (g) => [g.fed([1, 2])].map((i) => g.p(4, 3).gather(i).mul(g.p(3, 3).gather(i)))[0]!],
  ],
  integers: [
    ['one', (g) => g.p(4, 3).gather(2)],
    ['a vector', (g) => g.p(4, 3).gather([3, 0, 3])],
    [
      'a matrix',
      (g) =>
        g.p(4, 3).gather([
          [3, 0],
          [1, -1],
        ]),
    ],
    ['from the end', (g) => g.p(4).at([-1, -4, 2])],
    ['none', (g) => g.p(4, 3).gather([])],
    [
      'of another axis',
      (g) =>
        g
          .p(2, 4)
          .exp()
          .gather(
            [
              [3, 0],
              [1, 1],
            ],
            1,
          ),
    ],
    [
      'the same twice',
      (g) => [constantIndex([1, 2])].map((i) => g.p(4, 3).gather(i).mul(g.p(3, 3).gather(i)))[0]!,
    ],
    [
      'elements of it',
      (g) => [constantIndex([2, 0])].map((i) => stack([g.p(3).at(i.at(0)), g.p(3).at(i.at(1))]))[0]!,
    ],
    ['that choose', (g) => choose([g.p(), g.p().exp(), g.p()], constantIndex(1))],
    ['that choose from the end', (g) => choose([g.p(), g.p().exp(), g.p()], -2)],
    [
      'of one of each row',
      (g) => makeValue('gather', [g.p(3, 4), constantIndex([1, 0, 2])], { batch: true }),
    ],
    ['as classes', (g) => g.p(3, 4).crossEntropy([1, 3, 1])],
    [
      'beside fed ones',
      (g) =>
        g
          .p(4, 2)
          .gather(g.fed([3, 1]))
          .mul(g.p(4, 2).gather([0, 0])),
    ],
  ],
  element: [
    [
      'of a fixed vector',
      (g) => makeValue('gather', [g.p(4, 2), makeIndex('element', constantIndex([1, 3]), { start: 1 })]),
    ],
    [
      'each of a vector',
      (g) => [g.fed([2, 0])].map((i) => stack([g.p(3).at(i.at(0)), g.p(3).at(i.at(1))]))[0]!,
    ],
  ],
  elements: [
    ['the middle of a vector', (g) => g.p(4, 2).gather(elements(g.fed([0, 3, 1, 2]), 1, 3))],
    ['the middle of a fixed vector', (g) => g.p(4, 2).gather(elements(constantIndex([0, 3, 1, 2]), 1, 3))],
    ['in another shape', (g) => g.p(4, 2).gather(g.fed([0, 3, 1, 2]).reshape([2, -1]))],
    ['rows of a matrix', (g) => g.p(4, 2).gather(g.fed([0, 3, 1, 2, 0, 0]).reshape([3, 2]).slice(1))],
    ['a row of a matrix', (g) => g.p(4, 2).gather(g.fed([0, 3, 1, 2, 0, 0]).reshape([3, 2]).at(-2))],
    ['an element of a part', (g) => g.p(4, 2).gather(g.fed([0, 3, 1, 2]).slice(1, -1).at(-1))],
    ['of those found', (g) => [g.p(3, 4)].map((x) => g.p(4, 2).gather(x.topk(2).slice(1).reshape([4])))[0]!],
  ],
  topk: [
    ['all', (g) => [g.p(4)].map((x) => x.gather(x.topk(4)))[0]!],
    ['the largest', (g) => [g.p(7)].map((x) => x.gather(x.topk(1)))[0]!],
    [
      'of a slice of a column',
      (g) => [g.p(9, 3).slice(1, 2, 1).reshape([9])].map((x) => x.gather(x.topk(3)))[0]!,
    ],
    ['ties go to the lower index', (g) => g.p(5, 2).gather(stack([1, 3, 3, 1, 3].map(constant)).topk(4))],
    ['picks rows of another array', (g) => g.p(33, 3).gather(g.p(33).topk(16))],
    ['of a result', (g) => [g.p(6).mul(g.x(6))].map((x) => x.gather(x.topk(2)).exp())[0]!],
    ['of rows', (g) => g.p(5, 2).gather(g.p(3, 5).topk(2))],
    ['of transposed rows', (g) => g.p(5, 2).gather(g.p(5, 3).transpose().topk(3))],
    ['of four axes', (g) => g.p(4).gather(g.p(2, 3, 2, 4).transpose([1, 0, 2, 3]).topk(2))],
    ['of no rows', (g) => g.p(5, 2).gather(g.p(0, 5).topk(2))],
    ['the smallest', (g) => g.p(5, 2).gather(g.p(3, 5).topk(2, { largest: false }))],
    ['along the first axis', (g) => g.p(5, 2).gather(g.p(5, 3).topk(2, { axis: 0 }))],
    ['along the middle', (g) => g.p(2, 5).gather(g.p(2, 5, 3).topk(2, { axis: 1 }), 1)],
  ],
  gather: [
    ['a row', (g) => g.p(4, 3).gather(g.fed(1))],
    ['rows', (g) => g.p(4, 3).gather(g.fed([1, 3, 0]))],
    ['the same row twice: gradients add up', (g) => g.p(4, 3).gather(g.fed([1, 1, 1, 0]))],
    ['numbers', (g) => g.p(5).gather(g.fed([4, 0, 4]))],
    ['a number', (g) => g.p(5).at(g.fed(4))],
    ['rows of rank 3', (g) => g.p(3, 2, 4).gather(g.fed([2, 0, 2]))],
    [
      'of a transposed array',
      (g) =>
        g
          .p(3, 5)
          .transpose()
          .gather(g.fed([4, 0])),
    ],
    [
      'of a transposed result',
      (g) =>
        g
          .p(3, 5)
          .exp()
          .transpose()
          .gather(g.fed([4, 0])),
    ],
    [
      'of a slice of columns',
      (g) =>
        g
          .p(3, 5)
          .slice(1, 4, 1)
          .gather(g.fed([2, 0])),
    ],
    [
      'numbers of a column',
      (g) =>
        g
          .p(4, 3)
          .slice(1, 2, 1)
          .reshape([4])
          .gather(g.fed([3, 3, 0])),
    ],
    [
      'of a gather',
      (g) =>
        g
          .p(5, 2)
          .gather(g.fed([4, 2, 2]))
          .gather(g.fed([0, 2, 1, 1])),
    ],
    ['no rows', (g) => g.p(5, 2).gather(g.fed([]))],
    [
      'of a result, used elsewhere',
      (g) =>
        [g.p(4, 3).exp()].map((x) =>
          x
            .gather(g.fed([1, 2]))
            .sum(0)
            .mul(x),
        )[0]!,
    ],
    [
      'of planes of permuted axes',
      (g) =>
        g
          .p(2, 3, 4)
          .transpose([1, 0, 2])
          .gather(g.fed([2, 0, 2])),
    ],
    [
      'in a stack in a join',
      (g) =>
        concat(
          [
            stack([
              g
                .p(4, 3)
                .exp()
                .gather(g.fed([2, 0])),
              g.p(2, 3),
            ]),
            g.p(2, 2, 1),
          ],
          -1,
        ),
    ],
    ['one of each row', (g) => makeValue('gather', [g.p(3, 4), g.fed([1, 0, 2])], { batch: true })],
    [
      'two of each row',
      (g) => makeValue('gather', [g.p(3, 4), g.fed([1, 0, 3, 3, 0, 2]).reshape([3, 2])], { batch: true }),
    ],
    [
      'three axes of each row',
      (g) =>
        makeValue('gather', [g.p(2, 4).exp(), g.fed([1, 0, 3, 3, 0, 2, 1, 1]).reshape([2, 2, 2])], {
          batch: true,
        }),
    ],
    [
      'two rows of each matrix',
      (g) => makeValue('gather', [g.p(2, 3, 4).exp(), g.fed([1, 0, 2, 2]).reshape([2, 2])], { batch: true }),
    ],
    [
      'two of each row, in a stack',
      (g) =>
        stack([
          makeValue('gather', [g.p(3, 4).exp(), g.fed([1, 0, 3, 3, 0, 2]).reshape([3, 2])], { batch: true }),
          g.p(3, 2),
        ]),
    ],
    [
      'a matrix of rows, in a join',
      (g) => concat([g.p(4, 3).gather(g.fed([1, 3, 0, 1]).reshape([2, 2])), g.p(2, 1, 3)], 1),
    ],
    [
      'one row of each matrix',
      (g) => makeValue('gather', [g.p(2, 3, 4).exp(), g.fed([1, 0])], { batch: true }),
    ],
  ],
  scatterAdd: [
    [
      'of two of each row',
      (g) =>
        makeValue('scatterAdd', [g.p(3, 2).exp(), g.fed([1, 0, 3, 3, 0, 2]).reshape([3, 2])], {
          shape: [3, 4],
          batch: true,
        }),
    ],
    [
      'of two rows of each matrix',
      (g) =>
        makeValue('scatterAdd', [g.p(2, 2, 4), g.fed([1, 2, 0, 0]).reshape([2, 2])], {
          shape: [2, 3, 4],
          batch: true,
        }),
    ],
    [
      'of a matrix of rows',
      (g) => makeValue('scatterAdd', [g.p(2, 2, 3), g.fed([4, 0, 4, 1]).reshape([2, 2])], { shape: [5, 3] }),
    ],
    ['rows', (g) => makeValue('scatterAdd', [g.p(3, 2), g.fed([4, 0, 4])], { shape: [5, 2] })],
    ['a row', (g) => makeValue('scatterAdd', [g.p(2).exp(), g.fed(3)], { shape: [5, 2] })],
    ['numbers', (g) => makeValue('scatterAdd', [g.p(3).exp(), g.fed([1, 1, 0])], { shape: [4] })],
    [
      'transposed rows',
      (g) => makeValue('scatterAdd', [g.p(2, 3).transpose(), g.fed([1, 1, 0])], { shape: [4, 2] }),
    ],
    [
      'one of each row',
      (g) => makeValue('scatterAdd', [g.p(3), g.fed([1, 0, 3])], { shape: [3, 4], batch: true }),
    ],
    [
      'one row of each matrix',
      (g) => makeValue('scatterAdd', [g.p(2, 4).exp(), g.fed([1, 2])], { shape: [2, 3, 4], batch: true }),
    ],
  ],
  choose: [
    ['among numbers', (g) => choose([g.p(), g.p(), g.p()], g.fed(1))],
    ['among results', (g) => choose([g.p().exp(), g.p().exp(), g.p()], g.fed(0))],
    ['among vectors', (g) => choose([g.p(3), g.p(3).exp(), g.p(3)], g.fed(2))],
    ['among matrices and views', (g) => choose([g.p(3, 2).transpose(), g.p(2, 3).exp()], g.fed(0))],
    ['among one', (g) => choose([g.p(3).exp()], g.fed(0))],
    ['among the same twice', (g) => [g.p().exp()].map((x) => choose([x, x, g.p()], g.fed(1)))[0]!],
    [
      'of a column of numbers, twice',
      (g) => [[g.p(), g.p(), g.p()]].map((x) => choose(x, g.fed(1)).mul(choose(x, g.fed(2))))[0]!,
    ],
    [
      'by a found index',
      (g) => [g.p(3)].map((x) => choose([g.p(2), g.p(2).exp(), g.p(2)], x.topk(1).at(0)))[0]!,
    ],
  ],
  rmsNorm: [
    ...[[1], [5], [67], [3, 4], [2, 3, 16], [7, 16], [4, 1], [0], [0, 3], [2, 0]].map((shape): Row => [
      `of ${shown(shape)}`,
      (g) => g.p(...shape).rmsNorm(),
    ]),
    ['of transposed rows', (g) => g.p(5, 3).transpose().rmsNorm()],
    ['of permuted axes', (g) => g.p(3, 2, 4).exp().transpose([1, 0, 2]).rmsNorm()],
    ['of a slice of columns', (g) => g.p(3, 6).slice(1, 5, 1).rmsNorm({ eps: 0.1 })],
    ['with another epsilon', (g) => g.p(2, 5).rmsNorm({ eps: 2 })],
    ['twice', (g) => g.p(2, 4).rmsNorm().rmsNorm()],
    ['of a value used elsewhere', (g) => [g.p(2, 4).exp()].map((x) => x.rmsNorm().mul(x))[0]!],
  ],
  rmsNormGrad: [
    ...[[5], [3, 4], [2, 3, 16]].map((shape): Row => [
      `of ${shown(shape)}`,
      (g) =>
        [g.p(...shape)].map((x) =>
          makeValue('rmsNormGrad', [g.p(...shape), x, x.rmsNorm({ eps: 0.5 })], {
            scale: 1 / shape[shape.length - 1]!,
            eps: 0.5,
          }),
        )[0]!,
    ]),
  ],
  crossEntropy: [
    ['of a vector', (g) => g.p(5).crossEntropy(g.fed(3))],
    ['of one number', (g) => g.p(1).crossEntropy(g.fed(0))],
    ['of 67 numbers', (g) => g.p(67).crossEntropy(g.fed(66))],
    ['of rows', (g) => g.p(3, 4).crossEntropy(g.fed([1, 3, 1]))],
    ['of 7 rows of 27', (g) => g.p(7, 27).crossEntropy(g.fed([1, 26, 0, 5, 5, 9, 13]))],
    ['of one row', (g) => g.p(1, 4).crossEntropy(g.fed([2]))],
    ['of no rows', (g) => g.p(0, 4).crossEntropy(g.fed([]))],
    [
      'of transposed rows',
      (g) =>
        g
          .p(4, 3)
          .transpose()
          .crossEntropy(g.fed([1, 3, 1])),
    ],
    [
      'of a slice of columns',
      (g) =>
        g
          .p(3, 6)
          .slice(1, 5, 1)
          .crossEntropy(g.fed([1, 3, 1])),
    ],
    [
      'of large numbers',
      (g) =>
        g
          .p(2, 4)
          .add(1000)
          .crossEntropy(g.fed([1, 3])),
    ],
    [
      'stacked',
      (g) =>
        [g.p(2, 4)].map((x) =>
          stack([x.crossEntropy(g.fed([1, 3])), x.mul(2).crossEntropy(g.fed([0, 3]))]).transpose(),
        )[0]!,
    ],
    [
      'of a value used elsewhere',
      (g) =>
        [g.p(3, 4).exp()].map((x) =>
          x
            .crossEntropy(g.fed([1, 3, 1]))
            .reshape([3, 1])
            .mul(x),
        )[0]!,
    ],
  ],
  crossEntropyGrad: [
    [
      'of a vector',
      (g) =>
        [g.p(5)].map(
          (x) => [g.fed(3)].map((t) => makeValue('crossEntropyGrad', [g.p(), x, x.crossEntropy(t), t]))[0]!,
        )[0]!,
    ],
    [
      'of rows',
      (g) =>
        [g.p(3, 4)].map(
          (x) =>
            [g.fed([1, 3, 1])].map((t) =>
              makeValue('crossEntropyGrad', [g.p(3), x, x.crossEntropy(t), t]),
            )[0]!,
        )[0]!,
    ],
  ],
  gatherMatmul: [
    ['of three rows', (g) => makeValue('gatherMatmul', [g.p(5), g.p(5, 4), g.fed([4, 0, 2])])],
    ['of one row twice', (g) => makeValue('gatherMatmul', [g.p(5), g.p(5, 17), g.fed([3, 3])])],
    ['of no rows', (g) => makeValue('gatherMatmul', [g.p(5), g.p(5, 3), g.fed([])])],
    [
      'of a transposed matrix',
      (g) => makeValue('gatherMatmul', [g.p(5), g.p(4, 5).transpose(), g.fed([4, 1])]),
    ],
    [
      'of a column',
      (g) => makeValue('gatherMatmul', [g.p(5, 3).slice(1, 2, 1).reshape([5]), g.p(5, 4), g.fed([4, 1])]),
    ],
    [
      'of rows that fire',
      (g) => [g.p(8)].map((x) => makeValue('gatherMatmul', [x, g.p(8, 8), x.topk(3)]).add(x))[0]!,
    ],
    [
      'in a sum',
      (g) =>
        [g.fed([1, 2])].map((at) =>
          addN([g.p(4).exp(), makeValue('gatherMatmul', [g.p(5), g.p(5, 4), at])]),
        )[0]!,
    ],
  ],
  gatherDot: [
    ['of three rows', (g) => makeValue('gatherDot', [g.p(5, 4), g.p(4), g.fed([4, 0, 2])])],
    ['of one row twice', (g) => makeValue('gatherDot', [g.p(5, 4), g.p(4), g.fed([4, 4])])],
    ['of transposed rows', (g) => makeValue('gatherDot', [g.p(4, 5).transpose(), g.p(4), g.fed([4, 2])])],
    [
      'of a column',
      (g) => makeValue('gatherDot', [g.p(5, 4), g.p(4, 3).slice(1, 2, 1).reshape([4]), g.fed([4])]),
    ],
  ],
  scatterOuter: [
    [
      'of three rows',
      (g) => makeValue('scatterOuter', [g.p(5), g.p(4), g.fed([4, 0, 2])], { shape: [5, 4] }),
    ],
    [
      'of one row twice',
      (g) => makeValue('scatterOuter', [g.p(5), g.p(4), g.fed([1, 1])], { shape: [5, 4] }),
    ],
    [
      'in a sum',
      (g) =>
        [g.fed([1, 2])].map((at) =>
          addN([g.p(5, 4).exp(), makeValue('scatterOuter', [g.p(5), g.p(4), at], { shape: [5, 4] })]),
        )[0]!,
    ],
  ],
  argmax: [
    ['of a vector', (g) => [g.p(5)].map((x) => x.gather(x.argmax()))[0]!],
    ['of one number', (g) => [g.p(1)].map((x) => x.gather(x.argmax()))[0]!],
    ['of rows', (g) => g.p(5, 2).gather(g.p(3, 5).argmax())],
    ['of columns', (g) => g.p(5, 2).gather(g.p(5, 3).argmax(0))],
    ['of transposed rows', (g) => g.p(5, 2).gather(g.p(5, 3).transpose().argmax())],
    ['of the middle of three axes', (g) => g.p(5, 3).gather(g.p(2, 5, 3).argmax(1))],
    ['of the middle of four axes', (g) => g.p(4).gather(g.p(2, 3, 4, 2).argmax(2))],
    ['of three axes, joined', (g) => concat([g.p(5, 2).gather(g.p(3, 2, 5).argmax()), g.p(3, 2, 1)], -1)],
    ['of a result, in a stack', (g) => stack([g.p(5, 2).gather(g.p(3, 2, 5).exp().argmax()), g.p(3, 2, 2)])],
    ['of no rows', (g) => g.p(5, 2).gather(g.p(0, 5).argmax())],
    ['ties go to the lower place', (g) => g.p(3).gather(stack([1, 4, 4].map(constant)).argmax())],
  ],
  chooseGrad: [
    ['chosen', (g) => makeValue('chooseGrad', [g.p(3).exp(), g.fed(1)], { choice: 1 })],
    ['not chosen', (g) => makeValue('chooseGrad', [g.p(3), g.fed(1)], { choice: 0 })],
    ['a number', (g) => makeValue('chooseGrad', [g.p(), g.fed(2)], { choice: 2 })],
  ],
} satisfies Partial<Record<OpName, Row[]>>;
