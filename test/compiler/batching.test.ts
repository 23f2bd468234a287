/** How well graphs written position by position are batched: the number of instructions, and the results. */
import assert from 'node:assert/strict';
import { ALL_PASSES, parsePasses, type PassSet } from '../../lib/compiler/passes.js';
import { buildModel } from '../../lib/study/build-model.js';
import type { ModelSizes } from '../../lib/study/models/sizes.js';
import type { Value } from '../../lib/value/value.js';
import { concat, meanOfFirst, stack } from '../../lib/value/joins.js';
import { index } from '../../lib/value/leaves.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { Program } from '../../lib/runtime/program.js';
import { Random } from '../../lib/runtime/random.js';
import { assertClose, Leaves } from '../support/check.js';

const gpt = (sizes: Partial<ModelSizes>): ReturnType<typeof buildModel> =>
  buildModel('vector', 11, sizes, new Random(1));

function trained(loss: Value): number {
  const update = { op: 'sgd', moments: 1, numbers: 2 } as const;
  return new Program({ groups: [[loss]], gradients: 'parameters', update }).counts.instructions;
}
const layers = (n: number, sizes: Partial<ModelSizes> = {}): number =>
  trained(gpt({ nLayer: n, ...sizes }).loss);

/** A gated network with one state, written out for `positions`. */
function gated(positions: number): Value {
  const g = new Leaves(2);
  const [x, a, b, c, out] = [g.p(positions, 4), g.p(4, 6), g.p(4, 6), g.p(6), g.p(6, 3)];
  const losses = Array.from({ length: positions }, (_, at) => {
    const gate = x.at(at).matmul(a).add(c).neg().exp().add(1).pow(-1);
    return gate.mul(x.at(at).matmul(b)).matmul(out).softmax().log().sum();
  });
  return meanOfFirst(losses, index('n'));
}

