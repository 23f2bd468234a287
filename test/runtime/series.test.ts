/** Series: one native call that equals single runs, to the last bit. */
import assert from 'node:assert/strict';
import type { Dataset } from '../../lib/runtime/dataset.js';
import { buildModel } from '../../lib/study/build-model.js';
import { MODEL_NAMES, type ModelName } from '../../lib/study/models/sizes.js';
import type { Value } from '../../lib/value/value.js';
import { meanOfFirst } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { addon } from '../../lib/binding/addon.js';
import { Adam, SGD, type Optimizer } from '../../lib/optim/optimizers.js';
import type { Training } from '../../lib/optim/training.js';
import { decay } from '../../lib/optim/rates.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { Random } from '../../lib/runtime/random.js';
import { pattern } from '../support/pattern.js';
import { TARGETS, type Target } from '../support/targets.js';

const SIZES = { nEmbd: 4, nHead: 2, nLayer: 1, blockSize: 5, nState: 6, nAtt: 3 };
const VOCAB = 7;
const COUNT = 9;

/** Examples of different lengths: the targets are the tokens, from one place further on. */
function documents(): { dataset: Dataset; feeds: Feeds[] } {
  const random = new Random(9);
  const draw = (n: number): number => Math.floor(random.random() * n);
  const lengths = Int32Array.from({ length: COUNT }, () => 1 + draw(SIZES.blockSize));
  const starts = Int32Array.from(lengths, (_, i) => lengths.subarray(0, i).reduce((a, b) => a + b, 0));
  const tokens = Int32Array.from({ length: COUNT * SIZES.blockSize + 1 }, () => draw(VOCAB));
  const dataset = {
    count: COUNT,
    inputs: {
      tokens: { values: tokens, starts },
      targets: { values: tokens, starts: starts.map((start) => start + 1) },
      length: { values: lengths },
    },
  };
  const feeds = Array.from(lengths, (length, i) => {
    const part = (from: number): number[] => [...tokens.subarray(from, from + length)];
    return { tokens: part(starts[i]!), targets: part(starts[i]! + 1), length };
  });
  return { dataset, feeds };
}

function trained(name: ModelName, target: Target): { training: Training; parameters: readonly Value[] } {
  const { loss, parameters } = buildModel(name, VOCAB, SIZES, new Random(3));
  const optimizer: Optimizer =
    name === 'scalar'
      ? new Adam({ learningRate: (step) => 0.1 / (1 + step) })
      : new SGD({ learningRate: decay(0.1, 0.9), momentum: 0.9, clipGlobalNorm: 0.5 });
  return { training: optimizer.minimize(loss, target), parameters };
}

const numbers = (parameters: readonly Value[]): number[] => parameters.flatMap((value) => [...value.data]);

