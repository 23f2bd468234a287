/** Where the numbers of parameters live, and how they are set and read. */
import assert from 'node:assert/strict';
import { gradCheck, GradCheckError } from '../../lib/value/grad-check.js';
import type { Value } from '../../lib/value/value.js';
import { stack } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { Adam, SGD } from '../../lib/optim/optimizers.js';
import { Program } from '../../lib/runtime/program.js';
import type { Training } from '../../lib/optim/training.js';
import type { Dataset } from '../../lib/runtime/dataset.js';
import { BusyError, FeedError, NonFiniteError } from '../../lib/runtime/errors.js';
import type { ProgramOptions } from '../../lib/runtime/options.js';
import { compile } from '../../lib/value/compile.js';
import { TARGETS } from '../support/targets.js';

describe('parameters', () => {
  it('are shared by programs: what one learns, and what is set, the others see', () => {
    for (const { isa, dtype } of TARGETS) {
      const a = parameter([1, 2]);
      const square = compile(a.mul(a), { isa, dtype });
      const twice = compile(a.add(a), { isa, dtype });
      const training = new SGD({ learningRate: 0.5 }).minimize(a.sum(), { isa, dtype });
      const values = (program: Program): number[] => Array.from(program.forward({}));
      assert.deepEqual(values(square), [1, 4]);
      a.data[0] = 3;
      assert.deepEqual(values(twice), [6, 4]);
      training.step({});
      assert.deepEqual(Array.from(a.data), [2.5, 1.5]);
      assert.deepEqual(values(square), [6.25, 2.25]);
      a.data.set([-1, 5]);
      assert.deepEqual(values(square), [1, 25]);
      assert.deepEqual(values(twice), [-2, 10]);
      training.step({});
      assert.deepEqual(values(twice), [-3, 9]);
    }
  });

  describe('in float64 stay as they are to the last bit when a program in float32 reads them', () => {
    const START = [0.1, 1 / 3, 1e300, 1e-300];
    const single = { dtype: 'float32' } as const;
    const loss = (p: Value): Value => p.mul(input('x')).sum();
    const readers: [title: string, read: (p: Value) => unknown][] = [
      ['forward', (p) => compile(p.mul(1), single).forward({})],
      [
        'forward and backward',
        (p) =>
          [compile(p.mul(p), single)].forEach((one) => {
            one.forward({});
            one.backward();
          }),
      ],
      ['evaluate', (p) => compile(loss(p), single).evaluate({ x: 2 })],
      [
        'evaluate of a training',
        (p) => new Adam({ learningRate: 1 }).minimize(loss(p), single).evaluate({ x: 2 }),
      ],
      [
        'evaluateEach',
        (p) =>
          new Adam({ learningRate: 1 })
            .minimize(loss(p), single)
            .evaluateEach({ count: 2, inputs: { x: { values: Float64Array.of(1, 2) } } }),
      ],
      [
        'advance',
        (p) => new Program({ groups: [[p.mul(1)], [p.mul(2)]], gradients: 'none' }, single).advance({}, 0),
      ],
      [
        'a step that is refused',
        (p) => {
          assert.throws(
            () => new SGD({ learningRate: 1 }).minimize(p.at(index('i')).mul(1), single).step({ i: 9 }),
            FeedError,
          );
        },
      ],
      [
        'a step with a gradient that is not finite',
        (p) => {
          assert.throws(
            () =>
              new SGD({ learningRate: 1, onNonFinite: 'throw' }).minimize(loss(p), single).step({ x: NaN }),
            NonFiniteError,
          );
        },
      ],
      [
        'a step of which it is no part to train them',
        (p) =>
          new SGD({ learningRate: 1 }).minimize(loss(p.detach()).mul(parameter(2)), single).step({ x: 1 }),
      ],
      [
        'gradCheck',
        (p) => {
          assert.throws(() => gradCheck(loss(p), { x: 1 }), GradCheckError);
        },
      ],
    ];
    for (const [title, read] of readers) {
      it(title, () => {
        const p = parameter(START);
        read(p);
        assert.ok(p.data instanceof Float64Array);
        assert.deepEqual([...p.data], START);
        assert.deepEqual([...p.mul(1).forward()], START);
      });
    }

    it('stepEachAsync that is refused, or takes no step', async () => {
      const p = parameter(START);
      const training = new SGD({ learningRate: 1, onNonFinite: 'throw' }).minimize(loss(p), single);
      const x = { values: Float64Array.of(NaN) };
      await assert.rejects(training.stepEachAsync({ count: 1, inputs: { x } }), NonFiniteError);
      await training.stepEachAsync({ count: 1, inputs: { x } }, 1);
      assert.deepEqual([...p.data], START);
    });

    it('amid a training, whose losses stay the same', () => {
      const run = (other?: (p: Value) => void): number[] => {
        const p = parameter([0.1, 0.2, 0.3]);
        const training = new Adam({ learningRate: 0.1 }).minimize(p.sub(input('x')).pow(2).sum());
        return Array.from({ length: 20 }, (_, i) => {
          const found = training.step({ x: Math.sin(i) });
          if (i % 3 === 0) other?.(p);
          return found;
        });
      };
      let evaluates: ReturnType<typeof compile> | undefined;
      const evaluated: number[] = [];
      const losses = run((p) => {
        evaluates ??= compile(p.mul(1), single);
        evaluated.push(evaluates.forward({})[0]! - Math.fround(p.data[0]!));
      });
      assert.deepEqual(losses, run());
      assert.ok(
        evaluated.every((difference) => difference === 0),
        String(evaluated),
      );
    });

    it('and what was set, trained or lent meanwhile is seen', () => {
      const p = parameter([0.1, 0.2]);
      const reads = compile(p.mul(1), single);
      const seen = (): number[] => [...reads.forward({})];
      const rounded = (...numbers: number[]): number[] => numbers.map(Math.fround);
      assert.deepEqual(seen(), rounded(0.1, 0.2));
      p.data[0] = 0.3;
      assert.deepEqual(seen(), rounded(0.3, 0.2));
      const { data } = p;
      assert.deepEqual(seen(), rounded(0.3, 0.2));
      data[1] = 0.7; // held over a run
      assert.deepEqual(seen(), rounded(0.3, 0.7));
      new SGD({ learningRate: 0.1 }).minimize(p.sum()).step({});
      assert.deepEqual(seen(), rounded(0.3 - 0.1, 0.7 - 0.1));
      const training = new SGD({ learningRate: 0.1 }).minimize(p.sum());
      for (let i = 2; i < 5; i++) {
        training.step({});
        assert.deepEqual(seen(), rounded(p.data[0], p.data[1]!));
      }
    });
  });

  it('are of the type of the training that wrote them last, and of no other program', () => {
    const p = parameter([0.1]);
    const training = new SGD({ learningRate: 0 }).minimize(p.sum(), { dtype: 'float32' });
    training.step({});
    assert.ok(p.data instanceof Float32Array);
    assert.deepEqual([...p.mul(1).forward()], [Math.fround(0.1)]);
    gradCheck(p.mul(p).sum());
    assert.ok(p.data instanceof Float32Array);
    new SGD({ learningRate: 0 }).minimize(p.sum()).step({});
    assert.ok(p.data instanceof Float64Array);
  });

  it('have no second copy of their numbers where a program holds them', () => {
    for (const target of TARGETS) {
      const [a, left] = [parameter([1, 2]), parameter([3])];
      new SGD({ learningRate: 0.5 }).minimize(a.mul(left.detach()).sum(), target).step({});
      assert.equal(a.memory!.initial, undefined);
      assert.deepEqual(Array.from(a.data), [-0.5, 0.5]);
      // What a training in another type only reads stays where it is.
      assert.equal(left.memory!.initial === undefined, target.dtype === 'float64');
      assert.deepEqual(Array.from(left.data), [3]);
    }
  });

  it('are counted as numbers', () => {
    const y = stack([parameter(1), parameter(2)])
      .sum()
      .add(parameter([1, 2, 3, 4, 5, 6]).sum());
    assert.equal(new SGD({ learningRate: 1 }).minimize(y).program.parameterCount, 8);
  });
});

