/** Fixed arrays: what they are made from, and that training, files and runs leave them as they are. */
import assert from 'node:assert/strict';
import { AdamW, SGD } from '../../lib/optim/optimizers.js';
import { compile } from '../../lib/value/compile.js';
import { grad } from '../../lib/value/grad.js';
import { constant, input, parameter } from '../../lib/value/leaves.js';
import { WeightsError, saveWeights } from '../../lib/weights/weights.js';
import { parsePasses } from '../../lib/compiler/passes.js';
import { ShapeError } from '../../lib/core/shape.js';
import { TARGETS } from '../support/targets.js';

const any = (x: unknown): never => x as never;

const MADE: [
  what: string,
  given: unknown,
  options: { shape?: number[] },
  shape: number[],
  numbers: number[],
][] = [
  ['a number', 2, {}, [], [2]],
  ['a number in a shape', 2, { shape: [1, 1] }, [1, 1], [2]],
  ['a list', [1, 2], {}, [2], [1, 2]],
  [
    'nested lists',
    [
      [1, 2, 3],
      [4, 5, 6],
    ],
    {},
    [2, 3],
    [1, 2, 3, 4, 5, 6],
  ],
  ['a flat list in a shape', [1, 2, 3, 4, 5, 6], { shape: [3, 2] }, [3, 2], [1, 2, 3, 4, 5, 6]],
  ['Float32Array', Float32Array.of(0.5, 2), { shape: [2, 1] }, [2, 1], [0.5, 2]],
  ['Int8Array', Int8Array.of(1, -1), {}, [2], [1, -1]],
  ['nothing', [], { shape: [0, 3] }, [0, 3], []],
];

describe('a constant of', () => {
  for (const [what, given, options, shape, numbers] of MADE) {
    it(what, () => {
      const x = constant(any(given), options);
      assert.deepEqual(x.shape, shape);
      for (const target of TARGETS) {
        assert.deepEqual([...compile(x, target).forward({})], numbers);
        assert.deepEqual([...compile(x.add(-0), target).forward({})], numbers);
      }
    });
  }

  const refused: [
    what: string,
    call: () => unknown,
    Kind: new (message?: string) => Error,
    message: RegExp,
  ][] = [
    [
      'ragged lists',
      () => constant([[1, 2], [3]]),
      ShapeError,
      /^constant: nested arrays of unequal lengths/,
    ],
    [
      'too few numbers',
      () => constant([1, 2], { shape: [3] }),
      ShapeError,
      /^constant: 2 numbers for shape \[3\]/,
    ],
    [
      'nested lists in another shape',
      () =>
        constant(
          [
            [1, 2],
            [3, 4],
          ],
          { shape: [4] },
        ),
      ShapeError,
      /^constant: nested arrays of shape \[2, 2\] for shape \[4\]/,
    ],
    [
      'texts, by its name',
      () => constant(any(['a']), { name: 'mask' }),
      TypeError,
      /^constant 'mask': element \[0\]/,
    ],
    [
      'an unknown option',
      () => constant(1, any({ shapes: [] })),
      TypeError,
      /^constant: there is no option "shapes"/,
    ],
  ];
  for (const [what, call, Kind, message] of refused) {
    it(`${what} is refused`, () => {
      assert.throws(call, (error) => error instanceof Kind && message.test(error.message));
    });
  }
});

describe('a constant array', () => {
  it('does not follow the array that it was made from', () => {
    const numbers = Float64Array.of(1, 2);
    const x = constant(numbers);
    numbers.fill(7);
    assert.deepEqual([...x.forward()], [1, 2]);
  });

  it('has a name, and is called a constant in errors', () => {
    const x = constant([1, 2], { name: 'mask' });
    assert.equal(x.label, "'mask' (constant, shape [2])");
    assert.match(constant([1, 2]).label, /^#\d+ \(constant, shape \[2\]\)$/);
  });

  it('gets no gradient by backward, only by grad, which is asked for it', () => {
    const [w, mask] = [parameter([3, 4, 5]), constant([1, 0, 2])];
    const loss = w.mul(mask).sum();
    loss.forward();
    loss.backward();
    assert.deepEqual([...w.grad], [1, 0, 2]);
    assert.throws(() => mask.grad, /depends on no parameter or input, and backward\(\) computes no gradient/);
    assert.deepEqual([...grad(loss, [mask])[0]!.forward()], [3, 4, 5]);
  });

  it('is neither trained nor decayed, and has no moments', () => {
    for (const { dtype, isa } of TARGETS) {
      const w = parameter([1, 2, 3], { name: 'w' });
      const mask = constant([1, 0, 2], { name: 'mask' });
      const training = new AdamW({ learningRate: 0.1, weightDecay: 0.5 }).minimize(w.mul(mask).sum(), {
        dtype,
        isa,
      });
      for (let step = 0; step < 3; step++) training.step({});
      assert.equal(training.program.parameterCount, 3);
      const { moments } = training.state();
      assert.deepEqual([...moments.keys()], [w]);
      assert.deepEqual([...compile(mask.mul(1)).forward({})], [1, 0, 2]);
      const loss = training.evaluate({});
      const expected = w.data[0]! + 2 * w.data[2]!;
      assert.ok(Math.abs(loss - expected) < 1e-5, `${loss} ${expected}`);
    }
  });

  it('is shared by the examples of a batch, run together or not', () => {
    const numbers = [0.5, -1, 2, 0.25];
    for (const passes of ['all', '-rows'])
      for (const reuse of [4, 300]) {
        const losses = [1, 3].map((threads) => {
          const w = parameter(numbers, { name: 'w' });
          const x = input('x', [4]);
          const mask = constant([1, 0, 1, 2]);
          const table = constant(
            Array.from({ length: 4 * reuse }, (_, i) => Math.sin(i)),
            { shape: [4, reuse] },
          );
          const loss = w.mul(x).mul(mask).matmul(table).tanh().pow(2).mean();
          const training = new SGD({ learningRate: 0.1 }).minimize(loss, {
            batches: true,
            passes: parsePasses(passes),
          });
          const examples = [1, 2, 3, 4, 5].map((n) => ({ x: [n, 1, -n, 0.5] }));
          for (let step = 0; step < 3; step++) training.stepBatch(examples, { threads });
          return [...w.data];
        });
        assert.deepEqual(losses[0], losses[1]);
      }
  });

  it('is no part of files of weights', () => {
    assert.throws(
      () => saveWeights('mask.safetensors', [constant([1, 2], { name: 'mask' })]),
      (error) =>
        error instanceof WeightsError &&
        /'mask' \(constant, shape \[2\]\) is not a parameter/.test(error.message),
    );
  });

  it('is drawn by its first numbers', () => {
    const text = constant([1, 2, 3, 4, 5], { name: 'mask' }).toDot();
    assert.match(text, /label="mask\\ntable numbers=\[1, 2, 3, 4, \.\.\.\] \[5\]"/);
  });

  it('lies in memory once, however often it is used', () => {
    const [w, x] = [parameter(new Float64Array(4096).fill(1)), constant(new Float64Array(4096).fill(2))];
    const twice = compile(w.mul(x).add(x.slice(0, 4096)).sum());
    const once = compile(w.mul(x).add(w.slice(0, 4096)).sum());
    assert.equal(twice.arena.length, once.arena.length);
    assert.equal(twice.forward({})[0], 4 * 4096);
  });
});
