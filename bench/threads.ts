/** The GPT on 8 texts of 128 tokens, on one thread and on two: milliseconds a step, in turns. */
import { buildModel } from '../lib/study/build-model.js';
import { SGD } from '../lib/optim/optimizers.js';
import { Random } from '../lib/runtime/random.js';
import { inTurns, microseconds, tokenizer, type Effort, type Row } from './measure.js';

const BLOCK = 128;
const BATCH = 8;

export function threadRows({ turns, quick }: Effort): Row[] {
  const sizes = [
    { nEmbd: 64, nHead: 4 },
    { nEmbd: 256, nHead: 8 },
    { nEmbd: 768, nHead: 12 },
  ];
  return sizes.slice(0, quick ? 1 : undefined).flatMap(({ nEmbd, nHead }): Row[] => {
    const model = buildModel(
      'vector',
      tokenizer.vocabSize,
      { nEmbd, nHead, nLayer: 4, blockSize: BLOCK },
      new Random(42),
    );
    // A rate of 0: both ways compute on the same numbers.
    const sgd = new SGD({ learningRate: () => 0, momentum: 0.9 });
    const training = sgd.minimize(model.loss, { dtype: 'float32', batches: true });
    const batch = Array.from({ length: BATCH }, (_, k) => {
      const text = Array.from({ length: BLOCK + 1 }, (_, i) => (i * i * 7 + i + k) % tokenizer.vocabSize);
      return { tokens: text.slice(0, BLOCK), targets: text.slice(1), length: BLOCK };
    });
    const step = (threads: number) => () => microseconds(1, () => training.stepBatch(batch, { threads }));
    const [one, two] = inTurns([step(1), step(2)], turns) as [number, number];
    const what = `n_embd ${nEmbd}`;
    return [
      { what: `${what}, 1 thread`, value: one / 1000, unit: 'ms/step' },
      { what: `${what}, 2 threads`, value: two / 1000, unit: 'ms/step' },
      { what: `${what}, 1 thread to 2`, value: one / two, unit: 'times' },
    ];
  });
}
