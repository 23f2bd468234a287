/** Inputs that nothing reads, inputs without numbers, and columns that examples share. */
import assert from 'node:assert/strict';
import { runInNewContext } from 'node:vm';
import type { Column, Dataset } from '../../lib/runtime/dataset.js';
import { gradCheck } from '../../lib/value/grad-check.js';
import { constant, Value } from '../../lib/value/value.js';
import { addN, choose, concat, meanOfFirst } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { embedding, logSumExp, norm, variance } from '../../lib/value/functions.js';
import { logSoftmax } from '../../lib/value/softmax.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { Program } from '../../lib/runtime/program.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { FeedError } from '../../lib/runtime/errors.js';
import { compile } from '../../lib/value/compile.js';
import { ShapeError } from '../../lib/core/shape.js';
import { pattern } from '../support/pattern.js';
import { TARGETS } from '../support/targets.js';

describe('a loss of no numbers', () => {
  const w = parameter([1, 2, 3]);
  const rows: [title: string, loss: Value][] = [
    ['a part of nothing', w.slice(0, 0).mul(3)],
    ['a matrix without rows', parameter([], { shape: [0, 3] }).mul(2)],
    ['picked by no index', w.gather(index('i', 0))],
    ['a sum over rows without elements', parameter([], { shape: [0, 3] }).sum(1)],
  ];
  for (const [title, loss] of rows) {
    it(`is refused: ${title}`, () => {
      assert.throws(() => new SGD({ learningRate: 1 }).minimize(loss), ShapeError);
      const feeds: Feeds = title.includes('index') ? { i: [] } : {};
      const program = compile(loss);
      assert.deepEqual([...program.forward(feeds)], []);
      assert.throws(() => program.evaluate(feeds), /has no numbers, expected one: check the slice/);
      assert.throws(
        () => program.runEach({ count: 1, inputs: {} }, 0, 1),
        /has no numbers, expected one: check the slice/,
      );
      assert.throws(
        () => new Program({ groups: [[loss]], gradients: 'none' }).evaluate(feeds),
        /has no numbers, expected one: check the slice/,
      );
    });
  }
});

