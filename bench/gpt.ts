/**
 * The GPT on one thread, in sizes where arithmetic dominates, beside the same model written by hand and the
 * roofline of one core.
 */
import { buildModel } from '../lib/study/build-model.js';
import { kernels } from '../lib/runtime/kernels.js';
import { SGD } from '../lib/optim/optimizers.js';
import { Random } from '../lib/runtime/random.js';
import { GptByHand, MOMENTUM } from './gpt-by-hand.js';
import { inTurns, microseconds, tokenizer, type Effort, type Row } from './measure.js';

const BLOCK = 64;
/**
 * The steps whose losses are compared: large, so that a wrong gradient shows. The timed steps change nothing.
 */
const COMPARED = 5;

/** The least time of a call: a limit is what the machine can reach, not what it does on average. */
function least(turns: number, count: number, call: () => void): number {
  return Math.min(...Array.from({ length: 5 * turns }, () => microseconds(count, call)));
}

/** Operations per microsecond of the fastest product with this model's shapes. */
function gemmRate(nEmbd: number, turns: number): number {
  const shapes = [
    [BLOCK, nEmbd, nEmbd],
    [BLOCK, nEmbd, 4 * nEmbd],
    [BLOCK, 4 * nEmbd, nEmbd],
    [nEmbd, BLOCK, 4 * nEmbd],
  ] as const;
  const rates = shapes.map(([m, k, n]) => {
    const [a, b, out] = [m * k, k * n, m * n].map((size) => new Float32Array(size).fill(0.5)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    return (2 * m * k * n) / least(turns, 5, () => kernels.matmul(a, b, { m, k, n, out }));
  });
  return Math.max(...rates);
}

/** Bytes per microsecond that a copy of n numbers reads and writes; small copies stay in the caches. */
function bandwidth(n: number, turns: number): number {
  const [from, to] = [new Float32Array(n).fill(1), new Float32Array(n)];
  return (2 * from.byteLength) / least(turns, 1, () => to.set(from));
}

/** Throws where the two do not train alike, since their times would then mean nothing. */
function checkSame(compiled: () => number, byHand: () => number): void {
  for (let step = 0; step < COMPARED; step++) {
    const [loss, expected] = [compiled(), byHand()];
    if (!(Math.abs(loss - expected) <= 1e-4 * expected))
      throw new Error(`step ${step}: loss ${loss}, by hand ${expected}`);
  }
}

export function gptRows({ turns, quick }: Effort): Row[] {
  const rows: Row[] = [];
  for (const [nEmbd, nHead] of quick
    ? [[64, 4] as const]
    : ([
        [64, 4],
        [256, 8],
        [768, 12],
      ] as const)) {
    const sizes = { nEmbd, nHead, nLayer: 4, blockSize: BLOCK };
    const model = buildModel('vector', tokenizer.vocabSize, sizes, new Random(42));
    const hand = new GptByHand(sizes, model.parameters);
    const rate = (step: number): number => (step < COMPARED ? 8 / nEmbd ** 2 : 0);
    const sgd = new SGD({ learningRate: rate, momentum: MOMENTUM });
    const start = performance.now();
    const training = sgd.minimize(model.loss, { dtype: 'float32', threads: 1 });
    const compile = performance.now() - start;
    const text = Array.from({ length: BLOCK + 1 }, (_, i) => (i * i * 7 + i) % tokenizer.vocabSize);
    const feeds = { tokens: text.slice(0, BLOCK), targets: text.slice(1), length: BLOCK };
    const [tokens, targets] = [Int32Array.from(feeds.tokens), Int32Array.from(feeds.targets)];
    let stepsByHand = 0;
    const compiled = (): number => training.step(feeds);
    const byHand = (): number => hand.step(tokens, targets, rate(stepsByHand++));
    checkSame(compiled, byHand);
    const steps = nEmbd > 256 ? 2 : 10;
    const [step, stepByHand] = inTurns(
      [compiled, byHand].map((one) => () => microseconds(steps, one)),
      turns,
    ) as [number, number];
    const flop = training.program.work().reduce((sum, row) => sum + row.flop, 0);
    // Parameters and momentum, each read and written.
    const traffic = training.program.parameterCount * Float32Array.BYTES_PER_ELEMENT * 4;
    const roofline =
      flop / gemmRate(nEmbd, turns) + traffic / bandwidth(training.program.parameterCount, turns);
    const what = `n_embd ${nEmbd}`;
    rows.push(
      { what, value: step, unit: 'us/step' },
      { what: `${what} by hand`, value: stepByHand, unit: 'us/step' },
      { what: `${what} against by hand`, value: step / stepByHand, unit: 'times' },
      { what: `${what} roofline`, value: roofline, unit: 'us/step' },
      { what: `${what} against it`, value: step / roofline, unit: 'times' },
      { what: `${what} compile`, value: compile, unit: 'ms' },
    );
  }
  return rows;
}
