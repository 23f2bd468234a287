/** Embeddings of bags against PyTorch's. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { packageRoot } from '../../lib/core/package.js';
import { EmbeddingBag } from '../../lib/nn/embedding-bag.js';
import { Random } from '../../lib/runtime/random.js';
import { compile } from '../../lib/value/compile.js';
import { constant, index } from '../../lib/value/leaves.js';
import { assertClose } from '../support/check.js';
import { TARGETS } from '../support/targets.js';

interface Row {
  mode: 'sum' | 'mean' | 'max';
  padding: number | null;
  weighted: boolean;
  tokens: number[][];
  output: number[];
  gradient: number[];
}

const { bags: ROWS, version } = JSON.parse(
  readFileSync(join(packageRoot(), 'test/fixtures/pytorch.json'), 'utf8'),
) as { bags: Row[]; version: string };

const numbers = (n: number, seed = 0): number[] =>
  Array.from({ length: n }, (_, i) => Math.sin(1 + i + 7 * seed));
const random = new Random(1);

describe(`embeddings of bags of ${version}`, () => {
  for (const { mode, padding, weighted, tokens, output, gradient } of ROWS)
    it(`${mode}, padding ${padding}${weighted ? ', with weights' : ''}`, () => {
      for (const { isa, dtype } of TARGETS)
        for (const isFed of [false, true]) {
          const bag = new EmbeddingBag(5, 3, {
            random,
            mode,
            ...(padding !== null && { paddingIndex: padding }),
          });
          bag.weight.data.set(numbers(15));
          const given = isFed ? index('tokens', [4, 3]) : tokens;
          const weights = constant(numbers(12, 2), { shape: [4, 3] });
          const y = bag.apply(given, weighted ? { weights } : {});
          const loss = y.mul(constant(numbers(12, 5), { shape: [4, 3] })).sum();
          const program = compile(loss, { isa, dtype });
          program.forward(isFed ? { tokens } : {});
          program.backward();
          const tolerance = dtype === 'float64' ? 1e-14 : 1e-6;
          assertClose(program.read(y), output, tolerance, 'the output');
          assertClose(program.readGradient(bag.weight), gradient, tolerance, 'the gradient');
        }
    });

  for (const mode of ['sum', 'mean', 'max'] as const)
    it(`${mode}: what does not count is not read, whatever it is`, () => {
      for (const { isa, dtype } of TARGETS)
        for (const odd of [NaN, Infinity]) {
          const bag = new EmbeddingBag(3, 1, { random, mode, paddingIndex: 0 });
          bag.weight.data.set([odd, -1e31, -2e31]);
          const weights = mode === 'sum' ? { weights: constant([[2, odd, 1]]) } : {};
          const y = bag.apply([[1, 0, 2]], weights);
          const program = compile(y.sum(), { isa, dtype });
          program.forward({});
          program.backward();
          const [value, gradient] = {
            sum: [-4e31, [0, 2, 1]] as const,
            mean: [-1.5e31, [0, 0.5, 0.5]] as const,
            max: [-1e31, [0, 1, 0]] as const,
          }[mode];
          assertClose(program.read(y), [value], 1e-6, mode);
          assert.deepEqual([...program.readGradient(bag.weight)], gradient);
        }
    });

  it('refuse a padding where there are no tokens', () => {
    assert.throws(() => new EmbeddingBag(0, 2, { random, paddingIndex: 0 }), {
      message: 'EmbeddingBag: paddingIndex 0: there are no tokens',
    });
  });

  it('of one bag have no axis of bags', () => {
    const bag = new EmbeddingBag(5, 3, { random });
    assert.deepEqual(bag.apply([1, 2]).shape, [3]);
  });
});