describe('a root of several numbers', () => {
  const fed = input('fed', [2]);
  const rows: [title: string, root: Value, says: RegExp][] = [
    ['a vector', fed.mul(2), /#\d+ \(mul, shape \[2\]\) has 2 numbers, expected one: /],
    ['a matrix', fed.reshape([1, 2]), /\(reshape, shape \[1, 2\]\) has 2 numbers, expected one: /],
    [
      'a parameter',
      parameter([1, 2, 3], { name: 'w' }),
      /'w' \(parameter, shape \[3\]\) has 3 numbers, expected one: /,
    ],
  ];
  for (const [title, root, says] of rows) {
    it(`has no single number that evaluate could return: ${title}`, () => {
      for (const target of TARGETS) {
        const program = compile(root, target);
        const isThis = pattern(says, /take \.mean\(\) or \.sum\(\) of it, or call forward\(feeds\)/);
        assert.throws(() => program.evaluate({ fed: [1, 2] }), isThis);
        assert.throws(() => program.runEach({ count: 0, inputs: {} }, 0, 0), isThis);
      }
    });
  }

  it('has one where its axes are of length 1', () => {
    for (const target of TARGETS)
      assert.equal(compile(fed.sum().reshape([1, 1]), target).evaluate({ fed: [1, 2] }), 3);
  });
});

describe('tables and axes without numbers', () => {
  const none = (...shape: number[]): Value => parameter([], { shape });
  const values: [title: string, f: () => Value, value: number[], feeds?: Feeds][] = [
    ['gather of none', () => none(0).gather(index('t', 0)), [], { t: [] }],
    ['gather of no rows', () => none(0, 3).gather(index('t', 0)), [], { t: [] }],
    ['gather of no columns', () => none(0, 3).gather(index('t', 0), 1).add(1), [], { t: [] }],
    ['gather of rows without numbers', () => none(3, 0).gather(index('t', 2)), [], { t: [2, 0] }],
    ['gather of none of some', () => parameter([1, 2]).gather(index('t', 0)), [], { t: [] }],
    ['embedding of none', () => embedding(none(0, 2), index('t', 0)), [], { t: [] }],
    ['a sum of what is gathered', () => none(0).gather(index('t', 0)).sum(), [0], { t: [] }],
    [
      'a product with chosen rows, of none',
      () => [index('t', 0)].map((t) => none(0).gather(t).matmul(none(0, 2).gather(t)))[0]!,
      [0, 0],
      { t: [] },
    ],
    ['crossEntropy of no rows', () => none(0, 3).crossEntropy(index('t', 0)), [], { t: [] }],
    ['crossEntropy of no rows and no classes', () => none(0, 0).crossEntropy(index('t', 0)), [], { t: [] }],
    ['choose among nothing', () => choose([none(0), none(0)], index('i')), [], { i: 1 }],
    ['softmax', () => none(2, 0).softmax(), []],
    ['logSoftmax', () => logSoftmax(none(0, 2), 0), []],
    ['logSumExp', () => logSumExp(none(2, 0), 1), [-Infinity, -Infinity]],
    ['norm', () => norm(none(2, 0), 1), [0, 0]],
    ['variance', () => variance(none(2, 0), 1), [NaN, NaN]],
    ['rmsNorm', () => none(2, 0).rmsNorm(), []],
    ['cumsum', () => none(2, 0).cumsum(1), []],
    ['max over others', () => none(0, 2).max(1), []],
    ['argmax over others', () => parameter([5, 6]).gather(none(0, 2).argmax(1)), []],
    ['a matrix product', () => none(2, 0).matmul(none(0, 2)), [0, 0, 0, 0]],
    ['concat', () => concat([none(0), parameter([1]), none(0)]), [1]],
    ['addN', () => addN([none(0), none(0)]), []],
    ['clip', () => none(0).clip(0, 1), []],
    ['dropout', () => none(0, 2).dropout(0.5, 1), []],
  ];
  for (const [title, f, value, feeds = {}] of values) {
    it(title, () => {
      for (const target of TARGETS) {
        const y = f();
        const program = compile(y, target);
        assert.deepEqual([...program.forward(feeds)], value);
        program.backward();
        const weight = parameter(1);
        const training = new SGD({ learningRate: 1 }).minimize(y.sum().mul(weight), target);
        assert.equal(
          training.step(feeds),
          value.reduce((a, b) => a + b, 0),
        );
      }
    });
  }

  const refused: [title: string, f: () => unknown, message: RegExp][] = [
    ['gather from no rows', () => none(0, 2).gather(index('t', 1)), /gather of .*from \[0, ?2\].*no rows/],
    ['one of no rows', () => none(0, 2).at(index('i')), /no rows/],
    ['gather from no columns', () => none(2, 0).gather(index('t', 1), 1), /no rows/],
    ['crossEntropy without classes', () => none(0).crossEntropy(index('i')), /no classes/],
    ['crossEntropy of rows without classes', () => none(2, 0).crossEntropy(index('t', 2)), /no classes/],
    ['topk of none', () => none(0).topk(1), /topk of .*k 1 of 0/],
    ['argmax of none', () => none(2, 0).argmax(), /empty/],
    ['max of none', () => none(0).max(), /empty/],
  ];
  for (const [title, f, message] of refused) {
    it(`refuse ${title} when the graph is written`, () => {
      assert.throws(f, (error) => error instanceof ShapeError && message.test(error.message));
    });
  }
});

describe('where the examples of a column start', () => {
  const w = parameter(1);
  const x = input('x', [2]);
  const loss = w.mul(x.mul(input('weights', [2])).sum());
  const weights = { values: Float64Array.of(1, 10, 1, 10, 1, 10) };
  const dataset = (values: Column['values'], starts: Column['starts']) => ({
    count: 3,
    inputs: { x: { values, ...(starts && { starts }) }, weights },
  });
  for (const kind of [Float64Array, Float32Array]) {
    const values = kind.of(1, 2, 3, 4, 5, 6);
    it(`is honoured of ${kind.name}`, async () => {
      for (const target of TARGETS) {
        const training = new SGD({ learningRate: 0 }).minimize(loss, target);
        const data = dataset(values, Int32Array.of(3, 0, 4));
        assert.deepEqual([...training.stepEach(data)], [54, 21, 65]);
        assert.deepEqual([...training.stepEach(data, 1)], [21, 65]);
        assert.deepEqual([...training.evaluateEach(data)], [54, 21, 65]);
        assert.deepEqual([...(await training.stepEachAsync(data))], [54, 21, 65]);
        assert.deepEqual([...(await training.stepEachAsync(data, 2))], [65]);
        assert.deepEqual([...training.stepEach(dataset(values, undefined))], [21, 43, 65]);
      }
    });
  }

  const wrong: [title: string, starts: unknown, message: RegExp, taken: number][] = [
    [
      'beyond the column',
      Int32Array.of(0, 5, 0),
      pattern(
        /example 1: input 'x': starts\[1\] is 5, /,
        /and from there this run needs 2 numbers .* its column has 6 values/,
      ),
      1,
    ],
    [
      'far beyond the column',
      Int32Array.of(2 ** 31 - 1, 0, 0),
      /example 0: input 'x': starts\[0\] is 2147483647, and from there .* its column has 6 values/,
      0,
    ],
    [
      'before the column',
      Int32Array.of(0, 2, -1),
      /example 2: input 'x': starts\[2\] is -1, and from there .* its column has 6 values/,
      2,
    ],
    ['too few of them', Int32Array.of(0, 1), /input 'x': 2 starts for 3 examples/, 0],
    ['fractions', Float64Array.of(0, 0.5, 1), /input 'x': starts .*expected an Int32Array/, 0],
    ['a plain array', [0, 1, 2], /input 'x': starts .*expected an Int32Array/, 0],
    ['a number', 3, /input 'x': starts .*expected an Int32Array/, 0],
  ];
  for (const [title, starts, message, taken] of wrong) {
    it(`is refused: ${title}`, async () => {
      const data = dataset(Float64Array.of(1, 2, 3, 4, 5, 6), starts as Int32Array);
      const isIt = (error: unknown): boolean => error instanceof FeedError && message.test(error.message);
      const training = new SGD({ learningRate: 0 }).minimize(loss);
      assert.throws(() => training.stepEach(data), isIt);
      assert.equal(training.steps, taken);
      assert.throws(() => training.evaluateEach(data), isIt);
      await assert.rejects(training.stepEachAsync(data), isIt);
      assert.equal(training.steps, 2 * taken);
    });
  }

  it('is honoured of lengths', () => {
    const n = index('n');
    const first = meanOfFirst([w.mul(2), w.mul(4), w.mul(6)], n);
    const training = new SGD({ learningRate: 0 }).minimize(first);
    const data = (...starts: number[]) => ({
      count: starts.length,
      inputs: { n: { values: Int32Array.of(3, 1, 2), starts: Int32Array.from(starts) } },
    });
    assert.deepEqual([...training.stepEach(data(2, 0, 1))], [3, 4, 2]);
    assert.throws(
      () => training.stepEach(data(0, 3)),
      pattern(
        /example 1: input 'n': starts\[1\] is 3, and from there this run needs an integer, the length, /,
        /but its column has 3 values/,
      ),
    );
  });
});

describe('feeds and columns of a class', () => {
  const w = parameter([1, 2]);
  const loss = w
    .mul(input('x', [2]))
    .sum()
    .mul(input('scale'));
  class Getters {
    get x(): number[] {
      return [1, 2];
    }
    get scale(): number {
      return 3;
    }
  }
  class Columns {
    readonly #values = Float64Array.of(1, 2, 3, 4);
    get x(): Column {
      return { values: this.#values };
    }
    get scale(): Column {
      return { values: Float64Array.of(1, 2) };
    }
  }
  const any = (given: object): Feeds & Dataset['inputs'] => given as Feeds & Dataset['inputs'];

  it('are read by the getters of the class', async () => {
    const training = new SGD({ learningRate: 0 }).minimize(loss, { batches: true });
    const feeds = any(new Getters());
    assert.equal(training.step(feeds), 15);
    assert.equal(training.step(any(new (class extends Getters {})())), 15);
    assert.equal(training.step({ x: [1, 1], scale: 1 }), 3);
    assert.equal(training.step({ scale: 1, x: [1, 1] }), 3);
    assert.equal(training.evaluate(feeds), 15);
    assert.equal(training.stepBatch([feeds, feeds]), 15);
    assert.equal(gradCheck(loss, feeds).elements, 5);
    const dataset = { count: 2, inputs: any(new Columns()) };
    assert.deepEqual([...training.stepEach(dataset)], [5, 22]);
    assert.deepEqual([...(await training.stepEachAsync(dataset))], [5, 22]);
  });

  const unknown: [title: string, feeds: object][] = [
    [
      'a field beside getters',
      new (class extends Getters {
        lable = 1;
      })(),
    ],
    [
      'a getter beside getters',
      new (class extends Getters {
        get lable() {
          return 1;
        }
      })(),
    ],
    [
      'a getter beside fields',
      new (class {
        x = [1, 2];
        scale = 3;
        get lable() {
          return 1;
        }
      })(),
    ],
    [
      'a field beside what cannot be enumerated',
      Object.defineProperty({ x: [1, 2], lable: 1 }, 'scale', { value: 3 }),
    ],
    ['an inherited field', Object.assign(Object.create({ lable: 1 }) as object, { x: [1, 2], scale: 3 })],
  ];
  for (const [title, given] of unknown) {
    it(`are refused with an unknown name: ${title}`, async () => {
      const training = new SGD({ learningRate: 0 }).minimize(loss, { batches: true });
      training.step({ x: [1, 2], scale: 3 });
      const feeds = any(given);
      const says = /no input is named 'lable'/;
      for (const call of [
        () => training.step(feeds),
        () => training.evaluate(feeds),
        () => training.stepBatch([feeds]),
        () => gradCheck(loss, feeds),
      ])
        assert.throws(call, says);
      const dataset = { count: 0, inputs: feeds };
      assert.throws(() => training.stepEach(dataset), says);
      await assert.rejects(training.stepEachAsync({ count: 1, inputs: feeds }, 0, 1), says);
    });
  }

  for (const given of [[], new Map(), new Set(), new Float64Array(2)]) {
    const kind = Object.prototype.toString.call(given);
    it(`are refused of a program without inputs, where they are ${kind}`, () => {
      const training = new SGD({ learningRate: 0 }).minimize(w.sum());
      assert.equal(training.step({}), 3);
      assert.throws(
        () => training.step(given as unknown as Feeds),
        /^FeedError: the feeds are an? .*: expected an object with numbers for each input/,
      );
    });
  }
});

describe('an input may have a name that all objects have something by', () => {
  for (const name of ['constructor', 'toString', 'hasOwnProperty', 'valueOf', '__proto__']) {
    it(name, async () => {
      for (const [leaf, right, column] of [
        [input(name, [2]), [1, 2], Float64Array.of(1, 2)],
        [index(name, 2), [0, 1], Int32Array.of(0, 1)],
      ] as const) {
        const w = parameter([1, 2], { name: 'w' });
        const loss = leaf instanceof Value ? w.mul(leaf).sum() : w.gather(leaf).sum();
        const value = leaf instanceof Value ? 5 : 3;
        const make = new SGD({ learningRate: 0 });
        const training = make.minimize(loss, { batches: true, detectAnomaly: true });
        const feeds: Feeds = { [name]: right };
        assert.equal(training.step(feeds), value);
        assert.equal(training.step(Object.create({ [name]: right }) as Feeds), value);
        assert.equal(training.stepBatch([feeds]), value);
        const inputs = { [name]: { values: column } };
        assert.deepEqual([...training.stepEach({ count: 1, inputs })], [value]);
        assert.deepEqual([...(await training.stepEachAsync({ count: 1, inputs }))], [value]);
        gradCheck(loss, feeds);
        const missing = (error: unknown): boolean =>
          error instanceof FeedError && error.message.includes(`input '${name}' is missing`);
        for (const none of [{}, Object.create(null) as object, Object.create({})]) {
          assert.throws(() => training.step(none as Feeds), missing);
          assert.throws(() => training.stepEach({ count: 1, inputs: none as Dataset['inputs'] }), missing);
        }
        w.data[0] = NaN;
        assert.throws(() => training.step(feeds), /First, 'w'/);
      }
      const first = meanOfFirst([parameter(2), parameter(4)], index(name));
      const training = new SGD({ learningRate: 0 }).minimize(first);
      assert.equal(training.step({ [name]: 2 }), 3);
      assert.throws(() => training.step({}), /is missing: feed a length from 1 to 2/);
    });
  }

  it('and need not be fed where the compiler drops it', () => {
    const w = parameter([1, 2]);
    for (const name of ['toString', '__proto__']) {
      const loss = w.sum().add(input(name, [2]).sum().mul(w.sum()).mul(0));
      const training = new SGD({ learningRate: 0 }).minimize(loss);
      assert.equal(training.step({}), 3);
      assert.deepEqual([...training.stepEach({ count: 1, inputs: {} })], [3]);
    }
  });
});

describe('arrays of another realm, as node:vm makes them,', () => {
  const of = (code: string): never => runInNewContext(code) as never;
  const w = parameter([1, 2]);
  const rows: [title: string, loss: () => Value, name: string, kinds: string[], value: number][] = [
    ['numbers', () => w.mul(input('x', [2])).sum(), 'x', ['Float64Array', 'Float32Array'], 2],
    ['integers', () => w.gather(index('i', 2)).sum(), 'i', ['Int32Array'], 3],
  ];
  for (const [title, build, name, kinds, value] of rows) {
    for (const kind of kinds) {
      it(`serve as ${kind} of ${title}, fed and as columns`, async () => {
        const training = new SGD({ learningRate: 0 }).minimize(build());
        assert.equal(training.step({ [name]: of(`${kind}.of(0, 1)`) }), value);
        for (const column of [
          { values: of(`${kind}.of(0, 1)`) },
          { values: of(`${kind}.of(1, 0, 1)`), starts: of('Int32Array.of(1)') },
        ]) {
          const dataset = { count: 1, inputs: { [name]: column } };
          assert.deepEqual([...training.stepEach(dataset)], [value]);
          assert.deepEqual([...(await training.stepEachAsync(dataset))], [value]);
        }
      });
    }
  }
});

describe('the length of meanOfFirst', () => {
  it('may be fed as a list of one integer, as any other single index', () => {
    const mean = meanOfFirst([constant(1), constant(3)], index('n'));
    for (const n of [2, [2], Int32Array.of(2)]) assert.deepEqual([...mean.forward({ n })], [2]);
    assert.throws(
      () => mean.forward({ n: [1, 2] }),
      /input 'n' = 2 numbers: expected an integer from 1 to 2/,
    );
    assert.throws(() => mean.forward({ n: [[2]] }), /input 'n' = .*: expected an integer from 1 to 2/);
  });
});
