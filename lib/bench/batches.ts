/** Measures training in batches: the models of arrays, by the number of examples in a batch and threads. */
import { embeddedNamesPath, readDocuments, splitHeldOut } from '../study/documents.js';
import { Tokenizer } from '../study/tokenizer.js';
import { buildModel } from '../study/build-model.js';
import { MODEL_NAMES } from '../study/models/sizes.js';
import { DEFAULTS } from '../study/defaults.js';
import { chosenIsa } from '../binding/addon.js';
import { Random } from '../runtime/random.js';
import type { Effort } from './effort.js';
import { inTurns } from './measure.js';
import type { BatchRow } from './report.js';

const SIZES = [1, 8, 32, 128] as const;
/** The size that is also measured on two threads. */
const THREADED = 32;
/** Examples in a turn: whole batches of each size. */
const EXAMPLES = 512;
/** So small that every way of training computes on nearly the same numbers. */
const LEARNING_RATE = 1e-5;

/** @param cores two threads are measured where there are two */
export function measureBatches(
  { turns, models }: Effort,
  cores: number,
  onModel: (name: string) => void,
): BatchRow[] {
  const docs = readDocuments(embeddedNamesPath());
  new Random(DEFAULTS.seed).shuffle(docs);
  const tokenizer = new Tokenizer(docs);
  const order = Int32Array.from({ length: EXAMPLES }, (_, i) => i);
  const corpus = tokenizer.corpus(splitHeldOut(docs).train.slice(0, EXAMPLES), order);
  const isa = chosenIsa();
  const ways = SIZES.map((batch) => ({ batch, threads: 1 }));
  if (cores > 1) ways.push({ batch: THREADED, threads: 2 });
  const names = MODEL_NAMES.filter((name) => name !== 'scalar' && (models?.includes(name) ?? true));
  return names.flatMap((name) => {
    onModel(name);
    const loops = (['float64', 'float32'] as const).flatMap((dtype) =>
      ways.map((way) => {
        const { loss, optimizer, sizes } = buildModel(
          name,
          tokenizer.vocabSize,
          {},
          new Random(DEFAULTS.seed),
        );
        const { batch, threads } = way;
        const options = { dtype, isa, batches: batch > 1 };
        const training = optimizer(EXAMPLES * (turns + 1), LEARNING_RATE).minimize(loss, options);
        const dataset = corpus.dataset(sizes.blockSize);
        return {
          row: { model: name, dtype, isa, ...way },
          run: (): number => {
            const start = performance.now();
            training.stepEach(dataset, 0, EXAMPLES, batch > 1 ? { batch, threads } : {});
            return ((performance.now() - start) * 1000) / EXAMPLES;
          },
        };
      }),
    );
    const times = inTurns(
      loops.map(({ run }) => run),
      turns,
    );
    return loops.map(({ row }, i) => ({ ...row, microsecondsPerExample: times[i]! }));
  });
}
