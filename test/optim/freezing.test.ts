/** Parameters that training leaves as they are. */
import assert from 'node:assert/strict';
import * as vg from '../../lib/index.js';
import type { Value } from '../../lib/value/value.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { sampled } from '../support/targets.js';

const numbers = (n: number, seed = 0): number[] =>
  Array.from({ length: n }, (_, i) => Math.sin(1 + i + 7 * seed));

interface Problem {
  loss: Value;
  trained: Value[];
  frozen: Value[];
  feeds: (step: number) => vg.Feeds;
}

/** A head on a trunk; what is frozen is made by `leaf`. */
type Make = (leaf: (numbers: number[], shape: number[]) => Value) => Problem;

const PROBLEMS: Record<string, Make> = {
  layers: (leaf) => {
    const [trunk, bias] = [leaf(numbers(15), [3, 5]), leaf(numbers(5, 1), [5])];
    const head = parameter(numbers(10, 2), { shape: [5, 2] });
    const y = input('x', [4, 3]).matmul(trunk).add(bias).relu().matmul(head);
    return {
      loss: y.sub(1).pow(2).mean(),
      trained: [head],
      frozen: [trunk, bias],
      feeds: (step) => ({ x: numbers(12, step) }),
    };
  },
  'a trunk behind what is trained': (leaf) => {
    const [first, last] = [parameter(numbers(15), { shape: [3, 5] }), leaf(numbers(10, 2), [5, 2])];
    const y = input('x', [4, 3]).matmul(first).relu().matmul(last).matmul(last.transpose());
    return {
      loss: y.pow(2).mean(),
      trained: [first],
      frozen: [last],
      feeds: (step) => ({ x: numbers(12, step) }),
    };
  },
  'rows of a table': (leaf) => {
    const [table, w] = [leaf(numbers(28), [7, 4]), parameter(numbers(4, 1))];
    const x = table.gather(index('i', 3)).mul(w).add(table.at(2));
    return {
      loss: x.pow(2).sum(),
      trained: [w],
      frozen: [table],
      feeds: (step) => ({ i: [step % 7, 0, 5] }),
    };
  },
  'single numbers': (leaf) => {
    const [a, b, c] = [parameter(0.3), leaf([0.7], []), parameter(-0.2)];
    const y = a.mul(b).tanh().add(c.mul(b)).sub(input('x'));
    return { loss: y.mul(y), trained: [a, c], frozen: [b], feeds: (step) => ({ x: Math.cos(step) }) };
  },
};

const OPTIMIZERS: Record<string, () => vg.Optimizer> = {
  SGD: () => new vg.SGD({ learningRate: 0.1, momentum: 0.9 }),
  Adam: () => new vg.Adam({ learningRate: 0.1 }),
  'AdamW, clipped': () => new vg.AdamW({ learningRate: 0.1, weightDecay: 0.3, clipGlobalNorm: 0.5 }),
};

const frozen = (data: number[], shape: number[]): Value => parameter(data, { shape, trainable: false });

const trainingOf = (make: () => vg.Optimizer, { loss }: Problem, options: vg.ProgramOptions): vg.Training =>
  make().minimize(loss, options);