describe('batching', () => {
  it('makes of every layer of a GPT what it makes of one', () => {
    const [one, two, four] = [layers(1), layers(2), layers(4)];
    assert(two < 2 * one, `${two} instructions with two layers, ${one} with one`);
    assert.equal(four - two, 2 * (two - one));
  });

  it('needs no more instructions for more positions, heads or columns', () => {
    const sizes = { nHead: 2, nEmbd: 8, blockSize: 4 };
    const few = layers(2, sizes);
    for (const more of [{ blockSize: 9 }, { nEmbd: 24 }, { nHead: 4 }]) {
      assert.equal(layers(2, { ...sizes, ...more }), few, JSON.stringify(more));
    }
    assert.equal(trained(gated(9)), trained(gated(4)));
  });

  it('needs no more instructions for more heads within a position of a sequence', () => {
    const count = (nHead: number): number => {
      const { logits } = gpt({ nHead, nEmbd: 24, nLayer: 2, blockSize: 3 });
      return new Program({ groups: logits, gradients: 'none' }).counts.instructions;
    };
    assert.equal(count(3), count(2));
    assert.equal(count(6), count(2));
  });

  it('computes a sequence as each position alone, and again after a longer one', () => {
    const { logits } = gpt({ nHead: 3, nEmbd: 24, nLayer: 2, blockSize: 5 });
    const sequence = new Program({ groups: logits, gradients: 'none' });
    for (const tokens of [
      [1, 2, 3, 4, 5],
      [9, 8, 7],
      [10, 3, 10, 3],
    ]) {
      tokens.forEach((_, at) => {
        const fed = { tokens: tokens.slice(0, at + 1) };
        const [root] = logits[at] as [Value];
        sequence.advance(fed, at);
        const found = Array.from(sequence.read(root));
        const expected = Array.from(root.forward(fed));
        assertClose(found, expected, 1e-12, `position ${at} of ${tokens.join()}`);
      });
    }
  });

  it('keeps apart what sees a growing prefix and what sees all', () => {
    const g = new Leaves(5);
    const [x, q] = [g.p(4, 3), g.p(4, 3)];
    const keys: Value[] = [];
    const all = x.exp();
    const y = concat(
      Array.from({ length: 4 }, (_, at) => {
        keys.push(x.at(at));
        const scores = stack(keys).matmul(q.at(at));
        return concat([scores.softmax().matmul(stack(keys)), all.matmul(q.at(at)).softmax()]);
      }),
    );
    const bare = new Program({ groups: [[y]], gradients: 'none' }).forward({}).slice();
    assertClose(bare, Array.from(y.forward()), 1e-12, 'batched against unbatched');
  });

  describe('makes one product of the products at all positions', () => {
    const cases: [what: string, x: number[], w: number[], isLeft?: boolean][] = [
      ['vectors times a matrix', [3], [3, 4]],
      ['vectors times a vector', [3], [3]],
      ['matrices times a matrix', [2, 3], [3, 4]],
      ['matrices times a vector', [2, 3], [3]],
      ['stacks of matrices times a matrix', [5, 2, 3], [3, 4]],
      ['stacks of matrices times a vector', [5, 2, 3], [3]],
      ['matrices without rows times a matrix', [0, 3], [3, 4]],
      ['matrices without columns times a matrix', [2, 0], [0, 4]],
      ['a matrix times vectors', [3], [4, 3], true],
      ['a vector times vectors', [3], [3], true],
      ['a matrix times matrices', [3, 2], [4, 3], true],
      ['a vector times matrices', [3, 2], [3], true],
      ['a matrix times stacks of matrices', [5, 3, 2], [4, 3], true],
      ['a vector times stacks of matrices', [5, 3, 2], [3], true],
    ];
    for (const [what, x, w, isLeft = false] of cases) {
      it(what, () => {
        const trained = (passes: PassSet): { products: number; results: number[][] } => {
          const g = new Leaves(7);
          const [xs, weight] = [g.p(6, ...x), g.p(...w)];
          const one = weight.tanh();
          const losses = Array.from({ length: 6 }, (_, at) => {
            const product = isLeft ? one.matmul(xs.at(at)) : xs.at(at).matmul(one);
            return product.tanh().sum();
          });
          const loss = meanOfFirst(losses, index('n'));
          const training = new SGD({ learningRate: 0.1 }).minimize(loss, { passes });
          const steps = [6, 2, 4].map((n) => training.step({ n }));
          const work = new Program({ groups: [[loss]], gradients: 'none' }, { passes }).work(6);
          return {
            products: work.find(({ op }) => op.startsWith('gemm'))?.instructions ?? 0,
            results: [steps, Array.from(xs.data), Array.from(weight.data)],
          };
        };
        const [on, off] = [trained(ALL_PASSES), trained(new Set())];
        on.results.forEach((numbers, i) => assertClose(numbers, off.results[i]!, 1e-12, `block ${i}`));
        assert.ok(on.products <= 1, `${on.products} products`);
      });
    }
  });

  describe('sums what a value gets at all positions at once: per position, the instructions of', () => {
    type Step = (h: Value, x: Value, a: Value, b: Value) => Value;
    const cases: [what: string, step: Step, all: [number, number], ofAnyLength: [number, number]][] = [
      ['h = a h + b x', (h, x, a, b) => a.mul(h).add(b.mul(x)), [1, 1], [2, 4]],
      ['h = tanh(a h + x)', (h, x, a) => a.mul(h).add(x).tanh(), [3, 4], [4, 6]],
      ['h = tanh(h + a)', (h, _, a) => h.add(a).tanh(), [2, 3], [3, 5]],
      ['h = tanh(h - a)', (h, _, a) => h.sub(a).tanh(), [2, 3], [3, 5]],
      ['h = tanh(h / a)', (h, _, a) => h.div(a).tanh(), [2, 4], [3, 5]],
      ['h = tanh(h + a + sum(a x))', (h, x, a) => h.add(a).add(a.mul(x).sum()).tanh(), [3, 4], [4, 6]],
    ];
    for (const [what, step, ofAll, ofAnyLength] of cases) {
      for (const isPrefix of [false, true]) {
        it(`${what}, ${isPrefix ? 'of any length' : 'all of them'}`, () => {
          const trained = (positions: number, passes: PassSet): [number, number, number[][]] => {
            const g = new Leaves(8);
            const [a, b, x, start] = [g.p(3), g.p(3), g.p(positions, 3), g.p(3)];
            const [first, second] = [a.exp(), b.exp()];
            let h: Value = start;
            const losses = Array.from({ length: positions }, (_, i) => {
              h = step(h, x.at(i), first, second);
              return h.at(0);
            });
            const loss = isPrefix ? meanOfFirst(losses, index('n')) : h.sum();
            const training = new SGD({ learningRate: 0.1 }).minimize(loss, { passes });
            const steps = [positions, 1, 5].map((n) => training.step(isPrefix ? { n } : {}));
            const { instructions } = training.program.counts;
            const inference = new Program({ groups: [[loss]], gradients: 'none' }, { passes });
            const results = [steps, ...[a, b, x, start].map((value) => Array.from(value.data))];
            return [inference.counts.instructions, instructions, results];
          };
          const [few, many] = [trained(8, ALL_PASSES), trained(18, ALL_PASSES)];
          const plain = trained(8, new Set());
          few[2].forEach((numbers, i) => assertClose(numbers, plain[2][i]!, 1e-11, `block ${i}`));
          const [forward, all] = [(many[0] - few[0]) / 10, (many[1] - few[1]) / 10];
          assert.deepEqual([forward, all - forward], isPrefix ? ofAnyLength : ofAll);
        });
      }
    }
  });

  it('scales the smaller operand of a product, whatever shape the product is given then', () => {
    const g = new Leaves(4);
    const product = g.p(6, 2).matmul(g.p(2));
    for (const y of [product.div(3), product.reshape([2, 3]).mul(3), product.reshape([3, 2, 1]).div(3)]) {
      const program = new Program({ groups: [[y]], gradients: 'none' });
      const scaling = program.work(1).filter(({ op }) => op === 'mul' || op === 'div');
      assert.deepEqual(
        scaling.map(({ flop }) => flop),
        [2],
      );
      assertClose(Array.from(program.forward({})), Array.from(y.forward()), 1e-12, String(y.shape));
    }
  });

  it('adds a product to a sum in place where all else that reads the sum has done so', () => {
    const g = new Leaves(6);
    const [x, w] = [g.p(3).exp(), g.p(3, 3)];
    const residual = (a: Value): Value => a.exp().matmul(w).add(a);
    const once = residual(x);
    const additions: [Value, number][] = [
      [residual(once), 0],
      [once.mul(x), 1],
      [residual(once).mul(once), 1],
    ];
    for (const [y, count] of additions) {
      const program = new Program({ groups: [[y]], gradients: 'none' }, { passes: parsePasses('-epilogue') });
      const adds = program.work(1).find(({ op }) => op === 'add')?.instructions ?? 0;
      assert.equal(adds, count);
      assertClose(Array.from(program.forward({})), Array.from(y.forward()), 1e-12, `${count} additions`);
    }
  });

  // Sizes at which a transposed operand is not copied, and a product and its update are separate.
  for (const [positions, columns] of [
    [17, 140],
    [2, 140],
    [17, 20],
  ] as const) {
    it(`trains large matrices as without passes: ${positions} positions, ${columns} columns`, () => {
      const run = (passes: PassSet): { losses: number[]; parameters: number[][] } => {
        const g = new Leaves(3);
        const [x, w, v] = [g.p(positions, 130), g.p(columns, 130), g.p(columns, 128)];
        const losses = Array.from({ length: positions }, (_, at) => {
          const hidden = x.at(at).matmul(w.transpose()).mul(0.1).relu();
          return hidden.matmul(v).mul(0.1).softmax().at(at).log().neg().add(hidden.sum().mul(0.01));
        });
        const loss = meanOfFirst(losses, index('n'));
        const training = new SGD({ learningRate: 0.1, momentum: 0.9 }).minimize(loss, { passes });
        const lengths = [positions, 1, Math.min(5, positions), positions];
        return {
          losses: lengths.map((n) => training.step({ n })),
          parameters: [x, w, v].map((value) => Array.from(value.data)),
        };
      };
      const [on, off] = [run(ALL_PASSES), run(new Set())];
      assertClose(on.losses, off.losses, 1e-12, 'losses');
      on.parameters.forEach((numbers, i) => {
        assertClose(numbers, off.parameters[i]!, 1e-11, `parameter ${i}`);
      });
    });
  }
});