describe('a series', () => {
  for (const name of MODEL_NAMES) {
    for (const target of TARGETS) {
      it(`is single steps and evaluations: ${name}, ${target.dtype}, ${target.isa}`, () => {
        const { dataset, feeds } = documents();
        const one = trained(name, target);
        const each = trained(name, target);
        const losses = feeds.map((fed) => one.training.step(fed));
        const found = [
          [0, 1],
          [1, 1],
          [1, 6],
          [6, COUNT],
        ].flatMap(([from, to]) => [...each.training.stepEach(dataset, from, to)]);
        assert.deepEqual(found, losses);
        assert.equal(each.training.steps, COUNT);
        assert.deepEqual(numbers(each.parameters), numbers(one.parameters));
        assert.deepEqual(
          [...each.training.evaluateEach(dataset)],
          feeds.map((fed) => one.training.evaluate(fed)),
        );
        assert.deepEqual(
          [...each.training.stepEach(dataset)],
          feeds.map((fed) => one.training.step(fed)),
        );
      });
    }
  }

  it('feeds numbers, of either type, and integers that have no starts', () => {
    const make = () => {
      const w = parameter(
        [
          [1, 2],
          [3, 4],
        ],
        { name: 'w' },
      );
      const loss = w
        .gather(index('rows', 2))
        .mul(input('x', [2]))
        .sum()
        .mul(input('by'));
      return { w, training: new SGD({ learningRate: 0.5 }).minimize(loss) };
    };
    const rows = Int32Array.of(0, 1, 1, 1);
    const dataset = {
      count: 2,
      inputs: {
        rows: { values: rows },
        x: { values: Float32Array.of(1, 2, 3, 4) },
        by: { values: Float64Array.of(1, -2) },
      },
    };
    const one = make();
    const each = make();
    const losses = [
      one.training.step({ rows: [0, 1], x: [1, 2], by: 1 }),
      one.training.step({ rows: [1, 1], x: [3, 4], by: -2 }),
    ];
    assert.deepEqual([...each.training.stepEach(dataset)], losses);
    assert.deepEqual([...each.w.data], [...one.w.data]);
  });

  it('drops other numbers in each step, none in evaluations', () => {
    const make = () => {
      const w = parameter(Array.from({ length: 32 }, (_, i) => i + 1));
      return new SGD({ learningRate: 0.01 }).minimize(w.dropout(0.5, 7).sum());
    };
    const dataset = { count: 4, inputs: {} };
    const single = make();
    const losses = Array.from({ length: 4 }, () => single.step({}));
    assert.ok(new Set(losses).size > 1);
    const each = make();
    assert.deepEqual([...each.evaluateEach(dataset, 0, 1)], [528]);
    assert.deepEqual([...each.stepEach(dataset)], losses);
    assert.equal(each.step({}), single.step({}));
  });

  it(
    'ends steps at a loss that is not finite, evaluations not, and gives each step the next learning ' +
      'rate',
    () => {
      const w = parameter(0);
      const loss = w.add(parameter([1, -1]).detach().at(index('i')).log());
      let drawn = 0;
      function* rates(): Generator<number> {
        for (;;) yield 10 ** drawn++;
      }
      const training = new SGD({ learningRate: rates() }).minimize(loss);
      const of = (...values: number[]): Dataset => ({
        count: values.length,
        inputs: { i: { values: Int32Array.from(values) } },
      });
      const dataset = of(0, 1, 0, 0, 0);
      assert.deepEqual([...training.evaluateEach(dataset)], [0, NaN, 0, 0, 0]);
      assert.deepEqual([...training.stepEach(dataset)], [0, NaN]);
      assert.deepEqual([training.steps, w.data[0]], [2, -11]);
      assert.throws(() => training.stepEach(of(7)), {
        name: 'FeedError',
        message: /^example 0: input 'i' = 7: expected an integer from 0 to 1/,
      });
      assert.throws(() => training.stepEach({ count: 1, inputs: {} }), {
        name: 'FeedError',
        message: /^input 'i' is missing/,
      });
      assert.throws(() => training.stepEach(dataset, -1, 1), RangeError);
      training.step({ i: 0 });
      assert.deepEqual([training.steps, w.data[0], drawn], [3, -111, 5]);
      training.stepEach(dataset, 2);
      assert.deepEqual([training.steps, w.data[0], drawn], [6, -111_111, 6]);
    },
  );

  describe('leaves to be read what its last run computed:', () => {
    const table = parameter([1, 2, 3], { name: 'table' });
    const i = index('i', 3);
    const n = index('n');
    const terms = [0, 1, 2].map((at) => table.at(i.at(at)).log());
    const loss = meanOfFirst(terms, n).named('loss');
    const columns = (lengths: number[], from = 0): Dataset => ({
      count: lengths.length,
      inputs: {
        i: { values: Int32Array.from({ length: 3 * lengths.length }, (_, at) => (from + at) % 3) },
        n: { values: Int32Array.from(lengths) },
      },
    });
    type Case = [what: string, run: (training: Training) => unknown];
    const none: Case[] = [
      ['an evaluation of none', (training) => training.evaluateEach({ ...columns([1]), count: 0 })],
      ['no steps', (training) => training.stepEach(columns([1, 2, 3]), 2, 2)],
      ['no steps in the background', (training) => training.stepEachAsync(columns([1, 2, 3]), 2, 2)],
      ['no step on a batch', (training) => training.stepEach(columns([1, 2, 3]), 2, 2, { batch: 2 })],
      [
        'an example that cannot be fed',
        (training) => assert.throws(() => training.evaluateEach(columns([4])), /^FeedError: example 0/),
      ],
    ];
    for (const [what, run] of none) {
      for (const target of TARGETS) {
        it(`${what}, ${target.dtype}, ${target.isa}`, async () => {
          const options = { ...target, batches: true };
          const training = new SGD({ learningRate: 1 }).minimize(loss, options);
          await run(training);
          assert.throws(
            () => training.program.read(loss),
            /'loss' .* has no data: run its program on one example first/,
          );
          assert.throws(() => training.program.backward(), /before forward\(\)/);
          training.evaluate({ i: [1], n: 1 });
          await run(training);
          assert.equal(training.program.read(loss)[0], target.dtype === 'float64' ? Math.log(2) : LOG2);
        });
      }
    }
    const LOG2 = Math.fround(Math.log(2));

    it('the example of its last run, however long the one before was', () => {
      for (const target of TARGETS) {
        for (const lengths of [
          [3, 1],
          [1, 3],
          [2, 1, 2],
        ]) {
          const [series, single] = [0, 1].map(() => new SGD({ learningRate: 1 }).minimize(loss, target));
          const last = lengths.length - 1;
          series!.evaluate({ i: [1, 1, 1], n: lengths[0]! });
          series!.evaluateEach(columns(lengths));
          single!.evaluate({ i: [0, 1, 2].map((at) => (3 * last + at) % 3), n: lengths[last]! });
          const gradients = [series!, single!].map(({ program }) => {
            program.backward();
            return [...program.readGradient(table)];
          });
          assert.deepEqual(gradients[0], gradients[1]);
        }
      }
    });

    const batches: [string, (training: Training) => unknown][] = [
      ['stepBatch', (training) => training.stepBatch([1, 3].map((length) => ({ i: [0, 1, 2], n: length })))],
      ['stepEach', (training) => training.stepEach(columns([3, 1]), 0, 2, { batch: 2 })],
      ['stepEachAsync', (training) => training.stepEachAsync(columns([3, 1]), 0, 2, { batch: 2 })],
    ];
    for (const [what, run] of batches)
      for (const target of TARGETS)
        it(`none after ${what} on a batch, which is no example, ${target.dtype}, ${target.isa}`, async () => {
          const training = new SGD({ learningRate: 1 }).minimize(loss, { ...target, batches: true });
          training.evaluate({ i: [1, 1, 1], n: 3 });
          await run(training);
          assert.throws(() => training.program.read(loss), /'loss' .* has no data: .* \(batches, /);
          assert.throws(() => training.program.backward(), /before forward\(\): .* \(batches, /);
        });

    it('the example that met NaN, in which it is looked for', () => {
      const written = parameter([1, 2, -1], { name: 'written' });
      const rows = [0, 1, 2].map((at) => written.at(i.at(at)).log().named(`row ${at}`));
      const target = meanOfFirst(rows, n).named('loss');
      const message = (run: (training: Training) => unknown): string => {
        const training = new SGD({ learningRate: 0.001 }).minimize(target, { detectAnomaly: true });
        try {
          run(training);
        } catch (error) {
          return (error as Error).message;
        }
        return 'nothing is wrong';
      };
      const found = message((training) => training.step({ i: [0, 1, 2], n: 3 }));
      assert.match(found, /First, 'row 2' /);
      const inSeries = message((training) => training.stepEach(columns([1, 3])));
      assert.equal(inSeries.replace('step 2', 'step 1').replace(' of example 1', ''), found);
    });

    it('and backward() needs a whole one', () => {
      const bad = columns([2, 2]);
      bad.inputs['i']!.values[4] = 7;
      const training = new SGD({ learningRate: 1 }).minimize(loss);
      training.evaluate({ i: [1, 1, 1], n: 3 });
      assert.throws(() => training.evaluateEach(bad), /^FeedError: example 1: input 'i'\[1\] = 7/);
      assert.throws(() => training.program.backward(), /the last forward\(\) was refused: call it again/);
      training.evaluateEach(columns([2, 2]));
      training.program.backward();
    });
  });

  describe('refuses', () => {
    const table = (): { w: Value; training: Training } => {
      const w = parameter(
        [
          [1, 2],
          [3, 4],
        ],
        { name: 'w' },
      );
      const rows = index('rows', 2);
      const terms = [0, 1].map((at) =>
        w
          .at(rows.at(at))
          .sum()
          .mul(input(`x${at}`)),
      );
      return { w, training: new SGD({ learningRate: 1 }).minimize(meanOfFirst(terms, index('n'))) };
    };
    const good = {
      rows: { values: Int32Array.of(0, 1, 1, 0), starts: Int32Array.of(0, 1, 2) },
      n: { values: Int32Array.of(2, 2, 1) },
      x0: { values: Float64Array.of(1, 1, 1) },
      x1: { values: Float64Array.of(1, 1, 1) },
    };
    const integers = (...values: number[]): { values: Int32Array; starts: Int32Array } => ({
      values: Int32Array.from(values),
      starts: good.rows.starts,
    });
    const bad: [what: string, inputs: Dataset['inputs'], message: RegExp, steps?: number][] = [
      ['a missing column', { ...good, rows: undefined! }, /^input 'rows' is missing: .* needs a column$/],
      [
        'an unknown column',
        { ...good, row: good.rows },
        /^no input is named 'row'; did you mean rows\? This program's inputs: /,
      ],
      [
        'numbers for integers',
        { ...good, rows: good.x0 },
        /^input 'rows': values a Float64Array: .* needs a column of Int32Array: all rows in one flat array/,
      ],
      [
        'integers for numbers',
        { ...good, x0: good.rows },
        pattern(
          /^input 'x0': values an Int32Array: .* needs a column of Float64Array or Float32Array: /,
          /all rows in one flat array/,
        ),
      ],
      [
        'an array',
        { ...good, x0: { values: [1, 2, 3] as unknown as Float64Array } },
        /^input 'x0': values an array: /,
      ],
      [
        'a short column of numbers',
        { ...good, x1: { values: Float64Array.of(1) } },
        /^input 'x1': 1 number for 3 examples: .* needs 3$/,
      ],
      [
        'too few starts',
        { ...good, rows: { ...good.rows, starts: Int32Array.of(0) } },
        /^input 'rows': 1 start for 3 examples: .* needs 3$/,
      ],
      [
        'too few lengths',
        { ...good, n: { values: Int32Array.of(1) } },
        /^input 'n': 1 number for 3 examples: 'n' \(index, shape \[\]\) needs 3$/,
      ],
      [
        'an integer beyond its limit',
        { ...good, rows: integers(0, 1, 2, 0) },
        /^example 1: input 'rows'\[1\] = 2: expected an integer from 0 to 1/,
        1,
      ],
      [
        'a negative integer',
        { ...good, rows: integers(0, -1, 0, 0) },
        /^example 0: input 'rows'\[1\] = -1: expected an integer from 0/,
        0,
      ],
      [
        'a start beyond the integers',
        { ...good, rows: { ...good.rows, starts: Int32Array.of(0, 3, 0) } },
        pattern(
          /^example 1: input 'rows': starts\[1\] is 3, and from there this run needs 2 integers for .*, /,
          /but its column has 4 values/,
        ),
        1,
      ],
      [
        'a negative start',
        { ...good, rows: { ...good.rows, starts: Int32Array.of(0, 0, -1) } },
        /^example 2: input 'rows': starts\[2\] is -1, /,
        2,
      ],
      [
        'a length of none',
        { ...good, n: { values: Int32Array.of(1, 0, 1) } },
        /^example 1: input 'n' = 0: expected an integer from 1 to 2/,
        1,
      ],
      [
        'a length beyond all positions',
        { ...good, n: { values: Int32Array.of(1, 1, 3) } },
        /^example 2: input 'n' = 3: expected an integer from 1 to 2/,
        2,
      ],
    ];
    for (const [what, inputs, message, steps = 0] of bad) {
      it(what, () => {
        const { w, training } = table();
        assert.throws(() => training.stepEach({ count: 3, inputs }), {
          name: 'FeedError',
          message,
        });
        assert.equal(training.steps, steps);
        const same = table();
        same.training.stepEach({ count: 3, inputs: good }, 0, 0);
        assert.equal(
          steps === 0,
          w.data.every((x, i) => x === same.w.data[i]),
        );
        training.stepEach({ count: 3, inputs: good });
        assert.equal(training.steps, steps + 3);
      });
    }

    it('documents that there are not', () => {
      const { training } = table();
      for (const [from, to] of [
        [-1, 1],
        [2, 1],
        [0, 4],
        [0.5, 1],
        [0, NaN],
      ]) {
        assert.throws(
          () => training.stepEach({ count: 3, inputs: good }, from, to),
          /^RangeError: examples .* expected integers from 0 to 3/,
        );
      }
    });

    it('an index found at run time that is out of its table, with the gradient so far forgotten', () => {
      const w = parameter([1, 2, 3]);
      const x = input('x', [3]);
      const few = parameter([[1], [2]], { name: 'few' });
      const loss = w
        .mul(x)
        .sum()
        .add(few.gather(x.topk(1)).sum());
      const training = new SGD({ learningRate: 1 }).minimize(loss);
      const values = Float64Array.of(2, 1, 1, 0, 0, 1);
      assert.throws(
        () => training.stepEach({ count: 2, inputs: { x: { values } } }),
        /index 2 in .*gather.* of example 1: expected an integer from 0 to 1/,
      );
      assert.deepEqual([...w.data], [-1, 1, 2]);
      assert.equal(training.step({ x: [1, 0, 0] }), -1);
    });
  });

  describe('the native call refuses', () => {
    const spy = (): Parameters<typeof addon.runSeries> => {
      const w = parameter([[1], [2]]);
      const training = new SGD({ learningRate: 1 }).minimize(w.at(index('i')).sum().mul(input('x')));
      const original = addon.runSeries.bind(addon);
      let seen: Parameters<typeof addon.runSeries> | undefined;
      addon.runSeries = (...given) => original(...(seen = given));
      try {
        training.stepEach({
          count: 2,
          inputs: { i: { values: Int32Array.of(0, 1) }, x: { values: Float64Array.of(1, 2) } },
        });
      } finally {
        addon.runSeries = original;
      }
      return seen!;
    };
    type Spec = Record<string, unknown>;
    const first =
      (key: string, changed: Spec) =>
      (spec: Spec): void => {
        spec[key] = [{ ...(spec[key] as Spec[])[0], ...changed }];
      };
    const bad: [what: string, change: (spec: Spec, given: unknown[]) => void][] = [
      ['no program', (_, given) => (given[0] = {})],
      ['short memory', (_, given) => (given[1] = new Float64Array(1))],
      ['no specification', (_, given) => (given[3] = undefined)],
      ['a negative document', (_, given) => (given[4] = -1)],
      ['no room for losses', (_, given) => (given[5] = undefined)],
      ['more documents than numbers', (_, given) => (given[5] = new Float64Array(9))],
      ['documents behind the last', (_, given) => (given[4] = 2 ** 31 - 1)],
      ['instructions that there are not', (spec) => (spec['end'] = 2 ** 20)],
      ['a loss outside the memory', (spec) => (spec['loss'] = 2 ** 20)],
      ['a negative place', (spec) => (spec['rule'] = -1)],
      ['too few numbers of the rule', (spec) => (spec['rules'] = new Float64Array(1))],
      ['a slot outside the integers', (spec) => (spec['stepSlots'] = Int32Array.of(2 ** 20))],
      ['too few lengths', (spec) => (spec['lengths'] = Int32Array.of(1))],
      ['no columns', (spec) => (spec['indices'] = undefined)],
      ['a column that is a number', (spec) => (spec['indices'] = [3])],
      ['integers of another type', first('indices', { values: new Float64Array(9) })],
      ['too few integers', first('indices', { values: new Int32Array(1) })],
      ['a negative slot', first('indices', { slot: -1 })],
      ['needs beyond the size', first('indices', { needs: Int32Array.of(0, 2) })],
      ['too few needs', first('indices', { needs: Int32Array.of(0) })],
      ['too few limits', first('indices', { limits: new Int32Array() })],
      ['too few positions', first('indices', { positions: new Int32Array() })],
      ['too few starts', first('indices', { starts: Int32Array.of(0) })],
      ['too few numbers', first('numbers', { values: new Float64Array(1) })],
      ['numbers of another type', first('numbers', { values: new Int32Array(9) })],
      ['a place outside the memory', first('numbers', { offset: 2 ** 20 })],
      ['a negative size', first('numbers', { size: -1 })],
    ];
    for (const [what, change] of bad) {
      it(what, () => {
        const given: unknown[] = spy();
        const spec = { ...(given[3] as Spec) };
        given[3] = spec;
        change(spec, given);
        assert.throws(
          () => addon.runSeries(...(given as Parameters<typeof addon.runSeries>)),
          /runSeries|memory/,
        );
      });
    }
  });
});