describe('frozen parameters', () => {
  for (const [what, problem] of Object.entries(PROBLEMS))
    for (const [rule, optimizer] of Object.entries(OPTIMIZERS))
      it(`${what}, by ${rule}: train the others as if they were constants`, () => {
        for (const batches of [false, true])
          for (const target of sampled(1)) {
            const own = problem(frozen);
            // In the type of the training, as the constants of the other one are.
            const rounded = own.frozen.map(({ data }) =>
              target.dtype === 'float32' ? Float32Array.from(data) : data.slice(),
            );
            const other = problem((data, shape) => vg.constant(data, { shape }));
            const a = trainingOf(optimizer, own, { ...target, batches });
            const b = trainingOf(optimizer, other, { ...target, batches });
            for (let step = 0; step < 4; step++) {
              const examples = [own.feeds(step), own.feeds(step + 10)];
              const losses = [a, b].map((training) =>
                batches ? training.stepBatch(examples) : training.step(examples[0]!),
              );
              assert.equal(losses[0], losses[1], `the loss of step ${step}`);
            }
            own.trained.forEach((value, i) =>
              assert.deepEqual([...value.data], [...other.trained[i]!.data], 'what is trained'),
            );
            own.frozen.forEach((value, i) =>
              assert.deepEqual(
                [...value.data].map((x) => (target.dtype === 'float32' ? Math.fround(x) : x)),
                [...rounded[i]!],
                'what is frozen',
              ),
            );
            assert.deepEqual([...a.state().moments.keys()], own.trained);
          }
      });

  it('take no memory but their own, and no instruction', () => {
    const rows = 100_000;
    const table = parameter(new Float64Array(rows * 4), { shape: [rows, 4] });
    const w = parameter(numbers(4));
    const loss = table.gather(index('i', 3)).mul(w).sum();
    const adam = new vg.Adam({ learningRate: 0.1 });
    const trained = adam.minimize(loss).program;
    vg.freeze(table);
    const left = adam.minimize(loss).program;
    assert(trained.arena.length > 4 * rows * 4, 'numbers, a gradient and two moments');
    assert(left.arena.length < rows * 4 + 200, `${left.arena.length} numbers`);
    assert(left.counts.instructions < trained.counts.instructions);
    const detached = table.detach().gather(index('i', 3)).mul(w).sum();
    vg.unfreeze(table);
    assert(adam.minimize(detached).program.arena.length < rows * 4 + 200, 'behind a detach');
  });

  it('are read anew by batches when they were changed', () => {
    const [table, w] = [frozen([1, 2, 3], [3]), parameter([0.5])];
    const loss = table.at(index('i')).mul(w).sum();
    const sgd = new vg.SGD({ learningRate: 0 });
    const training = sgd.minimize(loss, { batches: true });
    const losses = (): number[] => [
      training.stepBatch([{ i: 0 }, { i: 2 }]),
      ...training.stepEach({ count: 2, inputs: { i: { values: Int32Array.of(0, 2) } } }, 0, 2, { batch: 2 }),
    ];
    assert.deepEqual(losses(), [1, 1]);
    const { data } = table;
    data.set([3, 2, 5]);
    assert.deepEqual(losses(), [2, 2], 'through an array that was read');
    data[0] = 7;
    assert.deepEqual(losses(), [3, 3], 'once more');
    table.trainable = true;
    new vg.SGD({ learningRate: 2 }).minimize(table.at(0)).step({});
    assert.deepEqual(losses(), [2.5, 2.5], 'by another training');
  });

  it('are what they were when a training was compiled', () => {
    const [a, b] = [parameter([1]), parameter([2])];
    const loss = a.mul(b).sum();
    const sgd = new vg.SGD({ learningRate: 1 });
    vg.freeze([a]);
    const training = sgd.minimize(loss);
    vg.unfreeze(a);
    vg.freeze(b);
    training.step({});
    assert.deepEqual([a.data[0], b.data[0]], [1, 1]);
    sgd.minimize(loss).step({});
    assert.deepEqual([a.data[0], b.data[0]], [0, 1]);
  });

  it('have gradients by backward() and grad()', () => {
    const [a, b] = [frozen([3], [1]), parameter([2])];
    const y = a.mul(b).sum();
    y.forward();
    y.backward();
    assert.deepEqual([a.grad[0], b.grad[0]], [2, 3]);
    assert.equal(vg.grad(y, [a])[0]!.forward()[0], 2);
  });

  it('are all of a module, and of those in it', () => {
    const random = new vg.Random(1);
    const mlp = new vg.nn.MLP(3, [4, 2], { random });
    const head = new vg.nn.Linear(2, 1, { random });
    assert(mlp.parameters().every((value) => value.trainable));
    vg.freeze(mlp);
    assert(!mlp.parameters().some((value) => value.trainable));
    vg.unfreeze([mlp, head.weight]);
    assert([...mlp.parameters(), ...head.parameters()].every((value) => value.trainable));
    assert(!input('x').trainable && !head.weight.relu().trainable, 'what is no parameter');
  });

  const one = parameter([1], { name: 'one', trainable: false });
  const two = parameter([1], { name: 'two', trainable: false });
  const any = (given: unknown): never => given as never;
  const REFUSED: [what: string, call: () => unknown, message: RegExp][] = [
    [
      'a loss of one frozen parameter',
      () => new vg.SGD({ learningRate: 1 }).minimize(one.sum()),
      /^minimize: the loss .* no parameter that is to be trained: 'one' .* is frozen, and trainable = true/,
    ],
    [
      'a loss of two',
      () => new vg.SGD({ learningRate: 1 }).minimize(one.mul(two).sum()),
      /'one' .*, 'two' .* are frozen/,
    ],
    ['no boolean', () => parameter(1, { trainable: any('no') }), /^trainable "no": expected true or false/],
    ['a property of no parameter', () => (input('x').trainable = true), /'x' .* is not a parameter/],
    ['a number', () => vg.freeze(any(3)), /^freeze: 3, expected a module, a parameter, or a list of them$/],
    ['an input', () => vg.unfreeze([one, any(input('x'))]), /^unfreeze: 'x' .*, expected a module/],
  ];
  for (const [what, call, message] of REFUSED)
    it(`refuse ${what}`, () => {
      assert.throws(call, { message });
    });
});
