/** Inputs and integers that only a dropped term reads: they can be fed, need not be, and are checked. */
import assert from 'node:assert/strict';
import { columns } from '../support/feed-columns.js';
import type { Dataset } from '../../lib/runtime/dataset.js';
import { ALL_PASSES } from '../../lib/compiler/passes.js';
import type { Value } from '../../lib/value/value.js';
import { choose, meanOfFirst } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { compile } from '../../lib/value/compile.js';
import { grad } from '../../lib/value/grad.js';
import { SGD } from '../../lib/optim/optimizers.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { FeedError } from '../../lib/runtime/errors.js';
import { TARGETS } from '../support/targets.js';

describe('an input of a graph can be fed to its gradients, which may not depend on it:', () => {
  const w = parameter([1, 2]);
  const x = input('x', [2]);
  const aux = input('aux', [2]);
  const p = parameter(2);
  const wx = w.mul(x).add(aux).sum();
  const rows: [title: string, root: Value, of: Value, feeds: Feeds, wanted: number[]][] = [
    ['a sum', wx, w, { x: [3, 4], aux: [5, 6] }, [3, 4]],
    ['a gradient that is 0', aux.sum(), w, { aux: [5, 6] }, [0, 0]],
    ['an index', wx.add(x.at(index('i'))), w, { x: [3, 4], aux: [5, 6], i: 1 }, [3, 4]],
    ['a second derivative', grad(wx.mul(wx), [x])[0]!.sum(), aux, { x: [3, 4], aux: [5, 6] }, [6, 6]],
    ['that of a linear one', grad(wx, [w])[0]!.sum(), w, { x: [3, 4], aux: [5, 6] }, [0, 0]],
    ['single numbers that it does not read', p.mul(3).add(input('b')), p, { b: 7 }, [3]],
    ['a second derivative of single numbers', grad(p.mul(p).add(input('b')), [p])[0]!, p, { b: 7 }, [2]],
    ['single numbers', parameter(1).mul(input('a')).add(input('b')), aux, { a: 1, b: 2 }, [0, 0]],
  ];
  for (const [title, root, of, feeds, wanted] of rows) {
    it(title, () => {
      for (const target of TARGETS) {
        const [gradient] = grad(root, [of]);
        for (const [scale, result] of [
          [1, gradient!],
          [2, gradient!.mul(2)],
        ] as const)
          assert.deepEqual(
            [...compile(result, target).forward(feeds)],
            wanted.map((y) => scale * y),
          );
        const loss = gradient!.mul(w).sum();
        const training = new SGD({ learningRate: 0 }).minimize(loss, target);
        const total = 1 * wanted[0]! + 2 * wanted.at(-1)!;
        assert.equal(training.step(feeds), total);
        assert.deepEqual([...training.stepEach({ count: 1, inputs: columns(feeds) })], [total]);
      }
    });
  }

  it('and need not be, and is checked', () => {
    const [gradient] = grad(wx, [w]);
    assert.deepEqual([...gradient!.forward({ x: [3, 4] })], [3, 4]);
    assert.throws(
      () => gradient!.forward({ x: [3, 4], aux: 1 }),
      /^FeedError: input 'aux': one number, 1, for/,
    );
    assert.throws(
      () => gradient!.forward({ x: [3, 4], aus: 1 }),
      /no input is named 'aus'; did you mean aux\?/,
    );
  });

  it('but an input of the same name comes first', () => {
    const [gradient] = grad(wx, [w]);
    assert.deepEqual([...gradient!.add(input('aux')).forward({ x: [3, 4], aux: 1 })], [4, 5]);
  });
});