/** Ways to run p x, whose parameter is p, at x = 1; a training then has a rate of 0.5. */
const RUNS: [what: string, make: (p: Value) => () => number][] = [
  ['forward', (p) => runOf(p, {})],
  ['forward in float32', (p) => runOf(p, { dtype: 'float32' })],
  ['forward in float32 of a program that ran before', (p) => ranBefore(runOf(p, { dtype: 'float32' }))],
  ['a function of it', (p) => () => p.mul(1).forward()[0]!],
  ['step', (p) => stepOf(p, (training) => training.step({ x: 1 }))],
  ['stepBatch', (p) => stepOf(p, (training) => training.stepBatch([{ x: 1 }]))],
  ['stepEach', (p) => stepOf(p, (training) => training.stepEach(xs(1, 1))[0]!)],
  ['evaluate', (p) => stepOf(p, (training) => training.evaluate({ x: 1 }))],
  ['evaluateEach', (p) => stepOf(p, (training) => training.evaluateEach(xs(1, 1))[0]!)],
];

function xs(count: number, x: number): Dataset {
  return { count, inputs: { x: { values: new Float64Array(count).fill(x) } } };
}

function runOf(p: Value, options: ProgramOptions): () => number {
  const program = compile(p.mul(input('x')), options);
  return () => program.forward({ x: 1 })[0]!;
}

function ranBefore(run: () => number): () => number {
  run();
  return run;
}

function stepOf(p: Value, take: (training: Training) => number): () => number {
  const training = new SGD({ learningRate: 0.5 }).minimize(p.mul(input('x')), { batches: true });
  return () => take(training);
}

describe('parameters that train in the background', () => {
  for (const [what, make] of RUNS)
    it(`refuse ${what} each time until then, which afterwards has their numbers`, async () => {
      const p = parameter(1);
      const run = make(p);
      // With x = 0 nothing is learnt.
      const training = new SGD({ learningRate: 0.5 }).minimize(p.mul(input('x')));
      const background = training.stepEachAsync(xs(200_000, 0));
      assert.throws(run, BusyError);
      assert.throws(run, BusyError);
      await background;
      assert.equal(run(), 1);
      assert.equal(p.data[0], what.startsWith('step') ? 0.5 : 1);
    });
});
