/** No call leaves the thread's floating-point state changed. */
import assert from 'node:assert/strict';
import { LIMITS, TYPES, forEachTarget } from '../support/special-numbers.js';
import { parseDocuments } from '../../lib/study/documents.js';
import { Tokenizer } from '../../lib/study/tokenizer.js';
import { buildModel } from '../../lib/study/build-model.js';
import { MODEL_NAMES } from '../../lib/study/models/sizes.js';
import { index, parameter } from '../../lib/value/leaves.js';
import type { TypedArray } from '../../lib/core/array.js';
import { kernels } from '../../lib/runtime/kernels.js';
import { matrices } from '../../bench/matrices.js';
import { addon } from '../../lib/binding/addon.js';
import { nativeInfo } from '../../lib/binding/native-info.js';
import { SGD } from '../../lib/optim/optimizers.js';
import { Program } from '../../lib/runtime/program.js';
import { compile } from '../../lib/value/compile.js';
import { Random } from '../../lib/runtime/random.js';
import { Sampler } from '../../lib/study/sampling.js';
import { checkControlState } from '../support/control-state.js';
import type { Target } from '../support/targets.js';
import { SIZES, VOCAB, DOCS, start, step } from '../support/small-trainings.js';

type Functions = Record<string, unknown>;

type Native = (...args: unknown[]) => unknown;

/** Every function of an object, by its full name, with the object that holds it. */
function functionsOf(holder: Functions, prefix = ''): [name: string, holder: Functions, key: string][] {
  return Object.entries(holder).flatMap(([key, value]) =>
    typeof value === 'function'
      ? [[prefix + key, holder, key]]
      : functionsOf(value as Functions, `${prefix}${key}.`),
  );
}

/** Those of the addon, and of the kernels that models written by hand call. */
const allFunctions = (): ReturnType<typeof functionsOf> => [
  ...functionsOf(addon as unknown as Functions),
  ...functionsOf(matrices as unknown as Functions, 'matrices.'),
];

/**
 * Runs `body`, and checks the thread's state after each call of the addon, and of the functions that it
 * returns. Returns the names of those that returned, and of those that threw.
 */
async function watched(
  body: () => void | Promise<void>,
): Promise<{ returned: Set<string>; threw: Set<string> }> {
  const [returned, threw] = [new Set<string>(), new Set<string>()];
  const watch =
    (name: string, native: Native): Native =>
    (...args) => {
      let result: unknown;
      try {
        result = native(...args);
        returned.add(name);
      } catch (error) {
        threw.add(name);
        throw error;
      } finally {
        checkControlState(name);
      }
      return typeof result === 'function' ? watch(`what ${name} returns`, result as Native) : result;
    };
  const all = allFunctions();
  const natives = all.map(([, holder, key]) => holder[key] as Native);
  all.forEach(([name, holder, key], i) => (holder[key] = watch(name, natives[i]!)));
  try {
    await body();
  } finally {
    all.forEach(([, holder, key], i) => (holder[key] = natives[i]!));
  }
  return { returned, threw };
}

