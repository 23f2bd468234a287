/** What changes no bit of a result: where memory lies, what was called before, how many threads there are. */
import assert from 'node:assert/strict';
import { OF_ROWS, TYPES, forEachTarget, ALL, draw } from '../support/special-numbers.js';
import { buildModel } from '../../lib/study/build-model.js';
import { MODEL_NAMES } from '../../lib/study/models/sizes.js';
import type { Index } from '../../lib/value/indices.js';
import type { Value } from '../../lib/value/value.js';
import { addN } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import type { TypedArray, DType } from '../../lib/core/array.js';
import { kernels } from '../../lib/runtime/kernels.js';
import { SGD } from '../../lib/optim/optimizers.js';
import type { Feeds } from '../../lib/runtime/feeds.js';
import { compile } from '../../lib/value/compile.js';
import { Random } from '../../lib/runtime/random.js';
import type { Target } from '../support/targets.js';
import { SIZES, VOCAB, STEPS, documents, DOCS, start, step, ended } from '../support/small-trainings.js';

const isLong = process.env['VECGRAD_LONG'] === '1';
const OFFSETS = Array.from({ length: 16 }, (_, i) => i);

describe('where arrays begin changes no bit of', () => {
  const LENGTHS = [1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 67];
  type Call = (place: (x: TypedArray) => TypedArray, n: number, target: Target) => TypedArray | Int32Array;
  const numbers = (count: number, dtype: DType): TypedArray =>
    TYPES[dtype].from(draw(new Random(count + 1), count));
  const CALLS: Record<keyof typeof kernels, Call> = {
    matmul: (place, n, { isa, dtype }) => {
      const [m, k] = [5, 9];
      return kernels.matmul(place(numbers(m * k, dtype)), place(numbers(k * n, dtype)), {
        m,
        k,
        n,
        isa,
        out: place(new TYPES[dtype](m * n)),
      });
    },
    relu: (place, n, { isa, dtype }) =>
      kernels.relu(place(numbers(n, dtype)), { isa, out: place(new TYPES[dtype](n)) }),
    softmax: (place, n, { isa, dtype }) =>
      kernels.softmax(place(numbers(3 * n, dtype)), { cols: n, isa, out: place(new TYPES[dtype](3 * n)) }),
    topk: (place, n, { isa, dtype }) => kernels.topk(place(numbers(n, dtype)), n >> 1, { isa }),
    gather: (place, n, { isa, dtype }) =>
      kernels.gather(place(numbers(4 * n, dtype)), Int32Array.of(3, 0, 3), {
        cols: n,
        isa,
        out: place(new TYPES[dtype](3 * n)),
      }),
  };

  for (const [name, call] of Object.entries(CALLS)) {
    describe(`kernels.${name}`, () => {
      forEachTarget((target) => {
        for (const n of LENGTHS) {
          let calls = 0;
          const expected = call((x) => x, n, target).slice();
          for (const offset of OFFSETS) {
            // The arrays of one call also have different alignments.
            const place = (x: TypedArray): TypedArray => {
              const from = (offset + 3 * calls++) % OFFSETS.length;
              const whole = new TYPES[target.dtype](from + x.length);
              whole.set(x, from);
              return whole.subarray(from);
            };
            assert.deepEqual([...call(place, n, target)], [...expected], `${n} from ${offset} on`);
          }
        }
      });
    });
  }
});

describe('where rows begin in memory changes no bit of', () => {
  const PLACES = OFFSETS.length; // in 64 bytes: all of float32, and of float64
  const rows = 3;
  const more: Readonly<Record<string, (x: Value, targets: Index) => Value>> = {
    'the largest': (x) => x.at(1).gather(x.at(1).topk(Math.ceil(x.shape[1]! / 2))),
    'picked rows': (x, targets) => x.transpose().gather(targets),
    'a product': (x) => x.transpose().matmul(x),
    'a product with a vector': (x) => x.matmul(x.at(2)),
    relu: (x) => x.relu(),
    exp: (x) => x.exp(),
  };
  const all = { ...more, ...Object.fromEntries(Object.entries(OF_ROWS).map(([name, { f }]) => [name, f])) };
  for (const [name, f] of Object.entries(all)) {
    describe(name, () => {
      forEachTarget((target) => {
        for (const cols of [3, 17, 67]) {
          // The same numbers again and again, each time one number further from a 64-byte boundary.
          const size = rows * cols;
          const apart = Math.ceil(size / PLACES) * PLACES + 1;
          const numbers = draw(new Random(cols), size);
          const x = parameter(new Array(PLACES * apart).fill(0), { shape: [PLACES * apart] });
          const targets = index('targets', rows);
          const ys = OFFSETS.map((i) =>
            f(x.slice(i * apart, i * apart + size).reshape([rows, cols]), targets),
          );
          const w = input('w', ys[0]!.shape);
          const program = compile(addN(ys.map((y) => y.mul(w).sum())), target);
          for (const i of OFFSETS) x.data.set(numbers, i * apart);
          const weights = draw(
            new Random(1),
            ys[0]!.shape.reduce((a, b) => a * b, 1),
          );
          const isPicking = name === 'picked rows' || name === 'crossEntropy';
          program.forward({ w: weights, ...(isPicking && { targets: [1, 0, 2] }) });
          program.backward();
          const gradient = program.readGradient(x);
          for (const i of OFFSETS) {
            assert.deepEqual(
              [...program.read(ys[i]!)],
              [...program.read(ys[0]!)],
              `${rows} x ${cols} from ${i} on`,
            );
            const slope = (at: number): number[] => [...gradient.slice(at * apart, at * apart + size)];
            assert.deepEqual(slope(i), slope(0), `the gradient of ${rows} x ${cols} from ${i} on`);
          }
        }
      });
    });
  }
});

