/** Compiled programs: what they refuse, where numbers live, and how many native calls a step takes. */
import assert from 'node:assert/strict';
import { ALL_PASSES, parsePasses } from '../../lib/compiler/passes.js';
import { meanOfFirst } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { addon, IsaError } from '../../lib/binding/addon.js';
import { Adam, SGD } from '../../lib/optim/optimizers.js';
import type { Training } from '../../lib/optim/training.js';
import type { ProgramOptions } from '../../lib/runtime/options.js';
import { Program } from '../../lib/runtime/program.js';
import { FeedError } from '../../lib/runtime/errors.js';
import { compile } from '../../lib/value/compile.js';
import type { Value } from '../../lib/value/value.js';
import { ISAS, TARGETS, type Target } from '../support/targets.js';

const table = parameter(
  [
    [1, 2],
    [3, 4],
    [5, 6],
  ],
  { name: 'table' },
);

describe('a program', () => {
  it('refuses inputs and indices of one name and different shapes, saying which', () => {
    const two = [
      input('n', [2]).sum(),
      input('n', [3]).sum(),
      table.gather(index('n', 2)).sum(),
      table.gather(index('n', 4)).sum(),
    ];
    for (const a of two) {
      for (const b of two.filter((other) => other !== a)) {
        const labels = [a, b]
          .map((x) => x.inputs[0]!)
          .map((x) => (x.op === 'gather' ? x.inputs[1]! : x).label);
        assert.throws(
          () => compile(a.add(b)),
          (error: Error) =>
            labels.every((label) => error.message.includes(label)) &&
            error.message.endsWith(': give them different names, or use one of them in both places'),
        );
      }
    }
  });

  it('refuses two prefix lengths, saying which', () => {
    const root = meanOfFirst([table], index('n')).add(meanOfFirst([table], index('m')));
    assert.throws(
      () => compile(root),
      /'n' \(index.*'m' \(index.*a program can have one: give every meanOfFirst the same index\(name\)$/,
    );
    const again = meanOfFirst([table], index('n')).add(meanOfFirst([table], index('n')));
    assert.throws(
      () => compile(again),
      /'n' \(index.*'n' \(index.*: make it once, const n = index\('n'\), and give that to every meanOfFirst$/,
    );
  });

  it('refuses an unknown data type', () => {
    assert.throws(
      () => compile(table.exp(), { dtype: 'float16' as never }),
      /dtype "float16": expected 'float64' or 'float32'/,
    );
  });

  it('refuses an unknown instruction set, saying which there are', () => {
    assert.throws(
      () => compile(table.exp(), { isa: 'mmx' }),
      (error: Error) =>
        error instanceof IsaError &&
        error.message.includes('"mmx"') &&
        ISAS.every((isa) => error.message.includes(isa)),
    );
  });

  it('refuses backward before forward, and without gradients', () => {
    const y = table.exp().named('y');
    assert.throws(
      () => compile(y).backward(),
      /backward\(\) of 'y' \(exp, shape \[3, 2\]\) before forward\(\)/,
    );
    const bare = new Program({ groups: [[y]], gradients: 'none' });
    bare.forward({});
    assert.throws(() => bare.backward(), /without gradients/);
  });

  it('refuses to read a node of another graph', () => {
    const program = compile(table.exp());
    const other = table.log().named('other');
    assert.throws(() => program.read(other), /'other' \(log, shape \[3, 2\]\) is no part of this program/);
    assert.throws(() => program.readGradient(other), /'other'.*no part of this program/);
  });

  it('says why it cannot read a node that the compiler merged with others', () => {
    const h = [0, 1].map((at) => table.at(at).tanh().named('h'));
    const { program } = new SGD({ learningRate: 1 }).minimize(h[0]!.add(h[1]!).sum());
    assert.throws(
      () => program.read(h[0]!),
      /'h' \(tanh, shape \[2\]\) is not stored by itself: the compiler /,
    );
  });

  it('refuses to be run by a getter among its feeds, and runs then', () => {
    const program = compile(table.at(index('i')).add(input('x', [2])));
    const feeds = {
      x: [1, 2],
      get i(): number {
        program.forward({ x: [3, 4], i: 0 });
        return 1;
      },
    };
    assert.throws(() => program.forward(feeds), /^FeedError: a getter among the feeds runs the program/);
    assert.deepEqual([...program.forward({ x: [1, 2], i: 0 })], [2, 4]);
  });

  it('refuses to train or evaluate a series, or to run back, by such a getter', () => {
    const w = parameter([1, 2]);
    const training = new SGD({ learningRate: 0.1 }).minimize(w.mul(input('x', [2])).sum());
    const dataset = { count: 1, inputs: { x: { values: Float64Array.of(5, 6) } } };
    const inner: (() => unknown)[] = [
      () => training.stepEach(dataset),
      () => training.evaluateEach(dataset),
      () => training.program.backward(),
      () => training.stepBatch([{ x: [5, 6] }]),
    ];
    for (const call of inner) {
      const feeds = {
        get x(): number[] {
          call();
          return [1, 1];
        },
      };
      assert.throws(() => training.step(feeds), /^FeedError: a getter among the feeds/);
    }
    assert.equal(training.step({ x: [1, 1] }), 3);
  });

  it('computes what it was compiled for, whatever becomes of the list that was given', () => {
    const [a, b] = [parameter([1, 2]), parameter([3, 4])];
    const groups = [[a.add(b)]];
    const program = new Program({ groups, gradients: 'none' });
    groups[0]![0] = a;
    assert.deepEqual([...program.forward({})], [4, 6]);
  });

  it('reads all options before it numbers the nodes, which what they run numbers too', () => {
    const earlier = parameter([9, 9]);
    const p = parameter([1, 2]);
    const y = p.mul(3).add(1);
    const passes = {
      *[Symbol.iterator]() {
        compile(earlier.mul(y)).forward({});
        yield* ALL_PASSES;
      },
    };
    const training = new SGD({ learningRate: 0.5 }).minimize(y.sum(), { passes: passes as never });
    assert.equal(training.step({}), 11);
    assert.deepEqual([...p.data], [-0.5, 0.5]);
  });

  it('refuses an update rule, a group and a length that there are not', () => {
    const training = new SGD({ learningRate: 0.1 }).minimize(parameter([1, 2]).sum());
    const { program } = training;
    assert.throws(() => program.update.setRule(-1, 1), /number -1: expected an integer from 0 to 1/);
    assert.throws(() => program.update.setRule(0, '1' as never), /"1", expected a number/);
    assert.throws(() => program.advance({}, 1), /group 1: expected an integer from 0 to 0/);
    assert.throws(() => program.work(2), /length 2: expected an integer from 0 to 1/);
    assert.throws(() => program.runPart('x' as never), /part "x": expected 'forward'/);
    assert.equal(training.step({}), 3);
  });

  it('takes more indices than a call takes arguments', () => {
    const ids = new Int32Array(300_000).fill(2);
    const program = compile(table.gather(index('many', ids.length)).sum());
    assert.equal(program.forward({ many: ids })[0], 11 * ids.length);
    ids[299_999] = 3;
    assert.throws(() => program.forward({ many: ids }), /'many'\[299999\] = 3: expected/);
  });

  it('runs again after a refused feed', () => {
    const program = compile(table.at(index('i')));
    assert.throws(() => program.forward({ i: 3 }), FeedError);
    assert.deepEqual(Array.from(program.forward({ i: 2 })), [5, 6]);
  });

  it('gives the same twice: nothing adds up over calls', () => {
    for (const target of TARGETS) {
      const a = parameter([0.5, -1.5, 2]);
      const x = input('x', [3]);
      const y = a
        .mul(x)
        .mul(a)
        .exp()
        .add(a.gather(index('i', 2)).sum());
      const program = compile(y, target);
      const feeds = { x: [1, 0.5, -1], i: [2, 2] };
      const first = Array.from(program.forward(feeds));
      program.backward();
      const gradients = [a, x, y].map((value) => Array.from(program.readGradient(value)));
      program.backward();
      assert.deepEqual(Array.from(program.forward(feeds)), first);
      program.backward();
      assert.deepEqual(
        [a, x, y].map((value) => Array.from(program.readGradient(value))),
        gradients,
      );
    }
  });

  describe('that trains takes the step it would have taken,', () => {
    const examples = [{ i: [1, 1] }, { i: [0, 1] }];
    const dataset = { count: 2, inputs: { i: { values: Int32Array.of(1, 1, 0, 1) } } };
    const STEPS: Record<string, [ProgramOptions, (training: Training) => unknown]> = {
      step: [{}, (training) => training.step(examples[0]!)],
      'step without passes': [{ passes: parsePasses('none') }, (training) => training.step(examples[0]!)],
      'step with checkpoints': [{ checkpoint: 'layers' }, (training) => training.step(examples[0]!)],
      'step with checks': [{ detectAnomaly: true }, (training) => training.step(examples[0]!)],
      stepEach: [{}, (training) => training.stepEach(dataset)],
      stepEachAsync: [{}, (training) => training.stepEachAsync(dataset)],
      stepBatch: [{ batches: true }, (training) => training.stepBatch(examples)],
      'stepEach of batches': [
        { batches: true },
        (training) => training.stepEach(dataset, 0, 2, { batch: 2 }),
      ],
    };
    const LEFT: Record<string, (program: Program, rows: Value) => void> = {
      'backward()': (program) => program.backward(),
      'backward() twice': (program, rows) => {
        program.backward();
        const first = [...program.readGradient(rows)];
        program.backward();
        assert.deepEqual([...program.readGradient(rows)], first);
      },
      "runPart('backward') twice": (program, rows) => {
        program.runPart('backward');
        const first = [...program.readGradient(rows)];
        program.runPart('forward');
        program.runPart('backward');
        assert.deepEqual([...program.readGradient(rows)], first);
      },
    };
    const trained = async (
      target: Target,
      [options, step]: (typeof STEPS)[string],
      leave?: (program: Program, rows: Value) => void,
    ): Promise<number[][]> => {
      const rows = parameter([1, 2, 3, 4, 5, 6], { shape: [3, 2] });
      const matrix = parameter([0.1, 0.2, 0.3, 0.4], { shape: [2, 2] });
      const i = index('i', 2);
      const [a, b] = [0, 1].map((at) => rows.at(i.at(at)).matmul(matrix).tanh().matmul(matrix).sum());
      const training = new SGD({ learningRate: 0.1 }).minimize(a!.add(b!), { ...target, ...options });
      for (let repeat = 0; repeat < 2; repeat++) {
        if (leave) {
          training.program.forward({ i: [1, 2] });
          leave(training.program, rows);
        }
        await step(training);
        assert.throws(() => training.program.readGradient(rows), /has no gradient yet: call backward/);
      }
      return [rows, matrix].map((value) => [...value.data]);
    };
    for (const [name, step] of Object.entries(STEPS)) {
      for (const [left, leave] of Object.entries(LEFT)) {
        it(`${name}, after ${left}`, async () => {
          for (const target of TARGETS)
            assert.deepEqual(await trained(target, step, leave), await trained(target, step));
        });
      }
    }
  });

  it('takes a number, an array or a typed array for the same input', () => {
    const y = input('x', [1]).mul(2);
    for (const x of [3, [3], Float32Array.of(3), Float64Array.of(3), Int32Array.of(3)]) {
      assert.deepEqual(Array.from(y.forward({ x })), [6]);
    }
  });

  it('says at which node an index found at run time is out of range', () => {
    const y = parameter([[1], [2]], { name: 'few' }).gather(parameter([1, 2, 3]).topk(1));
    assert.throws(() => y.forward(), /index 2 in .*gather.*: expected an integer from 0 to 1/);
  });

  it('needs only the index elements of the positions it runs', () => {
    const tokens = index('tokens', 3);
    const y = meanOfFirst(
      [0, 1, 2].map((at) => table.at(tokens.at(at)).sum()),
      index('n'),
    );
    for (const run of [compile(y), new Program({ groups: [[y]], gradients: 'none' })]) {
      assert.deepEqual(Array.from(run.forward({ n: 1, tokens: [2] })), [11]);
      assert.deepEqual(Array.from(run.forward({ n: 2, tokens: [2, 0] })), [7]);
      assert.throws(() => run.forward({ n: 3, tokens: [2, 0] }), /needs at least 3/);
    }
  });

  it('needs no index element whose value only zeros meet', () => {
    const tokens = index('tokens', 2);
    const y = meanOfFirst([table.at(tokens.at(0)).sum(), table.at(tokens.at(1)).mul(0).sum()], index('n'));
    const training = new SGD({ learningRate: 0 }).minimize(y);
    assert.equal(training.step({ n: 1, tokens: [2] }), 11);
  });

  it('computes a sequence group by group', () => {
    const tokens = index('tokens', 3);
    let state = parameter([0, 0]);
    const groups = [0, 1, 2].map((at) => [(state = state.mul(10).add(table.at(tokens.at(at))))]);
    for (const target of TARGETS) {
      const program = new Program({ groups, gradients: 'none' }, target);
      for (let repeat = 0; repeat < 2; repeat++) {
        const fed = [2, 0, 1];
        const seen = groups.map(([value], at) => {
          program.advance(
            { tokens: repeat === 0 ? fed.slice(0, at + 1) : Int32Array.from(fed.slice(0, at + 1)) },
            at,
          );
          return Array.from(program.read(value!));
        });
        assert.deepEqual(seen, [
          [5, 6],
          [51, 62],
          [513, 624],
        ]);
      }
    }
  });

  it('says so when its memory was transferred away', () => {
    const y = parameter([1, 2]).exp();
    const program = compile(y);
    program.forward({});
    const { buffer } = program.read(y);
    structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
    assert.throws(() => program.forward({}), {
      message: "the program's memory is gone: an array of its numbers was transferred; transfer a copy",
    });
  });

  it('makes one native call for each run, each backward and each training step', () => {
    const x = input('x', [2]);
    const y = table.matmul(x).exp().sum().mul(0.001);
    const original = addon.bind.bind(addon);
    let calls = 0;
    addon.bind = (...given) => {
      const run = original(...given);
      return () => {
        calls++;
        return run();
      };
    };
    const count = (run: () => unknown): number => {
      calls = 0;
      run();
      return calls;
    };
    try {
      const program = compile(y);
      const trainings = [new SGD({ learningRate: 0.1 }), new Adam({ learningRate: 0.1 })].map((optimizer) =>
        optimizer.minimize(y),
      );
      const feeds = { x: [0.1, 0.2] };
      assert.equal(
        count(() => program.forward(feeds)),
        1,
      );
      assert.equal(
        count(() => program.backward()),
        1,
      );
      for (const training of trainings) {
        for (let repeat = 0; repeat < 3; repeat++)
          assert.equal(
            count(() => training.step(feeds)),
            1,
          );
        assert.equal(
          count(() => training.evaluate(feeds)),
          1,
        );
      }
    } finally {
      addon.bind = original;
    }
  });
});
