/** Programs that compute several results and never train. */
import assert from 'node:assert/strict';
import * as vg from '../../lib/index.js';
import type { Outputs } from '../../lib/value/inference.js';
import { constant, index, input, parameter } from '../../lib/value/leaves.js';
import { assertClose } from '../support/check.js';
import { sampled, TARGETS } from '../support/targets.js';

const numbers = (n: number, seed = 0): number[] =>
  Array.from({ length: n }, (_, i) => Math.sin(1 + i + 7 * seed));

interface Case {
  outputs: () => Outputs;
  /** What an example is fed. */
  feeds: (example: number) => Record<string, number[] | number>;
}

const weights = (): vg.Value => parameter(numbers(12), { shape: [3, 4], name: 'w' });

const CASES: Record<string, Case> = {
  'a classifier': {
    outputs: () => {
      const logits = input('x', [3]).matmul(weights());
      return { logits, probabilities: logits.softmax(), best: logits.argmax(), two: logits.topk(2) };
    },
    feeds: (example) => ({ x: numbers(3, example) }),
  },
  'views, a parameter and what no input reaches': {
    outputs: () => {
      const w = weights();
      const y = input('x', [2, 3]).matmul(w);
      return { turned: y.transpose(), column: y.slice(1, 3, 1), w, fixed: w.mul(2).sum(0), y, again: y };
    },
    feeds: (example) => ({ x: numbers(6, example) }),
  },
  'fixed numbers and integers': {
    outputs: () => ({
      table: constant([1, 2]).add(input('x', [2])),
      two: constant(2),
      fixed: vg.constantIndex([[3], [1]]),
    }),
    feeds: (example) => ({ x: numbers(2, example) }),
  },
  'single numbers': {
    outputs: () => {
      const [x, p] = [input('x'), parameter(0.5)];
      return { a: x.mul(p).tanh(), b: x.add(p), p };
    },
    feeds: (example) => ({ x: Math.cos(example) }),
  },
  'rows by index': {
    outputs: () => {
      const rows = weights().gather(index('i', 2));
      return { rows, sums: rows.sum(1), dropped: rows.dropout(0.5, 1) };
    },
    feeds: (example) => ({ i: [example % 3, (example * example) % 3] }),
  },
  'a text of some length': {
    outputs: () => {
      const [w, tokens] = [weights(), index('tokens', 3)];
      const terms = [0, 1, 2].map((at) => w.at(tokens.at(at)).pow(2).sum());
      return { mean: vg.meanOfFirst(terms, index('n')) };
    },
    feeds: (example) => ({ tokens: [example % 3, 1, 2], n: 1 + (example % 3) }),
  },
};

/** The columns of examples. */
function datasetOf(feeds: Case['feeds'], count: number): vg.Dataset {
  const examples = Array.from({ length: count }, (_, i) => feeds(i));
  const names = Object.keys(feeds(0));
  const inputs = Object.fromEntries(
    names.map((name) => {
      const all = examples.flatMap((each) => each[name]!);
      const isIndex = ['i', 'tokens', 'n'].includes(name);
      return [name, { values: isIndex ? Int32Array.from(all) : Float64Array.from(all) }];
    }),
  );
  return { count, inputs };
}