describe('what was called before changes no bit of a training', () => {
  forEachTarget((target) => {
    const alone = MODEL_NAMES.map((name) => {
      const run = start(name, target);
      DOCS.forEach((_, i) => step(run, i));
      return ended(run);
    });
    for (const order of [MODEL_NAMES, [...MODEL_NAMES].reverse()]) {
      const runs = new Map(order.map((name) => [name, start(name, target)]));
      DOCS.forEach((doc, i) => {
        for (const [name, run] of runs) {
          // A failing call, and calls that leave NaN, infinities and other sizes behind.
          assert.throws(() => run.training.step({ ...doc, tokens: [VOCAB] }));
          kernels.softmax(TYPES[target.dtype].of(NaN, Infinity, -Infinity), { isa: target.isa });
          kernels.matmul(new Float64Array(67).fill(Infinity), new Float64Array(67), { m: 1, k: 67, n: 1 });
          run.training.evaluate(DOCS[(i + 1) % STEPS]!);
          step(run, i);
          assert.equal(run.losses.length, i + 1, name);
        }
      });
      MODEL_NAMES.forEach((name, i) => {
        assert.deepEqual(ended(runs.get(name)!), alone[i], name);
      });
    }
  });
});

describe('what no document of a batch reads changes no bit, whatever it holds', () => {
  const unused = { wte: 6, wpe: 4 };
  forEachTarget((target) => {
    // Examples of one to three tokens; the last token is never there.
    const docs = [[1], [2, 3, 4], [5, 0], [0, 0, 1]].map((tokens): Feeds => ({
      tokens,
      targets: tokens.map((token) => (token + 1) % 6),
      length: tokens.length,
    }));
    for (const name of MODEL_NAMES) {
      for (const [matrix, row] of Object.entries(unused)) {
        const trained = (held: number): number[] => {
          const { loss, matrices, parameters } = buildModel(name, VOCAB, SIZES, new Random(3));
          const { values, shape } = matrices.find((one) => one.name === matrix)!;
          const [from, to] = [row * shape[1], (row + 1) * shape[1]];
          const isOne = values.length === 1;
          for (let i = from; i < to; i++) values[isOne ? 0 : i]!.data[isOne ? i : 0] = held;
          const training = new SGD({ learningRate: 0.1 }).minimize(loss, { ...target, batches: true });
          const losses = [...docs.map((doc) => training.step(doc)), training.stepBatch(docs, { threads: 2 })];
          // The row itself is what it was.
          const rest = parameters.flatMap((value) => {
            const data = [...value.data];
            if (isOne && value === values[0]) data.fill(0, from, to);
            return !isOne && values.indexOf(value) >= from && values.indexOf(value) < to ? [] : data;
          });
          return [...losses, ...rest];
        };
        const expected = trained(0.5);
        assert.ok(expected.every(Number.isFinite));
        for (const held of ALL)
          assert.deepEqual(trained(held), expected, `${name}: ${held} in ${matrix}[${row}]`);
      }
    }
  });
});

describe('the number of threads changes no bit of a batch', () => {
  forEachTarget((target) => {
    const docs = documents(11);
    for (const name of MODEL_NAMES) {
      const trained = (threads: number): number[] => {
        const run = start(name, target);
        for (let i = 0; i < 2; i++) run.losses.push(run.training.stepBatch(docs, { threads }));
        return ended(run);
      };
      const expected = trained(1);
      for (const threads of isLong ? [2, 3, 4, 5, 6, 7, 8] : [2, 3, 8])
        assert.deepEqual(trained(threads), expected, `${name}, ${threads} threads`);
    }
  });
});