describe('an input of a term that the compiler drops can be fed, and need not be:', () => {
  const w = parameter([1, 2]);
  const x = (): Value => w.mul(input('x', [2])).sum();
  const aux = (): Value => w.mul(input('aux', [2])).sum();
  const rows: [title: string, loss: () => Value, feeds: Feeds, wrong: readonly [Feeds[string], RegExp]][] = [
    ['times a constant 0', () => x().add(aux().mul(0)), { aux: [5, 6] }, [[1], /'aux': 1 number .*needs 2/]],
    [
      'a constant 0 times it',
      () => x().add(parameter(1).mul(0).mul(aux())),
      { aux: [5, 6] },
      [7, /'aux'.*one number/],
    ],
    [
      'less it',
      () => x().sub(aux().mul(0)),
      { aux: [5, 6] },
      [['a', 'b'] as unknown as number[], /'aux'\[0\] is "a"/],
    ],
    [
      'an index alone',
      () => x().add(w.at(index('i')).mul(0)),
      { i: 1 },
      [-1, /'i' = -1: expected an integer/],
    ],
    [
      'a vector of indices',
      () => x().add(w.gather(index('is', 3)).sum().mul(0)),
      { is: [0, 1, 1] },
      [[1, 2, 3, 4], /'is': 4 integers/],
    ],
    [
      'a choice',
      () => x().add(choose([aux(), w.sum()], index('i')).mul(0)),
      { aux: [1, 2], i: 0 },
      [0.5, /'i' = 0.5/],
    ],
    [
      'a classifier',
      () => x().add(input('aux', [3]).crossEntropy(index('i')).mul(0)),
      { aux: [1, 2, 3], i: 2 },
      [1.5, /'i' = 1.5/],
    ],
    [
      'a part of nothing',
      () => x().add(input('aux', [2]).slice(0, 0).sum()),
      { aux: [5, 6] },
      [[1], /'aux': 1 number/],
    ],
    ['the power 0', () => x().add(aux().pow(0).mul(0)), { aux: [5, 6] }, [[1], /'aux': 1 number/]],
    [
      'a matrix product with zeros',
      () => x().add(input('aux', [2]).matmul(w.mul(0))),
      { aux: [5, 6] },
      [[1], /'aux': 1 number/],
    ],
    ['dropout of it', () => x().add(aux().dropout(0.5, 1).mul(0)), { aux: [5, 6] }, [[1], /'aux': 1 number/]],
    [
      'single numbers',
      () =>
        parameter(1)
          .mul(input('a'))
          .add(input('b').mul(parameter(2)).mul(0)),
      { a: 1, b: 3 },
      [[1, 2], /'b': 2 numbers/],
    ],
  ];
  for (const [title, build, fed, [wrong, message]] of rows) {
    it(title, async () => {
      for (const target of TARGETS) {
        const loss = build();
        const feeds = 'a' in fed ? fed : { x: [1, 2], ...fed };
        const name = Object.keys(fed).at(-1)!;
        const [training, other] = [0, 1].map(() =>
          new SGD({ learningRate: 0 }).minimize(loss, { ...target, batches: true }),
        ) as [ReturnType<SGD['minimize']>, ReturnType<SGD['minimize']>];
        const wanted = training.step(feeds);
        assert.equal(other.evaluate(feeds), wanted);
        assert.equal(training.stepBatch([feeds, feeds]), wanted);
        const dataset = { count: 1, inputs: columns(feeds) };
        assert.deepEqual([...training.stepEach(dataset)], [wanted]);
        assert.deepEqual([...training.evaluateEach(dataset)], [wanted]);
        assert.deepEqual([...(await training.stepEachAsync(dataset))], [wanted]);
        if (title !== 'a part of nothing' && title !== 'a matrix product with zeros') {
          const bare = Object.fromEntries(Object.entries(feeds).filter(([key]) => key !== name));
          assert.equal(training.step(bare), wanted);
          assert.deepEqual([...training.stepEach({ count: 1, inputs: columns(bare) })], [wanted]);
        }
        assert.throws(
          () => training.step({ ...feeds, [name]: wrong }),
          (error) => error instanceof FeedError && message.test(error.message),
        );
        assert.throws(() => training.step({ ...feeds, other: 1 }), /no input is named 'other'/);
      }
    });
  }

  it('the length of a mean that is dropped', () => {
    const loss = x().add(meanOfFirst([w.sum(), aux()], index('n')).mul(0));
    const training = new SGD({ learningRate: 0 }).minimize(loss);
    assert.equal(training.step({ x: [1, 2], aux: [1, 1], n: 2 }), 5);
  });
});