describe('an inference', () => {
  for (const [what, { outputs, feeds }] of Object.entries(CASES)) {
    it(`${what}: has the results that each value has alone`, () => {
      const separate = outputs();
      for (const target of TARGETS) {
        const net = vg.inference(outputs(), target);
        for (const example of [0, 1, 5]) {
          const found = net.run(feeds(example));
          assert.deepEqual(Object.keys(found), Object.keys(separate));
          for (const [name, output] of Object.entries(separate)) {
            const expected = [...output.forward(usedBy(output, feeds(example)))];
            const tolerance = target.dtype === 'float64' ? 1e-13 : 1e-6;
            assertClose(found[name]!, expected, tolerance, `${name} of example ${example}`);
            assert.equal(found[name] instanceof Int32Array, output instanceof vg.Index, name);
          }
        }
      }
    });

    it(`${what}: has the same results of many examples`, () => {
      for (const target of sampled(2)) {
        const net = vg.inference(outputs(), target);
        for (const [count, from, to] of [
          [1, 0, 1],
          [7, 2, 5],
          [32, 0, 32],
          [70, 3, 70],
          [5, 2, 2],
        ] as const) {
          const found = net.runEach(datasetOf(feeds, count), from, to);
          for (const name of Object.keys(found)) {
            const all = Array.from({ length: to - from }, (_, i) => [
              ...net.run(feeds(from + i))[name]!,
            ]).flat();
            assertClose(found[name]!, all, target.dtype === 'float64' ? 1e-13 : 1e-6, `${name}, ${count}`);
          }
        }
      }
    });
  }

  /** The feeds that a value reads. */
  function usedBy(
    value: { forward(feeds?: vg.Feeds): unknown },
    feeds: Record<string, number[] | number>,
  ): vg.Feeds {
    try {
      value.forward(feeds);
      return feeds;
    } catch {
      return {};
    }
  }

  it('gives copies, and keeps no gradient', () => {
    const net = vg.inference({ y: input('x', [2]).mul(parameter([1, 2])) });
    const first = net.run({ x: [1, 1] });
    net.run({ x: [2, 2] });
    assert.deepEqual([...first.y], [1, 2]);
    assert.throws(() => net.program.backward(), /compiled without gradients/);
  });

  it('reads the parameters of a training in progress', () => {
    const w = parameter([1], { name: 'w' });
    const y = w.mul(input('x'));
    for (const dtype of ['float64', 'float32'] as const) {
      w.data[0] = 1;
      const net = vg.inference({ y }, { dtype });
      const training = new vg.SGD({ learningRate: 1 }).minimize(y.sum(), { dtype });
      for (let step = 0; step < 300; step++) {
        assert.equal(net.run({ x: 2 }).y[0], 2 * w.data[0]);
        if (step < 3 || step > 250) training.step({ x: 2 });
      }
    }
  });

  it('has results without numbers, of many examples too', () => {
    const none = parameter([], { shape: [0, 3] });
    const x = input('x');
    const fed = vg.where(constant([1, 0, 1]), none, 0).add(x);
    const rows: [outputs: Record<string, vg.Value>, isFed: boolean][] = [
      [{ y: none }, false],
      [{ y: none.mul(none) }, false],
      [{ y: fed }, true],
      [{ y: fed, x }, true],
    ];
    for (const target of TARGETS)
      for (const [outputs, isFed] of rows)
        for (const count of [1, 3, 40]) {
          const net = vg.inference(outputs, target);
          const column = { values: Float64Array.from({ length: count }, (_, i) => i) };
          const found = net.runEach({ count, inputs: isFed ? { x: column } : {} });
          assert.equal(found['y']!.length, 0);
          if (outputs['x']) assert.deepEqual([...found['x']!], [...column.values]);
        }
  });

  it('has results of any name', () => {
    const results = vg.inference({ ['__proto__']: parameter([3]) }).run({});
    assert.deepEqual(Object.entries(results), [['__proto__', Float64Array.of(3)]]);
  });

  it('names the example that cannot be fed', () => {
    const net = vg.inference({ y: parameter([1, 2, 3]).gather(index('i', 1)) });
    const values = Int32Array.from({ length: 40 }, (_, i) => (i === 35 ? 9 : 0));
    assert.throws(() => net.runEach({ count: 40, inputs: { i: { values } } }), /^FeedError: example 35: /);
  });

  const any = (given: unknown): never => given as never;
  const y = input('x', [2]).mul(2);
  const REFUSED: [what: string, call: () => unknown, message: RegExp][] = [
    ['no outputs', () => vg.inference({}), /^inference: no outputs: give at least one, by its name$/],
    ['a number', () => vg.inference(any(3)), /^inference: 3, expected an object of values/],
    ['a value', () => vg.inference(any(y)), /^inference: #\d+ \(mul, .*\), expected an object of values/],
    ['an index', () => vg.inference(any(y.argmax())), /^inference: #\d+ \(argmax.*, expected an object of/],
    ['a list', () => vg.inference(any([y])), /^inference: an array.*, expected an object of values, as in/],
    [
      'an index that float32 cannot hold',
      () =>
        vg.inference(
          {
            i: constant(1)
              .broadcastTo([2 ** 24 + 2])
              .mul(y.sum())
              .argmax(),
          },
          { dtype: 'float32' },
        ),
      /^inference: output "i": #\d+ .* can be 16777217, and float32 holds .* give dtype: 'float64'$/,
    ],
    [
      'a fixed index that float32 cannot hold',
      () => vg.inference({ i: vg.constantIndex([-(2 ** 25)]) }, { dtype: 'float32' }),
      /^inference: output "i": .* can be 33554432, and float32 holds/,
    ],
    [
      'a list with a number',
      () => vg.inference(any({ y, z: 1 })),
      /^inference: output "z": 1, expected a Value/,
    ],
    [
      'a fed index',
      () => vg.inference({ i: index('i') }),
      /^inference: output "i" 'i' \(index, shape \[\]\): its integers are fed, not computed/,
    ],
    [
      'options of training',
      () => vg.inference({ y }, any({ batches: true })),
      /^inference: there is no option "batches"/,
    ],
    ['a missing input', () => vg.inference({ y }).run({}), /input 'x' is missing/],
    [
      'a range beyond the dataset',
      () => vg.inference({ y }).runEach({ count: 1, inputs: { x: { values: new Float64Array(2) } } }, 0, 2),
      /examples? /,
    ],
    [
      'too many results',
      () =>
        vg
          .inference({
            y: constant(1)
              .broadcastTo([2 ** 20])
              .mul(input('x')),
          })
          .runEach({ count: 2000, inputs: { x: { values: new Float64Array(2000) } } }),
      /^runEach: numbers of all results 2097152000: expected an integer from 0 to 1073741824$/,
    ],
    ['an Inference by new', () => new (any(vg.Inference) as new () => unknown)(), /is made by inference\(/],
  ];
  for (const [what, call, message] of REFUSED)
    it(`refuses ${what}`, () => {
      assert.throws(call, { message });
    });
});