/** Work that calls all of the addon, on numbers that a program flushes. */
async function callEverything(target: Target): Promise<void> {
  const { isa, dtype } = target;
  const float32 = dtype === 'float32';
  const tiny = (n: number): TypedArray => new TYPES[dtype](n).fill(LIMITS[dtype].tiny);
  nativeInfo();
  addon.info();

  kernels.matmul(tiny(4), tiny(4), { m: 2, k: 2, n: 2, isa });
  kernels.relu(tiny(9), { isa });
  kernels.softmax(tiny(9), { isa });
  kernels.topk(tiny(9), 3, { isa });
  kernels.gather(tiny(4), Int32Array.of(1, 0), { cols: 2, isa });

  const [y, x, g, one] = [tiny(4), tiny(4), tiny(4), tiny(2)];
  const targets = Int32Array.of(1, 0);
  matrices.gemm(y, 2, 0, x, 2, 1, 0, g, 2, 1, 0, 2, 2, 2, 1, 0);
  matrices.sgd(y, x, g, 4, 0.1, 0.9);
  matrices.causalSoftmax(y, x, 1, 2);
  matrices.softmaxGrad(y, x, g, 2, 2);
  matrices.rmsNorm(y, one, x, 2, 2, 1e-5);
  matrices.rmsNormGrad(y, g, x, one, 2, 2, 0);
  matrices.crossEntropy(one, y, x, targets, 2, 2);
  matrices.crossEntropyGrad(y, x, 1, targets, 2, 2);
  matrices.add(y, x, g, 4);
  matrices.maskPositive(y, x, g, 4);
  matrices.scale(y, 2, 0.5, 2, 2);
  matrices.scatterAdd(y, 2, x, targets, 2, 2);

  const { bench } = addon;
  bench.kernels();
  bench.time('add', 8, float32, isa, 1e3);
  bench.gflops(float32, isa, 1e3);
  bench.bandwidth(4096, float32, isa, 1e3);
  bench.vectorBits(isa);
  bench.emulator();

  const random = new Random(1);
  random.random();
  random.getrandbits(3);
  random.randbelow(9);
  random.permutation(9);
  random.gauss(0, 1);
  addon.random.gauss(random.handle, new Float64Array(8), 0, 1);
  random.weightedIndex([5e-324, 1]);
  random.setstate(random.getstate());

  const text = Buffer.from('abc\nde\n');
  const [starts, occurs] = [new Int32Array(8), new Uint8Array(128)];
  addon.text.lines(text, starts, occurs);
  const idsAfter = Int32Array.from({ length: 128 }, (_, code) => Math.max(0, code - 96));
  addon.text.encode(text, starts, idsAfter, 26, Int32Array.of(0, 1), new Int32Array(3));
  new Tokenizer(parseDocuments('ab\n')).encode('ab');

  // Programs of numbers that are, or become, denormal.
  const w = parameter([LIMITS[dtype].tiny, LIMITS[dtype].least, 1]);
  const root = w.mul(0.5).exp().mul(w).sum();
  root.forward({});
  const program = compile(root, target);
  program.forward({});
  program.backward();
  const picked = compile(w.gather(index('rows', 2)), target);
  assert.throws(() => picked.forward({ rows: [0, 3] }));
  const tokenizer = new Tokenizer(['abcdef']);
  for (const name of MODEL_NAMES) {
    const run = start(name, target);
    step(run, 0);
    run.training.stepBatch(DOCS, { threads: 3 });
    assert.throws(() =>
      run.training.stepBatch([DOCS[0]!, { tokens: [VOCAB], targets: [0], length: 1 }], { threads: 2 }),
    );
    const tokens = Int32Array.of(0, 1, 2);
    const dataset = {
      count: 2,
      inputs: {
        tokens: { values: tokens, starts: Int32Array.of(0, 1) },
        targets: { values: tokens, starts: Int32Array.of(1, 0) },
        length: { values: Int32Array.of(1, 2) },
      },
    };
    run.training.stepEach(dataset);
    run.training.evaluateEach(dataset);
    await run.training.stepEachAsync(dataset);
    checkControlState('a series on another thread');
    const model = buildModel(name, tokenizer.vocabSize, SIZES, new Random(3));
    new Sampler(model, tokenizer, target).tokens(random, { count: 2, temperature: 0.5 });
    for (const value of model.parameters) value.data.fill(NaN);
    assert.throws(() => new Sampler(model, tokenizer, target).tokens(random, { count: 1, temperature: 1 }));
  }
  addon.reroll(new Int32Array(0), 2);
  addon.useHugePages(new Float32Array(4096));
  new SGD({ learningRate: 1 }).minimize(root, target).step({});
  new Program({ groups: [[root]], gradients: 'none' }, target).forward({});
}

describe('the state of floating-point arithmetic is as it was', () => {
  const all = allFunctions().map(([name]) => name);

  describe('after every call of the addon that returns, or throws', () => {
    forEachTarget(async (target) => {
      const { returned } = await watched(() => callEverything(target));
      // A new function needs a call in `callEverything`.
      assert.deepEqual(
        all.filter((name) => !returned.has(name)),
        [],
      );
      assert.ok(returned.has('what bind returns'));
    });
  });

  it('after every call of the addon without arguments', async () => {
    const { returned, threw } = await watched(() => {
      for (const [, holder, key] of allFunctions()) {
        try {
          (holder[key] as Native)();
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
        }
      }
    });
    assert.deepEqual(
      all.filter((name) => !returned.has(name) && !threw.has(name)),
      [],
    );
    assert.ok(threw.size > all.length / 2, 'most want arguments');
  });
});
