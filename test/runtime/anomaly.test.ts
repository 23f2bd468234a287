/** `detectAnomaly`: the value that NaN or infinity comes from, and what it passes by. */
import assert from 'node:assert/strict';
import { messageOf, CALLS } from '../support/bad-trainings.js';
import '../../lib/value/operators.js';
import { readsOf } from '../../lib/runtime/anomaly.js';
import { makeValue, Value } from '../../lib/value/value.js';
import { choose, concat, meanOfFirst, stack } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import type { Node } from '../../lib/graph/node.js';
import { reachable } from '../../lib/graph/reachable.js';
import { where } from '../../lib/value/functions.js';
import { Adam, SGD } from '../../lib/optim/optimizers.js';
import type { Training } from '../../lib/optim/training.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { pattern } from '../support/pattern.js';
import { TARGETS } from '../support/targets.js';

describe('detectAnomaly passes by what is left out', () => {
  // 'decoy' is not finite in places that the loss does not read.
  const decoy = (w: Value, x: Value): Value => w.mul(x).log().named('decoy');
  const root = (w: Value, x: Value): Value => w.mul(x).pow(0.5).named('root');
  const both = (w: Value, x: Value): Value[] => [decoy(w, x), root(w, x)];
  const rows: [title: string, loss: (w: Value, x: Value) => Value, feeds?: Feeds][] = [
    ['of a choose', (w, x) => choose(both(w, x), index('one')), { one: 1 }],
    ['of a concat', (w, x) => concat(both(w, x)).slice(2, 4)],
    ['of a stack', (w, x) => stack(both(w, x), 1).slice(1, 2, 1)],
    ['of rows that are gathered', (w, x) => stack(both(w, x)).gather(index('rows', 2)), { rows: [1, 1] }],
    ['of a where', (w, x) => where(x.gt(-2), root(w, x), decoy(w, x))],
    ['of a transpose and a reshape', (w, x) => stack(both(w, x)).transpose([1, 0]).reshape([4]).slice(3, 4)],
    [
      'of a mean of the first',
      (w, x) => meanOfFirst([w.sum(), root(w, x).sum(), decoy(w, x).sum()], index('n')),
      { n: 2 },
    ],
    ['of a product', (w, x) => stack(both(w, x)).matmul(w).slice(1, 2)],
    ['of sums', (w, x) => stack(both(w, x)).sum(1).slice(1, 2)],
    [
      'of running sums',
      (w, x) =>
        concat([w, root(w, x), decoy(w, x)])
          .cumsum()
          .slice(0, 4),
    ],
    ['of softmaxes', (w, x) => stack(both(w, x)).softmax().slice(1, 2)],
    ['of losses', (w, x) => stack(both(w, x)).crossEntropy(index('rows', 2)).slice(1, 2), { rows: [0, 1] }],
    [
      'in another place of the same value',
      (w, x) => concat([root(w, x.mul(2)), w]).slice(1, 3),
      { x: [-1, -1] },
    ],
    [
      'by the largest',
      (w, x) => concat([w.mul(0).log().named('decoy'), w.div(x.relu()).named('root')]).max(),
    ],
  ];
  for (const [title, build, feeds] of rows) {
    it(title, async () => {
      for (const target of TARGETS) {
        const p = parameter([1, 2], { name: 'w' });
        const training = new SGD({ learningRate: 0.1 }).minimize(build(p, input('x', [2])).sum(), {
          ...target,
          detectAnomaly: true,
        });
        assert.match(
          await messageOf(() => training.step({ x: [1, -1], ...feeds })),
          /First, 'root' \((pow|div), shape \[2\]\) is (NaN|Infinity) at index 1 \(of /,
        );
      }
    });
  }

  it('of a gradient', async () => {
    const m = parameter([1, 2], { name: 'w' }).mul(input('x', [2]));
    // Places 0 and 3 have no finite gradient; only the latter is one of m.
    const joined = concat([input('y', [2]), m]).named('joined');
    const training = new SGD({ learningRate: 0.1 }).minimize(joined.pow(0.5).named('root').sum(), {
      detectAnomaly: true,
    });
    assert.match(
      await messageOf(() => training.step({ x: [1, 0], y: [0, 1] })),
      pattern(
        /the gradient of 'joined' \(concat, shape \[4\]\) is Infinity at index 3, /,
        /by the slope of 'root' \(pow, shape \[4\]\) at 0/,
      ),
    );
  });
});

describe('detectAnomaly knows which numbers each operator reads: those that, if NaN, make it NaN', () => {
  const p = (...shape: number[]): Value =>
    parameter(
      Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7) % 11) / 4 - 1.3),
      { shape },
    );
  const positive = (...shape: number[]): Value =>
    parameter(
      p(...shape).data.map((x) => Math.abs(x) / 2 + 0.1),
      { shape },
    );
  const one = index('one');
  const two = index('two', 2);
  const n = index('n');
  const unary = [
    'neg',
    'exp',
    'log',
    'relu',
    'detach',
    'sign',
    'abs',
    'sin',
    'cos',
    'tan',
    'floor',
    'ceil',
    'round',
    'expm1',
    'tanh',
    'sigmoid',
    'softplus',
    'log1p',
    'erf',
    'ndtr',
    'arcsin',
    'arctan',
    'arcsinh',
    'arctanh',
  ] as const;
  const binary = [
    'add',
    'sub',
    'mul',
    'div',
    'mod',
    'maximum',
    'minimum',
    'logGrad',
    'maskPositive',
    'ifNonzero',
    'ifZero',
  ] as const;
  const convolution = p(2, 1, 4, 3).conv2d(p(1, 1, 3, 3), { padding: 1 });
  const pool = p(1, 2, 4, 4).maxPool2d(2);
  const values: (() => Value)[] = [
    ...unary.map((op) => () => positive(2, 3)[op]()),
    ...binary.flatMap((op) => [
      () => makeValue(op, [p(2, 3), positive(2, 3)]),
      () => makeValue(op, [p(3), positive(2, 1)]),
      () => makeValue(op, [p(2, 1, 3), positive(2, 1)]),
    ]),
    ...(['ifNonzero', 'ifZero', 'maskPositive'] as const).map(
      (op) => () => makeValue(op, [p(2, 3), p(3).gt(0)]),
    ),
    () => p(3).neg().relu(),
    () => p(5).pow(3),
    () => positive(2, 3).add(1.5).pow(p(3)),
    () => p(2, 2).dropout(0.5, 1),
    () => p(2, 3, 2).sum(),
    () => p(2, 3, 2).sum(1),
    () => p(2, 3, 2).sum([0, 2]),
    () => p(2, 3, 2).max(),
    () => p(2, 3, 2).max([2, 1]),
    () => p(2, 3, 2).max(0),
    () => makeValue('addN', [p(3), p(3), p(3)]),
    () => makeValue('addN', [p(3), p(3), p(3), n], { prefix: true }),
    () => p(2, 3, 2).cumsum(1),
    () => makeValue('cumsum', [p(2, 3, 2)], { axis: 0, reverse: true }),
    () => p(3).matmul(p(3)),
    () => p(3).matmul(p(3, 2)),
    () => p(2, 3).matmul(p(3)),
    () => p(2, 3).matmul(p(3, 4)),
    () => p(2, 1, 2, 3).matmul(p(4, 3, 2)),
    () => p(3).matmul(p(2, 3, 2)),
    () => p(2, 2, 3).matmul(p(3)),
    () => p(2, 3).softmax(),
    () => makeValue('softmaxGrad', [p(2, 3).softmax(), p(2, 3)]),
    () => p(2, 3, 2).softmax(1),
    () => makeValue('softmaxColumnsGrad', [p(2, 3, 2).softmax(1), p(2, 3, 2)]),
    () => p(2, 3).rmsNorm(),
    () => p(4).crossEntropy(one),
    () => p(2, 4).crossEntropy(two),
    () => p(2, 2, 3, 4).conv2d(p(3, 2, 2, 2), { stride: [1, 2] }),
    () => p(1, 4, 3, 3).conv2d(p(2, 2, 2, 2), { groups: 2, dilation: 2, padding: 1 }),
    () => p(1, 4, 2, 2).convTranspose2d(p(4, 1, 2, 2), { groups: 2, stride: 2 }),
    () =>
      makeValue('convWeights', [p(2, 1, 4, 3), p(2, 1, 4, 3)], { ...convolution.attr, shape: [1, 1, 3, 3] }),
    () => p(1, 2, 4, 4).maxPool2d(2),
    () => p(2, 3, 5).maxPool1d(3, { stride: 1, padding: 1 }).reshape([6, 5]),
    () => makeValue('maxPoolPick', [p(1, 2, 4, 4), pool.first as Value], { window: pool.attr.window! }),
    () =>
      makeValue('maxPoolGrad', [p(1, 2, 2, 2), pool.first as Value], { ...pool.attr, shape: [1, 2, 4, 4] }),
    () => makeValue('sumPool', [p(1, 2, 4, 4)], { window: pool.attr.window! }),
    () => makeValue('sumPoolGrad', [p(1, 2, 2, 2)], { ...pool.attr, shape: [1, 2, 4, 4] }),
    () => p(2, 6).reshape([3, 4]),
    () => p(2, 3, 4).transpose([2, 0, 1]),
    () => p(3, 1).broadcastTo([2, 3, 2]),
    () => p(2, 4, 3).slice(1, 3, 1),
    () => makeValue('pad', [p(2, 2, 3)], { axis: 1, start: 1, shape: [2, 4, 3] }),
    () => concat([p(2, 1, 2), p(2, 3, 2), p(2, 2, 2)], 1),
    () => stack([p(2, 2), p(2, 2)]),
    () => p(3, 2).gather(one),
    () => p(3, 2).gather(two),
    () => makeValue('gather', [p(2, 3, 2), two], { batch: true }),
    () => makeValue('scatterAdd', [p(2, 2), two], { shape: [3, 2] }),
    () => makeValue('scatterAdd', [p(2, 2), two], { shape: [2, 3, 2], batch: true }),
    () => choose([p(3), p(3), p(3)], one),
    () => makeValue('chooseGrad', [p(3), one], { choice: 2, k: 3 }),
    () => makeValue('chooseGrad', [p(3), one], { choice: 1, k: 3 }),
  ];
  const feeds: Record<string, number[] | number> = { one: 2, two: [2, 0], n: 2 };
  for (const make of values) {
    const value = make();
    it(value.label, () => {
      const named = new Set(reachable([value]).flatMap(({ name }) => name ?? []));
      const fed = Object.fromEntries(Object.entries(feeds).filter(([name]) => named.has(name)));
      const run = {
        data: (x: Node) => x.peek('data')!,
        gradient: (x: Node) => x.peek('grad')!,
        integers: ({ name }: Node) => Int32Array.from([feeds[name!]!].flat()),
        length: 2,
      };
      for (const [i, operand] of value.inputs.entries()) {
        if (!(operand instanceof Value) || operand.op !== 'parameter') continue;
        const numbers = operand.data.slice();
        for (let from = 0; from < numbers.length; from++) {
          operand.data[from] = NaN;
          const found = [...value.forward(fed)].map(Number.isNaN);
          const reads = readsOf(value, run);
          assert.deepEqual(
            found.map((_, place) => reads(place, i, from)),
            found,
            `number ${from} of operand ${i}`,
          );
          operand.data.set(numbers);
        }
      }
    });
  }
});