describe('integers that only a dropped term reads are checked like all others:', () => {
  const w = parameter([1, 2, 3]);
  const zero = parameter([1, 2, 3]).mul(0);
  const rows: [title: string, loss: () => Value, right: Feeds, wrong: Feeds, says: RegExp][] = [
    [
      'a row',
      () => w.sum().add(w.at(index('i')).mul(0)),
      { i: 2 },
      { i: 3 },
      /'i' = 3: expected an integer from 0 to 2/,
    ],
    [
      'a row of zeros',
      () => w.sum().add(zero.at(index('i')).mul(w.sum())),
      { i: 2 },
      { i: 3 },
      /'i' = 3: expected an integer from 0 to 2/,
    ],
    [
      'rows',
      () => w.sum().add(w.gather(index('is', 2)).sum().mul(0)),
      { is: [0, 2] },
      { is: [0, 3] },
      /'is'\[1\] = 3: expected an integer from 0 to 2/,
    ],
    [
      'one of a list',
      () => w.sum().add(w.at(index('is', 2).at(1)).mul(0)),
      { is: [9, 2] },
      { is: [9, 3] },
      /'is'\[1\] = 3: expected an integer from 0 to 2/,
    ],
    [
      'a choice',
      () => w.sum().add(choose([w.sum(), w.max()], index('i')).mul(0)),
      { i: 1 },
      { i: 2 },
      /'i' = 2: expected an integer from 0 to 1/,
    ],
    [
      'a class',
      () => w.sum().add(w.crossEntropy(index('i')).mul(0)),
      { i: 2 },
      { i: 3 },
      /'i' = 3: expected an integer from 0 to 2/,
    ],
    [
      'a smaller table than the one that is left',
      () => [index('i')].map((i) => w.at(i).add(w.slice(0, 2).at(i).mul(0)))[0]!,
      { i: 1 },
      { i: 2 },
      /'i' = 2: expected an integer from 0 to 1/,
    ],
    [
      'terms of a mean that a run has',
      () =>
        [index('is', 3)].map((is) =>
          meanOfFirst(
            [0, 1, 2].map((i) => w.at(i).add(w.at(is.at(i)).mul(0))),
            index('n'),
          ),
        )[0]!,
      { is: [0, 1, 9], n: 2 },
      { is: [0, 9, 1], n: 2 },
      /'is'\[1\] = 9: expected an integer from 0 to 2/,
    ],
    [
      'single numbers',
      () =>
        parameter(1)
          .mul(2)
          .add(choose([parameter(1), parameter(2)], index('i')).mul(0)),
      { i: 1 },
      { i: 2 },
      /'i' = 2: expected an integer from 0 to 1/,
    ],
  ];
  for (const [title, build, right, wrong, says] of rows) {
    it(title, async () => {
      for (const passes of [ALL_PASSES, new Set<never>()]) {
        const training = new SGD({ learningRate: 0 }).minimize(build(), { batches: true, passes });
        const value = training.step(right);
        assert.throws(() => training.step(wrong), says);
        assert.throws(() => training.evaluate(wrong), says);
        assert.throws(() => training.stepBatch([right, wrong]), says);
        const dataset = (...feeds: Feeds[]): Dataset => ({
          count: feeds.length,
          inputs: Object.fromEntries(
            Object.keys(right).map((name) => [
              name,
              { values: Int32Array.from(feeds.flatMap((feed) => feed[name] as number | number[])) },
            ]),
          ),
        });
        assert.deepEqual([...training.stepEach(dataset(right, right))], [value, value]);
        for (const call of [
          () => training.stepEach(dataset(right, wrong)),
          () => training.evaluateEach(dataset(right, wrong)),
        ])
          assert.throws(call, says);
        await assert.rejects(training.stepEachAsync(dataset(wrong)), says);
      }
    });
  }

  it('and a step that meets NaN is run again with them', () => {
    const nan = parameter([1, NaN, 3], { name: 'nan' });
    const loss = nan.sum().add(w.at(index('i')).mul(0));
    const training = new SGD({ learningRate: 0 }).minimize(loss, { detectAnomaly: true });
    for (const feeds of [{ i: 2 }, {}] as Feeds[]) assert.throws(() => training.step(feeds), /First, 'nan'/);
  });
});
