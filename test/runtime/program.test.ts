/** Compiled programs: what they refuse, where numbers live, and how many native calls a step takes. */
import assert from 'node:assert/strict';
import { ALL_PASSES } from '../../lib/compiler/passes.js';
import { gradCheck, GradCheckError } from '../../lib/value/grad-check.js';
import type { Value } from '../../lib/value/value.js';
import { choose, meanOfFirst, stack } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { addon, IsaError } from '../../lib/binding/addon.js';
import { Adam, SGD } from '../../lib/optim/optimizers.js';
import { Program } from '../../lib/runtime/program.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { FeedError, NonFiniteError } from '../../lib/runtime/errors.js';
import { compile } from '../../lib/value/compile.js';
import { ISAS, TARGETS } from '../support/targets.js';

const table = parameter(
  [
    [1, 2],
    [3, 4],
    [5, 6],
  ],
  { name: 'table' },
);

/** A graph with its feeds, and what its error must say. */
const REFUSED: [title: string, root: () => Value, feeds: unknown, says: RegExp][] = [
  [
    'a missing input',
    () => input('x', [2]).exp(),
    {},
    /^input 'x' is missing: 'x' \(input, shape \[2\]\) needs 2 numbers$/,
  ],
  ['an undefined input', () => input('x').exp(), { x: undefined }, /^input 'x' is missing/],
  [
    'an unknown input',
    () => input('x').exp(),
    { x: 1, y: 2 },
    /^no input is named 'y'; this program's inputs: 'x'$/,
  ],
  ['an input where there is none', () => table.exp(), { x: 1 }, /^no input is named 'x'; .*none$/],
  [
    'too few numbers',
    () => input('x', [2, 2]).exp(),
    { x: [1, 2, 3] },
    /^input 'x': 3 numbers for 'x' \(input, shape \[2, 2\]\), which needs 4 numbers$/,
  ],
  ['too many numbers', () => input('x', [2]).exp(), { x: [1, 2, 3] }, /^input 'x': 3 numbers .* needs 2/],
  [
    'text for a number',
    () => input('x', [2]).exp(),
    { x: [1, '2'] as number[] },
    /^input 'x'\[1\] is "2": feed 'x'/,
  ],
  [
    'one number for many',
    () => input('x', [2]).exp(),
    { x: 1 },
    /^input 'x': one number, 1, for 'x' .*which needs 2 numbers$/,
  ],
  ['text for numbers', () => input('x', [2]).exp(), { x: 'ab' }, /^input 'x': "ab" for 'x'/],
  ['null for numbers', () => input('x', [2]).exp(), { x: null }, /^input 'x' is missing: 'x' .*needs 2/],
  [
    'a missing index',
    () => table.at(index('i')),
    {},
    /^input 'i' is missing: 'i' \(index, shape \[\]\) needs an integer$/,
  ],
  [
    'missing indices',
    () => table.gather(index('i', 2)),
    {},
    /^input 'i' is missing: 'i' .* needs 2 integers$/,
  ],
  [
    'an index beyond the rows, in an Int32Array',
    () => table.gather(index('i', 2)),
    { i: Int32Array.of(0, 3) },
    /^input 'i'\[1\] = 3: expected an integer from 0 to 2, for #\d+ \(gather, shape \[2, 2\]\)$/,
  ],
  [
    'a negative index in an Int32Array',
    () => table.gather(index('i', 2)),
    { i: Int32Array.of(0, -1) },
    /^input 'i'\[1\] = -1: expected an integer from 0 to 2/,
  ],
  [
    'too few indices in an Int32Array',
    () => table.gather(index('i', 2)),
    { i: Int32Array.of(0) },
    /needs at least 2/,
  ],
  [
    'an index beyond the rows',
    () => table.gather(index('i', 2)),
    { i: [0, 3] },
    /^input 'i'\[1\] = 3: expected an integer from 0 to 2, for #\d+ \(gather, shape \[2, 2\]\)$/,
  ],
  [
    'an index beyond the choices',
    () => choose([table, table], index('i')),
    { i: 2 },
    /^input 'i' = 2: expected an integer from 0 to 1, for #\d+ \(choose/,
  ],
  [
    'a negative index',
    () => table.at(index('i')),
    { i: -1 },
    /^input 'i' = -1: expected an integer from 0 to 2/,
  ],
  [
    'half an index',
    () => table.at(index('i')),
    { i: 0.5 },
    /^input 'i' = 0\.5: expected an integer from 0 to 2/,
  ],
  ['NaN for an index', () => table.at(index('i')), { i: NaN }, /^input 'i' = NaN: expected an integer/],
  ['an object for an index', () => table.at(index('i')), { i: {} as number }, /^input 'i': an object for /],
  [
    'true for an index',
    () => table.at(index('i')),
    { i: true as unknown as number },
    /^input 'i': true for /,
  ],
  [
    'a function for an index',
    () => table.at(index('i')),
    { i: ((): number => 1) as unknown as number },
    /^input 'i': a function for /,
  ],
  [
    'an object of no length for indices',
    () => table.gather(index('i', 2)),
    { i: { length: NaN } },
    /^input 'i': NaN numbers for /,
  ],
  [
    'a bigint for an index',
    () => table.gather(index('i', 2)),
    { i: [0n, 1n] as unknown as number[] },
    /^input 'i'\[0\] = a bigint: expected an integer from 0 to 2/,
  ],
  [
    'a symbol for an index',
    () => table.gather(index('i', 2)),
    { i: [Symbol('x')] as unknown as number[] },
    /^input 'i'/,
  ],
  [
    'text for indices',
    () => table.gather(index('i', 2)),
    { i: '01' as unknown as number[] },
    /^input 'i': "01" for /,
  ],
  [
    'an index beyond all integers',
    () => table.at(index('i')),
    { i: 2 ** 32 },
    /^input 'i' = 4294967296: expected an integer from 0 to 2/,
  ],
  ['null for an index', () => table.at(index('i')), { i: null }, /^input 'i' is missing/],
  ['text for an index', () => table.at(index('i')), { i: '1' }, /^input 'i'/],
  [
    'too few indices',
    () => table.gather(index('i', 3)),
    { i: [0] },
    /^input 'i': 1 integer for 'i' \(index, shape \[3\]\), of which this run needs at least 3; its length is fixed in the graph: index\('i', 1\)$/,
  ],
  [
    'too many indices',
    () => table.gather(index('i', 2)),
    { i: [0, 1, 2] },
    /^input 'i': 3 integers for 'i' .*which takes 2; its length is fixed in the graph: index\('i', 3\)$/,
  ],
  [
    'a missing length',
    () => meanOfFirst([table, table], index('n')),
    {},
    /^input 'n' is missing: feed a length from 1 to 2$/,
  ],
  [
    'a length of zero',
    () => meanOfFirst([table, table], index('n')),
    { n: 0 },
    /^input 'n' = 0: expected an integer from 1 to 2$/,
  ],
  [
    'a length beyond the terms',
    () => meanOfFirst([table, table], index('n')),
    { n: 3 },
    /^input 'n' = 3: expected an integer from 1 to 2$/,
  ],
  [
    'two inputs of one name',
    () => input('x').add(input('x')),
    { x: 1 },
    /^two inputs of one program are named 'x', 'x' \(input, shape \[\]\) and 'x' \(input, shape \[\]\): give them different names, or use one of them in both places$/,
  ],
  [
    'an input and an index of one name',
    () => table.at(index('x')).add(input('x')),
    { x: 1 },
    /^two inputs of one program are named 'x', 'x' \((input|index), shape \[\]\) and 'x' \((index|input), shape \[\]\): give/,
  ],
];

describe('a program', () => {
  for (const [title, root, feeds, says] of REFUSED) {
    it(`refuses ${title}`, () => {
      for (const run of [
        () => compile(root()).forward(feeds as Feeds),
        () => new SGD({ learningRate: 1 }).minimize(root().sum().mul(parameter(1))).step(feeds as Feeds),
      ]) {
        assert.throws(run, (error: Error) => {
          assert(error instanceof FeedError, String(error));
          assert.match(error.message, says);
          return true;
        });
      }
    });
  }

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
    assert.throws(() => program.setRule(-1, 1), /number -1: expected an integer from 0 to 1/);
    assert.throws(() => program.setRule(0, '1' as never), /"1", expected a number/);
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
    const y = compile(parameter([1, 2]).exp());
    const { buffer } = y.forward({});
    structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
    assert.throws(() => y.forward({}), {
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

  it('are counted as numbers', () => {
    const y = stack([parameter(1), parameter(2)])
      .sum()
      .add(table.sum());
    assert.equal(new SGD({ learningRate: 1 }).minimize(y).program.parameterCount, 8);
  });
});