describe('detectAnomaly names the value that NaN or infinity comes from', () => {
  const w = (): Value => parameter([1, 2], { name: 'w' });
  const rows: [title: string, loss: (w: Value, x: Value) => Value, x: number[], message: RegExp][] = [
    [
      'a logarithm',
      (w, x) => w.mul(x).log().named('logits').mul(3).exp().sum(),
      [1, -1],
      pattern(
        /^step 1: the gradient of 'w'.* is NaN at index 1\. First, 'logits' \(log, shape \[2\]\) is NaN at /,
        /index 1 \(of #\d+ \(mul, shape \[2\]\), which is finite there\)\. No parameter was changed/,
      ),
    ],
    [
      'a quotient',
      (w, x) => w.div(x).named('q').sum(),
      [1, 0],
      /First, 'q' \(div, shape \[2\]\) is Infinity at index 1/,
    ],
    [
      'an infinity that becomes NaN',
      (w, x) => w.mul(x).exp().named('e').mul(0.5).sub(w.mul(x).exp()).named('d').sum(),
      [1, 1e3],
      /'d' \(sub, shape \[2\]\) is NaN at index 1, since 'e' \(exp, shape \[2\]\) is Infinity at index 1/,
    ],
    [
      'what was fed',
      (w, x) => w.mul(x.named('x')).sum(),
      [1, NaN],
      /First, 'x' \(input, shape \[2\]\) is NaN at index 1\./,
    ],
    [
      'the slope of a root',
      (w, x) => w.mul(x).named('m').sqrt().named('root').sum(),
      [1, 0],
      pattern(
        /First, the gradient of 'm' \(mul, shape \[2\]\) is Infinity at index 1, /,
        /by the slope of 'root' \(sqrt, shape \[2\]\) at 0/,
      ),
    ],
    [
      'a root of zero that is not taken',
      (w, x) => where(x.gt(0), w.mul(x).named('m').pow(0.5).named('root'), 0).sum(),
      [1, 0],
      /the gradient of 'm' .* is NaN at index 1, by the slope of 'root'/,
    ],
    [
      'an infinite loss whose gradient is finite',
      (w, x) => w.mul(x).sum().add(x.sum().log().neg()).named('loss'),
      [1, -1],
      /the loss, 'loss' \(add, shape \[\]\), is Infinity/,
    ],
  ];
  for (const [title, build, x, message] of rows) {
    it(title, async () => {
      for (const target of TARGETS) {
        for (const [optimizer, batches] of [
          [new SGD({ learningRate: 0.1 }), false],
          [new Adam({ learningRate: 0.1, clipGlobalNorm: 1 }), true],
        ] as const) {
          const p = w();
          const training = optimizer.minimize(build(p, input('x', [2])), {
            ...target,
            detectAnomaly: true,
            batches,
          });
          assert.match(await messageOf(() => training.step({ x })), message);
          assert.deepEqual([...p.data], [1, 2]);
          assert.equal(training.steps, 0);
        }
      }
    });
  }

  it('in each of the calls that train, at its step and example', async () => {
    for (const [name, call, options] of CALLS) {
      const p = w();
      const loss = p
        .mul(input('x', [2]))
        .log()
        .named('log')
        .sum();
      const training = new SGD({ learningRate: 0.1 }).minimize(loss, { ...options, detectAnomaly: true });
      const message = await messageOf(() => call(training, (x) => ({ x }), -1));
      assert.match(message, /^step 2: the gradient of 'w'/, name);
      assert.match(message, /'log' \(log, shape \[2\]\) is NaN at index 1/, name);
      if (name !== 'step') assert.match(message, /[eE]xample 1/, name);
      assert.equal(training.steps, 1);
    }
  });

  it('by the number that an example of a batch has among all examples', async () => {
    const x = input('x');
    const values = Float64Array.from({ length: 40 }, (_, i) => (i === 30 ? -1 : 1));
    const dataset = { count: 40, inputs: { x: { values } } };
    const make = (): Training =>
      new SGD({ learningRate: 0.1 }).minimize(parameter(1).mul(x).log(), {
        batches: true,
        detectAnomaly: true,
      });
    for (const from of [0, 5])
      for (const call of [
        () => make().stepEach(dataset, from, 40, { batch: 16 }),
        () => make().stepEachAsync(dataset, from, 40, { batch: 16 }),
      ])
        assert.match(await messageOf(call), /^step 2: .* Example 30: first, /s);
  });

  it('of a prefix, of dropout, and of integers that are fed', async () => {
    const p = w();
    const n = index('n');
    const terms = [
      p.at(index('i')).mul(input('x')).log().named('first'),
      p.dropout(0.5, 1).sum().mul(input('y')),
    ];
    const training = new SGD({ learningRate: 0.1 }).minimize(meanOfFirst(terms, n), { detectAnomaly: true });
    assert.ok(Number.isFinite(training.step({ n: 2, i: 0, x: 1, y: 1 })));
    assert.match(
      await messageOf(() => training.step({ n: 1, i: 1, x: -1, y: 0 })),
      /^step 2: .*'first' \(log, shape \[\]\) is NaN/,
    );
  });

  it('and lets NaN be that reaches neither the loss nor a gradient', () => {
    const p = w();
    const x = input('x', [2]);
    const training = new SGD({ learningRate: 0.1 }).minimize(where(x.gt(0), p.mul(x).log(), 0).sum(), {
      detectAnomaly: true,
    });
    assert.ok(Number.isFinite(training.step({ x: [1, -1] })));
    assert.equal(training.steps, 1);
  });
});
